package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/present"
	"coc-console/internal/ratelimit"
	"coc-console/templates"
)

// UnknownAddress stands where a client's address can't be told: a proxy that is
// believed did not tell it.
const UnknownAddress = "unknown"

// The longest values of the sign-in form, in bytes.
const (
	maxName     = 255
	maxPassword = 1024
	maxPasscode = 32
)

// userIDPattern is an IAM user's id, or nothing.
var userIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{0,64}$`)

// ShowSignIn shows the form; whoever is signed in already goes on.
func (h *signInPages) ShowSignIn(c echo.Context) error {
	if _, ok := ViewerFrom(c.Request().Context()); ok {
		return c.Redirect(http.StatusSeeOther, returnTo(c.QueryParam("return")))
	}
	page := h.signInPage(c, returnTo(c.QueryParam("return")), c.QueryParam("mode") == "token")
	page.Project = h.defaultProject
	t := i18n.T(c.Request().Context())
	switch {
	case c.QueryParam("ended") != "":
		page.Reason = t.SignInProblem.Expired
	case page.Return != "/" && page.Return != "/tickets":
		page.Reason = t.SignInProblem.Ended
	}
	if c.QueryParam("signed_out") != "" {
		page.Notices = append(page.Notices, templates.Notice{Kind: templates.NoticeInfo, Text: t.Notice.SignedOut})
	}
	return Render(c, http.StatusOK, page)
}

func (h *signInPages) signInPage(c echo.Context, back string, byToken bool) templates.SignIn {
	title := i18n.T(c.Request().Context()).Title.SignIn
	page := templates.SignIn{Frame: h.Frame(c, title, templates.SectionNone), ByToken: byToken, Return: back,
		Errors: templates.FieldErrors{}, Demo: h.demo}
	q := url.Values{"return": {back}}
	if byToken {
		q.Set("mode", "token")
	}
	page.Here = present.Address("/sign-in", q)
	return page
}

// credentials are the sign-in form's fields.
type credentials struct {
	byToken                                    bool
	account, user, password, project, passcode string
	userID                                     string
	token                                      huawei.Token
}

func readCredentials(c echo.Context) credentials {
	// From the body alone: what stands in an address ends up in the logs of proxies.
	value := c.Request().PostFormValue
	field := func(name string) string { return strings.TrimSpace(value(name)) }
	return credentials{
		byToken: value("mode") == "token" || value("token") != "",
		account: field("account"), user: field("user"), password: value("password"),
		project: field("project"), passcode: iam.PasscodeOf(value("passcode")), userID: field("user_id"),
		token: huawei.NewToken(field("token")),
	}
}

// check returns what is wrong with the fields before IAM is asked.
func (in credentials) check(t i18n.FieldProblems) templates.FieldErrors {
	errs := templates.FieldErrors{}
	need := func(name, value string, longest int) {
		switch {
		case value == "":
			errs[name] = t.Missing
		case len(value) > longest:
			errs[name] = t.TooLong(longest)
		}
	}
	if in.byToken {
		need("token", in.token.Reveal(), huawei.MaxTokenLength)
		return errs
	}
	need("account", in.account, maxName)
	need("user", in.user, maxName)
	need("password", in.password, maxPassword)
	if len(in.project) > maxName {
		errs["project"] = t.TooLong(maxName)
	}
	if len(in.passcode) > maxPasscode {
		errs["passcode"] = t.TooLong(maxPasscode)
	}
	if !userIDPattern.MatchString(in.userID) {
		errs["user_id"] = t.UserID
	}
	return errs
}

// SignIn checks the form at IAM and begins a session.
func (h *signInPages) SignIn(c echo.Context) error {
	ctx := c.Request().Context()
	in := readCredentials(c)
	page := h.signInPage(c, returnTo(c.FormValue("return")), in.byToken)
	page.Account, page.User, page.Project = in.account, in.user, in.project
	page.UserID = in.userID
	page.AskPasscode = in.passcode != "" || in.userID != ""
	t := i18n.T(ctx)
	if page.Errors = in.check(t.Field); len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	from := in.bucket(c.RealIP())
	why, done := h.limits.Enter(from, in.name(), h.now())
	if why != ratelimit.NoLimit {
		h.noteThrottled(ctx, in, from, why)
		page.Problem = map[ratelimit.SignInLimit]string{ratelimit.AddressLimit: t.SignInProblem.TooOften,
			ratelimit.UserLimit: t.SignInProblem.TooOftenUser}[why]
		return Render(c, http.StatusTooManyRequests, page)
	}
	start := h.now()
	id, token, err := h.counted(ctx, in, done)
	if err != nil {
		return h.signInFailed(c, page, in, err, since(start, h.now))
	}
	if ctx.Err() != nil { // nobody is there to get the session
		return h.signInAbandoned(ctx, in, id, since(start, h.now))
	}
	h.ids.Learn(userName(id.AccountName, id.UserName), id.UserID)
	if name := in.name(); name != "" {
		h.limits.TrustOrigin(from, name)
	}
	if d, otherAccount := h.admit(id); !d.Allowed {
		return h.notAdmitted(c, page, in, id, d, otherAccount, since(start, h.now))
	}
	if text := h.over(ctx, in, id); text != "" {
		page.Problem = text
		return h.tokenOver(c, page, in, id, since(start, h.now))
	}
	before, wasSignedIn := ViewerFrom(ctx)
	v, err := h.sessions.Begin(c, NewSession{Identity: id, Token: token, Language: i18n.From(ctx)})
	if err != nil {
		return err
	}
	if wasSignedIn {
		h.streams.End(before.SessionKey)
		h.note(WithViewer(ctx, before),
			audit.Record{Action: audit.ActionSessionEnded, Detail: detail("why", "replaced")})
	}
	h.note(WithViewer(ctx, v), audit.Record{Action: audit.ActionSessionSignedIn, Duration: since(start, h.now),
		Detail: detail("method", method(in))})
	return c.Redirect(http.StatusSeeOther, page.Return)
}

// admit asks whether somebody whom IAM knows may use the console.
func (h *signInPages) admit(id iam.Identity) (d policy.Decision, otherAccount bool) {
	return policy.Admission{Accounts: h.accounts, Rules: h.rules}.Decide(id.AccountID, operate.PersonOf(actorOf(id)),
		h.now().Local())
}

// notAdmitted tells somebody, by now known, that the console is not theirs to
// use. No session was begun; one of before in the same browser goes on.
func (h *signInPages) notAdmitted(c echo.Context, page templates.SignIn, in credentials, id iam.Identity,
	d policy.Decision,
	otherAccount bool, took time.Duration) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx).SignInProblem
	why := operate.Detail{Policies: d.Policies, Error: strings.Join(d.Failed, "; ")}.String()
	page.Problem = strings.TrimSpace(t.NotAllowed + " " + present.RuleText(ctx, d.Text))
	if otherAccount {
		why, page.Problem = detail("method", method(in), "problem", "other_account"), t.OtherAccount(id.AccountName)
	}
	h.write(ctx, audit.Record{Action: audit.ActionSessionRefused, Outcome: audit.OutcomeDenied, Duration: took,
		Origin: OriginFrom(ctx), Actor: actorOf(id), Detail: why})
	return Render(c, http.StatusForbidden, page)
}

func actorOf(id iam.Identity) audit.Actor {
	return audit.Actor{UserID: id.UserID, UserName: id.UserName, AccountID: id.AccountID, AccountName: id.AccountName,
		ProjectID: id.ProjectID, ProjectName: id.ProjectName}
}

// name is the user that a password sign-in names, in the form in which
// attempts are counted; empty for a token, which names nobody.
func (in credentials) name() string {
	if in.byToken {
		return ""
	}
	return userName(in.account, in.user)
}

func userName(account, user string) string {
	return strings.ToLower(account) + "\x00" + strings.ToLower(user)
}

func method(in credentials) string {
	switch {
	case in.byToken:
		return "token"
	case in.passcode != "":
		return "password,passcode"
	}
	return "password"
}

// errOtherToken and errUnscoped are tokens that IAM was not, or need not be,
// asked about.
var (
	errOtherToken = errors.New("a credential of another kind")
	errUnscoped   = errors.New("a token without a scope")
)

// signInLimit bounds a sign-in whose browser has gone away; the calls to IAM
// have shorter limits of their own.
const signInLimit = time.Minute

// counted asks IAM, and counts the attempt as what came of it. It goes on when
// the browser goes away: an attempt that nobody waits for is an attempt.
func (h *signInPages) counted(ctx context.Context, in credentials, done func(bool, time.Time)) (id iam.Identity,
	token huawei.Token, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInLimit)
	defer cancel()
	failed := true
	defer func() { done(failed, h.now()) }()
	id, token, err = h.authenticate(ctx, in)
	failed = isCredentialFailure(err)
	return id, token, err
}

// signInAbandoned writes that IAM accepted somebody who no longer waited. No
// session was begun.
func (h *signInPages) signInAbandoned(ctx context.Context, in credentials, id iam.Identity, took time.Duration) error {
	h.write(ctx, audit.Record{Action: audit.ActionSessionSignInFailed, Outcome: audit.OutcomeFailed, Duration: took,
		Origin: OriginFrom(ctx), Actor: actorOf(id), Detail: detail("method", method(in), "problem", "client_gone")})
	return context.Cause(ctx)
}

// noteThrottled counts a sign-in that a limit refused. Of an address the log
// names no user: whoever guesses names many.
func (h *signInPages) noteThrottled(ctx context.Context, in credentials, from string, why ratelimit.SignInLimit) {
	r := audit.Record{Action: audit.ActionSessionSignInFailed, Outcome: audit.OutcomeDenied, Origin: OriginFrom(ctx)}
	name, key := "address", "address\x00"+ratelimit.Network(from)
	if why == ratelimit.UserLimit {
		name, key = "user", "user\x00"+in.name()
	}
	if why == ratelimit.UserLimit || OriginFrom(ctx).Address == UnknownAddress {
		r.Actor = audit.Actor{AccountName: in.account, UserName: in.user}
	}
	h.throttled.Note(key, h.now(), func(count int) {
		r.Detail = detail("method", method(in), "problem", "throttled_here", "limit", name, "count",
			strconv.Itoa(count))
		h.jot(r)
	})
}

func (h *signInPages) authenticate(ctx context.Context, in credentials) (iam.Identity, huawei.Token, error) {
	if !in.byToken {
		return h.iam.SignIn(ctx, iam.PasswordRequest{Account: in.account, User: in.user, Password: in.password,
			Project: in.project, Passcode: in.passcode, UserID: cmp.Or(in.userID, h.ids.Of(in.name()))})
	}
	if otherKind(in.token.Reveal()) {
		return iam.Identity{}, huawei.Token{}, errOtherToken
	}
	id, err := h.iam.Introspect(ctx, in.token)
	if err == nil && !id.ProjectScoped && !id.AccountScoped {
		err = errUnscoped
	}
	return id, in.token, err
}

// otherKind recognizes what people paste in place of an IAM token: a JSON web
// token, or an access key. IAM tokens are PKI tokens: base64 of a DER
// structure, and so begin with MII (docs/coc-api.md section 2.5).
func otherKind(token string) bool {
	return strings.HasPrefix(token, "eyJ") || len(token) < 100 && !strings.HasPrefix(token, "MII")
}

func (h *signInPages) signInFailed(c echo.Context, page templates.SignIn, in credentials, err error,
	took time.Duration) error {
	ctx := c.Request().Context()
	status, record := http.StatusUnprocessableEntity, audit.Record{Action: audit.ActionSessionSignInFailed,
		Outcome: audit.OutcomeFailed, Duration: took, Origin: OriginFrom(ctx), // whoever was signed in before did not do this
		Actor: audit.Actor{AccountName: in.account, UserName: in.user, ProjectName: in.project}}
	t := i18n.T(ctx).SignInProblem
	var refused *iam.Error
	switch {
	case errors.Is(err, errOtherToken):
		page.Problem = t.TokenOther
	case errors.Is(err, errUnscoped):
		page.Problem = t.TokenUnscoped
	case errors.As(err, &refused):
		status, page.Problem = signInMessage(refused.Kind, t)
		if why := i18n.T(ctx).Problem.UpstreamReason.Of(string(refused.Reason)); why != "" {
			page.Problem = sentences(ctx, page.Problem, why)
		}
		page.AskPasscode = page.AskPasscode || refused.Kind == iam.PasscodeNeeded || refused.Kind == iam.WrongPassword
		page.Verbatim = present.AnswerText(refused.Status, refused.Code, refused.Message)
		record.Upstream = audit.Upstream{Status: refused.Status, Code: refused.Code, Message: refused.Message,
			RequestID: refused.RequestID}
	default:
		return err
	}
	record.Detail = detail("method", method(in), "problem", problemName(err))
	h.write(ctx, record)
	return Render(c, status, page)
}

// sentences puts two sentences behind each other.
func sentences(ctx context.Context, a, b string) string {
	if i18n.From(ctx) == i18n.ZhCN {
		return a + b
	}
	return a + " " + b
}

// tokenOver refuses a token that has ended by this machine's clock.
func (h *signInPages) tokenOver(c echo.Context, page templates.SignIn, in credentials, id iam.Identity,
	took time.Duration) error {
	ctx := c.Request().Context()
	h.logger.Warn("token refused: it has ended by this machine's clock", "user", id.UserName, "ends", id.Expires, "now", h.now())
	h.write(ctx, audit.Record{Action: audit.ActionSessionSignInFailed, Outcome: audit.OutcomeFailed, Duration: took,
		Origin: OriginFrom(ctx),
		Actor:  audit.Actor{AccountName: id.AccountName, UserName: id.UserName, ProjectName: id.ProjectName},
		Detail: detail("method", method(in), "problem", "token_over")})
	return Render(c, http.StatusUnprocessableEntity, page)
}

func problemName(err error) string {
	if refused, ok := errors.AsType[*iam.Error](err); ok {
		return refused.Kind.String()
	}
	return strings.ReplaceAll(err.Error(), " ", "_")
}

func signInMessage(kind iam.Kind, t i18n.SignInProblems) (int, string) {
	status, ok := map[iam.Kind]int{iam.Unavailable: http.StatusBadGateway, iam.BadAnswer: http.StatusBadGateway,
		iam.Throttled: http.StatusTooManyRequests}[kind]
	if !ok {
		status = http.StatusUnprocessableEntity
	}
	message, ok := map[iam.Kind]string{
		iam.WrongPassword: t.WrongPassword, iam.Locked: t.Locked, iam.PasscodeNeeded: t.PasscodeNeeded,
		iam.PasscodeWrong: t.PasscodeWrong, iam.TokenExpired: t.TokenExpired, iam.TokenInvalid: t.TokenInvalid,
		iam.Forbidden: t.Forbidden, iam.ProjectUnknown: t.ProjectUnknown, iam.Throttled: t.Throttled,
		iam.Unavailable: t.Unavailable, iam.BadAnswer: t.BadAnswer,
	}[kind]
	if !ok {
		message = t.BadRequest
	}
	return status, message
}

// SignOut ends the session.
func (h *signInPages) SignOut(c echo.Context) error {
	ctx := c.Request().Context()
	if err := h.sessions.End(c); err != nil {
		return err
	}
	if v, ok := ViewerFrom(ctx); ok {
		h.streams.End(v.SessionKey)
		h.note(ctx, audit.Record{Action: audit.ActionSessionSignedOut})
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in?signed_out=1")
}

// NoteSessionEnded writes that COC no longer took a session's token.
func (h *signInPages) NoteSessionEnded(c echo.Context, v Viewer) {
	h.streams.End(v.SessionKey)
	if recorded, _ := c.Request().Context().Value(recordedKey).(bool); recorded {
		return
	}
	h.note(c.Request().Context(),
		audit.Record{Action: audit.ActionSessionEnded, Detail: detail("why", "token_refused")})
}

// isCredentialFailure reports a sign-in that failed by what was typed, which may be a guess,
// and not because IAM did not answer.
func isCredentialFailure(err error) bool {
	var refused *iam.Error
	if !errors.As(err, &refused) {
		return err != nil
	}
	return !slices.Contains([]iam.Kind{iam.Unavailable, iam.BadAnswer, iam.Throttled}, refused.Kind)
}

// bucket is what counts as the address of a sign-in. Where a proxy does not
// tell the address, each user and each token has one of its own: a stranger's
// wrong passwords must not lock everybody out.
func (in credentials) bucket(address string) string {
	switch {
	case address != UnknownAddress:
		return address
	case in.byToken:
		sum := sha256.Sum256([]byte(in.token.Reveal()))
		return UnknownAddress + "\x00token\x00" + hex.EncodeToString(sum[:8])
	}
	return UnknownAddress + "\x00" + in.name()
}
