package templates

import (
	"maps"
	"slices"
	"strings"
	"time"

	"coc-console/internal/i18n"
)

// What the design shows: everyday values, long ones, and both scripts.
const (
	designTicket  = "SCT2026030209151401c2f9a07"
	designAddress = "/design?part=ticket"
	designChinese = "生产环境证书轮换失败，需要立即处理（变更单 CHG-20417）"
)

var designLong = "The checks of last night have not ended yet, and the next window is in two hours: " + strings.Repeat("averylongword", 6)

var designColours = []string{"bg", "head", "sunken", "raised", "hover", "text", "muted", "line", "edge", "accent",
	"accent-solid", "accent-wash", "good", "good-wash", "warn", "warn-wash", "bad", "bad-solid", "bad-wash", "ok-fill", "bad-fill",
	"run-fill", "warn-fill", "wait-fill"}

// wires are the values that have a word, in a fixed order.
func wires(words i18n.Words) []string { return slices.Sorted(maps.Keys(words)) }

func designOptions(selected string, values ...string) []Option {
	var out []Option
	for _, v := range values {
		out = append(out, Option{v, v == selected})
	}
	return out
}

func designFailure(t *i18n.Texts) *Failure {
	m := t.Problem.UpstreamBroken
	return &Failure{Heading: m.Heading, Text: m.Text, Advice: m.Advice, Verbatim: "COC.00000500: " + designLong,
		RequestID: "5b1e77d0"}
}

func designDenial() *Denial {
	return &Denial{Text: designChinese, Policies: []string{"freeze", "on-call"},
		Ask: []string{"acme/maria", "acme/paul"}, Failed: []string{"night"}}
}

func designChoices() []OperationChoice {
	return []OperationChoice{{Type: "PAUSE_ORDER", Refusal: "ticket_not_running"}, {Type: "CONTINUE_ORDER", Address: designAddress},
		{Type: "SKIP_BATCH", Address: designAddress, Batch: 2}, {Type: "CANCEL_ORDER", Denied: designDenial()}}
}

// designStates are all states of an instance, and one that this console does not know.
var designStates = []string{"ABNORMAL", "PROCESSING", "READY", "FINISHED", "CANCELED", "ROLLBACKED", "MIGRATING"}

func designInstances(now time.Time) []Instance {
	var out []Instance
	for n, status := range designStates {
		i := Instance{ID: "4030435" + number(n), Batch: int32(n/3 + 1), HostName: "prd-web-000" + number(n), FixedIP: "192.168.0.1" + number(n),
			Region: "cn-north-4", Zone: "cn-north-4a", Status: status, Created: now.Add(-5 * time.Minute), Duration: 75 * time.Second,
			Address: designAddress, LastLine: "[SYSTEM INFO] " + designChinese}
		if status == "PROCESSING" || status == "READY" {
			i.Cancel = OperationChoice{Type: "CANCEL_INSTANCE", Address: designAddress}
		}
		out = append(out, i)
	}
	out[2].HostName, out[2].LastLine, out[2].FloatingIP, out[2].Zone = designLong, "", "203.0.113.7", ""
	out[6].Cancel = OperationChoice{Type: "CANCEL_INSTANCE", Denied: designDenial()}
	return out
}

func designBatch() []Batch {
	return []Batch{{Index: 1, Total: 7, State: "FINISHED", Rotation: "PAUSE", Address: designAddress}, {Index: 2, Total: 7, State: "FAILED", Current: true, Address: designAddress},
		{Index: 3, Total: 7, State: "RUNNING", Address: designAddress}}
}

