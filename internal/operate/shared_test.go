package operate_test

import (
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// TestResumeShared: of several consoles on one database exactly one takes an
// operation up, whether its console was still written down or not, and none
// as long as the one that has it gives signs of life.
func TestResumeShared(t *testing.T) {
	d, consoles := sharedDesk(t, 2)
	left, forgotten, spent, alive := d.Form("running", pauseOrder), d.Form("paused", continueOrder),
		d.Form("paused", cancelOrder), d.Form("held", continueOrder)
	for _, form := range []operate.Request{left, forgotten, alive} {
		requested(d, form)
	}
	d.Owner(left.Key, "one that was killed")
	d.Owner(spent.Key, "one that was killed") // before the request was in the log
	d.Owner(alive.Key, "one that lives")
	d.Elsewhere("running", pauseOrder)
	d.Elsewhere("paused", continueOrder)
	for _, s := range consoles {
		check(t, s.Resume(t.Context()))
	}
	d.Beats("one that lives")
	for _, form := range []operate.Request{left, forgotten} {
		if r, _ := d.End(form.Key); r.End.Action != audit.ActionOperationObserved {
			t.Errorf("the end is %+v", r.End)
		}
	}
	if r := d.ReceiptOf(alive.Key); r.Answer != nil {
		t.Errorf("an operation of a console that lives was taken up: %+v", r.Answer)
	}
	eventually(t, "nobody has what is over", func() bool { return d.Owned() == 1 })
	for _, s := range consoles {
		check(t, s.Close())
	}
	for _, form := range []operate.Request{left, forgotten} {
		records, err := d.Index.Operation(t.Context(), form.Key)
		check(t, err)
		if len(records) != 3 {
			t.Errorf("%d records, want requested, unknown, observed: %+v", len(records), records)
		}
	}
}

// TestSharedWhileItsConsoleLives: an answer that takes long is waited for by
// the console that sent the operation, which another leaves alone.
func TestSharedWhileItsConsoleLives(t *testing.T) {
	d, consoles := sharedDesk(t, 1)
	check(t, consoles[1].Resume(t.Context()))
	hold := make(chan struct{})
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1})
	form, answer := d.Form("running", pauseOrder), make(chan error, 1)
	go func() {
		_, err := d.Apply(t.Context(), form)
		answer <- err
	}()
	var signs int64
	eventually(t, "it gives signs of life", func() bool {
		err := d.ConsoleDB.Read.QueryRowContext(t.Context(), `SELECT coalesce(max(beat), 0) FROM operation_owner`).Scan(&signs)
		return err == nil && signs > 3*15
	})
	if r := d.ReceiptOf(form.Key); r.Answer != nil {
		t.Errorf("it was taken up: %+v", r.Answer)
	}
	close(hold)
	check(t, <-answer)
	d.Clock.Step(effect)
	if r, _ := d.End(form.Key); r.Answer.Action != audit.ActionOperationAccepted ||
		r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the receipt is %+v", r)
	}
	eventually(t, "nobody has it any more", func() bool { return d.Owned() == 0 })
	d.Puts(1)
}

// TestSharedWhenTakenAway: a console that was silent for too long leaves the
// operation to the one that has taken it up.
func TestSharedWhenTakenAway(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	id := d.Applied("running", pauseOrder)
	d.Looked(1)
	d.Owner(id, "another")
	d.Clock.Step(effect)
	d.Beats("another")
	if r := d.ReceiptOf(id); r.End != nil {
		t.Errorf("two consoles have it: %+v", r.End)
	}
	if r, _ := d.End(id); r.End.Action != audit.ActionOperationObserved { // the other is silent now
		t.Errorf("the end is %+v", r.End)
	}
}

// TestSharedWhenSomebodyLooksElsewhere: an operation that its console cannot
// look after is taken over by the console at which somebody looks.
func TestSharedWhenSomebodyLooksElsewhere(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	here := d.Sessions
	d.Sessions = &sessions{Callers: map[string]coc.Caller{}}
	other := d.Serve()
	id := d.Applied("running", pauseOrder)
	d.Looked(1)
	here.End("operator")
	eventually(t, "the other console tells that it is not watched", func() bool {
		blind, err := other.Unwatched(t.Context(), id)
		return err == nil && blind
	})
	d.Sessions.Add("manager", d.Manager)
	d.Clock.Step(effect)
	if r, _ := d.End(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
	eventually(t, "nobody has it any more", func() bool { return d.Owned() == 0 })
	d.Puts(1)
}

// TestLateClaim: a console whose log stood still between a key's claim and its
// request sends nothing once others may take the key for spent.
func TestLateClaim(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	form := d.Form("running", pauseOrder)
	block, err := d.LogDB.Write.BeginTx(t.Context(), nil)
	check(t, err)
	_, err = block.ExecContext(t.Context(), `SELECT size FROM head WHERE id = 1 FOR UPDATE`)
	check(t, err)
	answer := make(chan error, 1)
	go func() {
		_, err := d.Apply(t.Context(), form)
		answer <- err
	}()
	eventually(t, "the key is claimed", func() bool {
		var n int
		return d.ConsoleDB.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM one_time_key WHERE key = $1`,
			form.Key).Scan(&n) == nil && n == 1
	})
	d.Clock.Step(2 * time.Minute)
	check(t, block.Rollback())
	check(t, <-answer)
	if r := d.ReceiptOf(form.Key); r.Answer == nil || r.Answer.Action != audit.ActionOperationRejected ||
		operate.ParseDetail(r.Answer.Detail).Note != operate.NoteNotDelivered {
		t.Errorf("the answer is %+v", r.Answer)
	}
	d.Puts(0)
}
