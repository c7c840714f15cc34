// Package replay puts the decisions of the past to other policies: which operations they would have let through, asked
// something for, or denied.
package replay

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

// Unknown is the verdict on a decision whose record doesn't have all that it was made from.
const Unknown policy.Verdict = "unknown"

// maxChanges bounds the decisions that are listed one by one.
const maxChanges = 100

// Counts are numbers of decisions by their verdict.
type Counts map[policy.Verdict]int

// Result compares what was decided with what other policies decide. A decision is an operation that was sent or denied,
// or for which an approval was asked; one that was sent after an approval counts as asked for.
type Result struct {
	Since, Until time.Time
	Decisions    int
	// Then are the decisions by what was decided, Now by what would be, and Table by both: Table[then][now].
	Then, Now Counts
	Table     map[policy.Verdict]Counts
	// Sent are the operations among the records that were sent after an approval: their decisions are among those asked for.
	Sent   int
	Trials int // decisions that would be others if the policies in shadow were enforced
	// Rules, People and Teams are the decisions that would be others now, by the policies that make them so, by who
	// asked, and by their teams at the time.
	Rules, People, Teams []Group
	Changes              []Change // the newest of them
	// TrialRules are the decisions that would be others if the policies in shadow were enforced, by those policies, and
	// TrialChanges the newest of them: Then is what is decided without, Now what would be with them.
	TrialRules   []Group
	TrialChanges []Change
}

// Group are the decisions that change, of one policy, person or team.
type Group struct {
	Name    string
	Changed int
	Now     Counts
}

// Change is a decision that would be another.
type Change struct {
	Sequence                  int64
	Time                      time.Time
	Person, Operation, Ticket string
	Target                    string
	Then, Now                 policy.Verdict
	Policies                  []string
}

// Changed is how many decisions would be others.
func (r Result) Changed() (n int) {
	for then, counts := range r.Table {
		for now, count := range counts {
			if now != then && now != Unknown {
				n += count
			}
		}
	}
	return n
}

// Options say what is replayed.
type Options struct {
	Since, Until time.Time
	// Directory says that roles and teams are those of the rules' directory, in the place of those at the time.
	Directory bool
	// Calendar says that the windows in force are those of the rules' calendar, in the place of those at the time.
	Calendar bool
}

// Run replays the decisions of a period to rules.
func Run(ctx context.Context, in *search.Index, rules *policy.Rules, o Options) (Result, error) {
	s := sums{rules: rules, options: o, rulesOf: map[string]*Group{}, trials: map[string]*Group{}, people: map[string]*Group{}, teams: map[string]*Group{},
		Result: Result{Since: o.Since, Until: o.Until, Then: Counts{}, Now: Counts{}, Table: map[policy.Verdict]Counts{}}}
	q := search.Query{From: o.Since, To: o.Until, Visible: search.Visibility{All: true}}
	for _, action := range []audit.Action{audit.ActionOperationRequested, audit.ActionApprovalRequested,
		audit.ActionAccessDenied} {
		q.Action = action
		err := export.Records(ctx, in, q, func(r audit.Record) error {
			if s.waiting = append(s.waiting, r); len(s.waiting) == chunk {
				s.addWaiting()
			}
			return nil
		})
		if err != nil {
			return Result{}, fmt.Errorf("replay the decisions of the log: %w", err)
		}
	}
	s.addWaiting()
	s.Rules, s.People, s.Teams = sorted(s.rulesOf), sorted(s.people), sorted(s.teams)
	s.TrialRules = sorted(s.trials)
	s.Changes, s.TrialChanges = newest(s.Changes), newest(s.TrialChanges)
	return s.Result, nil
}

// sums are a result that grows.
type sums struct {
	Result
	rules                  *policy.Rules
	options                Options
	rulesOf, people, teams map[string]*Group
	trials                 map[string]*Group
	waiting                []audit.Record // at most a chunk
}

// chunk is how many records are decided side by side.
const chunk = 2048

// judged is what the rules say of a record's decision.
type judged struct {
	now      policy.Verdict
	decision policy.Decision
}

