package retention_test

import (
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/audit/verify"
)

// TestHold: what a hold names is kept, with all that follows, until it is lifted.
func TestHold(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.AppendTogether(t, audittest.Several(300))
		o.AppendEach(t, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: "held",
			Actor: audit.Actor{UserName: "otto"}})
		o.AppendTogether(t, audittest.Several(300))
		mo := audit.Actor{UserName: "mo", AccountName: "demo"}
		by := retention.Who{Actor: mo, Origin: audit.Origin{Address: "192.0.2.1"}}
		for _, wrong := range []string{"", "  ", "nothing:x"} {
			if h, err := retention.PlaceHold(t.Context(), o.Index, wrong, "", by); err == nil {
				t.Errorf("%q is a hold: %+v", wrong, h)
			}
		}
		h, err := retention.PlaceHold(t.Context(), o.Index, "ticket:held actor:otto", "case 7", by)
		if err != nil {
			t.Fatal(err)
		}
		want := retention.Hold{Number: 602, Query: "ticket:held actor:otto", Reason: "case 7", By: "demo/mo",
			Since: h.Since, First: 301}
		if diff := cmp.Diff(want, h); diff != "" {
			t.Error(diff)
		}
		later := time.Now().Add(time.Hour)
		if n, err := o.Prune(t.Context(), later, mo); err != nil || n != 256 {
			t.Errorf("with the hold: up to %d, %v", n, err)
		}
		if _, err := o.Record(t.Context(), 301); err != nil {
			t.Errorf("the held record: %v", err)
		}
		if err := retention.LiftHold(t.Context(), o.Index, 601, "", by); err == nil {
			t.Error("a hold that was never placed is lifted")
		}
		if err := retention.LiftHold(t.Context(), o.Index, h.Number, "closed", by); err != nil {
			t.Fatal(err)
		}
		if all, err := retention.Holds(t.Context(), o.Index); err != nil || len(all) != 0 {
			t.Errorf("%+v, %v", all, err)
		}
		if n, err := o.Prune(t.Context(), later, mo); err != nil || n != 512 {
			t.Errorf("without the hold: up to %d, %v", n, err)
		}
		o.Signed(t)
		if r := o.MustVerify(t, verify.Options{Search: o.Index}); !r.OK() || r.Pruned != 512 {
			t.Errorf("%+v", r)
		}
		var actions []audit.Action
		if err := export.Records(t.Context(), o.Index, search.Query{Action: "audit.", Visible: audittest.All}, func(r audit.Record) error {
			actions = append(actions, r.Action)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]audit.Action{audit.ActionAuditHeld, audit.ActionAuditPruned, audit.ActionAuditReleased,
			audit.ActionAuditPruned}, actions); diff != "" {
			t.Error(diff)
		}
	})
}

// TestOnePrunes: of consoles that share a log one removes, and nobody places a
// hold meanwhile.
func TestOnePrunes(t *testing.T) {
	o := open(t, audittest.Postgres(t))
	tx, err := o.Entries.Write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(),
		`SELECT pg_advisory_xact_lock(hashtextextended('coc-console retention of ' || current_schema(), 0))`); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Prune(t.Context(), time.Now(), audit.Actor{}); !errors.Is(err, retention.ErrUnderWay) {
		t.Errorf("a second one prunes: %v", err)
	}
	if _, err := retention.PlaceHold(t.Context(), o.Index, "ticket:x", "", retention.Who{}); !errors.Is(err, retention.ErrUnderWay) {
		t.Errorf("a hold is placed meanwhile: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Prune(t.Context(), time.Now(), audit.Actor{}); err != nil {
		t.Error(err)
	}
}

