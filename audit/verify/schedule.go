package verify

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
)

// Status says how far the log was verified in the background.
type Status struct {
	At       time.Time // when the last verification ended; zero: none has
	All      time.Time // when the last one of the whole log ended
	Size     int64     // up to which record the log is verified
	Running  bool
	Done     int64     // of the one that runs: up to which record it is
	Total    int64     // of the one that runs: the last record
	Findings []Finding // of the last verification of the whole log, and those since
	Notes    []Finding // of the last verification of the whole log: worth knowing, and no findings
	Err      error     // why the last one could not be done; nil: it could
}

// Background verifies a log again and again.
type Background struct {
	log    *audit.Log
	index  *search.Index
	every  time.Duration
	logger *slog.Logger
	now    func() time.Time
	status atomic.Pointer[Status]
	stop   context.CancelFunc
	done   sync.WaitGroup
	asked  chan struct{} // somebody wants the whole log verified now
}

// Schedule says how often the background verifies.
type Schedule struct {
	Every  time.Duration    // it rests so long between two verifications; 0: there are none
	Logger *slog.Logger     // nil: none
	Now    func() time.Time // nil: time.Now
}

// verifyAllEvery is how often the whole log is verified, and not what is new alone.
const verifyAllEvery = 24 * time.Hour

// Start verifies a log, with its search tables, in the background until Close:
// all of it now and once a day, and what is new in between. Findings are among
// what the log's Health says.
func Start(ctx context.Context, in *search.Index, s Schedule) *Background {
	b := &Background{log: in.Log(), index: in, every: s.Every, logger: s.Logger, now: s.Now,
		asked: make(chan struct{}, 1)}
	b.status.Store(&Status{})
	if b.logger == nil {
		b.logger = slog.New(slog.DiscardHandler)
	}
	if b.now == nil {
		b.now = time.Now
	}
	b.log.AddHealth(b.health)
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	if b.every > 0 {
		b.done.Go(func() { b.run(ctx) })
	}
	return b
}

// Close ends the verification that is under way.
func (b *Background) Close() error {
	b.stop()
	b.done.Wait()
	return nil
}

// Status returns how far the log was verified.
func (b *Background) Status() Status { return *b.status.Load() }

// Every is how long the background rests between two verifications; 0: there
// are none.
func (b *Background) Every() time.Duration { return b.every }

// Now asks for a verification of the whole log, which begins at once or when
// the one that runs ends. It reports whether the background verifies at all.
func (b *Background) Now() bool {
	if b.every <= 0 {
		return false
	}
	select {
	case b.asked <- struct{}{}:
	default: // it is asked for already
	}
	return true
}

func (b *Background) health(context.Context) (out []audit.Warning) {
	s := b.Status()
	if len(s.Findings) > 0 {
		out = append(out, audit.Warning{Kind: audit.WarningFindings,
			Text: "verification has found: " + s.Findings[0].Text})
	}
	if s.Err != nil {
		out = append(out, audit.Warning{Kind: audit.WarningUnverified,
			Text: "the log could not be verified: " + s.Err.Error()})
	}
	return out
}

func (b *Background) run(ctx context.Context) {
	var last audit.Checkpoint
	var all time.Time
	for ctx.Err() == nil {
		if time.Since(all) >= verifyAllEvery {
			last = audit.Checkpoint{}
		}
		report, err := b.verifyOnce(ctx, last)
		if err == nil && last.Size == 0 {
			all = time.Now()
		}
		if err == nil && report.OK() {
			last = audit.Checkpoint{Origin: b.log.Origin(), Size: report.Size, Root: report.Root, Kept: report.Kept}
		}
		if b.rest(ctx) {
			all = time.Time{}
		}
	}
}

// rest waits until the next verification is due, and reports whether somebody
// has asked for one of the whole log before.
func (b *Background) rest(ctx context.Context) bool {
	ctx, wake := context.WithTimeout(ctx, b.every)
	defer wake()
	select {
	case <-ctx.Done():
		return false
	case <-b.asked:
		return true
	}
}

func (b *Background) verifyOnce(ctx context.Context, from audit.Checkpoint) (Report, error) {
	status := b.Status()
	status.Running = true
	show := func() { s := status; b.status.Store(&s) }
	report, err := Log(ctx, b.log, Options{From: from, Anchor: b.log.NewestAnchor(ctx), Search: b.index, LowPriority: true,
		Progress: func(done, total int64) { status.Done, status.Total = done, total; show() }})
	if ctx.Err() != nil {
		return report, err
	}
	known := len(status.Findings)
	status.Running, status.Err, status.At = false, err, b.now()
	if err == nil {
		status.Size = report.Size
		if from.Size == 0 {
			status.All, status.Findings, status.Notes = status.At, nil, report.Notes
		}
		status.Findings = slices.Clone(status.Findings)
		for _, f := range report.Findings {
			if !slices.Contains(status.Findings, f) && len(status.Findings) < maxFindings {
				status.Findings = append(status.Findings, f)
			}
		}
	}
	show()
	switch {
	case err != nil:
		b.logger.Warn("log not verified", "error", err)
	case len(status.Findings) > 0 && len(status.Findings) != known:
		b.logger.Error("verification has findings", "findings", len(status.Findings), "first", status.Findings[0].Text)
	}
	return report, err
}
