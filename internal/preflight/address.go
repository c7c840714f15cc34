package preflight

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"coc-console/internal/sockets"
)

// unixOK is access(2)'s word for writing.
const writable = 2

// addressTimeout bounds the looking at an address of this machine.
const addressTimeout = 3 * time.Second

// Address tries an address that the console is to listen on. A console that is there already is as good as a free one.
func Address(setting, address string) Check {
	return func(ctx context.Context) []Result {
		if sockets.Check(address) != nil { // the settings say so
			return []Result{Skip(setting, "the address is not valid")}
		}
		if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
			return []Result{unixAddress(ctx, setting, path)}
		}
		if !sockets.IsTCP(address) {
			return []Result{Skip(setting, "systemd opens the socket: see systemctl status coc-console.socket")}
		}
		return []Result{tcpAddress(ctx, setting, address)}
	}
}

func tcpAddress(ctx context.Context, setting, address string) Result {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return Of(setting, address+" is free", l.Close(), "")
	case errors.Is(err, syscall.EADDRINUSE) && isConsole(ctx, "tcp", address):
		return ok(setting, "a console serves on %s", address)
	case errors.Is(err, syscall.EADDRINUSE):
		return failed(setting, "another program listens on "+address, "`ss -ltnp` says which; stop it, or name another port in --"+setting)
	case errors.Is(err, syscall.EACCES):
		return failed(setting, "this user may not listen on "+address,
			"ports below 1024 are root's: use --"+setting+" systemd with a .socket unit, or AmbientCapabilities=CAP_NET_BIND_SERVICE")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return failed(setting, "this machine does not have the address "+address, "name one that `ip address` shows in --"+setting)
	}
	return failed(setting, err.Error(), "name another address in --"+setting)
}

func unixAddress(ctx context.Context, setting, path string) Result {
	folder := filepath.Dir(path)
	if err := syscall.Access(folder, writable); err != nil {
		return failed(setting, fmt.Sprintf("this user can't make a socket in %s (%v)", folder, err),
			"make the folder, for the console's user (RuntimeDirectory= in a unit)")
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok(setting, "%s is free", path)
	case err != nil:
		return failed(setting, err.Error(), "")
	case info.Mode().Type() != fs.ModeSocket:
		return failed(setting, path+" is there, and is no socket", "move it away")
	case isConsole(ctx, "unix", path):
		return ok(setting, "a console serves on %s", path)
	}
	ctx, cancel := context.WithTimeout(ctx, addressTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return ok(setting, "%s was left by a process that is gone, and is replaced", path)
	}
	if err == nil {
		_ = conn.Close()
		return failed(setting, "another program listens on "+path, "stop it, or name another path")
	}
	return failed(setting, err.Error(), "")
}

// isConsole reports whether a console serves at an address of this machine.
func isConsole(ctx context.Context, network, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	transport := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		// Nothing is sent but a question that anybody may ask, and the name of a certificate is not the address.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // as said
	client := &http.Client{Transport: transport, Timeout: addressTimeout}
	for _, scheme := range []string{"http", "https"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://localhost/healthz", http.NoBody)
		if err != nil {
			return false
		}
		res, err := client.Do(r)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, 16))
		_ = res.Body.Close()
		if err == nil && res.StatusCode == http.StatusOK && bytes.Equal(body, []byte("ok\n")) {
			return true
		}
	}
	return false
}
