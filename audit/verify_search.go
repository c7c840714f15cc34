package audit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
)

// derived is what the search tables must have besides the rows of records, as
// far as the records were read.
type derived struct {
	seed   maphash.Seed
	values map[uint64]struct{} // hashes of those that occur: millions of tickets must fit
	open   map[string]int64    // operations without an end, and the numbers of their requests
	words  []uint64            // of each record since the first that is read, see wordsOf
}

// turning is a record that begins or ends an operation.
type turning struct {
	seq  int64
	id   string
	ends bool
}

func turningOf(r Record) (turning, bool) {
	switch r.Action {
	case ActionOperationRequested:
		return turning{r.Sequence, r.OperationID, false}, r.OperationID != ""
	case ActionOperationRejected, ActionOperationObserved, ActionOperationNotObserved:
		return turning{r.Sequence, r.OperationID, true}, true
	}
	return turning{}, false
}

// searched finds out up to which record the search tables are, and looks for
// what they have beyond.
func (v *verification) searched(ctx context.Context) error {
	if v.options.Search == nil {
		return nil
	}
	v.derived = derived{seed: maphash.MakeSeed(), values: map[uint64]struct{}{}, open: map[string]int64{}}
	marks, err := column[int64](v.options.Search.QueryContext(ctx, `SELECT upto FROM followed`))
	if err != nil {
		return err
	}
	if len(marks) != 1 {
		v.add(Finding{Kind: FindingSearch, Text: "the search tables do not say which records they have"})
		v.options.Search = nil // so nothing else can be compared
		return nil
	}
	size, err := v.log.Size(ctx) // afterwards: they are never ahead
	if err != nil {
		return err
	}
	if marks[0] > size {
		v.add(Finding{Kind: FindingSearch, Text: "the search tables say that they have %d records, and the log has %d"}, marks[0], size)
	}
	v.upto = min(marks[0], v.head.size)
	for _, where := range []string{`seq > (SELECT upto FROM followed)`, `seq < 1`} {
		seqs, err := column[int64](v.options.Search.QueryContext(ctx, `SELECT seq FROM record WHERE `+where+` ORDER BY seq LIMIT 1000`))
		if err != nil {
			return err
		}
		for _, seq := range seqs {
			v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables have a record %d, and should have those up to %d"}, seq, marks[0])
		}
	}
	return nil
}

