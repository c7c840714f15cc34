package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/listing"
	"coc-console/internal/live"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// How often the numbers of the frame are counted while a browser shows them. What COC is asked for is asked seldom.
const (
	countEvery = time.Second
	mineEvery  = 30 * time.Second
)

// CountEvents is the stream of the numbers beside sections and lists: one for each browser, whatever page it shows.
func (h *ticketPages) CountEvents(c echo.Context) error {
	leave, err := h.streamSlot(c)
	if err != nil {
		return err
	}
	defer leave()
	ctx, stop := context.WithCancel(c.Request().Context())
	defer stop()
	v, _ := ViewerFrom(ctx)
	l := &countLook{h: h, ctx: ctx, who: v, changed: make(chan struct{}, 1)}
	go l.follow()
	go l.countMine()
	session := live.Session{Key: v.SessionKey, Left: v.Expires.Sub(h.now()),
		Alive: func(ctx context.Context) bool { return h.alive(ctx, v) }}
	pages := h.numbers.Get(live.Key{View: viewName(v, "numbers "+v.Actor.UserID), Language: string(i18n.From(ctx))})
	err = live.Serve(h.streams, c, session, live.Source[templates.Numbers]{Changed: l.changed, Known: pages.Known,
		Show: func(have *live.Outline) (*live.Version[templates.Numbers], string, error) {
			n := h.board.Known(readerOf(v), h.now())
			version, err := pages.Render(everybody(ctx), n, have, func() (templates.Numbers, error) { return n, nil })
			return version, "", err
		}})
	if err != nil { // the browser is gone, most of the time
		h.logger.DebugContext(ctx, "stream of counts broke off", "error", err)
	}
	return nil
}

// countLook counts for one browser, until its context ends.
type countLook struct {
	h       *ticketPages
	ctx     context.Context //nolint:containedctx // it lives as long as one request
	who     Viewer
	changed chan struct{}
	seen    templates.Numbers // when it was last told: another page or browser of theirs may note what it has not
}

// follow counts again and again.
func (l *countLook) follow() {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	var list *watch.Viewer[watch.List]
	var changed <-chan struct{}
	joined := make(chan *watch.Viewer[watch.List])
	go l.join(joined)
	for {
		l.count(list)
		select {
		case list = <-joined:
			defer list.Close() //nolint:gocritic // there is one
			changed = list.Changed()
		case <-changed:
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
	}
}

// join looks at the list that nothing narrows, with the reader's own token. Who may not has no count of it.
func (l *countLook) join(to chan<- *watch.Viewer[watch.List]) {
	key := watch.ListKey{Account: l.who.Actor.AccountID, Project: l.who.Caller.ProjectID, Query: listing.New().Query}
	viewer, err := l.h.watch.JoinList(l.ctx, key, l.h.lent(l.who))
	if err != nil {
		l.h.logger.DebugContext(l.ctx, "tickets not counted", "user", l.who.Actor.UserName, "error", err)
		return
	}
	select {
	case to <- viewer:
	case <-l.ctx.Done():
		viewer.Close()
	}
}

// count counts once, and tells the stream of what differs. list may be nil.
func (l *countLook) count(list *watch.Viewer[watch.List]) {
	h, tickets := l.h, func(*templates.Numbers) {}
	if list != nil {
		if s := list.Snapshot(); !s.At.IsZero() {
			tickets = h.ticketsCounted(l.ctx, l.who, list)
		}
	}
	approvals, err := h.countApprovals(l.ctx, l.who)
	now := h.board.Note(readerOf(l.who), h.now(), func(n *templates.Numbers) {
		tickets(n)
		if err == nil {
			n.Approvals = approvals
		}
	})
	if now != l.seen {
		l.seen = now
		l.tell()
	}
}

func (l *countLook) tell() {
	select {
	case l.changed <- struct{}{}:
	default: // told already, and not looked yet
	}
}

// countMine counts the reader's own tickets, for which COC is asked each time.
func (l *countLook) countMine() {
	tick := time.NewTicker(mineEvery)
	defer tick.Stop()
	for {
		caller, err := l.h.sessions.Caller(l.ctx, l.who.SessionKey)
		if err != nil {
			return // the session is over
		}
		page, err := l.h.coc.ListTickets(l.ctx, caller, coc.TicketQuery{Creator: l.who.Actor.UserName, Limit: 1})
		if err == nil {
			team := l.h.countTeam(l.ctx, l.who) // COC has just let them list tickets
			l.h.board.Note(readerOf(l.who), l.h.now(), func(n *templates.Numbers) {
				if n.Mine = page.Total; team >= 0 {
					n.Team = team
				}
			})
			l.tell()
		}
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
	}
}

// ticketsCounted is what the list that nothing narrows tells a reader.
func (h *ticketPages) ticketsCounted(ctx context.Context, v Viewer,
	list *watch.Viewer[watch.List]) func(*templates.Numbers) {
	s := list.Snapshot()
	look := listLook{h: h, ctx: ctx, filter: listing.New(), reader: v, viewer: list}
	ids, _ := strings.CutPrefix(look.class(s).Name, narrow)
	return listing.Count(s, listing.Hides(ids))
}

func readerOf(v Viewer) listing.Reader {
	return listing.Reader{Account: v.Actor.AccountID, User: v.Actor.UserID, Project: v.Caller.ProjectID}
}
