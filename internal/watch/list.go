package watch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"coc-console/internal/coc"
)

// List is the first page of a ticket list as it was seen last. It is shared and
// never changes.
type List struct {
	Meta
	Page coc.TicketPage
	// Waiting are the tickets of the query that wait for a decision, on
	// whatever page of the list they are, newest first, up to maxWaiting of
	// each state; WaitingTotal is how many there are. A query for one state has
	// none.
	Waiting      []coc.TicketSummary
	WaitingTotal int64
	// Running is how many tickets run, of a list that nothing narrows; -1 of another.
	Running int64
	// Figures are what is known of how far tickets are. Only a viewer that is
	// Whole may see them.
	Figures map[coc.ExecuteUUID]Figures
}

// Figures are a ticket's statistics, and when they were read; without a total COC's contradict each other.
type Figures struct {
	coc.Statistics
	At     time.Time
	status coc.TicketStatus // of the ticket, when they were read
}

// ListKey names a list as an account's project sees it: the first page of a
// query. Pages after it go by a marker and are nobody else's business.
type ListKey struct {
	Account string
	Project string // the id, as in the callers of those who join; empty with a token of account scope
	Query   coc.TicketQuery
}

// maxRows is the longest page of a list (docs/coc-api.md section 11).
const maxRows = 100

// maxWaiting bounds the tickets of one state that wait for a decision.
const maxWaiting = 20

// The interval of the figures. COC's limits for calls are not known, so that a
// poll reads those of a few tickets only, in turn.
const (
	maxFigures     = 8 // read by one poll
	figuresResting = time.Minute
	keptFigures    = 5000
)

// listKey is a ListKey that can be compared.
type listKey struct {
	account, project, session string
	limit                     int32
	from, to                  int64
	creator, name             string
	status                    coc.TicketStatus
}

// JoinList starts to look at a list. Its errors are those of Join, and ErrQuery.
func (w *Watcher) JoinList(ctx context.Context, key ListKey, cred Credentials) (*Viewer[List], error) {
	q := key.Query
	if q.Limit < 1 || q.Limit > maxRows || q.Marker != 0 {
		return nil, ErrQuery
	}
	at := listKey{account: key.Account, project: key.Project, session: own(key.Project, cred.Session), limit: q.Limit,
		from: millis(q.From), to: millis(q.To), creator: q.Creator, name: q.NameLike, status: q.Status}
	return w.lists.join(ctx, at, key.Project, cred, func() feed[List] {
		return &listFeed{w: w, query: q, of: ticketKey{Key{Account: key.Account, Project: key.Project}, at.session}}
	})
}

// millis is a time as the list's calls carry it; 0 = absent.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// listFeed reads one list.
type listFeed struct {
	w     *Watcher
	query coc.TicketQuery
	of    ticketKey // whose tickets they are; names none

	mu        sync.Mutex
	offered   *coc.TicketPage // of a check
	offeredAt time.Time

	now  List // of the poller's goroutine alone
	read bool
	seen bool // the last poll has read figures
}

// check reads the list, and the figures of one of its tickets: who may list
// tickets need not be allowed to open them (docs/coc-api.md section 13.1).
func (f *listFeed) check(ctx context.Context, caller coc.Caller) error {
	page, err := f.w.cfg.Client.ListTickets(ctx, caller, f.query)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.offered, f.offeredAt = &page, f.w.cfg.Now()
	f.mu.Unlock()
	i := slices.IndexFunc(page.Tickets, func(t coc.TicketSummary) bool { return !t.Over() })
	if len(page.Tickets) == 0 {
		return errNarrow
	}
	if err := f.readFigures(ctx, caller, page.Tickets[max(i, 0)]); err != nil {
		return errors.Join(errNarrow, err)
	}
	return nil
}

func (f *listFeed) list(ctx context.Context, caller coc.Caller) (coc.TicketPage, error) {
	f.mu.Lock()
	offered, at := f.offered, f.offeredAt
	f.offered = nil
	f.mu.Unlock()
	if offered != nil && f.w.cfg.Now().Sub(at) < maxOffer {
		return *offered, nil
	}
	return f.w.cfg.Client.ListTickets(ctx, caller, f.query)
}

func (f *listFeed) poll(ctx context.Context, caller coc.Caller) (changed bool, err error) {
	before := f.now
	f.seen = false
	page, err := f.list(ctx, caller)
	if err != nil {
		return false, err
	}
	f.now.Page = bounded(page, f.query.Limit)
	err = gravest(f.readWaiting(ctx, caller), f.readDue(ctx, caller))
	f.now.Figures = f.known()
	changed = !f.read || !sameList(before, f.now)
	f.read = true
	return changed, err
}

