package system

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/internal/loadtest"
)

// BenchmarkOperation posts the form of an operation until its receipt's address comes: to a console with its files on
// a disk and a process of its own, in front of an upstream that answers at once or after 20 ms. Each operation is on a
// ticket that nobody has read for two seconds, or on one whose page is open in a stream.
func BenchmarkOperation(b *testing.B) {
	for _, delay := range []time.Duration{0, 20 * time.Millisecond} {
		for _, watched := range []bool{false, true} {
			b.Run(fmt.Sprintf("upstream=%s/watched=%v", delay, watched), func(b *testing.B) {
				c := newOperated(b, delay)
				if watched {
					c.watch()
				}
				for _, kind := range []string{"PAUSE_ORDER", "CANCEL_INSTANCE"} {
					if kind == "CANCEL_INSTANCE" && delay == 0 {
						continue // what it costs more is its calls
					}
					for _, inFlight := range []int{1, 16, 64} {
						if inFlight == 1 || delay == 0 {
							b.Run(fmt.Sprintf("%s/c=%d", kind, inFlight), func(b *testing.B) { c.measure(b, kind, inFlight) })
						}
					}
				}
			})
		}
	}
}

// BenchmarkOneTicket posts operations on a ticket that has had 450, in turns with the first ones on other tickets: of-first
// is what one on the old ticket takes in terms of those, by their medians. Each is posted once those before it have an end.
func BenchmarkOneTicket(b *testing.B) {
	const before, turns = 450, 50
	c := newOperated(b, 0)
	old := c.ticket()
	took := func(ticket string) time.Duration {
		form := []operationForm{{path: "/tickets/" + ticket + "/operations", cookie: c.cookie(0), query: c.upstream.next(ticket, "PAUSE_ORDER")}}
		c.open(form)
		answered := c.post(form, 1).Answered[0]
		c.settle()
		return answered
	}
	for range before {
		took(old)
	}
	for b.Loop() {
		var onOld, onNew []float64
		for range turns {
			onOld, onNew = append(onOld, took(old).Seconds()), append(onNew, took(c.ticket()).Seconds())
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(onOld)*1e6, "p50-µs")
		b.ReportMetric(median(onOld)/median(onNew), "of-first")
	}
}

// operated is a console whose operations are measured.
type operated struct {
	b        testing.TB
	upstream *upstream
	process  *process
	profiles string       // where it tells what it does; empty: nowhere
	cookies  []string     // of the sessions
	tickets  atomic.Int64 // made so far
	watched  []string     // tickets whose pages are open; nil: every operation gets a new one
}

// One session may have 24 streams.
const (
	benchSessions     = 8
	streamsPerSession = 24
)

func newOperated(b testing.TB, delay time.Duration, more ...string) *operated {
	c := &operated{b: b, upstream: newUpstream(b, delay)}
	args := []string{"--coc-endpoint", c.upstream.url, "--iam-endpoint", c.upstream.url, "--accounts", "bench",
		"--user-limit-factor", "1000", "--log-level", "warn"}
	if os.Getenv(profilesVariable) != "" {
		c.profiles = freeAddress(b)
		args = append(args, "--pprof", c.profiles)
	}
	c.process = startProcess(b, append(args, more...)...)
	c.signIn(benchSessions, func(int) string { return benchUser })
	return c
}

// signIn adds sessions of the users.
func (c *operated) signIn(n int, user func(i int) string) {
	var mu sync.Mutex
	_, err := c.run(loadtest.Plan{Requests: n, InFlight: 4, Request: func(ctx context.Context, i int) (*http.Request, error) {
		return c.request(ctx, http.MethodPost, "/sign-in", "", url.Values{"account": {"bench"}, "user": {user(i)}, "password": {"bench"}, "project": {"cn-north-4"}})
	}, Check: func(_ int, res *http.Response, _ []byte) error {
		if res.StatusCode != http.StatusSeeOther {
			return fmt.Errorf("signing in: %s", res.Status)
		}
		var all []string
		for _, cookie := range res.Cookies() {
			all = append(all, cookie.Name+"="+cookie.Value)
		}
		mu.Lock()
		defer mu.Unlock()
		c.cookies = append(c.cookies, strings.Join(all, "; "))
		return nil
	}})
	if err != nil {
		c.b.Fatal(err)
	}
}

// run runs a plan of which nothing may fail.
func (c *operated) run(p loadtest.Plan) (loadtest.Result, error) {
	p.Time = loadtest.MaxTime
	result, err := loadtest.Run(c.b.Context(), p)
	return result, errors.Join(err, result.Err)
}

