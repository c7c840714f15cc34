// Package web is the HTTP server: the list of routes, the sessions, the
// security headers, and the one place where an error becomes a status and a
// page. The pages themselves are package handlers'.
package web

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/i18n"
	"coc-console/static"
)

// Config is what the server stands on. TrustedProxies, Metrics and Databases may
// be empty; all else is required.
type Config struct {
	Handlers       *handlers.Handlers
	Sessions       *Sessions
	TrustedProxies []netip.Prefix
	Logger         *slog.Logger
	Metrics        *Metrics // nil: some of its own
	// MetricsElsewhere says that /metrics has an address of its own, and is
	// not served here.
	MetricsElsewhere bool
	// Databases give their sizes, in bytes, by their name.
	Databases map[string]func(context.Context) (int64, error)
}

type server struct{ Config }

// New returns the console's handler.
func New(cfg Config) http.Handler {
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics()
	}
	s := &server{cfg}
	list := routes(cfg.Handlers, cfg.Metrics)
	cfg.Metrics.watch(cfg, list)
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = s.extractor()
	// Gzip stands inside the log, so that what is logged is what was sent.
	e.Use(s.transport, s.describe, s.log, s.recover, s.headers,
		middleware.GzipWithConfig(middleware.GzipConfig{Level: 5, MinLength: 1024, Skipper: isPacked}),
		s.prefer, s.sameSite, s.limitBody)
	for _, r := range list {
		h := s.guard(r)
		e.Add(r.method, r.path, h)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, h)
		}
	}
	files := static.Handler()
	// No ServeMux: it would answer odd paths by itself, past the headers and
	// the log.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/static/") {
			setSecurityHeaders(w.Header(), s.overTLS(r))
			files.ServeHTTP(w, r)
			cfg.Metrics.static.Inc()
			return
		}
		e.ServeHTTP(w, r)
	})
}

// describe says where a request came from, for the log and for the handlers.
func (s *server) describe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := rand.Text()
		c.Response().Header().Set("X-Request-Id", id)
		r := c.Request()
		ctx := handlers.WithOrigin(r.Context(), audit.Origin{Address: c.RealIP(), UserAgent: r.UserAgent(), RequestID: id})
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

// log writes one line a request. Query and body are left out: they may hold
// names and reasons.
func (s *server) log(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		brokeOff := err != nil && c.Response().Committed
		if err != nil {
			c.Error(err) // the answer is written now, so that its status is known here
		}
		level := slog.LevelInfo
		took := time.Since(start)
		s.Metrics.request(c.Path(), c.Request().Method, c.Response().Status, took)
		if p := c.Path(); p == "/healthz" || p == "/readyz" || p == "/metrics" {
			level = slog.LevelDebug
		}
		s.Logger.Log(c.Request().Context(), level, "request",
			"method", c.Request().Method, "path", c.Request().URL.Path, "status", c.Response().Status,
			"bytes", c.Response().Size, "duration", took.Round(time.Microsecond),
			"client", c.RealIP(), "request_id", requestID(c))
		if brokeOff {
			panic(http.ErrAbortHandler) // half an export must not look like a whole one
		}
		return nil
	}
}

func requestID(c echo.Context) string { return handlers.OriginFrom(c.Request().Context()).RequestID }

// prefer puts the reader's language, zone and theme into the context.
func (s *server) prefer(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		language, ok := i18n.Parse(cookieValue(r, languageCookie))
		if !ok {
			language = i18n.Match(r.Header.Get("Accept-Language"))
		}
		ctx := i18n.WithLanguage(r.Context(), language)
		if zone, ok := i18n.Zone(cookieValue(r, zoneCookie)); ok {
			ctx = i18n.WithZone(ctx, zone)
		}
		if t := handlers.Theme(cookieValue(r, themeCookie)); t == handlers.ThemeLight || t == handlers.ThemeDark {
			ctx = handlers.WithTheme(ctx, t)
		}
		if cookieValue(r, shortcutsCookie) == "off" {
			ctx = handlers.WithoutShortcuts(ctx)
		}
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

func cookieValue(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// guard loads the session and holds the route's access.
func (s *server) guard(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r.access == overSafeTransport && !safeToSignIn(c) {
			return &handlers.Problem{Status: http.StatusForbidden, Kind: handlers.ProblemInsecure}
		}
		if r.access == fromMachine {
			if s.MetricsElsewhere || !onMachine(c) {
				return &handlers.Problem{Status: http.StatusNotFound, Kind: handlers.ProblemNotFound}
			}
			return r.handler(c)
		}
		viewer, ok, err := s.identify(c)
		if err != nil {
			return unavailable(err)
		}
		if ok {
			c.SetRequest(c.Request().WithContext(s.viewing(c.Request().Context(), viewer)))
		} else if r.access == signedIn {
			return &handlers.Problem{Status: http.StatusUnauthorized, Kind: handlers.ProblemSignIn}
		}
		return r.handler(c)
	}
}

// viewing puts the signed-in person, and the language of their session, into
// the context.
func (*server) viewing(ctx context.Context, v handlers.Viewer) context.Context {
	origin := handlers.OriginFrom(ctx)
	origin.Session = v.SessionName
	ctx = handlers.WithOrigin(handlers.WithViewer(ctx, v), origin)
	return i18n.WithLanguage(ctx, i18n.Language(v.Caller.Language))
}

// identify returns who the request's session belongs to.
func (s *server) identify(c echo.Context) (handlers.Viewer, bool, error) {
	session, err := s.Sessions.Get(c.Request(), cookieName(isSecure(c)))
	if err != nil || session.IsNew {
		return handlers.Viewer{}, false, err
	}
	held, ok := session.Values[contentKey{}].(content)
	if !ok {
		return handlers.Viewer{}, false, nil
	}
	row := rowKey(session.ID)
	// A page that refreshes itself is no sign of a person.
	if !handlers.IsRefresh(c) {
		if err := s.Sessions.touch(c.Request().Context(), row); err != nil {
			s.Logger.Warn("a session's last use is not noted", "error", err)
		}
	}
	return s.Sessions.viewer(row, held), true, nil
}

// isPacked reports whether the answer is compressed already: a zip, or a stream
// or a list, whose parts are compressed once for all.
func isPacked(c echo.Context) bool {
	return c.Path() == "/tickets" || c.Path() == "/tickets/views" || strings.HasSuffix(c.Path(), "/events") || c.Path() == "/audit/export" && c.QueryParam("format") == "bundle"
}
