package handlers_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
)

const (
	ticketRoute   = "/tickets/:execute_uuid"
	instanceRoute = "/tickets/:execute_uuid/instances/:id"
)

// TestTicketAddress: which address leads to which problem.
func TestTicketAddress(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	own := p.ticket("running")
	for _, tt := range []struct {
		name, address string
		status        int
		kind          handlers.ProblemKind
	}{
		{"no id", "/tickets/x", http.StatusBadRequest, handlers.ProblemBadUUID},
		{"an escaped one", "/tickets/%3Cscript%3E", http.StatusBadRequest, handlers.ProblemBadUUID},
		{"a state that is none", own + "?status=RUNNING", http.StatusUnprocessableEntity, handlers.ProblemBadInput},
		{"an order that is none", own + "?sort=colour", http.StatusUnprocessableEntity, handlers.ProblemBadInput},
		{"a long search", own + "?q=" + strings.Repeat("x", 101), http.StatusUnprocessableEntity, handlers.ProblemBadInput},
		{"a long region", own + "?region=" + strings.Repeat("x", 101), http.StatusUnprocessableEntity,
			handlers.ProblemBadInput},
		{"hidden by the rules", p.ticket("secret"), http.StatusForbidden, handlers.ProblemRules},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := r.get(p.Ticket, ticketRoute, tt.address)
			problem := a.wantProblem(t, tt.status, tt.kind)
			if tt.kind == handlers.ProblemRules && (problem.Decision == nil ||
				!slices.Contains(problem.Decision.Ask, "demo/manager")) {
				t.Errorf("the decision is %+v", problem.Decision)
			}
		})
	}
	t.Run("a batch that there is not", func(t *testing.T) {
		for _, batch := range []string{"9", "21", "x"} {
			target, ok := errors.AsType[*operate.TargetError](r.get(p.Ticket, ticketRoute, own+"?batch="+batch).err)
			if !ok || target.Field != "batch_index" {
				t.Errorf("batch %s: %+v", batch, target)
			}
		}
	})
	t.Run("a ticket that there is not", func(t *testing.T) {
		err := r.get(p.Ticket, ticketRoute, "/tickets/SCT20260302091500000000000").err
		if upstream, ok := errors.AsType[*coc.Error](err); !ok || !upstream.NotFound() {
			t.Errorf("error %v", err)
		}
	})
}

// TestTicketShowsWhatFits: the table of instances by its filter.
func TestTicketShowsWhatFits(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	for _, tt := range []struct {
		query      string
		has, lacks []string
	}{
		{"", []string{`id="instance-`}, nil},
		{"?status=ABNORMAL", []string{`>web-1002<`}, []string{"/instances/1001?"}},
		{"?batch=1", nil, nil},
		{"?q=nothing-like-it", nil, []string{`id="instance-1001`}},
	} {
		t.Run(tt.query, func(t *testing.T) {
			r.get(p.Ticket, ticketRoute, p.ticket("abnormal")+tt.query).want(t, http.StatusOK, "abnormal_check")
		})
	}
}

// TestPermissionsAreShown: what a reader may do with a ticket is shown as buttons or with the reason why not.
func TestPermissionsAreShown(t *testing.T) {
	p := start(t)
	for _, tt := range []struct {
		user, scenario string
		links          int // to confirmation pages of operations on the ticket
	}{
		{"operator", "running", 2},
		{"manager", "running", 2},
		{"reader", "running", 0},
		{"operator", "finished", 0},
		{"reader", "finished", 0},
	} {
		t.Run(tt.user+" "+tt.scenario, func(t *testing.T) {
			a := p.as(t, tt.user).get(p.Ticket, ticketRoute, p.ticket(tt.scenario)).want(t, http.StatusOK)
			n := 0
			for _, op := range []string{"PAUSE_ORDER", "CONTINUE_ORDER", "CANCEL_ORDER"} {
				if strings.Contains(a.body, "/operations/new?operation_type="+op) {
					n++
				}
			}
			if n != tt.links {
				t.Errorf("%d operations are offered, want %d: %s", n, tt.links, excerpt(a.body))
			}
		})
	}
}

// TestTicketIsRecordedOnce: a page that refreshes itself is one record, and a failure is one, too.
func TestTicketIsRecordedOnce(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	r.get(p.Ticket, ticketRoute, p.ticket("own0")).want(t, http.StatusOK)
	r.header.Set("Coc-Console-Refresh", "1")
	for range 3 {
		r.get(p.Ticket, ticketRoute, p.ticket("own0")).want(t, http.StatusOK)
	}
	if n := len(r.of(p.records(t, p.sim.UUID("own0"), audit.ActionTicketViewed))); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
	r.header.Del("Coc-Console-Refresh")
	r.get(p.Ticket, ticketRoute, p.ticket("own0")).want(t, http.StatusOK)
	if n := len(r.of(p.records(t, p.sim.UUID("own0"), audit.ActionTicketViewed))); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

// TestHiddenTicketIsRecorded: that the rules stopped somebody is in the log, once for a page that asks again.
func TestHiddenTicketIsRecorded(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	for range 2 {
		r.get(p.Ticket, ticketRoute, p.ticket("secret")).wantProblem(t, http.StatusForbidden, handlers.ProblemRules)
		r.header.Set("Coc-Console-Refresh", "1")
	}
	all := r.of(p.records(t, p.sim.UUID("secret"), audit.ActionAccessDenied))
	if len(all) != 1 || all[0].Outcome != audit.OutcomeDenied || !strings.Contains(all[0].Detail, "secret") {
		t.Errorf("the log has %+v", all)
	}
}

func TestInstanceAddress(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	ticket := p.ticket("finished")
	for _, tt := range []struct {
		name, address string
		status        int
		kind          handlers.ProblemKind
	}{
		{"no id", ticket + "/instances/x", http.StatusBadRequest, handlers.ProblemBadInstance},
		{"no ticket", "/tickets/x/instances/1", http.StatusBadRequest, handlers.ProblemBadUUID},
		{"hidden by the rules", p.ticket("secret") + "/instances/1", http.StatusForbidden, handlers.ProblemRules},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.get(p.Instance, instanceRoute, tt.address).wantProblem(t, tt.status, tt.kind)
			r.get(p.InstanceLog, instanceRoute+"/log", tt.address+"/log").wantProblem(t, tt.status, tt.kind)
		})
	}
	t.Run("an instance that there is not", func(t *testing.T) {
		if target, ok := errors.AsType[*operate.TargetError](r.get(p.Instance, instanceRoute,
			ticket+"/instances/77").err); !ok || target.Field != "instance_id" {
			t.Errorf("%+v", target)
		}
	})
}

