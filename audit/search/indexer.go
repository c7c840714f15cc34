package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"coc-console/audit"
	"coc-console/audit/operations"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// Reindex builds the search tables again, as the console does by itself when
// they are missing or belong to another log. Searches stay right meanwhile, and
// become slow. progress, which may be nil, is told how many records of how many
// are done.
func (x *Index) Reindex(ctx context.Context, progress func(done, total int64)) error {
	if err := x.restart(ctx); err != nil {
		return err
	}
	return x.followAll(ctx, waitToLead, func(upto int64) {
		if progress == nil {
			return
		}
		if total, err := x.log.Size(ctx); err == nil {
			progress(upto, total)
		}
	})
}

func (x *Index) restart(ctx context.Context) error {
	x.following.Lock()
	defer x.following.Unlock()
	upto, err := x.Followed(ctx)
	if err != nil {
		return err
	}
	return x.empty(ctx, upto)
}

type indexer func(context.Context, *sql.Tx, copied) error

func indexValuesAs(dialect string) indexer {
	if dialect == audit.PostgreSQL {
		return indexValuesAtOnce
	}
	return indexValues
}

// index adds records to the search tables.
func (x *Index) index(ctx context.Context, tx *sql.Tx, b copied) error {
	records := indexRecords
	if x.dialect == audit.PostgreSQL {
		records = indexRecordsAtOnce
	}
	for _, step := range []indexer{records, indexValuesAs(x.dialect), indexOperations, indexTicketNames,
		indexTallies} {
		if err := step(ctx, tx, b); err != nil {
			return err
		}
	}
	return nil
}

// maxGrouped is how many records of operations are in memory until their rows are
// written: the more, the fewer rows are written again with a later step.
const maxGrouped = 8 * followBatch

// operationRecords gathers the records of operations that a commit adds.
type operationRecords struct {
	x       *Index
	records []audit.Record
}

func (o *operationRecords) add(ctx context.Context, tx *sql.Tx, records []audit.Record) error {
	for i := range records {
		if query.InOperation(&records[i]) {
			o.records = append(o.records, records[i])
		}
	}
	if len(o.records) < maxGrouped {
		return nil
	}
	return o.index(ctx, tx)
}

func (o *operationRecords) index(ctx context.Context, tx *sql.Tx) error {
	records := o.records
	o.records = nil
	return o.x.table().Index(ctx, tx, records)
}

// table are the rows of operations.
func (x *Index) table() operations.Table {
	return operations.Table{Dialect: x.dialect, Read: x.numbered, Term: x.terms}
}

// numbered are the records with some numbers, in any order.
func (x *Index) numbered(ctx context.Context, numbers []int64) ([]audit.Record, error) {
	var c conditions
	return x.log.AppendRecords(ctx, nil, "seq IN ("+sqlutil.List(&c.args, numbers)+")", c.args...)
}

