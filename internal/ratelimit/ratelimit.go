// Package ratelimit bounds what one person can use, so that nobody fills the
// disk, takes every stream or slows the others down. A person is named by a key
// of the caller's choice. What each has used is kept in memory, of a bounded
// number of people.
package ratelimit

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Kind is something that is limited.
type Kind string

// The kinds. The first four are rates, the others are used at the same time.
const (
	Requests   Kind = "requests"   // pages and what they ask for
	Operations Kind = "operations" // what sends, and the pages that lead to it: reads never use it up
	Records    Kind = "records"    // of the audit log, by reading
	Bytes      Kind = "bytes"      // of files that are carried away
	Downloads  Kind = "downloads"
	Streams    Kind = "streams"
)

// bucket is a rate: so many at once, and so many in a second.
type bucket struct {
	perSecond float64
	burst     int
}

// Limits are what one person may use.
type Limits struct {
	buckets map[Kind]bucket
	atOnce  map[Kind]int
}

// Default returns limits that people do not meet, times factor.
func Default(factor float64) Limits {
	scale := func(n float64) int { return max(1, int(n*factor)) }
	return Limits{
		buckets: map[Kind]bucket{
			Requests:   {20 * factor, scale(200)},
			Operations: {5 * factor, scale(60)},
			Records:    {6000 * factor / 3600, scale(6000)},
			Bytes:      {4 << 30 * factor / 3600, scale(4 << 30)},
		},
		atOnce: map[Kind]int{Downloads: scale(4), Streams: scale(24)},
	}
}

// With returns the limits with another bound of one kind: of what is used at the
// same time, or of what is left at the beginning, which then is refilled in an
// hour.
func (l Limits) With(k Kind, n int) Limits {
	out := Limits{buckets: maps.Clone(l.buckets), atOnce: maps.Clone(l.atOnce)}
	if _, rates := l.buckets[k]; rates {
		out.buckets[k] = bucket{float64(n) / 3600, n}
	} else {
		out.atOnce[k] = n
	}
	return out
}

// The bounds of what is remembered.
const (
	maxPeople = 10_000
	window    = time.Minute // for which refusals are counted and told once
	// longestWait bounds what somebody is told to wait.
	longestWait = time.Hour
)

// People keeps what each person uses. It is safe for concurrent use.
type People struct {
	limits  Limits
	now     func() time.Time
	refused func(Kind)

	mu     sync.Mutex
	people map[string]*person
}

type person struct {
	last    time.Time
	buckets map[Kind]*rate.Limiter
	inUse   map[Kind]int
	refused map[Kind]*refusals
}

// refusals are those of one window.
type refusals struct {
	begun time.Time
	more  int // after the first, which was told at once
	tell  func(count int)
}

// New returns people who have used nothing. refused hears of every refusal; nil:
// nobody listens.
func New(l Limits, now func() time.Time, refused func(Kind)) *People {
	if refused == nil {
		refused = func(Kind) {}
	}
	return &People{limits: l, now: now, refused: refused, people: map[string]*person{}}
}

// of returns a person. The caller holds the lock.
func (p *People) of(who string, now time.Time) *person {
	one := p.people[who]
	if one == nil {
		if len(p.people) >= maxPeople {
			p.makeRoom()
		}
		one = &person{buckets: map[Kind]*rate.Limiter{}, inUse: map[Kind]int{}, refused: map[Kind]*refusals{}}
		for k, b := range p.limits.buckets {
			one.buckets[k] = rate.NewLimiter(rate.Limit(b.perSecond), b.burst)
		}
		p.people[who] = one
	}
	one.last = now
	return one
}

// makeRoom forgets whoever was here longest ago and uses nothing now.
func (p *People) makeRoom() {
	oldest := ""
	for who, one := range p.people {
		if len(one.inUse) == 0 && len(one.refused) == 0 && (oldest == "" || one.last.Before(p.people[oldest].last)) {
			oldest = who
		}
	}
	delete(p.people, oldest)
}

// Take uses one of a rate. Where nothing is left it returns false, and when to
// try again.
func (p *People) Take(who string, k Kind) (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	b := p.of(who, now).buckets[k]
	if b == nil || b.AllowN(now, 1) {
		return 0, true
	}
	return until(b, now), false
}

// Left reports whether something is left of a rate, and else when there is. It
// uses nothing: what is used is known only afterwards (Spend).
func (p *People) Left(who string, k Kind) (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	b := p.of(who, now).buckets[k]
	if b == nil || b.TokensAt(now) >= 1 {
		return 0, true
	}
	return until(b, now), false
}

// Spend notes that so much of a rate was used, also where less was left.
func (p *People) Spend(who string, k Kind, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if b := p.of(who, now).buckets[k]; b != nil && n > 0 {
		b.ReserveN(now, int(min(n, int64(b.Burst()))))
	}
}

// until is when one more is there.
func until(b *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - b.TokensAt(now)
	if b.Limit() <= 0 {
		return longestWait
	}
	return min(longestWait, time.Duration(missing/float64(b.Limit())*float64(time.Second))+time.Second)
}

// Enter begins something that lasts. Where as much is under way as one person
// may have, it returns false; else leave must be called at its end, once.
func (p *People) Enter(who string, k Kind) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of(who, p.now())
	if most, limited := p.limits.atOnce[k]; limited && one.inUse[k] >= most {
		return nil, false
	}
	one.inUse[k]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if one.inUse[k]--; one.inUse[k] <= 0 {
			delete(one.inUse, k)
		}
	}), true
}

// Refuse counts a refusal. The first is told at once, the others of the same
// minute together at its end (Flush).
func (p *People) Refuse(who string, k Kind, tell func(count int)) {
	p.refused(k)
	p.mu.Lock()
	now := p.now()
	one := p.of(who, now)
	r := one.refused[k]
	if r != nil {
		r.more++
		p.mu.Unlock()
		return
	}
	one.refused[k] = &refusals{begun: now, tell: tell}
	p.mu.Unlock()
	tell(1)
}

// Flush tells the refusals whose minute is over; all of them at the end.
func (p *People) Flush(end bool) {
	type told struct {
		tell  func(int)
		count int
	}
	var all []told
	p.mu.Lock()
	now := p.now()
	for _, one := range p.people {
		for k, r := range one.refused {
			if age := now.Sub(r.begun); !end && age >= 0 && age < window {
				continue
			}
			if r.more > 0 {
				all = append(all, told{r.tell, r.more})
			}
			if r.more == 0 || end {
				delete(one.refused, k)
				continue
			}
			r.begun, r.more = now, 0
		}
	}
	p.mu.Unlock()
	for _, t := range all {
		t.tell(t.count)
	}
}
