package search

import (
	"context"
	"sync"
	"time"

	"coc-console/audit"
)

// ForgetSummaries lets every query be asked as for the first time.
func (x *Index) ForgetSummaries() { x.summaries.forget() }

// Remembered is how many records are remembered until the search tables have
// them.
func (x *Index) Remembered() int { return x.recent.len() }

// The limits that tests go up to and beyond.
const (
	FollowBatch = followBatch
	MaxRecent   = maxRecent
)

// Tail returns a function that searches records which the search tables do not
// have, and says how many it found.
func Tail(n int, record func(i int) audit.Record) func(Query) int {
	var x Index
	for i := range n {
		r := record(i)
		r.Sequence = int64(i + 1)
		x.recent.add([]audit.Committed{{Record: &r}})
	}
	return func(q Query) int {
		return len(newScan(q, 1).among(x.recent.between(0, int64(n)+1)))
	}
}

// Rest is how long the follower rests after it has worked, while so many records
// come.
func Rest(ctx context.Context, perSecond int, worked time.Duration) time.Duration {
	x := Index{}
	step, came := time.Second/time.Duration(perSecond), int64(0)
	come := func() {
		came++
		x.recent.add([]audit.Committed{{Record: &audit.Record{Sequence: came}}})
	}
	for range int(worked / step) { // meanwhile
		come()
	}
	ctx, stop := context.WithCancel(ctx)
	var coming sync.WaitGroup
	defer coming.Wait()
	defer stop()
	coming.Go(func() {
		for tick := time.NewTicker(step); ctx.Err() == nil; come() {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	start := time.Now()
	x.gather(ctx, worked)
	return time.Since(start)
}
