package operate

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/policy"
)

// The limits of jobs.
const (
	MaxJobItems = 200 // as many as a ticket has instances
	jobWorkers  = 8   // items of one job at the same time
)

// JobState says where a job stands.
type JobState string

// The states of a job.
const (
	JobRunning JobState = "running"
	JobStopped JobState = "stopped" // by a person, or by itself: Note says why
	JobEnded   JobState = "ended"   // every item has been tried
)

// ItemState says where one item of a job stands.
type ItemState string

// The states of an item.
const (
	ItemWaiting ItemState = "waiting"
	ItemSending ItemState = "sending"
	ItemSent    ItemState = "sent"   // in the log: the receipt says what came of it
	ItemFailed  ItemState = "failed" // nothing was sent: Problem says why
)

// NoteThrottled says that COC asked the job to wait.
const NoteThrottled Note = "throttled"

// jobTerms are what the person confirmed for all items at once.
type jobTerms struct {
	ID      string `json:"-"`
	Counted bool   `json:"counted,omitempty"`
	Glass   bool   `json:"glass,omitempty"`
	Items   int    `json:"items"`
	Stops   int    `json:"stops,omitempty"`

	since time.Time // older readings are not shared; zero: those of the last moment are
	pace  *pacing   // of the account; nil while it is planned
}

// throttled slows the account's jobs down where COC has refused an operation
// for too many requests.
func (t *jobTerms) throttled(e *coc.Error) {
	if t != nil && t.pace != nil && e.Throttled() {
		t.pace.slow(e.RetryAfter)
	}
}

// size is how many operations one confirmation sends.
func (t *jobTerms) size() int {
	if t == nil {
		return 1
	}
	return t.Items
}

// Job is many operations of one kind that one confirmation sends, each on its
// own path: with its own key, reading, decision and records.
type Job struct {
	ID             string
	State          JobState
	Note           Note
	Actor          audit.Actor
	Type           coc.OperationType
	Reason         string
	Stops          int // instances, when it was confirmed
	Created, Ended time.Time
	Items          []JobItem

	origin     audit.Origin
	sessionKey string
	terms      jobTerms
}

// Size is the number of items, also where they were not read.
func (j Job) Size() int { return j.terms.Items }

// JobItem is one operation of a job. Its key is the operation's id.
type JobItem struct {
	N         int
	State     ItemState
	Ticket    coc.ExecuteUUID
	Operation coc.Operation
	BatchHint int32
	Target    string
	Seen      string
	Key       string
	Problem   string
}

// Target is one thing that a job is to act on.
type Target struct {
	Ticket     coc.ExecuteUUID
	InstanceID int64
	BatchIndex int32
	BatchHint  int32
	Seen       string // the picture that the form carried; empty when it is shown for the first time
}

// JobRequest is a job as a person asked for it.
type JobRequest struct {
	SessionKey string
	Caller     coc.Caller
	Actor      audit.Actor
	Origin     audit.Origin
	Type       coc.OperationType
	Targets    []Target
	Reason     string
	Count      string
	Glass      bool
	Key        string
}

// Planned is one target of a job with what was read of it.
type Planned struct {
	Target
	Name     string // for people
	Now      Reading
	Radius   Radius
	Decision policy.Decision
	Refusal  Refusal
	Changes  []Change // material ones, since the form was made
	Err      error    // it could not be read; *PolicyError where the rules hide the ticket
}

// OK reports whether the item can be sent once all demands are met.
func (p Planned) OK() bool { return p.ready() && !p.Decision.Denied() }

// ready reports whether nothing but the rules may stop the item.
func (p Planned) ready() bool { return p.Err == nil && p.Refusal == Fits && len(p.Changes) == 0 }

// Plan is a job before it is confirmed.
type Plan struct {
	Items   []Planned
	Stops   int // instances, of the items that can be sent
	Running int
	Demands []policy.Demand // of all items together
	Glass   bool
	Counted bool // the number that stops was typed
}

