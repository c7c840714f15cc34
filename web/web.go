// Package web is the HTTP server: the list of routes, the sessions, the
// security headers, and the one place where an error becomes a status and a
// page. The pages themselves are package handlers'.
package web

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/forwarded"
	"coc-console/internal/i18n"
	"coc-console/internal/outside"
	"coc-console/internal/ratelimit"
	"coc-console/internal/store"
	"coc-console/static"
)

// Config is what the server stands on. TrustedProxies and Metrics may
// be empty; all else is required.
type Config struct {
	Handlers       *handlers.Handlers
	Observed       handlers.Config // what the handlers stand on, whose state the metrics tell
	Sessions       *Sessions
	TrustedProxies []netip.Prefix
	Logger         *slog.Logger
	Metrics        *Metrics // nil: some of its own
	// MetricsElsewhere says that /metrics has an address of its own, and is
	// not served here.
	MetricsElsewhere bool
	// HSTSSubdomains makes browsers that came over TLS use it for all names
	// below the console's, too.
	HSTSSubdomains bool
	// People limits what each person uses; nil: nothing is limited.
	People *ratelimit.People
	// Outside is where people reach the console.
	Outside outside.Address
}

type server struct {
	Config
	routes  map[string]route // by method and path
	proxies *forwarded.Proxies
}

// New returns the console's handler.
func New(cfg Config) http.Handler {
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics()
	}
	s := &server{Config: cfg, routes: map[string]route{},
		proxies: &forwarded.Proxies{Trusted: cfg.TrustedProxies, Logger: cfg.Logger}}
	if end := cfg.Handlers.EndStreams; cfg.Sessions != nil {
		cfg.Sessions.onEnd.Store(&end)
	}
	list := routes(cfg.Handlers, cfg.Metrics)
	cfg.Metrics.watch(cfg, list)
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.errorHandler
	e.IPExtractor = s.proxies.Client
	// Gzip stands inside the log, so that what is logged is what was sent.
	e.Use(s.limitTime, s.transport, s.withOrigin, s.log, s.recover, s.headers, s.leadOutside,
		middleware.GzipWithConfig(middleware.GzipConfig{Level: 5, MinLength: 1024, Skipper: s.isCompressed}),
		s.withPreferences, s.sameSite, s.limitBody)
	for _, r := range list {
		methods := []string{r.method}
		if r.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		e.Match(methods, r.path, s.guard(r))
		for _, m := range methods {
			s.routes[m+" "+r.path] = r
		}
	}
	files := static.Handler()
	// No ServeMux: it would answer odd paths by itself, past the headers and
	// the log.
	return cfg.Outside.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/static/") {
			s.setSecurityHeaders(w.Header(), s.proxies.OverTLS(r))
			files.ServeHTTP(w, r)
			cfg.Metrics.static.Inc()
			return
		}
		e.ServeHTTP(w, r)
	}))
}

// leadOutside stands behind whatever sets headers at the last moment. It lets what an answer leads to, and its
// cookies, be where people reach the console.
func (s *server) leadOutside(next echo.HandlerFunc) echo.HandlerFunc {
	if s.Outside.Path == "" {
		return next
	}
	return func(c echo.Context) error {
		c.Response().Before(func() { s.Outside.Header(c.Response().Header()) })
		return next(c)
	}
}

// route is the route that a request was found to be for, or none.
func (s *server) route(c echo.Context) route { return s.routes[c.Request().Method+" "+c.Path()] }

// limitTime bounds what a page waits for.
func (s *server) limitTime(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !s.route(c).endless {
			ctx, cancel := context.WithTimeout(c.Request().Context(), requestTimeout)
			defer cancel()
			c.SetRequest(c.Request().WithContext(ctx))
		}
		return next(c)
	}
}

