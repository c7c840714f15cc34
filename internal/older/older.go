package older

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"coc-console/internal/coc"
)

// The bounds of a reading. COC's limits for calls are not known, so that one is made at a time, with a rest in between.
const (
	perCall   = 100  // tickets, as many as COC gives
	maxRead   = 5000 // of one list
	maxLists  = 200
	rest      = 200 * time.Millisecond
	newFor    = 2 * time.Minute
	readLimit = 3 * time.Minute
)

// List names the list that is read: in a project or, with a token of account scope, of one session.
type List struct {
	Account, Project, Session string
	Query                     coc.TicketQuery
}

type key struct {
	account, project, session, creator, name string
	status                                   coc.TicketStatus
	from, to                                 int64
}

// Tickets are what was read of a list, the newest first. All is shared: it is not changed.
type Tickets struct {
	All   []coc.TicketSummary
	Total int64
	Done  bool // all were read, or as many as are read of a list
}

// Reader reads lists. Close ends that.
type Reader struct {
	client *coc.Client
	logger *slog.Logger
	now    func() time.Time
	told   func()

	ctx   context.Context //nolint:containedctx // of all reading, ends with Close
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu  sync.Mutex
	all map[key]*reading
}

type reading struct {
	begun   time.Time
	running bool
	last    Tickets // that are whole
	now     Tickets // of the reading under way
}

// New returns a Reader that calls told after each page; told must not wait for anything.
func New(client *coc.Client, logger *slog.Logger, now func() time.Time, told func()) *Reader {
	ctx, stop := context.WithCancel(context.Background())
	return &Reader{client: client, logger: logger, now: now, told: told, ctx: ctx, stop: stop, all: map[key]*reading{}}
}

// Close ends all reading.
func (r *Reader) Close() {
	r.stop()
	r.tasks.Wait()
}

// Of returns what is known of a list, and has it read where that is not new any more: with the token that caller lends.
// It waits for nothing. Whoever asks must have been let in to the list.
func (r *Reader) Of(l List, caller func(context.Context) (coc.Caller, error)) Tickets {
	q := l.Query
	at := key{l.Account, l.Project, l.Session, q.Creator, q.NameLike, q.Status, millis(q.From), millis(q.To)}
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.all[at]
	if one == nil {
		if len(r.all) >= maxLists {
			clear(r.all) // those under way end by themselves
		}
		one = &reading{}
		r.all[at] = one
	}
	if !one.running && (one.begun.IsZero() || r.now().Sub(one.begun) >= newFor) && r.ctx.Err() == nil {
		one.begun, one.running, one.now = r.now(), true, Tickets{}
		r.tasks.Go(func() { r.read(one, q, caller) })
	}
	if one.last.Done {
		return one.last
	}
	return one.now
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// read reads page after page.
func (r *Reader) read(one *reading, q coc.TicketQuery, caller func(context.Context) (coc.Caller, error)) {
	ctx, cancel := context.WithTimeout(r.ctx, readLimit)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	q.Limit, q.Marker = perCall, 0
	for done := false; !done; {
		var err error
		select {
		case <-timer.C:
			done, err = r.readPage(ctx, one, &q, caller)
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			r.logger.DebugContext(ctx, "list not read to its end", "read", q.Marker, "error", err)
			done = true
		}
		timer.Reset(rest)
	}
	r.mu.Lock()
	one.running = false
	if one.now.Done {
		one.last, one.now = one.now, Tickets{}
	}
	r.mu.Unlock()
	r.told()
}

func (r *Reader) readPage(ctx context.Context, one *reading, q *coc.TicketQuery,
	caller func(context.Context) (coc.Caller, error)) (done bool, err error) {
	c, err := caller(ctx)
	if err != nil {
		return false, err
	}
	page, err := r.client.ListTickets(ctx, c, *q)
	if err != nil {
		return false, err
	}
	rows := page.Tickets[:min(len(page.Tickets), perCall)]
	r.mu.Lock()
	defer r.mu.Unlock()
	one.now.All = append(slices.Clip(one.now.All), rows...)
	one.now.Total = page.Total
	if len(rows) > 0 {
		q.Marker = rows[len(rows)-1].OrderID
	}
	one.now.Done = len(rows) < perCall || len(one.now.All) >= maxRead
	r.told()
	return one.now.Done, nil
}
