package search

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coc-console/audit"
	"coc-console/audit/operations"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// Row is one row of a grouped search: see operations.Row.
type Row = operations.Row

// Stage is one step of an operation.
type Stage = operations.Stage

// Preset says which rows a grouped search has. Any other text is PresetOperations.
type Preset string

// The presets. Every record of the log belongs to exactly one row of
// PresetEverything, and every operation is exactly one row of PresetOperations.
const (
	PresetOperations Preset = "operations" // operations, approvals that wait for one, attempts that were denied
	PresetApprovals  Preset = "approvals"  // operations that were asked for, or sent by an override; roles for a while
	PresetAccess     Preset = "access"     // sessions, and what was denied or refused
	PresetEverything Preset = "everything" // operations, and each record that belongs to none
)

// Presets lists them in the order of the page's tabs.
func Presets() []Preset {
	return []Preset{PresetOperations, PresetApprovals, PresetAccess, PresetEverything}
}

// groups are the groups of actions of a preset's operations and of its single
// records; singles is false where it has no such records.
func (p Preset) groups() (ofOperations, ofSingles []string, singles bool) {
	switch p {
	case PresetApprovals:
		return []string{query.Approvals, query.Overrides}, []string{query.Elevations}, true
	case PresetAccess:
		return []string{"access."}, []string{"session.", "access.", "request."}, true
	case PresetEverything:
		return nil, nil, true
	default:
		return nil, nil, false
	}
}

// RowPage is one page of a grouped search, newest first.
type RowPage struct {
	Rows  []Row
	Next  int64 // Before of the following, older page; 0 = none
	Newer int64 // After of the page before; 0 = this is the newest
	// Behind is how many of the newest records are not in rows yet, because the
	// search tables are being filled; 0 as a rule.
	Behind int64
}

// Rows returns one page of a preset's rows that match a query, newest first by
// Row.Sequence. Query.Before and After are such numbers; From and To bound
// Row.At. Filters look at the whole operation: outcome is the row's (or what
// query.General says of it), actor is who asked for it, action is that of any of
// its records. Every record whose Append has returned is in a row, unless Behind
// says otherwise.
func (x *Index) Rows(ctx context.Context, q Query, p Preset) (RowPage, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	s, behind, err := x.rowScan(ctx, q, limit+1) // one more tells whether there is another page
	if err != nil {
		return RowPage{}, err
	}
	found, err := x.placed(ctx, s, p)
	if err != nil {
		return RowPage{}, err
	}
	more := len(found) > limit
	found = found[:min(len(found), limit)]
	if s.oldestFirst {
		slices.Reverse(found)
	}
	page := RowPage{Behind: behind}
	page.Next, page.Newer = turns(q, found, more)
	page.Rows, err = x.rowsOf(ctx, q.Visible, found)
	return page, err
}

