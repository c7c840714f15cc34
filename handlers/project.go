package handlers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/company"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/present"
	"coc-console/internal/signin"
	"coc-console/templates"
)

// Projects lists the projects that IAM lets the reader work in.
func (h *signInPages) Projects(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.Projects{Frame: h.Frame(c, i18n.T(ctx).Frame.SwitchProject, templates.SectionNone)}
	list, err := h.iam.Projects(ctx, v.Caller.Credential)
	if err != nil {
		h.logger.WarnContext(ctx, "projects not listed", "user", v.Actor.UserName, "error", err)
		page.Problem = i18n.T(ctx).Frame.ProjectsUnknown
	}
	for _, p := range list {
		page.List = append(page.List, templates.ProjectChoice{ID: p.ID, Name: ansi.VisibleLine(p.Name),
			Here: p.ID == v.Actor.ProjectID})
	}
	if err == nil {
		h.projects.Note(readerOf(v).Person(), h.now(), page.List)
		page.Frame.Projects = page.List
	}
	return Render(c, http.StatusOK, page)
}

// SwitchProject goes on in another project, with a credential in exchange for the session's. Where it
// doesn't, the page that signs in says so, with everything filled in but the password.
func (h *signInPages) SwitchProject(c echo.Context) error {
	ctx := c.Request().Context()
	before, _ := ViewerFrom(ctx)
	project := strings.TrimSpace(c.Request().PostFormValue("project"))
	if project == "" || len(project) > signin.MaxName || !ansi.Shows(project) {
		return UnreadableInput(project)
	}
	start := h.now()
	id, credential, err := h.iam.InProject(ctx, before.Caller.Credential, signin.IdentityOf(before.Actor), project)
	if err != nil {
		return h.notSwitched(c, before, project, err, since(start, h.now))
	}
	if id.UserID != before.Actor.UserID || id.AccountID != before.Actor.AccountID || !id.ProjectScoped {
		return h.notSwitched(c, before, project, &iam.Error{Kind: iam.BadAnswer}, since(start, h.now))
	}
	id.Groups = before.Actor.Groups
	if d, otherAccount := h.admit(id); !d.Allowed {
		page := h.signInPage(c, "/tickets", false)
		return h.notAdmitted(c, page, signin.Credentials{}, id, d, otherAccount, since(start, h.now))
	}
	v, err := h.sessions.Begin(c, NewSession{Entry: company.Entry{Identity: id, Credential: credential},
		Language: i18n.From(ctx), Continues: true})
	if err != nil {
		return err
	}
	h.streams.End(before.SessionKey)
	h.note(WithViewer(ctx, v), audit.Record{Action: audit.ActionSessionSwitched, Duration: since(start, h.now),
		Detail: detail("from", before.Actor.ProjectName, "to", id.ProjectName, "former_session", before.SessionName)})
	return c.Redirect(http.StatusSeeOther, "/tickets")
}

// notSwitched offers a new sign-in for a project that IAM gave no token for. The session goes on in its own.
func (h *signInPages) notSwitched(c echo.Context, v Viewer, project string, err error, took time.Duration) error {
	ctx := c.Request().Context()
	refused, ok := errors.AsType[*iam.Error](err)
	if !ok {
		return err
	}
	h.note(ctx, audit.Record{Action: audit.ActionSessionSwitched, Outcome: audit.OutcomeFailed, Duration: took,
		Detail: detail("from", v.Actor.ProjectName, "to", ansi.VisibleLine(project), "problem", refused.Kind.String()),
		Upstream: audit.Upstream{Status: refused.Status, Code: refused.Code, Message: refused.Message,
			RequestID: refused.RequestID}})
	page := h.signInPage(c, "/tickets", false)
	t := i18n.T(ctx).SignInProblem
	name := h.projects.Name(readerOf(v).Person(), project, h.now())
	page.Account, page.User, page.Project = v.Actor.AccountName, v.Actor.UserName, name
	status, text := present.SignInMessage(refused.Kind, t)
	if refused.Kind == iam.Forbidden || refused.Kind == iam.WrongPassword || refused.Kind == iam.TokenInvalid {
		text = t.NotSwitched(name)
	}
	page.Problem, page.Verbatim = text, present.AnswerText(refused.Status, refused.Code, refused.Message)
	return Render(c, status, page)
}
