package audit

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Reindex builds the search tables anew, as the console does by itself when
// they are missing or belong to another log. Searches stay right meanwhile, and
// become slow. progress, which may be nil, is told how many records of how many
// are done.
func (l *Log) Reindex(ctx context.Context, progress func(done, total int64)) error {
	if err := l.startAnew(ctx); err != nil {
		return err
	}
	return l.followAll(ctx, func(upto int64) {
		if progress == nil {
			return
		}
		if total, err := l.Size(ctx); err == nil {
			progress(upto, total)
		}
	})
}

func (l *Log) startAnew(ctx context.Context) error {
	l.following.Lock()
	defer l.following.Unlock()
	upto, err := l.followed(ctx)
	if err != nil {
		return err
	}
	tx, err := l.cfg.Search.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := l.empty(ctx, tx, upto); err != nil {
		return rollback(tx, err)
	}
	defer l.summaries.forget()
	return tx.Commit()
}

type indexer func(context.Context, *sql.Tx, copied) error

func indexValuesAs(dialect string) indexer {
	if dialect == PostgreSQL {
		return indexValuesAtOnce
	}
	return indexValues
}

// index adds records to the search tables.
func (l *Log) index(ctx context.Context, tx *sql.Tx, b copied) error {
	records := indexRecords
	if l.cfg.Dialect == PostgreSQL {
		records = indexRecordsAtOnce
	}
	for _, step := range []indexer{records, indexValuesAs(l.cfg.Dialect), indexOperations} {
		if err := step(ctx, tx, b); err != nil {
			return err
		}
	}
	return nil
}

// yieldEvery is after how many records of a batch the follower lets others go
// first: somebody waits for a commit, nobody for the follower.
const yieldEvery = 16

// indexRecords is for SQLite: prepared inserts of single rows are its fastest.
// A statement that can be interrupted costs a goroutine, so the end is looked
// for in between.
func indexRecords(ctx context.Context, tx *sql.Tx, b copied) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO record (seq, ts, action, outcome, user_id, user_name, ticket,
		operation_id, operation_type, project_id, project_name, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	insertText, err := tx.PrepareContext(ctx, `INSERT INTO record_text (rowid, doc) VALUES ($1, $2)`)
	if err != nil {
		return err
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
		if _, err := insert.ExecContext(whole, r.Sequence, r.Time.UnixMicro(), string(r.Action), string(r.Outcome), r.Actor.UserID,
			r.Actor.UserName, r.Ticket, r.OperationID, r.OperationType, r.Actor.ProjectID, r.Actor.ProjectName, r.Origin.Address); err != nil {
			return err
		}
		if _, err := insertText.ExecContext(whole, r.Sequence, b.words[i]); err != nil {
			return err
		}
	}
	return nil
}

// prepare returns the words of records as the database takes them.
func (l *Log) prepare(records []Record) []string {
	at := runtime.GOMAXPROCS(0)
	if len(records) < copyBatch { // there is no hurry
		at = 1
	}
	if l.cfg.Dialect == PostgreSQL {
		return sideBySide(records, at, func() func(Record) string { return positioned })
	}
	return sideBySide(records, at, func() func(Record) string {
		fact := remembered()
		return func(r Record) string { return document(r, fact) }
	})
}

// remembered is fact with a memory for the values of one batch, which repeat.
func remembered() func(kind, value string) string {
	known := map[[2]string]string{}
	return func(kind, value string) string {
		f, ok := known[[2]string{kind, value}]
		if !ok {
			f = fact(kind, value)
			known[[2]string{kind, value}] = f
		}
		return f
	}
}

// sideBySide computes a text for each record on so many processors.
func sideBySide(records []Record, processors int, worker func() func(Record) string) []string {
	out := make([]string, len(records))
	size := max(len(records)/processors+1, 256)
	var group sync.WaitGroup
	for at := 0; at < len(records); at += size {
		some := records[at:min(at+size, len(records))]
		group.Go(func() {
			text := worker()
			for i, r := range some {
				if i%yieldEvery == 0 {
					runtime.Gosched()
				}
				out[at+i] = text(r)
			}
		})
	}
	group.Wait()
	return out
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
			texts[j] = append(texts[j], bounded(s, maxShort)) // an entry that others wrote may hold what PostgreSQL does not take
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
	return err
}

// knownValues remembers values that the search tables have, so that each is
// written once in a while and not with every record.
type knownValues map[Filter]struct{}

// maxKnown bounds the memory; those forgotten are written again.
const maxKnown = 100_000

