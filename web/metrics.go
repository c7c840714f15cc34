package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/retention"
	"coc-console/internal/metrics"
	"coc-console/internal/upstream"
)

// Metrics counts what the console does, for Prometheus. Its labels take few
// values that are known beforehand: routes, methods, statuses, the names of
// calls and of operations. Nothing in them tells of a person, a ticket or a
// token.
type Metrics struct {
	registry   metrics.Registry
	requests   *metrics.Counter
	took       *metrics.Histogram
	static     *metrics.Counter
	upstream   *metrics.Counter
	waited     *metrics.Histogram
	operations *metrics.Counter
	refused    *metrics.Counter
	limited    *metrics.Counter
	notices    *metrics.Counter
	routes     map[string]bool
}

// NewMetrics returns metrics that have counted nothing. They serve one server.
func NewMetrics() *Metrics {
	m := &Metrics{}
	counter := func(name, help string, labels ...string) *metrics.Counter {
		return m.registry.Counter("coc_console_"+name, help, labels...)
	}
	histogram := func(name, help string, labels ...string) *metrics.Histogram {
		bounds := []float64{0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 30}
		return m.registry.Histogram("coc_console_"+name, help, bounds, labels...)
	}
	m.requests = counter("http_requests_total", "Requests answered, by route.", "route", "method", "status")
	m.took = histogram("http_request_duration_seconds", "Time to answer a request, by route.", "route", "method")
	m.upstream = counter("upstream_requests_total", "Requests to COC and IAM, by call and by status or kind of failure.", "service", "call", "result")
	m.waited = histogram("upstream_request_duration_seconds", "Time of a request to COC or IAM.", "service", "call")
	m.operations = counter("operation_records_total", "Records of operations in the audit log, by operation and step.", "operation", "step")
	m.refused = counter("requests_refused_total", "Requests refused before a page saw them: of another site, or with another person's form.", "why")
	m.limited = counter("requests_limited_total", "Requests refused because of a limit of one person, by limit.", "limit")
	m.static = counter("http_static_requests_total", "Requests of style sheets, scripts and images.")
	m.notices = counter("notices_total", "Attempts to send a notice, by target and result: sent, failed, or dead for one that was given up.", "target", "result")
	m.registry.Go()
	m.registry.Process()
	return m
}

// Upstream counts the requests to a service; it fits the Observe of package
// coc's and package iam's clients.
func (m *Metrics) Upstream(service string) func(call, result string, took time.Duration) {
	return func(call, result string, took time.Duration) {
		call = strings.ReplaceAll(call, " ", "_")
		if n, err := strconv.Atoi(result); err == nil {
			result = statusLabel(n)
		}
		m.upstream.Inc(service, call, result)
		m.waited.Observe(took.Seconds(), service, call)
	}
}

// Operation counts a record of an operation; it fits package operate's Observe.
func (m *Metrics) Operation(r audit.Record) {
	m.operations.Inc(r.OperationType, strings.TrimPrefix(string(r.Action), "operation."))
}

// Limited counts what a limit of one person stopped.
func (m *Metrics) Limited(limit string) { m.limited.Inc(limit) }

// request counts an answer. What fits no route is of one, "other", because
// addresses are their senders' to choose, as methods are.
func (m *Metrics) request(route, method string, status int, took time.Duration) {
	if !m.routes[route] {
		route = "other"
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost}, method) {
		method = "other"
	}
	m.requests.Inc(route, method, statusLabel(status))
	m.took.Observe(took.Seconds(), route, method)
}

// refuse counts a request that was refused; why is one of handlers' words.
func (m *Metrics) refuse(why string) { m.refused.Inc(why) }

func statusLabel(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status)
}

// Handler serves the metrics at every address.
func (m *Metrics) Handler() http.Handler { return m.registry.Handler(formerNames) }

// watch adds what a server's parts say of themselves when they are asked.
func (m *Metrics) watch(cfg Config, list []route) {
	m.routes = map[string]bool{}
	for _, r := range list {
		m.routes[r.path] = true
	}
	if cfg.Handlers != nil && cfg.Sessions != nil {
		m.registry.Collect(newState(cfg).collect)
	}
}

