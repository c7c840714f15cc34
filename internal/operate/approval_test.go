package operate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// fourEyes wants a second person for every cancelling.
const fourEyes = `@id("all") permit (principal, action, resource);
@id("own") forbid (principal, action == Action::"approve", resource) when { resource.requester == principal.id };
@id("two") @demand("second_person") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`

func newApprovalDesk(t *testing.T) *desk { return newDesk(t).under(fourEyes) }

// under makes the service ask other rules.
func (d *desk) under(policies string) *desk {
	d.t.Helper()
	d.rules = rules(d.t, policies)
	check(d.t, d.Close())
	d.Service = d.serve()
	return d
}

// ask puts the cancelling of a ticket before a second person.
func (d *desk) ask(scenario string) string {
	d.t.Helper()
	id, err := d.Ask(d.t.Context(), d.form(scenario, cancelOrder))
	check(d.t, err)
	return id
}

func (d *desk) answer(approve bool) operate.Answer {
	return operate.Answer{Approve: approve, Comment: "as agreed", Actor: d.superior, Caller: d.manager}
}

// stands checks a question's state and note.
func (d *desk) stands(id string, state operate.ApprovalState, note operate.Note) operate.Approval {
	d.t.Helper()
	a, err := d.Approval(d.t.Context(), id)
	check(d.t, err)
	if a.State != state || a.Note != note {
		d.t.Errorf("the request is %s (%s), want %s (%s)", a.State, a.Note, state, note)
	}
	return a
}

// acts are the actions of an operation's records, in order.
func (d *desk) acts(id string) []audit.Action {
	d.t.Helper()
	records, err := d.log.Operation(d.t.Context(), id)
	check(d.t, err)
	var out []audit.Action
	for _, r := range records {
		out = append(out, r.Action)
	}
	return out
}

func TestApproved(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) { d.under(fourEyes).testApproved(t) })
}

func (d *desk) testApproved(t *testing.T) {
	if denied := d.stopped(d.form("running", cancelOrder)); denied.Decision.Denied() || denied.Decision.Allowed {
		t.Errorf("%+v", denied)
	}
	id := d.ask("running")
	d.puts(0)
	a, err := d.Answer(t.Context(), id, d.answer(true))
	check(t, err)
	d.puts(1)
	d.stands(id, operate.ApprovalSent, "")
	if a.Decider.UserID != d.superior.UserID || a.Comment != "as agreed" {
		t.Errorf("%+v", a)
	}
	requested := d.receipt(id).Requested
	if detail := operate.ParseDetail(requested.Detail); requested.Actor.UserID != d.actor.UserID || detail.ApprovedBy != "demo/manager" {
		t.Errorf("requested by %s, %+v", requested.Actor.UserName, detail)
	}
	acts := d.acts(id)
	if len(acts) < 4 || acts[0] != audit.ActionApprovalRequested || acts[1] != audit.ActionApprovalGranted || acts[2] != audit.ActionOperationRequested {
		t.Errorf("the log has %v", acts)
	}
	if _, err := d.Answer(t.Context(), id, d.answer(true)); !errors.Is(err, operate.ErrDecided) {
		t.Errorf("a second answer: %v", err)
	}
	d.puts(1)
}

func TestApprovalAnswers(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) { d.under(fourEyes).testApprovalAnswers(t) })
}

func (d *desk) testApprovalAnswers(t *testing.T) {
	if _, err := d.Ask(t.Context(), d.form("running", pauseOrder)); !errors.Is(err, operate.ErrNotOffered) {
		t.Errorf("asked without need: %v", err)
	}
	id := d.ask("running")
	again := d.form("running", cancelOrder)
	again.Key = id
	if same, err := d.Ask(t.Context(), again); err != nil || same != id {
		t.Errorf("asked twice: %s, %v", same, err)
	}
	again.Actor = d.superior
	if _, err := d.Ask(t.Context(), again); !errors.Is(err, operate.ErrBadKey) {
		t.Errorf("somebody else's key: %v", err)
	}
	own := operate.Answer{Approve: true, Actor: d.actor, Caller: d.operator}
	if _, err := d.Answer(t.Context(), id, own); !errors.Is(err, operate.ErrOwnRequest) {
		t.Errorf("one's own: %v", err)
	}
	if err := d.Withdraw(t.Context(), id, d.superior, audit.Origin{}); !errors.Is(err, operate.ErrOwnRequest) {
		t.Errorf("somebody else withdraws: %v", err)
	}
	_, err := d.Answer(t.Context(), id, d.answer(false))
	check(t, err)
	d.stands(id, operate.ApprovalRefused, "")

	id = d.ask("running")
	check(t, d.Withdraw(t.Context(), id, d.actor, audit.Origin{}))
	d.stands(id, operate.ApprovalWithdrawn, "")
	if _, err := d.Answer(t.Context(), id, d.answer(true)); !errors.Is(err, operate.ErrDecided) {
		t.Errorf("answered after it was withdrawn: %v", err)
	}

	id = d.ask("running")
	d.clock.step(operate.ApprovalLife)
	if _, err := d.Answer(t.Context(), id, d.answer(true)); !errors.Is(err, operate.ErrDecided) {
		t.Errorf("answered after its time: %v", err)
	}
	check(t, d.Resume(t.Context()))
	eventually(t, "the request expires", func() bool {
		a, err := d.Approval(t.Context(), id)
		return err == nil && a.State == operate.ApprovalExpired
	})
	d.puts(0)
}