// Fits reports whether every item can be sent now.
func (p Plan) Fits() bool {
	for _, i := range p.Items {
		if !i.OK() || !i.Decision.Allowed {
			return false
		}
	}
	return len(p.Items) > 0
}

// PlanError says that a job was not started, and why: an item that cannot be
// sent, or something that the rules demand.
type PlanError struct{ Plan Plan }

func (e *PlanError) Error() string { return "the job was not started" }

// ErrTargets says that a job has no targets, or more than MaxJobItems, or one twice.
var ErrTargets = fmt.Errorf("a job takes 1 to %d different targets", MaxJobItems)

// Plan reads what a job would act on and asks the rules about every item.
func (s *Service) Plan(ctx context.Context, r JobRequest) (Plan, error) {
	if err := r.check(); err != nil {
		return Plan{}, err
	}
	plan := Plan{Items: make([]Planned, len(r.Targets))}
	terms := &jobTerms{Items: len(r.Targets), Glass: r.Glass, since: time.Now()}
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(maxParallel)
	for i, t := range r.Targets {
		g.Go(func() error {
			plan.Items[i] = s.planItem(reading, r, t, terms)
			return signInAgain(plan.Items[i].Err)
		})
	}
	if err := g.Wait(); err != nil {
		return Plan{}, err
	}
	for _, item := range plan.Items {
		if item.ready() {
			plan.Stops, plan.Running = plan.Stops+item.Radius.Stops, plan.Running+item.Radius.Running
		}
	}
	plan.Counted = strings.TrimSpace(r.Count) == strconv.Itoa(plan.Stops)
	terms.Counted = plan.Counted
	for i := range plan.Items {
		s.decideItem(r, &plan.Items[i], terms, &plan)
	}
	return plan, nil
}

// signInAgain is the error if it ends the whole plan.
func signInAgain(err error) error {
	if call, ok := errors.AsType[*coc.Error](err); ok && call.SignInAgain() {
		return err
	}
	return nil
}

func (r JobRequest) check() error {
	if len(r.Targets) == 0 || len(r.Targets) > MaxJobItems {
		return ErrTargets
	}
	seen := map[Target]bool{}
	for _, t := range r.Targets {
		t.Seen, t.BatchHint = "", 0
		if seen[t] {
			return ErrTargets
		}
		seen[t] = true
		if err := r.operation(t).Validate(); err != nil {
			return err
		}
	}
	if n := utf8.RuneCountInString(r.Reason); n > MaxReason {
		return &ReasonTooLongError{Length: n}
	}
	return nil
}

func (r JobRequest) operation(t Target) coc.Operation {
	return coc.Operation{Type: r.Type, BatchIndex: t.BatchIndex, InstanceID: t.InstanceID}
}

// request is one item as Apply takes it.
func (r JobRequest) request(t Target, terms *jobTerms) Request {
	return Request{SessionKey: r.SessionKey, Caller: r.Caller, Actor: r.Actor, Origin: r.Origin, Ticket: t.Ticket,
		Operation: r.operation(t), BatchHint: t.BatchHint, Reason: r.Reason, Seen: t.Seen, Glass: r.Glass, job: terms}
}

func (s *Service) planItem(ctx context.Context, r JobRequest, t Target, terms *jobTerms) Planned {
	p := Planned{Target: t}
	one := r.request(t, terms)
	if p.Now, p.Err = read(ctx, s.sourceFor(one), one.Operation, t.BatchHint); p.Err != nil {
		return p
	}
	if d := s.MayView(r.Actor, p.Now.Ticket); !d.Allowed {
		p.Now, p.Err = Reading{}, &PolicyError{Decision: d}
		return p
	}
	p.Name, p.Radius, p.Refusal = targetName(one.Operation, p.Now), p.Now.Radius(one.Operation), p.Now.Check(one.Operation)
	p.BatchHint = p.Now.InstanceBatch
	if t.Seen == "" {
		p.Seen = p.Now.Picture().String()
		return p
	}
	seen, err := ParsePicture(t.Seen)
	if err != nil {
		p.Err = ErrBadSeen
		return p
	}
	if changes := seen.Changes(p.Now.Picture(), r.Type); Stale(changes) {
		p.Changes = changes
	}
	return p
}

