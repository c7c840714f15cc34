package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// How often checkpoints are anchored, and for how long an anchor is waited for.
const (
	anchorEvery   = time.Minute
	anchorTimeout = 10 * time.Second
)

// The reasons for which Open refuses a log that does not continue a checkpoint
// that was anchored, or that it signed itself.
var (
	ErrRolledBack = errors.New("audit: the log is older than its checkpoint: records are missing at its end, or an old backup was put back")
	ErrForked     = errors.New("audit: the log is another one than its checkpoint says: records before it were changed")
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

// LogAnchor writes checkpoints to a log, which others collect.
type LogAnchor struct{ Logger *slog.Logger }

// Name is "log".
func (LogAnchor) Name() string { return "log" }

// Last returns nothing: a log is not read back.
func (LogAnchor) Last(context.Context) ([]byte, error) { return nil, nil }

// Publish logs the checkpoint.
func (a LogAnchor) Publish(_ context.Context, signed []byte, _ func([]byte) error) error {
	a.Logger.Info("audit checkpoint", "note", string(signed))
	return nil
}

// FileAnchor keeps the last checkpoint in a file, best on another volume or a
// share that only takes new files. Several consoles may share it.
type FileAnchor struct{ Path string }

// Name is the file's path.
func (a FileAnchor) Name() string { return a.Path }

// Last reads the file.
func (a FileAnchor) Last(context.Context) ([]byte, error) {
	signed, err := os.ReadFile(a.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && len(signed) == 0 {
		err = fmt.Errorf("%s is empty", a.Path)
	}
	return signed, err
}

// Publish replaces the file under a lock, when the checkpoint continues the one
// in it. The new file is on the disk before it takes the old one's name.
func (a FileAnchor) Publish(ctx context.Context, signed []byte, extends func([]byte) error) error {
	lock, err := os.OpenFile(a.Path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // lets go of the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	older, err := a.Last(ctx)
	if err != nil || bytes.Equal(older, signed) {
		return err
	}
	if older != nil {
		if err := extends(older); err != nil {
			return err
		}
	}
	return replaceFile(a.Path, signed)
}

func replaceFile(path string, text []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644) //nolint:gosec // a checkpoint is public
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// WebhookAnchor posts checkpoints as text to an address.
type WebhookAnchor struct {
	URL    string
	Client *http.Client // nil: http.DefaultClient
}

// Name is the address's host: the rest may hold a secret.
func (a WebhookAnchor) Name() string {
	r, err := http.NewRequest(http.MethodPost, a.URL, nil) //nolint:noctx // is not sent
	if err != nil {
		return "webhook"
	}
	return "webhook " + r.URL.Host
}

// Last returns nothing: a webhook is not asked.
func (WebhookAnchor) Last(context.Context) ([]byte, error) { return nil, nil }

// Publish posts the checkpoint. What fails is tried again with the next one.
func (a WebhookAnchor) Publish(ctx context.Context, signed []byte, _ func([]byte) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(signed))
	if err != nil {
		return errors.New("the webhook's address is not valid")
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	client := a.Client
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answered %s", answer.Status)
	}
	return nil
}

// AnchorStatus says how an anchor is doing.
type AnchorStatus struct {
	Name string
	Size int64     // of the last checkpoint that it took; 0: none since the start
	At   time.Time // when it took it
	Err  error     // why it did not take the latest; nil: it did
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

// anchor publishes until ctx ends: the first checkpoint at once, then the
// latest once a minute.
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

// publish hands the latest checkpoint to every anchor that does not have it.
func (l *Log) publish(ctx context.Context) {
	c := l.anchors.latest.Load()
	if c == nil {
		return
	}
	for i, anchor := range l.anchors.list {
		l.anchors.mu.Lock()
		last := l.anchors.status[i]
		l.anchors.mu.Unlock()
		if last.Size == c.Size && last.Err == nil {
			continue
		}
		last.Err = l.publishTo(ctx, anchor, *c)
		if last.Err == nil {
			last.Size, last.At = c.Size, l.cfg.Now()
		} else {
			l.cfg.Logger.Warn("a checkpoint is not anchored", "anchor", anchor.Name(), "size", c.Size, "error", last.Err)
		}
		l.anchors.mu.Lock()
		l.anchors.status[i] = last
		l.anchors.mu.Unlock()
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
		if old.Origin != c.Origin || tlogCheckTree(proof, c, old) != nil {
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

func tlogCheckTree(proof tlog.TreeProof, newer, older Checkpoint) error {
	if older.Size == 0 {
		return nil
	}
	return tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root)
}

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

// checkAnchored compares the log with its own last checkpoint and with those
// of the anchors.
func (l *Log) checkAnchored(ctx context.Context) error {
	if len(l.keys) == 0 {
		return nil // nobody could tell which are the log's
	}
	var own []byte
	if err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&own); err != nil {
		return err
	}
	if err := l.checkSigned(ctx, own); err != nil {
		return fmt.Errorf("the log's own checkpoint: %w", err)
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
