package operate_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

func TestAcceptedAndObserved(t *testing.T) {
	for _, tt := range []struct {
		scenario string
		op       func(d *desk) coc.Operation
		status   string
	}{
		{"running", func(*desk) coc.Operation { return pauseOrder }, "PAUSED"},
		{"running", func(*desk) coc.Operation { return cancelOrder }, "CANCELED"},
		{"running", func(d *desk) coc.Operation { return cancel(d.Row("running", 1, 1)) }, "CANCELED"},
		{"running", func(d *desk) coc.Operation { return cancel(d.Row("running", 3, 0)) }, "CANCELED"},
		{"paused", func(*desk) coc.Operation { return continueOrder }, "PROCESSING"},
		{"paused", func(*desk) coc.Operation { return skip(2) }, "PROCESSING"},
		{"held", func(*desk) coc.Operation { return skip(1) }, "PROCESSING"},
		{"held", func(*desk) coc.Operation { return continueOrder }, "PROCESSING"},
		{"abnormal", func(*desk) coc.Operation { return skip(1) }, "PROCESSING"},
		{"abnormal", func(*desk) coc.Operation { return continueOrder }, "PROCESSING"},
		{"last", func(*desk) coc.Operation { return skip(1) }, "FINISHED"},
		{"last", func(*desk) coc.Operation { return continueOrder }, "FINISHED"},
		{"last", func(*desk) coc.Operation { return cancelOrder }, "CANCELED"},
	} {
		d := newDesk(t)
		op := tt.op(d)
		t.Run(tt.scenario+"/"+string(op.Type), func(t *testing.T) {
			form := d.Form(tt.scenario, op)
			id, err := d.Apply(t.Context(), form)
			check(t, err)
			if id != form.Key {
				t.Errorf("the id is %q, want the key %q", id, form.Key)
			}
			r := d.ReceiptOf(id)
			if r.End != nil || r.Answer == nil || r.Answer.Action != audit.ActionOperationAccepted ||
				r.Answer.Outcome != audit.OutcomeSucceeded ||
				r.Answer.Upstream.Status != http.StatusOK || r.Answer.Upstream.RequestID == "" {
				t.Errorf("the answer is %+v, the end %+v", r.Answer, r.End)
			}
			d.Looked(2)
			d.Clock.Step(effect)
			r, detail := d.End(id)
			if r.End.Action != audit.ActionOperationObserved || r.End.Outcome != audit.OutcomeSucceeded || detail.Note != "" ||
				detail.Status != tt.status || len(detail.Others) > 0 || r.Open() {
				t.Errorf("the end is %+v", r.End)
			}
			checkRecords(t, r, form)
			d.Puts(1)
		})
	}
}

// checkRecords checks that each record of an operation can be read alone.
func checkRecords(t *testing.T, r operate.Receipt, form operate.Request) {
	t.Helper()
	for _, record := range []audit.Record{r.Requested, *r.Answer, *r.End} {
		if record.OperationID != form.Key || record.Ticket != string(form.Ticket) ||
			record.OperationType != string(form.Operation.Type) ||
			record.BatchIndex != form.Operation.BatchIndex || record.InstanceID != form.Operation.InstanceID ||
			record.Reason != form.Reason || record.Seen != form.Expected || record.Actor != form.Actor || record.Target == "" {
			t.Errorf("record %d is %+v", record.Sequence, record)
		}
	}
	if !(r.Requested.Sequence < r.Answer.Sequence && r.Answer.Sequence < r.End.Sequence) {
		t.Error("the records are not in order")
	}
}

