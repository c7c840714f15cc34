package handlers_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

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
	"coc-console/internal/elevation"
	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/presence"
	"coc-console/internal/simulator"
	"coc-console/internal/store"
	"coc-console/internal/watch"
)

// pages are the handlers of all tests of this package, on one simulator over
// HTTP and one set of SQLite files. Tests share them: each acts on tickets of
// its own, and looks for records of its own.
type pages struct {
	*handlers.Handlers
	sim      *simulator.Simulator
	log      *audit.Log
	index    *search.Index
	sessions *fakeSessions
	url      string
	echo     *echo.Echo
}

var shared struct {
	sync.Once
	pages *pages
	err   error
	close []func() error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range slices.Backward(shared.close) {
		_ = f()
	}
	os.Exit(code)
}

func start(t *testing.T) *pages {
	t.Helper()
	t.Parallel()
	shared.Do(func() { shared.pages, shared.err = newPages() })
	must(t, shared.err)
	return shared.pages
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func atEnd(f func() error) { shared.close = append(shared.close, f) }

// rules are the built-in ones, with a ticket that is hidden from all but
// managers, and a log that one reader may not carry away.
const rules = `
@id("secret") @en("This ticket is kept secret.") @zh("此工单保密。")
forbid (principal, action, resource) when { resource has name && resource.name == "secret_check" } unless { principal in Role::"managers" };
`

func newPages() (*pages, error) {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "handlers")
	if err != nil {
		return nil, err
	}
	atEnd(func() error { return os.RemoveAll(folder) })
	logger := slog.New(slog.DiscardHandler)
	p := &pages{sim: simulator.New(simulator.Config{Accounts: simulator.DemoAccounts(), Tickets: tickets(),
		Rules: simulator.Rules{EffectDelay: -1, ScheduleDelay: -1}}), echo: echo.New()}
	server := httptest.NewServer(p.sim.Handler())
	atEnd(func() error { server.Close(); return nil })
	p.url = server.URL
	dbs := map[database.Store]*database.DB{}
	for _, s := range []database.Store{database.Audit, database.Search, database.Console} {
		if dbs[s], err = database.Open(ctx, filepath.Join(folder, "data"), s); err != nil {
			return nil, err
		}
		atEnd(dbs[s].Close)
	}
	logDB, searchDB, consoleDB := dbs[database.Audit], dbs[database.Search], dbs[database.Console]
	if p.log, err = audit.Open(ctx, audit.Config{Dialect: string(logDB.Engine), Log: logDB.Write, LogRead: logDB.Read, Database: audittest.Unwatched(logDB),
		RepeatSpan: -1, Logger: logger, Now: time.Now, OwnClock: true, Key: audit.NewKey(),
		Origin: "console.example/audit"}); err != nil {
		return nil, err
	}
	atEnd(p.log.Close)
	if p.index, err = search.Open(ctx, p.log, search.Config{Write: searchDB.Write, Read: searchDB.Read, Logger: logger}); err != nil {
		return nil, err
	}
	atEnd(p.index.Close)
	verifier := verify.Start(ctx, p.index, verify.Schedule{})
	atEnd(verifier.Close)
	client, err := coc.New(coc.Config{Endpoint: server.URL, Logger: logger})
	if err != nil {
		return nil, err
	}
	atEnd(func() error { client.Close(); return nil })
	signIn, err := iam.New(iam.Config{Endpoint: server.URL, Logger: logger})
	if err != nil {
		return nil, err
	}
	atEnd(func() error { signIn.Close(); return nil })
	path := filepath.Join(folder, "rules.cedar")
	if err := os.WriteFile(path, []byte(policy.Default()+rules), 0o600); err != nil {
		return nil, err
	}
	decides, err := policy.Open(policy.Files{Policy: path, Managers: []string{"demo/manager"},
		Default: `{"roles": {"on-call": ["demo/operator"]}, "teams": {"operations": ["demo/operator", "demo/manager"]}}`},
		logger)
	if err != nil {
		return nil, err
	}
	p.sessions = &fakeSessions{log: p.log, iam: signIn, callers: map[string]coc.Caller{},
		viewers: map[string]handlers.Viewer{}}
	watcher := watch.New(watch.Config{Client: client, Logger: logger, Now: time.Now})
	atEnd(func() error { watcher.Close(); return nil })
	db := store.DB{Write: consoleDB.Write, Read: consoleDB.Read}
	keys, leases, seal := store.NewKeys(db), store.NewLeases(db, false), store.NewSealer(nil)
	operations := operate.New(operate.Config{Log: p.log, Index: p.index, Client: client, Keys: keys, Leases: leases, Callers: p.sessions,
		Rules: decides, Logger: logger, Now: time.Now, Poll: 10 * time.Millisecond, Deadline: 2 * time.Second})
	atEnd(operations.Close)
	approvals := approval.New(approval.Config{Operations: operations, Log: p.log, Index: p.index, Rows: store.NewApprovals(db, seal),
		Leases: leases, Rules: decides, Logger: logger, Now: time.Now})
	bulks := bulk.New(bulk.Config{Operations: operations, Log: p.log, Index: p.index, Rows: store.NewBulk(db, seal), Keys: keys,
		Leases: leases, Logger: logger, Now: time.Now, Rate: 1000})
	elevations := elevation.New(elevation.Config{Log: p.log, Index: p.index, Rules: decides, Logger: logger, Now: time.Now})
	p.Handlers = handlers.New(handlers.Config{Presence: presence.New(presence.Config{Now: time.Now}), Log: p.log, Index: p.index, Verifier: verifier, COC: client, Watch: watcher, IAM: signIn, Operations: operations,
		Approvals: approvals, Elevations: elevations,
		Bulk: bulks, Rules: decides,
		Sessions: p.sessions, Store: db, Logger: logger, Now: time.Now,
		DefaultProject: "cn-north-4"})
	atEnd(func() error { p.Close(); return nil })
	return p, nil
}

