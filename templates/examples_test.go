package templates

import (
	"strings"
	"time"

	"coc-console/internal/i18n"
)

// Texts that come from COC or from people may be hostile.
const (
	script   = `<script>alert(1)</script>`
	quotes   = `"><img src=x onerror='alert(2)'>`
	override = "invoice\u202Egnp.exe"
)

var longWord = strings.Repeat("verylongword", 20)

const (
	ticketID      = "SCT2026030209151401c2f9a07"
	ticketAddress = "/tickets/" + ticketID
	bigID         = "9223372036854775807"
)

var noon = time.Date(2026, 3, 2, 4, 15, 14, 0, time.UTC)

func frame(title string, section Section) Frame {
	return Frame{
		Title: title, Section: section, Simulator: true, Shortcuts: true, Here: "/tickets?name=" + quotes, Search: quotes,
		Viewer: &Viewer{User: "operator", Account: "demo", Project: "cn-north-4", Manager: true, Expires: noon.Add(8 * time.Hour)},
	}
}

// examples are all pages, filled with everything they can show.
func examples() map[string]Page {
	return map[string]Page{
		"sign_in": exampleSignIn(), "sign_in_token": exampleSignInToken(), "sign_in_company": exampleSignInCompany(), "leave": exampleLeave(), "problem": exampleProblem(),
		"tickets": exampleTickets(), "tickets_empty": exampleTicketsEmpty(), "tickets_failure": exampleTicketsFailure(),
		"ticket": exampleTicket(), "ticket_over": exampleTicketOver(), "instance": exampleInstance(), "shortcuts": Shortcuts{frame("Keys", SectionNone), "/shortcuts"},
		"operation_instance": exampleOperation(), "operation_batch": exampleOperationBatch(),
		"operation_refused": exampleOperationRefused(), "operation_wrong": exampleOperationWrong(),
		"receipt_open": exampleReceiptOpen(), "receipt_unknown": exampleReceiptUnknown(),
		"receipt_rejected": exampleReceiptRejected(), "receipt_others": exampleReceiptOthers(),
		"audit": exampleAudit(), "audit_operations": exampleOperationsList(), "audit_empty": exampleAuditEmpty(), "record": exampleRecord(),
		"incident": exampleIncident(), "incident_wrong": exampleIncidentWrong(), "timeline": exampleTimeline(), "timeline_operation": exampleTimelineOfOperation(), "timeline_bulk": exampleTimelineOfBulk(), "projects": exampleProjects(), "reviews": exampleReviews(), "reviewed": exampleReviewed(),
		"handover": exampleHandover(), "handover_empty": Handover{Frame: frame("Handover", SectionTickets), Hours: 12, Reviews: -1, Unlisted: true},
		"reviews_empty": Reviews{Frame: frame("Reviews", SectionApprovals)},
		"report":        exampleReport(), "report_wrong": Report{Frame: frame("Report", SectionAudit), From: "2026-03-01", To: "2026-03-07", Wrong: "Enter two dates"},
		"integrity": exampleIntegrityPage(), "integrity_new": IntegrityPage{frame("Log integrity", SectionAudit), &Integrity{Records: 2}},
		"permissions": examplePermissions(),
		"elevations":  exampleElevations(), "elevations_empty": Elevations{Frame: frame("Temporary roles", SectionApprovals)},
		"notices": exampleNotices(), "notices_off": Notices{Frame: frame("Notices", SectionNone), Off: true, Manager: true},
		"notices_own": Notices{Frame: frame("Notices", SectionNone), Own: &OwnNotices{Address: "name@example.com", Asked: true, From: quotes, Problem: script}}, "sessions": exampleSessions(), "sessions_empty": Sessions{Frame: frame("Sessions", SectionAudit)}, "problem_again": exampleProblemAgain(),
		"problem_rules": exampleProblemRules(), "approvals": exampleApprovals(), "approval": exampleApproval(),
		"new_bulk": exampleNewBulk(), "bulk": exampleBulk(), "operation_rules": exampleOperationRules(),
		"operation_approval": exampleOperationApproval(), "operation_denied": exampleOperationDenied(),
		"record_pruned": exampleRecordPruned(), "design": exampleDesign("basics"), "design_ticket": exampleDesign("ticket"),
		"design_operation": exampleDesign("operation"), "design_audit": exampleDesign("audit"), "design_approvals": exampleDesign("approvals"),
	}
}

func exampleReport() Report {
	return Report{Frame: frame("Report", SectionAudit), From: "2026-03-01", To: "2026-03-07", Own: true, CSV: "/audit/report?from=2026-03-01&to=2026-03-07&table=",
		Presets: []ReportPreset{{"Yesterday", "/audit/report?from=2026-03-06&to=2026-03-06", false}, {"Last 7 days", "/audit/report?from=2026-03-01&to=2026-03-07", true}},
		Tables: []ReportTable{
			{"person", "By person", "", []string{"Person", "Operations", "Confirmed"}, [][]string{{"demo/" + quotes, "3", "2"}, {"demo/otto", "1", "1"}}, true},
			{"times", "From requested to confirmed", "Of confirmed operations.", []string{"Operation", "Confirmed"}, nil, true},
			{"overrides", "Emergency overrides", "", []string{"Person", "Reason"}, [][]string{{"demo/otto", script}}, false},
			{"integrity", "Integrity", "", nil, [][]string{{"Log", "coc-console/1"}, {"Key", "coc-console/1+00+AA"}}, false},
		}}
}

func exampleIncident() Incident {
	return Incident{Frame: frame("Incident report", SectionAudit), From: "2026-03-01T20:00", To: "2026-03-02T08:00", Tickets: ticketID + "\n" + ticketID,
		Named: "Incident report 2026-03-01 20:00:00 UTC – 2026-03-02 08:00:00 UTC", Tables: exampleReport().Tables, Markdown: "/audit/incident?format=markdown",
		HTML: "/audit/incident?format=html", Bundle: "/audit/export?format=bundle&q=x"}
}

func exampleIncidentWrong() Incident {
	return Incident{Frame: frame("Incident report", SectionAudit), From: quotes, Tickets: script, Wrong: "Enter two times."}
}

func examplePermissions() Permissions {
	asks := PermissionAnswer{State: "demands", Override: true, Demands: []PermissionReason{{"count", "Type the " + quotes}}}
	allowed := PermissionAnswer{State: "allowed", Reasons: []PermissionReason{{"own-ticket", ""}}}
	denied := PermissionAnswer{State: "denied", Reasons: []PermissionReason{{"", "You don't have permission to do this."}}}
	return Permissions{Frame: frame("What may I do?", SectionNone), Person: "demo/" + quotes, Others: true,
		PersonError: "Enter the account and the user name.", Roles: []string{"managers", quotes}, Windows: []Window{{"freeze", noon}}, Ticket: quotes, Instances: 30,
		TicketError: "This is not a ticket ID.", Columns: []string{"Own ticket", "Somebody else's ticket"},
		Operations: []PermissionRow{{"view", "See the ticket", []PermissionAnswer{allowed, denied}},
			{"CANCEL_ORDER", "Cancel ticket", []PermissionAnswer{asks, denied}}},
		Console: []PermissionRow{{"review", "Read the whole audit log", []PermissionAnswer{denied}}},
		File:    "rules.cedar", Source: "permit (principal, action, resource);\n// " + quotes,
		Policies: []PermissionPolicy{{ID: "own-ticket"}, {ID: "count", Text: "Type the " + quotes, Forbids: true, Trial: true}}}
}

