package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/memory"
	"coc-console/internal/store"
)

// claimTries bounds how often a claim is tried whose target an operation has
// that is over.
const claimTries = 5

// claim is the operation that has a target.
type claim struct {
	id      string
	at      time.Time
	request audit.Record // who does what: only what people are told
}

func claimOf(t store.Target) claim {
	c := claim{id: t.Operation, at: t.At}
	if json.Unmarshal([]byte(t.Request), &c.request) != nil { // whatever it says, the target is taken
		c.request = audit.Record{}
	}
	c.request.OperationID, c.request.Ticket, c.request.Time = t.Operation, t.Ticket, t.At
	return c
}

// claim takes a request's key and target; *PendingError when an operation that
// has no end has the target, or one was requested after the request was checked
// (since, a sequence). An operation that has its end, or that was never sent,
// holds nobody up, whether it let go of the target or not.
func (s *Service) claim(ctx context.Context, r Request, now Reading, since int64, at time.Time) error {
	told := audit.Record{OperationID: r.Key, OperationType: string(r.Operation.Type), BatchIndex: r.Operation.BatchIndex,
		InstanceID: r.Operation.InstanceID, Target: TargetName(r.Operation, now), Ticket: string(r.Ticket), Actor: r.Actor,
		Time: at}
	key := store.Key{Key: r.Key, Session: r.SessionKey, Ticket: string(r.Ticket), Path: r.path(),
		UserID: r.Actor.UserID, AccountID: r.Actor.AccountID, At: at}
	if !s.leases.Shared() {
		return s.claimAlone(ctx, r, key, claim{r.Key, at, told}, since)
	}
	target := store.Target{Ticket: string(r.Ticket), Target: memory.TargetKey(r.Operation), Operation: r.Key,
		Request: store.JSON(told), At: at}
	for range claimTries {
		taken, err := s.keys.Claim(ctx, key, target, r.Beside, s.leases)
		switch {
		case errors.Is(err, store.ErrForeignKey):
			return ErrBadKey
		case err != nil:
			return err
		case taken.Operation == "":
			return s.confirmClaim(ctx, r, since)
		}
		held := claimOf(taken)
		over, err := s.isOver(ctx, held)
		if err == nil && over {
			err = s.keys.ReleaseTarget(ctx, held.id)
		}
		if err != nil {
			return err
		}
		if !over {
			return s.pendingError(ctx, r, held)
		}
	}
	return s.pendingError(ctx, r, claim{})
}

// claimAlone is claim where no other console has claims: a target has what is
// under way here, or what the log says, and only the key is written down.
func (s *Service) claimAlone(ctx context.Context, r Request, key store.Key, c claim, since int64) error {
	if held := s.take(c, r.Beside); held.id != "" {
		return s.pendingError(ctx, r, held)
	}
	if err := s.keys.ClaimKey(ctx, key); errors.Is(err, store.ErrForeignKey) {
		return ErrBadKey
	} else if err != nil {
		return err
	}
	return s.confirmClaim(ctx, r, since)
}

// take claims a target for an operation that is under way, unless another one has it.
func (s *Service) take(c claim, beside string) (held claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.inFlight {
		r := f.claim.request
		if r.Ticket == c.request.Ticket && memory.TargetOf(r) == memory.TargetOf(c.request) && f.claim.id != beside {
			return f.claim
		}
	}
	s.inFlight[c.id].claim = c
	return claim{}
}

// confirmClaim compares a claim with the log: the one of a pending operation may
// be lost or deleted, and what was requested since the ticket was read may have
// changed it. The claim is given back then.
func (s *Service) confirmClaim(ctx context.Context, r Request, since int64) error {
	err := s.memory.Update(ctx)
	others := s.memory.OthersOn(string(r.Ticket), memory.TargetKey(r.Operation), r.Key, since)
	if err == nil && len(others) > 0 && others[0].OperationID != r.Beside {
		err = &PendingError{Pending: others}
	}
	if err != nil {
		s.giveBack(ctx, r.Key)
	}
	return err
}

func (s *Service) pendingError(ctx context.Context, r Request, held claim) error {
	pending, err := s.Pending(ctx, r.Ticket, r.Operation, r.Key)
	if err != nil {
		return err
	}
	if len(pending) == 0 && held.id != "" { // it has just ended: who looks again finds nothing
		pending = []audit.Record{held.request}
	}
	return &PendingError{Pending: pending}
}

// isOver reports whether the operation that has a target holds nobody up any
// more. What the log does not know may be on its way there: here, or on another
// console, though not for longer than a claim lives; clocks may differ.
func (s *Service) isOver(ctx context.Context, held claim) (bool, error) {
	s.mu.Lock()
	_, here := s.inFlight[held.id] // before the log: what came of it is there afterwards
	s.mu.Unlock()
	receipt, err := s.Receipt(ctx, held.id)
	if errors.Is(err, audit.ErrNotFound) {
		if here || !s.leases.Shared() {
			return !here, nil
		}
		return s.now().Sub(held.at).Abs() > 2*ClaimLife, nil
	}
	return !receipt.Open(), err
}

