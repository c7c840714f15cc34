package system

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/internal/loadtest"
)

// page asks for the page of one of some tickets, compressed.
func (c *operated) page(tickets []string) func(context.Context, int) (*http.Request, error) {
	return func(ctx context.Context, i int) (*http.Request, error) {
		r, err := c.request(ctx, http.MethodGet, "/tickets/"+tickets[i%len(tickets)], c.cookie(i), nil)
		if err == nil {
			r.Header.Set("Accept-Encoding", "gzip")
		}
		return r, err
	}
}

func found(_ int, res *http.Response, body []byte) error {
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s\n%.1000s", res.Request.URL, res.Status, body)
	}
	return nil
}

func (c *operated) newTickets(n int) []string {
	tickets := make([]string, n)
	for i := range tickets {
		tickets[i] = c.ticket()
	}
	return tickets
}

// BenchmarkViews loads the pages of as many tickets in turn, compressed, from 16 connections.
func BenchmarkViews(b *testing.B) {
	for _, views := range []int{1, 64, 70, 150, 260, 500} {
		b.Run(fmt.Sprintf("tickets=%d", views), func(b *testing.B) {
			c := newOperated(b, 0)
			load := loadtest.Plan{InFlight: 16, Request: c.page(c.newTickets(views)), Check: found}
			load.Requests = views
			if _, err := c.run(load); err != nil { // as they are read for the first time
				b.Fatal(err)
			}
			load.Requests = max(b.N, 16)
			before := c.usage()
			b.ResetTimer()
			r, err := c.run(load)
			b.StopTimer()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(r.PerSecond(), "req/s")
			b.ReportMetric(float64(r.Quantile(.99).Microseconds()), "p99-µs")
			b.ReportMetric(float64((c.usage().cpu-before.cpu).Microseconds())/float64(load.Requests), "cpu-µs/op")
			b.ReportMetric(float64(residentSet(b, c.process.cmd.Process.Pid))/(1<<20), "RSS-MiB")
		})
	}
}

// BenchmarkPeople has 1,000 people signed in, 500 of whom look at 50 tickets that change, in streams. They load pages at
// 100 a second, for half a minute, whether or not the console keeps up. It tells the memory before and afterwards.
func BenchmarkPeople(b *testing.B) {
	const people, streams, tickets, rate, seconds = 1000, 500, 50, 100, 30
	for b.Loop() {
		c := newOperated(b, 0)
		c.cookies = nil
		c.signIn(people, func(i int) string { return fmt.Sprintf("person%d", i) })
		shown := c.newTickets(tickets)
		var looked []string
		for i := range streams {
			looked = append(looked, shown[i%tickets])
		}
		c.stream(looked)
		memory := func() float64 { return float64(residentSet(b, c.process.cmd.Process.Pid)) / (1 << 20) }
		before, request := memory(), c.page(shown)
		r, err := c.run(loadtest.Plan{Requests: rate * seconds, InFlight: 256, Rate: rate, Check: found,
			Request: func(ctx context.Context, i int) (*http.Request, error) {
				c.upstream.turn(shown[i%tickets])
				return request(ctx, i)
			}})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(before, "RSS-MiB-before")
		b.ReportMetric(memory(), "RSS-MiB")
		b.ReportMetric(float64(r.Quantile(.99).Microseconds()), "p99-µs")
		c.process.stop()
	}
}

// BenchmarkPolicies reads a ticket's page where there are 1,000 policies, and where there are none but the defaults: the
// first page of each of some tickets, of which all has to be decided, and then the same again.
func BenchmarkPolicies(b *testing.B) {
	const tickets = 50
	for _, policies := range []int{0, 1000} {
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			text := strings.Builder{}
			text.WriteString(`@id("all") permit (principal, action, resource);`)
			for i := range policies / 2 {
				fmt.Fprintf(&text, `
					@id("team-%d") permit (principal in Team::"team-%[1]d", action, resource);
					@id("script-%[1]d") forbid (principal, action in Action::"operate", resource) when { resource.name == "script-%[1]d" };`, i)
			}
			file := filepath.Join(b.TempDir(), "policies.cedar")
			if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
				b.Fatal(err)
			}
			c := newOperated(b, 0, "--policy", file)
			load := loadtest.Plan{InFlight: 1, Requests: tickets, Request: c.page(c.newTickets(tickets)), Check: found}
			for _, unit := range []string{"first-p50-ms", "p50-ms"} {
				r, err := c.run(load)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(r.Quantile(.5).Microseconds())/1000, unit)
				load.Requests = max(b.N, tickets)
			}
		})
	}
}

// BenchmarkIdle tells the memory of a console that has nothing to do, and the size of its program as releases have it.
func BenchmarkIdle(b *testing.B) {
	program := released(b)
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	u := newUpstream(b, 0)
	for b.Loop() {
		for unit, args := range map[string][]string{"RSS-MiB": {"--coc-endpoint", u.url, "--iam-endpoint", u.url, "--accounts", "bench"}, "RSS-MiB-simulator": nil} {
			address := freeAddress(b)
			cmd := exec.CommandContext(b.Context(), program, append([]string{"serve", "--listen", address, "--data", b.TempDir()}, args...)...)
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			eventually(b, "the start is done", func() bool {
				var text string
				r, err := loadtest.Run(b.Context(), loadtest.Plan{Requests: 1, Time: time.Minute, InFlight: 1, Request: (&peer{b, "http://" + address}).get("/readyz"),
					Check: func(_ int, _ *http.Response, body []byte) error { text = string(body); return nil }})
				return err == nil && r.Err == nil && strings.HasPrefix(text, "ready")
			})
			<-time.After(5 * time.Second)
			b.ReportMetric(float64(residentSet(b, cmd.Process.Pid))/(1<<20), unit)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}
