package coc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The bounds of connections that are opened ahead. They are younger than any
// server's patience with a connection that says nothing.
const (
	readyAge  = 8 * time.Second
	wantedFor = time.Minute // after the last operation, or the last page that confirms one
	maxReady  = 8
	maxEarly  = 64 << 10 // bytes that a server may say first, which TLS allows

	listenBuffer = 512 // hardly any says something
)

// connector opens the connections of operations, some of them ahead: an
// operation would wait for every round trip of a new one. Nothing was ever
// sent on a connection that it gives away.
type connector struct {
	dialer  net.Dialer
	tls     *tls.Config // nil: plain
	address string      // host and port; empty where a proxy stands between
	ctx     context.Context
	stop    context.CancelFunc
	tasks   sync.WaitGroup

	mu     sync.Mutex
	spares []*spare // oldest first
	puts   int      // under way
	wanted time.Time
}

// spare is a connection that is opened ahead.
type spare struct {
	opened chan struct{}
	conn   *quietConn // nil when it could not be opened
	given  net.Conn   // conn, or TLS on it
	expiry *time.Timer
}

func newConnector(cfg Config, base *url.URL) *connector {
	d := &connector{dialer: dialer(cfg)}
	d.dialer.KeepAlive = -1 // they live for one call, whose deadline is shorter than a probe's
	d.ctx, d.stop = context.WithCancel(context.Background())
	port := base.Port()
	if base.Scheme == "https" {
		d.tls = &tls.Config{ServerName: base.Hostname(), NextProtos: []string{"h2", "http/1.1"}}
	}
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[d.tls != nil]
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base}); proxy == nil && err == nil {
		d.address = net.JoinHostPort(base.Hostname(), port)
	}
	return d
}

// use lets a transport take its connections here, unless there is a proxy.
func (d *connector) use(t *http.Transport) {
	switch {
	case d.address == "":
	case d.tls == nil:
		t.DialContext = d.take
	default:
		t.DialTLSContext = d.take
	}
}

// take gives a connection away, one that is open already where there is one.
func (d *connector) take(ctx context.Context, _, address string) (net.Conn, error) {
	for address == d.address {
		s := d.pop()
		if s == nil {
			break
		}
		select {
		case <-s.opened:
		case <-ctx.Done():
			go s.discard() // ends with its opening
			return nil, ctx.Err()
		}
		if s.conn != nil && s.expiry.Stop() && s.conn.wake(d.tls != nil) {
			return s.given, nil
		}
		s.discard()
	}
	conn, given, err := d.open(ctx, address)
	if err != nil {
		return nil, err
	}
	conn.sent.Store(false)
	return given, nil
}

// pop takes a spare out: the newest that is open, else the oldest that is about
// to be.
func (d *connector) pop() *spare {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.spares) == 0 {
		return nil
	}
	at := 0
	for i, s := range d.spares {
		if isClosed(s.opened) {
			at = i
		}
	}
	s := d.spares[at]
	d.spares = slices.Delete(d.spares, at, at+1)
	d.fill()
	return s
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// open connects, and shakes hands.
func (d *connector) open(ctx context.Context, address string) (*quietConn, net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*d.dialer.Timeout)
	defer cancel()
	plain, err := d.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	conn := &quietConn{Conn: plain, quiet: make(chan struct{})}
	if d.tls == nil {
		return conn, conn, nil
	}
	secure := tls.Client(conn, d.tls)
	shaking, cancel := context.WithTimeout(ctx, d.dialer.Timeout)
	defer cancel()
	if err := secure.HandshakeContext(shaking); err != nil {
		_ = plain.Close()
		return nil, nil, err
	}
	return conn, secure, nil
}

// prepare opens a spare where there is none.
func (d *connector) prepare() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = time.Now()
	d.fill()
}

