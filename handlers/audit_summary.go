package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// summaryLimit is how long what stands above a list may take. After that the
// list stands alone.
const summaryLimit = time.Second

// summarize counts what a query finds, beside the search for its page: by
// values, and over time. The returned function waits for it.
func (h *Handlers) summarize(ctx context.Context, q audit.Query, page *templates.Audit) (wait func() error) {
	limited, stop := context.WithTimeout(ctx, summaryLimit)
	zone := i18n.ZoneFrom(ctx)
	var facets audit.Facets
	var total templates.Total
	var chart *templates.Chart
	var errs [3]error
	var all sync.WaitGroup
	all.Go(func() { facets, errs[0] = h.Log.Facets(limited, q) })
	all.Go(func() { // how many there are decides how the chart is counted
		if total, errs[1] = h.total(limited, q); errs[1] == nil {
			chart, errs[2] = h.chart(limited, q, zone)
		}
	})
	return func() error {
		defer stop()
		all.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			if limited.Err() != nil && ctx.Err() == nil {
				page.Uncounted = true
				return nil
			}
			return err
		}
		if page.Total = total; facets.More {
			page.Counted = facets.Counted
		}
		page.Facets, page.Chart, page.Active = facetsOf(q, facets), chart, activeFilters(q)
		return nil
	}
}

// total is how many records a query finds. Without a query that is known
// without counting.
func (h *Handlers) total(ctx context.Context, q audit.Query) (templates.Total, error) {
	if q.String() != "" || !q.Visible.All {
		n, more, err := h.Log.Count(ctx, q)
		return templates.Total{Count: int64(n), More: more}, err
	}
	pruned, err := h.Log.Pruned(ctx)
	if err != nil {
		return templates.Total{}, err
	}
	size, err := h.Log.Size(ctx)
	return templates.Total{Count: size - pruned}, err
}

// queryField is a qualifier with its value in a query.
type queryField struct {
	name  audit.Field
	value *string
}

func queryFields(q *audit.Query) []queryField {
	return []queryField{{audit.FieldActor, &q.Person}, {audit.FieldTicket, &q.Ticket}, {audit.FieldOperation, &q.OperationID},
		{audit.FieldAction, (*string)(&q.Action)}, {audit.FieldOutcome, (*string)(&q.Outcome)}, {audit.FieldProject, &q.Project},
		{audit.FieldIP, &q.IP}, {audit.FieldType, &q.Operation}}
}

