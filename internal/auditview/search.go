package auditview

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// AuditAddress is the list of what a query finds.
func AuditAddress(q search.Query) string { return SearchAddress(QueryText(q)) }

// ExportAddress exports what a query finds.
func ExportAddress(q search.Query) string {
	return "/audit/export" + strings.TrimPrefix(AuditAddress(q), "/audit")
}

// SearchAddress is the list of what a search as text finds.
func SearchAddress(text string) string {
	if text == "" {
		return "/audit"
	}
	return present.Address("/audit", url.Values{"q": {text}})
}

// QueryText is a query as text that means the same to everybody: with exact
// times, where a date alone would be of the reader's zone.
func QueryText(q search.Query) string {
	from, to := q.From, q.To
	q.From, q.To = time.Time{}, time.Time{}
	parts := []string{q.String()}
	if !from.IsZero() {
		parts = append(parts, "after:"+from.Format(time.RFC3339Nano))
	}
	if !to.IsZero() {
		parts = append(parts, "before:"+to.Format(time.RFC3339Nano))
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// Narrowed is the address of the query with another value of a field.
func Narrowed(q search.Query, name search.Field, value string) string {
	return AuditAddress(with(q, name, value))
}

// with is the query with another value of a field.
func with(q search.Query, name search.Field, value string) search.Query {
	*q.Value(name) = value
	return q
}

// ActiveFilters are the parts of a query, each with the address without it.
func ActiveFilters(v View, q search.Query) []templates.ActiveFilter {
	address := func(q search.Query) string { return ViewAddress(v, QueryText(q)) }
	var all []templates.ActiveFilter
	add := func(text string, without search.Query) {
		all = append(all, templates.ActiveFilter{Text: ansi.Visible(text), Without: address(without)})
	}
	for _, f := range q.Filters() {
		all = append(all,
			templates.ActiveFilter{Text: ansi.Visible(f.String()), Without: address(with(q, f.Field, ""))})
	}
	for i, text := range q.Text {
		without := q
		without.Text = slices.Delete(slices.Clone(q.Text), i, i+1)
		add(search.Filter{Field: search.FieldText, Value: text}.String(), without)
	}
	for i, f := range q.Not {
		without := q
		without.Not = slices.Delete(slices.Clone(q.Not), i, i+1)
		add("-"+f.String(), without)
	}
	if !q.From.IsZero() {
		without := q
		without.From = time.Time{}
		add("after:"+q.From.Format(time.RFC3339), without)
	}
	if !q.To.IsZero() {
		without := q
		without.To = time.Time{}
		add("before:"+q.To.Format(time.RFC3339), without)
	}
	return all
}

// FacetsOf are the values that occur in what a query finds, each with the address narrowed to it; names are those of
// tickets.
func FacetsOf(q search.Query, f search.Facets, names map[string]string) []templates.Facet {
	var all []templates.Facet
	for _, one := range []struct {
		field  search.Field
		values []search.FacetValue
	}{{search.FieldOutcome, f.Outcomes}, {search.FieldAction, f.Actions}, {search.FieldActor, f.Actors}, {search.FieldTicket, f.Tickets},
		{search.FieldProject, f.Projects}} {
		facet := templates.Facet{Field: string(one.field)}
		chosen := *q.Value(one.field)
		for _, v := range one.values {
			value := templates.FacetValue{Value: ansi.Visible(v.Value), Count: v.Count, Active: v.Value == chosen}
			if one.field == search.FieldTicket {
				value.Name = ansi.VisibleLine(names[v.Value])
			}
			if value.Address = Narrowed(q, one.field, v.Value); value.Active {
				value.Address = Narrowed(q, one.field, "")
			}
			facet.Values = append(facet.Values, value)
		}
		if len(facet.Values) > 0 {
			all = append(all, facet)
		}
	}
	return all
}

// RecordRow is a record as a row of the log's list.
func RecordRow(r audit.Record) templates.RecordRow {
	row := templates.RecordRow{
		Sequence: r.Sequence, Time: r.When(), Actor: ansi.VisibleLine(r.Actor.UserName), Action: string(r.Action),
		Outcome: string(query.OutcomeOf(&r)), Ticket: r.Ticket, Operation: r.OperationType, Target: ansi.VisibleLine(query.Subject(&r)),
		BatchIndex: r.BatchIndex, Reason: ansi.Visible(r.Reason), Address: present.RecordAddress(r.Sequence),
		Repeats:  r.Repeats,
		Override: r.OperationID != "" && operate.ParseDetail(r.Detail).Override,
	}
	if r.Ticket != "" {
		row.TicketAddress = present.TicketAddress(r.Ticket)
	}
	if r.Upstream.Code != "" || r.Upstream.Message != "" {
		row.Upstream = present.AnswerText(0, r.Upstream.Code, r.Upstream.Message)
	}
	return row
}
