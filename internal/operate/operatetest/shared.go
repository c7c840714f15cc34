package operatetest

import (
	"testing"
	"time"

	"coc-console/audit/audittest"
	"coc-console/internal/simulator"
)

// SharedDesk is a desk on PostgreSQL, with further consoles on its database.
func SharedDesk(t *testing.T, others int, adjust ...func(*simulator.Config)) (*Desk, []Parts) {
	t.Helper()
	d := NewDesk(t, adjust...)
	Check(t, d.Close())
	d.DSN, d.Shared = audittest.Postgres(t), true
	d.open()
	consoles := []Parts{d.Parts}
	for range others {
		consoles = append(consoles, d.Serve())
	}
	return d, consoles
}

// Owner writes down whose an operation is.
func (d *Desk) Owner(id, console string) {
	d.T.Helper()
	_, err := d.ConsoleDB.Write.ExecContext(d.T.Context(),
		`INSERT INTO operation_owner (operation_id, console, beat) VALUES ($1, $2, 0)
		ON CONFLICT (operation_id) DO UPDATE SET console = excluded.console`, id, console)
	Check(d.T, err)
}

// Beats gives signs of life for a console that is not there, for longer than it
// takes to be missed.
func (d *Desk) Beats(console string) {
	d.T.Helper()
	tick := time.NewTicker(beat / 2)
	defer tick.Stop()
	for range 2 * 2 * 15 {
		_, err := d.ConsoleDB.Write.ExecContext(d.T.Context(),
			`UPDATE operation_owner SET beat = beat + 1 WHERE console = $1`, console)
		Check(d.T, err)
		<-tick.C
	}
}

// Owned counts the operations that a console has.
func (d *Desk) Owned() (n int) {
	d.T.Helper()
	Check(d.T, d.ConsoleDB.Read.QueryRowContext(d.T.Context(), `SELECT count(*) FROM operation_owner`).Scan(&n))
	return n
}

// Another is a console of its own on the desk's databases, as another host runs it: with a log and an index of its own.
func (d *Desk) Another() *Desk {
	d.T.Helper()
	other := &Desk{T: d.T, Clock: d.Clock, Sim: d.Sim, url: d.url, DSN: d.DSN, Client: d.Client, Sessions: d.Sessions,
		Operator: d.Operator, Manager: d.Manager, Actor: d.Actor, Superior: d.Superior, Rules: d.Rules, Rate: d.Rate,
		Shared: true, Poll: d.Poll, Settle: d.Settle}
	other.open()
	return other
}
