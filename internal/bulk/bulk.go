// Package bulk sends many operations of one kind that one confirmation covers,
// each on its own path: with its own key, reading, decision and records.
package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/store"
)

// State says where a bulk operation stands.
type State string

// The states of a bulk operation.
const (
	Running State = "running"
	Stopped State = "stopped" // by a person, or by itself: Note says why
	Ended   State = "ended"   // every item has been tried
)

// ItemState says where one item stands.
type ItemState string

// The states of an item.
const (
	ItemWaiting ItemState = "waiting"
	ItemSending ItemState = "sending"
	ItemSent    ItemState = "sent"   // in the log: the receipt says what came of it
	ItemFailed  ItemState = "failed" // nothing was sent: Problem says why
)

// terms are what the person confirmed for all items at once.
type terms struct {
	Counted  bool `json:"counted,omitempty"`
	Override bool `json:"glass,omitempty"`
	Items    int  `json:"items"`
	Stops    int  `json:"stops,omitempty"`
	Run      int  `json:"run,omitempty"` // how often it was continued
}

// Operation is a bulk operation. Records and tables call it a job.
type Operation struct {
	ID             string
	State          State
	Note           operate.Note
	Actor          audit.Actor
	Type           coc.OperationType
	Reason         string
	Stops          int // instances, when it was confirmed
	Created, Ended time.Time
	Items          []Item
	// Doubtful says that the MAC of its row, or of an item's, is wrong or
	// missing: what they say may be invented, and nothing is done because of it.
	Doubtful bool

	origin audit.Origin
	terms  terms
	proven bool // the log tells that it was started, with its items
	row    store.BulkRow
}

// Size is the number of items, also where they were not read.
func (o Operation) Size() int { return o.terms.Items }

// Item is one operation of a bulk operation. Its key is the operation's id.
type Item struct {
	N         int
	State     ItemState
	Ticket    coc.ExecuteUUID
	Operation coc.Operation
	BatchHint int32
	Target    string
	Expected  string
	Key       string
	Problem   string

	beside   string // the pending operation that the person knew of
	doubtful bool
	row      store.ItemRow
}

var (
	// ErrNotYours says that only who started a bulk operation can do that.
	ErrNotYours = errors.New("only who started the bulk operation can do that")
	// ErrState says that the bulk operation is in no state for that.
	ErrState = errors.New("the bulk operation is in another state")
)

// Config is what the service stands on. All fields are required but
// Rate and Retry.
type Config struct {
	Operations *operate.Service
	Log        *audit.Log
	Index      *search.Index
	Rows       *store.Bulk
	Keys       *store.Keys
	Leases     *store.Leases
	Logger     *slog.Logger
	Now        func() time.Time
	Rate       float64 // operations a second of one account; DefaultRate when it is 0
	// Retry is how soon what another console was faster with is tried again; a
	// second when it is 0.
	Retry time.Duration
}

// Service keeps bulk operations and sends their items. It ends with the
// operations' service.
type Service struct {
	operations *operate.Service
	log        *audit.Log
	index      *search.Index
	rows       *store.Bulk
	keys       *store.Keys
	leases     *store.Leases
	logger     *slog.Logger
	now        func() time.Time
	retry      time.Duration
	runs       runs
	paces      paces
	places     chan struct{} // holds one for each that is being read before it runs
}

// maxRead bounds how many are read, with what the log has of them, at the same
// time: a start may have to take up many.
const maxRead = 4

// New returns a service, which takes over what other consoles leave of their
// bulk operations.
func New(cfg Config) *Service {
	s := &Service{operations: cfg.Operations, log: cfg.Log, index: cfg.Index, rows: cfg.Rows,
		keys: cfg.Keys, leases: cfg.Leases, logger: cfg.Logger, now: cfg.Now, retry: cmp.Or(cfg.Retry, time.Second), runs: runs{running: map[string]bool{}},
		paces:  paces{perSecond: rate.Limit(cmp.Or(cfg.Rate, DefaultRate)), of: map[string]*pacing{}},
		places: make(chan struct{}, maxRead)}
	s.operations.OnTakeOver(leaseKind, func(_ context.Context, id string) error {
		s.run(id)
		return nil
	})
	return s
}

// leaseKind tells the leases of bulk operations from those of operations: each
// has one console that carries it on. Consoles of before know that name.
const leaseKind = "job"

func leaseOf(id string) string { return leaseKind + "/" + id }

// warn logs an error of a lease or a claim, which is made good by whoever next
// works on the bulk operation.
func (s *Service) warn(ctx context.Context, id string, err error) {
	if err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "lease of a bulk operation not written", "bulk", id, "error", err)
	}
}

// Start starts a bulk operation and returns its id, which is its key. The same
// key again returns the same one. *PlanError says what stops it; nothing was
// sent then.
func (s *Service) Start(ctx context.Context, r Request) (string, error) {
	if !operate.ValidKey(r.Key) {
		return "", operate.ErrBadKey
	}
	switch o, err := s.head(ctx, r.Key); {
	case err == nil && operate.SamePerson(o.Actor, r.Actor):
		return r.Key, nil
	case err == nil:
		return "", operate.ErrBadKey
	case !errors.Is(err, audit.ErrNotFound):
		return "", err
	}
	switch records, err := s.index.Operation(ctx, r.Key); {
	case err != nil:
		return "", fmt.Errorf("read operation %s from the log: %w", r.Key, err)
	case len(records) > 0: // the key of an operation
		return "", &operate.KeyTakenError{Path: store.PathForm}
	case s.operations.Unwritten():
		return "", operate.ErrUnwritten
	}
	for _, t := range r.Targets {
		if _, err := operate.ParseSnapshot(t.Expected); err != nil {
			return "", operate.ErrBadSnapshot
		}
	}
	plan, err := s.Plan(ctx, r)
	if err != nil {
		return "", err
	}
	if !plan.Fits() {
		if o, err := s.head(ctx, r.Key); err == nil && operate.SamePerson(o.Actor, r.Actor) {
			return r.Key, nil // the same form, sent at the same time: its own items are what is pending
		}
		return "", &PlanError{plan}
	}
	return s.create(context.WithoutCancel(ctx), r, plan)
}

