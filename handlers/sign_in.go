package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/company"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/present"
	"coc-console/internal/ratelimit"
	"coc-console/internal/signin"
	"coc-console/templates"
)

// UnknownAddress stands where a client's address can't be told.
const UnknownAddress = signin.UnknownAddress

// ShowSignIn shows the form; whoever is signed in already goes on.
func (h *signInPages) ShowSignIn(c echo.Context) error {
	if _, ok := ViewerFrom(c.Request().Context()); ok {
		return c.Redirect(http.StatusSeeOther, returnTo(c.QueryParam("return")))
	}
	page := h.signInPage(c, returnTo(c.QueryParam("return")), c.QueryParam("mode") == "token")
	page.Project = h.defaultProject
	t := i18n.T(c.Request().Context())
	page.Reason = signin.Reason(c.Request().Context(), c.QueryParam("ended"), page.Return)
	if c.QueryParam("signed_out") != "" {
		page.CompanyAgain = true
		page.Notices = append(page.Notices, templates.Notice{Kind: templates.NoticeInfo, Text: t.Notice.SignedOut})
	}
	return Render(c, http.StatusOK, page)
}

func (h *signInPages) signInPage(c echo.Context, back string, byToken bool) templates.SignIn {
	title := i18n.T(c.Request().Context()).Title.SignIn
	page := templates.SignIn{Frame: h.Frame(c, title, templates.SectionNone), ByToken: byToken, Return: back,
		Errors: templates.FieldErrors{}, Demo: h.demo, Company: signin.Ways(c.Request().Context(), h.company)}
	q := url.Values{"return": {back}}
	if byToken {
		q.Set("mode", "token")
	}
	page.Here = present.Address("/sign-in", q)
	return page
}

// SignIn checks the form at IAM and begins a session.
func (h *signInPages) SignIn(c echo.Context) error {
	ctx := c.Request().Context()
	in := signin.Read(c.Request().PostFormValue) // what stands in an address ends up in the logs of proxies
	page := h.signInPage(c, returnTo(c.FormValue("return")), in.ByToken)
	page.Account, page.User, page.Project = in.Account, in.User, in.Project
	page.UserID = in.UserID
	page.AskPasscode = in.Passcode != "" || in.UserID != ""
	t := i18n.T(ctx)
	if page.Errors = in.Check(t.Field); len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	return h.enter(c, page, in)
}

// enter asks who that is, and begins a session.
func (h *signInPages) enter(c echo.Context, page templates.SignIn, in signin.Credentials) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx)
	from := in.Bucket(c.RealIP())
	why, done := h.limits.Enter(from, in.Name(), h.now())
	if why != ratelimit.NoLimit {
		h.noteThrottled(ctx, in, from, why)
		page.Problem = map[ratelimit.SignInLimit]string{ratelimit.AddressLimit: t.SignInProblem.TooOften,
			ratelimit.UserLimit: t.SignInProblem.TooOftenUser}[why]
		return Render(c, http.StatusTooManyRequests, page)
	}
	start := h.now()
	entry, err := h.counted(ctx, in, done)
	id := entry.Identity
	if err != nil {
		return h.signInFailed(c, page, in, err, since(start, h.now))
	}
	if ctx.Err() != nil { // nobody is there to get the session
		return h.signInAbandoned(ctx, in, id, since(start, h.now))
	}
	h.ids.Learn(signin.Name(id.AccountName, id.UserName), id.UserID)
	if name := in.Name(); name != "" {
		h.limits.TrustOrigin(from, name)
	}
	if d, otherAccount := h.admit(id); !d.Allowed {
		return h.notAdmitted(c, page, in, id, d, otherAccount, since(start, h.now))
	}
	if text := in.Over(ctx, id, h.now(), h.clocks); text != "" {
		page.Problem = text
		return h.tokenOver(c, page, in, id, since(start, h.now))
	}
	before, wasSignedIn := ViewerFrom(ctx)
	v, err := h.sessions.Begin(c, NewSession{Entry: entry, Language: i18n.From(ctx)})
	if err != nil {
		return err
	}
	if wasSignedIn {
		h.streams.End(before.SessionKey)
		h.note(WithViewer(ctx, before),
			audit.Record{Action: audit.ActionSessionEnded, Detail: detail("why", "replaced")})
	}
	h.note(WithViewer(ctx, v), audit.Record{Action: audit.ActionSessionSignedIn, Duration: since(start, h.now),
		Detail: detail("method", in.Method(), "subject", id.Subject)})
	return c.Redirect(http.StatusSeeOther, page.Return)
}

