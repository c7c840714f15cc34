package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
)

// SetTheme remembers a theme in a cookie.
func (s *Sessions) SetTheme(c echo.Context, t handlers.Theme) error {
	setPreference(c, themeCookie, string(t))
	return nil
}

// SetShortcuts remembers in a cookie that single keys do nothing.
func (s *Sessions) SetShortcuts(c echo.Context, on bool) error {
	value := "off"
	if on {
		value = ""
	}
	setPreference(c, shortcutsCookie, value)
	return nil
}

// The cookies of what a reader prefers. zone is set by the browser's script.
const (
	languageCookie = "language"
	themeCookie    = "theme"
	zoneCookie     = "zone"

	shortcutsCookie = "shortcuts"
)

func setPreference(c echo.Context, name, value string) {
	age := 365 * 24 * 60 * 60
	if value == "" {
		age = -1
	}
	c.SetCookie(&http.Cookie{ //nolint:gosec // see Sessions.cookie
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: isSecure(c), SameSite: http.SameSiteLaxMode,
	})
}
