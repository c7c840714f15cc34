package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// requestOf is a row with its meaning. One that is not authentic is marked,
// also where it cannot be read.
func requestOf(r store.ApprovalRow) Request {
	a := Request{ID: r.ID, State: State(r.State), Ticket: coc.ExecuteUUID(r.Ticket), Reason: r.Reason, Expected: r.Seen,
		Target: r.Target, Created: time.UnixMicro(r.Created).UTC(), Expires: time.UnixMicro(r.Expires).UTC(),
		Comment: r.Comment, Note: operate.Note(r.Note), Problem: r.Problem, row: r, Doubtful: !r.Authentic}
	if r.Decided > 0 {
		a.Decided = time.UnixMicro(r.Decided).UTC()
	}
	var op operate.StoredOperation
	var impact impactThen
	for text, into := range map[string]any{r.Operation: &op, r.Requester: &a.Requester, r.Origin: &a.origin,
		r.Impact: &impact, r.Decider: &a.Decider} {
		if text != "" && json.Unmarshal([]byte(text), into) != nil {
			a.Doubtful = true
		}
	}
	a.Impact, a.AtDecision, a.Given = impact.Impact, impact.Snapshot, impact.Given
	a.Operation, a.BatchHint = op.Operation(), op.Hint
	a.counted, a.beside = op.Counted, op.Beside
	a.Needed = policy.Approvers{Number: max(op.Approvers, 1), Apart: op.Apart}
	a.Shown = coc.Ticket{ExecuteUUID: a.Ticket, ScriptName: op.Name, Creator: op.Creator, Status: op.Status}
	return a
}

// impactThen is the column of the impact: that of the request, or once it is
// decided that of the decision, with what the ticket was then and who has approved.
type impactThen struct {
	operate.Impact
	Snapshot string  `json:",omitempty"`
	Given    []Given `json:",omitempty"`
}

// rowOf is the row of a new request.
func rowOf(a Request, session string) store.ApprovalRow {
	op := operate.StoredOperation{Type: a.Operation.Type, Batch: a.Operation.BatchIndex, Instance: a.Operation.InstanceID,
		Hint: a.BatchHint, Name: a.Shown.ScriptName, Creator: a.Shown.Creator, Status: a.Shown.Status, Counted: a.counted,
		Beside: a.beside}
	if a.Needed.Number > 1 || a.Needed.Apart {
		op.Approvers, op.Apart = a.Needed.Number, a.Needed.Apart
	}
	return store.ApprovalRow{ID: a.ID, State: string(a.State), AccountID: a.Requester.AccountID,
		RequesterID: a.Requester.UserID, Ticket: string(a.Ticket), Operation: store.JSON(op),
		Requester: store.JSON(a.Requester), Session: session, Origin: store.JSON(a.origin), Reason: a.Reason,
		Seen: a.Expected, Target: a.Target, Impact: store.JSON(a.Impact), Created: a.Created.UnixMicro(),
		Expires: a.Expires.UnixMicro()}
}

// keyOf is the key that is reserved for a new request.
func keyOf(a Request, session string) store.Key {
	return store.Key{Key: a.ID, Session: session, Ticket: string(a.Ticket), Path: store.PathApproval,
		UserID: a.Requester.UserID, AccountID: a.Requester.AccountID, At: a.Created}
}

// Get reads one request; audit.ErrNotFound when there is none.
func (s *Service) Get(ctx context.Context, id string) (Request, error) {
	row, err := s.rows.Get(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Request{}, audit.ErrNotFound
	case err != nil:
		return Request{}, fmt.Errorf("read approval %s: %w", id, err)
	}
	return requestOf(row), nil
}

// Filter narrows a list of requests; zero fields do not.
type Filter struct {
	Open      bool
	AccountID string
	Requester string // user id
	Ticket    coc.ExecuteUUID
	Limit     int
}

// List returns requests, newest first.
func (s *Service) List(ctx context.Context, f Filter) ([]Request, error) {
	if f.Limit == 0 {
		f.Limit = 200
	}
	return requestsOf(s.rows.List(ctx, store.ApprovalFilter{Open: f.Open, AccountID: f.AccountID, Requester: f.Requester,
		Ticket: string(f.Ticket), Limit: f.Limit}))
}

// Waiting are the requests of an account that wait for somebody's answer, newest first: as a rule there are none.
func (s *Service) Waiting(ctx context.Context, account string) ([]Request, error) {
	if some, err := s.rows.AnyWaiting(ctx, account); err != nil || !some {
		return nil, err
	}
	all, err := s.List(ctx, Filter{Open: true, AccountID: account, Limit: maxWaiting})
	return slices.DeleteFunc(all, func(a Request) bool {
		return a.State != Waiting || a.Doubtful || !s.now().Before(a.Expires)
	}), err
}

func requestsOf(rows []store.ApprovalRow, err error) ([]Request, error) {
	if err != nil {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	out := make([]Request, len(rows))
	for i, r := range rows {
		out[i] = requestOf(r)
	}
	return out, nil
}

// maxWaiting bounds the requests that CountFor looks through.
const maxWaiting = 100

// CountFor counts the requests that somebody may answer, by what was known when
// they were made.
func (s *Service) CountFor(ctx context.Context, who audit.Actor) (n int, err error) {
	if some, err := s.rows.AnyWaiting(ctx, who.AccountID); err != nil || !some {
		return 0, err
	}
	waiting, err := requestsOf(s.rows.Waiting(ctx, who.AccountID, who.UserID, maxWaiting))
	for _, a := range waiting {
		if s.MayAnswer(who, a) {
			n++
		}
	}
	return n, err
}

// change changes a request if it is still what it was before; ErrDecided if
// somebody was faster.
func (s *Service) change(ctx context.Context, before Request, change func(*store.ApprovalRow)) (Request, error) {
	if before.Doubtful {
		return before, operate.ErrNotAuthentic
	}
	row, err := s.rows.Change(ctx, before.row, change)
	switch {
	case errors.Is(err, store.ErrChanged):
		return before, ErrDecided
	case err != nil:
		return before, fmt.Errorf("change approval %s: %w", before.ID, err)
	}
	return requestOf(row), nil
}
