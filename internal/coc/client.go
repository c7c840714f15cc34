package coc

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// The limits that stand where Config leaves them at zero.
const (
	DefaultConnectTimeout = 5 * time.Second
	DefaultHeaderTimeout  = 15 * time.Second
	DefaultCallTimeout    = 30 * time.Second
	// DefaultMaxBody is less than a page of 50 instances with large logs takes:
	// such a page is read in parts.
	DefaultMaxBody = upstream.MaxAnswer
)

// Config says where COC is and how long to wait for it. Zero fields take the
// defaults above.
type Config struct {
	Endpoint       string // https://host, or http:// to a loopback address
	UserAgent      string
	ConnectTimeout time.Duration
	HeaderTimeout  time.Duration // from the request's end to the answer's headers
	CallTimeout    time.Duration // the whole call
	MaxBody        int64         // bytes read of one answer, at most upstream.MaxAnswer
	// Budget bounds what all answers hold that are being read; nil: one of the
	// client's own.
	Budget *upstream.Budget
	// Logger hears why COC can't be reached; nil: nobody does.
	Logger *slog.Logger
	Now    func() time.Time // of Health; nil: time.Now
	Clock  *upstream.Clock  // hears the time that answers tell; nil: nobody does
	// Observe hears of every request: its call, what came of it (a status, or
	// a Kind where there was none or it was not COC's) and how long it took.
	// nil: nobody listens.
	Observe func(call, result string, took time.Duration)
}

// Client calls COC. It is safe for concurrent use.
type Client struct {
	cfg   Config
	base  *url.URL
	reads *http.Client // pooled
	// writes takes a connection that nothing was sent on for every operation:
	// one that was closed while it idled would leave open whether COC got it.
	writes  *http.Client
	ready   *connector // of writes
	health  *upstream.Health
	pages   pageSizes
	dialect *dialect
	tokens  upstream.Tokens
}

// New checks the configuration and returns a client; nothing is called yet.
func New(cfg Config) (*Client, error) {
	base, err := huawei.ParseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, DefaultConnectTimeout)
	cfg.HeaderTimeout = cmp.Or(cfg.HeaderTimeout, DefaultHeaderTimeout)
	cfg.CallTimeout = cmp.Or(cfg.CallTimeout, DefaultCallTimeout)
	cfg.MaxBody = min(cmp.Or(cfg.MaxBody, DefaultMaxBody), upstream.MaxAnswer)
	if cfg.Budget == nil {
		cfg.Budget = upstream.NewBudget()
	}
	reads := newTransport(cfg)
	writes := reads.Clone()
	writes.DisableKeepAlives = true
	ready := newConnector(cfg, base)
	ready.use(writes)
	c := &Client{cfg: cfg, base: base, reads: withoutRedirects(reads), writes: withoutRedirects(writes), ready: ready,
		dialect: newDialect(base.Hostname())}
	c.health = upstream.NewHealth("coc", cfg.Logger, cfg.Now, c.probe)
	return c, nil
}

// Health says whether COC answers, and asks it when that is not known.
func (c *Client) Health(ctx context.Context) upstream.Status { return c.health.Ask(ctx) }

// Heard says what was last heard of COC, and asks nothing.
func (c *Client) Heard() upstream.Status { return c.health.Status() }

// probe makes a call without a token, which COC refuses: that is an answer.
func (c *Client) probe(ctx context.Context) {
	_, _ = c.do(ctx, Caller{}, request{call: "probe", method: http.MethodGet, path: ordersPath,
		query: url.Values{"limit": {"1"}}})
}

// Prepare opens a connection for an operation that somebody may be about to send.
func (c *Client) Prepare() { c.ready.prepare() }

// maxHeader bounds the headers of an answer, in bytes: the vendor's gateway
// allows 128 KB (docs/coc-api.md section 11).
const maxHeader = 256 << 10

func dialer(cfg Config) net.Dialer {
	return net.Dialer{Timeout: cfg.ConnectTimeout, KeepAlive: 30 * time.Second}
}

func newTransport(cfg Config) *http.Transport {
	dial := dialer(cfg)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.DialContext,
		TLSHandshakeTimeout:    cfg.ConnectTimeout,
		ResponseHeaderTimeout:  cfg.HeaderTimeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    64, // two, Go's default, halve the throughput
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
		OnProxyConnectResponse: upstream.CheckProxy,
	}
}

// withoutRedirects returns redirects as they are: following one would hand the
// token to wherever it points.
func withoutRedirects(t *http.Transport) *http.Client {
	return &http.Client{Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Close ends what Health began and closes idle connections.
func (c *Client) Close() {
	c.health.Close()
	c.ready.close()
	c.reads.CloseIdleConnections()
	c.writes.CloseIdleConnections()
}
