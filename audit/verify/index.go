package verify

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/search"
	"coc-console/internal/sqlutil"
)

// derived is what the search tables must have besides the rows of records, as
// far as the records were read.
type derived struct {
	seed     maphash.Seed
	values   map[uint64]struct{} // hashes of those that occur: millions of tickets must fit
	open     map[string]int64    // operations without an end, and the numbers of their requests
	words    []uint64            // of each record since the first that is read, see wordsOf
	rows     rowMarks
	outcomes []outcomeCodes
}

// turning is a record that begins or ends an operation.
type turning struct {
	seq  int64
	id   string
	ends bool
}

func turningOf(r *audit.Record) (turning, bool) {
	switch r.Action {
	case audit.ActionOperationRequested:
		return turning{r.Sequence, r.OperationID, false}, r.OperationID != ""
	case audit.ActionOperationRejected, audit.ActionOperationObserved, audit.ActionOperationNotObserved:
		return turning{r.Sequence, r.OperationID, true}, true
	}
	return turning{}, false
}

// searched finds out up to which record the search tables are, and looks for
// what they have beyond.
func (v *verification) searched(ctx context.Context) error {
	if v.search == nil {
		return nil
	}
	v.derived = derived{seed: maphash.MakeSeed(), values: map[uint64]struct{}{}, open: map[string]int64{}}
	marks, err := sqlutil.Column[int64](v.search.QueryContext(ctx, `SELECT upto FROM followed`))
	if err != nil {
		return fmt.Errorf("read how far the search tables are: %w", err)
	}
	if len(marks) != 1 {
		v.add(Finding{Kind: FindingSearch, Text: "the search tables do not say which records they have"})
		v.search = nil // so nothing else can be compared
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
		seqs, err := sqlutil.Column[int64](v.search.QueryContext(ctx,
			`SELECT seq FROM record WHERE `+where+` ORDER BY seq LIMIT 1000`))
		if err != nil {
			return fmt.Errorf("read rows of the search tables: %w", err)
		}
		for _, seq := range seqs {
			v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables have a record %d, and should have those up to %d"}, seq, marks[0])
		}
	}
	return nil
}

// searchColumns are the columns of the search tables that repeat what a record says.
var searchColumns = []string{"seq", "ts", "action", "outcome", "user_id", "user_name", "ticket", "operation_id",
	"operation_type", "project_id", "project_name", "address"}

// searchRows are the rows that the search tables have for the records of a
// chunk, one after the other. They are read first; then each record is compared
// with its row as it is hashed.
type searchRows struct {
	first int64 // the chunk's records follow this one
	data  []byte
	rows  [][2]int // where each record's row begins and ends; the same: it has none
	other []byte   // the row of the record that is compared
}

func (s *searchRows) read(ctx context.Context, index *search.Index, first, last int64) error {
	s.first, s.data = first, s.data[:0]
	s.rows = append(s.rows[:0], make([][2]int, max(last-first, 0))...)
	if first >= last {
		return nil
	}
	return index.EachRow(ctx, "record", searchColumns, `seq > $1 AND seq <= $2`, []any{first, last}, s.add)
}

func (s *searchRows) add(row []driver.Value) error {
	seq, ok := row[0].(int64)
	ts, ok2 := row[1].(int64)
	if !ok || !ok2 {
		return fmt.Errorf("a row of the search tables begins with the types %T and %T", row[0], row[1])
	}
	start := len(s.data)
	s.data = binary.AppendVarint(s.data, ts)
	for _, v := range row[2:] {
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("the search tables have a %T for the record %d", v, seq)
		}
		s.data = appendText(s.data, text)
	}
	s.rows[seq-s.first-1] = [2]int{start, len(s.data)}
	return nil
}

func appendText(data []byte, text string) []byte {
	return append(binary.AppendUvarint(data, uint64(len(text))), text...)
}

// of is the row of a record that the search tables should have.
func (s *searchRows) of(r *audit.Record) []byte {
	s.other = binary.AppendVarint(s.other[:0], r.Time.UnixMicro())
	for _, text := range [...]string{string(r.Action), string(r.Outcome), r.Actor.UserID, r.Actor.UserName, r.Ticket,
		r.OperationID, r.OperationType, r.Actor.ProjectID, r.Actor.ProjectName, r.Origin.Address} {
		s.other = appendText(s.other, text)
	}
	return s.other
}

