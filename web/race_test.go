package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/reading"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// putCounter counts the operations that arrive at COC.
type putCounter struct {
	next http.Handler
	n    atomic.Int64
}

func (c *putCounter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		c.n.Add(1)
	}
	c.next.ServeHTTP(w, r)
}

// TestOperationsRaceWithChanges: 63 operations are sent at once on a ticket that somebody looks at, a second after
// somebody else paused it past this console. Since a reading of before is older than a second by then, all are refused.
func TestOperationsRaceWithChanges(t *testing.T) {
	const operations = 64
	arrived := &putCounter{}
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
	post := func(i int) {
		answers[i] = b.in(t).post(strings.Split(c.newOperation("raced", ""), "/new")[0], forms[i])
	}
	post(0)
	b.settled(answers[0].location()) // nothing looks at the ticket by itself from here on
	pause()
	<-time.After(reading.SharedFor)
	var all sync.WaitGroup
	for i := 1; i < operations; i++ {
		all.Go(func() { post(i) })
	}
	all.Wait()
	for i, a := range answers[1:] {
		if a.StatusCode != http.StatusConflict {
			t.Errorf("operation %d: status %d, though the ticket had been paused for a second\n%s", i+1, a.StatusCode, shortened(a.body))
		}
	}
	if n := arrived.n.Load(); n != 1 || answers[0].StatusCode != http.StatusSeeOther {
		t.Errorf("%d operations were sent; the first was answered %d", n, answers[0].StatusCode)
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
		caller := coc.Caller{Credential: huawei.NewToken(token.Reveal()), ProjectID: id.ProjectID}
		if _, err := client.Operate(c.t.Context(), caller, proof{}, coc.ExecuteUUID(c.sim.UUID(scenario)), op); err != nil {
			c.t.Error(err)
		}
	}
}

// proof stands for the record of a request.
type proof struct{}

func (proof) RequestedSequence() int64 { return 1 }
