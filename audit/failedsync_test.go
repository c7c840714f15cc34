package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/faultfs"
)

// recordFailedSyncs runs a log on a disk on which every fifth sync of each file
// fails: when it commits, and when its write-ahead log is copied back. Who is
// refused appends another record.
func recordFailedSyncs(t *testing.T) recording {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "data")
	disk, unmount, err := faultfs.Mount(filepath.Join(dsn, "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer unmount()
	disk.Record()
	var refused atomic.Int64
	for range 2 {
		o := open(t, dsn, audittest.Signing)
		audittest.Execute(t, o.Entries, `PRAGMA wal_autocheckpoint = 16`)
		syncs := map[string]int{} // by file
		disk.Break(func(e faultfs.Event) faultfs.Fault {
			if e.Kind == faultfs.Sync {
				if syncs[e.File]++; syncs[e.File]%5 == 0 {
					return faultfs.IOError
				}
			}
			return faultfs.None
		})
		var group sync.WaitGroup
		for worker := range 4 {
			group.Go(func() {
				for i := range 60 {
					r := audittest.Viewed(fmt.Sprintf("%d-%d ", worker, i))
					if i%10 == worker {
						r.Detail += strings.Repeat("long ", 1500)
					}
					if written, err := o.Append(t.Context(), r); err == nil {
						disk.Mark(written.Sequence)
					} else {
						refused.Add(1)
					}
				}
			})
		}
		group.Wait()
		disk.Heal()
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
	}
	r := recording{events: disk.Events(), level: "FULL, with failed syncs", sound: &soundStates{}}
	o := open(t, dsn, audittest.Signing)
	r.bodies = audittest.Column[[]byte](t, o.Entries.Read, `SELECT body FROM entry ORDER BY seq`)
	r.check = r.checkAcknowledged
	if refused.Load() < 10 || len(r.bodies) < 100 || r.count(faultfs.Unsynced, "audit.db-wal") < 5 || r.count(faultfs.Unsynced, "audit.db") == 0 {
		t.Fatalf("%d were refused, %d written; %d syncs of the write-ahead log failed, %d of the file", refused.Load(), len(r.bodies),
			r.count(faultfs.Unsynced, "audit.db-wal"), r.count(faultfs.Unsynced, "audit.db"))
	}
	return r
}

// checkAcknowledged is checkFile for a recording in which commits failed: what
// follows the acknowledged records may be one of those, in the place of a later
// one.
func (r recording) checkAcknowledged(dir string, acknowledged int64) (err error) {
	db, err := database.Inspect(context.Background(), dir, database.Audit)
	if err != nil && acknowledged == 0 {
		return nil // cut during the first start
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.Read.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		return fmt.Errorf("%w: %s (%w)", errDamaged, verdict, err)
	}
	bodies, err := bodiesOf(db)
	if err != nil {
		if acknowledged == 0 {
			return nil
		}
		return err
	}
	if int64(len(bodies)) < acknowledged {
		return fmt.Errorf("%w: %d of %d are there", errLost, len(bodies), acknowledged)
	}
	for i := range acknowledged {
		if !bytes.Equal(bodies[i], r.bodies[i]) {
			return fmt.Errorf("%w: record %d is not what was written", errDamaged, i+1)
		}
	}
	var size int
	var root []byte
	if err := db.Read.QueryRow(`SELECT size, root FROM head`).Scan(&size, &root); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	all := roots(bodies)
	if want := all[len(bodies)]; size != len(bodies) || !bytes.Equal(root, want[:]) {
		return fmt.Errorf("%w: the head with %d records is not that of the %d there are", errDamaged, size, len(bodies))
	}
	return nil
}

func bodiesOf(db *database.DB) (out [][]byte, err error) {
	rows, err := db.Read.Query(`SELECT body FROM entry ORDER BY seq`)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		out = append(out, body)
	}
	return out, rows.Err()
}

// TestPowerCutAfterFailedSync cuts the power of a disk that has failed to sync:
// what it was to sync may be lost whatever is synced later. No record that was
// acknowledged is.
func TestPowerCutAfterFailedSync(t *testing.T) {
	r := recordFailedSyncs(t)
	var count tally
	r.cut(t, affordable(cutFailed), &count, func(at int, what error) {
		if count.lost.Load()+count.damaged.Load() <= 10 {
			t.Errorf("seed %d, cut at event %d: %v", cutSeed, at, what)
		}
	})
	r.say(t, &count)
}

// TestFailedSyncControl does the same where nobody is told that a sync has
// failed. It shows that TestPowerCutAfterFailedSync would notice.
func TestFailedSyncControl(t *testing.T) {
	r := record(t, "FULL")
	r.level = "FULL, with failed syncs that nobody is told of"
	syncs := 0
	for i, e := range r.events {
		if e.Kind == faultfs.Sync {
			if syncs++; syncs%5 == 0 {
				r.events[i].Kind = faultfs.Unsynced
			}
		}
	}
	var count tally
	r.cut(t, affordable(cutControls), &count, func(int, error) {})
	r.say(t, &count)
	if count.lost.Load() == 0 {
		t.Error("it loses nothing: the test proves nothing")
	}
}
