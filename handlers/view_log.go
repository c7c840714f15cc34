package handlers

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/present"
)

// viewLife is how long a page that refreshes itself counts as one view.
const viewLife = time.Hour

// maxViews bounds what is remembered; beyond it everything is forgotten, and
// the next refresh of each page is written once more.
const maxViews = 10_000

// views remembers which pages a session has opened, so that a page which
// refreshes itself every few seconds is one record and not hundreds.
type views struct {
	mu   sync.Mutex
	seen map[viewKey]view
}

// view is when a page was opened, and the newest record that it showed.
type view struct {
	at     time.Time
	newest int64
}

// viewKey holds the address as a hash: addresses are as long as their senders like.
type viewKey struct {
	session string
	address [sha256.Size]byte
	outcome audit.Outcome
}

func newViews() *views { return &views{seen: map[viewKey]view{}} }

// first notes a view and reports whether it was not noted before.
func (v *views) first(k viewKey, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if before, known := v.seen[k]; known && now.Sub(before.at) < viewLife {
		return false
	}
	v.put(k, view{at: now})
	return true
}

func (v *views) put(k viewKey, opened view) {
	if len(v.seen) >= maxViews {
		clear(v.seen)
	}
	v.seen[k] = opened
}

// open notes that the newest page of a search was opened.
func (v *views) open(k viewKey, newest int64, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(k, view{now, newest})
}

// continues reports whether a search that was opened is asked for nothing but
// what has come since.
func (v *views) continues(k viewKey, after int64, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	opened, known := v.seen[k]
	return known && now.Sub(opened.at) < viewLife && after >= opened.newest
}

// noteSearch writes that the log was searched. A list that grows by itself is
// one view, as long as it asks for newer records only: whoever marks another
// request as its own doing is recorded, too.
func (h *base) noteSearch(c echo.Context, form *present.LogForm, q search.Query, found search.Page, r audit.Record) {
	ctx := c.Request().Context()
	key := viewKey{session: OriginFrom(ctx).Session,
		address: sha256.Sum256([]byte("search " + form.Filters().Encode()))}
	now := h.now()
	if IsRefresh(c) && q.Before == 0 && q.After > 0 && h.views.continues(key, q.After, now) {
		return
	}
	if q.Before == 0 {
		newest := q.After
		if q.After == 0 && len(found.Records) > 0 {
			newest = found.Records[0].Sequence
		}
		h.views.open(key, newest, now)
	}
	h.noteSoon(ctx, r)
}

// sees is what a reader may see by themselves, without asking COC.
func (v Viewer) sees() search.Visibility {
	return search.Visibility{All: v.Manager, UserID: v.Actor.UserID}
}

// asksForAddresses reports whether a search tells by its results from where
// somebody works.
func asksForAddresses(q search.Query) bool {
	return q.IP != "" || slices.ContainsFunc(q.Not, func(f search.Filter) bool { return f.Field == search.FieldIP })
}

// noteView writes that a page was read. A page that asks again by itself is
// written only when this session had not opened it.
func (h *base) noteView(c echo.Context, r audit.Record) {
	h.noteViewOf(c, c.Request().URL.RequestURI(), r)
}

// noteViewOf is noteView of a page by its address, for what belongs to a page
// and is asked for at another.
func (h *base) noteViewOf(c echo.Context, address string, r audit.Record) {
	ctx := c.Request().Context()
	key := viewKey{session: OriginFrom(ctx).Session, address: sha256.Sum256([]byte(address)), outcome: r.Outcome}
	if first := h.views.first(key, h.now()); first || !IsRefresh(c) {
		h.noteSoon(ctx, r)
	}
}