// tickets are some of each kind, so that tests that act have one of their own.
func tickets() []simulator.TicketSpec {
	const short, long = time.Second, 1600 * time.Second
	row := func(id int64, run time.Duration, exit int) simulator.InstanceSpec {
		return simulator.InstanceSpec{ID: id, IP: "10.0.0.7", Region: "cn-north-4", Run: run, ExitCode: exit,
			Log: "first line\n<script>alert(1)</script>\nlast line"}
	}
	batches := map[string][]simulator.BatchSpec{
		"abnormal": {{Instances: []simulator.InstanceSpec{row(1, short, 0)}},
			{Instances: []simulator.InstanceSpec{row(2, short, 1), row(3, short, 0)}},
			{Instances: []simulator.InstanceSpec{row(4, long, 0)}}},
		"running": {{Instances: []simulator.InstanceSpec{row(1, long, 0), row(2, long, 0)}},
			{Instances: []simulator.InstanceSpec{row(3, long, 0)}}},
		"paused": {{Pause: true, Instances: []simulator.InstanceSpec{row(1, short, 0)}},
			{Pause: true, Instances: []simulator.InstanceSpec{row(2, long, 0)}}},
		"finished": {{Instances: []simulator.InstanceSpec{row(1, short, 0)}}},
	}
	var all []simulator.TicketSpec
	base := int64(1000)
	add := func(scenario, kind, creator string) {
		s := simulator.TicketSpec{Scenario: scenario, Name: scenario + "_check", Creator: creator,
			Timeout: 1700 * time.Second, SuccessRate: 100,
			Age: 10 * time.Minute}
		for _, b := range batches[kind] {
			list := slices.Clone(b.Instances)
			for i := range list {
				list[i].ID += base
				list[i].Host = fmt.Sprintf("web-%d", list[i].ID)
			}
			s.Batches = append(s.Batches, simulator.BatchSpec{Pause: b.Pause, Instances: list})
		}
		base += 1000
		all = append(all, s)
	}
	for _, kind := range []string{"abnormal", "running", "paused", "finished"} {
		add(kind, kind, "operator")
	}
	add("secret", "running", "manager")
	add("foreign", "running", "somebody")
	for i := range 12 {
		add(fmt.Sprintf("own%d", i), "running", "operator")
		add(fmt.Sprintf("halted%d", i), "paused", "operator")
	}
	return all
}

// fakeSessions are sessions in memory: who they are of comes from IAM.
type fakeSessions struct {
	log *audit.Log
	iam *iam.Client

	mu      sync.Mutex
	callers map[string]coc.Caller
	viewers map[string]handlers.Viewer
	n       int
}

func (s *fakeSessions) begin(id iam.Identity, token string) handlers.Viewer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	v := handlers.Viewer{SessionKey: fmt.Sprintf("key-%d", s.n), SessionName: fmt.Sprintf("session-%d", s.n),
		Actor: audit.Actor{UserID: id.UserID, UserName: id.UserName, AccountID: id.AccountID, AccountName: id.AccountName,
			ProjectID: id.ProjectID, ProjectName: id.ProjectName},
		Caller:  coc.Caller{Credential: huawei.NewToken(token), Language: coc.EnUS, ProjectID: id.ProjectID},
		Manager: id.UserName == "manager", Expires: id.Expires, Person: "person-of-" + id.UserName,
		Marker: "marker-" + id.UserName}
	s.callers[v.SessionKey], s.viewers[v.SessionKey] = v.Caller, v
	return v
}

func (s *fakeSessions) Begin(_ echo.Context, n handlers.NewSession) (handlers.Viewer, error) {
	return s.begin(n.Identity, n.Credential.(huawei.Token).Reveal()), nil
}

