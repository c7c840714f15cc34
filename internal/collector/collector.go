// Package collector lets Go's garbage collector wait longer while there is much
// to do. A console holds little: with Go's usual pace each few megabytes bring on a
// collection, many a second, which take a sixth of the work. While they come so often
// the heap may grow further; afterwards it is as small as before.
package collector

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// The bounds of the pace. Percentages are of what is in use, as GOGC's.
const (
	usual = 100
	most  = 400
	// room bounds what the heap may have beside what is in use: a console with much in
	// memory keeps the usual pace.
	room = 96 << 20

	often    = 250 * time.Millisecond // collections that follow each other faster, at the usual pace, are too many
	quietFor = 2 * time.Second        // without a collection the work is over
)

// Pace adapts the collector until its context ends, then leaves the usual pace. It costs nothing while nothing is
// collected. Only one may run in a program, and none where GOGC is set: whoever does that knows better.
func Pace(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	p := &pace{set: func(percent int) { debug.SetGCPercent(percent) }, live: live, release: debug.FreeOSMemory}
	p.noted = p.arm
	p.arm()
	<-ctx.Done()
	p.stop()
}

// pace is what is known of the collections so far.
type pace struct {
	set     func(percent int)
	live    func() int64 // bytes in use at the last collection
	release func()       // gives back what is not in use
	noted   func()       // waits for the next collection

	mu      sync.Mutex
	last    time.Time // collection
	percent int       // 0: the usual pace
	quiet   *time.Timer
	stopped bool
}

// arm has the next collection noted.
func (p *pace) arm() {
	next := new(token)
	runtime.AddCleanup(next, func(p *pace) { p.collected(time.Now()) }, p)
}

// token is large enough to be no part of another one's allocation.
type token [64]byte

// collected notes a collection.
func (p *pace) collected(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	since := now.Sub(p.last)
	p.last = now
	switch {
	case p.percent > 0:
		p.quiet.Reset(quietFor)
		p.allow(roomFor(p.live()))
	case since < often:
		if percent := roomFor(p.live()); percent > usual {
			p.quiet = time.AfterFunc(quietFor, p.relax)
			p.allow(percent)
		}
	}
	p.noted()
}

// allow sets a percentage that differs enough to be worth it. The caller holds the lock.
func (p *pace) allow(percent int) {
	if percent*5 < p.percent*4 || percent*4 > p.percent*5 {
		p.percent = percent
		p.set(percent)
	}
}

// roomFor is the percentage that bounds what the heap may have beside what is in use.
func roomFor(live int64) int {
	return int(min(most, max(usual, 100*room/max(1, live))))
}

// relax goes back to the usual pace, and gives back what the heap had beside it.
func (p *pace) relax() {
	p.mu.Lock()
	if p.stopped || p.percent == 0 {
		p.mu.Unlock()
		return
	}
	p.percent = 0
	p.set(usual)
	p.mu.Unlock()
	p.release()
}

func (p *pace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.percent > 0 {
		p.quiet.Stop()
		p.set(usual)
	}
}

// live is what the last collection found in use, in bytes.
func live() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return room
	}
	return int64(min(sample[0].Value.Uint64(), 1<<40))
}
