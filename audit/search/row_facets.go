package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// TicketCount is a ticket and how many of the rows counted are about it.
type TicketCount struct {
	Ticket, Name string // Name is empty where the log does not say it
	Count        int
}

// RowFacets say how matching rows are distributed: the most frequent values
// first, at most MaxFacet of each. They count the newest rows, MaxFaceted at most.
type RowFacets struct {
	Types    []FacetValue // of operations, their wire values: for the filter operation
	Actions  []FacetValue // of single records: for the filter action
	Actors   []FacetValue
	Outcomes []FacetValue // of query.RowOutcomes
	Projects []FacetValue
	Tickets  []TicketCount

	Counted int  // how many rows were counted
	More    bool // there are older ones, which were not
}

// RowFacets counts the values of the newest matching rows, whatever page the
// query names.
func (x *Index) RowFacets(ctx context.Context, q Query, p Preset) (RowFacets, error) {
	s, _, err := x.rowScan(ctx, q.Unpaged(), MaxFaceted+1)
	if err != nil {
		return RowFacets{}, err
	}
	values, err := x.rowValues(ctx, s, p)
	if err != nil {
		return RowFacets{}, err
	}
	f := RowFacets{Counted: min(len(values), MaxFaceted), More: len(values) > MaxFaceted}
	var counts [6]map[string]int
	for i := range counts {
		counts[i] = map[string]int{}
	}
	for _, v := range values[:f.Counted] {
		for i, text := range v.of {
			counts[i][text]++
		}
	}
	f.Types, f.Actions, f.Actors = frequent(counts[0]), frequent(counts[1]), frequent(counts[2])
	f.Outcomes, f.Projects = frequent(counts[3]), frequent(counts[4])
	var tickets []string
	for _, v := range frequent(counts[5]) {
		tickets = append(tickets, v.Value)
		f.Tickets = append(f.Tickets, TicketCount{Ticket: v.Value, Count: v.Count})
	}
	names, err := x.TicketNames(ctx, tickets)
	for i := range f.Tickets {
		f.Tickets[i].Name = names[f.Tickets[i].Ticket]
	}
	return f, err
}

// rowValue are what facets count of a row: type, action, actor, outcome,
// project, and ticket.
type rowValue struct {
	seq int64
	of  [6]string
}

// rowValues are the values of a scan's rows, the newest first.
func (x *Index) rowValues(ctx context.Context, s scan, p Preset) ([]rowValue, error) {
	var out []rowValue
	for _, st := range x.rowStatements(s, p) {
		text := `SELECT m.seq, r.operation_type, '', r.user_name, o.outcome, r.project_name, r.ticket
			FROM (` + st.text + `) m JOIN record r ON r.seq = m.seq JOIN operation o ON o.seq = m.seq`
		if st.singles {
			text = `SELECT m.seq, '', r.action, r.user_name, r.outcome, r.project_name, r.ticket
				FROM (` + st.text + `) m JOIN record r ON r.seq = m.seq`
		}
		rows := sqlutil.Read(ctx, x.read, text, st.args...)
		var v rowValue
		for rows.Next(&v.seq, &v.of[0], &v.of[1], &v.of[2], &v.of[3], &v.of[4], &v.of[5]) {
			if st.singles {
				r := audit.Record{Action: audit.Action(v.of[1]), Outcome: audit.Outcome(v.of[3])}
				v.of[3] = string(query.OutcomeOf(&r))
			}
			out = append(out, v)
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read values of rows from the search tables: %w", err)
		}
	}
	slices.SortFunc(out, func(a, b rowValue) int { return int(b.seq - a.seq) })
	return out[:min(len(out), s.limit)], nil
}

// OutcomeCount is an outcome and how many rows of a bar have it.
type OutcomeCount struct {
	Outcome audit.Outcome // one of query.RowOutcomes
	Count   int
}

// RowBar is a part of the time and how many matching rows it has, by outcome, in
// the order of query.RowOutcomes; without those that none has.
type RowBar struct {
	From, To time.Time // To is not included
	Outcomes []OutcomeCount
	Count    int  // of all outcomes
	More     bool // there are more than Count
}

// rowActivityCount is how many rows all bars together count.
const rowActivityCount = 12_000

// RowActivity divides the time from from to to into equal parts and counts the
// matching rows of a preset in each by outcome, whatever page and times the query
// names. A bar ends at its share of 12,000 rows, its newest, and says so.
func (x *Index) RowActivity(ctx context.Context, q Query, p Preset, from, to time.Time, buckets int) ([]RowBar, error) {
	buckets = min(max(buckets, 1), MaxBars)
	if !from.Before(to) {
		return nil, errors.New("audit: activity needs a time that begins before it ends")
	}
	q.From, q.To = time.Time{}, time.Time{}
	s, _, err := x.rowScan(ctx, q.Unpaged(), rowActivityCount/buckets+1)
	if err != nil {
		return nil, err
	}
	parts, ends := divided(from, to, buckets)
	first, err := x.firstsKnown(ctx, ends, x.summaries.of(q))
	if err != nil {
		return nil, err
	}
	bars, last := make([]RowBar, buckets), s.below
	for i := range bars {
		bars[i].From, bars[i].To = parts[i].From, parts[i].To
		s.above, s.below = first[i]-1, min(first[i+1], last)
		if err := x.rowBar(ctx, s, p, &bars[i]); err != nil {
			return nil, err
		}
	}
	return bars, nil
}

// rowBar counts the rows of one bar.
func (x *Index) rowBar(ctx context.Context, s scan, p Preset, b *RowBar) error {
	counts := map[audit.Outcome]int{}
	for _, st := range x.rowStatements(s, p) {
		text := `SELECT '', o.outcome, count(*)
			FROM (` + st.text + `) m JOIN operation o ON o.seq = m.seq GROUP BY o.outcome`
		if st.singles {
			text = `SELECT r.action, r.outcome, count(*)
				FROM (` + st.text + `) m JOIN record r ON r.seq = m.seq GROUP BY r.action, r.outcome`
		}
		rows := sqlutil.Read(ctx, x.read, text, st.args...)
		var r audit.Record
		var n int
		for rows.Next(&r.Action, &r.Outcome, &n) {
			counts[query.OutcomeOf(&r)] += n
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("count rows for the histogram: %w", err)
		}
	}
	for _, o := range query.RowOutcomes() {
		if n := counts[o]; n > 0 {
			b.Outcomes, b.Count = append(b.Outcomes, OutcomeCount{o, n}), b.Count+n
		}
	}
	b.More = b.Count >= s.limit
	return nil
}
