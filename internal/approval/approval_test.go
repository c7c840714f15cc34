package approval_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/approval"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

func TestApproved(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) { testApproved(t, d.Under(fourEyes)) })
}

func testApproved(t *testing.T, d *desk) {
	if denied := d.Stopped(d.Form("running", cancelOrder)); denied.Decision.Denied() || denied.Decision.Allowed {
		t.Errorf("%+v", denied)
	}
	id := d.Asked("running")
	d.Puts(0)
	a, err := d.Answer(t.Context(), id, d.Decision(true))
	check(t, err)
	d.Puts(1)
	d.Stands(id, approval.Sent, "")
	if a.Decider.UserID != d.Superior.UserID || a.Comment != "as agreed" {
		t.Errorf("%+v", a)
	}
	requested := d.ReceiptOf(id).Requested
	if detail := operate.ParseDetail(requested.Detail); requested.Actor.UserID != d.Actor.UserID ||
		detail.ApprovedBy != "demo/manager" {
		t.Errorf("requested by %s, %+v", requested.Actor.UserName, detail)
	}
	acts := d.Acts(id)
	if len(acts) < 4 || acts[0] != audit.ActionApprovalRequested || acts[1] != audit.ActionApprovalGranted ||
		acts[2] != audit.ActionOperationRequested {
		t.Errorf("the log has %v", acts)
	}
	if _, err := d.Answer(t.Context(), id, d.Decision(true)); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("a second answer: %v", err)
	}
	d.Puts(1)
}

func TestApprovalAnswers(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) { testApprovalAnswers(t, d.Under(fourEyes)) })
}

func testApprovalAnswers(t *testing.T, d *desk) {
	if _, err := d.Ask(t.Context(), d.Form("running", pauseOrder)); !errors.Is(err, approval.ErrNotOffered) {
		t.Errorf("asked without need: %v", err)
	}
	id := d.Asked("running")
	again := d.Form("running", cancelOrder)
	again.Key = id
	if same, err := d.Ask(t.Context(), again); err != nil || same != id {
		t.Errorf("asked twice: %s, %v", same, err)
	}
	again.Actor = d.Superior
	if _, err := d.Ask(t.Context(), again); !errors.Is(err, operate.ErrBadKey) {
		t.Errorf("somebody else's key: %v", err)
	}
	own := approval.Answer{Approve: true, Actor: d.Actor, Caller: d.Operator}
	if _, err := d.Answer(t.Context(), id, own); !errors.Is(err, approval.ErrOwnRequest) {
		t.Errorf("one's own: %v", err)
	}
	if err := d.Withdraw(t.Context(), id, d.Superior, audit.Origin{}); !errors.Is(err, approval.ErrOwnRequest) {
		t.Errorf("somebody else withdraws: %v", err)
	}
	_, err := d.Answer(t.Context(), id, d.Decision(false))
	check(t, err)
	d.Stands(id, approval.Refused, "")

	id = d.Asked("running")
	check(t, d.Withdraw(t.Context(), id, d.Actor, audit.Origin{}))
	d.Stands(id, approval.Withdrawn, "")
	if _, err := d.Answer(t.Context(), id, d.Decision(true)); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("answered after it was withdrawn: %v", err)
	}

	id = d.Asked("running")
	d.Clock.Step(approval.Lifetime)
	if _, err := d.Answer(t.Context(), id, d.Decision(true)); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("answered after its time: %v", err)
	}
	check(t, d.Resume(t.Context()))
	eventually(t, "the request expires", func() bool {
		a, err := d.Approvals.Get(t.Context(), id)
		return err == nil && a.State == approval.Expired
	})
	d.Puts(0)
}

// TestApprovalReturns: an approval holds for what was approved, under the rules
// of the moment in which it is carried out.
func TestApprovalReturns(t *testing.T) {
	for name, x := range map[string]struct {
		meanwhile func(d *desk)
		state     approval.State
		note      operate.Note
	}{
		"moved": {func(d *desk) { d.Elsewhere("running", pauseOrder) }, approval.Returned, operate.NoteMoved},
		"rules": {func(d *desk) {
			d.Rules.(*swapped).Rules = rules(
				d.T, `@id("a") permit (principal, action in [Action::"view", Action::"approve"], resource);`)
		}, approval.Returned, operate.NoteNotAllowed},
		"session": {func(d *desk) { d.Sessions.End("operator") }, approval.Granted, operate.NoteSessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			check(t, d.Close())
			d.Rules = &swapped{Rules: rules(t, fourEyes)}
			d.Parts = d.Serve()
			id := d.Asked("running")
			x.meanwhile(d)
			before := d.Sim.Calls(simulator.CallOperate)
			_, err := d.Answer(t.Context(), id, d.Decision(true))
			check(t, err)
			d.Stands(id, x.state, x.note)
			d.Puts(before)
		})
	}
}

