package handlers

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// A search of the log has one form as text, and controls that show the same:
// whichever is changed, the page that follows shows both alike.

var auditFilters = []string{"q", "person", "ticket", "action", "outcome", "from", "to"}

// auditAddress is the list of what a query finds.
func auditAddress(q audit.Query) string { return searchAddress(queryText(q)) }

// exportAddress exports what a query finds.
func exportAddress(q audit.Query) string {
	return "/audit/export" + strings.TrimPrefix(auditAddress(q), "/audit")
}

func searchAddress(text string) string {
	if text == "" {
		return "/audit"
	}
	return address("/audit", url.Values{"q": {text}})
}

// filterValues are the filters of the address, without its page.
func filterValues(c echo.Context) url.Values {
	q := url.Values{}
	for _, name := range auditFilters {
		if v := c.QueryParam(name); v != "" {
			q.Set(name, v)
		}
	}
	return q
}

func filterDetail(c echo.Context) string {
	var pairs []string
	for _, name := range auditFilters {
		pairs = append(pairs, name, bounded(c.QueryParam(name)))
	}
	return detail(pairs...)
}

func filterValue(c echo.Context, name string) string {
	return strings.TrimSpace(bounded(c.QueryParam(name)))
}

// mergedAddress is where a form that was sent leads: the search as text. The
// form carries what it showed, so that it is known which controls were changed;
// those are put into the text, which otherwise stays as it was typed. What
// cannot be understood is left for the page to explain.
func mergedAddress(c echo.Context) (string, bool) {
	if !c.QueryParams().Has("was") {
		return "", false
	}
	zone := i18n.ZoneFrom(c.Request().Context())
	was, err := audit.ParseQuery(filterValue(c, "was"), zone)
	text := filterValue(c, "q")
	now, err2 := audit.ParseQuery(text, zone)
	if err != nil || err2 != nil {
		return "", false
	}
	changed := false
	for name, both := range filterFields(&now, &was) {
		value := filterValue(c, name)
		if id, ok := coc.FindExecuteUUID(value); ok && name == "ticket" {
			value = string(id)
		} else if name == "ticket" && value != "" && value != *both[1] {
			return "", false
		}
		if value != *both[1] {
			*both[0], changed = value, true
		}
	}
	for name, both := range map[string][2]*time.Time{"from": {&now.From, &was.From}, "to": {&now.To, &was.To}} {
		value := filterValue(c, name)
		if value == shownTime(*both[1], zone) {
			continue
		}
		at, _, err := parseTime(value, zone)
		if err != nil && value != "" {
			return "", false
		}
		*both[0], changed = at, true
	}
	if changed {
		text = queryText(now)
	}
	return searchAddress(text), true
}

// filterFields are the texts of two queries that have a control, by its name.
func filterFields(a, b *audit.Query) map[string][2]*string {
	return map[string][2]*string{"person": {&a.Person, &b.Person}, "ticket": {&a.Ticket, &b.Ticket},
		"action": {(*string)(&a.Action), (*string)(&b.Action)}, "outcome": {(*string)(&a.Outcome), (*string)(&b.Outcome)}}
}

// shownTime is a time as its control shows it.
func shownTime(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(localTime)
}

// readAuditFilter reads the filters, and puts them and what is wrong with them
// into the page.
func readAuditFilter(c echo.Context, page *templates.Audit) (audit.Query, span) {
	t := i18n.T(c.Request().Context()).Field
	times := parseSpan(c, page.Errors)
	q := audit.Query{Person: filterValue(c, "person"), Ticket: filterValue(c, "ticket"), Action: audit.Action(filterValue(c, "action")),
		Outcome: audit.Outcome(filterValue(c, "outcome")), From: times.from, To: times.to}
	page.Filter = templates.AuditFilter{Query: filterValue(c, "q"), Was: filterValue(c, "was"), From: times.shownFrom, To: times.shownTo}
	showFilter(page, q)
	if !offered(page.Filter.Actions, string(q.Action)) {
		page.Errors["action"] = t.Choice
	}
	if !offered(page.Filter.Outcomes, string(q.Outcome)) {
		page.Errors["outcome"] = t.Choice
	}
	if len(q.Person) > maxName {
		page.Errors["person"] = t.TooLong(maxName)
	}
	if q.Ticket != "" {
		id, ok := coc.FindExecuteUUID(q.Ticket)
		if !ok {
			page.Errors["ticket"] = t.NoUUID
		}
		q.Ticket = string(id)
	}
	byControl := q.String() != ""
	readQuery(c, &q, page)
	readPage(c, &q, page.Errors)
	if len(page.Errors) == 0 {
		showQuery(c, page, q, byControl)
	}
	return q, times
}

