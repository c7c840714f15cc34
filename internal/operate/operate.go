// Package operate is the one path every operation on a ticket takes. COC
// answers 200 when it has accepted an operation, not when it has happened; it
// takes no reason, has no idempotency key and no guard against a stale snapshot
// (docs/coc-api.md section 4.6). This package closes those gaps:
//
//   - what the person saw is compared with a new reading (package reading), and a
//     material difference stops the operation before anything is sent;
//   - a one-time key makes sure that the same form never sends twice, on any
//     console that shares the database, also after a restart;
//   - *requested* is durable in the log before the PUT leaves; if that fails
//     the operation is refused;
//   - the PUT is never repeated: a time-out is *unknown*, not failed;
//   - the ticket is then watched until the effect is seen, *observed*, or can
//     no longer be expected, *not observed*; after a restart every operation
//     without an end is taken up again, and of consoles that share a database
//     the others take up what one has left, once it gives no sign of life.
//
// It is the only caller of the COC client's Operate.
package operate

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/memory"
	"coc-console/internal/reading"
	"coc-console/internal/store"
)

// Callers finds a token to look at a ticket with, when the request that
// started an operation is long over.
type Callers interface {
	// Caller returns the caller of the session with that key. The error wraps
	// coc.ErrNoCaller when the session has ended; any other says nothing about it.
	Caller(ctx context.Context, sessionKey string) (coc.Caller, error)
	// ViewerCaller returns the caller of somebody who looks at that very ticket now,
	// in the account and project of whoever asked for the operation, or of the
	// service identity, with another token than those, which COC has refused.
	// The error wraps ErrNobodyLooks when there is none.
	ViewerCaller(ctx context.Context, t coc.ExecuteUUID, of audit.Actor,
		refused ...huawei.Credential) (coc.Caller, error)
}

type (
	// View is a live view of a ticket.
	View = reading.View
	// ViewKey names one.
	ViewKey = reading.Key
)

// Config is what the service stands on. All fields are required but Views, Recheck,
// Observe, Heartbeat and Logger.
type Config struct {
	Log      *audit.Log
	Index    *search.Index
	Client   *coc.Client
	Keys     *store.Keys
	Leases   *store.Leases // where they are shared, an operation without an end may be another console's
	Callers  Callers
	Views    reading.Views // nil: nobody looks
	Rules    Rules
	Logger   *slog.Logger
	Now      func() time.Time
	Poll     time.Duration // between two looks at a ticket after an operation
	Deadline time.Duration // how long an effect is waited for
	// Recheck is how long after a refusal that may not be the whole truth its
	// effect may take to show; DefaultRecheck when it is 0.
	Recheck time.Duration
	// Observe hears of every record of an operation, once it is in the log.
	// nil: nobody listens.
	Observe func(audit.Record)
	// Heartbeat is how often a console that shares its database gives a sign of
	// life; the same for all of them. Zero: DefaultHeartbeat.
	Heartbeat time.Duration
}

// Service applies operations and watches for their effects.
type Service struct {
	log       *audit.Log
	index     *search.Index
	client    *coc.Client
	keys      *store.Keys
	leases    *store.Leases
	callers   Callers
	views     reading.Views
	rules     Rules
	logger    *slog.Logger
	now       func() time.Time
	poll      time.Duration
	deadline  time.Duration
	recheck   time.Duration
	heartbeat time.Duration
	observe   func(audit.Record)
	forged    forgedRows
	reads     *reading.Reads
	marks     reading.Marks
	memory    *memory.Operations

	ctx   context.Context // ends with Close; watching runs under it
	stop  context.CancelFunc
	done  sync.WaitGroup
	looks chan struct{} // holds one for every look that is under way

	mu        sync.Mutex
	closed    bool
	inFlight  map[string]*sending // by one-time key
	unwatched map[string]bool     // operations that nobody's token can look after now
	takers    map[string]taker    // of leases that are not operations, by their kind

	// unwritten counts answers that the log has not taken yet. While there are
	// any, nothing new is sent: a log that misses answers must not grow.
	unwritten atomic.Int64
	marked    atomic.Int64 // what Mark found, and one; 0: nothing yet
	resuming  atomic.Bool
}

// New returns a service; Close ends it.
func New(cfg Config) *Service {
	if cfg.Observe == nil {
		cfg.Observe = func(audit.Record) {}
	}
	if cfg.Views == nil {
		cfg.Views = reading.NoViews{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Service{log: cfg.Log, index: cfg.Index, client: cfg.Client, keys: cfg.Keys, leases: cfg.Leases,
		callers: cfg.Callers, views: cfg.Views, rules: cfg.Rules, logger: cfg.Logger, now: cfg.Now,
		poll: cfg.Poll, deadline: cfg.Deadline,
		recheck: cmp.Or(cfg.Recheck, DefaultRecheck), heartbeat: cmp.Or(cfg.Heartbeat, DefaultHeartbeat),
		observe: cfg.Observe, ctx: ctx, stop: stop, looks: make(chan struct{}, maxLooks),
		memory:   memory.New(cfg.Log, cfg.Index, cfg.Leases.Shared()),
		inFlight: map[string]*sending{}, unwatched: map[string]bool{}, takers: map[string]taker{}}
	s.reads = reading.New(cfg.Client, s.runReading)
	if s.leases.Shared() {
		s.Background(s.standBy)
	}
	return s
}

// Deadline is how long an effect is waited for.
func (s *Service) Deadline() time.Duration { return s.deadline }

// Close stops watching at once, and waits for COC's answers to what was sent,
// so that the log gets them. Operations that have no end yet are taken up by
// Resume at the next start, or by another console that shares the log. The log
// is closed after the service.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.done.Wait()
	return nil
}

// begin holds Close up until end is called; false when it is too late.
func (s *Service) begin() (end func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	s.done.Add(1)
	return s.done.Done, true
}

// Background runs f unless the service is closed, and holds Close up: f ends
// with its context.
func (s *Service) Background(f func(ctx context.Context)) bool {
	end, ok := s.begin()
	if ok {
		go func() {
			defer end()
			f(s.ctx)
		}()
	}
	return ok
}

// Pause waits, and reports false when the context ended first.
func Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
