package coc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// The limits that stand where Config leaves them at zero.
const (
	DefaultConnectTimeout = 5 * time.Second
	DefaultHeaderTimeout  = 15 * time.Second
	DefaultCallTimeout    = 30 * time.Second
	// DefaultMaxBody holds a page of 50 instances with large logs.
	DefaultMaxBody = 64 << 20
)

// Config says where COC is and how long to wait for it. Zero fields take the
// defaults above.
type Config struct {
	Endpoint       string // https://host, or http:// to a loopback address
	UserAgent      string
	ConnectTimeout time.Duration
	HeaderTimeout  time.Duration // from the request's end to the answer's headers
	CallTimeout    time.Duration // the whole call
	MaxBody        int64         // bytes read of one answer
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
	// writes opens a connection for every operation: one that was closed
	// while it idled would leave open whether COC got the operation.
	writes *http.Client
}

// New checks the configuration and returns a client; nothing is called yet.
func New(cfg Config) (*Client, error) {
	base, err := ParseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = or(cfg.ConnectTimeout, DefaultConnectTimeout)
	cfg.HeaderTimeout = or(cfg.HeaderTimeout, DefaultHeaderTimeout)
	cfg.CallTimeout = or(cfg.CallTimeout, DefaultCallTimeout)
	cfg.MaxBody = or(cfg.MaxBody, DefaultMaxBody)
	reads := newTransport(cfg)
	writes := reads.Clone()
	writes.DisableKeepAlives = true
	return &Client{cfg: cfg, base: base, reads: withoutRedirects(reads), writes: withoutRedirects(writes)}, nil
}

// maxHeader bounds the headers of an answer, in bytes: the vendor's gateway
// allows 128 KB (docs/coc-api.md section 11).
const maxHeader = 256 << 10

func newTransport(cfg Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: cfg.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    cfg.ConnectTimeout,
		ResponseHeaderTimeout:  cfg.HeaderTimeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    64, // two, Go's default, halve the throughput
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
	}
}

// withoutRedirects returns redirects as they are: following one would hand the
// token to wherever it points.
func withoutRedirects(t *http.Transport) *http.Client {
	return &http.Client{Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// ParseEndpoint checks the address of an upstream: https, or http to a
// loopback address, without query or user.
func ParseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		return nil, errors.New("an address must not hold a user or password") // nor be repeated here
	}
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not an address such as https://host", text)
	}
	switch u.Scheme {
	case "https":
	case "http":
		if !loopback(u.Hostname()) {
			return nil, fmt.Errorf("%q must be https: a token would travel in the clear", text)
		}
	default:
		return nil, fmt.Errorf("%q is not an address such as https://host", text)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close closes idle connections.
func (c *Client) Close() {
	c.reads.CloseIdleConnections()
	c.writes.CloseIdleConnections()
}

// Requested proves that a request is durable in the audit log. Operate takes
// one, so that no code path can operate on a ticket past the log.
type Requested interface{ RequestedSequence() int64 }

// OperateReply is COC's answer to an accepted operation. It confirms
// acceptance, not completion (docs/coc-api.md section 4.6).
type OperateReply struct {
	Status    int
	RequestID string
	Data      string // the execute_uuid; some editions answer without a body
}

// Operate sends one operation, once: it is never repeated by this client.
// Errors are *Error, *FieldError for an operation that is not valid, or a plain
// error when there is no proof of the request; the latter two send nothing.
func (c *Client) Operate(ctx context.Context, caller Caller, requested Requested, id ExecuteUUID, op Operation) (OperateReply, error) {
	if requested == nil || requested.RequestedSequence() < 1 {
		return OperateReply{}, errors.New("coc: operate: the request is not in the audit log; nothing was sent")
	}
	if err := op.Validate(); err != nil {
		return OperateReply{}, err
	}
	body, err := json.Marshal(operationBody{Type: op.Type, Batch: op.BatchIndex, Instance: op.InstanceID})
	if err != nil {
		return OperateReply{}, err
	}
	a, err := c.do(ctx, caller, request{call: "operate", method: http.MethodPut, path: ticketPath(id, "/operation"), body: body})
	if err != nil {
		return OperateReply{}, err
	}
	return a.accepted(id)
}

// accepted reads COC's answer to an operation on a ticket.
func (a answer) accepted(id ExecuteUUID) (OperateReply, error) {
	reply := OperateReply{Status: a.status, RequestID: a.requestID}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return reply, nil
	}
	var shape struct {
		Data      any `json:"data"`
		ErrorCode any `json:"error_code"`
	}
	if err := json.Unmarshal(a.body, &shape); err != nil {
		return OperateReply{}, a.bad("operate", err)
	}
	reply.Data = bounded(text(shape.Data))
	switch {
	case text(shape.ErrorCode) != "":
		return OperateReply{}, a.bad("operate", errors.New("an error with a status of success"))
	case reply.Data != "" && reply.Data != string(id):
		return OperateReply{}, a.bad("operate", errOtherTicket)
	}
	return reply, nil
}

