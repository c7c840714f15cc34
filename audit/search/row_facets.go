package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	names, err := x.TicketNames(ctx, q.Visible, tickets)
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

// RowActivity divides the time from from to to into equal parts and counts the
// matching rows of a preset in each by outcome, whatever page and times the query
// names. A bar ends at its share of 12,000 rows, its newest, and says so.
func (x *Index) RowActivity(ctx context.Context, q Query, p Preset, from, to time.Time, buckets int) ([]Bar, error) {
	buckets = min(max(buckets, 1), MaxBars)
	if !from.Before(to) {
		return nil, errors.New("audit: activity needs a time that begins before it ends")
	}
	q.From, q.To = time.Time{}, time.Time{}
	s, _, err := x.rowScan(ctx, q.Unpaged(), activityCount/buckets+1)
	if err != nil {
		return nil, err
	}
	bars, ends := divided(from, to, buckets)
	first, err := x.firstsKnown(ctx, ends, x.summaries.of(q))
	if err != nil {
		return nil, err
	}
	counts := make([]outcomeCounts, buckets)
	statements := func(s scan) []rowStatement { return x.rowStatements(s, p) }
	if x.dialect == audit.PostgreSQL {
		err = x.countBars(ctx, s, statements, first, counts)
	} else {
		err = x.countEachBar(ctx, s, statements, first, counts)
	}
	for i := range bars {
		bars[i].take(counts[i], s.limit)
	}
	return bars, sqlutil.Wrap(err, "count rows for the histogram")
}

// outcomeCounts are how many rows have which of query.RowOutcomes.
type outcomeCounts map[audit.Outcome]int

// add counts n rows whose outcome these values say: of an operation the outcome alone.
func (c outcomeCounts) add(action, outcome string, n int) outcomeCounts {
	return c.plus(query.OutcomeOf(&audit.Record{Action: audit.Action(action), Outcome: audit.Outcome(outcome)}), n)
}

// plus is c with n more of an outcome.
func (c outcomeCounts) plus(o audit.Outcome, n int) outcomeCounts {
	if c == nil {
		c = outcomeCounts{}
	}
	c[o] += n
	return c
}

// take has the bar say what was counted.
func (b *Bar) take(counts outcomeCounts, limit int) {
	for _, o := range query.RowOutcomes() {
		if n := counts[o]; n > 0 {
			b.Outcomes, b.Count = append(b.Outcomes, OutcomeCount{o, n}), b.Count+n
		}
	}
	b.More = b.Count >= limit
}

// countEachBar counts the rows of one bar after the other, of those that have no counts. first are the numbers of the
// bars' first records, and of the one after the last bar.
func (x *Index) countEachBar(ctx context.Context, s scan, of func(scan) []rowStatement, first []int64,
	counts []outcomeCounts) error {
	last := s.below
	for i := range counts {
		if counts[i] != nil {
			continue
		}
		s.above, s.below = first[i]-1, min(first[i+1], last)
		for _, st := range of(s) {
			rows := sqlutil.Read(ctx, x.read, st.byOutcome(), st.args...)
			var action, outcome string
			var n int
			for rows.Next(&action, &outcome, &n) {
				counts[i] = counts[i].add(action, outcome, n)
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// countBars is countEachBar on PostgreSQL, which is asked once for all bars: each question would cost it more than to
// count a bar.
func (x *Index) countBars(ctx context.Context, s scan, of func(scan) []rowStatement, first []int64,
	counts []outcomeCounts) error {
	above, below := make([]int64, len(counts)), make([]int64, len(counts))
	for i := range counts {
		if counts[i] == nil {
			above[i], below[i] = first[i]-1, min(first[i+1], s.below)
		}
	}
	s.above, s.below, s.ofBars = first[0]-1, min(first[len(counts)], s.below), true
	for _, st := range of(s) {
		args := sqlutil.Args(st.args)
		text := `SELECT bar.number - 1, counted.* FROM unnest(` + args.Add(above) + `::bigint[], ` + args.Add(below) +
			`::bigint[]) WITH ORDINALITY bar (above, below, number), LATERAL (` + st.byOutcome() + `) counted`
		rows := sqlutil.Read(ctx, x.read, text, args...)
		var action, outcome string
		var i, n int
		for rows.Next(&i, &action, &outcome, &n) {
			counts[i] = counts[i].add(action, outcome, n)
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// byOutcome counts the rows of a statement by action, which is empty for operations, and outcome.
func (st rowStatement) byOutcome() string {
	ofOperations, direct := strings.CutPrefix(st.text, "SELECT seq AS seq FROM operation ")
	switch {
	case direct: // from their table, which has the outcome itself
		return `SELECT '', outcome, count(*) FROM (SELECT outcome FROM operation ` + ofOperations + `) m GROUP BY outcome`
	case st.plain:
		return `SELECT action, outcome, count(*) FROM (` +
			strings.Replace(st.text, "SELECT seq", "SELECT action, outcome", 1) + `) m GROUP BY action, outcome`
	case st.singles:
		return `SELECT r.action, r.outcome, count(*)
			FROM (` + st.text + `) m JOIN record r ON r.seq = m.seq GROUP BY r.action, r.outcome`
	}
	return `SELECT '', o.outcome, count(*)
		FROM (` + st.text + `) m JOIN operation o ON o.seq = m.seq GROUP BY o.outcome`
}
