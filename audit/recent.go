package audit

import "sync"

// recent are the newest records as the writer has written them, until the
// search tables have them: searches, which add what those have not reached,
// and the follower need not read and decode them again. It is a memory of what
// is durable, without gaps; where it does not reach, the log itself is read.
type recent struct {
	mu      sync.Mutex
	records []Record // consecutive; elements are never changed
	sizes   []int    // bytes of each
	bytes   int
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
	if n := len(r.records); n > 0 && r.records[n-1].Sequence+1 != batch[0].record.Sequence {
		r.records, r.sizes, r.bytes = nil, nil, 0 // another console has written in between
	}
	for _, a := range batch {
		r.records, r.sizes = append(r.records, a.record), append(r.sizes, len(a.body))
		r.bytes += len(a.body)
	}
	r.drop(func() bool { return len(r.records) > maxRecent || r.bytes > maxRecentBytes })
}

// drop forgets the oldest records while there are too many.
func (r *recent) drop(tooMany func() bool) {
	for len(r.records) > 0 && tooMany() {
		r.bytes -= r.sizes[0]
		r.records, r.sizes = r.records[1:], r.sizes[1:]
	}
	if len(r.records) == 0 {
		r.records, r.sizes = nil, nil
	}
}

// trim forgets the records up to a number.
func (r *recent) trim(upto int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(func() bool { return r.records[0].Sequence <= upto })
}

// between are those of the records between two numbers, without them, that are
// remembered, oldest first. They are not to be changed.
func (r *recent) between(above, below int64) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.records) == 0 {
		return nil
	}
	first := r.records[0].Sequence
	from := min(max(above+1-first, 0), int64(len(r.records)))
	to := min(max(below-first, from), int64(len(r.records)))
	return r.records[from:to:to]
}