func exampleElevations() Elevations {
	f := frame("Temporary roles", SectionApprovals)
	f.Viewer.Elevated = []string{"on-call until 08:00"}
	return Elevations{Frame: f, Offers: []ElevationOffer{{"on-call", 12}, {quotes, 4}}, Role: "on-call", Until: quotes, Why: script,
		Errors: FieldErrors{"until": "Enter a time of day such as 08:00."}, Problem: "This has been answered.",
		Waiting: []ElevationRow{{ID: "A", Role: quotes, Person: script, Reason: script, State: "waiting", Asked: noon, Until: noon, AnswerBy: noon, MayDecide: true, Typed: script},
			{ID: "B", Role: "on-call", Person: "operator", Reason: "night", State: "waiting", Asked: noon, Until: noon, AnswerBy: noon, MayEnd: true}},
		InForce: []ElevationRow{{ID: "C", Role: "on-call", Person: "operator", Reason: "night", State: "in_force", Asked: noon, Until: noon, Decider: script, Comment: script, Decided: noon, MayEnd: true}},
		Past:    []ElevationRow{{ID: "D", Role: "on-call", Person: "operator", Reason: "night", State: "ended", Asked: noon, Until: noon, Decider: "boss", Decided: noon, Ender: script, Over: noon}}}
}

func exampleDesign(part string) Design {
	return Design{Frame: frame("Design", SectionNone), Part: part, Now: noon}
}

func exampleSignIn() SignIn {
	f := frame("Sign in", SectionNone)
	f.Viewer = nil
	f.Notices = []Notice{{NoticeSuccess, "You are signed out."}}
	return SignIn{Frame: f, Account: "demo", User: quotes, Project: "cn-north-4", Return: ticketAddress, AskPasscode: true,
		Reason: "Sign in to go on.", Problem: "The passcode is wrong or too old.", Verbatim: "401: " + script,
		Errors: FieldErrors{"passcode": "This is needed."},
		Demo:   []DemoAccount{{"demo", "operator", "operator"}, {"demo", "manager", "manager"}}}
}

func exampleSignInToken() SignIn {
	p := exampleSignIn()
	p.ByToken, p.Errors, p.Demo, p.Problem = true, FieldErrors{"token": "This does not look like an IAM token."}, nil, ""
	return p
}

func exampleSignInCompany() SignIn {
	p := exampleSignIn()
	p.Company = []CompanyWay{{"company", "Sign in with the company's account"}, {quotes, "Sign in with " + script}}
	p.CompanyAgain, p.AskProject, p.AskPasscode, p.Errors = true, true, false, nil
	p.Problem, p.Verbatim, p.VerbatimFrom = "You aren't signed in: the company's provider refused.", "access_denied: "+script, "Response from the provider"
	return p
}

func exampleLeave() Leave {
	f := frame("Going to your company's provider", SectionNone)
	f.Viewer = nil
	return Leave{Frame: f, Heading: f.Title, Text: "Your company's sign-in page opens in a moment.", Address: "https://idp.example.com/authorize?state=" + quotes}
}

func exampleProblem() Problem {
	return Problem{Frame: frame("Not found", SectionNone), Status: 404, Heading: "COC does not know this ticket",
		Text: "There is no ticket with this key.", Advice: "Check the key.", Value: script + longWord,
		Verbatim: "COC.00040709: " + quotes, RequestID: "0c9f2f", UpstreamRequestID: "5b1e77d0", Return: ticketAddress, SignIn: true}
}

func exampleDenial() *Denial {
	return &Denial{Text: "Nothing is stopped in the freeze. " + script, Policies: []string{"freeze", longWord}, Ask: []string{"acme/maria", quotes}, Failed: []string{override},
		Windows: []Window{{"freeze", noon}, {quotes, time.Time{}}}}
}

func exampleProblemRules() Problem {
	p := exampleProblem()
	p.Denial, p.SignIn, p.Verbatim, p.Value = exampleDenial(), false, "", ""
	return p
}

func exampleProjects() Projects {
	f := frame("Switch project", SectionNone)
	f.Projects = []ProjectChoice{{"p1", "cn-north-4", true}, {"p2", "<b>", false}}
	return Projects{Frame: f, List: f.Projects, Problem: "IAM didn't list your projects."}
}

func exampleReviews() Reviews {
	f := frame("Reviews", SectionApprovals)
	f.OverridesToReview, f.Numbers = 2, Numbers{Approvals: 1, Attention: 33, Running: 4, Mine: 6, All: 370}
	return Reviews{Frame: f, MaxComment: 500, Signable: true, Waiting: 4, Past: 1, More: 120, Comment: quotes, Problem: "Write what you found.", Unchosen: "Select one.",
		Coverage: ReviewCoverage{Percent: 96, Known: true, InTime: 23, Late: 1, Overdue: 0, Open: 1}, People: []ReviewPerson{{quotes, 11}, {longWord, 2}},
		Rows: []ReviewRow{
			{ID: "KEY1", Operation: "CANCEL_ORDER", Target: script, Who: "demo/operator", Reason: longWord, At: noon, Stops: 12, Outcome: "operation.observed",
				Receipt: "/operations/KEY1", Record: "/audit/9", Kinds: []string{"override", "night"}, Risk: 60, Overdue: true, Chosen: true},
			{ID: "KEY2", Operation: "SKIP_BATCH", Target: "patch_kernel", BatchIndex: 2, Who: "demo/manager", Reason: override, At: noon, Stops: 3,
				Record: "/audit/7", Kinds: []string{"override"}, Risk: 50, Own: true},
			{ID: "KEY3", Operation: "CANCEL_ORDER", Target: "patch_kernel", Who: quotes, At: noon, Stops: 40, Outcome: "operation.unknown", Kinds: []string{"unknown"},
				Risk: 40, Bulk: "/bulk/KEY9", Operations: 2, Receipt: "/operations/KEY3", Record: "/audit/5"},
			{ID: "record-4", Target: quotes, Who: "demo/reader", At: noon, Outcome: "access.denied", Kinds: []string{"denied"}, Risk: 20, Record: "/audit/4"}}}
}

func exampleReviewed() Reviews {
	p := exampleReviews()
	p.Done, p.Signable, p.Coverage, p.More = true, false, ReviewCoverage{}, 0
	p.Rows = p.Rows[:1]
	p.Rows[0].By, p.Rows[0].Comment, p.Rows[0].Signed, p.Rows[0].When = "demo/"+quotes, script, "/audit/12", noon.Add(time.Hour)
	return p
}

func exampleHandover() Handover {
	o := HandoverOperation{ID: "KEY1", Type: "CANCEL_ORDER", Target: script, Who: quotes, Reason: longWord, Outcome: "operation.not_observed", Receipt: "/operations/KEY1", At: noon, Override: true}
	p := o
	p.ID, p.Reason, p.Outcome, p.Override = "KEY2", "", "operation.observed", false
	return Handover{Frame: frame("Handover", SectionTickets), Hours: 12, Since: "2026-03-01T16:15:00Z", Digest: "sha256:00", Markdown: "/handover.md?hours=12",
		Periods: []HandoverPeriod{{8, "/handover?hours=8", false}, {12, "/handover?hours=12", true}},
		Tickets: []HandoverTicket{{script, "ABNORMAL", quotes, ticketAddress, noon}, {longWord, "PAUSED", "pia", ticketAddress, noon}},
		Open:    []HandoverOperation{o}, Approvals: []ApprovalRow{exampleApprovalRow("waiting")},
		Bulks: []BulkRow{{ID: "KEY5", State: "running", Type: "PAUSE_ORDER", Who: override, Reason: script, Address: "/bulk/KEY5", Items: 4, Started: noon}},
		Done:  []HandoverGroup{{longWord, ticketAddress, []HandoverOperation{o, p}}}, Count: 2, Reviews: 3,
		Note: "Don't continue.\n" + script, NoteBy: quotes, NoteAt: noon, TakenBy: override, TakenAt: noon, Typed: quotes, NoteProblem: "Too long.", Changed: true}
}

