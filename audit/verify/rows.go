package verify

import (
	"context"
	"database/sql/driver"
	"errors"
	"hash/maphash"
	"slices"
	"strings"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/operations"
	"coc-console/internal/sqlutil"
)

// rowMarks are what the records say of the rows of their operations: of each record
// its mark, whether a row has it, and 24 bits of a hash of its operation's id. Nobody
// knows the seed, so nobody can choose another id with the same bits. A chunk
// without operations has none.
type rowMarks struct{ chunks [][]uint32 }

const (
	markBits  = 1<<7 - 1
	inRow     = 1 << 7
	idsOffset = 8
)

// chunkRecords is how many records a chunk has, but for the last.
const chunkRecords = tilesPerChunk * merkle.TileWidth

// at is a record's place; nil where it belongs to no operation or was not read.
func (m *rowMarks) at(seq int64) *uint32 {
	chunk, i := (seq-1)/chunkRecords, (seq-1)%chunkRecords
	if seq < 1 || chunk >= int64(len(m.chunks)) || i >= int64(len(m.chunks[chunk])) || m.chunks[chunk][i] == 0 {
		return nil
	}
	return &m.chunks[chunk][i]
}

// markRow keeps what a record says of its operation's row.
func (c *chunk) markRow(r *audit.Record) {
	mark := operations.MarkOf(r)
	if mark == 0 || c.report.From > 0 {
		return
	}
	first := c.from * merkle.TileWidth
	if c.rowMarks == nil {
		c.rowMarks = make([]uint32, min(c.to*merkle.TileWidth, c.upto)-first)
	}
	c.rowMarks[r.Sequence-first-1] = uint32(mark) | c.derived.bitsOf(r.OperationID)
}

// bitsOf are an operation's id in a mark.
func (d *derived) bitsOf(id string) uint32 {
	return uint32(maphash.String(d.seed, audit.Shorten(id))) &^ (1<<idsOffset - 1)
}

// operationRow is a row as the search tables have it.
type operationRow struct {
	seq         int64
	id, outcome string
	numbers     []int64
}

// maxFolded bounds how many rows are compared by reading their records again: those
// that got records meanwhile. The others are for the next time, as those records are.
const maxFolded = 10_000

// searchVersion is the newest migration of the search tables: those of an older version lack some, which a console adds
// when it starts.
func (v *verification) searchVersion(ctx context.Context) (int64, error) {
	n, err := sqlutil.Column[int64](v.search.QueryContext(ctx, `SELECT max(version_id) FROM search_schema_version`))
	if err != nil || len(n) != 1 {
		return 0, sqlutil.Wrap(err, "read the version of the search tables")
	}
	return n[0], nil
}

// versionOfRows is the migration of the search tables that made these rows.
const versionOfRows = 2

// compareRows compares the rows of operations with the records: every record of an
// operation is in one row, which has its operation's id, and its place and outcome
// by those that it has.
func (v *verification) compareRows(ctx context.Context) error {
	var unsure []operationRow
	var r operationRow
	err := v.options.Search.EachRow(ctx, "operation", []string{"seq", "id", "outcome", "records"}, `1 = 1`, nil,
		func(row []driver.Value) error {
			if !r.take(row) {
				v.otherRow(r)
				return nil
			}
			fits, sure := v.fits(r)
			switch {
			case !fits:
				v.otherRow(r)
			case !sure && len(unsure) < maxFolded:
				unsure = append(unsure, r.clone())
			}
			return nil
		})
	if err != nil {
		return err
	}
	for chunk, marks := range v.derived.rows.chunks {
		for i, m := range marks {
			if seq := int64(chunk)*chunkRecords + int64(i) + 1; m != 0 && m&inRow == 0 {
				v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables have no row of an operation with the record %d"}, seq)
			}
		}
	}
	return errors.Join(v.foldRows(ctx, unsure), v.repeatedRows(ctx))
}

// clone is a row that stays valid.
func (r operationRow) clone() operationRow {
	return operationRow{r.seq, strings.Clone(r.id), strings.Clone(r.outcome), slices.Clone(r.numbers)}
}

// take takes up a row, and reports whether it has only values that rows may have.
func (r *operationRow) take(row []driver.Value) bool {
	var oks [4]bool
	var packed []byte
	r.seq, oks[0] = row[0].(int64)
	r.id, oks[1] = row[1].(string)
	r.outcome, oks[2] = row[2].(string)
	packed, oks[3] = row[3].([]byte)
	var damaged error
	r.numbers, damaged = operations.AppendNumbers(r.numbers[:0], r.seq, packed)
	return oks == [4]bool{true, true, true, true} && damaged == nil && len(r.numbers) > 0
}

func (v *verification) otherRow(r operationRow) {
	v.add(Finding{Kind: FindingSearch, Sequence: r.seq,
		Text: "the search tables say something else of the operation %q, at record %d, than its records"}, r.id, r.seq)
}

// fits reports whether the records say what a row says. Where they were appended
// meanwhile, or have an outcome that marks do not know, it is not sure.
func (v *verification) fits(r operationRow) (fits, sure bool) {
	bits, before := v.derived.bitsOf(r.id), int64(0)
	marks := make([]operations.Mark, 0, 16)
	fits = r.id != "" || len(r.numbers) == 1
	for _, n := range r.numbers {
		if n <= before {
			return false, true
		}
		if before = n; n > v.upto {
			continue
		}
		m := v.derived.rows.at(n)
		if m == nil || *m&inRow != 0 || *m&^(1<<idsOffset-1) != bits {
			fits = false
			continue
		}
		*m |= inRow
		marks = append(marks, operations.Mark(*m&markBits))
	}
	if len(marks) < len(r.numbers) {
		return fits, false
	}
	place, outcome, sure := operations.Sum(marks)
	return fits && (!sure || r.numbers[place] == r.seq && string(outcome) == r.outcome), sure
}

