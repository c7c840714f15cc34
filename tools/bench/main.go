// Command bench runs the console's benchmarks and prints what they found as a table: work, figure, aim, and the figure in
// terms of the aim. With COC_CONSOLE_BENCH_CADDY, a program of Caddy, it compares with Caddy, too.
//
//	go -C tools/bench run . [-only REGEXP]
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// row is a line of the table: the metric of a benchmark, times scale, and what it shall be.
type row struct {
	work, bench, metric string
	scale               float64
	unit                string
	aim                 float64
	most                bool // the aim is the most that it may be, not the least
}

// runs are the calls of go test that the rows need.
var runs = []struct{ pkg, bench, time string }{
	{"./internal/e2e/system", "^BenchmarkOperation$", "1s"},
	{"./internal/e2e/system", "^BenchmarkOneTicket$", "1x"},
	{"./audit", "^BenchmarkAppend$/^sqlite$/^signed$/^appenders=64$", "20000x"},
	{"./audit", "^BenchmarkReplicas$", "20000x"},
	{"./internal/e2e/system", "^BenchmarkPeople$", "1x"},
	{"./internal/e2e/system", "^BenchmarkViews$", "2000x"},
	{"./internal/e2e/system", "^BenchmarkStart$", "3x"},
	{"./audit/search", "^BenchmarkReindex$/^sqlite$", "1x"},
	{"./audit/search", "^BenchmarkSearchWhileWriting$/^sqlite$", "300x"},
	{"./audit", "^BenchmarkLarge$/^sqlite$/^verify$", "1x"},
	{"./audit/export", "^BenchmarkExportBesideShell$", "3x"},
	{"./internal/e2e/system", "^BenchmarkCommands$", "1x"},
	{"./internal/policy", "^BenchmarkThousandPolicies$", "1s"},
	{"./internal/e2e/system", "^BenchmarkPolicies$", "500x"},
	{"./internal/e2e/system", "^BenchmarkIdle$", "1x"},
	{"./internal/e2e/system", "^BenchmarkPeers$", "7x"},
}

const operation, peers = "BenchmarkOperation/upstream=", "BenchmarkPeers/operation/watched="

