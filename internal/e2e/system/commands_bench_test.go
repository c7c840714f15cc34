package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit/audittest"
)

// BenchmarkCommands tells what the commands on a log take: each is a process of its own, whose peak-RSS-MiB is the most
// memory that the kernel counted, with the pages of its program. Its output goes to nobody. (The peak in its rusage may be
// this test's own, which the kernel hands on.)
func BenchmarkCommands(b *testing.B) {
	program := released(b)
	l := &logOf{t: b, folder: audittest.Fresh(b, audittest.SQLite)}
	filled := context.WithoutCancel(b.Context())
	o, err := audittest.New(filled, l.folder, audittest.Signing)
	if err != nil {
		b.Fatal(err)
	}
	n := audittest.Size(b)
	o.Fill(b, n, audittest.Busy())
	o.CaughtUp(b)
	key := o.PublicKey()
	if err := o.CloseAll(); err != nil {
		b.Fatal(err)
	}
	for _, command := range []string{
		"export --format csv", "export --format bundle --output " + filepath.Join(b.TempDir(), "bundle.zip"), "tail",
		"verify --public-key " + key, "reindex",
	} {
		args := strings.Fields(command)
		name := args[0]
		if name == "export" {
			name += "-" + args[2]
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), program, append(append([]string{"audit", args[0]}, l.where()...), args[1:]...)...)
				cmd.Stderr = os.Stderr
				start := time.Now()
				if err := cmd.Start(); err != nil {
					b.Fatal(err)
				}
				peak := watchPeak(cmd.Process.Pid)
				err := cmd.Wait()
				most := peak()
				if err != nil {
					b.Fatalf("%s: %v", command, err)
				}
				cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				b.ReportMetric(float64(n)/time.Since(start).Seconds(), "records/s")
				b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/record")
				b.ReportMetric(most, "peak-RSS-MiB")
			}
		})
	}
}

// watchPeak asks for the peak of a process's memory until the function that it returns is called, which tells it in MiB.
func watchPeak(pid int) (peak func() float64) {
	stop, done := make(chan struct{}), make(chan float64)
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		var most float64
		for {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // it is gone sooner or later
			_, rest, _ := strings.Cut(string(status), "VmHWM:")
			if f := strings.Fields(rest); len(f) > 0 {
				kib, _ := strconv.ParseFloat(f[0], 64)
				most = kib / 1024 // it only rises
			}
			select {
			case <-stop:
				done <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 { close(stop); return <-done }
}

// released builds the program as releases have it.
func released(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "coc-console")
	build := exec.CommandContext(b.Context(), "go", "build", "-C", "../../..", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}
