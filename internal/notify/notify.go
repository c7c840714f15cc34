// Package notify tells people of what waits for them, or went wrong. It follows the audit log, so that each message
// comes from a record: once a record is there, what it tells is sent at least once to every target, in the log's
// order, or becomes a dead letter. Of several consoles on one database one does all of this.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// Config is what a Notifier stands on. All fields but File, URL, Sent,
// Attention and Resolver are required.
type Config struct {
	File string // of targets and routes; empty: nobody is told
	URL  string // of the console from outside, without a slash at its end; empty: messages have no links
	Rows *store.Notices
	// Choices are what people have chosen to hear of themselves.
	Choices *store.Saved
	Log     *audit.Log
	Index   *search.Index
	Rules   *policy.Store
	Logger  *slog.Logger
	Now     func() time.Time
	Sent    func(target, result string) // counts an attempt: sent, failed, dead
	// Attention reads the tickets that need attention now, and all of them; nil: nobody lists any.
	Attention func(context.Context) (Attention, error)
	Resolver  *net.Resolver // for names of targets; nil: the system's
}

// Notifier reads the log, and sends what comes of it.
type Notifier struct {
	cfg     Config
	routing atomic.Pointer[Routing]
	broken  atomic.Pointer[error] // why a changed file is not in force
	wake    chan struct{}

	// Of the one goroutine that runs.
	seen   string          // the file's text, as it was read last
	held   bool            // the lease, when it was looked at last
	warned map[string]bool // of the log's health, as it was told last
	listed time.Time       // when tickets were asked for last
	deaf   bool            // the last list of tickets failed

	mu      sync.Mutex
	found   *looked         // that planAttention has not told of yet
	sending map[string]bool // targets that a goroutine sends to
	work    sync.WaitGroup
}

// New returns a notifier. An error says what is wrong with the file.
func New(cfg Config) (*Notifier, error) {
	if cfg.Sent == nil {
		cfg.Sent = func(string, string) {}
	}
	n := &Notifier{cfg: cfg, seen: unread, wake: make(chan struct{}, 1), sending: map[string]bool{}}
	n.routing.Store(&Routing{})
	if cfg.File != "" {
		if err := n.read(); err != nil {
			return nil, err
		}
		cfg.Log.OnCommit(n.committed)
	}
	return n, nil
}

// committed wakes the notifier when this console has written something to tell.
func (n *Notifier) committed(all []audit.Committed) {
	if slices.ContainsFunc(all, func(c audit.Committed) bool { _, is := nameOf(*c.Record); return is }) {
		n.awake()
	}
}

func (n *Notifier) awake() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// unread is the text of no file.
const unread = "\x00"

// read takes up the file, if it is another than before.
func (n *Notifier) read() error {
	routing, text, err := load(n.cfg.File, n.seen)
	if err == nil && routing == nil {
		return nil
	}
	n.seen = text
	if err != nil {
		if before := n.broken.Swap(&err); before != nil && (*before).Error() == err.Error() {
			return nil // it was told
		}
		return err
	}
	n.broken.Store(nil)
	n.routing.Store(routing)
	return nil
}

// every is how often the log, the file and the lease are looked at.
const every = time.Second

// Run follows the log until ctx ends. What is being sent then is waited for.
func (n *Notifier) Run(ctx context.Context) {
	if n.cfg.File == "" {
		return
	}
	defer n.leave(ctx)
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for ; ctx.Err() == nil; n.rest(ctx, tick.C) {
		if err := n.read(); err != nil {
			n.cfg.Logger.Error("changed notices file not taken up, the previous one stays in force", "error", err)
		}
		err := n.Step(ctx)
		if err != nil && !failing && ctx.Err() == nil { // once, not every second
			n.cfg.Logger.Error("notices not sent, retrying", "error", err)
		}
		failing = err != nil
	}
}

// rest waits for the next second or, where this console has the lease, for something to tell. Without the lease the
// signs of life of who has it are counted by the second.
func (n *Notifier) rest(ctx context.Context, tick <-chan time.Time) {
	wake := n.wake
	if !n.held {
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-tick:
	case <-wake:
	}
}

// leave ends what is under way, and lets another console go on.
func (n *Notifier) leave(ctx context.Context) {
	n.work.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), every)
	defer cancel()
	if err := n.cfg.Rows.Release(ctx); err != nil {
		n.cfg.Logger.Warn("lease of notices not released", "error", err)
	}
}

// Step does what there is to do, if this console has the lease, and lets goroutines send.
func (n *Notifier) Step(ctx context.Context) error {
	var err error
	if n.held, err = n.cfg.Rows.Hold(ctx); err != nil || !n.held {
		return err
	}
	if err := n.Plan(ctx); err != nil {
		return err
	}
	waiting, err := n.cfg.Rows.WaitingTargets(ctx)
	if err != nil {
		return err
	}
	for _, name := range waiting {
		n.start(ctx, name)
	}
	return nil
}

// start sends to a target, unless that is being done.
func (n *Notifier) start(ctx context.Context, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sending[name] {
		return
	}
	n.sending[name] = true
	n.work.Go(func() {
		if err := n.Deliver(ctx, name); err != nil && ctx.Err() == nil {
			n.cfg.Logger.Warn("notices of a target not looked after, retrying", "target", name, "error", err)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.sending, name)
	})
}

// batch is how many records are read at once, and oldest how old what is told may be: after a long rest nobody wants to
// hear of last week.
const (
	batch  = 500
	oldest = Life
)

