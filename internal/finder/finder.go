package finder

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"coc-console/internal/coc"
)

// The bounds of a search. COC's limits for calls are not known, so that few are made at the same time.
const (
	newest      = 100              // tickets that are looked through besides those that are known
	newestFor   = 10 * time.Second // a list of them is new for so long
	readLimit   = 45 * time.Second // the reading of them may take so long
	readCalls   = 600              // of all of them together
	parallel    = 3
	maxHits     = 50               // tickets that are told
	checkedFor  = 10 * time.Minute // a ticket that a session could read counts as readable for so long
	maxChecked  = 10_000
	maxProjects = 1_000
)

// Finder looks through what it knows. Close ends what it reads.
type Finder struct {
	client *coc.Client
	logger *slog.Logger
	now    func() time.Time
	index  index

	ctx   context.Context //nolint:containedctx // of all reading, ends with Close
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex
	walks   map[Scope]*walk
	checked map[check]time.Time
}

type check struct {
	session string
	ticket  coc.ExecuteUUID
}

// New returns a Finder that knows nothing yet.
func New(client *coc.Client, logger *slog.Logger, now func() time.Time) *Finder {
	ctx, stop := context.WithCancel(context.Background())
	return &Finder{client: client, logger: logger, now: now, ctx: ctx, stop: stop, walks: map[Scope]*walk{},
		checked: map[check]time.Time{}}
}

// Close ends all reading.
func (f *Finder) Close() {
	f.stop()
	f.tasks.Wait()
}

// Request is what somebody looks for.
type Request struct {
	Scope   Scope
	Session string
	Caller  func(context.Context) (coc.Caller, error) // with the session's own token, as long as the session lives
	Sees    func(coc.Ticket) bool                     // the rules
	Text    string                                    // part of a host's name, an address, or an id
	Names   bool                                      // tickets are found by their names, too
}

// Hit is a ticket that was found: by its servers or, without any, by its name.
type Hit struct {
	coc.TicketSummary
	Hosts []Host
}

// Result is what was found so far.
type Result struct {
	Hits        []Hit     // newest first
	Cut         bool      // there are more than are told
	Looked, Of  int       // tickets that were looked through, and that are to be
	Since       time.Time // when the oldest of them was created
	Done        bool
	Interrupted error // why not all are looked through
}

// walk is one reading of a project's newest tickets, for all who search in it.
type walk struct {
	begun time.Time
	left  atomic.Int64 // tickets whose servers are to be read
	calls atomic.Int64
	done  chan struct{}
	err   error // once done is closed
}

// Find looks through what is known, and has the newest tickets read, for which it waits no longer than patience.
func (f *Finder) Find(ctx context.Context, r Request, patience time.Duration) (Result, error) {
	caller, err := r.Caller(ctx)
	if err != nil {
		return Result{}, err
	}
	named, err := f.named(ctx, caller, r)
	if err != nil {
		return Result{}, err
	}
	w := f.walk(r)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var res Result
	select {
	case <-w.done:
		res.Done, res.Interrupted = true, w.err
	case <-timer.C:
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	text := Typed(r.Text)
	hits, looked, since := f.index.looked(r.Scope, text, f.now())
	res.Looked, res.Of, res.Since = looked, looked+int(w.left.Load()), since
	res.Hits, res.Cut = f.readable(ctx, caller, r, newestFirst(hits))
	res.Hits = newestFirst(merge(res.Hits, named))
	return res, nil
}

// named are the tickets whose name has the text.
func (f *Finder) named(ctx context.Context, caller coc.Caller, r Request) ([]Hit, error) {
	if !r.Names {
		return nil, nil
	}
	page, err := f.client.ListTickets(ctx, caller, coc.TicketQuery{NameLike: r.Text, Limit: maxHits})
	var hits []Hit
	for _, t := range page.Tickets {
		if r.Sees(ticketOf(t)) {
			hits = append(hits, Hit{TicketSummary: t})
		}
	}
	return hits, err
}

func ticketOf(t coc.TicketSummary) coc.Ticket {
	return coc.Ticket{ExecuteUUID: t.ExecuteUUID, ScriptName: t.Name, Creator: t.Creator, Status: t.Status}
}

// merge adds the tickets that were found by their names to those that were found by their servers.
func merge(hits, named []Hit) []Hit {
	for _, n := range named {
		if i := slices.IndexFunc(hits, func(h Hit) bool { return h.ExecuteUUID == n.ExecuteUUID }); i < 0 {
			hits = append(hits, n)
		} else {
			hits[i].TicketSummary = n.TicketSummary
		}
	}
	return hits
}

func newestFirst(hits []Hit) []Hit {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(b.Created.Compare(a.Created), strings.Compare(string(a.ExecuteUUID), string(b.ExecuteUUID)))
	})
	return hits
}

