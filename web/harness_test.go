package web_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/audit/verify"
	"coc-console/handlers"
	"coc-console/internal/approval"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/company"
	"coc-console/internal/database"
	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/outside"
	"coc-console/internal/policy"
	"coc-console/internal/presence"
	"coc-console/internal/ratelimit"
	"coc-console/internal/simulator"
	"coc-console/internal/store"
	"coc-console/internal/watch"
	"coc-console/web"
)

// emptyData is a folder with databases that are up to date and empty: to make them takes longer than most tests.
var emptyData string

func TestMain(m *testing.M) {
	var err error
	if emptyData, err = makeEmptyData(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(emptyData)
		os.Exit(status)
	}))
}

func makeEmptyData() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "coc-console-empty-"); err != nil {
		return "", err
	}
	for _, store := range []database.Store{database.Audit, database.Search, database.Console} {
		db, err := database.Open(context.Background(), folder, store)
		if err != nil {
			return "", err
		}
		if err := db.Close(); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// clock is the real time, set forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// output is what the console logs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// settings are what a test changes about its console.
type settings struct {
	poll                     time.Duration // between looks for the effect of an operation; 0 = 10 ms
	service, servicePassword string        // account/user of the service identity; empty: none

	dsn          string // empty = a new folder
	key          []byte
	idle         time.Duration
	trusted      []netip.Prefix
	accounts     []simulator.Account
	tickets      []simulator.TicketSpec
	callLimit    time.Duration
	writeLimit   time.Duration // the HTTP server's WriteTimeout
	sendBuffer   int           // bytes that the system keeps of what a client does not take; 0 = as it likes
	log          func(*audit.Config)
	verifyEvery  time.Duration // 0: never
	deadline     time.Duration // for the effect of an operation; 0 = 2 s
	rules        func(*simulator.Rules)
	upstream     func(http.Handler) http.Handler // stands before the simulator; nil: nothing
	passcodeByID bool                            // IAM wants the user id beside a passcode
	slowEffects  bool                            // operations take effect only after an hour of the simulator
	elsewhere    bool                            // metrics have another address
	policies     string                          // "" allows everybody to operate, and managers to review
	policyReview bool                            // changed files wait until a manager takes them up
	policyFile   string                          // where the policies are written; "" = somewhere
	subdomains   bool                            // HSTS covers them
	directory    string
	calendar     string                // "": without windows
	admitted     []string              // accounts that may sign in; none = all
	limits       *ratelimit.Limits     // of one person; nil = more than tests use
	perPerson    int                   // sessions of one person; 0 = the default
	company      func(*company.Config) // the company's provider is a way in; nil: it is not
	outside      outside.Address
	second       func(*company.Config) // a provider besides it
	byKeys       bool                  // and leads to temporary keys
	people       []simulator.Person    // of the company; none: the demo's
	watch        watch.Limits
	streams      live.Limits
}

// console is a whole console over HTTP, on a simulator over HTTP.
type console struct {
	t         testing.TB
	url       string
	handler   http.Handler
	dsn       string
	sim       *simulator.Simulator
	providers company.Providers
	log       *audit.Log
	index     *search.Index
	logDB     *database.DB
	searchDB  *database.DB
	db        *database.DB // sessions and one-time keys
	sessions  *web.Sessions
	people    *ratelimit.People
	rules     *policy.Store
	handlers  *handlers.Handlers
	watcher   *watch.Watcher
	clock     *clock

	operations *operate.Service
	compose    func(*web.Metrics) http.Handler // what stands on the databases
	serving    atomic.Pointer[http.Handler]    // what answers at the url
	output     *output
	upstream   *recorder
}

// recorder remembers the headers of the last call to COC.
type recorder struct {
	next http.Handler
	mu   sync.Mutex
	last http.Header
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if strings.HasPrefix(req.URL.Path, "/v1/") {
		r.mu.Lock()
		r.last = req.Header.Clone()
		r.mu.Unlock()
	}
	r.next.ServeHTTP(w, req)
}

func (r *recorder) header(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last.Get(name)
}

// start starts a console; change adjusts it.
func start(t testing.TB, change ...func(*settings)) *console {
	t.Helper()
	s := settings{key: bytes.Repeat([]byte{7}, web.KeySize), idle: 30 * time.Minute, accounts: simulator.DemoAccounts(),
		tickets: tickets(), callLimit: 3 * time.Minute} // more than `until` has
	for _, f := range change {
		f(&s)
	}
	if s.dsn == "" {
		s.dsn = filepath.Join(t.TempDir(), "data")
		must(t, os.CopyFS(s.dsn, os.DirFS(emptyData)))
	}
	c := &console{t: t, dsn: s.dsn, clock: &clock{}, output: &output{}}
	rules := simulator.Rules{EffectDelay: -1, ScheduleDelay: -1}
	rules.PasscodeByID = s.passcodeByID
	if s.slowEffects {
		rules.EffectDelay = time.Hour
	}
	if s.rules != nil {
		s.rules(&rules)
	}
	c.sim = simulator.New(simulator.Config{Now: c.clock.now, Accounts: s.accounts, Tickets: s.tickets,
		Rules: rules, People: s.people})
	c.upstream = &recorder{next: c.sim.Handler()}
	if s.upstream != nil {
		c.upstream.next = s.upstream(c.upstream.next)
	}
	upstream := httptest.NewServer(c.upstream)
	t.Cleanup(upstream.Close)
	c.handler = c.assemble(s, upstream.URL)
	c.serving.Store(&c.handler)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*c.serving.Load()).ServeHTTP(w, r) }))
	server.Config.WriteTimeout = s.writeLimit
	if s.sendBuffer > 0 {
		server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
			must(t, conn.(*net.TCPConn).SetWriteBuffer(s.sendBuffer))
			return ctx
		}
	}
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(c.output, nil), slog.LevelWarn)
	server.Start()
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// leaves tells when the console has noticed that whoever calls that path from now on is gone.
func (c *console) leaves(path string) <-chan struct{} {
	gone := make(chan struct{})
	var once sync.Once
	inner := *c.serving.Load()
	var watched http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			context.AfterFunc(r.Context(), func() { once.Do(func() { close(gone) }) })
		}
		inner.ServeHTTP(w, r)
	})
	c.serving.Store(&watched)
	return gone
}

