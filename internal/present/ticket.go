package present

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// This file turns what COC tells into what pages show.

// TicketHead is what a page says of a ticket itself.
func TicketHead(s operate.Situation, now time.Time) templates.TicketHead {
	t := s.Ticket
	head := templates.TicketHead{
		ID: string(t.ExecuteUUID), Name: ansi.VisibleLine(t.ScriptName), Status: string(t.Status),
		Creator: ansi.VisibleLine(t.Creator),
		Created: t.Created, Finished: t.Finished, Duration: t.Duration(now), Read: now,
		ScriptID: ansi.VisibleLine(t.ScriptUUID), Version: ansi.VisibleLine(t.ScriptVersion),
		Source:      ansi.VisibleLine(t.ScriptSource),
		ExecuteUser: ansi.VisibleLine(t.ExecuteUser), Timeout: t.Timeout, CurrentBatch: t.CurrentBatch,
		Over: s.Over(), Batches: int32(min(len(s.Batches), coc.MaxBatchIndex)),
	}
	if t.SuccessRate != nil {
		head.SuccessRate = strconv.FormatFloat(*t.SuccessRate, 'f', -1, 64)
	}
	return head
}

// mask is what COC shows for a sensitive value (docs/coc-api.md section 4.2).
const mask = "*****************"

// Params are a script's parameters.
func Params(all []coc.Param) []templates.Param {
	out := make([]templates.Param, len(all))
	for i, p := range all {
		out[i] = templates.Param{Name: ansi.VisibleLine(p.Name), Value: ansi.Visible(p.Value), Masked: p.Value == mask,
			Reference: ansi.VisibleLine(p.Reference)}
	}
	return out
}

// Instance is an instance with the operation that the reader may apply to it.
func Instance(ticket string, batch int32, i coc.Instance, s operate.Situation, now time.Time,
	may *Permissions) templates.Instance {
	id, t := coc.InstanceID(i), i.Target
	out := templates.Instance{
		ID: Decimal(id), Batch: batch, HostName: ansi.VisibleLine(t.HostName), FixedIP: ansi.VisibleLine(t.FixedIP),
		FloatingIP: ansi.VisibleLine(t.FloatingIP), Region: ansi.VisibleLine(t.RegionID), Zone: ansi.VisibleLine(t.ZoneID),
		Status: string(i.Status), Created: i.Created, Finished: i.Finished, Read: now, Duration: i.Duration(now),
		Address:    InstanceAddress(ticket, id, batch),
		ResourceID: ansi.VisibleLine(t.ResourceID), Provider: ansi.VisibleLine(t.Provider), Type: ansi.VisibleLine(t.Type),
		ProjectID: ansi.VisibleLine(t.ProjectID), Application: ansi.VisibleLine(t.Application),
		Group:     ansi.VisibleLine(t.Group),
		CommandID: ansi.VisibleLine(i.CommandID), AgentSN: ansi.VisibleLine(t.AgentSN),
		AgentVersion: ansi.VisibleLine(t.AgentVersion),
		AgentStatus:  ansi.VisibleLine(t.AgentStatus), LastLine: ansi.Summary(i.Message),
		Target: ticket + "." + Decimal(id) + "." + Decimal(batch),
	}
	for _, a := range t.Attributes {
		out.Attributes = append(out.Attributes, templates.Attribute{Name: ansi.VisibleLine(a.Key),
			Value: ansi.Visible(a.Value)})
	}
	if i.Status == coc.InstanceReady {
		out.Duration = 0 // it has not run yet
	}
	op := coc.Operation{Type: coc.CancelInstance, InstanceID: id}
	out.Cancel = Choice(ticket, op, batch, operate.Check(s, op, i.Status), may.Denied(op, &i))
	out.Cancel.Waiting = i.Status == coc.InstanceReady && out.Cancel.Address != ""
	return out
}

// Choice is an operation as a page offers it, or says why it does not.
func Choice(ticket string, op coc.Operation, batchHint int32, why operate.Refusal,
	denied *templates.Denial) templates.OperationChoice {
	c := templates.OperationChoice{Type: string(op.Type), Batch: op.BatchIndex}
	switch {
	case why != operate.Fits:
		c.Refusal = string(why)
		return c
	case denied != nil:
		c.Denied = denied
		return c
	}
	c.Address = NewOperationAddress(ticket, op, batchHint)
	return c
}

// Choices are the operations on a ticket and on its batch that is next.
func Choices(s operate.Situation, may *Permissions) []templates.OperationChoice {
	id := string(s.Ticket.ExecuteUUID)
	all := []templates.OperationChoice{}
	for _, t := range coc.OperationTypes() {
		op := coc.Operation{Type: t}
		switch t.Scope() {
		case coc.OnInstance: // offered with the instance
			continue
		case coc.OnBatch:
			op.BatchIndex = cmp.Or(s.SkippableBatch(), s.Ticket.CurrentBatch)
		case coc.OnTicket:
		}
		choice := Choice(id, op, 0, operate.Check(s, op, ""), may.Denied(op, nil))
		choice.Approval = choice.Address != "" && may.WantApproval(op)
		all = append(all, choice)
	}
	return all
}