// checkPending returns a *PendingError when an operation is pending on the
// request's target, unless the request names it in Beside.
func (s *Service) checkPending(ctx context.Context, r Request) error {
	pending, err := s.Pending(ctx, r.Ticket, r.Operation, r.Key)
	if err != nil || len(pending) == 0 || pending[0].OperationID == r.Beside {
		return err
	}
	return &PendingError{Pending: pending}
}

// isRefusal reports whether an error says why a request is not sent, rather
// than that something failed.
func isRefusal(err error) bool {
	_, taken := errors.AsType[*KeyTakenError](err)
	_, pending := errors.AsType[*PendingError](err)
	return taken || pending || errors.Is(err, ErrBadKey)
}

// Pending returns the requests of the operations without an end that op would
// go beside, but for the one with that id: first the one that has the target,
// then the newest.
func (s *Service) Pending(ctx context.Context, ticket coc.ExecuteUUID, op coc.Operation,
	but string) ([]audit.Record, error) {
	open, err := s.OpenOn(ctx, ticket)
	if err != nil {
		return nil, err
	}
	return s.pendingIn(ctx, open, op, but)
}

// Open are the operations on a ticket that may be pending.
type Open struct {
	requests []audit.Record   // without an end in the log, the newest first
	held     map[string]claim // by target
}

// OpenOn tells which operations on a ticket may be pending.
func (s *Service) OpenOn(ctx context.Context, ticket coc.ExecuteUUID) (Open, error) {
	held, err := s.heldOn(ctx, ticket) // before the log: what came of them is there afterwards
	if err != nil {
		return Open{}, fmt.Errorf("read the claims on ticket %s: %w", ticket, err)
	}
	err = s.memory.Update(ctx)
	return Open{s.memory.OpenOn(string(ticket)), held}, err
}

// Newest are the requests of the operations without an end on some tickets, the newest of each.
func (s *Service) Newest(ctx context.Context, tickets []string) (map[string]audit.Record, error) {
	if err := s.memory.Update(ctx); err != nil {
		return nil, err
	}
	newest := map[string]audit.Record{}
	for _, id := range tickets {
		if open := s.memory.OpenOn(id); len(open) > 0 {
			newest[id] = open[0]
		}
	}
	return newest, nil
}

// heldOn are the claims on a ticket, by target. Where no other console has any,
// those of this one that are under way are all that count: what was sent is in the
// log, and what a process left behind before that is sent by nobody.
func (s *Service) heldOn(ctx context.Context, ticket coc.ExecuteUUID) (map[string]claim, error) {
	held := map[string]claim{}
	if !s.leases.Shared() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, f := range s.inFlight {
			if f.claim.request.Ticket == string(ticket) {
				held[memory.TargetKey(memory.OperationOf(f.claim.request))] = f.claim
			}
		}
		return held, nil
	}
	taken, err := s.keys.Claims(ctx, string(ticket))
	for target, t := range taken {
		held[target] = claimOf(t)
	}
	return held, err
}

// PendingIn is Pending on what was read of a ticket.
func (s *Service) PendingIn(ctx context.Context, open Open, op coc.Operation) ([]audit.Record, error) {
	return s.pendingIn(ctx, open, op, "")
}

func (s *Service) pendingIn(ctx context.Context, open Open, op coc.Operation, but string) ([]audit.Record, error) {
	var pending, wider []audit.Record
	for _, r := range open.requests {
		switch {
		case r.OperationID == but || !collides(op, r):
		case memory.TargetKey(memory.OperationOf(r)) == memory.TargetKey(op):
			pending = append(pending, r)
		default:
			wider = append(wider, r)
		}
	}
	pending = append(pending, wider...)
	held := open.held[memory.TargetKey(op)]
	if held.id == "" || held.id == but {
		return pending, nil
	}
	if i := slices.IndexFunc(pending, func(r audit.Record) bool { return r.OperationID == held.id }); i >= 0 {
		held.request = pending[i]
		pending = slices.Delete(pending, i, i+1)
	} else if over, err := s.isOver(ctx, held); over || err != nil {
		return pending, err
	}
	return slices.Insert(pending, 0, held.request), nil
}

// collides reports whether op must not go beside a pending request unasked:
// both act on the same instance, the same batch or the whole ticket. Nothing
// but another cancelling holds up the cancelling of the whole ticket.
func collides(op coc.Operation, pending audit.Record) bool {
	if op.Type == coc.CancelOrder {
		return pending.OperationType == string(coc.CancelOrder)
	}
	return pending.InstanceID == op.InstanceID && pending.BatchIndex == op.BatchIndex
}
