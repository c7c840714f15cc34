package report_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/report"
	"coc-console/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// filled is a log of operations, four a day for thirty days; each of the last of
// a day gets its answers on the next.
func filled(t *testing.T, dsn string) *audittest.Log {
	t.Helper()
	clock := audittest.NewClock(start)
	o := audittest.Open(t, dsn, audittest.Signing, func(c *audit.Config) { c.Now = clock.Now })
	random := rand.New(rand.NewPCG(1, 2))
	var late []audit.Record
	for day := range 30 {
		for n := range 4 {
			clock.Set(start.AddDate(0, 0, day).Add(time.Duration(6*n) * time.Hour))
			o.AppendEach(t, late...)
			user := fmt.Sprint("u", random.IntN(3))
			r := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: fmt.Sprint("op", day, "-", n),
				OperationType: audittest.Pick(random, []string{"CANCEL_ORDER", "PAUSE_ORDER"}), Ticket: fmt.Sprint("SCT", random.IntN(4)),
				Actor: audit.Actor{UserName: user, UserID: user, AccountName: "demo"}}
			if random.IntN(5) == 0 {
				r.Detail = `{"glass":true}`
			}
			o.AppendEach(t, r, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Actor: r.Actor})
			clock.Set(clock.Now().Add(time.Duration(1+random.IntN(60)) * time.Second))
			r.Action, r.Outcome, r.Detail = audit.ActionOperationAccepted, audit.OutcomeSucceeded, ""
			end := r
			end.Action = audittest.Pick(random, []audit.Action{audit.ActionOperationObserved, audit.ActionOperationNotObserved})
			if late = []audit.Record{r, end}; n < 3 {
				o.AppendEach(t, late...)
				late = nil
			}
			if n == 1 {
				o.AppendEach(t, audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: r.Actor, OperationType: "CANCEL_ORDER"})
			}
		}
	}
	o.CaughtUp(t)
	return o
}

// exported are the records of a query, as an export has them.
func exported(t *testing.T, o *audittest.Log, q search.Query) []audit.Record {
	t.Helper()
	var text bytes.Buffer
	if err := o.Write(t.Context(), &text, q, export.JSONL, nil); err != nil {
		t.Fatal(err)
	}
	var all []audit.Record
	for line := range bytes.Lines(text.Bytes()) {
		r, err := audit.Decode(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestSumsEqualTheExport: every sum of a report is that of the export of the
// same period.
func TestSumsEqualTheExport(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := filled(t, dsn)
		for _, days := range [][2]string{{"2026-03-01", "2026-03-30"}, {"2026-03-04", "2026-03-04"}, {"2026-03-10", "2026-03-17"}, {"2026-05-01", "2026-05-02"}} {
			p, ok := report.ParsePeriod(days[0], days[1])
			if !ok {
				t.Fatal(days)
			}
			want := map[string]map[string]int{"person": {}, "kind": {}, "ticket": {}, "outcome": {}, "denied": {}}
			q := search.Query{Visible: audittest.All}
			last := map[string]audit.Action{}
			for _, r := range exported(t, o, q) {
				if strings.HasPrefix(string(r.Action), "operation.") {
					last[r.OperationID] = r.Action
				}
			}
			q.From, q.To = p.From, p.To
			for _, r := range exported(t, o, q) {
				switch r.Action {
				case audit.ActionOperationRequested:
					want["person"]["demo/"+r.Actor.UserName]++
					want["kind"][map[string]string{"CANCEL_ORDER": "Cancel ticket", "PAUSE_ORDER": "Pause ticket"}[r.OperationType]]++
					want["ticket"][r.Ticket]++
					want["outcome"][map[audit.Action]string{audit.ActionOperationObserved: "Confirmed",
						audit.ActionOperationNotObserved: "Not confirmed", audit.ActionOperationRequested: "Sent"}[last[r.OperationID]]]++
					want["outcome"]["Total"]++
				case audit.ActionAccessDenied:
					want["denied"]["demo/"+r.Actor.UserName]++
				}
			}
			r, err := report.Read(t.Context(), o.Index, p, audittest.All)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]map[string]int{}
			for _, table := range r.Tables(english(t), noTeams) {
				if want[table.ID] == nil {
					continue
				}
				got[table.ID] = map[string]int{}
				for _, row := range table.Rows {
					var n int
					if _, err := fmt.Sscan(row[1], &n); err != nil {
						t.Fatal(err)
					}
					got[table.ID][row[0]] = n
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v: %s", days, diff)
			}
		}
	})
}

func english(t *testing.T) context.Context {
	t.Helper()
	return i18n.WithLanguage(t.Context(), i18n.EnUS)
}

func noTeams(audit.Actor) []string { return nil }

// TestOwnReport: who is no manager sees what they asked for, and nothing else.
func TestOwnReport(t *testing.T) {
	o := filled(t, audittest.Fresh(t, audittest.SQLite))
	p, _ := report.ParsePeriod("2026-03-01", "2026-03-30")
	all, err := report.Read(t.Context(), o.Index, p, audittest.All)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, user := range []string{"u0", "u1", "u2", "", "nobody"} {
		own, err := report.Read(t.Context(), o.Index, p, search.Visibility{UserID: user})
		if err != nil || !own.Own {
			t.Fatal(own.Own, err)
		}
		for _, row := range own.Operations {
			if row.Actor.UserID != user {
				t.Errorf("%s sees an operation of %s", user, row.Actor.UserID)
			}
		}
		for _, r := range own.Denied {
			if r.Actor.UserID != user {
				t.Errorf("%s sees an attempt of %s", user, r.Actor.UserID)
			}
		}
		sum += len(own.Operations)
	}
	if sum != len(all.Operations) || sum != 120 {
		t.Errorf("together they see %d of %d", sum, len(all.Operations))
	}
}

// TestTimes: the median and the 95th percentile are of what was confirmed.
func TestTimes(t *testing.T) {
	clock := audittest.NewClock(start)
	o := audittest.Open(t, audittest.Fresh(t, audittest.SQLite), func(c *audit.Config) { c.Now = clock.Now })
	for n := range 20 {
		r := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: fmt.Sprint(n), OperationType: "PAUSE_ORDER"}
		clock.Set(start.Add(time.Duration(n) * time.Hour))
		o.AppendEach(t, r)
		clock.Set(clock.Now().Add(time.Duration(n+1) * time.Second))
		r.Action, r.Outcome = audit.ActionOperationObserved, audit.OutcomeSucceeded
		o.AppendEach(t, r)
	}
	o.CaughtUp(t)
	r, err := report.Read(t.Context(), o.Index, report.Period{From: start, To: start.AddDate(0, 0, 1)}, audittest.All)
	if err != nil {
		t.Fatal(err)
	}
	want := []report.Times{{"PAUSE_ORDER", 20, 10 * time.Second, 19 * time.Second}, {"", 20, 10 * time.Second, 19 * time.Second}}
	if diff := cmp.Diff(want, r.Times()); diff != "" {
		t.Error(diff)
	}
}

