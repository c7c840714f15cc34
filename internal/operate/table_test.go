package operate_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

// TestTableThroughTheService sends every operation as every kind of person,
// with more and more done for it, and holds what reaches COC against the
// built-in rules as they are told in words. That every cell of the rules
// themselves is right is for the package policy to show.
func TestTableThroughTheService(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	check(t, d.Close())
	store, err := policy.Open(policy.Files{Managers: []string{"demo/maria"},
		Default: `{"roles": {"on-call": ["demo/otto"]}, "teams": {"operations": ["demo/operator", "demo/mate"]}}`},
		slog.New(slog.DiscardHandler))
	check(t, err)
	d.Rules = store
	d.Parts = d.Serve()
	for who, may := range map[string]bool{"operator": true, "mate": true, "maria": true, "otto": true, "stranger": false} {
		for scenario, ops := range map[string][]coc.Operation{"running": {pauseOrder, cancelOrder,
			cancel(d.Row("running", 1, 0))}, "paused": {continueOrder, skip(2)}, "abnormal": {skip(1)}, "held": {skip(1)}} {
			for _, op := range ops {
				for done := range 8 {
					form := d.Form(scenario, op)
					now, err := d.Read(t.Context(), d.Manager, form.Ticket, op, 0)
					check(t, err)
					stops := now.Impact(op).Stops
					form.Actor.UserName, form.Actor.UserID, form.Reason = who, "id of "+who, ""
					if done&1 > 0 {
						form.Reason = "stuck"
					}
					if done&2 > 0 {
						form.Count = fmt.Sprint(stops)
					}
					form.Override = done&4 > 0
					reason := stops <= 1 || form.Reason != ""
					count := op.Type != coc.CancelOrder || form.Count != "" || form.Override && form.Reason != "" && who == "otto"
					cell(d, fmt.Sprintf("%s %s %+v %d", who, scenario, op, done), form, may, may && reason && count)
				}
			}
		}
	}
}

// cell sends a form and checks whether it was sent, or that the rules are why not.
func cell(d *desk, name string, form operate.Request, may, want bool) {
	d.T.Helper()
	_, err := d.Apply(d.T.Context(), d.Beside(form))
	ruled, stopped := errors.AsType[*operate.PolicyError](err)
	switch {
	case stopped == want, !stopped && err != nil:
		d.T.Errorf("%s: %v, to be sent: %v", name, err, want)
	case stopped && ruled.Decision.Denied() == may:
		d.T.Errorf("%s: denied %v", name, ruled.Decision.Denied())
	}
	d.Puts(flagged(want))
	if !stopped { // the next one finds the tickets as they were, and nobody who watches
		check(d.T, d.Close())
		d.Simulate()
		d.Parts = d.Serve()
	}
}
