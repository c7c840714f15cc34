package audit_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
	"coc-console/internal/database"
	"coc-console/internal/faultfs"
)

// lock holds the write lock of the log's database, as another process or
// another console would: SQLite's file, or PostgreSQL's row of the head.
func lock(t *testing.T, o *opened) (release func()) {
	t.Helper()
	db, begin := o.Entries.Write, `SELECT 1 FROM head WHERE id = 1 FOR UPDATE`
	if o.OnSQLite() {
		var err error
		db, err = sql.Open("sqlite", "file:"+filepath.Join(o.DSN, "audit.db"))
		noError(t, err)
		begin = `UPDATE head SET size = size WHERE id = 1`
	}
	tx, err := db.BeginTx(t.Context(), nil)
	noError(t, err)
	_, err = tx.ExecContext(t.Context(), begin)
	noError(t, err)
	release = sync.OnceFunc(func() {
		noError(t, tx.Rollback())
		if o.OnSQLite() {
			noError(t, db.Close())
		}
	})
	t.Cleanup(release)
	return release
}

// TestLockedLogRecovers: a commit gives up in time, with it what waited behind
// it; nobody who reads waits; and when the lock goes the log goes on by itself,
// with what was kept.
func TestLockedLogRecovers(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		before := o.AppendEach(t, audittest.Several(3)...)
		release := lock(t, o)
		ended := make(chan error, 8)
		for range cap(ended) {
			go func() {
				_, err := o.Request(t.Context(), audittest.FullRecord())
				ended <- err
			}()
		}
		noError(t, o.Note(audittest.Viewed("noted")))
		short, cancel := contextOf(t, time.Millisecond)
		noError(t, o.Keep(short, audittest.Viewed("kept")))
		cancel()
		start := time.Now()
		found, err := o.Index.Search(t.Context(), search.Query{Ticket: before[0].Ticket, Visible: audittest.All})
		if took := time.Since(start); err != nil || took > audit.CommitTimeout/2 {
			t.Errorf("a search took %v (%v, %d records)", took, err, len(found.Records))
		}
		audittest.Until(t, "it tells that a commit is pending", func() bool {
			return strings.Contains(kinds(o.Health(t.Context())), audit.WarningPending) && o.Pending() > 2*time.Second && o.Ready(t.Context()) != nil
		})
		for range cap(ended) {
			var refused *audit.StorageError
			if err := <-ended; !errors.As(err, &refused) || !refused.Busy || refused.Unknown {
				t.Errorf("an operation got %v", err)
			}
		}
		if o.Failing() == nil {
			t.Error("it does not say that it fails")
		}
		audittest.Same(t, "the log while it is locked", o.Everything(t), before)
		release()
		audittest.Until(t, "it goes on by itself", func() bool { return o.Failing() == nil && o.Ready(t.Context()) == nil })
		receipt, err := o.Request(t.Context(), audittest.FullRecord())
		noError(t, err)
		end := receipt.Record()
		end.Action, end.Outcome = audit.ActionOperationRejected, audit.OutcomeFailed
		o.AppendEach(t, end)
		audittest.Until(t, "what was kept is there", func() bool {
			return len(o.Export(t, search.Query{Action: audit.ActionReadsOmitted, Visible: audittest.All})) == 1 &&
				strings.Contains(fmt.Sprint(o.Everything(t)), "kept")
		})
		records := o.Everything(t)
		audittest.CheckOrder(t, records)
		requested := 0
		for _, r := range records[len(before):] {
			if r.Action == audit.ActionOperationRequested {
				requested++
			}
		}
		if requested != 1 {
			t.Errorf("%d requests are in the log", requested)
		}
	})
}

// TestHangingDisk: of a commit that the disk does not end nobody knows, what
// waits behind it is refused, and what came of it can be read when it ends.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	f := onFaultyDisk(t, audittest.Fresh(t, audittest.SQLite))
	hangs, goes := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	f.disk.Break(func(e faultfs.Event) faultfs.Fault {
		if e.Kind == faultfs.Sync && once.CompareAndSwap(false, true) {
			close(hangs)
			<-goes
		}
		return faultfs.None
	})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := f.Append(t.Context(), audittest.Viewed("in it")); first <- err }()
	<-hangs
	go func() { _, err := f.Append(t.Context(), audittest.Viewed("behind it")); second <- err }()
	var unknown, refused *audit.StorageError
	if err := <-first; !errors.As(err, &unknown) || !unknown.Unknown || !unknown.Busy || !is(err, audit.ErrHangs) {
		t.Errorf("what is in it got %v", err)
	}
	if err := <-second; !errors.As(err, &refused) || refused.Unknown || !refused.Busy {
		t.Errorf("what is behind it got %v", err)
	}
	if f.Ready(t.Context()) == nil || f.Failing() == nil {
		t.Error("it is ready")
	}
	short, cancel := contextOf(t, time.Millisecond)
	defer cancel()
	if f.AwaitCommit(short) == nil {
		t.Error("it is resolved before its end")
	}
	close(goes)
	noError(t, f.AwaitCommit(t.Context()))
	f.disk.Heal()
	records := f.Everything(t)
	if n := len(records); n != 4 || records[3].Detail != "in it" {
		t.Errorf("the log holds %v", records[3:])
	}
	r, err := f.Append(t.Context(), audittest.Viewed("after it"))
	if err != nil || r.Sequence != 5 || f.Failing() != nil {
		t.Errorf("number %d follows (%v, %v)", r.Sequence, err, f.Failing())
	}
}

// TestHeadRowIsLocked: consoles that share a log wait for each other's commits,
// and for one that does not end no longer than for a lock.
func TestHeadRowIsLocked(t *testing.T) {
	t.Parallel()
	dsn := audittest.Postgres(t)
	o, other := open(t, dsn), open(t, dsn)
	o.AppendEach(t, audittest.Viewed("before"))
	release := lock(t, other)
	var refused *audit.StorageError
	if _, err := o.Append(t.Context(), audittest.Viewed("refused")); !errors.As(err, &refused) || !refused.Busy || refused.Unknown {
		t.Errorf("got %v", err)
	}
	release()
	audittest.Until(t, "it goes on by itself", func() bool { return o.Failing() == nil })
	if records := o.Everything(t); len(records) != 2 || records[1].Action != audit.ActionAuditResumed {
		t.Errorf("the log holds %v", records)
	}
}

// TestConnectionsThatEnd: the server ends the log's connections, or one of them
// takes no writes any more, as after a failover. The next record is written on a
// new connection, and nobody notices.
func TestConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	dsn := audittest.Postgres(t)
	u, err := url.Parse(dsn)
	noError(t, err)
	q := u.Query()
	name := q.Get("search_path") // a name of their own
	q.Set("application_name", name)
	u.RawQuery = q.Encode()
	o, other := open(t, u.String(), one), open(t, dsn)
	o.AppendEach(t, audittest.Viewed("before"))
	for _, harm := range []struct {
		db        *database.DB
		statement string
		args      []any
	}{
		{other.Entries, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, []any{name}},
		{o.Entries, `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`, nil},
		{o.Entries, `SET default_transaction_read_only = on`, nil},
	} {
		audittest.Execute(t, harm.db, harm.statement, harm.args...)
		if _, err := o.Request(t.Context(), audittest.FullRecord()); err != nil || o.Failing() != nil {
			t.Errorf("after %s: %v, %v", harm.statement, err, o.Failing())
		}
		if n := len(o.Everything(t)); n == 0 {
			t.Error("nothing can be read")
		}
	}
	audittest.CheckOrder(t, o.Everything(t))
}
