// Package metrics counts what a program does, and tells it in the text that Prometheus reads.
package metrics

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A Desc describes the metrics of one name. Each has a value for each of its Labels, at most three.
type Desc struct {
	Name, Help string
	Type       Type
	Labels     []string
}

// Type is what Prometheus may do with a number.
type Type string

// Counters only rise, gauges also fall; summaries and histograms are distributions.
const (
	TypeCounter   Type = "counter"
	TypeGauge     Type = "gauge"
	TypeSummary   Type = "summary"
	TypeHistogram Type = "histogram"
)

// A Collector tells numbers when they are asked for, each series once.
type Collector func(set Set)

// Set takes one number of a collector.
type Set func(d *Desc, value float64, labels ...string)

// A Registry holds what is counted, and whom to ask for more. Its methods may be called at the same time.
type Registry struct {
	mu      sync.Mutex
	sources []func(*scrape)
}

// Collect adds a collector.
func (r *Registry) Collect(c Collector) { r.add(func(s *scrape) { c(s.set) }) }

func (r *Registry) add(source func(*scrape)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sources = append(r.sources, source)
}

// labels are the values of one series. They are an array so that looking them up takes no memory.
type labels [3]string

func (l *labels) of(d *Desc) []string { return l[:len(d.Labels)] }

// series are the metrics of one Desc.
type series[T any] struct {
	desc Desc
	mu   sync.RWMutex
	all  map[labels]*T
}

// at returns the series with these values, a new one if there is none. Missing values are empty.
func (s *series[T]) at(values []string) *T {
	var l labels
	copy(l[:], values)
	s.mu.RLock()
	one := s.all[l]
	s.mu.RUnlock()
	if one != nil {
		return one
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one = s.all[l]; one == nil {
		one = new(T)
		s.all[l] = one
	}
	return one
}

// each calls f for all series there are.
func (s *series[T]) each(f func(values []string, one *T)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for l, one := range s.all {
		f(l.of(&s.desc), one)
	}
}

// A Counter counts, for each combination of its labels.
type Counter struct{ series[atomic.Uint64] }

// Counter adds a counter. One without labels is told before it has counted.
func (r *Registry) Counter(name, help string, names ...string) *Counter {
	c := &Counter{series[atomic.Uint64]{desc: Desc{name, help, TypeCounter, names}, all: map[labels]*atomic.Uint64{}}}
	if len(names) == 0 {
		c.at(nil)
	}
	r.add(func(s *scrape) {
		c.each(func(values []string, n *atomic.Uint64) { s.set(&c.desc, float64(n.Load()), values...) })
	})
	return c
}

// Inc counts one.
func (c *Counter) Inc(values ...string) { c.at(values).Add(1) }

// A Histogram counts how many numbers are up to each of its bounds, for each combination of its labels.
type Histogram struct {
	series[distribution]
	bounds []float64
}

type distribution struct {
	mu     sync.Mutex
	counts []uint64 // by bound, not added up; the last is of what is above all
	sum    float64
}

// Histogram adds a histogram; its bounds rise.
func (r *Registry) Histogram(name, help string, bounds []float64, names ...string) *Histogram {
	h := &Histogram{bounds: bounds,
		series: series[distribution]{desc: Desc{name, help, TypeHistogram, names}, all: map[labels]*distribution{}}}
	r.add(func(s *scrape) { h.each(func(values []string, d *distribution) { h.tell(s, values, d) }) })
	return h
}

// Observe counts a number.
func (h *Histogram) Observe(value float64, values ...string) {
	i, _ := slices.BinarySearch(h.bounds, value)
	d := h.at(values)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts = make([]uint64, len(h.bounds)+1)
	}
	d.counts[i]++
	d.sum += value
}

func (h *Histogram) tell(s *scrape, values []string, d *distribution) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := s.metric(&h.desc, values)
	var total uint64
	for i, n := range d.counts {
		total += n
		bound := "+Inf"
		if i < len(h.bounds) {
			bound = number(h.bounds[i])
		}
		b.line("_bucket", `le="`+bound+`"`, float64(total))
	}
	b.line("_sum", "", d.sum)
	b.line("_count", "", float64(total))
}
