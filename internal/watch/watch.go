// Package watch is the shared live view of tickets and of ticket lists: one
// poller per ticket or list, however many people look.
//
// # What a viewer gets
//
// A Snapshot, or a List: an immutable value that all viewers share, with a
// version that only grows, the time of the last good answer for each of its
// parts, and what is wrong while polls fail. Changed tells of a newer one; who
// is slow skips those between, and never holds anybody up.
//
// # What is asked upstream
//
// A poll of a ticket is two calls, the ticket and its statistics; batches are
// read once, and instances only where the statistics say that they moved: an
// instance goes from READY over PROCESSING to an end and never back, so that
// every step changes a count, in a batch that the statistics name. Rows that
// run are read again now and then for their logs. Polls are Limits.Fast apart
// while something runs and Limits.Slow while the ticket waits for a decision, all
// within ±10 %; a poll that failed doubles the wait up to Limits.Backoff, and
// Retry-After is honoured on top. Polling ends with the ticket, and while
// nobody looks.
//
// A poll of a list is its first page; the tickets that wait for a decision,
// where the page is not the whole list; and the statistics of a few tickets, in
// turn, those first that have moved. Lists share the statistics.
//
// # Whose token
//
// Nobody sees what their own token could not read: Join reads the ticket with
// the token of the session that joins. A poll then takes the session that was
// used longest ago, which checks all of them in turn; one whose last check is
// older than Limits.Recheck is checked by a call of its own. A session that COC
// refuses (401, 403, 404 or an unknown ticket), or whose Credentials say that it
// has ended, is told by Viewer.Err, sees nothing newer, and the others
// go on. A session that was checked within Limits.Recheck joins without a call.
// Tokens are fetched for every use and kept nowhere here. A key without a
// project, which a token of account scope has, is shared within one session
// only. Statistics are another right than lists: who may not read them with
// their own token is not Whole, and is to be shown none.
// That everyone who may list a project's tickets sees the same list is
// inferred: coc:job:list knows no narrower right (docs/coc-api.md section 13.1).
package watch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/internal/coc"
)

// Config is what a Watcher stands on. Only Client is required.
type Config struct {
	Client *coc.Client
	Logger *slog.Logger
	Now    func() time.Time
	// After is time.After, on the same clock as Now.
	After func(time.Duration) <-chan time.Time
	// Random gives numbers in [0,1) for the jitter.
	Random func() float64
	Limits Limits
	// Archive keeps what is seen; nil: it is forgotten when nobody looks.
	Archive Archive
}

// Limits are the figures of a Watcher; zero fields take the defaults.
type Limits struct {
	Fast     time.Duration // between polls while something runs: 5 s
	Slow     time.Duration // while a ticket waits for a decision: 15 s
	ListFast time.Duration // for a list that holds a running ticket: 10 s
	ListSlow time.Duration // for other lists: 30 s
	Backoff  time.Duration // the longest wait that failures lead to: 60 s
	Running  time.Duration // between readings of rows that run, for their logs: 15 s
	Recheck  time.Duration // how long a session's check holds: 10 min
	Linger   time.Duration // how long a poller is kept when nobody looks: 60 s
	Nudge    time.Duration // the least time between polls that Nudge asks for: 1 s
	Eager    time.Duration // between polls while somebody may be about to operate: 700 ms
	Grace    time.Duration // how long a ticket that is over may have open instances: 10 min

	Tickets int // watched at the same time: 1000
	Lists   int // watched at the same time: 100
	Viewers int // of one ticket or list: 1000
	Polls   int // under way at the same time, of up to four calls each: 8
	Events  int // kept per ticket: 1000
}

// Every returns limits with polls that far apart while something runs, and the
// other waits in proportion; not positive means the defaults.
func Every(fast time.Duration) Limits {
	return Limits{Fast: fast, Slow: 3 * fast, ListFast: 2 * fast, ListSlow: 6 * fast, Running: 3 * fast}
}

func (l Limits) withDefaults() Limits {
	for field, usual := range map[*time.Duration]time.Duration{
		&l.Fast: 5 * time.Second, &l.Slow: 15 * time.Second, &l.ListFast: 10 * time.Second, &l.ListSlow: 30 * time.Second,
		&l.Backoff: time.Minute, &l.Running: 15 * time.Second, &l.Recheck: 10 * time.Minute, &l.Linger: time.Minute,
		&l.Nudge: time.Second, &l.Eager: 700 * time.Millisecond, &l.Grace: 10 * time.Minute,
	} {
		if *field <= 0 {
			*field = usual
		}
	}
	for field, usual := range map[*int]int{&l.Tickets: 1000, &l.Lists: 100, &l.Viewers: 1000, &l.Polls: 8,
		&l.Events: 1000} {
		if *field <= 0 {
			*field = usual
		}
	}
	return l
}

