package loadtest_test

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"coc-console/internal/loadtest"
)

func get(url string) func(context.Context, int) (*http.Request, error) {
	return func(ctx context.Context, _ int) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	}
}

// TestBounds: a plan beyond the bounds sends nothing.
func TestBounds(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer server.Close()
	good := loadtest.Plan{Requests: 10, Time: time.Minute, InFlight: 3, Request: get(server.URL)}
	for name, change := range map[string]func(*loadtest.Plan){
		"no requests":   func(p *loadtest.Plan) { p.Requests = 0 },
		"too many":      func(p *loadtest.Plan) { p.Requests = loadtest.MaxRequests + 1 },
		"no time":       func(p *loadtest.Plan) { p.Time = 0 },
		"too long":      func(p *loadtest.Plan) { p.Time = loadtest.MaxTime + 1 },
		"none at once":  func(p *loadtest.Plan) { p.InFlight = 0 },
		"many at once":  func(p *loadtest.Plan) { p.InFlight = loadtest.MaxInFlight + 1 },
		"rate below 0":  func(p *loadtest.Plan) { p.Rate = -1 },
		"rate a NaN is": func(p *loadtest.Plan) { p.Rate = math.NaN() },
	} {
		plan := good
		change(&plan)
		if _, err := loadtest.Run(t.Context(), plan); err == nil {
			t.Errorf("%s: the plan was run", name)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d requests were sent before any plan was good", n)
	}
	result, err := loadtest.Run(t.Context(), good)
	if err != nil || result.Err != nil || len(result.Answered) != 10 || calls.Load() != 10 {
		t.Errorf("%d calls, %+v, %v; want 10 answers", calls.Load(), result, err)
	}
}

// TestLoopbackOnly: another address is refused when it is dialled, whatever its name says.
func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for url, refused := range map[string]bool{server.URL: false, "http://localhost:" + port: false,
		"http://192.0.2.1/": true, "http://[2001:db8::1]/": true, "http://0.0.0.0:" + port: true} {
		result, err := loadtest.Run(t.Context(), loadtest.Plan{Requests: 1, Time: time.Minute, InFlight: 1, Request: get(url)})
		if err != nil {
			t.Fatal(err)
		}
		if got := errors.Is(result.Err, loadtest.ErrNotLoopback); got != refused || refused != (len(result.Answered) == 0) {
			t.Errorf("%s: %d answers, %v; want refused %v", url, len(result.Answered), result.Err, refused)
		}
	}
}

// TestTimeEnds: a server that does not answer does not keep a run beyond its time.
func TestTimeEnds(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(held)
	result, err := loadtest.Run(t.Context(), loadtest.Plan{Requests: 100, Time: 50 * time.Millisecond, InFlight: 2, Request: get(server.URL)})
	if err != nil || result.Failed != 2 || len(result.Answered) != 0 {
		t.Errorf("%+v, %v; want two failures, and nothing sent afterwards", result, err)
	}
}

// TestOpenLoop: requests are due by the rate alone. One that waits for its turn counts from when it was due.
func TestOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Request takes the place of a slow server: it is made in the request's turn.
		slow := func(ctx context.Context, _ int) (*http.Request, error) {
			<-time.After(30 * time.Millisecond)
			return nil, errors.New("never sent")
		}
		begun := time.Now()
		result, err := loadtest.Run(t.Context(), loadtest.Plan{Requests: 10, Time: time.Minute, InFlight: 10, Rate: 100, Request: slow})
		if err != nil || result.Failed != 10 {
			t.Fatalf("%+v, %v", result, err)
		}
		if took := time.Since(begun); took != 120*time.Millisecond { // the last is due after 90 ms
			t.Errorf("10 requests at 100/s, each of 30 ms, took %s", took)
		}
	})
}

// TestLateRequestsCount: requests that wait behind a slow one took as long as they have been due.
func TestLateRequestsCount(t *testing.T) {
	t.Parallel()
	const slow = 30 * time.Millisecond
	var first sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { first.Do(func() { <-time.After(slow) }) }))
	defer server.Close()
	// All are due within a few microseconds.
	result, err := loadtest.Run(t.Context(), loadtest.Plan{Requests: 5, Time: time.Minute, InFlight: 1, Rate: 1e6, Request: get(server.URL)})
	if err != nil || result.Err != nil || len(result.Answered) != 5 {
		t.Fatalf("%+v, %v", result, err)
	}
	if result.Answered[0] < slow {
		t.Errorf("the quickest of them took %s", result.Answered[0])
	}
}

// TestQuantiles: a quantile is an answer that was measured.
func TestQuantiles(t *testing.T) {
	t.Parallel()
	var r loadtest.Result
	if r.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing is not 0")
	}
	for i := range 100 {
		r.Answered = append(r.Answered, time.Duration(i+1))
	}
	r.Took = 2 * time.Second
	if r.Quantile(0) != 1 || r.Quantile(0.5) != 50 || r.Quantile(1) != 100 || r.PerSecond() != 50 {
		t.Errorf("%d, %d, %d, %v/s", r.Quantile(0), r.Quantile(0.5), r.Quantile(1), r.PerSecond())
	}
}
