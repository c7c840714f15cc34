package operate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/policy"
)

// Rules decide who may do what (policy.Store).
type Rules interface {
	Decide(q policy.Request) policy.Decision
}

// PolicyError says that the rules stop an operation: for good, or until what
// the decision demands is done. Nothing was sent.
type PolicyError struct {
	Decision policy.Decision
	Impact   Impact
	// Miscounted says that a number was typed, and is not that of the instances that stop.
	Miscounted bool
	Now        Reading
}

func (e *PolicyError) Error() string {
	if e.Decision.Denied() {
		return "the rules deny the operation: " + strings.Join(e.Decision.Policies, ", ")
	}
	return "the rules want something done before the operation"
}

// Impact is what an operation stops or takes out, in instances.
type Impact struct {
	Stops   int // running or waiting, that will not go on
	Running int // of these, those that run now, or may: their state is not known
	Total   int // of the ticket
	// Where the instances are that were read; sorted, each once.
	Regions, Zones, Applications []string
}

// Impact counts what op stops, from one reading. Pausing and continuing stop
// nothing: what runs goes on (docs/coc-api.md section 8.2).
func (r Reading) Impact(op coc.Operation) Impact {
	out := Impact{Total: int(r.Statistics.Total)}
	if stops := definitions[op.Type].stops; stops != nil {
		stops(r, &out)
	}
	for _, names := range [][]string{out.Regions, out.Zones, out.Applications} {
		slices.Sort(names)
	}
	return out
}

func (r *Impact) add(i coc.Instance) {
	r.in(i.Target)
	if i.Status.Terminal() {
		return
	}
	r.Stops++
	if mayRun(i.Status) {
		r.Running++
	}
}

// mayRun reports whether an instance in that state runs, or may: one in a state that is not known.
func mayRun(s coc.InstanceStatus) bool { return !s.Terminal() && s != coc.InstanceReady }

// in notes where an instance is.
func (r *Impact) in(t coc.Target) {
	once(&r.Regions, t.RegionID)
	once(&r.Zones, t.ZoneID)
	once(&r.Applications, t.Application)
}

// once appends a name that is not there yet.
func once(all *[]string, name string) {
	if name != "" && !slices.Contains(*all, name) {
		*all = append(*all, name)
	}
}

// permit is the policy's permission for one operation on one reading. Only
// authorize makes one, and request takes one.
type permit struct {
	decision policy.Decision
	impact   Impact
	override bool // it is allowed for an override alone
}

// mark notes in the request's detail on what ground it is sent.
func (p permit) mark(r Request, d Detail) Detail {
	d.Policies, d.Stops, d.Override = p.decision.Policies, p.impact.Stops, p.override
	if r.Approved != nil {
		d.ApprovedBy = NameOf(r.Approved.By)
		if len(r.Approved.Before) > 0 {
			d.Approvers = append(NamesOf(r.Approved.Before), d.ApprovedBy)
		}
	}
	if r.Bulk != nil {
		d.Job = r.Bulk.ID
	}
	return d.Tried(p.decision)
}

// recordOverride makes an override durable before the operation's request is: a
// record of its own, by which managers find it.
func (s *Service) recordOverride(ctx context.Context, p permit, requesting audit.Record) error {
	if !p.override {
		return nil
	}
	r := requesting
	r.Action, r.Outcome = audit.ActionOverrideUsed, audit.OutcomeSucceeded
	if _, err := s.log.Append(ctx, r); err != nil {
		return fmt.Errorf("record the override of operation %s on ticket %s: %w", r.OperationID, r.Ticket, err)
	}
	return nil
}

// MayView asks the rules whether somebody may see a ticket. They are told what a row of the list tells, no regions and
// no counts: a ticket that is hidden in one place is hidden in all.
func (s *Service) MayView(who audit.Actor, t coc.Ticket) policy.Decision {
	return s.rules.Decide(policy.Request{Person: PersonOf(who), Action: policy.View,
		Ticket: TicketOf(who, Reading{Situation: Situation{Ticket: t}}, Impact{}), Circumstances: policy.Circumstances{
			At: s.now().Local()}})
}

