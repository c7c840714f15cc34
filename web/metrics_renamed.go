package web

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// formerNames are the metrics that had another name before 0.1.0, which they keep for one release.
var formerNames = map[string]string{
	"coc_console_http_request_duration_seconds":     "coc_console_http_request_seconds",
	"coc_console_upstream_request_duration_seconds": "coc_console_upstream_request_seconds",
	"coc_console_requests_limited_total":            "coc_console_limited_total",
	"coc_console_log_commit_duration_seconds":       "coc_console_log_commit_seconds",
	"coc_console_log_commit_pending_seconds":        "coc_console_audit_commit_pending_seconds",
	"coc_console_log_disk_size_bytes":               "coc_console_log_disk_bytes",
	"coc_console_database_size_bytes":               "coc_console_database_bytes",
}

// withFormerNames repeats what was renamed under its former name.
func withFormerNames(g prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all, err := g.Gather()
		for _, f := range slices.Clone(all) {
			if former, renamed := formerNames[f.GetName()]; renamed {
				help := "Deprecated: the same as " + f.GetName() + ", for one release."
				all = append(all, &dto.MetricFamily{Name: &former, Help: &help, Type: f.Type, Metric: f.Metric,
					Unit: f.Unit})
			}
		}
		slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
		return all, err //nolint:wrapcheck // a Gatherer's error, with what it gathered
	})
}
