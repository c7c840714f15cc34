package coc

import (
	"bytes"
	"cmp"
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

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

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
	status  int
	id      string // of the request, as the header has it
	body    []byte
	secrets *upstream.Secrets // of the request, which an answer may repeat
	done    func()            // lets go of the body's share of the budget
}

// requestID is asked for where it is shown: what it must not repeat takes longer to look for than an answer to read.
func (a answer) requestID() string { return bounded(a.secrets.Hide(a.id)) }

// callOperate is what errors call the one call that is no reading.
const callOperate = "operate"

// maxShown bounds what is shown of an answer that is not COC's, in bytes.
const maxShown = 200

// bad is an answer that is not COC's. Of a proxy's page the error quotes the
// beginning; of what was read of tickets nothing, since the rules may hide that
// ticket from whoever gets the error.
func (a answer) bad(call string, cause error) *Error {
	shown := a.secrets.Hide(string(a.body[:min(len(a.body), maxErrorBody)]))
	if call != callOperate && a.holdsData() {
		shown = ""
	}
	reason := upstream.ReasonOf(cause)
	if reason == upstream.Other {
		reason = upstream.ReasonOfAnswer(a.status, a.body)
	}
	return &Error{Call: call, Kind: KindBadAnswer, Status: a.status, RequestID: a.requestID(), Reason: reason,
		Message: bounded(strings.TrimSpace(shown[:min(len(shown), maxShown)])), Cause: a.secrets.Error(cause)}
}

// holdsData reports whether an answer begins as one with data does.
func (a answer) holdsData() bool {
	body := bytes.TrimLeft(bytes.TrimPrefix(a.body, []byte("\ufeff")), " \t\r\n")
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// do makes one call within its time. A GET is repeated once when its connection broke before an answer, and once with
// another credential when COC does not take the caller's; nothing else is ever repeated.
func (c *Client) do(ctx context.Context, caller Caller, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.CallTimeout)
	defer cancel()
	a, failed := c.observed(ctx, caller, r)
	if failed != nil && r.method == http.MethodGet && failed.brokeOff() && ctx.Err() == nil {
		a, failed = c.observed(ctx, caller, r)
	}
	if failed != nil && failed.SignInAgain() && caller.Refused != nil {
		caller.Credential, failed.renewed = caller.Refused(ctx, caller.Credential)
		if failed.renewed && r.method == http.MethodGet {
			a, failed = c.observed(ctx, caller, r)
		}
	}
	if failed != nil {
		return answer{}, failed
	}
	return a, nil
}

// secretsOf are what an answer to that caller must not repeat.
func (c *Client) secretsOf(caller Caller) *upstream.Secrets {
	return c.tokens.Secrets(huawei.Redacted, huawei.SecretsOf(caller.Credential)...)
}

// observed tries a request and tells Config.Observe of it.
func (c *Client) observed(ctx context.Context, caller Caller, r request) (answer, *Error) {
	start := time.Now()
	a, failed := c.try(ctx, caller, r)
	c.noteHealth(failed)
	if c.cfg.Observe != nil {
		result := strconv.Itoa(a.status)
		if failed != nil {
			result = failed.result()
		}
		c.cfg.Observe(r.call, result, time.Since(start))
	}
	return a, failed
}

// noteHealth tells Health what came of a request. That somebody gave up, or
// that nothing could be sent, says nothing of COC.
func (c *Client) noteHealth(failed *Error) {
	switch {
	case failed == nil, failed.Reason == upstream.TooLarge: // too much is an answer, too
		c.health.Note("", nil)
	case failed.Reason != "":
		c.health.Note(failed.Reason, failed)
	case failed.Kind == KindUpstream && failed.Status >= http.StatusInternalServerError:
		c.health.Note(upstream.Failing, failed)
	case failed.Kind == KindUpstream:
		c.health.Note("", nil)
	}
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
	var connected atomic.Pointer[net.Conn]
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { connected.Store(&got.Conn) }})
	req, err := c.build(ctx, caller, r)
	if err != nil {
		return answer{}, &Error{Call: r.call, Kind: KindTransport, Cause: err, notSent: true}
	}
	client := c.reads
	if r.method != http.MethodGet {
		client = c.writes
		defer c.ready.under()()
	}
	sent := c.cfg.Clock.Sent()
	res, err := client.Do(req)
	if err != nil {
		e := transportError(ctx, r.call, c.secretsOf(caller), err)
		conn := connected.Load()
		e.notSent = conn == nil || nothingSent(*conn)
		return answer{}, e
	}
	c.cfg.Clock.Answered(res.Header, sent)
	defer func() { _ = res.Body.Close() }()
	return c.read(ctx, caller, r, res)
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
	if err := c.setHeaders(req.Header, caller); err != nil {
		return nil, err
	}
	huawei.Authorize(caller.Credential, req, r.body, time.Now()) // services compare it with the real time
	return req, clean(req.Header)
}

