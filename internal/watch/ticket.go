package watch

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"coc-console/internal/coc"
)

// maxParallel bounds the calls that one poll makes at the same time.
const maxParallel = 4

// maxOffer is how old the answer to a check may be for a poll to use it.
const maxOffer = 2 * time.Second

// settled is how long a contradiction between rows and statistics is taken for
// the two calls not being one moment; rows older than that are read again.
const settled = time.Minute

// ticketFeed reads one ticket.
type ticketFeed struct {
	w   *Watcher
	key Key
	id  coc.ExecuteUUID

	mu        sync.Mutex
	offered   coc.Ticket // of a check
	offeredAt time.Time
	offeredOn time.Time // when its call was begun

	// Of the poller's goroutine alone.
	now       Snapshot       // without Meta
	rowsFor   coc.Statistics // those by which it was decided last which rows to read
	unread    map[int32]bool // batches that were to be read, and could not
	overSince time.Time      // when the ticket was first seen to be over
	recalled  bool           // the archive has answered
	past      Past           // what it said, until it was compared
}

func newTicketFeed(w *Watcher, key Key) *ticketFeed {
	return &ticketFeed{w: w, key: key, id: key.Ticket, unread: map[int32]bool{}}
}

func (f *ticketFeed) check(ctx context.Context, caller coc.Caller) error {
	began := time.Now()
	t, err := f.w.cfg.Client.Ticket(ctx, caller, f.id)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offered, f.offeredAt, f.offeredOn = t, f.w.cfg.Now(), began
	return nil
}

// ticket reads the ticket, or takes what a check has just read. It returns when
// the answer came, and when its call was begun.
func (f *ticketFeed) ticket(ctx context.Context, caller coc.Caller) (t coc.Ticket, at, began time.Time, err error) {
	f.mu.Lock()
	t, at, began = f.offered, f.offeredAt, f.offeredOn
	f.offered, f.offeredAt = coc.Ticket{}, time.Time{}
	f.mu.Unlock()
	if !at.IsZero() && f.w.cfg.Now().Sub(at) < maxOffer {
		return t, at, began, nil
	}
	began = time.Now()
	t, err = f.w.cfg.Client.Ticket(ctx, caller, f.id)
	return t, f.w.cfg.Now(), began, err
}

func (f *ticketFeed) snapshot(meta Meta) *Snapshot {
	s := f.now
	s.Meta = meta
	if hears := f.w.hears.Load(); hears != nil && f.key.Project != "" && !s.BatchesAt.IsZero() {
		(*hears)(f.key, &s)
	}
	return &s
}

// poll reads the ticket and its statistics, and then the rows of those batches
// that these say have moved.
func (f *ticketFeed) poll(ctx context.Context, caller coc.Caller) (changed bool, err error) {
	f.recall(ctx)
	before := f.now
	f.now.Batches = slices.Clone(before.Batches) // the old ones are shared
	if err = f.readHead(ctx, caller); err == nil {
		err = f.readRows(ctx, caller)
	}
	f.now.Counted = err == nil && f.addsUp()
	f.note(before)
	return f.differs(before), err
}

// readHead reads what a ticket is without its instances.
func (f *ticketFeed) readHead(ctx context.Context, caller coc.Caller) error {
	var ticketErr, statisticsErr, batchesErr error
	var g errgroup.Group
	wantsBatches := f.wantsBatches()
	g.Go(func() error {
		t, at, began, err := f.ticket(ctx, caller)
		if ticketErr = err; err == nil {
			f.now.Ticket, f.now.TicketAt, f.now.TicketBegan = boundedTicket(t), at, began
		}
		return nil
	})
	g.Go(func() error {
		began := time.Now()
		s, err := f.w.cfg.Client.Statistics(ctx, caller, f.id)
		if statisticsErr = err; err == nil {
			f.now.Statistics, f.now.StatisticsAt, f.now.StatisticsBegan = s, f.w.cfg.Now(), began
		}
		return nil
	})
	if wantsBatches {
		g.Go(func() error {
			b, err := f.w.cfg.Client.Batches(ctx, caller, f.id)
			if batchesErr = err; err == nil {
				f.setBatches(b)
			}
			return nil
		})
	}
	_ = g.Wait() // each error is kept by itself: what could be read is worth having
	return gravest(ticketErr, statisticsErr, batchesErr)
}

// wantsBatches reports whether the batches have to be read: at first, and when
// the ticket does not have the size that they add up to.
func (f *ticketFeed) wantsBatches() bool {
	var total int32
	for _, b := range f.now.Batches {
		total += b.TotalInstances
	}
	return f.now.BatchesAt.IsZero() || total != f.now.Statistics.Total && f.w.cfg.Now().Sub(f.now.BatchesAt) >= settled
}