// indexTicketNames keeps the names of tickets, as far as records say them.
func indexTicketNames(ctx context.Context, tx *sql.Tx, b copied) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO ticket_name (ticket, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`)
	if err != nil {
		return fmt.Errorf("prepare ticket_name: %w", err)
	}
	defer func() { _ = insert.Close() }()
	for ticket, name := range b.names {
		if _, err := insert.ExecContext(ctx, ticket, name); err != nil {
			return fmt.Errorf("insert the name of ticket %s: %w", ticket, err)
		}
	}
	return nil
}

// yieldEvery is after how many records of a batch the follower lets others go
// first: somebody waits for a commit, nobody for the follower.
const yieldEvery = 16

// indexRecords is for SQLite: prepared inserts of single rows are its fastest, with parameters that have no names to
// look for.
// A statement that can be interrupted costs a goroutine, so the end is looked
// for in between.
func indexRecords(ctx context.Context, tx *sql.Tx, b copied) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO record (seq, ts, action, outcome, user_id, user_name, ticket,
		operation_id, operation_type, project_id, project_name, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return fmt.Errorf("prepare record: %w", err)
	}
	defer func() { _ = insert.Close() }()
	insertText, err := tx.PrepareContext(ctx, `INSERT INTO record_text (rowid, doc) VALUES (?, ?)`)
	if err != nil {
		return fmt.Errorf("prepare record_text: %w", err)
	}
	defer func() { _ = insertText.Close() }()
	whole := context.WithoutCancel(ctx)
	for i, r := range b.records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if i%yieldEvery == 0 {
			runtime.Gosched()
		}
		if _, err := insert.ExecContext(whole, r.Sequence, r.Time.UnixMicro(), string(r.Action), string(r.Outcome),
			r.Actor.UserID,
			r.Actor.UserName, r.Ticket, r.OperationID, r.OperationType, r.Actor.ProjectID, r.Actor.ProjectName,
			r.Origin.Address); err != nil {
			return fmt.Errorf("insert record %d: %w", r.Sequence, err)
		}
		if _, err := insertText.ExecContext(whole, r.Sequence, b.words[i]); err != nil {
			return fmt.Errorf("insert the words of record %d: %w", r.Sequence, err)
		}
	}
	return nil
}

// Documents are the words of records as the database takes them.
func (x *Index) Documents(records []audit.Record) []string {
	return x.documents(records, cachedTerms())
}

// RowDocument are the words of an operation's row as the database takes them.
func (x *Index) RowDocument(records []audit.Record) string { return x.table().Document(records) }

func (x *Index) documents(records []audit.Record, term func(kind, value string) string) []string {
	out := make([]string, len(records))
	for i, r := range records {
		if i%yieldEvery == 0 {
			runtime.Gosched()
		}
		if x.dialect == audit.PostgreSQL {
			out[i] = query.RareTerms(r) + query.Positioned(query.Words(r))
		} else {
			out[i] = document(r, term)
		}
	}
	return out
}

// maxTerms bounds the memory of cachedTerms.
const maxTerms = 10_000

// cachedTerms is filterTerm with a memory for values, which repeat.
func cachedTerms() func(kind, value string) string {
	known := map[[2]string]string{}
	return func(kind, value string) string {
		f, ok := known[[2]string{kind, value}]
		if !ok {
			if len(known) == maxTerms {
				clear(known)
			}
			f = query.Term(kind, value)
			known[[2]string{kind, strings.Clone(value)}] = f // the value is a part of its record's bytes
		}
		return f
	}
}

// indexRecordsAtOnce is for PostgreSQL: everything in one round trip.
func indexRecordsAtOnce(ctx context.Context, tx *sql.Tx, b copied) error {
	records := b.records
	seqs, times := make([]int64, len(records)), make([]int64, len(records))
	var texts [10][]string
	for i, r := range records {
		seqs[i], times[i] = r.Sequence, r.Time.UnixMicro()
		for j, s := range []string{string(r.Action), string(r.Outcome), r.Actor.UserID, r.Actor.UserName, r.Ticket, r.OperationID,
			r.OperationType, r.Actor.ProjectID, r.Actor.ProjectName, r.Origin.Address} {
			// an entry that others wrote may hold what PostgreSQL does not take
			texts[j] = append(texts[j], audit.Shorten(s))
		}
	}
	args := []any{seqs, times}
	for _, t := range texts {
		args = append(args, t)
	}
	args = append(args, b.words)
	_, err := tx.ExecContext(ctx, `INSERT INTO record (seq, ts, action, outcome, user_id, user_name, ticket, operation_id,
		operation_type, project_id, project_name, address, words)
		SELECT seq, ts, action, outcome, user_id, user_name, ticket, operation_id, operation_type, project_id, project_name, address, words::tsvector
		FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
			$9::text[], $10::text[], $11::text[], $12::text[], $13::text[]) AS r (seq, ts, action, outcome, user_id, user_name,
			ticket, operation_id, operation_type, project_id, project_name, address, words)`, args...)
	return sqlutil.Wrap(err, "insert records")
}

// Values collects the values of records that completion offers, each once. It
// remembers those that it has seen, so that the search tables are given each
// once in a while and not with every record.
type Values struct {
	known [query.Completed]map[string]struct{} // by field
	last  [query.Completed]string              // of the record before: most repeat
	found []Filter
}

// maxKnown bounds the memory of a field; those forgotten are found again.
const maxKnown = 50_000

// Add adds the values of a record.
func (v *Values) Add(r *audit.Record) {
	for i, f := range query.Completions(r) {
		if f.Value == "" || f.Value == v.last[i] {
			continue
		}
		v.last[i] = f.Value
		if _, ok := v.known[i][f.Value]; ok || !query.Storable(f.Value) {
			continue
		}
		if v.known[i] == nil || len(v.known[i]) == maxKnown {
			v.known[i] = map[string]struct{}{}
		}
		f.Value = strings.Clone(f.Value) // which is a part of its record's bytes
		v.known[i][f.Value] = struct{}{}
		v.found = append(v.found, f)
	}
}

// Take returns what was found since the last call.
func (v *Values) Take() []Filter {
	found := v.found
	v.found, v.last = nil, [query.Completed]string{}
	return found
}

func indexValues(ctx context.Context, tx *sql.Tx, b copied) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO value (field, folded, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`)
	if err != nil {
		return fmt.Errorf("prepare value: %w", err)
	}
	defer func() { _ = insert.Close() }()
	for _, f := range b.values {
		if _, err := insert.ExecContext(context.WithoutCancel(ctx), string(f.Field), strings.ToLower(f.Value),
			f.Value); err != nil {
			return fmt.Errorf("insert the value %s %q: %w", f.Field, f.Value, err)
		}
	}
	return nil
}

