package bulk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/store"
)

// workers is how many items of one bulk operation are sent at the same time.
const workers = 8

// retryAfterFailure is how soon what a failing database interrupts is tried again.
const retryAfterFailure = 30 * time.Second

// runs are the bulk operations that run in this process.
type runs struct {
	// lease is held while a lease is taken for a run, or let go after one: one that comes to a halt must not let go
	// what was taken to continue it.
	lease   sync.Mutex
	mu      sync.Mutex
	running map[string]bool // true: it is to be looked at once more
}

func (r *runs) enter(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, is := r.running[id]; is {
		r.running[id] = true
		return false
	}
	r.running[id] = false
	return true
}

// leave reports whether it was continued while it came to a halt.
func (r *runs) leave(id string) (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	again = r.running[id]
	delete(r.running, id)
	return again
}

// run carries a bulk operation on in the background, once at a time, as long as
// its lease is this console's.
func (s *Service) run(id string) {
	if !s.runs.enter(id) {
		return
	}
	if !s.operations.Background(func(ctx context.Context) {
		mine, lost := context.WithCancel(ctx)
		defer lost()
		if !s.leases.OnLoss(leaseOf(id), lost) {
			s.runs.leave(id)
			return
		}
		if s.letGo(ctx, id, s.sendUntilDone(mine, id)) { // continued while it came to a halt
			s.warn(ctx, id, s.takeUp(ctx, id))
		}
	}) {
		s.runs.leave(id)
	}
}

// takeUp takes the lease of a bulk operation and runs it.
func (s *Service) takeUp(ctx context.Context, id string) error {
	s.runs.lease.Lock()
	defer s.runs.lease.Unlock()
	if err := s.leases.Acquire(ctx, leaseOf(id)); err != nil {
		return fmt.Errorf("acquire the lease of bulk operation %s: %w", id, err) // some console takes it up
	}
	s.run(id)
	return nil
}

// letGo ends a run, with its lease if it is done, and reports whether it is to be looked at once more.
func (s *Service) letGo(ctx context.Context, id string, done bool) (again bool) {
	s.runs.lease.Lock()
	defer s.runs.lease.Unlock()
	if done {
		s.warn(ctx, id, s.leases.Release(context.WithoutCancel(ctx), leaseOf(id)))
	}
	return s.runs.leave(id)
}

// sendUntilDone tries again what a failing database interrupts. It reports whether it came to an end by itself.
func (s *Service) sendUntilDone(ctx context.Context, id string) (done bool) {
	for {
		err := s.send(ctx, id)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			return true
		}
		wait := retryAfterFailure
		if errors.Is(err, ErrState) { // another console has worked on the same item, and may have the lease
			wait = s.retry
		}
		s.logger.Error("bulk operation interrupted, to be taken up again", "bulk", id, "error", err)
		if !operate.Pause(ctx, wait) {
			return false
		}
	}
}

