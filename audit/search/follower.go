package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/internal/clock"
	"coc-console/internal/sqlutil"
)

// followBatch is how many entries are in memory at a time, and copyBatch about
// how many are copied in one commit, where many wait: the fewer commits, the
// fewer parts of the words' index are to be merged.
const (
	followBatch = 1000
	copyBatch   = 64 * followBatch
)

// The follower lets records gather before it copies them: a commit of the
// search tables takes about as long for a hundred records as for one, and
// searches find meanwhile what it has not reached, in memory. In a rush it rests
// twice as long as it worked, so that the writer, on whom people wait, has the
// processors; below, it is never more than about 2,000 records behind.
const (
	gatherAtLeast = 50 * time.Millisecond
	gatherAtMost  = time.Second
	gatherEnough  = 500    // records that wait no longer
	rushing       = 20_000 // records a second
)

// followRetry is how often the follower looks unasked: for what other consoles
// append to a shared log, and after the search tables refused records.
const followRetry = 5 * time.Second

// signal tells the follower that there is something to follow.
func (x *Index) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// follow copies the log into the search tables until ctx ends.
func (x *Index) follow(ctx context.Context) {
	tick := time.NewTicker(followRetry)
	defer tick.Stop()
	for {
		start := time.Now()
		x.catchingUp.Store(&start)
		err := x.catchUp(ctx, tryLead)
		x.catchingUp.Store(nil)
		worked := time.Since(start)
		if ctx.Err() != nil {
			return
		}
		x.noteFollowing(err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-x.wake:
			x.gather(ctx, worked)
		}
	}
}

// gather waits until there is enough to follow, after the follower has worked.
func (x *Index) gather(ctx context.Context, worked time.Duration) {
	waited := gatherAtLeast
	if came := x.recent.len(); came > gatherEnough && float64(came) > rushing*worked.Seconds() {
		waited = min(max(2*worked, gatherAtLeast), gatherAtMost)
	}
	clock.Sleep(ctx, waited)
	for waited < gatherAtMost && x.recent.len() < gatherEnough && ctx.Err() == nil {
		clock.Sleep(ctx, gatherAtLeast)
		waited += gatherAtLeast
	}
}

// noteFollowing remembers whether the search tables could be brought up to the
// log.
func (x *Index) noteFollowing(err error) {
	if err == nil {
		x.unfollowed.Store(nil)
	} else if x.unfollowed.Swap(&failure{err, time.Now()}) == nil { // once, not at every append
		x.logger.Error("search tables stay behind the log", "error", err)
	}
}

// CatchUp brings the search tables up to the log's present end.
func (x *Index) CatchUp(ctx context.Context) error { return x.catchUp(ctx, waitToLead) }

func (x *Index) catchUp(ctx context.Context, lead string) error {
	if err := x.reset(ctx); err != nil {
		return err
	}
	return x.followAll(ctx, lead, func(int64) {})
}

// Of several consoles that follow one log, one at a time copies records: what
// the others read would be in vain.
const (
	waitToLead = `SELECT true FROM pg_advisory_xact_lock(` + leadership + `)`
	tryLead    = `SELECT pg_try_advisory_xact_lock(` + leadership + `)`
	leadership = `hashtextextended('coc-console follower of ' || current_schema(), 0)`
)

// lead reports whether this console copies records now, until release is called.
func (x *Index) lead(ctx context.Context, query string) (release func(), leads bool, err error) {
	if x.dialect != audit.PostgreSQL {
		return func() {}, true, nil
	}
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, false, fmt.Errorf("ask to follow the log alone: %w", err)
	}
	if err := tx.QueryRowContext(ctx, query).Scan(&leads); err != nil || !leads {
		return nil, false, sqlutil.Rollback(tx, err)
	}
	return func() { _ = tx.Rollback() }, true, nil // nothing was written
}

