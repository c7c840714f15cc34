package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coc-console/audit/audittest"
	"coc-console/audit/verify"
	"coc-console/internal/database"
	"coc-console/internal/faultfs"
)

// The size of the test: how many states are made of a recording, by which
// numbers, and of how many a whole log is opened.
const (
	cutStates   = 10_000
	cutSlow     = 200 // where everything takes ten times as long, or is to be quick
	cutControls = 500
	cutFailed   = 3_000
	cutSeed     = 20_260_302
	cutOpenOne  = 50 // in so many
	cutWorkers  = 2
)

// recording is what SQLite did to the log's files from the first start on,
// with a mark for every record at the time when it was acknowledged.
type recording struct {
	events []faultfs.Event
	bodies [][]byte   // of the records, in the end
	roots  [][32]byte // of the trees of the first 0, 1, 2… of them
	level  string     // of synchronous

	check func(dir string, acknowledged int64) error // of a state's file
	sound *soundStates
}

// soundStates are the states that stood their check, by their bytes, each with the most records that were acknowledged
// at the time: the same bytes with as many, or fewer, would only be found sound again.
type soundStates struct{ sync.Map }

func (s *soundStates) has(state uint64, acknowledged int64) bool {
	most, ok := s.Load(state)
	return ok && acknowledged <= most.(int64)
}

var digestSeed = maphash.MakeSeed()

// digest is that of all bytes of a state.
func digest(state map[string][]byte) uint64 {
	var all maphash.Hash
	all.SetSeed(digestSeed)
	for _, name := range slices.Sorted(maps.Keys(state)) {
		_, _ = fmt.Fprintf(&all, "%s %d\n", name, len(state[name]))
		_, _ = all.Write(state[name])
	}
	return all.Sum64()
}

// record runs a log, closes and opens it again, and writes on. Checkpoints of
// the write-ahead log, full tiles, commits of several records and records of
// several pages all occur.
func record(t *testing.T, synchronous string) recording {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "data")
	disk, unmount, err := faultfs.Mount(filepath.Join(dsn, "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer unmount()
	disk.Record()
	for _, n := range []int{70, 14} {
		o := open(t, dsn, audittest.Signing)
		audittest.Execute(t, o.Entries, `PRAGMA synchronous = `+synchronous)
		audittest.Execute(t, o.Entries, `PRAGMA wal_autocheckpoint = 32`)
		var group sync.WaitGroup
		for worker := range 4 {
			group.Go(func() { appendMarked(t, o, disk, worker, n) })
		}
		group.Wait()
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
	}
	r := recording{events: disk.Events(), level: synchronous, sound: &soundStates{}}
	o := open(t, dsn, audittest.Signing)
	r.bodies = audittest.Column[[]byte](t, o.Entries.Read, `SELECT body FROM entry ORDER BY seq`)
	r.roots = roots(r.bodies)
	r.check = r.checkFile
	return r
}

func appendMarked(t *testing.T, o *opened, disk *faultfs.Disk, worker, n int) {
	for i := range n {
		r := audittest.FullRecord()
		r.Detail = fmt.Sprintf("%d-%d ", worker, i)
		if i%20 == 0 {
			r.Detail += strings.Repeat("long ", 1500)
		}
		written, err := o.Append(t.Context(), r)
		if err != nil {
			t.Error(err)
			return
		}
		disk.Mark(written.Sequence)
	}
}

// roots are the roots of RFC 6962 of the first 0, 1, 2… bodies.
func roots(bodies [][]byte) [][32]byte {
	all := [][32]byte{sha256.Sum256(nil)}
	var subtrees [][32]byte // the complete ones, the largest first
	for i, body := range bodies {
		subtrees = append(subtrees, sha256.Sum256(append([]byte{0}, body...)))
		for range bits.TrailingZeros(uint(i + 1)) {
			last := len(subtrees) - 1
			subtrees = append(subtrees[:last-1], parent(subtrees[last-1], subtrees[last]))
		}
		root := subtrees[len(subtrees)-1]
		for _, left := range slices.Backward(subtrees[:len(subtrees)-1]) {
			root = parent(left, root)
		}
		all = append(all, root)
	}
	return all
}

func parent(left, right [32]byte) [32]byte {
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// tally counts what the states of a recording showed.
type tally struct{ states, different, opened, withPending, lost, damaged atomic.Int64 }

// cut makes states of a recording and looks at each, in several goroutines.
func (r recording) cut(t *testing.T, states int, count *tally, fail func(at int, what error)) {
	t.Helper()
	var group sync.WaitGroup
	for worker := range cutWorkers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(cutSeed, uint64(worker)))
			dir := cutFolder(t)
			files, acknowledged, next := faultfs.NewFiles(), int64(0), 0
			for _, at := range moments(random, states/cutWorkers, len(r.events)) {
				for ; next < at; next++ {
					if e := r.events[next]; e.Kind == faultfs.Mark {
						acknowledged = max(acknowledged, e.Offset)
					}
					files.Play(r.events[next])
				}
				if err := r.look(dir, files, random, acknowledged, count); err != nil {
					fail(at, err)
				}
			}
		})
	}
	group.Wait()
}

