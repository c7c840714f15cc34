package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"coc-console/internal/sqlutil"
)

// BulkRow is a bulk operation as the table job keeps it. Its MAC covers every column.
type BulkRow struct {
	ID, State, Note, AccountID, RequesterID, Actor, Origin, Session, Type, Reason, Terms string
	Created, Ended                                                                       int64
	MAC                                                                                  string
	Authentic                                                                            bool // the MAC is the columns'
}

const bulkColumns = `id, state, note, account_id, requester_id, actor, origin, session_id, type, reason, terms,
	created_at, ended_at, mac`

// sealed are the columns that the MAC covers. A new column goes to the end.
func (r BulkRow) sealed() []any {
	return []any{r.ID, r.State, r.Note, r.AccountID, r.RequesterID, r.Actor, r.Origin, r.Session, r.Type, r.Reason,
		r.Terms, r.Created, r.Ended}
}

// ItemRow is an item of a bulk operation as the table job_item keeps it. Its
// MAC covers every column.
type ItemRow struct {
	Bulk                                                 string // the column job
	N                                                    int
	State, Ticket, Operation, Target, Seen, Key, Problem string
	MAC                                                  string
	Authentic                                            bool // the MAC is the columns'
}

const itemColumns = `job, n, state, ticket, operation, target, seen, key, problem, mac`

func (r ItemRow) sealed() []any {
	return []any{r.Bulk, r.N, r.State, r.Ticket, r.Operation, r.Target, r.Seen, r.Key, r.Problem}
}

// Bulk are the bulk operations with their items: the tables job and job_item.
// Tables, and the names that MACs cover, keep the names they were made with: a
// rename would have to seal every row again.
type Bulk struct {
	db   DB
	seal Sealer
}

// NewBulk returns the bulk operations of a database.
func NewBulk(db DB, seal Sealer) *Bulk { return &Bulk{db: db, seal: seal} }

func (b *Bulk) scan(from scanner) (r BulkRow, err error) {
	err = from.Scan(&r.ID, &r.State, &r.Note, &r.AccountID, &r.RequesterID, &r.Actor, &r.Origin, &r.Session, &r.Type,
		&r.Reason, &r.Terms, &r.Created, &r.Ended, &r.MAC)
	r.Authentic = b.seal.verify(r.MAC, "job", r.sealed()...)
	return r, err
}

func (b *Bulk) scanItem(from scanner) (r ItemRow, err error) {
	err = from.Scan(&r.Bulk, &r.N, &r.State, &r.Ticket, &r.Operation, &r.Target, &r.Seen, &r.Key, &r.Problem, &r.MAC)
	r.Authentic = b.seal.verify(r.MAC, "job_item", r.sealed()...)
	return r, err
}

// BulkFilter narrows a list of bulk operations; zero fields but Limit do not.
type BulkFilter struct {
	Running   bool
	AccountID string
	Requester string // user id
	Limit     int
}

// List returns bulk operations, newest first.
func (b *Bulk) List(ctx context.Context, f BulkFilter) ([]BulkRow, error) {
	rows, err := b.db.Read.QueryContext(ctx, `SELECT `+bulkColumns+` FROM job WHERE ($1 = 0 OR state = 'running')
		AND ($2 = '' OR account_id = $2) AND ($3 = '' OR requester_id = $3) ORDER BY created_at DESC, id LIMIT $4`,
		flag(f.Running), f.AccountID, f.Requester, f.Limit)
	all, err := collect(rows, err, b.scan)
	return all, sqlutil.Wrap(err, "list bulk operations")
}

// Get reads one bulk operation; ErrNotFound when there is none.
func (b *Bulk) Get(ctx context.Context, id string) (BulkRow, error) {
	r, err := one(b.db.Read.QueryRowContext(ctx, `SELECT `+bulkColumns+` FROM job WHERE id = $1`, id), b.scan)
	return r, sqlutil.Wrap(err, "read bulk operation", id)
}

// Items reads the items of a bulk operation, in their order.
func (b *Bulk) Items(ctx context.Context, id string) ([]ItemRow, error) {
	rows, err := b.db.Read.QueryContext(ctx, `SELECT `+itemColumns+` FROM job_item WHERE job = $1 ORDER BY n`, id)
	all, err := collect(rows, err, b.scanItem)
	return all, sqlutil.Wrap(err, "read the items of bulk operation", id)
}

