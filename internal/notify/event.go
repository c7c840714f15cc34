package notify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/elevation"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/review"
	"coc-console/internal/store"
)

// Name is an event, as routes and programs call it: a group, a dot, and how it went.
type Name string

// The events.
const (
	ApprovalWaiting       Name = "approval.waiting"
	ApprovalExpiring      Name = "approval.expiring"
	ApprovalApproved      Name = "approval.approved"
	ApprovalRejected      Name = "approval.rejected"
	ApprovalWithdrawn     Name = "approval.withdrawn"
	ApprovalExpired       Name = "approval.expired"
	ApprovalReturned      Name = "approval.returned" // approved, and not sent
	ElevationWaiting      Name = "elevation.waiting" // somebody asks for a role for a while
	ElevationApproved     Name = "elevation.approved"
	ElevationRejected     Name = "elevation.rejected"
	OperationNotConfirmed Name = "operation.not_confirmed"
	OperationUnknown      Name = "operation.unknown"
	OperationRejected     Name = "operation.rejected"
	OverrideUsed          Name = "override.used"
	ReviewOverdue         Name = "review.overdue"
	BulkEnded             Name = "bulk.ended"
	PolicyBroken          Name = "policy.broken"
	LogDamaged            Name = "log.damaged"
	LogUnanchored         Name = "log.unanchored"
	DiskLow               Name = "disk.low"
	TicketNeedsAttention  Name = "ticket.needs_attention"
	Test                  Name = "test" // in no route
)

// severities are how urgent events are. All events are in it.
var severities = map[Name]Severity{
	ApprovalWaiting: Warning, ApprovalExpiring: Warning, ApprovalApproved: Info, ApprovalRejected: Info,
	ApprovalWithdrawn: Info, ApprovalExpired: Warning, ApprovalReturned: Warning, OperationNotConfirmed: Urgent,
	ElevationWaiting: Warning, ElevationApproved: Info, ElevationRejected: Info,
	OperationUnknown: Urgent, OperationRejected: Warning, OverrideUsed: Urgent, ReviewOverdue: Warning, BulkEnded: Info,
	PolicyBroken: Warning, LogDamaged: Urgent, LogUnanchored: Warning, DiskLow: Urgent,
	TicketNeedsAttention: Warning,
}

