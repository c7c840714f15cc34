package metrics

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"strconv"
	"time"
)

// goFigures are sums of what the runtime tells of itself. Names and texts are those of Prometheus' own client for Go,
// as dashboards know them.
var goFigures = []struct {
	Desc
	sum []string // names in runtime/metrics
}{
	{Desc{Name: "go_gc_gogc_percent", Type: TypeGauge,
		Help: "Heap size target percentage configured by the user, otherwise 100. This value is set by the GOGC environment variable, and the runtime/debug.SetGCPercent function. Sourced from /gc/gogc:percent."},
		[]string{"/gc/gogc:percent"}},
	{Desc{Name: "go_gc_gomemlimit_bytes", Type: TypeGauge,
		Help: "Go runtime memory limit configured by the user, otherwise math.MaxInt64. This value is set by the GOMEMLIMIT environment variable, and the runtime/debug.SetMemoryLimit function. Sourced from /gc/gomemlimit:bytes."},
		[]string{"/gc/gomemlimit:bytes"}},
	{Desc{Name: "go_goroutines", Type: TypeGauge,
		Help: "Number of goroutines that currently exist."},
		[]string{"/sched/goroutines:goroutines"}},
	{Desc{Name: "go_sched_gomaxprocs_threads", Type: TypeGauge,
		Help: "The current runtime.GOMAXPROCS setting, or the number of operating system threads that can execute user-level Go code simultaneously. Sourced from /sched/gomaxprocs:threads."},
		[]string{"/sched/gomaxprocs:threads"}},
	{Desc{Name: "go_memstats_alloc_bytes", Type: TypeGauge,
		Help: "Number of bytes allocated in heap and currently in use. Equals to /memory/classes/heap/objects:bytes."},
		[]string{"/memory/classes/heap/objects:bytes"}},
	{Desc{Name: "go_memstats_alloc_bytes_total", Type: TypeCounter,
		Help: "Total number of bytes allocated in heap until now, even if released already. Equals to /gc/heap/allocs:bytes."},
		[]string{"/gc/heap/allocs:bytes"}},
	{Desc{Name: "go_memstats_buck_hash_sys_bytes", Type: TypeGauge,
		Help: "Number of bytes used by the profiling bucket hash table. Equals to /memory/classes/profiling/buckets:bytes."},
		[]string{"/memory/classes/profiling/buckets:bytes"}},
	{Desc{Name: "go_memstats_frees_total", Type: TypeCounter,
		Help: "Total number of heap objects frees. Equals to /gc/heap/frees:objects + /gc/heap/tiny/allocs:objects."},
		[]string{"/gc/heap/frees:objects", "/gc/heap/tiny/allocs:objects"}},
	{Desc{Name: "go_memstats_gc_sys_bytes", Type: TypeGauge,
		Help: "Number of bytes used for garbage collection system metadata. Equals to /memory/classes/metadata/other:bytes."},
		[]string{"/memory/classes/metadata/other:bytes"}},
	{Desc{Name: "go_memstats_heap_alloc_bytes", Type: TypeGauge,
		Help: "Number of heap bytes allocated and currently in use, same as go_memstats_alloc_bytes. Equals to /memory/classes/heap/objects:bytes."},
		[]string{"/memory/classes/heap/objects:bytes"}},
	{Desc{Name: "go_memstats_heap_idle_bytes", Type: TypeGauge,
		Help: "Number of heap bytes waiting to be used. Equals to /memory/classes/heap/released:bytes + /memory/classes/heap/free:bytes."},
		[]string{"/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes"}},
	{Desc{Name: "go_memstats_heap_inuse_bytes", Type: TypeGauge,
		Help: "Number of heap bytes that are in use. Equals to /memory/classes/heap/objects:bytes + /memory/classes/heap/unused:bytes"},
		[]string{"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes"}},
	{Desc{Name: "go_memstats_heap_objects", Type: TypeGauge,
		Help: "Number of currently allocated objects. Equals to /gc/heap/objects:objects."},
		[]string{"/gc/heap/objects:objects"}},
	{Desc{Name: "go_memstats_heap_released_bytes", Type: TypeGauge,
		Help: "Number of heap bytes released to OS. Equals to /memory/classes/heap/released:bytes."},
		[]string{"/memory/classes/heap/released:bytes"}},
	{Desc{Name: "go_memstats_heap_sys_bytes", Type: TypeGauge,
		Help: "Number of heap bytes obtained from system. Equals to /memory/classes/heap/objects:bytes + /memory/classes/heap/unused:bytes + /memory/classes/heap/released:bytes + /memory/classes/heap/free:bytes."},
		[]string{"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes"}},
	{Desc{Name: "go_memstats_mallocs_total", Type: TypeCounter,
		Help: "Total number of heap objects allocated, both live and gc-ed. Semantically a counter version for go_memstats_heap_objects gauge. Equals to /gc/heap/allocs:objects + /gc/heap/tiny/allocs:objects."},
		[]string{"/gc/heap/allocs:objects", "/gc/heap/tiny/allocs:objects"}},
	{Desc{Name: "go_memstats_mcache_inuse_bytes", Type: TypeGauge,
		Help: "Number of bytes in use by mcache structures. Equals to /memory/classes/metadata/mcache/inuse:bytes."},
		[]string{"/memory/classes/metadata/mcache/inuse:bytes"}},
	{Desc{Name: "go_memstats_mcache_sys_bytes", Type: TypeGauge,
		Help: "Number of bytes used for mcache structures obtained from system. Equals to /memory/classes/metadata/mcache/inuse:bytes + /memory/classes/metadata/mcache/free:bytes."},
		[]string{"/memory/classes/metadata/mcache/inuse:bytes", "/memory/classes/metadata/mcache/free:bytes"}},
	{Desc{Name: "go_memstats_mspan_inuse_bytes", Type: TypeGauge,
		Help: "Number of bytes in use by mspan structures. Equals to /memory/classes/metadata/mspan/inuse:bytes."},
		[]string{"/memory/classes/metadata/mspan/inuse:bytes"}},
	{Desc{Name: "go_memstats_mspan_sys_bytes", Type: TypeGauge,
		Help: "Number of bytes used for mspan structures obtained from system. Equals to /memory/classes/metadata/mspan/inuse:bytes + /memory/classes/metadata/mspan/free:bytes."},
		[]string{"/memory/classes/metadata/mspan/inuse:bytes", "/memory/classes/metadata/mspan/free:bytes"}},
	{Desc{Name: "go_memstats_next_gc_bytes", Type: TypeGauge,
		Help: "Number of heap bytes when next garbage collection will take place. Equals to /gc/heap/goal:bytes."},
		[]string{"/gc/heap/goal:bytes"}},
	{Desc{Name: "go_memstats_other_sys_bytes", Type: TypeGauge,
		Help: "Number of bytes used for other system allocations. Equals to /memory/classes/other:bytes."},
		[]string{"/memory/classes/other:bytes"}},
	{Desc{Name: "go_memstats_stack_inuse_bytes", Type: TypeGauge,
		Help: "Number of bytes obtained from system for stack allocator in non-CGO environments. Equals to /memory/classes/heap/stacks:bytes."},
		[]string{"/memory/classes/heap/stacks:bytes"}},
	{Desc{Name: "go_memstats_stack_sys_bytes", Type: TypeGauge,
		Help: "Number of bytes obtained from system for stack allocator. Equals to /memory/classes/heap/stacks:bytes + /memory/classes/os-stacks:bytes."},
		[]string{"/memory/classes/heap/stacks:bytes", "/memory/classes/os-stacks:bytes"}},
	{Desc{Name: "go_memstats_sys_bytes", Type: TypeGauge,
		Help: "Number of bytes obtained from system. Equals to /memory/classes/total:byte."},
		[]string{"/memory/classes/total:bytes"}},
}

