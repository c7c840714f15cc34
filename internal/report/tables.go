package report

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"coc-console/audit"
	"coc-console/audit/operations"
	"coc-console/audit/query"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// second is how a report writes times of UTC.
const second = "2006-01-02 15:04:05 UTC"

// Tables are the report in the reader's language: the same for the page, for CSV
// and for the command. teams says which teams somebody is in.
func (r *Report) Tables(ctx context.Context, teams func(audit.Actor) []string) []templates.ReportTable {
	w := newWriter(ctx, r, time.UTC)
	return []templates.ReportTable{
		w.groups("person", w.t.ByPerson, w.t.Person, func(o operations.Row) []string { return []string{nameOf(o.Actor)} }),
		w.groups("team", w.t.ByTeam, w.t.Team, func(o operations.Row) []string {
			if of := teams(o.Actor); len(of) > 0 {
				return of
			}
			return []string{w.t.NoTeam}
		}),
		w.groups("kind", w.t.ByKind, w.t.Operation, func(o operations.Row) []string {
			return []string{w.all.Word.Operation.Of(o.Type)}
		}),
		w.byOutcome(),
		w.groups("ticket", w.t.ByTicket, w.t.Ticket, func(o operations.Row) []string {
			return []string{w.ticket(o.Ticket)}
		}),
		w.times(), w.overrides(), w.denied(), w.integrity(),
	}
}

// writer writes the tables of a report in a language and a zone.
type writer struct {
	*Report
	all      *i18n.Texts
	t        *i18n.ReportTexts
	outcomes i18n.Words // those of the log's rows
	zone     *time.Location
}

func newWriter(ctx context.Context, r *Report, zone *time.Location) writer {
	return writer{r, i18n.T(ctx), i18n.Report.T(ctx), i18n.AuditRows.T(ctx).Outcome, zone}
}

// at writes a time in the zone, and how far that is from UTC.
func (w writer) at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(w.zone)
	if _, offset := t.Zone(); offset == 0 {
		return t.Format(second)
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}

func nameOf(a audit.Actor) string {
	if a.AccountName == "" {
		return cmp.Or(a.UserName, a.UserID)
	}
	return a.AccountName + "/" + cmp.Or(a.UserName, a.UserID)
}

func number(n int) string { return strconv.Itoa(n) }

// groups has a column for each outcome that there is.
func (w writer) groups(id, title, name string, of func(operations.Row) []string) templates.ReportTable {
	all := w.Groups(of)
	table := templates.ReportTable{ID: id, Title: title, Head: []string{name, w.t.Operations}, Figures: true}
	var shown []audit.Outcome
	for _, o := range query.RowOutcomes() {
		if slices.ContainsFunc(all, func(g Group) bool { return g.Outcomes[o] > 0 }) {
			shown = append(shown, o)
			table.Head = append(table.Head, w.outcomes.Of(string(o)))
		}
	}
	for _, g := range all {
		row := []string{g.Name, number(g.Count)}
		for _, o := range shown {
			row = append(row, number(g.Outcomes[o]))
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

func (w writer) byOutcome() templates.ReportTable {
	table := templates.ReportTable{ID: "outcome", Title: w.t.ByOutcome, Figures: true,
		Head: []string{w.t.Outcome, w.t.Operations}}
	count := map[audit.Outcome]int{}
	for _, o := range w.Operations {
		count[o.Outcome]++
	}
	for _, o := range query.RowOutcomes() {
		if count[o] > 0 {
			table.Rows = append(table.Rows, []string{w.outcomes.Of(string(o)), number(count[o])})
		}
	}
	if len(w.Operations) > 0 {
		table.Rows = append(table.Rows, []string{w.t.Total, number(len(w.Operations))})
	}
	return table
}

func (w writer) times() templates.ReportTable {
	table := templates.ReportTable{ID: "times", Title: w.t.Times, Note: w.t.TimesText, Figures: true,
		Head: []string{w.t.Operation, w.outcomes.Of(string(query.Confirmed)), w.t.Median, w.t.P95}}
	for _, k := range w.Times() {
		name := w.t.All
		if k.Name != "" {
			name = w.all.Word.Operation.Of(k.Name)
		}
		table.Rows = append(table.Rows, []string{name, number(k.Count),
			templates.Duration(&w.all.Common, k.Median), templates.Duration(&w.all.Common, k.P95)})
	}
	return table
}

func (w writer) overrides() templates.ReportTable {
	table := templates.ReportTable{ID: "overrides", Title: w.t.Overrides,
		Head: []string{w.t.Time, w.t.Person, w.t.Operation, w.t.Ticket, w.t.Reason, w.t.Reviewer, w.t.Reviewed, w.t.Comment}}
	for _, o := range w.Operations {
		if !o.Override {
			continue
		}
		reviewer, reviewed := w.t.NotYet, ""
		if o.Reviewed.Taken() {
			reviewer, reviewed = o.Reviewer, w.at(o.Reviewed.At)
		}
		table.Rows = append(table.Rows, []string{w.at(o.At), nameOf(o.Actor), w.all.Word.Operation.Of(o.Type),
			w.ticket(o.Ticket), o.Reason, reviewer, reviewed, o.ReviewComment})
	}
	return table
}

func (w writer) denied() templates.ReportTable {
	table := templates.ReportTable{ID: "denied", Title: w.t.Denied, Figures: true,
		Head: []string{w.t.Person, w.t.Attempts}}
	count := map[string]int{}
	for _, d := range w.Denied {
		count[nameOf(d.Actor)]++
	}
	for name, n := range count {
		table.Rows = append(table.Rows, []string{name, number(n)})
	}
	slices.SortFunc(table.Rows, func(a, b []string) int {
		return cmp.Or(cmp.Compare(count[b[0]], count[a[0]]), cmp.Compare(a[0], b[0]))
	})
	return table
}

func (w writer) integrity() templates.ReportTable {
	table := templates.ReportTable{ID: "integrity", Title: w.t.Integrity}
	say := func(name, value string) { table.Rows = append(table.Rows, []string{name, value}) }
	say(w.t.Log, w.Log)
	if w.Last < w.First {
		say(w.t.Records, w.t.NoneOfIt)
	} else {
		say(w.t.Records, w.t.Range(w.First, w.Last))
	}
	if w.Pruned > 0 {
		say(w.t.Removed, w.t.RemovedTo(w.Pruned))
	}
	switch {
	case w.Unbelieved:
		say(w.t.Checkpoint, w.t.Unbelieved)
	case w.Signed.Size == 0:
		say(w.t.Checkpoint, w.t.Unsigned)
	default:
		say(w.t.Checkpoint, w.t.Covers(w.Signed.Size, w.at(w.Signed.Time)))
		say(w.t.Root, w.Signed.Root.String())
	}
	if w.Key != "" {
		say(w.t.Key, w.Key)
	}
	return table
}
