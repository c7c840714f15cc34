package history

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"coc-console/internal/watch"
)

// maxEvents bounds the changes of one ticket. Words and names in them are as short as package watch makes them.
const maxEvents = 400

// text is how a row keeps what was seen of a ticket. Times are microseconds
// since 1970.
type text struct {
	Ticket  standing           `json:"t"`
	Batches map[int32]standing `json:"b,omitempty"`
	Events  []event            `json:"e,omitempty"`
}

type standing struct {
	State string `json:"s"`
	At    int64  `json:"t"`
}

type event struct {
	Subject  watch.Subject `json:"o"`
	Batch    int32         `json:"b,omitempty"`
	Instance int64         `json:"i,omitempty"`
	Host     string        `json:"h,omitempty"`
	From     string        `json:"f"`
	To       string        `json:"t"`
	After    int64         `json:"a,omitempty"` // 0 = not known
	Seen     int64         `json:"s"`
}

func encode(p watch.Past) string {
	t := text{Ticket: standingOf(p.Ticket), Batches: map[int32]standing{}}
	for index, s := range p.Batches {
		t.Batches[index] = standingOf(s)
	}
	for _, e := range p.Events {
		t.Events = append(t.Events, event{e.Subject, e.Batch, e.Instance, e.Host, e.From, e.To,
			micro(e.After), micro(e.Seen)})
	}
	b, err := json.Marshal(t)
	if err != nil {
		return "" // texts and numbers always marshal
	}
	return string(b)
}

// decode reads a text. One that this console cannot read counts for nothing.
func decode(row string) watch.Past {
	var t text
	if row == "" || json.Unmarshal([]byte(row), &t) != nil {
		return watch.Past{}
	}
	p := watch.Past{Ticket: t.Ticket.standing(), Batches: make(map[int32]watch.Standing, len(t.Batches))}
	for index, s := range t.Batches {
		p.Batches[index] = s.standing()
	}
	for _, e := range t.Events {
		p.Events = append(p.Events, watch.Event{Subject: e.Subject, Batch: e.Batch, Instance: e.Instance, Host: e.Host,
			From: e.From, To: e.To, After: at(e.After), Seen: at(e.Seen)})
	}
	return p
}

func standingOf(s watch.Standing) standing { return standing{s.State, micro(s.At)} }

func (s standing) standing() watch.Standing { return watch.Standing{State: s.State, At: at(s.At)} }

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func at(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micro).UTC()
}

// merge adds what this console saw to what is kept. A change that another saw,
// too, is one: it happened in the time that both leave for it.
func merge(kept watch.Past, more watch.Past) watch.Past {
	all := slices.Clone(kept.Events)
	for _, e := range more.Events {
		if i := slices.IndexFunc(all, func(o watch.Event) bool { return same(o, e) }); i >= 0 {
			all[i].After, all[i].Seen = later(all[i].After, e.After), earlier(all[i].Seen, e.Seen)
		} else {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b watch.Event) int { return a.Seen.Compare(b.Seen) })
	out := watch.Past{Events: bounded(all), Ticket: newer(kept.Ticket, more.Ticket),
		Batches: make(map[int32]watch.Standing, len(more.Batches))}
	for index, s := range more.Batches { // batches that COC no longer names go
		out.Batches[index] = newer(kept.Batches[index], s)
	}
	return out
}

// same reports whether two consoles saw one change: the same one, in times that
// overlap.
func same(a, b watch.Event) bool {
	return a.Subject == b.Subject && a.Batch == b.Batch && a.Instance == b.Instance &&
		a.From == b.From && a.To == b.To &&
		begin(a).Before(b.Seen) && begin(b).Before(a.Seen)
}

// begin is when an event can have happened at the earliest; where that is not
// known it counts for a moment.
func begin(e watch.Event) time.Time {
	if e.After.IsZero() {
		return e.Seen
	}
	return e.After
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// newer is what this console saw, if it saw anything: by a clock that went back, it may look older.
func newer(kept, mine watch.Standing) watch.Standing {
	if mine.State != "" {
		return mine
	}
	return kept
}

// bounded drops what is too much: changes of instances first, the oldest first.
func bounded(all []watch.Event) []watch.Event {
	drop := len(all) - maxEvents
	if drop <= 0 {
		return all
	}
	out := slices.DeleteFunc(slices.Clone(all), func(e watch.Event) bool {
		gone := drop > 0 && e.Subject == watch.SubjectInstance
		if gone {
			drop--
		}
		return gone
	})
	return out[max(0, len(out)-maxEvents):]
}

// standings are the states of a snapshot, with when they were seen.
func standings(s *watch.Snapshot) watch.Past {
	p := watch.Past{Ticket: watch.Standing{State: string(s.Ticket.Status), At: s.TicketAt},
		Batches: make(map[int32]watch.Standing, len(s.Batches))}
	for _, b := range s.Batches {
		if !b.At.IsZero() {
			p.Batches[b.Index] = watch.Standing{State: string(b.State), At: later(b.At, b.RunningAt)}
		}
	}
	return p
}

func compareKeys(a, b watch.Key) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Ticket, b.Ticket))
}
