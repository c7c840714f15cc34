package web_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// events is an open event stream.
type events struct {
	t    testing.TB
	res  *http.Response
	text *bufio.Reader
	stop context.CancelFunc
}

// serverEvent is one event of it.
type serverEvent struct{ id, name, data string }

// listen opens a stream, compressed as browsers want it.
func (b *browser) listen(path string, change ...func(*http.Request)) *events {
	b.t.Helper()
	res, stop := b.openStream(path, change...)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		b.t.Fatalf("%s: status %d, %s", path, res.StatusCode, res.Header.Get("Content-Type"))
	}
	unpacked, err := gzip.NewReader(res.Body)
	must(b.t, err)
	return &events{b.t, res, bufio.NewReader(unpacked), stop}
}

func (b *browser) openStream(path string, change ...func(*http.Request)) (*http.Response, context.CancelFunc) {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.t.Context())
	b.t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+path, nil)
	must(b.t, err)
	r.Header.Set("Accept-Language", b.header.Get("Accept-Language"))
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Coc-Console-Refresh", "1")
	for _, f := range change {
		f(r)
	}
	res, err := b.client.Do(r)
	must(b.t, err)
	b.t.Cleanup(func() { _ = res.Body.Close() })
	return res, stop
}

// next waits for the next event; io.EOF is the orderly end of the stream.
func (e *events) next() (serverEvent, error) {
	var found serverEvent
	var data []string
	for {
		line, err := e.text.ReadString('\n')
		if err != nil {
			return found, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case line == "\n" && found.name != "":
			found.data = strings.Join(data, "\n")
			return found, nil
		case field == "id":
			found.id = value
		case field == "event":
			found.name = value
		case field == "data":
			data = append(data, value)
		}
	}
}

func (e *events) must() serverEvent {
	e.t.Helper()
	found, err := e.next()
	must(e.t, err)
	return found
}

// until waits for an event that says all of something.
func (e *events) until(texts ...string) serverEvent {
	e.t.Helper()
	var last string
	for {
		found, err := e.next()
		if err != nil {
			e.t.Fatalf("%v before %q\nthe last event was %s", err, texts, last)
		}
		last = found.name + " " + found.data
		missing := false
		for _, text := range texts {
			missing = missing || !strings.Contains(last, text)
		}
		if !missing {
			return found
		}
	}
}

var (
	liveAddress = regexp.MustCompile(`data-live="([^"]*)"`)
	liveDigest  = regexp.MustCompile(`data-digest="([^"]*)"`)
)

// watch opens a page and its stream, as a browser does.
func (b *browser) watch(path string) *events {
	b.t.Helper()
	p := b.get(path)
	b.want(p, http.StatusOK)
	address, digest := liveAddress.FindStringSubmatch(p.body), liveDigest.FindStringSubmatch(p.body)
	if address == nil || digest == nil {
		b.t.Fatalf("%s is not live", path)
	}
	return b.listen(unescaped(address[1]), with("Last-Event-ID", digest[1]))
}

// hasty lets the shared view poll often.
func hasty(s *settings) {
	s.watch = watch.Limits{Fast: 30 * time.Millisecond, Slow: 30 * time.Millisecond}
}

func TestStreamBringsWhatChanges(t *testing.T) {
	t.Parallel()
	for _, language := range i18n.Languages() {
		t.Run(string(language), func(t *testing.T) {
			c := start(t, hasty)
			b := c.signedIn(t, "operator", language)
			text := i18n.For(language)
			e := b.watch(c.ticket("running"))
			first := e.must()
			if strings.Contains(first.data, `id="heading"`) || strings.Contains(first.data, `id="instance-1001"`) {
				t.Errorf("what the page shows already is sent again: %s", first.data)
			}
			if !strings.Contains(first.data, `id="read-at"`) {
				t.Errorf("the age of the figures is not in %s", first.data)
			}
			b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "look at the metrics").location())
			for seen := ""; !strings.Contains(seen, text.Word.TicketStatus.Of("PAUSED")) || !strings.Contains(seen, "look at the metrics"); {
				seen += e.must().data // what changed, and what was done, together or one after the other
			}
			c.clock.advance(20 * time.Minute)
			e.until(`id="instance-1001"`, `data-status="FINISHED"`, `data-list="instance-rows"`)
		})
	}
}

