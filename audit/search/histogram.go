package search

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// Bar is a part of the time and how many matches it has.
type Bar struct {
	From, To time.Time // To is not included
	Count    int
	More     bool // there are more than Count
}

// MaxBars is how many parts Activity makes at most.
const MaxBars = 200

// activityCount is how many matches all bars together count: a full bar has
// its share of them at least.
const activityCount = 3 * MaxCount

// Activity divides the time from from to to into equal parts and counts the
// matches in each, whatever page and times the query names. What nothing but
// time narrows is counted to the last; otherwise a bar ends at its share of
// 30,000 matches and says so.
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
	s := newScan(q.Unpaged(), activityCount/buckets+1)
	if err := x.learnBars(ctx, s, first, upto, known); err != nil {
		return nil, err
	}
	for i := range bars {
		s.above, s.below = first[i]-1, min(first[i+1], size+1)
		if err := x.bar(ctx, s, &bars[i], upto, known); err != nil {
			return nil, err
		}
	}
	return bars, nil
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

// fewMatches are so few that to read where all of them are is less work than to
// count those of each bar.
const fewMatches = 5_000

// learnBars counts the matches of all bars that the search tables have at once,
// of those that are not known, where that is less work than one after the
// other: PostgreSQL's index of words knows no order, and reads as much for one
// as for all.
func (x *Index) learnBars(ctx context.Context, s scan, first []int64, upto int64, known *summary) error {
	var wanted []span
	for i := range first[1:] {
		at := span{first[i] - 1, first[i+1], s.limit}
		if _, ok := known.bar(at); !ok && at.above+1 < at.below && at.below <= upto+1 {
			wanted = append(wanted, at)
		}
	}
	if len(wanted) < 2 || s.everything() {
		return nil
	}
	s.above, s.below, s.limit = wanted[0].above, wanted[len(wanted)-1].below, math.MaxInt32
	s.anyOrder = true
	count := x.countedBars
	if x.dialect == audit.SQLite {
		if n, counted := known.countedUpTo(); counted == 0 || n > fewMatches {
			return nil
		}
		count = x.placedBars
	} else if len(s.Text) == 0 {
		return nil
	}
	counts := make([]int, len(wanted))
	if ok, err := count(ctx, s, wanted, counts); err != nil || !ok {
		return err
	}
	for i, at := range wanted {
		known.setBar(at, min(counts[i], at.limit))
	}
	return nil
}

// countedBars counts the scan's matches in each of some bars, on PostgreSQL.
func (x *Index) countedBars(ctx context.Context, s scan, bars []span, counts []int) (ok bool, err error) {
	st, ok := x.statement(s)
	if !ok {
		return false, nil
	}
	var bounds []int64 // where each bar begins and ends
	for _, at := range bars {
		bounds = append(bounds, at.above+1, at.below)
	}
	//nolint:gosec // st.text holds marks where values go
	rows, err := x.read.QueryContext(ctx,
		`SELECT width_bucket(seq, $`+strconv.Itoa(len(st.args)+1)+`::bigint[]), count(*)
		FROM (`+st.text+`) m GROUP BY 1`, append(st.args, bounds)...)
	if err != nil {
		return false, fmt.Errorf("count records for the histogram: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var bounds, n int // how many bounds are not above the matches
		if err := rows.Scan(&bounds, &n); err != nil {
			return false, fmt.Errorf("count records for the histogram: %w", err)
		}
		if bounds%2 == 1 {
			counts[bounds/2] = n
		}
	}
	return true, sqlutil.Wrap(rows.Err(), "count records for the histogram")
}

// placedBars is countedBars on SQLite. All numbers as one text take a tenth of
// what it takes to fetch them row by row.
func (x *Index) placedBars(ctx context.Context, s scan, bars []span, counts []int) (ok bool, err error) {
	st, ok := x.statement(s)
	if !ok {
		return false, nil
	}
	var text sql.NullString
	if err := x.read.QueryRowContext(ctx, `SELECT group_concat(seq) FROM (`+st.text+`)`,
		st.args...).Scan(&text); err != nil || !text.Valid {
		return err == nil, sqlutil.Wrap(err, "read matches for the histogram")
	}
	for number := range strings.SplitSeq(text.String, ",") {
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return false, err
		}
		at, _ := slices.BinarySearchFunc(bars, seq, func(b span, seq int64) int { return cmp.Compare(b.below-1, seq) })
		if at < len(bars) && seq > bars[at].above {
			counts[at]++
		}
	}
	return true, nil
}

// bar counts the records of one bar. upto is how far the search tables are.
func (x *Index) bar(ctx context.Context, s scan, b *Bar, upto int64, known *summary) error {
	switch {
	case s.above+1 >= s.below:
		return nil
	case s.everything():
		b.Count = int(s.below - s.above - 1)
		return nil
	}
	at := span{s.above, s.below, s.limit}
	n, ok := known.bar(at)
	if !ok {
		var err error
		indexed, tail := s.split(upto)
		if n, err = x.countParts(ctx, indexed, tail); err != nil {
			return err
		}
		if s.below <= upto+1 {
			known.setBar(at, n)
		}
	}
	b.Count, b.More = min(n, s.limit-1), n >= s.limit
	return nil
}
