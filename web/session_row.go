package web

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/store"
)

// mac keeps whoever can write the database from bringing an ended session to life.
func (s *Sessions) mac(r store.Session) []byte {
	mac := hmac.New(sha256.New, s.macKey)
	_, _ = fmt.Fprintf(mac, "%s %d %d %d %d %s", r.ID, r.Created, r.Seen, r.Expires, r.Checked, r.Person)
	return mac.Sum(nil)
}

// person tells people apart in the database without naming them.
func (s *Sessions) person(a audit.Actor) string {
	mac := hmac.New(sha256.New, s.hashKey)
	_, _ = fmt.Fprintf(mac, "person %q %q", a.AccountID, a.UserID)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// openRow opens a row that is as the console wrote it, and lives.
func (s *Sessions) openRow(r store.Session) (content, error) { return s.openRowBy(r, s.open) }

func (s *Sessions) openRowBy(r store.Session, open func(row string, sealed []byte) (content, error)) (content, error) {
	now := s.Now()
	if !hmac.Equal(r.MAC, s.mac(r)) || r.Expires <= now.UnixMicro() || r.Seen <= now.Add(-s.Idle).UnixMicro() {
		return content{}, errNoSession
	}
	held, err := open(r.ID, r.Sealed)
	switch {
	case err != nil:
	case !held.Expires.After(now):
		return content{}, errNoSession
	case held.Over != "":
		return content{}, &overError{held.Over}
	}
	return held, err
}

// find opens a live session.
func (s *Sessions) find(ctx context.Context, row string) (store.Session, content, error) {
	r, err := s.rows.Find(ctx, row, s.unsealed.sealed(row))
	if errors.Is(err, store.ErrNoSession) {
		return store.Session{}, content{}, errNoSession
	}
	if err != nil {
		return store.Session{}, content{}, err
	}
	held, err := s.openRowBy(r, s.unsealed.open(s.open))
	return r, held, err
}

// unsealed are sessions in use, each for a moment after it was opened. The row is
// read each time: one that was changed or ended is not taken from here.
type unsealed struct {
	mu  sync.Mutex
	all map[string]unsealedRow
}

type unsealedRow struct {
	sealed []byte
	held   content
}

// The bounds of unsealed: how long a token stays there, and how many do.
const (
	unsealedFor = 2 * time.Second
	maxUnsealed = 1000
)

// open is the content of a row, which open unseals where it is not there.
func (u *unsealed) open(open func(string, []byte) (content, error)) func(string, []byte) (content, error) {
	return func(row string, sealed []byte) (content, error) {
		u.mu.Lock()
		known, ok := u.all[row]
		u.mu.Unlock()
		if ok && bytes.Equal(known.sealed, sealed) {
			return known.held, nil
		}
		held, err := open(row, sealed)
		if err == nil {
			u.keep(row, unsealedRow{sealed, held})
		}
		return held, err
	}
}

// sealed is what a row held when it was opened; nil where it is not there.
func (u *unsealed) sealed(row string) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.all[row].sealed
}

func (u *unsealed) keep(row string, r unsealedRow) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[string]unsealedRow{}
	}
	if _, known := u.all[row]; !known {
		if len(u.all) >= maxUnsealed {
			return
		}
		time.AfterFunc(unsealedFor, func() { u.drop(row) })
	}
	u.all[row] = r
}

func (u *unsealed) drop(row string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.all, row)
}

// update changes the times of a live session, unless change says that there is
// nothing to do. Of several consoles that do so at once, one is first, and the
// others look again.
func (s *Sessions) update(ctx context.Context, row string, change func(*store.Session) bool) error {
	const tries = 3
	for range tries {
		r, err := s.rows.Latest(ctx, row)
		if errors.Is(err, store.ErrNoSession) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := s.openRow(r); err != nil || !change(&r) {
			return nil //nolint:nilerr // a session that has ended stays as it is
		}
		before := r.MAC
		r.MAC = s.mac(r)
		if changed, err := s.rows.SetTimes(ctx, r, before); err != nil || changed {
			return err
		}
	}
	return nil // others keep it up to date
}

// change changes what a session holds, if it has not been ended meanwhile. Of several that do so at once each builds on
// what the others have done.
func (s *Sessions) change(ctx context.Context, row string, change func(*content)) error {
	const tries = 10
	for range tries {
		r, err := s.rows.Latest(ctx, row)
		if errors.Is(err, store.ErrNoSession) {
			return nil
		}
		if err != nil {
			return err
		}
		held, err := s.open(row, r.Sealed)
		if err != nil {
			return nil //nolint:nilerr // it is no session any more
		}
		change(&held)
		sealed, err := s.sealed(row, held)
		if err != nil {
			return err
		}
		if changed, err := s.rows.SetSealed(ctx, row, r.Sealed, sealed); err != nil || changed {
			return err
		}
	}
	return errBusySession
}

