package syslog

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"coc-console/audit"
	"coc-console/audit/export"
)

const (
	connectTimeout = 10 * time.Second // to connect, with the TLS handshake
	writeTimeout   = 30 * time.Second // for one write: the receiver takes nothing
	lostAfter      = 5 * time.Second  // a connection ends whose peer confirms nothing for so long
)

// The defaults of Sender.
const (
	DefaultSettle = lostAfter + 2*time.Second
	leastPause    = time.Second
	mostPause     = time.Minute
)

// Receiver is where messages go.
type Receiver struct {
	Address string      // host:port
	TLS     *tls.Config // nil: plain TCP
}

// ParseReceiver reads tls://host:6514 or tcp://host:514; the ports may be left
// out. caFile names certificates in PEM that sign the receiver's, in the place of
// the system's; empty: the system's.
func ParseReceiver(address, caFile string) (Receiver, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "tls" && u.Scheme != "tcp" {
		return Receiver{}, errors.New("this is not an address such as tls://siem.example.com:6514 or tcp://10.0.0.1:514")
	}
	port := u.Port()
	if u.Scheme == "tcp" {
		if caFile != "" {
			return Receiver{}, errors.New("certificates go with tls://")
		}
		if port == "" {
			port = "514"
		}
		return Receiver{Address: net.JoinHostPort(u.Hostname(), port)}, nil
	}
	if port == "" {
		port = "6514"
	}
	cfg := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return Receiver{}, err
		}
		if cfg.RootCAs = x509.NewCertPool(); !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return Receiver{}, fmt.Errorf("%s has no certificate", caFile)
		}
	}
	return Receiver{Address: net.JoinHostPort(u.Hostname(), port), TLS: cfg}, nil
}

// Sender sends a log to a receiver. Syslog has no answers: what was written may
// be lost with its connection. So what was sent counts as received only once
// its connection has lived Settle longer, in which a peer that confirms nothing
// ends it; after a break all else is sent again.
type Sender struct {
	Receiver Receiver
	Form     Form
	Host     string        // that messages name
	Interval time.Duration // between two looks at the log
	Settle   time.Duration // 0: DefaultSettle
	Pause    time.Duration // before the first new connection, doubled up to a minute; 0: a second
	Logger   *slog.Logger

	// Received is called with the last record that was received. An error of it
	// ends the sending.
	Received func(export.Cursor) error
}

// brokenError says that a connection broke: another may do.
type brokenError struct{ error }

// Unwrap returns what broke it.
func (e brokenError) Unwrap() error { return e.error }

// Run sends the records after a cursor, and goes on with what is appended until
// ctx ends, which is no error. Without follow it ends once all that the log has
// is received. Where the receiver cannot be reached it tries again.
func (s Sender) Run(ctx context.Context, log *audit.Log, from export.Cursor, follow bool) error {
	at, pause := from, s.pause()
	for {
		before := at
		err := s.connection(ctx, log, &at, follow)
		if broken, isBroken := errors.AsType[brokenError](err); isBroken && ctx.Err() == nil {
			if at != before {
				pause = s.pause()
			}
			s.Logger.Warn("receiver lost, trying again", "receiver", s.Receiver.Address, "in", pause.String(),
				"error", broken.error)
			if !waited(ctx, pause) {
				return nil
			}
			pause = min(2*pause, mostPause)
			continue
		}
		if follow && ctx.Err() != nil {
			return nil //nolint:nilerr // it ended as it was asked to
		}
		return err
	}
}

func (s Sender) pause() time.Duration {
	if s.Pause > 0 {
		return s.Pause
	}
	return leastPause
}

func (s Sender) settle() time.Duration {
	if s.Settle > 0 {
		return s.Settle
	}
	return DefaultSettle
}

// waited waits, and reports whether ctx did not end.
func waited(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// connection sends over one connection until it breaks, and moves at to the last
// record that was received.
func (s Sender) connection(ctx context.Context, log *audit.Log, at *export.Cursor, follow bool) error {
	conn, err := s.Receiver.dial(ctx)
	if err != nil {
		return brokenError{err}
	}
	t := transmission{Sender: s, conn: conn, at: at}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends reads and writes
	var listening sync.WaitGroup
	listening.Go(func() {
		_, err := io.Copy(io.Discard, conn) // a receiver says nothing until it goes
		if err == nil {
			err = io.EOF
		}
		cancel(brokenError{fmt.Errorf("the receiver closed the connection: %w", err)})
	})
	err = t.transmit(ctx, log, follow)
	why := context.Cause(ctx) // before it is closed here
	stop()
	_ = conn.Close() // what it did not take is sent again
	listening.Wait()
	if gone, isGone := errors.AsType[brokenError](why); isGone && err != nil {
		return gone
	}
	return err
}

func (r Receiver) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	dialer := net.Dialer{Control: boundSends,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: lostAfter, Interval: lostAfter, Count: 2}}
	if r.TLS == nil {
		return dialer.DialContext(ctx, "tcp", r.Address)
	}
	conn, err := (&tls.Dialer{NetDialer: &dialer, Config: r.TLS}).DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return nil, fmt.Errorf("connect with TLS: %w", err)
	}
	return conn, nil
}

// boundSends makes a connection end whose peer confirms nothing for lostAfter:
// where the system has no such setting, it ends after the system's own time.
func boundSends(network, _ string, conn syscall.RawConn) error {
	const userTimeout = 0x12 // TCP_USER_TIMEOUT
	if runtime.GOOS != "linux" || !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(lostAfter.Milliseconds()))
	})
	return errors.Join(err, failed)
}

// transmission is what was sent over one connection.
type transmission struct {
	Sender
	conn net.Conn
	at   *export.Cursor // the last that was received
	sent []sent
	out  []byte
}

// sent is up to where the log was sent at a time.
type sent struct {
	at   export.Cursor
	when time.Time
}

func (t *transmission) transmit(ctx context.Context, log *audit.Log, follow bool) error {
	from := *t.at
	for {
		next, err := export.Tail(ctx, t, log, from, t.reached)
		if err != nil {
			return err
		}
		from = next
		if !follow && len(t.sent) == 0 {
			return nil
		}
		pause := t.Interval
		if !follow {
			pause = min(pause, t.settle()/4+1)
		}
		if !waited(ctx, pause) {
			return context.Cause(ctx)
		}
		if err := t.received(); err != nil {
			return err
		}
	}
}

// Write sends lines of export.Tail. It returns once the system has them.
func (t *transmission) Write(lines []byte) (int, error) {
	t.out = t.out[:0]
	for text := range bytes.Lines(lines) {
		l, err := ParseLine(text)
		if err != nil {
			return 0, err
		}
		t.out = l.AppendMessage(t.out, t.Form, t.Host)
	}
	if err := t.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, brokenError{err}
	}
	if _, err := t.conn.Write(t.out); err != nil {
		return 0, brokenError{err}
	}
	return len(lines), nil
}

func (t *transmission) reached(at export.Cursor) error {
	t.sent = append(t.sent, sent{at, time.Now()})
	return t.received()
}

// received moves on to what was sent long enough ago.
func (t *transmission) received() error {
	n := 0
	for n < len(t.sent) && time.Since(t.sent[n].when) >= t.settle() {
		n++
	}
	if n == 0 {
		return nil
	}
	*t.at = t.sent[n-1].at
	t.sent = t.sent[n:]
	return t.Received(*t.at)
}