// state collects gauges.
type state struct {
	Config
	warning, readable, unwritten     *metrics.Desc
	policyBroken                     *metrics.Desc
	clockSkew                        *metrics.Desc
	records, behind, open            *metrics.Desc
	commit, failing, pending         *metrics.Desc
	signedRecords, signedAge         *metrics.Desc
	anchorAge, anchorFailing         *metrics.Desc
	verified, verifiedAge, findings  *metrics.Desc
	free, total, database, signedIns *metrics.Desc
	growth, full                     *metrics.Desc
	reachable, answerAge             *metrics.Desc
	certificateEnd                   *metrics.Desc
	reviews, reviewsInTime           *metrics.Desc
}

func newState(cfg Config) *state {
	gauge := func(name, help string, labels ...string) *metrics.Desc {
		return &metrics.Desc{Name: "coc_console_" + name, Help: help, Type: metrics.TypeGauge, Labels: labels}
	}
	return &state{Config: cfg,
		warning:        gauge("log_warning", "1 while the audit log warns of this.", "kind"),
		readable:       gauge("readable", "0 when this part could not be asked for its numbers.", "part"),
		unwritten:      gauge("answers_unwritten", "1 while an answer to an operation is not in the audit log."),
		policyBroken:   gauge("policy_files_broken", "1 while changed policy files are broken, and the console still uses the previous ones."),
		clockSkew:      gauge("clock_skew_seconds", "How far this machine's clock is ahead of another; below zero where it is behind.", "against"),
		records:        gauge("log_records", "Records in the audit log."),
		behind:         gauge("log_search_behind_records", "Records that the search tables do not have yet."),
		open:           gauge("operations_open", "Operations whose effect is awaited."),
		commit:         gauge("log_commit_duration_seconds", "Duration of the latest commits.", "quantile"),
		pending:        gauge("log_commit_pending_seconds", "How long the running commit of the audit log takes already; 0 when none runs."),
		failing:        gauge("log_failing", "1 when the last commit failed."),
		signedRecords:  gauge("log_checkpoint_records", "Records in the latest signed checkpoint."),
		signedAge:      gauge("log_checkpoint_age_seconds", "Time since the latest checkpoint was signed."),
		anchorAge:      gauge("log_anchor_age_seconds", "Time since an anchor took a checkpoint; 0 is the console's own log, then come the file and the webhook.", "anchor"),
		anchorFailing:  gauge("log_anchor_failing", "1 when an anchor did not take the latest checkpoint.", "anchor"),
		verified:       gauge("log_verified_records", "Records up to which the log is verified."),
		verifiedAge:    gauge("log_verified_age_seconds", "Time since the last verification ended."),
		findings:       gauge("log_verification_findings", "Findings of the last verification."),
		free:           gauge("log_disk_free_bytes", "Space that is left on the log's disk."),
		total:          gauge("log_disk_size_bytes", "Size of the log's disk."),
		database:       gauge("database_size_bytes", "Size of a database.", "database"),
		growth:         gauge("log_growth_bytes_per_day", "How much the databases grow a day, by the records of the last week; known after a day."),
		full:           gauge("log_disk_full_timestamp_seconds", "When the log's disk is full if it goes on like this, in seconds since 1970; nothing while that is not known."),
		signedIns:      gauge("sessions", "Sessions that are live."),
		reviews:        gauge("reviews", "Operations of the last 90 days that were to be reviewed, by how that went: in_time, late, overdue, or open.", "state"),
		reviewsInTime:  gauge("reviews_in_time_ratio", "Share that was reviewed within two days of those that had to be by now."),
		reachable:      gauge("upstream_reachable", "1 when the last call to IAM or COC was answered.", "service"),
		certificateEnd: gauge("certificate_end_timestamp_seconds", "When the certificate that the console serves ends, in seconds since 1970; 0 while there is none, nothing where a proxy has it."),
		answerAge:      gauge("upstream_answer_age_seconds", "Time since IAM or COC last answered.", "service"),
	}
}

// collectLimit bounds what a scrape may take.
const collectLimit = 5 * time.Second

