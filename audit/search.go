package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Visibility limits what a reader sees: everything, or their own records and
// what was done to tickets they can open.
type Visibility struct {
	All     bool
	UserID  string
	Tickets []string // operation records of these
}

func (v Visibility) allows(r Record) bool {
	if v.All || v.UserID != "" && r.Actor.UserID == v.UserID {
		return true
	}
	return r.Ticket != "" && strings.HasPrefix(string(r.Action), "operation.") && slices.Contains(v.Tickets, r.Ticket)
}

// Query narrows a search; zero fields do not.
type Query struct {
	Person      string // user name or id
	Ticket      string
	OperationID string
	Action      Action // or a group of them: "operation."
	Outcome     Outcome
	From, To    time.Time // From inclusive, To exclusive
	Before      int64     // records below this sequence, newest first
	After       int64     // records above it: the page that comes before
	Limit       int       // 1..MaxLimit; 0 = DefaultLimit
	Visible     Visibility
}

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

func (q Query) matches(r Record) bool {
	return (q.Person == "" || q.Person == r.Actor.UserName || q.Person == r.Actor.UserID) &&
		(q.Ticket == "" || q.Ticket == r.Ticket) &&
		(q.OperationID == "" || q.OperationID == r.OperationID) &&
		(q.Action == "" || q.Action == r.Action || q.group() && strings.HasPrefix(string(r.Action), string(q.Action))) &&
		(q.Outcome == "" || q.Outcome == r.Outcome) &&
		(q.From.IsZero() || !r.Time.Before(q.From)) &&
		(q.To.IsZero() || r.Time.Before(q.To)) &&
		(q.Before == 0 || r.Sequence < q.Before) &&
		(q.After == 0 || r.Sequence > q.After) &&
		q.Visible.allows(r)
}

func (q Query) group() bool { return strings.HasSuffix(string(q.Action), ".") }

// Search returns one page of the records that match, newest first.
func (l *Log) Search(ctx context.Context, q Query) (Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	q.Limit = limit + 1 // one more tells whether there is another page
	found, err := l.find(ctx, q)
	if err != nil {
		return Page{}, err
	}
	return l.page(ctx, q, found, limit)
}

// page cuts the extra record off and sets the addresses of the neighbours.
func (l *Log) page(ctx context.Context, q Query, found []Record, limit int) (Page, error) {
	more := len(found) > limit
	backward := q.After > 0
	switch {
	case more && backward:
		found = found[len(found)-limit:]
	case more:
		found = found[:limit]
	}
	p := Page{Records: found}
	if len(found) == 0 {
		return p, nil
	}
	first, last := found[0].Sequence, found[len(found)-1].Sequence
	if more && !backward || backward {
		p.Next = last
	}
	if backward {
		if more {
			p.Newer = first
		}
		return p, nil
	}
	if q.Before > 0 {
		p.Newer = first
	}
	return p, nil
}

// find returns up to q.Limit matches, newest first: of the search tables, and
// of the tail of the log that they have not reached.
func (l *Log) find(ctx context.Context, q Query) ([]Record, error) {
	upto, err := l.followed(ctx)
	if err != nil {
		return nil, err
	}
	indexed, err := l.findIndexed(ctx, q, upto)
	if err != nil {
		return nil, err
	}
	tail, err := l.findTail(ctx, q, upto)
	if err != nil {
		return nil, err
	}
	all := append(tail, indexed...)
	if len(all) <= q.Limit {
		return all, nil
	}
	if q.After > 0 {
		return all[len(all)-q.Limit:], nil
	}
	return all[:q.Limit], nil
}

// findTail scans what the follower has not reached, newest first. It is a few
// records as a rule; when it is long, the follower is helped first.
func (l *Log) findTail(ctx context.Context, q Query, upto int64) ([]Record, error) {
	records, err := l.entries(ctx, `seq > $1 ORDER BY seq`, upto)
	if err != nil {
		return nil, err
	}
	slices.Reverse(records)
	return slices.DeleteFunc(records, func(r Record) bool { return !q.matches(r) }), nil
}

func (l *Log) findIndexed(ctx context.Context, q Query, upto int64) ([]Record, error) {
	text, args := q.statement(upto)
	seqs, err := integers(l.cfg.SearchRead.QueryContext(ctx, text, args...))
	if err != nil {
		return nil, err
	}
	if q.After > 0 {
		slices.Reverse(seqs) // read oldest first, to be next to After
	}
	return l.bySequence(ctx, seqs)
}

// conditions builds a WHERE clause with numbered arguments.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	for _, a := range args {
		c.args = append(c.args, a)
		term = strings.Replace(term, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
	c.terms = append(c.terms, term)
}