func designLanes() Lanes {
	counts := func(n int32) (out []Count) {
		for _, status := range designStates {
			out = append(out, Count{status, n})
		}
		return out
	}
	var rows []Lane
	for n, state := range []string{"FINISHED", "FAILED", "RUNNING", "HELD", "WAITING", "PARTLY", "CANCELED",
		"UNKNOWN"} {
		at := percent(int64(10*n), 100)
		rows = append(rows, Lane{Index: int32(n + 1), Total: 7, State: state, Address: designAddress, Cells: designStates,
			Counts: counts(1), Zones: []string{"cn-north-4a", "cn-north-4b"}[:1+n%2], Took: 95 * time.Second,
			Parts: []LanePart{{"FINISHED", at, "7%"}, {"ABNORMAL", percent(int64(10*n+7), 100), "3%"}}})
	}
	rows[0].Rotation, rows[1].Current, rows[2].Selected, rows[3].Rotation = "PAUSE", true, true, "SOMEDAY"
	rows[4].Cells, rows[4].Counts = nil, counts(12)
	return Lanes{Rows: rows, Now: "80%", Switch: designAddress,
		Ticks:  []LaneTick{{X: "0%", Kind: "start", Time: time.Unix(0, 0)}, {X: "40%", Kind: "pause", Took: 3 * time.Minute}, {X: "80%", Kind: "now"}},
		Stops:  []LaneStop{{"30%", "20%", false}, {"60%", "10%", true}},
		Before: &LaneFold{First: 1, Last: 3, Instances: 21, Counts: counts(3), Took: time.Hour, Links: rows[:3]},
		After: &LaneFold{First: 9, Last: 20, Instances: 120, Took: 24 * time.Minute, Links: rows[:2],
			Parts: []LanePart{{"ESTIMATE", "80%", "20%"}}}}
}

func designTicketPage(p Design) Ticket {
	head := TicketHead{ID: designTicket, Name: "nginx_reload", Status: "ABNORMAL", Creator: "operator", Created: p.Now.Add(-14 * time.Minute),
		ScriptID: "SC2025053008000005b4aa19d", Version: "1.0.0", Source: "CUSTOM_SCRIPT", ExecuteUser: "root", Timeout: 5 * time.Minute,
		SuccessRate: "100", CurrentBatch: 2, Batches: 8, Regions: []string{"cn-north-4"}, Zones: []string{"a", "b"}}
	var counts []Count
	for n, status := range designStates {
		counts = append(counts, Count{status, int32(n * 3)})
	}
	return Ticket{Frame: p.Frame, Head: head, Counts: counts, Operations: designChoices(), Lanes: designLanes(), ReadAt: p.Now,
		Verdict: Verdict{Kind: "PAUSED_HERE", Actor: "operator", ApprovedBy: "acme/maria", Reason: designLong, At: p.Now, Now: p.Now, Running: 3, All: 22, Reach: "OPEN", Pending: "PAUSE_ORDER"},
		Requests: []Request{{ID: "k1", Actor: "manager", Operation: "CANCEL_ORDER", Approval: true, Stops: 170, At: p.Now, Expires: p.Now, Action: "approval.requested", Address: designAddress},
			{ID: "k2", Actor: "operator", Operation: "PAUSE_ORDER", At: p.Now, Action: "operation.accepted", Address: designAddress}},
		Failures: OutputGroups{Switch: designAddress, Groups: []OutputGroup{{ID: "output-1", Label: "exit status 1", Line: designLong, Hosts: []OutputHost{{"prd-web-0002", designAddress}}, More: 3},
			{ID: "output-2", Hosts: []OutputHost{{designLong, designAddress}}}}, More: 2},
		Trouble:  &Trouble{Since: p.Now.Add(-time.Minute), Missed: 3, Failure: Failure{Heading: designChinese, Text: designLong}},
		Progress: Progress{Done: 10, Total: 22, Success: &Success{10, "70", "90", "OPEN", 2}, Remaining: &Remaining{17 * time.Minute, 5, true, 7}},
		Params:   []Param{{Name: "config_version", Value: designChinese}, {Name: "password", Value: "******", Masked: true}, {Name: designLong, Value: designLong, Reference: "par-1"}},
		Instances: InstanceList{Total: 63, InView: 7, AnyStatus: designAddress, Ticket: designTicket,
			Heads: []SortHead{{"state", designAddress, "descending"}, {"host", designAddress, ""}, {"ip", designAddress, ""}, {"batch", designAddress, ""}, {"zone", designAddress, ""}, {"start", designAddress, ""}, {"duration", designAddress, ""}},
			Set:   []SetFilter{{"batch", "3", designAddress}}, Folds: []RowFold{{"FAILED", 9, 1, 2, designAddress, "all"}, {"WAITING", 170, 4, 20, designAddress, "all"}, {"DONE", 12, 1, 2, designAddress, "all"}},
			Rows: designInstances(p.Now), Filtered: true, Incomplete: true, FormAddress: designAddress,
			Statuses: designOptions("ABNORMAL", "", "READY", "ABNORMAL"), Batches: designOptions("", "", "1", "2"), Regions: designOptions("", "", "a", "b"),
			Zones: designOptions("", "", "a", "b"), Sorts: designOptions("", "", "batch", "host"), FailedFirst: designAddress, Hosts: designAddress, CSV: designAddress},
		Feed: []FeedEntry{
			{ID: "operation-k1", Kind: "operation", Time: p.Now, Now: p.Now, Status: "operation.unknown", Operation: "CONTINUE_ORDER", Actor: "operator", Reason: designLong, Address: designAddress, Override: true},
			{ID: "approval-k2", Kind: "approval", Time: p.Now, Now: p.Now, Status: "approval.refused", Operation: "CANCEL_ORDER", Actor: "manager", Reason: designChinese, Address: designAddress},
			{ID: "event-1", Kind: "ticket", Time: p.Now, After: p.Now.Add(-5 * time.Second), Now: p.Now, Status: "PAUSED", Why: "OUTSIDE"},
			{ID: "feed-batch-2", Kind: "batches", Time: p.Now, Now: p.Now, Status: "ABNORMAL", First: 1, Last: 2, Counts: counts[:3]},
			{ID: "feed-created", Kind: "created", Time: p.Now.Add(-48 * time.Hour), Now: p.Now, Actor: "operator"}},
		AllHistory: "/audit", Timeline: "/audit"}
}