// collect asks the log, the sessions and the databases.
func (s *state) collect(set metrics.Set) {
	ctx, cancel := context.WithTimeout(context.Background(), collectLimit)
	defer cancel()
	s.collectLog(ctx, set)
	s.collectChecks(set)
	s.collectServices(set)
	if asks := s.Observed.Certificate; asks != nil {
		end, _ := asks()
		set(s.certificateEnd, max(0, float64(end.Unix())))
	}
	s.collectReviews(ctx, set)
	n, err := s.Sessions.Count(ctx)
	set(s.readable, one(err == nil), "sessions")
	if err == nil {
		set(s.signedIns, float64(n))
	}
	var bytes int64
	for name, size := range s.Observed.Databases {
		n, err := size(ctx)
		set(s.readable, one(err == nil), "database_"+name)
		if err == nil {
			set(s.database, float64(n), name)
			bytes += n
		}
	}
	s.collectGrowth(ctx, set, bytes)
}

func (s *state) collectGrowth(ctx context.Context, set metrics.Set, bytes int64) {
	g, err := retention.GrowthOf(ctx, s.Observed.Log, bytes, s.Observed.Now())
	set(s.readable, one(err == nil), "growth")
	if err != nil {
		return
	}
	if g.Known {
		set(s.growth, g.BytesPerDay)
	}
	if !g.Full.IsZero() {
		set(s.full, float64(g.Full.Unix()))
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func (s *state) collectLog(ctx context.Context, set metrics.Set) {
	log := s.Observed.Log
	f, err := log.Figures(ctx)
	followed, err2 := s.Observed.Index.Followed(ctx)
	open, err3 := s.Observed.Index.OpenCount(ctx)
	err = errors.Join(err, err2, err3)
	set(s.readable, one(err == nil), "log")
	if err == nil {
		set(s.records, float64(f.Size))
		set(s.behind, float64(max(0, f.Size-followed)))
		set(s.open, float64(open))
	}
	if f.Signed.Size > 0 {
		set(s.signedRecords, float64(f.Signed.Size))
		set(s.signedAge, s.Observed.Now().Sub(f.Signed.Time).Seconds())
	}
	if f.Space.Total > 0 {
		set(s.free, float64(f.Space.Free))
		set(s.total, float64(f.Space.Total))
	}
	p50, p99 := log.Speed()
	set(s.commit, p50.Seconds(), "0.5")
	set(s.commit, p99.Seconds(), "0.99")
	set(s.pending, log.Pending().Seconds())
	set(s.failing, one(log.Failing() != nil))
	set(s.policyBroken, one(s.Observed.Rules.Broken() != nil))
	set(s.unwritten, one(s.Observed.Operations.Unwritten()))
	for _, c := range s.Observed.Clocks.Skews() {
		set(s.clockSkew, c.By.Seconds(), c.Against)
	}
}

func (s *state) collectReviews(ctx context.Context, set metrics.Set) {
	c, err := s.Handlers.ReviewCoverage(ctx)
	set(s.readable, one(err == nil), "reviews")
	if err != nil {
		return
	}
	for state, n := range map[string]int{"in_time": c.InTime, "late": c.Late, "overdue": c.Overdue, "open": c.Open} {
		set(s.reviews, float64(n), state)
	}
	if all := c.InTime + c.Late + c.Overdue; all > 0 {
		set(s.reviewsInTime, float64(c.InTime)/float64(all))
	}
}

func (s *state) collectServices(set metrics.Set) {
	services := map[string]upstream.Status{"iam": s.Observed.IAM.Heard(), "coc": s.Observed.COC.Heard()}
	for service, heard := range services {
		if heard == (upstream.Status{}) {
			continue
		}
		set(s.reachable, one(heard.Reachable()), service)
		if !heard.Success.IsZero() {
			set(s.answerAge, max(0, s.Observed.Now().Sub(heard.Success)).Seconds(), service)
		}
	}
}

func (s *state) collectChecks(set metrics.Set) {
	log, now := s.Observed.Log, s.Observed.Now()
	warns := map[string]bool{}
	for _, w := range log.Health(context.Background()) {
		warns[w.Kind] = true
	}
	for _, kind := range audit.WarningKinds() {
		set(s.warning, one(warns[kind]), kind)
	}
	for i, a := range log.Anchors() {
		label := strconv.Itoa(i) // its name may be a path or an address
		set(s.anchorFailing, one(a.Err != nil), label)
		if !a.At.IsZero() {
			set(s.anchorAge, now.Sub(a.At).Seconds(), label)
		}
	}
	v := s.Observed.Verifier.Status()
	set(s.verified, float64(v.Size))
	set(s.findings, float64(len(v.Findings)))
	if !v.At.IsZero() {
		set(s.verifiedAge, now.Sub(v.At).Seconds())
	}
}

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
