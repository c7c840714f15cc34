package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"coc-console/internal/sqlutil"
)

// ApprovalRow is a request for approval as the table keeps it. Its MAC covers
// every column but logged, which the log itself decides on.
type ApprovalRow struct {
	ID, State, AccountID, RequesterID, Ticket, Operation, Requester string
	Session, Origin, Reason, Seen, Target, Impact                   string // impact is the column radius
	Created, Expires                                                int64
	Decider                                                         string
	Decided                                                         int64
	Comment, Note, Problem                                          string
	MAC                                                             string
	Authentic                                                       bool // the MAC is the columns'
}

const approvalColumns = `id, state, account_id, requester_id, ticket, operation, requester, session_id, origin,
	reason, seen, target, radius, created_at, expires_at, decider, decided_at, comment, note, problem, mac`

// sealed are the columns that the MAC covers. A new column goes to the end.
func (r ApprovalRow) sealed() []any {
	return []any{r.ID, r.State, r.AccountID, r.RequesterID, r.Ticket, r.Operation, r.Requester, r.Session, r.Origin,
		r.Reason, r.Seen, r.Target, r.Impact, r.Created, r.Expires, r.Decider, r.Decided, r.Comment, r.Note, r.Problem}
}

// Approvals are the requests for approval: the table approval.
type Approvals struct {
	db      DB
	seal    Sealer
	waiting Statement   // of AnyWaiting
	any     known[bool] // by account: whether requests wait
}

// NewApprovals returns the requests of a database.
func NewApprovals(db DB, seal Sealer) *Approvals { return &Approvals{db: db, seal: seal} }

func (a *Approvals) scan(from scanner) (r ApprovalRow, err error) {
	err = from.Scan(&r.ID, &r.State, &r.AccountID, &r.RequesterID, &r.Ticket, &r.Operation, &r.Requester, &r.Session,
		&r.Origin, &r.Reason, &r.Seen, &r.Target, &r.Impact, &r.Created, &r.Expires, &r.Decider, &r.Decided, &r.Comment,
		&r.Note, &r.Problem, &r.MAC)
	r.Authentic = a.seal.verify(r.MAC, "approval", r.sealed()...)
	return r, err
}

func (a *Approvals) list(ctx context.Context, where string, args ...any) ([]ApprovalRow, error) {
	//nolint:gosec // where is this file's own text
	rows, err := a.db.Read.QueryContext(ctx, `SELECT `+approvalColumns+` FROM approval WHERE `+where, args...)
	all, err := collect(rows, err, a.scan)
	return all, sqlutil.Wrap(err, "list approvals")
}

// Get reads one request; ErrNotFound when there is none.
func (a *Approvals) Get(ctx context.Context, id string) (ApprovalRow, error) {
	r, err := one(a.db.Read.QueryRowContext(ctx, `SELECT `+approvalColumns+` FROM approval WHERE id = $1`, id), a.scan)
	return r, sqlutil.Wrap(err, "read approval", id)
}

// ApprovalFilter narrows a list of requests; zero fields but Limit do not.
type ApprovalFilter struct {
	Open      bool
	AccountID string
	Requester string // user id
	Ticket    string
	Limit     int
}

// List returns requests, newest first.
func (a *Approvals) List(ctx context.Context, f ApprovalFilter) ([]ApprovalRow, error) {
	return a.list(ctx, `($1 = 0 OR state IN ('waiting', 'granted')) AND ($2 = '' OR account_id = $2)
		AND ($3 = '' OR requester_id = $3) AND ($4 = '' OR ticket = $4) ORDER BY created_at DESC, id LIMIT $5`,
		flag(f.Open), f.AccountID, f.Requester, f.Ticket, f.Limit)
}

// Waiting returns requests that wait in an account, but for that person's own, oldest first.
func (a *Approvals) Waiting(ctx context.Context, account, but string, limit int) ([]ApprovalRow, error) {
	return a.list(ctx, `state = 'waiting' AND account_id = $1 AND requester_id <> $2 ORDER BY created_at LIMIT $3`,
		account, but, limit)
}

// Unlogged returns the requests of whose state the log may have no record.
func (a *Approvals) Unlogged(ctx context.Context) ([]ApprovalRow, error) {
	return a.list(ctx, `logged <> state AND state <> 'sent'`)
}

// UnderWay returns the requests that were approved, and of which nothing is known since.
func (a *Approvals) UnderWay(ctx context.Context) ([]ApprovalRow, error) {
	return a.list(ctx, `state = 'granted' AND note = ''`)
}

