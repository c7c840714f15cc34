package auditview

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Rows are what a grouped search has found, as its page shows it. The row whose
// number the address opens gets its steps; records reads those that the reader
// may see.
func (f *LogForm) Rows(ctx context.Context, found search.RowPage,
	records func(context.Context, search.Row) ([]audit.Record, error)) ([]templates.OperationRow, error) {
	rows := make([]templates.OperationRow, len(found.Rows))
	opened, _ := coc.ParseID(f.Value("open")) // any of its records: an operation that is sent after an approval moves
	here := f.Filters()
	for _, name := range []string{"before", "after"} {
		if v := f.Value(name); v != "" && !f.values.Has("shown") { // of what a page asked for by itself, it is none
			here.Set(name, v)
		}
	}
	for i, r := range found.Rows {
		row := operationRow(r)
		id := present.Decimal(r.Sequence)
		row.Opened = opened == r.Sequence || slices.Contains(r.Records, opened)
		q := url.Values{}
		maps.Copy(q, here)
		if !row.Opened {
			q.Set("open", id)
		}
		row.Toggle = present.Address("/audit", q) + "#op-" + url.PathEscape(cmp.Or(r.ID, id))
		if row.Opened {
			all, err := records(ctx, r)
			if err != nil {
				return nil, err
			}
			for _, one := range all {
				row.Steps = append(row.Steps, Line{}.step(one))
			}
		}
		rows[i] = row
	}
	return rows, nil
}

// approverNames are the names of who approved, without their accounts.
func approverNames(all string) string {
	names := strings.Split(all, ", ")
	for i, one := range names {
		if _, name, _ := strings.Cut(one, "/"); name != "" {
			names[i] = name
		}
	}
	return strings.Join(names, ", ")
}

// operationRow is one row.
func operationRow(r search.Row) templates.OperationRow {
	row := templates.OperationRow{Sequence: r.Sequence, Time: r.At, ID: r.ID, Who: ansi.VisibleLine(r.Actor.UserName),
		Type: r.Type, BatchIndex: r.BatchIndex, Ticket: r.Ticket, Reason: ansi.Visible(r.Reason),
		Outcome: string(r.Outcome), Stops: r.Stops, Override: r.Override, Reviewed: r.Reviewed.Taken(), Open: r.Open()}
	row.Approver = ansi.VisibleLine(approverNames(r.Approver))
	if r.Decided.Taken() && r.Outcome == "refused" {
		row.Approver = "" // who declined is among the steps
	}
	row.TicketName = ansi.VisibleLine(r.TicketName)
	if r.Ticket != "" {
		row.TicketAddress = present.TicketAddress(r.Ticket)
	}
	if r.InstanceID != 0 {
		row.Instance = ansi.VisibleLine(r.Target)
	}
	if r.Bulk != "" {
		row.BulkAddress = "/bulk/" + url.PathEscape(r.Bulk)
	}
	if r.Single != nil {
		row.Action = string(r.Single.Action)
		if r.Ticket == "" {
			row.Target = ansi.VisibleLine(query.Subject(r.Single))
		}
		return row
	}
	row.Chain = [3]string{taken(r.Requested), taken(r.Answered), taken(r.Ended)}
	switch string(r.Outcome) {
	case "rejected":
		row.Chain[1] = "bad"
	case "unknown":
		row.Chain[1] = "open"
	case "not_confirmed":
		row.Chain[2] = "open"
	case "denied", "refused":
		row.Chain[0] = "bad"
	}
	return row
}

// taken is a step's dot.
func taken(s search.Stage) string {
	if s.Taken() {
		return "done"
	}
	return "open"
}

// RowFacets are the values that occur in the rows, each with the address
// narrowed to it.
func RowFacets(v View, q search.Query, f search.RowFacets) []templates.Facet {
	var all []templates.Facet
	add := func(field search.Field, values []search.FacetValue, names map[string]string) {
		facet := templates.Facet{Field: string(field)}
		chosen := *q.Value(field)
		for _, value := range values {
			if value.Value == "" {
				continue
			}
			to := q
			*to.Value(field) = value.Value
			one := templates.FacetValue{Value: ansi.Visible(value.Value), Count: value.Count, Active: value.Value == chosen,
				Name: ansi.VisibleLine(names[value.Value])}
			if one.Active {
				*to.Value(field) = ""
			}
			one.Address = ViewAddress(v, QueryText(to))
			facet.Values = append(facet.Values, one)
		}
		if len(facet.Values) > 0 {
			all = append(all, facet)
		}
	}
	add(search.FieldType, f.Types, nil)
	add(search.FieldAction, f.Actions, nil)
	add(search.FieldActor, f.Actors, nil)
	add(search.FieldOutcome, f.Outcomes, nil)
	var tickets []search.FacetValue
	names := map[string]string{}
	for _, t := range f.Tickets {
		tickets = append(tickets, search.FacetValue{Value: t.Ticket, Count: t.Count})
		names[t.Ticket] = t.Name
	}
	add(search.FieldTicket, tickets, names)
	add(search.FieldProject, f.Projects, nil)
	return all
}

// Bars are the bars of a chart that is stacked by outcome. What is not known by outcome lies at the foot.
func Bars(v View, q search.Query, bars []search.Bar) []templates.Bar {
	out := make([]templates.Bar, len(bars))
	for i, b := range bars {
		part := q
		part.From, part.To = b.From, b.To
		out[i] = templates.Bar{From: b.From, To: b.To, Count: b.Count, More: b.More,
			Address: ViewAddress(v, QueryText(part))}
		rest := b.Count
		for _, o := range b.Outcomes {
			rest -= o.Count
			out[i].Parts = append(out[i].Parts, templates.BarPart{Outcome: string(o.Outcome), Count: o.Count})
		}
		if rest > 0 && len(b.Outcomes) > 0 {
			out[i].Parts = append([]templates.BarPart{{Count: rest}}, out[i].Parts...)
		}
		slices.SortStableFunc(out[i].Parts, func(a, b templates.BarPart) int { return a.Weight() - b.Weight() })
	}
	return out
}
