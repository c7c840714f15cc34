package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

// fullRecord has a value in every field that a caller sets.
func fullRecord() audit.Record {
	return audit.Record{
		Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending,
		Actor: audit.Actor{UserID: "u-1", UserName: "operator", AccountID: "a-1", AccountName: "demo",
			ProjectID: "p-1", ProjectName: "cn-north-4"},
		Origin:   audit.Origin{Address: "2001:db8::1", UserAgent: "Mozilla/5.0 <x>", RequestID: "r-1", Session: "5e55"},
		Duration: 1234567 * time.Microsecond, Ticket: "SCT1234", OperationID: "key-1", OperationType: "CANCEL_INSTANCE",
		BatchIndex: 20, InstanceID: math.MaxInt64, Target: "web-01 (10.0.0.1)", Reason: "wrong host\nsecond line 中文",
		Seen:     "digest",
		Upstream: audit.Upstream{Status: 200, Code: "COC.0", Message: "fine & well", RequestID: "up-1"},
		Detail:   `{"batch":3}`,
	}
}

func TestRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		start := time.Now()
		o := open(t, dsn)
		want := fullRecord()
		got := o.append(t, want)[0]
		if got.Sequence != 1 || got.Time.Before(start.Add(-time.Microsecond)) || got.Time.Location() != time.UTC ||
			got.Time.Nanosecond()%1000 != 0 {
			t.Errorf("it is number %d at %v", got.Sequence, got.Time)
		}
		want.Sequence, want.Time = got.Sequence, got.Time
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		noZero(t, reflect.ValueOf(got))
		o.caughtUp(t)
		read, err := o.Record(t.Context(), 1)
		if err != nil || read != want {
			t.Errorf("Record: %+v (%v)", read, err)
		}
		page, err := o.Search(t.Context(), audit.Query{Ticket: want.Ticket, Visible: all})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "Search", page.Records, []audit.Record{want})
		of, err := o.Operation(t.Context(), want.OperationID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "Operation", of, []audit.Record{want})
		same(t, "Export", o.everything(t), []audit.Record{want})
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
	row := o.entry.Read.QueryRowContext(t.Context(), `SELECT seq, ts, body FROM entry`)
	if err := row.Scan(&seq, &ts, &body); err != nil {
		t.Fatal(err)
	}
	if seq != r.Sequence || ts != r.Time.UnixMicro() || !json.Valid(body) || !strings.Contains(string(body), `"ticket":"SCT1234"`) {
		t.Errorf("the entry is %d, %d, %s", seq, ts, body)
	}
	if n := number(t, o.entry, `SELECT count(*) FROM head WHERE id = 1 AND size = 1 AND last_ts = $1`, ts); n != 1 {
		t.Error("the head does not say so")
	}
	if n := number(t, o.search, `SELECT count(*) FROM record WHERE seq = $1 AND ts = $2 AND action = $3 AND outcome = $4
		AND user_id = $5 AND user_name = $6 AND ticket = $7 AND operation_id = $8`, seq, ts, string(r.Action), string(r.Outcome),
		r.Actor.UserID, r.Actor.UserName, r.Ticket, r.OperationID); n != 1 {
		t.Error("the search tables do not know the record")
	}
	if n := number(t, o.search, `SELECT count(*) FROM open_operation WHERE operation_id = $1 AND seq = $2`, r.OperationID, seq); n != 1 {
		t.Error("the search tables do not know the open operation")
	}
	if n := number(t, o.search, `SELECT upto FROM followed WHERE id = 1`); n != seq {
		t.Errorf("the search tables are at %d", n)
	}
}

func TestHostileValuesAreKeptReadable(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		r := viewed("a\x00b\xffc\u202e\r\n</script>")
		r.Origin.UserAgent = strings.Repeat("中", audit.MaxShort)
		r.Reason = strings.Repeat("x", audit.MaxLong+1)
		r.Duration = 1999 * time.Nanosecond
		r.Ticket = "'; DROP TABLE entry; --"
		got := o.append(t, r)[0]
		if got.Detail != "a\uFFFDb\uFFFDc\u202e\r\n</script>" || got.Ticket != r.Ticket || got.Duration != time.Microsecond {
			t.Errorf("got %q, %q, %v", got.Detail, got.Ticket, got.Duration)
		}
		if len(got.Origin.UserAgent) > audit.MaxShort || len(got.Reason) != audit.MaxLong || !strings.HasSuffix(got.Reason, "…") {
			t.Errorf("%d and %d bytes are kept", len(got.Origin.UserAgent), len(got.Reason))
		}
		same(t, "read", o.everything(t), []audit.Record{got})
	})
}

func TestAppendRefusesWhatIsNoRecord(t *testing.T) {
	o := open(t, fresh(t, onSQLite))
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
				o.append(t, audit.Record{Action: a, Outcome: outcome})
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
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, func(c *audit.Config) { c.Now = jumping() })
		const appenders, each = 64, 10
		var group sync.WaitGroup
		for range appenders {
			group.Go(func() {
				last := int64(0)
				for range each {
					r, err := o.Append(t.Context(), viewed(""))
					if err != nil || r.Sequence <= last {
						t.Errorf("number %d after %d (%v)", r.Sequence, last, err)
						return
					}
					last = r.Sequence
				}
			})
		}
		group.Wait()
		records := o.everything(t)
		checkOrder(t, records)
		if size, err := o.Size(t.Context()); err != nil || size != appenders*each || len(records) != appenders*each {
			t.Errorf("%d of %d records, size %d (%v)", len(records), appenders*each, size, err)
		}
	})
}