func TestStreamCatchesUp(t *testing.T) {
	t.Parallel()
	c := start(t, hasty)
	b := c.signedIn(t, "operator", i18n.EnUS)
	address := c.ticket("running") + "/events"
	e := b.listen(address)
	all := e.must()
	for _, id := range []string{"heading", "counts", "batch-1", "batch-2", "instance-1001", "instance-1003", "facts", "parameters"} {
		if !strings.Contains(all.data, `id="`+id+`"`) {
			t.Errorf("a stream that begins with nothing known leaves out %s", id)
		}
	}
	e.stop()
	c.clock.advance(20 * time.Minute) // the first batch ends meanwhile
	again := b.listen(address, with("Last-Event-ID", all.id))
	again.until(`id="instance-1001"`, `data-status="FINISHED"`)
	unknown := b.listen(address, with("Last-Event-ID", "of another console"))
	unknown.until(`id="heading"`, `id="parameters"`, `id="instance-1003"`)
}

func TestStreamEndsWithTheTicket(t *testing.T) {
	t.Parallel()
	c := start(t, hasty)
	b := c.signedIn(t, "operator", i18n.EnUS)
	if p := b.get(c.ticket("finished")); liveAddress.MatchString(p.body) {
		t.Error("the page of a ticket that is over has a stream")
	}
	e := b.watch(c.ticket("running"))
	b.settled(b.apply(c.newOperation("running", "operation_type=CANCEL_ORDER"), "not needed").location())
	e.until("end final")
	if _, err := e.next(); !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // and not an unexpected one: the gzip stream is whole
		t.Errorf("after its end the stream gives %v", err)
	}
}

func TestStreamEndsWithTheSession(t *testing.T) {
	t.Parallel()
	c := start(t, hasty, func(s *settings) { s.streams.Heartbeat = 20 * time.Millisecond })
	t.Run("signed out", func(t *testing.T) {
		b := c.signedIn(t, "operator", i18n.EnUS)
		e := b.in(t).watch(c.ticket("paused"))
		b.want(b.post("/sign-out", nil), http.StatusSeeOther)
		e.until("end session")
	})
	t.Run("token refused", func(t *testing.T) {
		gone, stays := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.ZhCN)
		e, other := gone.watch(c.ticket("running")), stays.watch(c.ticket("running"))
		c.clock.advance(time.Second) // tokens are as exact as seconds
		c.sim.Revoke("operator")
		c.clock.advance(time.Second)
		e.until("end session")
		c.clock.advance(20 * time.Minute)
		other.until(`id="instance-1001"`, i18n.For(i18n.ZhCN).Word.InstanceStatus.Of("FINISHED"))
	})
	t.Run("idle", func(t *testing.T) {
		b := c.signedIn(t, "manager", i18n.EnUS)
		e := b.watch(c.ticket("paused"))
		c.clock.advance(31 * time.Minute) // to watch is no sign of a person
		e.until("end session")
	})
}

func TestStreamsAreLimited(t *testing.T) {
	t.Parallel()
	c := start(t, hasty, func(s *settings) { s.streams = live.Limits{PerSession: 2, Total: 3} })
	b, other := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	address := c.ticket("running") + "/events"
	refused := func(b *browser) {
		t.Helper()
		res, stop := b.openStream(address)
		defer stop()
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("status %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
		}
	}
	first := b.listen(address)
	b.listen(address)
	refused(b) // of its session
	other.listen(address)
	refused(other) // of all
	first.stop()
	c.poll(t, "the place is free again", func() bool { return c.handlers.Streams() == 2 })
	other.listen(address)
}

