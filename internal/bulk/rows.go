package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/store"
)

// operationOf is a row with its meaning. One that is not authentic is marked,
// also where it cannot be read.
func operationOf(r store.BulkRow) Operation {
	o := Operation{ID: r.ID, State: State(r.State), Note: operate.Note(r.Note), Type: coc.OperationType(r.Type),
		Reason: r.Reason, Created: time.UnixMicro(r.Created).UTC(), row: r, Doubtful: !r.Authentic}
	for text, into := range map[string]any{r.Actor: &o.Actor, r.Origin: &o.origin, r.Terms: &o.terms} {
		if json.Unmarshal([]byte(text), into) != nil {
			o.Doubtful = true
		}
	}
	o.Stops = o.terms.Stops
	if r.Ended > 0 {
		o.Ended = time.UnixMicro(r.Ended).UTC()
	}
	return o
}

func itemOf(r store.ItemRow) Item {
	var op operate.StoredOperation
	doubtful := json.Unmarshal([]byte(r.Operation), &op) != nil || !r.Authentic
	return Item{N: r.N, State: ItemState(r.State), Ticket: coc.ExecuteUUID(r.Ticket), Target: r.Target, Expected: r.Seen,
		Key: r.Key, Problem: r.Problem, Operation: op.Operation(), BatchHint: op.Hint, beside: op.Beside, doubtful: doubtful, row: r}
}

// Get reads a bulk operation with its items; audit.ErrNotFound when there is none.
func (s *Service) Get(ctx context.Context, id string) (Operation, error) {
	o, err := s.head(ctx, id)
	if err != nil {
		return o, err
	}
	rows, err := s.rows.Items(ctx, id)
	if err != nil {
		return o, fmt.Errorf("read the items of bulk operation %s: %w", id, err)
	}
	for _, r := range rows {
		item := itemOf(r)
		o.Doubtful = o.Doubtful || item.doubtful
		o.Items = append(o.Items, item)
	}
	return o, nil
}

// head reads a bulk operation without its items.
func (s *Service) head(ctx context.Context, id string) (Operation, error) {
	row, err := s.rows.Get(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Operation{}, audit.ErrNotFound
	case err != nil:
		return Operation{}, fmt.Errorf("read bulk operation %s: %w", id, err)
	}
	return operationOf(row), nil
}

// Filter narrows a list of bulk operations; zero fields do not.
type Filter struct {
	Running   bool
	AccountID string
	Requester string // user id
	Limit     int
}

// List returns bulk operations without their items, newest first.
func (s *Service) List(ctx context.Context, f Filter) ([]Operation, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	rows, err := s.rows.List(ctx, store.BulkFilter(f))
	if err != nil {
		return nil, fmt.Errorf("read bulk operations: %w", err)
	}
	out := make([]Operation, len(rows))
	for i, r := range rows {
		out[i] = operationOf(r)
	}
	return out, nil
}

// insert stores a new bulk operation, and keeps its key and those of its items for it.
func (s *Service) insert(ctx context.Context, o Operation) error {
	row := store.BulkRow{ID: o.ID, State: string(o.State), AccountID: o.Actor.AccountID, RequesterID: o.Actor.UserID,
		Actor: store.JSON(o.Actor), Origin: store.JSON(o.origin), Session: o.row.Session, Type: string(o.Type),
		Reason: o.Reason, Terms: store.JSON(o.terms), Created: o.Created.UnixMicro()}
	keys := []store.Key{o.key(store.PathBulk, o.ID, "", o.Created)}
	items := make([]store.ItemRow, len(o.Items))
	for n, i := range o.Items {
		op := operate.StoredOperation{Type: i.Operation.Type, Batch: i.Operation.BatchIndex, Instance: i.Operation.InstanceID,
			Hint: i.BatchHint, Beside: i.beside}
		items[n] = store.ItemRow{Bulk: o.ID, N: i.N, State: string(i.State), Ticket: string(i.Ticket),
			Operation: store.JSON(op), Target: i.Target, Seen: i.Expected, Key: i.Key}
		keys = append(keys, o.key(store.PathItem, i.Key, i.Ticket, o.Created))
	}
	return s.rows.Insert(ctx, row, items, keys)
}

// key is one that is reserved for a bulk operation, or one of its items.
func (o Operation) key(path store.Path, key string, ticket coc.ExecuteUUID, at time.Time) store.Key {
	return store.Key{Key: key, Session: o.row.Session, Ticket: string(ticket), Path: path,
		UserID: o.Actor.UserID, AccountID: o.Actor.AccountID, At: at}
}

// drop forgets a bulk operation of which nothing was sent.
func (s *Service) drop(ctx context.Context, o Operation) error {
	keys := []string{o.ID}
	for _, i := range o.Items {
		keys = append(keys, i.Key)
	}
	return s.rows.Drop(ctx, o.ID, keys...)
}

// change changes a row by change, which may be called several times and says
// whether the row is still to be changed; ErrState if it is not.
func (s *Service) change(ctx context.Context, id string, change func(*store.BulkRow) bool) (Operation, error) {
	row, err := s.rows.Change(ctx, id, change)
	switch {
	case errors.Is(err, store.ErrChanged):
		err = ErrState
	case errors.Is(err, store.ErrNotFound):
		err = audit.ErrNotFound
	case err != nil:
		err = fmt.Errorf("change bulk operation %s: %w", id, err)
	}
	return operationOf(row), err
}

// move goes from one state to another; false when the row is in neither.
func move(row *store.BulkRow, from, to State) bool {
	was := State(row.State)
	row.State = string(to)
	return was == from
}

// setState stops or ends a bulk operation that runs; ErrState if it does not.
func (s *Service) setState(ctx context.Context, id string, to State) (Operation, error) {
	return s.change(ctx, id, func(row *store.BulkRow) bool {
		row.Note, row.Ended = "", 0
		if to == Ended {
			row.Ended = s.now().UnixMicro()
		}
		return move(row, Running, to)
	})
}

// state is that of a row that is authentic; no other one runs.
func (s *Service) state(ctx context.Context, id string) (State, error) {
	o, err := s.head(ctx, id)
	if err == nil && o.Doubtful {
		return Stopped, s.reject(ctx, o)
	}
	return o.State, err
}

// changeItem changes an item if it is still what it was before; ErrState if
// somebody was faster.
func (s *Service) changeItem(ctx context.Context, before Item, change func(*store.ItemRow)) (Item, error) {
	if before.doubtful {
		return before, operate.ErrNotAuthentic
	}
	row, err := s.rows.ChangeItem(ctx, before.row, change)
	switch {
	case errors.Is(err, store.ErrChanged):
		return before, ErrState
	case err != nil:
		return before, fmt.Errorf("change item %d of bulk operation %s: %w", before.N, before.row.Bulk, err)
	}
	return itemOf(row), nil
}

func (s *Service) setItem(ctx context.Context, item Item, to ItemState, problem string) (Item, error) {
	return s.changeItem(ctx, item, func(row *store.ItemRow) { row.State, row.Problem = string(to), problem })
}