// admit asks whether somebody whom IAM knows may use the console.
func (h *signInPages) admit(id iam.Identity) (d policy.Decision, otherAccount bool) {
	return policy.Admission{Accounts: h.accounts, Rules: h.rules}.Decide(id.AccountID,
		operate.PersonOf(signin.ActorOf(id)), h.now().Local())
}

// notAdmitted tells somebody, by now known, that the console is not theirs to
// use. No session was begun; one of before in the same browser goes on.
func (h *signInPages) notAdmitted(c echo.Context, page templates.SignIn, in signin.Credentials, id iam.Identity,
	d policy.Decision, otherAccount bool, took time.Duration) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx).SignInProblem
	page.CompanyAgain = in.Company != nil
	why := operate.Detail{Policies: d.Policies, Error: strings.Join(d.Failed, "; ")}.String()
	page.Problem = strings.TrimSpace(t.NotAllowed + " " + present.RuleText(ctx, d.Text))
	if otherAccount {
		why, page.Problem = detail("method", in.Method(), "problem", "other_account"), t.OtherAccount(id.AccountName)
	}
	h.write(ctx, audit.Record{Action: audit.ActionSessionRefused, Outcome: audit.OutcomeDenied, Duration: took,
		Origin: OriginFrom(ctx), Actor: signin.ActorOf(id), Detail: why, Input: d.Input()})
	return Render(c, http.StatusForbidden, page)
}

// signInLimit bounds a sign-in whose browser has gone away; the calls to IAM have shorter limits of their own.
const signInLimit = time.Minute

// counted asks IAM, and counts the attempt as what came of it. It goes on when
// the browser goes away: an attempt that nobody waits for is an attempt.
func (h *signInPages) counted(ctx context.Context, in signin.Credentials,
	done func(bool, time.Time)) (entry company.Entry, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInLimit)
	defer cancel()
	failed := true
	defer func() { done(failed, h.now()) }()
	entry, err = in.Ask(ctx, h.iam, &h.ids)
	x, _ := company.Explain(ctx, err)
	failed = present.IsCredentialFailure(err) && !x.Outage
	return entry, err
}

// signInAbandoned writes that IAM accepted somebody who no longer waited. No session was begun.
func (h *signInPages) signInAbandoned(ctx context.Context, in signin.Credentials, id iam.Identity,
	took time.Duration) error {
	h.write(ctx, audit.Record{Action: audit.ActionSessionSignInFailed, Outcome: audit.OutcomeFailed, Duration: took,
		Origin: OriginFrom(ctx), Actor: signin.ActorOf(id), Detail: detail("method", in.Method(), "problem", "client_gone")})
	return context.Cause(ctx)
}

// noteThrottled counts a sign-in that a limit refused. Of an address the log
// names no user: whoever guesses names many.
func (h *signInPages) noteThrottled(ctx context.Context, in signin.Credentials, from string,
	why ratelimit.SignInLimit) {
	r := audit.Record{Action: audit.ActionSessionSignInFailed, Outcome: audit.OutcomeDenied, Origin: OriginFrom(ctx)}
	name, key := "address", "address\x00"+ratelimit.Network(from)
	if why == ratelimit.UserLimit {
		name, key = "user", "user\x00"+in.Name()
	}
	if why == ratelimit.UserLimit || OriginFrom(ctx).Address == UnknownAddress {
		r.Actor = audit.Actor{AccountName: in.Account, UserName: in.User}
	}
	h.throttled.Note(key, h.now(), func(count int) {
		r.Detail = detail("method", in.Method(), "problem", "throttled_here", "limit", name, "count",
			strconv.Itoa(count))
		h.jot(r)
	})
}

