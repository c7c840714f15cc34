package web

import (
	"context"

	"coc-console/internal/metrics"
)

// NoticeCounts are the notices of one target.
type NoticeCounts struct {
	Waiting, Dead int
	Failing       bool
}

// Notice counts an attempt to send one; it fits package notify's Sent. Targets are named by whoever set them up.
func (m *Metrics) Notice(target, result string) { m.notices.Inc(target, result) }

// WatchNotices adds what waits for each target.
func (m *Metrics) WatchNotices(counts func(context.Context) (map[string]NoticeCounts, error)) {
	gauge := func(name, help string) *metrics.Desc {
		return &metrics.Desc{Name: "coc_console_" + name, Help: help, Type: metrics.TypeGauge,
			Labels: []string{"target"}}
	}
	waiting := gauge("notices_waiting", "Notices that wait to be sent.")
	dead := gauge("notices_dead", "Notices that were given up, and may be sent again.")
	failing := gauge("notice_target_failing", "1 while a target does not take notices.")
	m.registry.Collect(func(set metrics.Set) {
		ctx, cancel := context.WithTimeout(context.Background(), collectLimit)
		defer cancel()
		all, err := counts(ctx)
		if err != nil {
			return // readable of the console's database says so
		}
		for name, c := range all {
			set(waiting, float64(c.Waiting), name)
			set(dead, float64(c.Dead), name)
			set(failing, one(c.Failing), name)
		}
	})
}
