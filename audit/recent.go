package audit

import (
	"slices"
	"sync"
)

// recent are the newest records as the writer has written them, until the
// search tables have them: searches, which add what those have not reached,
// and the follower need not read and decode them again. It is a memory of what
// is durable, without gaps; where it does not reach, the log itself is read.
type recent struct {
	mu      sync.Mutex
	records []*appending // consecutive
	bytes   int          // of their bodies
}

// The limits of what is remembered.
const (
	maxRecent      = copyBatch
	maxRecentBytes = 32 << 20
)

// add remembers a batch that was committed.
func (r *recent) add(batch []*appending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.records); n > 0 && r.records[n-1].record.Sequence+1 != batch[0].record.Sequence {
		r.records, r.bytes = nil, 0 // another console has written in between
	}
	for _, a := range batch {
		r.bytes += len(a.content)
		a.body = nil // it is not needed any more
	}
	r.records = append(r.records, batch...)
	r.drop(func() bool { return len(r.records) > maxRecent || r.bytes > maxRecentBytes })
}

// drop forgets the oldest records while there are too many.
func (r *recent) drop(tooMany func() bool) {
	for len(r.records) > 0 && tooMany() {
		r.bytes -= len(r.records[0].content)
		r.records[0], r.records = nil, r.records[1:]
	}
}

// trim forgets the records up to a number.
func (r *recent) trim(upto int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(func() bool { return r.records[0].record.Sequence <= upto })
}

// len is how many records are remembered.
func (r *recent) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.records)
}

// between are those of the records between two numbers, without them, that are
// remembered, oldest first.
func (r *recent) between(above, below int64) []*appending {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.records) == 0 {
		return nil
	}
	first := r.records[0].record.Sequence
	from := min(max(above+1-first, 0), int64(len(r.records)))
	to := min(max(below-first, from), int64(len(r.records)))
	return slices.Clone(r.records[from:to])
}
