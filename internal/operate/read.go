package operate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/reading"
)

// maxParallel bounds the batches that one look waits for at the same time.
const maxParallel = 4

// Reading is a situation together with what one operation would act on.
type Reading struct {
	Situation
	// Instances are the rows of the batch that the operation concerns: for
	// CANCEL_INSTANCE the batch of the chosen instance, for SKIP_BATCH that
	// batch; for CANCEL_ORDER the batches that are not over; nil for the others.
	Instances []coc.Instance
	// Instance is the chosen row, nil for operations on a batch or the ticket.
	Instance      *coc.Instance
	InstanceBatch int32
}

// Snapshot is what a page with this reading shows, and what its form carries.
func (r Reading) Snapshot() Snapshot { return SnapshotOf(r.Situation, r.instanceStatus()) }

// Check says whether op fits.
func (r Reading) Check(op coc.Operation) Refusal { return Check(r.Situation, op, r.instanceStatus()) }

func (r Reading) instanceStatus() coc.InstanceStatus {
	if r.Instance == nil {
		return ""
	}
	return r.Instance.Status
}

// sourceFor is where an operation reads what it acts on. The items of a bulk
// operation share what was read for their plan; what somebody else has approved
// waits for nobody, and is read in any case.
func (s *Service) sourceFor(ctx context.Context, r Request) *reading.Source {
	terms := s.termsFor(r)
	switch now := time.Now(); {
	case r.Approved != nil:
		terms = reading.Terms{Scope: r.SessionKey}
	case r.Bulk != nil:
		terms = reading.Terms{Scope: r.SessionKey, Keep: lookTimeout, NotBefore: r.Bulk.Since}
		if terms.NotBefore.IsZero() {
			terms.NotBefore = now.Add(-reading.SharedFor)
		}
	default:
		terms.NotBefore = s.reads.Unchanged(r.Ticket, r.Operation, now.Add(-reading.SharedFor))
	}
	return s.reads.Source(ctx, r.Caller, r.Ticket, terms)
}

// termsFor are those of a session that reads now: with whoever looks at the ticket
// where its own token is good for that, else with itself.
func (s *Service) termsFor(r Request) reading.Terms {
	key := reading.Key{Account: r.Actor.AccountID, Project: r.Caller.ProjectID, Ticket: r.Ticket}
	if v, ok := s.views.View(key, r.SessionKey); ok {
		return reading.Terms{Scope: key.Account + "/" + key.Project, View: &v}
	}
	return reading.Terms{Scope: r.SessionKey}
}

// runReading runs what is read for several.
func (s *Service) runReading(f func(context.Context)) error {
	if !s.Background(f) {
		return audit.ErrClosed
	}
	return nil
}

// Look reads a ticket with its batches and statistics.
func (s *Service) Look(ctx context.Context, c coc.Caller, id coc.ExecuteUUID) (Situation, error) {
	from := s.reads.Source(ctx, c, id, reading.Terms{})
	from.Whole = true
	return from.Situation(ctx)
}

// Read reads a ticket and what op would act on. hint is the batch in which an
// instance was last seen, 0 when unknown; a wrong one only costs calls. A
// batch or an instance that the ticket does not have is a *TargetError. Where
// the ticket was read, an error comes with its situation, so that the rules can
// be asked whether somebody may learn of the error.
func (s *Service) Read(ctx context.Context, c coc.Caller, id coc.ExecuteUUID, op coc.Operation,
	hint int32) (Reading, error) {
	from := s.reads.Source(ctx, c, id, reading.Terms{})
	from.Whole = true
	return read(ctx, from, op, hint)
}

// ReadFor is Read for a request, which may share it when it is sent.
func (s *Service) ReadFor(ctx context.Context, r Request) (Reading, error) {
	s.marks.Add(s.memory.End())
	var from *reading.Source
	if r.Bulk != nil {
		from = s.sourceFor(ctx, r)
	} else {
		s.client.Prepare()
		from = s.reads.Source(ctx, r.Caller, r.Ticket, s.termsFor(r))
	}
	from.Whole = true
	return read(ctx, from, r.Operation, r.BatchHint)
}