// followAll copies what the search tables do not have, and tells progress how
// far they are.
func (x *Index) followAll(ctx context.Context, lead string, progress func(upto int64)) error {
	x.following.Lock()
	defer x.following.Unlock()
	release, leads, err := x.lead(ctx, lead)
	if err != nil {
		return err
	}
	if leads {
		defer release()
	}
	for {
		upto, err := x.Followed(ctx)
		if err != nil {
			return err
		}
		if x.recent.trim(upto); !leads {
			return nil
		}
		first := upto
		again, err := x.followFrom(ctx, first, func(now int64) { upto = now; progress(now) })
		if err == nil && upto-first >= analyzed && x.dialect == audit.PostgreSQL {
			_, err = x.write.ExecContext(ctx, `VACUUM (ANALYZE) record, value, operation`)
			err = sqlutil.Wrap(err, "analyze the search tables")
		}
		if err != nil || !again {
			return err
		}
	}
}

// analyzed is how many records make PostgreSQL's picture of the search tables
// too old to wait until it looks by itself: its plans are then wrong, counts
// read the table and not an index alone, and new words wait in a list.
const analyzed = 10 * copyBatch

// copied is a batch for the search tables.
type copied struct {
	from    int64 // the mark before it
	records []audit.Record
	words   []string          // of each record, as the database takes them
	values  []Filter          // that may be new
	names   map[string]string // of tickets, which may be new
	err     error
}

// followFrom copies what the log has above a mark by now. While one batch is
// stored, the next ones are read.
func (x *Index) followFrom(ctx context.Context, upto int64, progress func(upto int64)) (again bool, err error) {
	end, err := x.log.Size(ctx)
	if err != nil {
		return false, err
	}
	batches := make(chan copied, readAhead)
	var reading sync.WaitGroup
	defer reading.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reading.Go(func() { x.readBatches(ctx, upto, end, batches) })
	for b := range batches {
		upto, moved, err := x.storeBatches(ctx, b, batches)
		if err != nil || !moved {
			return err == nil, err
		}
		progress(upto)
	}
	return false, ctx.Err()
}

// readAhead is how many batches wait to be stored.
const readAhead = 4

// readBatches sends what the log has above a mark, up to end.
func (x *Index) readBatches(ctx context.Context, upto, end int64, batches chan<- copied) {
	defer close(batches)
	var values Values
	var names ticketNames
	term := cachedTerms()
	for upto < end {
		b := copied{from: upto}
		b.records, b.err = x.nextEntries(ctx, upto, end)
		if len(b.records) > 0 {
			upto = b.records[len(b.records)-1].Sequence
			for i := range b.records {
				values.Add(&b.records[i])
				names.add(&b.records[i])
			}
			b.names = names.take()
			b.words, b.values = x.documents(b.records, term), values.Take()
		} else if b.err == nil {
			return
		}
		select {
		case batches <- b:
		case <-ctx.Done():
			return
		}
		if b.err != nil {
			return
		}
	}
}

// nextEntries reads a batch's entries above upto, up to end.
func (x *Index) nextEntries(ctx context.Context, upto, end int64) ([]audit.Record, error) {
	room := make([]audit.Record, 0, min(end-upto, followBatch))
	if known := x.recent.between(upto, min(end, upto+followBatch)+1); len(known) > 0 && known[0].Sequence == upto+1 {
		for _, a := range known {
			room = append(room, *a.Record)
		}
		return room, nil
	}
	return x.log.AppendRecords(ctx, room, `seq > $1 AND seq <= $2 ORDER BY seq LIMIT `+strconv.Itoa(followBatch), upto, end)
}