// sameList compares all but when figures were read.
func sameList(a, b List) bool {
	return reflect.DeepEqual(a.Page, b.Page) && a.WaitingTotal == b.WaitingTotal && a.Running == b.Running &&
		slices.Equal(a.Waiting, b.Waiting) &&
		maps.EqualFunc(a.Figures, b.Figures, func(a, b Figures) bool {
			return reflect.DeepEqual(a.Statistics, b.Statistics)
		})
}

// bounded keeps what is shown of a page. The page it is given may be read by others meanwhile: it stays as it is.
func bounded(page coc.TicketPage, limit int32) coc.TicketPage {
	page.Tickets = slices.Clone(page.Tickets[:min(len(page.Tickets), int(limit))])
	for i := range page.Tickets {
		t := &page.Tickets[i]
		t.Name, t.Creator, t.RegionIDs = head(t.Name, maxText), head(t.Creator, maxText), head(t.RegionIDs, maxText)
		t.ExecuteUUID = coc.ExecuteUUID(head(string(t.ExecuteUUID), maxText))
		t.Status = coc.TicketStatus(head(string(t.Status), maxText))
	}
	return page
}

// readWaiting finds all tickets that wait for a decision, whatever the list is
// narrowed to: on the page, if that is the whole of an unfiltered list, else by
// asking for their states.
func (f *listFeed) readWaiting(ctx context.Context, caller coc.Caller) error {
	if f.plain() && f.now.Page.Total <= int64(len(f.now.Page.Tickets)) {
		f.now.Running = 0
		for _, t := range f.now.Page.Tickets {
			if t.Status == coc.TicketProcessing {
				f.now.Running++
			}
		}
		f.now.Waiting = slices.DeleteFunc(slices.Clone(f.now.Page.Tickets), func(t coc.TicketSummary) bool {
			return !t.Waits()
		})
		f.now.WaitingTotal = int64(len(f.now.Waiting))
		return nil
	}
	found, err := f.askWaiting(ctx, caller)
	if err = gravest(err, f.askRunning(ctx, caller)); err != nil {
		return err
	}
	f.now.Waiting, f.now.WaitingTotal = nil, 0
	for _, page := range found {
		for _, t := range bounded(page, maxWaiting).Tickets {
			switch {
			case !t.Waits(): // over, for all its state
				f.now.WaitingTotal--
			case slices.ContainsFunc(f.now.Waiting, func(o coc.TicketSummary) bool {
				return o.ExecuteUUID == t.ExecuteUUID
			}):
				f.now.WaitingTotal-- // it has changed its state between two calls
			default:
				f.now.Waiting = append(f.now.Waiting, t)
			}
		}
		f.now.WaitingTotal += page.Total
	}
	slices.SortStableFunc(f.now.Waiting, func(a, b coc.TicketSummary) int { return cmp.Compare(b.OrderID, a.OrderID) })
	return nil
}

// plain reports that nothing narrows the list.
func (f *listFeed) plain() bool { return f.query == (coc.TicketQuery{Limit: f.query.Limit}) }

// askRunning counts the tickets that run, for a list that nothing narrows.
func (f *listFeed) askRunning(ctx context.Context, caller coc.Caller) error {
	if f.now.Running = -1; !f.plain() {
		return nil
	}
	page, err := f.w.cfg.Client.ListTickets(ctx, caller, coc.TicketQuery{Status: coc.TicketProcessing, Limit: 1})
	if err == nil {
		f.now.Running = page.Total
	}
	return err
}

// askWaiting asks for the tickets in each state that waits for a decision. What
// the endpoint calls the failed ones may be learnt by asking: then by its word alone.
func (f *listFeed) askWaiting(ctx context.Context, caller coc.Caller) ([]coc.TicketPage, error) {
	for {
		words := f.w.cfg.Client.FailedStatuses()
		states := append(slices.Clone(words), coc.TicketPaused)
		found, errs := make([]coc.TicketPage, len(states)), make([]error, len(states))
		var g sync.WaitGroup
		for i, state := range states {
			q := coc.TicketQuery{Status: state, Limit: maxWaiting}
			g.Go(func() { found[i], errs[i] = f.w.cfg.Client.ListTickets(ctx, caller, q) })
		}
		g.Wait()
		err := gravest(errs...)
		if err != nil || len(words) == 1 || len(f.w.cfg.Client.FailedStatuses()) > 1 {
			return found, err
		}
	}
}