// decideItem asks the rules about an item, and adds what they want to the plan.
func (s *Service) decideItem(r JobRequest, p *Planned, terms *jobTerms, plan *Plan) {
	if p.Err != nil {
		return
	}
	p.Decision, _ = s.Decide(r.request(p.Target, terms), p.Now)
	plan.Glass = plan.Glass || p.Decision.Glass
	for _, d := range p.Decision.Demands {
		known := false
		for _, have := range plan.Demands {
			known = known || have.Policy == d.Policy
		}
		if !known {
			plan.Demands = append(plan.Demands, d)
		}
	}
}

// Start starts a job and returns its id, which is its key. The same key again
// returns the same job. *PlanError says what stops it; nothing was sent then.
func (s *Service) Start(ctx context.Context, r JobRequest) (string, error) {
	if !validKey(r.Key) {
		return "", ErrBadKey
	}
	switch j, err := s.jobHead(ctx, r.Key); {
	case err == nil:
		return idUnless(r.Key, errUnless(same(j.Actor, r.Actor), ErrBadKey))
	case !errors.Is(err, audit.ErrNotFound):
		return "", err
	}
	if s.Unwritten() {
		return "", ErrUnwritten
	}
	for _, t := range r.Targets {
		if _, err := ParsePicture(t.Seen); err != nil {
			return "", ErrBadSeen
		}
	}
	plan, err := s.Plan(ctx, r)
	if err != nil {
		return "", err
	}
	if !plan.Fits() {
		return "", &PlanError{plan}
	}
	return s.begun(context.WithoutCancel(ctx), r, plan)
}

// begun stores the job, notes it in the log, and lets it run.
func (s *Service) begun(ctx context.Context, r JobRequest, plan Plan) (string, error) {
	j := Job{ID: r.Key, State: JobRunning, Actor: r.Actor, Type: r.Type, Reason: r.Reason, Stops: plan.Stops, Created: s.Now(),
		origin: r.Origin, sessionKey: r.SessionKey,
		terms: jobTerms{ID: r.Key, Counted: plan.Counted, Glass: r.Glass, Items: len(plan.Items), Stops: plan.Stops}}
	for i, p := range plan.Items {
		j.Items = append(j.Items, JobItem{N: i + 1, State: ItemWaiting, Ticket: p.Ticket, Operation: r.operation(p.Target),
			BatchHint: p.BatchHint, Target: p.Name, Seen: p.Seen, Key: NewKey()})
	}
	if err := s.insertJob(ctx, j); err != nil {
		if s.IsUnique(err) { // the same form, sent at the same time
			return r.Key, nil
		}
		return "", s.Log.Refusal(err)
	}
	if err := s.owners.take(ctx, jobOwner+j.ID); err != nil { // after the insertion: of the same forms one has it
		return "", errors.Join(s.Log.Refusal(err), s.dropJob(ctx, j.ID))
	}
	if _, err := s.Log.Append(ctx, j.record(audit.ActionJobStarted, r.Actor, r.Origin)); err != nil {
		s.letGo(ctx, jobOwner+j.ID)
		return "", errors.Join(err, s.dropJob(ctx, j.ID))
	}
	s.run(j.ID)
	return j.ID, nil
}

// begunInLog completes the record of a job's start where the end of a process
// cut it off. Once something was sent it is there.
func (s *Service) begunInLog(ctx context.Context, j Job) error {
	if slices.ContainsFunc(j.Items, func(i JobItem) bool { return i.State != ItemWaiting }) {
		return nil
	}
	q := audit.Query{Action: audit.ActionJobStarted, From: j.Created.Add(-claimLife), Limit: audit.MaxLimit, Visible: audit.Visibility{All: true}}
	for {
		page, err := s.Log.Search(ctx, q)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(page.Records, func(r audit.Record) bool { return ParseDetail(r.Detail).Job == j.ID }) {
			return nil
		}
		if q.Before = page.Next; q.Before == 0 {
			break
		}
	}
	_, err := s.Log.Append(ctx, j.record(audit.ActionJobStarted, j.Actor, j.origin))
	return err
}

