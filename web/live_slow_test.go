package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// few is so little that one version of a page does not fit.
const few = 4096

// wide is a ticket whose page is larger than all buffers of a connection.
func wide() []simulator.TicketSpec {
	spec := simulator.TicketSpec{Scenario: "wide", Name: "wide_check", Creator: "operator", Timeout: 1700 * time.Second, SuccessRate: 1, Age: time.Second}
	for b := range 20 {
		var batch simulator.BatchSpec
		for i := range 10 {
			batch.Instances = append(batch.Instances, simulator.InstanceSpec{ID: int64(1 + 10*b + i), Host: fmt.Sprintf("web-%d-%d", b, i), IP: "10.0.0.7", Region: "cn-north-4",
				Run: time.Duration(i+1) * time.Minute, Log: "first line\nlast line"})
		}
		spec.Batches = append(spec.Batches, batch)
	}
	return []simulator.TicketSpec{spec}
}

// firstEnded is the row of the first instance, once it has ended.
var firstEnded = regexp.MustCompile(`<tr[^>]* id="instance-1"[^>]* data-status="FINISHED"`)

// stall opens a stream, uncompressed, whose events nobody takes.
func (b *browser) stall(path string) (*bufio.Reader, *net.TCPConn) {
	b.t.Helper()
	u, err := url.Parse(b.url + path)
	must(b.t, err)
	conn, err := (&net.Dialer{}).DialContext(b.t.Context(), "tcp", u.Host)
	must(b.t, err)
	b.t.Cleanup(func() { _ = conn.Close() })
	tcp := conn.(*net.TCPConn)
	must(b.t, tcp.SetReadBuffer(few))
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, u.String(), nil)
	must(b.t, err)
	for _, cookie := range b.client.Jar.Cookies(u) {
		r.AddCookie(cookie)
	}
	must(b.t, r.Write(conn))
	return bufio.NewReader(conn), tcp
}

func slow(write time.Duration) func(*settings) {
	return func(s *settings) {
		s.tickets, s.sendBuffer, s.streams.Write = wide(), few, write
		s.watch = watch.Limits{Fast: 10 * time.Millisecond, Slow: 10 * time.Millisecond}
	}
}

// TestStreamOfWhoDoesNotRead: others get what they come for meanwhile, and who takes nothing for too long is cut off.
func TestStreamOfWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	c := start(t, slow(300*time.Millisecond))
	b := c.signedIn(t, "operator", i18n.EnUS)
	var stalled []*bufio.Reader
	for range 5 {
		r, _ := b.stall(c.ticket("wide") + "/events")
		stalled = append(stalled, r)
	}
	c.poll(t, "all streams are open", func() bool { return c.handlers.Streams() == 5 })
	reads := b.watch(c.ticket("wide"))
	c.clock.advance(90 * time.Second)
	reads.until(`id="instance-1"`, `data-status="FINISHED"`)
	c.poll(t, "those who take nothing are cut off", func() bool { return c.handlers.Streams() == 1 })
	c.clock.advance(time.Minute)
	reads.until(`id="instance-2"`, `data-status="FINISHED"`)
	for _, r := range stalled {
		if _, err := io.Copy(io.Discard, r); err == nil {
			continue // the end, or
		} else if !strings.Contains(err.Error(), "reset") { // a reset are both the end
			t.Error(err)
		}
	}
}

// TestStreamSkips: who comes back after a hundred readings gets the newest state, and not all that lies between: nothing waits
// for whoever does not read.
func TestStreamSkips(t *testing.T) {
	t.Parallel()
	c := start(t, slow(time.Minute))
	b := c.signedIn(t, "operator", i18n.EnUS)
	stalled, conn := b.stall(c.ticket("wide") + "/events?rows=all") // so much at first that no buffer takes it
	c.poll(t, "the stream is open", func() bool { return c.handlers.Streams() == 1 })
	reads := b.watch(c.ticket("wide"))
	readings := 100
	if testing.Short() {
		readings = 20
	}
	for range readings {
		reads.must()
	}
	if n := c.handlers.Streams(); n != 2 {
		t.Fatalf("%d streams are open: others had to wait for the end of the one that takes nothing", n)
	}
	c.clock.advance(90 * time.Second)
	reads.until(`id="instance-1"`, `data-status="FINISHED"`)
	must(t, conn.SetReadBuffer(1<<20))
	response, err := http.ReadResponse(stalled, nil)
	must(t, err)
	defer func() { // closing the body alone would read on to an end that does not come
		_ = conn.Close()
		_ = response.Body.Close()
	}()
	text := bufio.NewReader(response.Body)
	events := 0
	for {
		line, err := text.ReadString('\n')
		must(t, err)
		if strings.HasPrefix(line, "event: ") {
			events++
		}
		if events > 50 {
			break
		}
		if firstEnded.MatchString(line) {
			break
		}
	}
	if events > 5 {
		t.Errorf("%d events waited for a reader who was away for %d", events, readings)
	}
}
