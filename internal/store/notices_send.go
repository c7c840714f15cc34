package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"coc-console/internal/sqlutil"
)

const noticeColumns = `number, target, body, created_at, attempts, dead_at, problem`

func scanNotice(from scanner) (n Notice, err error) {
	var created, dead int64
	err = from.Scan(&n.Number, &n.Target, &n.Body, &created, &n.Attempts, &dead, &n.Problem)
	n.Created, n.Dead = micro(created), micro(dead)
	return n, err
}

// Waiting are the first notices of a target that wait, in their order.
func (n *Notices) Waiting(ctx context.Context, target string, limit int) ([]Notice, error) {
	rows, err := n.db.Write.QueryContext(ctx, `SELECT `+noticeColumns+` FROM notice
		WHERE target = $1 AND dead_at = 0 ORDER BY number LIMIT $2`, target, limit)
	all, err := collect(rows, err, scanNotice)
	return all, sqlutil.Wrap(err, "read the notices of", target)
}

// Claim counts one more attempt, if the lease is this console's and the notice still waits; otherwise it is false. For
// as long as a lease lives without a sign of life, no other console sends.
func (n *Notices) Claim(ctx context.Context, one Notice) (claimed bool, err error) {
	err = transact(ctx, n.db.Write, func(tx *sql.Tx) error {
		held, err := n.beat(ctx, tx)
		if err != nil || !held {
			return err
		}
		k, err := affected(tx.ExecContext(ctx, `UPDATE notice SET attempts = attempts + 1 WHERE number = $1 AND dead_at = 0`,
			one.Number))
		claimed = k == 1
		return err
	})
	return claimed && err == nil, sqlutil.Wrap(err, "claim a notice to", one.Target)
}

