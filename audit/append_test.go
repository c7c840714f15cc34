package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
	"coc-console/internal/database"
)

func TestRoundTrip(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		start := time.Now()
		o := open(t, dsn)
		want := audittest.FullRecord()
		got := o.AppendEach(t, want)[0]
		if got.Sequence != 1 || got.Time.Before(start.Add(-time.Microsecond)) || got.Time.Location() != time.UTC ||
			got.Time.Nanosecond()%1000 != 0 {
			t.Errorf("it is number %d at %v", got.Sequence, got.Time)
		}
		want.Sequence, want.Time = got.Sequence, got.Time
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		withClock := got
		withClock.Clock = got.Time // TestClockAnHourAhead
		noZero(t, reflect.ValueOf(withClock))
		o.CaughtUp(t)
		read, err := o.Record(t.Context(), 1)
		if err != nil || read != want {
			t.Errorf("Record: %+v (%v)", read, err)
		}
		page, err := o.Index.Search(t.Context(), search.Query{Ticket: want.Ticket, Visible: audittest.All})
		if err != nil {
			t.Fatal(err)
		}
		audittest.Same(t, "Search", page.Records, []audit.Record{want})
		of, err := o.Index.Operation(t.Context(), want.OperationID)
		if err != nil {
			t.Fatal(err)
		}
		audittest.Same(t, "Operation", of, []audit.Record{want})
		audittest.Same(t, "Export", o.Everything(t), []audit.Record{want})
		checkColumns(t, o, want)
	})
}

// noZero fails for a field that the test record does not use.
func noZero(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s.%s is not tested", v.Type(), v.Type().Field(i).Name)
		}
		if v.Field(i).Kind() == reflect.Struct && v.Field(i).Type() != reflect.TypeFor[time.Time]() {
			noZero(t, v.Field(i))
		}
	}
}

// checkColumns compares every column that a first record leaves behind.
func checkColumns(t *testing.T, o *opened, r audit.Record) {
	t.Helper()
	var seq, ts int64
	var body []byte
	row := o.Entries.Read.QueryRowContext(t.Context(), `SELECT seq, ts, body FROM entry`)
	if err := row.Scan(&seq, &ts, &body); err != nil {
		t.Fatal(err)
	}
	if seq != r.Sequence || ts != r.Time.UnixMicro() || !json.Valid(body) || !strings.Contains(string(body), `"ticket":"SCT1234"`) {
		t.Errorf("the entry is %d, %d, %s", seq, ts, body)
	}
	if n := audittest.Number(t, o.Entries, `SELECT count(*) FROM head WHERE id = 1 AND size = 1 AND last_ts = $1`, ts); n != 1 {
		t.Error("the head does not say so")
	}
	if n := audittest.Number(t, o.Tables, `SELECT count(*) FROM record WHERE seq = $1 AND ts = $2 AND action = $3 AND outcome = $4
		AND user_id = $5 AND user_name = $6 AND ticket = $7 AND operation_id = $8`, seq, ts, string(r.Action), string(r.Outcome),
		r.Actor.UserID, r.Actor.UserName, r.Ticket, r.OperationID); n != 1 {
		t.Error("the search tables do not know the record")
	}
	if n := audittest.Number(t, o.Tables, `SELECT count(*) FROM open_operation WHERE operation_id = $1 AND seq = $2`,
		r.OperationID, seq); n != 1 {
		t.Error("the search tables do not know the open operation")
	}
	if n := audittest.Number(t, o.Tables, `SELECT upto FROM followed WHERE id = 1`); n != seq {
		t.Errorf("the search tables are at %d", n)
	}
}

func TestHostileValuesAreKeptReadable(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		r := audittest.Viewed("a\x00b\xffc\u202e\r\n</script>")
		r.Origin.UserAgent = strings.Repeat("中", audit.MaxShort)
		r.Reason = strings.Repeat("x", audit.MaxLong+1)
		r.Duration = 1999 * time.Nanosecond
		r.Ticket = "'; DROP TABLE entry; --"
		got := o.AppendEach(t, r)[0]
		if got.Detail != "a\uFFFDb\uFFFDc\u202e\r\n</script>" || got.Ticket != r.Ticket || got.Duration != time.Microsecond {
			t.Errorf("got %q, %q, %v", got.Detail, got.Ticket, got.Duration)
		}
		if len(got.Origin.UserAgent) > audit.MaxShort || len(got.Reason) != audit.MaxLong || !strings.HasSuffix(got.Reason, "…") {
			t.Errorf("%d and %d bytes are kept", len(got.Origin.UserAgent), len(got.Reason))
		}
		audittest.Same(t, "read", o.Everything(t), []audit.Record{got})
	})
}

