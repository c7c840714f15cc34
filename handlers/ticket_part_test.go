package handlers_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/simulator"
)

// TestPartOfTicket: what of a ticket couldn't be read is not shown as none.
func TestPartOfTicket(t *testing.T) {
	p := start(t)
	r := p.in(t, "ap-southeast-3", "operator") // where no other test has read these tickets
	for _, tt := range []struct {
		call     simulator.CallKind
		scenario string
		has      []string
		lacks    []string
	}{
		{simulator.CallStatistics, "own10", []string{"<strong>–</strong>"}, []string{"<strong>0</strong>", "/ 0"}},
		{simulator.CallBatches, "own11", []string{"The batches couldn&#39;t be read."}, []string{"returned no", "No failures."}},
		{simulator.CallInstances, "halted10", []string{"Some instances couldn&#39;t be read."}, []string{"returned no", "No failures."}},
	} {
		t.Run(tt.scenario, func(t *testing.T) {
			defer p.sim.Inject(simulator.Fault{Kind: tt.call, Ticket: tt.scenario, Effect: simulator.Refuse,
				Status: http.StatusInternalServerError, Code: "COC.00040701", Message: "internal error"})()
			r.get(p.Ticket, ticketRoute, p.ticket(tt.scenario)).want(t, http.StatusOK, append(tt.has,
				"COC didn&#39;t give all of this ticket.", "COC.00040701")...).without(t, tt.lacks...)
			for name, page := range map[string]echo.HandlerFunc{"/hosts.txt": p.TicketHosts, "/instances.csv": p.TicketInstances} {
				a := r.get(page, ticketRoute+name, p.ticket(tt.scenario)+name)
				if upstream, ok := errors.AsType[*coc.Error](a.err); !ok || upstream.Status != http.StatusInternalServerError {
					t.Errorf("%s of a part: %d, %v", name, a.status, a.err)
				}
			}
		})
	}
}

// TestCountsOfNothing: statistics that count nothing don't make an operation harmless.
func TestCountsOfNothing(t *testing.T) {
	p := start(t)
	r := p.in(t, "ap-southeast-3", "operator") // where no other test has read these tickets
	defer p.sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Ticket: "halted11", Effect: simulator.Miscount})()
	r.get(p.NewOperation, operationRoute, p.ticket("halted11")+"/operations/new?operation_type=CANCEL_ORDER").want(t, http.StatusOK,
		"waiting instance will never start").without(t, "none is waiting")
	r.get(p.Ticket, ticketRoute, p.ticket("halted11")).want(t, http.StatusOK, "/ 2").without(t, "/ 0")
}