// showFilter lets the controls show a query.
func showFilter(page *templates.Audit, q audit.Query) {
	f := &page.Filter
	f.Person, f.Ticket = q.Person, q.Ticket
	f.Actions, f.Outcomes = options(string(q.Action), actionChoices()...), options(string(q.Outcome), audit.Outcomes()...)
	page.Filtered = page.Filtered || f.Query != "" || q.String() != ""
}

// showQuery lets the box and the controls show the same query.
func showQuery(c echo.Context, page *templates.Audit, q audit.Query, byControl bool) {
	zone := i18n.ZoneFrom(c.Request().Context())
	showFilter(page, q)
	page.Filter.From, page.Filter.To = shownTime(q.From, zone), shownTime(q.To, zone)
	if byControl {
		page.Filter.Query = queryText(q)
	}
	page.Filter.Was = page.Filter.Query
}

// readPage reads which page of the search is asked for.
func readPage(c echo.Context, q *audit.Query, errs templates.FieldErrors) {
	for name, to := range map[string]*int64{"before": &q.Before, "after": &q.After} {
		if text := c.QueryParam(name); text != "" {
			n, err := coc.ParseID(text)
			if err != nil {
				errs[name] = i18n.T(c.Request().Context()).Field.Sequence
			}
			*to = n
		}
	}
}

// maxQuery is the longest text of a search, in bytes.
const maxQuery = 1000

// readQuery reads the search box, and adds to it what the controls say.
func readQuery(c echo.Context, q *audit.Query, page *templates.Audit) {
	ctx := c.Request().Context()
	t, text := i18n.T(ctx).Field, page.Filter.Query
	if len(text) > maxQuery {
		page.Errors["q"] = t.TooLong(maxQuery)
		return
	}
	parsed, err := audit.ParseQuery(text, i18n.ZoneFrom(ctx))
	if wrong, ok := errors.AsType[*audit.QueryError](err); ok {
		page.Errors["q"] = queryMessage(wrong, t.Query)
		page.Marked = &templates.Marked{Before: visible(text[:wrong.Start]), Word: visible(text[wrong.Start:wrong.End]), After: visible(text[wrong.End:])}
		return
	}
	if problem := tooCostly(parsed, t.Query); problem != "" {
		page.Errors["q"] = problem
		return
	}
	for name, both := range filterFields(&parsed, q) {
		switch box, control := both[0], both[1]; {
		case *box == "":
			*box = *control
		case *control != "" && *control != *box:
			page.Errors[name] = t.Query.Twice(bounded(*control))
		}
	}
	if q.From.After(parsed.From) {
		parsed.From = q.From
	}
	if parsed.To.IsZero() || !q.To.IsZero() && q.To.Before(parsed.To) {
		parsed.To = q.To
	}
	*q = parsed
}

// What a search may ask of the database: it shares it with operations.
const (
	maxTerms    = 10
	minPrefix   = 3 // characters before a *
	searchLimit = 5 * time.Second
)

// tooCostly says why a search would take the database too long; empty where it
// would not.
func tooCostly(q audit.Query, t i18n.QueryProblems) string {
	if len(q.Text)+len(q.Not) > maxTerms {
		return t.Many(maxTerms)
	}
	words := slices.Clone(q.Text)
	for _, f := range q.Not {
		if f.Field == audit.FieldText {
			words = append(words, f.Value)
		}
	}
	for _, w := range words {
		if prefix, ok := strings.CutSuffix(w, "*"); ok && utf8.RuneCountInString(prefix) < minPrefix {
			return t.Short(visible(w))
		}
	}
	return ""
}

// queryMessage points at the word that is wrong.
func queryMessage(e *audit.QueryError, t i18n.QueryProblems) string {
	say := map[string]func(string) string{audit.QueryQualifier: t.Qualifier, audit.QueryEmpty: t.Empty, audit.QueryValue: t.Value,
		audit.QueryTime: t.Time, audit.QueryTwice: t.Twice, audit.QueryQuote: t.Quote, audit.QueryNegated: t.Negated}[e.Kind]
	if say == nil {
		say = t.Word
	}
	message := say(visible(e.Word))
	if e.Suggestion != "" {
		message += t.Suggestion(visible(e.Suggestion))
	}
	return message
}

// actionChoices are the groups of actions, each followed by its own.
func actionChoices() []audit.Action {
	var all []audit.Action
	group := ""
	for _, a := range audit.Actions() {
		prefix, _, _ := strings.Cut(string(a), ".")
		if prefix != group {
			group = prefix
			all = append(all, audit.Action(prefix+"."))
		}
		all = append(all, a)
	}
	return all
}