func exampleApprovalRow(state string) ApprovalRow {
	return ApprovalRow{ID: "KEY3" + state, State: state, Type: "CANCEL_ORDER", Target: "patch_kernel", Requester: override, Reason: script, Address: "/approvals/KEY3",
		Impact: i18n.Impact{Operation: "CANCEL_ORDER", Number: 12, Running: 3}, Asked: noon, Expires: noon.Add(time.Hour)}
}

func exampleDecided(state string) ApprovalRow {
	r := exampleApprovalRow(state)
	r.Decider, r.Decided, r.Comment = quotes, noon, script
	return r
}

func exampleApprovals() Approvals {
	f := frame("Approvals", SectionApprovals)
	f.Numbers.Approvals = 1
	return Approvals{Frame: f, Waiting: []ApprovalRow{exampleApprovalRow("waiting")}, Mine: []ApprovalRow{exampleApprovalRow("granted")},
		View: "decided", Decided: []ApprovalRow{exampleDecided("sent"), exampleDecided("refused")}}
}

func exampleApproval() Approval {
	several := exampleApprovalRow("waiting")
	several.Needed, several.Missing, several.Apart = 3, 2, true
	several.Given = []Given{{Name: quotes, Comment: script, At: noon}}
	return Approval{Frame: frame("Approval", SectionApprovals), ApprovalRow: several, Uncounted: "team", TicketID: ticketID, TicketAddress: ticketAddress,
		Seen:   []SeenPair{{"status", "PROCESSING", "PAUSED"}, {"running", "3", "3"}, {"failed", "0", ""}},
		Spread: []Spread{{"zone", []SpreadRow{{"cn-north-4a", 4, 3}, {longWord, 1, 0}}}}, ImpactNow: &i18n.Impact{Operation: "CANCEL_ORDER", Number: 9},
		MayDecide: true, Typed: quotes, Errors: FieldErrors{"comment": "The reason has 501 characters; 500 are allowed."}}
}

func exampleNewBulk() NewBulk {
	return NewBulk{Frame: frame("Job", SectionTickets), Type: "CANCEL_ORDER", Stops: 2, Impact: i18n.Impact{Operation: "CANCEL_ORDER", Number: 2, Running: 1, Done: 4, Tickets: 2},
		Spread: []Spread{{"zone", []SpreadRow{{"cn-north-4a", 1, 1}, {longWord, 1, 0}}}}, Key: "KEY4", Reason: quotes, MaxReason: 500, Count: "<3>",
		WantsReason: true, WantsCount: true, OfferOverride: true, Denied: exampleDenial(), Drop: "/bulk/new?target=1", Back: ticketAddress,
		Errors: FieldErrors{"count": "That is not the number of instances that stop now: 2."},
		Items: []BulkTarget{{Value: ticketID + ".1.2", Seen: "1/", Name: script, Status: "PROCESSING", Ticket: true, Impact: i18n.Impact{Number: 2, Running: 1}, Address: ticketAddress},
			{Value: ticketID + ".2.2", Name: longWord, Problem: "The ticket has no such instance.", Address: ticketAddress},
			{Value: ticketID + ".3.2", Seen: "1/", Name: "web-0003", Status: "PROCESSING", Problem: "Another operation is pending", Address: ticketAddress,
				Pending: &PendingOperation{"k7", "CANCEL_INSTANCE", "web-0003", quotes, noon, "/operations/k7"}, Despite: true}}}
}

func exampleBulk() Bulk {
	return Bulk{Frame: frame("Job", SectionBulk), BulkRow: BulkRow{ID: "KEY5", State: "stopped", Type: "CANCEL_INSTANCE", Who: "operator", Reason: script,
		Address: "/bulk/KEY5", Items: 2, Started: noon}, Note: "session_ended", Done: 1, MayContinue: true, Retry: "/bulk/new?target=1",
		Result: "/bulk/KEY5/result.csv", Stops: 2, Failed: 1, Confirmed: 1, Rate: 4.8, Left: 9 * time.Second, Groups: []BulkGroup{{quotes, []BulkItem{{N: 2}}}},
		Items: []BulkItem{{N: 1, State: "operation.observed", Target: "web-0001", Address: ticketAddress, Receipt: "/operations/KEY6", Operation: "KEY6", Instances: 12, Before: "PROCESSING", After: "CANCELED", Sent: noon, Later: 3 * time.Second},
			{N: 2, State: "failed", Target: longWord, Address: ticketAddress, Problem: quotes, Operation: "KEY7"}}}
}

// exampleOperationRules wants everything that rules can want.
func exampleOperationRules() NewOperation {
	p := exampleOperationBatch()
	p.Impact, p.Counts, p.Batches, p.Success = i18n.Impact{Operation: "SKIP_BATCH", Number: 5, Running: 3, Keeps: 4, Batch: 2}, []Count{{"FINISHED", 8}, {"READY", 9}}, 4, "67"
	p.Spread = []Spread{{"region", []SpreadRow{{"cn-north-4", 4, 3}, {longWord, 1, 0}}}, {"application", []SpreadRow{{"", 5, 3}, {script, 1, 1}}}}
	p.Requests = []PendingRequest{{ApprovalRow: exampleApprovalRow("waiting"), Same: true}, {ApprovalRow: exampleApprovalRow("granted"), Own: true}}
	p.Beside = []PendingOperation{{"k8", "PAUSE_ORDER", script, quotes, noon, "/operations/k8"}}
	p.Activity = []ActivityEntry{{Time: noon, Actor: quotes, Action: "operation.observed", Operation: "PAUSE_ORDER", Reason: script, Receipt: "/operations/k8"}}
	p.Rules = OperationRules{Reason: true, Number: true, Other: true, Stops: 5, Count: script}
	p.Errors = FieldErrors{"count": "That is not the number of instances that stop now: 5."}
	return p
}

// exampleOperationApproval needs an approval, or the emergency override.
func exampleOperationApproval() NewOperation {
	p := exampleOperationBatch()
	p.Rules = OperationRules{Reason: true, Other: true, OtherOnly: true, OfferOverride: true, Override: true, Approvers: []string{"acme/maria", quotes},
		Demands: []PolicyDemand{{longWord, script}}}
	return p
}

// exampleOperationDenied can be sent with the emergency override alone.
func exampleOperationDenied() NewOperation {
	p := exampleOperationBatch()
	p.Rules = OperationRules{Denied: exampleDenial(), OfferOverride: true, Reason: true}
	return p
}

