package coc

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/internal/huawei"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ticketID = ExecuteUUID("SCT2026030209151401c2f9a07")
	secret   = "MIIatAYJsecret+/=" // stands for a token; must appear nowhere but in a header
)

var caller = Caller{Credential: huawei.NewToken(secret), Language: ZhCN, ProjectID: "aa2d97d7e62c4b7da3ffdfc11551f000", UserProfile: "profile"}

// silent drops what a server logs about broken connections.
var silent = log.New(io.Discard, "", 0)

// logged is a request that is in the audit log under that sequence number.
type logged int64

func (s logged) RequestedSequence() int64 { return int64(s) }

// serve starts a server with its client. Connections that are open at the end
// of the test are cut, so that no handler outlives it.
func serve(t testing.TB, h http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = silent
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return connect(t, s.URL, change...)
}

func connect(t testing.TB, address string, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{Endpoint: address, UserAgent: "coc-console/test"}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// says answers every request with these bytes; headers are pairs.
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// hangs reads the request and waits until the client has gone.
func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// resets reads the request, writes sent, and then breaks the connection.
func resets(sent string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = buffered.WriteString(sent)
		_ = buffered.Flush()
		if tcp, ok := conn.(*net.TCPConn); ok && sent == "" {
			_ = tcp.SetLinger(0) // a reset, not an orderly end
		}
		_ = conn.Close()
	}
}

// counted counts the requests that arrive.
func counted(n *atomic.Int32, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h(w, r)
	}
}

// asError fails the test unless err is an *Error.
func asError(t testing.TB, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error is %T (%v), want *Error", err, err)
	}
	return e
}

func operate(ctx context.Context, c *Client) (OperateReply, error) {
	return c.Operate(ctx, caller, logged(1), ticketID, Operation{Type: CancelInstance, InstanceID: 1<<53 + 1})
}

func ms(n int64) time.Time { return time.UnixMilli(n).UTC() }
