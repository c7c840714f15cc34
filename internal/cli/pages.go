package cli

import (
	"context"
	"log/slog"

	"coc-console/handlers"
	"coc-console/internal/presence"
	consolestore "coc-console/internal/store"
)

// openHandlers makes the pages, and sweeps what they keep.
func openHandlers(ctx context.Context, cfg handlers.Config, open *closers) *handlers.Handlers {
	h := handlers.New(cfg)
	open.add(func() error { h.Close(); return nil })
	maintain(ctx, sweepEvery, h.Sweep, cfg.Logger, open)
	return h
}

// openPresence tells who is on a ticket, across the consoles of one database.
func openPresence(cfg config, rows consolestore.DB, logger *slog.Logger, open *closers) *presence.Registry {
	p := presence.New(presence.Config{Logger: logger, Shared: consolestore.NewPresences(rows, cfg.database != "")})
	open.add(p.Close)
	return p
}