func exampleTickets() Tickets {
	f := frame("Tickets", SectionTickets)
	f.Refresh = 15
	f.Notices = []Notice{{NoticeInfo, "A note."}, {NoticeWarning, "The audit log cannot be written at present: operations are refused until it can."}, {NoticeError, script}}
	states := []string{"PROCESSING", "ABNORMAL", "PAUSED", "READY", "FINISHED", "CANCELED", "ROLLBACKED", "HIBERNATING"}
	names := []string{"rotate_logs", "patch_kernel", "restart_gateway", "collect_inventory", script, quotes, override, longWord}
	var rows []TicketRow
	for i, status := range states {
		id := "SCT2026030209151401c2f9a0" + number(i)
		rows = append(rows, TicketRow{ID: id, Name: names[i], Status: status, Creator: "operator", Regions: "cn-north-4, cn-east-3",
			Created: noon.Add(-time.Duration(i*i) * time.Hour), Duration: time.Duration(i*i*i) * 850 * time.Second, Address: "/tickets/" + id})
	}
	rows[0].Duration, rows[1].Creator, rows[3].Regions = 850*time.Millisecond, "", ""
	rows[0].Counts, rows[0].Done, rows[0].Total, rows[0].Failed = []Count{{"FINISHED", 120}, {"ABNORMAL", 3}, {"PROCESSING", 7}, {"READY", 70}}, 123, 200, 3
	rows[1].News, rows[2].News, rows[3].News, rows[4].News = News{Was: "PROCESSING", Failed: 2}, News{New: true}, News{Failed: 1}, News{Was: script}
	rows[4].Over = true
	return Tickets{Frame: f, Live: Live{Title: "(12) Tickets", Icon: "ABNORMAL", Address: "/tickets/events", Digest: "d"},
		Decisions: &Decisions{Count: 12, Icon: "ABNORMAL", Abnormal: "/tickets?status=ABNORMAL", Paused: "/tickets?status=PAUSED"},
		Unread:    Unread{4, noon.Add(-time.Hour)}, Hidden: 2, Read: 100, Narrow: true, Trouble: &Trouble{Since: noon, Missed: 3, Failure: *exampleFailure()},
		Tabs: []Tab{{"attention", "/tickets?status=attention", false}, {"running", "/tickets?status=PROCESSING", false},
			{"mine", "/tickets?scope=mine", false}, {"team", "/tickets?scope=team", true}, {"all", "/tickets", false}},
		Saved: []SavedSearch{{Name: quotes, Query: "status=PAUSED", Address: "/tickets?status=PAUSED"}, {Name: longWord, Query: "scope=team", Address: "/tickets?scope=team"}}, View: "scope=team", SaveLabel: script,
		Filter: TicketFilter{Scope: "team", Text: script, Set: []Attribute{{"scope", "team"}, {"name", script}, {"from", "yesterday"}},
			Chips:  []Chip{{"name", script, "/tickets?scope=team"}, {"creator", quotes, "/tickets?scope=team"}},
			Ranges: []Range{{"24h", "/tickets?range=24h", false}, {"all", "/tickets", true}}, From: "yesterday", To: "2026-03-02T12:00",
			Cleared: "/tickets?scope=team"}, Filtered: true,
		Errors: FieldErrors{"label": "This is too long.", "q": "Not understood: " + quotes, "from": "This is not a date and time, such as 2026-03-02T09:15.", "find": "There is no execute_uuid in this text."},
		Rows:   rows, Total: 222, Pager: Pager{"/tickets", "/tickets?after=74"}, ReadAt: noon}
}

func exampleTicketsEmpty() Tickets {
	return Tickets{Frame: frame("Tickets", SectionTickets), ReadAt: noon, Decisions: &Decisions{}}
}

func exampleFailure() *Failure {
	return &Failure{Heading: "COC failed", Text: "COC or its gateway answered with an internal error.", Advice: "Load the page again.",
		Verbatim: "502: <html>" + script, RequestID: "5b1e77d0"}
}

func exampleTicketsFailure() Tickets {
	p := exampleTicketsEmpty()
	p.Failure = exampleFailure()
	return p
}

func exampleHead(status string) TicketHead {
	return TicketHead{ID: ticketID, Name: "patch_kernel", Status: status, Creator: "operator", Created: noon,
		Duration: 62*time.Minute + 5*time.Second, ScriptID: "SC2023083111030804153ddb7", Version: "1.0.0", Source: "CUSTOM",
		ExecuteUser: "root", Timeout: 5 * time.Minute, SuccessRate: "90", CurrentBatch: 2}
}

func exampleInstances() []Instance {
	var list []Instance
	for i, status := range []string{"FINISHED", "ABNORMAL", "PROCESSING", "READY", "CANCELED", "ROLLBACKED", "MIGRATING"} {
		id := "4030435" + number(i)
		x := Instance{ID: id, Batch: 2, HostName: "web-000" + number(i), FixedIP: "192.168.10." + number(20+i), Region: "cn-north-4",
			Zone: "cn-north-4a", Status: status, Created: noon, Duration: time.Duration(i) * 41 * time.Second,
			Target: ticketID + "." + id + ".2", Address: ticketAddress + "/instances/" + id, LastLine: "[SYSTEM INFO] script job execute timeout.",
			Cancel: OperationChoice{Type: "CANCEL_INSTANCE", Refusal: "instance_over"}}
		if status == "PROCESSING" || status == "READY" {
			x.Cancel = OperationChoice{Type: "CANCEL_INSTANCE", Address: ticketAddress + "/operations/new?operation_type=CANCEL_INSTANCE&instance_id=" + id}
		}
		list = append(list, x)
	}
	list[0].FloatingIP = "121.36.0.7"
	list[3].LastLine, list[3].Created = "", time.Time{}
	list[5].HostName, list[5].LastLine = script, override+quotes
	list[6].HostName, list[6].LastLine = longWord, longWord
	return list
}