// TestOneAtATime: on SQLite, too, nobody places a hold while the one console removes records.
func TestOneAtATime(t *testing.T) {
	o := open(t, t.TempDir())
	release, err := retention.Alone(t.Context(), o.Log.Log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := retention.PlaceHold(t.Context(), o.Index, "ticket:x", "", retention.Who{}); !errors.Is(err, retention.ErrUnderWay) {
		t.Errorf("a hold is placed meanwhile: %v", err)
	}
	release()
	if _, err := retention.PlaceHold(t.Context(), o.Index, "ticket:x", "", retention.Who{}); err != nil {
		t.Error(err)
	}
	if _, err := retention.PlaceHold(t.Context(), o.Index, "after:24h", "", retention.Who{}); !errors.Is(err, retention.ErrRelative) {
		t.Errorf("a hold that keeps less every day: %v", err)
	}
}

// TestDaily: what is too old goes once a day, whichever console looks.
func TestDaily(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		clock := audittest.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		o := open(t, dsn, func(c *audit.Config) { c.Now = clock.Now })
		console := func() *retention.Daily {
			return &retention.Daily{Index: o.Index, Keep: 30 * 24 * time.Hour, Now: clock.Now, Logger: slog.New(slog.DiscardHandler)}
		}
		a, b := console(), console()
		look := func(d *retention.Daily, want int64) {
			t.Helper()
			if err := d.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, err := o.Pruned(t.Context()); err != nil || got != want {
				t.Errorf("on %v: up to %d (%v), want %d", clock.Now(), got, err, want)
			}
		}
		o.AppendTogether(t, audittest.Several(300))
		look(a, 0)
		clock.Set(clock.Now().AddDate(0, 0, 31))
		o.AppendTogether(t, audittest.Several(300))
		look(a, 256)
		clock.Set(clock.Now().Add(20*time.Hour).AddDate(0, 0, 10))
		o.AppendEach(t, audit.Record{Action: audit.ActionAuditPruned, Outcome: audit.OutcomeSucceeded}) // another console's
		clock.Set(clock.Now().AddDate(0, 0, 31))
		o.AppendEach(t, audit.Record{Action: audit.ActionAuditPruned, Outcome: audit.OutcomeSucceeded})
		look(b, 256) // it was done today
		clock.Set(clock.Now().AddDate(0, 0, 1))
		look(b, 512)
	})
}

// TestGrowth: 256 records a day for ten days.
func TestGrowth(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		clock := audittest.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		start := clock.Now()
		var space audit.Space
		o := open(t, dsn, func(c *audit.Config) { c.Now = clock.Now })
		if g, err := retention.GrowthOf(t.Context(), o.Log.Log, 1000, clock.Now()); err != nil || g != (retention.Growth{Bytes: 1000}) {
			t.Errorf("of an empty log: %+v, %v", g, err)
		}
		o.AppendTogether(t, audittest.Several(256))
		for _, after := range []time.Duration{time.Second, time.Hour, 24*time.Hour - time.Second} {
			clock.Set(start.Add(after))
			if g, err := retention.GrowthOf(t.Context(), o.Log.Log, 1000, clock.Now()); err != nil || g != (retention.Growth{Bytes: 1000}) {
				t.Errorf("of a log of %v: %+v, %v", after, g, err)
			}
		}
		clock.Set(start.AddDate(0, 0, 1))
		if g, err := retention.GrowthOf(t.Context(), o.Log.Log, 1000, clock.Now()); err != nil || !g.Known || g.RecordsPerDay != 256 {
			t.Errorf("of a log of a day: %+v, %v", g, err)
		}
		for day := 1; day < 10; day++ {
			clock.Set(start.AddDate(0, 0, day))
			o.AppendTogether(t, audittest.Several(256))
		}
		clock.Set(start.AddDate(0, 0, 10))
		f, err := o.Figures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		space = f.Space
		check := func(name string, bytes int64, records, perDay float64) {
			t.Helper()
			g, err := retention.GrowthOf(t.Context(), o.Log.Log, bytes, clock.Now())
			if err != nil || math.Abs(g.RecordsPerDay-records) > 1 || math.Abs(g.BytesPerDay-perDay) > perDay/100 {
				t.Errorf("%s: %+v, %v", name, g, err)
			}
			if space.Total == 0 && !g.Full.IsZero() {
				t.Errorf("%s: nobody knows the disk, and it is full at %v", name, g.Full)
			}
			if space.Total > 0 && (g.Full.IsZero() || g.Full.Before(clock.Now())) {
				t.Errorf("%s: the disk is full at %v", name, g.Full)
			}
		}
		check("ten days", 2560<<20, 256, 256<<20)
		if n, err := o.Prune(t.Context(), start.AddDate(0, 0, 8), audit.Actor{}); err != nil || n != 2048 {
			t.Fatalf("%d, %v", n, err)
		}
		check("after pruning", 513<<20, 256.5, 256.5*(1<<20))
		clock.Set(start.AddDate(0, 1, 0))
		if g, err := retention.GrowthOf(t.Context(), o.Log.Log, 1000, clock.Now()); err != nil || !g.Known || g.RecordsPerDay != 0 {
			t.Errorf("of a quiet log: %+v, %v", g, err)
		}
	})
}
