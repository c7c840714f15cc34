package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// How often checkpoints are anchored, and how long an anchor is waited for: as a
// rule, and by a console that stops. longPending is how late an anchor may be
// before that is told.
const (
	anchorEvery        = time.Minute
	anchorTimeout      = 10 * time.Second
	anchorCloseTimeout = time.Second
	longPending        = 2 * time.Second
)

// The reasons for which Open refuses a log that does not continue a checkpoint
// that was anchored, or that it signed itself.
var (
	ErrRolledBack = errors.New("audit: the log is older than its checkpoint: " +
		"records are missing at its end, or an old backup was put back")
	ErrForked = errors.New("audit: the log is another one than its checkpoint says: records before it were changed")
)

// Anchor keeps checkpoints where whoever can change the log cannot.
type Anchor interface {
	// Name tells anchors apart for people.
	Name() string
	// Last returns the last checkpoint that was published, nil when there is
	// none or when it cannot be asked for.
	Last(ctx context.Context) ([]byte, error)
	// Publish keeps a signed checkpoint. An anchor that has an older one calls
	// extends with it first, and keeps the older one unless that returns nil.
	Publish(ctx context.Context, signed []byte, extends func(older []byte) error) error
}

// AnchorStatus says how an anchor is doing.
type AnchorStatus struct {
	Name string
	Size int64     // of the last checkpoint that it took; 0: none since the start
	At   time.Time // when it took it
	Err  error     // why it did not take the latest; nil: it did, or is still being asked

	Pending time.Time // since when a checkpoint waits to be taken; zero: none does
}

// Late reports whether a checkpoint has waited for longer than it should.
func (a AnchorStatus) Late(now time.Time) bool {
	return a.Err != nil || !a.Pending.IsZero() && now.Sub(a.Pending) > longPending
}

// anchoring publishes the latest checkpoint to all anchors now and then.
type anchoring struct {
	list   []Anchor
	latest atomic.Pointer[Checkpoint]
	wake   chan struct{}
	mu     sync.Mutex
	status []AnchorStatus
}

func newAnchoring(list []Anchor) *anchoring {
	a := &anchoring{list: list, wake: make(chan struct{}, 1), status: make([]AnchorStatus, len(list))}
	for i, anchor := range list {
		a.status[i].Name = anchor.Name()
	}
	return a
}

// offer names the checkpoint that is to be published next.
func (a *anchoring) offer(c Checkpoint) {
	a.latest.Store(&c)
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// anchor publishes until ctx ends: the first checkpoint at once, then the latest once a minute.
func (l *Log) anchor(ctx context.Context) {
	if len(l.anchors.list) == 0 {
		return
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-l.anchors.wake:
			l.publish(ctx)
		}
		pause.Reset(anchorEvery)
	}
}

// publish hands the latest checkpoint to every anchor that does not have it,
// side by side: one that does not answer holds up no other.
func (l *Log) publish(ctx context.Context) {
	c := l.anchors.latest.Load()
	if c == nil {
		return
	}
	var group sync.WaitGroup
	for i, anchor := range l.anchors.list {
		if !l.anchors.begin(i, c.Size, l.cfg.Now()) {
			continue
		}
		group.Go(func() {
			err := l.publishTo(ctx, anchor, *c)
			if err != nil {
				l.cfg.Logger.Warn("a checkpoint is not anchored", "anchor", anchor.Name(), "size", c.Size, "error", err)
			}
			l.anchors.end(i, c.Size, l.cfg.Now(), err)
		})
	}
	group.Wait()
}

// begin reports whether an anchor lacks the checkpoint of that size.
func (a *anchoring) begin(i int, size int64, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.status[i]
	if s.Size == size && s.Err == nil {
		return false
	}
	if s.Pending.IsZero() {
		s.Pending = now
	}
	return true
}

func (a *anchoring) end(i int, size int64, now time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.status[i]
	if s.Err = err; err == nil {
		s.Size, s.At, s.Pending = size, now, time.Time{}
	}
}

func (l *Log) publishTo(ctx context.Context, anchor Anchor, c Checkpoint) error {
	ctx, cancel := context.WithTimeout(ctx, anchorTimeout)
	defer cancel()
	err := anchor.Publish(ctx, c.Note, func(older []byte) error {
		old, err := ParseCheckpoint(older, l.keys...)
		if err != nil {
			return err
		}
		if old.Size > c.Size { // another console was faster: if the log has that too, all is well
			if err := l.continues(ctx, old); err != nil {
				return err
			}
			return errNewer
		}
		proof, err := l.Consistency(ctx, old.Size, c.Size)
		if err != nil {
			return err
		}
		if old.Origin != c.Origin || c.CheckContinues(proof, old) != nil {
			return ErrForked
		}
		return nil
	})
	if errors.Is(err, errNewer) {
		return nil
	}
	return err
}

var errNewer = errors.New("there is a newer checkpoint already")

// continues reports, as an error, when the log is not a continuation of the
// one that a checkpoint speaks of.
func (l *Log) continues(ctx context.Context, c Checkpoint) error {
	if c.Origin != l.origin {
		return fmt.Errorf("%w: that is of the log %q, this one is %q", ErrForked, c.Origin, l.origin)
	}
	size, err := l.Size(ctx)
	if err != nil {
		return err
	}
	if size < c.Size {
		return fmt.Errorf("%w: it has %d records, the checkpoint %d", ErrRolledBack, size, c.Size)
	}
	root, err := l.rootAt(ctx, c.Size)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	if err != nil || root != c.Root {
		return errors.Join(fmt.Errorf("%w: the first %d records", ErrForked, c.Size), err)
	}
	return nil
}

// NewestAnchor is the anchored checkpoint with the most records, nil when there
// is none; anchors that cannot be read are warned of elsewhere.
func (l *Log) NewestAnchor(ctx context.Context) []byte {
	var newest []byte
	var size int64
	for _, a := range l.cfg.Anchors {
		signed, err := a.Last(ctx)
		if err != nil || signed == nil {
			continue
		}
		if c, err := ParseCheckpoint(signed, l.keys...); err != nil || c.Size >= size {
			newest, size = signed, c.Size
		}
	}
	return newest
}

// checkAnchored compares the log with its own last checkpoint and with those
// of the anchors.
func (l *Log) checkAnchored(ctx context.Context) error {
	if len(l.keys) == 0 {
		return nil // nobody could tell which are the log's
	}
	var own []byte
	if err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&own); err != nil {
		return fmt.Errorf("read the latest checkpoint: %w", err)
	}
	if err := l.checkSigned(ctx, own); err != nil {
		return fmt.Errorf("the log's own checkpoint: %w", err)
	}
	if err := l.checkSeen(ctx); err != nil {
		return err
	}
	for _, a := range l.cfg.Anchors {
		signed, err := a.Last(ctx)
		if err == nil {
			err = l.checkSigned(ctx, signed)
		}
		if err != nil {
			return fmt.Errorf("the anchor %s: %w", a.Name(), err)
		}
	}
	return nil
}

func (l *Log) checkSigned(ctx context.Context, signed []byte) error {
	if len(signed) == 0 {
		return nil
	}
	c, err := ParseCheckpoint(signed, l.keys...)
	if err != nil {
		return err
	}
	return l.continues(ctx, c)
}
