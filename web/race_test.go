package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// moments notes when the operations on a ticket arrive at COC.
type moments struct {
	next http.Handler
	mu   sync.Mutex
	at   []time.Time
}

func (m *moments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		m.mu.Lock()
		m.at = append(m.at, time.Now())
		m.mu.Unlock()
	}
	m.next.ServeHTTP(w, r)
}

func (m *moments) all() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]time.Time(nil), m.at...)
}

// TestOperationsRaceWithChanges: 64 operations are sent on a ticket that somebody
// looks at, while somebody else pauses it past this console. Each is sent on a
// reading that was begun at most a second before, or refused.
func TestOperationsRaceWithChanges(t *testing.T) {
	const operations, until = 64, 3 * time.Second
	arrived := &moments{}
	c := start(t, func(s *settings) {
		s.watch = watch.Limits{Fast: time.Hour, Eager: time.Hour, Nudge: time.Hour} // nothing but its age tells that it is old
		s.tickets = []simulator.TicketSpec{{Scenario: "raced", Name: "raced", Creator: "operator", Age: time.Minute, Timeout: time.Hour, SuccessRate: 100,
			Batches: []simulator.BatchSpec{{Instances: manyRows(operations)}}}}
		s.upstream = func(next http.Handler) http.Handler { arrived.next = next; return arrived }
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	stream := b.listen(c.ticket("raced") + "/events")
	defer stream.stop()
	forms := make([]url.Values, operations)
	for i := range forms {
		forms[i] = b.form(b.get(c.newOperation("raced", "operation_type=CANCEL_INSTANCE&batch=1&instance_id="+strconv.Itoa(i+1))))
	}
	pause := c.elsewhere("raced", coc.Operation{Type: coc.PauseOrder})
	answers := make([]page, operations)
	began := time.Now()
	var paused time.Time
	var all sync.WaitGroup
	for i := range forms {
		all.Go(func() {
			<-time.After(until * time.Duration(i) / operations)
			answers[i] = b.in(t).post(strings.Split(c.newOperation("raced", ""), "/new")[0], forms[i])
		})
	}
	all.Go(func() {
		<-time.After(until / 6)
		pause()
		paused = time.Now()
	})
	all.Wait()
	sent, refused := 0, 0
	for i, a := range answers {
		switch a.StatusCode {
		case http.StatusSeeOther:
			sent++
		case http.StatusConflict:
			refused++
		default:
			t.Errorf("operation %d: status %d\n%s", i, a.StatusCode, shortened(a.body))
		}
	}
	for _, at := range arrived.all() {
		if late := at.Sub(paused); late > 2*time.Second { // one of them for a busy machine
			t.Errorf("an operation was sent %v after the ticket was paused", late)
		}
	}
	if n := len(arrived.all()); n != sent || sent == 0 || refused < operations/4 || paused.Before(began) {
		t.Errorf("%d sent, %d refused, %d arrived", sent, refused, n)
	}
}

func manyRows(n int) (rows []simulator.InstanceSpec) {
	for i := range n {
		rows = append(rows, simulator.InstanceSpec{ID: int64(i + 1), Host: "web-" + strconv.Itoa(i+1), IP: "10.0.0.7", Region: "cn-north-4", Run: 50 * time.Minute})
	}
	return rows
}

// elsewhere returns what operates on a ticket past the console.
func (c *console) elsewhere(scenario string, op coc.Operation) func() {
	c.t.Helper()
	cloud := httptest.NewServer(c.sim.Handler())
	c.t.Cleanup(cloud.Close)
	people, err := iam.New(iam.Config{Endpoint: cloud.URL})
	must(c.t, err)
	c.t.Cleanup(people.Close)
	id, token, err := people.SignIn(c.t.Context(), iam.PasswordRequest{Account: "demo", User: "manager", Password: "manager", Project: "cn-north-4"})
	must(c.t, err)
	client, err := coc.New(coc.Config{Endpoint: cloud.URL})
	must(c.t, err)
	c.t.Cleanup(client.Close)
	return func() {
		caller := coc.Caller{Token: huawei.NewToken(token.Reveal()), ProjectID: id.ProjectID}
		if _, err := client.Operate(c.t.Context(), caller, proof{}, coc.ExecuteUUID(c.sim.UUID(scenario)), op); err != nil {
			c.t.Error(err)
		}
	}
}

// proof stands for the record of a request.
type proof struct{}

func (proof) RequestedSequence() int64 { return 1 }
