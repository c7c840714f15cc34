// Package sockets opens what the console listens on: TCP addresses, Unix sockets, and sockets that systemd has opened
// for it. It also tells systemd how far a start or a stop is.
package sockets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	unixPrefix = "unix:"
	systemd    = "systemd"
)

// socketMode lets the owner and the group connect: the group is how a proxy gets in.
const socketMode = 0o660

// longestPath is what the kernel takes for the path of a socket.
const longestPath = 107

// Check says what is wrong with an address to listen on; nil: HOST:PORT, unix:/path, or systemd, which may be followed
// by the name of a socket, as in systemd:console.
func Check(address string) error {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		switch {
		case path == "" || path[0] == '@':
			return fmt.Errorf("%q names no file: a socket has a path, such as unix:/run/coc-console/console.sock", address)
		case len(path) > longestPath:
			return fmt.Errorf("the path of a socket has at most %d characters, and %q has %d", longestPath, path, len(path))
		}
		return nil
	}
	if _, ok := socketName(address); ok {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%q is not an address such as 127.0.0.1:8080, unix:/run/coc-console/console.sock or systemd", address)
	}
	return nil
}

// Apart says what is wrong with several addresses, of which some may be empty: a socket of systemd's serves one of
// them. Without a name it is the only one.
func Apart(addresses ...string) error {
	var before []string
	for _, address := range addresses {
		if _, ok := socketName(address); !ok {
			continue
		}
		for _, other := range before {
			if address == other || address == systemd || other == systemd {
				return fmt.Errorf("%q and %q mean one socket of systemd's: each needs one of its own, told apart by "+
					"FileDescriptorName= as in systemd:web and systemd:metrics", other, address)
			}
		}
		before = append(before, address)
	}
	return nil
}

// IsTCP reports whether an address is HOST:PORT.
func IsTCP(address string) bool {
	_, ok := socketName(address)
	return !ok && !strings.HasPrefix(address, unixPrefix)
}

// socketName is the name of a socket of systemd's, which may be empty; ok is false for other addresses.
func socketName(address string) (name string, ok bool) {
	if address == systemd {
		return "", true
	}
	return strings.CutPrefix(address, systemd+":")
}

// Listen opens an address that Check has passed. getenv tells what systemd hands over. The file of a Unix socket gets
// mode 0660, and is removed when the listener is closed; one that an earlier process left is replaced, one at which
// somebody listens is not.
func Listen(ctx context.Context, address string, getenv func(string) string) (net.Listener, error) {
	if name, ok := socketName(address); ok {
		return inherited(name, getenv)
	}
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return listenUnix(ctx, path)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the address: %w", err)
	}
	return l, nil
}

func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	// The kernel gives the file the mode of the socket, less what the umask takes: at no time may others connect.
	narrow := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), socketMode) })
		return errors.Join(err, failed)
	}}
	l, err := narrow.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// staleTimeout bounds how long a socket that is there is asked whether somebody listens.
const staleTimeout = 2 * time.Second

// removeStale removes a socket at which nobody listens.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there, and is no socket", path)
	}
	ctx, cancel := context.WithTimeout(ctx, staleTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("another process listens on %s", path), conn.Close())
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return fmt.Errorf("whether another process listens on %s can't be told: %w", path, err)
}