// AnyWaiting reports whether an account has requests that wait: every page
// asks, and as a rule there are none.
func (a *Approvals) AnyWaiting(ctx context.Context, account string) (bool, error) {
	return a.any.get(a.db, account, func() (bool, error) { return a.anyWaiting(ctx, account) })
}

// anyWaiting reads it with a statement that is prepared once.
func (a *Approvals) anyWaiting(ctx context.Context, account string) (bool, error) {
	//nolint:sqlclosecheck // it ends with the database
	waiting, err := a.waiting.Get(ctx, a.db.Read,
		`SELECT 1 FROM approval WHERE state = 'waiting' AND account_id = $1 LIMIT 1`)
	if err != nil {
		return false, sqlutil.Wrap(err, "look for approvals that wait")
	}
	var n int
	err = waiting.QueryRowContext(ctx, account).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, sqlutil.Wrap(err, "look for approvals that wait")
}

// Insert stores a new request and reserves its key; errors are those of Reserve.
func (a *Approvals) Insert(ctx context.Context, r ApprovalRow, key Key) error {
	defer a.any.changed()
	err := transact(ctx, a.db.Write, func(tx *sql.Tx) error {
		if err := reserve(ctx, tx, key); err != nil {
			return err
		}
		return insert(tx.ExecContext(ctx, `INSERT INTO approval (`+approvalColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
			ON CONFLICT DO NOTHING`, append(r.sealed(), a.seal.mac("approval", r.sealed()...))...))
	})
	return sqlutil.Wrap(err, "store approval", r.ID)
}

// Change changes a request if it is still what it was before; ErrChanged if
// somebody was faster. One that goes on waiting has got an approval, of which the
// log has no record yet.
func (a *Approvals) Change(ctx context.Context, before ApprovalRow, change func(*ApprovalRow)) (ApprovalRow, error) {
	defer a.any.changed()
	if !before.Authentic {
		return before, ErrNotAuthentic
	}
	r := before
	change(&r)
	r.MAC = a.seal.mac("approval", r.sealed()...)
	err := changed(a.db.Write.ExecContext(
		ctx, `UPDATE approval SET state = $3, session_id = $4, decider = $5, decided_at = $6,
		comment = $7, note = $8, problem = $9, mac = $10, radius = $11,
		logged = CASE WHEN state = 'waiting' AND $3 = 'waiting' THEN '' ELSE logged END WHERE id = $1 AND mac = $2`,
		r.ID, before.MAC, r.State, r.Session, r.Decider, r.Decided, r.Comment, r.Note, r.Problem, r.MAC, r.Impact))
	if err != nil {
		return before, sqlutil.Wrap(err, "change approval", r.ID)
	}
	return r, nil
}

// Drop forgets a request that waits, and its key.
func (a *Approvals) Drop(ctx context.Context, id string) error {
	defer a.any.changed()
	_, err := a.db.Write.ExecContext(ctx, `DELETE FROM approval WHERE id = $1 AND state = 'waiting'`, id)
	return errors.Join(sqlutil.Wrap(err, "drop approval", id), forget(ctx, a.db.Write, id))
}

// SetLogged notes that the log has the record of a request's state.
func (a *Approvals) SetLogged(ctx context.Context, id, state string) error {
	_, err := a.db.Write.ExecContext(ctx, `UPDATE approval SET logged = $2 WHERE id = $1 AND state = $2`, id, state)
	return sqlutil.Wrap(err, "note the record of approval", id)
}

// Reject ends a request whose row is not authentic. Its MAC stays as it is: the
// console does not vouch for it.
func (a *Approvals) Reject(ctx context.Context, id, note string) error {
	defer a.any.changed()
	_, err := a.db.Write.ExecContext(
		ctx, `UPDATE approval SET state = 'returned', logged = 'returned', note = $2, problem = ''
		WHERE id = $1 AND state IN ('waiting', 'granted')`, id, note)
	return sqlutil.Wrap(err, "reject approval", id)
}

// SkipLog keeps a request out of what has to be logged.
func (a *Approvals) SkipLog(ctx context.Context, id string) error {
	_, err := a.db.Write.ExecContext(ctx, `UPDATE approval SET logged = state WHERE id = $1`, id)
	return sqlutil.Wrap(err, "keep from the log approval", id)
}

// Purge deletes the requests of before then that have ended, once the log has it.
func (a *Approvals) Purge(ctx context.Context, then time.Time) error {
	_, err := a.db.Write.ExecContext(ctx, `DELETE FROM approval
		WHERE state NOT IN ('waiting', 'granted') AND (logged = state OR state = 'sent') AND created_at < $1`,
		then.UnixMicro())
	return sqlutil.Wrap(err, "purge approvals")
}
