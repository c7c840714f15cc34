// Package loadtest sends requests to a server on this machine and measures how it answers. A run is bounded in
// requests and in time, and reaches loopback addresses only.
package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The bounds of a run.
const (
	MaxRequests = 1_000_000
	MaxTime     = 10 * time.Minute
	MaxInFlight = 2000
)

// answerTimeout is what one answer may take.
const answerTimeout = 30 * time.Second

// ErrNotLoopback is why an address was not called.
var ErrNotLoopback = errors.New("load tests reach loopback addresses only")

// Plan is one run.
type Plan struct {
	Requests int           // at most
	Time     time.Duration // nothing is sent later
	InFlight int           // requests at the same time, at most
	// Rate is how many requests are due in a second, whether or not earlier ones have been answered (an open loop):
	// one that has to wait for its turn counts from the moment when it was due. 0 sends each once another was
	// answered (a closed loop).
	Rate float64
	// Request makes the request of a number, from 0 on. Check judges its answer; nil accepts every one.
	Request func(ctx context.Context, i int) (*http.Request, error)
	Check   func(i int, res *http.Response, body []byte) error
}

func (p Plan) validate() error {
	switch {
	case p.Requests < 1 || p.Requests > MaxRequests:
		return fmt.Errorf("%d requests are not from 1 to %d", p.Requests, MaxRequests)
	case p.Time <= 0 || p.Time > MaxTime:
		return fmt.Errorf("a time of %s is not up to %s", p.Time, MaxTime)
	case p.InFlight < 1 || p.InFlight > MaxInFlight:
		return fmt.Errorf("%d requests at once are not from 1 to %d", p.InFlight, MaxInFlight)
	case !(p.Rate >= 0): // NaN is not, either
		return fmt.Errorf("%v requests a second are not a rate", p.Rate)
	}
	return nil
}

// Result is what came of a run.
type Result struct {
	Took     time.Duration
	Answered []time.Duration // how long each answer took, shortest first
	Failed   int             // requests without an answer that Check accepts
	Err      error           // the first failure
}

// PerSecond is how many requests were answered in a second.
func (r Result) PerSecond() float64 { return float64(len(r.Answered)) / r.Took.Seconds() }

// Quantile is what a part of the answers took at most; q is from 0 to 1.
func (r Result) Quantile(q float64) time.Duration {
	if len(r.Answered) == 0 {
		return 0
	}
	return r.Answered[int(q*float64(len(r.Answered)-1))]
}

// Client returns a client that refuses every address that is not loopback, follows no redirect and keeps connections
// for so many requests at the same time.
func Client(inFlight int) *http.Client {
	dialer := net.Dialer{Timeout: answerTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("%s: %w", address, ErrNotLoopback)
		}
		return nil
	}}
	return &http.Client{Timeout: answerTimeout, Transport: &http.Transport{DialContext: dialer.DialContext,
		MaxIdleConnsPerHost: inFlight, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// run is a plan on its way.
type run struct {
	Plan
	client *http.Client
	begun  time.Time
	next   atomic.Int64

	mu     sync.Mutex
	result Result
}

// Run sends what the plan says, and returns when all is answered or the time is over. Its error is about the plan;
// what failed on the way is in the result.
func Run(ctx context.Context, p Plan) (Result, error) {
	if err := p.validate(); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.Time)
	defer cancel()
	r := &run{Plan: p, client: Client(p.InFlight), begun: time.Now()}
	defer r.client.CloseIdleConnections()
	var workers sync.WaitGroup
	for range min(p.InFlight, p.Requests) {
		workers.Go(func() {
			for r.one(ctx) {
			}
		})
	}
	workers.Wait()
	r.result.Took = time.Since(r.begun)
	slices.Sort(r.result.Answered)
	return r.result, nil
}

// one sends the next request; false when none is left.
func (r *run) one(ctx context.Context) bool {
	i := int(r.next.Add(1)) - 1
	if i >= r.Requests {
		return false
	}
	due, ok := r.wait(ctx, i)
	if !ok {
		return false
	}
	err := r.send(ctx, i)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.result.Answered = append(r.result.Answered, time.Since(due))
		return true
	}
	r.result.Failed++
	if r.result.Err == nil {
		r.result.Err = fmt.Errorf("request %d: %w", i, err)
	}
	return true
}

// wait returns when a request is due, at that moment.
func (r *run) wait(ctx context.Context, i int) (time.Time, bool) {
	if r.Rate == 0 {
		return time.Now(), ctx.Err() == nil
	}
	due := r.begun.Add(time.Duration(float64(i) / r.Rate * float64(time.Second)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return due, true
	case <-ctx.Done():
		return due, false
	}
}

func (r *run) send(ctx context.Context, i int) error {
	request, err := r.Request(ctx, i)
	if err != nil {
		return err
	}
	res, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", request.URL, err)
	}
	if r.Check == nil {
		return nil
	}
	return r.Check(i, res, body)
}
