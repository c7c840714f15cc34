package handlers

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// offers is what the rules say of a ticket's operations to one reader, before
// anything is confirmed: pages show what is denied as disabled, with the
// reason. What is only demanded first is the confirmation page's to say.
//
// Rendered parts that several readers share depend on it: whoever keeps them
// has to keep them by class, too, with the offers of the same reading. A nil
// *offers denies nothing.
type offers struct {
	h     *Handlers
	ctx   context.Context //nolint:containedctx // it lives as long as one page
	actor operate.Request
	now   operate.Situation
	rows  map[int32][]coc.Instance // by batch, as far as they were read
	said  map[offerKey]policy.Decision
}

// offerKey is what tells two questions apart: instances of the same state in
// the same region get the same answer.
type offerKey struct {
	op     coc.OperationType
	batch  int32
	status coc.InstanceStatus
	region string
}

func (h *Handlers) offers(ctx context.Context, v Viewer, now operate.Situation, rows map[int32][]coc.Instance) *offers {
	return &offers{h: h, ctx: ctx, actor: operate.Request{Actor: v.Actor}, now: now, rows: rows, said: map[offerKey]policy.Decision{}}
}

// denied says why the rules stop an operation; nil when they do not. row is the
// instance of CANCEL_INSTANCE.
func (o *offers) denied(op coc.Operation, row *coc.Instance) *templates.Denial {
	if o == nil {
		return nil
	}
	if d := o.decide(op, row); d.Denied() {
		return Denial(o.ctx, d)
	}
	return nil
}

func (o *offers) decide(op coc.Operation, row *coc.Instance) policy.Decision {
	key := offerKey{op: op.Type, batch: op.BatchIndex}
	if row != nil {
		key.status, key.region = row.Status, row.Target.RegionID
	}
	if d, known := o.said[key]; known {
		return d
	}
	reading := operate.Reading{Situation: o.now, Instance: row}
	switch op.Type {
	case coc.SkipBatch:
		reading.Instances = o.rows[op.BatchIndex]
	case coc.CancelOrder:
		for batch, rows := range o.rows {
			if o.now.Open(batch) {
				reading.Instances = append(reading.Instances, rows...)
			}
		}
	case coc.CancelInstance, coc.PauseOrder, coc.ContinueOrder:
	}
	r := o.actor
	r.Operation = op
	d, _ := o.h.Operations.Decide(r, reading)
	o.said[key] = d
	return d
}

// class is the same for readers to whom the rules deny the same for the same
// reasons, of what was asked until now.
func (o *offers) class() string {
	var lines []string
	for key, d := range o.said {
		if d.Denied() {
			lines = append(lines, fmt.Sprint(key, d.Text, d.Policies, d.Ask, d.Failed))
		}
	}
	slices.Sort(lines)
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, lines)
	return hex.EncodeToString(sum.Sum(nil))
}