// send sends the waiting items until there are none or it is stopped.
func (s *Service) send(ctx context.Context, id string) error {
	o, may, err := s.read(ctx, id)
	if err != nil || !may {
		return err
	}
	if err := s.resolveItems(ctx, &o); err != nil {
		return err
	}
	work, pace := make(chan Item), s.paces.get(o.Actor.AccountID)
	g, running := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error {
			for item := range work {
				if err := s.sendItem(running, o, item, pace); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(work)
		return s.dispatch(running, o, work, pace)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return s.end(ctx, o)
}

// read reads a bulk operation, and whether it may run by what the log has of it.
func (s *Service) read(ctx context.Context, id string) (o Operation, may bool, err error) {
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	case <-ctx.Done():
		return o, false, ctx.Err()
	}
	o, err = s.Get(ctx, id)
	if err != nil || o.State != Running {
		return o, false, err
	}
	if o.Doubtful {
		return o, false, s.reject(ctx, o)
	}
	may, err = s.followLog(ctx, &o)
	return o, may, err
}

// dispatch gives the waiting items to the workers, at the account's pace, until
// the bulk operation is stopped. What a worker has is sent.
func (s *Service) dispatch(ctx context.Context, o Operation, work chan<- Item, pace *pacing) error {
	for _, item := range o.Items {
		if item.State != ItemWaiting {
			continue
		}
		if err := pace.wait(ctx); err != nil {
			return err
		}
		state, err := s.state(ctx, o.ID)
		if err != nil {
			return err
		}
		if state != Running {
			return nil
		}
		select {
		case work <- item:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// throttleTries bounds how often an item is tried whose ticket COC does not
// let be read for too many requests.
const throttleTries = 5

// sendItem sends one item. The error ends the run.
func (s *Service) sendItem(ctx context.Context, o Operation, item Item, pace *pacing) error {
	caller, err := s.operations.SessionCaller(ctx, o.row.Session)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !errors.Is(err, coc.ErrNoCaller): // that it could not be asked says nothing about the session
		return err
	case err != nil:
		return s.halt(ctx, o, operate.NoteSessionEnded)
	}
	if item, err = s.setItem(ctx, item, ItemSending, ""); err != nil {
		return err
	}
	r := o.request(item, caller, pace)
	for try := 1; ; try++ {
		_, err = s.operations.Apply(ctx, r)
		call, ok := errors.AsType[*coc.Error](err)
		if !ok || !call.Throttled() || try == throttleTries {
			break
		}
		pace.slow(max(call.RetryAfter, time.Duration(try)*time.Second))
		if err := pace.wait(ctx); err != nil {
			return err // taken up again from *sending* at the next start
		}
		if state, err := s.state(ctx, o.ID); err != nil || state != Running { // stopped: it was not sent
			_, undo := s.setItem(ctx, item, ItemWaiting, "")
			return errors.Join(err, undo)
		}
	}
	if ctx.Err() != nil && err != nil {
		return ctx.Err()
	}
	return s.itemDone(context.WithoutCancel(ctx), o, item, err)
}

// request is an item as Apply takes it.
func (o Operation) request(item Item, c coc.Caller, pace *pacing) operate.Request {
	return operate.Request{SessionKey: o.row.Session, Caller: c, Actor: o.Actor, Origin: o.origin, Ticket: item.Ticket,
		Operation: item.Operation, BatchHint: item.BatchHint, Reason: o.Reason, Expected: item.Expected, Key: item.Key,
		Override: o.terms.Override, Beside: item.beside,
		Bulk: &operate.Bulk{ID: o.ID, Items: o.terms.Items, Counted: o.terms.Counted, Proven: o.proven,
			Refused: pace.throttled}}
}

// itemDone notes what came of an item, and stops the bulk operation where the
// next ones would fail for the same reason.
func (s *Service) itemDone(ctx context.Context, o Operation, item Item, err error) error {
	call, isCall := errors.AsType[*coc.Error](err)
	signInAgain := isCall && call.SignInAgain()
	switch _, failed := s.operations.Receipt(ctx, item.Key); {
	case failed == nil:
		_, failed = s.setItem(ctx, item, ItemSent, "")
		if signInAgain {
			return errors.Join(failed, s.halt(ctx, o, operate.NoteSessionEnded))
		}
		return failed
	case !errors.Is(failed, audit.ErrNotFound):
		return failed
	}
	_, storage := errors.AsType[*audit.StorageError](err)
	if signInAgain || storage || errors.Is(err, operate.ErrUnwritten) || errors.Is(err, audit.ErrClosed) {
		note := operate.NoteSessionEnded
		if !isCall {
			note = operate.NoteNotSent
		}
		_, undo := s.setItem(ctx, item, ItemWaiting, "")
		return errors.Join(undo, s.halt(ctx, o, note))
	}
	_, failed := s.setItem(ctx, item, ItemFailed, problemText(err))
	return failed
}

// problemText is what an item keeps of an error, for people; pages put the
// known ones into the reader's language by their first word.
func problemText(err error) string {
	var (
		stale   *operate.StaleError
		refused *operate.RefusedError
		denied  *operate.PolicyError
		target  *operate.TargetError
		pending *operate.PendingError
	)
	switch {
	case err == nil:
		return string(operate.NoteNotSent)
	case errors.As(err, &pending):
		return string(operate.NotePending)
	case errors.As(err, &stale):
		return string(operate.NoteMoved)
	case errors.As(err, &refused):
		return string(operate.NoteNotFitting) + ": " + string(refused.Why)
	case errors.As(err, &denied):
		return string(operate.NoteNotAllowed) + ": " + strings.Join(denied.Decision.Policies, ", ")
	case errors.As(err, &target):
		return string(operate.NoteNotFitting) + ": " + target.Field
	}
	return err.Error()
}

// halt stops a bulk operation by itself.
func (s *Service) halt(ctx context.Context, o Operation, why operate.Note) error {
	ctx = context.WithoutCancel(ctx)
	// Not one that was continued in between: that has another session, and starts again.
	stopped, err := s.change(ctx, o.ID, func(row *store.BulkRow) bool {
		row.Note = string(why)
		return move(row, Running, Stopped) && row.Session == o.row.Session
	})
	switch {
	case errors.Is(err, ErrState): // or another worker was faster
		return nil
	case err != nil:
		return err
	}
	if _, err := s.log.Append(ctx, stopped.record(audit.ActionJobStopped, audit.Actor{}, audit.Origin{})); err != nil {
		s.logger.Error("stop of a bulk operation not logged", "bulk", o.ID, "error", err)
	}
	return nil
}

func (s *Service) end(ctx context.Context, o Operation) error {
	now, err := s.Get(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, item := range now.Items {
		if item.State == ItemWaiting || item.State == ItemSending {
			return nil // stopped in between
		}
	}
	if now.State != Running {
		return nil
	}
	// The log first: what has ended is not looked at again.
	if _, err := s.log.Append(ctx, o.record(audit.ActionJobEnded, audit.Actor{}, audit.Origin{})); err != nil {
		return fmt.Errorf("record the end of bulk operation %s: %w", o.ID, err)
	}
	if _, err := s.setState(ctx, o.ID, Ended); !errors.Is(err, ErrState) {
		return err
	}
	return nil
}

// resolveItems decides on items that were being sent when a process ended, or
// when this console was taken for one: in the log means sent, and a key that
// nobody has claimed is still good, for whoever claims it first.
func (s *Service) resolveItems(ctx context.Context, o *Operation) error {
	for i := range o.Items {
		item := &o.Items[i]
		if item.State != ItemSending {
			continue
		}
		state, key, err := s.resolveItem(ctx, *item)
		if err != nil {
			return err
		}
		if *item, err = s.rekey(ctx, *o, *item, state, key); err != nil {
			return err
		}
	}
	return nil
}

// rekey stores what resolveItem has found, and reserves a new key for the item.
func (s *Service) rekey(ctx context.Context, o Operation, item Item, state ItemState, key string) (Item, error) {
	if key != item.Key {
		if err := s.keys.Reserve(ctx, o.key(store.PathItem, key, item.Ticket, s.now())); err != nil {
			return item, err
		}
		s.warn(ctx, o.ID, s.keys.ReleaseTarget(ctx, item.Key)) // nothing is sent with it any more
	}
	return s.changeItem(ctx, item, func(row *store.ItemRow) { row.State, row.Key = string(state), key })
}

// resolveItem finds the state and the key of such an item. A claimed key
// without a request means that nothing was sent with it: at once where no other
// process can have claimed it, else when it is too old to be sent
// (operate.ClaimLife), with room for clocks that differ.
func (s *Service) resolveItem(ctx context.Context, item Item) (ItemState, string, error) {
	for {
		claimed, held, err := s.keys.Claimed(ctx, item.Key) // before the log: what came of it is there afterwards
		if err != nil {
			return "", "", err
		}
		_, err = s.operations.Receipt(ctx, item.Key)
		switch {
		case err == nil:
			return ItemSent, item.Key, nil
		case !errors.Is(err, audit.ErrNotFound):
			return "", "", err
		case !held:
			return ItemWaiting, item.Key, nil
		case !s.leases.Shared() || s.now().Sub(claimed) > 2*operate.ClaimLife:
			return ItemWaiting, s.operations.NewKey(), nil
		}
		if !operate.Pause(ctx, s.retry) {
			return "", "", ctx.Err()
		}
	}
}

// Resume takes up the bulk operations that ran when a process ended. Of
// consoles that share the database one takes each, as it does with operations.
func (s *Service) Resume(ctx context.Context) error {
	if err := s.Purge(ctx); err != nil {
		s.logger.Warn("old bulk operations not deleted", "error", err)
	}
	if s.leases.Shared() {
		s.operations.Background(s.maintain)
		return s.offer(ctx)
	}
	all, err := s.List(ctx, Filter{Running: true, Limit: store.Unlimited})
	for _, o := range all {
		s.run(o.ID)
	}
	return err
}

// offerEvery is how often bulk operations are looked for that have no console.
const offerEvery = 10 * time.Second

func (s *Service) maintain(ctx context.Context) {
	for operate.Pause(ctx, offerEvery) {
		if err := s.offer(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("bulk operations not offered to other consoles", "error", err)
		}
	}
}

// offer lets some console take up what runs and has none.
func (s *Service) offer(ctx context.Context) error {
	all, err := s.List(ctx, Filter{Running: true, Limit: store.Unlimited})
	for _, o := range all {
		err = errors.Join(err, s.leases.Offer(ctx, leaseOf(o.ID)))
	}
	return err
}
