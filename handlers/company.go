package handlers

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/internal/ansi"
	"coc-console/internal/company"
	"coc-console/internal/i18n"
	"coc-console/internal/signin"
	"coc-console/templates"
)

// StartCompany sends the browser to the company's provider.
func (h *signInPages) StartCompany(c echo.Context) error {
	r := c.Request()
	back, start := returnTo(r.PostFormValue("return")), h.now()
	project := cmp.Or(strings.TrimSpace(r.PostFormValue("project")), h.defaultProject)
	if len(project) > signin.MaxName || !ansi.Shows(project) {
		return UnreadableInput(project)
	}
	provider := h.company.Named(r.PostFormValue("provider"))
	if provider == nil {
		return &Problem{Status: http.StatusNotFound, Kind: ProblemNotFound}
	}
	to, cookies, err := provider.Begin(r.Context(), r, IsSecure(r.Context()), company.Wish{Back: back, Project: project,
		Again: r.PostFormValue("again") != ""})
	if err != nil {
		page := h.signInPage(c, back, false)
		page.Project = project
		return h.signInFailed(c, page, signin.Credentials{Company: company.Answer{}.Exchange}, err, since(start, h.now))
	}
	for _, one := range cookies {
		c.SetCookie(one)
	}
	t := i18n.Company.T(r.Context())
	return h.leave(c, templates.Leave{Heading: t.Leaving, Text: t.LeavingText, Address: to})
}

// leave leads to another site. A form must not do that by a redirect: the content security policy forbids it.
func (h *signInPages) leave(c echo.Context, page templates.Leave) error {
	page.Frame = h.Frame(c, page.Heading, templates.SectionNone)
	c.Response().Header().Set("Refresh", "0; url="+page.Address)
	return Render(c, http.StatusOK, page)
}

// FinishCompany signs in whom the company's provider sends back.
func (h *signInPages) FinishCompany(c echo.Context) error {
	if len(h.company) == 0 {
		return &Problem{Status: http.StatusNotFound, Kind: ProblemNotFound}
	}
	answer, cookies := h.company.Receive(c.Request(), IsSecure(c.Request().Context()))
	for _, one := range cookies {
		c.SetCookie(one)
	}
	page := h.signInPage(c, returnTo(answer.Back), false)
	page.Project = cmp.Or(answer.Project, h.defaultProject)
	return h.enter(c, page, signin.Credentials{Company: answer.Exchange})
}

// companyFailed puts into the sign-in page why the company's account led nowhere, and returns the page's status.
func companyFailed(page *templates.SignIn, x company.Explanation) int {
	page.Problem, page.Verbatim, page.VerbatimFrom = x.Text, x.Verbatim, x.From
	page.CompanyAgain, page.AskProject = !x.Outage, x.Project
	return x.Status
}

// LeaveCompany ends the person's session at the company's provider, after that of the console.
func (h *signInPages) LeaveCompany(c echo.Context) error {
	const over = "/sign-in?signed_out=1"
	ctx := c.Request().Context()
	here := company.Origin(c.Request(), IsSecure(ctx))
	to, gone := h.company.Leaving(ctx, c.Request(), IsSecure(ctx), here+over)
	if _, signedIn := ViewerFrom(ctx); signedIn || to == "" {
		to = over
	} else if c.QueryParam("go") == "" { // the page doesn't hold the ID token
		return h.leave(c, templates.Leave{Heading: i18n.T(ctx).Frame.SignOut, Text: i18n.Company.T(ctx).SignedOut,
			Address: here + company.LeavePath + "?go=1"})
	}
	c.SetCookie(gone)
	return c.Redirect(http.StatusSeeOther, to)
}
