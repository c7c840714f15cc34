// Package operate is the one path every operation on a ticket takes. COC
// answers 200 when it has accepted an operation, not when it has happened; it
// takes no reason, has no idempotency key and no guard against a stale picture
// (docs/coc-api.md section 4.6). This package closes those gaps:
//
//   - what the person saw is compared with a fresh reading, and a material
//     difference stops the operation before anything is sent;
//   - a one-time key makes sure that the same form never sends twice, on any
//     console that shares the database, also after a restart;
//   - *requested* is durable in the log before the PUT leaves; if that fails
//     the operation is refused;
//   - the PUT is never repeated: a time-out is *unknown*, not failed;
//   - the ticket is then watched until the effect is seen, *observed*, or can
//     no longer be expected, *not observed*; after a restart every operation
//     without an end is taken up again, and of consoles that share a database
//     the others take up what one has left, once it gives no sign of life.
//
// It is the only caller of the COC client's Operate.
package operate

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/internal/coc"
)

// MaxReason is the longest reason a form may give, in characters.
const MaxReason = 500

// Callers finds a token to look at a ticket with, when the request that
// started an operation is long over.
type Callers interface {
	// Caller returns the caller of the session with that key.
	Caller(ctx context.Context, sessionKey string) (coc.Caller, error)
	// AnyCaller returns the caller of some live session in the project.
	// with another token than those, which COC has refused.
	AnyCaller(ctx context.Context, projectID string, refused ...coc.Token) (coc.Caller, error)
}

// Config is what the service stands on. All fields are required but Shared,
// Beat, Observe and Logger.
type Config struct {
	Log      *audit.Log
	Client   *coc.Client
	Keys     *sql.DB          // the console's database: tables one_time_key and operation_owner
	IsUnique func(error) bool // does the error mean that a key exists
	Callers  Callers
	Rules    Rules
	Logger   *slog.Logger
	Now      func() time.Time
	Poll     time.Duration // between two looks at a ticket after an operation
	Deadline time.Duration // how long an effect is waited for
	// Observe hears of every record of an operation, once it is in the log.
	// nil: nobody listens.
	Observe func(audit.Record)
	// JobRate is how many operations a second the jobs of one account send;
	// DefaultJobRate when it is 0.
	JobRate float64
	// Shared says that other consoles write the same log and keys: an operation
	// without an end may then be theirs.
	Shared bool
	// Beat is how often a console that shares its database gives a sign of life;
	// the same for all of them. Zero: DefaultBeat.
	Beat time.Duration
}

// Service applies operations and watches for their effects.
type Service struct {
	Config
	keys   keyStore
	owners *owners
	reads  reads
	jobs   jobs

	ctx   context.Context // ends with Close; watching runs under it
	stop  context.CancelFunc
	done  sync.WaitGroup
	looks chan struct{} // holds one for every look that is under way

	mu       sync.Mutex
	closed   bool
	inFlight map[string]chan struct{} // one-time keys between claim and answer
	waiting  *sql.Stmt                // of anyWaiting

	// unwritten counts answers that the log has not taken yet. While there are
	// any, nothing new is sent: a log that misses answers must not grow.
	unwritten atomic.Int64
}

// New returns a service; Close ends it.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Beat = cmp.Or(cfg.Beat, DefaultBeat)
	if cfg.Observe == nil {
		cfg.Observe = func(audit.Record) {}
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Service{Config: cfg, keys: keyStore{db: cfg.Keys, isUnique: cfg.IsUnique}, ctx: ctx, stop: stop,
		owners: &owners{db: cfg.Keys, console: rand.Text(), shared: cfg.Shared, mine: map[string]context.CancelFunc{}},
		looks:  make(chan struct{}, maxLooks), inFlight: map[string]chan struct{}{}}
	if cfg.Shared {
		s.background(s.standBy)
	}
	return s
}