// withOrigin says where a request came from, for the log and for the handlers.
func (s *server) withOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := rand.Text()
		c.Response().Header().Set("X-Request-Id", id)
		r := c.Request()
		ctx := handlers.WithOrigin(r.Context(), audit.Origin{Address: c.RealIP(), UserAgent: r.UserAgent(),
			RequestID: id})
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
		if s.route(c).forPrograms() {
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

// withPreferences puts the reader's language, zone and theme into the context.
func (s *server) withPreferences(next echo.HandlerFunc) echo.HandlerFunc {
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

var errPlain = errors.New("a sign-in came over plain http from another machine: is the proxy in --trusted-proxies, and does it send " +
	"X-Forwarded-Proto?")

// guard loads the session and holds the route's access.
func (s *server) guard(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r.access == overSafeTransport && !s.safeToSignIn(c) {
			return &handlers.Problem{Status: http.StatusForbidden, Kind: handlers.ProblemInsecure, Err: errPlain}
		}
		if r.access == fromMachine {
			if s.MetricsElsewhere || !s.proxies.OnMachine(c.Request()) {
				return &handlers.Problem{Status: http.StatusNotFound, Kind: handlers.ProblemNotFound}
			}
			return r.handler(c)
		}
		viewer, ok, err := s.identify(c)
		if err != nil {
			return renewalProblem(err)
		}
		if ok {
			c.SetRequest(c.Request().WithContext(s.viewing(c.Request().Context(), viewer)))
			return s.limited(c, r, viewer, func() error { return s.ofPerson(c, r, viewer) })
		} else if r.access == signedIn || r.access == signedInNow {
			return &handlers.Problem{Status: http.StatusUnauthorized, Kind: handlers.ProblemSignIn}
		}
		return r.handler(c)
	}
}

// requestTimeout bounds what a page waits for: it is more than its calls to COC
// and its searches may take one after the other.
const requestTimeout = 2 * time.Minute

// viewing puts the signed-in person, and the language of their session, into
// the context.
func (*server) viewing(ctx context.Context, v handlers.Viewer) context.Context {
	origin := handlers.OriginFrom(ctx)
	origin.Session = v.SessionName
	ctx = handlers.WithOrigin(handlers.WithViewer(ctx, v), origin)
	return i18n.WithLanguage(ctx, i18n.Language(v.Caller.Language))
}

// identify returns who the request's session belongs to, and notes its use.
func (s *server) identify(c echo.Context) (handlers.Viewer, bool, error) {
	v, ok, err := s.owner(c)
	// A page that refreshes itself is no sign of a person.
	if ok && !handlers.IsRefresh(c) {
		s.touch(c.Request().Context(), v.SessionKey)
	} else if ok {
		s.Handlers.NoteRefresh(c, v)
	}
	return v, ok, err
}

// owner is identify for a request that is no use of the session.
func (s *server) owner(c echo.Context) (handlers.Viewer, bool, error) {
	session, err := s.Sessions.Get(c.Request(), s.Sessions.CookieName(isSecure(c)))
	if err != nil || session.IsNew {
		return handlers.Viewer{}, false, err
	}
	held, ok := session.Values[contentKey{}].(content)
	if !ok {
		return handlers.Viewer{}, false, nil
	}
	row := rowKey(session.ID)
	if r, ok := session.Values[rowValue{}].(store.Session); ok {
		held, err = s.Sessions.renewed(c.Request().Context(), r, held)
		if err == nil {
			err = s.Sessions.keep(c.Request().Context(), r, held)
		}
		if errors.Is(err, errNoSession) {
			return handlers.Viewer{}, false, nil
		}
		if err != nil {
			return handlers.Viewer{}, false, err
		}
	}
	return s.Sessions.viewer(row, held), true, nil
}

// The waits for a session's last use: a page waits no longer than that, the
// writing goes on without it.
const (
	touchPatience = 200 * time.Millisecond
	touchTimeout  = 10 * time.Second
)

// touch notes that a session is in use.
func (s *server) touch(ctx context.Context, row string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTimeout)
		defer cancel()
		if err := s.Sessions.touch(limited, row); err != nil {
			s.Logger.Warn("a session's last use is not noted", "error", err)
		}
	}()
	patience := time.NewTimer(touchPatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
}

// isCompressed reports whether the server leaves an answer as its handler writes it.
func (s *server) isCompressed(c echo.Context) bool {
	e := s.route(c).encoding
	return e == byHandler || e == never || e == unlessBundle && c.QueryParam("format") == "bundle"
}
