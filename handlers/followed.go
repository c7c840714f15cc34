package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/templates"
)

// How often a page of approvals or bulk operations is read again while a stream follows it, besides when something is
// recorded about an operation; and how often one without scripts, or room for its stream, asks again, in seconds.
const (
	followEvery   = time.Second
	refreshFollow = 5
)

// eventsOf is behind the address of a page that is followed, for its stream.
const eventsOf = "/events"

// ownVersions are the versions of a page that its reader alone sees, by its address.
func (h *base) ownVersions(c echo.Context) *live.Versions[templates.Parts] {
	ctx, u := c.Request().Context(), c.Request().URL
	v, _ := ViewerFrom(ctx)
	return h.own.Get(live.Key{View: viewName(v, strings.TrimSuffix(u.Path, eventsOf)), Class: v.Person,
		Language: string(i18n.From(ctx)), Zone: i18n.ZoneFrom(ctx).String(), Query: u.Query().Encode()})
}

// followed is how the page of a request is kept up to date: by a stream that begins with these parts.
func (h *base) followed(c echo.Context, parts templates.Parts) (templates.Live, error) {
	version, err := renderOwn(c.Request().Context(), h.ownVersions(c), nil, parts)
	if err != nil {
		return templates.Live{}, err
	}
	address := *c.Request().URL
	address.Path += eventsOf
	return templates.Live{Address: address.RequestURI(), Digest: version.Digest, Every: refreshFollow}, nil
}

// renderOwn makes the next version: of these parts, whatever was shown before.
func renderOwn(ctx context.Context, of *live.Versions[templates.Parts], have *live.Outline,
	parts templates.Parts) (*live.Version[templates.Parts], error) {
	return of.Render(ctx, &parts, have, func() (templates.Parts, error) { return parts, nil })
}

// follow sends what changes on a page that read reads again, until nothing can change any more: over says so. No parts
// are no change.
func (h *Handlers) follow(c echo.Context, read func() (parts templates.Parts, over bool, err error)) error {
	leave, err := h.streamSlot(c)
	if err != nil {
		return err
	}
	defer leave()
	if _, _, err := read(); err != nil { // an error is a page, not a stream that breaks off
		return err
	}
	ctx, stop := context.WithCancel(c.Request().Context())
	defer stop()
	v, _ := ViewerFrom(ctx)
	rung, still := h.bells.Listen(anyTicket)
	defer still()
	versions := h.ownVersions(c)
	return h.brokenOff(c, live.Serve(h.streams, c, h.session(v), live.Source[templates.Parts]{
		Changed: live.Ticks(ctx, followEvery), Also: rung, Known: versions.Known,
		Show: func(have *live.Outline) (*live.Version[templates.Parts], string, error) {
			if !h.alive(ctx, v) {
				return nil, live.EndSession, nil
			}
			parts, over, err := read()
			if err != nil || parts == nil {
				return nil, "", err
			}
			version, err := renderOwn(ctx, versions, have, parts)
			if err == nil && over {
				return version, endFinal, nil
			}
			return version, "", err
		}}))
}
