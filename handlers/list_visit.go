package handlers

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// A visit to the list of tickets goes on as long as the list is looked at:
// loaded, or kept up to date in a tab that can be seen. It is over when that
// has not happened for visitGap. What was shown last then is what the next
// visit is compared with, for as long as that lasts: loading the page again, or
// a stream that brings news, takes no mark away. Opening a ticket does, for that
// one; and to mark all as seen does, for what was shown.
const visitGap = 30 * time.Minute

// The bounds of what is remembered.
const (
	maxMarks   = 500  // tickets of a person
	maxVisits  = 1000 // persons in memory; the others are read again
	visitKept  = 90 * 24 * time.Hour
	visitStale = 30 * time.Second // another console may have changed it
	visitSaved = time.Minute      // how exactly the end of a visit is known
)

// mark is what was shown of a ticket.
type mark struct {
	Status string `json:"s"`
	Failed int32  `json:"f"` // instances; -1 = it was not known
	At     int64  `json:"t"` // seconds since 1970
}

// visit is what is remembered of a person.
type visit struct {
	Since  time.Time       `json:"since"` // the end of the last visit; zero = this is the first
	Last   time.Time       `json:"last"`  // the last look of this one
	Before map[string]mark `json:"before"`
	Now    map[string]mark `json:"now"`
}

// news is what a ticket is marked with.
type news struct {
	New    bool   // it was made since the last visit
	Was    string // its state then, if it is another now
	Failed int32  // how many more instances have failed
}

// shownTicket is a ticket as a list or its page shows it.
type shownTicket struct {
	id, status string
	failed     int32 // -1 = not known
	created    time.Time
}

// look notes what is shown now, and says what is new about it. changed tells
// whether that is worth to be written.
func (v *visit) look(now time.Time, shown []shownTicket) (all map[string]news, changed bool) {
	if now.Sub(v.Last) > visitGap {
		v.Since = v.Last
		v.settle()
		changed = true
	}
	all = map[string]news{}
	for _, t := range shown {
		if n := v.news(t); n != (news{}) {
			all[t.id] = n
		}
		before, known := v.Now[t.id]
		if t.failed < 0 {
			t.failed = v.failed(t)
		}
		v.Now[t.id] = mark{t.status, t.failed, now.Unix()}
		changed = changed || !known || before.Status != t.status || before.Failed != t.failed
	}
	trim(v.Now)
	changed = changed || now.Sub(v.Last) >= visitSaved
	if changed {
		v.Last = now
	}
	return all, changed
}

// failed is the last count that is known of a ticket in the same state; -1 =
// none is.
func (v *visit) failed(t shownTicket) int32 {
	for _, marks := range []map[string]mark{v.Now, v.Before} {
		if m, known := marks[t.id]; known && m.Status == t.status {
			return m.Failed
		}
	}
	return -1
}

func (v *visit) news(t shownTicket) news {
	before, known := v.Before[t.id]
	switch {
	case !known:
		return news{New: !v.Since.IsZero() && t.created.After(v.Since)}
	case before.Status != t.status:
		return news{Was: before.Status, Failed: more(before.Failed, t.failed)}
	}
	return news{Failed: more(before.Failed, t.failed)}
}

// more is how many have failed since; a count that is not known says nothing.
func more(before, now int32) int32 {
	if before < 0 || now < 0 {
		return 0
	}
	return max(0, now-before)
}

// settle makes what was shown last what all that follows is compared with.
func (v *visit) settle() {
	if v.Before == nil {
		v.Before = map[string]mark{}
	}
	maps.Copy(v.Before, v.Now)
	v.Now = map[string]mark{}
	trim(v.Before)
}

// trim forgets the tickets that were shown longest ago.
func trim(marks map[string]mark) {
	if len(marks) <= maxMarks {
		return
	}
	ids := slices.SortedFunc(maps.Keys(marks), func(a, b string) int { return cmp.Compare(marks[b].At, marks[a].At) })
	for _, id := range ids[maxMarks:] {
		delete(marks, id)
	}
}

