// Package presence knows who looks at a ticket now, who stands at the
// confirmation of an operation on it, and what somebody has marked for the
// others ("look here"). It is told only by pages that have checked that their
// reader may see the ticket, and asked only by such pages.
//
// All is in memory and nothing of it is recorded: it changes nothing at COC, and
// is over in minutes. Where consoles share a database each tells the others in a
// row of its own, once a second while anybody looks.
//
// It is bounded: 20 people and 20 marks on a ticket, 5 marks of one person, and
// 1,000 entries of a console.
package presence

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"coc-console/internal/store"
)

// The bounds.
const (
	maxEntries = 1000 // of a console
	maxShown   = 20   // people on a ticket, and marks
	maxOwn     = 5    // marks of a person on a ticket
)

// How long somebody counts without a stream: after a page was loaded, with time
// to think where it is a confirmation; and after a stream has ended, since a page
// that is loaded again opens it again. And how long a mark lasts.
const (
	LookLife    = 45 * time.Second
	ConfirmLife = 2 * time.Minute
	grace       = 3 * time.Second
	MarkLife    = 10 * time.Minute
)

// every is how often what is over goes, and how often other consoles are told
// and asked.
const every = time.Second

// syncTimeout bounds telling and asking.
const syncTimeout = 5 * time.Second

// ErrFull says that there are as many marks as the limits allow.
var ErrFull = errors.New("presence: as many marks as the limits allow")

// Ticket names a ticket as an account's project sees it.
type Ticket struct {
	Account string `json:"account"`
	Project string `json:"project"`
	ID      string `json:"ticket"`
}

// Person is somebody, whatever sessions they have.
type Person struct {
	ID   string `json:"person"`
	Name string `json:"name"`
}

// Act is the operation that somebody is about to confirm, as it is written on
// the wire; the zero value is just looking. Target tells which acts get into
// each other's way.
type Act struct {
	Type   string `json:"o,omitempty"`
	Target string `json:"t,omitempty"`
	Batch  int32  `json:"b,omitempty"`
	Host   string `json:"h,omitempty"`
}

// Someone is a person on a ticket. Until is when they count no more, unless they
// give another sign.
type Someone struct {
	Ticket
	Person
	Act
	Since time.Time
	Until time.Time `json:"-"`
}

// Mark is a line of a log, or a host, that somebody shows to the others.
type Mark struct {
	Ticket
	Person
	Key      string // unique
	Instance int64
	Batch    int32
	Host     string
	Line     int // 0: the host
	Since    time.Time
	Until    time.Time
}

// State is what there is on a ticket: people in the order in which they came,
// each person's acts apart, and marks, the newest first.
type State struct {
	People []Someone
	Marks  []Mark
}

// Config is what a Registry stands on. All is optional.
type Config struct {
	Shared *store.Presences // with the consoles that share it; nil: this console is alone
	Logger *slog.Logger
	Now    func() time.Time
	// After is time.After, on the same clock as Now.
	After func(time.Duration) <-chan time.Time
}

// entry is somebody here. While a stream is open the end is not near.
type entry struct {
	Someone
	streams int
}

type entryKey struct {
	Ticket
	person, session, operation, target string
}

// Registry is safe for concurrent use. Close ends it.
type Registry struct {
	cfg  Config
	stop context.CancelFunc
	done sync.WaitGroup
	wake chan struct{}

	mu      sync.Mutex
	here    map[entryKey]*entry
	marks   []Mark
	marked  int // ever, to name marks
	remote  []message
	told    string // what the others were told last
	viewers map[Ticket]map[chan struct{}]struct{}
}

// New returns a Registry in which nobody is.
func New(cfg Config) *Registry {
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
	r := &Registry{cfg: cfg, stop: stop, wake: make(chan struct{}, 1), here: map[entryKey]*entry{},
		viewers: map[Ticket]map[chan struct{}]struct{}{}}
	r.done.Go(func() { r.run(ctx) })
	return r
}

// Close ends the Registry, and takes away what others are told.
func (r *Registry) Close() error {
	r.stop()
	r.done.Wait()
	if r.cfg.Shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), syncTimeout)
	defer cancel()
	return r.cfg.Shared.Leave(ctx)
}

// Visit says that somebody has loaded a page about a ticket: the ticket's, or
// the confirmation of an act.
func (r *Registry) Visit(t Ticket, p Person, session string, a Act) {
	life := LookLife
	if a.Type != "" {
		life = ConfirmLife
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enter(t, p, session, a, r.cfg.Now().Add(life))
}

// Stay says that such a page is open, until leave is called.
func (r *Registry) Stay(t Ticket, p Person, session string, a Act) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.enter(t, p, session, a, r.cfg.Now())
	if e == nil {
		return func() {}
	}
	e.streams++
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		e.streams--
		e.Until = r.cfg.Now().Add(grace)
	})
}

