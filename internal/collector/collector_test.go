package collector

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: collections that follow each other quickly make the collector wait, as long as little is in use; when they
// are over it goes back and gives the memory back.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name     string
		every    time.Duration
		live     int64
		set      []int
		released int
	}{
		{"busy", 50 * time.Millisecond, 8 << 20, []int{most, usual}, 1},
		{"busy with more in use", 50 * time.Millisecond, room / 2, []int{200, usual}, 1},
		{"busy with much in use", 50 * time.Millisecond, 10 * room, nil, 0},
		{"hardly anything to do", time.Second, 8 << 20, nil, 0},
		{"nothing in use", 50 * time.Millisecond, 0, []int{most, usual}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex // timers run beside the test
				var set []int
				released := 0
				locked := func(do func()) { mu.Lock(); defer mu.Unlock(); do() }
				p := &pace{set: func(n int) { locked(func() { set = append(set, n) }) }, live: func() int64 { return tt.live },
					release: func() { locked(func() { released++ }) }, noted: func() {}}
				for range 100 {
					p.collected(time.Now())
					<-time.After(tt.every)
				}
				locked(func() {
					if len(tt.set) > 0 && (len(set) != 1 || set[0] != tt.set[0]) {
						t.Errorf("while it is busy %v was set, want %v", set, tt.set[:1])
					}
				})
				<-time.After(2 * quietFor)
				locked(func() {
					if !slices.Equal(set, tt.set) || released != tt.released {
						t.Errorf("%v was set, want %v; memory was given back %d times, want %d", set, tt.set, released, tt.released)
					}
				})
			})
		})
	}
}

// TestPaceEnds: what comes after the end changes nothing.
func TestPaceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		percent := usual
		p := &pace{set: func(n int) { percent = n }, live: func() int64 { return 1 }, release: func() { t.Error("memory is given back after the end") }, noted: func() {}}
		for range 3 {
			p.collected(time.Now())
		}
		if percent != most {
			t.Errorf("while it is busy it is %d", percent)
		}
		p.stop()
		p.collected(time.Now())
		p.relax()
		<-time.After(2 * quietFor)
		if percent != usual {
			t.Errorf("after the end it is %d", percent)
		}
	})
}

// TestCollectionsAreNoted: the collector itself tells of its collections.
func TestCollectionsAreNoted(t *testing.T) {
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(usual)
	defer debug.SetGCPercent(before)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); Pace(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; runtime.GC() {
		now := debug.SetGCPercent(usual)
		if now > usual {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("many collections change nothing")
		}
	}
	stop()
	<-ended
	if now := debug.SetGCPercent(usual); now != usual {
		t.Errorf("after the end it is %d", now)
	}
}
