package sockets_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"coc-console/internal/sockets"
)

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestCheck(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080": "", ":443": "", "[::1]:0": "", "unix:/run/a.sock": "", "unix:a.sock": "", "systemd": "", "systemd:console": "",
		"": "is not an address", "8080": "is not an address", "unix:": "names no file", "unix:@console": "names no file",
		"unix:/" + strings.Repeat("a", 107): "at most 107 characters",
	} {
		err := sockets.Check(address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := sockets.Listen(t.Context(), address, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestUnixSocket: its owner and its group may connect, whatever the umask; the file goes with the listener.
func TestUnixSocket(t *testing.T) {
	for _, umask := range []int{0o000, 0o022, 0o077} {
		path := filepath.Join(t.TempDir(), "s")
		before := syscall.Umask(umask)
		l := listen(t, "unix:"+path)
		syscall.Umask(before)
		info, err := os.Stat(path)
		if err != nil || info.Mode() != os.ModeSocket|0o660 {
			t.Errorf("umask %03o: %v %v", umask, info.Mode(), err)
		}
		accepts(t, l)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file is there after the end: %v", err)
		}
	}
}

func accepts(t *testing.T, l net.Listener) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = other.Close()
}

// TestUnixSocketThatIsThere: what a killed process left is replaced; where somebody listens, or what is no socket, stays.
func TestUnixSocketThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first := listen(t, "unix:"+path)
	if _, err := sockets.Listen(t.Context(), "unix:"+path, environment(nil)); err == nil || !strings.Contains(err.Error(), "another process listens on "+path) {
		t.Errorf("while it is listened on: %v", err)
	}
	accepts(t, first)
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as kill -9 leaves it
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	accepts(t, listen(t, "unix:"+path))

	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sockets.Listen(t.Context(), "unix:"+file, environment(nil)); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("on a file: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "kept" {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// TestWithoutSocketOfSystemd: each way in which there is none for this process says so, and what to do.
func TestWithoutSocketOfSystemd(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for name, tt := range map[string]struct {
		variables map[string]string
		want      string
	}{
		"by hand":         {nil, ".socket"},
		"another process": {map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "1"}, `for process "1"`},
		"no number":       {map[string]string{"LISTEN_FDS": "x", "LISTEN_PID": own}, `"x"`},
		"none":            {map[string]string{"LISTEN_FDS": "0", "LISTEN_PID": own}, `"0"`},
	} {
		_, err := sockets.Listen(t.Context(), "systemd", environment(tt.variables))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	two := environment(map[string]string{"LISTEN_FDS": "2", "LISTEN_PID": own})
	if _, err := sockets.Listen(t.Context(), "systemd:console", two); err == nil || !strings.Contains(err.Error(), "without names") {
		t.Errorf("a name, where there are none: %v", err)
	}
}

// TestManager: systemd hears that the console serves, that it is alive, and that it stops.
func TestManager(t *testing.T) {
	for kind, name := range map[string]string{"file": filepath.Join(t.TempDir(), "n"), "abstract": "@coc-console-test-" + strconv.Itoa(os.Getpid())} {
		t.Run(kind, func(t *testing.T) {
			manager, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "unixgram", name)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = manager.Close() }()
			heard := func() string {
				b := make([]byte, 200)
				n, _, err := manager.ReadFrom(b)
				if err != nil {
					t.Fatal(err)
				}
				state, _, _ := strings.Cut(string(b[:n]), "\n")
				return state
			}
			m := sockets.ManagerOf(environment(map[string]string{"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000", "WATCHDOG_PID": strconv.Itoa(os.Getpid())}))
			if err := m.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- m.Follow(ctx) }()
			for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
				if got := heard(); got != want {
					t.Errorf("systemd hears %q, want %q", got, want)
				}
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			for last := heard(); last != "STOPPING=1"; last = heard() {
				if last != "WATCHDOG=1" {
					t.Errorf("systemd hears %q at the end", last)
				}
			}
		})
	}
}

// TestNoManager: nobody is told without NOTIFY_SOCKET, and a watchdog that waits for another process is not fed.
func TestNoManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, variables := range []map[string]string{{}, {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}} {
			m := sockets.ManagerOf(environment(variables))
			err := m.Ready(t.Context())
			if (err != nil) != (len(variables) > 0) {
				t.Errorf("%v: %v", variables, err)
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Hour)
			if err := m.Follow(ctx); (err != nil) != (len(variables) > 0) {
				t.Errorf("%v at the end: %v", variables, err)
			}
			stop()
		}
	})
}

// TestApart: a socket of systemd's serves one setting.
func TestApart(t *testing.T) {
	for _, tt := range []struct {
		addresses []string
		ok        bool
	}{
		{[]string{"systemd", "127.0.0.1:9000", ""}, true},
		{[]string{"systemd:web", "systemd:metrics", ""}, true},
		{[]string{"127.0.0.1:0", "127.0.0.1:0", "unix:/a"}, true},
		{[]string{"systemd", "systemd"}, false},
		{[]string{"systemd", "", "systemd:web"}, false}, // without a name there is one alone
		{[]string{"systemd:web", "", "systemd:web"}, false},
	} {
		if err := sockets.Apart(tt.addresses...); (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "of its own") {
			t.Errorf("%q: %v", tt.addresses, err)
		}
	}
}
