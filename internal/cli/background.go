package cli

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"coc-console/audit/retention"
	"coc-console/audit/search"
)

// closers are closed in the reverse order of their opening.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c *closers) close() error {
	var err error
	for _, f := range slices.Backward(*c) {
		err = errors.Join(err, f())
	}
	return err
}

// run does work in the background, until the console stops.
func (c *closers) run(ctx context.Context, work func(context.Context)) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { work(ctx) })
	c.add(func() error { stop(); running.Wait(); return nil })
}

// every does a task now and then, until the console stops.
func (c *closers) every(ctx context.Context, interval time.Duration, task func(context.Context)) {
	c.run(ctx, func(ctx context.Context) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				task(ctx)
			}
		}
	})
}

// sweepEvery is how often pages that nobody looks at are forgotten.
const sweepEvery = 30 * time.Second

// purgeEvery is how often what has ended is deleted: sessions, one-time keys.
const purgeEvery = 10 * time.Minute

// maintain does a task now and then, and tries again where it fails.
func maintain(ctx context.Context, interval time.Duration, task func(context.Context) error, logger *slog.Logger,
	open *closers) {
	open.every(ctx, interval, func(ctx context.Context) {
		if err := task(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("maintenance failed, retrying", "in", interval.String(), "error", err)
		}
	})
}

// pruneEvery is how often a console looks whether old records were removed today.
const pruneEvery = time.Hour

// retain removes the contents of old records where the settings say so.
func retain(ctx context.Context, cfg config, index *search.Index, now func() time.Time, logger *slog.Logger,
	open *closers) {
	if cfg.retention > 0 {
		daily := &retention.Daily{Index: index, Keep: cfg.retention, Now: now, Logger: logger}
		maintain(ctx, pruneEvery, daily.Run, logger, open)
	}
}

// releaseStart gives back the memory that a start takes for migrations and the pages' files. What libraries keep in
// pools goes with the second collection.
func releaseStart() {
	runtime.GC()
	debug.FreeOSMemory()
}
