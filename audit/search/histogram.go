package search

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// OutcomeCount is an outcome and how many rows or records of a bar have it.
type OutcomeCount struct {
	Outcome audit.Outcome // one of query.RowOutcomes
	Count   int
}

// Bar is a part of the time and how many matches it has, by outcome, in the
// order of query.RowOutcomes; without those that none has.
type Bar struct {
	From, To time.Time // To is not included
	Outcomes []OutcomeCount
	Count    int  // of all outcomes, and of those that are not known by outcome
	More     bool // there are more than Count
}

// MaxBars is how many parts a chart has at most.
const MaxBars = 200

// activityCount is how many matches all bars together count: a full bar has
// its share of them at least.
const activityCount = 12_000

// Activity divides the time from from to to into equal parts and counts the
// matching records in each by outcome, whatever page and times the query names.
// What nothing but time narrows is counted to the last; otherwise a bar ends at
// its share of 12,000 matches and says so.
func (x *Index) Activity(ctx context.Context, q Query, from, to time.Time, buckets int) ([]Bar, error) {
	buckets = min(max(buckets, 1), MaxBars)
	if !from.Before(to) {
		return nil, errors.New("audit: activity needs a time that begins before it ends")
	}
	q.From, q.To = time.Time{}, time.Time{}
	known := x.summaries.of(q)
	bars, ends := divided(from, to, buckets)
	upto, err := x.Followed(ctx)
	if err != nil {
		return nil, err
	}
	size, err := x.log.Size(ctx)
	if err != nil {
		return nil, err
	}
	first, err := x.firstsKnown(ctx, ends, known)
	if err != nil {
		return nil, err
	}
	for i := range first {
		first[i] = min(first[i], size+1)
	}
	s := newScan(q.Unpaged(), activityCount/buckets+1)
	counts := make([]outcomeCounts, buckets)
	if s.everything() {
		err = x.tallied(ctx, first, upto, counts)
	} else {
		err = x.countRecords(ctx, s, first, upto, known, counts)
	}
	if err == nil {
		err = x.addTail(ctx, s, first, max(upto, first[0]-1), counts)
	}
	for i := range bars {
		if bars[i].take(counts[i], s.limit); s.everything() {
			bars[i].Count, bars[i].More = int(first[i+1]-first[i]), false
		}
	}
	return bars, sqlutil.Wrap(err, "count records for the histogram")
}

// addTail adds the records that the search tables have not. Where nothing but time narrows them, only some are read:
// how many there are is known.
func (x *Index) addTail(ctx context.Context, s scan, first []int64, upto int64, counts []outcomeCounts) error {
	s.above, s.below, s.limit = upto, first[len(counts)], activityCount
	if s.above+1 >= s.below || s.everything() && s.below-s.above > maxBehind {
		return nil
	}
	found, err := x.readTail(ctx, s)
	for i := range found {
		at, exact := slices.BinarySearch(first, found[i].Sequence)
		if !exact {
			at--
		}
		for at+1 < len(first) && first[at+1] == first[at] { // an empty bar begins at the same number
			at++
		}
		counts[at] = counts[at].plus(query.OutcomeOf(&found[i]), 1)
	}
	return err
}

// firstsKnown is firstsFrom with a memory: what is in the log stays there.
func (x *Index) firstsKnown(ctx context.Context, times []int64, known *summary) ([]int64, error) {
	out := make([]int64, len(times))
	var wanted []int64
	for i, ts := range times {
		var ok bool
		if out[i], ok = known.first(ts); !ok {
			wanted = append(wanted, ts)
		}
	}
	if len(wanted) == 0 {
		return out, nil
	}
	found, err := x.firstsFrom(ctx, wanted)
	if err != nil {
		return nil, err
	}
	for i, ts := range wanted {
		if at := slices.Index(times, ts); at >= 0 {
			out[at] = found[i]
		}
		if found[i] < math.MaxInt64 {
			known.setFirst(ts, found[i])
		}
	}
	return out, nil
}

// divided are the empty bars, and where they begin and the last one ends.
func divided(from, to time.Time, buckets int) (bars []Bar, ends []int64) {
	width := to.Sub(from) / time.Duration(buckets)
	for i := range buckets {
		b := Bar{From: from.Add(time.Duration(i) * width), To: from.Add(time.Duration(i+1) * width)}
		if i == buckets-1 {
			b.To = to
		}
		bars, ends = append(bars, b), append(ends, query.Micro(b.From, 0))
	}
	return bars, append(ends, query.Micro(to, math.MaxInt64))
}

// countRecords counts a scan's matches that the search tables have. first are the numbers of the bars' first records,
// and of the one after the last bar.
func (x *Index) countRecords(ctx context.Context, s scan, first []int64, upto int64, known *summary,
	counts []outcomeCounts) error {
	ends := make([]int64, len(first))
	for i := range first {
		ends[i] = min(first[i], upto+1)
	}
	at := func(i int) span { return span{ends[i] - 1, ends[i+1], s.limit} }
	for i := range counts {
		if counts[i] = known.bar(at(i)); counts[i] == nil && ends[i] >= ends[i+1] {
			counts[i] = outcomeCounts{}
		}
	}
	statements := func(s scan) []rowStatement {
		st, ok := x.statement(s)
		if !ok || s.above+1 >= s.below {
			return nil
		}
		return []rowStatement{{st, true}}
	}
	s.below = ends[len(counts)]
	var err error
	switch {
	case !slices.ContainsFunc(counts, func(c outcomeCounts) bool { return c == nil }): // all are known
		return nil
	case x.dialect == audit.SQLite:
		err = x.countEachBar(ctx, s, statements, ends, counts)
	case len(s.Text) == 0:
		err = x.countBars(ctx, s, statements, ends, counts)
	default:
		err = x.countAtOnce(ctx, s, ends, counts)
	}
	if err != nil {
		return err
	}
	for i := range counts {
		if counts[i] == nil {
			counts[i] = outcomeCounts{}
		}
		known.setBar(at(i), counts[i])
	}
	return nil
}

// countAtOnce counts the matches of all bars in one go, on PostgreSQL, whose index of words knows no order, and reads
// as much for one bar as for all.
func (x *Index) countAtOnce(ctx context.Context, s scan, ends []int64, counts []outcomeCounts) error {
	clear(counts)
	s.above, s.below, s.limit, s.anyOrder = ends[0]-1, ends[len(counts)], math.MaxInt32, true
	st, ok := x.statement(s)
	if !ok || s.above+1 >= s.below {
		return nil
	}
	rows := sqlutil.Read(ctx, x.read, `SELECT width_bucket(seq, $`+strconv.Itoa(len(st.args)+1)+`::bigint[]) - 1, action,
		outcome, count(*) FROM (`+strings.ReplaceAll(st.text, "SELECT seq FROM", "SELECT seq, action, outcome FROM")+`) m
		GROUP BY 1, 2, 3`, append(st.args, ends)...)
	var action, outcome string
	var i, n int
	for rows.Next(&i, &action, &outcome, &n) {
		counts[i] = counts[i].add(action, outcome, n)
	}
	return rows.Err()
}
