package operate_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"coc-console/internal/faultfs"
	"coc-console/internal/simulator"
)

// TestClaimsAfterPowerCut: a power cut may undo claims, which do not wait for the disk. What the log has is neither sent
// again nor forgotten, whatever is left of them, and the database is sound.
func TestClaimsAfterPowerCut(t *testing.T) {
	d := newDesk(t)
	path := filepath.Join(d.DSN, "console.db")
	disk, unmount, err := faultfs.Mount(path)
	check(t, err)
	t.Cleanup(unmount)
	disk.Record()
	d.Restart()
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect})
	d.Applied("paused", continueOrder) // SQLite waits for the first write to a new write-ahead log
	mark := func() { disk.Mark(1) }    // what is sent is in the log
	d.OnPut.Store(&mark)
	form, other := d.Form("running", pauseOrder), d.Form("running", pauseOrder)
	before := len(disk.Events())
	id, err := d.Apply(t.Context(), form)
	check(t, err)
	events := disk.Events()
	for _, e := range events[before:] {
		if e.Kind == faultfs.Sync {
			t.Error("the operation waited for the disk of the claims")
		}
	}
	lost := 0
	seeds := uint64(40)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		files, sent := faultfs.NewFiles(), false
		for _, e := range events {
			if sent = sent || e.Kind == faultfs.Mark; sent {
				break
			}
			files.Play(e)
		}
		d.Restart(func() {
			for _, name := range []string{path, path + "-wal", path + "-shm"} {
				if err := os.RemoveAll(name); err != nil {
					t.Fatal(err)
				}
			}
			for name, data := range files.Cut(rand.New(rand.NewPCG(1, seed))) {
				check(t, os.WriteFile(filepath.Join(d.DSN, name), data, 0o600))
			}
		})
		var sound string
		var claims int
		check(t, d.ConsoleDB.Read.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&sound))
		check(t, d.ConsoleDB.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM one_time_key`).Scan(&claims))
		if lost += 2 - claims; sound != "ok" {
			t.Errorf("cut %d: %s", seed, sound)
		}
		if again, err := d.Apply(t.Context(), form); again != id || err != nil {
			t.Errorf("cut %d, %d claims: again %q, %v", seed, claims, again, err)
		}
		if _, err := d.Apply(t.Context(), other); !pendingIs(err, id) {
			t.Errorf("cut %d, %d claims: beside it: %v", seed, claims, err)
		}
		d.Puts(2)
	}
	if lost == 0 {
		t.Error("no claim was lost: nothing was shown")
	}
	d.Sessions.Add("manager", d.Manager) // who looks at the ticket: the claim knew whose session it was
	check(t, d.Resume(t.Context()))
	d.Passes(id)
}