// TestForms: a hostile reason stays in its cell, in every form.
func TestForms(t *testing.T) {
	p, _ := report.ParsePeriod("2026-03-01", "2026-03-02")
	hostile := "=cmd|'a'!A1\n| x | <script>alert(1)</script> [l](javascript:x)"
	tables := []templates.ReportTable{{ID: "overrides", Title: "Overrides", Head: []string{"Who", "Reason"}, Rows: [][]string{{"otto", hostile}, {"", ""}}}}
	ctx := english(t)
	write := func(f func(io.Writer) error) string {
		t.Helper()
		var b strings.Builder
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := write(func(w io.Writer) error { return report.CSV(w, tables[0]) })
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF"))).ReadAll()
	if err != nil || len(rows) != 3 || !strings.HasPrefix(rows[1][1], "'=cmd") {
		t.Errorf("%q, %v", rows, err)
	}
	text = write(func(w io.Writer) error { return report.Markdown(ctx, w, p.Title(ctx), tables) })
	for line := range strings.Lines(text) {
		if n := strings.Count(line, "|") - strings.Count(line, `\|`); strings.HasPrefix(line, "|") && n != 3 {
			t.Errorf("%d bars: %s", n, line)
		}
	}
	if strings.Contains(text, "<script") || strings.Contains(strings.ReplaceAll(text, `\]`, ""), "](") || !strings.Contains(text, "# Report 2026-03-01 to 2026-03-02") {
		t.Error(text)
	}
	text = write(func(w io.Writer) error { return report.HTML(ctx, w, p.Title(ctx), tables) })
	if strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script&gt;") || !strings.HasPrefix(text, "<!doctype html>") {
		t.Error(text)
	}
}

func TestParsePeriod(t *testing.T) {
	for _, wrong := range [][2]string{{"", ""}, {"2026-03-02", "2026-03-01"}, {"2026-02-30", "2026-03-01"}, {"2026-03-01", "now"}} {
		if p, ok := report.ParsePeriod(wrong[0], wrong[1]); ok {
			t.Errorf("%v is %v", wrong, p)
		}
	}
	p, ok := report.ParsePeriod("2026-02-28", "2026-02-28")
	if from, to := p.Days(); !ok || from != "2026-02-28" || to != from || p.To.Sub(p.From) != 24*time.Hour {
		t.Errorf("%v, %v", p, ok)
	}
}
