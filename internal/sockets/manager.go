package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// A Manager is systemd, where it wants to hear how far this process is (Type=notify). The zero Manager is nobody.
type Manager struct {
	socket   string
	watchdog time.Duration
}

// ManagerOf is the one that the environment names.
func ManagerOf(getenv func(string) string) Manager {
	m := Manager{socket: getenv("NOTIFY_SOCKET")}
	micro, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if pid := getenv("WATCHDOG_PID"); err == nil && micro > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(micro) * time.Microsecond
	}
	return m
}

// notifyTimeout bounds one message to systemd.
const notifyTimeout = time.Second

// Ready says that the console serves.
func (m Manager) Ready(ctx context.Context) error { return m.tell(ctx, "READY=1\nSTATUS=Serving") }

// Follow tells the watchdog that this process is alive, twice in the time that it waits, and once the context ends that
// the process is about to stop.
func (m Manager) Follow(ctx context.Context) error {
	var pings <-chan time.Time
	if m.watchdog > 0 {
		tick := time.NewTicker(m.watchdog / 2)
		defer tick.Stop()
		pings = tick.C
	}
	for {
		select {
		case <-ctx.Done():
			return m.tell(context.WithoutCancel(ctx), "STOPPING=1\nSTATUS=Requests under way are brought to an end")
		case <-pings:
			_ = m.tell(ctx, "WATCHDOG=1") // when it doesn't hear us, it acts
		}
	}
}

// tell sends one message, a datagram as sd_notify(3) says. A name with @ is one of the abstract namespace.
func (m Manager) tell(ctx context.Context, state string) error {
	if m.socket == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unixgram", m.socket)
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	until, _ := ctx.Deadline()
	_ = conn.SetWriteDeadline(until) // it has one
	_, err = conn.Write([]byte(state))
	if err := errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	return nil
}
