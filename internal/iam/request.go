package iam

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// request is one call on the wire. Its secrets are what the answer must not
// repeat to anybody.
type request struct {
	call, method string
	path         string // empty: that of tokens
	header       http.Header
	body         []byte
	as           huawei.Credential // nil: nobody calls
	secrets      *upstream.Secrets
}

// answer is what IAM said.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	secrets *upstream.Secrets
}

func (a answer) requestID() string { return a.shown(a.header.Get("X-Request-Id")) }

// shown makes text of the answer fit for an error.
func (a answer) shown(text string) string {
	if slices.Contains(sentences, text) {
		return text
	}
	return bounded(a.secrets.Hide(text))
}

// sentences are IAM's own, which repeat nothing that was typed: a password may be a word of theirs.
var sentences = []string{"The username or password is wrong.", "Incorrect password.", "Unauthorized", "Forbidden",
	"Bad Request"}

// bad is an answer that is not IAM's.
func (a answer) bad(message string, cause error) *Error {
	return &Error{Kind: BadAnswer, Status: a.status, RequestID: a.requestID(), Message: message,
		Cause: a.secrets.Error(cause), Reason: upstream.ReasonOfAnswer(a.status, a.body)}
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

// do makes one call. done lets go of the answer's share of the budget.
func (c *Client) do(ctx context.Context, r request) (a answer, done func(), err error) {
	start := time.Now()
	a, done, err = c.send(ctx, r)
	failed, _ := errors.AsType[*Error](err)
	c.noteHealth(a, failed)
	if c.cfg.Observe != nil {
		result := strconv.Itoa(a.status)
		if failed != nil {
			result = failed.Kind.String()
		}
		c.cfg.Observe(r.call, result, time.Since(start))
	}
	return a, done, err
}

// noteHealth tells Health what came of a call. That somebody gave up says
// nothing of IAM.
func (c *Client) noteHealth(a answer, failed *Error) {
	portal := upstream.ReasonOfAnswer(a.status, a.body)
	switch {
	case failed != nil && failed.Reason == upstream.TooLarge: // too much is an answer, too
		c.health.Note("", nil)
	case failed != nil && failed.Reason != "":
		c.health.Note(failed.Reason, failed)
	case failed != nil:
	case portal != "":
		c.health.Note(portal, fmt.Errorf("status %d, and no answer of IAM", a.status))
	case a.status >= http.StatusInternalServerError:
		c.health.Note(upstream.Failing, fmt.Errorf("status %d", a.status))
	default:
		c.health.Note("", nil)
	}
}

// unavailable is a call without an answer.
func unavailable(ctx context.Context, secrets *upstream.Secrets, err error) *Error {
	e := &Error{Kind: Unavailable, Cause: secrets.Error(err), Reason: upstream.ReasonOf(err)}
	if errors.Is(ctx.Err(), context.Canceled) {
		e.Reason = "" // whoever asked gave up
	}
	return e
}

func (c *Client) send(ctx context.Context, r request) (a answer, done func(), err error) {
	done = func() {}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+cmp.Or(r.path, tokensPath), bytes.NewReader(r.body))
	if err != nil {
		return answer{}, done, unavailable(ctx, r.secrets, err)
	}
	if r.header != nil {
		req.Header = r.header
	}
	req.Header.Set("Content-Type", "application/json;charset=utf8")
	if c.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", c.cfg.UserAgent)
	}
	huawei.Authorize(r.as, req, r.body, time.Now()) // services compare it with the real time
	sent := c.cfg.Clock.Sent()
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, done, unavailable(ctx, r.secrets, err)
	}
	c.cfg.Clock.Answered(res.Header, sent)
	defer func() { _ = res.Body.Close() }()
	return c.read(ctx, r, res)
}

func (c *Client) read(ctx context.Context, r request, res *http.Response) (a answer, done func(), err error) {
	a = answer{status: res.StatusCode, header: res.Header, secrets: r.secrets.And(res.Header.Get("X-Subject-Token"))}
	if a.status >= 400 { // half an error still tells its status
		a.body, done, _ = c.cfg.Budget.Start(ctx, res.Body, c.cfg.MaxBody)
		return a, done, nil
	}
	a.body, done, err = c.cfg.Budget.Read(ctx, res.Body, c.cfg.MaxBody)
	if err == nil {
		return a, done, nil
	}
	e := unavailable(ctx, r.secrets, err)
	e.Status, e.RequestID = a.status, a.requestID()
	if e.Reason == upstream.TooLarge {
		e.Kind, e.Message = BadAnswer, fmt.Sprintf("the answer is larger than %d bytes", c.cfg.MaxBody)
	}
	return answer{}, done, e
}

var idPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

type object map[string]any

func passwordBody(r PasswordRequest) object {
	domain := object{"name": r.Account}
	methods := []string{"password"}
	ident := object{"password": object{"user": object{"name": r.User, "password": r.Password, "domain": domain}}}
	if r.Passcode != "" {
		methods = append(methods, "totp")
		// The documented call wants the user's id. Nobody knows it before the
		// first sign-in; that a name does as well is inferred, and is not so
		// everywhere (docs/coc-api.md section 17.7).
		ident["totp"] = object{"user": object{"name": r.User, "domain": domain, "passcode": r.Passcode}}
		if r.UserID != "" {
			ident["totp"] = object{"user": object{"id": r.UserID, "passcode": r.Passcode}}
		}
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
		return Identity{}, a.bad("", err)
	}
	t := w.Token
	expires, err := time.Parse(time.RFC3339, t.ExpiresAt)
	if t.User.ID == "" || t.User.Name == "" || err != nil || expires.IsZero() {
		return Identity{}, a.bad("the answer names no user or no end", nil)
	}
	issued, _ := time.Parse(time.RFC3339, t.IssuedAt) // zero when absent; nothing depends on it
	id := Identity{UserID: t.User.ID, UserName: t.User.Name, AccountID: t.User.Domain.ID,
		AccountName: t.User.Domain.Name, Issued: issued, Expires: expires}
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
	e = &Error{Status: a.status, RequestID: a.requestID(), Reason: upstream.ReasonOfAnswer(a.status, a.body)}
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
	e.Cause = a.secrets.Error(json.Unmarshal(a.body, &w))
	message := cmp.Or(upstream.Text(w.ErrorMsg), upstream.Text(w.Error.Message))
	e.Code = a.shownCode(cmp.Or(upstream.Text(w.ErrorCode), upstream.Text(w.Error.Code)))
	e.Message = a.shown(message)
	e.Title = a.shown(upstream.Text(w.Error.Title))
	e.RequestID = cmp.Or(e.RequestID, a.shown(upstream.Text(w.RequestID)))
	switch {
	case a.status == http.StatusTooManyRequests:
		e.Kind = Throttled
	case a.status >= 500:
		e.Kind = Unavailable
	case a.status < 400 || e.Message == "" || a.status == http.StatusNotFound && strings.HasPrefix(e.Code, "APIGW."):
		e.Kind = BadAnswer
	}
	e.Message = cmp.Or(e.Message, "status "+strconv.Itoa(a.status))
	return e, strings.ToLower(bounded(message))
}

// maxMessage bounds what is kept of a text of IAM, in bytes.
const maxMessage = 500

func bounded(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxMessage)], "\uFFFD")
}
