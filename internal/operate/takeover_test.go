package operate_test

import (
	"sync"
	"testing"

	"coc-console/audit"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// TestResumeBesideRequests: a start takes up what was left open while operations are sent already, and keeps off them.
func TestResumeBesideRequests(t *testing.T) {
	d := newDesk(t)
	left := d.Form("paused", continueOrder)
	requested(d, left)
	d.Restart()
	check(t, d.Service.Mark(t.Context()))
	hold := make(chan struct{})
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold})
	form := d.Form("running", pauseOrder)
	var sending sync.WaitGroup
	sending.Go(func() {
		if _, err := d.Apply(t.Context(), form); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "it is sent", func() bool { return d.Sim.Calls(simulator.CallOperate) == 1 })
	check(t, d.Resume(t.Context()))
	eventually(t, "the other is taken up", func() bool { return d.ReceiptOf(left.Key).Answer != nil })
	if r := d.ReceiptOf(form.Key); r.Answer != nil {
		t.Errorf("what is under way was taken up: %+v", r.Answer)
	}
	close(hold)
	sending.Wait()
	if r := d.ReceiptOf(form.Key); r.Answer.Action != audit.ActionOperationAccepted {
		t.Errorf("the receipt is %+v", r)
	}
	if r := d.ReceiptOf(left.Key); operate.ParseDetail(r.Answer.Detail).Note != operate.NoteProcessEnded {
		t.Errorf("the receipt is %+v", r)
	}
	d.Puts(1)
}
