package coc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestOver: the end and what is open tell whether a ticket is over, not the
// name of its state.
func TestOver(t *testing.T) {
	count := func(status InstanceStatus, n int32, batches ...int32) StatusCount {
		return StatusCount{status, n, batches}
	}
	batches := []Batch{{Index: 1}, {Index: 2}}
	ended := []StatusCount{count(InstanceAbnormal, 1, 1), count(InstanceFinished, 1, 2)}
	running := []StatusCount{count(InstanceAbnormal, 1, 1), count(InstanceProcessing, 1, 2)}
	waiting := []StatusCount{count(InstanceAbnormal, 1, 1), count(InstanceReady, 1, 2)}
	strange := []StatusCount{count(InstanceAbnormal, 1, 1), count("STUCK", 1, 2)}
	toCome := []StatusCount{count(InstanceAbnormal, 1, 1)} // nothing is counted of the second batch
	for _, tt := range []struct {
		states []TicketStatus
		counts []StatusCount
		want   bool
	}{
		{[]TicketStatus{TicketReady, TicketProcessing, TicketPaused, TicketAbnormal}, ended, false}, // COC ends these itself
		{[]TicketStatus{TicketCanceled, TicketFinished, TicketError, TicketRolledBack, "NEW", ""}, ended, true},
		{[]TicketStatus{TicketReady, TicketProcessing, TicketPaused, TicketAbnormal,
			TicketCanceled, TicketFinished, TicketError, TicketRolledBack, "NEW", ""}, running, false},
		{[]TicketStatus{TicketCanceled, TicketFinished, TicketError, TicketRolledBack, "NEW", ""}, waiting, false},
		{[]TicketStatus{TicketCanceled, TicketFinished, TicketError, TicketRolledBack, "NEW", ""}, strange, false},
		{[]TicketStatus{TicketError, TicketRolledBack, "NEW", ""}, toCome, false},
		{[]TicketStatus{TicketCanceled, TicketFinished}, toCome, true},
	} {
		for _, s := range tt.states {
			ticket := Ticket{Status: s, CurrentBatch: 1}
			if got := Over(ticket, batches, Statistics{Counts: tt.counts}); got != tt.want {
				t.Errorf("%s with %v: over %v", s, tt.counts, got)
			}
			ticket.Finished = time.UnixMilli(1)
			if !Over(ticket, batches, Statistics{Counts: tt.counts}) {
				t.Errorf("%s with an end and %v is not over", s, tt.counts)
			}
		}
	}
}

func TestRowIsOver(t *testing.T) {
	for status, want := range map[TicketStatus][2]bool{ // over, waits
		TicketReady: {}, TicketProcessing: {}, TicketAbnormal: {false, true}, TicketError: {false, true}, TicketPaused: {false, true},
		TicketCanceled: {true}, TicketFinished: {true}, TicketRolledBack: {}, "NEW": {},
	} {
		row := TicketSummary{Status: status}
		if got := [2]bool{row.Over(), row.Waits()}; got != want {
			t.Errorf("%s: over and waiting are %v", status, got)
		}
		row.Finished = time.UnixMilli(1)
		if !row.Over() || row.Waits() {
			t.Errorf("%s with an end is not over, or waits", status)
		}
	}
}

// TestDialect: an endpoint is asked for failed tickets in its own word, which
// is learnt from what it says and refuses.
func TestDialect(t *testing.T) {
	const abnormal, failed = TicketAbnormal, TicketError
	for _, tt := range []struct {
		name  string
		takes []TicketStatus // as a filter
		rows  []TicketStatus
		asks  TicketStatus
		want  []TicketStatus // FailedStatuses afterwards
		sent  []string
	}{
		{"most endpoints", []TicketStatus{abnormal}, []TicketStatus{abnormal}, abnormal, []TicketStatus{abnormal}, []string{"ABNORMAL"}},
		{"an old ERROR among them", []TicketStatus{abnormal}, []TicketStatus{abnormal, failed}, abnormal, []TicketStatus{abnormal, failed}, []string{"ABNORMAL"}},
		{"which refuses the other word", []TicketStatus{abnormal}, []TicketStatus{abnormal}, failed, []TicketStatus{abnormal}, []string{"ERROR", "ABNORMAL"}},
		{"the European ones", []TicketStatus{failed}, []TicketStatus{failed}, abnormal, []TicketStatus{failed}, []string{"ABNORMAL", "ERROR"}},
		{"which take any word", []TicketStatus{abnormal, failed}, []TicketStatus{failed}, abnormal, []TicketStatus{failed, abnormal}, []string{"ABNORMAL"}},
		{"refused for another reason", nil, nil, abnormal, []TicketStatus{abnormal}, []string{"ABNORMAL", "ERROR"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent []string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				status := r.URL.Query().Get("status")
				sent = append(sent, status)
				if !slices.Contains(tt.takes, TicketStatus(status)) {
					says(400, `{"error_code":"COC.00010002","error_msg":"Invalid parameter values."}`)(w, r)
					return
				}
				rows := []map[string]any{}
				for i, s := range tt.rows {
					rows = append(rows, map[string]any{"order_id": i + 1, "execute_uuid": ticketID, "status": s})
				}
				body, _ := json.Marshal(map[string]any{"data": map[string]any{"total": len(rows), "data": rows}})
				says(200, string(body))(w, r)
			})
			_, err := c.ListTickets(t.Context(), caller, TicketQuery{Status: tt.asks})
			if (err != nil) != (tt.takes == nil) {
				t.Fatal(err)
			}
			if got := c.FailedStatuses(); !slices.Equal(got, tt.want) || !slices.Equal(sent, tt.sent) {
				t.Errorf("the words are %v after %v", got, sent)
			}
			if tt.takes == nil {
				return
			}
			sent = nil
			if _, err := c.ListTickets(t.Context(), caller, TicketQuery{Status: tt.asks}); err != nil || len(sent) != 1 {
				t.Errorf("once it is known %v is asked, %v", sent, err)
			}
		})
	}
	for host, want := range map[string]TicketStatus{"https://coc-eu-west-101-open-api.myhuaweicloud.eu": failed, "https://coc.myhuaweicloud.com": abnormal} {
		c, err := New(Config{Endpoint: host})
		if err != nil || c.FailedStatuses()[0] != want {
			t.Errorf("%s: %v, %v", host, fmt.Sprint(c.FailedStatuses()), err)
		}
	}
}
