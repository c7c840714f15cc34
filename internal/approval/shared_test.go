package approval_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"coc-console/audit"
	"coc-console/internal/approval"
	"coc-console/internal/coc"
)

// TestApprovalOfAKilledConsole: what was approved on a console that has gone is
// carried out by another, though that was not started again.
func TestApprovalOfAKilledConsole(t *testing.T) {
	d, consoles := sharedDesk(t, 0)
	d.Under(fourEyes)
	other := d.Serve()
	check(t, other.Resume(t.Context()))
	id := d.Asked("running")
	d.Exec(`UPDATE approval SET state = 'granted', decider = $2 WHERE id = $1`, id,
		`{"user_id":"u","user_name":"manager","account_name":"demo"}`)
	check(t, d.Reseal(t.Context()))
	d.Owner("approval/"+id, "one that was killed")
	check(t, consoles[0].Close())
	check(t, d.Close())
	d.Parts = other
	eventually(t, "the other console carries it out", func() bool {
		a, err := d.Approvals.Get(context.Background(), id)
		return err == nil && a.State == approval.Sent
	})
	d.OnceEach(1)
	acts := d.Acts(id)
	if len(acts) < 3 || acts[1] != audit.ActionApprovalGranted || acts[2] != audit.ActionOperationRequested {
		t.Errorf("the log has %v", acts)
	}
	d.Clock.Step(effect)
	eventually(t, "nobody has what is over", func() bool { return d.Owned() == 0 })
}

// TestAnswersAtBoth: of many answers at the same time, on two consoles, one counts.
func TestAnswersAtBoth(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	d.Under(fourEyes)
	consoles := []parts{d.Parts, d.Serve()}
	id := d.Asked("running")
	var all sync.WaitGroup
	var decided atomic.Int64
	for n := range 8 {
		all.Go(func() {
			by := d.Decision(n%4 != 3)
			switch _, err := consoles[n%2].Answer(context.Background(), id, by); {
			case err == nil:
				decided.Add(1)
			case !errors.Is(err, approval.ErrDecided) && !errors.Is(err, approval.ErrAlreadySent):
				if _, ok := errors.AsType[*coc.Error](err); !ok {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	a, err := d.Approvals.Get(t.Context(), id)
	check(t, err)
	want := 0
	if a.State == approval.Sent {
		want = 1
	} else if a.State != approval.Refused {
		t.Errorf("the request is %s (%s %s)", a.State, a.Note, a.Problem)
	}
	d.OnceEach(want)
	if n := decided.Load(); n != 1 {
		t.Errorf("%d answers counted", n)
	}
}
