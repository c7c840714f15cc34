package audit

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"
	"sync"
	"time"
)

// followBatch is how many entries are scanned at a time, and copyBatch how many
// are copied in one commit at most, where many wait.
const (
	followBatch = 1000
	copyBatch   = 16 * followBatch
)

// The follower lets records gather before it copies them: a commit of the
// search tables takes about as long for a hundred records as for one, and
// searches find meanwhile what it has not reached, in memory. It rests twice as
// long as it worked, so that in a rush the writer, on whom people wait, has the
// processors.
const (
	gatherAtLeast = 100 * time.Millisecond
	gatherAtMost  = time.Second
	gatherEnough  = 1000 // records that no longer rest
)

// followRetry is how often the follower looks unasked: for what other consoles
// append to a shared log, and after the search tables refused records.
const followRetry = 5 * time.Second

// signal tells the follower that there is something to follow.
func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// follow copies the log into the search tables until ctx ends.
func (l *Log) follow(ctx context.Context) {
	tick := time.NewTicker(followRetry)
	defer tick.Stop()
	for {
		start := time.Now()
		l.catchingUp.Store(&start)
		err := l.catchUp(ctx)
		l.catchingUp.Store(nil)
		worked := time.Since(start)
		if ctx.Err() != nil {
			return
		}
		l.noteFollowing(err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-l.wake:
			l.gather(ctx, worked)
		}
	}
}

// gather waits until there is enough to follow, after the follower has worked.
func (l *Log) gather(ctx context.Context, worked time.Duration) {
	waited := min(max(2*worked, gatherAtLeast), gatherAtMost)
	rest(ctx, waited)
	for waited < gatherAtMost && l.recent.len() < gatherEnough && ctx.Err() == nil {
		rest(ctx, gatherAtLeast)
		waited += gatherAtLeast
	}
}

// noteFollowing remembers whether the search tables could be brought up to the
// log.
func (l *Log) noteFollowing(err error) {
	if err == nil {
		l.unfollowed.Store(nil)
	} else if l.unfollowed.Swap(&failure{err, time.Now()}) == nil { // once, not at every append
		l.cfg.Logger.Error("the search tables stay behind the log", "error", err)
	}
}

// catchUp brings the search tables up to the log's present end.
func (l *Log) catchUp(ctx context.Context) error {
	if err := l.disown(ctx); err != nil {
		return err
	}
	return l.followAll(ctx, func(int64) {})
}

// followed is the last sequence that the search tables know.
func (l *Log) followed(ctx context.Context) (int64, error) {
	var upto int64
	err := l.cfg.SearchRead.QueryRowContext(ctx, `SELECT upto FROM followed WHERE id = 1`).Scan(&upto)
	return upto, err
}

