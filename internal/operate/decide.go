package operate

import (
	"context"
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
	Radius   Radius
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

// Radius is what an operation stops or takes out, in instances.
type Radius struct {
	Stops   int // running or waiting, that will not go on
	Running int // of these, those that run now
	Total   int // of the ticket
	Regions []string
}

// Radius counts what op stops, from one reading. Pausing and continuing stop
// nothing: what runs goes on (docs/coc-api.md section 8.2).
func (r Reading) Radius(op coc.Operation) Radius {
	out := Radius{Total: int(r.Statistics.Total)}
	switch op.Type {
	case coc.CancelInstance:
		if r.Instance != nil {
			out.add(*r.Instance)
		}
	case coc.SkipBatch:
		for _, i := range r.Instances {
			out.add(i)
		}
	case coc.CancelOrder:
		for _, c := range r.Statistics.Counts {
			if !c.Status.Terminal() {
				out.Stops += int(c.Count)
			}
			if c.Status == coc.InstanceProcessing {
				out.Running += int(c.Count)
			}
		}
		for _, i := range r.Instances {
			out.in(i.Target.RegionID)
		}
	case coc.PauseOrder, coc.ContinueOrder:
	}
	slices.Sort(out.Regions)
	return out
}

func (r *Radius) add(i coc.Instance) {
	r.in(i.Target.RegionID)
	if i.Status.Terminal() {
		return
	}
	r.Stops++
	if i.Status == coc.InstanceProcessing {
		r.Running++
	}
}

func (r *Radius) in(region string) {
	if region != "" && !slices.Contains(r.Regions, region) {
		r.Regions = append(r.Regions, region)
	}
}

// permit is the rules' leave for one operation on one reading. Only decide
// makes one, and send takes one.
type permit struct {
	decision policy.Decision
	radius   Radius
	glass    bool // had to be broken for it
}

// mark notes in the request's detail on what ground it is sent.
func (p permit) mark(r Request, d Detail) Detail {
	d.Policies, d.Stops, d.Glass = p.decision.Policies, p.radius.Stops, p.glass
	if r.approval != nil {
		d.ApprovedBy = r.approval.Decider.AccountName + "/" + r.approval.Decider.UserName
	}
	if r.job != nil {
		d.Job = r.job.ID
	}
	return d
}

// noteGlass makes a broken glass durable before the operation's request is: a
// record of its own, by which managers find it.
func (s *Service) noteGlass(ctx context.Context, p permit, requesting audit.Record) error {
	if !p.glass {
		return nil
	}
	r := requesting
	r.Action, r.Outcome = audit.ActionGlassBroken, audit.OutcomeSucceeded
	_, err := s.Log.Append(ctx, r)
	return err
}

// MayView asks the rules whether somebody may see a ticket. They are told what
// a row of the list tells, no regions and no counts: a ticket that is hidden in
// one place is hidden in all.
func (s *Service) MayView(who audit.Actor, t coc.Ticket) policy.Decision {
	return s.Rules.Decide(policy.Request{Person: PersonOf(who), Action: policy.View,
		Ticket:        ticketOf(who, Reading{Situation: Situation{Ticket: t}}, Radius{}),
		Circumstances: policy.Circumstances{At: s.Now().Local()}})
}

// Decide asks the rules about a request, on a reading of its ticket. What
// somebody may not see, they may not operate.
func (s *Service) Decide(r Request, now Reading) (policy.Decision, Radius) {
	radius := now.Radius(r.Operation)
	if view := s.MayView(r.Actor, now.Ticket); !view.Allowed {
		return view, radius
	}
	return s.Rules.Decide(policy.Request{
		Person: PersonOf(r.Actor), Action: policy.Action(r.Operation.Type),
		Ticket: ticketOf(r.Actor, now, radius), Circumstances: policy.Circumstances{
			Reason: strings.TrimSpace(r.Reason) != "", Counted: r.counted(radius), Approved: r.approval != nil, Glass: r.Glass,
			Bulk: r.job.size(), At: s.Now().Local()},
	}), radius
}

// counted reports whether the number that stops was typed. In a job it was
// typed for all items at once, and for an approval when it was asked for.
func (r Request) counted(now Radius) bool {
	return r.approval != nil && r.approval.counted || r.job != nil && r.job.Counted || strings.TrimSpace(r.Count) == strconv.Itoa(now.Stops)
}

// PersonOf is how the rules see somebody.
func PersonOf(a audit.Actor) policy.Person {
	return policy.Person{UserID: a.UserID, UserName: a.UserName, AccountName: a.AccountName}
}

// ticketOf is how the rules see a ticket. COC shows a token only the tickets
// of its own account.
func ticketOf(a audit.Actor, now Reading, r Radius) *policy.Ticket {
	return &policy.Ticket{ID: string(now.Ticket.ExecuteUUID), Name: now.Ticket.ScriptName, Creator: now.Ticket.Creator,
		Account: a.AccountName, Project: a.ProjectName, Status: string(now.Ticket.Status), Regions: r.Regions,
		Total: r.Total, Stops: r.Stops, Running: r.Running}
}

// decide gets the rules' leave, or *PolicyError. A denial goes into the log;
// that the log does not take it changes nothing for the person.
func (s *Service) decide(ctx context.Context, r Request, now Reading) (permit, error) {
	calm := r
	calm.Glass = false
	d, radius := s.Decide(calm, now) // a glass that need not be broken stays whole
	if r.Glass && !d.Allowed {
		if broken, _ := s.Decide(r, now); broken.Allowed {
			return permit{broken, radius, true}, nil
		}
	}
	if d.Allowed {
		return permit{d, radius, false}, nil
	}
	if d.Denied() {
		record := audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: r.Actor, Origin: r.Origin,
			Ticket: string(r.Ticket), OperationType: string(r.Operation.Type), BatchIndex: r.Operation.BatchIndex,
			InstanceID: r.Operation.InstanceID, Target: targetName(r.Operation, now), Reason: r.Reason,
			Detail: Detail{Policies: d.Policies, Error: strings.Join(d.Failed, "; ")}.String()}
		if _, err := s.Log.Append(ctx, record); err != nil {
			s.Logger.WarnContext(ctx, "a denial is not in the log", "error", err)
		}
	}
	typed := strings.TrimSpace(r.Count)
	return permit{}, &PolicyError{Decision: d, Radius: radius, Now: now, Miscounted: typed != "" && typed != strconv.Itoa(radius.Stops)}
}