var errOtherTicket = errors.New("the answer names another ticket")

type operationBody struct {
	Type     OperationType `json:"operation_type"`
	Batch    int32         `json:"batch_index,omitempty"`
	Instance int64         `json:"instance_id,omitempty"`
}

const ordersPath = "/v1/job/script/orders"

// ticketPath is the escaped path of a ticket's call, or empty when the id is
// not one; build refuses an empty path.
func ticketPath(id ExecuteUUID, call string) string {
	if !uuidPattern.MatchString(string(id)) {
		return ""
	}
	return ordersPath + "/" + url.PathEscape(string(id)) + call
}

// request is one call on the wire.
type request struct {
	call, method, path string
	query              url.Values
	body               []byte
}

// answer is what came back.
type answer struct {
	status    int
	requestID string
	body      []byte
	token     Token // of the request
}

// shown is the body without the token, which a proxy may echo.
func (a answer) shown() []byte {
	if a.token.Empty() {
		return a.body
	}
	return bytes.ReplaceAll(a.body, []byte(a.token.Reveal()), []byte(redacted))
}

func (a answer) bad(call string, cause error) *Error {
	body := a.shown()
	return &Error{Call: call, Kind: KindBadAnswer, Status: a.status, RequestID: a.requestID,
		Message: bounded(strings.TrimSpace(string(body[:min(len(body), 200)]))), Cause: cause}
}

// do makes one call within its time. A GET is repeated once when its
// connection broke before an answer; nothing else is ever repeated.
func (c *Client) do(ctx context.Context, caller Caller, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.CallTimeout)
	defer cancel()
	a, failed := c.observed(ctx, caller, r)
	if failed != nil && r.method == http.MethodGet && failed.brokeOff() && ctx.Err() == nil {
		a, failed = c.observed(ctx, caller, r)
	}
	if failed != nil {
		return answer{}, failed
	}
	return a, nil
}

// observed tries a request and tells Config.Observe of it.
func (c *Client) observed(ctx context.Context, caller Caller, r request) (answer, *Error) {
	start := time.Now()
	a, failed := c.try(ctx, caller, r)
	if c.cfg.Observe != nil {
		result := strconv.Itoa(a.status)
		if failed != nil {
			result = failed.result()
		}
		c.cfg.Observe(r.call, result, time.Since(start))
	}
	return a, failed
}

// result is the status of an error that COC sent, else its kind.
func (e *Error) result() string {
	if e.Kind == KindUpstream {
		return strconv.Itoa(e.Status)
	}
	return e.Kind.String()
}

// brokeOff reports a request that was sent and got no answer.
func (e *Error) brokeOff() bool { return e.Kind == KindTransport && e.Status == 0 && !e.notSent }