func TestSendApproved(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) { testSendApproved(t, d.Under(fourEyes)) })
}

func testSendApproved(t *testing.T, d *desk) {
	id := d.Asked("running")
	own := operate.Request{SessionKey: "new", Caller: d.Operator, Actor: d.Actor}
	if _, err := d.Send(t.Context(), id, own); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("sent before it was approved: %v", err)
	}
	d.Sessions.End("operator")
	_, err := d.Answer(t.Context(), id, d.Decision(true))
	check(t, err)
	d.Puts(0)
	other := own
	other.Actor = d.Superior
	if _, err := d.Send(t.Context(), id, other); !errors.Is(err, approval.ErrOwnRequest) {
		t.Errorf("sent by somebody else: %v", err)
	}
	_, err = d.Send(t.Context(), id, own)
	check(t, err)
	d.Stands(id, approval.Sent, "")
	_, err = d.Send(t.Context(), id, own)
	if !errors.Is(err, approval.ErrDecided) {
		t.Errorf("sent again: %v", err)
	}
	d.Puts(1)
}

// TestApprovalAfterCrash puts the databases into every state in which the end
// of a process can leave an approval, and starts again.
func TestApprovalAfterCrash(t *testing.T) {
	for name, x := range map[string]struct {
		state  string // of the row at the crash
		logged bool   // approval.granted is in the log
		sent   bool   // the operation is in the log, and was sent
		claim  bool   // the key is claimed, and nothing was sent
		end    approval.State
		note   operate.Note
		puts   int
	}{
		"before the decision": {state: "waiting", end: approval.Waiting},
		"decided, not logged": {state: "granted", end: approval.Sent, puts: 1},
		"logged, not sent":    {state: "granted", logged: true, end: approval.Sent, puts: 1},
		"claimed, not sent": {state: "granted", logged: true, claim: true, end: approval.Returned,
			note: operate.NoteNotSent}, "sent, row unchanged": {state: "granted", logged: true, sent: true, end: approval.Sent,
			puts: 1},
		"withdrawn meanwhile": {state: "withdrawn", end: approval.Withdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			engines(t, func(t *testing.T, d *desk) {
				d.Under(fourEyes)
				id := d.Asked("running")
				if x.sent {
					_, err := d.Answer(t.Context(), id, d.Decision(true))
					check(t, err)
				}
				d.Exec(`UPDATE approval SET state = $2, note = '', decider = $3 WHERE id = $1`, id, x.state,
					`{"user_id":"u","user_name":"manager","account_name":"demo"}`)
				check(t, d.Reseal(t.Context()))
				if x.logged && !x.sent {
					_, err := d.Log.Append(t.Context(), audit.Record{Action: audit.ActionApprovalGranted,
						Outcome: audit.OutcomeSucceeded, Actor: audit.Actor{UserID: "u", UserName: "manager", AccountName: "demo"},
						OperationID: id, OperationType: "CANCEL_ORDER", Ticket: string(d.Ticket("running"))})
					check(t, err)
				}
				if x.claim {
					d.Exec(`UPDATE one_time_key SET reserved = 0, created_at = $2 WHERE key = $1`, id, d.Clock.Now().UnixMicro())
				}
				d.Clock.Step(3 * time.Minute) // a claim is too old by now, whoever has made it
				d.Restart()
				check(t, d.Resume(t.Context()))
				eventually(t, "the request is brought on", func() bool {
					a, err := d.Approvals.Get(context.Background(), id)
					return err == nil && a.State == x.end
				})
				d.Stands(id, x.end, x.note)
				d.Puts(x.puts)
				granted := 0
				for _, a := range d.Acts(id) {
					if a == audit.ActionApprovalGranted {
						granted++
					}
				}
				if want := flagged(x.state == "granted"); granted != want {
					t.Errorf("%d records say that it was granted, want %d", granted, want)
				}
			})
		})
	}
}

// TestImpactAtTheDecision: the request keeps what the operation would have
// stopped when it was decided about, not when it was asked for, nor now.
func TestImpactAtTheDecision(t *testing.T) {
	d := newApprovalDesk(t)
	id := d.Asked("running")
	asked := d.Stands(id, approval.Waiting, "").Impact.Stops
	d.Elsewhere("running", cancel(d.Row("running", 1, 1)))
	d.Clock.Step(effect)
	_, err := d.Answer(t.Context(), id, d.Decision(false))
	check(t, err)
	if a := d.Stands(id, approval.Refused, ""); a.Impact.Stops != asked-1 {
		t.Errorf("it stops %d instances, as of the request %d", a.Impact.Stops, asked)
	}
}