// Close stops watching at once, and waits for COC's answers to what was sent,
// so that the log gets them. Operations that have no end yet are taken up by
// Resume at the next start, or by another console that shares the log. The log
// is closed after the service.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.done.Wait()
	return nil
}

// begin holds Close up until end is called; false when it is too late.
func (s *Service) begin() (end func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	s.done.Add(1)
	return s.done.Done, true
}

// background runs f unless the service is closed, and holds Close up. f ends
// with s.ctx.
func (s *Service) background(f func()) bool {
	end, ok := s.begin()
	if ok {
		go func() {
			defer end()
			f()
		}()
	}
	return ok
}

// NewKey returns a one-time key for a form. It becomes the operation's id.
func NewKey() string { return rand.Text() }

// validKey reports whether NewKey could have made the key.
func validKey(key string) bool {
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
	Seen      string // the Picture that the form carried
	Key       string // the one-time key that the form carried

	// What the rules may demand besides a reason.
	Count string // the number of instances that stop, as it was typed
	Glass bool   // do it though a second person is wanted, and be asked about it

	approval *Approval // what somebody else has approved; Approve alone sets it
	job      *jobTerms // of the job that this is an item of; the job's runner alone sets it
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
	// StaleError says that the ticket is not what the person saw.
	StaleError struct {
		Changes []Change
		Now     Reading
	}
)

func (e *ReasonTooLongError) Error() string {
	return fmt.Sprintf("the reason has %d characters, %d are allowed", e.Length, MaxReason)
}
func (e *TargetError) Error() string  { return "the ticket has no such " + e.Field }
func (e *RefusedError) Error() string { return "the operation does not fit: " + string(e.Why) }
func (e *StaleError) Error() string   { return "the ticket is not what was seen" }

var (
	// ErrBadKey says that the form carried no usable key.
	ErrBadKey = errors.New("the form's one-time key is missing or malformed")
	// ErrKeySpent says that the key was used up by an attempt that sent nothing.
	ErrKeySpent = errors.New("the form's one-time key is used up, and nothing was sent with it")
	// ErrBadSeen says that the form carried no usable picture.
	ErrBadSeen = errors.New("the form's picture of the ticket is missing or malformed")
	// ErrUnwritten says that the log has not taken the answer to an earlier
	// operation yet.
	ErrUnwritten = errors.New("the answer to an earlier operation is not in the log yet")
)

// Apply takes one operation from the form to COC's answer and returns the
// operation's id, which is its key. The same key again returns the same id and
// sends nothing. Once *requested* is in the log an error is returned only when
// COC wants a new sign-in; every other answer is in the log under the id, and
// the effect is watched for in the background.
func (s *Service) Apply(ctx context.Context, r Request) (string, error) {
	if err := s.validate(r); err != nil {
		return "", err
	}
	if known, err := s.knownAs(ctx, r); known || err != nil {
		return r.Key, err
	}
	if s.Unwritten() {
		return "", ErrUnwritten
	}
	from := s.sourceFor(r)
	reading, err := read(ctx, from, r.Operation, r.BatchHint)
	if err == nil {
		err = s.compare(r, reading)
	}
	if err != nil {
		return s.unlessKnown(ctx, r.Key, err)
	}
	leave, err := s.decide(ctx, r, reading)
	if err != nil {
		return "", err
	}
	var before map[int64]int32
	if r.Operation.Type == coc.CancelInstance {
		before, err = canceledRows(ctx, from, reading.Statistics)
		if err != nil {
			return "", err
		}
	}
	return s.once(ctx, leave, r, reading, before)
}

func (s *Service) validate(r Request) error {
	if err := r.Operation.Validate(); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(r.Reason); n > MaxReason {
		return &ReasonTooLongError{Length: n}
	}
	if !validKey(r.Key) {
		return ErrBadKey
	}
	if _, err := ParsePicture(r.Seen); err != nil {
		return ErrBadSeen
	}
	return nil
}

