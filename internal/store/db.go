package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// DB is console.db.
type DB struct {
	Write, Read *sql.DB
	// Lazily marks a context whose commit need not wait for the disk; nil: every commit waits.
	Lazily func(context.Context) context.Context
	// AtOnce says that it is PostgreSQL, where one statement may write several tables.
	AtOnce bool
}

// lazily is Lazily, without the end of the context: what has begun is carried out.
func (db DB) lazily(ctx context.Context) context.Context {
	ctx = context.WithoutCancel(ctx)
	if db.Lazily == nil {
		return ctx
	}
	return db.Lazily(ctx)
}

// brief is a context for what SQLite answers in a moment: that it could be interrupted
// would take a third of the time, for a goroutine of its own.
func (db DB) brief(ctx context.Context) context.Context {
	if db.AtOnce {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// notWaiting is a condition that holds, and makes the commit of its statement on
// PostgreSQL not wait for the disk.
func (db DB) notWaiting() string {
	if db.AtOnce {
		return ` AND set_config('synchronous_commit', 'off', true) = 'off'`
	}
	return ""
}

// Statement is a statement that every request needs: to parse it takes longer
// than to execute it. The zero value is ready.
type Statement struct {
	mu   sync.Mutex
	stmt *sql.Stmt
}

// Get prepares the statement at its first use; it ends with the database.
func (p *Statement) Get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stmt == nil {
		stmt, err := db.PrepareContext(context.WithoutCancel(ctx), text)
		if err != nil {
			return nil, fmt.Errorf("prepare %s: %w", text, err)
		}
		p.stmt = stmt
	}
	return p.stmt, nil
}
