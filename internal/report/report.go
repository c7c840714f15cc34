// Package report sums up what the audit log says of a period: the operations by
// person, team, kind, outcome and ticket, how long they took, emergency overrides
// with their reviews, denied attempts, and what proves the log.
package report

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/audit/operations"
	"coc-console/audit/query"
	"coc-console/audit/search"
)

// MaxOperations is how many operations a report has at most.
const MaxOperations = 100_000

// ErrTooMany says that a period has more than MaxOperations.
var ErrTooMany = errors.New("report: too many operations")

// Period is a time from From, up to and without To.
type Period struct{ From, To time.Time }

// Report is what the log says of a period.
type Report struct {
	Period
	Own        bool             // only what the reader did is in it
	Operations []operations.Row // oldest first
	Denied     []audit.Record   // denied attempts, without what they were sent from

	First, Last int64            // numbers of the period's records; none where Last < First
	Pruned      int64            // up to which record contents were removed
	Log, Key    string           // the log's name, and its public key; the key is empty where it is not known
	Signed      audit.Checkpoint // the latest; zero: none is signed, or Unbelieved
	Unbelieved  bool             // nobody has named the key that signed the latest

	names map[string]string // of tickets, by their ids
}

// Read reads a report. An operation belongs to the period in which it was
// requested, or asked for where it was never sent, and is told as far as it has
// come since. Who does not see the whole log gets what they asked for.
func Read(ctx context.Context, in *search.Index, p Period, v search.Visibility) (Report, error) {
	return read(ctx, in, p, v, nil, func([]audit.Record) {})
}

// read reads a report on some tickets, or on all where there are none. each is given the records of every operation
// that is in it.
func read(ctx context.Context, in *search.Index, p Period, v search.Visibility, tickets []string,
	each func([]audit.Record)) (Report, error) {
	log := in.Log()
	r := Report{Period: p, Own: !v.All, Log: log.Origin(), Key: log.PublicKey()}
	v.Tickets = nil
	q := search.Query{From: p.From, To: p.To, Visible: v}
	ids, err := r.collectOf(ctx, in, q, tickets)
	if err != nil {
		return r, err
	}
	for some := range slices.Chunk(ids, search.MaxLimit/2) {
		of, err := in.Operations(ctx, some)
		if err != nil {
			return r, err
		}
		for _, id := range some {
			if records := of[id]; len(records) > 0 && r.add(operations.Fold(records), v) {
				each(records)
			}
		}
	}
	slices.SortFunc(r.Operations, func(a, b operations.Row) int { return cmp.Compare(a.Sequence, b.Sequence) })
	slices.SortFunc(r.Denied, func(a, b audit.Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	if err := r.nameTickets(ctx, in, v); err != nil {
		return r, err
	}
	return r, r.prove(ctx, in, q)
}

// nameTickets finds the names of the tickets that the report is about.
func (r *Report) nameTickets(ctx context.Context, in *search.Index, v search.Visibility) (err error) {
	ids := map[string]bool{}
	for _, o := range r.Operations {
		ids[o.Ticket] = true
	}
	for _, d := range r.Denied {
		ids[d.Ticket] = true
	}
	r.names, err = in.TicketNames(ctx, v, slices.Collect(maps.Keys(ids)))
	return err
}

// ticket is a ticket's name with its id, where the log says the name.
func (r *Report) ticket(id string) string {
	if name := r.names[id]; name != "" && name != id {
		return name + " · " + id
	}
	return id
}

// collect finds the operations that have a record in the period, and the denied
// attempts.
func (r *Report) collect(ctx context.Context, in *search.Index, q search.Query) (ids []string, err error) {
	known := map[string]bool{}
	for _, group := range []audit.Action{query.Operations, query.Approvals, "access."} {
		q.Action = group
		err := export.Records(ctx, in, q, func(rec audit.Record) error {
			switch {
			case rec.Action == audit.ActionAccessDenied:
				rec.Origin, rec.Seen = audit.Origin{}, ""
				r.Denied = append(r.Denied, rec)
			case rec.OperationID != "" && !known[rec.OperationID]:
				known[rec.OperationID] = true
				ids = append(ids, rec.OperationID)
			}
			if len(ids)+len(r.Denied) > MaxOperations {
				return ErrTooMany
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// collectOf is collect for each of some tickets.
func (r *Report) collectOf(ctx context.Context, in *search.Index, q search.Query, tickets []string) ([]string, error) {
	if len(tickets) == 0 {
		return r.collect(ctx, in, q)
	}
	var all []string
	for _, t := range tickets {
		q.Ticket = t
		ids, err := r.collect(ctx, in, q)
		if err != nil {
			return nil, err
		}
		if all = append(all, ids...); len(all) > MaxOperations {
			return nil, ErrTooMany
		}
	}
	return all, nil
}

// add adds an operation that belongs to the period, and to the reader; false for others.
func (r *Report) add(row operations.Row, v search.Visibility) bool {
	mine := v.All || v.UserID != "" && row.Actor.UserID == v.UserID
	if !mine || row.At.Before(r.From) || !row.At.Before(r.To) {
		return false
	}
	r.Operations = append(r.Operations, row)
	return true
}

// prove reads what shows that the log is what was written.
func (r *Report) prove(ctx context.Context, in *search.Index, q search.Query) (err error) {
	q.Action = ""
	if r.First, r.Last, err = in.Bounds(ctx, q); err != nil {
		return err
	}
	if r.Pruned, err = in.Log().Pruned(ctx); err != nil {
		return err
	}
	r.First = max(r.First, r.Pruned+1)
	r.Signed, err = in.Log().Checkpoint(ctx)
	switch {
	case errors.Is(err, audit.ErrNotFound):
		return nil
	case errors.Is(err, audit.ErrSignature):
		r.Unbelieved = true
		return nil
	}
	return err
}

// Group is what a report says of the operations of one person, team, kind or
// ticket.
type Group struct {
	Name      string
	Count     int
	Outcomes  map[audit.Outcome]int
	Overrides int
}

// Groups sums operations up by the names that of gives each; the largest group
// comes first. With several names an operation is in several groups.
func (r *Report) Groups(of func(operations.Row) []string) []Group {
	groups := map[string]*Group{}
	for _, row := range r.Operations {
		for _, name := range of(row) {
			g := groups[name]
			if g == nil {
				g = &Group{Name: name, Outcomes: map[audit.Outcome]int{}}
				groups[name] = g
			}
			g.Count++
			g.Outcomes[row.Outcome]++
			if row.Override {
				g.Overrides++
			}
		}
	}
	var all []Group
	for _, g := range groups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Times is how long confirmed operations took, from requested to confirmed.
type Times struct {
	Name        string
	Count       int
	Median, P95 time.Duration
}

// Times measures the confirmed operations of each kind, and after them all
// together, by the empty name; nothing where there are none.
func (r *Report) Times() []Times {
	took := map[string][]time.Duration{}
	for _, row := range r.Operations {
		if row.Outcome == query.Confirmed && row.Requested.Taken() && row.Ended.Taken() {
			d := row.Ended.At.Sub(row.Requested.At)
			took[row.Type], took[""] = append(took[row.Type], d), append(took[""], d)
		}
	}
	var all []Times
	for name, of := range took {
		slices.Sort(of)
		all = append(all, Times{name, len(of), quantile(of, 50), quantile(of, 95)})
	}
	slices.SortFunc(all, func(a, b Times) int {
		if (a.Name == "") != (b.Name == "") {
			return cmp.Compare(b.Name, a.Name)
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// quantile is the least value that so many of a hundred do not exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[max((len(sorted)*percent+99)/100-1, 0)]
}
