package cli

import (
	"context"
	"log/slog"
	"time"

	"coc-console/internal/clock"
	"coc-console/internal/database"
)

// stores are the console's databases.
type stores struct {
	log, search, console *database.DB
	clocks               *clock.Monitor
	lost                 string // records of the log that are missing, which is accepted; empty: none are
}

// openKept opens the databases of a folder whose log is all there.
func openKept(ctx context.Context, cfg config, logger *slog.Logger, open *closers) (stores, error) {
	lost, err := cfg.checkKept(ctx, logger)
	if err != nil {
		return stores{}, err
	}
	s, err := openStores(ctx, cfg.dsn(), open)
	if err != nil {
		return s, err
	}
	s.lost, s.clocks = lost, clock.New(time.Now, logger)
	if s.log.Engine == database.PostgreSQL {
		compareClocks(ctx, s, logger, open)
	}
	return s, nil
}

// clockEvery is how often this machine's clock is compared with the database's.
const clockEvery = 5 * time.Second

// compareClocks asks the database for the time, now and then.
func compareClocks(ctx context.Context, s stores, logger *slog.Logger, open *closers) {
	ask := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, clockEvery)
		defer cancel()
		before := time.Now()
		said, err := s.log.Clock(ctx)
		if err != nil {
			if ctx.Err() == nil {
				logger.Debug("database clock not read", "error", err)
			}
			return
		}
		s.clocks.Hear(clock.Database, said, 0, before, time.Now())
	}
	ask(ctx) // before anything is dated
	open.every(ctx, clockEvery, ask)
}

func openStores(ctx context.Context, dsn string, open *closers) (stores, error) {
	var s stores
	for _, store := range []struct {
		name database.Store
		to   **database.DB
	}{{database.Audit, &s.log}, {database.Search, &s.search}, {database.Console, &s.console}} {
		db, err := database.Open(ctx, dsn, store.name)
		if err != nil {
			return s, err // it names the database
		}
		open.add(db.Close)
		*store.to = db
	}
	return s, nil
}

// sizes are the databases as the metrics name them: PostgreSQL has one for all.
func (s stores) sizes() map[string]func(context.Context) (int64, error) {
	if s.log.Engine == database.PostgreSQL {
		return map[string]func(context.Context) (int64, error){"postgresql": s.log.Size}
	}
	return map[string]func(context.Context) (int64, error){"audit": s.log.Size, "search": s.search.Size,
		"console": s.console.Size}
}