// Names lists the events that a route can name.
func Names() []Name {
	var all []Name
	for name := range severities {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Severity is how urgent an event is.
type Severity string

// The severities.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Urgent  Severity = "urgent" // comes through quiet hours
)

var ranks = map[Severity]int{"": 0, Info: 0, Warning: 1, Urgent: 2}

// Event is what a message tells, in no language: its JSON waits in the database, and is the data of webhooks. A field
// is only ever added.
type Event struct {
	ID          string    `json:"id"` // the same however often it is told
	Name        Name      `json:"event"`
	Severity    Severity  `json:"severity"`
	Time        time.Time `json:"time"`
	Sequence    int64     `json:"record,omitempty"` // the number of the record that it comes from
	Ticket      string    `json:"ticket,omitempty"` // execute_uuid
	TicketName  string    `json:"ticket_name,omitempty"`
	Operation   string    `json:"operation,omitempty"` // wire value
	OperationID string    `json:"operation_id,omitempty"`
	Bulk        string    `json:"bulk,omitempty"` // id of a bulk operation
	Target      string    `json:"target,omitempty"`
	Batch       int32     `json:"batch,omitempty"`
	Stops       int       `json:"stops,omitempty"` // instances
	Who         string    `json:"who,omitempty"`   // account/user who asked, or acted
	Decider     string    `json:"decided_by,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Comment     string    `json:"comment,omitempty"` // of who decided
	Note        string    `json:"note,omitempty"`    // operate.Note: why
	Creator     string    `json:"creator,omitempty"` // of a ticket that needs attention
	Problem     string    `json:"problem,omitempty"` // COC's words, or an error
	Until       time.Time `json:"until,omitzero"`
	Teams       []string  `json:"teams,omitempty"` // of who asked, and of the ticket's creator
	Roles       []string  `json:"roles,omitempty"` // of who asked
	Path        string    `json:"path,omitempty"`  // of the console's page
	Link        string    `json:"link,omitempty"`  // the same as a whole address

	account string         // of a ticket that needs attention, by its name
	about   *policy.Ticket // whom the rules don't let see it isn't told; nil: it is about no ticket
}

// before is how long before its end a request for approval is told of once more.
const before = 15 * time.Minute

// told are the records that events come from.
var told = map[audit.Action]Name{
	audit.ActionApprovalRequested: ApprovalWaiting, audit.ActionApprovalGranted: ApprovalApproved,
	audit.ActionApprovalRefused: ApprovalRejected, audit.ActionApprovalWithdrawn: ApprovalWithdrawn,
	audit.ActionApprovalExpired: ApprovalExpired, audit.ActionApprovalReturned: ApprovalReturned,
	audit.ActionElevationRequested: ElevationWaiting, audit.ActionElevationGranted: ElevationApproved,
	audit.ActionElevationRefused:     ElevationRejected,
	audit.ActionOperationNotObserved: OperationNotConfirmed, audit.ActionOperationUnknown: OperationUnknown,
	audit.ActionOperationRejected: OperationRejected, audit.ActionOverrideUsed: OverrideUsed,
	audit.ActionJobEnded: BulkEnded, audit.ActionPolicyChanged: PolicyBroken,
}

// The kinds of timers: what their ids begin with.
const (
	timerExpiring = "approval/"
	timerOverdue  = "review/"
	timerOnce     = "once/" // nothing happens: it keeps an event from being told twice
)

// timers are what a record starts and stops.
func timers(r audit.Record) (start []store.NoticeTimer, stop []string) {
	switch r.Action {
	case audit.ActionApprovalRequested:
		return []store.NoticeTimer{{ID: timerExpiring + r.OperationID, Sequence: r.Sequence,
			Due: r.When().Add(approval.Lifetime - before)}}, nil
	case audit.ActionApprovalGranted, audit.ActionApprovalRefused, audit.ActionApprovalWithdrawn,
		audit.ActionApprovalExpired, audit.ActionApprovalReturned:
		return nil, []string{timerExpiring + r.OperationID}
	case audit.ActionOverrideUsed:
		return []store.NoticeTimer{{ID: timerOverdue + r.OperationID, Sequence: r.Sequence,
			Due: r.When().Add(review.DueAfter)}}, nil
	case audit.ActionOverrideReviewed, audit.ActionReviewed:
		return nil, []string{timerOverdue + r.OperationID}
	}
	return nil, nil
}

// nameOf is the event of a record; false where it is none.
func nameOf(r audit.Record) (Name, bool) {
	name, ok := told[r.Action]
	return name, ok && (name != PolicyBroken || r.Outcome == audit.OutcomeFailed)
}

// onceOf is what keeps the event of a bulk operation's item from being told for each of hundreds; empty: it is told.
func onceOf(r audit.Record, name Name) string {
	job := operate.ParseDetail(r.Detail).Job
	if job == "" || name == BulkEnded {
		return ""
	}
	return timerOnce + job + "/" + string(name)
}

// event makes what is told of a record. Where the log can't say more, it says less.
func (n *Notifier) event(ctx context.Context, r audit.Record, name Name) Event {
	if strings.HasPrefix(string(r.Action), elevation.Prefix) {
		return n.elevationEvent(r, name)
	}
	d := operate.ParseDetail(r.Detail)
	e := Event{ID: n.id(r.Sequence, name), Name: name, Severity: severities[name], Time: r.When(), Sequence: r.Sequence,
		Ticket: r.Ticket, Operation: r.OperationType, OperationID: r.OperationID, Bulk: d.Job, Batch: r.BatchIndex,
		Target: r.Target, Stops: d.Stops, Who: person(r.Actor), Reason: r.Reason, Comment: d.Comment, Note: string(d.Note),
		Problem: cmp.Or(r.Upstream.Message, d.Error)}
	asked, who := n.asked(ctx, r, d.Job), r.Actor
	if name == ApprovalApproved || name == ApprovalRejected {
		e.Who, e.Decider = "", person(r.Actor)
	}
	if asked.Action != "" {
		e.Who, who = person(asked.Actor), asked.Actor
		e.Reason = cmp.Or(e.Reason, asked.Reason)
		e.Stops = cmp.Or(e.Stops, operate.ParseDetail(asked.Detail).Stops)
	}
	if e.Operation != "CANCEL_INSTANCE" { // of a whole ticket or a batch the target is the ticket's name
		e.TicketName = r.Target
	}
	n.addGroups(&e, cmp.Or(asked.Input, r.Input), who)
	switch {
	case name == ApprovalWaiting, name == ApprovalExpiring:
		e.Until = r.When().Add(approval.Lifetime)
	case name == OverrideUsed, name == ReviewOverdue:
		e.Until = r.When().Add(review.DueAfter)
	}
	e.Path = pathOf(e)
	return e
}

// elevationEvent is what is told of a role for a while: the target is the role.
func (n *Notifier) elevationEvent(r audit.Record, name Name) Event {
	_, until, owner := elevation.Detail(r)
	e := Event{ID: n.id(r.Sequence, name), Name: name, Severity: severities[name], Time: r.When(), Sequence: r.Sequence,
		Target: r.Target, Who: person(r.Actor), Reason: r.Reason, Until: until}
	who := r.Actor
	if name != ElevationWaiting {
		e.Who, e.Decider, e.Reason, e.Comment = owner, person(r.Actor), "", r.Reason
		who.UserID, who.Groups = "", ""
		who.AccountName, who.UserName, _ = strings.Cut(owner, "/")
	}
	n.addGroups(&e, "", who)
	e.Path = pathOf(e)
	return e
}

// addGroups adds what the policies were told, and the teams and roles that count for routes.
func (n *Notifier) addGroups(e *Event, input string, who audit.Actor) {
	rules := n.cfg.Rules.Rules()
	e.Teams, e.Roles = rules.TeamsOf(operate.PersonOf(who)), rules.RolesOf(operate.PersonOf(who))
	in, err := policy.ParseInput(input)
	if err != nil || in.Ticket == nil {
		return
	}
	if in.Ticket.Name != "" {
		e.TicketName = in.Ticket.Name
	}
	e.about = &policy.Ticket{ID: e.Ticket, Name: in.Ticket.Name, Creator: in.Ticket.Creator, Account: in.Ticket.Account,
		Project: in.Ticket.Project, Status: in.Ticket.Status}
	e.Stops = cmp.Or(e.Stops, in.Ticket.Stops)
	e.Teams = append(e.Teams, in.Ticket.Teams...)
	slices.Sort(e.Teams)
	e.Teams = slices.Compact(e.Teams)
}

// asked is the record of who asked for what a record tells the end of: it has the policies' input. Empty where there is
// none, and where the record has it itself.
func (n *Notifier) asked(ctx context.Context, r audit.Record, job string) audit.Record {
	q := search.Query{OperationID: r.OperationID, Limit: search.MaxLimit, Visible: search.Visibility{All: true}}
	first := []audit.Action{audit.ActionApprovalRequested, audit.ActionOperationRequested, audit.ActionOverrideUsed}
	switch {
	case r.Action == audit.ActionJobEnded:
		q.OperationID, q.Action = "", audit.ActionJobStarted
		first = []audit.Action{audit.ActionJobStarted}
	case r.OperationID == "", slices.Contains(first, r.Action):
		return audit.Record{}
	}
	page, err := n.cfg.Index.Search(ctx, q)
	if err != nil {
		n.cfg.Logger.WarnContext(ctx, "notice made without what came before it", "record", r.Sequence, "error", err)
		return audit.Record{}
	}
	for _, action := range first {
		for _, one := range page.Records {
			if one.Action == action && (r.OperationID != "" || operate.ParseDetail(one.Detail).Job == job) {
				return one
			}
		}
	}
	return audit.Record{}
}

// pathOf is the page on which there is more to see of an event, and to do.
func pathOf(e Event) string {
	group, _, _ := strings.Cut(string(e.Name), ".")
	switch {
	case group == "approval" && e.OperationID != "":
		return "/approvals/" + e.OperationID
	case e.Name == ReviewOverdue:
		return "/audit/review"
	case e.Name == BulkEnded && e.Bulk != "":
		return "/bulk/" + e.Bulk
	case group == "elevation":
		return "/elevations"
	case group == "log", group == "disk":
		return "/audit/integrity"
	case group == "policy":
		return "/me/permissions"
	case e.Name == TicketNeedsAttention:
		return "/tickets/" + e.Ticket
	case e.OperationID != "":
		return "/operations/" + e.OperationID
	}
	return ""
}

// id names an event: two logs have different ones.
func (n *Notifier) id(sequence int64, name Name) string {
	return fmt.Sprintf("coc_%s_%d_%s", digest(n.cfg.Log.Origin()), sequence, strings.ReplaceAll(string(name), ".", "-"))
}

func person(a audit.Actor) string {
	if a.UserName == "" {
		return a.UserID
	}
	if a.AccountName == "" {
		return a.UserName
	}
	return a.AccountName + "/" + a.UserName
}