func (c *operated) request(ctx context.Context, method, path, cookie string, form url.Values) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.process.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", c.process.url)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r, nil
}

func (c *operated) cookie(i int) string { return c.cookies[i%len(c.cookies)] }

// ticket is one that nobody has asked for.
func (c *operated) ticket() string { return fmt.Sprintf("SCT20260101000000%09x", c.tickets.Add(1)) }

// watch opens streams, each of a ticket of its own.
func (c *operated) watch() {
	for range benchSessions * streamsPerSession {
		c.watched = append(c.watched, c.ticket())
	}
	c.stream(c.watched)
}

// stream opens a stream of each ticket, which stays open until the benchmark's end.
func (c *operated) stream(tickets []string) {
	ctx, stop := context.WithCancel(context.Background())
	client := loadtest.Client(len(tickets))
	client.Timeout = 0
	var streams sync.WaitGroup
	c.b.Cleanup(func() { stop(); streams.Wait() })
	for i, ticket := range tickets {
		r, err := c.request(ctx, http.MethodGet, "/tickets/"+ticket+"/events", c.cookie(i), nil)
		if err != nil {
			c.b.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			c.b.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			c.b.Fatalf("stream %d: %s\n%s", i, res.Status, c.process.stderr)
		}
		streams.Go(func() {
			_, _ = io.Copy(io.Discard, res.Body) // ends with ctx
			_ = res.Body.Close()
		})
	}
}

// measure applies b.N operations of a kind, in rounds as large as there are watched tickets, and tells what they cost.
func (c *operated) measure(b *testing.B, kind string, inFlight int) {
	defer func(outer testing.TB) { c.b = outer }(c.b)
	c.b = b
	var total loadtest.Result
	var sum usage
	b.ResetTimer()
	for left := b.N; left > 0; {
		b.StopTimer()
		n := min(left, 2000)
		if c.watched != nil {
			n = min(left, len(c.watched))
		}
		left -= n
		forms, before := c.forms(n, kind), c.usage()
		b.StartTimer()
		go c.profile(fmt.Sprintf("%s.%d", strings.ReplaceAll(b.Name(), "/", "_"), left))
		result := c.post(forms, inFlight)
		b.StopTimer()
		sum.cpu += c.usage().cpu - before.cpu
		c.settle()
		sum = sum.plus(c.usage(), before)
		total.Took += result.Took
		total.Answered = append(total.Answered, result.Answered...)
	}
	slices.Sort(total.Answered)
	b.ReportMetric(total.PerSecond(), "req/s")
	b.ReportMetric(float64(total.Quantile(.5).Microseconds()), "p50-µs")
	b.ReportMetric(float64(total.Quantile(.99).Microseconds()), "p99-µs")
	each := 1 / float64(b.N)
	b.ReportMetric(float64(sum.cpu.Microseconds())*each, "cpu-µs/op")
	b.ReportMetric(float64(sum.settled.Microseconds())*each, "cpu-to-effect-µs/op")
	b.ReportMetric(float64(sum.calls)*each, "calls/op")
	b.ReportMetric(float64(sum.records)*each, "records/op")
	b.ReportMetric(float64(sum.written)*each/1024, "disk-KB/op")
}

// usage is what the console has used so far: until the answers, and until the effects were confirmed.
type usage struct {
	cpu, settled            time.Duration
	calls, records, written int64
}

// plus adds what was used between two moments, after the answers.
func (u usage) plus(after, before usage) usage {
	return usage{u.cpu, u.settled + after.cpu - before.cpu, u.calls + after.calls - before.calls,
		u.records + after.records - before.records, u.written + after.written - before.written}
}

func (c *operated) usage() usage {
	return usage{cpu: cpuOf(c.b, c.process.cmd.Process.Pid), calls: c.upstream.calls.Load(), records: c.metric("log_records"),
		written: c.writtenBytes()}
}

// cpuOf is the processor time of a process.
func cpuOf(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Skip(err) // not on Linux
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var ticks int64
	for _, field := range strings.Fields(rest)[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// writtenBytes is what the process has given to the disk.
func (c *operated) writtenBytes() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", c.process.cmd.Process.Pid))
	if err != nil {
		c.b.Skip(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nwrite_bytes: ")
	first, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		c.b.Fatal(err)
	}
	return n
}

// metric is a number that the console tells of itself; name is a pattern, and what it fits is summed up.
func (c *operated) metric(name string) int64 {
	var value float64
	series := regexp.MustCompile(`(?m)^coc_console_` + name + ` ([0-9.e+]+)$`)
	_, err := c.run(loadtest.Plan{Requests: 1, InFlight: 1, Request: func(ctx context.Context, _ int) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, c.process.url+"/metrics", http.NoBody)
	}, Check: func(_ int, _ *http.Response, body []byte) error {
		for _, found := range series.FindAllSubmatch(body, -1) {
			n, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				return err
			}
			value += n
		}
		return nil
	}})
	if err != nil {
		c.b.Fatal(err)
	}
	return int64(value)
}