func skipOf(s operate.Situation, batch int32, may *Permissions) templates.OperationChoice {
	op := coc.Operation{Type: coc.SkipBatch, BatchIndex: batch}
	return Choice(string(s.Ticket.ExecuteUUID), op, 0, operate.Check(s, op, ""), may.Denied(op, nil))
}

// Batch is a batch with the operation that skips it.
func Batch(s operate.Situation, b coc.Batch, selected int32, may *Permissions) templates.Batch {
	return templates.Batch{
		Index: b.Index, Total: b.TotalInstances, Rotation: string(b.Rotation), State: string(s.BatchState(b.Index)),
		Current: b.Index == s.Ticket.CurrentBatch, Selected: b.Index == selected,
		Address: BatchAddress(string(s.Ticket.ExecuteUUID), b.Index), Skip: skipOf(s, b.Index, may),
	}
}

// Counts lists the known states in the order of a run, then what else COC told.
func Counts(s coc.Statistics) []templates.Count {
	known := []coc.InstanceStatus{coc.InstanceReady, coc.InstanceProcessing, coc.InstanceFinished,
		coc.InstanceAbnormal, coc.InstanceCanceled}
	var out []templates.Count
	for _, status := range known {
		out = append(out, templates.Count{Status: string(status), Count: s.Count(status)})
	}
	for _, c := range s.Counts {
		if c.Count > 0 && !slices.Contains(known, c.Status) {
			out = append(out, templates.Count{Status: string(c.Status), Count: c.Count})
		}
	}
	return out
}

// Tally counts instances by whether they wait, run or are done.
func Tally(s coc.Statistics) templates.Tally {
	t := templates.Tally{Total: s.Total}
	for _, c := range s.Counts {
		count(&t, c.Status, c.Count)
	}
	return t
}

// TallyRows counts rows that are hit.
func TallyRows(rows ...coc.Instance) templates.Tally {
	t := templates.Tally{Total: int32(min(len(rows), math.MaxInt32))}
	for _, r := range rows {
		count(&t, r.Status, 1)
	}
	return t
}

func count(t *templates.Tally, status coc.InstanceStatus, n int32) {
	switch {
	case status == coc.InstanceReady:
		t.Waiting += n
	case status.Terminal():
		t.Done += n
	default: // a state this console does not know may well be running
		t.Running += n
	}
}

// SituationOf is a snapshot as the rules of the operations see it.
func SituationOf(s *watch.Snapshot) operate.Situation {
	now := operate.Situation{Ticket: s.Ticket, Statistics: s.Statistics}
	for _, b := range s.Batches {
		now.Batches = append(now.Batches, b.Batch)
	}
	return now
}

// ProgressOf is how far a ticket is, and how long it may still take.
func ProgressOf(s *watch.Snapshot) templates.Progress {
	p := templates.Progress{Total: s.Statistics.Total, Uncounted: s.StatisticsAt.IsZero()}
	for _, c := range s.Statistics.Counts {
		if c.Status.Terminal() {
			p.Done += c.Count
		}
	}
	if rate, ok := watch.SuccessOf(s, 0); ok {
		done := rate.Total - rate.Open
		p.Success = &templates.Success{Done: done, Verdict: string(rate.Verdict()), Threshold: percentText(rate.Threshold),
			MayFail: rate.Finished + rate.Open - rate.Required}
		if done > 0 {
			p.Success.Percent = strconv.Itoa(100 * rate.Finished / done) // rounded up it would say too much
		}
	}
	if e, ok := watch.EstimateRemaining(s, s.At); ok {
		p.Remaining = &templates.Remaining{Time: e.Remaining, Overdue: e.Overdue, Samples: e.Samples}
		if e.Pauses {
			p.Remaining.Batch = e.Batch
		}
	}
	return p
}

// TroubleOf is why a page is not current, or shows a part alone.
func TroubleOf(t *watch.Trouble, partial bool, texts *i18n.Problems) *templates.Trouble {
	out := &templates.Trouble{Since: t.Since, Partial: partial, Missed: t.Missed,
		Failure: *Failure(texts.UpstreamBroken, "", "")}
	if upstream, ok := errors.AsType[*coc.Error](t.Err); ok {
		_, shown := FailureOf(upstream, texts)
		out.Failure = *shown
	} else if errors.Is(t.Err, watch.ErrUnknown) {
		out.Failure = *Failure(texts.Unavailable, "", "")
	}
	return out
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

// eventID is the same for the same event at every rendering.
func eventID(e watch.Event) string {
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, e.Subject, " ", e.Batch, " ", e.Instance, " ", e.From, " ", e.To, " ", e.Seen.UnixNano())
	return "event-" + hex.EncodeToString(sum.Sum(nil))
}

// TicketName is its script's name, or else its id.
func TicketName(t coc.Ticket) string {
	return ansi.VisibleLine(cmp.Or(t.ScriptName, string(t.ExecuteUUID)))
}
