package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
	"coc-console/web"
)

// witness stands before the simulator. It knows whose each token is, and what
// was sent with it.
type witness struct {
	next  atomic.Pointer[http.Handler]
	onPut func() // called when an operation has arrived, before it takes effect

	mu    sync.Mutex
	owner map[string]string // user ids by tokens
	ids   map[string]string // by users' names
	sent  map[string]int    // by sentName
}

func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	next := *w.next.Load()
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/v3/auth/tokens":
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		w.signedIn(answer)
		maps.Copy(rw.Header(), answer.Header())
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(answer.Body.Bytes())
		return
	case r.Method == http.MethodPut:
		w.operated(r)
		w.onPut()
	}
	next.ServeHTTP(rw, r)
}

func (w *witness) signedIn(answer *httptest.ResponseRecorder) {
	var body struct {
		Token struct {
			User struct{ ID, Name string }
		}
	}
	if token := answer.Header().Get("X-Subject-Token"); token != "" && json.Unmarshal(answer.Body.Bytes(), &body) == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.owner[token], w.ids[body.Token.User.Name] = body.Token.User.ID, body.Token.User.ID
	}
}

func (w *witness) operated(r *http.Request) {
	text, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	var body struct {
		Type     string `json:"operation_type"`
		Batch    int32  `json:"batch_index"`
		Instance int64  `json:"instance_id"`
	}
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	ticket := regexp.MustCompile(`SCT[^/]*`).FindString(r.URL.Path)
	w.mu.Lock()
	defer w.mu.Unlock()
	what := sentName(w.owner[r.Header.Get("X-Auth-Token")], ticket, body.Type, body.Batch, body.Instance)
	if err != nil {
		what = err.Error()
	}
	w.sent[what]++
}

// sentName names an operation by the person in whose name it is sent, the ticket
// and what is done.
func sentName(person, ticket, kind string, batch int32, instance int64) string {
	return fmt.Sprintf("%s %s %s %d %d", person, ticket, kind, batch, instance)
}

// keptForm is a form of a page that somebody has opened.
type keptForm struct {
	by      *browser // in which it was opened
	path    string
	values  url.Values
	right   string // the number that the page wants typed; empty: none
	despite []string
}

// walk is a random walk of two people in two browsers through everything that
// can lead to an operation, beside somebody who writes into the database.
type walk struct {
	*console
	w        *witness
	browsers []*browser
	people   []string // their ids
	persons  []string // values of the field "person" that were seen
	from     int64    // the log's size at the start
	forms    []keptForm
	asked    []string        // addresses
	jobs     []string        // addresses
	typed    map[string]bool // keys of forms that were posted with a number or with the override
	saved    bool            // old rows are kept

	mu  sync.Mutex
	bad []string
}

var users = []string{"operator", "manager"}

func (w *walk) browser(rt *rapid.T) *browser {
	return w.browsers[rapid.IntRange(0, 1).Draw(rt, "browser")]
}

// signIn makes one of the two sign in to a browser, whoever did before.
func (w *walk) signIn(b *browser, user string) {
	b.send("/sign-out", url.Values{"person": {b.person()}})
	b.send("/sign-in", credentials(user))
	if person := b.person(); person != "" {
		w.persons = append(w.persons, person)
	}
}

// page gets a page; whoever is signed out signs in first.
func (w *walk) page(rt *rapid.T, b *browser, path string) page {
	if p := b.get(path); p.StatusCode != http.StatusSeeOther && p.StatusCode != http.StatusUnauthorized {
		return p
	}
	w.signIn(b, rapid.SampledFrom(users).Draw(rt, "user"))
	return b.get(path)
}

var despiteInput = regexp.MustCompile(`name="despite"[^>]* value="([A-Z2-7]{26})"`)

// keep keeps the form of a page, if there is one.
func (w *walk) keep(b *browser, p page, path string) {
	if !strings.Contains(p.body, `id="operation"`) && !strings.Contains(p.body, `id="job"`) {
		return
	}
	f := keptForm{by: b, path: path, values: b.form(p)}
	if !f.values.Has("key") {
		return
	}
	for _, m := range despiteInput.FindAllStringSubmatch(p.body, -1) {
		f.despite = append(f.despite, m[1])
	}
	for n := range 10 {
		if strings.Contains(p.body, html.EscapeString(i18n.For(i18n.EnUS).Policy.Count(n))) {
			f.right = fmt.Sprint(n)
		}
	}
	w.forms = append(w.forms, f)
}