func (c *console) open(store database.Store) *database.DB {
	db, err := database.Open(c.t.Context(), c.dsn, store)
	must(c.t, err)
	c.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (c *console) assemble(s settings, upstream string) http.Handler {
	t, logger := c.t, slog.New(slog.NewJSONHandler(c.output, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	c.logDB, c.searchDB, c.db = c.open(database.Audit), c.open(database.Search), c.open(database.Console)
	config := audit.Config{Dialect: string(c.logDB.Engine), Log: c.logDB.Write, LogRead: c.logDB.Read, Database: audittest.Unwatched(c.logDB),
		RepeatSpan: -1, Logger: logger, Now: c.clock.now, OwnClock: true,
		Key: audit.NewKey(), Origin: "console.example/audit"}
	if s.log != nil {
		s.log(&config)
	}
	c.log, err = audit.Open(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { _ = c.log.Close() })
	c.index, err = search.Open(t.Context(), c.log, search.Config{Write: c.searchDB.Write, Read: c.searchDB.Read, Logger: logger})
	must(t, err)
	t.Cleanup(func() { _ = c.index.Close() })
	verifier := verify.Start(t.Context(), c.index, verify.Schedule{Every: s.verifyEvery, Logger: logger, Now: c.clock.now})
	t.Cleanup(func() { _ = verifier.Close() })
	c.rules = c.openRules(s, logger)
	metrics := web.NewMetrics()
	client, err := coc.New(coc.Config{Endpoint: upstream, CallTimeout: s.callLimit, HeaderTimeout: s.callLimit,
		Logger: logger, Now: c.clock.now, Observe: metrics.Upstream("coc")})
	must(t, err)
	t.Cleanup(client.Close)
	signIn, err := iam.New(iam.Config{Endpoint: upstream, CallTimeout: s.callLimit, Observe: metrics.Upstream("iam"), Logger: logger, Now: c.clock.now})
	must(t, err)
	t.Cleanup(signIn.Close)
	c.providers = c.openCompany(s, upstream, signIn)
	c.sessions, err = web.NewSessions(web.SessionConfig{Write: c.db.Write, Read: c.db.Read, OnSQLite: c.db.Engine == database.SQLite, Key: s.key, Idle: s.idle,
		Manager: c.reviews, Logger: logger, Now: c.clock.now, Introspect: signIn.Check, Renew: c.providers.Renew, Revoke: c.providers.Revoke, PerPerson: s.perPerson, Outside: s.outside, Limited: metrics.Limited,
		Admits: func(a audit.Actor) bool {
			d, _ := policy.Admission{Accounts: s.admitted, Rules: c.rules}.Decide(a.AccountID, operate.PersonOf(a), c.clock.now())
			return d.Allowed
		},
		Record: func(ctx context.Context, r audit.Record) error { _, err := c.log.Append(ctx, r); return err }})
	must(t, err)
	t.Cleanup(func() { _ = c.sessions.Close() })
	c.watcher = watch.New(watch.Config{Client: client, Logger: logger, Now: c.clock.now, Limits: s.watch})
	t.Cleanup(c.watcher.Close)
	observers := web.Observers{Sessions: c.sessions, Watcher: c.watcher}
	if s.service != "" {
		account, user, _ := strings.Cut(s.service, "/")
		observers.Service = iam.NewService(signIn, account, user, func() (string, error) { return s.servicePassword, nil }, c.clock.now)
	}
	limits := ratelimit.Default(1000)
	if s.limits != nil {
		limits = *s.limits
	}
	c.people = ratelimit.New(limits, c.clock.now, func(k ratelimit.Kind) { metrics.Limited(string(k)) })
	c.compose = func(metrics *web.Metrics) http.Handler {
		db := store.DB{Write: c.db.Write, Read: c.db.Read}
		keys, leases, seal := store.NewKeys(db), store.NewLeases(db, false), store.NewSealer(s.key)
		operations := operate.New(operate.Config{Log: c.log, Index: c.index, Client: client, Keys: keys, Leases: leases,
			Callers: observers, Views: observers, Rules: c.rules, Logger: logger, Now: c.clock.now, Poll: cmp.Or(s.poll, 10*time.Millisecond), Deadline: cmp.Or(s.deadline, 2*time.Second),
			Observe: metrics.Operation})
		t.Cleanup(func() { _ = operations.Close() })
		c.operations = operations
		approvals := approval.New(approval.Config{Operations: operations, Log: c.log, Index: c.index, Rows: store.NewApprovals(db, seal), Leases: leases,
			Rules: c.rules, Logger: logger, Now: c.clock.now})
		bulks := bulk.New(bulk.Config{Operations: operations, Log: c.log, Index: c.index, Rows: store.NewBulk(db, seal), Keys: keys, Leases: leases,
			Logger: logger, Now: c.clock.now, Rate: 1000})
		here := presence.New(presence.Config{Now: c.clock.now})
		t.Cleanup(func() { _ = here.Close() })
		pages := handlers.Config{Presence: here, People: c.people, Watch: c.watcher, Limits: s.streams, Store: db, Log: c.log, Index: c.index, Verifier: verifier, COC: client, IAM: signIn, Operations: operations, Approvals: approvals, Bulk: bulks, Sessions: c.sessions, Rules: c.rules,
			Logger: logger, Now: c.clock.now, DefaultProject: "cn-north-4", Accounts: s.admitted,
			Databases: map[string]func(context.Context) (int64, error){"audit": c.logDB.Size}, Data: "./coc-console-data"}
		pages.Company = c.providers
		pages.Elevations = openElevations(t, pages)
		c.handlers = handlers.New(pages)
		return web.New(web.Config{People: c.people, Handlers: c.handlers, Observed: pages, Sessions: c.sessions, Outside: s.outside, TrustedProxies: s.trusted, Logger: logger, Metrics: metrics,
			MetricsElsewhere: s.elsewhere, HSTSSubdomains: s.subdomains})
	}
	return c.compose(metrics)
}

// openCompany is the simulator's provider as the company's; none where the test has none.
func (c *console) openCompany(s settings, upstream string, client *iam.Client) company.Providers {
	if s.company == nil {
		return nil
	}
	cfg := company.Config{Issuer: upstream + simulator.ProviderPath, ClientID: simulator.ProviderClientID, Scopes: []string{"groups"}, Key: s.key, Now: c.clock.now,
		Secret: func() (string, error) { return simulator.ProviderClientSecret, nil }, Count: func(all []string) string { return c.rules.Rules().GroupsThatCount(all) },
		Exchange: func(ctx context.Context, g company.Grant) (iam.Identity, huawei.Credential, error) {
			if s.byKeys {
				return client.KeysByIDToken(ctx, simulator.ProviderName, g.IDToken, g.Project, time.Hour)
			}
			return client.SignInByIDToken(ctx, simulator.ProviderName, g.IDToken, g.Project)
		}}
	s.company(&cfg)
	first, err := company.New(cfg)
	must(c.t, err)
	all := company.Providers{first}
	if s.second != nil {
		s.second(&cfg)
		another, err := company.New(cfg)
		must(c.t, err)
		all = append(all, another)
	}
	return all
}

// free lets everybody operate, so that tests of other things need not ask.
const free = `@id("all") permit (principal, action in [Action::"operate", Action::"view"], resource);
@id("managers") permit (principal in Role::"managers", action, resource);`

// builtIn makes a test's console decide by the built-in policies.
func builtIn(s *settings) { s.policies = policy.Default() }

func (c *console) openRules(s settings, logger *slog.Logger) *policy.Store {
	path := cmp.Or(s.policyFile, filepath.Join(c.t.TempDir(), "rules.cedar"))
	must(c.t, os.WriteFile(path, []byte(cmp.Or(s.policies, free)), 0o600))
	dates := ""
	if s.calendar != "" {
		dates = filepath.Join(c.t.TempDir(), "calendar.json")
		must(c.t, os.WriteFile(dates, []byte(s.calendar), 0o600))
	}
	rules, err := policy.Open(policy.Files{Policy: path, Calendar: dates, Review: s.policyReview, Managers: []string{"demo/manager"}, Default: cmp.Or(s.directory,
		`{"roles": {"on-call": ["demo/operator"]}, "teams": {"operations": ["demo/operator", "demo/manager"]}}`)}, logger)
	must(c.t, err)
	return rules
}

// reviews asks the rules who may read the whole log.
func (c *console) reviews(a audit.Actor) bool {
	return c.rules.Decide(policy.Request{Person: operate.PersonOf(a), Action: policy.Review}).Allowed
}

// tickets are one of each kind, with ids that tests can name.
func tickets() []simulator.TicketSpec {
	on := func(pause bool, list ...simulator.InstanceSpec) simulator.BatchSpec {
		return simulator.BatchSpec{Pause: pause, Instances: list}
	}
	row := func(id int64, run time.Duration) simulator.InstanceSpec {
		return simulator.InstanceSpec{ID: id, Host: "web-" + time.Duration(id).String(), IP: "10.0.0.7", Region: "cn-north-4", Zone: []string{"cn-north-4a", "cn-north-4b"}[id%2],
			Run: run, Log: "first line\n<script>alert(1)</script>\nlast line"}
	}
	failing := row(201, time.Second)
	failing.ExitCode = 1
	base := simulator.TicketSpec{Creator: "operator", Timeout: 1700 * time.Second, SuccessRate: 100, Age: 10 * time.Minute}
	spec := func(scenario string, batches ...simulator.BatchSpec) simulator.TicketSpec {
		s := base
		s.Scenario, s.Name, s.Batches = scenario, scenario+"_check", batches
		return s
	}
	const short, long = time.Second, 1600 * time.Second
	return []simulator.TicketSpec{
		spec("abnormal", on(false, row(101, short)), on(false, failing, row(202, short)), on(false, row(301, long), row(302, long)), on(false, row(401, long))),
		spec("running", on(false, row(1001, long), row(1002, long)), on(false, row(1003, long))),
		spec("paused", on(true, row(2001, short)), on(true, row(1<<53+1, long)), on(false, row(2003, long))),
		spec("finished", on(false, row(3001, short))),
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// page is one answer.
type page struct {
	*http.Response
	body string
}

// stops is the number that the page wants typed; empty where it wants none.
func (p page) stops() string {
	_, rest, _ := strings.Cut(p.body, `data-stops="`)
	n, _, _ := strings.Cut(rest, `"`)
	return n
}

func (p page) location() string { return p.Header.Get("Location") }

// browser is a reader with cookies. It follows no redirects by itself.
type browser struct {
	*console
	t      testing.TB
	client *http.Client
	header http.Header
}

func (c *console) browser(t testing.TB, language i18n.Language) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	b := &browser{console: c, t: t, header: http.Header{"Accept-Language": {string(language)}, "User-Agent": {"test-browser/1"}},
		client: &http.Client{Jar: jar, Transport: &http.Transport{},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// signedIn is a browser in which the user has signed in.
func (c *console) signedIn(t testing.TB, user string, language i18n.Language) *browser {
	t.Helper()
	b := c.browser(t, language)
	b.signIn(user)
	return b
}

// in is the same browser, for a part of the test.
func (b *browser) in(t testing.TB) *browser {
	part := *b
	part.t = t
	return &part
}

func (b *browser) signIn(user string) page {
	b.t.Helper()
	p := b.post("/sign-in", credentials(user))
	b.want(p, http.StatusSeeOther)
	return p
}

func credentials(user string) url.Values {
	return url.Values{"account": {"demo"}, "user": {user}, "password": {user}, "project": {"cn-north-4"}}
}

func (b *browser) do(method, path string, body io.Reader, change ...func(*http.Request)) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, body)
	must(b.t, err)
	maps.Copy(r.Header, b.header)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, f := range change {
		f(r)
	}
	res, err := b.client.Do(r)
	must(b.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	return page{res, string(text)}
}

func (b *browser) get(path string, change ...func(*http.Request)) page {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil, change...)
}

// post sends a form as the page has it that was rendered for whoever is signed in:
// forms that act have the field of their person.
func (b *browser) post(path string, form url.Values, change ...func(*http.Request)) page {
	b.t.Helper()
	if acts.MatchString(path) && !form.Has("person") && b.cookie() != "" {
		own := url.Values{"person": {b.person()}}
		maps.Copy(own, form)
		form = own
	}
	return b.send(path, form, change...)
}

// acts are the addresses of forms that need the field.
var acts = regexp.MustCompile(`^/(elevations|tickets/[^/]+/(operations|instances/[0-9]+/mark(\?.*)?)|approvals/.*|audit/review|audit/integrity|handover(/note)?|sessions|bulk.*)$`)

// send posts a form as it is.
func (b *browser) send(path string, form url.Values, change ...func(*http.Request)) page {
	b.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()), change...)
}

var personInput = regexp.MustCompile(`<input type="hidden" name="person" value="([^"]+)"`)

// key is a one-time key for a form of whoever is signed in.
func (b *browser) key() string {
	b.t.Helper()
	text, _, _ := strings.Cut(b.person(), ".")
	plain, err := base64.RawURLEncoding.DecodeString(text)
	must(b.t, err)
	var who struct{ U, A string }
	must(b.t, json.Unmarshal(plain, &who))
	return b.sessions.NewKey(audit.Actor{UserID: who.U, AccountID: who.A})
}

// person is the field's value in forms of whoever is signed in; "" when nobody is.
func (b *browser) person() string {
	b.t.Helper()
	m := personInput.FindStringSubmatch(b.get("/shortcuts", with("Coc-Console-Refresh", "1")).body)
	if m == nil {
		return ""
	}
	return m[1]
}

// follow gets the page that an answer leads to.
func (b *browser) follow(p page) page {
	b.t.Helper()
	b.want(p, http.StatusSeeOther)
	return b.get(p.location())
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// want checks the status and that the page holds the texts, escaped as pages
// hold them.
func (b *browser) want(p page, status int, texts ...string) {
	b.t.Helper()
	if p.StatusCode != status {
		b.t.Fatalf("%s %s: status %d, want %d\n%s", p.Request.Method, p.Request.URL, p.StatusCode, status, shortened(p.body))
	}
	for _, text := range texts {
		if !strings.Contains(p.body, html.EscapeString(text)) {
			b.t.Errorf("%s %s: the page does not say %q\n%s", p.Request.Method, p.Request.URL, text, shortened(p.body))
		}
	}
}

func shortened(body string) string {
	if at := strings.Index(body, "<main"); at >= 0 {
		body = body[at:]
	}
	return body[:min(len(body), 2500)]
}

var (
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`)
	reasonText  = regexp.MustCompile(`(?s)<textarea[^>]* name="reason"[^>]*>\n?(.*?)</textarea>`)
	reasonLine  = regexp.MustCompile(`<input[^>]* name="reason" type="text" value="([^"]*)"`)
)

// form reads the operation's form from its page.
func (b *browser) form(p page) url.Values {
	b.t.Helper()
	at := strings.Index(p.body, `id="operation"`)
	if at < 0 {
		at = strings.Index(p.body, `id="job"`)
	}
	if at < 0 {
		b.t.Fatalf("%s: no form\n%s", p.Request.URL, shortened(p.body))
	}
	form := url.Values{}
	for _, m := range hiddenInput.FindAllStringSubmatch(p.body[at:], -1) {
		form.Add(m[1], html.UnescapeString(m[2]))
	}
	if m := reasonText.FindStringSubmatch(p.body[at:]); m != nil {
		form.Set("reason", html.UnescapeString(m[1]))
	} else if m := reasonLine.FindStringSubmatch(p.body[at:]); m != nil {
		form.Set("reason", html.UnescapeString(m[1]))
	}
	return form
}

func (c *console) ticket(scenario string) string { return "/tickets/" + c.sim.UUID(scenario) }

func (c *console) newOperation(scenario, query string) string {
	return c.ticket(scenario) + "/operations/new?" + query
}

// records returns all records of the log with these actions, oldest first.
func (c *console) records(actions ...audit.Action) []audit.Record {
	c.t.Helper()
	var all []audit.Record
	must(c.t, c.log.AwaitNotes(context.Background()))
	must(c.t, export.Records(context.Background(), c.index, search.Query{Visible: search.Visibility{All: true}}, func(r audit.Record) error {
		for _, a := range actions {
			if r.Action == a {
				all = append(all, r)
			}
		}
		if len(actions) == 0 {
			all = append(all, r)
		}
		return nil
	}))
	return all
}

// only returns the one record of an action.
func (c *console) only(action audit.Action) audit.Record {
	c.t.Helper()
	found := c.records(action)
	if len(found) != 1 {
		c.t.Fatalf("%d records of %s, want 1", len(found), action)
	}
	return found[0]
}

// sentNothing checks that no operation reached COC or the log.
func (c *console) sentNothing(t testing.TB) {
	t.Helper()
	if n := c.sim.Calls(simulator.CallOperate); n != 0 {
		t.Errorf("%d operations were sent", n)
	}
	if r := c.records(audit.ActionOperationRequested); len(r) != 0 {
		t.Errorf("%d operations are in the log", len(r))
	}
}

func escaped(text string) string { return html.EscapeString(text) }

func unescaped(text string) string { return html.UnescapeString(text) }

// rows counts the rows of a table of the console's own database.
func rows(t testing.TB, c *console, table string) (n int) {
	t.Helper()
	must(t, c.db.Write.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
