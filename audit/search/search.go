package search

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// The sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Page is one page of a search, newest first.
type Page struct {
	Records []audit.Record
	Next    int64 // Before of the following, older page; 0 = none
	Newer   int64 // After of the page before; 0 = this is the newest
}

// Search returns one page of the records that match, newest first. Records
// whose Append has returned are among them, those of Note after AwaitNotes. An entry that cannot be read is
// there as ActionEntryDamaged.
func (x *Index) Search(ctx context.Context, q Query) (Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	found, err := x.find(ctx, newScan(q, limit+1)) // one more tells whether there is another page
	if err != nil {
		return Page{}, err
	}
	more := len(found) > limit
	found = found[:min(len(found), limit)]
	if q.After > 0 {
		slices.Reverse(found)
		return newerPage(q, found, more), nil
	}
	return olderPage(q, found, more), nil
}

// olderPage is the newest page, or one that was reached by going to older ones.
func olderPage(q Query, found []audit.Record, more bool) Page {
	p := Page{Records: found}
	switch {
	case len(found) == 0:
		p.Newer = max(q.Before-1, 0)
		return p
	case q.Before > 0:
		p.Newer = found[0].Sequence
	}
	if more {
		p.Next = found[len(found)-1].Sequence
	}
	return p
}

// newerPage is one that was reached by going to newer ones: older ones exist.
func newerPage(q Query, found []audit.Record, more bool) Page {
	if len(found) == 0 {
		return Page{Next: q.After + 1}
	}
	p := Page{Records: found, Next: found[len(found)-1].Sequence}
	if more {
		p.Newer = found[0].Sequence
	}
	return p
}

// Operation returns the first MaxLimit records of one operation, oldest
// first; none for an id that the log does not know.
func (x *Index) Operation(ctx context.Context, id string) ([]audit.Record, error) {
	if id == "" {
		return nil, nil
	}
	s := newScan(Query{OperationID: id, Visible: Visibility{All: true}}, MaxLimit)
	s.oldestFirst = true
	return x.find(ctx, s)
}

// Operations returns the records of each of the operations with these ids,
// oldest first, as far as the log knows them: one search for all.
func (x *Index) Operations(ctx context.Context, ids []string) (map[string][]audit.Record, error) {
	of := make(map[string][]audit.Record, len(ids))
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" || !query.Storable(id) })
	if len(ids) == 0 {
		return of, nil
	}
	s := newScan(Query{Visible: Visibility{All: true}}, MaxLimit*len(ids))
	s.operations, s.oldestFirst = ids, true
	found, err := x.find(ctx, s)
	for _, r := range found {
		of[r.OperationID] = append(of[r.OperationID], r)
	}
	return of, err
}

// LastActions returns the last step of each of the operations with these ids,
// as far as the log knows them: what came before them and after is no step.
func (x *Index) LastActions(ctx context.Context, ids []string) (map[string]audit.Action, error) {
	last := make(map[string]audit.Action, len(ids))
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" || !query.Storable(id) })
	if len(ids) == 0 {
		return last, nil
	}
	s := newScan(Query{Visible: Visibility{All: true}}, MaxLimit*len(ids))
	s.operations = ids
	indexed, tail, err := x.parts(ctx, s)
	if err != nil {
		return nil, err
	}
	newest, err := x.readTail(ctx, tail)
	if err != nil {
		return nil, err
	}
	for _, r := range newest {
		if last[r.OperationID] == "" && isStep(r.Action) {
			last[r.OperationID] = r.Action
		}
	}
	return last, x.lastIndexed(ctx, indexed, last)
}

// isStep reports whether a record is of an operation's steps, and not of what came before or after them.
func isStep(a audit.Action) bool { return query.GroupOf(a) == query.Operations }

