// Package history keeps in console.db what the console saw of tickets that
// were looked at: the changes of state with the times between which they
// happened, and the last state of the ticket and its batches. After a restart,
// and on another console that shares the database, a ticket's page goes on from
// there; what differs by then happened in between.
//
// It is bounded: 400 changes a ticket, those of instances going first; 2,000
// tickets; 90 days since somebody looked. It is written in the background,
// what came together in one transaction.
package history

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/store"
	"coc-console/internal/watch"
)

// The bounds of what is kept, and of what waits to be.
const (
	maxTickets = 2000
	maxAge     = 90 * 24 * time.Hour
	maxWaiting = 2000 // tickets
	maxAtOnce  = 100  // tickets in a transaction; also what goes by its age at once
)

// When it is written: so long after a change, and so long after the last time
// where nothing changes but when the ticket was seen.
const (
	flushAfter = 2 * time.Second
	seenEvery  = time.Minute
	pruneEvery = time.Hour
)

// closeTimeout bounds the last writing.
const closeTimeout = 2 * time.Second

// writeTimeout bounds one transaction.
const writeTimeout = 10 * time.Second

// Config is what a Keeper stands on. Only DB is required.
type Config struct {
	DB     store.DB
	Logger *slog.Logger
	Now    func() time.Time
	// After is time.After, on the same clock as Now.
	After func(time.Duration) <-chan time.Time
}

// Keeper is the archive of a watch.Watcher. It is safe for concurrent use.
type Keeper struct {
	cfg  Config
	rows *store.Histories
	stop context.CancelFunc
	wake chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	waiting map[watch.Key]watch.Past // what is not written yet
	noted   map[watch.Key]time.Time  // when what was seen was taken over last
	pruned  time.Time
}

// New returns a Keeper; Close ends it, after the Watcher.
func New(cfg Config) *Keeper {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	ctx, stop := context.WithCancel(context.Background())
	k := &Keeper{cfg: cfg, rows: store.NewHistories(cfg.DB), stop: stop, wake: make(chan struct{}, 1),
		waiting: map[watch.Key]watch.Past{}, noted: map[watch.Key]time.Time{}}
	k.done.Go(func() { k.run(ctx) })
	return k
}

// Close writes what waits, for two seconds at most.
func (k *Keeper) Close() error {
	k.stop()
	k.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return k.Flush(ctx)
}

// run writes what came, some time after the first of it.
func (k *Keeper) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-k.cfg.After(flushAfter):
		}
		limited, cancel := context.WithTimeout(ctx, writeTimeout)
		if err := k.Flush(limited); err != nil && ctx.Err() == nil {
			k.cfg.Logger.WarnContext(ctx, "what was seen of tickets not kept", "error", err)
		}
		cancel()
	}
}

// Recall returns what is kept of a ticket, with what waits to be.
func (k *Keeper) Recall(ctx context.Context, key watch.Key) (watch.Past, error) {
	row, err := k.rows.Read(ctx, keyOf(key))
	if err != nil {
		return watch.Past{}, err
	}
	past := decode(row)
	k.mu.Lock()
	defer k.mu.Unlock()
	if more, ok := k.waiting[key]; ok {
		past = merge(past, more)
	}
	return past, nil
}

// Keep takes over what a poll has found. That a ticket was seen again, and
// nothing else, is taken over once a minute.
func (k *Keeper) Keep(key watch.Key, changes []watch.Event, s *watch.Snapshot) {
	now := k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	last, known := k.noted[key]
	if known && len(changes) == 0 && now.Sub(last).Abs() < seenEvery {
		return
	}
	have, waits := k.waiting[key]
	if !waits && len(k.waiting) >= maxWaiting {
		return
	}
	next := standings(s)
	next.Events = bounded(append(have.Events, changes...))
	k.waiting[key], k.noted[key] = next, now
	select {
	case k.wake <- struct{}{}:
	default: // it will be written already
	}
}

// Flush writes what waits.
func (k *Keeper) Flush(ctx context.Context) error {
	now, taken := k.take()
	keys := slices.SortedFunc(maps.Keys(taken), compareKeys)
	for some := range slices.Chunk(keys, maxAtOnce) {
		missed, err := k.write(ctx, some, taken)
		if err != nil {
			k.putBack(taken)
			return err
		}
		for _, key := range some {
			if !slices.Contains(missed, keyOf(key)) {
				delete(taken, key)
			}
		}
	}
	k.putBack(taken)
	return k.prune(ctx, now)
}

// take takes what waits, and forgets when tickets were noted that nobody looks
// at any more.
func (k *Keeper) take() (time.Time, map[watch.Key]watch.Past) {
	now := k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	taken := k.waiting
	k.waiting = map[watch.Key]watch.Past{}
	maps.DeleteFunc(k.noted, func(_ watch.Key, at time.Time) bool { return now.Sub(at).Abs() > 2*seenEvery })
	return now, taken
}

func (k *Keeper) write(ctx context.Context, keys []watch.Key,
	taken map[watch.Key]watch.Past) ([]store.TicketKey, error) {
	rows := make([]store.TicketKey, len(keys))
	for i, key := range keys {
		rows[i] = keyOf(key)
	}
	return k.rows.Change(ctx, rows, func(row store.TicketKey, have string) (string, time.Time) {
		key := watch.Key{Account: row.Account, Project: row.Project, Ticket: coc.ExecuteUUID(row.Ticket)}
		p := merge(decode(have), taken[key])
		return encode(p), p.Ticket.At
	})
}

// putBack lets what was not written wait, before what came since.
func (k *Keeper) putBack(left map[watch.Key]watch.Past) {
	if len(left) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, p := range left {
		if since, ok := k.waiting[key]; ok {
			p.Ticket, p.Batches = since.Ticket, since.Batches
			p.Events = bounded(append(p.Events, since.Events...))
		}
		k.waiting[key] = p
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// prune forgets what is too old or too much, now and then.
func (k *Keeper) prune(ctx context.Context, now time.Time) error {
	k.mu.Lock()
	due := k.pruned.IsZero() || now.Sub(k.pruned).Abs() >= pruneEvery
	if due {
		k.pruned = now
	}
	k.mu.Unlock()
	if !due {
		return nil
	}
	return k.rows.Prune(ctx, now.Add(-maxAge), now, maxAtOnce, maxTickets)
}

func keyOf(k watch.Key) store.TicketKey {
	return store.TicketKey{Account: k.Account, Project: k.Project, Ticket: string(k.Ticket)}
}
