package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// MaxSessions bounds the list of sessions.
const MaxSessions = 1000

// SessionInfo is what managers see of a session; nothing in it opens one.
type SessionInfo struct {
	Name                          string // what the log calls it
	Actor                         audit.Actor
	Begun, Used, Checked, Expires time.Time
	Address, Browser              string // where the sign-in came from
}

// WithEndRecorded says that the end of the session has its record in the log.
func WithEndRecorded(ctx context.Context) context.Context {
	return context.WithValue(ctx, recordedKey, true)
}

// ListSessions shows who is signed in.
func (h *Handlers) ListSessions(c echo.Context) error {
	if err := h.mayManageSessions(c); err != nil {
		return err
	}
	return h.showSessions(c, http.StatusOK, readSessionForm(c)) // as it was before a sign-in, if it was
}

func (h *Handlers) mayManageSessions(c echo.Context) error {
	v, _ := ViewerFrom(c.Request().Context())
	d := h.rules.Decide(policy.Request{Person: operate.PersonOf(v.Actor), Action: policy.Sessions,
		Circumstances: policy.Circumstances{At: h.now().Local()}})
	if !d.Allowed {
		return h.forbidden(c, ProblemDenied, d, audit.Record{})
	}
	return nil
}

// sessionForm is what a manager sent, with what is wrong with it.
type sessionForm struct{ person, session, reason, problem string }

func (h *Handlers) showSessions(c echo.Context, status int, f sessionForm) error {
	ctx := c.Request().Context()
	list, more, err := h.sessions.List(ctx)
	if err != nil {
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
	}
	t := i18n.Sessions.T(ctx)
	page := templates.Sessions{Frame: h.Frame(c, t.Heading, templates.SectionAudit), More: more,
		MaxReason: operate.MaxReason}
	if n, err := strconv.Atoi(c.QueryParam("ended")); err == nil && n >= 0 {
		page.Notices = append(page.Notices, templates.Notice{Kind: templates.NoticeSuccess, Text: t.Ended(n)})
	}
	v, _ := ViewerFrom(ctx)
	rows, kept := map[string]int{}, f.reason == ""
	for _, s := range list {
		key := PersonKey(s.Actor)
		at, known := rows[key]
		if !known {
			at = len(page.People)
			rows[key] = at
			page.People = append(page.People, templates.SessionPerson{Key: key, N: at + 1,
				Who: ansi.Visible(s.Actor.AccountName + "/" + s.Actor.UserName), Own: key == PersonKey(v.Actor)})
		}
		p := &page.People[at]
		p.Rows = append(p.Rows, templates.SessionRow{Name: s.Name, Begun: s.Begun, Used: s.Used, Expires: s.Expires,
			Address: ansi.Visible(s.Address), Browser: ansi.Visible(s.Browser), Project: ansi.Visible(s.Actor.ProjectName),
			This: s.Name == v.SessionName})
		if f.person == key || f.session == s.Name {
			p.Reason, p.Problem, kept = f.reason, f.problem, true
		}
	}
	if !kept {
		page.Notices = append(page.Notices, templates.Notice{Kind: templates.NoticeWarning,
			Text: t.Gone(ansi.Visible(f.reason))})
	}
	return Render(c, status, page)
}

// SessionsAgain is for EndSessions, when somebody else has opened the form.
func (h *Handlers) SessionsAgain(c echo.Context) error {
	if err := h.mayManageSessions(c); err != nil {
		return err
	}
	return h.showSessions(c, http.StatusConflict, readSessionForm(c))
}

func readSessionForm(c echo.Context) sessionForm {
	return sessionForm{person: bounded(c.FormValue("whose")), session: bounded(c.FormValue("session")),
		reason: reason(c.FormValue("reason"))}
}

// EndSessions ends one session, or all of a person.
func (h *Handlers) EndSessions(c echo.Context) error {
	if err := h.mayManageSessions(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	t := i18n.T(ctx)
	f := readSessionForm(c)
	n := len([]rune(f.reason))
	switch {
	case f.person == "" && f.session == "":
		return &Problem{Status: http.StatusBadRequest, Kind: ProblemBadInput}
	case n == 0:
		f.problem = i18n.Sessions.T(ctx).ReasonNeeded
	case n > operate.MaxReason:
		f.problem = t.Field.ReasonTooLong(n, operate.MaxReason)
	}
	if f.problem != "" {
		return h.showSessions(c, http.StatusUnprocessableEntity, f)
	}
	origin := OriginFrom(ctx)
	pick := func(s SessionInfo) bool {
		return f.session != "" && s.Name == f.session || f.session == "" && PersonKey(s.Actor) == f.person
	}
	ended, err := h.sessions.EndSessions(ctx, pick,
		audit.Record{Action: audit.ActionSessionEnded, Actor: v.Actor, Origin: origin,
			Reason: f.reason, Detail: "why=manager"})
	if err != nil {
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
	}
	if slices.ContainsFunc(ended, func(s SessionInfo) bool { return s.Name == v.SessionName }) {
		return c.Redirect(http.StatusSeeOther, "/sign-in?signed_out=1")
	}
	return c.Redirect(http.StatusSeeOther, "/sessions?ended="+strconv.Itoa(len(ended)))
}

// SessionFilter chooses the sessions of a person: account/user, or id: with the user's id.
func SessionFilter(member string) func(SessionInfo) bool {
	if id, ok := strings.CutPrefix(member, "id:"); ok {
		return func(s SessionInfo) bool { return s.Actor.UserID == id }
	}
	return func(s SessionInfo) bool { return s.Actor.AccountName+"/"+s.Actor.UserName == member }
}