// TestAnswers disturbs the call; late faults come after the operation has
// taken effect.
func TestAnswers(t *testing.T) {
	never := make(chan struct{})
	const accepted, rejected, unknown = audit.ActionOperationAccepted, audit.ActionOperationRejected,
		audit.ActionOperationUnknown
	for _, tt := range []struct {
		name     string
		fault    simulator.Fault
		want     audit.Action
		note     operate.Note
		upstream audit.Upstream // Message empty: not compared
		observed bool
	}{
		{"refused by COC", simulator.Fault{Status: 400, Code: "COC.00040701", Message: "It's <no> good: \"x\""}, rejected, "",
			audit.Upstream{Status: 400, Code: "COC.00040701", Message: "It's <no> good: \"x\""}, false},
		{"an error of COC itself, without effect", simulator.Fault{Status: 500, Code: "COC.00040701",
			Message: "Internal server error"}, unknown, operate.NoteUncertain,
			audit.Upstream{Status: 500, Code: "COC.00040701", Message: "Internal server error"}, false},
		{"an error of COC itself after the effect",
			simulator.Fault{Status: 500, Code: "COC.00000001", Message: "internal error", Late: true}, unknown,
			operate.NoteUncertain, audit.Upstream{Status: 500, Code: "COC.00000001", Message: "internal error"}, true},
		{"a refusal in nobody's words", simulator.Fault{Status: 400, Late: true}, unknown, operate.NoteUncertain,
			audit.Upstream{Status: 400}, true}, {"a portal's page",
			simulator.Fault{Effect: simulator.HTMLBody, Status: 403, Late: true}, unknown, operate.NoteUncertain,
			audit.Upstream{Status: 403}, true},
		{"request time-out", simulator.Fault{Status: 408, Code: "APIGW.0201", Message: "m", Gateway: true, Late: true},
			unknown, operate.NoteUncertain, audit.Upstream{Status: 408, Code: "APIGW.0201"}, true},
		{"client gone", simulator.Fault{Status: 499, Code: "APIGW.0201", Message: "m", Gateway: true}, unknown,
			operate.NoteUncertain, audit.Upstream{Status: 499, Code: "APIGW.0201"}, false},
		{"throttled", simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "limit:5", Gateway: true, RetryAfter: "3"},
			rejected, "", audit.Upstream{Status: 429, Code: "APIGW.0308", Message: "limit:5"}, false},
		{"forbidden", simulator.Fault{Status: 403, Code: "APIGW.0302", Message: "not authorized", Gateway: true}, rejected,
			"", audit.Upstream{Status: 403, Code: "APIGW.0302", Message: "not authorized"}, false},
		{"time-out after the effect", simulator.Fault{Effect: simulator.Slow, Hold: never, Late: true}, unknown,
			operate.NoteTimeout, audit.Upstream{}, true},
		{"time-out before the effect", simulator.Fault{Effect: simulator.Slow, Hold: never}, unknown, operate.NoteTimeout,
			audit.Upstream{}, false}, {"reset after the effect", simulator.Fault{Effect: simulator.Reset, Late: true}, unknown,
			operate.NoteConnection, audit.Upstream{}, true},
		{"reset before the effect", simulator.Fault{Effect: simulator.Reset}, unknown, operate.NoteConnection,
			audit.Upstream{}, false}, {"502 after the effect",
			simulator.Fault{Status: 502, Code: "APIGW.0610", Message: "No backend", Gateway: true, Late: true}, unknown,
			operate.NoteUncertain, audit.Upstream{Status: 502, Code: "APIGW.0610", Message: "No backend"}, true},
		{"504 without effect", simulator.Fault{Status: 504, Code: "APIGW.0201", Message: "Backend timeout", Gateway: true},
			unknown, operate.NoteUncertain, audit.Upstream{Status: 504, Code: "APIGW.0201", Message: "Backend timeout"}, false},
		{"500 of the gateway after the effect", simulator.Fault{Status: 500, Code: "APIGW.0601", Message: "Internal",
			Gateway: true, Late: true}, unknown, operate.NoteUncertain,
			audit.Upstream{Status: 500, Code: "APIGW.0601", Message: "Internal"}, true},
		{"HTML after the effect", simulator.Fault{Effect: simulator.HTMLBody, Late: true}, unknown, operate.NoteBadAnswer,
			audit.Upstream{Status: 200}, true},
		{"half a body", simulator.Fault{Effect: simulator.HalfBody}, unknown, operate.NoteBadAnswer,
			audit.Upstream{Status: 200}, true}, {"a redirect", simulator.Fault{Effect: simulator.RedirectAway}, unknown,
			operate.NoteBadAnswer, audit.Upstream{Status: 302}, false},
		{"an empty body", simulator.Fault{Effect: simulator.EmptyBody, Late: true}, accepted, "", audit.Upstream{Status: 200},
			true}, {"accepted, no effect", simulator.Fault{Effect: simulator.NoEffect}, accepted, "",
			audit.Upstream{Status: 200}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			if tt.fault.Hold != nil {
				d.Client = d.NewClient(300 * time.Millisecond)
				d.Parts = d.Serve()
			}
			tt.fault.Kind = simulator.CallOperate
			remove := d.Sim.Inject(tt.fault)
			id := d.Applied("running", pauseOrder)
			remove()
			r := d.ReceiptOf(id)
			detail := operate.ParseDetail(r.Answer.Detail)
			up := r.Answer.Upstream
			if r.Answer.Action != tt.want || detail.Note != tt.note || up.Status != tt.upstream.Status ||
				up.Code != tt.upstream.Code ||
				tt.upstream.Message != "" && up.Message != tt.upstream.Message {
				t.Fatalf("the answer is %+v", r.Answer)
			}
			wantOutcome := map[audit.Action]audit.Outcome{accepted: audit.OutcomeSucceeded, rejected: audit.OutcomeFailed,
				unknown: audit.OutcomeUnknown}
			if r.Answer.Outcome != wantOutcome[tt.want] {
				t.Errorf("the outcome is %s", r.Answer.Outcome)
			}
			d.Puts(1)
			if tt.want == rejected {
				if r.Open() {
					t.Error("a rejected operation is open")
				}
				return
			}
			attributed := operate.NoteUnattributed
			if tt.want == accepted {
				attributed = ""
			}
			ends(t, d, id, tt.observed, attributed)
			d.Puts(1)
		})
	}
}