// unknown are the values of records that are not known, and now are.
func (known knownValues) unknown(records []Record) []Filter {
	var out []Filter
	for _, r := range records {
		for _, f := range completions(r) {
			if _, ok := known[f]; ok {
				continue
			}
			if len(known) == maxKnown {
				clear(known)
			}
			known[f] = struct{}{}
			out = append(out, f)
		}
	}
	return out
}

// completions are the values of a record that are offered to who types.
func completions(r Record) []Filter {
	all := []Filter{{FieldActor, r.Actor.UserName}, {FieldTicket, r.Ticket}, {FieldAction, string(r.Action)}, {FieldOutcome, string(r.Outcome)},
		{FieldProject, r.Actor.ProjectName}, {FieldIP, r.Origin.Address}, {FieldType, r.OperationType}}
	return slices.DeleteFunc(all, func(f Filter) bool { return f.Value == "" || !storable(f.Value) })
}

func indexValues(ctx context.Context, tx *sql.Tx, b copied) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO value (field, folded, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for _, f := range b.values {
		if _, err := insert.ExecContext(context.WithoutCancel(ctx), string(f.Field), strings.ToLower(f.Value), f.Value); err != nil {
			return err
		}
	}
	return nil
}

func indexValuesAtOnce(ctx context.Context, tx *sql.Tx, b copied) error {
	var fields, folded, values []string
	for _, f := range b.values {
		fields, folded, values = append(fields, string(f.Field)), append(folded, strings.ToLower(f.Value)), append(values, f.Value)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO value (field, folded, value)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`, fields, folded, values)
	return err
}

// indexOperations keeps the list of operations of which more is expected.
func indexOperations(ctx context.Context, tx *sql.Tx, b copied) error {
	open, ended := map[string]int64{}, map[string]bool{}
	for _, r := range b.records {
		switch r.Action {
		case ActionOperationRequested:
			if _, known := open[r.OperationID]; !known && r.OperationID != "" {
				open[r.OperationID] = r.Sequence
			}
		case ActionOperationRejected, ActionOperationObserved, ActionOperationNotObserved:
			delete(open, r.OperationID)
			ended[r.OperationID] = true
		}
	}
	remove, err := tx.PrepareContext(ctx, `DELETE FROM open_operation WHERE operation_id = $1`)
	if err != nil {
		return err
	}
	defer func() { _ = remove.Close() }()
	for id := range ended {
		if _, err := remove.ExecContext(ctx, id); err != nil {
			return err
		}
	}
	return insertOperations(ctx, tx, open)
}

func insertOperations(ctx context.Context, tx *sql.Tx, open map[string]int64) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO open_operation (operation_id, seq) VALUES ($1, $2)
		ON CONFLICT (operation_id) DO NOTHING`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for id, seq := range open {
		if _, err := insert.ExecContext(ctx, id, seq); err != nil {
			return err
		}
	}
	return nil
}

// unindex removes the records up to a mark, and all words and values of theirs,
// from the search tables.
func (l *Log) unindex(ctx context.Context, mark int64) error {
	defer l.summaries.forget()
	statements := []string{`DELETE FROM record WHERE seq <= $1`}
	if l.cfg.Dialect == SQLite {
		statements = append(statements, `DELETE FROM record_text WHERE rowid <= $1`)
	}
	for _, stmt := range statements {
		if _, err := l.cfg.Search.ExecContext(ctx, stmt, mark); err != nil {
			return err
		}
	}
	if err := l.recollect(ctx); err != nil || l.cfg.Dialect != SQLite {
		return err
	}
	// What is deleted stays in the index until its parts are put together.
	_, err := l.cfg.Search.ExecContext(ctx, `INSERT INTO record_text (record_text) VALUES ('optimize')`)
	return err
}

// recollect makes the list of values anew, from the records that are left.
func (l *Log) recollect(ctx context.Context) error {
	var left []Filter
	for f, name := range columns {
		values, err := column[string](l.cfg.SearchRead.QueryContext(ctx, `SELECT DISTINCT `+name+` FROM record`))
		if err != nil {
			return err
		}
		for _, v := range values {
			if v != "" && storable(v) {
				left = append(left, Filter{f, v})
			}
		}
	}
	tx, err := l.cfg.Search.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, `DELETE FROM value`); err == nil {
		err = indexValuesAs(l.cfg.Dialect)(ctx, tx, copied{values: left})
	}
	if err != nil {
		return rollback(tx, err)
	}
	return tx.Commit()
}