// setBatches takes a list of batches over, with the rows that are known.
func (f *ticketFeed) setBatches(list []coc.Batch) {
	f.now.Cut = len(list) > coc.MaxBatchIndex
	var batches []Batch
	for _, b := range list[:min(len(list), coc.MaxBatchIndex)] {
		i := slices.IndexFunc(f.now.Batches, func(old Batch) bool { return old.Index == b.Index })
		next := Batch{State: coc.BatchUnknown}
		if i >= 0 {
			next = f.now.Batches[i]
		}
		next.Batch = boundedBatch(b)
		batches = append(batches, next)
	}
	f.now.Batches, f.now.BatchesAt = batches, f.w.cfg.Now()
}

// reading is one call, or several pages, about one batch.
type reading struct {
	batch *Batch
	whole bool // all rows, or those that run
}

// readRows reads the batches whose rows are not what they were.
func (f *ticketFeed) readRows(ctx context.Context, caller coc.Caller) error {
	plan := f.plan()
	errs := make([]error, len(plan))
	var g errgroup.Group
	g.SetLimit(maxParallel)
	for i, r := range plan {
		g.Go(func() error {
			if r.whole {
				errs[i] = f.readBatch(ctx, caller, r.batch)
			} else {
				errs[i] = f.readRunning(ctx, caller, r.batch)
			}
			return nil
		})
	}
	_ = g.Wait() // errs has them all
	for i, r := range plan {
		if r.whole {
			f.unread[r.batch.Index] = errs[i] != nil
		}
	}
	f.bound()
	return gravest(errs...)
}

// plan decides which rows to read.
func (f *ticketFeed) plan() []reading {
	var plan []reading
	now, addsUp := f.w.cfg.Now(), f.addsUp()
	for i := range f.now.Batches {
		b := &f.now.Batches[i]
		switch {
		case f.unread[b.Index], moved(*b, f.rowsFor, f.now.Statistics), !addsUp && now.Sub(b.At) >= settled:
			plan = append(plan, reading{b, true})
		case running(*b) && now.Sub(b.RunningAt) >= f.w.cfg.Limits.Running:
			plan = append(plan, reading{b, false})
		}
	}
	f.rowsFor = f.now.Statistics
	return plan
}

// readBatch reads all rows of a batch.
func (f *ticketFeed) readBatch(ctx context.Context, caller coc.Caller, b *Batch) error {
	rows, err := f.w.cfg.Client.AllInstances(ctx, caller, f.id, b.Index)
	if err != nil {
		return err
	}
	b.Instances = make([]Instance, len(rows))
	for i, r := range rows {
		b.Instances[i] = rowOf(r)
	}
	b.State, b.At = stateOf(b.Instances), f.w.cfg.Now()
	b.RunningAt = b.At
	return nil
}

// readRunning reads the rows of a batch that run, for their logs.
func (f *ticketFeed) readRunning(ctx context.Context, caller coc.Caller, b *Batch) error {
	page, err := f.w.cfg.Client.Instances(ctx, caller, f.id,
		coc.InstanceQuery{Batch: b.Index, Status: coc.InstanceProcessing})
	if err != nil {
		return err
	}
	rows := slices.Clone(b.Instances)
	for _, r := range page.Instances {
		if i := slices.IndexFunc(rows, func(old Instance) bool { return old.ID == r.ID }); i >= 0 {
			rows[i] = rowOf(r)
		}
	}
	b.Instances, b.State, b.RunningAt = rows, stateOf(rows), f.w.cfg.Now()
	return nil
}

// bound leaves out the rows that a ticket cannot have.
func (f *ticketFeed) bound() {
	left := maxInstances
	for i := range f.now.Batches {
		b := &f.now.Batches[i]
		if len(b.Instances) > left {
			b.Instances, f.now.Cut = slices.Clip(b.Instances[:left]), true
		}
		left -= len(b.Instances)
	}
}

func running(b Batch) bool {
	return slices.ContainsFunc(b.Instances, func(r Instance) bool { return r.Status == coc.InstanceProcessing })
}

func open(b Batch) bool {
	return slices.ContainsFunc(b.Instances, func(r Instance) bool { return !r.Status.Terminal() })
}

// moved reports whether rows of a batch may be in other states than when they
// were read. A batch that is all in one state, and is so by the statistics, has
// not moved; any other has if a count that it takes part in has, unless it is
// over.
func moved(b Batch, before, now coc.Statistics) bool {
	if b.At.IsZero() {
		return true
	}
	counts := changedCounts(before, now)
	if len(counts) == 0 {
		return false
	}
	if !namesBatches(now) {
		return open(b)
	}
	has, had := statesIn(now, b.Index), map[coc.InstanceStatus]bool{}
	for _, r := range b.Instances {
		had[r.Status] = true
	}
	if reflect.DeepEqual(has, had) && (len(has) == 1 || !open(b)) {
		return false
	}
	return slices.ContainsFunc(counts, func(c coc.StatusCount) bool { return slices.Contains(c.Batches, b.Index) })
}

// changedCounts lists the counts that are not what they were, each as it was
// and as it is.
func changedCounts(before, now coc.Statistics) []coc.StatusCount {
	var changed []coc.StatusCount
	only := func(in, notIn []coc.StatusCount) {
		for _, c := range in {
			if !slices.ContainsFunc(notIn, func(o coc.StatusCount) bool { return sameCount(c, o) }) {
				changed = append(changed, c)
			}
		}
	}
	only(before.Counts, now.Counts)
	only(now.Counts, before.Counts)
	return changed
}

