package audit

import (
	"context"
	"time"

	"coc-console/audit/internal/tree"
	"coc-console/internal/sqlutil"
)

// maxClockSkew is how far a clock may be off before another one is preferred.
const maxClockSkew = 2 * time.Second

// said is what the clock says in a commit. Consoles that share PostgreSQL have
// one clock for all records, that of the database, wherever their own is off.
func (w *writer) said() time.Time { return w.cfg.Now().Add(w.correction) }

// number gives a record its number and time, the next of the head's. Its time
// is later than that of the record before, even where the clock is not: then
// the record also says what the clock said.
func (h *headRow) number(r *Record, said time.Time) {
	now := said.UnixMicro()
	h.size, h.last = h.size+1, max(now, h.last+1)
	r.Sequence, r.Time, r.Clock = h.size, fromMicro(h.last), time.Time{}
	if h.last-now > maxClockSkew.Microseconds() {
		r.Clock = fromMicro(now)
	}
}

// lockHead reads the head, and on PostgreSQL locks it and compares the clocks.
func (l *Log) lockHead(ctx context.Context, q tree.Querier) (h headRow, err error) {
	query, to := `SELECT size, last_ts, root, frontier FROM head WHERE id = 1`, []any{&h.size, &h.last, &h.root, &h.frontier}
	var database int64
	if l.cfg.Dialect == PostgreSQL {
		query = `SELECT size, last_ts, root, frontier, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM head WHERE id = 1 FOR UPDATE`
		to = append(to, &database)
	}
	before := l.cfg.Now()
	err = q.QueryRowContext(ctx, query).Scan(to...)
	if h.frontier == nil { // SQLite's driver gives that for no bytes, and takes it for NULL
		h.frontier = []byte{}
	}
	if err == nil && l.cfg.Dialect == PostgreSQL && !l.cfg.OwnClock {
		h.correction = correction(before, l.cfg.Now(), fromMicro(database))
	}
	return h, sqlutil.Wrap(err, "read the log's head")
}

// correction is what has to be added to this clock to follow another, which was
// read between two times of this one; 0 while they agree.
func correction(before, after, other time.Time) time.Duration {
	before, after = before.Round(0), after.Round(0)
	if before.Sub(other) < maxClockSkew && other.Sub(after) < maxClockSkew {
		return 0
	}
	return other.Sub(after) // it may have been read long before, but not later
}
