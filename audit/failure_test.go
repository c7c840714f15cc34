package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/database"
)

// breakage makes a database refuse commits, and mends it again.
type breakage struct {
	name           string
	engine         string
	full, readOnly bool
	cause          error // when it has one of its own
	harm, mend     func(t *testing.T, o *opened)
}

func statements(harm, mend string) (func(*testing.T, *opened), func(*testing.T, *opened)) {
	return func(t *testing.T, o *opened) { audittest.Execute(t, o.Entries, harm) }, func(t *testing.T, o *opened) { audittest.Execute(t, o.Entries, mend) }
}

func breakages() []breakage {
	full := breakage{name: "full disk", engine: audittest.SQLite, full: true}
	full.harm, full.mend = statements(`PRAGMA max_page_count = 1`, `PRAGMA max_page_count = 1000000`)
	readOnly := breakage{name: "read-only", engine: audittest.SQLite, readOnly: true}
	readOnly.harm, readOnly.mend = statements(`PRAGMA query_only = ON`, `PRAGMA query_only = OFF`)
	pgFull := breakage{name: "full disk", engine: audittest.PostgreSQL, full: true}
	pgFull.harm, pgFull.mend = statements(`
		CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
		CREATE TRIGGER no_space BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION no_space()`, `DROP TRIGGER no_space ON head`)
	pgReadOnly := breakage{name: "read-only", engine: audittest.PostgreSQL, readOnly: true}
	pgReadOnly.harm, pgReadOnly.mend = statements(`
		CREATE FUNCTION no_writes() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'cannot execute UPDATE in a read-only transaction' USING ERRCODE = '25006'; END $$;
		CREATE TRIGGER no_writes BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION no_writes()`, `DROP TRIGGER no_writes ON head`)
	deleted := breakage{name: "file deleted", engine: audittest.SQLite, cause: database.ErrFileMoved}
	deleted.harm = func(t *testing.T, o *opened) { rename(t, o.Entries.Path, o.Entries.Path+".away") }
	deleted.mend = func(t *testing.T, o *opened) { rename(t, o.Entries.Path+".away", o.Entries.Path) }
	replaced := deleted
	replaced.name = "file replaced"
	replaced.harm = func(t *testing.T, o *opened) {
		deleted.harm(t, o)
		if err := os.WriteFile(o.Entries.Path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []breakage{full, readOnly, pgFull, pgReadOnly, deleted, replaced}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// one keeps a PostgreSQL pool at one connection, whose settings then are those of all.
func one(c *audit.Config) {
	if c.Dialect == audit.PostgreSQL {
		c.Log.SetMaxOpenConns(1)
	}
}

func TestRefusedCommits(t *testing.T) {
	for _, b := range breakages() {
		t.Run(b.engine+" "+b.name, func(t *testing.T) {
			o := open(t, audittest.Fresh(t, b.engine), one)
			before := o.AppendEach(t, audittest.Several(3)...)
			b.harm(t, o)
			large := audittest.Viewed(strings.Repeat("x", audit.MaxLong)) // needs new pages
			for range 3 {
				_, err := o.Append(t.Context(), large)
				var refused *audit.StorageError
				if !errors.As(err, &refused) || refused.Full != b.full || refused.ReadOnly != b.readOnly || refused.Unknown {
					t.Fatalf("got %#v", err)
				}
				if b.cause != nil && !errors.Is(err, b.cause) {
					t.Errorf("got %v, want %v", err, b.cause)
				}
				if !errors.Is(o.Failing(), refused) {
					t.Errorf("the log does not say that it fails: %v", o.Failing())
				}
			}
			operation := audittest.FullRecord()
			operation.Reason = large.Detail
			if _, err := o.Request(t.Context(), operation); err == nil {
				t.Error("an operation got a receipt")
			}
			if b.cause == nil { // without its file the log has only the connections that are open
				audittest.Same(t, "reading while it fails", o.Everything(t), before)
			}
			b.mend(t, o)
			after := o.AppendEach(t, large)
			if o.Failing() != nil || o.Ready(t.Context()) != nil {
				t.Errorf("it still fails: %v, %v", o.Failing(), o.Ready(t.Context()))
			}
			records := o.Everything(t)
			audittest.CheckOrder(t, records)
			audittest.Same(t, "the log after it", records, append(before, after...))
		})
	}
}

// TestReadyEndsAFailure: with nobody appending, nothing else would.
func TestReadyEndsAFailure(t *testing.T) {
	for _, b := range breakages() {
		if b.engine == audittest.SQLite && b.full {
			continue // there is a little space: TestFullDisk has none
		}
		t.Run(b.engine+" "+b.name, func(t *testing.T) {
			o := open(t, audittest.Fresh(t, b.engine), one)
			if err := o.Ready(t.Context()); err != nil || o.Failing() != nil {
				t.Fatalf("a new log fails: %v, %v", err, o.Failing())
			}
			b.harm(t, o)
			if _, err := o.Append(t.Context(), audittest.Viewed("")); err == nil {
				t.Fatal("it was written")
			}
			var refused *audit.StorageError
			if err := o.Ready(t.Context()); !errors.As(err, &refused) || refused.Full != b.full || refused.ReadOnly != b.readOnly {
				t.Errorf("a failing log is ready: %v", err)
			}
			b.mend(t, o)
			if err := o.Ready(t.Context()); err != nil || o.Failing() != nil {
				t.Errorf("it still fails: %v, %v", err, o.Failing())
			}
		})
	}
}

// TestDatabaseIsNeeded: a log that does not know what its errors mean is not opened.
func TestDatabaseIsNeeded(t *testing.T) {
	l, err := audittest.New(t.Context(), audittest.Fresh(t, audittest.SQLite), func(c *audit.Config) { c.Database = nil })
	if err == nil {
		t.Error("it was opened", l.CloseAll())
	}
}

// TestDamagedEntries puts what is no record between records.
func TestDamagedEntries(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		first := o.AppendEach(t, audittest.FullRecord())[0]
		ts := first.Time.UnixMicro()
		audittest.Execute(t, o.Entries, `INSERT INTO entry (seq, ts, body) VALUES (2, $1, $2)`, ts+1, []byte("{"))
		audittest.Execute(t, o.Entries, `INSERT INTO entry (seq, ts, body) SELECT 3, ts + 2, body FROM entry WHERE seq = 1`)
		o.Rehead(t)
		last := o.AppendEach(t, audittest.FullRecord())[0]
		check := func(what string) {
			t.Helper()
			records := o.Everything(t)
			audittest.CheckOrder(t, records)
			if len(records) != 4 || records[0] != first || records[1].Action != audit.ActionEntryDamaged ||
				records[2].Action != audit.ActionEntryDamaged || records[3] != last {
				t.Errorf("%s: %+v", what, records)
			}
			audittest.Same(t, what+": damaged only", o.Export(t, search.Query{Action: audit.ActionEntryDamaged, Visible: audittest.All}), records[1:3])
			audittest.Same(t, what+": of the ticket", o.Export(t, search.Query{Ticket: first.Ticket, Visible: audittest.All}), []audit.Record{first, last})
			audittest.Same(t, what+": of the person", o.Export(t, search.Query{Visible: search.Visibility{UserID: "u-1"}}), []audit.Record{first, last})
		}
		check("at once")
		o.CaughtUp(t)
		check("indexed")
		if r, err := o.Record(t.Context(), 2); err != nil || r.Action != audit.ActionEntryDamaged {
			t.Errorf("one alone: %+v (%v)", r, err)
		}
	})
}

// TestMissingEntry has an entry deleted by somebody with the rights to do so.
func TestMissingEntry(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		r := audittest.Viewed("")
		r.Ticket = "T"
		o.AppendEach(t, r, r, r)
		o.CaughtUp(t)
		o.Unguard(t)
		audittest.Execute(t, o.Entries, `DELETE FROM entry WHERE seq = 2`)
		got := o.Export(t, search.Query{Ticket: "T", Visible: audittest.All})
		if len(got) != 3 || got[1].Sequence != 2 || got[1].Action != audit.ActionEntryDamaged || got[1].Detail != "it is missing" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestDatabaseGone(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendEach(t, audittest.Viewed(""))
		if err := errors.Join(o.Entries.Write.Close(), o.Entries.Read.Close()); err != nil {
			t.Fatal(err)
		}
		var refused *audit.StorageError
		if _, err := o.Append(t.Context(), audittest.Viewed("")); !errors.As(err, &refused) {
			t.Errorf("Append: %v", err)
		}
		_, found := o.Index.Search(t.Context(), search.Query{Visible: audittest.All})
		_, narrowed := o.Index.Search(t.Context(), search.Query{Ticket: "T", Visible: audittest.All})
		_, record := o.Record(t.Context(), 1)
		exported := export.Records(t.Context(), o.Index, search.Query{}, func(audit.Record) error { return nil })
		for what, err := range map[string]error{"Ready": o.Ready(t.Context()), "Search": found, "narrowed": narrowed,
			"Record": record, "Export": exported} {
			if err == nil {
				t.Errorf("%s succeeded", what)
			}
		}
	})
}

