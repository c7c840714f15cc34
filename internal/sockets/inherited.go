package sockets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The sockets that systemd hands over: from this number on, as sd_listen_fds(3) says.
const firstSocket = 3

// inherited is the socket of that name which systemd has opened for this process; without a name there must be one
// alone.
func inherited(name string, getenv func(string) string) (net.Listener, error) {
	names, err := handedOver(getenv)
	if err != nil {
		return nil, err
	}
	at := slices.Index(names, name)
	switch {
	case name == "" && len(names) > 1:
		return nil, fmt.Errorf("systemd hands over %d sockets: say which, such as systemd:%s", len(names), names[0])
	case name == "":
		at = 0
	case at < 0 && getenv("LISTEN_FDNAMES") == "":
		return nil, fmt.Errorf("systemd hands over sockets without names: is FileDescriptorName=%s in the .socket unit?", name)
	case at < 0:
		return nil, fmt.Errorf("systemd hands over no socket with FileDescriptorName=%s, but %s", name,
			strings.Join(names, ", "))
	}
	fd := firstSocket + at
	if err := isListening(fd); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "systemd:"+names[at])
	l, err := net.FileListener(f) // has a number of its own
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("take over the socket of systemd: %w", err)
	}
	return l, nil
}

// handedOver are the names of the sockets that systemd has opened for this process: at least one.
func handedOver(getenv func(string) string) ([]string, error) {
	const hint = "start the console by a unit with a .socket beside it"
	if getenv("LISTEN_FDS") == "" {
		return nil, errors.New("systemd hands over no socket (LISTEN_FDS is not set): " + hint)
	}
	if pid := getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		return nil, fmt.Errorf("the sockets of systemd are for process %q (LISTEN_PID), and this is %d: %s", pid,
			os.Getpid(), hint)
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 1 {
		return nil, fmt.Errorf("LISTEN_FDS is %q, which is no number of sockets", getenv("LISTEN_FDS"))
	}
	names := make([]string, n)
	copy(names, strings.Split(getenv("LISTEN_FDNAMES"), ":"))
	for i := range n {
		syscall.CloseOnExec(firstSocket + i)
	}
	return names, nil
}

// isListening says what is wrong with a socket that was handed over.
func isListening(fd int) error {
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil {
		return fmt.Errorf("number %d, which systemd hands over, is no socket: %w", fd, err)
	}
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil || kind != syscall.SOCK_STREAM || listens != 1 {
		return fmt.Errorf("socket %d, which systemd hands over, takes no connections: it needs ListenStream= and Accept=no", fd)
	}
	return nil
}
