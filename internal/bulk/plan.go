package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

// MaxItems is the most targets of a bulk operation: as many as a ticket has instances.
const MaxItems = 200

// planners is how many targets are read at the same time.
const planners = 4

// Target is one thing that a bulk operation is to act on.
type Target struct {
	Ticket     coc.ExecuteUUID
	InstanceID int64
	BatchIndex int32
	BatchHint  int32
	Expected   string // the snapshot that the form carried; empty when it is shown for the first time
	Beside     string // the pending operation beside which it goes
}

// Request is a bulk operation as a person asked for it.
type Request struct {
	SessionKey string
	Caller     coc.Caller
	Actor      audit.Actor
	Origin     audit.Origin
	Type       coc.OperationType
	Targets    []Target
	Reason     string
	Count      string
	Override   bool
	Beside     []string // the pending operations beside which items may go
	Key        string
}

// Planned is one target of a bulk operation with what was read of it.
type Planned struct {
	Target
	Name     string // for people
	Now      operate.Reading
	Impact   operate.Impact
	Decision policy.Decision
	Refusal  operate.Refusal
	Changes  []operate.Change // material ones, since the form was made
	Pending  []audit.Record   // requests of operations on the same target that have no end
	Err      error            // it could not be read; *PolicyError where the rules hide the ticket
}

// OK reports whether the item can be sent once all demands are met.
func (p Planned) OK() bool { return p.ready() && !p.Decision.Denied() }

// ready reports whether nothing but the rules may stop the item.
func (p Planned) ready() bool { return p.sendable() && !p.Waits() }

// sendable reports whether nothing but the rules, or a pending operation, may
// stop the item.
func (p Planned) sendable() bool {
	return p.Err == nil && p.Refusal == operate.Fits && len(p.Changes) == 0
}

// OnlyWaits reports whether nothing but a pending operation stops the item.
func (p Planned) OnlyWaits() bool { return p.sendable() && !p.Decision.Denied() && p.Waits() }

// Waits reports whether a pending operation stops the item, beside which it was
// not said to go.
func (p Planned) Waits() bool { return len(p.Pending) > 0 && p.Pending[0].OperationID != p.Beside }

// Plan is a bulk operation before it is confirmed.
type Plan struct {
	Items    []Planned
	Stops    int // instances, of the items that can be sent
	Running  int
	Demands  []policy.Demand // of all items together
	Override bool
	Counted  bool // the number that stops was typed
}

// Fits reports whether every item can be sent now.
func (p Plan) Fits() bool {
	for _, i := range p.Items {
		if !i.OK() || !i.Decision.Allowed {
			return false
		}
	}
	return len(p.Items) > 0
}

// PlanError says that a bulk operation was not started, and why: an item that cannot be
// sent, or something that the rules demand.
type PlanError struct{ Plan Plan }

func (e *PlanError) Error() string { return "the bulk operation was not started" }

// ErrTargets says that a bulk operation has no targets, or more than MaxItems, or one twice.
var ErrTargets = fmt.Errorf("a bulk operation takes 1 to %d different targets", MaxItems)

// Plan reads what a bulk operation would act on and asks the rules about every item.
func (s *Service) Plan(ctx context.Context, r Request) (Plan, error) {
	if err := r.check(); err != nil {
		return Plan{}, err
	}
	plan := Plan{Items: make([]Planned, len(r.Targets))}
	open := map[coc.ExecuteUUID]func() (operate.Open, error){}
	for _, t := range r.Targets {
		if open[t.Ticket] == nil {
			open[t.Ticket] = sync.OnceValues(func() (operate.Open, error) { return s.operations.OpenOn(ctx, t.Ticket) })
		}
	}
	terms := &operate.Bulk{Items: len(r.Targets), Since: time.Now()}
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(planners)
	for i, t := range r.Targets {
		g.Go(func() error {
			plan.Items[i] = s.planItem(reading, r, t, terms, open[t.Ticket])
			return signInAgain(plan.Items[i].Err)
		})
	}
	if err := g.Wait(); err != nil {
		return Plan{}, err
	}
	for _, item := range plan.Items {
		if item.sendable() {
			plan.Stops, plan.Running = plan.Stops+item.Impact.Stops, plan.Running+item.Impact.Running
		}
	}
	plan.Counted = strings.TrimSpace(r.Count) == strconv.Itoa(plan.Stops)
	terms.Counted = plan.Counted
	for i := range plan.Items {
		s.decideItem(r, &plan.Items[i], terms, &plan)
	}
	return plan, nil
}

