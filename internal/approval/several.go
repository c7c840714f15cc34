package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// Given is one approval of a request: several may be needed.
type Given struct {
	By      audit.Actor
	At      time.Time
	Comment string   `json:",omitempty"`
	Teams   []string `json:",omitempty"` // of the approver at the time, where approvers have to be of different teams
}

// NotCountedError says that somebody's approval would not count.
type NotCountedError struct{ Why Uncounted }

func (e *NotCountedError) Error() string { return "the approval would not count: " + string(e.Why) }

// Uncounted is why somebody's approval would not count.
type Uncounted string

// The reasons.
const (
	AlreadyGiven Uncounted = "given"   // they have approved
	SameTeam     Uncounted = "team"    // somebody of a team of theirs has
	NoTeam       Uncounted = "no_team" // they are in no team, and approvers have to be of different ones
)

// Missing is how many approvals a request still needs.
func (a Request) Missing() int { return max(a.Needed.Number-len(a.Given), 0) }

// Uncounted is why an approval of somebody with those teams would not count; empty: it would.
func (a Request) Uncounted(who audit.Actor, teams []string) Uncounted {
	if slices.ContainsFunc(a.Given, func(g Given) bool { return g.By.UserID == who.UserID }) {
		return AlreadyGiven
	}
	if a.Needed.Apart && len(teams) == 0 {
		return NoTeam
	}
	approvers := append(a.approvers(), operate.Approver{Actor: who, Teams: teams})
	if len(operate.CountedApprovers(a.Requester, approvers, a.Needed.Apart)) < len(approvers) {
		return SameTeam
	}
	return ""
}

// approvers are those who have approved.
func (a Request) approvers() []operate.Approver {
	all := make([]operate.Approver, len(a.Given))
	for i, g := range a.Given {
		all[i] = operate.Approver{Actor: g.By, Teams: g.Teams}
	}
	return all
}

// before are those who approved before the last one.
func (a Request) before() []operate.Approver {
	return slices.DeleteFunc(a.approvers(), func(x operate.Approver) bool { return x.Actor.UserID == a.Decider.UserID })
}

// with is the request's approvals and one more.
func (a Request) with(by Answer, told policy.Decision, at time.Time) []Given {
	g := Given{By: by.Actor, At: at.UTC(), Comment: by.Comment}
	if a.Needed.Apart {
		g.Teams = told.Groups.Teams
	}
	return append(slices.Clone(a.Given), g)
}

// give notes one approval of several that is not the last, and writes its record.
func (s *Service) give(ctx context.Context, a Request, by Answer, told policy.Decision) (Request, error) {
	before := a
	given := a.with(by, told, s.now())
	a, err := s.change(ctx, a, func(row *store.ApprovalRow) {
		row.Impact = store.JSON(impactThen{Impact: before.Impact, Given: given})
	})
	if err != nil {
		return before, err
	}
	if err := s.recordGiven(ctx, a, given[len(given)-1], by.Origin, told); err != nil {
		_, undo := s.change(ctx, a, func(row *store.ApprovalRow) { *row = before.row })
		return before, errors.Join(err, undo)
	}
	s.setLogged(ctx, a)
	return a, nil
}

func (s *Service) recordGiven(ctx context.Context, a Request, g Given, origin audit.Origin,
	told policy.Decision) error {
	entry := a.entry(audit.ActionApprovalGiven, g.By, origin, g.Comment)
	detail := operate.ParseDetail(entry.Detail).Tried(told)
	detail.Teams = g.Teams
	entry.Input, entry.Detail = told.Input(), detail.String()
	if _, err := s.log.Append(ctx, entry); err != nil {
		return fmt.Errorf("record an approval of request %s: %w", a.ID, err)
	}
	return nil
}

// completeGiven writes the records of approvals that the end of a process cut off: whoever the row names has approved.
func (s *Service) completeGiven(ctx context.Context, a Request, records []audit.Record) error {
	for _, g := range a.Given {
		if g.By.UserID == a.Decider.UserID || slices.ContainsFunc(records, func(r audit.Record) bool {
			return r.Action == audit.ActionApprovalGiven && r.Actor.UserID == g.By.UserID
		}) {
			continue
		}
		if err := s.recordGiven(ctx, a, g, audit.Origin{}, policy.Decision{}); err != nil {
			return err
		}
	}
	return nil
}

// severally tells in a record how many approvals are needed, or who gave them.
func (a Request) severally(d operate.Detail, action audit.Action) operate.Detail {
	if a.Needed.Number < 2 && !a.Needed.Apart {
		return d
	}
	switch action {
	case audit.ActionApprovalRequested:
		d.Needed, d.Apart = a.Needed.Number, a.Needed.Apart
	case audit.ActionApprovalGranted:
		if all := a.approvers(); len(all) > 0 {
			d.Approvers, d.Teams = operate.NamesOf(all), all[len(all)-1].Teams
		}
	}
	return d
}