// designLog has a line in every colour, and two that tell of errors.
func designLog(p Design) InstancePage {
	var part LogPart
	for c := range 17 {
		part = append(part, LogLine{Runs: []LogRun{{Text: "2026-03-02 09:15:14 "},
			{Text: "colour " + number(c) + " " + designChinese + "\n", Colour: c, Bold: c%4 == 1}}})
	}
	part = append(part, LogLine{Error: true, Runs: []LogRun{{Text: "ERROR ", Colour: 2, Bold: true},
		{Text: designLong + "\n"}}}, LogLine{Error: true, Runs: []LogRun{{Text: "exit status 1\n"}}})
	f := p.Frame
	f.Refresh = 0
	return InstancePage{Frame: f, Log: Log{part}, LogBytes: 4096, Download: designAddress}
}

func designReceipt(p Design) Receipt {
	return Receipt{Frame: p.Frame, ID: "k2", TicketID: designTicket, Type: "CANCEL_INSTANCE", Open: true, Deadline: p.Now.Add(time.Minute), Others: []string{"40304358"},
		Steps: designSteps(p.Now)[0], Now: TicketNow{"PROCESSING", 2, 5, Tally{3, 9, 10, 22}, p.Now}, Stops: 12, Policies: []string{"on-call"}, Override: true,
		ApprovedBy: "acme/maria", Approval: "/approvals", Bulk: "/bulk", ReviewedBy: "acme/maria", Review: designChinese,
		Changed: []SeenPair{{"status", "PROCESSING", "PROCESSING"}, {"batch", "2", "2"}, {"running", "3", "2"}, {"instance", "READY", ""}}}
}

// designSteps are operations that wait, succeed, are rejected and end in doubt.
func designSteps(now time.Time) [][]Step {
	requested := Step{Action: "operation.requested", Time: now, Record: "/audit/1"}
	accepted := Step{Action: "operation.accepted", Time: now, Duration: 412 * time.Millisecond, Record: "/audit/2",
		UpstreamRequestID: "5b1e77d0"}
	return [][]Step{
		{requested, accepted, {Action: "operation.observed", Pending: true}},
		{requested, accepted, {Action: "operation.observed", Time: now, Status: "CANCELED", Record: "/audit/3"}},
		{requested, {Action: "operation.rejected", Time: now, Upstream: "400 COC.00040713: " + designLong}, {Action: "operation.observed", Skipped: true}},
		{requested, {Action: "operation.unknown", Time: now, Note: "timeout"}, {Action: "operation.not_observed", Time: now, Note: "deadline", Status: "PROCESSING"}},
	}
}

