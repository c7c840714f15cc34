package auditview

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// LogForm is a search of the log as an address gives it. It has one form as text,
// and controls that show the same: whichever is changed, the page that follows
// shows both alike.
type LogForm struct {
	values   url.Values
	zone     *time.Location
	language query.Language
	t        *i18n.Texts
}

// NewLogForm is the form of a reader with these values. night are the hours that "last night" means; zero: the default.
func NewLogForm(ctx context.Context, values url.Values, night query.Night) *LogForm {
	zone := i18n.ZoneFrom(ctx)
	language := query.Language{Zone: zone, Night: cmp.Or(night, query.DefaultNight)}
	return &LogForm{values: values, zone: zone, language: language, t: i18n.T(ctx)}
}

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
	return append(all, "from", "to", "view")
}

// Filters are the filters of the address, without its page. They name the view:
// which one is meant without a name depends on what else stands in an address.
func (f *LogForm) Filters() url.Values {
	q := url.Values{}
	for _, name := range auditFilters() {
		if v := f.values.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	q.Set("view", string(f.viewOf()))
	return q
}

// maxShown is how many rows a page that follows the log asks for again.
const maxShown = 50

// Shown are the rows, by their numbers, of which a page that follows the log wants to know how they are now.
func (f *LogForm) Shown() []int64 {
	var all []int64
	for _, text := range f.values["shown"] {
		if n, err := coc.ParseID(text); err == nil && len(all) < maxShown {
			all = append(all, n)
		}
	}
	return all
}

// ShownRecords are the records among Shown that a reader may see.
func (f *LogForm) ShownRecords(ctx context.Context, log *audit.Log, v search.Visibility) ([]audit.Record, error) {
	var all []audit.Record
	for _, n := range f.Shown() {
		r, err := log.Record(ctx, n)
		if errors.Is(err, audit.ErrNotFound) {
			continue // its contents were removed
		}
		if err != nil {
			return nil, err
		}
		if (search.Query{Visible: v}).Matches(r) {
			all = append(all, r)
		}
	}
	return all, nil
}

// Pairs are the names and values of the filters, for a record of the search.
func (f *LogForm) Pairs() []string {
	var pairs []string
	for _, name := range auditFilters() {
		pairs = append(pairs, name, present.Bounded(f.values.Get(name)))
	}
	return pairs
}

// Value is one field of the address.
func (f *LogForm) Value(name string) string {
	return strings.TrimSpace(present.Bounded(f.values.Get(name)))
}

// Merged is where a form that was sent leads: the search as text. The
// form carries what it showed, so that it is known which controls were changed;
// those are put into the text, which otherwise stays as it was typed. What
// cannot be understood is left for the page to explain.
func (f *LogForm) Merged() (string, bool) {
	if !f.values.Has("was") {
		return "", false
	}
	was, err := f.language.Parse(f.Value("was"))
	text := f.Value("q")
	now, err2 := f.language.Parse(text)
	if err != nil || err2 != nil {
		return "", false
	}
	changed := false
	for name, both := range filterFields(&now, &was) {
		value := f.Value(name)
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
		value := f.Value(name)
		if value == shownTime(*both[1], f.zone) {
			continue
		}
		at, _, err := present.ParseTime(value, f.zone, name == "to")
		if err != nil && value != "" {
			return "", false
		}
		*both[0], changed = at, true
	}
	if changed {
		text = QueryText(now)
	}
	return ViewAddress(f.ViewSent(), text), true
}

// ViewSent is the view that a form carries; forms of before, and programs, carry none and mean records.
func (f *LogForm) ViewSent() View {
	if f.values.Has("view") {
		return f.viewOf()
	}
	return search.PresetEverything
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
	return t.In(zone).Format(present.LocalTime)
}

// Read reads the filters, and puts them and what is wrong with them into the page.
func (f *LogForm) Read(page *templates.Audit) (search.Query, present.Span) {
	t := f.t.Field
	times := present.SpanIn(f.values, f.zone, t, page.Errors)
	q := search.Query{From: times.From, To: times.To}
	for _, control := range auditControls {
		*q.Value(control.field) = f.Value(control.name)
	}
	page.Filter = templates.AuditFilter{Query: f.Value("q"), Was: f.Value("was"), From: times.ShownFrom,
		To: times.ShownTo}
	showFilter(page, q)
	if !present.Offered(page.Filter.Actions, string(q.Action)) {
		page.Errors["action"] = t.Choice
	}
	if !present.Offered(page.Filter.Outcomes, string(q.Outcome)) {
		page.Errors["outcome"] = t.Choice
	}
	if len(q.Person) > maxPerson {
		page.Errors["person"] = t.TooLong(maxPerson)
	}
	if q.Ticket != "" {
		id, ok := coc.FindExecuteUUID(q.Ticket)
		if !ok {
			page.Errors["ticket"] = t.NoUUID
		}
		q.Ticket = string(id)
	}
	byControl := q.String() != ""
	f.readQuery(&q, page)
	f.ReadPage(&q, page.Errors)
	if len(page.Errors) == 0 {
		f.showQuery(page, q, byControl)
	}
	return q, times
}

// showFilter lets the controls show a query.
func showFilter(page *templates.Audit, q search.Query) {
	f := &page.Filter
	f.Person, f.Ticket = q.Person, q.Ticket
	f.Actions, f.Outcomes = present.Options(string(q.Action), ActionChoices()...),
		present.Options(string(q.Outcome), outcomeChoices()...)
	page.Filtered = page.Filtered || f.Query != "" || q.String() != ""
}

// showQuery lets the box and the controls show the same query.
func (f *LogForm) showQuery(page *templates.Audit, q search.Query, byControl bool) {
	showFilter(page, q)
	page.Filter.From, page.Filter.To = shownTime(q.From, f.zone), shownTime(q.To, f.zone)
	if byControl {
		page.Filter.Query = QueryText(q)
	}
	page.Filter.Was = page.Filter.Query
}

// ReadPage reads which page of the search is asked for.
func (f *LogForm) ReadPage(q *search.Query, errs templates.FieldErrors) {
	for name, to := range map[string]*int64{"before": &q.Before, "after": &q.After} {
		if text := f.values.Get(name); text != "" {
			n, err := coc.ParseID(text)
			if err != nil {
				errs[name] = f.t.Field.Sequence
			}
			*to = n
		}
	}
}

// maxPerson is the longest name of somebody that is searched for, in bytes.
const maxPerson = 255

// MaxQuery is the longest text of a search, in bytes.
const MaxQuery = 1000

// readQuery reads the search box, and adds to it what the controls say.
func (f *LogForm) readQuery(q *search.Query, page *templates.Audit) {
	t, text := f.t.Field, page.Filter.Query
	if len(text) > MaxQuery {
		page.Errors["q"] = t.TooLong(MaxQuery)
		return
	}
	parsed, err := f.language.Parse(text)
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
			page.Errors[name] = t.Query.Twice(present.Bounded(*control))
		}
	}
	if q.From.After(parsed.From) {
		parsed.From = q.From
	}
	if parsed.To.IsZero() || !q.To.IsZero() && q.To.Before(parsed.To) {
		parsed.To = q.To
	}
	*q = parsed
	page.Meant = f.meant(parsed)
}