// fill opens a spare where there are fewer than operations under way. The caller
// holds the lock.
func (d *connector) fill() {
	if d.address == "" || d.ctx.Err() != nil || len(d.spares) >= max(1, min(d.puts, maxReady)) {
		return
	}
	s := &spare{opened: make(chan struct{})}
	d.spares = append(d.spares, s)
	d.tasks.Go(func() {
		conn, given, err := d.open(d.ctx, d.address)
		if err == nil {
			conn.sent.Store(false)
			s.conn, s.given = conn, given
			s.expiry = time.AfterFunc(readyAge, func() { d.expire(s) })
			go conn.listen(func() { d.drop(s) }) // ends when the connection is given away or closed
		} else {
			d.drop(s)
		}
		close(s.opened)
	})
}

// under counts an operation that is under way, until done is called.
func (d *connector) under() (done func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = time.Now()
	d.puts++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.puts--
	}
}

// expire closes a spare that is too old, and opens another while one is wanted.
func (d *connector) expire(s *spare) {
	if !d.drop(s) {
		return // it was taken
	}
	_ = s.conn.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.wanted) < wantedFor {
		d.fill()
	}
}

// drop forgets a spare; false when somebody has taken it.
func (d *connector) drop(s *spare) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.Index(d.spares, s)
	if at >= 0 {
		d.spares = slices.Delete(d.spares, at, at+1)
	}
	return at >= 0
}

// discard closes a spare that nobody uses.
func (s *spare) discard() {
	<-s.opened
	if s.conn != nil {
		s.expiry.Stop()
		_ = s.conn.Close()
	}
}

// close ends the spares and waits for those that are about to be.
func (d *connector) close() {
	d.stop()
	for s := d.pop(); s != nil; s = d.pop() {
		s.discard()
	}
	d.tasks.Wait()
}

// quietConn is a connection on which nothing was sent yet. Until it is woken it
// listens, so that a server which closes it is noticed.
type quietConn struct {
	net.Conn
	early []byte // what the server said before
	err   error  // what ended the listening
	quiet chan struct{}
	sent  atomic.Bool // something may have left
}

func (q *quietConn) listen(ended func()) {
	defer close(q.quiet)
	buffer := make([]byte, listenBuffer)
	for {
		n, err := q.Conn.Read(buffer)
		q.early = append(q.early, buffer[:n]...)
		if err == nil && len(q.early) > maxEarly {
			err = errors.New("the server says too much")
		}
		if err == nil {
			continue
		}
		q.err = err
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			ended()
			_ = q.Close()
		}
		return
	}
}

// wake ends the listening; false when the server has closed the connection, or
// has spoken first where only TLS may.
func (q *quietConn) wake(secure bool) bool {
	if q.SetReadDeadline(time.Unix(1, 0)) != nil {
		return false
	}
	<-q.quiet
	return errors.Is(q.err, os.ErrDeadlineExceeded) && q.SetReadDeadline(time.Time{}) == nil && q.listenOnce() &&
		(secure || len(q.early) == 0)
}

// listenOnce takes what has arrived and waits for nothing; false at the end of
// the connection. What came with the wake would be missed otherwise.
func (q *quietConn) listenOnce() bool {
	own, ok := q.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := own.SyscallConn()
	if err != nil {
		return false
	}
	buffer, alive := make([]byte, listenBuffer), false
	err = raw.Read(func(fd uintptr) bool {
		for len(q.early) <= maxEarly {
			n, err := syscall.Read(int(fd), buffer) // it does not block
			if n <= 0 {
				alive = errors.Is(err, syscall.EAGAIN)
				return true
			}
			q.early = append(q.early, buffer[:n]...)
		}
		return true
	})
	return err == nil && alive
}

// Read gives what came early first.
func (q *quietConn) Read(b []byte) (int, error) {
	if len(q.early) > 0 {
		n := copy(b, q.early)
		q.early = q.early[n:]
		return n, nil
	}
	return q.Conn.Read(b)
}

// Write notes beforehand that something may leave.
func (q *quietConn) Write(b []byte) (int, error) {
	before := q.sent.Swap(true)
	n, err := q.Conn.Write(b)
	if err != nil && n == 0 && !before {
		q.sent.Store(false)
	}
	return n, err
}

// nothingSent reports that not a byte of a request has left on a connection
// whose call has failed, and that none will.
func nothingSent(conn net.Conn) bool {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	q, ok := conn.(*quietConn)
	if !ok {
		return false
	}
	_ = q.Close()
	return !q.sent.Load()
}
