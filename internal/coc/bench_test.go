package coc

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkListTickets reads a list page of 100 tickets over loopback.
func BenchmarkListTickets(b *testing.B) {
	rows := make([]string, 100)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"order_id":%d,"order_name":"rotate_logs","execute_uuid":"SCT2026030209151401c2f9a07",
			"gmt_created":1772414114512,"gmt_finished":null,"execute_costs":null,"creator":"operator-a","status":"ABNORMAL",
			"properties":{"region_ids":"cn-north-4"}}`, 88300-i)
	}
	answer := `{"data":{"total":4100,"data":[` + strings.Join(rows, ",") + `]}}`
	c := serve(b, says(200, answer))
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		page, err := c.ListTickets(b.Context(), caller, TicketQuery{Limit: 100})
		if err != nil || len(page.Tickets) != len(rows) {
			b.Fatal(len(page.Tickets), err)
		}
	}
}

// BenchmarkInstances reads a batch page of 50 instances with logs of 10 KB.
func BenchmarkInstances(b *testing.B) {
	log := strings.Repeat(`step 1 ok\n日志 <b>done<\/b>\n`, 10<<10/28)
	rows := make([]string, MaxInstanceLimit)
	for i := range rows {
		rows[i] = strings.Replace(instanceJSON, "step 1", log, 1)
	}
	answer := `{"data":{"batch_index":1,"total_instances":50,"execute_instances":[` + strings.Join(rows, ",") + `]}}`
	c := serve(b, says(200, answer))
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		page, err := c.Instances(b.Context(), caller, ticketID, InstanceQuery{Batch: 1})
		if err != nil || len(page.Instances) != len(rows) {
			b.Fatal(len(page.Instances), err)
		}
	}
}
