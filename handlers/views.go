package handlers

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
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
	seen map[viewKey]time.Time
}

// viewKey holds the address as a hash: addresses are as long as their senders like.
type viewKey struct {
	session string
	address [sha256.Size]byte
	outcome audit.Outcome
}

func newViews() *views { return &views{seen: map[viewKey]time.Time{}} }

// first notes a view and reports whether it was not noted before.
func (v *views) first(k viewKey, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, known := v.seen[k]
	if known && now.Sub(at) < viewLife {
		return false
	}
	if len(v.seen) >= maxViews {
		clear(v.seen)
	}
	v.seen[k] = now
	return true
}

// sees is what a reader may see by themselves, without asking COC.
func (v Viewer) sees() audit.Visibility {
	return audit.Visibility{All: v.Manager, UserID: v.Actor.UserID}
}

// asksForAddresses reports whether a search tells by its results from where
// somebody works.
func asksForAddresses(q audit.Query) bool {
	return q.IP != "" || slices.ContainsFunc(q.Not, func(f audit.Filter) bool { return f.Field == audit.FieldIP })
}

// noteView writes that a page was read. A page that asks again by itself is
// written only when this session had not opened it.
func (h *Handlers) noteView(c echo.Context, r audit.Record) {
	ctx := c.Request().Context()
	key := viewKey{session: OriginFrom(ctx).Session, address: sha256.Sum256([]byte(c.Request().URL.RequestURI())), outcome: r.Outcome}
	if first := h.views.first(key, h.Now()); first || !IsRefresh(c) {
		h.note(ctx, r)
	}
}
