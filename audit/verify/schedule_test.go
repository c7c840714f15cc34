package verify_test

import (
	"slices"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/verify"
)

// TestNow: a verification that somebody asks for begins at once, and reads the
// whole log.
func TestNow(t *testing.T) {
	t.Parallel()
	log := open(t, t.TempDir())
	log.AppendEach(t, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded})
	b := log.Background(t, time.Hour)
	until := func(what string, holds func(verify.Status) bool) {
		t.Helper()
		for !holds(b.Status()) {
			if t.Context().Err() != nil {
				t.Fatal(what)
			}
		}
	}
	until("the log is never verified", func(s verify.Status) bool { return !s.Running && !s.All.IsZero() })
	first := b.Status()
	log.AppendEach(t, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded})
	if !b.Now() {
		t.Fatal("nothing verifies")
	}
	until("the log is not verified again", func(s verify.Status) bool { return s.All.After(first.All) && s.Size == 2 })
	if log.Background(t, 0).Now() {
		t.Error("what never verifies was asked to")
	}
}

// TestKeyPeriods: each key that signed is told, the latest first, with when and
// how often.
func TestKeyPeriods(t *testing.T) {
	t.Parallel()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		log := open(t, dsn, audittest.Signing)
		log.AppendTogether(t, slices.Repeat(
			[]audit.Record{{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded}}, 4200))
		log.Signed(t)
		got, err := verify.KeyPeriods(t.Context(), log.Log.Log)
		if err != nil || len(got) != 1 || got[0].Key != log.PublicKey() || got[0].Checkpoints < 1 || got[0].To.Before(got[0].From) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