func exampleTicket() Ticket {
	f := frame("patch_kernel", SectionTickets)
	f.Refresh, f.Here = 5, ticketAddress
	head := exampleHead("ABNORMAL")
	head.Batches, head.Regions, head.Zones = 4, []string{"cn-north-4", script}, []string{"cn-north-4a", "cn-north-4b"}
	counts := []Count{{"PROCESSING", 3}, {"READY", 9}, {"ABNORMAL", 2}, {"CANCELED", 1}, {"FINISHED", 7}, {"ROLLBACKED", 0}, {"MIGRATING", 1}}
	return Ticket{Frame: f, Head: head, ReadAt: noon, Counts: counts,
		Params: []Param{{"days", "14", false, ""}, {"password", "******", true, ""}, {"target", script, false, "param-17"}, {longWord, override, false, ""}},
		Verdict: Verdict{Kind: "STOPPED", Pending: "SKIP_BATCH", Actor: script, Reason: quotes, At: noon, Now: noon.Add(time.Minute), Batch: 2, Failed: 2, Total: 10,
			Threshold: "90", Reach: "OPEN", Running: 3, All: 22, Receipt: "/operations/k3"},
		Requests: []Request{{ID: "k4", Actor: script, Operation: "CANCEL_ORDER", Approval: true, Stops: 12, At: noon, Expires: noon.Add(time.Hour), Now: noon,
			Action: "approval.requested", Address: "/approvals/k4", Reason: quotes},
			{ID: "k5", Actor: override, Operation: "CANCEL_INSTANCE", Target: script, At: noon, Now: noon, Action: "operation.unknown", Address: "/operations/k5"}},
		Operations: []OperationChoice{{Type: "PAUSE_ORDER", Refusal: "ticket_not_running"},
			{Type: "CONTINUE_ORDER", Address: ticketAddress + "/operations/new?operation_type=CONTINUE_ORDER"},
			{Type: "SKIP_BATCH", Address: ticketAddress + "/operations/new?operation_type=SKIP_BATCH&batch_index=2", Batch: 2, Pending: true},
			{Type: "CANCEL_ORDER", Address: ticketAddress + "/operations/new?operation_type=CANCEL_ORDER", Approval: true}},
		Lanes: Lanes{Now: "50.00%", Switch: ticketAddress + "?batches=table#batches",
			Ticks: []LaneTick{{X: "0.00%", Kind: "start", Time: noon}, {X: "20.00%", Kind: "pause", Took: 5 * time.Minute}, {X: "35.00%", Kind: "halt", Took: 3 * time.Minute}, {X: "50.00%", Kind: "now"}, {X: "75.00%", Time: noon.Add(time.Minute)}},
			Stops: []LaneStop{{"10.00%", "20.00%", false}, {"30.00%", "10.00%", true}},
			Rows: []Lane{{Index: 1, Total: 3, Rotation: "PAUSE", State: "FINISHED", Zones: []string{"cn-north-4a"}, Parts: []LanePart{{"FINISHED", "0.00%", "10.00%"}}, Cells: []string{"FINISHED", "FINISHED", "FINISHED"},
				Counts: []Count{{"FINISHED", 3}}, From: noon, To: noon.Add(time.Minute), Took: time.Minute, Address: ticketAddress + "?batch=1#instances"},
				{Index: 2, Total: 10, Rotation: "CONTINUE", State: "FAILED", Current: true, Selected: true, Zones: []string{script, "b"}, Cells: []string{"FINISHED", "ABNORMAL", "MIGRATING", "CANCELED", "PROCESSING"},
					Counts: counts, From: noon, Took: 2 * time.Hour, Address: ticketAddress + "?batch=2#instances"},
				{Index: 3, Total: 10, Rotation: "SOMEDAY", State: "WAITING", Counts: []Count{{"READY", 10}}, Address: ticketAddress + "?batch=3#instances"},
				{Index: 4, Total: 0, State: "UNKNOWN", Address: ticketAddress + "?batch=4#instances"}},
			After: &LaneFold{First: 5, Last: 9, Instances: 50, Took: 17 * time.Minute, Links: []Lane{{Index: 5, Total: 10, Address: ticketAddress + "?batch=5#instances"}},
				Parts: []LanePart{{"ESTIMATE", "50.00%", "50.00%"}}}},
		Failures: OutputGroups{Switch: ticketAddress + "?by=output#failures", More: 1, Groups: []OutputGroup{
			{ID: "output-1", Label: "exit status 4", Line: script, Hosts: []OutputHost{{"web-0001", ticketAddress + "/instances/1"}, {longWord, ticketAddress + "/instances/2"}}, More: 3},
			{ID: "output-2", Line: override, Hosts: []OutputHost{{"web-0003", ticketAddress + "/instances/3"}}}}},
		Instances: InstanceList{Total: 23, InView: 7, Search: quotes, Statuses: []Option{{"", true}, {"READY", false}, {"ABNORMAL", false}},
			Batches: []Option{{"", false}, {"1", false}, {"2", true}}, Regions: []Option{{"", true}, {"cn-north-4", false}, {script, false}},
			Zones: []Option{{"", true}, {"cn-north-4a", false}}, Sorts: []Option{{"", true}, {"batch", false}}, Filtered: true,
			Heads: []SortHead{{"state", ticketAddress, "descending"}, {"host", ticketAddress + "?sort=host", ""}, {"ip", ticketAddress, ""}, {"batch", ticketAddress, ""}, {"zone", ticketAddress, ""}, {"start", ticketAddress, ""}, {"duration", ticketAddress, "ascending"}},
			Set:   []SetFilter{{"batch", "2", ticketAddress}, {"zone", script, ticketAddress}}, Folds: []RowFold{{"WAITING", 170, 4, 20, ticketAddress + "?rows=waiting", "waiting"}, {"DONE", 20, 1, 3, ticketAddress + "?rows=done", "done"}},
			Incomplete: true, Rows: exampleInstances(), FormAddress: ticketAddress, FailedFirst: ticketAddress, AnyStatus: ticketAddress + "?batch=2", Hosts: ticketAddress + "/hosts.txt",
			CSV: ticketAddress + "/instances.csv"},
		Progress: Progress{Done: 10, Total: 23, Success: &Success{10, "70", "90", "OPEN", 2},
			Remaining: &Remaining{Time: 17 * time.Minute, Batch: 2, Overdue: true, Samples: 7}},
		Trouble: &Trouble{Since: noon, Missed: 3, Failure: *exampleFailure()},
		Live:    Live{Address: ticketAddress + "/events", Digest: "d1", Icon: "ABNORMAL", Title: "Abnormal · 2 failed · patch_kernel"},
		Feed: []FeedEntry{
			{ID: "operation-k3", Kind: "operation", Time: noon, Now: noon, Status: "operation.unknown", Operation: "CONTINUE_ORDER", Actor: script, Reason: longWord, Address: "/operations/k3", Override: true},
			{ID: "approval-k4", Kind: "approval", Time: noon, Now: noon, Status: "approval.requested", Operation: "CANCEL_ORDER", Actor: override, Reason: quotes, Address: "/approvals/k4"},
			{ID: "event-2", Kind: "ticket", Time: noon, Now: noon, After: noon.Add(-5 * time.Second), Status: "ABNORMAL", Why: "OUTSIDE"},
			{ID: "feed-batch-2", Kind: "batches", Time: noon, Now: noon, Status: "ABNORMAL", First: 1, Last: 2, Counts: counts},
			{ID: "feed-created", Kind: "created", Time: noon.Add(-25 * time.Hour), Now: noon, Actor: script}},
		AllHistory: "/audit?ticket=" + ticketID}
}

func exampleTicketOver() Ticket {
	f := frame("rotate_logs", SectionTickets)
	head := exampleHead("FINISHED")
	head.Name, head.Finished = "", noon.Add(time.Hour)
	return Ticket{Frame: f, Head: head, ReadAt: noon, Operations: []OperationChoice{{Type: "PAUSE_ORDER", Refusal: "ticket_over"},
		{Type: "CANCEL_ORDER", Refusal: "something_new"}}}
}

func exampleInstance() InstancePage {
	i := exampleInstances()[2]
	i.ID, i.Finished, i.FloatingIP = bigID, noon.Add(time.Minute), "121.36.0.7"
	i.ResourceID, i.Provider, i.Type, i.ProjectID = "66006c8e-dc6b-45bb-a65b-6f8a37003000", "ECS", "CLOUDSERVER", "aa2d97d7e62c4b7da3ffdfc11551f000"
	i.Application, i.Group, i.CommandID, i.AgentSN = "shop", "web", "cmd-1", "agent-1"
	i.AgentVersion, i.AgentStatus, i.Attributes = "1.1.7", "ONLINE", []Attribute{{"owner", script}}
	raw := "\n2026-03-02 09:15:14 start\n" + script + "\n" + override + "\n" + longWord + longWord + "\n中文日志\n[SYSTEM INFO] done\n"
	log := Log{{{Runs: []LogRun{{Text: raw}}}, {Error: true, Runs: []LogRun{{Text: "ERROR ", Colour: 2, Bold: true}, {Text: script + "\n"}}}},
		{{Error: true, Runs: []LogRun{{Text: "failed again", Colour: 16}}}}}
	return InstancePage{Frame: frame("web-0002", SectionTickets), Ticket: exampleHead("PROCESSING"), TicketAddress: ticketAddress,
		Instance: i, Log: log, LogBytes: len(raw), Download: ticketAddress + "/instances/" + bigID + "/log", ReadAt: noon}
}