// filled is a kept form as somebody fills it in.
func (w *walk) filled(rt *rapid.T) keptForm {
	f := w.forms[max(0, len(w.forms)-1-rapid.IntRange(0, 4).Draw(rt, "form before"))]
	f.values = maps.Clone(f.values)
	f.values.Set("reason", rapid.SampledFrom([]string{"because", "because", "because", ""}).Draw(rt, "reason"))
	if rapid.IntRange(0, 3).Draw(rt, "despite") > 0 {
		f.values["despite"] = f.despite
	}
	switch rapid.SampledFrom([]string{"", "count", "count", "wrong", "ask", "ask", "glass", "ask and count"}).Draw(rt, "filled in") {
	case "count":
		f.values.Set("count", f.right)
	case "wrong":
		f.values.Set("count", "7")
	case "ask":
		f.values.Set("ask", "1")
	case "glass":
		f.values.Set("glass", "1")
	case "ask and count":
		f.values.Set("count", f.right)
		f.values.Set("ask", "1")
	}
	if rapid.IntRange(0, 5).Draw(rt, "forged") == 0 {
		f.values.Set("person", rapid.SampledFrom(w.persons).Draw(rt, "as"))
	}
	asks := f.values.Has("ask") && f.path != "/bulk" // the form of a bulk operation has no such field
	if !asks && (f.right != "" && f.values.Get("count") == f.right || f.values.Has("glass")) {
		w.mu.Lock()
		w.typed[f.values.Get("key")] = true
		w.mu.Unlock()
	}
	return f
}

// post sends a kept form from any browser, once or more often.
func (w *walk) post(rt *rapid.T) {
	if len(w.forms) == 0 {
		return
	}
	f := w.filled(rt)
	senders := []*browser{f.by}
	switch rapid.IntRange(0, 9).Draw(rt, "from") {
	case 0:
		senders = append(senders, f.by)
	case 1:
		senders = w.browsers
	case 2, 3:
		senders[0] = w.browser(rt)
	}
	answers := make([]page, len(senders))
	var all sync.WaitGroup
	for i, b := range senders {
		all.Go(func() { answers[i] = b.send(f.path, f.values) })
	}
	all.Wait()
	for i, p := range answers {
		switch at := p.location(); {
		case strings.HasPrefix(at, "/approvals/"):
			w.asked = append(w.asked, at)
		case strings.HasPrefix(at, "/bulk/"):
			w.jobs = append(w.jobs, at)
		default:
			w.keep(senders[i], p, f.path)
		}
	}
}

func (w *walk) open(rt *rapid.T) {
	b, scenario := w.browser(rt), rapid.SampledFrom([]string{"running", "paused", "abnormal"}).Draw(rt, "ticket")
	query := rapid.SampledFrom([]string{"operation_type=CANCEL_ORDER", "operation_type=CANCEL_ORDER", "operation_type=PAUSE_ORDER", "operation_type=CONTINUE_ORDER",
		"operation_type=SKIP_BATCH&batch_index=2", "operation_type=CANCEL_INSTANCE&instance_id=1001"}).Draw(rt, "operation")
	w.keep(b, w.page(rt, b, w.newOperation(scenario, query)), w.ticket(scenario)+"/operations")
}

func (w *walk) openJob(rt *rapid.T) {
	running, abnormal := w.sim.UUID("running"), w.sim.UUID("abnormal")
	query := rapid.SampledFrom([]string{
		"operation_type=CANCEL_INSTANCE&target=" + running + ".1001.1&target=" + running + ".1003.2",
		"operation_type=CANCEL_ORDER&target=" + running + "&target=" + abnormal,
		"operation_type=PAUSE_ORDER&target=" + running + "&target=" + abnormal}).Draw(rt, "job")
	b := w.browser(rt)
	w.keep(b, w.page(rt, b, "/bulk/new?"+query), "/bulk")
}

// change posts a decision on something that has an address.
func (w *walk) change(rt *rapid.T, addresses []string, field, decision string) {
	if len(addresses) == 0 {
		return
	}
	at, b := rapid.SampledFrom(addresses).Draw(rt, "address"), w.browser(rt)
	form := url.Values{field: {decision}, "count": {w.page(rt, b, at).stops()}, "person": {b.person()}}
	if rapid.IntRange(0, 5).Draw(rt, "forged") == 0 {
		form.Set("person", rapid.SampledFrom(w.persons).Draw(rt, "as"))
	}
	b.send(at, form)
}

