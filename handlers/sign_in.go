package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/templates"
)

// The longest values of the sign-in form, in bytes.
const (
	maxName     = 255
	maxPassword = 1024
	maxPasscode = 32
)

// ShowSignIn shows the form; whoever is signed in already goes on.
func (h *Handlers) ShowSignIn(c echo.Context) error {
	if _, ok := ViewerFrom(c.Request().Context()); ok {
		return c.Redirect(http.StatusSeeOther, returnTo(c.QueryParam("return")))
	}
	page := h.signInPage(c, returnTo(c.QueryParam("return")), c.QueryParam("mode") == "token")
	page.Project = h.DefaultProject
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

func (h *Handlers) signInPage(c echo.Context, back string, byToken bool) templates.SignIn {
	title := i18n.T(c.Request().Context()).Title.SignIn
	page := templates.SignIn{Frame: h.Frame(c, title, templates.SectionNone), ByToken: byToken, Return: back,
		Errors: templates.FieldErrors{}, Demo: h.Demo}
	q := url.Values{"return": {back}}
	if byToken {
		q.Set("mode", "token")
	}
	page.Here = address("/sign-in", q)
	return page
}

// credentials are the sign-in form's fields.
type credentials struct {
	byToken                                    bool
	account, user, password, project, passcode string
	token                                      iam.Token
}

func readCredentials(c echo.Context) credentials {
	// From the body alone: what stands in an address ends up in the logs of proxies.
	value := c.Request().PostFormValue
	field := func(name string) string { return strings.TrimSpace(value(name)) }
	return credentials{
		byToken: value("mode") == "token" || value("token") != "",
		account: field("account"), user: field("user"), password: value("password"),
		project: field("project"), passcode: field("passcode"), token: iam.NewToken(field("token")),
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
		need("token", in.token.Reveal(), iam.MaxTokenLength)
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
	return errs
}

// SignIn checks the form at IAM and begins a session.
func (h *Handlers) SignIn(c echo.Context) error {
	ctx := c.Request().Context()
	in := readCredentials(c)
	page := h.signInPage(c, returnTo(c.FormValue("return")), in.byToken)
	page.Account, page.User, page.Project = in.account, in.user, in.project
	page.AskPasscode = in.passcode != ""
	t := i18n.T(ctx)
	if page.Errors = in.check(t.Field); len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	why, done := h.guard.enter(c.RealIP(), in.name(), h.Now())
	if why != noLimit {
		page.Problem = map[limit]string{addressLimit: t.SignInProblem.TooOften, userLimit: t.SignInProblem.TooOftenUser}[why]
		return Render(c, http.StatusTooManyRequests, page)
	}
	start := h.Now()
	id, token, err := h.authenticate(ctx, in)
	done(wrong(err), h.Now())
	if err != nil {
		return h.signInFailed(c, page, in, err, since(start, h.Now))
	}
	if name := in.name(); name != "" {
		h.guard.welcome(c.RealIP(), name)
	}
	before, wasSignedIn := ViewerFrom(ctx)
	v, err := h.Sessions.Begin(c, NewSession{Identity: id, Token: token, Language: i18n.From(ctx)})
	if err != nil {
		return err
	}
	if wasSignedIn {
		h.note(WithViewer(ctx, before), audit.Record{Action: audit.ActionSessionEnded, Detail: detail("why", "replaced")})
	}
	h.note(WithViewer(ctx, v), audit.Record{Action: audit.ActionSessionSignedIn, Duration: since(start, h.Now),
		Detail: detail("method", method(in))})
	return c.Redirect(http.StatusSeeOther, page.Return)
}

// name is the user that a password sign-in names, in the form in which
// attempts are counted; empty for a token, which names nobody.
func (in credentials) name() string {
	if in.byToken {
		return ""
	}
	return strings.ToLower(in.account) + "\x00" + strings.ToLower(in.user)
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

func (h *Handlers) authenticate(ctx context.Context, in credentials) (iam.Identity, iam.Token, error) {
	if !in.byToken {
		return h.IAM.SignIn(ctx, iam.PasswordRequest{Account: in.account, User: in.user, Password: in.password,
			Project: in.project, Passcode: in.passcode})
	}
	if otherKind(in.token.Reveal()) {
		return iam.Identity{}, iam.Token{}, errOtherToken
	}
	id, err := h.IAM.Introspect(ctx, in.token)
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

func (h *Handlers) signInFailed(c echo.Context, page templates.SignIn, in credentials, err error, took time.Duration) error {
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
		page.AskPasscode = page.AskPasscode || refused.Kind == iam.PasscodeNeeded
		page.Verbatim = verbatim(refused.Status, refused.Code, refused.Message)
		record.Upstream = audit.Upstream{Status: refused.Status, Code: refused.Code, Message: refused.Message, RequestID: refused.RequestID}
	default:
		return err
	}
	record.Detail = detail("method", method(in), "problem", problemName(err))
	h.write(ctx, record)
	return Render(c, status, page)
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
func (h *Handlers) SignOut(c echo.Context) error {
	ctx := c.Request().Context()
	if err := h.Sessions.End(c); err != nil {
		return err
	}
	if _, ok := ViewerFrom(ctx); ok {
		h.note(ctx, audit.Record{Action: audit.ActionSessionSignedOut})
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in?signed_out=1")
}

// NoteSessionEnded writes that COC no longer took a session's token.
func (h *Handlers) NoteSessionEnded(c echo.Context, _ Viewer) {
	h.note(c.Request().Context(), audit.Record{Action: audit.ActionSessionEnded, Detail: detail("why", "token_refused")})
}
