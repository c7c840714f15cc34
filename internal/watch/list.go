package watch

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"coc-console/internal/coc"
)

// List is the first page of a ticket list as it was seen last. It is shared and
// never changes.
type List struct {
	Meta
	Page coc.TicketPage
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
	return w.lists.join(ctx, at, key.Project, cred, func() feed[List] { return &listFeed{w: w, query: q} })
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

	mu        sync.Mutex
	offered   *coc.TicketPage // of a check
	offeredAt time.Time

	page coc.TicketPage // of the view's goroutine alone
	read bool
}

func (f *listFeed) check(ctx context.Context, caller coc.Caller) error {
	page, err := f.w.Client.ListTickets(ctx, caller, f.query)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offered, f.offeredAt = &page, f.w.Now()
	return nil
}

func (f *listFeed) list(ctx context.Context, caller coc.Caller) (coc.TicketPage, error) {
	f.mu.Lock()
	offered, at := f.offered, f.offeredAt
	f.offered = nil
	f.mu.Unlock()
	if offered != nil && f.w.Now().Sub(at) < maxOffer {
		return *offered, nil
	}
	return f.w.Client.ListTickets(ctx, caller, f.query)
}

func (f *listFeed) poll(ctx context.Context, caller coc.Caller) (changed bool, err error) {
	page, err := f.list(ctx, caller)
	if err != nil {
		return false, err
	}
	page.Tickets = slices.Clip(page.Tickets[:min(len(page.Tickets), int(f.query.Limit))])
	for i := range page.Tickets {
		t := &page.Tickets[i]
		t.Name, t.Creator, t.RegionIDs = head(t.Name, maxText), head(t.Creator, maxText), head(t.RegionIDs, maxText)
		t.ExecuteUUID, t.Status = coc.ExecuteUUID(head(string(t.ExecuteUUID), maxText)), coc.TicketStatus(head(string(t.Status), maxText))
	}
	changed = !f.read || !reflect.DeepEqual(page, f.page)
	f.page, f.read = page, true
	return changed, nil
}

func (f *listFeed) rhythm() time.Duration {
	if slices.ContainsFunc(f.page.Tickets, func(t coc.TicketSummary) bool {
		return t.Status == coc.TicketProcessing || t.Status == coc.TicketReady
	}) {
		return f.w.Limits.ListFast
	}
	return f.w.Limits.ListSlow
}

func (f *listFeed) snapshot(meta Meta) *List { return &List{Meta: meta, Page: f.page} }
