package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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

// visit is what is remembered of a person, as its row has it.
type visit struct {
	Since  time.Time       `json:"since"` // the end of the last visit; zero = this is the first
	Last   time.Time       `json:"last"`  // the last look of this one
	Before map[string]mark `json:"before"`
	Now    map[string]mark `json:"now"`
}

// News is what a ticket is marked with.
type News struct {
	New    bool   // it was made since the last visit
	Was    string // its state then, if it is another now
	Failed int32  // how many more instances have failed
}

// ShownTicket is a ticket as a list or its page shows it.
type ShownTicket struct {
	ID, Status string
	Failed     int32 // instances; -1 = not known
	Created    time.Time
}

// look notes what is shown now, and says what is new about it. changed tells
// whether that is worth to be written.
func (v *visit) look(now time.Time, shown []ShownTicket) (all map[string]News, changed bool) {
	if now.Sub(v.Last) > visitGap {
		v.Since = v.Last
		v.settle()
		changed = true
	}
	if v.Now == nil {
		v.Now = map[string]mark{}
	}
	all = map[string]News{}
	for _, t := range shown {
		if n := v.news(t); n != (News{}) {
			all[t.ID] = n
		}
		before, known := v.Now[t.ID]
		if t.Failed < 0 {
			t.Failed = v.failed(t)
		}
		v.Now[t.ID] = mark{t.Status, t.Failed, now.Unix()}
		changed = changed || !known || before.Status != t.Status || before.Failed != t.Failed
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
func (v *visit) failed(t ShownTicket) int32 {
	for _, marks := range []map[string]mark{v.Now, v.Before} {
		if m, known := marks[t.ID]; known && m.Status == t.Status {
			return m.Failed
		}
	}
	return -1
}

// news is nothing on the first visit, also for tickets that were opened before
// the list: there is no visit since which it could be told.
func (v *visit) news(t ShownTicket) News {
	before, known := v.Before[t.ID]
	switch {
	case v.Since.IsZero():
		return News{}
	case !known:
		return News{New: t.Created.After(v.Since)}
	case before.Status != t.Status:
		return News{Was: before.Status, Failed: more(before.Failed, t.Failed)}
	}
	return News{Failed: more(before.Failed, t.Failed)}
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

// open notes that a ticket itself was looked at. Where the list has not been
// yet, that is the first visit.
func (v *visit) open(now time.Time, t ShownTicket) {
	if v.Last.IsZero() {
		v.Last = now
	}
	m := mark{t.Status, t.Failed, now.Unix()}
	if v.Before == nil {
		v.Before = map[string]mark{}
	}
	if v.Now == nil {
		v.Now = map[string]mark{}
	}
	v.Before[t.ID], v.Now[t.ID] = m, m
	trim(v.Before)
	trim(v.Now)
}

// Visits keeps the visits of everybody, in memory and in the database.
type Visits struct {
	db     DB
	logger *slog.Logger
	mu     sync.Mutex
	all    map[Visitor]*cachedVisit
}

// NewVisits returns the visits in a database.
func NewVisits(db DB, logger *slog.Logger) *Visits {
	return &Visits{db: db, logger: logger, all: map[Visitor]*cachedVisit{}}
}

// Visitor is a person in a project.
type Visitor struct{ UserID, ProjectID string }

// cachedVisit is a visit in memory.
type cachedVisit struct {
	mu     sync.Mutex
	v      visit
	read   time.Time
	saving bool // it is being written
	again  bool // it has changed since
}

// Look notes what somebody is shown, and says what is new about it, by the
// tickets' ids, and since when.
func (s *Visits) Look(ctx context.Context, who Visitor, now time.Time, shown []ShownTicket) (
	all map[string]News, since time.Time, err error,
) {
	err = s.change(ctx, who, now, func(v *visit) (changed bool) {
		all, changed = v.look(now, shown)
		since = v.Since
		return changed
	})
	return all, since, err
}

// Open notes that somebody looks at a ticket itself.
func (s *Visits) Open(ctx context.Context, who Visitor, now time.Time, t ShownTicket) error {
	return s.change(ctx, who, now, func(v *visit) bool {
		before, known := v.Before[t.ID]
		v.open(now, t)
		return !known || before.Status != t.Status || before.Failed != t.Failed
	})
}

// SeenAll makes what somebody was shown the last thing seen.
func (s *Visits) SeenAll(ctx context.Context, who Visitor, now time.Time) error {
	return s.change(ctx, who, now, func(v *visit) bool {
		shown := maps.Clone(v.Now)
		v.settle()
		v.Now = shown
		return true
	})
}

func (s *Visits) of(who Visitor) *cachedVisit {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.all[who]
	if !ok {
		if len(s.all) >= maxVisits {
			clear(s.all)
		}
		k = &cachedVisit{}
		s.all[who] = k
	}
	return k
}

// change reads a person's visit, lets f change it, and writes it if f says so.
func (s *Visits) change(ctx context.Context, who Visitor, now time.Time, f func(*visit) bool) error {
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
	return s.save(ctx, who, k, now)
}

// savePatience bounds how long a page waits until a visit is written, and
// saveTimeout how long the writing goes on without it.
const (
	savePatience = 200 * time.Millisecond
	saveTimeout  = 10 * time.Second
)

// save writes a visit, one writing at a time. A database that does not answer in
// time holds no page up: what is in memory counts, and the writing goes on. The
// caller holds k.mu.
func (s *Visits) save(ctx context.Context, who Visitor, k *cachedVisit, now time.Time) error {
	if k.saving {
		k.again = true
		return nil
	}
	text, err := json.Marshal(k.v)
	if err != nil {
		return err
	}
	k.saving = true
	saved := make(chan error, 1)
	go func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
		defer cancel()
		saved <- s.write(limited, who, string(text), now)
	}()
	patience := time.NewTimer(savePatience)
	defer patience.Stop()
	select {
	case err := <-saved:
		return k.saved(err)
	case <-patience.C:
		go s.saveOn(ctx, who, k, saved, now)
		return nil
	}
}

// saved notes the end of a writing. After an error the next look reads what is
// stored. The caller holds k.mu.
func (k *cachedVisit) saved(err error) error {
	k.saving, k.again = false, false
	if err != nil {
		k.read = time.Time{}
	}
	return err
}

// saveOn waits for a writing that takes long, and writes once more what has
// changed since.
func (s *Visits) saveOn(ctx context.Context, who Visitor, k *cachedVisit, saved <-chan error, now time.Time) {
	err := <-saved
	k.mu.Lock()
	defer k.mu.Unlock()
	again := k.again
	if err = k.saved(err); err == nil && again {
		err = s.save(ctx, who, k, now)
	}
	if err != nil {
		s.logger.WarnContext(ctx, "visit not saved", "user", who.UserID, "error", err)
	}
}

func (s *Visits) load(ctx context.Context, who Visitor) (visit, error) {
	v := visit{Before: map[string]mark{}, Now: map[string]mark{}}
	var text string
	err := s.db.Read.QueryRowContext(ctx, `SELECT visit FROM ticket_visit WHERE user_id = $1 AND project_id = $2`, who.UserID, who.ProjectID).Scan(&text)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return v, nil
	case err != nil:
		return v, fmt.Errorf("read visit of %s: %w", who.UserID, err)
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return visit{}, fmt.Errorf("decode visit of %s: %w", who.UserID, err)
	}
	return v, nil
}

// write stores a visit, and forgets those that are long over.
func (s *Visits) write(ctx context.Context, who Visitor, text string, now time.Time) error {
	_, err := s.db.Write.ExecContext(ctx, `INSERT INTO ticket_visit (user_id, project_id, visit, last_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id, project_id) DO UPDATE SET visit = excluded.visit, last_at = excluded.last_at`,
		who.UserID, who.ProjectID, text, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("write visit of %s: %w", who.UserID, err)
	}
	_, err = s.db.Write.ExecContext(ctx, `DELETE FROM ticket_visit WHERE last_at < $1`, now.Add(-visitKept).UnixMicro())
	if err != nil {
		return fmt.Errorf("delete old visits: %w", err)
	}
	return nil
}