// ends checks how an operation ends once its effect must have come; note is
// that of an effect that was seen.
func ends(t *testing.T, d *desk, id string, observed bool, note operate.Note) {
	t.Helper()
	d.Looked(2)
	d.Clock.Step(effect)
	if observed {
		if r, detail := d.End(id); r.End.Action != audit.ActionOperationObserved || detail.Note != note ||
			r.Unattributed() != (note != "") {
			t.Errorf("the end is %+v", r.End)
		}
		return
	}
	r, detail := d.Passes(id)
	if r.End.Action != audit.ActionOperationNotObserved || r.End.Outcome != audit.OutcomeFailed ||
		detail.Note != operate.NoteDeadline ||
		detail.Status != "PROCESSING" || detail.Error != "" {
		t.Errorf("the end is %+v", r.End)
	}
}

// TestRefusedAndDoneAllTheSame: what is refused for too many requests, or with
// an internal error, is looked at once. The log tells an effect that shows, and
// nothing more where there is none.
func TestRefusedAndDoneAllTheSame(t *testing.T) {
	for _, tt := range []struct {
		name     string
		fault    simulator.Fault
		observed bool
		looks    bool
	}{
		{"throttled after the effect", simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "limit:5", Gateway: true,
			Late: true}, true, true},
		{"throttled", simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "limit:5", Gateway: true}, false, true},
		{"an internal error after the effect", simulator.Fault{Status: 400, Code: "COC.00040701",
			Message: "Internal server error", Late: true}, true, true},
		{"an internal error", simulator.Fault{Status: 400, Code: "COC.00040701", Message: "Internal server error"}, false,
			true}, {"refused", simulator.Fault{Status: 400, Code: "COC.00040701", Message: "not allowed"}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			tt.fault.Kind, tt.fault.Times = simulator.CallOperate, 1
			d.Sim.Inject(tt.fault)
			form, before := d.Form("running", pauseOrder), d.Looks()+1 // with that of Apply
			d.Poll = 200 * time.Millisecond                            // time for the effect to come
			d.Parts = d.Serve()
			id, err := d.Apply(t.Context(), form)
			check(t, err)
			d.Clock.Step(effect)
			if tt.observed {
				r, detail := d.End(id)
				if r.Answer.Action != audit.ActionOperationRejected || r.End.Action != audit.ActionOperationObserved ||
					detail.Note != operate.NoteAfterRefusal || detail.Status != "PAUSED" || !r.Unattributed() || r.Open() {
					t.Errorf("the end is %+v", r.End)
				}
			} else if tt.looks {
				eventually(t, "the look", func() bool { return d.Looks() > before })
			}
			check(t, d.Close()) // waits for a look that is under way
			if r := d.ReceiptOf(id); !tt.observed && (r.End != nil || r.Open()) {
				t.Errorf("the end is %+v", r.End)
			}
			if looks := d.Looks() - before; looks > 1 || looks == 1 != tt.looks {
				t.Errorf("%d looks", looks)
			}
			d.Puts(1)
		})
	}
}