// line is a connection to PostgreSQL that breaks at the next COMMIT.
type line struct {
	armed     atomic.Bool
	deliver   bool // the server gets the COMMIT, and its answer is lost
	stayDown  bool
	down      atomic.Bool
	server    string
	listening net.Listener
}

// through returns dsn by way of the line.
func (l *line) through(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l.server = u.Host
	if l.listening, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.listening.Close() })
	u.Host = l.listening.Addr().String()
	go l.accept()
	return u.String()
}

func (l *line) accept() {
	for {
		client, err := l.listening.Accept()
		if err != nil {
			return
		}
		if l.down.Load() {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", l.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		answers := make(chan struct{}, 1)
		go l.requests(client, server, answers)
		go l.answers(client, server, answers)
	}
}

func (l *line) requests(client, server net.Conn, answered <-chan struct{}) {
	defer func() { _, _ = client.Close(), server.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte(lost)) && l.armed.CompareAndSwap(true, false) {
			l.down.Store(l.stayDown)
			if l.deliver {
				_ = client.Close() // the answer finds nobody
				_, _ = server.Write(buf[:n])
				<-answered
			}
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (l *line) answers(client, server net.Conn, answered chan<- struct{}) {
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if n > 0 {
			if _, err := client.Write(buf[:n]); err != nil {
				answered <- struct{}{}
				_, _ = io.Copy(io.Discard, server)
				return
			}
		}
		if err != nil {
			_ = client.Close()
			return
		}
	}
}

// lost is in the request that stores a record and commits.
const lost = "lost?"

func TestConnectionBreaksDuringCommit(t *testing.T) {
	for _, tc := range []struct {
		name    string
		line    *line
		unknown bool
	}{
		{"before the server has it", &line{}, false}, // it is sent again once it is known not to be there
		{"after the server has done it", &line{deliver: true}, false},
		{"after the server has done it, and stays down", &line{deliver: true, stayDown: true}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dsn := audittest.Postgres(t)
			direct := open(t, dsn)
			o := open(t, tc.line.through(t, dsn), one) // no other connection is left
			o.AppendEach(t, audittest.Viewed("before"))
			o.CaughtUp(t)
			resume := o.PauseFollower(t) // it commits too
			tc.line.armed.Store(true)
			r, err := o.Append(context.WithoutCancel(t.Context()), audittest.Viewed(lost))
			resume()
			tc.line.down.Store(false)
			var refused *audit.StorageError
			switch {
			case !tc.unknown && (err != nil || r.Sequence != 2):
				t.Errorf("it is in the log, but Append returned %v", err)
			case tc.unknown && (!errors.As(err, &refused) || !refused.Unknown):
				t.Errorf("Append returned %v", err)
			}
			o.AppendEach(t, audittest.Viewed("after"))
			records := direct.Everything(t)
			audittest.CheckOrder(t, records)
			if len(records) != 3 {
				t.Errorf("the log holds %d records", len(records))
			}
		})
	}
}