// foldRows compares rows with their records, which it reads again.
func (v *verification) foldRows(ctx context.Context, rows []operationRow) error {
	for _, r := range rows {
		records, err := v.recordsOf(ctx, r.numbers)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			v.otherRow(r)
			continue
		}
		row := operations.Fold(records)
		if !slices.Equal(row.Records, r.numbers) || audit.Shorten(row.ID) != r.id || row.Sequence != r.seq ||
			string(row.Outcome) != r.outcome {
			v.otherRow(r)
		}
	}
	return nil
}

func (v *verification) recordsOf(ctx context.Context, numbers []int64) (records []audit.Record, err error) {
	for some := range slices.Chunk(numbers, rowsAtOnce) {
		var args sqlutil.Args
		where := `seq IN (` + sqlutil.List(&args, some) + `)`
		if records, err = v.log.AppendRecords(ctx, records, where, args...); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(records, func(a, b audit.Record) int { return int(a.Sequence - b.Sequence) })
	return records, nil
}

// repeatedRows looks for operations with more than one row, which only those see
// that remove the table's index.
func (v *verification) repeatedRows(ctx context.Context) error {
	ids, err := sqlutil.Column[string](v.search.QueryContext(ctx,
		`SELECT id FROM operation WHERE id <> '' GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1000`))
	for _, id := range ids {
		v.add(Finding{Kind: FindingSearch, Text: "the search tables have more than one row of the operation %q"}, id)
	}
	return sqlutil.Wrap(err, "look for operations with more than one row")
}

// rowsAtOnce is how many rows' words are compared, or records read, in one step.
const rowsAtOnce = 200

// compareRowWords compares the words of the rows of operations with those of their
// records, as compareWords does for records.
func (v *verification) compareRowWords(ctx context.Context) error {
	if !v.options.Words {
		return nil
	}
	var seqs []int64
	var sums []uint64
	for last := int64(0); ; {
		rows, err := v.rowsAfter(ctx, last)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		last = rows[len(rows)-1].seq
		some, words, err := v.rowDocuments(ctx, rows)
		if err != nil {
			return err
		}
		if v.log.Dialect() == audit.SQLite {
			for i, seq := range some {
				seqs, sums = append(seqs, seq), append(sums, v.derived.wordsOf(words[i]))
			}
		} else if err := v.compareVectors(ctx, some, words); err != nil {
			return err
		}
	}
	if v.log.Dialect() != audit.SQLite {
		return nil
	}
	if err := v.eachWord(ctx, "operation_text", func(word []byte, seq int64, place uint64) {
		if i, ok := slices.BinarySearch(seqs, seq); ok {
			sums[i] -= placed(maphash.Bytes(v.derived.seed, word), place)
		}
	}); err != nil {
		return err
	}
	for i, left := range sums {
		if left != 0 {
			v.otherRowWords(seqs[i])
		}
	}
	return nil
}

func (v *verification) otherRowWords(seq int64) {
	v.add(Finding{Kind: FindingSearch, Sequence: seq, Text: "the search tables have other words of the operation at record %d"}, seq)
}

// rowsAfter are the next rows whose records were all read.
func (v *verification) rowsAfter(ctx context.Context, last int64) (out []operationRow, err error) {
	rows := sqlutil.Read(ctx, v.search, `SELECT seq, records FROM operation WHERE seq > $1 AND seq <= $2
		ORDER BY seq LIMIT $3`, last, v.upto, rowsAtOnce)
	var r operationRow
	var packed []byte
	for rows.Next(&r.seq, &packed) {
		numbers, damaged := operations.Unpack(r.seq, packed)
		if damaged != nil {
			numbers = nil // compareRows has told
		}
		r.numbers = numbers
		out = append(out, r)
	}
	return out, sqlutil.Wrap(rows.Err(), "read operations of the search tables")
}

// rowDocuments are the words that rows must have. A row with records that were
// appended meanwhile is left out.
func (v *verification) rowDocuments(ctx context.Context, rows []operationRow) (
	seqs []int64, words []string, err error) {
	for _, r := range rows {
		if len(r.numbers) == 0 || r.numbers[len(r.numbers)-1] > v.upto {
			continue
		}
		records, err := v.recordsOf(ctx, r.numbers)
		if err != nil {
			return nil, nil, err
		}
		if len(records) > 0 {
			seqs, words = append(seqs, r.seq), append(words, v.options.Search.RowDocument(records))
		}
	}
	return seqs, words, nil
}

func (v *verification) compareVectors(ctx context.Context, seqs []int64, words []string) error {
	differ, err := sqlutil.Column[int64](v.search.QueryContext(ctx, `SELECT seq FROM operation JOIN
		(SELECT * FROM unnest($1::bigint[], $2::text[])) AS expected (seq, words) USING (seq)
		WHERE operation.doc <> expected.words::tsvector ORDER BY seq`, seqs, words))
	for _, seq := range differ {
		v.otherRowWords(seq)
	}
	return sqlutil.Wrap(err, "compare the words of operations")
}
