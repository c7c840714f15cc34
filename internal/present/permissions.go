package present

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// Permissions is what the rules say of a ticket's operations to one reader, before
// anything is confirmed: pages show what is denied as disabled, with the
// reason. What is only demanded first is the confirmation page's to say.
//
// Rendered parts that several readers share depend on it: whoever keeps them
// has to keep them by class, too, with the permissions of the same reading. A nil
// *permissions denies nothing.
type Permissions struct {
	ask      Decide
	ctx      context.Context //nolint:containedctx // it lives as long as one page
	actor    operate.Request
	subject  *Subject
	snapshot *watch.Snapshot
	said     map[permissionKey]policy.Decision
}

// Decide asks the rules about a request.
type Decide func(r operate.Request, on operate.Reading, impact operate.Impact) policy.Decision

// permissionKey is what tells two questions apart: instances of the same state in
// the same region get the same answer.
type permissionKey struct {
	op     coc.OperationType
	batch  int32
	status coc.InstanceStatus
	region string
}

// Subject is what the rules are asked about, at one reading of a ticket. What the operations stop is counted once for
// all readers. It does not refer to the snapshot.
type Subject struct {
	Now operate.Situation

	mu      sync.Mutex
	impacts map[permissionKey]operate.Impact
}

// NewSubject returns what the rules are asked about.
func NewSubject(now operate.Situation) *Subject {
	return &Subject{Now: now, impacts: map[permissionKey]operate.Impact{}}
}

// SubjectOf is NewSubject of a snapshot.
func SubjectOf(s *watch.Snapshot) *Subject { return NewSubject(SituationOf(s)) }

func (x *Subject) impact(key permissionKey, op coc.Operation, reading func() operate.Reading) operate.Impact {
	x.mu.Lock()
	defer x.mu.Unlock()
	impact, known := x.impacts[key]
	if !known {
		impact = reading().Impact(op)
		x.impacts[key] = impact
	}
	return impact
}

// NewPermissions asks decide about a subject, as a reader's request. snapshot has the rows that it was made of; nil:
// none are known.
func NewPermissions(ctx context.Context, actor audit.Actor, decide Decide, subject *Subject,
	snapshot *watch.Snapshot) *Permissions {
	return &Permissions{ctx: ctx, ask: decide, actor: operate.Request{Actor: actor}, subject: subject,
		snapshot: snapshot, said: map[permissionKey]policy.Decision{}}
}

// AskRows asks about the cancelling of each kind of instance.
func (o *Permissions) AskRows() {
	for _, b := range o.snapshot.Batches {
		for i := range b.Instances {
			o.decide(coc.Operation{Type: coc.CancelInstance, InstanceID: b.Instances[i].ID}, &b.Instances[i].Instance)
		}
	}
}

// Denied says why the rules stop an operation; nil when they do not. row is the
// Instance of CANCEL_INSTANCE.
func (o *Permissions) Denied(op coc.Operation, row *coc.Instance) *templates.Denial {
	if o == nil {
		return nil
	}
	if d := o.decide(op, row); d.Denied() {
		return Denial(o.ctx, d)
	}
	return nil
}

// WantApproval reports whether the rules want somebody else's consent for an operation on the ticket or a batch.
func (o *Permissions) WantApproval(op coc.Operation) bool {
	return o != nil && !o.decide(op, nil).Denied() && o.decide(op, nil).Wants(policy.Approval)
}

func (o *Permissions) decide(op coc.Operation, row *coc.Instance) policy.Decision {
	key := permissionKey{op: op.Type, batch: op.BatchIndex}
	if row != nil {
		key.status, key.region = row.Status, row.Target.RegionID
	}
	if d, known := o.said[key]; known {
		return d
	}
	reading := operate.Reading{Situation: o.subject.Now, Instance: row}
	impact := o.subject.impact(key, op, func() operate.Reading {
		reading.Instances = o.stopped(op)
		return reading
	})
	r := o.actor
	r.Operation = op
	d := o.ask(r, reading, impact)
	o.said[key] = d
	return d
}

// stopped are the instances that an operation on a batch or on the ticket stops, as far as they were read.
func (o *Permissions) stopped(op coc.Operation) (rows []coc.Instance) {
	if o.snapshot == nil || !operate.Stops(op.Type) {
		return nil
	}
	for _, b := range o.snapshot.Batches {
		scope := op.Type.Scope()
		if scope == coc.OnBatch && b.Index == op.BatchIndex || scope == coc.OnTicket && o.subject.Now.Open(b.Index) {
			for _, i := range b.Instances {
				rows = append(rows, i.Instance)
			}
		}
	}
	return rows
}

// Class is the same for readers to whom the rules deny the same for the same
// reasons, of what was asked until now.
func (o *Permissions) Class() string {
	var lines []string
	for key, d := range o.said {
		if d.Denied() {
			lines = append(lines, fmt.Sprint(key, d.Text, d.Policies, d.Ask, d.Failed, d.Windows))
		} else if d.Wants(policy.Approval) {
			lines = append(lines, fmt.Sprint(key, policy.Approval))
		}
	}
	slices.Sort(lines)
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, lines)
	return hex.EncodeToString(sum.Sum(nil))
}
