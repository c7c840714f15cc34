package handlers

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// This file turns what COC tells into what pages show.

func ticketHead(t coc.Ticket, now time.Time) templates.TicketHead {
	head := templates.TicketHead{
		ID: string(t.ExecuteUUID), Name: visible(t.ScriptName), Status: string(t.Status), Creator: visible(t.Creator),
		Created: t.Created, Finished: t.Finished, Duration: t.Duration(now),
		ScriptID: visible(t.ScriptUUID), Version: visible(t.ScriptVersion), Source: visible(t.ScriptSource),
		ExecuteUser: visible(t.ExecuteUser), Timeout: t.Timeout, CurrentBatch: t.CurrentBatch,
	}
	if t.SuccessRate != nil {
		head.SuccessRate = strconv.FormatFloat(*t.SuccessRate, 'f', -1, 64)
	}
	return head
}

// mask is what COC shows for a sensitive value (docs/coc-api.md section 4.2).
const mask = "*****************"

func params(all []coc.Param) []templates.Param {
	out := make([]templates.Param, len(all))
	for i, p := range all {
		out[i] = templates.Param{Name: visible(p.Name), Value: visible(p.Value), Masked: p.Value == mask,
			Reference: visible(p.Reference)}
	}
	return out
}

func instance(ticket string, batch int32, i coc.Instance, s operate.Situation, now time.Time, may *offers) templates.Instance {
	id, t := coc.InstanceID(i), i.Target
	out := templates.Instance{
		ID: decimal(id), Batch: batch, HostName: visible(t.HostName), FixedIP: visible(t.FixedIP),
		FloatingIP: visible(t.FloatingIP), Region: visible(t.RegionID), Zone: visible(t.ZoneID),
		Status: string(i.Status), Created: i.Created, Finished: i.Finished, Duration: i.Duration(now),
		Address:    instanceAddress(ticket, id, batch),
		ResourceID: visible(t.ResourceID), Provider: visible(t.Provider), Type: visible(t.Type),
		ProjectID: visible(t.ProjectID), Application: visible(t.Application), Group: visible(t.Group),
		CommandID: visible(i.CommandID), AgentSN: visible(t.AgentSN), AgentVersion: visible(t.AgentVersion),
		AgentStatus: visible(t.AgentStatus), LastLine: lastLine(i.Message),
		Target: ticket + "." + decimal(id) + "." + decimal(batch),
	}
	for _, a := range t.Attributes {
		out.Attributes = append(out.Attributes, templates.Attribute{Name: visible(a.Key), Value: visible(a.Value)})
	}
	if i.Status == coc.InstanceReady {
		out.Duration = 0 // it has not run yet
	}
	op := coc.Operation{Type: coc.CancelInstance, InstanceID: id}
	out.Cancel = choice(ticket, op, batch, s.Check(op, i.Status), may.denied(op, &i))
	out.Cancel.Waiting = i.Status == coc.InstanceReady && out.Cancel.Address != ""
	return out
}

func choice(ticket string, op coc.Operation, batchHint int32, why operate.Refusal, denied *templates.Denial) templates.OperationChoice {
	c := templates.OperationChoice{Type: string(op.Type), Batch: op.BatchIndex}
	switch {
	case why != operate.Fits:
		c.Refusal = string(why)
		return c
	case denied != nil:
		c.Denied = denied
		return c
	}
	c.Address = newOperationAddress(ticket, op, batchHint)
	return c
}

// choices are the operations on a ticket and on its batch that is next.
func choices(s operate.Situation, may *offers) []templates.OperationChoice {
	id := string(s.Ticket.ExecuteUUID)
	skip := skipOf(s, cmp.Or(s.SkippableBatch(), s.Ticket.CurrentBatch), may)
	all := []templates.OperationChoice{}
	for _, t := range []coc.OperationType{coc.PauseOrder, coc.ContinueOrder} {
		op := coc.Operation{Type: t}
		all = append(all, choice(id, op, 0, s.Check(op, ""), may.denied(op, nil)))
	}
	op := coc.Operation{Type: coc.CancelOrder}
	return append(all, skip, choice(id, op, 0, s.Check(op, ""), may.denied(op, nil)))
}

func skipOf(s operate.Situation, batch int32, may *offers) templates.OperationChoice {
	op := coc.Operation{Type: coc.SkipBatch, BatchIndex: batch}
	return choice(string(s.Ticket.ExecuteUUID), op, 0, s.Check(op, ""), may.denied(op, nil))
}

func batches(s operate.Situation, selected int32, may *offers) []templates.Batch {
	out := make([]templates.Batch, len(s.Batches))
	for i, b := range s.Batches {
		out[i] = batch(s, b, selected, may)
	}
	return out
}

func batch(s operate.Situation, b coc.Batch, selected int32, may *offers) templates.Batch {
	return templates.Batch{
		Index: b.Index, Total: b.TotalInstances, Rotation: string(b.Rotation), State: string(s.BatchState(b.Index)),
		Current: b.Index == s.Ticket.CurrentBatch, Selected: b.Index == selected,
		Address: batchAddress(string(s.Ticket.ExecuteUUID), b.Index), Skip: skipOf(s, b.Index, may),
	}
}

// counts lists the known states in the order of a run, then what else COC told.
func counts(s coc.Statistics) []templates.Count {
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

func tally(s coc.Statistics) templates.Tally {
	t := templates.Tally{Total: s.Total}
	for _, c := range s.Counts {
		count(&t, c.Status, c.Count)
	}
	return t
}

// tallyRows counts rows that are hit.
func tallyRows(rows ...coc.Instance) templates.Tally {
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
