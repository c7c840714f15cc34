package cli

import (
	"context"
	"log/slog"

	"coc-console/handlers"
	"coc-console/internal/elevation"
	"coc-console/internal/presence"
	consolestore "coc-console/internal/store"
	"coc-console/web"
)

// openHandlers makes the pages, and sweeps what they keep.
func openHandlers(ctx context.Context, cfg handlers.Config, open *closers) *handlers.Handlers {
	h := handlers.New(cfg)
	open.add(func() error { h.Close(); return nil })
	maintain(ctx, sweepEvery, h.Sweep, cfg.Logger, open)
	return h
}

// complete adds what the pages need beside the log and the tickets: who else is there, roles for a while, and what
// reaches others than COC and IAM.
func complete(ctx context.Context, cfg config, pages *handlers.Config, m *web.Metrics, open *closers) (err error) {
	if cfg.tls.serving != nil {
		pages.Certificate = cfg.tls.serving.End
	}
	pages.Presence = openPresence(cfg, pages.Store, pages.Logger, open)
	notices, err := openNotices(ctx, cfg, *pages, m, open)
	if err != nil {
		return err
	}
	pages.Notices = notices
	pages.Elevations = elevation.New(elevation.Config{Log: pages.Log, Index: pages.Index, Rules: pages.Rules,
		Shared: pages.SharedLog, Logger: pages.Logger, Now: pages.Now})
	open.run(ctx, pages.Elevations.Follow)
	return nil
}

// openPresence tells who is on a ticket, across the consoles of one database.
func openPresence(cfg config, rows consolestore.DB, logger *slog.Logger, open *closers) *presence.Registry {
	p := presence.New(presence.Config{Logger: logger, Shared: consolestore.NewPresences(rows, cfg.database != "")})
	open.add(p.Close)
	return p
}
