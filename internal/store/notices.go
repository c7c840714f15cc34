package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	"coc-console/internal/sqlutil"
)

// Notice is one event on its way to one target.
type Notice struct {
	Number   int64 // the order in which a target gets them
	Target   string
	Body     string // the event, as JSON
	Created  time.Time
	Attempts int
	Dead     time.Time // when it was given up; zero: it waits
	Problem  string    // why it was given up
}

// NoticeTimer is something that becomes due, unless a record comes before it.
type NoticeTimer struct {
	ID       string
	Sequence int64 // the record that it is about
	Due      time.Time
}

// NoticeTarget is how sending to a target goes.
type NoticeTarget struct {
	Name          string
	Sent          time.Time // the last success; zero: none
	Failing       time.Time // since when it fails; zero: it does not
	Failures      int       // in a row
	Next          time.Time // when the next attempt may be
	Problem       string    // of the last failure
	Gone          string    // the digest of the address that wants no more
	Waiting, Dead int
	Oldest        time.Time // of those that wait
}

// NoticePlan is what came of some records: it is stored with the position behind them, or not at all.
type NoticePlan struct {
	Log      string // its name
	From, To int64  // the positions before and after; From is checked
	Notices  []Notice
	Start    []NoticeTimer // those that are there already stay as they are
	Stop     []string      // ids of timers
}

// Notices are the tables of notices. Of several consoles that share them, one reads the log and sends: it holds the
// lease, which is the column console of notice_reader.
type Notices struct {
	db      DB
	console string
	shared  bool
	held    bool // where it is not shared: nobody else can take the lease
	seen    sign // of the console that holds the lease, as it was seen last
}

// NewNotices returns the notices of a database; shared says that other consoles use it, too.
func NewNotices(db DB, shared bool) *Notices {
	return &Notices{db: db, console: rand.Text(), shared: shared}
}

// Hold gives a sign of life if the lease is this console's, or takes it where nobody has it, or where whoever had it
// gave no sign of life for so many calls in a row as leases of operations want. It reports whether the lease is this
// console's. One goroutine calls it, once a second.
func (n *Notices) Hold(ctx context.Context) (bool, error) {
	if n.held {
		return true, nil
	}
	held, err := n.beat(ctx, n.db.Write)
	if held || err != nil {
		return held, sqlutil.Wrap(err, "hold the lease of notices")
	}
	var now sign
	err = n.db.Write.QueryRowContext(ctx, `SELECT console, beat FROM notice_reader WHERE id = 1`).Scan(&now.console, &now.beat)
	if err != nil {
		return false, sqlutil.Wrap(err, "read the lease of notices")
	}
	if n.seen.console == now.console && n.seen.beat == now.beat {
		now.looks = n.seen.looks + 1
	}
	if n.seen = now; n.shared && now.console != "" && now.looks < missedHeartbeats {
		return false, nil
	}
	k, err := affected(n.db.Write.ExecContext(ctx, `UPDATE notice_reader SET console = $1, beat = beat + 1
		WHERE id = 1 AND console = $2 AND beat = $3`, n.console, now.console, now.beat))
	n.held = k == 1 && !n.shared
	return k == 1, sqlutil.Wrap(err, "take the lease of notices")
}

// beat gives a sign of life, and reports whether the lease is still this console's.
func (n *Notices) beat(ctx context.Context, db execer) (bool, error) {
	k, err := affected(db.ExecContext(ctx, `UPDATE notice_reader SET beat = beat + 1 WHERE id = 1 AND console = $1`+n.db.notWaiting(),
		n.console))
	return k == 1, err
}

// Release lets another console take the lease at once.
func (n *Notices) Release(ctx context.Context) error {
	n.held = false
	_, err := n.db.Write.ExecContext(ctx, `UPDATE notice_reader SET console = '' WHERE id = 1 AND console = $1`, n.console)
	return sqlutil.Wrap(err, "release the lease of notices")
}