// enter finds or makes an entry; nil where there is no room. The caller holds
// the lock.
func (r *Registry) enter(t Ticket, p Person, session string, a Act, until time.Time) *entry {
	k := entryKey{t, p.ID, session, a.Type, a.Target}
	e, known := r.here[k]
	if !known {
		if len(r.here) >= maxEntries {
			return nil
		}
		e = &entry{Someone: Someone{Ticket: t, Person: p, Act: a, Since: wall(r.cfg.Now())}}
		r.here[k] = e
		r.notify(t)
	}
	e.Until = until
	r.signal()
	return e
}

// wall is a time as others are told it, so that it can be compared.
func wall(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Leave says that somebody has gone on from the confirmation of an act.
func (r *Registry) Leave(t Ticket, p Person, session string, a Act) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.here, entryKey{t, p.ID, session, a.Type, a.Target})
	r.notify(t)
}

// Add marks something for ten minutes. A mark of the same person at the same
// place begins again.
func (r *Registry) Add(m Mark) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	m.Since, m.Until = wall(now), wall(now).Add(MarkLife)
	own, all := 0, 0
	for _, o := range r.stateOf(m.Ticket).Marks {
		if all++; o.Person.ID == m.Person.ID {
			own++
		}
	}
	i := slices.IndexFunc(r.marks, func(o Mark) bool {
		return o.Ticket == m.Ticket && o.Person.ID == m.Person.ID && o.Instance == m.Instance && o.Line == m.Line
	})
	switch {
	case i >= 0:
		m.Key = r.marks[i].Key
		r.marks[i] = m
	case own >= maxOwn, all >= maxShown, len(r.marks) >= maxEntries:
		return ErrFull
	default:
		r.marked++
		m.Key = strconv.FormatInt(now.UnixMicro(), 36) + "-" + strconv.Itoa(r.marked)
		r.marks = append(r.marks, m)
	}
	r.notify(m.Ticket)
	r.signal()
	return nil
}

// Remove takes a person's own mark away; one that is not there is gone already.
func (r *Registry) Remove(t Ticket, p Person, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks = slices.DeleteFunc(r.marks, func(m Mark) bool {
		return m.Ticket == t && m.Key == key && m.Person.ID == p.ID
	})
	r.notify(t)
	r.signal()
}

// Of returns what there is on a ticket, here and on other consoles.
func (r *Registry) Of(t Ticket) State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stateOf(t)
}

// stateOf is Of. The caller holds the lock.
func (r *Registry) stateOf(t Ticket) State {
	var s State
	for _, e := range r.here {
		if e.Ticket == t {
			s.People = append(s.People, e.Someone)
		}
	}
	for _, m := range r.marks {
		if m.Ticket == t {
			s.Marks = append(s.Marks, m)
		}
	}
	for _, other := range r.remote {
		for _, p := range other.People {
			if p.Ticket == t {
				s.People = append(s.People, p)
			}
		}
		for _, m := range other.Marks {
			if m.Ticket == t {
				s.Marks = append(s.Marks, m)
			}
		}
	}
	slices.SortFunc(s.People, func(a, b Someone) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Person.ID, b.Person.ID), cmp.Compare(a.Target, b.Target))
	})
	s.People = once(s.People)
	slices.SortFunc(s.Marks, func(a, b Mark) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Key, b.Key)) })
	s.People, s.Marks = s.People[:min(len(s.People), maxShown)], s.Marks[:min(len(s.Marks), maxShown)]
	return s
}

// once leaves each person in each act once, however many pages they have open.
func once(all []Someone) []Someone {
	type act struct {
		person string
		Act
	}
	seen := map[act]bool{}
	return slices.DeleteFunc(all, func(p Someone) bool {
		k := act{p.Person.ID, p.Act}
		again := seen[k]
		seen[k] = true
		return again
	})
}

// Watch gives a channel that gets a value when something on a ticket has
// changed; end must follow.
func (r *Registry) Watch(t Ticket) (changed <-chan struct{}, end func()) {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.viewers[t] == nil {
		r.viewers[t] = map[chan struct{}]struct{}{}
	}
	r.viewers[t][c] = struct{}{}
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if delete(r.viewers[t], c); len(r.viewers[t]) == 0 {
			delete(r.viewers, t)
		}
	}
}

// notify tells who watches a ticket. The caller holds the lock.
func (r *Registry) notify(t Ticket) {
	for c := range r.viewers[t] {
		select {
		case c <- struct{}{}:
		default: // told already
		}
	}
}

func (r *Registry) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
