package metrics

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	var r Registry
	asked := r.Counter("asked_total", "How often,\nand \\ why.", "what", "by")
	r.Counter("never_total", "Nothing yet.")
	took := r.Histogram("took_seconds", "How long.", []float64{0.1, 1}, "by")
	free := Desc{Name: "free_bytes", Help: "Space.", Type: TypeGauge}
	r.Collect(func(set Set) { set(&free, 1.5e10) })
	asked.Inc("b\"\n\\", "x")
	for range 2 {
		asked.Inc("a", "y")
	}
	took.Observe(0.1, "x")
	took.Observe(0.5, "x")
	took.Observe(7, "x")
	const want = `# HELP asked_total How often,\nand \\ why.
# TYPE asked_total counter
asked_total{by="x",what="b\"\n\\"} 1
asked_total{by="y",what="a"} 2
# HELP free_bytes Space.
# TYPE free_bytes gauge
free_bytes 1.5e+10
# HELP needed_total Deprecated: the same as asked_total, for one release.
# TYPE needed_total counter
needed_total{by="x",what="b\"\n\\"} 1
needed_total{by="y",what="a"} 2
# HELP never_total Nothing yet.
# TYPE never_total counter
never_total 0
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{by="x",le="0.1"} 1
took_seconds_bucket{by="x",le="1"} 2
took_seconds_bucket{by="x",le="+Inf"} 3
took_seconds_sum{by="x"} 7.6
took_seconds_count{by="x"} 3
`
	if diff := cmp.Diff(want, string(r.text(map[string]string{"asked_total": "needed_total"}))); diff != "" {
		t.Error(diff)
	}
}

// TestGoAndProcess: dashboards know these names, types and texts from Prometheus' own client for Go, which wrote the file.
func TestGoAndProcess(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "go_and_process.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("only Linux tells of processes:", err)
	}
	var r Registry
	r.Go()
	r.Process()
	text := string(r.text(nil))
	var got strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			got.WriteString(line)
		}
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"go_goroutines", "go_threads", "go_memstats_sys_bytes", "process_resident_memory_bytes", "process_open_fds",
		"process_start_time_seconds", "process_max_fds", "process_virtual_memory_max_bytes"} {
		if !regexp.MustCompile(`(?m)^` + name + ` [1-9]`).MatchString(text) {
			t.Errorf("no %s in\n%s", name, text)
		}
	}
}

func TestAtTheSameTime(t *testing.T) {
	var r Registry
	c, h := r.Counter("c_total", "C.", "of"), r.Histogram("h", "H.", []float64{1})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				c.Inc("x")
				h.Observe(2)
				r.text(nil)
			}
		})
	}
	all.Wait()
	if text := string(r.text(nil)); !strings.Contains(text, "c_total{of=\"x\"} 800\n") || !strings.Contains(text, "h_sum 1600\n") {
		t.Error(text)
	}
}

func TestTooManyAsk(t *testing.T) {
	var r Registry
	asked, hold := make(chan struct{}), make(chan struct{})
	r.Collect(func(Set) { asked <- struct{}{}; <-hold })
	h := r.Handler(nil)
	var all sync.WaitGroup
	get := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		return w.Code
	}
	for range atOnce {
		all.Go(func() { get() })
		<-asked
	}
	if got := get(); got != http.StatusServiceUnavailable {
		t.Errorf("one more got %d, want 503", got)
	}
	close(hold)
	all.Wait()
}
