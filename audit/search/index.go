// Package search finds records of the audit log: a follower copies what is
// appended into search tables, and queries add what it has not reached yet, so
// that a search finds every record whose Append has returned.
//
// The tables are derived from the log. They may be deleted while the console is
// stopped: they are built again. ParseQuery describes the language of queries.
package search

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/audit"
	"coc-console/internal/sqlutil"
)

// Config hands an index its database, opened and migrated. The caller closes it
// after the index.
type Config struct {
	Write, Read *sql.DB      // the search tables, in the log's dialect; nil: there are none, and the log itself is read
	Rows        Rows         // a faster way to read many rows; nil: there is none
	Logger      *slog.Logger // nil: none
}

// Rows is a way to read many rows of a database.
type Rows interface {
	// EachRow hands the rows of a table that fit a condition to each, in the order
	// of the first column, until it returns an error, which is returned. A row is
	// valid during the call only. It is errors.ErrUnsupported where there is no such way.
	EachRow(ctx context.Context, table string, columns []string, where string, args []any,
		each func(row []driver.Value) error) error
}

// Index searches a log. It is safe for concurrent use.
type Index struct {
	log         *audit.Log
	dialect     string
	write, read *sql.DB
	rows        Rows
	logger      *slog.Logger

	wake       chan struct{} // tells the follower that there is something to follow
	stop       context.CancelFunc
	done       sync.WaitGroup
	following  sync.Mutex                // one batch for the search tables at a time
	unfollowed atomic.Pointer[failure]   // why the search tables stay behind; nil: they do not
	catchingUp atomic.Pointer[time.Time] // since when the follower is at work; nil: it waits
	recent     recent
	summaries  summaries
	journal    *audit.Journal                  // nil on PostgreSQL
	terms      func(kind, value string) string // of rows, for who holds following
}

// failure is an error with its time.
type failure struct {
	err error
	at  time.Time
}

// longFollowing is how long the follower may work before Health tells of it.
const longFollowing = 5 * time.Second

// longJournal is much more than waits as a rule in SQLite's write-ahead log,
// which is copied into the file of the search tables every 64 MiB.
const longJournal = 128 << 20

// New returns an index that searches a log, and whose tables nobody fills.
func New(log *audit.Log, cfg Config) *Index {
	x := &Index{log: log, dialect: log.Dialect(), write: cfg.Write, read: cfg.Read, rows: cfg.Rows, logger: cfg.Logger,
		wake: make(chan struct{}, 1), stop: func() {}, terms: cachedTerms()}
	if x.logger == nil {
		x.logger = slog.New(slog.DiscardHandler)
	}
	return x
}

// Open returns an index whose tables follow the log until Close. Tables that
// were derived from another log are emptied first.
func Open(ctx context.Context, log *audit.Log, cfg Config) (*Index, error) {
	x := New(log, cfg)
	if err := x.reset(ctx); err != nil { // before anyone searches them
		return nil, fmt.Errorf("compare the search tables with the log: %w", err)
	}
	if x.dialect == audit.SQLite {
		x.journal = audit.NewJournal(x.read, "the search tables", longJournal)
	}
	ctx, x.stop = context.WithCancel(context.WithoutCancel(ctx))
	log.OnCommit(x.committed)
	log.AddHealth(x.health)
	x.done.Go(func() { x.follow(ctx) })
	return x, nil
}

// Close ends the follower. Searches go on to be right.
func (x *Index) Close() error {
	x.stop()
	x.done.Wait()
	return nil
}

// Log is the log that is searched.
func (x *Index) Log() *audit.Log { return x.log }

// Reader is the database of the search tables for reading; nil where there are none.
func (x *Index) Reader() *sql.DB { return x.read }

// committed takes up what the log has just stored.
func (x *Index) committed(batch []audit.Committed) {
	x.recent.add(batch)
	x.signal()
}

// health says why the search tables do not have what the log has; nothing when
// they have it, or soon will.
func (x *Index) health(ctx context.Context) []audit.Warning {
	out := x.journal.Health(ctx)
	behind := func(format string, args ...any) {
		out = append(out, audit.Warning{Kind: audit.WarningBehind, Text: "the search tables stay behind the log: " + fmt.Sprintf(format, args...)})
	}
	if f := x.unfollowed.Load(); f != nil {
		behind("%v", f.err)
	} else if since := x.catchingUp.Load(); since != nil && time.Since(*since) > longFollowing {
		behind("%s since %s", x.progress(ctx), since.UTC().Format(time.RFC3339))
	}
	return out
}