// statement is the search as SQL. The literal terms (ticket <> ”) repeat the
// conditions of the partial indexes, which SQLite would not use otherwise.
func (q Query) statement(upto int64) (string, []any) {
	var c conditions
	c.add("seq <= ?", upto)
	if q.Person != "" {
		c.add("(user_name = ? OR user_id = ?)", q.Person, q.Person)
	}
	if q.Ticket != "" {
		c.add("ticket = ? AND ticket <> ''", q.Ticket)
	}
	if q.OperationID != "" {
		c.add("operation_id = ? AND operation_id <> ''", q.OperationID)
	}
	switch {
	case q.group():
		c.add("action >= ? AND action < ?", string(q.Action), strings.TrimSuffix(string(q.Action), ".")+"/")
	case q.Action != "":
		c.add("action = ?", string(q.Action))
	}
	if q.Outcome != "" {
		c.add("outcome = ?", string(q.Outcome))
	}
	if q.Outcome != "" && q.Outcome != OutcomeSucceeded && q.Outcome != OutcomePending {
		c.add("outcome NOT IN ('succeeded', 'pending')")
	}
	if !q.From.IsZero() {
		c.add("ts >= ?", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		c.add("ts < ?", q.To.UnixMicro())
	}
	if q.Before > 0 {
		c.add("seq < ?", q.Before)
	}
	if q.After > 0 {
		c.add("seq > ?", q.After)
	}
	q.Visible.narrow(&c)
	order := "DESC"
	if q.After > 0 {
		order = "ASC"
	}
	return "SELECT seq FROM record WHERE " + strings.Join(c.terms, " AND ") +
		" ORDER BY seq " + order + fmt.Sprintf(" LIMIT %d", q.Limit), c.args
}

func (v Visibility) narrow(c *conditions) {
	if v.All {
		return
	}
	var either []string
	var args []any
	if v.UserID != "" {
		either, args = append(either, "user_id = ?"), append(args, v.UserID)
	}
	for _, t := range v.Tickets {
		either = append(either, "(ticket = ? AND ticket <> '' AND action >= 'operation.' AND action < 'operation/')")
		args = append(args, t)
	}
	if len(either) == 0 {
		either = []string{"1 = 0"}
	}
	c.add("("+strings.Join(either, " OR ")+")", args...)
}

func integers(rows *sql.Rows, err error) ([]int64, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// bySequence reads records in the order asked for.
func (l *Log) bySequence(ctx context.Context, seqs []int64) ([]Record, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	marks, args := make([]string, len(seqs)), make([]any, len(seqs))
	for i, n := range seqs {
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), n
	}
	records, err := l.entries(ctx, "seq IN ("+strings.Join(marks, ",")+") ORDER BY seq", args...)
	if err != nil {
		return nil, err
	}
	if len(seqs) > 1 && seqs[0] > seqs[1] {
		slices.Reverse(records)
	}
	return records, nil
}

// entries reads the records of the log that a condition selects.
func (l *Log) entries(ctx context.Context, where string, args ...any) ([]Record, error) {
	rows, err := l.cfg.LogRead.QueryContext(ctx, `SELECT body FROM entry WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Record
	for rows.Next() {
		var text sql.RawBytes
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		r, err := decode(text)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
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

// Operation returns the records of one operation, oldest first; none for an
// id that the log does not know.
func (l *Log) Operation(ctx context.Context, id string) ([]Record, error) {
	if id == "" {
		return nil, nil
	}
	records, err := l.find(ctx, Query{OperationID: id, Limit: MaxLimit, Visible: Visibility{All: true}})
	slices.Reverse(records)
	return records, err
}

// OpenOperations returns, for every operation that was requested and has no
// end, its records, oldest first.
func (l *Log) OpenOperations(ctx context.Context) ([][]Record, error) {
	if err := l.catchUp(ctx); err != nil {
		return nil, err
	}
	seqs, err := integers(l.cfg.SearchRead.QueryContext(ctx, `SELECT seq FROM open_operation ORDER BY seq LIMIT 10000`))
	if err != nil {
		return nil, err
	}
	var open [][]Record
	for _, seq := range seqs {
		r, err := l.Record(ctx, seq)
		if err != nil {
			return nil, err
		}
		records, err := l.Operation(ctx, r.OperationID)
		if err != nil {
			return nil, err
		}
		open = append(open, records)
	}
	return open, nil
}

// Export hands all matching records to each, oldest first, until it returns
// an error. It reads in pages, so that a long export holds no transaction.
func (l *Log) Export(ctx context.Context, q Query, each func(Record) error) error {
	before := q.Before
	q.After, q.Before = max(q.After, 0), 0
	for {
		page := q
		page.Limit = MaxLimit
		if page.After == 0 {
			page.After = -1
		}
		records, err := l.forward(ctx, page)
		if err != nil {
			return err
		}
		for _, r := range records {
			if before > 0 && r.Sequence >= before {
				return nil
			}
			if err := each(r); err != nil {
				return err
			}
		}
		if len(records) < MaxLimit {
			return nil
		}
		q.After = records[len(records)-1].Sequence
	}
}

// forward returns up to q.Limit matches above q.After, oldest first.
func (l *Log) forward(ctx context.Context, q Query) ([]Record, error) {
	if q.After < 1 {
		q.After = 0
		// Sequences begin at 1: everything is above zero, but zero means "not
		// given" in a query, so the first page reads from the newest side only
		// when it is the whole log.
		q.From = laterOf(q.From, time.UnixMicro(1))
	}
	upto, err := l.followed(ctx)
	if err != nil {
		return nil, err
	}
	text, args := q.statement(upto)
	text = strings.Replace(text, "ORDER BY seq DESC", "ORDER BY seq ASC", 1)
	seqs, err := integers(l.cfg.SearchRead.QueryContext(ctx, text, args...))
	if err != nil {
		return nil, err
	}
	records, err := l.bySequence(ctx, seqs)
	if err != nil || len(records) >= q.Limit {
		return records, err
	}
	tail, err := l.findTail(ctx, q, upto)
	if err != nil {
		return nil, err
	}
	slices.Reverse(tail)
	records = append(records, tail...)
	return records[:min(len(records), q.Limit)], nil
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

var _ = errors.Is