// addWaiting decides the waiting records on all processors, and adds them in their order.
func (s *sums) addWaiting() {
	all := make([]judged, len(s.waiting))
	var deciding sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		deciding.Go(func() {
			for i := w; i < len(all); i += workers {
				if then, ok := decided(s.waiting[i]); ok {
					all[i].now, all[i].decision = s.verdict(s.waiting[i], then)
				}
			}
		})
	}
	deciding.Wait()
	for i, r := range s.waiting {
		s.add(r, all[i])
	}
	s.waiting = s.waiting[:0]
}

// decided is what a record's decision was; false for what is none about an operation.
func decided(r audit.Record) (policy.Verdict, bool) {
	switch {
	case r.Action == audit.ActionOperationRequested:
		return policy.Allowed, true
	case r.Action == audit.ActionApprovalRequested:
		return policy.Approved, true
	case r.OperationType == "", r.Seen != "", strings.HasPrefix(r.Detail, "approval="): // of a page, or an approval
		return "", false
	}
	return policy.Denied, true
}

func (s *sums) add(r audit.Record, j judged) {
	then, ok := decided(r)
	if !ok {
		return
	}
	detail := operate.ParseDetail(r.Detail)
	if then == policy.Allowed && detail.ApprovedBy != "" {
		s.Sent++ // it was decided about when the approval was asked for
		return
	}
	s.Decisions++
	s.Then[then]++
	now, d := j.now, j.decision
	if s.Table[then] == nil {
		s.Table[then] = Counts{}
	}
	s.Table[then][now]++
	s.Now[now]++
	person := r.Actor.AccountName + "/" + r.Actor.UserName
	change := Change{Sequence: r.Sequence, Time: r.When(), Person: person, Operation: r.OperationType, Ticket: r.Ticket,
		Target: r.Target, Then: then, Now: now, Policies: d.Deciding()}
	if t := d.Trial; t != nil {
		s.Trials++
		count(s.trials, t.Verdict, t.Policies...)
		tried := change
		tried.Then, tried.Now, tried.Policies = now, t.Verdict, t.Policies
		s.TrialChanges = kept(s.TrialChanges, tried)
	}
	if now == then || now == Unknown {
		return
	}
	count(s.rulesOf, now, d.Deciding()...)
	count(s.people, now, person)
	count(s.teams, now, d.Groups.Teams...)
	s.Changes = kept(s.Changes, change)
}

// kept are changes with one more, without those that are too old to be listed.
func kept(all []Change, one Change) []Change {
	if all = append(all, one); len(all) >= 4*maxChanges {
		return newest(all)
	}
	return all
}

// newest are the changes that are listed.
func newest(all []Change) []Change {
	slices.SortFunc(all, func(a, b Change) int { return cmp.Compare(b.Sequence, a.Sequence) })
	return all[:min(len(all), maxChanges)]
}

// verdict is what the rules say of a record's decision.
func (s *sums) verdict(r audit.Record, then policy.Verdict) (policy.Verdict, policy.Decision) {
	in, err := policy.ParseInput(r.Input)
	if err != nil || in.Ticket == nil || string(in.Action) != r.OperationType {
		return Unknown, policy.Decision{}
	}
	q := in.Request(operate.PersonOf(r.Actor), r.Ticket)
	if s.options.Directory {
		q.Groups = nil
	}
	if s.options.Calendar {
		q.Windows = nil
	}
	d := s.rules.Operate(q)
	if then == policy.Approved && d.Wants(policy.Approval) {
		return policy.Approved, d // an approval was chosen where the number would have done, and would be again
	}
	return d.Verdict(), d
}

func count(groups map[string]*Group, now policy.Verdict, names ...string) {
	for _, name := range names {
		g := groups[name]
		if g == nil {
			g = &Group{Name: name, Now: Counts{}}
			groups[name] = g
		}
		g.Changed++
		g.Now[now]++
	}
}

// sorted are groups, those with the most changes first.
func sorted(groups map[string]*Group) []Group {
	all := make([]Group, 0, len(groups))
	for _, g := range groups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Changed, a.Changed), cmp.Compare(a.Name, b.Name))
	})
	return all
}