// queryText is a query as text that means the same to everybody: with exact
// times, where a date alone would be of the reader's zone.
func queryText(q audit.Query) string {
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

// narrowed is the address of the query with another value of a field.
func narrowed(q audit.Query, name audit.Field, value string) string {
	for _, f := range queryFields(&q) {
		if f.name == name {
			*f.value = value
		}
	}
	return auditAddress(q)
}

// activeFilters are the parts of a query, each with the address without it.
func activeFilters(q audit.Query) []templates.ActiveFilter {
	var all []templates.ActiveFilter
	add := func(text string, without audit.Query) {
		all = append(all, templates.ActiveFilter{Text: visible(text), Without: auditAddress(without)})
	}
	for _, f := range queryFields(&q) {
		if *f.value != "" {
			all = append(all, templates.ActiveFilter{Text: visible(audit.Filter{Field: f.name, Value: *f.value}.String()), Without: narrowed(q, f.name, "")})
		}
	}
	for i, text := range q.Text {
		without := q
		without.Text = slices.Delete(slices.Clone(q.Text), i, i+1)
		add(audit.Filter{Field: audit.FieldText, Value: text}.String(), without)
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

func facetsOf(q audit.Query, f audit.Facets) []templates.Facet {
	var all []templates.Facet
	for _, one := range []struct {
		field  audit.Field
		values []audit.FacetValue
	}{{audit.FieldOutcome, f.Outcomes}, {audit.FieldAction, f.Actions}, {audit.FieldActor, f.Actors}, {audit.FieldTicket, f.Tickets},
		{audit.FieldProject, f.Projects}} {
		facet := templates.Facet{Field: string(one.field)}
		chosen := ""
		for _, field := range queryFields(&q) {
			if field.name == one.field {
				chosen = *field.value
			}
		}
		for _, v := range one.values {
			value := templates.FacetValue{Value: visible(v.Value), Count: v.Count, Active: v.Value == chosen}
			if value.Address = narrowed(q, one.field, v.Value); value.Active {
				value.Address = narrowed(q, one.field, "")
			}
			facet.Values = append(facet.Values, value)
		}
		if len(facet.Values) > 0 {
			all = append(all, facet)
		}
	}
	return all
}

// maxBars is how many bars a chart has at most.
const maxBars = 48

// barWidths are the widths that bars have: those that people count in.
var barWidths = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
	5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour,
	12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 56 * day, 112 * day, 364 * day}

const day = 24 * time.Hour

// chart counts a query's matches over its time; nil where there is none.
func (h *Handlers) chart(ctx context.Context, q audit.Query, zone *time.Location) (*templates.Chart, error) {
	from, to, bars, err := h.chartSpan(ctx, q, zone)
	if err != nil || bars == 0 {
		return nil, err
	}
	counted, err := h.Log.Activity(ctx, q, from, to, bars)
	if err != nil {
		return nil, err
	}
	chart := &templates.Chart{From: from, To: to}
	for _, b := range counted {
		part := q
		part.From, part.To = b.From.In(zone), b.To.In(zone)
		chart.Bars = append(chart.Bars, templates.Bar{From: b.From, To: b.To, Count: b.Count, More: b.More, Address: auditAddress(part)})
	}
	return chart, nil
}

// chartSpan is the time that a chart covers: the query's, and where that has no
// beginning or end, the log's, widened to whole bars.
func (h *Handlers) chartSpan(ctx context.Context, q audit.Query, zone *time.Location) (from, to time.Time, bars int, err error) {
	from, to = q.From, q.To
	if from.IsZero() {
		if from, err = h.beginning(ctx); err != nil || from.IsZero() {
			return from, to, 0, err
		}
	}
	if to.IsZero() {
		to = h.Now().Add(time.Second)
	}
	if !from.Before(to) {
		return from, to, 0, nil
	}
	from, to, bars = wholeBars(from, to, q, zone)
	return from, to, bars, nil
}

// wholeBars chooses the bars' width, and moves those ends that the query does
// not fix so that all bars have it.
func wholeBars(from, to time.Time, q audit.Query, zone *time.Location) (time.Time, time.Time, int) {
	for _, width := range barWidths {
		span := to.Sub(from)
		if span > maxBars*width {
			continue
		}
		switch {
		case !q.From.IsZero() && !q.To.IsZero():
			if span%width != 0 {
				continue
			}
		case !q.To.IsZero():
			from = to.Add(-widened(span, width))
		default:
			if q.From.IsZero() {
				from = floor(from, width, zone)
			}
			to = from.Add(widened(to.Sub(from), width))
		}
		return from, to, int(to.Sub(from) / width)
	}
	return from, to, maxBars
}

// widened is the shortest time of whole widths that covers a span.
func widened(span, width time.Duration) time.Duration {
	if rest := span % width; rest > 0 {
		return span + width - rest
	}
	return span
}

// floor is the last time of the zone's clock at which a bar may begin.
func floor(t time.Time, width time.Duration, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	shift := time.Duration(offset) * time.Second
	return t.Add(shift).Truncate(width).Add(-shift)
}

// beginning is the time of the first record that there is; zero without one.
func (h *Handlers) beginning(ctx context.Context) (time.Time, error) {
	pruned, err := h.Log.Pruned(ctx)
	if err != nil {
		return time.Time{}, err
	}
	r, err := h.Log.Record(ctx, pruned+1)
	if errors.Is(err, audit.ErrNotFound) {
		return time.Time{}, nil
	}
	return r.Time, err
}

// maxFindings is how many findings of the verification a page lists.
const maxFindings = 20

// integrity is how the log's verification stands, for managers.
func (h *Handlers) integrity(ctx context.Context, v Viewer) *templates.Integrity {
	if !v.Manager {
		return nil
	}
	verified := h.Log.Verified()
	i := &templates.Integrity{VerifiedAt: verified.At, Verified: verified.Size, All: verified.All, Running: verified.Running,
		Done: verified.Done, Of: verified.Total, Failed: verified.Err != nil, Origin: h.Log.Origin(), PublicKey: h.Log.PublicKey()}
	if every := h.Log.VerifyEvery(); every > 0 && !verified.At.IsZero() {
		i.Next = verified.At.Add(every)
	}
	for _, f := range verified.Findings[:min(len(verified.Findings), maxFindings)] {
		i.Findings = append(i.Findings, finding(f))
	}
	i.MoreFindings = len(verified.Findings) - len(i.Findings)
	if signed, err := h.Log.Checkpoint(ctx); err == nil { // whatever is wrong with it is warned of by Health
		i.Signed, i.SignedAt = signed.Size, signed.Time
	}
	for _, a := range h.Log.Anchors() {
		i.Anchors = append(i.Anchors, templates.AnchorState{Name: visible(a.Name), Size: a.Size, At: a.At, Failed: a.Err != nil})
	}
	return i
}

func finding(f audit.Finding) templates.Finding {
	out := templates.Finding{Kind: f.Kind, Text: visible(f.Text), Sequence: f.Sequence}
	if f.Sequence > 0 {
		out.Address = recordAddress(f.Sequence)
	}
	return out
}