func (s *fakeSessions) End(c echo.Context) (company.Renewal, error) {
	if v, ok := handlers.ViewerFrom(c.Request().Context()); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.callers, v.SessionKey)
		delete(s.viewers, v.SessionKey)
	}
	return company.Renewal{}, nil
}

func (s *fakeSessions) SetLanguage(c echo.Context, l i18n.Language) error {
	c.Response().Header().Set("X-Language", string(l))
	return nil
}

func (s *fakeSessions) SetTheme(c echo.Context, t handlers.Theme) error {
	c.Response().Header().Set("X-Theme", string(t))
	return nil
}

func (s *fakeSessions) SetShortcuts(c echo.Context, on bool) error {
	c.Response().Header().Set("X-Shortcuts", fmt.Sprint(on))
	return nil
}

func (s *fakeSessions) List(context.Context) (list []handlers.SessionInfo, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.viewers {
		list = append(list, handlers.SessionInfo{Name: v.SessionName, Actor: v.Actor, Begun: time.Now(), Used: time.Now(),
			Expires: v.Expires})
	}
	slices.SortFunc(list, func(a, b handlers.SessionInfo) int { return strings.Compare(a.Name, b.Name) })
	return list, false, nil
}

func (s *fakeSessions) EndSessions(ctx context.Context, pick func(handlers.SessionInfo) bool,
	r audit.Record) ([]handlers.SessionInfo, error) {
	list, _, _ := s.List(ctx)
	var ended []handlers.SessionInfo
	for _, one := range list {
		if !pick(one) {
			continue
		}
		ended = append(ended, one)
		s.mu.Lock()
		for key, v := range s.viewers {
			if v.SessionName == one.Name {
				delete(s.viewers, key)
				delete(s.callers, key)
			}
		}
		s.mu.Unlock()
		r.Target, r.Outcome = one.Actor.UserName, audit.OutcomeSucceeded
		if _, err := s.log.Append(ctx, r); err != nil {
			return ended, err
		}
	}
	return ended, nil
}

func (s *fakeSessions) Caller(_ context.Context, key string) (coc.Caller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	caller, ok := s.callers[key]
	if !ok {
		return coc.Caller{}, coc.ErrNoCaller
	}
	return caller, nil
}

func (s *fakeSessions) ViewerCaller(context.Context, coc.ExecuteUUID, audit.Actor, ...huawei.Credential) (coc.Caller, error) {
	return coc.Caller{}, operate.ErrNobodyLooks
}

func (s *fakeSessions) NewKey(who audit.Actor) string {
	chance := rand.Text()[:16]
	return chance + proofOf(who, chance)
}

func (s *fakeSessions) OwnsKey(who audit.Actor, key string) bool {
	return len(key) == 26 && key[16:] == proofOf(who, key[:16])
}

func proofOf(who audit.Actor, chance string) string {
	sum := sha256.Sum256([]byte(who.UserID + chance))
	return base32.StdEncoding.EncodeToString(sum[:])[:10]
}

// reader is somebody who is signed in; the zero Viewer is nobody.
type reader struct {
	*pages
	t      *testing.T
	viewer handlers.Viewer
	ctx    func(context.Context) context.Context // what web puts into a request beside the viewer; nil: nothing
	header http.Header
}

// as signs a user of the demo account in.
func (p *pages) as(t *testing.T, user string) reader {
	t.Helper()
	return p.in(t, "cn-north-4", user)
}

// in is as for another project: what is read of tickets is shared within one.
func (p *pages) in(t *testing.T, project, user string) reader {
	t.Helper()
	id, token, err := p.sessions.iam.SignIn(t.Context(),
		iam.PasswordRequest{Account: "demo", User: user, Password: user, Project: project})
	must(t, err)
	return reader{pages: p, t: t, viewer: p.sessions.begin(id, token.Reveal()), header: http.Header{}}
}

func (p *pages) nobody(t *testing.T) reader {
	return reader{pages: p, t: t, header: http.Header{}}
}

// in is the same reader, for a part of a test.
func (r reader) in(t *testing.T) reader {
	r.t = t
	return r
}

// answer is what a handler answered, or the error that it returned.
type answer struct {
	status   int
	body     string
	location string
	header   http.Header
	err      error
}

// recorder is an answer without a connection: deadlines mean nothing to it.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }

// call runs a handler on a request as web would hand it on: route is the
// pattern of its address.
func (r reader) call(handler echo.HandlerFunc, method, route, address string, form url.Values) answer {
	r.t.Helper()
	var body *strings.Reader
	if body = strings.NewReader(form.Encode()); form == nil {
		body = strings.NewReader("")
	}
	req := httptest.NewRequestWithContext(r.t.Context(), method, address, body)
	maps.Copy(req.Header, r.header)
	if form != nil {
		req.Header.Set(echo.HeaderContentType, echo.MIMEApplicationForm)
	}
	ctx := handlers.WithOrigin(req.Context(), audit.Origin{Address: "192.0.2.7", Session: r.viewer.SessionName})
	if r.viewer.SessionKey != "" {
		ctx = handlers.WithViewer(ctx, r.viewer)
	}
	ctx = i18n.WithZone(i18n.WithLanguage(ctx, i18n.EnUS), time.UTC)
	if r.ctx != nil {
		ctx = r.ctx(ctx)
	}
	rec := recorder{httptest.NewRecorder()}
	c := r.echo.NewContext(req.WithContext(ctx), rec)
	c.SetPath(route)
	names, values := []string{}, []string{}
	path := strings.Split(req.URL.Path, "/")
	for i, part := range strings.Split(route, "/") {
		if name, ok := strings.CutPrefix(part, ":"); ok && i < len(path) {
			names, values = append(names, name), append(values, path[i])
		}
	}
	c.SetParamNames(names...)
	c.SetParamValues(values...)
	err := handler(c)
	return answer{status: rec.Code, body: rec.Body.String(), location: rec.Header().Get("Location"), header: rec.Header(),
		err: err}
}

func (r reader) get(handler echo.HandlerFunc, route, address string) answer {
	r.t.Helper()
	return r.call(handler, http.MethodGet, route, address, nil)
}

func (r reader) post(handler echo.HandlerFunc, route, address string, form url.Values) answer {
	r.t.Helper()
	return r.call(handler, http.MethodPost, route, address, form)
}

// want checks the status of a page, and what stands in it.
func (a answer) want(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Fatalf("status %d, error %v, want %d: %s", a.status, a.err, status, excerpt(a.body))
	}
	for _, text := range texts {
		if !strings.Contains(a.body, html.EscapeString(text)) && !strings.Contains(a.body, text) {
			t.Errorf("the page does not say %q: %s", text, excerpt(a.body))
		}
	}
	return a
}

// without checks that texts are not in a page.
func (a answer) without(t *testing.T, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, html.EscapeString(text)) {
			t.Errorf("the page says %q", text)
		}
	}
	return a
}

// wantProblem checks the error that a handler returned for the error page.
func (a answer) wantProblem(t *testing.T, status int, kind handlers.ProblemKind) *handlers.Problem {
	t.Helper()
	problem, ok := errors.AsType[*handlers.Problem](a.err)
	if !ok || problem.Status != status || problem.Kind != kind {
		t.Fatalf("error %+v, want status %d, kind %d", a.err, status, kind)
	}
	return problem
}

var mainPart = regexp.MustCompile(`(?s)<main.*</main>`)
var tags = regexp.MustCompile(`(?s)<[^>]*>|\s+`)

// excerpt is a page's text, for messages.
func excerpt(body string) string {
	if m := mainPart.FindString(body); m != "" {
		body = m
	}
	text := strings.Join(strings.Fields(tags.ReplaceAllString(body, " ")), " ")
	return text[:min(len(text), 1500)]
}

var (
	inputs  = regexp.MustCompile(`<(?:input|textarea)[^>]*\bname="([^"]+)"[^>]*>`)
	valueIn = regexp.MustCompile(`\bvalue="([^"]*)"`)
)

// fields are the values of a page's inputs that have one.
func (a answer) fields() url.Values {
	form := url.Values{}
	for _, m := range inputs.FindAllStringSubmatch(a.body, -1) {
		if strings.Contains(m[0], `type="checkbox"`) || strings.Contains(m[0], `type="radio"`) {
			continue
		}
		if v := valueIn.FindStringSubmatch(m[0]); v != nil {
			form.Add(m[1], html.UnescapeString(v[1]))
		}
	}
	return form
}

// ticket is the address of a ticket's page.
func (p *pages) ticket(scenario string) string { return "/tickets/" + p.sim.UUID(scenario) }

// records are those of a ticket with these actions; of everything where ticket
// is empty.
func (p *pages) records(t *testing.T, ticket string, actions ...audit.Action) []audit.Record {
	t.Helper()
	var all []audit.Record
	must(t, p.log.AwaitNotes(t.Context()))
	must(t, export.Records(t.Context(), p.index, search.Query{Ticket: ticket, Visible: search.Visibility{All: true}},
		func(r audit.Record) error {
			if slices.Contains(actions, r.Action) {
				all = append(all, r)
			}
			return nil
		}))
	return all
}

// of are those records that one session made.
func (r reader) of(all []audit.Record) []audit.Record {
	return slices.DeleteFunc(all, func(one audit.Record) bool { return one.Origin.Session != r.viewer.SessionName })
}

func decimalOf(n int64) string { return strconv.FormatInt(n, 10) }
