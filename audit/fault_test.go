package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/verify"
	"coc-console/internal/faultfs"
)

// faulty is a log on a disk whose calls can fail, with what it has acknowledged.
type faulty struct {
	*opened
	disk         *faultfs.Disk
	acknowledged []audit.Record
}

// onFaultyDisk opens a log in which nothing but appends calls the disk.
func onFaultyDisk(t *testing.T, dsn string) *faulty {
	t.Helper()
	disk, unmount, err := faultfs.Mount(filepath.Join(dsn, "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unmount)
	f := &faulty{opened: open(t, dsn, audit.WithoutRecovery), disk: disk}
	f.acknowledged = f.AppendEach(t, audittest.Several(3)...)
	f.CaughtUp(t)
	t.Cleanup(f.PauseFollower(t))
	return f
}

// breakAt lets the nth call of a kind from now on fail, and all that follow it
// if the fault lasts. The result says whether there was one.
func (f *faulty) breakAt(tt fault, kind call, n int) (hit *bool) {
	hit = new(bool)
	f.disk.Break(func(e faultfs.Event) faultfs.Fault {
		if (call{e.Kind, e.File}) == kind {
			n--
		}
		if n > 0 || *hit && !tt.lasting {
			return faultfs.None
		}
		*hit = true
		return tt.how
	})
	return hit
}

// killed returns the records that a console would find that starts now, after
// this one was killed.
func (f *faulty) killed(t *testing.T) (found []audit.Record) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"audit.db", "audit.db-wal"} {
		data, err := os.ReadFile(filepath.Join(f.DSN, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	o, err := audittest.New(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	found = o.Everything(t)
	if r, err := o.Verify(t.Context(), verify.Options{}); err != nil || !r.OK() {
		t.Errorf("killed now, the log has %v (%v)", r.Findings, err)
	}
	if err := o.CloseAll(); err != nil {
		t.Error(err)
	}
	return found
}

// checkRefusal checks the log while the disk is as it was when it refused r.
func (f *faulty) checkRefusal(t *testing.T, r audit.Record, err error) {
	t.Helper()
	var refused *audit.StorageError
	if !errors.As(err, &refused) || !errors.Is(f.Failing(), refused) {
		t.Fatalf("got %v, the log says that it fails with %v", err, f.Failing())
	}
	audittest.Same(t, "what is read", f.Everything(t), f.acknowledged)
	after := f.killed(t)
	if refused.Unknown && len(after) == len(f.acknowledged)+1 && after[len(after)-1].Detail == r.Detail {
		after = after[:len(after)-1]
	}
	audittest.Same(t, fmt.Sprintf("after %v, what a new start finds", err), after, f.acknowledged)
}

// checkRefuses checks that the log takes nothing.
func (f *faulty) checkRefuses(t *testing.T, r audit.Record) {
	t.Helper()
	if _, err := f.Append(t.Context(), r); err == nil {
		t.Error("the next record was taken")
	}
	receipt, err := f.Request(t.Context(), audittest.FullRecord())
	if err == nil || receipt != (audit.Receipt{}) {
		t.Errorf("an operation got the receipt %d (%v)", receipt.RequestedSequence(), err)
	}
	if f.Ready(t.Context()) == nil || f.Failing() == nil {
		t.Error("the log is ready")
	}
}

// checkRecovery checks that the log goes on by itself once the disk is well:
// with the next record, or because somebody asks whether it is ready.
func (f *faulty) checkRecovery(t *testing.T, ask bool) {
	t.Helper()
	if ask {
		f.checkResumes(t)
	}
	r, err := f.Append(t.Context(), audittest.Viewed("after it"))
	if err != nil || r.Sequence != int64(len(f.acknowledged)+1) {
		t.Fatalf("after %d records comes %d (%v)", len(f.acknowledged), r.Sequence, err)
	}
	f.acknowledged = append(f.acknowledged, r)
	if f.Failing() != nil || f.Ready(t.Context()) != nil {
		t.Errorf("it still fails: %v, %v", f.Failing(), f.Ready(t.Context()))
	}
}

// checkResumes has Ready end a failure, if there is one.
func (f *faulty) checkResumes(t *testing.T) {
	t.Helper()
	failed := f.Failing() != nil
	if err := f.Ready(t.Context()); err != nil || f.Failing() != nil {
		t.Fatalf("it still fails: %v, %v", err, f.Failing())
	}
	r, err := f.Record(t.Context(), int64(len(f.acknowledged)+1))
	if !failed {
		if err == nil {
			t.Errorf("without a failure it wrote %+v", r)
		}
		return
	}
	var detail audit.Resumed
	if err := errors.Join(err, json.Unmarshal([]byte(r.Detail), &detail)); err != nil {
		t.Fatal(err)
	}
	if r.Action != audit.ActionAuditResumed || detail.Refused < 1 || detail.Since.After(r.Time) {
		t.Errorf("it wrote %+v", r)
	}
	f.acknowledged = append(f.acknowledged, r)
}

// fault is a way in which a disk fails.
type fault struct {
	name        string
	how         faultfs.Fault
	lasting     bool
	checkpoints bool // every commit is copied back into the file
}

func faults() (out []fault) {
	for name, how := range map[string]faultfs.Fault{"EIO": faultfs.IOError, "ENOSPC": faultfs.NoSpace, "short": faultfs.Short} {
		for _, lasting := range []bool{false, true} {
			for _, checkpoints := range []bool{false, true} {
				full := name
				if lasting {
					full += ", lasting"
				}
				if checkpoints {
					full += ", with checkpoints"
				}
				out = append(out, fault{full, how, lasting, checkpoints})
			}
		}
	}
	slices.SortFunc(out, func(a, b fault) int { return strings.Compare(a.name, b.name) })
	return out
}

// call is a kind of call for one of the files.
type call struct {
	kind faultfs.Kind
	file string
}

// TestDiskFails lets each call that an append makes fail in turn.
func TestDiskFails(t *testing.T) {
	commit := []call{{faultfs.Write, "audit.db-wal"}, {faultfs.Sync, "audit.db-wal"}}
	checkpoint := []call{{faultfs.Write, "audit.db"}, {faultfs.Truncate, "audit.db"}, {faultfs.Sync, "audit.db"}}
	for _, tt := range faults() {
		t.Run(tt.name, func(t *testing.T) {
			f := onFaultyDisk(t, audittest.Fresh(t, audittest.SQLite))
			calls, autocheckpoint := commit, 1_000_000
			if tt.checkpoints {
				calls, autocheckpoint = slices.Concat(commit, checkpoint), 1
			}
			audittest.Execute(t, f.Entries, fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, autocheckpoint))
			for _, kind := range calls {
				tt.sweep(t, f, kind)
			}
			report, err := f.Verify(t.Context(), verify.Options{})
			if err != nil || !report.OK() {
				t.Errorf("in the end the log has %v (%v)", report.Findings, err)
			}
			audittest.Same(t, "in the end", f.Everything(t), f.acknowledged)
		})
	}
}

// sweep appends while the first, the second… call of a kind fails, until an
// append makes no more of them.
func (tt fault) sweep(t *testing.T, f *faulty, kind call) {
	t.Helper()
	for n := 1; ; n++ {
		r := audittest.Viewed(fmt.Sprintf("%v %d ", kind, n) + strings.Repeat("x", 10_000))
		hit := f.breakAt(tt, kind, n)
		written, err := f.Append(t.Context(), r)
		if err == nil {
			f.acknowledged = append(f.acknowledged, written)
		} else {
			tt.checkKind(t, kind, err)
			f.checkRefusal(t, r, err)
			if tt.lasting {
				f.checkRefuses(t, r)
			}
		}
		f.disk.Heal()
		if !*hit {
			if n == 1 {
				t.Errorf("there was no %v", kind)
			}
			return
		}
		if commits := strings.HasSuffix(kind.file, "-wal"); commits && n == 1 && err == nil || !commits && err != nil {
			t.Errorf("the append ended with %v", err) // what a checkpoint could not do, the next one does
		}
		f.checkRecovery(t, n%2 == 0)
		if t.Failed() {
			t.Fatalf("when %v number %d failed", kind, n)
		}
	}
}

// checkKind: a commit that lacks a part is not in the log; one that may be
// complete is in doubt.
func (tt fault) checkKind(t *testing.T, kind call, err error) {
	t.Helper()
	full := tt.how != faultfs.IOError && kind.kind == faultfs.Write
	var refused *audit.StorageError
	if !errors.As(err, &refused) || refused.Full != full || refused.Unknown == full {
		t.Errorf("got %#v", err)
	}
}

// TestFullDisk has a disk on which nothing can grow: what fits into the space
// that the files have is written.
func TestFullDisk(t *testing.T) {
	f := onFaultyDisk(t, audittest.Fresh(t, audittest.SQLite))
	audittest.Execute(t, f.Entries, `PRAGMA wal_checkpoint`)
	f.disk.Break(func(call faultfs.Event) faultfs.Fault {
		info, err := os.Stat(filepath.Join(f.DSN, call.File))
		if call.Kind == faultfs.Write && err == nil && call.Offset+int64(len(call.Data)) > info.Size() {
			return faultfs.NoSpace
		}
		return faultfs.None
	})
	var err error
	for err == nil {
		var r audit.Record
		if r, err = f.Append(t.Context(), audittest.Viewed(strings.Repeat("x", 100))); err == nil {
			f.acknowledged = append(f.acknowledged, r)
		}
	}
	for range 3 {
		f.checkRefusal(t, audittest.Viewed(""), err)
		f.checkRefuses(t, audittest.Viewed(""))
		_, err = f.Append(t.Context(), audittest.Viewed(""))
	}
	f.disk.Heal()
	f.checkRecovery(t, true)
	if report, err := f.Verify(t.Context(), verify.Options{}); err != nil || !report.OK() {
		t.Errorf("in the end the log has %v (%v)", report.Findings, err)
	}
}
