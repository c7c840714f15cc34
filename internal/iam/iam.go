// Package iam signs people in at Huawei Cloud IAM and tells who a token
// belongs to (docs/coc-api.md section 2). Who somebody is comes from IAM's
// answer, never from what they typed.
package iam

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// hidden stands where an answer repeats a password, a passcode or a token.
const hidden = "[hidden]"

// Identity is whom a token belongs to, in IAM's words.
type Identity struct {
	UserID, UserName       string
	AccountID, AccountName string
	ProjectID, ProjectName string // empty for a token of account scope
	Issued, Expires        time.Time
	Roles                  []string
	ProjectScoped          bool
	AccountScoped          bool
	// Subject is who that is at the company's provider, and Groups are their groups there that count, one in a line.
	// They are the provider's words, and empty for IAM's own users.
	Subject, Groups string
}

// PasswordRequest is a sign-in. Project is a name (as a rule the region's id)
// or a 32-digit id; empty asks for a token of account scope.
type PasswordRequest struct {
	Account, User, Password string
	Project                 string
	Passcode                string // of a virtual MFA device; empty = none
	// UserID is the user's id, which IAM wants beside a passcode; empty: not
	// known, and the name has to do.
	UserID string
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

	IDTokenRefused  // signature, issuer or audience
	ProviderUnknown // IAM knows no identity provider of that name
)

var kindNames = map[Kind]string{
	WrongPassword: "wrong_password", Locked: "locked", PasscodeNeeded: "passcode_needed", PasscodeWrong: "passcode_wrong",
	TokenExpired: "token_expired", TokenInvalid: "token_invalid", Forbidden: "forbidden", ProjectUnknown: "project_unknown",
	BadRequest: "bad_request", Throttled: "throttled", Unavailable: "unavailable", BadAnswer: "bad_answer",
	IDTokenRefused: "id_token_refused", ProviderUnknown: "provider_unknown",
}

func (k Kind) String() string { return kindNames[k] }

// Error is a call to IAM that failed. It never holds a password or a token.
type Error struct {
	Kind                            Kind
	Status                          int // 0 = no answer
	Code, Message, Title, RequestID string
	Cause                           error
	// Reason is why IAM did not answer, or that somebody else did; empty for an
	// answer of IAM.
	Reason upstream.Reason
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
	// Budget bounds what all answers hold that are being read; nil: one of the
	// client's own.
	Budget *upstream.Budget
	// Logger hears why IAM can't be reached; nil: nobody does.
	Logger *slog.Logger
	Now    func() time.Time // of Health; nil: time.Now
	Clock  *upstream.Clock  // hears the time that answers tell; nil: nobody does
	// Observe hears of every call: sign_in or introspect, what came of it (a
	// status, or "unavailable" or "bad_answer" where there was none or it could
	// not be read) and how long it took. nil: nobody listens.
	Observe func(call, result string, took time.Duration)
}

// Client calls IAM. It is safe for concurrent use.
type Client struct {
	cfg    Config
	base   string
	http   *http.Client
	health *upstream.Health
}

