package operate

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"
)

// keyLife is how long a claimed key is kept. The log knows every key that led
// to a request for ever; a claim matters only while its form may be alive.
const keyLife = 7 * 24 * time.Hour

var errClaimed = errors.New("the key is claimed")

// keyStore claims one-time keys: of all attempts to insert a key, on all
// consoles that share the database, exactly one succeeds.
type keyStore struct {
	db       *sql.DB
	isUnique func(error) bool
}

func (k keyStore) claim(ctx context.Context, r Request, now time.Time) error {
	_, err := k.db.ExecContext(ctx,
		`INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, $2, $3, $4)`,
		r.Key, r.SessionKey, string(r.Ticket), now.UnixMicro())
	if err != nil && k.isUnique(err) {
		return errClaimed
	}
	return err
}

// release gives a key back that led to nothing, so that the form can be sent
// again. When that fails, the form is merely answered with a fresh one.
func (k keyStore) release(ctx context.Context, key string, logger *slog.Logger) {
	if _, err := k.db.ExecContext(ctx, `DELETE FROM one_time_key WHERE key = $1`, key); err != nil {
		logger.Warn("a one-time key could not be given back", "key", key, "error", err)
	}
}

// claimed tells when a key was claimed; false when it is not.
func (k keyStore) claimed(ctx context.Context, key string) (at time.Time, held bool, err error) {
	var micro int64
	err = k.db.QueryRowContext(ctx, `SELECT created_at FROM one_time_key WHERE key = $1`, key).Scan(&micro)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	return time.UnixMicro(micro), err == nil, err
}

// session returns the session that claimed a key; empty when it is forgotten.
func (k keyStore) session(ctx context.Context, key string) (string, error) {
	var id string
	err := k.db.QueryRowContext(ctx, `SELECT session_id FROM one_time_key WHERE key = $1`, key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

func (k keyStore) purge(ctx context.Context, now time.Time) error {
	_, err := k.db.ExecContext(ctx, `DELETE FROM one_time_key WHERE created_at < $1`, now.Add(-keyLife).UnixMicro())
	return err
}
