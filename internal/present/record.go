package present

import (
	"strings"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// TargetTitle names the instance or the ticket that was acted on.
func TargetTitle(r audit.Record) string {
	if r.Target == "" {
		return r.Ticket
	}
	return ansi.VisibleLine(r.Target)
}

// TargetAndTicket is TargetTitle, behind the name of an instance's ticket where the record says it.
func TargetAndTicket(r audit.Record) string {
	name := ansi.VisibleLine(query.TicketName(&r))
	if title := TargetTitle(r); name == "" || name == title {
		return title
	}
	return name + " · " + TargetTitle(r)
}

// Again is the address to try the operation again, where it had no effect. Where
// COC gave no clear answer there is none: whoever sends it again looks at the ticket first.
func Again(r operate.Receipt, batch int32) string {
	if r.Open() || r.Answer == nil || r.Answer.Action == audit.ActionOperationUnknown ||
		r.End != nil && r.End.Action == audit.ActionOperationObserved {
		return ""
	}
	op := coc.Operation{Type: coc.OperationType(r.Requested.OperationType), BatchIndex: r.Requested.BatchIndex,
		InstanceID: r.Requested.InstanceID}
	return NewOperationAddress(r.Requested.Ticket, op, batch)
}

// Steps are what happened to an operation, and what is still awaited.
func Steps(r operate.Receipt) []templates.Step {
	return []templates.Step{step(r.Requested), answerStep(r), endStep(r)}
}

func step(r audit.Record) templates.Step {
	d := operate.ParseDetail(r.Detail)
	return templates.Step{
		Action: string(r.Action), Time: r.When(), Duration: r.Duration, Note: string(d.Note), Status: d.Status,
		Sequence:          r.Sequence,
		Upstream:          strings.TrimSpace(AnswerText(r.Upstream.Status, r.Upstream.Code, r.Upstream.Message)),
		UpstreamRequestID: ansi.VisibleLine(r.Upstream.RequestID), Record: RecordAddress(r.Sequence),
		Encoded: ansi.VisibleLine(d.Denial),
	}
}

func answerStep(r operate.Receipt) templates.Step {
	if r.Answer == nil {
		return templates.Step{Action: string(audit.ActionOperationAccepted), Pending: true}
	}
	return step(*r.Answer)
}

func endStep(r operate.Receipt) templates.Step {
	switch {
	case r.End != nil:
		return step(*r.End)
	case r.Open():
		return templates.Step{Action: string(audit.ActionOperationObserved), Pending: true}
	}
	return templates.Step{Action: string(audit.ActionOperationObserved), Skipped: true}
}

// Approvals are the steps that led to an approved operation, of all its records.
func Approvals(records []audit.Record) (out []templates.Step) {
	for _, r := range records {
		words := operate.ParseDetail(r.Detail).Comment
		switch r.Action {
		case audit.ActionApprovalRequested:
			words = r.Reason
		case audit.ActionApprovalGiven, audit.ActionApprovalGranted:
		default:
			continue
		}
		out = append(out, templates.Step{Action: string(r.Action), Time: r.When(), Actor: ansi.VisibleLine(r.Actor.UserName),
			Words: ansi.Visible(words), Record: RecordAddress(r.Sequence), Sequence: r.Sequence})
	}
	return out
}

// Compared is what was seen of a ticket beside what it is; now is empty where
// that is not known.
func Compared(then, now string) (out []templates.SeenPair) {
	values := map[string]string{}
	for _, x := range SeenAttributes(now) {
		values[x.Name] = x.Value
	}
	for _, x := range SeenAttributes(then) {
		out = append(out, templates.SeenPair{Aspect: x.Name, Then: x.Value, Now: values[x.Name]})
	}
	return out
}

// SeenAttributes takes a picture apart for showing.
func SeenAttributes(text string) []templates.Attribute {
	p, err := operate.ParseSnapshot(text)
	if err != nil {
		return nil
	}
	all := []templates.Attribute{
		{Name: string(operate.AspectStatus), Value: string(p.Status)},
		{Name: string(operate.AspectBatch), Value: Decimal(p.Batch)},
		{Name: string(operate.AspectReady), Value: Decimal(p.Ready)},
		{Name: string(operate.AspectRunning), Value: Decimal(p.Running)},
		{Name: string(operate.AspectFailed), Value: Decimal(p.Failed)},
		{Name: string(operate.AspectCanceled), Value: Decimal(p.Canceled)},
		{Name: string(operate.AspectFinished), Value: Decimal(p.Finished)},
	}
	if p.Instance != "" {
		all = append(all, templates.Attribute{Name: string(operate.AspectInstance), Value: string(p.Instance)})
	}
	return all
}
