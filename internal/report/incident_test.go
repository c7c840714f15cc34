package report_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/report"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// table is one of a report's by its id.
func table(t *testing.T, all []templates.ReportTable, id string) templates.ReportTable {
	t.Helper()
	i := slices.IndexFunc(all, func(one templates.ReportTable) bool { return one.ID == id })
	if i < 0 {
		t.Fatalf("there is no table %s", id)
	}
	return all[i]
}

// unseen says that nothing was seen of any ticket.
func unseen(context.Context, string, string, string) ([]watch.Event, error) { return nil, nil }

// TestIncidentSumsEqualTheExport: what an incident says was done is what the export of its period and tickets has, and its
// bundle proves each of these records.
func TestIncidentSumsEqualTheExport(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := filled(t, dsn)
		o.Signed(t)
		for _, tickets := range [][]string{nil, {"SCT1"}, {"SCT0", "SCT3"}} {
			p := report.Period{From: start.Add(30 * time.Hour), To: start.AddDate(0, 0, 9)}
			r, err := report.ReadIncident(t.Context(), o.Index, p, tickets, unseen)
			if err != nil {
				t.Fatal(err)
			}
			q := search.Query{Visible: audittest.All, From: p.From, To: p.To}
			want, got := map[string]int{}, map[string]int{}
			for _, one := range exported(t, o, q) {
				if len(tickets) > 0 && !slices.Contains(tickets, one.Ticket) {
					continue
				}
				switch one.Action {
				case audit.ActionOperationRequested:
					want["demo/"+one.Actor.UserName]++
				case audit.ActionAccessDenied:
					want["denied"]++
				}
			}
			tables := r.Tables(english(t))
			for _, row := range table(t, tables, "operations").Rows {
				got[row[1]]++
			}
			if n := len(table(t, tables, "denied").Rows); n > 0 {
				got["denied"] = n
			}
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("%v: %s", tickets, diff)
			}
			bundleHolds(t, o, r)
		}
	})
}

// bundleHolds checks that the incident's bundle verifies, and has every record that the report names.
func bundleHolds(t *testing.T, o *audittest.Log, r report.Incident) {
	t.Helper()
	var zip bytes.Buffer
	if err := export.Bundle(t.Context(), &zip, o.Index, r.Evidence(), export.BundleOptions{}); err != nil {
		t.Fatal(err)
	}
	known := map[int64]bool{}
	for _, one := range exported(t, o, r.Evidence()) {
		known[one.Sequence] = true
	}
	checked, err := export.VerifyBundle(bytes.NewReader(zip.Bytes()), int64(zip.Len()), []string{o.PublicKey()})
	if err != nil || len(checked.Findings) > 0 || checked.Records != int64(len(known)) {
		t.Fatalf("the bundle has %d of %d records: %v %v", checked.Records, len(known), checked.Findings, err)
	}
	for _, row := range r.Operations {
		for _, n := range row.Records {
			if !known[n] {
				t.Errorf("the bundle lacks the record %d of operation %s", n, row.ID)
			}
		}
	}
}