var rows = []row{
	{"operation, c1, requests/s as a part of Caddy", peers + "false/c=1", "of-proxy", 1, "", .18, false},
	{"operation, c16", peers + "false/c=16", "of-proxy", 1, "", .18, false},
	{"operation, c64", peers + "false/c=64", "of-proxy", 1, "", .20, false},
	{"the same on watched tickets, c1", peers + "true/c=1", "of-proxy", 1, "", .25, false},
	{"the same on watched tickets, c16", peers + "true/c=16", "of-proxy", 1, "", .45, false},
	{"the same on watched tickets, c64", peers + "true/c=64", "of-proxy", 1, "", .60, false},
	{"operation, c64, p99 in terms of Caddy's", peers + "false/c=64", "p99-of-proxy", 1, "", 3, true},
	{"operation, c64, Caddy making as many calls", peers + "false/c=64", "of-proxy-with-calls", 1, "", .70, false},
	{"operation, c1, requests/s", operation + "0s/watched=false/PAUSE_ORDER/c=1", "req/s", 1, "", 0, false},
	{"operation, c16, requests/s", operation + "0s/watched=false/PAUSE_ORDER/c=16", "req/s", 1, "", 0, false},
	{"operation, c64, requests/s", operation + "0s/watched=false/PAUSE_ORDER/c=64", "req/s", 1, "", 0, false},
	{"on watched tickets, c64, requests/s", operation + "0s/watched=true/PAUSE_ORDER/c=64", "req/s", 1, "", 0, false},
	{"CPU of an operation, c64", operation + "0s/watched=false/PAUSE_ORDER/c=64", "cpu-µs/op", .001, "ms", .6, true},
	{"CPU of an operation on a watched ticket, c64", operation + "0s/watched=true/PAUSE_ORDER/c=64", "cpu-µs/op", .001, "ms", .35, true},
	{"calls to COC of an operation, until it is confirmed", operation + "0s/watched=false/PAUSE_ORDER/c=1", "calls/op", 1, "", 0, true},
	{"PAUSE_ORDER, upstream 20 ms, p50", operation + "20ms/watched=false/PAUSE_ORDER/c=1", "p50-µs", .001, "ms", 42, true},
	{"CANCEL_INSTANCE, upstream 20 ms, p50", operation + "20ms/watched=false/CANCEL_INSTANCE/c=1", "p50-µs", .001, "ms", 42, true},
	{"PAUSE_ORDER on a watched ticket, p50", operation + "20ms/watched=true/PAUSE_ORDER/c=1", "p50-µs", .001, "ms", 23, true},
	{"CANCEL_INSTANCE on a watched ticket, p50", operation + "20ms/watched=true/CANCEL_INSTANCE/c=1", "p50-µs", .001, "ms", 23, true},
	{"an operation on a ticket that had 450, in terms of a ticket's first", "BenchmarkOneTicket", "of-first", 1, "", 1.25, true},
	{"append, 64 appenders, in terms of a flush", "BenchmarkAppend/sqlite/signed/appenders=64", "x_L", 1, "L", 6, false},
	{"append, 64 appenders, p99", "BenchmarkAppend/sqlite/signed/appenders=64", "p99-µs", .001, "ms", 10, true},
	{"PostgreSQL, 64 appenders on 1 console, records/s", "BenchmarkReplicas/consoles=1", "records/s", 1, "", 0, false},
	{"on 2 consoles", "BenchmarkReplicas/consoles=2", "records/s", 1, "", 0, false},
	{"on 4 consoles", "BenchmarkReplicas/consoles=4", "records/s", 1, "", 0, false},
	{"memory, 1,000 people, 500 streams on 50 tickets, 100 pages/s for 30 s", "BenchmarkPeople", "RSS-MiB", 1, "MiB", 250, true},
	{"ticket page compressed, c16, one ticket, pages/s", "BenchmarkViews/tickets=1", "req/s", 1, "", 900, false},
	{"64 tickets in turn, pages/s", "BenchmarkViews/tickets=64", "req/s", 1, "", 0, false},
	{"70 tickets", "BenchmarkViews/tickets=70", "req/s", 1, "", 0, false},
	{"260 tickets", "BenchmarkViews/tickets=260", "req/s", 1, "", 0, false},
	{"500 tickets", "BenchmarkViews/tickets=500", "req/s", 1, "", 0, false},
	{"start with 1,000 open operations, approvals, bulk operations, views: first page", "BenchmarkStart/open=1000", "first-page-ms", 1, "ms", 100, true},
	{"its CPU time until then", "BenchmarkStart/open=1000", "cpu-ms", 1, "ms", 0, true},
	{"start with nothing open: first page", "BenchmarkStart/open=0", "first-page-ms", 1, "ms", 0, true},
	{"search.db built again, records/s", "BenchmarkReindex/sqlite", "records/s", 1, "", 100_000, false},
	{"10,000 records a second, how many search.db is behind at most", "BenchmarkSearchWhileWriting/sqlite", "behind-max", 1, "", 2000, true},
	{"its records/s, on this machine", "BenchmarkSearchWhileWriting/sqlite", "records/s", 1, "", 0, false},
	{"verification, records/s", "BenchmarkLarge/sqlite/verify", "records/s", 1, "", 500_000, false},
	{"export as CSV, time in terms of the sqlite3 shell's", "BenchmarkExportBesideShell", "of-columns", 1, "", .38, true},
	{"export as CSV, peak of resident memory", "BenchmarkCommands/export-csv", "peak-RSS-MiB", 1, "MiB", 128, true},
	{"export as a bundle", "BenchmarkCommands/export-bundle", "peak-RSS-MiB", 1, "MiB", 200, true},
	{"audit tail", "BenchmarkCommands/tail", "peak-RSS-MiB", 1, "MiB", 200, true},
	{"audit verify, with the comparison of search.db", "BenchmarkCommands/verify", "peak-RSS-MiB", 1, "MiB", 200, true},
	{"its records/s", "BenchmarkCommands/verify", "records/s", 1, "", 500_000, false},
	{"audit reindex", "BenchmarkCommands/reindex", "peak-RSS-MiB", 1, "MiB", 200, true},
	{"its records/s", "BenchmarkCommands/reindex", "records/s", 1, "", 100_000, false},
	{"1,000 policies, decisions/s", "BenchmarkThousandPolicies/all=false", "decisions/s", 1, "", 20_000, false},
	{"1,000 policies, a ticket's page, p50", "BenchmarkPolicies/policies=1000", "p50-ms", 1, "ms", 2, true},
	{"the first page of a ticket, p50", "BenchmarkPolicies/policies=1000", "first-p50-ms", 1, "ms", 0, true},
	{"the same with one policy", "BenchmarkPolicies/policies=0", "first-p50-ms", 1, "ms", 0, true},
	{"idle memory", "BenchmarkIdle", "RSS-MiB", 1, "MiB", 28, true},
	{"idle memory, with the simulator", "BenchmarkIdle", "RSS-MiB-simulator", 1, "MiB", 0, true},
	{"the program, stripped", "BenchmarkIdle", "MB", 1, "MB", 28, true},
	{"list of tickets, c1, requests/s as a part of Caddy with the same bytes", "BenchmarkPeers/list/c=1", "of-peer", 1, "", 0, false},
	{"list of tickets, c16", "BenchmarkPeers/list/c=16", "of-peer", 1, "", 0, false},
}