// Key names a ticket as an account's project sees it.
type Key struct {
	Account string
	Project string // the id, as in the callers of those who join; empty with a token of account scope
	Ticket  coc.ExecuteUUID
}

// Credentials give the token of one session.
type Credentials struct {
	// Session is an opaque id; viewers with the same one are checked together.
	Session string
	// Caller returns the session's caller. It is called before every use, so
	// that a session that has ended lends nothing: an error that wraps
	// coc.ErrNoCaller says just that. With any other one viewers wait.
	Caller func(context.Context) (coc.Caller, error)
}

// The errors of Join and JoinList, besides *Ended, ErrUnknown and what COC says.
var (
	ErrFull  = errors.New("watch: as many tickets, lists or viewers as the limits allow")
	ErrQuery = errors.New("watch: a shared list has 1 to 100 rows and starts at the first")
)

// Watcher holds the pollers. It is safe for concurrent use.
type Watcher struct {
	cfg     Config
	ctx     context.Context // ends with Close; all pollers run under it
	stop    context.CancelFunc
	done    sync.WaitGroup
	polls   chan struct{} // holds one for every poll that is under way
	tickets registry[ticketKey, Snapshot]
	lists   registry[listKey, List]
	figures figures
	hears   atomic.Pointer[func(Key, *Snapshot)]

	lookedMu sync.Mutex
	looked   map[Key]looked // the last of each ticket
}

// New returns a Watcher that watches nothing yet; Close ends it.
func New(cfg Config) *Watcher {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	cfg.Limits = cfg.Limits.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	w := &Watcher{cfg: cfg, ctx: ctx, stop: stop, polls: make(chan struct{}, cfg.Limits.Polls)}
	w.tickets = registry[ticketKey, Snapshot]{w: w, most: cfg.Limits.Tickets,
		pollers: map[ticketKey]*poller[Snapshot]{}}
	w.lists = registry[listKey, List]{w: w, most: cfg.Limits.Lists, pollers: map[listKey]*poller[List]{}}
	return w
}

// Close tells all viewers and returns when every poll has ended.
func (w *Watcher) Close() {
	w.stop()
	w.tickets.close()
	w.lists.close()
	w.done.Wait()
}

// own is the part of a key that keeps sessions apart which must not share.
func own(project, session string) string {
	if project == "" {
		return session
	}
	return ""
}

type ticketKey struct {
	Key
	session string // of a key without a project
}

// Join starts to look at a ticket. It returns when there is a snapshot to show,
// which may be one that tells of trouble. Errors are *Ended when the session
// may not see the ticket, ErrFull, the context's, and *coc.Error when the
// session's own reading failed in another way.
func (w *Watcher) Join(ctx context.Context, key Key, cred Credentials) (*Viewer[Snapshot], error) {
	at := ticketKey{key, own(key.Project, cred.Session)}
	return w.tickets.join(ctx, at, key.Project, cred, func() feed[Snapshot] { return newTicketFeed(w, key) })
}

// OnRead names who hears of each ticket whose instances were read: a snapshot, which must not be changed. It is
// called before viewers are told, and must not wait for anything. Tickets of a key without a project are nobody
// else's business.
func (w *Watcher) OnRead(hears func(Key, *Snapshot)) { w.hears.Store(&hears) }

// Nudge asks for a poll of a ticket now, and of the lists that may show it, as
// after an operation. Polls that are asked for
// are at least Limits.Nudge apart, and never break a Retry-After.
func (w *Watcher) Nudge(key Key) {
	for _, v := range w.tickets.all(func(k ticketKey) bool { return k.Key == key }) {
		v.nudge()
	}
	for _, v := range w.lists.all(func(k listKey) bool {
		return k.account == key.Account && k.project == key.Project
	}) {
		v.nudge()
	}
}

// eagerFor is how long somebody who confirms an operation counts as about to
// send it.
const eagerFor = 30 * time.Second

// Expect says that somebody is about to operate on a ticket. Where it is looked at,
// it is read more often for a while, so that what is judged is new.
func (w *Watcher) Expect(key Key) {
	for _, v := range w.tickets.all(func(k ticketKey) bool { return k.Key == key }) {
		v.expect()
	}
}

// Usage counts what a Watcher holds and has done.
type Usage struct {
	Tickets, Lists int   // pollers, with those that linger
	Viewers        int   // of all of them
	Polls, Failed  int64 // since the start
}

// Usage returns the counts at this moment.
func (w *Watcher) Usage() Usage {
	var u Usage
	for _, v := range w.tickets.all(nil) {
		u.Tickets++
		v.count(&u)
	}
	for _, v := range w.lists.all(nil) {
		u.Lists++
		v.count(&u)
	}
	u.Polls, u.Failed = w.tickets.polled.Load()+w.lists.polled.Load(), w.tickets.failed.Load()+w.lists.failed.Load()
	return u
}
