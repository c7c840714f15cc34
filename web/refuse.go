package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
)

// sameSite refuses what another site's page sends or fetches. Reading is refused,
// too: it writes a record in the name of whose browser it is, and takes a stream.
// Another port of the same host is another site. A link may still lead here.
func (s *server) sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	if s.Outside.Origin != "" { // a proxy may call the console by another name than the browser
		if err := protection.AddTrustedOrigin(s.Outside.Origin); err != nil {
			s.Logger.Warn("the origin of --url is not trusted", "origin", s.Outside.Origin, "error", err)
		}
	}
	return func(c echo.Context) error {
		err := protection.Check(c.Request())
		if err == nil && !s.route(c).forPrograms() && fetchedByOther(c.Request()) {
			err = errFetched
		}
		if err == nil {
			return next(c)
		}
		s.Metrics.refuse(handlers.RefusedCrossSite)
		// Whose browser it is goes into the record and the page; that it can't be told is no reason to stop here.
		if v, ok, err := s.owner(c); ok && err == nil {
			c.SetRequest(c.Request().WithContext(s.viewing(c.Request().Context(), v)))
		}
		s.Handlers.NoteRefused(c, handlers.RefusedCrossSite, handlers.Opener{})
		return &handlers.Problem{Status: http.StatusForbidden, Kind: handlers.ProblemCrossSite, Err: err}
	}
}

var errFetched = errors.New("another site's page fetches this address")

// forPrograms reports whether a route is for programs that have no session.
func (r route) forPrograms() bool { return r.access == probe || r.access == fromMachine }

// fetchedByOther reports whether a browser says that the page of another site, or
// of another port, makes this request, and that it is not somebody who follows a
// link in a window or tab of its own. Clients that send no such header are no
// browsers, or old ones.
func fetchedByOther(r *http.Request) bool {
	h := r.Header
	switch h.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	ahead := strings.Contains(h.Get("Sec-Purpose"), "prefetch") || h.Get("Purpose") == "prefetch"
	return h.Get("Sec-Fetch-Mode") != "navigate" || h.Get("Sec-Fetch-Dest") != "document" || ahead
}