func sameCount(a, b coc.StatusCount) bool {
	return a.Status == b.Status && a.Count == b.Count && slices.Equal(a.Batches, b.Batches)
}

// namesBatches reports whether statistics say where their instances are.
func namesBatches(s coc.Statistics) bool {
	return !slices.ContainsFunc(s.Counts, func(c coc.StatusCount) bool { return c.Count > 0 && len(c.Batches) == 0 })
}

func statesIn(s coc.Statistics, batch int32) map[coc.InstanceStatus]bool {
	states := map[coc.InstanceStatus]bool{}
	for _, c := range s.Counts {
		if c.Count > 0 && slices.Contains(c.Batches, batch) {
			states[c.Status] = true
		}
	}
	return states
}

// addsUp reports whether the rows are those that the statistics count.
func (f *ticketFeed) addsUp() bool {
	left := map[coc.InstanceStatus]int32{}
	for _, c := range f.now.Statistics.Counts {
		left[c.Status] += c.Count
	}
	for _, b := range f.now.Batches {
		for _, r := range b.Instances {
			left[r.Status]--
		}
	}
	for _, n := range left {
		if n != 0 {
			return false
		}
	}
	return true
}

// note keeps the changes of state since the poll before.
func (f *ticketFeed) note(before Snapshot) {
	events := f.since(before)
	if from, to := before.Ticket.Status, f.now.Ticket.Status; !before.TicketAt.IsZero() && from != to {
		events = append(events, Event{Subject: SubjectTicket, From: string(from), To: string(to),
			After: before.TicketAt, Seen: f.now.TicketAt})
	}
	for _, b := range f.now.Batches {
		if old, ok := before.Batch(b.Index); ok && !sameReading(old, b) {
			events = append(events, batchEvents(old, b)...)
		}
	}
	inOrder(events)
	if len(events) > 0 {
		slices.SortStableFunc(events, func(a, b Event) int { return a.Seen.Compare(b.Seen) })
		f.now.Events = withEvents(before.Events, events, f.w.cfg.Limits.Events)
	}
	f.keep(events)
	switch {
	case !f.closed():
		f.overSince = time.Time{}
	case f.overSince.IsZero():
		f.overSince = f.w.cfg.Now()
	}
}

// differs reports whether anything is other than it was, apart from its age.
func (f *ticketFeed) differs(before Snapshot) bool {
	if len(before.Batches) != len(f.now.Batches) || before.TicketAt.IsZero() != f.now.TicketAt.IsZero() ||
		!reflect.DeepEqual(before.Ticket, f.now.Ticket) || !reflect.DeepEqual(before.Statistics, f.now.Statistics) {
		return true
	}
	for i, b := range f.now.Batches {
		old := before.Batches[i]
		if b.Batch != old.Batch || b.At.IsZero() != old.At.IsZero() ||
			!sameReading(old, b) && !slices.EqualFunc(b.Instances, old.Instances, sameRow) {
			return true
		}
	}
	return false
}

// sameReading reports whether two batches hold the very same rows.
func sameReading(a, b Batch) bool {
	return len(a.Instances) == len(b.Instances) && (len(a.Instances) == 0 || &a.Instances[0] == &b.Instances[0])
}

func sameRow(a, b Instance) bool {
	return a.ID == b.ID && a.Status == b.Status && a.LogBytes == b.LogBytes && a.Message == b.Message &&
		a.Created.Equal(b.Created) && a.Finished.Equal(b.Finished) && reflect.DeepEqual(a.Target, b.Target)
}

// whole: whoever may open a ticket may see all of it.
func (f *ticketFeed) whole() bool { return true }

// closed reports a ticket that COC will not take up again: it has an end, or a
// state that means one. What this console does not know is read on, slowly.
func (f *ticketFeed) closed() bool {
	switch t := f.now.Ticket; t.Status {
	case coc.TicketCanceled, coc.TicketFinished:
		return true
	default:
		return f.now.Over() && (t.Status.Known() || !t.Finished.IsZero())
	}
}

// interval goes by what may happen next. A ticket that is over ends the polling
// once its instances are, or after a time of grace: CANCEL_ORDER does not wait
// for the scripts (docs/coc-api.md section 8.1).
func (f *ticketFeed) interval() time.Duration {
	status, count := f.now.Ticket.Status, f.now.Statistics.Count
	running := count(coc.InstanceProcessing) > 0
	switch {
	case f.closed() && (!running && count(coc.InstanceReady) == 0 && f.addsUp() ||
		f.w.cfg.Now().Sub(f.overSince) >= f.w.cfg.Limits.Grace):
		return 0
	case running, f.now.TicketAt.IsZero(), status == coc.TicketReady, status == coc.TicketProcessing:
		return f.w.cfg.Limits.Fast
	}
	return f.w.cfg.Limits.Slow
}