func indexValuesAtOnce(ctx context.Context, tx *sql.Tx, b copied) error {
	var fields, folded, values []string
	for _, f := range b.values {
		fields, folded, values = append(fields, string(f.Field)), append(folded, strings.ToLower(f.Value)),
			append(values, f.Value)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO value (field, folded, value)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`, fields, folded, values)
	return sqlutil.Wrap(err, "insert values")
}

// indexOperations keeps the list of operations of which more is expected.
func indexOperations(ctx context.Context, tx *sql.Tx, b copied) error {
	open, ended := map[string]int64{}, map[string]bool{}
	for _, r := range b.records {
		switch r.Action {
		case audit.ActionOperationRequested:
			if _, known := open[r.OperationID]; !known && r.OperationID != "" {
				open[r.OperationID] = r.Sequence
			}
		case audit.ActionOperationRejected, audit.ActionOperationObserved, audit.ActionOperationNotObserved:
			delete(open, r.OperationID)
			ended[r.OperationID] = true
		}
	}
	remove, err := tx.PrepareContext(ctx, `DELETE FROM open_operation WHERE operation_id = $1`)
	if err != nil {
		return fmt.Errorf("prepare open_operation: %w", err)
	}
	defer func() { _ = remove.Close() }()
	for id := range ended {
		if _, err := remove.ExecContext(ctx, id); err != nil {
			return fmt.Errorf("end operation %s: %w", id, err)
		}
	}
	return insertOperations(ctx, tx, open)
}

func insertOperations(ctx context.Context, tx *sql.Tx, open map[string]int64) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO open_operation (operation_id, seq) VALUES ($1, $2)
		ON CONFLICT (operation_id) DO NOTHING`)
	if err != nil {
		return fmt.Errorf("prepare open_operation: %w", err)
	}
	defer func() { _ = insert.Close() }()
	for id, seq := range open {
		if _, err := insert.ExecContext(ctx, id, seq); err != nil {
			return fmt.Errorf("insert operation %s: %w", id, err)
		}
	}
	return nil
}

// unindex removes the records up to a mark, and all words and values of theirs,
// from the search tables.
func (x *Index) unindex(ctx context.Context, mark int64) error {
	defer x.summaries.forget()
	if err := x.keepTally(ctx, mark); err != nil {
		return err
	}
	statements := []string{`DELETE FROM record WHERE seq <= $1`, `DELETE FROM tally WHERE seq < $1`,
		`DELETE FROM ticket_name WHERE $1 > 0 AND ticket NOT IN (SELECT ticket FROM record)`}
	if x.dialect == audit.SQLite {
		statements = append(statements, `DELETE FROM record_text WHERE rowid <= $1`)
	}
	for _, stmt := range statements {
		if _, err := x.write.ExecContext(ctx, stmt, mark); err != nil {
			return fmt.Errorf("%s: %w", stmt, err)
		}
	}
	err := errors.Join(x.forgetOperations(ctx, mark), x.recollect(ctx))
	if err != nil || x.dialect != audit.SQLite {
		return err
	}
	// What is deleted stays in the index until its parts are put together.
	for _, stmt := range []string{`INSERT INTO record_text (record_text) VALUES ('optimize')`,
		`INSERT INTO operation_text (operation_text) VALUES ('optimize')`} {
		if _, err := x.write.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("%s: %w", stmt, err)
		}
	}
	return nil
}

// forgetOperations removes the records up to a mark from the rows of operations.
func (x *Index) forgetOperations(ctx context.Context, mark int64) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to forget operations: %w", err)
	}
	if err := x.table().Forget(ctx, tx, mark); err != nil {
		return sqlutil.Rollback(tx, err)
	}
	return sqlutil.Wrap(tx.Commit(), "commit what is left of operations")
}

// recollect makes the list of values again, from the records that are left.
func (x *Index) recollect(ctx context.Context) error {
	var left []Filter
	for f, name := range columns {
		values, err := sqlutil.Column[string](x.read.QueryContext(ctx, `SELECT DISTINCT `+name+` FROM record`))
		if err != nil {
			return fmt.Errorf("read the values of %s: %w", name, err)
		}
		for _, v := range values {
			if v != "" && query.Storable(v) {
				left = append(left, Filter{Field: f, Value: v})
			}
		}
	}
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to renew the values: %w", err)
	}
	if _, err = tx.ExecContext(ctx, `DELETE FROM value`); err == nil {
		err = indexValuesAs(x.dialect)(ctx, tx, copied{values: left})
	}
	if err != nil {
		return sqlutil.Rollback(tx, err)
	}
	return sqlutil.Wrap(tx.Commit(), "commit the values")
}
