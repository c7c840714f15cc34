// Package renewal lets one at a time renew what a session holds, in this process and among the consoles of a database:
// a provider may take each refresh token once, and end everything when one comes twice.
package renewal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"coc-console/internal/store"
)

const (
	// Timeout bounds a renewal, with the wait for those of other consoles.
	Timeout = 25 * time.Second
	// rivalGone is more than that: then a console renews in the place of another one that is gone.
	rivalGone = time.Minute
	// lookAgain is how often a console looks whether another one has come to an end.
	lookAgain = 100 * time.Millisecond
	// afterFailure is the pause after a renewal that failed, where nothing hurries.
	afterFailure = 15 * time.Second

	maxKnown = 10_000 // sessions of which something is remembered
)

// ErrNotNow says that a session could not be renewed for now.
var ErrNotNow = errors.New("the credential could not be renewed")

// Turns are the turns of one console. It is safe for concurrent use.
type Turns struct {
	rows   *store.Sessions
	now    func() time.Time
	flight singleflight.Group
	tasks  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	failed map[string]time.Time // when the last renewal of a session failed
	rivals map[string]rival
}

// rival is another console that renews a session.
type rival struct {
	renewer int64
	since   time.Time // as far as this one knows
}

// New returns the turns of a console.
func New(rows *store.Sessions, now func() time.Time) *Turns {
	return &Turns{rows: rows, now: now, failed: map[string]time.Time{}, rivals: map[string]rival{}}
}

// Close waits for the renewals that have begun: what a refresh token was spent for must be kept. None begins any more.
func (t *Turns) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.tasks.Wait()
}

// begin reports that a renewal may begin, for which Close waits.
func (t *Turns) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.tasks.Add(1)
	}
	return !t.closed
}

// MayTry reports that no renewal of a session has failed a moment ago.
func (t *Turns) MayTry(session string) bool {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	at, failed := t.failed[session]
	return !failed || now.Sub(at).Abs() >= afterFailure
}

func (t *Turns) ended(session string, err error) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if delete(t.failed, session); err == nil {
		return
	}
	if len(t.failed) >= maxKnown {
		clear(t.failed)
	}
	t.failed[session] = now
}

// Start calls renew when it is this console's turn, with a context that outlives ctx; all who want a session renewed at
// the same time share one call and its result.
func (t *Turns) Start(ctx context.Context, session string,
	renew func(context.Context) (any, error)) <-chan singleflight.Result {
	return t.flight.DoChan(session, func() (any, error) {
		if !t.begin() {
			return nil, ErrNotNow
		}
		defer t.tasks.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
		defer cancel()
		release, err := t.Take(ctx, session)
		if err != nil {
			return nil, err
		}
		defer release()
		done, err := renew(ctx)
		t.ended(session, err)
		return done, err
	})
}

// Take waits until nobody else renews a session; nobody does then until release is called. Its errors are
// store.ErrNoSession, ErrNotNow and those of the database.
func (t *Turns) Take(ctx context.Context, session string) (release func(), err error) {
	self := 1 + rand.Int64N(math.MaxInt64-1) //nolint:gosec // tells callers apart
	for {
		renewer, err := t.rows.ClaimRenewal(ctx, session, self, t.gone(session))
		if err != nil {
			return nil, err
		}
		if renewer == self {
			t.saw(session, 0)
			return func() {
				// Where that fails others wait until they call this one gone.
				_ = t.rows.ReleaseRenewal(context.WithoutCancel(ctx), session, self)
			}, nil
		}
		t.saw(session, renewer)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrNotNow, ctx.Err())
		case <-time.After(lookAgain):
		}
	}
}

// gone is who renewed a session, and has not come to an end for so long that it must be gone; 0: nobody.
func (t *Turns) gone(session string) int64 {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if r, known := t.rivals[session]; known && now.Sub(r.since) >= rivalGone {
		return r.renewer
	}
	return 0
}

// saw notes who renews a session; 0: this console.
func (t *Turns) saw(session string, renewer int64) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case renewer == 0:
		delete(t.rivals, session)
	case t.rivals[session].renewer != renewer:
		if len(t.rivals) >= maxKnown {
			clear(t.rivals)
		}
		t.rivals[session] = rival{renewer, now}
	}
}