func exampleOperation() NewOperation {
	i := exampleInstances()[2]
	return NewOperation{Frame: frame("Confirm", SectionTickets), Ticket: exampleHead("PROCESSING"), TicketAddress: ticketAddress,
		Action: ticketAddress + "/operations", Type: "CANCEL_INSTANCE", InstanceID: i.ID, BatchHint: "2", Instance: &i,
		Scope: Tally{1, 0, 0, 1}, Whole: Tally{3, 9, 11, 23}, Seen: "1/PROCESSING/2/9/3/2/1/7/PROCESSING", Key: "a-key",
		Reason: quotes + "\n</textarea>" + script, MaxReason: 1000, ReadAt: noon, Problem: exampleFailure(),
		Changes: []Change{{"status", "ABNORMAL", "PROCESSING", true}, {"instance", "READY", "MIGRATING", true}, {"running", "2", "3", false}},
		Pending: []PendingOperation{{"k7", "CANCEL_INSTANCE", "web-0002 " + override, quotes, noon, "/operations/k7"}},
		Errors:  FieldErrors{"despite": "Tick this.", "reason": "The reason has 1200 characters; 1000 are kept."}}
}

func exampleOperationBatch() NewOperation {
	p := exampleOperation()
	p.Type, p.Instance, p.InstanceID, p.BatchHint, p.BatchIndex = "SKIP_BATCH", nil, "", "", "2"
	p.Batch, p.Targets = &designBatch()[1], exampleInstances()
	p.Pending, p.ShowNext, p.Next, p.NextHosts = nil, true, 3, exampleInstances()[3:4]
	p.Scope, p.Problem, p.Errors, p.Reason = Tally{1, 1, 5, 7}, nil, nil, ""
	p.Changes = []Change{{"finished", "6", "7", false}}
	return p
}

func exampleOperationRefused() NewOperation {
	p := exampleOperation()
	p.Type, p.Instance, p.InstanceID, p.Refusal = "PAUSE_ORDER", nil, "", "ticket_not_running"
	p.Changes, p.Errors, p.Problem, p.Pending = []Change{{"status", "PROCESSING", "PAUSED", true}}, nil, nil, nil
	return p
}

func exampleOperationWrong() NewOperation {
	return NewOperation{Frame: frame("Confirm", SectionTickets), Ticket: exampleHead("PAUSED"), TicketAddress: ticketAddress,
		Action: ticketAddress + "/operations",
		Type:   "CANCEL_INSTANCE", Types: []string{"PAUSE_ORDER", "CONTINUE_ORDER", "SKIP_BATCH", "CANCEL_INSTANCE", "CANCEL_ORDER"},
		InstanceID: "1e3" + quotes, BatchIndex: "21", Errors: FieldErrors{
			"instance_id": "The instance id is a whole number.", "batch_index": "This operation takes no batch_index."}}
}

func exampleReceipt() Receipt {
	return Receipt{Frame: frame("Receipt", SectionTickets), ID: "k2", TicketID: ticketID, TicketAddress: ticketAddress,
		Type: "CANCEL_INSTANCE", InstanceID: bigID, Target: "web-0002 (192.168.10.22)", TargetAddress: ticketAddress + "/instances/" + bigID,
		Actor: "operator", Reason: "hangs since 09:15\n" + script,
		Now:  TicketNow{"PROCESSING", 2, 4, Tally{3, 9, 11, 23}, noon.Add(time.Minute)},
		From: "192.0.2.7", Next: "/tickets/next?after=" + ticketID,
		Changed: []SeenPair{{"status", "PROCESSING", "PROCESSING"}, {"batch", "2", "2"}, {"running", "3", "2"}, {"instance", "PROCESSING", ""}},
		Steps: []Step{{Action: "operation.requested", Time: noon, Record: "/audit/1"},
			{Action: "operation.accepted", Time: noon.Add(412 * time.Millisecond), Duration: 412 * time.Millisecond, Upstream: "200", UpstreamRequestID: "5b1e77d0", Record: "/audit/2"},
			{Action: "operation.observed", Time: noon.Add(3 * time.Second), Status: "CANCELED", Record: "/audit/3"}}}
}

func exampleReceiptOpen() Receipt {
	p := exampleReceipt()
	p.Refresh, p.Open, p.Deadline = 3, true, noon.Add(2*time.Minute)
	p.Steps[2] = Step{Action: "operation.observed", Pending: true}
	return p
}

func exampleReceiptUnknown() Receipt {
	p := exampleReceipt()
	p.Type, p.InstanceID, p.Target, p.TargetAddress, p.BatchIndex, p.Reason = "SKIP_BATCH", "", "patch_kernel", "", 2, ""
	p.Steps[1] = Step{Action: "operation.unknown", Time: noon, Note: "timeout", Duration: 30 * time.Second, Record: "/audit/2"}
	p.Steps[2] = Step{Action: "operation.not_observed", Time: noon, Note: "deadline", Status: "PAUSED", Record: "/audit/3"}
	return p
}

func exampleReceiptRejected() Receipt {
	p := exampleReceipt()
	p.Type, p.InstanceID, p.Target, p.TargetAddress = "PAUSE_ORDER", "", "patch_kernel", ""
	p.Now = TicketNow{ReadAt: noon}
	p.Steps[1] = Step{Action: "operation.rejected", Time: noon, Upstream: "400 COC.00040712: " + script, UpstreamRequestID: "5b1e77d0"}
	p.Steps[2] = Step{Action: "operation.observed", Skipped: true}
	return p
}

func exampleReceiptOthers() Receipt {
	p := exampleReceipt()
	p.Others = []string{"40304358", bigID}
	p.Stops, p.Policies, p.Override, p.ApprovedBy, p.ReviewedBy, p.Review = 12, []string{"on-call", longWord}, true, script, quotes, override
	p.Approval, p.Bulk, p.Again = "/approvals/KEY1", "/bulk/KEY2", ticketAddress+"/operations/new?operation_type=CANCEL_INSTANCE"
	p.Approvals = []Step{{Action: "approval.requested", Time: noon, Actor: quotes, Words: script, Record: "/audit/1", Sequence: 1}, {Action: "approval.granted", Time: noon, Actor: script}}
	p.Steps[2] = Step{Action: "operation.not_observed", Time: noon, Note: "other_instance", Status: "PROCESSING"}
	return p
}