func (w *walk) decide(rt *rapid.T) {
	w.change(rt, w.asked, "decision", rapid.SampledFrom([]string{"approve", "approve", "approve", "refuse", "withdraw", "send"}).Draw(rt, "decision"))
}

// ask goes all the way: one asks, and both answer.
func (w *walk) ask(rt *rapid.T) {
	scenario := rapid.SampledFrom([]string{"running", "paused", "abnormal"}).Draw(rt, "ticket")
	b := w.browser(rt)
	w.keep(b, w.page(rt, b, w.newOperation(scenario, "operation_type=CANCEL_ORDER")), w.ticket(scenario)+"/operations")
	if len(w.forms) == 0 {
		return
	}
	f := w.forms[len(w.forms)-1]
	values := maps.Clone(f.values)
	values["ask"], values["reason"], values["despite"] = []string{"1"}, []string{"because"}, f.despite
	for _, b := range w.browsers {
		if at := b.send(f.path, values).location(); strings.HasPrefix(at, "/approvals/") {
			w.asked = append(w.asked, at)
		}
	}
	if len(w.asked) > 0 {
		for _, b := range w.browsers {
			at := w.asked[len(w.asked)-1]
			b.send(at, url.Values{"decision": {"approve"}, "count": {b.get(at).stops()}, "person": {b.person()}})
		}
	}
}

func (w *walk) exec(query string, args ...any) {
	_, err := w.db.Write.ExecContext(context.Background(), query, args...)
	must(w.t, err)
}

// forge writes into the database what nobody asked for, and starts again.
func (w *walk) forge(rt *rapid.T) {
	decider := fmt.Sprintf(`{"user_id":%q,"user_name":"manager","account_name":"demo"}`, w.people[1])
	switch rapid.IntRange(0, 8).Draw(rt, "how") {
	case 0: // a request of nobody
		w.exec(`INSERT INTO approval (id, state, account_id, requester_id, ticket, operation, requester, session_id, origin, reason, seen, target, radius,
			created_at, expires_at, decider, decided_at, mac) SELECT $1, $2, account_id, $3, ticket, operation, requester, session_id, origin, reason, seen, target, radius,
			created_at, expires_at, $4, created_at, mac FROM approval LIMIT 1`,
			operate.NewKey(), rapid.SampledFrom([]string{"waiting", "granted"}).Draw(rt, "state"), w.people[0], decider)
	case 1:
		w.exec(`UPDATE approval SET state = 'granted', note = '', decider = $1`, decider)
	case 2:
		w.exec(`UPDATE approval SET state = 'waiting'`)
	case 3:
		w.exec(`UPDATE approval SET session_id = coalesce((SELECT id FROM session ORDER BY created_at DESC LIMIT 1), session_id)`)
	case 4:
		w.exec(`UPDATE job SET state = 'running'`)
		w.exec(`UPDATE job_item SET state = 'waiting'`)
	case 5:
		w.exec(`DELETE FROM one_time_key`)
		w.exec(`DELETE FROM target_claim`)
		w.exec(`DELETE FROM operation_owner`)
	default:
		w.putBack()
	}
	w.restart()
}

// putBack keeps the rows of now or, where some are kept, puts those back, which
// the console itself has written.
func (w *walk) putBack() {
	for _, table := range []string{"approval", "job", "job_item", "one_time_key"} {
		if w.saved {
			w.exec(`DELETE FROM ` + table)
			w.exec(`INSERT INTO ` + table + ` SELECT * FROM kept_` + table)
			w.exec(`DROP TABLE kept_` + table)
		} else {
			w.exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table)
		}
	}
	w.saved = !w.saved
}

// restart ends what sends operations and answers people, and starts it again on
// the same databases.
func (w *walk) restart() {
	must(w.t, w.operations.Close())
	w.begin()
	must(w.t, w.operations.Resume(context.Background()))
}

func (w *walk) begin() {
	w.handlers.Close()
	w.serving.Store(new(w.compose(web.NewMetrics())))
}

