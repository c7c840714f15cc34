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
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// A search of the log has one form as text, and controls that show the same:
// whichever is changed, the page that follows shows both alike.

// auditControls are the controls beside the search's text, with the fields that they set; those of times stand for
// themselves.
var auditControls = []struct {
	name  string
	field search.Field
}{
	{"person", search.FieldActor},
	{"ticket", search.FieldTicket},
	{"action", search.FieldAction},
	{"outcome", search.FieldOutcome},
}

// auditFilters are the names of all that an address narrows a search by.
func auditFilters() []string {
	all := []string{"q"}
	for _, control := range auditControls {
		all = append(all, control.name)
	}
	return append(all, "from", "to")
}

// filterValues are the filters of the address, without its page.
func filterValues(c echo.Context) url.Values {
	q := url.Values{}
	for _, name := range auditFilters() {
		if v := c.QueryParam(name); v != "" {
			q.Set(name, v)
		}
	}
	return q
}

func filterDetail(c echo.Context) string {
	var pairs []string
	for _, name := range auditFilters() {
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
	was, err := search.ParseQuery(filterValue(c, "was"), zone)
	text := filterValue(c, "q")
	now, err2 := search.ParseQuery(text, zone)
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
		text = present.QueryText(now)
	}
	return present.SearchAddress(text), true
}

// filterFields are the texts of two queries that have a control, by its name.
func filterFields(a, b *search.Query) map[string][2]*string {
	fields := map[string][2]*string{}
	for _, control := range auditControls {
		fields[control.name] = [2]*string{a.Value(control.field), b.Value(control.field)}
	}
	return fields
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
func readAuditFilter(c echo.Context, page *templates.Audit) (search.Query, span) {
	t := i18n.T(c.Request().Context()).Field
	times := parseSpan(c, page.Errors)
	q := search.Query{From: times.from, To: times.to}
	for _, control := range auditControls {
		*q.Value(control.field) = filterValue(c, control.name)
	}
	page.Filter = templates.AuditFilter{Query: filterValue(c, "q"), Was: filterValue(c, "was"), From: times.shownFrom,
		To: times.shownTo}
	showFilter(page, q)
	if !present.Offered(page.Filter.Actions, string(q.Action)) {
		page.Errors["action"] = t.Choice
	}
	if !present.Offered(page.Filter.Outcomes, string(q.Outcome)) {
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
func showFilter(page *templates.Audit, q search.Query) {
	f := &page.Filter
	f.Person, f.Ticket = q.Person, q.Ticket
	f.Actions, f.Outcomes = present.Options(string(q.Action), actionChoices()...),
		present.Options(string(q.Outcome), audit.Outcomes()...)
	page.Filtered = page.Filtered || f.Query != "" || q.String() != ""
}

// showQuery lets the box and the controls show the same query.
func showQuery(c echo.Context, page *templates.Audit, q search.Query, byControl bool) {
	zone := i18n.ZoneFrom(c.Request().Context())
	showFilter(page, q)
	page.Filter.From, page.Filter.To = shownTime(q.From, zone), shownTime(q.To, zone)
	if byControl {
		page.Filter.Query = present.QueryText(q)
	}
	page.Filter.Was = page.Filter.Query
}

// readPage reads which page of the search is asked for.
func readPage(c echo.Context, q *search.Query, errs templates.FieldErrors) {
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
func readQuery(c echo.Context, q *search.Query, page *templates.Audit) {
	ctx := c.Request().Context()
	t, text := i18n.T(ctx).Field, page.Filter.Query
	if len(text) > maxQuery {
		page.Errors["q"] = t.TooLong(maxQuery)
		return
	}
	parsed, err := search.ParseQuery(text, i18n.ZoneFrom(ctx))
	if wrong, ok := errors.AsType[*search.QueryError](err); ok {
		page.Errors["q"] = queryMessage(wrong, t.Query)
		page.Marked = &templates.Marked{Before: ansi.Visible(text[:wrong.Start]),
			Word: ansi.Visible(text[wrong.Start:wrong.End]), After: ansi.Visible(text[wrong.End:])}
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
func tooCostly(q search.Query, t i18n.QueryProblems) string {
	if len(q.Text)+len(q.Not) > maxTerms {
		return t.Many(maxTerms)
	}
	words := slices.Clone(q.Text)
	for _, f := range q.Not {
		if f.Field == search.FieldText {
			words = append(words, f.Value)
		}
	}
	for _, w := range words {
		if prefix, ok := strings.CutSuffix(w, "*"); ok && utf8.RuneCountInString(prefix) < minPrefix {
			return t.Short(ansi.Visible(w))
		}
	}
	return ""
}

// queryMessage points at the word that is wrong.
func queryMessage(e *search.QueryError, t i18n.QueryProblems) string {
	say := map[string]func(string) string{search.QueryQualifier: t.Qualifier, search.QueryEmpty: t.Empty, search.QueryValue: t.Value,
		search.QueryTime: t.Time, search.QueryTwice: t.Twice, search.QueryQuote: t.Quote, search.QueryNegated: t.Negated}[e.Kind]
	if say == nil {
		say = t.Word
	}
	message := say(ansi.Visible(e.Word))
	if e.Suggestion != "" {
		message += t.Suggestion(ansi.Visible(e.Suggestion))
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
