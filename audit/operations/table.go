package operations

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// Table keeps a row for each operation in the search tables.
type Table struct {
	Dialect string
	// Read returns the records of the log with some numbers, in any order.
	Read func(ctx context.Context, numbers []int64) ([]audit.Record, error)
	// Term is query.Term, which may remember what it said.
	Term func(kind, value string) string
}

// stored is a row as the table has it.
type stored struct {
	seq     int64
	numbers []int64
}

// Index adds records to the rows of their operations. The records are in their
// order, and none of them was added before.
func (t Table) Index(ctx context.Context, tx *sql.Tx, records []audit.Record) error {
	var order []string
	of := map[string][]audit.Record{}
	var rows [][]audit.Record // of new operations
	for _, r := range records {
		switch {
		case r.OperationID != "":
			id := audit.Shorten(r.OperationID)
			if of[id] == nil {
				order = append(order, id)
			}
			of[id] = append(of[id], r)
		case query.InOperation(&r):
			rows = append(rows, []audit.Record{r})
		}
	}
	known, err := t.known(ctx, tx, order)
	if err != nil {
		return err
	}
	if err := t.complete(ctx, of, known); err != nil {
		return err
	}
	for _, id := range order {
		rows = append(rows, of[id])
	}
	if err := t.remove(ctx, tx, known); err != nil {
		return err
	}
	return t.insert(ctx, tx, rows)
}

// maxList is how many values a list in a statement has at most.
const maxList = 500

// known are the rows that the table has of some operations.
func (t Table) known(ctx context.Context, tx *sql.Tx, ids []string) (map[string]stored, error) {
	known := map[string]stored{}
	for some := range slices.Chunk(ids, maxList) {
		var args sqlutil.Args
		rows := sqlutil.Read(ctx, tx, `SELECT id, seq, records FROM operation WHERE id <> '' AND id IN (`+
			sqlutil.List(&args, some)+`)`, args...)
		var id string
		var seq int64
		var packed []byte
		var damaged error
		for rows.Next(&id, &seq, &packed) {
			numbers, err := Unpack(seq, packed)
			known[id], damaged = stored{seq, numbers}, errors.Join(damaged, err)
		}
		if err := errors.Join(damaged, rows.Err()); err != nil {
			return nil, fmt.Errorf("read operations of the search tables: %w", err)
		}
	}
	return known, nil
}

// complete puts the records that the table has of known operations before the
// new ones.
func (t Table) complete(ctx context.Context, of map[string][]audit.Record, known map[string]stored) error {
	var numbers []int64
	for _, s := range known {
		numbers = append(numbers, s.numbers...)
	}
	if len(numbers) == 0 {
		return nil
	}
	slices.Sort(numbers)
	before := map[string][]audit.Record{}
	for some := range slices.Chunk(numbers, maxList) {
		records, err := t.Read(ctx, some)
		if err != nil {
			return err
		}
		for _, r := range records {
			id := audit.Shorten(r.OperationID)
			before[id] = append(before[id], r)
		}
	}
	for id := range known {
		all := append(before[id], of[id]...)
		slices.SortFunc(all, bySequence)
		of[id] = all
	}
	return nil
}

func bySequence(a, b audit.Record) int { return int(a.Sequence - b.Sequence) }

func (t Table) remove(ctx context.Context, tx *sql.Tx, known map[string]stored) error {
	if len(known) == 0 {
		return nil
	}
	var seqs []int64
	for _, id := range slices.Sorted(maps.Keys(known)) {
		seqs = append(seqs, known[id].seq)
	}
	statements := []string{`DELETE FROM operation WHERE seq IN (`}
	if t.Dialect == audit.SQLite {
		statements = append(statements, `DELETE FROM operation_text WHERE rowid IN (`)
	}
	for some := range slices.Chunk(seqs, maxList) {
		for _, stmt := range statements {
			var args sqlutil.Args
			if _, err := tx.ExecContext(ctx, stmt+sqlutil.List(&args, some)+`)`, args...); err != nil {
				return fmt.Errorf("remove operations from the search tables: %w", err)
			}
		}
	}
	return nil
}

