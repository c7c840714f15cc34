package presence

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// message is what a console tells the others.
type message struct {
	People []Someone `json:"people,omitempty"`
	Marks  []Mark    `json:"marks,omitempty"`
}

// run lets go what is over, and talks to the other consoles, while there is
// anything to talk about.
func (r *Registry) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for busy := true; busy; {
			select {
			case <-ctx.Done():
				return
			case <-r.cfg.After(every):
			}
			busy = r.Tick(ctx)
		}
	}
}

// Tick lets go what is over, and talks to the other consoles. It reports whether
// there is anything left here. It is called by one goroutine.
func (r *Registry) Tick(ctx context.Context) (busy bool) {
	said, changed := r.expire()
	if r.cfg.Shared == nil {
		return said != ""
	}
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	if said == "" {
		if err := r.cfg.Shared.Leave(ctx); err != nil {
			r.cfg.Logger.WarnContext(ctx, "presence not withdrawn", "error", err)
			return true
		}
		r.hear(nil)
		return false
	}
	if err := r.cfg.Shared.Say(ctx, said, changed); err != nil {
		r.cfg.Logger.WarnContext(ctx, "presence not told", "error", err)
		r.mu.Lock()
		r.told = "" // again
		r.mu.Unlock()
	}
	others, err := r.cfg.Shared.Others(ctx)
	if err != nil {
		r.cfg.Logger.WarnContext(ctx, "presence of other consoles not read", "error", err)
		return true
	}
	var all []message
	for _, state := range others {
		var m message
		if json.Unmarshal([]byte(state), &m) == nil {
			all = append(all, m)
		}
	}
	r.hear(all)
	return true
}

// expire lets go what is over, and returns what is left as others are told it,
// empty where nothing is, and whether that is new.
func (r *Registry) expire() (said string, changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	over := func(until time.Time, longest time.Duration) bool {
		return !now.Before(until) || until.Sub(now) > longest // the clock went back
	}
	gone := map[Ticket]bool{}
	maps.DeleteFunc(r.here, func(_ entryKey, e *entry) bool {
		is := e.streams == 0 && over(e.Until, ConfirmLife)
		gone[e.Ticket] = gone[e.Ticket] || is
		return is
	})
	r.marks = slices.DeleteFunc(r.marks, func(m Mark) bool {
		is := over(m.Until, MarkLife)
		gone[m.Ticket] = gone[m.Ticket] || is
		return is
	})
	for t, is := range gone {
		if is {
			r.notify(t)
		}
	}
	if len(r.here)+len(r.marks) == 0 {
		r.told = ""
		return "", false
	}
	if r.cfg.Shared == nil {
		return "here", false // nobody is told
	}
	said = r.message()
	changed = said != r.told
	r.told = said
	return said, changed
}

// message is what is here, always in the same order. The caller holds the lock.
func (r *Registry) message() string {
	var m message
	for _, e := range r.here {
		m.People = append(m.People, e.Someone)
	}
	slices.SortFunc(m.People, func(a, b Someone) int { return a.Since.Compare(b.Since) })
	m.People = once(m.People)
	m.Marks = r.marks
	text, err := json.Marshal(m)
	if err != nil {
		return "{}" // texts and numbers always marshal
	}
	return string(text)
}

// hear takes over what other consoles say, and tells those whom it concerns.
func (r *Registry) hear(all []message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := map[Ticket]State{}
	for t := range r.viewers {
		before[t] = r.stateOf(t)
	}
	r.remote = all
	for t := range r.viewers {
		now := r.stateOf(t)
		if !slices.Equal(before[t].People, now.People) || !slices.Equal(before[t].Marks, now.Marks) {
			r.notify(t)
		}
	}
}
