// Package reading reads tickets for operations, and shares what was read while
// it is new. The age of a reading counts from when its first call was begun.
package reading

import (
	"context"
	"sync"
	"time"

	"coc-console/internal/coc"
)

// SharedFor is how old a reading may be that an operation takes instead of one
// of its own.
const SharedFor = time.Second

// part is one thing that is read of a ticket.
type part struct {
	kind  partKind
	batch int32 // of partRows
}

type partKind int

const (
	partTicket partKind = iota
	partBatches
	partStatistics
	partRows
)

// Reads lets those who need the same of a ticket share what they read.
type Reads struct {
	client     *coc.Client
	background func(func(context.Context)) error

	mu      sync.Mutex
	flights map[readKey]*flight
	changed map[changeKey]time.Time
	// statistics are the last of each ticket. They only tell what is worth reading
	// beside a ticket.
	statistics map[coc.ExecuteUUID]coc.Statistics
}

// New returns readings of a client. background runs what is shared, which does
// not end with whoever asked first.
func New(client *coc.Client, background func(func(context.Context)) error) *Reads {
	return &Reads{client: client, background: background}
}

type readKey struct {
	scope  string
	ticket coc.ExecuteUUID
	part   part
}

// flight is one reading, under way or done.
type flight struct {
	began time.Time
	done  chan struct{}
	value any
	err   error
}

// landed is a reading of somebody else's.
func landed(began time.Time, value any) *flight {
	f := &flight{began: began, done: make(chan struct{}), value: value}
	close(f.done)
	return f
}

// Terms say what a source shares.
type Terms struct {
	Scope     string        // who shares; empty: nobody
	NotBefore time.Time     // what was begun before is not taken; zero: now
	Keep      time.Duration // how long others may take what it reads; zero: SharedFor
	View      *View         // of somebody who looks; nil: there is none
}

// Source is where one reading comes from: COC, or what others have just read.
// What it has given it gives again.
type Source struct {
	Whole bool // batches are read in any case

	ctx    context.Context //nolint:containedctx // of what is not shared: it lives as long as one reading
	reads  *Reads
	caller coc.Caller
	ticket coc.ExecuteUUID
	terms  Terms
	began  time.Time

	mu    sync.Mutex
	taken map[part]*flight
}

// Source returns where to read a ticket with a caller's token.
func (r *Reads) Source(ctx context.Context, c coc.Caller, id coc.ExecuteUUID, terms Terms) *Source {
	now := time.Now()
	if terms.NotBefore.IsZero() {
		terms.NotBefore = now
	}
	if terms.Keep == 0 {
		terms.Keep = SharedFor
	}
	return &Source{ctx: ctx, reads: r, caller: c, ticket: id, terms: terms, began: now, taken: map[part]*flight{}}
}

// Borrowed reports that a part was begun before the source was.
func (f *Source) Borrowed() bool { return f.Oldest().Before(f.began) }

// Oldest is when the oldest part was begun.
func (f *Source) Oldest() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := time.Now()
	for _, t := range f.taken {
		if t.began.Before(oldest) {
			oldest = t.began
		}
	}
	return oldest
}

// start begins to read a part, unless that was done.
func (f *Source) start(p part) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.taken[p]
	if t == nil {
		if t = f.terms.View.part(p, f.terms.NotBefore); t == nil {
			t = f.reads.share(f, p)
		}
		f.taken[p] = t
	}
	return t
}