// compare refuses what no longer fits, and what is no longer what was seen.
// The change comes first: it explains the refusal.
func (s *Service) compare(r Request, now Reading) error {
	seen, err := ParsePicture(r.Seen)
	if err != nil {
		return ErrBadSeen
	}
	if changes := seen.Changes(now.Picture(), r.Operation.Type); Stale(changes) {
		return &StaleError{Changes: changes, Now: now}
	}
	if why := now.Check(r.Operation); why != Fits {
		return &RefusedError{Why: why, Now: now}
	}
	return nil
}

// once claims the key, so that of all forms with it exactly one goes on.
func (s *Service) once(ctx context.Context, leave permit, r Request, now Reading, before map[int64]int32) (string, error) {
	end, ok := s.begin()
	if !ok {
		return "", audit.ErrClosed
	}
	defer end()
	over, first := s.enter(r.Key)
	if !first {
		return s.follow(ctx, r.Key, over)
	}
	defer s.leave(r.Key)
	if err := ctx.Err(); err != nil {
		return "", err
	}
	// From here on the person may close the browser: no claim is left behind,
	// and the answer is recorded.
	asked, ctx := ctx, context.WithoutCancel(ctx)
	claimed := s.Now()
	switch err := s.keys.claim(ctx, r, claimed); {
	case errors.Is(err, errClaimed):
		return s.followElsewhere(asked, r.Key)
	case err != nil:
		return "", s.Log.Refusal(err)
	}
	if err := s.owners.take(ctx, r.Key); err != nil {
		s.keys.release(ctx, r.Key, s.Logger)
		return "", s.Log.Refusal(err)
	}
	return r.Key, s.send(ctx, leave, r, now, before, claimed)
}

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

// claimLife bounds the time from a claim to its request in the log: what comes
// there later is not sent.
const claimLife = time.Minute