func exampleAudit() Audit {
	return Audit{Frame: frame("Audit log", SectionAudit), Filtered: true, All: true, Export: "/audit/export", Tail: "/audit?after=9",
		Total: Total{10000, true}, Counted: 2000, Active: []ActiveFilter{{"actor:" + script, "/audit"}}, Marked: &Marked{"actor:ann ", script, " x"},
		Facets: []Facet{{"outcome", []FacetValue{{"failed", 9, true, "/audit", ""}, {"succeeded", 8, false, "/audit?q=outcome%3Asucceeded", ""}}},
			{"actor", []FacetValue{{quotes, 6, false, "/audit", ""}, {longWord, 5, false, "/audit", ""}, {"c", 4, false, "/audit", ""}, {"d", 3, false, "/audit", ""}, {"e", 2, false, "/audit", ""}, {"f", 1, false, "/audit", ""}}}},
		Chart: &Chart{Now: true, From: noon, To: noon.Add(3 * time.Minute), Bars: []Bar{{noon, noon.Add(time.Minute), 3, false, "/audit?q=1", nil},
			{noon.Add(time.Minute), noon.Add(2 * time.Minute), 0, false, "", nil}, {noon.Add(2 * time.Minute), noon.Add(3 * time.Minute), 2083, true, "/audit?q=2", nil}}},
		Integrity: exampleIntegrity(), Saved: []SavedSearch{{Name: script, Query: "outcome:failed", Address: "/audit?q=outcome%3Afailed"}},
		Filter: AuditFilter{Person: quotes, Ticket: ticketID, From: "2026-03-01T00:00", Actions: []Option{{"", false}, {"operation.", true}, {"session.signed_in", false}},
			Outcomes: []Option{{"", true}, {"failed", false}}},
		Errors: FieldErrors{"to": "The end lies before the start."}, Pager: Pager{"/audit?before=9", "/audit?after=1"},
		Rows: []RecordRow{
			{9, noon, "operator", "operation.observed", "confirmed", ticketID, ticketAddress, "CANCEL_INSTANCE", "web-0002 (192.168.10.22)", 2, "hangs since 09:15", "", "/audit/9", "", true, true, 0, false},
			{8, noon, "operator", "operation.requested", "confirmed", ticketID, ticketAddress, "SKIP_BATCH", "", 2, longWord, "", "/audit/8", "operation.observed", false, false, 0, false},
			{7, noon, "operator", "operation.unknown", "unknown", ticketID, ticketAddress, "CANCEL_ORDER", "patch_kernel", 0, script, "504 APIGW.0201: Backend timeout", "/audit/7", "", false, false, 0, false},
			{6, noon, quotes, "access.denied", "denied", "", "", "", "", 0, "", "", "/audit/6", "", false, false, 0, false},
			{5, noon, override, "session.sign_in_failed", "failed", "", "", "", "", 0, "", "401: The username or password is wrong.", "/audit/5", "", false, false, 0, false},
			{4, noon, "operator", "something.new", "surprising", ticketID, "", "RETRY_INSTANCE", "", 0, "", "", "/audit/4", "", false, false, 0, false}}}
}

func exampleOperationsList() Audit {
	p := exampleAudit()
	p.View, p.Rows, p.Errors, p.Marked, p.Today, p.Behind = "operations", nil, nil, nil, "2026-03-01", 3
	p.Tabs = []AuditTab{{"operations", "/audit", true}, {"everything", "/audit?view=everything", false}}
	p.Ranges = []AuditRange{{"today", "/audit?q=1", false}, {"night", "/audit?q=2", true}}
	p.Facets = append(p.Facets, Facet{"ticket", []FacetValue{{ticketID, 2, false, "/audit?q=3", script}}}, Facet{"operation", []FacetValue{{"CANCEL_ORDER", 2, true, "/audit", ""}}})
	p.Chart.Bars[0].Parts = []BarPart{{"confirmed", 1}, {"not_confirmed", 1}, {"rejected", 1}}
	step := TimelineStep{Sequence: 7, Time: noon, Action: "operation.requested", Outcome: "pending", Actor: quotes, Record: "/audit/7", Upstream: script, Status: "PAUSED", Note: "deadline", Since: time.Second,
		RequestID: "5b1e77d0", Comment: override, Proof: "/audit/7#evidence", Duration: time.Second, Seen: []Attribute{{"status", "PROCESSING"}, {"running", "6"}}}
	p.Operations = []OperationRow{
		{Sequence: 7, Time: noon, ID: "K1", Who: quotes, Approver: script, Type: "CANCEL_ORDER", Ticket: ticketID, TicketName: longWord, TicketAddress: ticketAddress, Stops: 170, Reason: script,
			Outcome: "confirmed", Chain: [3]string{"done", "done", "done"}, Override: true, BulkAddress: "/bulk/K", Toggle: "/audit#op-7", Opened: true, Steps: []TimelineStep{step}},
		{Sequence: 5, Time: noon, ID: "K2", Who: "b", Type: "SKIP_BATCH", BatchIndex: 4, Ticket: ticketID, TicketAddress: ticketAddress, Outcome: "rejected",
			Chain: [3]string{"done", "bad", "open"}, Override: true, Reviewed: true, Toggle: "/audit?open=5#op-5"},
		{Sequence: 3, Time: noon.Add(-24 * time.Hour), Who: override, Action: "session.signed_in", Outcome: "succeeded", Toggle: "/audit?open=3#op-3"},
		{Sequence: 2, Time: noon.Add(-24 * time.Hour), Who: "c", Type: "CANCEL_INSTANCE", Instance: longWord, Ticket: ticketID, TicketAddress: ticketAddress, Outcome: "accepted",
			Chain: [3]string{"done", "done", "open"}, Open: true, Toggle: "/audit?open=2#op-2"}}
	return p
}

func exampleIntegrity() *Integrity {
	return &Integrity{VerifiedAt: noon, Verified: 9, All: noon, Next: noon.Add(time.Minute), Running: true, Done: 5, Of: 9,
		Findings: []Finding{{"record.altered", "record 7: " + script, 7, "/audit/7"}, {"log.forked", "another tree", 0, ""}}, MoreFindings: 3,
		Signed: 9, SignedAt: noon, Anchors: []AnchorState{{Name: "log", Size: 9, At: noon}, {Name: longWord, Failed: true, Pending: noon}}, Origin: "coc-console/x",
		PublicKey: "coc-console/x+5b1e77d0+" + longWord}
}

func exampleIntegrityPage() IntegrityPage {
	i := exampleIntegrity()
	i.Anchors[1].Error = "open " + longWord + ": " + script
	i.CanVerify, i.Replica, i.Pruned, i.KeepDays = true, "console-1", 1234, 400
	i.Holds = []LegalHold{{Query: "ticket:" + script, Reason: quotes, By: override, At: noon, Record: "/audit/5"}}
	i.Notes = []Finding{{Kind: "checkpoint.clock", Text: "checkpoint of 5: " + script}}
	i.Clocks = []ClockState{{Against: "coc", By: time.Second}, {Against: "iam", By: -3 * time.Minute, Off: true}}
	i.Keys = []KeyPeriod{{Key: i.PublicKey, From: noon, To: noon.Add(time.Hour), Checkpoints: 12, Own: true}, {From: noon, To: noon, Checkpoints: 1}}
	i.Commands = []Command{{"checkpoint", "coc-console audit checkpoint --data . > kept-checkpoint"}, {"verify", "coc-console audit verify --public-key '" + longWord + "'"}}
	i.GrowthKnown = true
	i.Records, i.Bytes, i.Free, i.RecordsPerDay, i.BytesPerDay, i.Full = 1234567, 5<<30, 900<<30, 1, 700, noon.Add(24*time.Hour)
	return IntegrityPage{frame("Log integrity", SectionAudit), i}
}

func exampleAuditEmpty() Audit {
	return Audit{Frame: frame("Audit log", SectionAudit)}
}

