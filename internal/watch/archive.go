package watch

import (
	"context"
	"slices"
	"time"
)

// Archive keeps what was seen of tickets longer than a process lives.
type Archive interface {
	// Recall returns what is kept of a ticket: nothing of one that is not known.
	Recall(ctx context.Context, k Key) (Past, error)
	// Keep takes over what a poll has found: the changes that are new, and the
	// snapshot. It does not wait for a disk.
	Keep(k Key, changes []Event, s *Snapshot)
}

// Past is what is kept of a ticket.
type Past struct {
	Events  []Event // oldest first
	Ticket  Standing
	Batches map[int32]Standing
}

// Standing is a state and when it was seen last; the zero value is none.
type Standing struct {
	State string
	At    time.Time
}

// recallPatience bounds how long a first poll waits for the archive. Without an
// answer the next poll asks again.
const recallPatience = 500 * time.Millisecond

// recall takes up what was seen before this feed began.
func (f *ticketFeed) recall(ctx context.Context) {
	if f.recalled || f.w.cfg.Archive == nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, recallPatience)
	defer cancel()
	past, err := f.w.cfg.Archive.Recall(limited, f.key)
	if err != nil {
		f.w.cfg.Logger.WarnContext(ctx, "what was seen of a ticket not read", "ticket", f.key.Ticket, "error", err)
		return
	}
	f.recalled = true
	if f.now.TicketAt.IsZero() {
		f.past = past
	}
	most := f.w.cfg.Limits.Events
	f.now.Events = withEvents(slices.Clip(past.Events), f.now.Events, most)
}

// keep hands on what a poll has found.
func (f *ticketFeed) keep(changes []Event) {
	if f.w.cfg.Archive == nil || f.now.TicketAt.IsZero() {
		return
	}
	s := f.now
	f.w.cfg.Archive.Keep(f.key, changes, &s)
}

// since lists what changed while nobody here looked: the first reading of the
// ticket, and of each batch, is compared with what is kept.
func (f *ticketFeed) since(before Snapshot) []Event {
	var events []Event
	add := func(subject Subject, batch int32, was Standing, state string, at time.Time) {
		if was.State != "" && was.State != state {
			events = append(events, Event{Subject: subject, Batch: batch, From: was.State, To: state,
				After: was.At, Seen: at})
		}
	}
	if before.TicketAt.IsZero() && !f.now.TicketAt.IsZero() {
		add(SubjectTicket, 0, f.past.Ticket, string(f.now.Ticket.Status), f.now.TicketAt)
		f.past.Ticket = Standing{}
	}
	for _, b := range f.now.Batches {
		if was, known := f.past.Batches[b.Index]; known && !b.At.IsZero() {
			add(SubjectBatch, b.Index, was, string(b.State), b.At)
			delete(f.past.Batches, b.Index)
		}
	}
	return events
}

// inOrder takes the beginning from an event whose clock went back meanwhile: it
// is not known then.
func inOrder(events []Event) {
	for i := range events {
		if e := &events[i]; e.After.After(e.Seen) {
			e.After = time.Time{}
		}
	}
}