// try sends one request and reads its answer within the limits.
func (c *Client) try(ctx context.Context, caller Caller, r request) (answer, *Error) {
	// Until there is a connection nothing can have been sent.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := c.build(ctx, caller, r)
	if err != nil {
		return answer{}, &Error{Call: r.call, Kind: KindTransport, Cause: err, notSent: true}
	}
	client := c.reads
	if r.method != http.MethodGet {
		client = c.writes
	}
	res, err := client.Do(req)
	if err != nil {
		e := transportError(ctx, r.call, err)
		e.notSent = !connected.Load()
		return answer{}, e
	}
	defer func() { _ = res.Body.Close() }()
	return c.read(ctx, caller.Token, r.call, res)
}

func (c *Client) build(ctx context.Context, caller Caller, r request) (*http.Request, error) {
	if r.path == "" {
		return nil, &UUIDError{"malformed"}
	}
	address := c.base.String() + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, errors.New("the address of the call is not valid")
	}
	// Without GetBody net/http cannot send a PUT a second time on its own.
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json;charset=UTF-8")
	}
	return req, c.setHeaders(req.Header, caller)
}

func (c *Client) setHeaders(h http.Header, caller Caller) error {
	for name, value := range map[string]string{
		"X-Auth-Token": caller.Token.Reveal(), "X-Language": string(caller.Language),
		"X-Project-Id": caller.ProjectID, "X-User-Profile": caller.UserProfile, "User-Agent": c.cfg.UserAgent,
	} {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return fmt.Errorf("the header %s holds a control character", name)
		}
		if value != "" {
			h.Set(name, value)
		}
	}
	return nil
}

// maxErrorBody bounds what is read of an error answer, in bytes.
const maxErrorBody = 1 << 20

func (c *Client) read(ctx context.Context, token Token, call string, res *http.Response) (answer, *Error) {
	limit := c.cfg.MaxBody
	if res.StatusCode >= 400 {
		limit = min(limit, maxErrorBody)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	a := answer{status: res.StatusCode, requestID: bounded(res.Header.Get("X-Request-Id")), body: body, token: token}
	switch {
	case res.StatusCode >= 400:
		return answer{}, upstreamError(call, a, res.Header)
	case err != nil:
		e := transportError(ctx, call, err)
		e.Status, e.RequestID = a.status, a.requestID
		return answer{}, e
	case int64(len(body)) > limit:
		a.body = nil
		return answer{}, a.bad(call, fmt.Errorf("the answer is larger than %d bytes", limit))
	case res.StatusCode >= 300 || res.StatusCode < 200:
		return answer{}, a.bad(call, fmt.Errorf("unexpected status %d", res.StatusCode))
	}
	return a, nil
}

func upstreamError(call string, a answer, h http.Header) *Error {
	e := &Error{Call: call, Kind: KindUpstream, Status: a.status, RequestID: a.requestID,
		RetryAfter: retryAfter(h, time.Now())}
	var inBody string
	e.Code, e.Message, inBody = parseErrorBody(a.shown())
	e.RequestID = or(e.RequestID, inBody)
	return e
}

// transportError keeps net/http's words but not its address of the call.
func transportError(ctx context.Context, call string, err error) *Error {
	e := &Error{Call: call, Kind: KindTransport, Cause: err}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		e.Cause = wrapped.Err
	}
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		e.Kind = KindTimeout
	}
	return e
}

// get reads the data of an answer, and the answer for what else it says.
func get[T any](ctx context.Context, c *Client, caller Caller, r request) (data T, a answer, err error) {
	r.method = http.MethodGet
	if a, err = c.do(ctx, caller, r); err != nil {
		return data, a, err
	}
	var wire struct {
		Data *T `json:"data"`
	}
	if err := json.Unmarshal(a.body, &wire); err != nil {
		return data, a, a.bad(r.call, err)
	}
	if wire.Data == nil {
		return data, a, a.bad(r.call, errors.New("the answer has no data"))
	}
	return *wire.Data, a, nil
}