// record is a record about the job. It belongs to no operation: each item has
// records of its own, which name the job.
func (j Job) record(action audit.Action, who audit.Actor, origin audit.Origin) audit.Record {
	return audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, Actor: who, Origin: origin, OperationType: string(j.Type),
		Reason: j.Reason, Target: fmt.Sprintf("%d × %s", j.terms.Items, j.Type),
		Detail: Detail{Job: j.ID, Stops: j.terms.Stops, Glass: j.terms.Glass, Note: j.Note}.String()}
}

// jobs are those that run in this process.
type jobs struct {
	mu      sync.Mutex
	running map[string]bool    // true: it is to be looked at once more
	paces   map[string]*pacing // by account
}

func (j *jobs) enter(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, is := j.running[id]; is {
		j.running[id] = true
		return false
	}
	if j.running == nil {
		j.running = map[string]bool{}
	}
	j.running[id] = false
	return true
}

// leave reports whether the job was continued while it came to a halt.
func (j *jobs) leave(id string) (again bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	again = j.running[id]
	delete(j.running, id)
	return again
}

// pace is that of an account, over all its jobs here.
func (j *jobs) pace(account string, perSecond float64) *pacing {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.paces == nil {
		j.paces = map[string]*pacing{}
	}
	p := j.paces[account]
	if p == nil {
		p = &pacing{limit: rate.NewLimiter(rate.Limit(perSecond), 1)}
		j.paces[account] = p
	}
	return p
}

// jobOwner marks the names of jobs among those of operations: each has one
// console that carries it on.
const jobOwner = "job/"

// run carries a job on in the background, once at a time, as long as it is
// this console's.
func (s *Service) run(id string) {
	if !s.jobs.enter(id) {
		return
	}
	ctx, lost := context.WithCancel(s.ctx)
	if !s.owners.keep(jobOwner+id, lost) || !s.background(func() {
		defer lost()
		s.carryOnUntilDone(ctx, id)
		if s.jobs.leave(id) { // continued while it came to a halt, which has let it go
			s.noted(s.owners.take(s.ctx, jobOwner+id))
			s.run(id)
		}
	}) {
		s.jobs.leave(id)
		lost()
	}
}

// carryOnUntilDone tries again what a failing database interrupts.
func (s *Service) carryOnUntilDone(ctx context.Context, id string) {
	for {
		err := s.carryOn(ctx, id)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			s.letGo(context.WithoutCancel(ctx), jobOwner+id)
			return
		}
		wait := maxBackoff
		if errors.Is(err, ErrDecided) { // another console has worked on the same item, and may have the job
			wait = min(time.Second, s.Beat)
		}
		s.Logger.Error("a job was interrupted and is taken up again", "job", id, "error", err)
		if !pause(ctx, wait) {
			return
		}
	}
}

