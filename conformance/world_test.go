package conformance

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/simulator"
)

var t0 = time.Date(2026, 3, 2, 1, 15, 54, 512e6, time.UTC)

// clock is the simulator's, moved by the tests.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is a simulator, the SDK and our own client, both signed in.
type world struct {
	*simulator.Simulator
	t      *testing.T
	clock  *clock
	wire   *wire
	url    string
	sdk    *sdk.CocClient
	ours   *coc.Client
	caller coc.Caller
}

// newWorld serves tickets; nil is the demo set.
func newWorld(t *testing.T, tickets []simulator.TicketSpec) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{t: t0}}
	w.Simulator = simulator.New(simulator.Config{Now: w.clock.now, Seed: 7, Tickets: tickets})
	w.wire = &wire{next: w.Handler()}
	server := httptest.NewServer(w.wire)
	t.Cleanup(server.Close)
	w.url = server.URL
	ours, err := coc.New(coc.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ours.Close)
	w.ours = ours
	w.become("operator")
	return w
}

// become signs both clients in as another demo user.
func (w *world) become(user string) {
	w.t.Helper()
	w.use(w.signIn(user))
}

// use gives both clients a token.
func (w *world) use(token string) {
	w.t.Helper()
	client, err := NewCOC(w.url, TokenCredential{token})
	if err != nil {
		w.t.Fatal(err)
	}
	w.sdk, w.caller = client, coc.Caller{Credential: huawei.NewToken(token)}
}

// wire keeps the last call as it went over the wire.
type wire struct {
	next http.Handler

	mu   sync.Mutex
	call exchange
}

type exchange struct {
	method, uri  string
	sent, got    http.Header
	body, answer []byte
}

func (x *wire) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	x.keep(func(c *exchange) { *c = exchange{method: r.Method, uri: r.RequestURI, sent: r.Header, body: body} })
	x.next.ServeHTTP(&copying{w, x}, r)
}

func (x *wire) keep(change func(*exchange)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change(&x.call)
}

// last is what the last call sent and got.
func (x *wire) last() exchange {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call
}

// copying keeps everything before it is sent: the client has the answer before
// its handler returns.
type copying struct {
	http.ResponseWriter
	wire *wire
}

func (c *copying) WriteHeader(status int) {
	c.wire.keep(func(x *exchange) { x.got = c.Header().Clone() })
	c.ResponseWriter.WriteHeader(status)
}

func (c *copying) Write(b []byte) (int, error) {
	c.wire.keep(func(x *exchange) { x.answer = slices.Concat(x.answer, b) })
	return c.ResponseWriter.Write(b)
}

// must fails the test on an error, which for the SDK's calls is as a rule fatal.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// The SDK's calls on one ticket.

func (w *world) info(id string) (*model.GetScriptJobInfoResponse, error) {
	return w.sdk.GetScriptJobInfo(&model.GetScriptJobInfoRequest{ExecuteUuid: id})
}

func (w *world) batches(id string) (*model.ListScriptJobBatchesResponse, error) {
	return w.sdk.ListScriptJobBatches(&model.ListScriptJobBatchesRequest{ExecuteUuid: id})
}

func (w *world) batch(id string, index int32) (*model.GetScriptJobBatchResponse, error) {
	return w.sdk.GetScriptJobBatch(&model.GetScriptJobBatchRequest{ExecuteUuid: id, BatchIndex: index, Limit: 50})
}

func (w *world) statistics(id string) (*model.GetScriptJobStatisticsResponse, error) {
	return w.sdk.GetScriptJobStatistics(&model.GetScriptJobStatisticsRequest{ExecuteUuid: id})
}

func (w *world) operate(id string, body model.JobScriptOrderOperationBody) (*model.OperateScriptJobResponse, error) {
	return w.sdk.OperateScriptJob(&model.OperateScriptJobRequest{ExecuteUuid: id, Body: &body})
}

var operations = model.GetJobScriptOrderOperationBodyOperationTypeEnum()
