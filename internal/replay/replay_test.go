package replay_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func rules(t testing.TB, policies string) *policy.Rules {
	t.Helper()
	folder := t.TempDir()
	f := policy.Files{Directory: filepath.Join(folder, "people.json"), Managers: []string{"acme/u0"}}
	if err := os.WriteFile(f.Directory, []byte(`{"roles": {"on-call": ["acme/u1"]}, "teams": {"payments": ["acme/u2", "acme/u3"], "search": ["acme/u3"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if policies != "" {
		f.Policy = filepath.Join(folder, "rules.cedar")
		if err := os.WriteFile(f.Policy, []byte(policies), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := policy.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// decision is the record of what the console would have decided, as it writes it; none where a reason or the number is
// asked for, which a person then gives.
func decision(r *policy.Rules, random *rand.Rand, at time.Time) (audit.Record, bool) {
	user := fmt.Sprint("u", random.IntN(5))
	operation := audittest.Pick(random, []string{"CANCEL_ORDER", "PAUSE_ORDER", "CANCEL_INSTANCE"})
	stops := map[string]int{"CANCEL_ORDER": 1 + random.IntN(40), "CANCEL_INSTANCE": 1}[operation]
	q := policy.Request{Person: policy.Person{UserID: user, UserName: user, AccountName: "acme"},
		Action: policy.Action(operation), Ticket: &policy.Ticket{ID: fmt.Sprint("SCT", random.IntN(40)), Name: "restart",
			Creator: fmt.Sprint("u", random.IntN(5)), Account: "acme", Project: "eu", Status: "PROCESSING",
			Regions: []string{"eu-west-0"}, Total: 50, Stops: stops, Running: stops},
		Circumstances: policy.Circumstances{Reason: random.IntN(3) > 0, Counted: random.IntN(2) > 0,
			Override: random.IntN(9) == 0, At: at}}
	d := r.Operate(q)
	record := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, Ticket: q.Ticket.ID,
		OperationID: fmt.Sprint("op", random.Uint64()), OperationType: operation, Input: d.Input(),
		Actor: audit.Actor{UserID: user, UserName: user, AccountName: "acme"}}
	switch {
	case d.Allowed:
	case d.Denied():
		record.Action, record.Outcome, record.OperationID = audit.ActionAccessDenied, audit.OutcomeDenied, ""
	case d.Wants(policy.Approval):
		record.Action = audit.ActionApprovalRequested
	default:
		return record, false
	}
	return record, true
}

// filled is a log of n decisions, with the answers and other records that stand between them.
func filled(t testing.TB, dsn string, r *policy.Rules, n int) *audittest.Log {
	t.Helper()
	at := audittest.NewClock(start)
	o := audittest.Open(t, dsn, audittest.Signing, func(c *audit.Config) { c.Now = at.Now })
	random := rand.New(rand.NewPCG(1, 2))
	o.Fill(t, n, func(int) audit.Record {
		at.Set(at.Now().Add(time.Second))
		for {
			if record, ok := decision(r, random, at.Now()); ok {
				return record
			}
		}
	})
	granted := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "granted", OperationType: "CANCEL_ORDER",
		Detail: operate.Detail{ApprovedBy: "acme/u0"}.String()}
	older := granted
	older.OperationID, older.Detail = "older", ""
	o.AppendEach(t, granted, older,
		audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, Ticket: "SCT1"},
		audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, Ticket: "SCT1", OperationType: "CANCEL_ORDER", Seen: "1/x"},
		audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded})
	o.CaughtUp(t)
	return o
}

const freeze = `
	@id("look") permit (principal, action == Action::"view", resource);
	@id("all") permit (principal, action in Action::"operate", resource);
	@id("freeze") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { principal in Role::"managers" };
	@id("four-eyes") @demand("approval") forbid (principal in Team::"payments", action, resource) unless { context.approved };
	@id("shadow") @mode("shadow") forbid (principal, action == Action::"PAUSE_ORDER", resource);`

// TestSums: the policies of then change nothing, whatever the directory is now; others change what they say; and all sums are those of the log.
func TestSums(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		then := rules(t, "")
		o := filled(t, dsn, then, 600)
		period := replay.Options{Since: start, Until: start.AddDate(0, 1, 0)}
		same, err := replay.Run(t.Context(), o.Index, rules(t, ""), period)
		if err != nil || same.Changed() != 0 || same.Now[replay.Unknown] != 1 || same.Sent != 1 || len(same.Changes) != 0 {
			t.Errorf("the same policies: %+v, %v", same, err)
		}
		got, err := replay.Run(t.Context(), o.Index, rules(t, freeze), period)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[audit.Action]int{}
		for _, r := range o.Export(t, search.Query{Visible: audittest.All}) {
			if r.OperationType != "" && r.Seen == "" {
				counts[r.Action]++
			}
		}
		want := replay.Counts{policy.Allowed: counts[audit.ActionOperationRequested] - 1, policy.Approved: counts[audit.ActionApprovalRequested],
			policy.Denied: counts[audit.ActionAccessDenied]}
		sum, now, people, listed := 0, 0, 0, 0
		for verdict, n := range want {
			if got.Then[verdict] != n || n == 0 {
				t.Errorf("%s: %d, the log has %d", verdict, got.Then[verdict], n)
			}
			for _, m := range got.Table[verdict] {
				sum += m
			}
		}
		for _, n := range got.Now {
			now += n
		}
		for _, g := range got.People {
			people += g.Changed
		}
		for _, g := range got.Rules {
			listed += g.Changed
		}
		if sum != got.Decisions || now != got.Decisions || people != got.Changed() || listed < got.Changed() || got.Changed() == 0 {
			t.Errorf("of %d: %d in the table, %d now, %d of people, %d of policies, %d changed", got.Decisions, sum, now, people, listed, got.Changed())
		}
		if got.Table[policy.Allowed][policy.Denied] == 0 || got.Table[policy.Allowed][policy.Approved] == 0 || got.Trials == 0 || len(got.Teams) != 2 {
			t.Errorf("%+v", got)
		}
		tried := 0
		for _, g := range got.TrialRules {
			tried += g.Changed
		}
		if tried != got.Trials || len(got.TrialChanges) == 0 || got.TrialRules[0].Name != "shadow" {
			t.Errorf("%d in trial, by policy %+v, listed %d", got.Trials, got.TrialRules, len(got.TrialChanges))
		}
		for i, c := range got.TrialChanges {
			if c.Operation != "PAUSE_ORDER" || c.Now != policy.Denied || c.Then == c.Now || c.Policies[0] != "shadow" ||
				i > 0 && c.Sequence >= got.TrialChanges[i-1].Sequence {
				t.Errorf("listed of those in trial: %+v", c)
			}
		}
		for _, c := range got.Changes {
			if c.Then == c.Now || len(c.Policies) == 0 && c.Now != policy.Denied {
				t.Errorf("listed: %+v", c)
			}
		}
	})
}

// TestWindows: a decision is replayed with the windows of its time, or with those of another calendar.
func TestWindows(t *testing.T) {
	frozen := rules(t, `
		@id("all") permit (principal, action, resource);
		@id("freeze") forbid (principal, action in Action::"operate", resource) when { context.calendar.contains("freeze") };`)
	dates := filepath.Join(t.TempDir(), "dates.json")
	if err := os.WriteFile(dates, []byte(`{"zone": "UTC", "windows": [{"name": "freeze", "from": "2026-03-02 00:00", "to": "2026-03-03 00:00"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := policy.Load(policy.Files{Calendar: dates, Managers: []string{"acme/u0"}})
	if err != nil {
		t.Fatal(err)
	}
	at := audittest.NewClock(start)
	o := audittest.Open(t, audittest.Fresh(t, "sqlite"), audittest.Signing, func(c *audit.Config) { c.Now = at.Now })
	for day := range 3 { // the second in the window
		at.Set(start.AddDate(0, 0, day))
		q := policy.Request{Person: policy.Person{UserID: "u0", UserName: "u0", AccountName: "acme"}, Action: "PAUSE_ORDER",
			Ticket: &policy.Ticket{ID: "SCT1", Account: "acme"}, Circumstances: policy.Circumstances{At: at.Now()}}
		o.AppendEach(t, audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, Ticket: "SCT1", OperationID: fmt.Sprint("op", day),
			OperationType: "PAUSE_ORDER", Input: free.Operate(q).Input(), Actor: audit.Actor{UserID: "u0", UserName: "u0", AccountName: "acme"}})
	}
	o.CaughtUp(t)
	period := replay.Options{Since: start, Until: start.AddDate(0, 1, 0)}
	for _, x := range []struct {
		calendar bool
		denied   int
	}{{false, 1}, {true, 0}} {
		period.Calendar = x.calendar
		got, err := replay.Run(t.Context(), o.Index, frozen, period)
		if err != nil || got.Decisions != 3 || got.Now[policy.Denied] != x.denied {
			t.Errorf("%+v: %+v, %v", x, got.Now, err)
		}
	}
}

// BenchmarkReplay replays 100,000 decisions of a log on a disk.
func BenchmarkReplay(b *testing.B) {
	then := rules(b, "")
	o := filled(b, audittest.Fresh(b, "sqlite"), then, 100_000)
	before := audittest.CPUTime(b)
	for b.Loop() {
		got, err := replay.Run(b.Context(), o.Index, rules(b, freeze), replay.Options{Since: start, Until: start.AddDate(0, 1, 0)})
		if err != nil || got.Decisions != 100_001 {
			b.Fatalf("%d decisions: %v", got.Decisions, err)
		}
	}
	b.ReportMetric((audittest.CPUTime(b)-before).Seconds()/float64(b.N), "cpu-s/replay")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/replay")
}