// carryOn sends a job's waiting items until there are none or it is stopped.
func (s *Service) carryOn(ctx context.Context, id string) error {
	j, err := s.Job(ctx, id)
	if err != nil || j.State != JobRunning {
		return err
	}
	if err := errors.Join(s.begunInLog(ctx, j), s.settleItems(ctx, &j)); err != nil {
		return err
	}
	work, pace := make(chan JobItem), s.jobs.pace(j.Actor.AccountID, cmp.Or(s.JobRate, DefaultJobRate))
	g, running := errgroup.WithContext(ctx)
	for range jobWorkers {
		g.Go(func() error {
			for item := range work {
				if err := s.sendItem(running, j, item, pace); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(work)
		return s.hand(running, j, work, pace)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return s.endJob(ctx, j)
}

// DefaultJobRate is how many operations a second an account's jobs send.
const DefaultJobRate = 5.0

// hand gives the waiting items to the workers, at the account's pace, until
// the job is stopped. What a worker has is sent.
func (s *Service) hand(ctx context.Context, j Job, work chan<- JobItem, pace *pacing) error {
	for _, item := range j.Items {
		if item.State != ItemWaiting {
			continue
		}
		if err := pace.wait(ctx); err != nil {
			return err
		}
		state, err := s.jobState(ctx, j.ID)
		if err != nil {
			return err
		}
		if state != JobRunning {
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

// pacing is the account's limit, and what COC asked for beyond it.
type pacing struct {
	limit *rate.Limiter
	mu    sync.Mutex
	until time.Time
}

func (p *pacing) wait(ctx context.Context) error {
	for rest := p.rest(); rest > 0; rest = p.rest() {
		if !pause(ctx, rest) {
			return ctx.Err()
		}
	}
	return p.limit.Wait(ctx)
}

func (p *pacing) rest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until)
}

// slow lets nothing more be sent for as long as COC asks for, at least a second.
func (p *pacing) slow(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := time.Now().Add(min(max(d, time.Second), maxRetryAfter)); at.After(p.until) {
		p.until = at
	}
}

// throttleTries bounds how often an item is tried whose ticket COC does not
// let be read for too many requests.
const throttleTries = 5

// sendItem sends one item. The error ends the job's run.
func (s *Service) sendItem(ctx context.Context, j Job, item JobItem, pace *pacing) error {
	caller, err := s.Callers.Caller(ctx, j.sessionKey)
	switch {
	case ctx.Err() != nil: // that it could not be asked says nothing about the session
		return ctx.Err()
	case err != nil:
		return s.halt(ctx, j, NoteSessionEnded)
	}
	if err := s.setItem(ctx, j.ID, item.N, ItemWaiting, ItemSending, ""); err != nil {
		return err
	}
	terms := j.terms
	terms.pace = pace
	r := Request{SessionKey: j.sessionKey, Caller: caller, Actor: j.Actor, Origin: j.origin, Ticket: item.Ticket,
		Operation: item.Operation, BatchHint: item.BatchHint, Reason: j.Reason, Seen: item.Seen, Key: item.Key,
		Glass: terms.Glass, job: &terms}
	for try := 1; ; try++ {
		_, err = s.Apply(ctx, r)
		call, ok := errors.AsType[*coc.Error](err)
		if !ok || !call.Throttled() || try == throttleTries {
			break
		}
		pace.slow(max(call.RetryAfter, time.Duration(try)*time.Second))
		if err := pace.wait(ctx); err != nil {
			return err // taken up again from *sending* at the next start
		}
		if state, err := s.jobState(ctx, j.ID); err != nil || state != JobRunning { // stopped: it was not sent
			return errors.Join(err, s.setItem(ctx, j.ID, item.N, ItemSending, ItemWaiting, ""))
		}
	}
	if ctx.Err() != nil && err != nil {
		return ctx.Err()
	}
	return s.itemDone(context.WithoutCancel(ctx), j, item, err)
}

// itemDone notes what came of an item, and stops the job where the next ones
// would fail for the same reason.
func (s *Service) itemDone(ctx context.Context, j Job, item JobItem, err error) error {
	_, failed := s.Receipt(ctx, item.Key)
	if failed == nil {
		failed = s.setItem(ctx, j.ID, item.N, ItemSending, ItemSent, "")
		if call, ok := errors.AsType[*coc.Error](err); ok && call.SignInAgain() {
			return errors.Join(failed, s.halt(ctx, j, NoteSessionEnded))
		}
		return failed
	}
	if !errors.Is(failed, audit.ErrNotFound) {
		return failed
	}
	call, ok := errors.AsType[*coc.Error](err)
	_, storage := errors.AsType[*audit.StorageError](err)
	if ok && call.SignInAgain() || storage || errors.Is(err, ErrUnwritten) || errors.Is(err, audit.ErrClosed) {
		note := NoteSessionEnded
		if !ok {
			note = NoteNotSent
		}
		return errors.Join(s.setItem(ctx, j.ID, item.N, ItemSending, ItemWaiting, ""), s.halt(ctx, j, note))
	}
	return s.setItem(ctx, j.ID, item.N, ItemSending, ItemFailed, problemText(err))
}

// problemText is what an item keeps of an error, for people; pages put the
// known ones into the reader's language by their first word.
func problemText(err error) string {
	var (
		stale   *StaleError
		refused *RefusedError
		denied  *PolicyError
		target  *TargetError
	)
	switch {
	case err == nil:
		return string(NoteNotSent)
	case errors.As(err, &stale):
		return string(NoteMoved)
	case errors.As(err, &refused):
		return string(NoteNotFitting) + ": " + string(refused.Why)
	case errors.As(err, &denied):
		return string(NoteNotAllowed) + ": " + strings.Join(denied.Decision.Policies, ", ")
	case errors.As(err, &target):
		return string(NoteNotFitting) + ": " + target.Field
	}
	return err.Error()
}

// halt stops a job by itself.
func (s *Service) halt(ctx context.Context, j Job, why Note) error {
	ctx = context.WithoutCancel(ctx)
	j.Note = why
	// Not one that was continued meanwhile: that has another session, and starts anew.
	switch err := s.changed(s.Keys.ExecContext(ctx, `UPDATE job SET state = 'stopped', note = $3
		WHERE id = $1 AND state = 'running' AND session_id = $2`, j.ID, j.sessionKey, string(why))); {
	case errors.Is(err, ErrDecided): // or another worker was faster
		return nil
	case err != nil:
		return err
	}
	if _, err := s.Log.Append(ctx, j.record(audit.ActionJobStopped, audit.Actor{}, audit.Origin{})); err != nil {
		s.Logger.Error("that a job stopped is not in the log", "job", j.ID, "error", err)
	}
	return nil
}

func (s *Service) endJob(ctx context.Context, j Job) error {
	now, err := s.Job(ctx, j.ID)
	if err != nil {
		return err
	}
	for _, item := range now.Items {
		if item.State == ItemWaiting || item.State == ItemSending {
			return nil // stopped meanwhile
		}
	}
	if now.State != JobRunning {
		return nil
	}
	// The log first: a job that has ended is not looked at again.
	if _, err := s.Log.Append(ctx, j.record(audit.ActionJobEnded, audit.Actor{}, audit.Origin{})); err != nil {
		return err
	}
	err = s.setJob(ctx, j.ID, JobRunning, JobEnded, "")
	return errUnless(errors.Is(err, ErrDecided), err)
}

// settleItems decides on items that were being sent when a process ended, or
// when this console was taken for one: in the log means sent, and a key that
// nobody has claimed is still good, for whoever claims it first.
func (s *Service) settleItems(ctx context.Context, j *Job) error {
	for i := range j.Items {
		item := &j.Items[i]
		if item.State != ItemSending {
			continue
		}
		err := s.settleItem(ctx, item)
		if err == nil {
			err = s.changed(s.Keys.ExecContext(ctx, `UPDATE job_item SET state = $3, key = $4 WHERE job = $1 AND n = $2 AND state = 'sending'`,
				j.ID, item.N, string(item.State), item.Key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleItem finds the state and the key of such an item. A claimed key
// without a request means that nothing was sent with it: at once where no other
// process can have claimed it, else when it is too old to be sent (claimLife),
// with room for clocks that differ.
func (s *Service) settleItem(ctx context.Context, item *JobItem) error {
	for {
		claimed, held, err := s.keys.claimed(ctx, item.Key) // before the log: what came of it is there afterwards
		if err != nil {
			return err
		}
		known, err := s.known(ctx, item.Key)
		switch {
		case err != nil:
			return err
		case known:
			item.State = ItemSent
			return nil
		case !held:
			item.State = ItemWaiting
			return nil
		case !s.Shared || s.Now().Sub(claimed) > 2*claimLife:
			item.State, item.Key = ItemWaiting, NewKey()
			return nil
		}
		if !pause(ctx, min(time.Second, s.Beat)) {
			return ctx.Err()
		}
	}
}

// StopJob lets nothing more of a job be sent; what is on its way comes to its
// end.
func (s *Service) StopJob(ctx context.Context, id string, who audit.Actor, origin audit.Origin) error {
	j, err := s.jobHead(ctx, id)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.setJob(ctx, id, JobRunning, JobStopped, ""); err != nil {
		return err
	}
	if _, err := s.Log.Append(ctx, j.record(audit.ActionJobStopped, who, origin)); err != nil { // stopping comes first
		s.Logger.ErrorContext(ctx, "that a job was stopped is not in the log", "job", id, "error", err)
	}
	return nil
}

// ContinueJob goes on with a stopped job, in the person's present session.
// Only who started it can: its items are sent in their name.
func (s *Service) ContinueJob(ctx context.Context, id, sessionKey string, who audit.Actor, origin audit.Origin) error {
	j, err := s.jobHead(ctx, id)
	if err != nil {
		return err
	}
	if !same(j.Actor, who) {
		return ErrNotYours
	}
	if j.State != JobStopped {
		return ErrDecided
	}
	ctx = context.WithoutCancel(ctx)
	// The log first: what it does not know of is not sent.
	if _, err := s.Log.Append(ctx, j.record(audit.ActionJobContinued, who, origin)); err != nil {
		return err
	}
	if err := s.changed(s.Keys.ExecContext(ctx, `UPDATE job SET state = 'running', note = '', session_id = $2
		WHERE id = $1 AND state = 'stopped'`, id, sessionKey)); err != nil {
		return err
	}
	if err := s.owners.take(ctx, jobOwner+id); err != nil {
		return err // somebody takes it up
	}
	s.run(id)
	return nil
}

// ErrNotYours says that only who started a job can do that.
var ErrNotYours = errors.New("only who started the job can do that")

// resumeJobs takes up the jobs that ran when a process ended. Of consoles that
// share the database one takes each, as it does with operations.
func (s *Service) resumeJobs(ctx context.Context) error {
	if s.Shared {
		return s.offerJobs(ctx)
	}
	all, err := s.Jobs(ctx, JobFilter{Running: true, Limit: unlimited})
	for _, j := range all {
		s.run(j.ID)
	}
	return err
}

// offerJobs lets somebody take up the jobs that run and have no console.
func (s *Service) offerJobs(ctx context.Context) error {
	all, err := s.Jobs(ctx, JobFilter{Running: true, Limit: unlimited})
	for _, j := range all {
		err = errors.Join(err, s.owners.offer(ctx, jobOwner+j.ID))
	}
	return err
}

// JobFilter narrows a list of jobs; zero fields do not.
type JobFilter struct {
	Running   bool
	AccountID string
	Requester string
	Limit     int
}

const jobColumns = `id, state, note, actor, origin, session_id, type, reason, terms, created_at, ended_at`

// Jobs lists jobs without their items, newest first.
func (s *Service) Jobs(ctx context.Context, f JobFilter) ([]Job, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	rows, err := s.Keys.QueryContext(ctx, `SELECT `+jobColumns+` FROM job WHERE ($1 = 0 OR state = 'running')
		AND ($2 = '' OR account_id = $2) AND ($3 = '' OR requester_id = $3) ORDER BY created_at DESC, id LIMIT $4`,
		flag(f.Running), f.AccountID, f.Requester, f.Limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Job
	for rows.Next() {
		j, err := scanJob(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, rows.Err()
}

// Job reads a job with its items; audit.ErrNotFound when there is none.
func (s *Service) Job(ctx context.Context, id string) (Job, error) {
	j, err := s.jobHead(ctx, id)
	if err != nil {
		return j, err
	}
	rows, err := s.Keys.QueryContext(ctx, `SELECT n, state, ticket, operation, target, seen, key, problem FROM job_item WHERE job = $1 ORDER BY n`, id)
	if err != nil {
		return j, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var i JobItem
		var text string
		if err := rows.Scan(&i.N, &i.State, &i.Ticket, &text, &i.Target, &i.Seen, &i.Key, &i.Problem); err != nil {
			return j, err
		}
		var op storedOperation
		if err := json.Unmarshal([]byte(text), &op); err != nil {
			return j, fmt.Errorf("job %s, item %d: %w", id, i.N, err)
		}
		i.Operation, i.BatchHint = coc.Operation{Type: op.Type, BatchIndex: op.Batch, InstanceID: op.Instance}, op.Hint
		j.Items = append(j.Items, i)
	}
	return j, rows.Err()
}

func (s *Service) jobHead(ctx context.Context, id string) (Job, error) {
	j, err := scanJob(s.Keys.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM job WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return j, audit.ErrNotFound
	}
	return j, err
}

func scanJob(row interface{ Scan(dest ...any) error }) (Job, error) {
	var j Job
	var actor, origin, terms string
	var created, ended int64
	if err := row.Scan(&j.ID, &j.State, &j.Note, &actor, &origin, &j.sessionKey, &j.Type, &j.Reason, &terms, &created, &ended); err != nil {
		return j, err
	}
	for text, into := range map[string]any{actor: &j.Actor, origin: &j.origin, terms: &j.terms} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return j, fmt.Errorf("job %s: %w", j.ID, err)
		}
	}
	j.terms.ID, j.Stops, j.Created = j.ID, j.terms.Stops, time.UnixMicro(created).UTC()
	if ended > 0 {
		j.Ended = time.UnixMicro(ended).UTC()
	}
	return j, nil
}

func (s *Service) insertJob(ctx context.Context, j Job) (err error) {
	tx, err := s.Keys.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	if _, err := tx.ExecContext(ctx, `INSERT INTO job (id, state, account_id, requester_id, actor, origin, session_id, type, reason, terms, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, j.ID, string(j.State), j.Actor.AccountID, j.Actor.UserID,
		encodeActor(j.Actor), encode(j.origin), j.sessionKey, string(j.Type), j.Reason, encode(j.terms), j.Created.UnixMicro()); err != nil {
		return err
	}
	for _, i := range j.Items {
		op := storedOperation{Type: i.Operation.Type, Batch: i.Operation.BatchIndex, Instance: i.Operation.InstanceID, Hint: i.BatchHint}
		if _, err := tx.ExecContext(ctx, `INSERT INTO job_item (job, n, state, ticket, operation, target, seen, key)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, j.ID, i.N, string(i.State), string(i.Ticket), encode(op), i.Target, i.Seen, i.Key); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// dropJob forgets a job of which nothing was sent.
func (s *Service) dropJob(ctx context.Context, id string) error {
	_, err1 := s.Keys.ExecContext(ctx, `DELETE FROM job_item WHERE job = $1`, id)
	_, err2 := s.Keys.ExecContext(ctx, `DELETE FROM job WHERE id = $1`, id)
	return errors.Join(err1, err2)
}

func (s *Service) jobState(ctx context.Context, id string) (state JobState, err error) {
	err = s.Keys.QueryRowContext(ctx, `SELECT state FROM job WHERE id = $1`, id).Scan(&state)
	return state, err
}

// setJob changes a job's state if it is still in another; ErrDecided if not.
func (s *Service) setJob(ctx context.Context, id string, from, to JobState, note Note) error {
	var ended int64
	if to == JobEnded {
		ended = s.Now().UnixMicro()
	}
	return s.changed(s.Keys.ExecContext(ctx, `UPDATE job SET state = $3, note = $4, ended_at = $5 WHERE id = $1 AND state = $2`,
		id, string(from), string(to), string(note), ended))
}

func (s *Service) setItem(ctx context.Context, id string, n int, from, to ItemState, problem string) error {
	return s.changed(s.Keys.ExecContext(ctx, `UPDATE job_item SET state = $4, problem = $5 WHERE job = $1 AND n = $2 AND state = $3`,
		id, n, string(from), string(to), problem))
}

func (s *Service) changed(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	return errors.Join(err, errUnless(n == 1, ErrDecided))
}