func TestAppendRefusesWhatIsNoRecord(t *testing.T) {
	o := open(t, audittest.Fresh(t, audittest.SQLite))
	for name, r := range map[string]audit.Record{
		"no action":       {Outcome: audit.OutcomeSucceeded},
		"unknown action":  {Action: "ticket.eaten", Outcome: audit.OutcomeSucceeded},
		"damage":          {Action: audit.ActionEntryDamaged, Outcome: audit.OutcomeUnknown},
		"no outcome":      {Action: audit.ActionTicketViewed},
		"unknown outcome": {Action: audit.ActionTicketViewed, Outcome: "fine"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := o.Append(t.Context(), r); err == nil {
				t.Error("it was written")
			}
		})
	}
	for _, a := range audit.Actions() {
		for _, outcome := range audit.Outcomes() {
			if a != audit.ActionEntryDamaged {
				o.AppendEach(t, audit.Record{Action: a, Outcome: outcome})
			}
		}
	}
}

// jumping is a clock that goes forwards and backwards.
func jumping() func() time.Time {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.UnixMicro(1_760_000_000_000_000 + random.Int64N(1000))
	}
}

func TestConcurrentAppends(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, func(c *audit.Config) { c.Now = jumping() })
		const appenders, each = 64, 10
		var group sync.WaitGroup
		for range appenders {
			group.Go(func() {
				last := int64(0)
				for range each {
					r, err := o.Append(t.Context(), audittest.Viewed(""))
					if err != nil || r.Sequence <= last {
						t.Errorf("number %d after %d (%v)", r.Sequence, last, err)
						return
					}
					last = r.Sequence
				}
			})
		}
		group.Wait()
		records := o.Everything(t)
		audittest.CheckOrder(t, records)
		if size, err := o.Size(t.Context()); err != nil || size != appenders*each || len(records) != appenders*each {
			t.Errorf("%d of %d records, size %d (%v)", len(records), appenders*each, size, err)
		}
	})
}

// TestTwoConsoles has two logs on one database, with clocks that differ.
func TestTwoConsoles(t *testing.T) {
	dsn := audittest.Postgres(t)
	ahead := func(c *audit.Config) { c.Now = func() time.Time { return time.Now().Add(time.Hour) } }
	consoles := []*opened{open(t, dsn), open(t, dsn, ahead)}
	var group sync.WaitGroup
	for _, o := range consoles {
		group.Go(func() { o.AppendTogether(t, audittest.Several(300)) })
	}
	group.Wait()
	for _, o := range consoles {
		records := o.Everything(t)
		audittest.CheckOrder(t, records)
		if len(records) != 600 {
			t.Errorf("%d records", len(records))
		}
		o.CaughtUp(t)
	}
	if n := audittest.Number(t, consoles[0].Tables, `SELECT count(*) FROM record`); n != 600 {
		t.Errorf("%d are in the search tables", n)
	}
}

func TestAppendsShareCommits(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, gate, first := gated(t, dsn)
		audittest.Execute(t, o.Entries, `CREATE TABLE commits (n INTEGER)`)
		if o.OnSQLite() {
			audittest.Execute(t, o.Entries, `CREATE TRIGGER count_commits AFTER UPDATE ON head BEGIN INSERT INTO commits VALUES (1); END`)
		} else {
			audittest.Execute(t, o.Entries, `CREATE FUNCTION count_commits() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN INSERT INTO commits VALUES (1); RETURN NEW; END $$;
				CREATE TRIGGER count_commits AFTER UPDATE ON head FOR EACH ROW EXECUTE FUNCTION count_commits()`)
		}
		ended := o.queue(t, audittest.Several(audit.MaxBatch+1))
		gate.open()
		ended()
		if err := <-first; err != nil {
			t.Error(err)
		}
		want := int64(3)
		if !o.OnSQLite() { // what is queued joins the commit that waits for the head
			want = 2
		}
		if n := audittest.Number(t, o.Entries, `SELECT count(*) FROM commits`); n != want {
			t.Errorf("1, then %d records took %d commits, want %d", audit.MaxBatch+1, n, want)
		}
		records := o.Everything(t)
		audittest.CheckOrder(t, records)
		if len(records) != audit.MaxBatch+2 {
			t.Errorf("%d records", len(records))
		}
	})
}

