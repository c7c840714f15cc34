// Package iam signs people in at Huawei Cloud IAM and tells who a token
// belongs to (docs/coc-api.md section 2). Who somebody is comes from IAM's
// answer, never from what they typed.
package iam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Token is an IAM token. It never prints itself. Package fmt cannot call the
// methods of unexported fields and prints what they hold instead: of a function
// that is an address.
type Token struct{ reveal func() string }

const redacted = "[token]"

// hidden stands where an answer repeats a password, a passcode or a token.
const hidden = "[hidden]"

// MaxTokenLength is the longest token that is sent: the vendor's gateway
// rejects longer headers (docs/coc-api.md section 2.5).
const MaxTokenLength = 32 << 10

// NewToken keeps a token; an empty one is the zero value.
func NewToken(text string) Token {
	if text == "" {
		return Token{}
	}
	return Token{func() string { return text }}
}

// Reveal returns the token itself.
func (t Token) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// Empty reports that there is no token.
func (t Token) Empty() bool { return t.reveal == nil }

// String hides the token.
func (t Token) String() string { return redacted }

// GoString hides the token.
func (t Token) GoString() string { return redacted }

// Format hides the token from every verb of package fmt.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText hides the token from encoders.
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the token from structured logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// Identity is whom a token belongs to, in IAM's words.
type Identity struct {
	UserID, UserName       string
	AccountID, AccountName string
	ProjectID, ProjectName string // empty for a token of account scope
	Issued, Expires        time.Time
	Roles                  []string
	ProjectScoped          bool
	AccountScoped          bool
}

// PasswordRequest is a sign-in. Project is a name (as a rule the region's id)
// or a 32-digit id; empty asks for a token of account scope.
type PasswordRequest struct {
	Account, User, Password string
	Project                 string
	Passcode                string // of a virtual MFA device; empty = none
}

// Format prints a sign-in without its password and passcode.
func (r PasswordRequest) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "sign-in of %q at %q", r.User, r.Account)
}

// MarshalText keeps the password from encoders.
func (r PasswordRequest) MarshalText() ([]byte, error) { return fmt.Append(nil, r), nil }

// LogValue keeps the password from structured logs.
func (r PasswordRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// Kind is why IAM refused, as far as its answer tells.
type Kind int

// The kinds of errors.
const (
	WrongPassword Kind = iota + 1
	Locked
	PasscodeNeeded
	PasscodeWrong
	TokenExpired
	TokenInvalid
	Forbidden
	ProjectUnknown
	BadRequest
	Throttled
	Unavailable // IAM is down, or not reachable
	BadAnswer   // an answer that is not IAM's
)

var kindNames = map[Kind]string{
	WrongPassword: "wrong_password", Locked: "locked", PasscodeNeeded: "passcode_needed", PasscodeWrong: "passcode_wrong",
	TokenExpired: "token_expired", TokenInvalid: "token_invalid", Forbidden: "forbidden", ProjectUnknown: "project_unknown",
	BadRequest: "bad_request", Throttled: "throttled", Unavailable: "unavailable", BadAnswer: "bad_answer",
}

func (k Kind) String() string { return kindNames[k] }

// Error is a call to IAM that failed. It never holds a password or a token.
type Error struct {
	Kind                            Kind
	Status                          int // 0 = no answer
	Code, Message, Title, RequestID string
	Cause                           error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "iam: %s", e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " %d", e.Status)
	}
	if e.Code != "" && e.Code != strconv.Itoa(e.Status) {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Config says where IAM is. Zero limits take sensible values.
type Config struct {
	Endpoint       string
	UserAgent      string
	ConnectTimeout time.Duration
	CallTimeout    time.Duration
	MaxBody        int64 // bytes; a catalogue can be large, though it is asked away
	// Observe hears of every call: sign_in or introspect, what came of it (a
	// status, or "unavailable" or "bad_answer" where there was none or it could
	// not be read) and how long it took. nil: nobody listens.
	Observe func(call, result string, took time.Duration)
}

// Client calls IAM. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base string
	http *http.Client
}

