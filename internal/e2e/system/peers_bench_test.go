package system

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/internal/loadtest"
)

// caddyVariable names the program that operations are compared with; `make bench-peers` builds it.
const caddyVariable = "COC_CONSOLE_BENCH_CADDY"

// BenchmarkPeers compares operations with a proxy in front of the same upstream, and the list with a server of the same
// bytes: in rounds, in each of which everybody takes a turn, in an order of chance. A ratio is the median of the
// rounds' ratios: console / peer, in requests a second.
func BenchmarkPeers(b *testing.B) {
	caddy := os.Getenv(caddyVariable)
	if caddy == "" {
		b.Skip(caddyVariable + " names no program: see make bench-peers")
	}
	for _, watched := range []bool{false, true} {
		b.Run(fmt.Sprintf("operation/watched=%v", watched), func(b *testing.B) {
			c := newOperated(b, 0)
			p := startPeer(b, caddy, c.upstream.url, nil)
			if watched {
				c.watch()
			}
			for _, inFlight := range []int{1, 16, 64} {
				b.Run(fmt.Sprintf("c=%d", inFlight), func(b *testing.B) { c.besideProxy(b, p, inFlight) })
			}
		})
	}
	for _, inFlight := range []int{1, 16} {
		b.Run(fmt.Sprintf("list/c=%d", inFlight), func(b *testing.B) { newOperated(b, 0).listBeside(b, caddy, inFlight) })
	}
}

// turn is what one of those that are compared did in a round.
type turn struct {
	perSecond float64
	p99       time.Duration
}

func turnOf(r loadtest.Result) turn { return turn{r.PerSecond(), r.Quantile(.99)} }

// shuffled lets each take its turn, in an order of chance, and returns what they did.
func shuffled(turns map[string]func() turn) map[string]turn {
	var names []string
	for name := range turns {
		names = append(names, name)
	}
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	did := map[string]turn{}
	for _, name := range names {
		did[name] = turns[name]()
	}
	return did
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// peer is Caddy.
type peer struct {
	b   testing.TB
	url string
}

// startPeer starts Caddy as a proxy in front of an address, which serves a file at /file, too.
func startPeer(b testing.TB, program, upstream string, file []byte) *peer {
	folder, address := b.TempDir(), freeAddress(b)
	config := fmt.Sprintf("{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}\nhttp://%s {\n\tbind 127.0.0.1\n\thandle /file {\n\t\troot * %s\n"+
		"\t\tfile_server\n\t}\n\thandle {\n\t\treverse_proxy %s\n\t}\n}\n", address, folder, upstream)
	for name, text := range map[string][]byte{"Caddyfile": []byte(config), "file": file} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.CommandContext(b.Context(), program, "run", "--config", filepath.Join(folder, "Caddyfile"))
	cmd.Env = []string{"HOME=" + folder, "XDG_CONFIG_HOME=" + folder, "XDG_DATA_HOME=" + folder}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p := &peer{b, "http://" + address}
	eventually(b, "caddy answers", func() bool {
		r, err := loadtest.Run(b.Context(), loadtest.Plan{Requests: 1, Time: time.Second, InFlight: 1, Request: p.get("/file")})
		return err == nil && r.Err == nil
	})
	return p
}

func (p *peer) get(path string) func(context.Context, int) (*http.Request, error) {
	return func(ctx context.Context, _ int) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, http.NoBody)
	}
}

// load sends requests to the peer, all of which must succeed.
func (p *peer) load(n, inFlight int, request func(ctx context.Context, i int) (*http.Request, error)) turn {
	r, err := loadtest.Run(p.b.Context(), loadtest.Plan{Requests: n, Time: time.Minute, InFlight: inFlight, Request: request,
		Check: func(_ int, res *http.Response, _ []byte) error {
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answers %s", res.Request.URL, res.Status)
			}
			return nil
		}})
	if err != nil || r.Err != nil {
		p.b.Fatal(err, r.Err)
	}
	return turnOf(r)
}

