package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/company"
	"coc-console/internal/store"
)

// A command beside a running console ends sessions in the database, so that
// they are over at once; but only a console writes the log. What it has to
// write waits in the table session_end, sealed with the session key, so that
// nobody else can have it written.

// endedSession is what waits there.
type endedSession struct {
	Target  string    `json:"target"` // whose session
	Session string    `json:"session"`
	By      string    `json:"by"` // the user of the operating system, and the host
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`

	Kept *company.Kept `json:"renewal,omitempty"` // for the console to have its provider end
}

// claimEnds is how long a console may take to write a record.
const claimEnds = 30 * time.Second

// EndByCommand ends the sessions that pick chooses. It returns which, and the
// ids of what waits for its record (Recorded).
func (s *Sessions) EndByCommand(ctx context.Context, pick func(handlers.SessionInfo) bool, by,
	reason string) (ended []handlers.SessionInfo, ids []string, err error) {
	rows, held, err := s.live(ctx, "", maxLive)
	if err != nil {
		return nil, nil, err
	}
	for i, row := range rows {
		info := s.info(row, held[i])
		if !pick(info) {
			continue
		}
		id, err := s.endByCommand(ctx, row.ID, endedSession{Target: info.Actor.AccountName + "/" + info.Actor.UserName, Session: info.Name,
			By: by, Reason: reason, At: s.Now(), Kept: held[i].Kept})
		if err != nil {
			return ended, ids, err
		}
		if id != "" {
			ended, ids = append(ended, info), append(ids, id)
		}
	}
	return ended, ids, nil
}

// endByCommand deletes one session and leaves word of it, both or neither.
func (s *Sessions) endByCommand(ctx context.Context, row string, what endedSession) (id string, err error) {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	id = hex.EncodeToString(nonce)
	plain, err := json.Marshal(what)
	if err != nil {
		return "", err
	}
	was, err := s.rows.EndWith(ctx, row, store.SessionEnd{ID: id, Sealed: s.sealBytes(endName(id), plain)}, what.At)
	if err != nil || !was {
		return "", err
	}
	return id, nil
}

func endName(id string) string { return "session_end " + id }

// Recorded reports whether a console has written the records of all of these.
func (s *Sessions) Recorded(ctx context.Context, ids []string) (bool, error) {
	for _, id := range ids {
		if waits, err := s.rows.HasEnd(ctx, id); err != nil || waits {
			return false, err
		}
	}
	return true, nil
}

// finishEnds writes the records of the sessions that a command ended. A record
// that the log does not take is tried again later.
func (s *Sessions) finishEnds(ctx context.Context) error {
	if s.Record == nil {
		return nil
	}
	now := s.Now()
	waiting, err := s.rows.Ends(ctx, now, now.Add(-claimEnds))
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if err := s.finishEnd(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sessions) finishEnd(ctx context.Context, end store.SessionEnd) error {
	now := s.Now()
	if mine, err := s.rows.ClaimEnd(ctx, end.ID, now, now.Add(-claimEnds)); err != nil || !mine {
		return err // another console writes it
	}
	var what endedSession
	plain, err := s.openBytes(endName(end.ID), end.Sealed)
	if err == nil {
		err = json.Unmarshal(plain, &what)
	}
	if err != nil {
		s.Logger.Warn("an end of a session that was not written with this session key is thrown away", "id", end.ID)
		return s.rows.DeleteEnd(ctx, end.ID)
	}
	err = s.record(ctx, audit.Record{Action: audit.ActionSessionEnded, Outcome: audit.OutcomeSucceeded, Target: what.Target,
		Reason: what.Reason, Detail: fmt.Sprintf("why=command by=%s session=%s at=%s", what.By, what.Session,
			what.At.UTC().Format(time.RFC3339))})
	if err != nil {
		return err // it is tried again, with what follows
	}
	s.revoke(end.ID, what.Kept.Renewal())
	return s.rows.DeleteEnd(ctx, end.ID)
}