// TestTwoConsoles has two logs on one database, with clocks that differ.
func TestTwoConsoles(t *testing.T) {
	dsn := postgres(t)
	ahead := func(c *audit.Config) { c.Now = func() time.Time { return time.Now().Add(time.Hour) } }
	consoles := []*opened{open(t, dsn), open(t, dsn, ahead)}
	var group sync.WaitGroup
	for _, o := range consoles {
		group.Go(func() { o.appendTogether(t, several(300)) })
	}
	group.Wait()
	for _, o := range consoles {
		records := o.everything(t)
		checkOrder(t, records)
		if len(records) != 600 {
			t.Errorf("%d records", len(records))
		}
		o.caughtUp(t)
	}
	if n := number(t, consoles[0].search, `SELECT count(*) FROM record`); n != 600 {
		t.Errorf("%d are in the search tables", n)
	}
}

func TestAppendsShareCommits(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, gate, first := gated(t, dsn)
		execute(t, o.entry, `CREATE TABLE commits (n INTEGER)`)
		if o.sqlite() {
			execute(t, o.entry, `CREATE TRIGGER count_commits AFTER UPDATE ON head BEGIN INSERT INTO commits VALUES (1); END`)
		} else {
			execute(t, o.entry, `CREATE FUNCTION count_commits() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN INSERT INTO commits VALUES (1); RETURN NEW; END $$;
				CREATE TRIGGER count_commits AFTER UPDATE ON head FOR EACH ROW EXECUTE FUNCTION count_commits()`)
		}
		ended := o.queue(t, several(audit.MaxBatch+1))
		gate.open()
		ended()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if n := number(t, o.entry, `SELECT count(*) FROM commits`); n != 3 {
			t.Errorf("1, then %d records took %d commits, want 3", audit.MaxBatch+1, n)
		}
		records := o.everything(t)
		checkOrder(t, records)
		if len(records) != audit.MaxBatch+2 {
			t.Errorf("%d records", len(records))
		}
	})
}

func TestAppendWhoseContextEnds(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, gate, first := gated(t, dsn)
		ctx, giveUp := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { _, err := o.Append(ctx, viewed("taken back")); ended <- err }()
		until(t, "it is queued", func() bool { return o.Queued() == 1 })
		giveUp()
		if err := <-ended; !errors.Is(err, context.Canceled) { // while the writer still stands
			t.Errorf("the queued append returned %v", err)
		}
		gate.open()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if _, err := o.Append(ctx, viewed("ended before")); !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context returned %v", err)
		}
		o.append(t, viewed("later"))
		if records := o.everything(t); len(records) != 2 || records[1].Detail != "later" {
			t.Errorf("the log holds %v", records)
		}
	})
}

// TestContextEndsDuringTheCommit: the record is written, so Append says so.
func TestContextEndsDuringTheCommit(t *testing.T) {
	ctx, giveUp := context.WithCancel(t.Context())
	o := open(t, fresh(t, onSQLite), func(c *audit.Config) { c.Unmoved = func() error { giveUp(); return nil } })
	if r, err := o.Append(ctx, viewed("")); err != nil || r.Sequence != 1 {
		t.Errorf("number %d, %v", r.Sequence, err)
	}
}

func TestFullQueue(t *testing.T) {
	o, gate, first := gated(t, fresh(t, onSQLite))
	ended := o.queue(t, several(audit.QueueLength))
	if _, err := o.Append(t.Context(), viewed("")); !errors.Is(err, audit.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	gate.open()
	ended()
	<-first
	o.append(t, viewed("there is room again"))
	checkOrder(t, o.everything(t))
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, gate, first := gated(t, dsn)
		const queued = audit.MaxBatch + 10
		ended := o.queue(t, several(queued))
		closed := make(chan error, 1)
		go func() { closed <- o.Log.Close() }()
		until(t, "it is closed", func() bool { return errors.Is(o.Ready(t.Context()), audit.ErrClosed) })
		if _, err := o.Append(t.Context(), viewed("")); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		gate.open()
		ended()
		if err := errors.Join(<-first, <-closed, o.close()); err != nil {
			t.Error(err)
		}
		if n := len(open(t, dsn).everything(t)); n != queued+1 {
			t.Errorf("%d of %d records were written", n, queued+1)
		}
	})
}

func TestRequest(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.append(t, viewed(""))
		r := fullRecord()
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
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		want := o.append(t, several(3)...)
		statements := []string{`UPDATE entry SET body = '' WHERE seq = 2`, `UPDATE entry SET seq = 9 WHERE seq = 3`,
			`DELETE FROM entry WHERE seq = 3`, `DELETE FROM entry`}
		if o.sqlite() {
			statements = append(statements, `REPLACE INTO entry (seq, ts, body) VALUES (2, 2, x'00')`,
				`INSERT INTO entry (seq, ts, body) VALUES (9, 9, x'00')`)
		} else {
			statements = append(statements, `TRUNCATE entry`,
				`INSERT INTO entry VALUES (2, 2, '') ON CONFLICT (seq) DO UPDATE SET body = ''`)
		}
		for _, s := range statements {
			if _, err := o.entry.Write.ExecContext(t.Context(), s); err == nil {
				t.Errorf("%s succeeded", s)
			}
		}
		same(t, "the log", o.everything(t), want)
	})
}

func TestListsAreCopies(t *testing.T) {
	audit.Actions()[0] = "x"
	if slices.Contains(audit.Actions(), "x") {
		t.Error("a caller can change the list of actions")
	}
	if audit.SQLite != string(migrations.SQLite) || audit.PostgreSQL != string(migrations.PostgreSQL) {
		t.Error("the engines have other names in migrations")
	}
}