// Plan turns what the log has got, and what has become due, into notices that wait. Who calls it has the lease.
func (n *Notifier) Plan(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = n.planRecords(ctx); err != nil {
			return err
		}
	}
	if err := n.planDue(ctx); err != nil {
		return err
	}
	if err := n.planHealth(ctx); err != nil {
		return err
	}
	return n.planAttention(ctx)
}

// planRecords reads the next records of the log; more says that there may be others.
func (n *Notifier) planRecords(ctx context.Context) (more bool, err error) {
	log, from, err := n.cfg.Rows.Position(ctx)
	if err != nil {
		return false, err
	}
	size, err := n.cfg.Log.Size(ctx)
	if err != nil {
		return false, fmt.Errorf("read the log's size: %w", err)
	}
	p := &plan{NoticePlan: store.NoticePlan{Log: n.cfg.Log.Origin(), From: from, To: from}, started: map[string]bool{}}
	switch {
	case log == p.Log && from == size:
		return false, nil
	case log != p.Log || from > size: // the first start, another log, or one from a backup: what is there is old
		p.To = size
		return false, n.cfg.Rows.Store(ctx, p.NoticePlan)
	}
	records, err := n.cfg.Log.AppendRecords(ctx, nil, `seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`, from, size, batch)
	if err != nil {
		return false, fmt.Errorf("read records to tell of: %w", err)
	}
	p.To = size
	if len(records) == batch {
		p.To = records[len(records)-1].Sequence
	}
	if err := n.addRecords(ctx, p, records); err != nil {
		return false, err
	}
	return len(records) == batch, n.cfg.Rows.Store(ctx, p.NoticePlan)
}

// plan is one that is being made.
type plan struct {
	store.NoticePlan
	started map[string]bool // timers of kind once
	choices *[]Choice       // of people; nil: not read yet
}

func (n *Notifier) addRecords(ctx context.Context, p *plan, records []audit.Record) error {
	var once []string
	for _, r := range records {
		if name, is := nameOf(r); is && onceOf(r, name) != "" {
			once = append(once, onceOf(r, name))
		}
	}
	var err error
	if p.started, err = n.cfg.Rows.Started(ctx, slices.Compact(once)); err != nil {
		return err
	}
	for _, r := range records {
		if r.Action == audit.ActionSessionSignedIn || r.Action == audit.ActionSessionRegrouped {
			if err := n.signedIn(ctx, r); err != nil {
				return err
			}
			continue
		}
		start, stop := timers(r)
		p.Start = append(p.Start, start...)
		p.Start = slices.DeleteFunc(p.Start, func(t store.NoticeTimer) bool { return slices.Contains(stop, t.ID) })
		p.Stop = append(p.Stop, stop...)
		name, is := nameOf(r)
		if !is || n.cfg.Now().Sub(r.When()) > oldest {
			continue
		}
		if id := onceOf(r, name); id != "" {
			if p.started[id] {
				continue
			}
			p.started[id] = true
			p.Start = append(p.Start, store.NoticeTimer{ID: id, Sequence: r.Sequence, Due: n.cfg.Now().Add(oldest)})
		}
		if err := n.add(ctx, p, n.event(ctx, r, name)); err != nil {
			return err
		}
	}
	return nil
}

// add adds the notices of an event, one for each target, and for each person who wants it.
func (n *Notifier) add(ctx context.Context, p *plan, e Event) error {
	now := n.cfg.Now()
	if n.cfg.URL != "" && e.Path != "" {
		e.Link = n.cfg.URL + e.Path
	}
	body, err := json.Marshal(e)
	if err != nil { // a time beyond the year 9999
		n.cfg.Logger.ErrorContext(ctx, "notice not written", "event", e.Name, "error", err)
		return nil
	}
	people, err := n.peopleFor(ctx, p, e)
	for _, name := range append(n.routing.Load().targetsOf(e, now), people...) {
		p.Notices = append(p.Notices, store.Notice{Target: name, Body: string(body), Created: now})
	}
	return err
}

// planDue tells of what has become due.
func (n *Notifier) planDue(ctx context.Context) error {
	due, err := n.cfg.Rows.Due(ctx, n.cfg.Now())
	if err != nil || len(due) == 0 {
		return err
	}
	_, position, err := n.cfg.Rows.Position(ctx)
	if err != nil {
		return err
	}
	p := &plan{NoticePlan: store.NoticePlan{Log: n.cfg.Log.Origin(), From: position, To: position}}
	for _, t := range due {
		p.Stop = append(p.Stop, t.ID)
		name := ApprovalExpiring
		switch {
		case strings.HasPrefix(t.ID, timerOnce), n.cfg.Now().Sub(t.Due) > oldest:
			continue
		case strings.HasPrefix(t.ID, timerOverdue):
			name = ReviewOverdue
		}
		r, err := n.cfg.Log.Record(ctx, t.Sequence)
		if errors.Is(err, audit.ErrNotFound) { // its contents were removed
			continue
		}
		if err != nil {
			return fmt.Errorf("read what is due: %w", err)
		}
		e := n.event(ctx, r, name)
		if name == ApprovalExpiring && !n.cfg.Now().Before(e.Until) {
			continue
		}
		e.Time = t.Due
		if err := n.add(ctx, p, e); err != nil {
			return err
		}
	}
	return n.cfg.Rows.Store(ctx, p.NoticePlan)
}