// Sent forgets a notice that its target has taken.
func (n *Notices) Sent(ctx context.Context, one Notice, now time.Time) error {
	err := transact(ctx, n.db.Write, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM notice WHERE number = $1`, one.Number)
		return errors.Join(err, n.saveTarget(ctx, tx, NoticeTarget{Name: one.Target, Sent: now}))
	})
	return sqlutil.Wrap(err, "note a success of", one.Target)
}

// SaveTarget keeps how sending to a target goes.
func (n *Notices) SaveTarget(ctx context.Context, t NoticeTarget) error {
	return sqlutil.Wrap(n.saveTarget(ctx, n.db.Write, t), "keep the state of", t.Name)
}

func (n *Notices) saveTarget(ctx context.Context, db execer, t NoticeTarget) error {
	_, err := db.ExecContext(ctx, `INSERT INTO notice_target (name, sent_at, failing_since, failures, next_at, problem, gone)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET sent_at = excluded.sent_at,
		failing_since = excluded.failing_since, failures = excluded.failures, next_at = excluded.next_at,
		problem = excluded.problem, gone = excluded.gone`,
		t.Name, since1970(t.Sent), since1970(t.Failing), t.Failures, since1970(t.Next), t.Problem, t.Gone)
	return err
}

// Target is how sending to a target goes, without counts; one that nothing was sent to has its name alone.
func (n *Notices) Target(ctx context.Context, name string) (NoticeTarget, error) {
	t, err := one(n.db.Write.QueryRowContext(ctx, `SELECT name, sent_at, failing_since, failures, next_at, problem, gone
		FROM notice_target WHERE name = $1`, name), scanNoticeTarget)
	if errors.Is(err, ErrNotFound) {
		return NoticeTarget{Name: name}, nil
	}
	return t, sqlutil.Wrap(err, "read the state of", name)
}

func scanNoticeTarget(from scanner) (t NoticeTarget, err error) {
	var sent, failing, next int64
	err = from.Scan(&t.Name, &sent, &failing, &t.Failures, &next, &t.Problem, &t.Gone)
	t.Sent, t.Failing, t.Next = micro(sent), micro(failing), micro(next)
	return t, err
}

// Targets is how sending to all targets goes that anything was sent to, or waits for, by their names.
func (n *Notices) Targets(ctx context.Context) (map[string]NoticeTarget, error) {
	rows, err := n.db.Read.QueryContext(ctx, `SELECT name, sent_at, failing_since, failures, next_at, problem, gone
		FROM notice_target`)
	known, err := collect(rows, err, scanNoticeTarget)
	if err != nil {
		return nil, sqlutil.Wrap(err, "list the targets of notices")
	}
	all := map[string]NoticeTarget{}
	for _, t := range known {
		all[t.Name] = t
	}
	rows, err = n.db.Read.QueryContext(ctx, `SELECT target, SUM(CASE WHEN dead_at = 0 THEN 1 ELSE 0 END),
		SUM(CASE WHEN dead_at = 0 THEN 0 ELSE 1 END), COALESCE(MIN(CASE WHEN dead_at = 0 THEN created_at END), 0)
		FROM notice GROUP BY target`)
	_, err = collect(rows, err, func(from scanner) (none struct{}, err error) {
		var name string
		var waiting, dead, oldest int64
		err = from.Scan(&name, &waiting, &dead, &oldest)
		t := all[name]
		t.Name, t.Waiting, t.Dead, t.Oldest = name, int(waiting), int(dead), micro(oldest)
		all[name] = t
		return none, err
	})
	return all, sqlutil.Wrap(err, "count notices")
}

// WaitingTargets are the names of the targets that notices wait for.
func (n *Notices) WaitingTargets(ctx context.Context) ([]string, error) {
	rows, err := n.db.Write.QueryContext(ctx, `SELECT DISTINCT target FROM notice WHERE dead_at = 0 ORDER BY target`)
	all, err := collect(rows, err, text)
	return all, sqlutil.Wrap(err, "list the targets that notices wait for")
}

// GiveUp makes a notice that waits a dead letter.
func (n *Notices) GiveUp(ctx context.Context, number int64, problem string, now time.Time) error {
	_, err := n.db.Write.ExecContext(ctx, `UPDATE notice SET dead_at = $1, problem = $2 WHERE number = $3 AND dead_at = 0`,
		now.UnixMicro(), problem, number)
	return sqlutil.Wrap(err, "give up a notice")
}

// Dead are the dead letters, the newest first.
func (n *Notices) Dead(ctx context.Context, limit int) ([]Notice, error) {
	rows, err := n.db.Read.QueryContext(ctx, `SELECT `+noticeColumns+` FROM notice WHERE dead_at <> 0
		ORDER BY dead_at DESC, number DESC LIMIT $1`, limit)
	all, err := collect(rows, err, scanNotice)
	return all, sqlutil.Wrap(err, "list dead letters")
}

// SendAgain puts a dead letter behind all that waits, and lets its target be tried at once. ErrNotFound says that
// there is none of that number.
func (n *Notices) SendAgain(ctx context.Context, number int64, now time.Time) error {
	err := transact(ctx, n.db.Write, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE notice_reader SET number = number + 1 WHERE id = 1`)
		if err != nil {
			return err //nolint:wrapcheck // below
		}
		target, err := one(tx.QueryRowContext(ctx, `UPDATE notice SET number = (SELECT number FROM notice_reader WHERE id = 1),
			created_at = $1, attempts = 0, dead_at = 0, problem = '' WHERE number = $2 AND dead_at <> 0 RETURNING target`,
			now.UnixMicro(), number), text)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE notice_target SET next_at = 0, gone = '' WHERE name = $1`, target)
		return err //nolint:wrapcheck // below
	})
	return sqlutil.Wrap(err, "send a notice again")
}

// Purge forgets dead letters of before then.
func (n *Notices) Purge(ctx context.Context, then time.Time) error {
	_, err := n.db.Write.ExecContext(ctx, `DELETE FROM notice WHERE dead_at <> 0 AND dead_at < $1`, then.UnixMicro())
	return sqlutil.Wrap(err, "purge dead letters")
}