func affordable(states int) int {
	if underRace || testing.Short() {
		return cutSlow
	}
	return states
}

// moments are the events before which the power is cut, in order.
func moments(random *rand.Rand, n, events int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = random.IntN(events + 1)
	}
	slices.Sort(out)
	return out
}

// cutFolder is in memory where there is such a place: what matters is decided
// before the files are written there.
func cutFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "powercut") //nolint:usetesting // not where t.TempDir would be
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

var (
	errLost    = errors.New("acknowledged records are lost")
	errDamaged = errors.New("the log is damaged")
)

// writeState makes the folder that the files of a state are in, and nothing else.
func writeState(dir string, state map[string][]byte) error {
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	for name, data := range state {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// look writes one state to a folder and opens it.
func (r recording) look(dir string, files *faultfs.Files, random *rand.Rand, acknowledged int64, count *tally) error {
	dir = filepath.Join(dir, "state")
	count.states.Add(1)
	if files.Pending() > 0 {
		count.withPending.Add(1)
	}
	state := files.Cut(random)
	sum, openIt := digest(state), random.IntN(cutOpenOne) == 0
	known := r.sound.has(sum, acknowledged)
	if known && !openIt {
		return nil
	}
	if err := writeState(dir, state); err != nil {
		return err
	}
	var err error
	if !known {
		count.different.Add(1)
		err = r.check(dir, acknowledged)
	}
	if err == nil {
		r.sound.Store(sum, acknowledged)
	}
	if err == nil && openIt {
		count.opened.Add(1)
		err = r.checkLog(dir, acknowledged)
	}
	switch {
	case errors.Is(err, errLost):
		count.lost.Add(1)
	case err != nil:
		count.damaged.Add(1)
	}
	return err
}

// checkFile compares the database that SQLite makes of a state with the
// records that were acknowledged.
func (r recording) checkFile(dir string, acknowledged int64) (err error) {
	db, err := database.Inspect(context.Background(), dir, database.Audit)
	if errors.Is(err, os.ErrNotExist) && acknowledged == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.Read.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		return fmt.Errorf("%w: %s (%w)", errDamaged, verdict, err)
	}
	var tables int
	if err := db.Read.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = 'entry'`).Scan(&tables); err != nil {
		return err
	}
	if tables == 0 && acknowledged == 0 {
		return nil // cut during the first start
	}
	n, err := r.checkEntries(db)
	if err != nil {
		return err
	}
	var size int
	var root []byte
	if err := db.Read.QueryRow(`SELECT size, root FROM head`).Scan(&size, &root); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	if size != n || !bytes.Equal(root, r.roots[n][:]) {
		return fmt.Errorf("%w: the head with %d records is not that of the %d there are", errDamaged, size, n)
	}
	if int64(n) < acknowledged {
		return fmt.Errorf("%w: %d of %d are there", errLost, n, acknowledged)
	}
	return nil
}

// checkEntries compares every byte, and returns how many records there are.
func (r recording) checkEntries(db *database.DB) (n int, err error) {
	rows, err := db.Read.Query(`SELECT seq, body FROM entry ORDER BY seq`)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errDamaged, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for ; rows.Next(); n++ {
		var seq int
		var body []byte
		if err := rows.Scan(&seq, &body); err != nil {
			return n, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if seq != n+1 || n >= len(r.bodies) || !bytes.Equal(body, r.bodies[n]) {
			return n, fmt.Errorf("%w: record %d is not what was written", errDamaged, n+1)
		}
	}
	return n, rows.Err()
}

// checkLog opens the log as a console does after a power cut, writes on, and
// verifies what it leaves when it stops.
func (r recording) checkLog(dir string, acknowledged int64) error {
	ctx := context.Background()
	o, err := audittest.New(ctx, dir, audittest.Signing)
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	size, err := o.Size(ctx)
	written, appended := o.Append(ctx, audittest.Viewed("after the power cut"))
	if err := errors.Join(err, appended, o.CloseAll()); err != nil || written.Sequence != size+1 {
		return fmt.Errorf("%w: after %d records comes %d (%w)", errDamaged, size, written.Sequence, err)
	}
	if o, err = audittest.Inspected(ctx, dir, audittest.Signing); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	report, err := o.Verify(ctx, verify.Options{})
	if err := errors.Join(err, o.CloseAll()); err != nil || !report.OK() || report.Size != size+1 {
		return fmt.Errorf("%w: of %d records %d are verified: %v (%w)", errDamaged, size+1, report.Size, report.Findings, err)
	}
	if size < acknowledged {
		return errLost
	}
	return nil
}

// count says how often something happened in a recording.
func (r recording) count(kind faultfs.Kind, file string) (n int) {
	for _, e := range r.events {
		if e.Kind == kind && e.File == file {
			n++
		}
	}
	return n
}

// TestPowerCut cuts the power at any moment of a log's life, with whatever a
// disk may make of the writes that were not synced, and looks for every record
// that was acknowledged.
func TestPowerCut(t *testing.T) {
	r := record(t, "FULL")
	if r.count(faultfs.Write, "audit.db") < 100 || r.count(faultfs.Sync, "audit.db") < 5 || r.count(faultfs.Delete, "audit.db-wal") != 2 {
		t.Error("the recording has not enough checkpoints of the write-ahead log")
	}
	var count tally
	r.cut(t, affordable(cutStates), &count, func(at int, what error) {
		if count.lost.Load()+count.damaged.Load() <= 10 {
			t.Errorf("seed %d, cut at event %d: %v", cutSeed, at, what)
		}
	})
	r.say(t, &count)
}

// TestPowerCutControl does the same to a log whose commits do not wait for the
// disk. It shows that TestPowerCut would notice.
func TestPowerCutControl(t *testing.T) {
	r := record(t, "NORMAL")
	var count tally
	r.cut(t, affordable(cutControls), &count, func(at int, what error) {
		if !errors.Is(what, errLost) {
			t.Errorf("seed %d, cut at event %d: %v", cutSeed, at, what)
		}
	})
	r.say(t, &count)
	if count.lost.Load() == 0 {
		t.Error("it loses nothing: the test proves nothing")
	}
}

func (r recording) say(t *testing.T, count *tally) {
	t.Helper()
	t.Logf("synchronous=%s, seed %d: %d events, %d records; %d states, %d of them different, %d with unsynced writes, %d opened as a log; %d with losses, %d damaged",
		r.level, cutSeed, len(r.events), len(r.bodies), count.states.Load(), count.different.Load(), count.withPending.Load(), count.opened.Load(),
		count.lost.Load(), count.damaged.Load())
}