func exampleTimeline() Timeline {
	step := func(n int64, action, outcome string, since time.Duration) TimelineStep {
		return TimelineStep{Sequence: n, Time: noon.Add(since), Since: since, Action: action, Outcome: outcome, Actor: quotes, Record: "/audit/" + number(n),
			Proof: "/audit/" + number(n) + "#evidence"}
	}
	rejected := step(3, "operation.rejected", "failed", 400*time.Millisecond)
	rejected.Upstream, rejected.Note, rejected.Status = "HTTP 400 COC.00040713: "+script, "timeout", "ABNORMAL"
	denied := step(9, "access.denied", "denied", 0)
	denied.Rules = []Rule{{"large-" + longWord, script}, {ID: "gone"}}
	asked := step(2, "operation.requested", "pending", 0)
	asked.Type, asked.Reason, asked.Stops, asked.ApprovedBy, asked.Override = "CANCEL_INSTANCE", script, 3, quotes, true
	asked.Seen = []Attribute{{"status", "PROCESSING"}, {"running", "6"}}
	reviewed := step(11, "review.signed_off", "succeeded", 25*time.Hour)
	reviewed.Comment = quotes
	read := step(1, "ticket.viewed", "succeeded", 0)
	read.Repeats = 12
	return Timeline{Frame: frame("What happened", SectionAudit), From: noon, To: noon.Add(25 * time.Hour),
		Subject: Subject{Ticket: ticketID, TicketName: script, TicketAddress: ticketAddress},
		List:    "/audit?q=x", Newer: "/audit/timeline?after=1", Older: "/audit/timeline?before=2",
		Items: []TimelineItem{{Views: &TimelineViews{1, 1, noon, noon, []TimelineStep{read}}}, {Views: &TimelineViews{12, 3, noon, noon.Add(time.Hour), []TimelineStep{read, read}}}, {Other: &denied},
			{Operation: &TimelineOperation{ID: "k2", Type: "CANCEL_INSTANCE", Target: longWord, Actor: "operator", Receipt: "/operations/k2",
				Took: time.Minute, Steps: []TimelineStep{asked, rejected}}}, {Other: &reviewed}},
		Evidence: LineEvidence{Count: 9, First: 1, Last: 11, Size: 12, Signed: noon, Integrity: exampleIntegrity(), Bundle: "/audit/export?format=bundle", Ticket: true,
			Checks: []Command{{"bundle", "coc-console audit verify-bundle FILE.zip --public-key 'x'"}}, Incident: "/audit/incident?from=x"}}
}

func exampleTimelineOfOperation() Timeline {
	p := exampleTimeline()
	p.Whole, p.Subject.Operation, p.Subject.Type, p.Subject.Who, p.Subject.Outcome, p.Subject.Receipt = "/audit/timeline?ticket=x", "k2", "CANCEL_INSTANCE", quotes, "rejected", "/operations/k2"
	p.Subject.Instance, p.Items, p.Newer, p.Older, p.To, p.Evidence = longWord, p.Items[3:4], "", "", noon.Add(time.Second), LineEvidence{Count: 1, First: 2, Last: 2}
	return p
}

func exampleTimelineOfBulk() Timeline {
	p := exampleTimelineOfOperation()
	p.Whole, p.Subject = "", Subject{Bulk: "KEY9", Type: "CANCEL_ORDER", BulkItems: 4, Who: script, Receipt: "/bulk/KEY9"}
	return p
}

func exampleRecord() Record {
	return Record{Frame: frame("Record 7", SectionAudit), Sequence: 7, Time: noon, Action: "operation.rejected", Outcome: "failed",
		User: "operator", UserID: "7116d09f88fa41908676fdd4b039e000", Account: "demo", AccountID: "d78cbac186b744899480f25bd022f000",
		Project: "cn-north-4", ProjectID: "aa2d97d7e62c4b7da3ffdfc11551f000", ClientAddress: "127.0.0.1", UserAgent: "Mozilla/5.0 " + script,
		RequestID: "0c9f2f", Session: "5b1e77d0", Ticket: ticketID, TicketAddress: ticketAddress, Operation: "CANCEL_INSTANCE",
		OperationID: "k2", Receipt: "/operations/k2", BatchIndex: 2, InstanceID: bigID, Target: "web-0002 (192.168.10.22)", Reason: quotes,
		UpstreamStatus: 400, UpstreamCode: "COC.00040712",
		UpstreamMessage: script, UpstreamRequestID: "5b1e77d0", Duration: 412 * time.Millisecond,
		Detail: []Attribute{{"note", "timeout"}, {"something", override}}, Previous: NumberedRecord{6, "/audit/6"}, Next: NumberedRecord{8, "/audit/8"}, Timeline: "/audit/timeline?operation=k2", Subject: exampleTimelineOfOperation().Subject,
		Steps: exampleSteps(), Evidence: exampleEvidence()}
}

func exampleSteps() []TimelineStep {
	steps := exampleTimelineOfOperation().Items[0].Operation.Steps
	steps[1].Sequence, steps[1].Here = 7, true
	return steps
}

func exampleEvidence() Evidence {
	return Evidence{Body: `{"v":1,"seq":7,` + script, Size: 512, BytesAddress: "/audit/7/bytes", Index: 6, Leaf: "5c0d" + longWord,
		Checkpoint: "coc-console/" + script + "\n8\n", CheckpointSize: 8, Signed: noon, Proof: []string{"gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ="},
		ProofAddress: "/audit/7/proof", Bundle: "/audit/export?format=bundle", Checks: []Command{{"hash", "(printf '\\0'; cat record-7.json) | sha256sum"}, {"bundle", "coc-console audit verify-bundle FILE.zip --public-key 'x'"}}, Records: 12, Integrity: exampleIntegrity(), Incident: "/audit/incident?from=x"}
}

func exampleRecordPruned() Record {
	return Record{Frame: frame("Record 3", SectionAudit), Sequence: 3, Next: NumberedRecord{257, "/audit/257"},
		Evidence: Evidence{Pruned: true, Altered: true, Index: 2, Leaf: "5c0d", BytesAddress: "/audit/3/bytes"}}
}

func exampleSessions() Sessions {
	row := SessionRow{Name: "5e55", Address: "2001:db8::1", Browser: "Mozilla/5.0 " + quotes, Project: "cn-north-4", Begun: noon.Add(-time.Hour),
		Used: noon, Expires: noon.Add(8 * time.Hour), This: true}
	other := row
	other.Name, other.This, other.Project = "5e56", false, ""
	third := other
	third.Name = "5e57"
	return Sessions{Frame: frame("Sessions", SectionAudit), More: true, MaxReason: 500, People: []SessionPerson{
		{Key: "a/1", Who: "demo/manager", N: 1, Own: true, Rows: []SessionRow{row, other}},
		{Key: "a/2", Who: "demo/" + script, N: 2, Rows: []SessionRow{third}, Reason: quotes, Problem: "Enter a reason."},
	}}
}

func exampleNotices() Notices {
	return Notices{Frame: frame("Notices", SectionNone), Manager: true, Own: &OwnNotices{Person: script}, Broken: "notices.json: line 3: " + quotes,
		Targets: []NoticeTarget{{Name: "ops-webhook", Kind: "webhook", Host: "hooks.example.com", Sent: noon},
			{Name: "night-chat", Kind: "feishu", Host: script, Problem: script, Failing: noon, Failures: 3, Waiting: 12, Next: noon.Add(time.Minute)},
			{Name: "mail", Kind: "mail", Host: "mail.example.com:587", Problem: "it wants no more (status 410)", Failing: noon, Gone: true}},
		Dead: []DeadLetter{{Number: "7", Target: "mail", Event: "Approval needed", Subject: script, Problem: "it wants no more (status 410)", Attempts: 1, At: noon},
			{Number: "6", Target: "gone", Event: "disk.low", Problem: quotes, Attempts: 120, At: noon}}}
}

func exampleProblemAgain() Problem {
	return Problem{Frame: frame("IAM", SectionNone), Status: 503, Heading: "IAM can't be reached", Text: "Nothing was done.", Advice: "Try again.",
		Again: &Again{Method: "post", Address: "/audit/review", Fields: []AgainField{{"comment", script}, {"operation", quotes}}}}
}
