package syslog_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/syslog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// siem is a receiver that breaks its connections after so many messages each.
type siem struct {
	net.Listener
	breaks []int // messages of the connections that break; later ones do not
	failed chan error

	mu   sync.Mutex
	got  map[int64]bool
	conn int
}

func listen(t *testing.T, wrap func(net.Listener) net.Listener, breaks ...int) *siem {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &siem{Listener: wrap(l), breaks: breaks, failed: make(chan error, 10), got: map[int64]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.take(conn) })
		}
	})
	t.Cleanup(func() { _ = s.Close(); all.Wait() })
	return s
}

var sequence = regexp.MustCompile(`\[meta sequenceId="(\d+)"\]`)

// take reads the messages of a connection.
func (s *siem) take(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	s.mu.Lock()
	left := -1
	if s.conn < len(s.breaks) {
		left = s.breaks[s.conn]
	}
	s.conn++
	s.mu.Unlock()
	in := bufio.NewReader(conn)
	last := int64(0)
	for ; left != 0; left-- {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
		if err != nil {
			s.failed <- err
			return
		}
		m := make([]byte, n)
		if _, err := io.ReadFull(in, m); err != nil {
			return // half a message
		}
		seq, err := strconv.ParseInt(string(sequence.FindSubmatch(m)[1]), 10, 64)
		if err != nil || last > 0 && seq != last+1 {
			s.failed <- errors.New("not the next message: " + string(m))
			return
		}
		last = seq
		s.mu.Lock()
		s.got[seq] = true
		s.mu.Unlock()
	}
	inner := conn
	if over, ok := conn.(*tls.Conn); ok {
		inner = over.NetConn()
	}
	_ = inner.(*net.TCPConn).SetLinger(0) // what is not read is gone
}

// lacks is the first message up to a number that was not received; 0: none.
func (s *siem) lacks(upTo int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq := int64(1); seq <= upTo; seq++ {
		if !s.got[seq] {
			return seq
		}
	}
	return 0
}

// certificate is one for 127.0.0.1, and a file with what signed it.
func certificate(t *testing.T) (cert tls.Certificate, file string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.TLS.Certificates[0], file
}

// TestBrokenReceiver: a receiver that breaks in the middle, twice, and forgets
// what it has not read gets every record, and the position is never ahead of it.
func TestBrokenReceiver(t *testing.T) {
	cert, caFile := certificate(t)
	for _, tt := range []struct {
		scheme, ca string
		wrap       func(net.Listener) net.Listener
	}{
		{"tcp", "", func(l net.Listener) net.Listener { return l }},
		{"tls", caFile, func(l net.Listener) net.Listener {
			return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		}},
	} {
		t.Run(tt.scheme, func(t *testing.T) {
			o := audittest.Open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing)
			o.AppendTogether(t, audittest.Several(1500))
			to := listen(t, tt.wrap, 300, 0, 777)
			receiver, err := syslog.ParseReceiver(tt.scheme+"://"+to.Addr().String(), tt.ca)
			if err != nil {
				t.Fatal(err)
			}
			ctx, done := context.WithCancel(t.Context())
			defer done()
			var last export.Cursor
			s := syslog.Sender{Receiver: receiver, Form: syslog.CEF, Host: "test", Interval: 10 * time.Millisecond, Settle: 400 * time.Millisecond,
				Pause: time.Millisecond, Logger: slog.New(slog.DiscardHandler), Received: func(at export.Cursor) error {
					if seq := to.lacks(at.Sequence); seq > 0 {
						t.Errorf("the position is %d, and the receiver lacks %d", at.Sequence, seq)
					}
					if last = at; at.Sequence == 1500 {
						o.AppendEach(t, audittest.Viewed("later"))
					}
					if at.Sequence == 1501 {
						done()
					}
					return nil
				}}
			if err := s.Run(ctx, o.Log, export.Cursor{}, true); err != nil {
				t.Fatal(err)
			}
			if seq := to.lacks(1501); seq > 0 || last.Sequence != 1501 || to.conn != 4 {
				t.Errorf("it lacks %d; the position is %d, after %d connections", seq, last.Sequence, to.conn)
			}
			close(to.failed)
			for err := range to.failed {
				t.Error(err)
			}
		})
	}
}

// TestSendOnce: without follow it ends when all is received, and goes on from
// there the next time.
func TestSendOnce(t *testing.T) {
	o := audittest.Open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing)
	o.AppendTogether(t, audittest.Several(10))
	to := listen(t, func(l net.Listener) net.Listener { return l })
	receiver, err := syslog.ParseReceiver("tcp://"+to.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	var last export.Cursor
	s := syslog.Sender{Receiver: receiver, Form: syslog.JSON, Host: "test", Interval: time.Second, Settle: 50 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler), Received: func(at export.Cursor) error { last = at; return nil }}
	for range 2 {
		if err := s.Run(t.Context(), o.Log, last, false); err != nil || last.Sequence != 10 || to.lacks(10) > 0 {
			t.Errorf("%v: the position is %d", err, last.Sequence)
		}
	}
	wrong := errors.New("the position cannot be written")
	s.Received = func(export.Cursor) error { return wrong }
	if err := s.Run(t.Context(), o.Log, export.Cursor{}, true); !errors.Is(err, wrong) {
		t.Errorf("it goes on without a position: %v", err)
	}
	if err := s.Run(t.Context(), o.Log, export.Cursor{Sequence: 11}, true); !errors.Is(err, audit.ErrRolledBack) {
		t.Errorf("it goes on in another log: %v", err)
	}
}

// TestUntrustedReceiver: nothing is sent to whom nobody vouches for.
func TestUntrustedReceiver(t *testing.T) {
	cert, _ := certificate(t)
	o := audittest.Open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing)
	o.AppendTogether(t, audittest.Several(10))
	to := listen(t, func(l net.Listener) net.Listener {
		return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	})
	receiver, err := syslog.ParseReceiver("tls://"+to.Addr().String(), "") // the system does not know it
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	s := syslog.Sender{Receiver: receiver, Interval: time.Second, Pause: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Received: func(at export.Cursor) error { t.Errorf("received %+v", at); return nil }}
	if err := s.Run(ctx, o.Log, export.Cursor{}, true); err != nil {
		t.Error(err)
	}
	if to.lacks(1) == 0 {
		t.Error("it has a record")
	}
}

func TestParseReceiver(t *testing.T) {
	for address, want := range map[string]string{"tls://siem.example.com": "siem.example.com:6514", "tcp://10.0.0.1": "10.0.0.1:514",
		"tls://[::1]:7000": "[::1]:7000", "udp://x:1": "", "siem:6514": "", "tls://": "", "tls://u:p@x": "", "tls://x/y": "", "": ""} {
		if r, err := syslog.ParseReceiver(address, ""); r.Address != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", address, r.Address, err)
		}
	}
	none := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(none, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{none, none + "x"} {
		if _, err := syslog.ParseReceiver("tls://x", wrong); err == nil {
			t.Errorf("%s is a file of certificates", wrong)
		}
	}
	if _, err := syslog.ParseReceiver("tcp://x", none); err == nil {
		t.Error("certificates without TLS")
	}
}
