package auditview

import (
	"cmp"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// sortedAs is the time by which a record is sorted and found, where that is not
// the time that is shown; zero else.
func sortedAs(r audit.Record) time.Time {
	if r.Clock.IsZero() {
		return time.Time{}
	}
	return r.Time
}

// RecordPage is a record of the log as its page shows it, without what proves it.
func RecordPage(r audit.Record) templates.Record {
	page := templates.Record{
		Sequence: r.Sequence, Time: r.When(), Action: string(r.Action), Outcome: string(r.Outcome),
		User: ansi.VisibleLine(r.Actor.UserName), UserID: ansi.VisibleLine(r.Actor.UserID),
		Account: ansi.VisibleLine(r.Actor.AccountName), AccountID: ansi.VisibleLine(r.Actor.AccountID),
		Project: ansi.VisibleLine(r.Actor.ProjectName), ProjectID: ansi.VisibleLine(r.Actor.ProjectID),
		Groups:        ansi.VisibleLine(strings.ReplaceAll(r.Actor.Groups, "\n", ", ")),
		ClientAddress: ansi.VisibleLine(r.Origin.Address), UserAgent: ansi.VisibleLine(r.Origin.UserAgent),
		RequestID: r.Origin.RequestID, Session: r.Origin.Session,
		Ticket: r.Ticket, Operation: r.OperationType, OperationID: r.OperationID, BatchIndex: r.BatchIndex,
		Target: ansi.VisibleLine(r.Target), Reason: ansi.Visible(r.Reason),
		UpstreamStatus: r.Upstream.Status, UpstreamCode: ansi.VisibleLine(r.Upstream.Code),
		UpstreamMessage: ansi.Visible(r.Upstream.Message), UpstreamRequestID: ansi.VisibleLine(r.Upstream.RequestID),
		Duration: r.Duration, Detail: detailAttributes(r), Sorted: sortedAs(r),
	}
	if r.Ticket != "" {
		page.TicketAddress = present.TicketAddress(r.Ticket)
		page.Timeline = present.TimelineAddress("ticket", r.Ticket)
	}
	if r.OperationID != "" {
		page.Receipt = present.ReceiptAddress(r.OperationID)
	}
	if r.InstanceID != 0 {
		page.InstanceID = present.Decimal(r.InstanceID)
	}
	return page
}

// detailAttributes takes a record's detail apart: JSON where the rules or an
// operation are at work, pairs elsewhere.
func detailAttributes(r audit.Record) []templates.Attribute {
	if r.Repeats > 0 {
		count := templates.Attribute{Name: "repeats", Value: present.Decimal(r.Repeats)}
		r.Repeats = 0
		return append([]templates.Attribute{count}, detailAttributes(r)...)
	}
	if r.Input != "" {
		input := templates.Attribute{Name: "input", Value: ansi.Visible(r.Input)}
		r.Input = ""
		return append(detailAttributes(r), input)
	}
	if r.Detail == "" {
		return nil
	}
	if r.OperationID == "" && !strings.HasPrefix(r.Detail, "{") {
		return []templates.Attribute{{Name: "detail", Value: ansi.Visible(r.Detail)}}
	}
	d := operate.ParseDetail(r.Detail)
	var all []templates.Attribute
	add := func(name, value string) {
		if value != "" {
			all = append(all, templates.Attribute{Name: name, Value: ansi.Visible(value)})
		}
	}
	add("note", string(d.Note))
	add("status", d.Status)
	add("error", d.Error)
	if d.Batch != 0 {
		add("batch", present.Decimal(d.Batch))
	}
	add("canceled", joined(d.Canceled))
	add("others", joined(d.Others))
	add("policies", strings.Join(d.Policies, ", "))
	if d.Stops > 0 {
		add("stops", present.Decimal(d.Stops))
	}
	if d.Override {
		add("glass", "glass")
	}
	if d.Trial != "" {
		add("trial", string(d.Trial)+" "+strings.Join(d.TrialPolicies, ", "))
	}
	add("denial", d.Denial)
	add("approval", d.Approval)
	add("approved_by", cmp.Or(strings.Join(d.Approvers, ", "), d.ApprovedBy))
	if d.Needed > 0 {
		add("approvals_needed", present.Decimal(d.Needed))
	}
	if d.Apart {
		add("approvers_from", "different-teams") // as policies say it
	}
	add("teams", strings.Join(d.Teams, ", "))
	add("job", d.Job)
	add("comment", d.Comment)
	return all
}

func joined(ids []int64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = present.Decimal(id)
	}
	return strings.Join(parts, ", ")
}
