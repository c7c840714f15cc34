package audit_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/verify"
)

// off makes a console's clock wrong by so much.
func off(by time.Duration) func(*audit.Config) {
	return func(c *audit.Config) {
		c.OwnClock = false
		c.Now = func() time.Time { return time.Now().Add(by) }
	}
}

// keptTimes are the signed times of the kept checkpoints, in their order.
func (o *opened) keptTimes(t *testing.T) []time.Time {
	t.Helper()
	rows, err := o.Entries.Read.QueryContext(t.Context(), `SELECT note FROM checkpoint ORDER BY n`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []time.Time
	for rows.Next() {
		var note []byte
		if err := rows.Scan(&note); err != nil {
			t.Fatal(err)
		}
		c, err := audit.ParseCheckpoint(note, verifierOfTests(t))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c.Time)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func verifierOfTests(t *testing.T) string {
	t.Helper()
	key, err := audit.VerifierKey("example.com/log", audittest.Key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestCheckpointTimesNeverGoBack has two consoles whose clocks differ by a
// fifth of a second stopped at once and started again, which signs a kept
// checkpoint each. SQLite has one at a time.
func TestCheckpointTimesNeverGoBack(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		fast, slow := 200*time.Millisecond, time.Duration(0)
		for range 2 {
			var running []*opened
			for _, by := range []time.Duration{fast, slow} {
				o := open(t, dsn, audittest.Signing, off(by))
				o.AppendEach(t, audittest.Viewed(""))
				if running = append(running, o); o.OnSQLite() {
					if err := o.CloseAll(); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, o := range running {
				if err := o.CloseAll(); err != nil {
					t.Fatal(err)
				}
			}
		}
		last := open(t, dsn, audittest.Signing, off(0))
		if times := last.keptTimes(t); len(times) < 2 || !slices.IsSortedFunc(times, time.Time.Compare) {
			t.Errorf("the kept checkpoints are of %v", times)
		}
		if r := last.MustVerify(t, verify.Options{}); !r.OK() || len(r.Notes) > 0 {
			t.Errorf("%v, notes %v", r.Findings, r.Notes)
		}
	})
}

// TestClockAnHourAhead: one console's clock is an hour ahead and is put right
// again. Where there is another clock, no record is dated by it; where there is
// none, the records that follow say what the clock said.
func TestClockAnHourAhead(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		var by time.Duration
		shifted := func(c *audit.Config) {
			c.OwnClock = false
			c.Now = func() time.Time { return time.Now().Add(by) }
		}
		start := time.Now()
		near := func(what string, at time.Time) {
			t.Helper()
			if at.Before(start.Add(-time.Minute)) || at.After(time.Now().Add(time.Minute)) {
				t.Errorf("%s is dated %v, and it is %v", what, at, time.Now())
			}
		}
		o := open(t, dsn, audittest.Signing, shifted)
		near("a record before", o.AppendEach(t, audittest.Viewed(""))[0].When())
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		by = time.Hour
		o = open(t, dsn, audittest.Signing, shifted)
		ahead := o.AppendEach(t, audittest.Several(3)...)
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		if !o.OnSQLite() {
			near("a record by the wrong clock", ahead[2].Time)
		}
		by = 0
		o = open(t, dsn, audittest.Signing, shifted)
		after := o.AppendEach(t, audittest.Several(3)...)
		records := o.Everything(t)
		audittest.CheckOrder(t, records)
		for _, r := range slices.Concat(after, records[4:]) {
			near("a record after", r.When())
			if o.OnSQLite() == r.Clock.IsZero() {
				t.Errorf("the record of %v says that the clock said %v", r.Time, r.Clock)
			}
			if !o.OnSQLite() {
				near("a record after, by its order", r.Time)
			}
		}
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = open(t, dsn, audittest.Signing, shifted)
		if r := o.MustVerify(t, verify.Options{Search: o.Index, Words: true}); !r.OK() || len(r.Notes) > 0 {
			t.Errorf("%v, notes %v", r.Findings, r.Notes)
		}
		if times := o.keptTimes(t); len(times) < 3 || !slices.IsSortedFunc(times, time.Time.Compare) {
			t.Errorf("the kept checkpoints are of %v", times)
		}
	})
}

// TestOneClockForAllConsoles: beside each other on PostgreSQL, whichever way
// one of them is wrong.
func TestOneClockForAllConsoles(t *testing.T) {
	dsn := audittest.Postgres(t)
	for _, by := range []time.Duration{0, time.Hour, -time.Hour, 0} {
		o := open(t, dsn, audittest.Signing, off(by))
		r := o.AppendEach(t, audittest.Viewed(""))[0]
		if d := time.Since(r.Time); d < -time.Second || d > time.Minute || !r.Clock.IsZero() {
			t.Errorf("with a clock off by %v the record is dated %v, clock %v", by, r.Time, r.Clock)
		}
	}
}

// signedNote is a checkpoint of the tests' log.
func signedNote(t *testing.T, c audit.Checkpoint) []byte {
	t.Helper()
	id, err := hex.DecodeString(strings.Split(verifierOfTests(t), "+")[1])
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\nts %d\nkept %d\n", c.Origin, c.Size, c.Root, c.Time.UnixMicro(), c.Kept)
	return fmt.Appendf(nil, "%s\n— %s %s\n", text, c.Origin,
		base64.StdEncoding.EncodeToString(append(id, ed25519.Sign(audittest.Key, []byte(text))...)))
}

// TestOlderClockIsNoFinding: logs whose kept checkpoints go back in time,
// because consoles signed them so, are whole. Whoever changes a checkpoint's
// time without the key is found as before.
func TestOlderClockIsNoFinding(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.AppendEach(t, audittest.Several(5)...)
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = inspect(t, dsn)
		second, err := o.Checkpoint(t.Context())
		if err != nil || second.Kept != 1 {
			t.Fatalf("%+v (%v)", second, err)
		}
		second.Kept, second.Time = 2, second.Time.Add(-200*time.Millisecond)
		note := signedNote(t, second)
		audittest.Execute(t, o.Entries, `INSERT INTO checkpoint (n, size, ts, note) VALUES (2, $1, $2, $3)`, second.Size, second.Time.UnixMicro(), note)
		audittest.Execute(t, o.Entries, `UPDATE head SET note = $1 WHERE id = 1`, note)
		r := o.MustVerify(t, verify.Options{})
		if !r.OK() || len(r.Notes) != 1 || r.Notes[0].Kind != verify.NoteClock || !strings.Contains(r.Notes[0].Text, "200ms") {
			t.Errorf("%v, notes %v", r.Findings, r.Notes)
		}
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = open(t, dsn, audittest.Signing)
		background := o.Background(t, time.Hour)
		audittest.Until(t, "it is verified in the background", func() bool { return !background.Status().At.IsZero() })
		for _, w := range o.Health(t.Context()) {
			if w.Kind == audit.WarningFindings {
				t.Error(w.Text)
			}
		}
		if v := background.Status(); len(v.Findings) > 0 || len(v.Notes) != 1 {
			t.Errorf("%v, notes %v", v.Findings, v.Notes)
		}
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = inspect(t, dsn)
		o.Unguard(t)
		for _, change := range []string{`UPDATE checkpoint SET ts = ts + 1000000 WHERE n = 2`,
			`UPDATE checkpoint SET note = (SELECT c.note FROM checkpoint c WHERE c.n = 1) WHERE n = 2`} {
			audittest.Execute(t, o.Entries, change)
			if r := o.MustVerify(t, verify.Options{}); !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Kind == verify.FindingCheckpoint }) {
				t.Errorf("%s: %v", change, r.Findings)
			}
		}
	})
}