func designOperation(p Design) NewOperation {
	rows := designInstances(p.Now)
	return NewOperation{Frame: p.Frame, Ticket: TicketHead{ID: designTicket, Name: "nginx_reload", Status: "ABNORMAL"}, TicketAddress: designAddress,
		Action: "/design", Type: "SKIP_BATCH", BatchIndex: "2", Batch: &designBatch()[1], Targets: rows, Scope: Tally{1, 1, 5, 7}, Whole: Tally{3, 9, 10, 22},
		Key: "k", Reason: designChinese, MaxReason: 500, Errors: FieldErrors{"reason": designChinese, "despite": designChinese},
		Changes: []Change{{"status", "PROCESSING", "ABNORMAL", true}, {"finished", "6", "7", false}},
		Pending: []PendingOperation{{"k7", "PAUSE_ORDER", "nginx_reload", "manager", p.Now, "/design"}}, ShowNext: true, Next: 3, NextHosts: rows,
		Impact: i18n.Impact{Operation: "SKIP_BATCH", Number: 12, Running: 3, Keeps: 4, Batch: 2}, Batches: 5,
		Counts:   []Count{{"FINISHED", 8}, {"ABNORMAL", 2}, {"PROCESSING", 3}, {"READY", 9}},
		Spread:   []Spread{{"region", []SpreadRow{{"cn-north-4", 12, 3}, {"", 1, 0}}}, {"zone", []SpreadRow{{"cn-north-4a", 9, 2}, {"cn-north-4b", 3, 1}}}},
		Requests: []PendingRequest{{ApprovalRow: designApprovals(p.Now)[0], Same: true}, {ApprovalRow: designApprovals(p.Now)[1], Own: true}},
		Beside:   []PendingOperation{{"k8", "CANCEL_INSTANCE", "prd-web-0002", "manager", p.Now, "/design"}},
		Rules:    OperationRules{Reason: true, Number: true, Other: true, OfferOverride: true, Stops: 12}}
}

func designAudit(p Design) Audit {
	outcomes := []string{"succeeded", "failed", "denied", "unknown", "pending"}
	bars := make([]Bar, 0, 24)
	for n := range 24 {
		at := p.Now.Add(time.Duration(n-24) * time.Hour)
		bars = append(bars, Bar{at, at.Add(time.Hour), n * 7 % 11, n == 9, "/design", nil})
	}
	facet := Facet{Field: "outcome"}
	var rows []RecordRow
	for n, outcome := range outcomes {
		facet.Values = append(facet.Values, FacetValue{outcome, 90 - n, n == 1, "/audit", ""})
		rows = append(rows, RecordRow{Sequence: int64(20 - n), Time: p.Now, Actor: "operator", Action: "operation.requested", Outcome: outcome, Ticket: designTicket,
			TicketAddress: designAddress, Operation: "CANCEL_INSTANCE", Target: "prd-web-0002 (192.168.0.12)", BatchIndex: 2, Reason: designChinese, Address: "/design"})
	}
	rows[4].End, rows[3].Override, rows[2].Reason, rows[1].Upstream = "operation.observed", true, designLong,
		"COC.00040713: "+designLong
	actors := Facet{Field: "actor", Values: []FacetValue{{designLong, 6, false, "/audit", ""}, {"b", 5, false, "/audit", ""}, {"c", 4, false, "/audit", ""},
		{"d", 3, false, "/audit", ""}, {"e", 2, false, "/audit", ""}, {"f", 1, false, "/audit", ""}}}
	return Audit{Frame: p.Frame, All: true, Filtered: true, Rows: rows, Export: "/audit/export", Total: Total{10000, true}, Counted: 2000,
		Filter: AuditFilter{Query: "outcome:failed", Person: "operator", Actions: designOptions("", "", "operation."), Outcomes: designOptions("failed", "", "failed")},
		Errors: FieldErrors{"q": designChinese}, Active: []ActiveFilter{{"outcome:failed", "/audit"}, {"actor:" + designLong, "/audit"}},
		Saved: []SavedSearch{{Name: designChinese, Query: "outcome:failed", Address: "/audit"}, {Name: "night", Query: "x", Address: "/audit"}}, Facets: []Facet{facet, actors},
		Chart: &Chart{From: bars[0].From, To: bars[23].To, Bars: bars}, Integrity: designIntegrity(p.Now)}
}

func designIntegrity(now time.Time) *Integrity {
	return &Integrity{VerifiedAt: now.Add(-time.Minute), Verified: 9, All: now.Add(-time.Minute), Next: now.Add(time.Minute), Running: true, Done: 5, Of: 9,
		Findings: []Finding{{"record.altered", "record 7", 7, "/audit/7"}, {"log.forked", "another tree", 0, ""}}, MoreFindings: 3, Signed: 9, SignedAt: now,
		Anchors: []AnchorState{{Name: "log", Size: 9, At: now}, {Name: "webhook", Failed: true, Pending: now}}, Origin: "coc-console/x", PublicKey: "coc-console/x+5b1e77d0+" + strings.Repeat("A", 44)}
}

