package operate

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/memory"
	"coc-console/internal/store"
)

// NewKey returns a one-time key for a form. It becomes the operation's id.
func NewKey() string { return rand.Text() }

// ValidKey reports whether NewKey could have made the key.
func ValidKey(key string) bool {
	if len(key) != 26 {
		return false
	}
	for _, c := range []byte(key) {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// KeyTakenError says that the key of a form belongs to another path: it was
// put before an approver, or into a bulk operation. Nothing was sent with it.
type KeyTakenError = store.KeyTakenError

// ClaimLife bounds the time from a claim to its request in the log: what comes
// there later is not sent.
const ClaimLife = time.Minute

// follow waits for the form that came first and returns its receipt.
func (s *Service) follow(ctx context.Context, key string, over <-chan struct{}) (string, error) {
	select {
	case <-over:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	known, err := s.known(ctx, key)
	if err == nil && !known {
		err = ErrKeySpent
	}
	return idUnless(key, err)
}

// followElsewhere answers a form whose key was claimed, but not by a form that
// is under way here. Where other consoles share the database it may be under
// way there: that nothing was sent is said only when that is certain.
func (s *Service) followElsewhere(ctx context.Context, key string) (string, error) {
	for {
		claimed, held, err := s.keys.Claimed(ctx, key) // before the log: what came of it is there afterwards
		if err != nil {
			return "", s.log.Refusal(err)
		}
		known, err := s.known(ctx, key)
		if known || err != nil {
			return idUnless(key, err)
		}
		if !s.leases.Shared() || !held || s.now().Sub(claimed) > ClaimLife {
			return "", ErrKeySpent
		}
		if !Pause(ctx, 100*time.Millisecond) {
			return "", ctx.Err()
		}
	}
}

func idUnless(key string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return key, nil
}

// knownAs is known for a request: somebody else's key, or one of another
// operation, leads to nobody's receipt. What was put before an approver is not
// sent past them.
func (s *Service) knownAs(ctx context.Context, r Request) (bool, error) {
	records, err := s.memory.Of(ctx, r.Key)
	if err != nil {
		return false, err
	}
	receipt, err := memory.ReceiptOf(r.Key, records)
	if errors.Is(err, audit.ErrNotFound) {
		asked := slices.ContainsFunc(records,
			func(r audit.Record) bool { return r.Action == audit.ActionApprovalRequested })
		if asked && r.Approved == nil {
			return false, &KeyTakenError{Path: store.PathApproval}
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	of := receipt.Requested
	if !SamePerson(of.Actor, r.Actor) || !r.is(of) {
		return false, ErrBadKey
	}
	return true, nil
}

func (s *Service) known(ctx context.Context, key string) (bool, error) {
	_, err := s.Receipt(ctx, key)
	if errors.Is(err, audit.ErrNotFound) { // there may be a request for approval under that id
		return false, nil
	}
	return err == nil, err
}

// unlessKnown returns the receipt of the same form, sent at the same time,
// which may be what has changed the ticket; otherwise the error.
func (s *Service) unlessKnown(ctx context.Context, key string, err error) (string, error) {
	if known, failed := s.known(ctx, key); known && failed == nil {
		return key, nil
	}
	return "", err
}

// enter marks the key as in flight. The second caller gets the channel that
// closes when the first one is done.
func (s *Service) enter(key string) (over <-chan struct{}, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.inFlight[key]; ok {
		return f.over, false
	}
	s.inFlight[key] = &sending{over: make(chan struct{})}
	return nil, true
}

// sending is an operation between its claim and COC's answer.
type sending struct {
	over  chan struct{} // closed then
	claim claim         // where no other console has claims
}

func (s *Service) leave(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.inFlight[key].over)
	delete(s.inFlight, key)
}

// KeyMade tells that a key was made, by chance, for a form.
func (s *Service) KeyMade(key string) { s.memory.KeyMade(key) }

// NewKey makes a key for what this console sends itself.
func (s *Service) NewKey() (key string) {
	key = NewKey()
	s.KeyMade(key)
	return key
}