// New returns a client. The endpoint must be https, or http on loopback.
func New(cfg Config) (*Client, error) {
	base, err := checked(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = or(cfg.ConnectTimeout, 5*time.Second)
	cfg.CallTimeout = or(cfg.CallTimeout, 20*time.Second)
	cfg.MaxBody = or(cfg.MaxBody, 1<<20)
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: cfg.ConnectTimeout}).DialContext,
		TLSHandshakeTimeout:    cfg.ConnectTimeout,
		MaxResponseHeaderBytes: 256 << 10, // a token has up to 32 KB
		// Sign-ins are rare: a connection that was closed while it idled would
		// fail one of them for nothing.
		DisableKeepAlives: true,
		ForceAttemptHTTP2: true,
	}
	return &Client{cfg: cfg, base: base, http: &http.Client{
		Transport: transport, Timeout: cfg.CallTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// checked returns the endpoint without a slash at its end.
func checked(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err == nil && u.User != nil {
		return "", errors.New("an address must not hold a user or password") // nor be repeated here
	}
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", fmt.Errorf("%q is not an address such as https://host", endpoint)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", fmt.Errorf("%q must be https: a password would travel in the clear", endpoint)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

const tokensPath = "/v3/auth/tokens?nocatalog=true"

// SignIn exchanges a password for a token (docs/coc-api.md section 2.2).
// Its errors are *Error.
func (c *Client) SignIn(ctx context.Context, r PasswordRequest) (Identity, Token, error) {
	body, err := json.Marshal(passwordBody(r))
	if err != nil {
		return Identity{}, Token{}, &Error{Kind: BadRequest, Cause: err}
	}
	a, err := c.do(ctx, http.MethodPost, nil, body)
	if err != nil {
		return Identity{}, Token{}, err
	}
	a.secrets = []string{r.Password, r.Passcode}
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		return Identity{}, Token{}, refused(a, r.Passcode != "")
	}
	token := NewToken(a.header.Get("X-Subject-Token"))
	if !token.wellFormed() {
		return Identity{}, Token{}, &Error{Kind: BadAnswer, Status: a.status, RequestID: a.requestID(),
			Message: "no X-Subject-Token that is a token"}
	}
	id, err := a.identity()
	if err != nil {
		return Identity{}, Token{}, err
	}
	return id, token, nil
}

// Introspect asks IAM whose token it is (docs/coc-api.md section 2.3). Text
// that cannot be a token is TokenInvalid, and is not sent.
// Its errors are *Error.
func (c *Client) Introspect(ctx context.Context, t Token) (Identity, error) {
	if !t.wellFormed() {
		return Identity{}, &Error{Kind: TokenInvalid}
	}
	a, err := c.do(ctx, http.MethodGet, http.Header{
		"X-Auth-Token": {t.Reveal()}, "X-Subject-Token": {t.Reveal()}}, nil)
	if err != nil {
		return Identity{}, err
	}
	a.secrets = []string{t.Reveal()}
	if a.status != http.StatusOK {
		return Identity{}, refusedToken(a)
	}
	return a.identity()
}

// wellFormed reports that a token fits a header: printable ASCII, not too long.
func (t Token) wellFormed() bool {
	text := t.Reveal()
	return text != "" && len(text) <= MaxTokenLength &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// answer is what IAM said.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	secrets []string // of the request; an answer may echo them
}

func (a answer) requestID() string { return bounded(a.header.Get("X-Request-Id")) }

// shown makes text of the answer fit for an error.
func (a answer) shown(text string) string {
	for _, secret := range a.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	return bounded(text)
}

// shownCode leaves codes alone, which are too short and too regular to echo a
// secret; anything else in their place is treated like a text.
func (a answer) shownCode(code string) string {
	if codePattern.MatchString(code) {
		return code
	}
	return a.shown(code)
}

// codePattern is IAM.0001, APIGW.0301 or a status.
var codePattern = regexp.MustCompile(`^([A-Z]{2,8}[0-9]?\.[0-9]{3,8}|[1-5][0-9]{2})$`)

func (c *Client) do(ctx context.Context, method string, h http.Header, body []byte) (answer, error) {
	start := time.Now()
	a, err := c.send(ctx, method, h, body)
	if c.cfg.Observe != nil {
		call, result := "introspect", strconv.Itoa(a.status)
		if method == http.MethodPost {
			call = "sign_in"
		}
		if failed, ok := errors.AsType[*Error](err); ok {
			result = failed.Kind.String()
		}
		c.cfg.Observe(call, result, time.Since(start))
	}
	return a, err
}

func (c *Client) send(ctx context.Context, method string, h http.Header, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+tokensPath, bytes.NewReader(body))
	if err != nil {
		return answer{}, &Error{Kind: Unavailable, Cause: err}
	}
	if h != nil {
		req.Header = h
	}
	req.Header.Set("Content-Type", "application/json;charset=utf8")
	if c.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", c.cfg.UserAgent)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return answer{}, &Error{Kind: Unavailable, Cause: err}
	}
	defer func() { _ = res.Body.Close() }()
	return c.read(res)
}

func (c *Client) read(res *http.Response) (answer, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, c.cfg.MaxBody+1))
	a := answer{status: res.StatusCode, header: res.Header, body: body}
	switch {
	case a.status >= 400: // half an error still tells its status
		return a, nil
	case err != nil:
		return answer{}, &Error{Kind: Unavailable, Status: a.status, RequestID: a.requestID(), Cause: err}
	case int64(len(body)) > c.cfg.MaxBody:
		return answer{}, &Error{Kind: BadAnswer, Status: a.status, RequestID: a.requestID(),
			Message: fmt.Sprintf("the answer is larger than %d bytes", c.cfg.MaxBody)}
	}
	return a, nil
}

var idPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

type object map[string]any