// followElsewhere answers a form whose key was claimed, but not by a form that
// is under way here. Where other consoles share the database it may be under
// way there: that nothing was sent is said only when that is certain.
func (s *Service) followElsewhere(ctx context.Context, key string) (string, error) {
	for {
		claimed, held, err := s.keys.claimed(ctx, key) // before the log: what came of it is there afterwards
		if err != nil {
			return "", s.Log.Refusal(err)
		}
		known, err := s.known(ctx, key)
		if known || err != nil {
			return idUnless(key, err)
		}
		if !s.Shared || !held || s.Now().Sub(claimed) > claimLife {
			return "", ErrKeySpent
		}
		if !pause(ctx, 100*time.Millisecond) {
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
// operation, leads to nobody's receipt.
func (s *Service) knownAs(ctx context.Context, r Request) (bool, error) {
	receipt, err := s.Receipt(ctx, r.Key)
	if errors.Is(err, audit.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	of := receipt.Requested
	if !same(of.Actor, r.Actor) || of.Ticket != string(r.Ticket) || of.OperationType != string(r.Operation.Type) ||
		of.BatchIndex != r.Operation.BatchIndex || of.InstanceID != r.Operation.InstanceID {
		return false, ErrBadKey
	}
	return true, nil
}

func (s *Service) known(ctx context.Context, key string) (bool, error) {
	switch _, err := s.Receipt(ctx, key); {
	case errors.Is(err, audit.ErrNotFound): // there may be a question to a second person under that id
		return false, nil
	default:
		return err == nil, err
	}
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
	if c, ok := s.inFlight[key]; ok {
		return c, false
	}
	s.inFlight[key] = make(chan struct{})
	return nil, true
}

func (s *Service) leave(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.inFlight[key])
	delete(s.inFlight, key)
}

// send writes *requested*, sends the PUT once, and writes the answer.
func (s *Service) send(ctx context.Context, leave permit, r Request, now Reading, before map[int64]int32, claimed time.Time) error {
	requesting := requestedRecord(r, now, before)
	requesting.Detail = leave.mark(r, ParseDetail(requesting.Detail)).String()
	err := s.noteGlass(ctx, leave, requesting)
	var receipt audit.Receipt
	if err == nil {
		receipt, err = s.Log.Request(ctx, requesting)
	}
	if err != nil {
		s.withdraw(ctx, r.Key, err)
		return err
	}
	requested := receipt.Record()
	s.Observe(requested)
	started := s.Now()
	if started.Sub(claimed) > claimLife { // others take the key for spent
		if s.write(ctx, next(requested, audit.ActionOperationRejected, audit.OutcomeFailed,
			Detail{Note: NoteNotDelivered, Error: "the log took too long"})) == nil {
			s.letGo(ctx, r.Key)
		}
		return nil
	}
	reply, err := s.Client.Operate(ctx, r.Caller, receipt, r.Ticket, r.Operation)
	answer := answerRecord(requested, reply, err)
	answer.Duration = s.Now().Sub(started)
	// That the log did not take the answer is no error of this request: it was
	// sent, and its receipt says what is known. Unwritten tells.
	unwritten := s.write(ctx, answer)
	if answer.Action != audit.ActionOperationRejected {
		s.watch(task{requested: requested, caller: r.Caller, sessionKey: r.SessionKey})
	} else if unwritten == nil {
		s.letGo(ctx, r.Key)
	}
	if upstream, ok := errors.AsType[*coc.Error](err); ok {
		r.job.throttled(upstream)
		if upstream.SignInAgain() {
			return upstream
		}
	}
	return nil
}

// withdraw gives the key back: nothing was sent. Where the log cannot say
// whether it holds the request, that waits until it can; a request that it
// holds then gets its end, so that it is not taken for one that was sent.
func (s *Service) withdraw(ctx context.Context, key string, why error) {
	var storage *audit.StorageError
	if !errors.As(why, &storage) || !storage.Unknown {
		s.giveBack(ctx, key)
		return
	}
	s.background(func() {
		for wait := time.Second; pause(s.ctx, wait); wait = min(2*wait, time.Minute) {
			switch receipt, err := s.Receipt(s.ctx, key); {
			case errors.Is(err, audit.ErrNotFound):
				s.giveBack(s.ctx, key)
				return
			case err == nil:
				if s.write(s.ctx, next(receipt.Requested, audit.ActionOperationRejected, audit.OutcomeFailed,
					Detail{Note: NoteNotDelivered, Error: why.Error()})) == nil {
					s.letGo(s.ctx, key)
				}
				return
			}
		}
	})
}

// giveBack undoes the claim: the form can be sent again.
func (s *Service) giveBack(ctx context.Context, key string) {
	s.letGo(ctx, key)
	s.keys.release(ctx, key, s.Logger)
}

// Unwritten reports whether the log has yet to take an answer. While it has,
// nothing new is sent.
func (s *Service) Unwritten() bool { return s.unwritten.Load() > 0 }

// write appends a record that must not be lost. When the log cannot take it
// now it is tried again in the background, and nothing new is sent meanwhile.
func (s *Service) write(ctx context.Context, r audit.Record) error {
	_, err := s.Log.Append(ctx, r)
	if err == nil {
		s.Observe(r)
		return nil
	}
	s.Logger.Error("an answer is not in the log yet", "operation", r.OperationID, "action", r.Action, "error", err)
	s.unwritten.Add(1)
	if !s.background(func() {
		defer s.unwritten.Add(-1)
		s.writeUntilTaken(r)
	}) {
		s.unwritten.Add(-1)
	}
	return err
}

func (s *Service) writeUntilTaken(r audit.Record) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		if !pause(s.ctx, wait) {
			s.Logger.Error("stopped with an answer that is not in the log", "operation", r.OperationID, "action", r.Action)
			return
		}
		if _, err := s.Log.Append(s.ctx, r); err == nil {
			s.Observe(r)
			return
		}
	}
}

// pause waits, and reports false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
