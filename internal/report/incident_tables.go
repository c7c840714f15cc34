package report

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"coc-console/audit/operations"
	"coc-console/audit/query"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// incidentWriter writes the tables of an incident.
type incidentWriter struct {
	writer
	of *Incident
	i  *i18n.IncidentTexts
}

// Tables are the report in the reader's language and zone: the same for the page and the command.
func (r *Incident) Tables(ctx context.Context) []templates.ReportTable {
	w := incidentWriter{newWriter(ctx, &r.Report, i18n.ZoneFrom(ctx)), r, i18n.Incident.T(ctx)}
	return []templates.ReportTable{w.summary(), w.done(), w.approvals(), w.overrides(), w.refused(), w.outside(),
		w.byOutcome(), w.times(), w.integrity(), w.evidence()}
}

func (w incidentWriter) took(from, to operations.Stage) string {
	if !from.Taken() || !to.Taken() {
		return ""
	}
	return templates.Duration(&w.all.Common, max(0, to.At.Sub(from.At)))
}

// what is an operation with its batch or instance.
func (w incidentWriter) what(o operations.Row) string {
	text := w.all.Word.Operation.Of(o.Type)
	switch {
	case o.InstanceID != 0:
		text += " " + cmp.Or(o.Target, strconv.FormatInt(o.InstanceID, 10))
	case o.BatchIndex > 0:
		text += " " + number(int(o.BatchIndex))
	}
	if o.Override {
		text += " (" + w.i.Override + ")"
	}
	return text
}

func (w incidentWriter) summary() templates.ReportTable {
	table := templates.ReportTable{ID: "summary", Title: w.i.Summary}
	say := func(name, value string) { table.Rows = append(table.Rows, []string{name, value}) }
	say(w.i.Period, w.at(w.From)+" – "+w.at(w.To))
	say(w.i.Tickets, cmp.Or(strings.Join(w.of.Tickets, ", "), w.i.All))
	var people []string
	approved, overridden := 0, 0
	for _, o := range w.Operations {
		if name := nameOf(o.Actor); !slices.Contains(people, name) {
			people = append(people, name)
		}
		if o.Asked.Taken() {
			approved++
		}
		if o.Override {
			overridden++
		}
	}
	say(w.t.Operations, number(len(w.Operations)))
	say(w.i.People, strings.Join(people, ", "))
	if n := len(w.Operations); n > 0 {
		say(w.i.First, w.at(w.Operations[0].At))
		say(w.i.Last, w.at(w.Operations[n-1].At))
	}
	say(w.i.Approved, number(approved))
	say(w.t.Overrides, number(overridden))
	say(w.i.Denied, number(len(w.Denied)))
	outside := number(len(w.of.Outside))
	if w.of.Unseen {
		outside = w.i.OutsideUnknown
	}
	say(w.i.Outside, outside)
	return table
}

func (w incidentWriter) done() templates.ReportTable {
	table := templates.ReportTable{ID: "operations", Title: w.i.Operations, Head: []string{w.t.Time, w.i.Who, w.i.Approver,
		w.i.What, w.t.Ticket, w.i.Instances, w.t.Reason, w.t.Outcome, w.i.Answered, w.i.Confirmed, w.i.Records}}
	for _, o := range w.Operations {
		instances := ""
		if o.Stops > 0 {
			instances = number(o.Stops)
		}
		confirmed := ""
		if o.Outcome == query.Confirmed {
			confirmed = w.took(o.Requested, o.Ended)
		}
		approver := ""
		if !o.Decided.Taken() || o.Requested.Taken() { // else it was declined: among the approvals
			approver = o.Approver
		}
		table.Rows = append(table.Rows, []string{w.at(o.At), nameOf(o.Actor), approver, w.what(o), w.ticket(o.Ticket), instances,
			cmp.Or(o.Reason, w.i.NoReason), w.outcomes.Of(string(o.Outcome)), w.took(o.Requested, o.Answered),
			confirmed, numbers(o.Records)})
	}
	return table
}