// TestRefusedAndDoneSlowly: a look that comes before the effect is not the last.
func TestRefusedAndDoneSlowly(t *testing.T) {
	d := newDesk(t)
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Times: 1, Status: 429, Code: "APIGW.0308",
		Message: "limit:5", Gateway: true, Late: true})
	form, before := d.Form("running", pauseOrder), d.Looks()+1 // with that of Apply
	d.Settle = 500 * time.Millisecond
	d.Parts = d.Serve()
	id, err := d.Apply(t.Context(), form)
	check(t, err)
	eventually(t, "the first look", func() bool { return d.Looks() > before })
	d.Clock.Step(effect)
	if r, detail := d.End(id); r.End.Action != audit.ActionOperationObserved || detail.Note != operate.NoteAfterRefusal {
		t.Errorf("the end is %+v", r.End)
	}
	d.Puts(1)
}

func TestSignInAgain(t *testing.T) {
	d := newDesk(t)
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Status: 401, Code: "APIGW.0307",
		Message: "The token must be updated.", Gateway: true})
	form := d.Form("running", pauseOrder)
	_, err := d.Apply(t.Context(), form)
	var upstream *coc.Error
	if !errors.As(err, &upstream) || !upstream.SignInAgain() {
		t.Errorf("the error is %v", err)
	}
	if r := d.ReceiptOf(form.Key); r.Answer.Action != audit.ActionOperationRejected ||
		r.Answer.Upstream.Code != "APIGW.0307" {
		t.Errorf("the answer is %+v", r.Answer)
	}
}

func TestEndedByItself(t *testing.T) {
	d := newDesk(t)
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect})
	pause, instance := d.Applied("running", pauseOrder), d.Applied("running", cancel(d.Row("running", 1, 0)))
	d.Clock.Step(30 * time.Second) // not the deadline
	elsewhereDone(d, "running")
	for id, status := range map[string]string{pause: "CANCELED", instance: "CANCELED"} {
		r, detail := d.End(id)
		if detail.Status != status {
			t.Errorf("the end is %+v", r.End)
		}
	}
	if r := d.ReceiptOf(pause); r.End.Action != audit.ActionOperationNotObserved ||
		operate.ParseDetail(r.End.Detail).Note != operate.NoteEnded {
		t.Errorf("the end of the pause is %+v", r.End)
	}
	// Its row is cancelled, and that of the others has a reason.
	if r := d.ReceiptOf(instance); r.End.Action != audit.ActionOperationObserved ||
		operate.ParseDetail(r.End.Detail).Note != "" {
		t.Errorf("the end of the instance is %+v", r.End)
	}
}

// elsewhereDone cancels the ticket past this console.
func elsewhereDone(d *desk, scenario string) {
	d.T.Helper()
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Times: 1}) // shades the other fault
	d.Elsewhere(scenario, cancelOrder)
}

func TestWrongInstance(t *testing.T) {
	d := newDesk(t)
	chosen, other := d.Row("running", 1, 0), d.Row("running", 1, 1)
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.OtherRow, Times: 1})
	id := d.Applied("running", cancel(chosen))
	d.Clock.Step(effect)
	r, detail := d.End(id) // without the deadline
	if r.End.Action != audit.ActionOperationNotObserved || detail.Note != operate.NoteOtherInstance ||
		!slices.Equal(detail.Others, []int64{other}) || detail.Status != "PROCESSING" {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestWrongInstanceBesidesTheChosen(t *testing.T) {
	d := newDesk(t)
	chosen, other := d.Row("running", 1, 0), d.Row("running", 1, 1)
	before := d.Row("running", 2, 0)
	d.Elsewhere("running", cancel(before)) // known before the operation
	id := d.Applied("running", cancel(chosen))
	_, err := d.Client.Operate(t.Context(), d.Manager, proof{}, d.Ticket("running"), cancel(other))
	check(t, err)
	d.Clock.Step(effect)
	r, detail := d.End(id)
	if r.End.Action != audit.ActionOperationObserved || detail.Note != operate.NoteOtherInstance ||
		!slices.Equal(detail.Others, []int64{other}) {
		t.Errorf("the end is %+v", r.End)
	}
}

// TestOthersWithAReason has other instances cancelled at the same time, for
// reasons that this console knows.
func TestOthersWithAReason(t *testing.T) {
	for _, tt := range []struct {
		name  string
		other func(d *desk) coc.Operation
	}{
		{"another instance", func(d *desk) coc.Operation { return cancel(d.Row("held", 1, 1)) }},
		{"the batch", func(*desk) coc.Operation { return skip(1) }},
		{"the ticket", func(*desk) coc.Operation { return cancelOrder }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			id := d.Applied("held", cancel(d.Row("held", 1, 0)))
			other := d.Applied("held", tt.other(d))
			d.Looked(2)
			d.Clock.Step(effect)
			for _, id := range []string{id, other} {
				if r, detail := d.End(id); r.End.Action != audit.ActionOperationObserved || detail.Note != "" ||
					len(detail.Others) > 0 {
					t.Errorf("the end of %s is %+v", r.End.OperationType, r.End)
				}
			}
		})
	}
}

