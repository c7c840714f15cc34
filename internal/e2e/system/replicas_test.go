package system

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/simulator"
)

// replicas are consoles that share a PostgreSQL database and their keys, as
// processes of their own, behind a proxy.
type replicas struct {
	*site
	database, keys, anchor string
	proxy                  *httptest.Server
	behind                 atomic.Pointer[url.URL] // the console that gets the next request
}

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	r := &replicas{site: newSite(t), database: audittest.Postgres(t), keys: t.TempDir()}
	r.anchor = filepath.Join(r.keys, "anchor")
	r.proxy = newProxy(t, r.behind.Load)
	return r
}

// newProxy is a proxy with TLS, as one in front of consoles.
func newProxy(t *testing.T, to func() *url.URL) *httptest.Server {
	t.Helper()
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), // a console is killed behind it
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to())
			p.SetXForwarded()
		}})
	t.Cleanup(proxy.Close)
	return proxy
}

// browser is a reader who knows the proxy alone.
func (r *replicas) browser() *browser {
	r.t.Helper()
	b := newBrowser(r.t, r.proxy.URL)
	roots := x509.NewCertPool()
	roots.AddCert(r.proxy.Certificate())
	b.client.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}
	return b
}

// spawn starts one more. Nothing but the database and the keys is shared.
func (r *replicas) spawn() *process {
	r.t.Helper()
	return spawn(r.t, "--database", r.database, "--session-key-file", filepath.Join(r.keys, "session.key"),
		"--audit-key-file", filepath.Join(r.keys, "audit.key"), "--anchor-file", r.anchor, "--trusted-proxies", "127.0.0.1",
		"--coc-endpoint", r.url, "--iam-endpoint", r.url, "--accounts", "demo", "--managers", "demo/manager", "--ticket-poll-interval", "20ms", "--effect-timeout", "2s")
}

// start starts so many at once.
func (r *replicas) start(n int) []*process {
	r.t.Helper()
	all := make([]*process, n)
	for i := range all {
		all[i] = r.spawn()
	}
	for _, p := range all {
		p.ready()
	}
	return all
}

// use makes the proxy hand the next requests to one of them.
func (r *replicas) use(p *process) {
	r.t.Helper()
	r.behind.Store(r.address(p))
}

func (r *replicas) address(p *process) *url.URL {
	r.t.Helper()
	target, err := url.Parse(p.url)
	if err != nil {
		r.t.Fatal(err)
	}
	return target
}

// log opens the shared log past the consoles.
func (r *replicas) log() *sql.DB {
	r.t.Helper()
	db, err := database.Inspect(r.t.Context(), r.database, database.Audit)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = db.Close() })
	return db.Read
}

var loggedKey = regexp.MustCompile(`"?public key"?=(\S+)`)

// verify checks the log from outside, with the key that a console has logged.
func (r *replicas) verify(p *process) {
	r.t.Helper()
	key := loggedKey.FindStringSubmatch(p.stderr.String())
	if key == nil {
		r.t.Fatalf("it does not log its public key:\n%s", p.stderr)
	}
	runs(r.t, "audit", "verify", "--database", r.database, "--public-key", strings.Trim(key[1], `"`), "--anchor", r.anchor)
}

// TestEightConsolesStartTogether on an empty database, and make their keys
// there and then.
func TestEightConsolesStartTogether(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	all := r.start(8)
	b := r.browser()
	for i, p := range all {
		r.use(p)
		if i == 0 {
			b.signIn("operator")
		}
		for _, path := range []string{"/readyz", "/tickets"} {
			if got := b.get(path); got.status != http.StatusOK {
				t.Errorf("console %d answers %s with %d: %s", i, path, got.status, got.body)
			}
		}
	}
	for _, p := range all {
		p.stop()
	}
	r.verify(all[0])
}