// read reads what op acts on. All calls that can be told beforehand go out at once.
func read(ctx context.Context, from *reading.Source, op coc.Operation, hint int32) (Reading, error) {
	known := definitions[op.Type]
	from.Whole = from.Whole || known.batches
	if known.expects != nil {
		from.Expect(known.expects(op, from.Remembered(), hint))
	}
	situation, err := from.Situation(ctx)
	if err != nil {
		return Reading{}, err
	}
	now := Reading{Situation: situation}
	if known.read != nil {
		return known.read(ctx, from, op, now, hint)
	}
	return now, nil
}

// openRows returns the instances of all batches that are not over.
func openRows(ctx context.Context, from *reading.Source, now coc.Statistics) ([]coc.Instance, error) {
	found, err := rowsOf(ctx, from, reading.BatchesIn(now, isOpen))
	return slices.Concat(found...), err
}

func isOpen(s coc.InstanceStatus) bool { return !s.Terminal() }

func isCanceled(s coc.InstanceStatus) bool { return s == coc.InstanceCanceled }

// rowsOf returns the instances of each of the batches.
func rowsOf(ctx context.Context, from *reading.Source, batches []int32) ([][]coc.Instance, error) {
	found := make([][]coc.Instance, len(batches))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxParallel)
	for i, batch := range batches {
		g.Go(func() error {
			var err error
			found[i], err = from.Rows(ctx, batch)
			return err
		})
	}
	return found, g.Wait()
}

// find looks for an instance in a ticket's batches: the hinted one first, then
// the current one, then the others. COC has no call that reads one instance.
func find(ctx context.Context, from *reading.Source, now Reading, instance int64, hint int32) (_ Reading, err error) {
	if likely := cmp.Or(hint, now.Ticket.CurrentBatch); likely > 0 {
		if rows, err := from.Rows(ctx, likely); err == nil && now.choose(instance, likely, rows) {
			return now, nil
		}
	}
	if now.Batches, err = from.Batches(ctx); err != nil {
		return now, err
	}
	order := []int32{hint, now.Ticket.CurrentBatch}
	for _, b := range now.Batches {
		order = append(order, b.Index)
	}
	tried := map[int32]bool{}
	for _, batch := range order {
		if !now.Has(batch) || tried[batch] {
			continue
		}
		tried[batch] = true
		rows, err := from.Rows(ctx, batch)
		if err != nil {
			return now, err
		}
		if now.choose(instance, batch, rows) {
			return now, nil
		}
	}
	return now, &TargetError{Field: "instance_id"}
}

// choose takes the chosen row from a batch's; false when it is not among them.
func (r *Reading) choose(instance int64, batch int32, rows []coc.Instance) bool {
	i := slices.IndexFunc(rows, func(r coc.Instance) bool { return coc.InstanceID(r) == instance })
	if i >= 0 {
		r.Instances, r.Instance, r.InstanceBatch = rows, &rows[i], batch
	}
	return i >= 0
}

// canceledBefore returns the instances that are cancelled before an operation
// cancels one.
func canceledBefore(ctx context.Context, from *reading.Source, op coc.Operation, now Reading) (map[int64]int32, error) {
	if op.Type != coc.CancelInstance {
		return nil, nil
	}
	return canceledRows(ctx, from, now.Statistics)
}

// canceledRows returns all cancelled instances, each with its batch. Reading
// them before and after an operation shows whether exactly the chosen row
// changed: which field COC means by instance_id is not documented
// (docs/coc-api.md section 6.2).
func canceledRows(ctx context.Context, from *reading.Source, st coc.Statistics) (map[int64]int32, error) {
	batches := reading.BatchesIn(st, isCanceled)
	found, err := rowsOf(ctx, from, batches)
	if err != nil {
		return nil, err
	}
	canceled := map[int64]int32{}
	for i, rows := range found {
		for _, r := range rows {
			if r.Status == coc.InstanceCanceled {
				canceled[coc.InstanceID(r)] = batches[i]
			}
		}
	}
	return canceled, nil
}