// TestRejectedIsNoReason: an operation that COC refused accounts for nothing.
func TestRejectedIsNoReason(t *testing.T) {
	d := newDesk(t)
	other := d.Row("held", 1, 1)
	remove := d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Status: 400, Code: "COC.00040701", Message: "no"})
	d.Applied("held", cancel(other))
	remove()
	id := d.Applied("held", cancel(d.Row("held", 1, 0)))
	_, err := d.Client.Operate(t.Context(), d.Manager, proof{}, d.Ticket("held"), cancel(other))
	check(t, err)
	d.Clock.Step(effect)
	if r, detail := d.End(id); !slices.Equal(detail.Others, []int64{other}) {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestHiddenInstanceID(t *testing.T) {
	d := newDesk(t, func(c *simulator.Config) { c.Rules.OtherInstanceID = true })
	r := d.ReceiptOf(d.Applied("running", cancel(d.Row("running", 1, 0))))
	if r.Answer.Action != audit.ActionOperationRejected || r.Answer.Upstream.Code == "" ||
		r.Answer.Upstream.Message == "" {
		t.Errorf("the answer is %+v", r.Answer)
	}
}

func TestStale(t *testing.T) {
	for _, tt := range []struct {
		scenario string
		op       func(d *desk) coc.Operation
		meantime func(d *desk)
		aspect   operate.Aspect
	}{
		{"running", func(*desk) coc.Operation { return pauseOrder }, func(d *desk) { d.Elsewhere("running", pauseOrder) },
			operate.AspectStatus},
		{"running", func(*desk) coc.Operation { return cancelOrder }, func(d *desk) { d.Elsewhere("running", cancelOrder) },
			operate.AspectStatus}, {"running", func(d *desk) coc.Operation { return cancel(d.Row("running", 1, 0)) },
			func(d *desk) { d.Elsewhere("running", cancel(d.Row("running", 1, 0))) }, operate.AspectInstance},
		{"running", func(*desk) coc.Operation { return pauseOrder },
			func(d *desk) { d.Elsewhere("running", cancel(d.Row("running", 1, 0))) }, operate.AspectCanceled},
		{"running", func(*desk) coc.Operation { return cancelOrder }, func(d *desk) { d.Clock.Step(21 * time.Minute) },
			operate.AspectBatch}, {"paused", func(*desk) coc.Operation { return continueOrder }, func(d *desk) {
			d.Elsewhere("paused", skip(2))
		}, operate.AspectBatch},
		{"paused", func(*desk) coc.Operation { return skip(2) }, func(d *desk) { d.Elsewhere("paused", continueOrder) },
			operate.AspectStatus}, {"held", func(*desk) coc.Operation { return skip(1) },
			func(d *desk) { d.Elsewhere("held", cancel(d.Row("held", 2, 0))) }, operate.AspectReady},
	} {
		d := newDesk(t)
		op := tt.op(d)
		t.Run(string(op.Type)+"/"+string(tt.aspect), func(t *testing.T) {
			form := d.Form(tt.scenario, op)
			tt.meantime(d)
			sent := d.Sim.Calls(simulator.CallOperate)
			_, err := d.Apply(t.Context(), form)
			var stale *operate.StaleError
			if !errors.As(err, &stale) {
				t.Fatalf("the error is %v", err)
			}
			if !slices.ContainsFunc(stale.Changes, func(c operate.Change) bool {
				return c.Aspect == tt.aspect && c.Material && c.Before != c.After
			}) {
				t.Errorf("the changes are %+v", stale.Changes)
			}
			if now := stale.Now.Snapshot().String(); now == form.Expected || stale.Now.Ticket.ExecuteUUID != form.Ticket {
				t.Errorf("the new picture is %s of %s", now, stale.Now.Ticket.ExecuteUUID)
			}
			d.Puts(sent)
			if _, err := d.Receipt(t.Context(), form.Key); !errors.Is(err, audit.ErrNotFound) {
				t.Errorf("the log has a request: %v", err)
			}
		})
	}
}

func TestRefusedBeforeSending(t *testing.T) {
	d := newDesk(t)
	change := func(scenario string, op coc.Operation, f func(*operate.Request)) operate.Request {
		form := operate.Request{SessionKey: "operator", Caller: d.Operator, Actor: d.Actor, Ticket: d.Ticket(scenario),
			Operation: op, Expected: operate.Snapshot{Status: coc.TicketProcessing}.String(), Key: operate.NewKey()}
		if now, err := d.Read(t.Context(), d.Operator, form.Ticket, op, 0); err == nil {
			form.Expected = now.Snapshot().String()
		}
		f(&form)
		return form
	}
	as := func(scenario string, op coc.Operation) operate.Request {
		return change(scenario, op, func(*operate.Request) {})
	}
	var (
		field   *coc.FieldError
		tooLong *operate.ReasonTooLongError
		target  *operate.TargetError
		refused *operate.RefusedError
		call    *coc.Error
	)
	asError := func(target any) func(error) bool { return func(err error) bool { return errors.As(err, target) } }
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	for _, tt := range []struct {
		name string
		form operate.Request
		want func(error) bool
	}{
		{"an unknown operation", as("running", coc.Operation{Type: "RETRY_INSTANCE"}), asError(&field)},
		{"no batch", as("paused", coc.Operation{Type: coc.SkipBatch}), asError(&field)},
		{"a field too many", as("running", coc.Operation{Type: coc.PauseOrder, BatchIndex: 1}), asError(&field)},
		{"a long reason", change("running", pauseOrder, func(r *operate.Request) {
			r.Reason = strings.Repeat("好", operate.MaxReason+1)
		}), asError(&tooLong)}, {"no key", change("running", pauseOrder, func(r *operate.Request) { r.Key = "" }),
			is(operate.ErrBadKey)},
		{"a strange key", change("running", pauseOrder, func(r *operate.Request) { r.Key = strings.Repeat("a", 26) }),
			is(operate.ErrBadKey)}, {"no picture", change("running", pauseOrder, func(r *operate.Request) { r.Expected = "" }),
			is(operate.ErrBadSnapshot)},
		{"an unknown batch", as("paused", skip(7)), asError(&target)},
		{"an unknown instance", as("running", cancel(12345)), asError(&target)},
		{"an instance of another ticket", as("running", cancel(d.Row("paused", 1, 0))), asError(&target)},
		{"a finished ticket", as("finished", cancelOrder), asError(&refused)},
		{"a batch that is not next", as("paused", skip(3)), asError(&refused)},
		{"an unknown ticket", change("running", pauseOrder, func(r *operate.Request) {
			r.Ticket = "SCT2023083109562601af694bf"
		}), asError(&call)}, {"a malformed ticket",
			change("running", pauseOrder, func(r *operate.Request) { r.Ticket = "../x" }), asError(&call)},
		{"a token that is over", change("running", pauseOrder, func(r *operate.Request) {
			r.SessionKey, r.Caller.Credential = "another", huawei.NewToken("MIIgarbage")
		}), asError(&call)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := d.Apply(t.Context(), tt.form)
			if !tt.want(err) || id != "" {
				t.Errorf("got %q, %v", id, err)
			}
			if _, err := d.Receipt(t.Context(), tt.form.Key); !errors.Is(err, audit.ErrNotFound) {
				t.Errorf("the log has a request: %v", err)
			}
		})
	}
	d.Puts(0)
	if tooLong.Length != operate.MaxReason+1 || refused.Why == operate.Fits || target.Field != "instance_id" {
		t.Errorf("the errors are %v, %v, %v", tooLong, refused, target)
	}
	reason := change("running", pauseOrder, func(r *operate.Request) { r.Reason = strings.Repeat("好", operate.MaxReason) })
	if _, err := d.Apply(t.Context(), reason); err != nil {
		t.Errorf("the longest reason: %v", err)
	}
}