// TestApprovalReturns: an approval holds for what was approved, under the rules
// of the moment in which it is carried out.
func TestApprovalReturns(t *testing.T) {
	for name, x := range map[string]struct {
		meanwhile func(d *desk)
		state     operate.ApprovalState
		note      operate.Note
	}{
		"moved": {func(d *desk) { d.elsewhere("running", pauseOrder) }, operate.ApprovalReturned, operate.NoteMoved},
		"rules": {func(d *desk) {
			d.rules.(*swapped).Rules = rules(d.t, `@id("a") permit (principal, action in [Action::"view", Action::"approve"], resource);`)
		}, operate.ApprovalReturned, operate.NoteNotAllowed},
		"session": {func(d *desk) { d.sessions.end("operator") }, operate.ApprovalGranted, operate.NoteSessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			check(t, d.Close())
			d.rules = &swapped{rules(t, fourEyes)}
			d.Service = d.serve()
			id := d.ask("running")
			x.meanwhile(d)
			before := d.sim.Calls(simulator.CallOperate)
			_, err := d.Answer(t.Context(), id, d.answer(true))
			check(t, err)
			d.stands(id, x.state, x.note)
			d.puts(before)
		})
	}
}

// swapped are rules that change under way.
type swapped struct{ operate.Rules }

func TestSendApproved(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) { d.under(fourEyes).testSendApproved(t) })
}

func (d *desk) testSendApproved(t *testing.T) {
	id := d.ask("running")
	own := operate.Request{SessionKey: "new", Caller: d.operator, Actor: d.actor}
	if _, err := d.SendApproved(t.Context(), id, own); !errors.Is(err, operate.ErrDecided) {
		t.Errorf("sent before it was approved: %v", err)
	}
	d.sessions.end("operator")
	_, err := d.Answer(t.Context(), id, d.answer(true))
	check(t, err)
	d.puts(0)
	other := own
	other.Actor = d.superior
	if _, err := d.SendApproved(t.Context(), id, other); !errors.Is(err, operate.ErrOwnRequest) {
		t.Errorf("sent by somebody else: %v", err)
	}
	_, err = d.SendApproved(t.Context(), id, own)
	check(t, err)
	d.stands(id, operate.ApprovalSent, "")
	_, err = d.SendApproved(t.Context(), id, own)
	if !errors.Is(err, operate.ErrDecided) {
		t.Errorf("sent again: %v", err)
	}
	d.puts(1)
}

// TestApprovalAfterCrash puts the databases into every state in which the end
// of a process can leave an approval, and starts again.
func TestApprovalAfterCrash(t *testing.T) {
	for name, x := range map[string]struct {
		state  string // of the row at the crash
		logged bool   // approval.granted is in the log
		sent   bool   // the operation is in the log, and was sent
		claim  bool   // the key is claimed, and nothing was sent
		end    operate.ApprovalState
		note   operate.Note
		puts   int
	}{
		"before the decision": {state: "waiting", end: operate.ApprovalWaiting},
		"decided, not logged": {state: "granted", end: operate.ApprovalSent, puts: 1},
		"logged, not sent":    {state: "granted", logged: true, end: operate.ApprovalSent, puts: 1},
		"claimed, not sent":   {state: "granted", logged: true, claim: true, end: operate.ApprovalReturned, note: operate.NoteNotSent},
		"sent, row unchanged": {state: "granted", logged: true, sent: true, end: operate.ApprovalSent, puts: 1},
		"withdrawn meanwhile": {state: "withdrawn", end: operate.ApprovalWithdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			engines(t, func(t *testing.T, d *desk) {
				d.under(fourEyes)
				id := d.ask("running")
				if x.sent {
					_, err := d.Answer(t.Context(), id, d.answer(true))
					check(t, err)
				}
				d.exec(`UPDATE approval SET state = $2, note = '', decider = $3 WHERE id = $1`, id, x.state, `{"user_id":"u","user_name":"manager","account_name":"demo"}`)
				if x.logged && !x.sent {
					_, err := d.log.Append(t.Context(), audit.Record{Action: audit.ActionApprovalGranted, Outcome: audit.OutcomeSucceeded,
						OperationID: id, Ticket: string(d.ticket("running"))})
					check(t, err)
				}
				if x.claim {
					d.exec(`INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, 'operator', '', $2)`, id, d.clock.now().UnixMicro())
				}
				d.clock.step(3 * time.Minute) // a claim is too old by now, whoever has made it
				d.restart()
				check(t, d.Resume(t.Context()))
				eventually(t, "the request is brought on", func() bool {
					a, err := d.Approval(context.Background(), id)
					return err == nil && a.State == x.end
				})
				d.stands(id, x.end, x.note)
				d.puts(x.puts)
				granted := 0
				for _, a := range d.acts(id) {
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

func flagged(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *desk) exec(query string, args ...any) {
	d.t.Helper()
	_, err := d.keys.Write.ExecContext(d.t.Context(), query, args...)
	check(d.t, err)
}
