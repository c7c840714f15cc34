package operate

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"coc-console/internal/coc"
)

// maxParallel bounds the calls to COC that one look makes at the same time.
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

// Picture is what a page with this reading shows, and what its form carries.
func (r Reading) Picture() Picture { return PictureOf(r.Situation, r.instanceStatus()) }

// Check says whether op fits.
func (r Reading) Check(op coc.Operation) Refusal { return r.Situation.Check(op, r.instanceStatus()) }

func (r Reading) instanceStatus() coc.InstanceStatus {
	if r.Instance == nil {
		return ""
	}
	return r.Instance.Status
}

// Look reads a ticket with its batches and statistics. The three calls are not
// one moment: COC offers no snapshot.
func (s *Service) Look(ctx context.Context, c coc.Caller, id coc.ExecuteUUID) (Situation, error) {
	var now Situation
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { now.Ticket, err = s.Client.Ticket(ctx, c, id); return err })
	g.Go(func() (err error) { now.Batches, err = s.Client.Batches(ctx, c, id); return err })
	g.Go(func() (err error) { now.Statistics, err = s.Client.Statistics(ctx, c, id); return err })
	return now, g.Wait()
}

// Read reads a ticket and what op would act on. hint is the batch in which an
// instance was last seen, 0 when unknown; a wrong one only costs calls. A
// batch or an instance that the ticket does not have is a *TargetError.
func (s *Service) Read(ctx context.Context, c coc.Caller, id coc.ExecuteUUID, op coc.Operation, hint int32) (Reading, error) {
	return read(ctx, s.direct(c, id), op, hint)
}

func read(ctx context.Context, from source, op coc.Operation, hint int32) (Reading, error) {
	situation, err := from.look(ctx)
	if err != nil {
		return Reading{}, err
	}
	now := Reading{Situation: situation}
	switch op.Type {
	case coc.SkipBatch:
		if _, ok := now.Batch(op.BatchIndex); !ok {
			return Reading{}, &TargetError{Field: "batch_index"}
		}
		now.Instances, err = from.rows(ctx, op.BatchIndex)
		return now, err
	case coc.CancelInstance:
		return find(ctx, from, now, op.InstanceID, hint)
	case coc.CancelOrder:
		now.Instances, err = openRows(ctx, from, now.Situation)
		return now, err
	default:
		return now, nil
	}
}

// openRows returns the instances of all batches that are not over.
func openRows(ctx context.Context, from source, now Situation) ([]coc.Instance, error) {
	var batches []int32
	for _, b := range now.Batches {
		if now.Open(b.Index) {
			batches = append(batches, b.Index)
		}
	}
	found, err := rowsOf(ctx, from, batches)
	return slices.Concat(found...), err
}

// rowsOf returns the instances of each of the batches.
func rowsOf(ctx context.Context, from source, batches []int32) ([][]coc.Instance, error) {
	found := make([][]coc.Instance, len(batches))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxParallel)
	for i, batch := range batches {
		g.Go(func() error {
			var err error
			found[i], err = from.rows(ctx, batch)
			return err
		})
	}
	return found, g.Wait()
}

// FindInstance looks for an instance in a ticket's batches: the hinted one
// first, then the current one, then the others. COC has no call that reads one
// instance.
func (s *Service) FindInstance(ctx context.Context, c coc.Caller, now Situation, instance int64, hint int32) (Reading, error) {
	return find(ctx, s.direct(c, now.Ticket.ExecuteUUID), Reading{Situation: now}, instance, hint)
}

func find(ctx context.Context, from source, now Reading, instance int64, hint int32) (Reading, error) {
	order := []int32{hint, now.Ticket.CurrentBatch}
	for _, b := range now.Batches {
		order = append(order, b.Index)
	}
	tried := map[int32]bool{}
	for _, batch := range order {
		if _, ok := now.Batch(batch); !ok || tried[batch] {
			continue
		}
		tried[batch] = true
		rows, err := from.rows(ctx, batch)
		if err != nil {
			return Reading{}, err
		}
		if i := slices.IndexFunc(rows, func(r coc.Instance) bool { return coc.InstanceID(r) == instance }); i >= 0 {
			now.Instances, now.Instance, now.InstanceBatch = rows, &rows[i], batch
			return now, nil
		}
	}
	return Reading{}, &TargetError{Field: "instance_id"}
}

// canceledRows returns all cancelled instances, each with its batch. Reading
// them before and after an operation shows whether exactly the chosen row
// changed: which field COC means by instance_id is not documented
// (docs/coc-api.md section 6.2).
func canceledRows(ctx context.Context, from source, st coc.Statistics) (map[int64]int32, error) {
	var batches []int32
	for _, count := range st.Counts {
		if count.Status == coc.InstanceCanceled && count.Count > 0 {
			batches = append(batches, count.Batches...)
		}
	}
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