func (h *signInPages) signInFailed(c echo.Context, page templates.SignIn, in signin.Credentials, err error,
	took time.Duration) error {
	ctx := c.Request().Context()
	status, record := http.StatusUnprocessableEntity, audit.Record{Action: audit.ActionSessionSignInFailed,
		Outcome: audit.OutcomeFailed, Duration: took, Origin: OriginFrom(ctx), // whoever was signed in before did not do this
		Actor: audit.Actor{AccountName: in.Account, UserName: in.User, ProjectName: in.Project}}
	t := i18n.T(ctx).SignInProblem
	var refused *iam.Error
	x, explained := company.Explain(ctx, err)
	problem := present.SignInProblem(err)
	switch {
	case in.Company != nil && explained:
		status, problem = companyFailed(&page, x), x.Problem
		h.logger.WarnContext(ctx, "company sign-in failed", "error", err)
	case errors.Is(err, signin.ErrOtherToken):
		page.Problem = t.TokenOther
	case errors.Is(err, signin.ErrUnscoped):
		page.Problem = t.TokenUnscoped
	case errors.As(err, &refused):
		status, page.Problem = present.SignInMessage(refused.Kind, t)
		if why := i18n.T(ctx).Problem.UpstreamReason.Of(string(refused.Reason)); why != "" {
			page.Problem = i18n.Sentences(page.Problem, why)
		}
		page.AskPasscode = page.AskPasscode || refused.Kind == iam.PasscodeNeeded || refused.Kind == iam.WrongPassword
		page.Verbatim = present.AnswerText(refused.Status, refused.Code, refused.Message)
	default:
		return err
	}
	if errors.As(err, &refused) {
		record.Upstream = audit.Upstream{Status: refused.Status, Code: refused.Code, Message: refused.Message,
			RequestID: refused.RequestID}
	}
	record.Detail = detail("method", in.Method(), "problem", problem)
	h.write(ctx, record)
	return Render(c, status, page)
}

// tokenOver refuses a token that has ended by this machine's clock.
func (h *signInPages) tokenOver(c echo.Context, page templates.SignIn, in signin.Credentials, id iam.Identity,
	took time.Duration) error {
	ctx := c.Request().Context()
	h.logger.Warn("token refused: it has ended by this machine's clock", "user", id.UserName, "ends", id.Expires, "now", h.now())
	h.write(ctx, audit.Record{Action: audit.ActionSessionSignInFailed, Outcome: audit.OutcomeFailed, Duration: took,
		Origin: OriginFrom(ctx),
		Actor:  audit.Actor{AccountName: id.AccountName, UserName: id.UserName, ProjectName: id.ProjectName},
		Detail: detail("method", in.Method(), "problem", "token_over")})
	return Render(c, http.StatusUnprocessableEntity, page)
}

// SignOut ends the session.
func (h *signInPages) SignOut(c echo.Context) error {
	ctx := c.Request().Context()
	kept, err := h.sessions.End(c)
	if err != nil {
		return err
	}
	if v, ok := ViewerFrom(ctx); ok {
		h.streams.End(v.SessionKey)
		h.note(ctx, audit.Record{Action: audit.ActionSessionSignedOut})
		if err := h.company.Revoke(ctx, kept); err != nil {
			h.logger.Warn("the provider did not revoke a refresh token", "user", v.Actor.UserName, "error", err)
		}
		if leaving := h.company.Leave(kept, IsSecure(ctx)); leaving != nil {
			c.SetCookie(leaving)
			return c.Redirect(http.StatusSeeOther, company.LeavePath)
		}
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