var (
	goInfo = Desc{Name: "go_info", Type: TypeGauge, Help: "Information about the Go environment.",
		Labels: []string{"version"}}
	goThreads = Desc{Name: "go_threads", Type: TypeGauge, Help: "Number of OS threads created."}
	goPauses  = Desc{Name: "go_gc_duration_seconds", Type: TypeSummary,
		Help: "A summary of the wall-time pause (stop-the-world) duration in garbage collection cycles."}
	goCollected = Desc{Name: "go_memstats_last_gc_time_seconds", Type: TypeGauge,
		Help: "Number of seconds since 1970 of last garbage collection."}
)

// Go adds what Go's runtime tells of itself.
func (r *Registry) Go() { r.add(tellGo) }

func tellGo(s *scrape) {
	var samples []metrics.Sample
	for _, f := range goFigures {
		for _, name := range f.sum {
			samples = append(samples, metrics.Sample{Name: name})
		}
	}
	metrics.Read(samples)
	for i := range goFigures {
		f := &goFigures[i]
		var sum uint64
		for range f.sum {
			if samples[0].Value.Kind() == metrics.KindUint64 {
				sum += samples[0].Value.Uint64()
			}
			samples = samples[1:]
		}
		s.set(&f.Desc, float64(sum))
	}
	s.set(&goInfo, 1, runtime.Version())
	s.set(&goThreads, float64(pprof.Lookup("threadcreate").Count()))
	tellPauses(s)
}

// tellPauses tells how long the garbage collector stopped the program, and when last.
func tellPauses(s *scrape) {
	stats := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&stats)
	m := s.metric(&goPauses, nil)
	for i, pause := range stats.PauseQuantiles {
		quantile := number(float64(i) / float64(len(stats.PauseQuantiles)-1))
		m.line("", "quantile="+strconv.Quote(quantile), pause.Seconds())
	}
	m.line("_sum", "", stats.PauseTotal.Seconds())
	m.line("_count", "", float64(stats.NumGC))
	s.set(&goCollected, float64(stats.LastGC.UnixNano())/1e9)
}