// ListTickets reads one page of the ticket list. Times go out in milliseconds
// (docs/coc-api.md section 4.1).
func (c *Client) ListTickets(ctx context.Context, caller Caller, q TicketQuery) (TicketPage, error) {
	v := url.Values{}
	set(v, "limit", int64(q.Limit))
	set(v, "marker", q.Marker)
	set(v, "start_time", millis(q.From))
	set(v, "end_time", millis(q.To))
	for name, value := range map[string]string{"creator": q.Creator, "status": string(q.Status), "name_like": q.NameLike} {
		if value != "" {
			v.Set(name, value)
		}
	}
	page, _, err := get[wireTicketPage](ctx, c, caller, request{call: "list tickets", path: ordersPath, query: v})
	if err != nil {
		return TicketPage{}, err
	}
	return page.decode(), nil
}

// Ticket reads a ticket's basic information.
func (c *Client) Ticket(ctx context.Context, caller Caller, id ExecuteUUID) (Ticket, error) {
	w, a, err := get[wireTicket](ctx, c, caller, request{call: "show ticket", path: ticketPath(id, "")})
	if err != nil {
		return Ticket{}, err
	}
	if w.ExecuteUUID != "" && string(w.ExecuteUUID) != string(id) {
		return Ticket{}, a.bad("show ticket", errOtherTicket)
	}
	return w.decode(id), nil
}

// Batches reads a ticket's batches, in COC's order.
func (c *Client) Batches(ctx context.Context, caller Caller, id ExecuteUUID) ([]Batch, error) {
	w, _, err := get[[]wireBatch](ctx, c, caller, request{call: "list batches", path: ticketPath(id, "/batches")})
	if err != nil {
		return nil, err
	}
	return decodeAll(w, wireBatch.decode), nil
}

// Instances reads one page of a batch.
func (c *Client) Instances(ctx context.Context, caller Caller, id ExecuteUUID, q InstanceQuery) (InstancePage, error) {
	v := url.Values{}
	set(v, "limit", int64(or(q.Limit, MaxInstanceLimit)))
	set(v, "marker", q.Marker)
	if q.Status != "" {
		v.Set("status", string(q.Status))
	}
	w, a, err := get[wireInstancePage](ctx, c, caller, request{call: "list instances",
		path: ticketPath(id, "/batches/"+strconv.Itoa(int(q.Batch))), query: v})
	if err != nil {
		return InstancePage{}, err
	}
	if w.Batch != 0 && int64(w.Batch) != int64(q.Batch) {
		return InstancePage{}, a.bad("list instances", errors.New("the answer names another batch"))
	}
	return w.decode(q.Batch), nil
}

// The limits of a batch's pages (docs/coc-api.md sections 4.4 and 11).
const (
	MaxInstanceLimit = 50
	maxInstances     = 200
)

// AllInstances reads a batch to its end; a row that comes twice counts once.
// It stops with an error when the pages do not advance, or hold more than a
// ticket can.
func (c *Client) AllInstances(ctx context.Context, caller Caller, id ExecuteUUID, batch int32) ([]Instance, error) {
	var all []Instance
	seen := map[int64]bool{}
	q := InstanceQuery{Batch: batch, Limit: MaxInstanceLimit}
	for {
		page, err := c.Instances(ctx, caller, id, q)
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, row := range page.Instances {
			if !seen[row.ID] {
				seen[row.ID] = true
				all = append(all, row)
			}
		}
		if len(page.Instances) == 0 || page.TotalInstances > 0 && len(all) >= int(page.TotalInstances) {
			return all, nil
		}
		if len(all) == before || len(all) > maxInstances {
			return nil, &Error{Call: "list instances", Kind: KindBadAnswer, Status: http.StatusOK,
				Cause: errors.New("the pages of a batch do not end")}
		}
		q.Marker = page.Instances[len(page.Instances)-1].ID
	}
}

// Statistics reads the counts of a ticket's instances by state.
func (c *Client) Statistics(ctx context.Context, caller Caller, id ExecuteUUID) (Statistics, error) {
	w, _, err := get[wireStatistics](ctx, c, caller, request{call: "show statistics", path: ticketPath(id, "/statistics")})
	if err != nil {
		return Statistics{}, err
	}
	return w.decode(), nil
}

func set(v url.Values, name string, n int64) {
	if n != 0 {
		v.Set(name, strconv.FormatInt(n, 10))
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
