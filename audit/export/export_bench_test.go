package export_test

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
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
)

// shellColumns are the columns of the CSV export as SQLite's shell finds them.
const shellColumns = `seq, ts, body->>'action', body->>'outcome', body->>'$.actor.user_name', body->>'$.actor.user_id',
	body->>'$.actor.account_name', body->>'$.actor.account_id', body->>'$.actor.project_name', body->>'$.actor.project_id',
	body->>'$.origin.address', body->>'$.origin.user_agent', body->>'$.origin.request_id', body->>'$.origin.session',
	body->>'ticket', body->>'operation_id', body->>'operation_type', body->>'batch_index', body->>'instance_id', body->>'target',
	body->>'reason', body->>'seen', body->>'$.upstream.status', body->>'$.upstream.code', body->>'$.upstream.message',
	body->>'$.upstream.request_id', body->>'duration_us', body->>'detail', body->>'clock', body->>'repeats', body->>'input',
	body->>'outcome'`

// BenchmarkExportBesideShell writes a log as CSV, and so does SQLite's shell:
// of-columns is the time in terms of the shell's for the same columns, of-bytes
// in terms of the shell's for the records' undivided bytes.
func BenchmarkExportBesideShell(b *testing.B) {
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		b.Skip("there is no sqlite3")
	}
	o := open(b, audittest.Fresh(b, audittest.SQLite), audittest.Signing)
	defer o.PauseFollower(b)()
	n := min(audittest.Size(b), 200_000)
	o.Fill(b, n, func(int) audit.Record { return audittest.FullRecord() })
	whole := filepath.Join(b.TempDir(), "copy.db") // other programs stay off the live file
	audittest.Execute(b, o.Entries, `VACUUM INTO $1`, whole)
	ours, columns, raw := quickest{}, quickest{}, quickest{}
	peak := watchMemory(b)
	for b.Loop() {
		before := audittest.CPUTime(b)
		start := time.Now()
		if err := o.Write(b.Context(), discard{}, search.Query{Visible: audittest.All}, export.CSV, nil); err != nil {
			b.Fatal(err)
		}
		ours.add(time.Since(start), audittest.CPUTime(b)-before)
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
	o := open(t, audittest.Fresh(t, audittest.SQLite))
	var text strings.Builder
	if err := o.Write(t.Context(), &text, search.Query{Visible: audittest.All}, export.CSV, nil); err != nil {
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
	audittest.OnEngines(b, func(b *testing.B, dsn string) {
		o := open(b, dsn, audittest.Signing)
		o.Fill(b, 2*n, func(i int) audit.Record {
			r := audittest.FullRecord()
			r.Outcome = audit.Outcomes()[i%2]
			return r
		})
		o.CaughtUp(b)
		for name, q := range map[string]search.Query{"range": {After: n, Visible: audittest.All}, "search": {Outcome: audit.OutcomeFailed, Visible: audittest.All}} {
			b.Run(name, func(b *testing.B) {
				took, checked := quickest{}, quickest{}
				var out bytes.Buffer
				peak := watchMemory(b)
				for b.Loop() {
					before, start := audittest.CPUTime(b), time.Now()
					out.Reset()
					if err := export.Bundle(b.Context(), &out, o.Index, q, export.BundleOptions{}); err != nil {
						b.Fatal(err)
					}
					took.add(time.Since(start), audittest.CPUTime(b)-before)
					before, start = audittest.CPUTime(b), time.Now()
					if r := checkBundle(b, out.Bytes(), o.PublicKey()); !r.OK() || r.Records != n {
						b.Fatal(r.Records, r.Findings)
					}
					checked.add(time.Since(start), audittest.CPUTime(b)-before)
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
