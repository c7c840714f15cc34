package browser

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// TestBrowserLive checks what keeps a ticket's page up to date.
func TestBrowserLive(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for name, check := range map[string]func(stage, *tab){
		"changes":        changes,
		"reader's state": readersState,
		"order":          orderWaits,
		"map":            mapKeys,
		"connection":     connectionCut,
		"session":        sessionEnds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, "--live-poll-interval", "500ms")
			tb := b.open(t, s.base, look{})
			tb.SignIn("operator")
			check(s, tb)
		})
	}
}

// crowded is a ticket of 200 instances, which end one after the other, and a few more.
func crowded() []simulator.TicketSpec {
	spec := simulator.TicketSpec{Scenario: "crowded", Name: "reload_nginx", Creator: "operator", Age: time.Second, Timeout: 1700 * time.Second, SuccessRate: 50}
	for b := range 20 {
		var batch simulator.BatchSpec
		for i := range 10 {
			one := simulator.InstanceSpec{ID: int64(1000 + 10*b + i), Host: fmt.Sprintf("web-%02d-%d", b+1, i), IP: "10.0.0.7", Region: "cn-north-4",
				Run: time.Duration(i+1) * time.Minute, Log: "first line\nlast line"}
			if i == 3 && b == 0 {
				one.ExitCode = 1
			}
			batch.Instances = append(batch.Instances, one)
		}
		spec.Batches = append(spec.Batches, batch)
	}
	return []simulator.TicketSpec{spec}
}

// Watch opens the crowded ticket and waits for its stream.
func (t *tab) Watch(s stage) {
	t.Helper()
	t.Go("/tickets/" + s.UUID("crowded") + "?rows=all") // all 200, as somebody may have them
	t.Mark()
	t.Eval("document.querySelector('#read-at').dataset.old = 'true'")
	t.WaitFor("!document.querySelector('#read-at').dataset.old")
}

func changes(s stage, t *tab) {
	t.Watch(s)
	if n := t.Text("String(document.querySelectorAll('#instance-rows tr').length)"); n != "200" {
		t.Errorf("%s rows, want 200", n)
	}
	if n := t.Text("document.querySelector('#batch-1 .marks [data-status=PROCESSING]').dataset.count + document.querySelector('#lanes-after summary').innerText.match(/\\d+ instances/)[0]"); n != "10120 instances" {
		t.Errorf("marks and instances that wait are %s", n)
	}
	s.offset(5 * time.Minute) // five have ended, one of them badly
	t.See("#instance-1003[data-status=ABNORMAL]")
	t.sortAgain("document.querySelector('#instance-rows tr').id === 'instance-1003'")
	t.WaitFor("document.title.includes('1 failed')")
	t.WaitFor("document.querySelector('#status').textContent.includes('Failed 1')")
	t.See("#batch-1 .marks [data-status=ABNORMAL]")
	t.See("#timeline li[data-status=ABNORMAL]")
	t.See("#failures details")
	s.offset(6 * time.Minute)
	t.See("#batch-2[data-status=RUNNING]")
	t.Same("a stream")
}

// readersState types, ticks, scrolls and opens while 200 instances run.
func readersState(s stage, t *tab) {
	t.Watch(s)
	t.Eval(`document.querySelector("#field-q").focus(); document.querySelector("#field-q").value = "web-0";
		document.querySelector("#instance-1009 [name=target]").checked = true; scrollTo(0, 300)`)
	s.offset(5 * time.Minute)
	t.See("#instance-1003[data-status=ABNORMAL]")
	if !t.Is(`document.activeElement.id === "field-q" && document.activeElement.value === "web-0"`) {
		t.Error("typed text or focus is lost")
	}
	if !t.Is(`document.querySelector("#instance-1009 [name=target]").checked`) {
		t.Error("a ticked box is not ticked any more")
	}
	t.Same("a stream")
}