// readable are the hits that the session's own token can read and the rules let it see, as they are now.
func (f *Finder) readable(ctx context.Context, caller coc.Caller, r Request, hits []Hit) (ok []Hit, cut bool) {
	cut = len(hits) > maxHits
	hits = hits[:min(len(hits), maxHits)]
	may := make([]bool, len(hits))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i := range hits {
		g.Go(func() error {
			may[i] = f.mayRead(ctx, caller, r, &hits[i])
			return nil
		})
	}
	_ = g.Wait() // what can't be read is not told
	for i, h := range hits {
		if may[i] {
			ok = append(ok, h)
		}
	}
	return ok, cut
}

func (f *Finder) mayRead(ctx context.Context, caller coc.Caller, r Request, h *Hit) bool {
	key := check{r.Session, h.ExecuteUUID}
	f.mu.Lock()
	at, known := f.checked[key]
	f.mu.Unlock()
	if known && f.now().Sub(at) < checkedFor {
		return r.Sees(ticketOf(h.TicketSummary))
	}
	t, err := f.client.Ticket(ctx, caller, h.ExecuteUUID)
	if err != nil {
		return false
	}
	h.Name, h.Creator, h.Status, h.Created, h.Finished = t.ScriptName, t.Creator, t.Status, t.Created, t.Finished
	f.mu.Lock()
	if len(f.checked) >= maxChecked {
		clear(f.checked)
	}
	f.checked[key] = f.now()
	f.mu.Unlock()
	return r.Sees(t)
}

// walk joins the reading of a project's newest tickets, or begins it.
func (f *Finder) walk(r Request) *walk {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.walks[r.Scope]
	if w != nil {
		select {
		case <-w.done:
			if w.err == nil && f.now().Sub(w.begun) < newestFor {
				return w
			}
		default:
			return w
		}
	}
	if len(f.walks) >= maxProjects {
		clear(f.walks) // those under way end by themselves
	}
	w = &walk{begun: f.now(), done: make(chan struct{})}
	f.walks[r.Scope] = w
	f.tasks.Go(func() {
		defer close(w.done)
		ctx, cancel := context.WithTimeout(f.ctx, readLimit)
		defer cancel()
		if w.err = f.read(ctx, w, r); w.err != nil {
			f.logger.DebugContext(ctx, "newest tickets not looked through", "left", w.left.Load(), "error", w.err)
		}
	})
	return w
}

var errCalls = errors.New("as many calls as a search may make")

// read reads the servers of the newest tickets that are not known.
func (f *Finder) read(ctx context.Context, w *walk, r Request) error {
	caller, err := r.Caller(ctx)
	if err != nil {
		return err
	}
	page, err := f.client.ListTickets(ctx, caller, coc.TicketQuery{Limit: newest})
	if err != nil {
		return err
	}
	unknown := slices.DeleteFunc(page.Tickets, func(t coc.TicketSummary) bool {
		return f.index.refresh(r.Scope, t, -1, f.now())
	})
	w.left.Store(int64(len(unknown)))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, t := range unknown {
		g.Go(func() error { return f.readTicket(ctx, w, r, t) })
	}
	return g.Wait()
}

// readTicket reads one ticket's servers. One that can't be read by itself is left out; a refusal that is about the
// session, or COC's limits, ends the reading.
func (f *Finder) readTicket(ctx context.Context, w *walk, r Request, t coc.TicketSummary) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	caller, err := r.Caller(ctx)
	if err != nil {
		return err
	}
	hosts, err := f.hosts(ctx, w, caller, t.ExecuteUUID)
	upstream, isUpstream := errors.AsType[*coc.Error](err)
	switch {
	case err == nil:
		f.index.put(r.Scope, t, hosts, f.now())
		w.left.Add(-1)
		return nil
	case isUpstream && upstream.NotFound():
		w.left.Add(-1)
		return nil
	}
	return err
}

func (f *Finder) hosts(ctx context.Context, w *walk, caller coc.Caller, id coc.ExecuteUUID) ([]Host, error) {
	if w.calls.Add(1) > readCalls {
		return nil, errCalls
	}
	batches, err := f.client.Batches(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	var hosts []Host
	for _, b := range batches[:min(len(batches), coc.MaxBatchIndex)] {
		if w.calls.Add(1) > readCalls {
			return nil, errCalls
		}
		rows, err := f.client.AllInstances(ctx, caller, id, b.Index)
		if err != nil {
			return nil, err
		}
		for _, i := range rows {
			hosts = append(hosts, hostOf(b.Index, i))
		}
	}
	return hosts, nil
}