func TestAppendWhoseContextEnds(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, gate, first := gated(t, dsn)
		ctx, giveUp := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { _, err := o.Append(ctx, audittest.Viewed("taken back")); ended <- err }()
		audittest.Until(t, "it is queued", func() bool { return o.Queued() == 1 })
		giveUp()
		if err := <-ended; !errors.Is(err, context.Canceled) { // while the writer still stands
			t.Errorf("the queued append returned %v", err)
		}
		gate.open()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if _, err := o.Append(ctx, audittest.Viewed("ended before")); !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context returned %v", err)
		}
		o.AppendEach(t, audittest.Viewed("later"))
		if records := o.Everything(t); len(records) != 2 || records[1].Detail != "later" {
			t.Errorf("the log holds %v", records)
		}
	})
}

// TestContextEndsDuringTheCommit: the record is written, so Append says so.
func TestContextEndsDuringTheCommit(t *testing.T) {
	ctx, giveUp := context.WithCancel(t.Context())
	o := open(t, audittest.Fresh(t, audittest.SQLite), func(c *audit.Config) {
		c.Database = audittest.WithUnmoved(c.Database, func() error { giveUp(); return nil })
	})
	if r, err := o.Append(ctx, audittest.Viewed("")); err != nil || r.Sequence != 1 {
		t.Errorf("number %d, %v", r.Sequence, err)
	}
}

func TestFullQueue(t *testing.T) {
	o, gate, first := gated(t, audittest.Fresh(t, audittest.SQLite))
	ended := o.queue(t, audittest.Several(audit.QueueLength))
	if _, err := o.Append(t.Context(), audittest.Viewed("")); !errors.Is(err, audit.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	gate.open()
	ended()
	<-first
	o.AppendEach(t, audittest.Viewed("there is room again"))
	audittest.CheckOrder(t, o.Everything(t))
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, gate, first := gated(t, dsn)
		const queued = audit.MaxBatch + 10
		ended := o.queue(t, audittest.Several(queued))
		closed := make(chan error, 1)
		go func() { closed <- o.Log.Close() }()
		audittest.Until(t, "it is closed", func() bool { return errors.Is(o.Ready(t.Context()), audit.ErrClosed) })
		if _, err := o.Append(t.Context(), audittest.Viewed("")); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		gate.open()
		ended()
		if err := errors.Join(<-first, <-closed, o.CloseAll()); err != nil {
			t.Error(err)
		}
		if n := len(open(t, dsn).Everything(t)); n != queued+1 {
			t.Errorf("%d of %d records were written", n, queued+1)
		}
	})
}

func TestRequest(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendEach(t, audittest.Viewed(""))
		r := audittest.FullRecord()
		r.Action, r.Outcome = audit.ActionTicketViewed, audit.OutcomeSucceeded // Request knows better
		receipt, err := o.Request(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := o.Record(t.Context(), receipt.RequestedSequence())
		if err != nil || stored != receipt.Record() || stored.Sequence != 2 ||
			stored.Action != audit.ActionOperationRequested || stored.Outcome != audit.OutcomePending {
			t.Errorf("the log holds %+v (%v), the receipt %+v", stored, err, receipt.Record())
		}
		if _, err := o.Record(t.Context(), 3); !errors.Is(err, audit.ErrNotFound) {
			t.Errorf("a record that does not exist gives %v", err)
		}
	})
}

func TestOthersCannotChangeEntries(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		want := o.AppendEach(t, audittest.Several(3)...)
		statements := []string{`UPDATE entry SET body = '' WHERE seq = 2`, `UPDATE entry SET seq = 9 WHERE seq = 3`,
			`DELETE FROM entry WHERE seq = 3`, `DELETE FROM entry`}
		if o.OnSQLite() {
			statements = append(statements, `REPLACE INTO entry (seq, ts, body) VALUES (2, 2, x'00')`,
				`INSERT INTO entry (seq, ts, body) VALUES (9, 9, x'00')`)
		} else {
			statements = append(statements, `TRUNCATE entry`,
				`INSERT INTO entry VALUES (2, 2, '') ON CONFLICT (seq) DO UPDATE SET body = ''`)
		}
		for _, s := range statements {
			if _, err := o.Entries.Write.ExecContext(t.Context(), s); err == nil {
				t.Errorf("%s succeeded", s)
			}
		}
		audittest.Same(t, "the log", o.Everything(t), want)
	})
}

func TestListsAreCopies(t *testing.T) {
	audit.Actions()[0] = "x"
	if slices.Contains(audit.Actions(), "x") {
		t.Error("a caller can change the list of actions")
	}
	if audit.SQLite != string(database.SQLite) || audit.PostgreSQL != string(database.PostgreSQL) {
		t.Error("the engines have other names in database")
	}
}