func passwordBody(r PasswordRequest) object {
	domain := object{"name": r.Account}
	methods := []string{"password"}
	ident := object{"password": object{"user": object{"name": r.User, "password": r.Password, "domain": domain}}}
	if r.Passcode != "" {
		methods = append(methods, "totp")
		// The documented call wants the user's id, which nobody knows before
		// signing in; that a name does as well is inferred.
		ident["totp"] = object{"user": object{"name": r.User, "domain": domain, "passcode": r.Passcode}}
	}
	ident["methods"] = methods
	scope := object{"domain": object{"name": r.Account}}
	switch {
	case idPattern.MatchString(r.Project):
		scope = object{"project": object{"id": r.Project}}
	case r.Project != "":
		scope = object{"project": object{"name": r.Project}}
	}
	return object{"auth": object{"identity": ident, "scope": scope}}
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (a answer) identity() (Identity, error) {
	var w struct {
		Token struct {
			IssuedAt  string  `json:"issued_at"`
			ExpiresAt string  `json:"expires_at"`
			Roles     []named `json:"roles"`
			Project   *named  `json:"project"`
			Domain    *named  `json:"domain"`
			User      struct {
				named
				Domain named `json:"domain"`
			} `json:"user"`
		} `json:"token"`
	}
	if err := json.Unmarshal(a.body, &w); err != nil {
		return Identity{}, &Error{Kind: BadAnswer, Status: a.status, RequestID: a.requestID(), Cause: err}
	}
	t := w.Token
	expires, err := time.Parse(time.RFC3339, t.ExpiresAt)
	if t.User.ID == "" || t.User.Name == "" || err != nil || expires.IsZero() {
		return Identity{}, &Error{Kind: BadAnswer, Status: a.status, RequestID: a.requestID(),
			Message: "the answer names no user or no end"}
	}
	issued, _ := time.Parse(time.RFC3339, t.IssuedAt) // zero when absent; nothing depends on it
	id := Identity{UserID: t.User.ID, UserName: t.User.Name, AccountID: t.User.Domain.ID, AccountName: t.User.Domain.Name,
		Issued: issued, Expires: expires}
	if t.Project != nil {
		id.ProjectID, id.ProjectName, id.ProjectScoped = t.Project.ID, t.Project.Name, true
	}
	id.AccountScoped = t.Domain != nil
	for _, r := range t.Roles {
		id.Roles = append(id.Roles, r.Name)
	}
	return id, nil
}

// refused classifies an answer to a sign-in. IAM documents few of these
// messages (section 2.4), so the words decide only between kinds of 4xx.
func refused(a answer, withPasscode bool) *Error {
	e, words := a.describe()
	passcode := strings.Contains(words, "passcode") || strings.Contains(words, "totp") || strings.Contains(words, "mfa")
	switch {
	case e.Kind != 0:
	case e.Code == "IAM.0061" || strings.Contains(words, "locked"):
		e.Kind = Locked
	case passcode && withPasscode:
		e.Kind = PasscodeWrong
	case passcode:
		e.Kind = PasscodeNeeded
	case strings.Contains(words, "project"):
		e.Kind = ProjectUnknown
	case a.status == http.StatusUnauthorized:
		e.Kind = WrongPassword
	case a.status == http.StatusForbidden:
		e.Kind = Forbidden
	default:
		e.Kind = BadRequest
	}
	return e
}

func refusedToken(a answer) *Error {
	e, words := a.describe()
	switch {
	case e.Kind != 0:
	case e.Code == "IAM.0066" || strings.Contains(words, "expire"):
		e.Kind = TokenExpired
	case a.status == http.StatusForbidden:
		e.Kind = Forbidden
	default:
		e.Kind = TokenInvalid
	}
	return e
}

// describe reads the error shapes of section 2.4 and sets the kinds that the
// status alone decides. words is the message as it came, in lower case, to
// tell errors apart by and never to show: what hides a secret in a message must
// not hide those, and a password may be "locked".
func (a answer) describe() (e *Error, words string) {
	e = &Error{Status: a.status, RequestID: a.requestID()}
	var w struct {
		Error struct {
			Code    any `json:"code"` // a number as a rule
			Message any `json:"message"`
			Title   any `json:"title"`
		} `json:"error"`
		ErrorCode any `json:"error_code"`
		ErrorMsg  any `json:"error_msg"`
		RequestID any `json:"request_id"`
	}
	e.Cause = json.Unmarshal(a.body, &w)
	message := or(text(w.ErrorMsg), text(w.Error.Message))
	e.Code = a.shownCode(or(text(w.ErrorCode), text(w.Error.Code)))
	e.Message = a.shown(message)
	e.Title = a.shown(text(w.Error.Title))
	e.RequestID = or(e.RequestID, a.shown(text(w.RequestID)))
	switch {
	case a.status == http.StatusTooManyRequests:
		e.Kind = Throttled
	case a.status >= 500:
		e.Kind = Unavailable
	case a.status < 400 || e.Message == "" || a.status == http.StatusNotFound && strings.HasPrefix(e.Code, "APIGW."):
		e.Kind = BadAnswer
	}
	e.Message = or(e.Message, "status "+strconv.Itoa(a.status))
	return e, strings.ToLower(bounded(message))
}

// text accepts a string or a number.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func bounded(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), 500)], "\uFFFD")
}
