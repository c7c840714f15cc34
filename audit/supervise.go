package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/internal/sqlutil"
)

// The waits of those who depend on the writer.
const (
	superviseEvery = 250 * time.Millisecond
	resumeEvery    = time.Second
	longCommit     = 2 * time.Second             // Health and Ready tell of a commit that takes longer
	hangTimeout    = CommitTimeout + time.Second // what does not end a commit is not a lock
	readyPatience  = 500 * time.Millisecond      // for the end of an outage
	maxLater       = 1024                        // records that are kept until the log takes them
)

// ErrHangs says that a commit has not ended though its time is over: the disk
// does not answer.
var ErrHangs = errors.New("audit: a commit does not end")

// underWay is a commit that has not ended.
type underWay struct {
	since  time.Time
	batch  atomic.Pointer[[]*appending] // of nil: a checkpoint
	ended  chan struct{}
	broken atomic.Bool // its callers were told that they cannot know
}

// begins notes that a commit is under way, until end is called.
func (w *writer) begins(batch []*appending) (end func()) {
	u := &underWay{since: time.Now(), ended: make(chan struct{})}
	u.batch.Store(&batch)
	w.underWay.Store(u)
	return func() {
		w.underWay.Store(nil)
		close(u.ended)
	}
}

// Pending is how long the commit that is under way takes already; 0 when none
// is. It asks nobody.
func (l *Log) Pending() time.Duration {
	if u := l.underWay.Load(); u != nil {
		return time.Since(u.since)
	}
	return 0
}

// AwaitCommit waits until a reading shows the outcome of every commit that was begun
// before: whoever was told that a record is Unknown reads the log after it.
func (l *Log) AwaitCommit(ctx context.Context) error {
	if u := l.underWay.Load(); u != nil {
		select {
		case <-u.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if l.cfg.Dialect != PostgreSQL {
		return nil
	}
	// The server may be at a commit whose connection broke: it holds the lock until it is done.
	tx, err := l.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to wait for the log's head: %w", err)
	}
	_, err = l.lockHead(ctx, tx)
	return sqlutil.Rollback(tx, err)
}

// supervise sees to it that nobody waits for a commit that does not end, that
// an outage ends without anybody asking, and that reads are counted, until ctx ends.
func (l *Log) supervise(ctx context.Context) {
	tick := time.NewTicker(superviseEvery)
	defer tick.Stop()
	tried := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.breakOff()
		o := l.failing.Load()
		recovers := o != nil && !l.cfg.withoutRecovery && !errors.Is(o.why, ErrDamaged)
		if recovers && time.Since(tried) >= resumeEvery {
			tried = time.Now()
			l.tryResuming()
		}
		l.tendReads(l.cfg.Now())
	}
}

// breakOff ends the waiting for a commit that hangs: what waits behind it is
// refused, and of what is in it nobody knows. The commit itself goes on; the log
// takes records again when it ends.
func (l *Log) breakOff() {
	u := l.underWay.Load()
	if u == nil || time.Since(u.since) < hangTimeout {
		return
	}
	if u.broken.CompareAndSwap(false, true) {
		unknown := &StorageError{Busy: true, Unknown: true, Err: ErrHangs}
		batch := *u.batch.Load()
		l.fails(batch, unknown)
		for _, a := range batch {
			a.answer(unknown)
		}
	}
	l.refuseQueued(&StorageError{Busy: true, Err: ErrHangs})
}

// refuseQueued refuses everything that is queued.
func (l *Log) refuseQueued(why *StorageError) {
	for {
		select {
		case a := <-l.queue:
			if a.take() {
				l.giveUp(a, why)
			}
		default:
			return
		}
	}
}

// giveUp answers a record that was not stored, and remembers what must not be
// lost of it.
func (l *Log) giveUp(a *appending, why *StorageError) {
	switch {
	case a.resolved == nil || why.Unknown:
	case a.keep:
		l.later.add(l, a)
	case a.omitted != nil:
		l.reads.putBack(*a.omitted)
	default:
		l.reads.omit(a.record, l.cfg.Now())
	}
	a.answer(why)
}

// fails notes an outage.
func (l *Log) fails(batch []*appending, why *StorageError) {
	refused := 0
	for _, a := range batch {
		if a.record.Action != ActionAuditResumed && a.record.Action != ActionReadsOmitted { // the log's own attempts
			refused++
		}
	}
	before := l.failing.Load()
	if refused > 0 || before == nil {
		l.cfg.Logger.Error("the log refused records", "records", refused, "error", why.Err)
	}
	l.failing.Store(before.goesOn(why, refused, l.cfg.Now()))
}

// later holds records that are written when the log takes records again.
type later struct {
	mu      sync.Mutex
	records []*appending
}

// add keeps a record. Beyond maxLater it is counted only.
func (k *later) add(l *Log, a *appending) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.records) >= maxLater {
		l.reads.omit(a.record, l.cfg.Now())
		return
	}
	k.records = append(k.records, &appending{record: a.record, content: a.content, keep: true,
		done: make(chan error, 1), resolved: make(chan struct{})})
}

// writeLater queues what was kept.
func (l *Log) writeLater() {
	l.later.mu.Lock()
	defer l.later.mu.Unlock()
	for i, a := range l.later.records {
		if l.enqueue(a) != nil {
			l.later.records = l.later.records[i:]
			return
		}
	}
	l.later.records = nil
}