// Insert stores a new bulk operation with its items, and reserves its key and
// theirs; errors are those of Reserve.
func (b *Bulk) Insert(ctx context.Context, r BulkRow, items []ItemRow, keys []Key) error {
	err := transact(ctx, b.db.Write, func(tx *sql.Tx) error {
		for _, key := range keys {
			if err := reserve(ctx, tx, key); err != nil {
				return err
			}
		}
		if err := insert(tx.ExecContext(ctx, `INSERT INTO job (`+bulkColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`,
			append(r.sealed(), b.seal.mac("job", r.sealed()...))...)); err != nil {
			return err
		}
		for _, i := range items {
			if err := insert(tx.ExecContext(ctx, `INSERT INTO job_item (`+itemColumns+`)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
				append(i.sealed(), b.seal.mac("job_item", i.sealed()...))...)); err != nil {
				return err
			}
		}
		return nil
	})
	return sqlutil.Wrap(err, "store bulk operation", r.ID)
}

// Drop forgets a bulk operation of which nothing was sent, with its keys.
func (b *Bulk) Drop(ctx context.Context, id string, keys ...string) error {
	_, err1 := b.db.Write.ExecContext(ctx, `DELETE FROM job_item WHERE job = $1`, id)
	_, err2 := b.db.Write.ExecContext(ctx, `DELETE FROM job WHERE id = $1`, id)
	err := sqlutil.Wrap(errors.Join(err1, err2), "drop bulk operation", id)
	return errors.Join(err, forget(ctx, b.db.Write, keys...))
}

// changeTries bounds how often a change is tried that another is faster than.
const changeTries = 10

// Change changes a bulk operation by change, which may be called several times
// and says whether the row is still to be changed; ErrChanged if it is not.
func (b *Bulk) Change(ctx context.Context, id string, change func(*BulkRow) bool) (BulkRow, error) {
	for range changeTries {
		before, err := b.Get(ctx, id)
		if err != nil {
			return before, err
		}
		if !before.Authentic {
			return before, ErrNotAuthentic
		}
		r := before
		if !change(&r) {
			return before, ErrChanged
		}
		r.MAC = b.seal.mac("job", r.sealed()...)
		err = changed(b.db.Write.ExecContext(
			ctx, `UPDATE job SET state = $3, note = $4, session_id = $5, terms = $6, ended_at = $7, mac = $8
			WHERE id = $1 AND mac = $2`, id, before.MAC, r.State, r.Note, r.Session, r.Terms, r.Ended, r.MAC))
		if !errors.Is(err, ErrChanged) {
			return r, sqlutil.Wrap(err, "change bulk operation", id)
		}
	}
	return BulkRow{}, fmt.Errorf("bulk operation %s: it is being changed all the time", id)
}

// ChangeItem changes an item if it is still what it was before; ErrChanged if
// somebody was faster.
func (b *Bulk) ChangeItem(ctx context.Context, before ItemRow, change func(*ItemRow)) (ItemRow, error) {
	if !before.Authentic {
		return before, ErrNotAuthentic
	}
	r := before
	change(&r)
	r.MAC = b.seal.mac("job_item", r.sealed()...)
	err := changed(b.db.Write.ExecContext(ctx, `UPDATE job_item SET state = $4, key = $5, problem = $6, mac = $7
		WHERE job = $1 AND n = $2 AND mac = $3`, r.Bulk, r.N, before.MAC, r.State, r.Key, r.Problem, r.MAC))
	if err != nil {
		return before, sqlutil.Wrap(err, "change an item of bulk operation", r.Bulk)
	}
	return r, nil
}

// Reject stops a bulk operation whose rows are not authentic. Their MACs stay
// as they are: the console does not vouch for them.
func (b *Bulk) Reject(ctx context.Context, id, note string) error {
	_, err := b.db.Write.ExecContext(
		ctx, `UPDATE job SET state = 'stopped', note = $2 WHERE id = $1 AND state = 'running'`, id, note)
	return sqlutil.Wrap(err, "reject bulk operation", id)
}

// Purge deletes the bulk operations that have ended before then.
func (b *Bulk) Purge(ctx context.Context, then time.Time) error {
	_, err1 := b.db.Write.ExecContext(
		ctx, `DELETE FROM job_item WHERE job IN (SELECT id FROM job WHERE state = 'ended' AND ended_at < $1)`,
		then.UnixMicro())
	_, err2 := b.db.Write.ExecContext(ctx, `DELETE FROM job WHERE state = 'ended' AND ended_at < $1`, then.UnixMicro())
	return sqlutil.Wrap(errors.Join(err1, err2), "purge bulk operations")
}
