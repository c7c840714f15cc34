package operate_test

import (
	"testing"

	"coc-console/audit"
	"coc-console/internal/approval"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// TestApprovedDespiteAStoreThatFails: a database that is away for a moment is not
// the end of the requester's session.
func TestApprovedDespiteAStoreThatFails(t *testing.T) {
	d := newApprovalDesk(t)
	id := d.Asked("running")
	d.Sessions.Fail(2)
	a, err := d.Answer(t.Context(), id, d.Decision(true))
	check(t, err)
	if a.State != approval.Sent {
		t.Errorf("the request is %s (%s)", a.State, a.Note)
	}
	if n := d.Sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
}

// TestLooksWaitForTheStore: while the requester's session cannot be looked up,
// nobody's token is used in its place, and a store that is back is asked again.
func TestLooksWaitForTheStore(t *testing.T) {
	d := newDesk(t)
	id := d.Applied("running", pauseOrder)
	d.Sessions.Fail(3)
	d.Restart()
	check(t, d.Resume(t.Context()))
	d.Clock.Step(effect)
	if r, detail := d.End(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v, %+v", r.End, detail)
	}
	id = d.Applied("paused", continueOrder)
	d.Sessions.Fail(1 << 30)
	d.Restart()
	check(t, d.Resume(t.Context()))
	d.Clock.Step(effect)
	eventually(t, "the store is asked", func() bool { return d.Sessions.Left() < 1<<30-2 })
	d.Clock.Step(deadline)
	r, detail := d.End(id)
	if r.End.Action != audit.ActionOperationNotObserved || detail.Note != operate.NoteDeadline || detail.Error == "" {
		t.Errorf("the end is %+v", r.End)
	}
}