// readSearch compares the search tables with the records.
func (c *chunk) readSearch(ctx context.Context, first, last int64) error {
	if first >= last {
		return nil
	}
	rows, err := c.searchRows(ctx, first, last)
	if err != nil {
		return err
	}
	records, err := c.log.entries(ctx, `seq > $1 AND seq <= $2 ORDER BY seq`, first, last)
	if err != nil {
		return err
	}
	for _, r := range records {
		row, ok := rows[r.Sequence]
		switch {
		case !ok:
			c.find(Finding{Kind: FindingSearch, Sequence: r.Sequence, Text: "the search tables do not have the record %d"}, r.Sequence)
		case row != searchRowOf(r):
			c.find(Finding{Kind: FindingSearch, Sequence: r.Sequence, Text: "the search tables say something else than the record %d"}, r.Sequence)
		}
		delete(rows, r.Sequence)
		if t, ok := turningOf(r); ok {
			c.operations = append(c.operations, t)
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(rows)) {
		c.find(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables have a record %d that is not in the log"}, seq)
	}
	c.values = knownValues{}.unknown(records)
	if !c.options.Words {
		return nil
	}
	return c.readWords(ctx, records, first, last)
}

// searchRow is a row of the search tables.
type searchRow struct {
	ts                                                                                                   int64
	action, outcome, userID, userName, ticket, operation, operationType, projectID, projectName, address string
}

func searchRowOf(r Record) searchRow {
	return searchRow{r.Time.UnixMicro(), string(r.Action), string(r.Outcome), r.Actor.UserID, r.Actor.UserName, r.Ticket,
		r.OperationID, r.OperationType, r.Actor.ProjectID, r.Actor.ProjectName, r.Origin.Address}
}

func (c *chunk) searchRows(ctx context.Context, first, last int64) (map[int64]searchRow, error) {
	rows, err := c.options.Search.QueryContext(ctx, `SELECT seq, ts, action, outcome, user_id, user_name, ticket, operation_id,
		operation_type, project_id, project_name, address FROM record WHERE seq > $1 AND seq <= $2`, first, last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := make(map[int64]searchRow, last-first)
	for rows.Next() {
		var seq int64
		var r searchRow
		if err := rows.Scan(&seq, &r.ts, &r.action, &r.outcome, &r.userID, &r.userName, &r.ticket, &r.operation,
			&r.operationType, &r.projectID, &r.projectName, &r.address); err != nil {
			return nil, err
		}
		out[seq] = r
	}
	return out, rows.Err()
}

// readWords compares the words that PostgreSQL has of each record, and sums up
// those that SQLite must have: its index has no rows to compare.
func (c *chunk) readWords(ctx context.Context, records []Record, first, last int64) error {
	words := c.log.prepare(records)
	if c.log.cfg.Dialect == SQLite {
		c.words = make([]uint64, last-first)
		for i, r := range records {
			c.words[r.Sequence-first-1] = c.derived.wordsOf(words[i])
		}
		return nil
	}
	seqs := make([]int64, len(records))
	for i, r := range records {
		seqs[i] = r.Sequence
	}
	differ, err := column[int64](c.options.Search.QueryContext(ctx, `SELECT seq FROM record JOIN
		(SELECT * FROM unnest($1::bigint[], $2::text[])) AS expected (seq, words) USING (seq)
		WHERE record.words <> expected.words::tsvector ORDER BY seq`, seqs, words))
	for _, seq := range differ {
		c.otherWords(seq)
	}
	return err
}

const otherWords = "the search tables have other words of the record %d"

func (c *chunk) otherWords(seq int64) {
	c.find(Finding{Kind: FindingSearch, Sequence: seq, Text: otherWords}, seq)
}

// wordsOf sums up a document's words, each with its place.
func (d *derived) wordsOf(document string) (sum uint64) {
	place := uint64(0)
	for word := range strings.SplitSeq(document, " ") {
		sum += placed(maphash.String(d.seed, word), place)
		place++
	}
	return sum
}

// placed mixes a word's hash with its place. Nobody knows the seed, so nobody
// can choose words that come to the same sum.
func placed(hash, place uint64) uint64 {
	hash = (hash ^ place*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	return hash ^ hash>>29
}

// derive adds what a chunk's records mean for the search tables.
func (v *verification) derive(ctx context.Context, c *chunk) error {
	for _, t := range c.operations {
		if _, known := v.derived.open[t.id]; t.ends {
			delete(v.derived.open, t.id)
		} else if !known {
			v.derived.open[t.id] = t.seq
		}
	}
	v.derived.words = append(v.derived.words, c.words...)
	for _, f := range c.values {
		hash := v.derived.valueOf(f)
		if _, known := v.derived.values[hash]; known {
			continue
		}
		v.derived.values[hash] = struct{}{}
		n, err := column[int64](v.options.Search.QueryContext(ctx, `SELECT 1 FROM value WHERE field = $1 AND folded = $2 AND value = $3`,
			string(f.Field), strings.ToLower(f.Value), f.Value))
		if err != nil {
			return err
		}
		if len(n) != 1 {
			v.add(Finding{Kind: FindingSearch, Text: "the search tables do not have the value %s %q"}, f.Field, f.Value)
		}
	}
	return nil
}

func (d *derived) valueOf(f Filter) uint64 {
	return maphash.String(d.seed, string(f.Field)+" "+f.Value)
}

// compareDerived looks for what the search tables have besides what the
// records mean. That can be known only when all records were read.
func (v *verification) compareDerived(ctx context.Context) error {
	if v.options.Search == nil {
		return nil
	}
	steps := []func(context.Context) error{v.compareWords}
	if v.report.From == 0 {
		steps = append(steps, v.compareValues, v.compareOperations)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// strangeValues are those of the search tables that no record has which was
// read, maxFindings and one more at most.
func (v *verification) strangeValues(ctx context.Context) (strange []Filter, err error) {
	rows, err := v.options.Search.QueryContext(ctx, `SELECT field, folded, value FROM value`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() && len(strange) <= maxFindings {
		var f Filter
		var folded string
		if err := rows.Scan(&f.Field, &folded, &f.Value); err != nil {
			return nil, err
		}
		if _, known := v.derived.values[v.derived.valueOf(f)]; !known || folded != strings.ToLower(f.Value) {
			strange = append(strange, f)
		}
	}
	return strange, rows.Err()
}

func (v *verification) compareValues(ctx context.Context) error {
	strange, err := v.strangeValues(ctx)
	if err != nil {
		return err
	}
	for _, f := range strange {
		newer := false // a record that was appended meanwhile may have it
		if name := columns[f.Field]; name != "" {
			if newer, err = v.later(ctx, name+` = $2`, f.Value); err != nil {
				return err
			}
		}
		if !newer {
			v.add(Finding{Kind: FindingSearch, Text: "the search tables have the value %s %q, which no record has"}, f.Field, f.Value)
		}
	}
	return nil
}

// later reports whether a record that this verification does not read fits a
// condition.
func (v *verification) later(ctx context.Context, where string, args ...any) (bool, error) {
	n, err := column[int64](v.options.Search.QueryContext(ctx, `SELECT seq FROM record WHERE seq > $1 AND `+where+` LIMIT 1`, append([]any{v.upto}, args...)...))
	return len(n) > 0, err
}

func (v *verification) compareOperations(ctx context.Context) error {
	rows, err := v.options.Search.QueryContext(ctx, `SELECT operation_id, seq FROM open_operation ORDER BY seq`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var t turning
		if err := rows.Scan(&t.id, &t.seq); err != nil {
			return err
		}
		if seq := v.derived.open[t.id]; seq == t.seq {
			delete(v.derived.open, t.id)
		} else if t.seq <= v.upto {
			v.add(Finding{Kind: FindingSearch, Sequence: t.seq, Text: "the search tables have the operation %q as one without an end since record %d"}, t.id, t.seq)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(v.derived.open)) {
		ended, err := v.later(ctx, `operation_id = $2 AND action IN ($3, $4, $5)`, id,
			string(ActionOperationRejected), string(ActionOperationObserved), string(ActionOperationNotObserved))
		if err != nil {
			return err
		}
		if seq := v.derived.open[id]; !ended {
			v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables do not have the operation %q, which has no end since record %d"}, id, seq)
		}
	}
	return nil
}

// compareWords takes the words that SQLite's index has from the sums of those
// that it must have, which leaves nothing of any.
func (v *verification) compareWords(ctx context.Context) (err error) {
	if !v.options.Words || v.log.cfg.Dialect != SQLite {
		return nil
	}
	conn, err := v.options.Search.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { // together with the table that is only this connection's
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	}()
	for _, s := range []string{`PRAGMA query_only = OFF`, `CREATE VIRTUAL TABLE temp.word USING fts5vocab(main, record_text, instance)`,
		`PRAGMA query_only = ON`} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	first := v.report.From / tileWidth * tileWidth
	if err := v.takeWords(ctx, conn, first); err != nil {
		return err
	}
	for i, left := range v.derived.words {
		if seq := first + int64(i) + 1; left != 0 {
			v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: otherWords}, seq)
		}
	}
	return nil
}

func (v *verification) takeWords(ctx context.Context, conn *sql.Conn, first int64) error {
	rows, err := conn.QueryContext(ctx, `SELECT term, doc, offset FROM temp.word`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var word sql.RawBytes
	var seq int64
	var place uint64
	to := []any{&word, &seq, &place}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		if i := seq - first - 1; i >= 0 && i < int64(len(v.derived.words)) {
			v.derived.words[i] -= placed(maphash.Bytes(v.derived.seed, word), place)
		}
	}
	return rows.Err()
}