// operation is the one call that an operation needs; every one of several is a reading but for the last.
func (p *peer) operation(calls int) func(context.Context, int) (*http.Request, error) {
	return func(ctx context.Context, i int) (*http.Request, error) {
		path := fmt.Sprintf("/v1/job/script/orders/SCT20260101000001%09x", i/calls)
		if i%calls != calls-1 {
			return p.get(path)(ctx, i)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, p.url+path+"/operation", strings.NewReader(`{"operation_type":"PAUSE_ORDER"}`))
		if err == nil {
			r.Header.Set("Content-Type", "application/json")
		}
		return r, err
	}
}

// turnSize is how many operations a turn has.
func turnSize(inFlight int) int { return min(192, 48*inFlight) }

// besideProxy compares operations with PUTs through the proxy, and with as many calls through it as an operation makes.
func (c *operated) besideProxy(b *testing.B, p *peer, inFlight int) {
	defer func(console, peer testing.TB) { c.b, p.b = console, peer }(c.b, p.b)
	c.b, p.b = b, b
	var ratios, sameCalls, tails, rates, proxied []float64
	calls := 8
	for b.Loop() {
		n := turnSize(inFlight)
		forms := c.forms(n, "PAUSE_ORDER")
		before := c.upstream.calls.Load()
		did := shuffled(map[string]func() turn{
			"console": func() turn {
				before = c.upstream.calls.Load()
				t := turnOf(c.post(forms, inFlight))
				c.settle()
				calls = int(c.upstream.calls.Load()-before+int64(n)/2) / n
				return t
			},
			"proxy": func() turn { return p.load(5*n, inFlight, p.operation(1)) },
			"calls": func() turn { return p.load(calls*n, inFlight, p.operation(calls)) },
		})
		rates, proxied = append(rates, did["console"].perSecond), append(proxied, did["proxy"].perSecond)
		ratios = append(ratios, did["console"].perSecond/did["proxy"].perSecond)
		sameCalls = append(sameCalls, did["console"].perSecond*float64(calls)/did["calls"].perSecond)
		tails = append(tails, did["console"].p99.Seconds()/did["proxy"].p99.Seconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(rates), "req/s")
	b.ReportMetric(median(proxied), "proxy-req/s")
	b.ReportMetric(median(ratios), "of-proxy")
	b.ReportMetric(median(sameCalls), "of-proxy-with-calls")
	b.ReportMetric(median(tails), "p99-of-proxy")
	b.ReportMetric(float64(calls), "calls/op")
}

// listBeside compares the list of tickets with the same bytes from the peer's disk.
func (c *operated) listBeside(b *testing.B, program string, inFlight int) {
	c.b = b
	load := func(ctx context.Context, i int) (*http.Request, error) {
		r, err := c.request(ctx, http.MethodGet, "/tickets", c.cookie(i), nil)
		if err == nil {
			r.Header.Set("Accept-Encoding", "gzip")
		}
		return r, err
	}
	var page []byte
	if _, err := c.run(loadtest.Plan{Requests: 1, InFlight: 1, Request: load, Check: func(_ int, res *http.Response, body []byte) error {
		page = body
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("the list: %s", res.Status)
		}
		return nil
	}}); err != nil {
		b.Fatal(err)
	}
	p := startPeer(b, program, c.upstream.url, page)
	var ratios, rates []float64
	for b.Loop() {
		did := shuffled(map[string]func() turn{
			"console": func() turn {
				r, err := c.run(loadtest.Plan{Requests: 100 * inFlight, InFlight: inFlight, Request: load})
				if err != nil {
					b.Fatal(err)
				}
				return turnOf(r)
			},
			"peer": func() turn { return p.load(100*inFlight, inFlight, p.get("/file")) },
		})
		rates, ratios = append(rates, did["console"].perSecond), append(ratios, did["console"].perSecond/did["peer"].perSecond)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(page)), "B/page")
	b.ReportMetric(median(rates), "req/s")
	b.ReportMetric(median(ratios), "of-peer")
}
