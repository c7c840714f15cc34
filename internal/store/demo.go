package store

import (
	"context"
	"fmt"
)

// Demo is the name of the log that is marked as a demo's; empty: none is.
func Demo(ctx context.Context, db DB) (origin string, err error) {
	err = db.Read.QueryRowContext(ctx, `SELECT coalesce(max(origin), '') FROM demo`).Scan(&origin)
	if err != nil {
		return "", fmt.Errorf("read the mark of a demo: %w", err)
	}
	return origin, nil
}

// MarkDemo marks the log of that name as a demo's.
func MarkDemo(ctx context.Context, db DB, origin string) error {
	_, err := db.Write.ExecContext(ctx, `INSERT INTO demo (id, origin) VALUES (1, $1)
		ON CONFLICT (id) DO UPDATE SET origin = excluded.origin`, origin)
	if err != nil {
		return fmt.Errorf("mark the log as a demo's: %w", err)
	}
	return nil
}