// webSteps are what people, and whoever writes into the database, may do. What
// is answered does not count: what counts is what was sent, and the log.
var webSteps = map[string]func(w *walk, rt *rapid.T){
	"open":       (*walk).open,
	"open a job": (*walk).openJob,
	"act": func(w *walk, rt *rapid.T) {
		if rapid.Bool().Draw(rt, "job") {
			w.openJob(rt)
		} else {
			w.open(rt)
		}
		w.post(rt)
	},
	"post":            (*walk).post,
	"post again":      (*walk).post,
	"ask and approve": (*walk).ask,
	"decide":          (*walk).decide,
	"change a job": func(w *walk, rt *rapid.T) {
		w.change(rt, w.jobs, "do", rapid.SampledFrom([]string{"stop", "continue"}).Draw(rt, "do"))
	},
	"sign in": func(w *walk, rt *rapid.T) { w.signIn(w.browser(rt), rapid.SampledFrom(users).Draw(rt, "user")) },
	"sign out": func(w *walk, rt *rapid.T) {
		b := w.browser(rt)
		b.send("/sign-out", url.Values{"person": {b.person()}})
	},
	"revoke": func(w *walk, rt *rapid.T) {
		user := rapid.SampledFrom(users).Draw(rt, "user")
		w.sim.Revoke(user)
		if rapid.Bool().Draw(rt, "in again") {
			w.signIn(w.browser(rt), user)
		}
	},
	"clock": func(w *walk, rt *rapid.T) {
		w.clock.advance(rapid.SampledFrom([]time.Duration{2 * time.Second, 11 * time.Second, time.Minute, 10 * time.Minute, 2 * time.Hour, -5 * time.Minute}).Draw(rt, "by"))
	},
	"disturb": func(w *walk, rt *rapid.T) {
		f := rapid.SampledFrom([]simulator.Fault{{Effect: simulator.Reset}, {Effect: simulator.Reset, Late: true}, {Status: 502, Late: true},
			{Effect: simulator.NoEffect}, {Status: 400, Code: "COC.00040701", Message: "no"}}).Draw(rt, "fault")
		f.Kind, f.Times = simulator.CallOperate, 1
		w.sim.Inject(f)
	},
	"forge":   (*walk).forge,
	"restart": func(w *walk, _ *rapid.T) { w.restart() },
}

// search returns the records of an action since the walk began.
func (w *walk) search(action audit.Action) []audit.Record {
	page, err := w.index.Search(context.Background(), search.Query{Action: action, After: w.from, Limit: search.MaxLimit, Visible: search.Visibility{All: true}})
	if err != nil {
		w.bad = append(w.bad, err.Error())
	}
	return page.Records
}

// story are the records of one operation.
func (w *walk) story(id string) []audit.Record {
	records, err := w.index.Operation(context.Background(), id)
	if err != nil {
		w.bad = append(w.bad, err.Error())
	}
	return records
}

// compare holds what was sent against the log: each operation has one request of
// the person whose token it bears. In the end, what was requested was sent too,
// unless the log says that it was not.
func (w *walk) compare(end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.w.mu.Lock()
	sent := maps.Clone(w.w.sent)
	w.w.mu.Unlock()
	requested, undelivered := map[string]int{}, map[string]int{}
	for _, r := range w.search(audit.ActionOperationRequested) {
		story := w.story(r.OperationID)
		if why := w.unexplained(r, story); why != "" {
			w.bad = append(w.bad, fmt.Sprintf("%s of %s by %s: %s", r.OperationType, r.Ticket, r.Actor.UserName, why))
		}
		name := sentName(r.Actor.UserID, r.Ticket, r.OperationType, r.BatchIndex, r.InstanceID)
		requested[name]++
		if slices.ContainsFunc(story, func(of audit.Record) bool { return operate.ParseDetail(of.Detail).Note == operate.NoteNotDelivered }) {
			undelivered[name]++
		}
	}
	for what, n := range sent {
		if n > requested[what] {
			w.bad = append(w.bad, fmt.Sprintf("%s: sent %d times, %d requests", what, n, requested[what]))
		}
	}
	for what, n := range requested {
		if end && sent[what] < n-undelivered[what] {
			w.bad = append(w.bad, fmt.Sprintf("%s: %d requests, of which %d were not delivered, sent %d times", what, n, undelivered[what], sent[what]))
		}
	}
	for _, granted := range w.search(audit.ActionApprovalGranted) {
		if !w.byAnother(granted, w.story(granted.OperationID)) {
			w.bad = append(w.bad, fmt.Sprintf("%s of %s is granted by %+v", granted.OperationType, granted.Ticket, granted.Actor))
		}
	}
}

// byAnother reports whether somebody granted what somebody else had asked for.
func (w *walk) byAnother(granted audit.Record, story []audit.Record) bool {
	return slices.Contains(w.people, granted.Actor.UserID) && slices.ContainsFunc(story, func(of audit.Record) bool {
		return of.Action == audit.ActionApprovalRequested && of.Sequence < granted.Sequence && of.Ticket == granted.Ticket &&
			of.OperationType == granted.OperationType && slices.Contains(w.people, of.Actor.UserID) && of.Actor.UserID != granted.Actor.UserID
	})
}