// TestTwoConsoles behind a proxy are one console: any request may go to either.
func TestTwoConsoles(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	both := r.start(2)
	one, other := both[0], both[1]
	db, b := r.log(), r.browser()

	r.use(one)
	b.signIn("operator")
	b.post("/language", url.Values{"language": {"zh-cn"}, "return": {"/tickets"}})
	b.post("/theme", url.Values{"theme": {"dark"}, "return": {"/tickets"}})
	r.use(other)
	if p := b.get("/tickets"); p.status != http.StatusOK || !strings.Contains(p.body, `lang="zh-Hans-CN"`) || !strings.Contains(p.body, `data-theme="dark"`) {
		t.Errorf("the other console answers %d, to %q, in another language or theme", p.status, p.location)
	}

	ticket := r.sim.UUID("running")
	action, fields := b.form(ticket, "PAUSE_ORDER")
	key := fields.Get("key")
	r.use(one)
	if p := b.post(action, fields); p.location != "/operations/"+key {
		t.Fatalf("the form of the other console answers %d, to %q", p.status, p.location)
	}
	r.use(other)
	eventually(t, "the operation has its end", func() bool { return len(r.operation(db, key)) == 3 })
	if p := b.get("/operations/" + key); p.status != http.StatusOK || !strings.Contains(p.body, "operation.observed") {
		t.Errorf("the receipt at the other console answers %d", p.status)
	}

	r.sameKeyAtBoth(b, both, ticket)
	r.killed(b, db, one, other, ticket)
	b.post("/sign-out", url.Values{})
	third := r.start(1)[0]
	r.use(third)
	if p := b.get("/tickets"); !strings.HasPrefix(p.location, "/sign-in") {
		t.Errorf("a session that was ended lives at another console: %d", p.status)
	}
	third.stop()
	one.stop()
	r.verify(one)
}

// sameKeyAtBoth sends one form to both consoles at the same time.
func (r *replicas) sameKeyAtBoth(b *browser, both []*process, ticket string) {
	t := r.t
	t.Helper()
	sent := r.sim.Calls(simulator.CallOperate)
	action, fields := b.form(ticket, "CONTINUE_ORDER")
	var group sync.WaitGroup
	for _, p := range slices.Concat(both, both) {
		address := r.address(p)
		direct := &browser{t: t, client: b.client, base: newProxy(t, func() *url.URL { return address }).URL} // cookies know no ports
		group.Go(func() {
			got, err := direct.try(t.Context(), http.MethodPost, action, fields)
			if err != nil || got.location != "/operations/"+fields.Get("key") {
				t.Errorf("one of the same forms answers %d, to %q (%v)", got.status, got.location, err)
			}
		})
	}
	group.Wait()
	if n := r.sim.Calls(simulator.CallOperate) - sent; n != 1 {
		t.Errorf("the same form was sent %d times", n)
	}
	db := r.log()
	eventually(t, "it has its end", func() bool { return len(r.operation(db, fields.Get("key"))) == 3 })
}

// killed kills a console that has sent an operation and has no answer yet; the
// other brings it to its end.
func (r *replicas) killed(b *browser, db *sql.DB, one, other *process, ticket string) {
	t := r.t
	t.Helper()
	r.use(other)
	sent := r.sim.Calls(simulator.CallOperate)
	action, fields := b.form(ticket, "PAUSE_ORDER")
	key := fields.Get("key")
	r.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Late: true, Hold: make(chan struct{}), Times: 1})
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		_, _ = b.try(context.WithoutCancel(t.Context()), http.MethodPost, action, fields) // breaks off when the console is killed
	}()
	eventually(t, "the operation is sent", func() bool { return r.sim.Calls(simulator.CallOperate) == sent+1 })
	other.kill()
	<-posted
	if got := actions(r.operation(db, key)); !slices.Equal(got, []string{"requested"}) {
		t.Errorf("after the kill the log says %v", got)
	}
	r.use(one)
	eventually(t, "the other console takes it up", func() bool { return len(r.operation(db, key)) == 3 })
	if got := actions(r.operation(db, key)); !slices.Equal(got, []string{"requested", "unknown", "observed"}) {
		t.Errorf("the log says %v", got)
	}
	if p := b.get("/operations/" + key); p.status != http.StatusOK || !strings.Contains(p.body, "operation.observed") {
		t.Errorf("its receipt answers %d", p.status)
	}
	if p := b.post(action, fields); p.location != "/operations/"+key {
		t.Errorf("the same form again answers %d, to %q", p.status, p.location)
	}
	if n := r.sim.Calls(simulator.CallOperate); n != sent+1 {
		t.Errorf("%d operations were sent", n-sent)
	}
}
