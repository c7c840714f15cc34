package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"coc-console/internal/sqlutil"
)

// maxConsoles bounds how many other consoles' rows are read.
const maxConsoles = 50

// silentLooks is for how many looks in a row another console has given no sign
// of life when what it said counts no more; its row goes some time later.
const (
	silentLooks = 6
	deadLooks   = 10 * silentLooks
)

// Presences tell consoles that share a database who looks at what on the
// others: each has one row. Nobody's clock is compared with another's. One
// goroutine uses them.
type Presences struct {
	db      DB
	console string
	version int64
	others  map[string]*presenceRow
}

type presenceRow struct {
	beat, version int64
	looks         int // without a sign of life
	state         string
}

// NewPresences returns the row of a console of its own, which is not there yet;
// nil where the database is not shared.
func NewPresences(db DB, shared bool) *Presences {
	if !shared {
		return nil
	}
	return &Presences{db: db, console: rand.Text(), others: map[string]*presenceRow{}}
}

// Say gives a sign of life and, where changed, says what the state is now.
func (p *Presences) Say(ctx context.Context, state string, changed bool) error {
	ctx = p.db.lazily(ctx)
	if !changed && p.version > 0 {
		n, err := affected(p.db.Write.ExecContext(ctx, `UPDATE presence SET beat = beat + 1 WHERE console = $1`+p.db.notWaiting(), p.console))
		if err != nil || n == 1 {
			return sqlutil.Wrap(err, "renew presence")
		}
	}
	p.version++
	_, err := p.db.Write.ExecContext(ctx, `INSERT INTO presence (console, beat, version, state) VALUES ($1, 0, $2, $3)
		ON CONFLICT (console) DO UPDATE SET beat = presence.beat + 1, version = excluded.version, state = excluded.state`,
		p.console, p.version, state)
	return sqlutil.Wrap(err, "write presence")
}

// Leave takes the console's row away.
func (p *Presences) Leave(ctx context.Context) error {
	p.version = 0
	_, err := p.db.Write.ExecContext(p.db.lazily(ctx), `DELETE FROM presence WHERE console = $1`, p.console)
	return sqlutil.Wrap(err, "delete presence")
}

// Others returns what the other consoles that live have said last.
func (p *Presences) Others(ctx context.Context) ([]string, error) {
	rows, err := p.db.Write.QueryContext(ctx, `SELECT console, beat, version FROM presence WHERE console <> $1
		ORDER BY console LIMIT $2`, p.console, maxConsoles)
	type heard struct {
		console       string
		beat, version int64
	}
	all, err := collect(rows, err, func(from scanner) (h heard, err error) {
		return h, from.Scan(&h.console, &h.beat, &h.version)
	})
	if err != nil {
		return nil, fmt.Errorf("read presence: %w", err)
	}
	known, states := map[string]*presenceRow{}, []string{}
	for _, h := range all {
		r := p.others[h.console]
		if r == nil {
			r = &presenceRow{version: -1}
		}
		if r.looks++; r.beat != h.beat || r.version != h.version {
			r.looks = 0
		}
		if err := p.hear(ctx, h.console, r, h.version); err != nil {
			return nil, err
		}
		r.beat = h.beat
		if known[h.console] = r; r.looks < silentLooks {
			states = append(states, r.state)
		} else if r.looks == deadLooks {
			if _, err := p.db.Write.ExecContext(ctx, `DELETE FROM presence WHERE console = $1 AND beat = $2`, h.console, h.beat); err != nil {
				return nil, fmt.Errorf("delete presence of a console that has gone: %w", err)
			}
		}
	}
	p.others = known
	return states, nil
}

// hear reads a state that is new.
func (p *Presences) hear(ctx context.Context, console string, r *presenceRow, version int64) error {
	if r.version == version {
		return nil
	}
	state, err := one(p.db.Write.QueryRowContext(ctx, `SELECT state FROM presence WHERE console = $1`, console), text)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read presence of another console: %w", err)
	}
	r.state, r.version = state, version
	return nil
}