// Decide asks the rules about a request, on a reading of its ticket. What somebody may not see, they may not operate.
func (s *Service) Decide(r Request, now Reading) (policy.Decision, Impact) {
	impact := now.Impact(r.Operation)
	return s.DecideOn(r, now, impact), impact
}

// DecideOn is Decide where the operation's impact is known.
func (s *Service) DecideOn(r Request, now Reading, impact Impact) policy.Decision {
	q := policy.Request{Person: PersonOf(r.Actor), Action: policy.Action(r.Operation.Type),
		Ticket: TicketOf(r.Actor, now, impact), Circumstances: policy.Circumstances{
			Reason: strings.TrimSpace(r.Reason) != "", Counted: r.Counts(impact), Approved: r.Approved != nil,
			Override: r.Override, Bulk: r.Bulk.size(), At: s.now().Local()}}
	if view := s.MayView(r.Actor, now.Ticket); !view.Allowed {
		return view
	}
	return s.rules.Decide(q)
}

// Counts reports whether the number that stops was typed. In a bulk operation it
// was typed for all items at once, and for an approval when it was asked for.
func (r Request) Counts(now Impact) bool {
	return r.Approved != nil && r.Approved.Counted || r.Bulk != nil && r.Bulk.Counted ||
		strings.TrimSpace(r.Count) == strconv.Itoa(now.Stops)
}

// PersonOf is how the rules see somebody.
func PersonOf(a audit.Actor) policy.Person {
	return policy.Person{UserID: a.UserID, UserName: a.UserName, AccountName: a.AccountName, Groups: a.Groups}
}

// TicketOf is how the rules see a ticket. COC shows a token only the tickets
// of its own account.
func TicketOf(a audit.Actor, now Reading, r Impact) *policy.Ticket {
	return &policy.Ticket{ID: string(now.Ticket.ExecuteUUID), Name: now.Ticket.ScriptName, Creator: now.Ticket.Creator,
		Account: a.AccountName, Project: a.ProjectName, Status: string(now.Ticket.Status), Regions: r.Regions,
		Zones: r.Zones, Applications: r.Applications, Total: r.Total, Stops: r.Stops, Running: r.Running}
}

// authorize gets the rules' permission, or *PolicyError.
func (s *Service) authorize(r Request, now Reading) (permit, error) {
	calm := r
	calm.Override = false
	d, impact := s.Decide(calm, now) // an override that is not needed is none
	if r.Override && !d.Allowed {
		if broken, _ := s.Decide(r, now); broken.Allowed {
			return permit{broken, impact, true}, nil
		}
	}
	d.Asked.Override = r.Override
	if d.Allowed {
		return permit{d, impact, false}, nil
	}
	typed := strings.TrimSpace(r.Count)
	return permit{}, &PolicyError{Decision: d, Impact: impact, Now: now, Miscounted: typed != "" &&
		typed != strconv.Itoa(impact.Stops)}
}

// recordDenial writes a denial into the log; that the log does not take it changes
// nothing for the person.
func (s *Service) recordDenial(ctx context.Context, r Request, e *PolicyError) {
	d := e.Decision
	if !d.Denied() {
		return
	}
	record := audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: r.Actor,
		Origin: r.Origin, Ticket: string(r.Ticket), OperationType: string(r.Operation.Type),
		BatchIndex: r.Operation.BatchIndex, InstanceID: r.Operation.InstanceID, Target: TargetName(r.Operation, e.Now),
		Reason: r.Reason, Detail: Detail{Policies: d.Policies, Error: strings.Join(d.Failed, "; ")}.Tried(d).String(),
		Input: d.Input()}
	if d.Hides() { // whoever may not see the ticket reads their own records
		record.Target = ""
	}
	if _, err := s.log.Append(ctx, record); err != nil {
		s.logger.WarnContext(ctx, "denial not logged", "ticket", r.Ticket, "error", err)
	}
}
