package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"coc-console/internal/settings"
	"coc-console/internal/sockets"
)

// checkListen checks where the console, its metrics and its profiles are served.
func (c config) checkListen() error {
	if err := sockets.Check(c.listen); err != nil {
		return settings.Wrong("listen", err.Error())
	}
	if err := c.tls.check(); err != nil {
		return err
	}
	if c.metricsListen != "" {
		if err := sockets.Check(c.metricsListen); err != nil {
			return settings.Wrong("metrics-listen", err.Error())
		}
	}
	if err := sockets.Apart(c.listen, c.metricsListen, c.tls.redirect); err != nil {
		return settings.Wrong("listen", err.Error())
	}
	return c.checkProfiles()
}

// checkExposed refuses to serve plain http where other machines reach it, unless a proxy has TLS.
func (c config) checkExposed(address string) error {
	if settings.OnLoopback(address) || len(c.trustedProxies) > 0 || c.tls.on() {
		return nil
	}
	return settings.Wrong("listen", fmt.Sprintf("%q is reached from other machines, and passwords must not travel over "+
		"plain http: name a certificate in --tls-cert and --tls-key, or put a proxy with TLS in front and name it in "+
		"--trusted-proxies", address))
}

// openListener opens what the console is served on. A socket of systemd's has its address only now.
func openListener(ctx context.Context, cfg config, open *closers) (net.Listener, error) {
	l, err := sockets.Listen(ctx, cfg.listen, cfg.getenv)
	if err != nil {
		return nil, settings.Wrong("listen", err.Error())
	}
	open.add(ignoreClosed(l.Close))
	if l.Addr().Network() == "unix" {
		return l, nil
	}
	return l, cfg.checkExposed(l.Addr().String())
}

// tellManager tells systemd that the console serves, then that it is alive, and at the end that it stops.
func tellManager(ctx context.Context, m sockets.Manager, logger *slog.Logger, open *closers) {
	if err := m.Ready(ctx); err != nil {
		logger.Warn("start not announced", "error", err)
	}
	open.run(ctx, func(ctx context.Context) {
		if err := m.Follow(ctx); err != nil {
			logger.Warn("stop not announced", "error", err)
		}
	})
}