func designEvidence(now time.Time) Evidence {
	return Evidence{Altered: true, Body: `{"v":1,"seq":7}`, Size: 512, BytesAddress: "/design", Index: 6, Leaf: strings.Repeat("5c0d", 16), Checkpoint: "coc-console/x\n8\n",
		CheckpointSize: 8, Signed: now, Proof: []string{strings.Repeat("A", 44)}, ProofAddress: "/design", Bundle: "/design", Checks: []Command{{"bundle", "coc-console audit verify-bundle FILE.zip"}}}
}

func designTimeline(now time.Time) []TimelineItem {
	step := func(n int64, action, outcome string) TimelineStep {
		return TimelineStep{Sequence: n, Time: now, Since: time.Second, Action: action, Outcome: outcome,
			Actor: "operator", Record: "/design", Proof: "/design"}
	}
	other := step(9, "access.denied", "denied")
	other.Rules = []Rule{{"large-cancel", "Cancelling more than 20 instances needs an approval."}, {ID: "gone"}}
	views := TimelineViews{Count: 12, People: 3, From: now.Add(-time.Hour), To: now,
		Steps: []TimelineStep{step(1, "ticket.viewed", "succeeded")}}
	return []TimelineItem{{Views: &views}, {Other: &other},
		{Operation: &TimelineOperation{ID: "k2", Type: "CANCEL_INSTANCE", Target: "prd-web-0002", Actor: "operator", Receipt: "/design",
			Took: time.Minute, Steps: []TimelineStep{step(2, "operation.requested", "pending"), step(3, "operation.rejected", "failed")}}}}
}

func designApprovals(now time.Time) []ApprovalRow {
	var rows []ApprovalRow
	for _, state := range []string{"waiting", "granted", "sent", "returned", "refused", "withdrawn", "expired"} {
		rows = append(rows, ApprovalRow{ID: state, State: state, Type: "CANCEL_ORDER", Target: "nginx_reload", Requester: "operator", Reason: designChinese,
			Address: "/design", Impact: i18n.Impact{Operation: "CANCEL_ORDER", Number: 12, Running: 3}, Asked: now, Expires: now.Add(time.Hour),
			Decider: "manager", Decided: now, Comment: designLong})
	}
	return rows
}

func designApproval(now time.Time) Approval {
	return Approval{ApprovalRow: designApprovals(now)[0], Seen: []SeenPair{{"status", "PROCESSING", "PAUSED"}, {"running", "3", "3"}, {"failed", "0", ""}},
		ImpactNow: &i18n.Impact{Operation: "CANCEL_ORDER", Number: 9}, MayDecide: true, Own: true, MaySend: true, Typed: designLong, Errors: FieldErrors{"comment": designChinese}}
}

func designBulk(now time.Time) Bulk {
	j := Bulk{BulkRow: BulkRow{ID: "k5", State: "running", Type: "CANCEL_INSTANCE", Who: "operator", Reason: designChinese, Address: "/design", Started: now},
		Done: 2, Failed: 3, Open: 3, Waiting: 1, Confirmed: 1, Stops: 12, Rate: 4.8, Left: 9 * time.Second, MayStop: true, MayContinue: true, Retry: "/design", Result: "/design"}
	for n, state := range []string{"waiting", "sending", "sent", "failed", "operation.accepted", "operation.observed",
		"operation.rejected", "operation.unknown", "operation.not_observed"} {
		j.Items = append(j.Items, BulkItem{N: n, State: state, Target: "prd-web-000" + number(n), Address: "/design",
			Problem: designChinese[:n/8*len(designChinese)]})
	}
	return j
}

func designReviews(now time.Time) Reviews {
	return Reviews{Signable: true, MaxComment: 500, Comment: designChinese, Problem: designChinese, Unchosen: designChinese,
		Coverage: ReviewCoverage{Percent: 96, Known: true, InTime: 23, Late: 1, Open: 1}, People: []ReviewPerson{{"olga", 11}, {"operator", 6}},
		Rows: []ReviewRow{
			{ID: "k1", Operation: "CANCEL_ORDER", Target: "nginx_reload", Who: "operator", Reason: designLong, At: now, Stops: 12, Outcome: "operation.observed",
				Kinds: []string{"override", "impact"}, Risk: 80, Overdue: true, Receipt: "/design", Record: "/design", Chosen: true},
			{ID: "k2", Operation: "SKIP_BATCH", Target: "nginx_reload", BatchIndex: 2, Who: "operator", Reason: designChinese, At: now, Stops: 3, Record: "/design",
				Kinds: []string{"unknown", "night"}, Risk: 50, Own: true}}}
}