var errBusySession = errors.New("a session changes all the time")

// live returns the live sessions, of one person or of all (""), those that
// were used last first. limit bounds how many are read.
func (s *Sessions) live(ctx context.Context, person string, limit int) (rows []store.Session, held []content,
	err error) {
	found, err := s.rows.List(ctx, s.Now(), person, limit)
	for _, r := range found {
		if c, err := s.openRow(r); err == nil {
			rows, held = append(rows, r), append(held, c)
		}
	}
	return rows, held, err
}

// defaultPerPerson is more than the browsers that one person uses in a day.
const defaultPerPerson = 10

// makeRoom ends the sessions of a person that were used longest ago, so that a
// new one fits: whoever signs in is not kept out by what they forgot elsewhere.
func (s *Sessions) makeRoom(ctx context.Context, who audit.Actor) {
	rows, held, err := s.live(ctx, s.person(who), maxLive)
	if err != nil {
		s.Logger.Error("sessions of one person not counted", "error", err)
		return
	}
	for i := s.PerPerson - 1; i < len(rows); i++ {
		if err := s.end(ctx, rows[i], held[i], audit.Record{Action: audit.ActionSessionEnded,
			Detail: "why=limit"}); err != nil {
			s.Logger.Error("a session beyond the limit was not ended", "error", err)
		}
		s.limited("sessions")
	}
}

// limited counts what a limit stopped.
func (s *Sessions) limited(limit string) {
	if s.Limited != nil {
		s.Limited(limit)
	}
}

// end deletes a session and, when it was still there, writes r about it. The
// record names its person unless r has an actor of its own.
func (s *Sessions) end(ctx context.Context, row store.Session, held content, r audit.Record) error {
	was, err := s.rows.Delete(ctx, row.ID)
	if err != nil || !was {
		return err
	}
	s.forgetRow(row.ID)
	s.revoke(row.ID, held.renewal())
	if r.Outcome == "" {
		r.Outcome = audit.OutcomeSucceeded
	}
	if r.Actor == (audit.Actor{}) {
		r.Actor, r.Origin = held.Actor, audit.Origin{Session: s.name(row.ID)}
	}
	return s.record(ctx, r)
}

// forgetRow has this console know nothing more of a session that has ended.
func (s *Sessions) forgetRow(row string) {
	s.unsealed.drop(row)
	s.checks.forget(row)
	if ended := s.onEnd.Load(); ended != nil {
		(*ended)(row)
	}
}

func (s *Sessions) record(ctx context.Context, r audit.Record) error {
	if s.Record == nil {
		return nil
	}
	return s.Record(context.WithoutCancel(ctx), r)
}

// List returns the live sessions, those that were used last first, and
// whether there are more.
func (s *Sessions) List(ctx context.Context) (list []handlers.SessionInfo, more bool, err error) {
	rows, held, err := s.live(ctx, "", handlers.MaxSessions+1)
	for i, r := range rows {
		list = append(list, s.info(r, held[i]))
	}
	if more = len(list) > handlers.MaxSessions; more {
		list = list[:handlers.MaxSessions]
	}
	return list, more, err
}

// EndSessions ends those that pick chooses, and returns which. Each has its
// record, which r says all of but whose session it was.
func (s *Sessions) EndSessions(ctx context.Context, pick func(handlers.SessionInfo) bool,
	r audit.Record) (ended []handlers.SessionInfo, err error) {
	rows, held, err := s.live(ctx, "", maxLive)
	if err != nil {
		return nil, err
	}
	for i, row := range rows {
		info := s.info(row, held[i])
		if !pick(info) {
			continue
		}
		r := r
		r.Target = info.Actor.AccountName + "/" + info.Actor.UserName
		r.Detail += " session=" + info.Name
		if failed := s.end(ctx, row, held[i], r); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		ended = append(ended, info)
	}
	return ended, err
}

func (s *Sessions) info(r store.Session, held content) handlers.SessionInfo {
	return handlers.SessionInfo{Name: s.name(r.ID), Actor: held.Actor, Begun: micro(r.Created), Used: micro(r.Seen), Checked: micro(r.Checked),
		Expires: held.Expires, Address: held.Address, Browser: held.Browser}
}

func micro(n int64) time.Time { return time.UnixMicro(n) }