// storeBatches stores a batch and those that follow, up to copyBatch records in
// one commit, unless somebody has moved the mark. It returns where the mark is.
func (x *Index) storeBatches(ctx context.Context, b copied, more <-chan copied) (upto int64, moved bool, err error) {
	if b.err != nil {
		return 0, false, b.err
	}
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, false, fmt.Errorf("begin to follow the log: %w", err)
	}
	from, upto := b.from, b.from
	moved, err = moveMark(ctx, tx, from, from) // which locks it
	if err == nil && from == 0 {
		err = errors.Join(x.table().Empty(ctx, tx), x.boundMemory(ctx, tx))
	}
	var unread error
	grouped := operationRecords{x: x}
	for ok := true; ok && err == nil && moved && upto-from < copyBatch; b, ok = <-more {
		if unread = b.err; unread != nil {
			break
		}
		err = errors.Join(x.index(ctx, tx, b), grouped.add(ctx, tx, b.records))
		upto = b.records[len(b.records)-1].Sequence
	}
	if err == nil && moved {
		err = grouped.index(ctx, tx)
	}
	if err == nil && moved {
		_, err = moveMark(ctx, tx, from, upto)
	}
	if err != nil || !moved {
		return 0, false, sqlutil.Rollback(tx, err)
	}
	if err := tx.Commit(); err != nil {
		return 0, false, fmt.Errorf("commit records to the search tables: %w", err)
	}
	x.recent.trim(upto)
	return upto, unread == nil, unread
}

// boundMemory bounds what SQLite gathers of the words in memory before it writes
// them: it takes several times these 4 MiB, and hardly longer than with the 16
// that the table is made with.
func (x *Index) boundMemory(ctx context.Context, tx *sql.Tx) error {
	if x.dialect != audit.SQLite {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO record_text (record_text, rank) VALUES ('hashsize', 4194304)`)
	return sqlutil.Wrap(err, "bound the memory of record_text")
}

// moveMark sets how far the search tables are, unless they are not at from.
func moveMark(ctx context.Context, tx *sql.Tx, from, to int64) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE followed SET upto = $1 WHERE id = 1 AND upto = $2`, to, from)
	if err != nil {
		return false, fmt.Errorf("move the mark of the search tables to %d: %w", to, err)
	}
	n, err := res.RowsAffected()
	return n == 1, sqlutil.Wrap(err, "move the mark of the search tables")
}

// reset empties search tables that were derived from another log, such as
// the present one before it was restored from a backup: their last record is
// not in the log, or not with that time.
func (x *Index) reset(ctx context.Context) error {
	upto, err := x.Followed(ctx)
	if err != nil || upto == 0 {
		return err
	}
	here, known, err := x.log.TimeOf(ctx, upto)
	if err != nil {
		return err
	}
	there, err := sqlutil.Column[int64](x.read.QueryContext(ctx, `SELECT ts FROM record WHERE seq = $1`, upto))
	if err != nil || known && slices.Equal(there, []int64{here}) {
		return sqlutil.Wrap(err, "read the last record of the search tables")
	}
	x.logger.Warn("search tables of another log are built again", "records", upto)
	return x.empty(ctx, upto)
}

// empty empties the search tables, unless somebody has moved their mark.
func (x *Index) empty(ctx context.Context, upto int64) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to empty the search tables: %w", err)
	}
	moved, err := moveMark(ctx, tx, upto, 0)
	if err != nil || !moved {
		return sqlutil.Rollback(tx, err)
	}
	statements := []string{`DELETE FROM record`, `DELETE FROM open_operation`, `DELETE FROM value`,
		`DELETE FROM ticket_name`, `DELETE FROM tally`}
	if x.dialect == audit.SQLite {
		statements = append(statements, `INSERT INTO record_text (record_text) VALUES ('delete-all')`)
	}
	for _, stmt := range statements {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return sqlutil.Rollback(tx, fmt.Errorf("%s: %w", stmt, err))
		}
	}
	if err := x.table().Empty(ctx, tx); err != nil {
		return sqlutil.Rollback(tx, err)
	}
	defer x.summaries.forget()
	return sqlutil.Wrap(tx.Commit(), "commit the empty search tables")
}