func TestStreamIsOneView(t *testing.T) {
	t.Parallel()
	c := start(t, hasty)
	b := c.signedIn(t, "operator", i18n.EnUS)
	path := c.ticket("running") + "?status=PROCESSING&batch=1"
	for range 3 {
		e := b.watch(path)
		e.must()
		e.stop()
	}
	if n := len(c.records(audit.ActionTicketViewed)); n != 3 {
		t.Errorf("three pages with their streams are %d views", n)
	}
	b.listen(c.ticket("paused") + "/events").must()
	if n := len(c.records(audit.ActionTicketViewed)); n != 4 {
		t.Error("a stream without its page is not in the log")
	}
}

// TestManyViewersCostOne compares what one and fifty viewers cost upstream.
func TestManyViewersCostOne(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.watch = watch.Limits{Fast: 50 * time.Millisecond}; s.streams.PerSession = 100 })
	b := c.signedIn(t, "operator", i18n.EnUS)
	listen := func(n int) []*events {
		var all []*events
		for range n {
			all = append(all, b.watch(c.ticket("running")))
		}
		return all
	}
	cost := func(all []*events) (calls, polls int64) {
		for _, e := range all {
			e.must()
		}
		calls, polls = int64(c.sim.Calls(simulator.AnyCOCCall)), c.watcher.Usage().Polls
		c.poll(t, "20 polls", func() bool { return c.watcher.Usage().Polls >= polls+20 })
		return int64(c.sim.Calls(simulator.AnyCOCCall)) - calls, c.watcher.Usage().Polls - polls
	}
	one := listen(1)
	calls, polls := cost(one)
	alone := float64(calls) / float64(polls)
	calls, polls = cost(listen(49))
	if many := float64(calls) / float64(polls); many > 1.2*alone {
		t.Errorf("a poll costs %.1f calls for 50 viewers, and %.1f for one", many, alone)
	}
}

func TestStreamsEndAtOnceWhenTheConsoleStops(t *testing.T) {
	t.Parallel()
	c := start(t, hasty)
	b := c.signedIn(t, "operator", i18n.EnUS)
	var all []*events
	for range 5 {
		e := b.watch(c.ticket("running"))
		e.must()
		all = append(all, e)
	}
	c.watcher.Close()
	for _, e := range all {
		e.until("end closed")
	}
	c.poll(t, "all streams are closed", func() bool { return c.handlers.Streams() == 0 })
	b.want(b.get(c.ticket("running")), http.StatusServiceUnavailable)
}

func TestInstancesAreFilteredAndSorted(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	order := regexp.MustCompile(`<tr id="instance-(\d+)"`)
	for query, want := range map[string]string{
		"": "201 301 302 401 101 202", "batch=2": "201 202", "batch=2&status=FINISHED&after=99": "202", "status=ABNORMAL": "201",
		"q=web-302ns": "302", "q=401": "401", "q=10.0.0.7&batch=3": "301 302", "sort=batch": "101 201 202 301 302 401",
		"region=cn-north-4&batch=4": "401", "region=mars": "", "q=nothing": "",
	} {
		p := b.get(c.ticket("abnormal") + "?" + query)
		b.want(p, http.StatusOK)
		var got []string
		for _, m := range order.FindAllStringSubmatch(p.body, -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s lists %v, want %s", query, got, want)
		}
	}
}

func TestInstancesAsTextAndTable(t *testing.T) {
	t.Parallel()
	evil := tickets()
	evil[0].Batches[0].Instances[0].Host = "=HYPERLINK(1)"
	c := start(t, func(s *settings) { s.tickets = evil })
	b := c.signedIn(t, "operator", i18n.EnUS)
	p := b.get(c.ticket("abnormal") + "/hosts.txt?batch=2")
	b.want(p, http.StatusOK)
	if p.body != "web-201ns\nweb-202ns\n" || p.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("hosts are %q as %s", p.body, p.Header.Get("Content-Type"))
	}
	p = b.get(c.ticket("abnormal") + "/instances.csv?sort=batch")
	b.want(p, http.StatusOK)
	table, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.body, "\uFEFF"))).ReadAll()
	must(t, err)
	if len(table) != 7 || table[0][3] != "Host" || table[1][3] != "'=HYPERLINK(1)" || table[2][1] != "201" || table[2][2] != "Failed" {
		t.Errorf("the table is %q", table)
	}
	if !strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment") {
		t.Error("the table is no download")
	}
}
