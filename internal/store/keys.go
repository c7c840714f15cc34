package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"coc-console/internal/sqlutil"
)

// Path says which way an operation takes. A key belongs to one.
type Path string

// The paths of keys. A bulk operation's own key never becomes an operation's.
// The names are those that the table has always had.
const (
	PathForm     Path = "form"
	PathApproval Path = "approval"
	PathBulk     Path = "job"
	PathItem     Path = "item" // of a bulk operation
)

var (
	// ErrClaimed says that a key is claimed already.
	ErrClaimed = errors.New("the key is claimed")
	// ErrForeignKey says that a key belongs to somebody else.
	ErrForeignKey = errors.New("the key is another person's")
)

// KeyTakenError says that the key of a form belongs to another path: it was
// put before an approver, or into a bulk operation. Nothing was sent with it.
type KeyTakenError struct{ Path Path }

func (e *KeyTakenError) Error() string {
	return "the form's one-time key belongs to: " + string(e.Path)
}

// Key is a one-time key, and whose it is.
type Key struct {
	Key, Session, Ticket string
	Path                 Path
	UserID, AccountID    string
	At                   time.Time
}

// Keys claims one-time keys and what operations act on: of all attempts to
// claim a key or a target, on all consoles that share the database, exactly one
// succeeds.
//
// A claim is seen by all at once, but does not wait for the disk. The request that
// follows does, in the log, and decides after a power cut. Where the log has none,
// nothing was sent, and whether the claim is still there does not matter. Where it
// has one, it tells that the key is used and what is pending, and nothing is sent
// before the log was asked. On PostgreSQL a claim is durable once the request is,
// whose commit comes later. On SQLite it may be lost, and with it the session that
// the operation is observed with: somebody else's who looks at the ticket takes its
// place.
type Keys struct{ db DB }

// NewKeys returns the keys of a database.
func NewKeys(db DB) *Keys { return &Keys{db: db} }

// Reserve keeps a key for a path and a person before anything can be sent with
// it. ErrClaimed says that it is kept for them already, a *KeyTakenError that it
// belongs to something else.
func (k *Keys) Reserve(ctx context.Context, key Key) error { return reserve(ctx, k.db.Write, key) }

func reserve(ctx context.Context, tx execer, key Key) error {
	n, err := affected(tx.ExecContext(ctx, `INSERT INTO one_time_key
		(key, session_id, ticket, created_at, path, user_id, account_id, reserved)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT (key) DO NOTHING`,
		key.Key, key.Session, key.Ticket, key.At.UnixMicro(), string(key.Path), key.UserID, key.AccountID))
	if err != nil {
		return sqlutil.Wrap(err, "reserve key", key.Key)
	}
	if n == 1 {
		if key.Path == PathItem { // new; the others were chosen by a person
			return nil
		}
		return unusedElsewhere(ctx, tx, key.Key)
	}
	of, err := ownerOf(ctx, tx, key.Key)
	switch {
	case err != nil:
		return err
	case of.Path == key.Path && of.UserID == key.UserID && of.AccountID == key.AccountID:
		return ErrClaimed // the same form, sent at the same time
	}
	return &KeyTakenError{Path: cmp.Or(of.Path, PathForm)}
}

// ownerOf is whose a key is.
func ownerOf(ctx context.Context, tx execer, key string) (of Key, err error) {
	err = tx.QueryRowContext(ctx, `SELECT path, user_id, account_id FROM one_time_key WHERE key = $1`, key).
		Scan(&of.Path, &of.UserID, &of.AccountID)
	return of, sqlutil.Wrap(err, "read whose is key", key)
}

// usedElsewhere selects the other path that a key belongs to.
const usedElsewhere = `SELECT 'approval' FROM approval WHERE id = $1
	UNION ALL SELECT 'job' FROM job WHERE id = $1 UNION ALL SELECT 'item' FROM job_item WHERE key = $1`

// unusedElsewhere reports a form's key that is that of a request for approval,
// of a bulk operation or of one of its items, also where nobody reserved it.
func unusedElsewhere(ctx context.Context, tx execer, key string) error {
	var of Path
	err := tx.QueryRowContext(ctx, usedElsewhere, key).Scan(&of)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return sqlutil.Wrap(err, "look for another use of key", key)
	}
	return &KeyTakenError{Path: of}
}

