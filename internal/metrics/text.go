package metrics

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// contentType names the format of the answer.
const contentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

// atOnce is how many may ask at the same time.
const atOnce = 4

// Handler answers with all metrics. Those whose name is in former are told under that name, too.
func (r *Registry) Handler(former map[string]string) http.Handler {
	var asking atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer asking.Add(-1)
		if asking.Add(1) > atOnce {
			http.Error(w, fmt.Sprintf("Limit of concurrent requests reached (%d), try again later.", atOnce), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(r.text(former)) // whoever asked is gone
	})
}

// text asks all sources. Names are in order, as are the series of a name.
func (r *Registry) text(former map[string]string) []byte {
	r.mu.Lock()
	sources := slices.Clone(r.sources)
	r.mu.Unlock()
	s := &scrape{families: map[string]*family{}}
	for _, source := range sources {
		source(s)
	}
	for name, f := range maps.Clone(s.families) {
		if old, renamed := former[name]; renamed {
			d := *f.desc
			d.Name, d.Help = old, "Deprecated: the same as "+name+", for one release."
			s.families[old] = &family{&d, f.metrics}
		}
	}
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(s.families)) {
		out = s.families[name].append(out)
	}
	return out
}

// A scrape gathers what sources tell.
type scrape struct{ families map[string]*family }

type family struct {
	desc    *Desc
	metrics []*metric
}

// A metric is one series: its labels as text, and its lines.
type metric struct {
	labels string
	lines  []line
}

type line struct {
	suffix, label string
	value         float64
}

func (m *metric) line(suffix, label string, value float64) {
	m.lines = append(m.lines, line{suffix, label, value})
}

// set takes one number.
func (s *scrape) set(d *Desc, value float64, values ...string) {
	s.metric(d, values).line("", "", value)
}

// metric returns a new series of a family.
func (s *scrape) metric(d *Desc, values []string) *metric {
	f := s.families[d.Name]
	if f == nil {
		f = &family{desc: d}
		s.families[d.Name] = f
	}
	var pairs []string
	for i, name := range d.Labels[:min(len(d.Labels), len(values))] {
		pairs = append(pairs, name+`="`+valueEscapes.Replace(values[i])+`"`)
	}
	slices.Sort(pairs)
	m := &metric{labels: strings.Join(pairs, ",")}
	f.metrics = append(f.metrics, m)
	return m
}

var (
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

func (f *family) append(out []byte) []byte {
	d := f.desc
	out = fmt.Appendf(out, "# HELP %s %s\n# TYPE %s %s\n", d.Name, helpEscapes.Replace(d.Help), d.Name, d.Type)
	slices.SortFunc(f.metrics, func(a, b *metric) int { return cmp.Compare(a.labels, b.labels) })
	for _, m := range f.metrics {
		for _, l := range m.lines {
			out = append(append(out, d.Name...), l.suffix...)
			if all := strings.Trim(m.labels+","+l.label, ","); all != "" {
				out = append(append(append(out, '{'), all...), '}')
			}
			out = append(append(append(out, ' '), number(l.value)...), '\n')
		}
	}
	return out
}

// number is a number as Prometheus reads it.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
