package ratelimit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The bounds of what is written about refused requests: whoever sends them can
// send many. What is left out is counted.
const (
	recordEvery = 6 * time.Second // for one person or address
	recordBurst = 20
	allEvery    = time.Second // for all of them
	allBurst    = 60
	maxWriters  = 1000 // persons and addresses that are remembered
)

// RefusalRecords limits the records of refused requests. The zero value is
// ready.
type RefusalRecords struct {
	mu   sync.Mutex
	all  *rate.Limiter
	each map[string]*recorded
}

type recorded struct {
	limit   *rate.Limiter
	omitted int
}

// Take reports whether the next record of who is to be written, and how many of
// theirs were left out before it.
func (r *RefusalRecords) Take(who string, now time.Time) (write bool, omitted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = rate.NewLimiter(rate.Every(allEvery), allBurst)
	}
	one, known := r.each[who]
	if !known {
		if r.each == nil || len(r.each) >= maxWriters {
			r.each = map[string]*recorded{}
		}
		one = &recorded{limit: rate.NewLimiter(rate.Every(recordEvery), recordBurst)}
		r.each[who] = one
	}
	if !one.limit.AllowN(now, 1) || !r.all.AllowN(now, 1) {
		one.omitted++
		return false, 0
	}
	omitted, one.omitted = one.omitted, 0
	return true, omitted
}