// settle waits until the effects of all operations are confirmed.
func (c *operated) settle() {
	eventually(c.b, "every effect is confirmed", func() bool {
		return c.metric(`operation_records_total\{.*step="observed"\}`) == c.metric(`operation_records_total\{.*step="requested"\}`)
	})
}

// operationForm is a form as its page had it, to be posted once.
type operationForm struct {
	path, cookie, query string
	fields              url.Values
}

// staleAfter is how long a reading may be as good as a new one, and some more.
const staleAfter = 2 * time.Second

// forms opens n confirmation pages. Of a ticket that is not watched nobody knows anything when its form is posted.
func (c *operated) forms(n int, kind string) []operationForm {
	all := make([]operationForm, n)
	for i := range all {
		ticket := ""
		if c.watched != nil {
			ticket = c.watched[i]
		} else {
			ticket = c.ticket()
		}
		all[i] = operationForm{path: "/tickets/" + ticket + "/operations", cookie: c.cookie(i), query: c.upstream.next(ticket, kind)}
	}
	c.open(all)
	if c.watched == nil {
		<-time.After(staleAfter)
	}
	return all
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`)

// open gets the pages of the forms, and reads their fields.
func (c *operated) open(forms []operationForm) {
	_, err := c.run(loadtest.Plan{Requests: len(forms), InFlight: benchSessions, Request: func(ctx context.Context, i int) (*http.Request, error) {
		return c.request(ctx, http.MethodGet, forms[i].path+"/new?"+forms[i].query, forms[i].cookie, nil)
	}, Check: func(i int, res *http.Response, body []byte) error {
		_, page, found := strings.Cut(string(body), `id="operation"`)
		if res.StatusCode != http.StatusOK || !found || strings.Contains(page, `name="despite"`) {
			return fmt.Errorf("%s: no form: %s %s\n%.3000s", forms[i].path, res.Status, res.Header, body)
		}
		forms[i].fields = url.Values{"reason": {"benchmark"}}
		for _, field := range hiddenField.FindAllStringSubmatch(page, -1) {
			forms[i].fields.Set(field[1], html.UnescapeString(field[2]))
		}
		return nil
	}})
	if err != nil {
		c.b.Fatal(err)
	}
}

// post sends the forms, each of which must lead to a receipt.
func (c *operated) post(forms []operationForm, inFlight int) loadtest.Result {
	result, err := c.run(loadtest.Plan{Requests: len(forms), InFlight: inFlight, Request: func(ctx context.Context, i int) (*http.Request, error) {
		return c.request(ctx, http.MethodPost, forms[i].path, forms[i].cookie, forms[i].fields)
	}, Check: func(_ int, res *http.Response, body []byte) error {
		if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/operations/") {
			return fmt.Errorf("an operation: %s to %q\n%.3000s", res.Status, res.Header.Get("Location"), body)
		}
		return nil
	}})
	if err != nil {
		c.b.Fatal(err)
	}
	return result
}

// residentSet is how much memory a process has, in bytes.
func residentSet(tb testing.TB, pid int) int64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		tb.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// profilesVariable is a folder for profiles of the console, from when operations are posted.
const profilesVariable = "COC_CONSOLE_BENCH_PROFILES"

// profile writes what the console does in a second into files, one after the other. What is not asked for, or can't be
// written, is left out.
func (c *operated) profile(name string) {
	folder := os.Getenv(profilesVariable)
	if folder == "" {
		return
	}
	for _, kind := range []string{"profile", "allocs"} {
		r, err := http.NewRequestWithContext(c.b.Context(), http.MethodGet, "http://"+c.profiles+"/debug/pprof/"+kind+"?seconds=1", http.NoBody)
		if err != nil {
			return
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return
		}
		if f, err := os.Create(filepath.Join(folder, name+"."+kind)); err == nil {
			_, _ = io.Copy(f, res.Body)
			_ = f.Close()
		}
		_ = res.Body.Close()
	}
}
