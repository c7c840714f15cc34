package system

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/internal/simulator"
)

// site is a simulator in this process that consoles in other processes use,
// with the data folder that they leave to each other.
type site struct {
	t    *testing.T
	sim  *simulator.Simulator
	url  string
	data string

	mu      sync.Mutex
	arrived map[string]int // operations, by what they act on
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOf(t, 2)
}

// newSiteOf is a site whose ticket has so many instances in its first batch.
func newSiteOf(t *testing.T, instances int) *site {
	t.Helper()
	row := func() simulator.InstanceSpec {
		return simulator.InstanceSpec{Host: "web-1", IP: "10.0.0.1", Region: "cn-north-4", Run: 20 * time.Minute}
	}
	s := &site{t: t, data: t.TempDir(), sim: simulator.New(simulator.Config{Rules: simulator.Rules{EffectDelay: -1, ScheduleDelay: -1},
		Tickets: []simulator.TicketSpec{{Scenario: "running", Name: "reload", Creator: "operator", Age: time.Minute,
			Timeout: 25 * time.Minute, SuccessRate: 100, Batches: []simulator.BatchSpec{
				{Instances: slices.Repeat([]simulator.InstanceSpec{row()}, instances)}, {Instances: []simulator.InstanceSpec{row()}}}}}})}
	s.arrived = map[string]int{}
	server := httptest.NewServer(s.counted(s.sim.Handler()))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// counted counts the operations that arrive.
func (s *site) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				s.t.Error(err)
			}
			s.mu.Lock()
			s.arrived[r.URL.Path+" "+string(body)]++
			s.mu.Unlock()
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

// sentOnce checks that so many different operations arrived, each once.
func (s *site) sentOnce(want int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, n := range s.arrived {
		if n != 1 {
			s.t.Errorf("%d times: %s", n, what)
		}
	}
	if len(s.arrived) != want {
		s.t.Errorf("%d different operations arrived, want %d", len(s.arrived), want)
	}
}

// start starts a console on the site's simulator and data.
func (s *site) start(more ...string) *process {
	s.t.Helper()
	return startProcess(s.t, append([]string{"--data", s.data, "--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--managers", "demo/manager",
		"--ticket-poll-interval", "20ms", "--effect-timeout", "2s"}, more...)...)
}

// browser is a reader with cookies, which follows no redirects.
type browser struct {
	t      *testing.T
	client *http.Client
	base   string
}

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, base: base, client: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	return b
}

// page is an answer.
type page struct {
	status         int
	location, body string
}

// try makes a request. The error is the connection's.
func (b *browser) try(ctx context.Context, method, path string, form url.Values) (page, error) {
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, b.base+path, body)
	if err != nil {
		return page{}, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return page{res.StatusCode, res.Header.Get("Location"), string(text)}, err
}