func (t Table) insert(ctx context.Context, tx *sql.Tx, operations [][]audit.Record) error {
	if len(operations) == 0 {
		return nil
	}
	if t.Dialect == audit.PostgreSQL {
		return t.insertAtOnce(ctx, tx, operations)
	}
	row, err := tx.PrepareContext(ctx, `INSERT INTO operation (seq, id, outcome, records) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return fmt.Errorf("prepare operation: %w", err)
	}
	defer func() { _ = row.Close() }()
	text, err := tx.PrepareContext(ctx, `INSERT INTO operation_text (rowid, doc) VALUES (?, ?)`)
	if err != nil {
		return fmt.Errorf("prepare operation_text: %w", err)
	}
	defer func() { _ = text.Close() }()
	whole := context.WithoutCancel(ctx) // what can be interrupted costs a goroutine
	for _, records := range operations {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := Fold(records)
		if _, err := row.ExecContext(whole, r.Sequence, audit.Shorten(r.ID), string(r.Outcome),
			pack(r.Sequence, r.Records)); err != nil {
			return fmt.Errorf("insert operation %s: %w", r.ID, err)
		}
		if _, err := text.ExecContext(whole, r.Sequence, t.document(&r, records)); err != nil {
			return fmt.Errorf("insert the words of operation %s: %w", r.ID, err)
		}
	}
	return nil
}

// insertAtOnce is for PostgreSQL: everything in one round trip.
func (t Table) insertAtOnce(ctx context.Context, tx *sql.Tx, operations [][]audit.Record) error {
	var seqs []int64
	var ids, outcomes, docs []string
	var numbers [][]byte
	for _, records := range operations {
		r := Fold(records)
		seqs, ids = append(seqs, r.Sequence), append(ids, audit.Shorten(r.ID))
		outcomes = append(outcomes, string(r.Outcome))
		numbers, docs = append(numbers, pack(r.Sequence, r.Records)), append(docs, t.vector(&r, records))
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO operation (seq, id, outcome, records, doc)
		SELECT seq, id, outcome, records, doc::tsvector
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::text[]) AS o (seq, id, outcome, records, doc)`,
		seqs, ids, outcomes, numbers, docs)
	return sqlutil.Wrap(err, "insert operations")
}

// Empty empties the table.
func (t Table) Empty(ctx context.Context, tx *sql.Tx) error {
	statements := []string{`DELETE FROM operation`}
	if t.Dialect == audit.SQLite {
		statements = append(statements, `INSERT INTO operation_text (operation_text) VALUES ('delete-all')`)
	}
	for _, stmt := range statements {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("%s: %w", stmt, err)
		}
	}
	return nil
}

// Forget removes the records up to a number from all rows. What is left of an
// operation keeps a row.
func (t Table) Forget(ctx context.Context, tx *sql.Tx, upTo int64) error {
	left, err := t.reaching(ctx, tx, upTo)
	if err != nil {
		return err
	}
	statements := []string{`DELETE FROM operation WHERE seq <= $1`}
	if t.Dialect == audit.SQLite {
		statements = append(statements, `DELETE FROM operation_text WHERE rowid <= $1`)
	}
	for _, stmt := range statements {
		if _, err := tx.ExecContext(ctx, stmt, upTo); err != nil {
			return fmt.Errorf("%s: %w", stmt, err)
		}
	}
	for some := range slices.Chunk(left, maxList) {
		records, err := t.Read(ctx, some)
		if err != nil {
			return err
		}
		slices.SortFunc(records, bySequence)
		if err := t.Index(ctx, tx, records); err != nil {
			return err
		}
	}
	return nil
}

// reaching are the numbers above a mark of rows whose place is not above it.
func (t Table) reaching(ctx context.Context, tx *sql.Tx, mark int64) (left []int64, err error) {
	rows := sqlutil.Read(ctx, tx, `SELECT seq, records FROM operation WHERE seq <= $1`, mark)
	var seq int64
	var packed []byte
	for rows.Next(&seq, &packed) {
		numbers, damaged := Unpack(seq, packed)
		for _, n := range numbers {
			if n > mark {
				left = append(left, n)
			}
		}
		err = errors.Join(err, damaged)
	}
	slices.Sort(left)
	return left, sqlutil.Wrap(errors.Join(err, rows.Err()), "read old operations of the search tables")
}

// pack are numbers in few bytes: each as its distance from the one before, the
// first one's from the row's.
func pack(seq int64, numbers []int64) []byte {
	out := make([]byte, 0, 2*len(numbers))
	for _, n := range numbers {
		out, seq = binary.AppendVarint(out, n-seq), n
	}
	return out
}

var errNumbers = errors.New("the numbers of an operation's records are damaged")

// Unpack are the numbers of a row's records as the table has them.
func Unpack(seq int64, packed []byte) ([]int64, error) { return AppendNumbers(nil, seq, packed) }

// AppendNumbers is Unpack into a slice that is there.
func AppendNumbers(out []int64, seq int64, packed []byte) ([]int64, error) {
	for len(packed) > 0 {
		distance, size := binary.Varint(packed)
		if size <= 0 {
			return nil, errNumbers
		}
		seq += distance
		out, packed = append(out, seq), packed[size:]
	}
	return out, nil
}