// lastIndexed is LastActions of the search tables, for operations that have
// none in last.
func (x *Index) lastIndexed(ctx context.Context, s scan, last map[string]audit.Action) error {
	s.operations = slices.DeleteFunc(s.operations, func(id string) bool { return last[id] != "" })
	if len(s.operations) == 0 || s.above+1 >= s.below {
		return nil
	}
	st, _ := x.statement(s)
	//nolint:gosec // st.text holds marks where values go
	rows, err := x.read.QueryContext(ctx, `SELECT r.operation_id, r.action FROM (`+st.text+`) m
		JOIN record r ON r.seq = m.seq ORDER BY m.seq DESC`, st.args...)
	if err != nil {
		return fmt.Errorf("read how operations ended: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, action string
		if err := rows.Scan(&id, &action); err != nil {
			return fmt.Errorf("read how operations ended: %w", err)
		}
		if last[id] == "" && isStep(audit.Action(action)) {
			last[id] = audit.Action(action)
		}
	}
	return sqlutil.Wrap(rows.Err(), "read how operations ended")
}

// OpenOperations returns, for every operation that was requested and has no end
// as far as the search tables are, up to upTo, its records, oldest first, of later
// ones as well. It waits for nobody.
func (x *Index) OpenOperations(ctx context.Context) (upTo int64, open [][]audit.Record, err error) {
	rows, err := x.read.QueryContext(ctx, `SELECT f.upto, coalesce(o.operation_id, '') FROM followed f
		LEFT JOIN open_operation o ON f.id = 1 WHERE f.id = 1 ORDER BY o.seq`)
	if err != nil {
		return 0, nil, fmt.Errorf("read the open operations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&upTo, &id); err != nil {
			return 0, nil, fmt.Errorf("read the open operations: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return 0, nil, fmt.Errorf("read the open operations: %w", err)
	}
	for some := range slices.Chunk(ids, MaxLimit) {
		of, err := x.Operations(ctx, some)
		if err != nil {
			return 0, nil, err
		}
		for _, id := range some {
			if len(of[id]) > 0 {
				open = append(open, of[id])
			}
		}
	}
	return upTo, open, nil
}

// scan is a query with a direction. Its bounds are numbers that are always
// set, for SQL and for records in memory alike.
type scan struct {
	Query
	above, below int64 // sequences between these, without them
	from, to     int64 // microseconds; to is not included
	oldestFirst  bool
	anyOrder     bool // of the search tables: only how many there are is asked
	limit        int
	operations   []string // ids of which one must be the record's; nil: any
	singles      bool     // of the search tables: only records that belong to no operation's row
	groups       []string // with singles: of these groups of actions; nil: any
	only         []int64  // of rows: these places; nil: all
	ofBars       bool     // of rows, on PostgreSQL: between above and below of each row of the table bar
}

// everything reports whether only times and numbers narrow the scan.
func (s scan) everything() bool { return s.operations == nil && !s.singles && s.Query.Everything() }

// newScan reads newest first from Before, or oldest first from After.
func newScan(q Query, limit int) scan {
	s := scan{Query: q, above: max(q.After, 0), below: math.MaxInt64, from: query.Micro(q.From, 0),
		to: query.Micro(q.To, math.MaxInt64), oldestFirst: q.After > 0, limit: limit}
	if q.Before > 0 {
		s.below = q.Before
	}
	return s
}

// past returns the scan that goes on after a sequence.
func (s scan) past(seq int64) scan {
	if s.oldestFirst {
		s.above = max(s.above, seq)
	} else {
		s.below = min(s.below, seq)
	}
	return s
}

func (s scan) order() string {
	if s.oldestFirst {
		return "ASC"
	}
	return "DESC"
}

// matcher returns a function that reports whether a record matches. It is made
// once for all records that are looked through, and allocates nothing for each.
func (s scan) matcher() func(r *recentRecord) bool {
	matches := s.Matcher()
	return func(r *recentRecord) bool {
		ts := r.Time.UnixMicro()
		return s.above < r.Sequence && r.Sequence < s.below && s.from <= ts && ts < s.to &&
			(s.operations == nil || slices.Contains(s.operations, r.OperationID)) &&
			matches(r.Record, r.words)
	}
}

// bounded turns the times into bounds of the sequence: both increase together.
// Everything that searches begins with it.
func (x *Index) bounded(ctx context.Context, s scan) (scan, error) {
	if s.from > 0 {
		first, err := x.firstFrom(ctx, s.from)
		if err != nil {
			return s, err
		}
		s.above = max(s.above, first-1)
	}
	if s.to < math.MaxInt64 {
		first, err := x.firstFrom(ctx, s.to)
		if err != nil {
			return s, err
		}
		s.below = min(s.below, first)
	}
	return s, nil
}

// firstFrom is the number of the first record that is not before a time;
// math.MaxInt64 when there is none.
func (x *Index) firstFrom(ctx context.Context, ts int64) (int64, error) {
	first, err := x.firstsFrom(ctx, []int64{ts})
	if err != nil {
		return 0, err
	}
	return first[0], nil
}

// firstsFrom is firstFrom for several times. Times increase with the numbers,
// so halving finds them without an index, all in one statement: low there is
// the last number known to be before a time, room how many may be the last.
func (x *Index) firstsFrom(ctx context.Context, times []int64) ([]int64, error) {
	var c conditions
	marks := make([]string, len(times))
	for i, ts := range times {
		marks[i] = "(" + strconv.Itoa(i) + ", CAST(" + c.arg(ts) + " AS BIGINT))"
	}
	firsts, err := sqlutil.Column[int64](x.log.Reader().QueryContext(ctx, `WITH RECURSIVE wanted (n, ts) AS (VALUES `+strings.Join(marks, ", ")+`),
		halves (n, ts, low, room) AS (
			SELECT n, ts, size - size, size + 1 FROM wanted, head WHERE id = 1
			UNION ALL
			SELECT n, ts, CASE WHEN (SELECT e.ts FROM entry e WHERE e.seq >= low + (room + 1) / 2 ORDER BY e.seq LIMIT 1) < ts
				THEN low + (room + 1) / 2 ELSE low END, (room + 1) / 2
			FROM halves WHERE room > 1)
		SELECT coalesce((SELECT e.seq FROM entry e WHERE e.seq > low ORDER BY e.seq LIMIT 1), `+strconv.Itoa(math.MaxInt64)+`)
		FROM halves WHERE room = 1 ORDER BY n`, c.args...))
	return firsts, sqlutil.Wrap(err, "read which records are first from a time")
}

// find returns up to s.limit matches in the scan's order: of the search
// tables, and of the newest part of the log, which they have not reached.
func (x *Index) find(ctx context.Context, s scan) ([]audit.Record, error) {
	s, err := x.bounded(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.everything() {
		return x.readLog(ctx, s, s.limit) // the log itself is the best index
	}
	upto, err := x.Followed(ctx)
	if err != nil {
		return nil, err
	}
	indexed, tail := s, s
	indexed.below, tail.above = min(s.below, upto+1), max(s.above, upto)
	if s.oldestFirst {
		return x.both(ctx, indexed, x.readIndex, tail, x.readTail)
	}
	return x.both(ctx, tail, x.readTail, indexed, x.readIndex)
}

type reader func(context.Context, scan) ([]audit.Record, error)

// both reads the second part for what the first one leaves of the limit.
func (x *Index) both(ctx context.Context, a scan, readA reader, b scan, readB reader) ([]audit.Record, error) {
	found, err := readA(ctx, a)
	if err != nil || len(found) >= a.limit {
		return found, err
	}
	b.limit -= len(found)
	rest, err := readB(ctx, b)
	return append(found, rest...), err
}

// readTail reads matches that the search tables have not: those that are
// recentRecord, and from the log what is not.
func (x *Index) readTail(ctx context.Context, s scan) ([]audit.Record, error) {
	known := x.recent.between(s.above, s.below)
	if len(known) == 0 {
		return x.readLogged(ctx, s)
	}
	older, newer := s, s
	older.below, newer.above = known[0].Sequence, known[len(known)-1].Sequence
	first, last := newer, older
	if s.oldestFirst {
		first, last = older, newer
	}
	found, err := x.both(ctx, first, x.readLogged, s, func(_ context.Context, s scan) ([]audit.Record, error) {
		return s.among(known), nil
	})
	if err != nil || len(found) >= s.limit {
		return found, err
	}
	last.limit -= len(found)
	rest, err := x.readLogged(ctx, last)
	return append(found, rest...), err
}

// among are the matches among records that are in the order of their numbers.
func (s scan) among(records []*recentRecord) []audit.Record {
	var found []audit.Record
	matches := s.matcher()
	for i := range records {
		a := records[i]
		if !s.oldestFirst {
			a = records[len(records)-1-i]
		}
		if !matches(a) {
			continue
		}
		if found = append(found, *a.Record); len(found) == s.limit {
			break
		}
	}
	return found
}

func (x *Index) readLogged(ctx context.Context, s scan) ([]audit.Record, error) {
	return x.readLog(ctx, s, followBatch)
}

// readLog reads matches from the log without the search tables, step entries
// at a time: when those tables are built again the whole log is their tail, and
// must not be in memory at once.
func (x *Index) readLog(ctx context.Context, s scan, step int) ([]audit.Record, error) {
	var found []audit.Record
	matches := s.matcher()
	for s.above+1 < s.below {
		records, err := x.log.AppendRecords(ctx, nil,
			`seq > $1 AND seq < $2 ORDER BY seq `+s.order()+` LIMIT `+strconv.Itoa(step), s.above, s.below)
		if err != nil {
			return nil, err
		}
		for i := range records {
			if !matches(single(&records[i])) {
				continue
			}
			if found = append(found, records[i]); len(found) == s.limit {
				return found, nil
			}
		}
		if len(records) < step {
			break
		}
		s = s.past(records[len(records)-1].Sequence)
	}
	return found, nil
}

// readIndex asks the search tables which records match, and the log for them.
func (x *Index) readIndex(ctx context.Context, s scan) ([]audit.Record, error) {
	st, ok := x.statement(s)
	if !ok {
		return nil, nil
	}
	seqs, err := sqlutil.Column[int64](x.read.QueryContext(ctx,
		`SELECT seq FROM (`+st.text+`) m ORDER BY seq `+s.order(), st.args...))
	if err != nil || len(seqs) == 0 {
		return nil, sqlutil.Wrap(err, "read matches from the search tables")
	}
	var c conditions
	records, err := x.log.AppendRecords(ctx, nil, "seq IN ("+sqlutil.List(&c.args, seqs)+")", c.args...)
	if err != nil {
		return nil, err
	}
	return inOrder(seqs, records), nil
}

// inOrder puts records into the order of seqs. One that the log does not have
// any more is reported like one that it cannot read.
func inOrder(seqs []int64, records []audit.Record) []audit.Record {
	bySeq := make(map[int64]audit.Record, len(records))
	for _, r := range records {
		bySeq[r.Sequence] = r
	}
	out := make([]audit.Record, len(seqs))
	for i, seq := range seqs {
		r, ok := bySeq[seq]
		if !ok {
			r = audit.Missing(seq)
		}
		out[i] = r
	}
	return out
}