func (b *browser) get(path string) page {
	b.t.Helper()
	p, err := b.try(b.t.Context(), http.MethodGet, path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// post sends a form. Those that act name the person whom their page was rendered for.
func (b *browser) post(path string, form url.Values) page {
	b.t.Helper()
	if acts := strings.HasPrefix(path, "/bulk") || strings.HasPrefix(path, "/approvals/"); acts && !form.Has("person") {
		form = b.named(form)
	}
	p, err := b.try(b.t.Context(), http.MethodPost, path, form)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// named is a form with the field of whoever is signed in.
func (b *browser) named(form url.Values) url.Values {
	b.t.Helper()
	form = maps.Clone(form)
	if m := personInput.FindStringSubmatch(b.get("/shortcuts").body); m != nil {
		form.Set("person", m[1])
	}
	return form
}

func (b *browser) signIn(user string) {
	b.t.Helper()
	p := b.post("/sign-in", url.Values{"mode": {"password"}, "account": {"demo"}, "user": {user}, "password": {user}, "project": {"cn-north-4"}})
	if p.status != http.StatusSeeOther {
		b.t.Fatalf("the sign-in answers %d: %s", p.status, p.body)
	}
}

var (
	personInput = regexp.MustCompile(`name="person" value="([^"]*)"`)
	hiddenInput = regexp.MustCompile(`<input type="hidden"[^>]*>`)
	attribute   = regexp.MustCompile(`(name|value)="([^"]*)"`)
)

// form opens the confirmation page of an operation and returns where its form
// goes, and its hidden fields.
func (b *browser) form(ticket, operation string) (action string, fields url.Values) {
	b.t.Helper()
	p := b.get("/tickets/" + ticket + "/operations/new?operation_type=" + operation)
	action = "/tickets/" + ticket + "/operations"
	_, rest, found := strings.Cut(p.body, `action="`+action+`"`)
	if p.status != http.StatusOK || !found {
		b.t.Fatalf("the confirmation page answers %d without the form: %s", p.status, p.body)
	}
	rest, _, _ = strings.Cut(rest, "</form>")
	fields = url.Values{"reason": {"a test"}}
	for _, input := range hiddenInput.FindAllString(rest, -1) {
		var name, value string
		for _, m := range attribute.FindAllStringSubmatch(input, -1) {
			if m[1] == "name" {
				name = m[2]
			} else {
				value = html.UnescapeString(m[2])
			}
		}
		fields.Set(name, value)
	}
	if fields.Get("key") == "" || fields.Get("seen") == "" || fields.Get("operation_type") != operation {
		b.t.Fatalf("the form has the fields %v", fields)
	}
	return action, fields
}

// database opens the log past the console.
func (s *site) database() *sql.DB {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "audit.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// logged is what the log's entries say about one operation.
type logged struct {
	Action      string `json:"action"`
	OperationID string `json:"operation_id"`
	Detail      string `json:"detail"`
}

func (s *site) operation(db *sql.DB, key string) []logged {
	s.t.Helper()
	rows, err := db.QueryContext(s.t.Context(), `SELECT body FROM entry ORDER BY seq`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var found []logged
	for rows.Next() {
		var body []byte
		var entry logged
		if err := rows.Scan(&body); err != nil {
			s.t.Fatal(err)
		}
		if err := json.Unmarshal(body, &entry); err != nil {
			s.t.Fatal(err)
		}
		if entry.OperationID == key {
			found = append(found, entry)
		}
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return found
}

func actions(all []logged) []string {
	var names []string
	for _, l := range all {
		names = append(names, strings.TrimPrefix(l.Action, "operation."))
	}
	return names
}

// crash is one way for a console to end in the middle of an operation.
type crash struct {
	name     string
	fault    simulator.Fault
	between  func(s *site, hold chan struct{}, posted chan page) (release func()) // after the call has arrived, before the kill
	effect   bool
	lastNote string
}

// TestKilledDuringAnOperation kills the console between *requested* and COC's
// answer, and between the answer and its record. The log says so after the
// next start, and nothing is ever sent twice.
func TestKilledDuringAnOperation(t *testing.T) {
	t.Parallel()
	nothing := func(*site, chan struct{}, chan page) func() { return func() {} }
	for _, c := range []crash{
		{"before the answer, without effect", simulator.Fault{}, nothing, false, "deadline"},
		{"before the answer, with effect", simulator.Fault{Late: true}, nothing, true, ""},
		{"before the record of the answer", simulator.Fault{}, (*site).refuseTheAnswer, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.happen(newSite(t))
		})
	}
}

// refuseTheAnswer locks the log, lets COC answer, and waits until the console
// knows that it cannot write the answer down. It returns with the log locked.
func (s *site) refuseTheAnswer(hold chan struct{}, posted chan page) (release func()) {
	s.t.Helper()
	ctx := s.t.Context()
	conn, err := s.database().Conn(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		s.t.Fatal(err)
	}
	close(hold)
	p := <-posted // the answer came, the log's lock did not open in time
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/operations/") {
		s.t.Errorf("the form answers %d, to %q", p.status, p.location)
	}
	return func() {
		if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			s.t.Error(err)
		}
		if err := conn.Close(); err != nil {
			s.t.Error(err)
		}
	}
}

func (c crash) happen(s *site) {
	t := s.t
	first := s.start()
	b := newBrowser(t, first.url)
	b.signIn("operator")
	ticket := s.sim.UUID("running")
	action, fields := b.form(ticket, "PAUSE_ORDER")
	key := fields.Get("key")

	hold, posted := make(chan struct{}), make(chan page, 1)
	c.fault.Kind, c.fault.Effect, c.fault.Hold, c.fault.Times = simulator.CallOperate, simulator.Slow, hold, 1
	s.sim.Inject(c.fault)
	go func() {
		p, _ := b.try(context.WithoutCancel(t.Context()), http.MethodPost, action, fields) // breaks off when the console is killed
		posted <- p
	}()
	eventually(t, "the operation is sent", func() bool { return s.sim.Calls(simulator.CallOperate) == 1 })
	db := s.database()
	release := c.between(s, hold, posted)
	if got := actions(s.operation(db, key)); !slices.Equal(got, []string{"requested"}) {
		t.Errorf("before the kill the log says %v", got)
	}
	first.kill()
	release()

	second := s.start()
	b.base = second.url
	c.checkReceipt(s, b, db, key)
	again := b.post(action, fields)
	if again.status != http.StatusSeeOther || again.location != "/operations/"+key {
		t.Errorf("the same form again answers %d, to %q", again.status, again.location)
	}
	second.stop()
	third := s.start() // and nothing is taken up any more
	b.base = third.url
	if again := b.post(action, fields); again.location != "/operations/"+key {
		t.Errorf("the same form once more answers %d, to %q", again.status, again.location)
	}
	third.stop()
	if got := s.operation(db, key); len(got) != 3 {
		t.Errorf("in the end the log says %v", actions(got))
	}
	if n := s.sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
}

// checkReceipt waits for the end of the operation and checks what the log and
// the receipt's page say. The session outlived the crash.
func (c crash) checkReceipt(s *site, b *browser, db *sql.DB, key string) {
	t := s.t
	t.Helper()
	end := map[bool]string{true: "observed", false: "not_observed"}[c.effect]
	eventually(t, "the operation has an end", func() bool { return len(s.operation(db, key)) > 2 })
	got := s.operation(db, key)
	if !slices.Equal(actions(got), []string{"requested", "unknown", end}) {
		t.Fatalf("the log says %v, want requested, unknown, %s", actions(got), end)
	}
	if !strings.Contains(got[1].Detail, `"process_ended"`) || c.lastNote != "" && !strings.Contains(got[2].Detail, c.lastNote) {
		t.Errorf("the details are %s and %s", got[1].Detail, got[2].Detail)
	}
	p := b.get("/operations/" + key)
	if p.status != http.StatusOK {
		t.Errorf("the receipt answers %d, to %q", p.status, p.location)
	}
	for _, action := range actions(got) {
		if !strings.Contains(p.body, "operation."+action) {
			t.Errorf("the receipt does not show %s:\n%s", action, p.body)
		}
	}
}

// TestSessionsOutliveAKill, as long as the key is there.
func TestSessionsOutliveAKill(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.start()
	in, out := newBrowser(t, p.url), newBrowser(t, p.url)
	in.signIn("operator")
	out.signIn("manager")
	if got := out.post("/sign-out", url.Values{}); got.status != http.StatusSeeOther {
		t.Errorf("signing out answers %d", got.status)
	}
	p.kill()

	p = s.start()
	in.base, out.base = p.url, p.url
	if got := in.get("/tickets"); got.status != http.StatusOK {
		t.Errorf("the session is over: %d, to %q", got.status, got.location)
	}
	if got := out.get("/tickets"); !strings.HasPrefix(got.location, "/sign-in") {
		t.Errorf("the session that was ended lives: %d, to %q", got.status, got.location)
	}
	p.kill()

	if err := os.Remove(filepath.Join(s.data, "session.key")); err != nil {
		t.Fatal(err)
	}
	p = s.start()
	in.base = p.url
	if got := in.get("/tickets"); !strings.HasPrefix(got.location, "/sign-in") {
		t.Errorf("the session lives without its key: %d, to %q", got.status, got.location)
	}
}