// Claim takes a key and a target, and where consoles share the database the lease
// of the operation, in one transaction. A key that is used is ErrClaimed; one of
// another path a *KeyTakenError, of another person ErrForeignKey. held is the claim
// on a target that is taken, by another operation than beside; its Operation is
// empty when this one has it now.
func (k *Keys) Claim(ctx context.Context, key Key, target Target, beside string,
	leases *Leases) (held Target, err error) {
	if k.db.AtOnce {
		if claimed, err := k.claimAtOnce(ctx, key, target, beside, leases); claimed || err != nil {
			return Target{}, err
		} // else the statements, one by one, say why
	}
	tx, err := k.db.Write.BeginTx(k.db.lazily(ctx), nil)
	if err != nil {
		return Target{}, sqlutil.Wrap(err, "begin to claim key", key.Key)
	}
	defer func() {
		if err != nil || held.Operation != "" {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	ctx = context.WithoutCancel(ctx)
	if err := claimKey(ctx, tx, key); err != nil {
		return Target{}, err
	}
	if held, err = claimTarget(ctx, tx, target, beside); err != nil || held.Operation != "" {
		return held, err
	}
	if err := leases.acquire(ctx, tx, target.Operation); err != nil {
		return Target{}, err
	}
	if err := tx.Commit(); err != nil {
		return Target{}, sqlutil.Wrap(err, "commit the claim of key", key.Key)
	}
	leases.hold(target.Operation)
	return Target{}, nil
}

// ClaimKey is Claim where no other console has claims: who has a target is known
// without them.
func (k *Keys) ClaimKey(ctx context.Context, key Key) error {
	return claimKey(k.db.lazily(ctx), k.db.Write, key)
}

// insertKey claims a key: $1 to $7.
const insertKey = `INSERT INTO one_time_key (key, session_id, ticket, created_at, path, user_id, account_id)
	SELECT $1, $2, $3, CAST($4 AS BIGINT), $5, $6, $7 WHERE ($5 <> 'form' OR NOT EXISTS (` + usedElsewhere + `))`

const takeKey = ` ON CONFLICT (key) DO UPDATE SET session_id = excluded.session_id, created_at = excluded.created_at, reserved = 0
	WHERE one_time_key.reserved = 1 AND one_time_key.path = excluded.path
	AND one_time_key.user_id = excluded.user_id AND one_time_key.account_id = excluded.account_id`

func (key Key) args() []any {
	return []any{key.Key, key.Session, key.Ticket, key.At.UnixMicro(), string(key.Path), key.UserID, key.AccountID}
}

func claimKey(ctx context.Context, tx execer, key Key) error {
	n, err := affected(tx.ExecContext(ctx, insertKey+takeKey, key.args()...))
	if err != nil || n == 1 {
		return sqlutil.Wrap(err, "claim key", key.Key)
	}
	if key.Path == PathForm {
		if err := unusedElsewhere(ctx, tx, key.Key); err != nil {
			return err
		}
	}
	of, err := ownerOf(ctx, tx, key.Key)
	switch {
	case err != nil:
		return err
	case of.Path == "": // claimed by an older console, which kept no more
		return ErrClaimed
	case of.UserID != key.UserID || of.AccountID != key.AccountID:
		return ErrForeignKey
	case of.Path != key.Path:
		return &KeyTakenError{Path: of.Path}
	}
	return ErrClaimed
}

// claimAtOnce is Claim in one round trip. When something is taken it fails, which
// undoes all of it, with a number that is none: invalidText.
func (k *Keys) claimAtOnce(ctx context.Context, key Key, target Target, beside string, leases *Leases) (bool, error) {
	args := append(key.args(), target.Ticket, target.Target, target.Operation, target.Request, target.At.UnixMicro(),
		beside)
	lease := ""
	if leases.shared {
		args = append(args, leases.console)
		lease = `, lease AS (INSERT INTO operation_owner (operation_id, console, beat) SELECT $10, $14, 0 FROM target` +
			takeLease + `)`
	}
	var n int
	err := k.db.Write.QueryRowContext(context.WithoutCancel(ctx), `
		WITH key AS (`+insertKey+k.db.notWaiting()+takeKey+` RETURNING 1),
		target AS (INSERT INTO target_claim (ticket, target, operation_id, request, claimed_at)
			SELECT $8, $9, $10, $11, CAST($12 AS BIGINT) FROM key`+takeTarget("$13")+` RETURNING operation_id)`+lease+`
		SELECT CAST(coalesce((SELECT '1' FROM target), 'taken: ' || (SELECT count(*) FROM key)) AS INTEGER)`,
		args...).Scan(&n)
	state, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	if ok && state.SQLState() == invalidText {
		return false, nil
	}
	if err == nil {
		leases.hold(target.Operation)
	}
	return err == nil, sqlutil.Wrap(err, "claim key", key.Key)
}

// invalidText is PostgreSQL's code for a text that is no number.
const invalidText = "22P02"

// Release gives a key back that led to nothing, so that the form can be sent again.
func (k *Keys) Release(ctx context.Context, key string) error {
	if _, err := k.db.Write.ExecContext(ctx, `DELETE FROM one_time_key WHERE key = $1 AND path IN ('', 'form')`,
		key); err != nil {
		return sqlutil.Wrap(err, "release key", key)
	}
	_, err := k.db.Write.ExecContext(ctx, `UPDATE one_time_key SET reserved = 1 WHERE key = $1`, key)
	return sqlutil.Wrap(err, "release key", key)
}

// forget drops keys that were reserved, and never used.
func forget(ctx context.Context, db execer, keys ...string) error {
	var failed error
	for _, key := range keys {
		_, err := db.ExecContext(ctx, `DELETE FROM one_time_key WHERE key = $1 AND reserved = 1`, key)
		failed = errors.Join(failed, sqlutil.Wrap(err, "forget key", key))
	}
	return failed
}

// Claimed tells when a key was claimed; false when it is not.
func (k *Keys) Claimed(ctx context.Context, key string) (at time.Time, held bool, err error) {
	var micro int64
	err = k.db.Write.QueryRowContext(ctx, `SELECT created_at FROM one_time_key WHERE key = $1 AND reserved = 0`,
		key).Scan(&micro)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	return time.UnixMicro(micro), err == nil, sqlutil.Wrap(err, "read the claim of key", key)
}

// Session returns the session that claimed a key; empty when it is forgotten.
func (k *Keys) Session(ctx context.Context, key string) (string, error) {
	id, err := one(k.db.Write.QueryRowContext(ctx, `SELECT session_id FROM one_time_key WHERE key = $1`, key), text)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return id, sqlutil.Wrap(err, "read the session of key", key)
}

// Purge deletes the keys and the claims of before then.
func (k *Keys) Purge(ctx context.Context, then time.Time) error {
	_, keys := k.db.Write.ExecContext(ctx, `DELETE FROM one_time_key WHERE created_at < $1`, then.UnixMicro())
	// what is pending is in the log
	_, claims := k.db.Write.ExecContext(ctx, `DELETE FROM target_claim WHERE claimed_at < $1`, then.UnixMicro())
	return sqlutil.Wrap(errors.Join(keys, claims), "purge keys and claims")
}
