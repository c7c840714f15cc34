package operatetest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"coc-console/internal/huawei"
)

// Arrivals counts the operations that have arrived, by what they act on.
type Arrivals struct {
	Mu sync.Mutex
	of map[string]int
	at []time.Time
	By []Arrival
}

// Arrival is one operation as it arrived.
type Arrival struct {
	Token        huawei.Token
	Ticket, Body string
}

// add counts a PUT.
func (a *Arrivals) add(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.Mu.Lock()
	defer a.Mu.Unlock()
	a.at = append(a.at, time.Now())
	a.By = append(a.By, Arrival{huawei.NewToken(r.Header.Get("X-Auth-Token")), r.URL.Path, string(body)})
	if a.of == nil {
		a.of = map[string]int{}
	}
	if a.of[r.URL.Path+" "+string(body)]++; err != nil {
		a.of[err.Error()] = 2
	}
}

// Times are those of the arrivals.
func (a *Arrivals) Times() []time.Time {
	a.Mu.Lock()
	defer a.Mu.Unlock()
	return slices.Clone(a.at)
}

// OnceEach checks that so many different operations were sent, each once.
func (d *Desk) OnceEach(want int) {
	d.T.Helper()
	d.Arrived.Mu.Lock()
	defer d.Arrived.Mu.Unlock()
	for what, n := range d.Arrived.of {
		if n != 1 {
			d.T.Errorf("%d times: %s", n, what)
		}
	}
	if len(d.Arrived.of) != want {
		d.T.Errorf("%d different operations were sent, want %d", len(d.Arrived.of), want)
	}
}

// Longest is the longest time between two arrivals.
func (a *Arrivals) Longest() (longest time.Duration) {
	at := a.Times()
	for n := range at[1:] {
		longest = max(longest, at[n+1].Sub(at[n]))
	}
	return longest
}