func take[T any](ctx context.Context, f *Source, p part) (T, error) {
	t := f.start(p)
	var none T
	select {
	case <-t.done:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	if t.err != nil {
		return none, t.err
	}
	value, _ := t.value.(T)
	return value, nil
}

// Expect begins to read the rows of batches that are likely to be needed.
func (f *Source) Expect(batches []int32) {
	for _, batch := range batches[:min(len(batches), maxAhead)] {
		f.start(part{partRows, batch})
	}
}

// maxAhead bounds the batches that are read beside a ticket.
const maxAhead = 8

// Remembered are the statistics of the ticket that were read last, by whomever.
// They tell only what is worth reading beside it.
func (f *Source) Remembered() coc.Statistics {
	f.reads.mu.Lock()
	defer f.reads.mu.Unlock()
	return f.reads.statistics[f.ticket]
}

// Ticket reads the ticket.
func (f *Source) Ticket(ctx context.Context) (coc.Ticket, error) {
	return take[coc.Ticket](ctx, f, part{kind: partTicket})
}

// Rows reads the instances of a batch.
func (f *Source) Rows(ctx context.Context, batch int32) ([]coc.Instance, error) {
	return take[[]coc.Instance](ctx, f, part{partRows, batch})
}

// Batches reads the batches.
func (f *Source) Batches(ctx context.Context) ([]coc.Batch, error) {
	return take[[]coc.Batch](ctx, f, part{kind: partBatches})
}

// Statistics reads the counts of the instances.
func (f *Source) Statistics(ctx context.Context) (coc.Statistics, error) {
	return take[coc.Statistics](ctx, f, part{kind: partStatistics})
}

// Situation reads the ticket and its statistics, and the batches where they are
// wanted or tell whether it is over. The calls are not one moment: COC offers no
// snapshot.
func (f *Source) Situation(ctx context.Context) (now Situation, err error) {
	for _, kind := range []partKind{partTicket, partStatistics} {
		f.start(part{kind: kind})
	}
	if f.Whole {
		f.start(part{kind: partBatches})
	}
	if now.Ticket, err = f.Ticket(ctx); err != nil {
		return Situation{}, err
	}
	if now.Statistics, err = f.Statistics(ctx); err != nil {
		return Situation{}, err
	}
	if f.Whole || !Settled(now.Ticket.Status) {
		if now.Batches, err = f.Batches(ctx); err != nil {
			return Situation{}, err
		}
	}
	return now, nil
}

// read makes the calls of a part.
func (f *Source) read(ctx context.Context, p part) (any, error) {
	switch p.kind {
	case partTicket:
		return f.reads.client.Ticket(ctx, f.caller, f.ticket)
	case partBatches:
		return f.reads.client.Batches(ctx, f.caller, f.ticket)
	case partStatistics:
		now, err := f.reads.client.Statistics(ctx, f.caller, f.ticket)
		if err == nil {
			f.reads.remember(f.ticket, now)
		}
		return now, err
	default:
		return f.reads.client.AllInstances(ctx, f.caller, f.ticket, p.batch)
	}
}

// share returns a reading that was begun after the source's notBefore, its own or
// somebody's. One that is shared ends with the service, not with whoever asked first.
func (r *Reads) share(f *Source, p part) *flight {
	key := readKey{f.terms.Scope, f.ticket, p}
	t, first := r.enter(key, f.terms.NotBefore)
	run := func(ctx context.Context) {
		defer close(t.done)
		if t.value, t.err = f.read(ctx, p); t.err != nil {
			r.forget(key, t)
		} else if key.scope != "" {
			time.AfterFunc(f.terms.Keep, func() { r.forget(key, t) })
		}
	}
	switch {
	case key.scope == "":
		go run(f.ctx)
	case first:
		if err := r.background(run); err != nil { // it does not run
			t.err = err
			r.forget(key, t)
			close(t.done)
		}
	}
	return t
}

// enter returns the flight to wait for, and whether the caller is to start it.
func (r *Reads) enter(key readKey, notBefore time.Time) (t *flight, first bool) {
	t = &flight{began: time.Now(), done: make(chan struct{})}
	if key.scope == "" {
		return t, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.flights[key]; other != nil && !other.began.Before(notBefore) {
		return other, false
	}
	if r.flights == nil {
		r.flights = map[readKey]*flight{}
	}
	r.flights[key] = t
	return t, true
}

// forget drops a reading.
func (r *Reads) forget(key readKey, t *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flights[key] == t {
		delete(r.flights, key)
	}
}

// maxRemembered bounds the tickets whose statistics are remembered.
const maxRemembered = 1000

func (r *Reads) remember(ticket coc.ExecuteUUID, now coc.Statistics) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.statistics == nil || len(r.statistics) >= maxRemembered {
		r.statistics = map[coc.ExecuteUUID]coc.Statistics{}
	}
	r.statistics[ticket] = now
}

// changeKey is what an operation of this console has changed: an instance, or,
// with wholeTicket, more than that.
type changeKey struct {
	ticket   coc.ExecuteUUID
	instance int64
}

// Of a changeKey: what acts on a batch or the ticket, and anything.
const (
	wholeTicket int64 = 0
	anything    int64 = -1
)

// Change notes that an operation is sent or answered now: what was read of its
// ticket before is no longer shared, but with other instances of the ticket.
func (r *Reads) Change(ticket coc.ExecuteUUID, op coc.Operation) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = map[changeKey]time.Time{}
	}
	for _, key := range []changeKey{{ticket, op.InstanceID}, {ticket, anything}} {
		r.changed[key] = now
		time.AfterFunc(2*SharedFor, func() { r.drop(key, now) })
	}
}

func (r *Reads) drop(key changeKey, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed[key].Equal(at) {
		delete(r.changed, key)
	}
}

// Unchanged is notBefore, or when an operation of this console last changed what
// op is judged by.
func (r *Reads) Unchanged(ticket coc.ExecuteUUID, op coc.Operation, notBefore time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := []changeKey{{ticket, anything}}
	if op.InstanceID != 0 {
		keys = []changeKey{{ticket, wholeTicket}, {ticket, op.InstanceID}}
	}
	for _, key := range keys {
		if at := r.changed[key]; at.After(notBefore) {
			notBefore = at
		}
	}
	return notBefore
}
