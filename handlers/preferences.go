package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/internal/i18n"
	"coc-console/internal/store"
	"coc-console/templates"
)

// Home goes to the list of tickets.
func (h *Handlers) Home(c echo.Context) error {
	return c.Redirect(http.StatusSeeOther, "/tickets")
}

// SetLanguage switches the language and comes back to the page.
func (h *Handlers) SetLanguage(c echo.Context) error {
	l, ok := i18n.Parse(c.FormValue("language"))
	if !ok {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: bounded(c.FormValue("language"))}
	}
	if err := h.sessions.SetLanguage(c, l); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, returnTo(c.FormValue("return")))
}

// SetTheme switches the colours and comes back to the page.
func (h *Handlers) SetTheme(c echo.Context) error {
	t := Theme(c.FormValue("theme"))
	if t != ThemeAuto && t != ThemeLight && t != ThemeDark {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: bounded(string(t))}
	}
	if err := h.sessions.SetTheme(c, t); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, returnTo(c.FormValue("return")))
}

// Shortcuts lists the keys.
func (h *Handlers) Shortcuts(c echo.Context) error {
	t := i18n.T(c.Request().Context())
	return Render(c, http.StatusOK, templates.Shortcuts{Frame: h.Frame(c, t.Key.Heading, templates.SectionNone),
		Return: "/shortcuts"})
}

// SetShortcuts switches the keys that act by themselves on or off, and comes
// back to the page: whoever speaks to the computer types by accident.
func (h *Handlers) SetShortcuts(c echo.Context) error {
	choice := c.FormValue("shortcuts")
	if choice != "on" && choice != "off" {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: bounded(choice)}
	}
	if err := h.sessions.SetShortcuts(c, choice == "on"); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, returnTo(c.FormValue("return")))
}

// choiceWrap names the choice whether the lines of logs are wrapped, which wrapOff says they are not.
const (
	choiceWrap = "wrap"
	wrapOff    = "off"
)

// SetWrap remembers for a person, in whatever browser, whether lines of logs are wrapped, and comes back to the page.
func (h *Handlers) SetWrap(c echo.Context) error {
	v, _ := ViewerFrom(c.Request().Context())
	choice := c.FormValue("wrap")
	if choice != "on" && choice != wrapOff {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: bounded(choice)}
	}
	err := h.saved.Save(c.Request().Context(), store.SavedChoices, v.Actor.UserID,
		store.SavedQuery{Name: choiceWrap, Query: choice}, h.now())
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, returnTo(c.FormValue("return")))
}

// noWrap reports whether a person wants no line of a log wrapped; a log is shown where that can't be read, too.
func (h *base) noWrap(ctx context.Context, v Viewer) bool {
	all, err := h.saved.List(ctx, store.SavedChoices, v.Actor.UserID)
	if err != nil {
		h.logger.WarnContext(ctx, "choices not read", "user", v.Actor.UserName, "error", err)
	}
	return slices.Contains(all, store.SavedQuery{Name: choiceWrap, Query: wrapOff})
}

// maxReturn bounds an address to come back to, in bytes: net/http would not read a longer one.
const maxReturn = 32 << 10

// returnTo checks an address to come back to: one of this console's pages, or
// the start. Browsers read a backslash as a slash.
func returnTo(text string) string {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxReturn || u.Scheme != "" || u.Host != "" || u.User != nil ||
		!strings.HasPrefix(text, "/") ||
		strings.HasPrefix(text, "//") || strings.ContainsAny(text, "\\\r\n\t\x00") {
		return "/"
	}
	return text
}

// notFound is the answer to an address that leads nowhere.
func notFound() error {
	return &Problem{Status: http.StatusNotFound, Kind: ProblemNotFound}
}
