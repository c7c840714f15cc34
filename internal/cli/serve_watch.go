package cli

import (
	"log/slog"

	"coc-console/internal/coc"
	"coc-console/internal/history"
	consolestore "coc-console/internal/store"
	"coc-console/internal/watch"
)

// openWatcher starts what reads tickets for all who look, and keeps what it saw.
func openWatcher(cfg config, rows consolestore.DB, api *coc.Client, logger *slog.Logger, open *closers) *watch.Watcher {
	kept := history.New(history.Config{DB: rows, Logger: logger})
	open.add(kept.Close)
	watcher := watch.New(watch.Config{Client: api, Logger: logger, Archive: kept,
		Limits: watch.Every(cfg.livePollInterval)})
	open.add(func() error { watcher.Close(); return nil })
	return watcher
}