// clean refuses what could end a header.
func clean(h http.Header) error {
	for name, values := range h {
		for _, value := range values {
			if strings.ContainsFunc(value, unicode.IsControl) {
				return fmt.Errorf("the header %s holds a control character", name)
			}
		}
	}
	return nil
}

func (c *Client) setHeaders(h http.Header, caller Caller) error {
	for name, value := range map[string]string{
		"X-Language": string(caller.Language), "X-Project-Id": caller.ProjectID, "X-User-Profile": caller.UserProfile,
		"User-Agent": c.cfg.UserAgent,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if err := clean(h); err != nil {
		return err
	}
	if h.Get("X-Language") != "" {
		h.Set("X-Language", string(caller.Language.known()))
	}
	return nil
}

// The bounds of what is read of an error answer, and of the answer to an
// operation, in bytes.
const (
	maxErrorBody     = upstream.SmallAnswer
	maxOperateAnswer = 64 << 10
)

func (c *Client) read(ctx context.Context, caller Caller, r request, res *http.Response) (answer, *Error) {
	a := answer{status: res.StatusCode, id: res.Header.Get("X-Request-Id"),
		secrets: c.secretsOf(caller)}
	err := c.readBody(ctx, &a, r, res)
	switch {
	case res.StatusCode >= 400:
		defer a.done()
		return answer{}, upstreamError(r.call, a, res.Header)
	case err != nil:
		defer a.done()
		return answer{}, a.broken(ctx, r.call, err)
	case res.StatusCode >= 300 || res.StatusCode < 200:
		defer a.done()
		return answer{}, a.bad(r.call, fmt.Errorf("unexpected status %d", res.StatusCode))
	}
	return a, nil
}

// readBody reads the answer within its limits. That to an operation waits for
// nobody: it is small, and tells whether something was done.
func (c *Client) readBody(ctx context.Context, a *answer, r request, res *http.Response) (err error) {
	limit := c.cfg.MaxBody
	if res.StatusCode >= 400 {
		limit = min(limit, maxErrorBody)
	}
	switch {
	case r.method == http.MethodGet && res.StatusCode >= 400: // the start of an error tells what is needed
		a.body, a.done, err = c.cfg.Budget.Start(ctx, res.Body, limit)
		return err
	case r.method == http.MethodGet:
		a.body, a.done, err = c.cfg.Budget.Read(ctx, res.Body, limit)
		return err
	}
	limit = min(limit, maxOperateAnswer)
	body, more, err := upstream.ReadUpTo(res.Body, limit)
	if more && res.StatusCode < 400 {
		body, err = nil, &upstream.TooLargeError{Limit: limit}
	}
	a.body, a.done = body, func() {}
	return err
}

// broken is an answer that did not come whole.
func (a answer) broken(ctx context.Context, call string, err error) *Error {
	if upstream.ReasonOf(err) == upstream.TooLarge {
		return a.bad(call, err)
	}
	e := transportError(ctx, call, a.secrets, err)
	e.Status, e.RequestID = a.status, a.requestID()
	return e
}

func upstreamError(call string, a answer, h http.Header) *Error {
	e := &Error{Call: call, Kind: KindUpstream, Status: a.status, RequestID: a.requestID(),
		Reason: upstream.ReasonOfAnswer(a.status, a.body), RetryAfter: retryAfter(h, time.Now())}
	var inBody string
	e.Code, e.Message, inBody = parseErrorBody(a.body, a.secrets)
	e.Denial = parseDenial(a.body, a.secrets)
	e.refusal = isRefusal(a.body)
	e.RequestID = cmp.Or(e.RequestID, inBody)
	return e
}

// transportError keeps net/http's words but not its address of the call.
func transportError(ctx context.Context, call string, secrets *upstream.Secrets, err error) *Error {
	e := &Error{Call: call, Kind: KindTransport, Cause: secrets.Error(err), Reason: upstream.ReasonOf(err)}
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		e.Kind = KindTimeout
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		e.Reason = "" // whoever asked gave up
	}
	return e
}

var errorCode = []byte(`"error_code"`)

// get reads the data of an answer, and the answer for what else it says.
func get[T any](ctx context.Context, c *Client, caller Caller, r request) (data T, a answer, err error) {
	r.method = http.MethodGet
	if a, err = c.do(ctx, caller, r); err != nil {
		return data, a, err
	}
	defer a.done()
	var wire struct {
		Data *T `json:"data"`
	}
	if err := json.Unmarshal(a.body, &wire); err != nil {
		return data, a, a.bad(r.call, err)
	}
	if bytes.Contains(a.body, errorCode) && isRefusal(a.body) { // an error with a status of success
		return data, a, upstreamError(r.call, a, nil)
	}
	if wire.Data == nil {
		return data, a, a.bad(r.call, errors.New("the answer has no data"))
	}
	a.secrets.HideAll(wire.Data)
	return *wire.Data, a, nil
}