// all are the tickets that the list shows, each once.
func (f *listFeed) all() []coc.TicketSummary {
	all := slices.Clone(f.now.Waiting)
	for _, t := range f.now.Page.Tickets {
		if !slices.ContainsFunc(f.now.Waiting, func(w coc.TicketSummary) bool {
			return w.ExecuteUUID == t.ExecuteUUID
		}) {
			all = append(all, t)
		}
	}
	return all
}

// readDue reads the figures that are due, until COC refuses some.
func (f *listFeed) readDue(ctx context.Context, caller coc.Caller) error {
	due := f.due()
	if len(due) == 0 {
		return nil
	}
	// The first tells whether this token may.
	if err := f.readFigures(ctx, caller, due[0]); err != nil {
		if upstream, ok := errors.AsType[*coc.Error](err); ok && (upstream.Forbidden() || upstream.NotFound()) {
			return nil
		}
		return err
	}
	f.seen = true
	errs := make([]error, len(due))
	var g errgroup.Group
	g.SetLimit(maxParallel)
	for i, t := range due[1:] {
		g.Go(func() error {
			errs[i] = f.readFigures(ctx, caller, t)
			return nil
		})
	}
	_ = g.Wait() // each error is kept by itself
	for i, err := range errs {
		if ended := denial(err); ended != nil && ended.Reason != ReasonSession {
			errs[i] = nil // it is about one ticket, not about the list
		}
	}
	return gravest(errs...)
}

// due are the tickets whose figures are worth reading now: those that have
// moved, then those that run, by how long ago they were read. Those that wait
// for a decision may still have instances that run to their end. What was over
// when it was seen first has none.
func (f *listFeed) due() []coc.TicketSummary {
	type candidate struct {
		coc.TicketSummary
		at time.Time
	}
	var all []candidate
	for _, t := range f.all() {
		known, ok := f.w.figures.get(f.key(t))
		switch {
		case !ok && t.Over(), ok && known.status == t.Status && t.Over():
		case !ok || known.status != t.Status:
			all = append(all, candidate{t, time.Time{}})
		case !t.Waits() || f.w.cfg.Now().Sub(known.At) >= figuresResting:
			all = append(all, candidate{t, known.At})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.at.Compare(b.at) })
	var due []coc.TicketSummary
	for _, c := range all[:min(len(all), maxFigures)] {
		due = append(due, c.TicketSummary)
	}
	return due
}

func (f *listFeed) key(t coc.TicketSummary) ticketKey {
	key := f.of
	key.Ticket = t.ExecuteUUID
	return key
}

func (f *listFeed) readFigures(ctx context.Context, caller coc.Caller, t coc.TicketSummary) error {
	s, addUp, err := f.w.cfg.Client.ToldStatistics(ctx, caller, t.ExecuteUUID)
	if !addUp {
		s = coc.Statistics{} // a list reads no instances to count them
	}
	if err == nil {
		f.w.figures.put(f.key(t), Figures{s, f.w.cfg.Now(), t.Status})
	}
	return err
}

// known are the figures of the tickets that the list shows.
func (f *listFeed) known() map[coc.ExecuteUUID]Figures {
	all := map[coc.ExecuteUUID]Figures{}
	for _, t := range f.all() {
		if known, ok := f.w.figures.get(f.key(t)); ok {
			all[t.ExecuteUUID] = known
		}
	}
	return all
}

func (f *listFeed) interval() time.Duration {
	if slices.ContainsFunc(f.all(), func(t coc.TicketSummary) bool {
		return t.Status == coc.TicketProcessing || t.Status == coc.TicketReady
	}) {
		return f.w.cfg.Limits.ListFast
	}
	return f.w.cfg.Limits.ListSlow
}

func (f *listFeed) snapshot(meta Meta) *List {
	l := f.now
	l.Meta = meta
	return &l
}

func (f *listFeed) whole() bool { return f.seen }

// figures keeps what was read last of each ticket, for all lists that show it.
type figures struct {
	mu  sync.Mutex
	all map[ticketKey]Figures
}

func (f *figures) get(key ticketKey) (Figures, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.all[key]
	return known, ok
}

func (f *figures) put(key ticketKey, now Figures) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil || len(f.all) >= keptFigures {
		f.all = map[ticketKey]Figures{} // those that are shown are soon there again
	}
	f.all[key] = now
}
