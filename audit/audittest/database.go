package audittest

import (
	"context"

	"coc-console/audit"
	"coc-console/internal/database"
)

// Unwatched is a database whose disk and triggers nobody looks at: tests fill
// the one and drop the others.
func Unwatched(db *database.DB) audit.Database {
	return WithGuards(WithSpace(db, func() (free, total uint64, err error) { return 0, 0, nil }),
		func(context.Context) ([]string, error) { return nil, nil })
}

type withSpace struct {
	audit.Database
	space func() (free, total uint64, err error)
}

func (d withSpace) Space() (free, total uint64, err error) { return d.space() }

// WithSpace is a database with another disk.
func WithSpace(db audit.Database, space func() (free, total uint64, err error)) audit.Database {
	return withSpace{db, space}
}

type withUnmoved struct {
	audit.Database
	unmoved func() error
}

func (d withUnmoved) Unmoved() error { return d.unmoved() }

// WithUnmoved is a database that calls f before every commit.
func WithUnmoved(db audit.Database, f func() error) audit.Database { return withUnmoved{db, f} }

type withGuards struct {
	audit.Database
	unguarded func(context.Context) ([]string, error)
}

func (d withGuards) Unguarded(ctx context.Context) ([]string, error) { return d.unguarded(ctx) }

// WithGuards is a database that says this of its triggers.
func WithGuards(db audit.Database, unguarded func(context.Context) ([]string, error)) audit.Database {
	return withGuards{db, unguarded}
}
