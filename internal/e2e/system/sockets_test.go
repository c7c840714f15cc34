package system

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// proxied is a browser whose requests reach the console as a proxy with TLS on its machine hands them on.
func proxied(t *testing.T, network, address string) *browser {
	t.Helper()
	b := newBrowser(t, "https://console.example")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	b.client.Transport = forwarding{&http.Transport{DialTLSContext: dial, DisableKeepAlives: true}}
	return b
}

type forwarding struct{ onward http.RoundTripper }

// RoundTrip adds what a proxy adds.
func (f forwarding) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("X-Forwarded-Proto", "https")
	return f.onward.RoundTrip(r)
}

// TestUnixSocket: a proxy signs people in over the console's socket, which has gone when the console has; a killed
// console's is replaced, a running one's is not.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := filepath.Join(t.TempDir(), "console.sock")
	args := []string{"--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--data", s.data, "--listen", "unix:" + path,
		"--managers", "demo/operator"}
	p := startProcess(t, args...)
	if p.url != "unix:"+path {
		t.Errorf("it says that it is at %q", p.url)
	}
	b := proxied(t, "unix", path)
	b.signIn("operator")
	if page := b.get("/tickets"); page.status != http.StatusOK || !strings.Contains(page.body, "reload") {
		t.Errorf("the list answers %d", page.status)
	}
	if page := b.get("/sessions"); !strings.Contains(page.body, "203.0.113.9") {
		t.Errorf("the sessions don't say where the browser is: %d", page.status)
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	res := answered(t, direct, "http://localhost/metrics") // whoever is at a socket isn't taken for this machine
	if _ = res.Body.Close(); res.StatusCode != http.StatusNotFound {
		t.Errorf("/metrics without a proxy's headers: %d", res.StatusCode)
	}
	second := spawn(t, append(args, "--data", t.TempDir())...)
	<-second.ended
	if text := second.stderr.String(); !strings.Contains(text, "--listen: another process listens on "+path) {
		t.Errorf("a second console says\n%s", text)
	}
	p.kill()
	p = startProcess(t, args...)
	b.signIn("operator")
	p.stop()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket of a console that has stopped: %v", err)
	}
}

// TestSystemd: a console that runs as a unit of Type=notify takes over the sockets, serves the right thing on each, and
// says when it serves and when it stops.
func TestSystemd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	manager, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "unixgram", filepath.Join(t.TempDir(), "notify"))
	must(t, err)
	defer func() { must(t, manager.Close()) }()
	var files []*os.File
	var addresses []string
	for range 2 {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		f, err := l.(*net.TCPListener).File()
		must(t, err)
		defer func() { _ = f.Close() }()
		files, addresses = append(files, f), append(addresses, l.Addr().String())
		must(t, l.Close()) // f stays open, as systemd keeps it
	}
	p := spawnWith(t, func(cmd *exec.Cmd) {
		cmd.ExtraFiles = files
		cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		cmd.Env = append(cmd.Env, "LISTEN_FDS=2", "LISTEN_FDNAMES=metrics:console", "WATCHDOG_USEC=50000",
			"NOTIFY_SOCKET="+manager.LocalAddr().String())
	}, "--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--data", s.data,
		"--listen", "systemd:console", "--metrics-listen", "systemd:metrics")
	hear := func(want string) {
		t.Helper()
		b := make([]byte, 300)
		must(t, manager.SetReadDeadline(time.Now().Add(time.Minute)))
		for {
			n, _, err := manager.ReadFrom(b)
			if err != nil {
				t.Fatalf("no %s: %v\n%s", want, err, p.stderr)
			}
			if strings.Contains(string(b[:n]), want) {
				return
			}
		}
	}
	hear("READY=1")
	p.ready()
	if p.url != "http://"+addresses[1] {
		t.Errorf("it says that it is at %s, want %s", p.url, addresses[1])
	}
	newBrowser(t, p.url).signIn("operator")
	if text := body(t, "http://"+addresses[0]+"/metrics"); !strings.Contains(text, "coc_console_answers_unwritten") {
		t.Errorf("the other socket serves\n%.200s", text)
	}
	hear("WATCHDOG=1")
	p.stop()
	hear("STOPPING=1")
}

// TestSystemdExposed: what the settings could not know, that the socket is reached from other machines, stops the start.
func TestSystemdExposed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "0.0.0.0:0")
	must(t, err)
	f, err := l.(*net.TCPListener).File()
	must(t, err)
	defer func() { _, _ = f.Close(), l.Close() }()
	p := spawnWith(t, func(cmd *exec.Cmd) {
		cmd.ExtraFiles = []*os.File{f}
		cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		cmd.Env = append(cmd.Env, "LISTEN_FDS=1")
	}, "--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--data", s.data, "--listen", "systemd")
	<-p.ended
	if text := p.stderr.String(); !strings.Contains(text, "reached from other machines") {
		t.Errorf("it says\n%s%s", p.stdout, text)
	}
	if _, err := os.Stat(filepath.Join(s.data, "audit.db")); !os.IsNotExist(err) {
		t.Errorf("the log was opened before: %v", err)
	}
}