// orderWaits keeps the rows where they are while somebody is among them.
func orderWaits(s stage, t *tab) {
	t.Watch(s)
	t.Eval(`document.querySelector("#instance-1009 th a").focus({preventScroll: true}); document.querySelector("#instance-1009").scrollIntoView({block: "center"})`)
	before := t.Text(`[...document.querySelectorAll("#instance-rows tr")].map((r) => r.id).join()`)
	place := t.Text(`String(Math.round(document.activeElement.getBoundingClientRect().top))`)
	s.offset(5 * time.Minute)
	t.See("#instance-1003[data-status=ABNORMAL]")
	t.See("#order-changed:not([hidden])")
	if after := t.Text(`[...document.querySelectorAll("#instance-rows tr")].map((r) => r.id).join()`); after != before {
		t.Error("rows have moved under somebody's hands")
	}
	if now := t.Text(`String(Math.round(document.activeElement.getBoundingClientRect().top))`); now != place {
		t.Errorf("what has the focus was at %s, and is at %s", place, now)
	}
	t.Click("#order-changed button")
	t.WaitFor("document.querySelector('#instance-rows tr').id === 'instance-1003' && document.querySelector('#order-changed').hidden")
}

// mapKeys walks along the batches with the arrow keys.
func mapKeys(s stage, t *tab) {
	t.Watch(s)
	s.offset(11 * time.Minute)
	t.See("#batch-2[data-status=RUNNING]")
	if n := t.Text(`String(document.querySelectorAll("#batch-rows a[tabindex='0']").length)`); n != "1" {
		t.Errorf("the map has %s stops for the Tab key", n)
	}
	t.Eval(`document.querySelector("#batch-1 a").focus()`)
	t.Press(kb.ArrowDown)
	t.WaitFor(`document.activeElement.matches("#batch-2 a") && document.activeElement.tabIndex === 0 && document.querySelector("#batch-1 a").tabIndex === -1`)
}

// cut is a proxy in front of a console that can be cut.
type cut struct {
	net.Listener
	to string

	mu   sync.Mutex
	down bool
	open []net.Conn
}

func newCut(t *testing.T, base string) *cut {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cut{Listener: l, to: u.Host}
	t.Cleanup(func() { _ = l.Close(); c.set(true) })
	go c.serve()
	return c
}

func (c *cut) serve() {
	for {
		from, err := c.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", c.to)
		if err != nil || !c.keep(from, to) {
			_ = from.Close()
			continue
		}
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
		go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
	}
}

func (c *cut) keep(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return false
	}
	c.open = append(c.open, conns...)
	return true
}

// set cuts all connections, or lets new ones through.
func (c *cut) set(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
	for _, conn := range c.open {
		_ = conn.Close()
	}
	c.open = nil
}

func connectionCut(s stage, t *tab) {
	proxy := newCut(t.T, s.base)
	t.base = "http://" + proxy.Addr().String() // cookies do not look at the port
	t.Watch(s)
	proxy.set(true)
	t.See("#stale")
	t.WaitFor("document.querySelector('#status').textContent.includes('No connection')")
	s.offset(5 * time.Minute)
	proxy.set(false)
	t.See("#instance-1003[data-status=ABNORMAL]")
	t.WaitFor("!document.querySelector('#stale')")
	t.Same("a cut connection")
}

func sessionEnds(s stage, t *tab) {
	t.Go("/tickets/" + s.UUID("crowded") + "?batch=1")
	t.Mark()
	s.offset(time.Second) // tokens are as exact as seconds
	s.Revoke("operator")
	s.offset(time.Second)
	t.See("#stale a")
	t.Same("the end of the session")
	t.Click("#stale a")
	t.See("#sign-in [name=password]")
	for field, text := range map[string]string{"account": "demo", "user": "operator", "password": "operator"} {
		t.Type("[name="+field+"]", text)
	}
	t.Click("#sign-in button")
	t.WaitFor(fmt.Sprintf("location.pathname + location.search === '/tickets/%s?batch=1' && document.querySelector('#batch-1.row-selected')", s.UUID("crowded")))
	if !strings.Contains(t.Text("document.title"), "reload_nginx") {
		t.Error("the way back does not lead to the ticket")
	}
}
