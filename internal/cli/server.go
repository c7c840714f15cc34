package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"coc-console/handlers"
	"coc-console/internal/settings"
	"coc-console/internal/sockets"
	"coc-console/web"
)

// The limits of the HTTP server. An answer may take as long as the slowest
// call to COC that it waits for; an export lifts its own limit.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = 30 * time.Second
	writeTimeout    = 3 * time.Minute
	idleTimeout     = 2 * time.Minute
	maxHeader       = 64 << 10
	shutdownTimeout = 10 * time.Second
)

func newLogger(cfg config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.logLevel}
	if cfg.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// serveMetrics serves /metrics at its own address, where it has one.
func serveMetrics(ctx context.Context, cfg config, metrics *web.Metrics, logger *slog.Logger, open *closers) error {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", metrics.Handler())
	return serveBeside(ctx, "metrics", setting{"metrics-listen", cfg.metricsListen, cfg.getenv}, routes, logger, open)
}

// setting is an address to serve on, and what sets it.
type setting struct {
	name, address string
	getenv        func(string) string
}

// serveBeside serves something of its own beside the console, where the setting has an address.
func serveBeside(ctx context.Context, what string, s setting, h http.Handler, logger *slog.Logger,
	open *closers) error {
	if s.address == "" {
		return nil
	}
	listener, err := sockets.Listen(ctx, s.address, s.getenv)
	if err != nil {
		return settings.Wrong(s.name, err.Error())
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error(what+" server failed", "address", listener.Addr().String(), "error", err)
		}
	}()
	open.add(func() error { err := server.Close(); <-done; return err })
	logger.Info("serving "+what, "address", listener.Addr().String())
	return nil
}

// serveUntil serves until the context ends, then lets running requests finish.
func serveUntil(ctx context.Context, server *http.Server, l net.Listener, logger *slog.Logger) error {
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(l, "", "")
			return
		}
		failed <- server.Serve(l)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	logger.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		logger.Warn("requests cut off at the stop", "after", shutdownTimeout.String(), "error", err)
		return ignoreClosed(server.Close)()
	}
	return nil
}

func ignoreClosed(f func() error) func() error {
	return func() error {
		if err := f(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// announce prints where the console is and how to sign in.
func announce(cfg config, addr net.Addr, demo []handlers.DemoAccount, w io.Writer) error {
	var b strings.Builder
	place := "http://" + addr.String()
	switch {
	case addr.Network() == "unix":
		place = "unix:" + addr.String()
	case cfg.tls.on():
		place = "https://" + addr.String()
	}
	fmt.Fprintf(&b, "COC console: %s\n", place)
	if len(demo) > 0 {
		b.WriteString("It runs on the simulator inside it: nothing real is touched. Sign in with\n")
		for _, d := range demo {
			fmt.Fprintf(&b, "  account %s, user %s, password %s\n", d.Account, d.User, d.Password)
		}
	} else {
		fmt.Fprintf(&b, "COC: %s  IAM: %s\n", cfg.cocEndpoint, cfg.iamEndpoint)
	}
	if cfg.database == "" {
		fmt.Fprintf(&b, "Data: %s\n", cfg.data)
	} else {
		b.WriteString("Data: PostgreSQL\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
