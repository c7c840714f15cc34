package upstream

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// How often a service is asked for a sign of life, and for how long one is
// waited for.
const (
	probeEvery = 30 * time.Second
	probeLimit = 5 * time.Second
	probeWait  = 500 * time.Millisecond // whoever asks may have a time-out of a second
	warnEvery  = time.Minute
)

// Status is how a service is doing.
type Status struct {
	Success, Failure time.Time // the last of each; zero = none since the start
	Reason           Reason    // of the last failure
}

// Reachable reports that the last thing heard of the service was an answer.
func (s Status) Reachable() bool { return !s.Success.IsZero() && !s.Success.Before(s.Failure) }

// Health remembers whether a service answers. It is safe for concurrent use.
type Health struct {
	service string
	logger  *slog.Logger
	now     func() time.Time
	probe   func(context.Context)

	mu      sync.Mutex
	status  Status
	warned  time.Time
	told    Reason
	probing chan struct{} // closed when the probe under way ends; nil = none is
	begun   time.Time     // of the last probe

	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup
}

// NewHealth returns what is known of a service: nothing yet. probe makes a call
// that needs no credentials and notes what came of it. A nil logger hears
// nothing.
func NewHealth(service string, logger *slog.Logger, now func() time.Time, probe func(context.Context)) *Health {
	if now == nil {
		now = time.Now
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Health{service: service, logger: logger, now: now, probe: probe, ctx: ctx, stop: stop}
}

// Note takes what came of a call: an answer of the service if reason is empty,
// otherwise why there was none. The cause goes to the log, without secrets: the
// first of its kind, and one a minute.
func (h *Health) Note(reason Reason, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if reason == "" {
		if h.told != "" {
			h.logger.Info("service answers again", "service", h.service)
		}
		h.status.Success, h.told = now, ""
		return
	}
	h.status.Failure, h.status.Reason = now, reason
	if h.told != reason || now.Sub(h.warned) >= warnEvery {
		h.logger.Warn("service not reached", "service", h.service, "reason", string(reason), "error", cause)
		h.told, h.warned = reason, now
	}
}

// Status returns what was last heard of the service.
func (h *Health) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}

// Ask returns what was last heard. If that is old it asks the service, at most
// every 30 seconds, and waits a moment for the answer.
func (h *Health) Ask(ctx context.Context) Status {
	ended := h.start()
	if ended == nil {
		return h.Status()
	}
	wait := time.NewTimer(probeWait)
	defer wait.Stop()
	select {
	case <-ended:
	case <-wait.C:
	case <-ctx.Done():
	}
	return h.Status()
}

// start begins a probe if one is due, and returns what ends with the one that
// is under way; nil when none is.
func (h *Health) start() chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.probing != nil {
		return h.probing
	}
	now := h.now()
	fresh := func(t time.Time) bool { return !t.IsZero() && now.Sub(t) < probeEvery && !now.Before(t) }
	if h.ctx.Err() != nil || fresh(h.begun) || fresh(h.status.Success) || fresh(h.status.Failure) {
		return nil
	}
	ended := make(chan struct{})
	h.probing, h.begun = ended, now
	h.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(h.ctx, probeLimit)
		defer cancel()
		h.probe(ctx)
		h.mu.Lock()
		h.probing = nil
		h.mu.Unlock()
		close(ended)
	})
	return ended
}

// Close ends a probe that is under way, and starts no more.
func (h *Health) Close() {
	h.mu.Lock()
	h.stop() // start looks at it under the lock
	h.mu.Unlock()
	h.tasks.Wait()
}