func main() {
	only := flag.String("only", "", "run only benchmarks whose package and name match")
	flag.Parse()
	if err := run(context.Background(), *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	figures, before := map[string]map[string]float64{}, load()
	for _, r := range runs {
		if !wanted.MatchString(r.pkg + " " + r.bench) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s %s\n", r.pkg, r.bench)
		cmd := exec.CommandContext(ctx, "go", "test", "-C", "../..", "-run=^$", "-timeout=30m", "-bench="+r.bench, "-benchtime="+r.time, r.pkg)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "%s %s: %v\n", r.pkg, r.bench, err) // the other rows are worth something
		}
		read(&out, figures)
	}
	fmt.Printf("%s, %d processors, %s %s/%s, %s. Load average %s before, %s after.\n\n", processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), before, load())
	fmt.Println("| work | figure | aim | ratio |\n|---|---|---|---|")
	for _, r := range rows {
		if of, ok := figures[r.bench]; ok {
			fmt.Println(r.line(of))
		}
	}
	return nil
}

func (r row) line(of map[string]float64) string {
	value, ok := of[r.metric]
	if !ok {
		return fmt.Sprintf("| %s | – | | |", r.work)
	}
	value *= r.scale
	figure, aim, ratio := strings.TrimSpace(number(value)+" "+r.unit), "", ""
	if r.aim > 0 {
		sign := "≥"
		if r.most {
			sign = "≤"
		}
		aim, ratio = strings.TrimSpace(sign+" "+number(r.aim)+" "+r.unit), number(value/r.aim)
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", r.work, figure, aim, ratio)
}

// number writes three digits or all before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// processors is what go test adds to names.
var processors = regexp.MustCompile(`-\d+$`)

// read takes up the metrics of each benchmark, by their units.
func read(out io.Reader, figures map[string]map[string]float64) {
	for s := bufio.NewScanner(out); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		of := map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				of[fields[i+1]] = v
			}
		}
		figures[processors.ReplaceAllString(fields[0], "")] = of
	}
}

// load is the load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// processor is the name of the machine's processor.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	_, rest, _ := strings.Cut(string(text), "model name")
	name, _, _ := strings.Cut(rest, "\n")
	return strings.TrimLeft(name, "\t: ")
}
