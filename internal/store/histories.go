package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// TicketKey names a ticket as an account's project sees it.
type TicketKey struct{ Account, Project, Ticket string }

// Histories are what was seen of tickets, a text for each.
type Histories struct{ db DB }

// NewHistories returns the histories in a database.
func NewHistories(db DB) *Histories { return &Histories{db} }

// Read returns a ticket's text; empty when there is none.
func (h *Histories) Read(ctx context.Context, k TicketKey) (string, error) {
	_, history, err := readHistory(ctx, h.db.Read, k)
	return history, err
}

// querier is a database or a transaction that is read.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readHistory(ctx context.Context, db querier, k TicketKey) (version int64, history string, err error) {
	err = db.QueryRowContext(ctx, `SELECT version, history FROM ticket_history
		WHERE account_id = $1 AND project_id = $2 AND ticket = $3`, k.Account, k.Project, k.Ticket).Scan(&version, &history)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, "", fmt.Errorf("read the history of ticket %s: %w", k.Ticket, err)
	}
	return version, history, nil
}

// Change gives each ticket the text that next makes of its present one, all in
// one transaction, and returns those that another console changed at the same
// time: they are as that one left them. Keys are in the same order everywhere.
func (h *Histories) Change(ctx context.Context, keys []TicketKey,
	next func(k TicketKey, have string) (text string, seen time.Time)) (missed []TicketKey, err error) {
	ctx = h.db.lazily(ctx)
	err = transact(ctx, h.db.Write, func(tx *sql.Tx) error {
		for _, k := range keys {
			version, have, err := readHistory(ctx, tx, k)
			if err != nil {
				return err
			}
			text, seen := next(k, have)
			n, err := affected(tx.ExecContext(ctx, `INSERT INTO ticket_history (account_id, project_id, ticket, version, history, seen_at)
				VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, project_id, ticket) DO UPDATE
				SET version = excluded.version, history = excluded.history, seen_at = excluded.seen_at
				WHERE ticket_history.version = excluded.version - 1`,
				k.Account, k.Project, k.Ticket, version+1, text, seen.UnixMicro()))
			if err != nil {
				return fmt.Errorf("write the history of ticket %s: %w", k.Ticket, err)
			}
			if n == 0 {
				missed = append(missed, k)
			}
		}
		return nil
	})
	return missed, err
}

// Prune forgets tickets that were seen last before a time, at most most of them,
// so that a clock that is wrong for a moment costs little, and those
// beyond the newest kept. What was seen in the future was seen now.
func (h *Histories) Prune(ctx context.Context, before, now time.Time, most, kept int) error {
	for _, s := range []struct {
		text string
		args []any
	}{
		{`UPDATE ticket_history SET seen_at = $1 WHERE seen_at > $2`,
			[]any{now.UnixMicro(), now.Add(time.Hour).UnixMicro()}},
		{`DELETE FROM ticket_history WHERE (account_id, project_id, ticket) IN
			(SELECT account_id, project_id, ticket FROM ticket_history WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)`,
			[]any{before.UnixMicro(), most}},
		{`DELETE FROM ticket_history WHERE (account_id, project_id, ticket) IN
			(SELECT account_id, project_id, ticket FROM ticket_history ORDER BY seen_at DESC LIMIT $1 OFFSET $2)`,
			[]any{Unlimited, kept}},
	} {
		if _, err := h.db.Write.ExecContext(h.db.lazily(ctx), s.text, s.args...); err != nil {
			return fmt.Errorf("delete old histories of tickets: %w", err)
		}
	}
	return nil
}
