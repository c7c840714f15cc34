package handlers

import (
	"context"
	"errors"
	"net/http"
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

// recordsPerPage is the length of a page of the log.
const recordsPerPage = 50

// Audit shows the log, newest first.
func (h *Handlers) Audit(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.Audit{Frame: h.Frame(c, i18n.T(ctx).Title.Audit, templates.SectionAudit),
		Errors: templates.FieldErrors{}, All: v.Manager}
	q, times := readAuditFilter(c, &page)
	if len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	if times.local {
		return c.Redirect(http.StatusSeeOther, times.exactAddress(c))
	}
	var err error
	if q.Visible, err = h.visibility(ctx, v, q); err != nil {
		return err
	}
	q.Limit = recordsPerPage
	start := h.Now()
	limited, stop := context.WithTimeout(ctx, searchLimit)
	defer stop()
	found, err := h.Log.Search(limited, q)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
	}
	if err != nil {
		return err
	}
	for _, r := range found.Records {
		page.Rows = append(page.Rows, recordRow(r))
	}
	if found.Newer > 0 {
		page.Pager.Newer = auditPage(c, "after", found.Newer)
	}
	if found.Next > 0 {
		page.Pager.Older = auditPage(c, "before", found.Next)
	}
	page.Export = address("/audit/export", filterValues(c))
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Ticket: q.Ticket, Duration: since(start, h.Now),
		Detail: filterDetail(c)})
	return Render(c, http.StatusOK, page)
}

var auditFilters = []string{"q", "person", "ticket", "action", "outcome", "from", "to"}

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

func auditPage(c echo.Context, name string, sequence int64) string {
	q := filterValues(c)
	q.Set(name, decimal(sequence))
	return address("/audit", q)
}

// readAuditFilter reads the filters, and puts them and what is wrong with them
// into the page.
func readAuditFilter(c echo.Context, page *templates.Audit) (audit.Query, span) {
	t := i18n.T(c.Request().Context()).Field
	value := func(name string) string { return strings.TrimSpace(bounded(c.QueryParam(name))) }
	times := parseSpan(c, page.Errors)
	q := audit.Query{Person: value("person"), Ticket: value("ticket"), Action: audit.Action(value("action")),
		Outcome: audit.Outcome(value("outcome")), From: times.from, To: times.to}
	page.Filter = templates.AuditFilter{Query: value("q"), Person: q.Person, Ticket: q.Ticket, From: times.shownFrom, To: times.shownTo,
		Actions: options(string(q.Action), actionChoices()...), Outcomes: options(string(q.Outcome), audit.Outcomes()...)}
	page.Filtered = len(filterValues(c)) > 0
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
	readQuery(c, &q, page)
	for name, to := range map[string]*int64{"before": &q.Before, "after": &q.After} {
		if text := c.QueryParam(name); text != "" {
			n, err := coc.ParseID(text)
			if err != nil {
				page.Errors[name] = t.Sequence
			}
			*to = n
		}
	}
	return q, times
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
		return
	}
	if problem := tooCostly(parsed, t.Query); problem != "" {
		page.Errors["q"] = problem
		return
	}
	for name, both := range map[string][2]*string{"person": {&parsed.Person, &q.Person}, "ticket": {&parsed.Ticket, &q.Ticket},
		"action": {(*string)(&parsed.Action), (*string)(&q.Action)}, "outcome": {(*string)(&parsed.Outcome), (*string)(&q.Outcome)}} {
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

// visibility is what the reader may see of the log. Somebody who is no manager
// and asks for one ticket sees what was done to it, if COC lets them open it.
func (h *Handlers) visibility(ctx context.Context, v Viewer, q audit.Query) (audit.Visibility, error) {
	visible := audit.Visibility{All: v.Manager, UserID: v.Actor.UserID}
	id, err := coc.ParseExecuteUUID(q.Ticket)
	if v.Manager || err != nil || asksForAddresses(q) {
		return visible, nil //nolint:nilerr // what names no ticket opens none
	}
	switch err := h.mayOpen(ctx, v, id); {
	case err == nil:
		visible.Tickets = []string{q.Ticket}
	case !errors.Is(err, errDenied):
		return visible, err
	}
	return visible, nil
}

func recordRow(r audit.Record) templates.RecordRow {
	row := templates.RecordRow{
		Sequence: r.Sequence, Time: r.Time, Actor: visible(r.Actor.UserName), Action: string(r.Action),
		Outcome: string(r.Outcome), Ticket: r.Ticket, Operation: r.OperationType, Target: visible(r.Target),
		BatchIndex: r.BatchIndex, Reason: visible(r.Reason), Address: recordAddress(r.Sequence),
	}
	if r.Ticket != "" {
		row.TicketAddress = ticketAddress(r.Ticket)
	}
	if r.Upstream.Code != "" || r.Upstream.Message != "" {
		row.Upstream = verbatim(0, r.Upstream.Code, r.Upstream.Message)
	}
	return row
}