// RowsAt returns the operations with some places (Row.Sequence) that a reader may
// see, as they are now, newest first; at most MaxLimit.
func (x *Index) RowsAt(ctx context.Context, places []int64, v Visibility) ([]Row, error) {
	s, _, err := x.rowScan(ctx, Query{Visible: v}, MaxLimit)
	if err != nil || len(places) == 0 {
		return nil, err
	}
	s.only = places[:min(len(places), MaxLimit)]
	found, err := x.placedOperations(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	return x.rowsOf(ctx, v, found)
}

// turns are a page's ways to the older and to the newer one.
func turns(q Query, found []placed, more bool) (next, newer int64) {
	n := len(found)
	switch {
	case n == 0 && q.After > 0:
		return q.After + 1, 0
	case n == 0:
		return 0, max(q.Before-1, 0)
	case q.After > 0: // it was reached by going to newer ones: older ones exist
		if more {
			newer = found[0].seq
		}
		return found[n-1].seq, newer
	}
	if q.Before > 0 {
		newer = found[0].seq
	}
	if more {
		next = found[n-1].seq
	}
	return next, newer
}

// maxBehind is how many records the search tables may be behind for a grouped
// search to wait until they are not.
const maxBehind = 4 * followBatch

// rowScan is a scan of the rows that the search tables have, when they have the
// whole log, or say by how much they are behind.
func (x *Index) rowScan(ctx context.Context, q Query, limit int) (s scan, behind int64, err error) {
	size, err := x.log.Size(ctx)
	if err != nil {
		return s, 0, err
	}
	upto, err := x.Followed(ctx)
	if err != nil {
		return s, 0, err
	}
	if upto < size && size-upto <= maxBehind && x.unfollowed.Load() == nil {
		if err := x.CatchUp(ctx); err != nil && ctx.Err() != nil {
			return s, 0, err
		}
		if upto, err = x.Followed(ctx); err != nil {
			return s, 0, err
		}
	}
	s, err = x.bounded(ctx, newScan(q, limit))
	s.below = min(s.below, upto+1)
	return s, max(size-upto, 0), err
}

// placed is a row as the search tables have it.
type placed struct {
	seq       int64
	operation bool
	outcome   string
	numbers   []int64 // of its records
}

// placed are a scan's rows, in its order.
func (x *Index) placed(ctx context.Context, s scan, p Preset) ([]placed, error) {
	ofOperations, ofSingles, singles := p.groups()
	found, err := x.placedOperations(ctx, s, ofOperations)
	if err != nil || !singles {
		return found, err
	}
	s.singles, s.groups = true, ofSingles
	st, ok := x.statement(s)
	if !ok || s.above+1 >= s.below {
		return found, nil
	}
	seqs, err := sqlutil.Column[int64](x.read.QueryContext(ctx, st.text, st.args...))
	if err != nil {
		return nil, fmt.Errorf("read single records from the search tables: %w", err)
	}
	for _, seq := range seqs {
		found = append(found, placed{seq: seq, numbers: []int64{seq}})
	}
	slices.SortFunc(found, func(a, b placed) int {
		if s.oldestFirst {
			return int(a.seq - b.seq)
		}
		return int(b.seq - a.seq)
	})
	return found[:min(len(found), s.limit)], nil
}

func (s scan) ofOperations(groups []string) operations.Scan {
	return operations.Scan{Query: s.Query, Groups: groups, Above: s.above, Below: s.below, Only: s.only,
		OldestFirst: s.oldestFirst, Limit: s.limit, OfBars: s.ofBars}
}

func (x *Index) placedOperations(ctx context.Context, s scan, groups []string) ([]placed, error) {
	text, args, ok := x.table().Statement(s.ofOperations(groups))
	if !ok || s.above+1 >= s.below {
		return nil, nil
	}
	rows := sqlutil.Read(ctx, x.read, `SELECT o.seq, o.outcome, o.records FROM (`+text+`) m
		JOIN operation o ON o.seq = m.seq ORDER BY m.seq `+s.order(), args...)
	var found []placed
	var packed []byte
	var damaged error
	o := placed{operation: true}
	for rows.Next(&o.seq, &o.outcome, &packed) {
		numbers, err := operations.Unpack(o.seq, packed)
		o.numbers, damaged = numbers, errors.Join(damaged, err)
		found = append(found, o)
	}
	return found, sqlutil.Wrap(errors.Join(damaged, rows.Err()), "read operations from the search tables")
}

// maxFolded is how many records of a row are read to tell what it says: an
// operation has three to ten.
const maxFolded = 64

// rowsOf reads the records of rows, and the names of their tickets.
func (x *Index) rowsOf(ctx context.Context, v Visibility, found []placed) ([]Row, error) {
	var numbers []int64
	for _, f := range found {
		numbers = append(numbers, f.numbers[:min(len(f.numbers), maxFolded)]...)
		if !slices.Contains(f.numbers[:min(len(f.numbers), maxFolded)], f.seq) {
			numbers = append(numbers, f.seq)
		}
	}
	of := make(map[int64]audit.Record, len(numbers))
	for some := range slices.Chunk(numbers, MaxLimit) {
		records, err := x.numbered(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			of[r.Sequence] = r
		}
	}
	rows := make([]Row, len(found))
	for i, f := range found {
		rows[i] = f.row(of)
	}
	return rows, x.nameTickets(ctx, v, rows)
}

// row is a row with what its records say. One that the log does not have any
// more is reported like one that it cannot read.
func (f placed) row(of map[int64]audit.Record) Row {
	var records []audit.Record
	for _, n := range f.numbers {
		if r, ok := of[n]; ok {
			records = append(records, r)
		}
	}
	switch {
	case len(records) == 0:
		row := operations.OfRecord(audit.Missing(f.seq))
		row.Records = f.numbers
		return row
	case !f.operation:
		return operations.OfRecord(records[0])
	}
	row := operations.Fold(records)
	row.Sequence, row.Outcome, row.Records = f.seq, audit.Outcome(f.outcome), f.numbers
	return row
}

// nameTickets adds the names of tickets that the rows' records do not say.
func (x *Index) nameTickets(ctx context.Context, v Visibility, rows []Row) error {
	var wanted []string
	for _, r := range rows {
		if r.Ticket != "" && r.TicketName == "" && !slices.Contains(wanted, r.Ticket) {
			wanted = append(wanted, r.Ticket)
		}
	}
	names, err := x.TicketNames(ctx, v, wanted)
	for i := range rows {
		if rows[i].TicketName == "" {
			rows[i].TicketName = names[rows[i].Ticket]
		}
	}
	return err
}

// TicketNames are the names of tickets as far as the log says them in what a reader may see: who was refused a ticket
// has its id in their records, and does not learn its name.
func (x *Index) TicketNames(ctx context.Context, v Visibility, tickets []string) (map[string]string, error) {
	names := map[string]string{}
	if !v.All {
		for _, ticket := range tickets {
			name, err := x.visibleName(ctx, v, ticket)
			if err != nil {
				return nil, err
			}
			names[ticket] = name
		}
		return names, nil
	}
	tickets = slices.DeleteFunc(slices.Clone(tickets), func(t string) bool { return !query.Storable(t) })
	for some := range slices.Chunk(tickets, MaxLimit) {
		var args sqlutil.Args
		rows := sqlutil.Read(ctx, x.read, `SELECT ticket, name FROM ticket_name WHERE ticket IN (`+
			sqlutil.List(&args, some)+`)`, args...)
		var ticket, name string
		for rows.Next(&ticket, &name) {
			names[ticket] = name
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read the names of tickets: %w", err)
		}
	}
	return names, nil
}

// visibleName is the name of a ticket that a record says which the reader may see; empty where none of the newest does.
func (x *Index) visibleName(ctx context.Context, v Visibility, ticket string) (string, error) {
	const newest = 10
	for _, action := range []audit.Action{audit.ActionTicketViewed, query.Operations} {
		found, err := x.Search(ctx, Query{Ticket: ticket, Action: action, Visible: v, Limit: newest})
		if err != nil {
			return "", fmt.Errorf("read the name of ticket %s: %w", ticket, err)
		}
		for i := range found.Records {
			if name := query.TicketName(&found.Records[i]); name != "" {
				return name, nil
			}
		}
	}
	return "", nil
}

// rowsAtOnce is how many rows RowNumbers reads at a time.
const rowsAtOnce = 20 * followBatch

// RowNumbers hands the numbers of all records of a preset's rows that match a query to each, the rows' oldest first. It
// waits until every record is in a row.
func (x *Index) RowNumbers(ctx context.Context, q Query, p Preset, each func(numbers []int64)) error {
	if err := x.CatchUp(ctx); err != nil {
		return err
	}
	s, _, err := x.rowScan(ctx, q.Unpaged(), rowsAtOnce)
	s.oldestFirst = true
	var found []placed
	for more := err == nil && s.above+1 < s.below; more; more = len(found) == s.limit {
		if found, err = x.placed(ctx, s, p); err != nil {
			return err
		}
		for _, f := range found {
			each(f.numbers)
			s.above = f.seq
		}
	}
	return err
}

// CountRows returns how many rows of a preset match, whatever page the query
// names. With more, there are more than MaxCount, and n is MaxCount.
func (x *Index) CountRows(ctx context.Context, q Query, p Preset) (n int, more bool, err error) {
	s, _, err := x.rowScan(ctx, q.Unpaged(), MaxCount+1)
	if err != nil || s.above+1 >= s.below {
		return 0, false, err
	}
	for _, st := range x.rowStatements(s, p) {
		var of int
		err := x.read.QueryRowContext(ctx, `SELECT count(*) FROM (`+st.text+`) m`, st.args...).Scan(&of)
		if err != nil {
			return 0, false, fmt.Errorf("count rows in the search tables: %w", err)
		}
		n += of
	}
	return min(n, MaxCount), n > MaxCount, nil
}

// rowStatements select the places of a scan's operations and of its single records.
func (x *Index) rowStatements(s scan, p Preset) []rowStatement {
	if s.above+1 >= s.below {
		return nil
	}
	ofOperations, ofSingles, singles := p.groups()
	var out []rowStatement
	if text, args, ok := x.table().Statement(s.ofOperations(ofOperations)); ok {
		out = append(out, rowStatement{statement{text: text, args: args}, false})
	}
	if s.singles, s.groups = true, ofSingles; !singles {
		return out
	}
	if st, ok := x.statement(s); ok {
		out = append(out, rowStatement{st, true})
	}
	return out
}

type rowStatement struct {
	statement
	singles bool
}