// create stores a bulk operation, notes it in the log, and lets it run.
func (s *Service) create(ctx context.Context, r Request, plan Plan) (string, error) {
	o := Operation{ID: r.Key, State: Running, Actor: r.Actor, Type: r.Type, Reason: r.Reason, Stops: plan.Stops,
		Created: s.now(), origin: r.Origin, terms: terms{Counted: plan.Counted, Override: r.Override, Items: len(plan.Items),
			Stops: plan.Stops}}
	o.row.Session = r.SessionKey
	for i, p := range plan.Items {
		o.Items = append(o.Items, Item{N: i + 1, State: ItemWaiting, Ticket: p.Ticket, Operation: r.operation(p.Target),
			BatchHint: p.BatchHint, Target: p.Name, Expected: p.Expected, Key: s.operations.NewKey(), beside: p.Beside})
	}
	switch err := s.insert(ctx, o); {
	case errors.Is(err, store.ErrClaimed): // the same form, sent at the same time
		return r.Key, nil
	case isTaken(err):
		return "", err
	case err != nil:
		return "", s.log.Refusal(err)
	}
	if err := s.leases.Acquire(ctx, leaseOf(o.ID)); err != nil { // after the insertion: of the same forms one has it
		return "", errors.Join(s.log.Refusal(err), s.drop(ctx, o))
	}
	if _, err := s.log.Append(ctx, o.record(audit.ActionJobStarted, r.Actor, r.Origin)); err != nil {
		s.warn(ctx, o.ID, s.leases.Release(ctx, leaseOf(o.ID)))
		return "", errors.Join(fmt.Errorf("record the start of bulk operation %s: %w", o.ID, err), s.drop(ctx, o))
	}
	s.run(o.ID)
	return o.ID, nil
}

func isTaken(err error) bool {
	_, taken := errors.AsType[*operate.KeyTakenError](err)
	return taken
}

// record is a record about the bulk operation. It belongs to no operation: each
// item has records of its own, which name it.
func (o Operation) record(action audit.Action, who audit.Actor, origin audit.Origin) audit.Record {
	d := operate.Detail{Job: o.ID, Stops: o.terms.Stops, Override: o.terms.Override, Note: o.Note, Run: o.terms.Run}
	if action == audit.ActionJobStarted {
		d.Items = digest(o.Items)
	}
	return audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, Actor: who, Origin: origin,
		OperationType: string(o.Type), Reason: o.Reason, Target: fmt.Sprintf("%d × %s", o.terms.Items, o.Type),
		Detail: d.String()}
}

// Stop lets nothing more of a bulk operation be sent; what is on its way comes
// to its end. ErrState where it does not run.
func (s *Service) Stop(ctx context.Context, id string, who audit.Actor, origin audit.Origin) error {
	o, err := s.head(ctx, id)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if o.Doubtful {
		return s.reject(ctx, o)
	}
	if o, err = s.setState(ctx, id, Stopped); err != nil {
		return err
	}
	if _, err := s.log.Append(ctx, o.record(audit.ActionJobStopped, who, origin)); err != nil { // stopping comes first
		s.logger.ErrorContext(ctx, "stop of a bulk operation not logged", "bulk", id, "error", err)
	}
	return nil
}

// Continue goes on with a stopped bulk operation, in the person's present
// session. Only who started it can: its items are sent in their name.
func (s *Service) Continue(ctx context.Context, id, sessionKey string, who audit.Actor, origin audit.Origin) error {
	o, err := s.head(ctx, id)
	switch {
	case err != nil:
		return err
	case o.Doubtful:
		return operate.ErrNotAuthentic
	case !operate.SamePerson(o.Actor, who):
		return ErrNotYours
	case o.State != Stopped:
		return ErrState
	}
	ctx = context.WithoutCancel(ctx)
	// The log first: what it does not know of is not sent.
	o.terms.Run++
	if _, err := s.log.Append(ctx, o.record(audit.ActionJobContinued, who, origin)); err != nil {
		return fmt.Errorf("record that bulk operation %s is continued: %w", id, err)
	}
	if _, err := s.change(ctx, id, func(row *store.BulkRow) bool {
		row.Note, row.Session, row.Terms = "", sessionKey, store.JSON(o.terms)
		return move(row, Stopped, Running)
	}); err != nil {
		return err
	}
	return s.takeUp(ctx, id)
}

// reject stops a bulk operation whose rows are not authentic, without a record
// in anybody's name.
func (s *Service) reject(ctx context.Context, o Operation) error {
	mac := o.row.MAC
	for _, i := range o.Items {
		if i.doubtful && i.row.MAC != "" && o.row.MAC != "" {
			mac = i.row.MAC
		}
	}
	return s.rows.Reject(ctx, o.ID, string(s.operations.ReportForged(ctx, mac, "job", o.ID)))
}

// kept is how long bulk operations that have ended are kept beside the log,
// which keeps their records for ever.
const kept = 90 * 24 * time.Hour

// Purge deletes bulk operations three months after their end.
func (s *Service) Purge(ctx context.Context) error {
	if err := s.rows.Purge(ctx, s.now().Add(-kept)); err != nil {
		return fmt.Errorf("delete old bulk operations: %w", err)
	}
	return nil
}
