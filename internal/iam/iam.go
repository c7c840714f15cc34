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

// Token is an IAM token. It never prints itself.
type Token string

const redacted = "[token]"

// MaxTokenLength is the longest token that is sent: the vendor's gateway
// rejects longer headers (docs/coc-api.md section 2.5).
const MaxTokenLength = 32 << 10

// Reveal returns the token itself.
func (t Token) Reveal() string { return string(t) }

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
}

// PasswordRequest is a sign-in. Project is a name (as a rule the region's id)
// or a 32-digit id; empty asks for a token of account scope.
type PasswordRequest struct {
	Account, User, Password string
	Project                 string
	Passcode                string // of a virtual MFA device; empty = none
}

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
	return fmt.Sprintf("iam: %s (status %d) %s: %s", e.Kind, e.Status, e.Code, e.Message)
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
}

// Client calls IAM. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base string
	http *http.Client
}

// New returns a client. The endpoint must be https, or http on loopback.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is not an address such as https://host", cfg.Endpoint)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("%q must be https: a password would travel in the clear", cfg.Endpoint)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = 20 * time.Second
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 1 << 20
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: cfg.ConnectTimeout}).DialContext,
		TLSHandshakeTimeout: cfg.ConnectTimeout,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 60 * time.Second, ForceAttemptHTTP2: true,
	}
	return &Client{cfg: cfg, base: strings.TrimRight(u.String(), "/"), http: &http.Client{
		Transport: transport, Timeout: cfg.CallTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

const tokensPath = "/v3/auth/tokens?nocatalog=true"

// SignIn exchanges a password for a token (docs/coc-api.md section 2.2).
// Its errors are *Error.
func (c *Client) SignIn(ctx context.Context, r PasswordRequest) (Identity, Token, error) {
	body, err := json.Marshal(passwordBody(r))
	if err != nil {
		return Identity{}, "", &Error{Kind: BadRequest, Cause: err}
	}
	res, answer, err := c.do(ctx, http.MethodPost, nil, body)
	if err != nil {
		return Identity{}, "", err
	}
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK {
		return Identity{}, "", refused(res, answer, r.Passcode != "")
	}
	token := Token(res.Header.Get("X-Subject-Token"))
	if token == "" {
		return Identity{}, "", &Error{Kind: BadAnswer, Status: res.StatusCode, Message: "no X-Subject-Token"}
	}
	id, err := identity(res.StatusCode, answer)
	return id, token, err
}

// Introspect asks IAM whose token it is (docs/coc-api.md section 2.3).
func (c *Client) Introspect(ctx context.Context, t Token) (Identity, error) {
	if len(t) == 0 || len(t) > MaxTokenLength || strings.IndexFunc(string(t), notToken) >= 0 {
		return Identity{}, &Error{Kind: TokenInvalid}
	}
	res, answer, err := c.do(ctx, http.MethodGet, http.Header{
		"X-Auth-Token": {t.Reveal()}, "X-Subject-Token": {t.Reveal()}}, nil)
	if err != nil {
		return Identity{}, err
	}
	if res.StatusCode != http.StatusOK {
		return Identity{}, refusedToken(res, answer)
	}
	return identity(res.StatusCode, answer)
}

// notToken is true for what no token holds: tokens are printable ASCII.
func notToken(r rune) bool { return r <= ' ' || r > '~' }

func (c *Client) do(ctx context.Context, method string, h http.Header, body []byte) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+tokensPath, bytes.NewReader(body))
	if err != nil {
		return nil, nil, &Error{Kind: Unavailable, Cause: err}
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
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, nil, &Error{Kind: Unavailable, Cause: err}
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, c.cfg.MaxBody))
	if err != nil {
		return nil, nil, &Error{Kind: Unavailable, Status: res.StatusCode, Cause: err}
	}
	return res, answer, nil
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

func identity(status int, answer []byte) (Identity, error) {
	var w struct {
		Token *struct {
			IssuedAt  time.Time `json:"issued_at"`
			ExpiresAt time.Time `json:"expires_at"`
			Roles     []named   `json:"roles"`
			Project   *named    `json:"project"`
			User      struct {
				named
				Domain named `json:"domain"`
			} `json:"user"`
		} `json:"token"`
	}
	if err := json.Unmarshal(answer, &w); err != nil {
		return Identity{}, &Error{Kind: BadAnswer, Status: status, Cause: err}
	}
	t := w.Token
	if t == nil || t.User.ID == "" || t.User.Name == "" || t.ExpiresAt.IsZero() {
		return Identity{}, &Error{Kind: BadAnswer, Status: status, Message: "the answer names no user or no end"}
	}
	id := Identity{UserID: t.User.ID, UserName: t.User.Name, AccountID: t.User.Domain.ID, AccountName: t.User.Domain.Name,
		Issued: t.IssuedAt, Expires: t.ExpiresAt}
	if t.Project != nil {
		id.ProjectID, id.ProjectName, id.ProjectScoped = t.Project.ID, t.Project.Name, true
	}
	for _, r := range t.Roles {
		id.Roles = append(id.Roles, r.Name)
	}
	return id, nil
}

// refused classifies an answer to a sign-in. IAM documents few of these
// messages (section 2.4), so the words decide only between kinds of 4xx.
func refused(res *http.Response, answer []byte, withPasscode bool) *Error {
	e := describe(res, answer)
	words := strings.ToLower(e.Message)
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
	case res.StatusCode == http.StatusUnauthorized:
		e.Kind = WrongPassword
	case res.StatusCode == http.StatusForbidden:
		e.Kind = Forbidden
	default:
		e.Kind = BadRequest
	}
	return e
}

func refusedToken(res *http.Response, answer []byte) *Error {
	e := describe(res, answer)
	switch {
	case e.Kind != 0:
	case e.Code == "IAM.0066" || strings.Contains(strings.ToLower(e.Message), "expire"):
		e.Kind = TokenExpired
	case res.StatusCode == http.StatusForbidden:
		e.Kind = Forbidden
	default:
		e.Kind = TokenInvalid
	}
	return e
}

// describe reads the error shapes of section 2.4 and sets the kinds that the
// status alone decides.
func describe(res *http.Response, answer []byte) *Error {
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-Id")}
	var w struct {
		Error *struct {
			Code    json.RawMessage `json:"code"`
			Message string          `json:"message"`
			Title   string          `json:"title"`
		} `json:"error"`
		ErrorCode string `json:"error_code"`
		ErrorMsg  string `json:"error_msg"`
	}
	switch err := json.Unmarshal(answer, &w); {
	case err != nil:
		e.Cause = err
	case w.Error != nil:
		e.Code, e.Message, e.Title = strings.Trim(string(w.Error.Code), `"`), bounded(w.Error.Message), bounded(w.Error.Title)
	default:
		e.Code, e.Message = bounded(w.ErrorCode), bounded(w.ErrorMsg)
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		e.Kind = Throttled
	case res.StatusCode >= 500:
		e.Kind = Unavailable
	case res.StatusCode < 400 || e.Cause != nil || e.Message == "":
		e.Kind = BadAnswer
		e.Message = or(e.Message, "status "+strconv.Itoa(res.StatusCode))
	}
	return e
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func bounded(s string) string {
	if len(s) > 500 {
		s = s[:500]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