// TestIncidentTellsWhatWasDoneOutside: changes that no operation explains, and what an operation cancelled beside its own.
func TestIncidentTellsWhatWasDoneOutside(t *testing.T) {
	clock := audittest.NewClock(start)
	o := audittest.Open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing, func(c *audit.Config) { c.Now = clock.Now })
	actor := audit.Actor{UserName: "olga", UserID: "u", AccountName: "demo", AccountID: "a", ProjectID: "p"}
	r := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "op", Ticket: "SCT1",
		OperationType: "PAUSE_ORDER", Actor: actor, Reason: "load is *high*"}
	o.AppendEach(t, r)
	clock.Set(start.Add(10 * time.Second))
	r.Action, r.Outcome, r.Detail = audit.ActionOperationObserved, audit.OutcomeSucceeded, `{"others":[7,8]}`
	o.AppendEach(t, r)
	o.CaughtUp(t)
	seen := func(_ context.Context, account, project, ticket string) ([]watch.Event, error) {
		if account != "a" || project != "p" || ticket != "SCT1" {
			return nil, fmt.Errorf("asked for %s %s %s", account, project, ticket)
		}
		at := func(from, to string, after, seen time.Duration) watch.Event {
			return watch.Event{Subject: watch.SubjectTicket, From: from, To: to, After: start.Add(after), Seen: start.Add(seen)}
		}
		return []watch.Event{at("PROCESSING", "PAUSED", -time.Hour, -time.Minute), // before the period
			at("PROCESSING", "PAUSED", 0, 5*time.Second),                   // as asked
			at("PAUSED", "PROCESSING", time.Minute, 61*time.Second),        // by nobody here
			at("PROCESSING", "FINISHED", time.Minute, 62*time.Second)}, nil // its own end
	}
	p := report.Period{From: start, To: start.Add(time.Hour)}
	incident, err := report.ReadIncident(t.Context(), o.Index, p, []string{"SCT1"}, seen)
	if err != nil {
		t.Fatal(err)
	}
	got := table(t, incident.Tables(english(t)), "outside").Rows
	want := [][]string{{"2026-03-01 00:00:10 UTC", "", "SCT1", "Cancelled, though nobody chose them here: 7–8", "2"},
		{"2026-03-01 00:01:01 UTC", "2026-03-01 00:01:00 UTC – 2026-03-01 00:01:01 UTC", "SCT1", "Running", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var text strings.Builder
	if err := report.Markdown(english(t), &text, report.IncidentTitle(english(t), p), incident.Tables(english(t))); err != nil {
		t.Fatal(err)
	}
	for _, say := range []string{"# Incident report 2026-03-01 00:00:00 UTC – 2026-03-01 01:00:00 UTC", `load is \*high\*`, "1–2", "| 10 s | 1–2 |"} {
		if !strings.Contains(text.String(), say) {
			t.Errorf("it does not say %q:\n%s", say, text.String())
		}
	}
}

// TestParseIncident: exact times, those of a zone's clock, and tickets by their ids.
func TestParseIncident(t *testing.T) {
	shanghai := time.FixedZone("", 8*3600)
	id := "SCT2026020211200001c2f9a07"
	p, tickets, ok := report.ParseIncident("2026-03-01T20:00", "2026-03-02T00:00:00Z", []string{id + "\n" + id}, shanghai)
	if !ok || !p.From.Equal(start.Add(12*time.Hour)) || !p.To.Equal(start.Add(24*time.Hour)) || len(tickets) != 2 {
		t.Error(p, tickets, ok)
	}
	for _, wrong := range [][3]string{{"", "2026-03-02", ""}, {"2026-03-02", "2026-03-02", ""}, {"2026-03-01", "2026-03-02", "nginx"},
		{"2026-03-01", "2026-03-02", strings.Repeat(id+" ", report.MaxTickets+1)}} {
		if _, _, ok := report.ParseIncident(wrong[0], wrong[1], wrong[2:], shanghai); ok {
			t.Errorf("%.60q is taken", wrong)
		}
	}
}

// TestIncidentSpeaksLikeTheLog: tickets have the names that the log knows, whichever table they stand in; times are those
// of one zone; outcomes have the words of the log's rows; what was not confirmed has no time of a confirmation.
func TestIncidentSpeaksLikeTheLog(t *testing.T) {
	clock := audittest.NewClock(start)
	o := audittest.Open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing, func(c *audit.Config) { c.Now = clock.Now })
	actor := audit.Actor{UserName: "olga", UserID: "u", AccountName: "demo"}
	record := func(id string, a audit.Action, outcome audit.Outcome, detail string) audit.Record {
		return audit.Record{Action: a, Outcome: outcome, OperationID: id, OperationType: "CANCEL_INSTANCE", InstanceID: 7, Target: "web-1",
			Ticket: "SCT1", Actor: actor, Detail: detail}
	}
	denied := record("", audit.ActionAccessDenied, audit.OutcomeDenied, "")
	o.AppendEach(t, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: "SCT1", Target: "nginx_reload"},
		record("a", audit.ActionOperationRequested, audit.OutcomePending, `{"glass":true}`),
		record("a", audit.ActionOperationAccepted, audit.OutcomeSucceeded, ""),
		record("b", audit.ActionApprovalRequested, audit.OutcomePending, ""),
		record("b", audit.ActionApprovalRefused, audit.OutcomeDenied, ""), denied)
	clock.Set(start.Add(time.Minute))
	o.AppendEach(t, record("a", audit.ActionOperationNotObserved, audit.OutcomeFailed, ""))
	o.CaughtUp(t)
	r, err := report.ReadIncident(t.Context(), o.Index, report.Period{From: start, To: start.Add(time.Hour)}, nil, unseen)
	if err != nil {
		t.Fatal(err)
	}
	tables := r.Tables(i18n.WithZone(english(t), time.FixedZone("", 3600)))
	const at, name = "2026-03-01 01:00:00 +01:00", "nginx_reload · SCT1"
	done := table(t, tables, "operations").Rows
	if len(done) != 2 || done[0][4] != name || done[0][9] != "" || done[1][7] != "Declined" {
		t.Errorf("what was done: %q", done)
	}
	if got := table(t, tables, "overrides").Rows; got[0][0] != at || got[0][3] != name {
		t.Errorf("overrides: %q", got)
	}
	if got := table(t, tables, "denied").Rows; got[0][0] != at || got[0][3] != name {
		t.Errorf("denied: %q", got)
	}
}