// unexplained says what the log lacks of a request, among the records of its
// operation: a decision and, where one is wanted, another person's grant.
func (w *walk) unexplained(r audit.Record, story []audit.Record) string {
	requests, asked, granted := 0, false, false
	for _, of := range story {
		before := of.Sequence < r.Sequence
		switch of.Action {
		case audit.ActionOperationRequested:
			requests++
		case audit.ActionApprovalRequested:
			asked = true
			if of.Actor.UserID != r.Actor.UserID {
				return "somebody else had asked"
			}
		case audit.ActionApprovalGranted:
			granted = granted || before && w.byAnother(of, story)
		case audit.ActionApprovalRefused, audit.ActionApprovalWithdrawn, audit.ActionApprovalExpired, audit.ActionApprovalReturned:
			if before {
				return "it came after " + string(of.Action)
			}
		}
	}
	d := operate.ParseDetail(r.Detail)
	typed := w.typed[r.OperationID] || w.typed[d.Job]
	wanted := asked || d.ApprovedBy != "" || r.OperationType == "CANCEL_ORDER" && d.Stops > 1 && !typed
	switch {
	case requests != 1:
		return fmt.Sprint(requests, " requests have its key")
	case len(d.Policies) == 0:
		return "no rule decided"
	case wanted && (!granted || d.ApprovedBy == ""):
		return "nobody else granted it"
	}
	return ""
}

// renew puts a new simulator into the place of the one before: tokens stay
// good, and tickets are as they were at first.
func (w *walk) renew() {
	w.sim = simulator.New(simulator.Config{Now: w.clock.now, Accounts: simulator.DemoAccounts(), Tickets: tickets(), Seed: uint64(w.from) + 1, // tickets of its own
		Rules: simulator.Rules{EffectDelay: -1, ScheduleDelay: -1}})
	w.w.next.Store(new(w.sim.Handler()))
	w.w.mu.Lock()
	w.w.sent = map[string]int{}
	w.w.mu.Unlock()
}

// fewer runs a property test less often than others, unless the command line
// says how often.
func fewer(t *testing.T, checks string) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		must(t, f.Value.Set(checks))
		t.Cleanup(func() { must(t, f.Value.Set(f.DefValue)) })
	}
}

// TestWalkOfTwoPeople: whatever two people do in two browsers, each of which is
// now of the one and now of the other, and whoever writes into the database,
// revokes tokens, moves the clock, disturbs COC or restarts the console: for
// each operation that COC sees there is one request in the log of the person
// whose token it bears, with a decision and, where the rules want it, another
// person's grant.
func TestWalkOfTwoPeople(t *testing.T) {
	t.Parallel()
	fewer(t, "20")
	see := &witness{owner: map[string]string{}, ids: map[string]string{}, sent: map[string]int{}, onPut: func() {}}
	c := start(t, builtIn, func(s *settings) {
		s.upstream = func(next http.Handler) http.Handler {
			see.next.Store(&next)
			return see
		}
	})
	names := slices.Sorted(maps.Keys(webSteps))
	browsers := []*browser{c.browser(t, i18n.EnUS), c.browser(t, i18n.EnUS)}
	total, grants := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		size, err := c.log.Size(t.Context())
		must(t, err)
		w := &walk{console: c, w: see, browsers: browsers, from: size, typed: map[string]bool{}}
		w.renew()
		w.begin()
		for i, user := range users {
			w.signIn(browsers[i], user)
		}
		w.people = []string{see.ids["operator"], see.ids["manager"]}
		see.onPut = func() { w.compare(false) }
		for range rapid.IntRange(6, 20).Draw(rt, "steps") {
			webSteps[rapid.SampledFrom(names).Draw(rt, "step")](w, rt)
		}
		must(t, c.operations.Close())
		w.compare(true)
		for _, n := range see.sent {
			total += n
		}
		grants += len(w.search(audit.ActionApprovalGranted))
		if w.saved {
			w.putBack()
		}
		for _, b := range w.bad {
			rt.Error(b)
		}
	})
	if !testing.Short() && (total < 10 || grants < 2) { // a short walk may well send little
		t.Errorf("only %d operations were sent at all, %d after a grant: the walk shows little", total, grants)
	}
	t.Logf("%d operations were sent, %d requests were granted", total, grants)
}
