package web

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
	"coc-console/internal/ratelimit"
)

// limited calls next unless the person has used up what one person may use.
func (s *server) limited(c echo.Context, r route, v handlers.Viewer, next func() error) error {
	p := s.People
	if p == nil || r.budget == free {
		return next()
	}
	who := handlers.PersonKey(v.Actor)
	if r.budget == acting {
		if wait, ok := p.Take(who, ratelimit.Operations); !ok {
			return s.tooMuch(c, v, ratelimit.Operations, wait)
		}
		return next()
	}
	if wait, ok := p.Take(who, ratelimit.Requests); !ok {
		return s.tooMuch(c, v, ratelimit.Requests, wait)
	}
	if r.method != http.MethodPost {
		if wait, ok := p.Left(who, ratelimit.Records); !ok {
			return s.tooMuch(c, v, ratelimit.Records, wait)
		}
	}
	if r.budget == download {
		return s.download(c, v, next)
	}
	return next()
}

// waitDownload is what one who has too many downloads under way is told to wait.
const waitDownload = 30 * time.Second

// download counts the bytes that are carried away. One that has begun is not cut
// off: half a file must not look like a whole one.
func (s *server) download(c echo.Context, v handlers.Viewer, next func() error) error {
	p, who := s.People, handlers.PersonKey(v.Actor)
	if wait, ok := p.Left(who, ratelimit.Bytes); !ok {
		return s.tooMuch(c, v, ratelimit.Bytes, wait)
	}
	leave, ok := p.Enter(who, ratelimit.Downloads)
	if !ok {
		return s.tooMuch(c, v, ratelimit.Downloads, waitDownload)
	}
	defer leave()
	defer func() { p.Spend(who, ratelimit.Bytes, c.Response().Size) }()
	return next()
}

func (s *server) tooMuch(c echo.Context, v handlers.Viewer, k ratelimit.Kind, wait time.Duration) error {
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	s.Handlers.NoteLimited(c, v, k)
	return &handlers.Problem{Status: http.StatusTooManyRequests, Kind: handlers.ProblemLimited, Value: string(k)}
}

// RunLimits tells what was refused, once a minute, until ctx ends.
func RunLimits(ctx context.Context, p *ratelimit.People) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			p.Flush(true)
			return
		case <-tick.C:
			p.Flush(false)
		}
	}
}