// compareSearch compares a record with its row in the search tables.
func (c *chunk) compareSearch(r *audit.Record) {
	at := c.rows.rows[r.Sequence-c.rows.first-1]
	switch row := c.rows.data[at[0]:at[1]]; {
	case len(row) == 0:
		c.find(Finding{Kind: FindingSearch, Sequence: r.Sequence, Text: "the search tables do not have the record %d"}, r.Sequence)
	case !bytes.Equal(row, c.rows.of(r)):
		c.find(Finding{Kind: FindingSearch, Sequence: r.Sequence, Text: "the search tables say something else than the record %d"}, r.Sequence)
	}
	if t, ok := turningOf(r); ok {
		c.operations = append(c.operations, t)
	}
	c.values.Add(r)
	c.markRow(r)
	c.markOutcome(r)
	if c.options.Words {
		c.records = append(c.records, *r)
	}
}

// strangeRows looks for rows of records that the log does not have.
func (c *chunk) strangeRows(there []bool) {
	for i, at := range c.rows.rows {
		if seq := c.rows.first + int64(i) + 1; at[0] < at[1] && !there[i] {
			c.find(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables have a record %d that is not in the log"}, seq)
		}
	}
}

// readWords compares the words that PostgreSQL has of each record, and sums up
// those that SQLite must have: its index has no rows to compare.
func (c *chunk) readWords(ctx context.Context, records []audit.Record, first, last int64) error {
	if first >= last {
		return nil
	}
	words := c.options.Search.Documents(records)
	if c.log.Dialect() == audit.SQLite {
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
	differ, err := sqlutil.Column[int64](c.search.QueryContext(ctx, `SELECT seq FROM record JOIN
		(SELECT * FROM unnest($1::bigint[], $2::text[])) AS expected (seq, words) USING (seq)
		WHERE record.words <> expected.words::tsvector ORDER BY seq`, seqs, words))
	for _, seq := range differ {
		c.otherWords(seq)
	}
	return sqlutil.Wrap(err, "compare the words of records")
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
	v.derived.rows.chunks = append(v.derived.rows.chunks, c.rowMarks)
	v.derived.outcomes = append(v.derived.outcomes, c.outcomes)
	for _, f := range c.values.Take() {
		hash := v.derived.valueOf(f)
		if v.derived.has(hash) {
			continue
		}
		v.derived.values[hash] = struct{}{}
		if v.report.From == 0 {
			continue // compareValues reads all that the search tables have
		}
		n, err := sqlutil.Column[int64](v.search.QueryContext(ctx, `SELECT 1 FROM value WHERE field = $1 AND folded = $2 AND value = $3`,
			string(f.Field), strings.ToLower(f.Value), f.Value))
		if err != nil {
			return fmt.Errorf("read the value %s %q: %w", f.Field, f.Value, err)
		}
		if len(n) != 1 {
			v.add(Finding{Kind: FindingSearch, Text: "the search tables do not have the value %s %q"}, f.Field, f.Value)
		}
	}
	return nil
}

func (d *derived) has(hash uint64) bool {
	_, has := d.values[hash]
	return has
}

func (d *derived) valueOf(f search.Filter) uint64 {
	return maphash.String(d.seed, string(f.Field)+" "+f.Value)
}

// compareDerived looks for what the search tables have besides what the
// records mean. That can be known only when all records were read.
func (v *verification) compareDerived(ctx context.Context) error {
	if v.search == nil {
		return nil
	}
	steps := []func(context.Context) error{v.compareWords}
	if v.report.From == 0 {
		steps = append(steps, v.compareValues, v.compareOperations)
		version, err := v.searchVersion(ctx)
		if err != nil {
			return err
		}
		if version >= versionOfRows {
			steps = append(steps, v.compareRows, v.compareRowWords)
		}
		if version >= versionOfTallies {
			steps = append(steps, v.compareTallies)
		}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// takeValues takes the values of the search tables from those that the records
// have, and returns those that no record has, maxFindings and one more at most.
func (v *verification) takeValues(ctx context.Context) (strange []search.Filter, err error) {
	err = v.options.Search.EachRow(ctx, "value", []string{"field", "folded", "value"}, `1 = 1`, nil,
		func(row []driver.Value) error {
			field, _ := row[0].(string)
			folded, _ := row[1].(string)
			value, _ := row[2].(string)
			f := search.Filter{Field: search.Field(field), Value: value}
			hash := v.derived.valueOf(f)
			if v.derived.has(hash) && folded == strings.ToLower(value) {
				delete(v.derived.values, hash)
			} else if len(strange) <= maxFindings {
				f.Field, f.Value = search.Field(strings.Clone(field)), strings.Clone(value)
				strange = append(strange, f)
			}
			return nil
		})
	return strange, err
}

// missingValues names the values that are left: of them only hashes are known.
func (v *verification) missingValues(ctx context.Context) error {
	if len(v.derived.values) == 0 {
		return nil
	}
	return v.log.EachEntry(ctx, `seq <= $1`, []any{v.upto}, func(seq, ts int64, body []byte) error {
		r := audit.DecodeEntry(seq, ts, body)
		var values search.Values
		values.Add(&r)
		for _, f := range values.Take() {
			if hash := v.derived.valueOf(f); v.derived.has(hash) {
				delete(v.derived.values, hash)
				v.add(Finding{Kind: FindingSearch, Text: "the search tables do not have the value %s %q"}, f.Field, f.Value)
			}
		}
		return nil
	})
}

func (v *verification) compareValues(ctx context.Context) error {
	strange, err := v.takeValues(ctx)
	if err != nil {
		return err
	}
	if err := v.missingValues(ctx); err != nil {
		return err
	}
	for _, f := range strange {
		newer := false // a record that was appended meanwhile may have it
		if name := search.Column(f.Field); name != "" {
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
	n, err := sqlutil.Column[int64](v.search.QueryContext(ctx, `SELECT seq FROM record WHERE seq > $1 AND `+where+` LIMIT 1`, append([]any{v.upto}, args...)...))
	return len(n) > 0, sqlutil.Wrap(err, "read records from the search tables")
}

func (v *verification) compareOperations(ctx context.Context) error {
	rows, err := v.search.QueryContext(ctx, `SELECT operation_id, seq FROM open_operation ORDER BY seq`)
	if err != nil {
		return fmt.Errorf("read open operations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var t turning
		if err := rows.Scan(&t.id, &t.seq); err != nil {
			return fmt.Errorf("read open operations: %w", err)
		}
		if seq := v.derived.open[t.id]; seq == t.seq {
			delete(v.derived.open, t.id)
		} else if t.seq <= v.upto {
			v.add(Finding{Kind: FindingSearch, Sequence: t.seq, Text: "the search tables have the operation %q as one without an end since record %d"}, t.id, t.seq)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read open operations: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(v.derived.open)) {
		ended, err := v.later(ctx, `operation_id = $2 AND action IN ($3, $4, $5)`, id,
			string(audit.ActionOperationRejected), string(audit.ActionOperationObserved),
			string(audit.ActionOperationNotObserved))
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
	if !v.options.Words || v.log.Dialect() != audit.SQLite {
		return nil
	}
	first := v.report.From / merkle.TileWidth * merkle.TileWidth
	if err := v.eachWord(ctx, "record_text", func(word []byte, seq int64, place uint64) {
		if i := seq - first - 1; i >= 0 && i < int64(len(v.derived.words)) {
			v.derived.words[i] -= placed(maphash.Bytes(v.derived.seed, word), place)
		}
	}); err != nil {
		return err
	}
	for i, left := range v.derived.words {
		if seq := first + int64(i) + 1; left != 0 {
			v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: otherWords}, seq)
		}
	}
	return nil
}

// eachWord hands every word that one of SQLite's indexes has, with its row and its
// place there. A word is valid during the call only.
func (v *verification) eachWord(ctx context.Context, index string,
	each func(word []byte, seq int64, place uint64)) error {
	conn, err := v.search.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to the search tables: %w", err)
	}
	defer func() { // together with the table that is only this connection's
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	}()
	for _, s := range []string{`PRAGMA query_only = OFF`,
		`CREATE VIRTUAL TABLE temp.word USING fts5vocab(main, ` + index + `, instance)`, `PRAGMA query_only = ON`} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	rows, err := conn.QueryContext(ctx, `SELECT term, doc, offset FROM temp.word`)
	if err != nil {
		return fmt.Errorf("read words of %s: %w", index, err)
	}
	defer func() { _ = rows.Close() }()
	var word sql.RawBytes
	var seq int64
	var place uint64
	to := []any{&word, &seq, &place}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return fmt.Errorf("read words of %s: %w", index, err)
		}
		each(word, seq, place)
	}
	return sqlutil.Wrap(rows.Err(), "read words of "+index)
}
