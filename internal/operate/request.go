package operate

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/store"
)

// MaxReason is the longest reason a form may give, in characters.
const MaxReason = 500

// Request is one operation as a person asked for it.
type Request struct {
	SessionKey string
	Caller     coc.Caller
	Actor      audit.Actor
	Origin     audit.Origin

	Ticket    coc.ExecuteUUID
	Operation coc.Operation
	BatchHint int32  // the batch in which the instance was seen; 0 = unknown
	Reason    string // may be empty
	Expected  string // the Snapshot that the form carried
	Key       string // the one-time key that the form carried

	// What the rules may demand besides a reason.
	Count    string // the number of instances that stop, as it was typed
	Override bool   // do it without the approval that is wanted, and be asked about it
	// Beside is the newest pending operation on the same target, for who knows of
	// it and wants another one anyway.
	Beside string

	Approved *Approval // nil: nobody has approved it
	Bulk     *Bulk     // nil: it is no item of a bulk operation
}

// Validate checks the fields: nothing is read or sent for wrong ones.
func (r Request) Validate() error {
	if err := r.Operation.Validate(); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(r.Reason); n > MaxReason {
		return &ReasonTooLongError{Length: n}
	}
	if !ValidKey(r.Key) {
		return ErrBadKey
	}
	if _, err := ParseSnapshot(r.Expected); err != nil {
		return ErrBadSnapshot
	}
	return nil
}

// Approval says who else has approved a request. Apply believes it only where
// the log tells the same.
type Approval struct {
	By      audit.Actor
	Before  []Approver // who approved before, where more than one has to
	Counted bool       // the number that stops was typed when it was asked for
}

// Bulk is what a request shares with the other items of its bulk operation.
type Bulk struct {
	ID      string
	Items   int              // how many operations one confirmation sends
	Counted bool             // the number that stops was typed, for all items at once
	Proven  bool             // the log tells that it was started, with this item
	Since   time.Time        // older readings are not shared; zero: those of the last moment are
	Refused func(*coc.Error) // hears of COC's refusals
}

// size is how many operations one confirmation sends.
func (b *Bulk) size() int {
	if b == nil {
		return 1
	}
	return b.Items
}

// refused passes COC's refusal on.
func (b *Bulk) refused(e *coc.Error) {
	if b != nil && b.Refused != nil {
		b.Refused(e)
	}
}

// path is the way that a request takes.
func (r Request) path() store.Path {
	switch {
	case r.Approved != nil:
		return store.PathApproval
	case r.Bulk != nil:
		return store.PathItem
	}
	return store.PathForm
}

// The errors of Apply before anything was sent, besides *coc.Error,
// *coc.FieldError and *audit.StorageError.
type (
	// ReasonTooLongError says that the reason has more than MaxReason characters.
	ReasonTooLongError struct{ Length int }
	// TargetError says that the ticket has no such batch or instance. Field is
	// the wire name.
	TargetError struct{ Field string }
	// RefusedError says that the operation does not fit the state of the ticket.
	RefusedError struct {
		Why Refusal
		Now Reading
	}
	// PendingError says that an operation on the same target has no end yet, and
	// that the request does not go beside it. Pending are the requests of such
	// operations; Beside has to name the first.
	PendingError struct{ Pending []audit.Record }
	// StaleError says that the ticket is not what the person saw.
	StaleError struct {
		Changes []Change
		Now     Reading
	}
)

func (e *ReasonTooLongError) Error() string {
	return fmt.Sprintf("the reason has %d characters, %d are allowed", e.Length, MaxReason)
}

func (e *TargetError) Error() string { return "the ticket has no such " + e.Field }

func (e *RefusedError) Error() string { return "the operation does not fit: " + string(e.Why) }

func (e *PendingError) Error() string { return "an operation on the same target is pending" }

func (e *StaleError) Error() string { return "the ticket is not what was seen" }

var (
	// ErrNobodyLooks says that there is no token with which an operation's effect
	// could be looked for.
	ErrNobodyLooks = errors.New("nobody whose token could be used looks at the ticket")
	// ErrBadKey says that the form carried no usable key.
	ErrBadKey = errors.New("the form's one-time key is missing or malformed")
	// ErrKeySpent says that the key was used up by an attempt that sent nothing.
	ErrKeySpent = errors.New("the form's one-time key is used up, and nothing was sent with it")
	// ErrBadSnapshot says that the form carried no usable snapshot.
	ErrBadSnapshot = errors.New("the form's snapshot of the ticket is missing or malformed")
	// ErrUnwritten says that the log has not taken the answer to an earlier
	// operation yet.
	ErrUnwritten = errors.New("the answer to an earlier operation is not in the log yet")
)