// numbers lists numbers, runs of them as their ends.
func numbers(all []int64) string {
	var parts []string
	for i := 0; i < len(all); {
		j := i
		for j+1 < len(all) && all[j+1] == all[j]+1 {
			j++
		}
		part := strconv.FormatInt(all[i], 10)
		if j > i {
			part += "–" + strconv.FormatInt(all[j], 10)
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ", ")
}

func (w incidentWriter) approvals() templates.ReportTable {
	table := templates.ReportTable{ID: "approvals", Title: w.i.Approvals, Head: []string{w.i.Asked, w.i.Who, w.i.What,
		w.t.Ticket, w.i.Decided, w.i.Approver, w.i.Decision, w.t.Comment, w.i.Waited}}
	for _, o := range w.Operations {
		if !o.Asked.Taken() {
			continue
		}
		decision := w.i.Undecided
		if o.Decided.Taken() {
			decision = w.outcomes.Of(string(o.Outcome))
			if o.Requested.Taken() {
				decision = w.all.Word.Action.Of("approval.granted")
			}
		}
		table.Rows = append(table.Rows, []string{w.at(o.Asked.At), nameOf(o.Actor), w.what(o), w.ticket(o.Ticket),
			w.at(o.Decided.At), o.Approver, decision, o.Comment, w.took(o.Asked, o.Decided)})
	}
	return table
}

func (w incidentWriter) refused() templates.ReportTable {
	table := templates.ReportTable{ID: "denied", Title: w.i.Denied,
		Head: []string{w.t.Time, w.i.Who, w.i.What, w.t.Ticket, w.t.Reason, w.i.Policies, w.i.Records}}
	for _, d := range w.Denied {
		what := w.all.Word.Action.Of(string(d.Action))
		if d.OperationType != "" {
			what = w.what(operations.OfRecord(d))
		} else if page := query.Subject(&d); d.Ticket == "" && page != "" {
			what += w.all.Common.Colon + page
		}
		table.Rows = append(table.Rows, []string{w.at(d.When()), nameOf(d.Actor), what, w.ticket(d.Ticket), d.Reason,
			strings.Join(operate.ParseDetail(d.Detail).Policies, ", "), strconv.FormatInt(d.Sequence, 10)})
	}
	return table
}

func (w incidentWriter) outside() templates.ReportTable {
	table := templates.ReportTable{ID: "outside", Title: w.i.Outside, Note: w.i.OutsideText,
		Head: []string{w.t.Time, w.i.Between, w.t.Ticket, w.i.What, w.i.Records}}
	if w.of.Unseen {
		table.Note = w.i.OutsideUnknown
	}
	for _, o := range w.of.Outside {
		what, between, record := w.all.Word.TicketStatus.Of(o.State), "", ""
		if len(o.Instances) > 0 {
			what = w.i.Others + w.all.Common.Colon + numbers(slices.Sorted(slices.Values(o.Instances)))
		}
		if !o.After.IsZero() {
			between = w.at(o.After) + " – " + w.at(o.Seen)
		}
		if o.Record > 0 {
			record = strconv.FormatInt(o.Record, 10)
		}
		table.Rows = append(table.Rows, []string{w.at(o.Seen), between, w.ticket(o.Ticket), what, record})
	}
	return table
}

// evidence says what the bundle has, and how it is checked.
func (w incidentWriter) evidence() templates.ReportTable {
	q := w.of.Evidence()
	return templates.ReportTable{ID: "evidence", Title: w.i.Evidence, Note: w.i.BundleText, Rows: [][]string{
		{w.i.Bundle, w.i.Holds(q.Ticket)},
		{w.i.Period, w.at(q.From) + " – " + w.at(q.To)},
		{w.i.Check, "coc-console audit verify-bundle FILE.zip --public-key '" + ansi.VisibleLine(cmp.Or(w.Key, "KEY")) + "'"},
	}}
}