// open notes that a ticket itself was looked at.
func (v *visit) open(now time.Time, t shownTicket) {
	m := mark{t.status, t.failed, now.Unix()}
	if v.Before == nil {
		v.Before = map[string]mark{}
	}
	if v.Now == nil {
		v.Now = map[string]mark{}
	}
	v.Before[t.id], v.Now[t.id] = m, m
	trim(v.Before)
	trim(v.Now)
}

// visits keeps those of everybody, in memory and in the console's database.
type visits struct {
	store Store
	mu    sync.Mutex
	all   map[visitor]*kept
}

type visitor struct{ user, project string }

// kept is a visit in memory.
type kept struct {
	mu   sync.Mutex
	v    visit
	read time.Time
}

func visitorOf(v Viewer) visitor { return visitor{v.Actor.UserID, v.Actor.ProjectID} }

func (s *visits) of(who visitor) *kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.all[who]
	if !ok {
		if s.all == nil || len(s.all) >= maxVisits {
			s.all = map[visitor]*kept{}
		}
		k = &kept{}
		s.all[who] = k
	}
	return k
}

// change reads a person's visit, lets f change it, and writes it if f says so.
func (s *visits) change(ctx context.Context, who visitor, now time.Time, f func(*visit) bool) error {
	k := s.of(who)
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.read) >= visitStale || now.Before(k.read) {
		v, err := s.load(ctx, who)
		if err != nil {
			return err
		}
		k.v, k.read = v, now
	}
	if !f(&k.v) {
		return nil
	}
	if err := s.write(ctx, who, k.v, now); err != nil {
		k.read = time.Time{}
		return err
	}
	return nil
}

func (s *visits) load(ctx context.Context, who visitor) (visit, error) {
	v := visit{Before: map[string]mark{}, Now: map[string]mark{}}
	var text string
	err := s.store.Read.QueryRowContext(ctx, `SELECT visit FROM ticket_visit WHERE user_id = $1 AND project_id = $2`, who.user, who.project).Scan(&text)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return v, nil
	case err != nil:
		return v, err
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return visit{}, err
	}
	return v, nil
}

// write stores a visit, and forgets those that are long over.
func (s *visits) write(ctx context.Context, who visitor, v visit, now time.Time) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = s.store.Write.ExecContext(ctx, `INSERT INTO ticket_visit (user_id, project_id, visit, last_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id, project_id) DO UPDATE SET visit = excluded.visit, last_at = excluded.last_at`,
		who.user, who.project, string(text), now.UnixMicro())
	if err != nil {
		return err
	}
	_, err = s.store.Write.ExecContext(ctx, `DELETE FROM ticket_visit WHERE last_at < $1`, now.Add(-visitKept).UnixMicro())
	return err
}

// visited notes what somebody is shown, and says what is new about it and since
// when. Without a database nothing is.
func (h *Handlers) visited(ctx context.Context, who Viewer, shown []shownTicket) (all map[string]news, since time.Time) {
	err := h.visits.change(ctx, visitorOf(who), h.Now(), func(v *visit) (changed bool) {
		all, changed = v.look(h.Now(), shown)
		since = v.Since
		return changed
	})
	if err != nil && ctx.Err() == nil {
		h.Logger.WarnContext(ctx, "what somebody saw last is not known or not kept", "error", err)
	}
	return all, since
}

// opened notes that somebody looks at a ticket itself.
func (h *Handlers) opened(ctx context.Context, who Viewer, t shownTicket) {
	err := h.visits.change(ctx, visitorOf(who), h.Now(), func(v *visit) bool {
		before, known := v.Before[t.id]
		v.open(h.Now(), t)
		return !known || before.Status != t.status || before.Failed != t.failed
	})
	if err != nil && ctx.Err() == nil {
		h.Logger.WarnContext(ctx, "that a ticket was opened is not kept", "error", err)
	}
}

// seenAll makes what was shown the last thing seen.
func (h *Handlers) seenAll(ctx context.Context, who Viewer) error {
	return h.visits.change(ctx, visitorOf(who), h.Now(), func(v *visit) bool {
		now := maps.Clone(v.Now)
		v.settle()
		v.Now = now
		return true
	})
}