// Position is the log that was read, by its name, and the last record of it; an empty name where none was.
func (n *Notices) Position(ctx context.Context) (log string, position int64, err error) {
	err = n.db.Write.QueryRowContext(ctx, `SELECT log, position FROM notice_reader WHERE id = 1`).Scan(&log, &position)
	return log, position, sqlutil.Wrap(err, "read the position of notices")
}

// Store stores a plan. ErrChanged says that the lease is another console's, or that the position is not From.
func (n *Notices) Store(ctx context.Context, p NoticePlan) error {
	err := transact(ctx, n.db.Write, func(tx *sql.Tx) error {
		var last int64
		err := changed(tx.ExecContext(ctx, `UPDATE notice_reader SET log = $1, position = $2, number = number + $3, beat = beat + 1
			WHERE id = 1 AND console = $4 AND position = $5`, p.Log, p.To, len(p.Notices), n.console, p.From))
		if err == nil {
			err = tx.QueryRowContext(ctx, `SELECT number FROM notice_reader WHERE id = 1`).Scan(&last)
		}
		for i, one := range p.Notices {
			if err == nil {
				_, err = tx.ExecContext(ctx, `INSERT INTO notice (number, target, body, created_at, attempts, dead_at, problem)
					VALUES ($1, $2, $3, $4, 0, 0, '')`, last-int64(len(p.Notices)-1-i), one.Target, one.Body, one.Created.UnixMicro())
			}
		}
		for _, id := range p.Stop {
			if err == nil {
				_, err = tx.ExecContext(ctx, `DELETE FROM notice_timer WHERE id = $1`, id)
			}
		}
		for _, t := range p.Start {
			if err == nil {
				_, err = tx.ExecContext(ctx, `INSERT INTO notice_timer (id, sequence, due_at) VALUES ($1, $2, $3)
					ON CONFLICT (id) DO NOTHING`, t.ID, t.Sequence, t.Due.UnixMicro())
			}
		}
		return err //nolint:wrapcheck // below
	})
	return sqlutil.Wrap(err, "store notices")
}

// Due are the timers that are due, the first first, at most a hundred.
func (n *Notices) Due(ctx context.Context, now time.Time) ([]NoticeTimer, error) {
	rows, err := n.db.Write.QueryContext(ctx, `SELECT id, sequence, due_at FROM notice_timer WHERE due_at <= $1
		ORDER BY due_at, id LIMIT 100`, now.UnixMicro())
	all, err := collect(rows, err, func(from scanner) (t NoticeTimer, err error) {
		var due int64
		err = from.Scan(&t.ID, &t.Sequence, &due)
		t.Due = micro(due)
		return t, err
	})
	return all, sqlutil.Wrap(err, "read what is due")
}

// Started are those of the ids of timers that are there.
func (n *Notices) Started(ctx context.Context, ids []string) (map[string]bool, error) {
	found := map[string]bool{}
	if len(ids) == 0 {
		return found, nil
	}
	var args sqlutil.Args
	list := sqlutil.List(&args, ids)
	//nolint:gosec // placeholders
	rows, err := n.db.Write.QueryContext(ctx, `SELECT id FROM notice_timer WHERE id IN (`+list+`)`, args...)
	all, err := collect(rows, err, text)
	for _, id := range all {
		found[id] = true
	}
	return found, sqlutil.Wrap(err, "read timers")
}

// Timers are the ids of timers that begin with a text of the program.
func (n *Notices) Timers(ctx context.Context, prefix string) ([]string, error) {
	rows, err := n.db.Write.QueryContext(ctx, `SELECT id FROM notice_timer WHERE id LIKE $1`, prefix+"%")
	all, err := collect(rows, err, text)
	return all, sqlutil.Wrap(err, "list timers")
}

// micro is a time as the tables keep it; 0 is none.
func micro(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// since1970 is the other way round.
func since1970(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}