// TestInstanceLog: the page shows a log as text, the file has it as it is, and both are in the log of the console.
func TestInstanceLog(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	ticket := p.ticket("finished")
	address := ticket + "/instances/4001"
	r.get(p.Instance, instanceRoute, address).want(t, http.StatusOK, "<script>alert(1)</script>", "web-4001").without(t)
	if a := r.get(p.Instance, instanceRoute, address); strings.Contains(a.body, "<script>alert(1)") {
		t.Error("the log is not escaped")
	}
	a := r.get(p.InstanceLog, instanceRoute+"/log", address+"/log").want(t, http.StatusOK, "<script>alert(1)</script>")
	name := `attachment; filename="` + p.sim.UUID("finished") + `-4001.log"`
	if got := a.header.Get("Content-Disposition"); got != name {
		t.Errorf("the file is %q, want %q", got, name)
	}
	for _, one := range r.of(p.records(t, p.sim.UUID("finished"), audit.ActionLogViewed)) {
		if one.InstanceID != 4001 || one.Target != "web-4001" || one.BatchIndex != 1 {
			t.Errorf("the log has %+v", one)
		}
	}
}

// TestTicketFiles: lists of what the filter shows, as files.
func TestTicketFiles(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	ticket := p.ticket("abnormal")
	hosts := r.get(p.TicketHosts, ticketRoute+"/hosts.txt", ticket+"/hosts.txt?status=ABNORMAL").want(t, http.StatusOK)
	if hosts.body != "web-1002\n" {
		t.Errorf("the hosts are %q", hosts.body)
	}
	rows := r.get(p.TicketInstances, ticketRoute+"/instances.csv", ticket+"/instances.csv").want(t, http.StatusOK)
	if n := strings.Count(rows.body, "\n"); n != 5 {
		t.Errorf("%d lines, want a head and 4 instances: %s", n, rows.body)
	}
	r.get(p.TicketHosts, ticketRoute+"/hosts.txt", p.ticket("secret")+"/hosts.txt").wantProblem(t, http.StatusForbidden,
		handlers.ProblemRules)
	r.get(p.TicketInstances, ticketRoute+"/instances.csv", ticket+"/instances.csv?sort=x").wantProblem(t,
		http.StatusUnprocessableEntity, handlers.ProblemBadInput)
}

// TestSeenAll: to mark all as seen comes back to the list that was shown.
func TestSeenAll(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	for back, want := range map[string]string{"/tickets?scope=mine": "/tickets?scope=mine", "//evil": "/", "": "/"} {
		a := r.post(p.TicketsSeen, "/tickets/seen", "/tickets/seen", url.Values{"return": {back}})
		if a.err != nil || a.status != http.StatusSeeOther || a.location != want {
			t.Errorf("%q leads to %q, %v", back, a.location, a.err)
		}
	}
}

// TestTicketShowsWhatWasDone: a page that was shown before shows what the log has taken since, once and newest first.
func TestTicketShowsWhatWasDone(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	ticket, other := p.ticket("finished"), p.sim.UUID("abnormal")
	for i := range 4 {
		for _, of := range []string{p.sim.UUID("finished"), other} {
			_, err := p.log.Append(t.Context(), audit.Record{Action: audit.ActionOperationRejected, Outcome: audit.OutcomeFailed, Ticket: of,
				OperationID: rand.Text(), OperationType: "PAUSE_ORDER", Reason: fmt.Sprintf("%s-%d", of, i), Actor: r.viewer.Actor})
			must(t, err)
		}
		body := r.get(p.Ticket, ticketRoute, ticket+"?q="+decimalOf(int64(i))).want(t, http.StatusOK).body
		at := len(body)
		for n := range i + 1 {
			reason := fmt.Sprintf("%s-%d", p.sim.UUID("finished"), n)
			place := strings.Index(body, reason)
			if place < 0 || place > at || strings.Count(body, reason) != 1 {
				t.Errorf("after %d: %s is at %d, the one after it at %d", i, reason, place, at)
			}
			at = place
		}
		if strings.Contains(body, other+"-") {
			t.Error("the page shows what was done to another ticket")
		}
	}
}