// New returns a client. The endpoint must be https, or http on loopback.
func New(cfg Config) (*Client, error) {
	base, err := huawei.ParseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 5*time.Second)
	cfg.CallTimeout = cmp.Or(cfg.CallTimeout, 20*time.Second)
	cfg.MaxBody = cmp.Or(cfg.MaxBody, 1<<20)
	if cfg.Budget == nil {
		cfg.Budget = upstream.NewBudget()
	}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: cfg.ConnectTimeout}).DialContext,
		TLSHandshakeTimeout:    cfg.ConnectTimeout,
		MaxResponseHeaderBytes: 256 << 10, // a token has up to 32 KB
		// Sign-ins are rare: a connection that was closed while it idled would
		// fail one of them for nothing.
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
		OnProxyConnectResponse: upstream.CheckProxy,
	}
	c := &Client{cfg: cfg, base: base.String(), http: &http.Client{
		Transport: transport, Timeout: cfg.CallTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.health = upstream.NewHealth("iam", cfg.Logger, cfg.Now, c.probe)
	return c, nil
}

// Health says whether IAM answers, and asks it when that is not known.
func (c *Client) Health(ctx context.Context) upstream.Status { return c.health.Ask(ctx) }

// Heard says what was last heard of IAM, and asks nothing.
func (c *Client) Heard() upstream.Status { return c.health.Status() }

// probe introspects without a token, which IAM refuses: that is an answer.
func (c *Client) probe(ctx context.Context) {
	_, done, _ := c.do(ctx, request{call: "probe", method: http.MethodGet})
	done()
}

// Close ends what Health began and closes idle connections.
func (c *Client) Close() {
	c.health.Close()
	c.http.CloseIdleConnections()
}

const tokensPath = "/v3/auth/tokens?nocatalog=true"

// SignIn exchanges a password for a token (docs/coc-api.md section 2.2).
// Its errors are *Error.
func (c *Client) SignIn(ctx context.Context, r PasswordRequest) (Identity, huawei.Token, error) {
	body, err := json.Marshal(passwordBody(r))
	if err != nil {
		return Identity{}, huawei.Token{}, &Error{Kind: BadRequest, Cause: err}
	}
	secrets := upstream.NewSecrets(hidden, r.Password, r.Passcode)
	a, done, err := c.do(ctx, request{call: "sign_in", method: http.MethodPost, body: body, secrets: secrets})
	defer done()
	if err != nil {
		return Identity{}, huawei.Token{}, err
	}
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		return Identity{}, huawei.Token{}, refused(a, r.Passcode != "")
	}
	token := huawei.NewToken(a.header.Get("X-Subject-Token"))
	if !token.WellFormed() {
		return Identity{}, huawei.Token{}, a.bad("no X-Subject-Token that is a token", nil)
	}
	id, err := a.identity()
	if err != nil {
		return Identity{}, huawei.Token{}, err
	}
	id.hide(token, r)
	return id, token, nil
}

// hide takes the token out of every field, and the password out of those that
// hold it. A field that says what was typed stays: some people's password is
// their name.
func (id *Identity) hide(token huawei.Token, r PasswordRequest) {
	upstream.NewSecrets(hidden, token.Reveal()).HideAll(id)
	if len(r.Password) < shortPassword {
		return
	}
	password := upstream.NewSecrets(hidden, r.Password)
	for i := range id.Roles {
		id.Roles[i] = password.Hide(id.Roles[i])
	}
	for _, field := range []*string{&id.UserID, &id.UserName, &id.AccountID, &id.AccountName, &id.ProjectID,
		&id.ProjectName} {
		if *field != r.User && *field != r.Account && *field != r.Project {
			*field = password.Hide(*field)
		}
	}
}

// shortPassword is the length below which a password may be a part of any name.
const shortPassword = 8

// Check asks IAM whether a credential is still good, and whose it is now. IAM does not say whose keys are: they stay
// those of whom they were made for.
func (c *Client) Check(ctx context.Context, as huawei.Credential, known Identity) (Identity, error) {
	if token, ok := as.(huawei.Token); ok {
		return c.Introspect(ctx, token)
	}
	_, err := c.Projects(ctx, as)
	return known, err
}

// Introspect asks IAM whose token it is (docs/coc-api.md section 2.3). Text
// that cannot be a token is TokenInvalid, and is not sent.
// Its errors are *Error.
func (c *Client) Introspect(ctx context.Context, t huawei.Token) (Identity, error) {
	if !t.WellFormed() {
		return Identity{}, &Error{Kind: TokenInvalid}
	}
	a, done, err := c.do(ctx, request{call: "introspect", method: http.MethodGet, header: http.Header{
		huawei.TokenHeader: {t.Reveal()}, "X-Subject-Token": {t.Reveal()}}, secrets: upstream.NewSecrets(hidden, t.Reveal())})
	defer done()
	if err != nil {
		return Identity{}, err
	}
	if a.status != http.StatusOK {
		return Identity{}, refusedToken(a)
	}
	id, err := a.identity()
	a.secrets.HideAll(&id)
	return id, err
}
