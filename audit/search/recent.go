package search

import (
	"slices"
	"sync"

	"coc-console/audit"
	"coc-console/audit/query"
)

// recent are the newest records as the writer has written them, until the
// search tables have them: searches, which add what those have not reached,
// and the follower need not read and decode them again. It is a memory of what
// is durable, without gaps; where it does not reach, the log itself is read.
type recent struct {
	mu      sync.Mutex
	records []*recentRecord // consecutive
	bytes   int             // of their bodies
}

// recentRecord is a record with its words, which are split once.
type recentRecord struct {
	audit.Committed
	split sync.Once
	found []string
}

// single is a record that was read from the log.
func single(r *audit.Record) *recentRecord {
	return &recentRecord{Committed: audit.Committed{Record: r}}
}

func (r *recentRecord) words() []string {
	r.split.Do(func() { r.found = query.Words(*r.Record) })
	return r.found
}

// The limits of what is remembered.
const (
	maxRecent      = 16 * followBatch
	maxRecentBytes = 32 << 20
)

// add remembers a batch that was committed.
func (r *recent) add(batch []audit.Committed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.records); n > 0 && r.records[n-1].Sequence+1 != batch[0].Sequence {
		r.records, r.bytes = nil, 0 // another console has written in between
	}
	for _, c := range batch {
		r.bytes += c.Bytes
		r.records = append(r.records, &recentRecord{Committed: c})
	}
	r.drop(func() bool { return len(r.records) > maxRecent || r.bytes > maxRecentBytes })
}

// drop forgets the oldest records while there are too many. Searches may still
// read them: nothing is changed in place.
func (r *recent) drop(tooMany func() bool) {
	for len(r.records) > 0 && tooMany() {
		r.bytes -= r.records[0].Bytes
		r.records = r.records[1:]
	}
}

// trim forgets the records up to a number.
func (r *recent) trim(upto int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(func() bool { return r.records[0].Sequence <= upto })
	r.records = slices.Clone(r.records) // or those that are forgotten stay in memory
}

// len is how many records are remembered.
func (r *recent) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.records)
}

// between are those of the records between two numbers, without them, that are
// remembered, oldest first. The caller must not change the list.
func (r *recent) between(above, below int64) []*recentRecord {
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