// meant is what somebody may have meant who asks for a ticket by its name, or for a type of operation that is none,
// if it is almost one. Records may have types that this console does not know, so it is no error.
func (f *LogForm) meant(q search.Query) *templates.Meant {
	known := []string{query.AnyCancel}
	for _, o := range coc.OperationTypes() {
		known = append(known, strings.ToLower(string(o)))
	}
	found := false
	correct := func(value string) string {
		word := strings.ToLower(value)
		near := query.Nearest(word, known)
		if word == "" || near == "" || near == word {
			return value
		}
		if found = true; near != query.AnyCancel {
			near = strings.ToUpper(near)
		}
		return near
	}
	q.Operation, q.Not = correct(q.Operation), slices.Clone(q.Not)
	for i := range q.Not {
		if q.Not[i].Field == search.FieldType {
			q.Not[i].Value = correct(q.Not[i].Value)
		}
	}
	if !ticketMeant(&q) && !found {
		return nil
	}
	text := QueryText(q)
	return &templates.Meant{Text: ansi.Visible(text), Address: ViewAddress(f.viewOf(), text)}
}

// ticketMeant puts what finds it into the place of a ticket whose value is no id: the id in its own letters, or the
// name as text. It reports whether there was one.
func ticketMeant(q *search.Query) bool {
	typed := q.Ticket
	if _, ok := coc.FindExecuteUUID(typed); ok || typed == "" {
		return false
	}
	if id, ok := coc.TypedExecuteUUID(typed); ok {
		q.Ticket = string(id)
		return true
	}
	if len(query.ParsePhrase(typed).Words) == 0 {
		return false
	}
	q.Ticket, q.Text = "", append(slices.Clone(q.Text), typed)
	return true
}

// What a search may ask of the database: it shares it with operations.
const (
	maxTerms  = 10
	minPrefix = 3 // characters before a *
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
		p := query.ParsePhrase(w)
		if p.Prefix && strings.TrimRight(w, "*＊﹡") != w &&
			utf8.RuneCountInString(strings.Join(p.Words, "")) < minPrefix {
			return t.Short(ansi.Visible(w))
		}
	}
	return ""
}

// queryMessage points at the word that is wrong.
func queryMessage(e *search.QueryError, t i18n.QueryProblems) string {
	say := map[string]func(string) string{search.QueryQualifier: t.Qualifier, search.QueryEmpty: t.Empty, search.QueryValue: t.Value,
		search.QueryTime: t.Time, search.QueryTwice: t.Twice, search.QueryQuote: t.Quote, search.QueryNegated: t.Negated,
		search.QueryOrder: t.Order}[e.Kind]
	if say == nil {
		say = t.Word
	}
	message := say(ansi.Visible(e.Word))
	if e.Suggestion != "" {
		message += t.Suggestion(ansi.Visible(e.Suggestion))
	}
	return message
}

// outcomeChoices are the words of rows, and the one that stands for all that waits.
func outcomeChoices() []audit.Outcome { return append(query.RowOutcomes(), audit.OutcomePending) }

// ActionChoices are the groups of actions, each followed by its own.
func ActionChoices() []audit.Action {
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