// signInAgain is the error if it ends the whole plan.
func signInAgain(err error) error {
	if call, ok := errors.AsType[*coc.Error](err); ok && call.SignInAgain() {
		return err
	}
	return nil
}

func (r Request) check() error {
	if len(r.Targets) == 0 || len(r.Targets) > MaxItems {
		return ErrTargets
	}
	seen := map[Target]bool{}
	for _, t := range r.Targets {
		t.Expected, t.BatchHint, t.Beside = "", 0, ""
		if seen[t] {
			return ErrTargets
		}
		seen[t] = true
		if err := r.operation(t).Validate(); err != nil {
			return err
		}
	}
	if n := utf8.RuneCountInString(r.Reason); n > operate.MaxReason {
		return &operate.ReasonTooLongError{Length: n}
	}
	return nil
}

func (r Request) operation(t Target) coc.Operation {
	return coc.Operation{Type: r.Type, BatchIndex: t.BatchIndex, InstanceID: t.InstanceID}
}

// request is one item as Apply takes it.
func (r Request) request(t Target, terms *operate.Bulk) operate.Request {
	return operate.Request{SessionKey: r.SessionKey, Caller: r.Caller, Actor: r.Actor, Origin: r.Origin, Ticket: t.Ticket,
		Operation: r.operation(t), BatchHint: t.BatchHint, Reason: r.Reason, Expected: t.Expected, Override: r.Override,
		Beside: t.Beside, Bulk: terms}
}

func (s *Service) planItem(ctx context.Context, r Request, t Target, terms *operate.Bulk,
	open func() (operate.Open, error)) Planned {
	p := Planned{Target: t}
	one := r.request(t, terms)
	p.Now, p.Err = s.operations.ReadFor(ctx, one)
	if d := s.operations.MayView(r.Actor, p.Now.Ticket); p.Now.Ticket.ExecuteUUID != "" && !d.Allowed {
		p.Err = &operate.PolicyError{Decision: d}
	}
	if p.Err != nil {
		p.Now = operate.Reading{}
		return p
	}
	p.Name, p.Impact, p.Refusal = operate.TargetName(one.Operation, p.Now), p.Now.Impact(one.Operation),
		p.Now.Check(one.Operation)
	p.BatchHint = p.Now.InstanceBatch
	onTicket, err := open()
	if err == nil {
		p.Pending, err = s.operations.PendingIn(ctx, onTicket, one.Operation)
	}
	if p.Err = err; err != nil {
		return p
	}
	if len(p.Pending) > 0 && slices.Contains(r.Beside, p.Pending[0].OperationID) {
		p.Beside = p.Pending[0].OperationID
	}
	if t.Expected == "" {
		p.Expected = p.Now.Snapshot().String()
		return p
	}
	seen, err := operate.ParseSnapshot(t.Expected)
	if err != nil {
		p.Err = operate.ErrBadSnapshot
		return p
	}
	if changes := seen.Changes(p.Now.Snapshot(), r.Type); operate.Stale(changes) {
		p.Changes = changes
	}
	return p
}

// decideItem asks the rules about an item, and adds what they want to the plan.
func (s *Service) decideItem(r Request, p *Planned, terms *operate.Bulk, plan *Plan) {
	if p.Err != nil {
		return
	}
	p.Decision, _ = s.operations.Decide(r.request(p.Target, terms), p.Now)
	plan.Override = plan.Override || p.Decision.Override
	for _, d := range p.Decision.Demands {
		known := false
		for _, have := range plan.Demands {
			known = known || have.Policy == d.Policy
		}
		if !known {
			plan.Demands = append(plan.Demands, d)
		}
	}
}