// progress says how far the search tables are.
func (x *Index) progress(ctx context.Context) string {
	upto, err := x.Followed(ctx)
	size, err2 := x.log.Size(ctx)
	if errors.Join(err, err2) != nil { // which is told where they are read
		return "they are being filled"
	}
	return fmt.Sprintf("%d of %d records are in them, which are being filled", upto, size)
}

// EachRow is Rows.EachRow of the search tables, on every engine.
func (x *Index) EachRow(ctx context.Context, table string, columns []string, where string, args []any,
	each func(row []driver.Value) error) error {
	if x.rows != nil {
		if err := x.rows.EachRow(ctx, table, columns, where, args, each); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	//nolint:gosec // text of this program
	query := `SELECT ` + strings.Join(columns, ", ") + ` FROM ` + table + ` WHERE ` + where + ` ORDER BY ` + columns[0]
	rows, err := x.read.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read the search table %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	row, to := make([]driver.Value, len(columns)), make([]any, len(columns))
	for i := range row {
		to[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return fmt.Errorf("read the search table %s: %w", table, err)
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return sqlutil.Wrap(rows.Err(), "read the search table", table)
}

// Followed is the last record that the search tables know; 0 where there are none.
func (x *Index) Followed(ctx context.Context) (int64, error) {
	if x.read == nil {
		return 0, nil
	}
	var upto int64
	err := x.read.QueryRowContext(ctx, `SELECT upto FROM followed WHERE id = 1`).Scan(&upto)
	return upto, sqlutil.Wrap(err, "read how far the search tables are")
}

// OpenCount is how many operations without an end the search tables know.
func (x *Index) OpenCount(ctx context.Context) (n int64, err error) {
	err = x.read.QueryRowContext(ctx, `SELECT count(*) FROM open_operation`).Scan(&n)
	return n, sqlutil.Wrap(err, "count open operations")
}

// FirstOpen is the number of the first request of an operation that has no end;
// false when there is none. It waits until the search tables are up to date.
func (x *Index) FirstOpen(ctx context.Context) (seq int64, ok bool, err error) {
	if err := x.CatchUp(ctx); err != nil {
		return 0, false, err
	}
	var first sql.NullInt64
	err = x.read.QueryRowContext(ctx, `SELECT min(seq) FROM open_operation`).Scan(&first)
	return first.Int64, first.Valid, sqlutil.Wrap(err, "read the first open operation")
}

// Forget removes the records up to a number, and all words and values of theirs,
// from the search tables.
func (x *Index) Forget(ctx context.Context, upTo int64) error {
	if err := x.CatchUp(ctx); err != nil {
		return err
	}
	x.following.Lock()
	defer x.following.Unlock()
	return x.unindex(ctx, upTo)
}

// Bounds are the first and the last number of the log that a query's times and
// pages leave now, whatever else it asks for. There are none when last < first.
func (x *Index) Bounds(ctx context.Context, q Query) (first, last int64, err error) {
	size, err := x.log.Size(ctx)
	if err != nil {
		return 0, 0, err
	}
	s := newScan(q, math.MaxInt)
	s.below = min(s.below, size+1)
	s, err = x.bounded(ctx, s)
	return s.above + 1, s.below - 1, err
}

// Numbers are the first numbers, up to a limit and in their order, of the
// matches between above and below, without them, that the search tables know.
func (x *Index) Numbers(ctx context.Context, q Query, above, below int64, limit int) ([]int64, error) {
	s := newScan(q.Unpaged(), limit)
	s.oldestFirst, s.above, s.below = true, above, below
	st, ok := x.statement(s)
	if !ok {
		return nil, nil
	}
	seqs, err := sqlutil.Column[int64](x.read.QueryContext(ctx,
		`SELECT seq FROM (`+st.text+`) m ORDER BY seq`, st.args...))
	return seqs, sqlutil.Wrap(err, "read matches from the search tables")
}