// followAll copies what the search tables do not have, and tells progress how
// far they are. Of several consoles that follow one log, the one that moves the
// mark first wins; the others find it moved and go on from there.
func (l *Log) followAll(ctx context.Context, progress func(upto int64)) error {
	l.following.Lock()
	defer l.following.Unlock()
	for {
		upto, err := l.followed(ctx)
		if err != nil {
			return err
		}
		first := upto
		again, err := l.followFrom(ctx, first, func(now int64) { upto = now; progress(now) })
		if err == nil && upto-first >= analyzed && l.cfg.Dialect == PostgreSQL {
			_, err = l.cfg.Search.ExecContext(ctx, `VACUUM (ANALYZE) record, value`)
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
	records []Record
	words   []string // of each record, as the database takes them
	values  []Filter // that may be new
	err     error
}

// followFrom copies what the log has above a mark by now. While one batch is
// stored, the next is read.
func (l *Log) followFrom(ctx context.Context, upto int64, progress func(upto int64)) (again bool, err error) {
	end, err := l.Size(ctx)
	if err != nil {
		return false, err
	}
	batches := make(chan copied)
	var reading sync.WaitGroup
	defer reading.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reading.Go(func() { l.readBatches(ctx, upto, end, batches) })
	for b := range batches {
		if b.err != nil {
			return false, b.err
		}
		moved, err := l.storeBatch(ctx, b)
		if err != nil || !moved {
			return err == nil, err
		}
		progress(b.records[len(b.records)-1].Sequence)
	}
	return false, ctx.Err()
}

// readBatches sends what the log has above a mark, up to end.
func (l *Log) readBatches(ctx context.Context, upto, end int64, batches chan<- copied) {
	defer close(batches)
	known := knownValues{}
	for upto < end {
		b := copied{from: upto}
		b.records, b.err = l.nextEntries(ctx, upto, end)
		if len(b.records) > 0 {
			upto = b.records[len(b.records)-1].Sequence
			b.words, b.values = l.prepare(b.records), known.unknown(b.records)
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
func (l *Log) nextEntries(ctx context.Context, upto, end int64) ([]Record, error) {
	room := make([]Record, 0, min(end-upto, copyBatch))
	if known := l.recent.between(upto, min(end, upto+copyBatch)+1); len(known) > 0 && known[0].record.Sequence == upto+1 {
		for _, a := range known {
			room = append(room, a.record)
		}
		return room, nil
	}
	return l.appendEntries(ctx, room, `seq > $1 AND seq <= $2 ORDER BY seq LIMIT `+strconv.Itoa(copyBatch), upto, end)
}

// storeBatch stores a batch, unless somebody has moved the mark.
func (l *Log) storeBatch(ctx context.Context, b copied) (moved bool, err error) {
	tx, err := l.cfg.Search.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	moved, err = moveMark(ctx, tx, b.from, b.records[len(b.records)-1].Sequence)
	if err == nil && moved {
		err = l.index(ctx, tx, b)
	}
	if err != nil || !moved {
		return false, rollback(tx, err)
	}
	if err := tx.Commit(); err != nil {
		return false, err
	}
	l.recent.trim(b.records[len(b.records)-1].Sequence)
	return true, nil
}

// moveMark sets how far the search tables are, unless they are not at from.
func moveMark(ctx context.Context, tx *sql.Tx, from, to int64) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE followed SET upto = $1 WHERE id = 1 AND upto = $2`, to, from)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// disown empties search tables that were derived from another log, such as
// the present one before it was restored from a backup: their last record is
// not in the log, or not with that time.
func (l *Log) disown(ctx context.Context) error {
	upto, err := l.followed(ctx)
	if err != nil || upto == 0 {
		return err
	}
	here, err := timeOf(ctx, l.cfg.LogRead, `SELECT ts FROM entry WHERE seq = $1`, upto)
	if err != nil {
		return err
	}
	there, err := timeOf(ctx, l.cfg.SearchRead, `SELECT ts FROM record WHERE seq = $1`, upto)
	if err != nil || here == there && here != absent {
		return err
	}
	l.cfg.Logger.Warn("the search tables belong to another log and are built anew", "records", upto)
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

// absent is the time of an entry that does not exist.
const absent = math.MinInt64

func timeOf(ctx context.Context, db *sql.DB, query string, seq int64) (int64, error) {
	var ts int64
	err := db.QueryRowContext(ctx, query, seq).Scan(&ts)
	if errors.Is(err, sql.ErrNoRows) {
		return absent, nil
	}
	return ts, err
}

// empty empties the search tables, unless somebody has moved their mark.
func (l *Log) empty(ctx context.Context, tx *sql.Tx, upto int64) error {
	moved, err := moveMark(ctx, tx, upto, 0)
	if err != nil || !moved {
		return err
	}
	statements := []string{`DELETE FROM record`, `DELETE FROM open_operation`, `DELETE FROM value`}
	if l.cfg.Dialect == SQLite {
		statements = append(statements, `INSERT INTO record_text (record_text) VALUES ('delete-all')`)
	}
	for _, stmt := range statements {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

// rollback ends a transaction that failed with err, or with nil was not needed.
func rollback(tx interface{ Rollback() error }, err error) error {
	if e := tx.Rollback(); !errors.Is(e, sql.ErrTxDone) {
		err = errors.Join(err, e)
	}
	return err
}
