package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"sync"

	"coc-console/internal/settings"
)

// checkProfiles checks where profiles are served: they tell the inside of the process, and nobody signs in for them.
func (c config) checkProfiles() error {
	if c.profiles == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.profiles); err != nil {
		return settings.Wrong("pprof", fmt.Sprintf("%q is not an address such as 127.0.0.1:6060", c.profiles))
	}
	if !settings.OnLoopback(c.profiles) {
		return settings.Wrong("pprof", fmt.Sprintf("%q is reached from other machines, and profiles tell the inside of the console to "+
			"anybody who reaches them: use 127.0.0.1", c.profiles))
	}
	return nil
}

// noMemoryProfile stops the noting of where memory is taken, which takes some: nobody asks. It is the process's own
// setting, and a test's process runs several consoles at once.
var noMemoryProfile = sync.OnceFunc(func() { runtime.MemProfileRate = 0 })

// serveProfiles serves the profiles of Go's runtime at their own address, where they have one. A name that leads here
// from elsewhere is refused, so that no web page reads them through a browser on this machine.
func serveProfiles(ctx context.Context, cfg config, logger *slog.Logger, open *closers) error {
	if cfg.profiles == "" {
		noMemoryProfile()
		return nil
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /debug/pprof/", pprof.Index) // with those that have a name: heap, goroutine, …
	routes.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	routes.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	local := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !settings.OnLoopback(r.Host) {
			http.Error(w, "profiles are served to this machine alone", http.StatusForbidden)
			return
		}
		routes.ServeHTTP(w, r)
	})
	return serveBeside(ctx, "profiles", setting{"pprof", cfg.profiles, cfg.getenv}, local, logger, open)
}
