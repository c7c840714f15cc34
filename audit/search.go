package audit

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Page is one page of a search, newest first.
type Page struct {
	Records []Record
	Next    int64 // Before of the following, older page; 0 = none
	Newer   int64 // After of the page before; 0 = this is the newest
}

// Search returns one page of the records that match, newest first. Records
// whose Append or Note has returned are among them. An entry that cannot be read is
// there as ActionEntryDamaged.
func (l *Log) Search(ctx context.Context, q Query) (Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	found, err := l.find(ctx, newScan(q, limit+1)) // one more tells whether there is another page
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
func olderPage(q Query, found []Record, more bool) Page {
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
func newerPage(q Query, found []Record, more bool) Page {
	if len(found) == 0 {
		return Page{Next: q.After + 1}
	}
	p := Page{Records: found, Next: found[len(found)-1].Sequence}
	if more {
		p.Newer = found[0].Sequence
	}
	return p
}

// Record returns the record with that sequence, or ErrNotFound.
func (l *Log) Record(ctx context.Context, sequence int64) (Record, error) {
	records, err := l.entries(ctx, `seq = $1`, sequence)
	if err != nil {
		return Record{}, err
	}
	if len(records) == 0 {
		return Record{}, ErrNotFound
	}
	return records[0], nil
}

// Operation returns the first MaxLimit records of one operation, oldest
// first; none for an id that the log does not know.
func (l *Log) Operation(ctx context.Context, id string) ([]Record, error) {
	if id == "" {
		return nil, nil
	}
	s := newScan(Query{OperationID: id, Visible: Visibility{All: true}}, MaxLimit)
	s.oldestFirst = true
	return l.find(ctx, s)
}

// LastActions returns the action of the last record of each of the operations
// with these ids, as far as the log knows them.
func (l *Log) LastActions(ctx context.Context, ids []string) (map[string]Action, error) {
	last := make(map[string]Action, len(ids))
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" || !storable(id) })
	if len(ids) == 0 {
		return last, nil
	}
	s := newScan(Query{Visible: Visibility{All: true}}, MaxLimit*len(ids))
	s.operations = ids
	indexed, tail, err := l.parts(ctx, s)
	if err != nil {
		return nil, err
	}
	newest, err := l.readTail(ctx, tail)
	if err != nil {
		return nil, err
	}
	for _, r := range newest {
		if last[r.OperationID] == "" {
			last[r.OperationID] = r.Action
		}
	}
	return last, l.lastIndexed(ctx, indexed, last)
}

// lastIndexed is LastActions of the search tables, for operations that have
// none in last.
func (l *Log) lastIndexed(ctx context.Context, s scan, last map[string]Action) error {
	s.operations = slices.DeleteFunc(s.operations, func(id string) bool { return last[id] != "" })
	if len(s.operations) == 0 || s.above+1 >= s.below {
		return nil
	}
	st, _ := l.statement(s)
	//nolint:gosec // st.text holds marks where values go
	rows, err := l.cfg.SearchRead.QueryContext(ctx, `SELECT r.operation_id, r.action FROM (`+st.text+`) m
		JOIN record r ON r.seq = m.seq ORDER BY m.seq DESC`, st.args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, action string
		if err := rows.Scan(&id, &action); err != nil {
			return err
		}
		if last[id] == "" {
			last[id] = Action(action)
		}
	}
	return rows.Err()
}

// OpenOperations returns, for every operation that was requested and has no
// end, its records, oldest first. It waits until the search tables are up to
// date.
func (l *Log) OpenOperations(ctx context.Context) ([][]Record, error) {
	if err := l.catchUp(ctx); err != nil {
		return nil, err
	}
	ids, err := column[string](l.cfg.SearchRead.QueryContext(ctx, `SELECT operation_id FROM open_operation ORDER BY seq`))
	if err != nil {
		return nil, err
	}
	open := make([][]Record, len(ids))
	for i, id := range ids {
		if open[i], err = l.Operation(ctx, id); err != nil {
			return nil, err
		}
	}
	return open, nil
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
}

// everything reports whether only times and numbers narrow the scan.
func (s scan) everything() bool { return s.operations == nil && s.Query.everything() }

// newScan reads newest first from Before, or oldest first from After.
func newScan(q Query, limit int) scan {
	s := scan{Query: q, above: max(q.After, 0), below: math.MaxInt64, from: micro(q.From, 0),
		to: micro(q.To, math.MaxInt64), oldestFirst: q.After > 0, limit: limit}
	if q.Before > 0 {
		s.below = q.Before
	}
	return s
}

// micro rounds up to the log's microseconds: no record lies in between.
func micro(t time.Time, zero int64) int64 {
	switch t = t.UTC(); {
	case t.IsZero():
		return zero
	case t.Year() < 1970:
		return 0
	case t.Year() > 9999:
		return math.MaxInt64
	}
	return t.Add(time.Microsecond - 1).UnixMicro()
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

func (s scan) matches(r Record) bool {
	return s.fits(&r, sync.OnceValue(func() []string { return recordWords(r) }))
}

// fits is matches for a record whose words may be known.
func (s scan) fits(r *Record, words func() []string) bool {
	ts := r.Time.UnixMicro()
	return s.above < r.Sequence && r.Sequence < s.below && s.from <= ts && ts < s.to &&
		(s.operations == nil || slices.Contains(s.operations, r.OperationID)) && s.Query.matches(r, words)
}

// bounded turns the times into bounds of the sequence: both increase together.
// Everything that searches begins with it.
func (l *Log) bounded(ctx context.Context, s scan) (scan, error) {
	if err := l.awaitNotes(ctx); err != nil {
		return s, err
	}
	if s.from > 0 {
		first, err := l.firstFrom(ctx, s.from)
		if err != nil {
			return s, err
		}
		s.above = max(s.above, first-1)
	}
	if s.to < math.MaxInt64 {
		first, err := l.firstFrom(ctx, s.to)
		if err != nil {
			return s, err
		}
		s.below = min(s.below, first)
	}
	return s, nil
}

// firstFrom is the number of the first record that is not before a time;
// math.MaxInt64 when there is none.
func (l *Log) firstFrom(ctx context.Context, ts int64) (int64, error) {
	first, err := l.firstsFrom(ctx, []int64{ts})
	if err != nil {
		return 0, err
	}
	return first[0], nil
}

// firstsFrom is firstFrom for several times. Times increase with the numbers,
// so halving finds them without an index, all in one statement: low there is
// the last number known to be before a time, room how many may be the last.
func (l *Log) firstsFrom(ctx context.Context, times []int64) ([]int64, error) {
	var c conditions
	marks := make([]string, len(times))
	for i, ts := range times {
		marks[i] = "(" + strconv.Itoa(i) + ", CAST(" + c.arg(ts) + " AS BIGINT))"
	}
	return column[int64](l.cfg.LogRead.QueryContext(ctx, `WITH RECURSIVE wanted (n, ts) AS (VALUES `+strings.Join(marks, ", ")+`),
		halves (n, ts, low, room) AS (
			SELECT n, ts, size - size, size + 1 FROM wanted, head WHERE id = 1
			UNION ALL
			SELECT n, ts, CASE WHEN (SELECT e.ts FROM entry e WHERE e.seq >= low + (room + 1) / 2 ORDER BY e.seq LIMIT 1) < ts
				THEN low + (room + 1) / 2 ELSE low END, (room + 1) / 2
			FROM halves WHERE room > 1)
		SELECT coalesce((SELECT e.seq FROM entry e WHERE e.seq > low ORDER BY e.seq LIMIT 1), `+strconv.Itoa(math.MaxInt64)+`)
		FROM halves WHERE room = 1 ORDER BY n`, c.args...))
}

// find returns up to s.limit matches in the scan's order: of the search
// tables, and of the newest part of the log, which they have not reached.
func (l *Log) find(ctx context.Context, s scan) ([]Record, error) {
	s, err := l.bounded(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.everything() {
		return l.readLog(ctx, s, s.limit) // the log itself is the best index
	}
	upto, err := l.followed(ctx)
	if err != nil {
		return nil, err
	}
	indexed, tail := s, s
	indexed.below, tail.above = min(s.below, upto+1), max(s.above, upto)
	if s.oldestFirst {
		return l.both(ctx, indexed, l.readIndex, tail, l.readTail)
	}
	return l.both(ctx, tail, l.readTail, indexed, l.readIndex)
}

type reader func(context.Context, scan) ([]Record, error)

// both reads the second part for what the first one leaves of the limit.
func (l *Log) both(ctx context.Context, a scan, readA reader, b scan, readB reader) ([]Record, error) {
	found, err := readA(ctx, a)
	if err != nil || len(found) >= a.limit {
		return found, err
	}
	b.limit -= len(found)
	rest, err := readB(ctx, b)
	return append(found, rest...), err
}

// readTail reads matches that the search tables have not: those that are
// remembered, and from the log what is not.
func (l *Log) readTail(ctx context.Context, s scan) ([]Record, error) {
	known := l.recent.between(s.above, s.below)
	if len(known) == 0 {
		return l.readLogged(ctx, s)
	}
	older, newer := s, s
	older.below, newer.above = known[0].record.Sequence, known[len(known)-1].record.Sequence
	first, last := newer, older
	if s.oldestFirst {
		first, last = older, newer
	}
	found, err := l.both(ctx, first, l.readLogged, s, func(_ context.Context, s scan) ([]Record, error) {
		return s.among(known), nil
	})
	if err != nil || len(found) >= s.limit {
		return found, err
	}
	last.limit -= len(found)
	rest, err := l.readLogged(ctx, last)
	return append(found, rest...), err
}

// among are the matches among records that are in the order of their numbers.
func (s scan) among(records []*appending) []Record {
	var found []Record
	for i := range records {
		a := records[i]
		if !s.oldestFirst {
			a = records[len(records)-1-i]
		}
		if !s.fits(&a.record, a.words) {
			continue
		}
		if found = append(found, a.record); len(found) == s.limit {
			break
		}
	}
	return found
}

func (l *Log) readLogged(ctx context.Context, s scan) ([]Record, error) {
	return l.readLog(ctx, s, followBatch)
}

// readLog reads matches from the log without the search tables, step entries
// at a time: when those tables are built anew the whole log is their tail, and
// must not be in memory at once.
func (l *Log) readLog(ctx context.Context, s scan, step int) ([]Record, error) {
	var found []Record
	for s.above+1 < s.below {
		records, err := l.entries(ctx, `seq > $1 AND seq < $2 ORDER BY seq `+s.order()+` LIMIT `+strconv.Itoa(step), s.above, s.below)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if !s.matches(r) {
				continue
			}
			if found = append(found, r); len(found) == s.limit {
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
func (l *Log) readIndex(ctx context.Context, s scan) ([]Record, error) {
	st, ok := l.statement(s)
	if !ok {
		return nil, nil
	}
	seqs, err := column[int64](l.cfg.SearchRead.QueryContext(ctx, `SELECT seq FROM (`+st.text+`) m ORDER BY seq `+s.order(), st.args...))
	if err != nil || len(seqs) == 0 {
		return nil, err
	}
	var c conditions
	records, err := l.entries(ctx, "seq IN ("+list(&c, seqs)+")", c.args...)
	if err != nil {
		return nil, err
	}
	return inOrder(seqs, records), nil
}

// inOrder puts records into the order of seqs. One that the log does not have
// any more is reported like one that it cannot read.
func inOrder(seqs []int64, records []Record) []Record {
	bySeq := make(map[int64]Record, len(records))
	for _, r := range records {
		bySeq[r.Sequence] = r
	}
	out := make([]Record, len(seqs))
	for i, seq := range seqs {
		r, ok := bySeq[seq]
		if !ok {
			r = damaged(seq, 0, "it is missing")
		}
		out[i] = r
	}
	return out
}

// entries reads the records of the log that a condition selects. The condition
// is text of this package and holds placeholders for everything else.
func (l *Log) entries(ctx context.Context, where string, args ...any) ([]Record, error) {
	return l.appendEntries(ctx, nil, where, args...)
}

func (l *Log) appendEntries(ctx context.Context, out []Record, where string, args ...any) ([]Record, error) {
	rows, err := l.cfg.LogRead.QueryContext(ctx, `SELECT seq, ts, body FROM entry WHERE `+where, args...) //nolint:gosec // see above
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var seq, ts int64
	var text sql.RawBytes
	to := []any{&seq, &ts, &text}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		out = append(out, entry(seq, ts, text))
	}
	return out, rows.Err()
}

// list takes several values and returns their placeholders.
func list[T any](c *conditions, values []T) string {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = c.arg(v)
	}
	return strings.Join(marks, ", ")
}

// column reads the only column of a query.
func column[T any](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
