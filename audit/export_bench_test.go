package audit_test

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
)

// shellColumns are the columns of the CSV export as SQLite's shell finds them.
const shellColumns = `seq, ts, body->>'action', body->>'outcome', body->>'$.actor.user_name', body->>'$.actor.user_id',
	body->>'$.actor.account_name', body->>'$.actor.account_id', body->>'$.actor.project_name', body->>'$.actor.project_id',
	body->>'$.origin.address', body->>'$.origin.user_agent', body->>'$.origin.request_id', body->>'$.origin.session',
	body->>'ticket', body->>'operation_id', body->>'operation_type', body->>'batch_index', body->>'instance_id', body->>'target',
	body->>'reason', body->>'seen', body->>'$.upstream.status', body->>'$.upstream.code', body->>'$.upstream.message',
	body->>'$.upstream.request_id', body->>'duration_us', body->>'detail'`

// BenchmarkExportBesideShell writes a log as CSV, and so does SQLite's shell:
// of-columns is the time in terms of the shell's for the same columns, of-bytes
// in terms of the shell's for the records' undivided bytes.
func BenchmarkExportBesideShell(b *testing.B) {
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		b.Skip("there is no sqlite3")
	}
	o := open(b, fresh(b, onSQLite), everythingOn)
	defer o.PauseFollower()()
	n := min(size(b), 200_000)
	if err := o.Fill(b.Context(), n, func(int) audit.Record { return fullRecord() }); err != nil {
		b.Fatal(err)
	}
	whole := filepath.Join(b.TempDir(), "copy.db") // other programs stay off the live file
	execute(b, o.entry, `VACUUM INTO $1`, whole)
	ours, columns, raw := quickest{}, quickest{}, quickest{}
	peak := watchMemory(b)
	for b.Loop() {
		before := cpuTime(b)
		start := time.Now()
		if err := o.WriteRecords(b.Context(), discard{}, audit.Query{Visible: all}, audit.FormatCSV, nil); err != nil {
			b.Fatal(err)
		}
		ours.add(time.Since(start), cpuTime(b)-before)
		columns.add(runShell(b, shell, whole, shellColumns))
		raw.add(runShell(b, shell, whole, `seq, ts, body`))
	}
	b.ReportMetric(float64(n)/ours.wall.Seconds(), "records/s")
	b.ReportMetric(float64(ours.cpu.Nanoseconds())/float64(n), "cpu-ns/record")
	b.ReportMetric(ours.wall.Seconds()/columns.wall.Seconds(), "of-columns")
	b.ReportMetric(ours.cpu.Seconds()/columns.cpu.Seconds(), "cpu-of-columns")
	b.ReportMetric(ours.wall.Seconds()/raw.wall.Seconds(), "of-bytes")
	b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
}

// quickest is the best of several runs: the one that was disturbed least.
type quickest struct{ wall, cpu time.Duration }

func (q *quickest) add(wall, cpu time.Duration) {
	if q.wall == 0 {
		*q = quickest{wall, cpu}
	}
	q.wall, q.cpu = min(q.wall, wall), min(q.cpu, cpu)
}

// runShell has SQLite's shell write the columns as CSV.
func runShell(b *testing.B, shell, file, columns string) (wall, cpu time.Duration) {
	b.Helper()
	c := exec.CommandContext(b.Context(), shell, "-csv", file, `SELECT `+columns+` FROM entry`)
	c.Stdout = discard{}
	start := time.Now()
	if err := c.Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start), c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// discard is a writer that os/exec does not know for io.Discard: the shell
// writes into a pipe, which is read.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }

// watchMemory returns a function that tells the most memory that the Go
// runtime has had, as far as it was seen.
func watchMemory(b *testing.B) (peak func() uint64) {
	b.Helper()
	var most atomic.Uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
			metrics.Read(samples)
			most.Store(max(most.Load(), samples[0].Value.Uint64()-samples[1].Value.Uint64()))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 { close(stop); <-done; return most.Load() }
}

// TestExportColumns keeps the shell's columns in step with the export's.
func TestExportColumns(t *testing.T) {
	o := open(t, fresh(t, onSQLite))
	var text strings.Builder
	if err := o.WriteRecords(t.Context(), &text, audit.Query{Visible: all}, audit.FormatCSV, nil); err != nil {
		t.Fatal(err)
	}
	if ours, shells := strings.Count(text.String(), ",")+1, strings.Count(shellColumns, ",")+1; ours != shells {
		t.Errorf("the export has %d columns, the shell %d", ours, shells)
	}
}

// BenchmarkBundle makes and checks bundles of 100,000 records: of consecutive
// ones, and of every second one.
func BenchmarkBundle(b *testing.B) {
	const n = 100_000
	onEngines(b, func(b *testing.B, _ *opened) {
		o := open(b, fresh(b, b.Name()[len("BenchmarkBundle/"):]), everythingOn)
		if err := o.Fill(b.Context(), 2*n, func(i int) audit.Record {
			r := fullRecord()
			r.Outcome = audit.Outcomes()[i%2]
			return r
		}); err != nil {
			b.Fatal(err)
		}
		o.caughtUp(b)
		for name, q := range map[string]audit.Query{"range": {After: n, Visible: all}, "search": {Outcome: audit.OutcomeFailed, Visible: all}} {
			b.Run(name, func(b *testing.B) {
				took, checked := quickest{}, quickest{}
				var out bytes.Buffer
				peak := watchMemory(b)
				for b.Loop() {
					before, start := cpuTime(b), time.Now()
					out.Reset()
					if err := o.WriteBundle(b.Context(), &out, q, audit.BundleOptions{}); err != nil {
						b.Fatal(err)
					}
					took.add(time.Since(start), cpuTime(b)-before)
					before, start = cpuTime(b), time.Now()
					if r := checkBundle(b, out.Bytes(), o.PublicKey()); !r.OK() || r.Records != n {
						b.Fatal(r.Records, r.Findings)
					}
					checked.add(time.Since(start), cpuTime(b)-before)
				}
				b.ReportMetric(took.wall.Seconds(), "s/bundle")
				b.ReportMetric(took.cpu.Seconds(), "cpu-s/bundle")
				b.ReportMetric(checked.wall.Seconds(), "s/check")
				b.ReportMetric(float64(out.Len())/(1<<20), "MiB")
				b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
			})
		}
	})
}
