// Package memory is what the log says about operations, in memory: what is pending,
// which keys are used, and the records of each operation, which make its receipt.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"coc-console/audit"
	"coc-console/audit/search"
)

// MaxEnded and maxUnused bound what is remembered of operations that are not open, and of keys of
// which the log has nothing.
const MaxEnded, maxUnused = 1 << 10, 1 << 14

// Operations is what the log says about operations and approvals, in memory, so that
// nothing is searched for on the way of an operation.
//
// It has every record of theirs above the sequence from, which moves up as ended
// ones are forgotten, and every record of an operation without an end. Where it
// can't tell what the log has under an id, as with a very old key, it says so, and
// a search tells.
//
// It is never behind a decision. Records reach it in the order of the log. A
// console that has the log alone hears of each commit before whoever waits for it
// (audit.Log.OnCommit). Where consoles share the log, a record's number is given
// under the lock of the log's head, in the commit that stores it: whoever reads
// what is above upTo misses nothing that was durable before. An operation does that
// before it looks for what is pending, again when it has its claim, and up to its
// own request before it is sent. Two consoles never get past one claim, and a claim
// ends after its operation's end is durable. So whoever gets a target later finds
// the other's operation here: without its end, or begun since the ticket was read.
// Either stops it.
type Operations struct {
	log    *audit.Log
	index  *search.Index
	shared bool          // other consoles append to the log
	turn   chan struct{} // holds one while the log is read

	mu     sync.Mutex
	loaded bool
	begun  int64 // how often the log was read
	failed error // by the last reading
	from   int64
	upTo   int64
	head   int64                    // what this console has appended
	of     map[string]*remembered   // by id
	open   map[string][]*remembered // by ticket, in the order of their requests
	newest map[string]*remembered   // by target: what was requested last
	ended  []string                 // ids, the oldest first
	unused map[string]int64         // ids of which the log has nothing up to that sequence
	made   []string                 // the same, the oldest first
}

// remembered are the records of one id.
type remembered struct {
	records   []audit.Record
	whole     bool // there are no others
	open      bool
	requested audit.Record
}

// New returns a memory of a log, which is read at its first use. shared says that other
// consoles append to the log.
func New(log *audit.Log, index *search.Index, shared bool) *Operations {
	m := &Operations{log: log, index: index, shared: shared, turn: make(chan struct{}, 1), unused: map[string]int64{}}
	log.OnCommit(m.committed)
	return m
}

// committed takes up what this console has appended. Where another has appended in between, the next reading does.
func (m *Operations) committed(batch []audit.Committed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.head = batch[len(batch)-1].Sequence
	if !m.loaded || batch[0].Sequence != m.upTo+1 {
		return
	}
	for _, c := range batch {
		m.add(*c.Record)
	}
	m.upTo = m.head
}

// Update waits until the memory has what is durable now.
func (m *Operations) Update(ctx context.Context) error { return m.reach(ctx, math.MaxInt64) }

// reach waits until the memory has everything up to a durable sequence, or up to
// the log's present end. Who waits at the same time shares a reading that began later.
func (m *Operations) reach(ctx context.Context, seq int64) error {
	m.mu.Lock()
	before, here := m.begun, m.loaded && (m.upTo >= seq || !m.shared && m.upTo >= m.head && m.log.Failing() == nil)
	m.mu.Unlock()
	if here {
		return nil
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	m.mu.Lock()
	if m.begun > before && m.failed == nil {
		m.mu.Unlock()
		return nil
	}
	m.begun++
	upTo, loaded := m.upTo, m.loaded
	m.mu.Unlock()
	err := m.read(ctx, upTo, loaded)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed, m.loaded = err, loaded || err == nil; err != nil {
		return fmt.Errorf("read operations from the log: %w", err)
	}
	return nil
}

// read takes up what the log has above upTo, at first after the operations that have no end.
func (m *Operations) read(ctx context.Context, upTo int64, loaded bool) error {
	if !loaded {
		first, open, err := m.index.OpenOperations(ctx)
		if err != nil {
			return err
		}
		upTo = first
		m.load(first, slices.Concat(open...))
	}
	return m.log.EachEntry(ctx, `seq > $1`, []any{upTo}, func(seq, ts int64, body []byte) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if seq <= m.upTo { // the commit was faster
			return nil
		}
		if bytes.Contains(body, []byte(`"operation_id":"`)) {
			m.add(audit.DecodeEntry(seq, ts, body))
		}
		m.upTo = seq
		return nil
	})
}

// load begins with the records, up to a sequence, of the operations without an end.
func (m *Operations) load(upTo int64, open []audit.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of, m.open, m.newest = map[string]*remembered{}, map[string][]*remembered{}, map[string]*remembered{}
	m.ended, m.made, m.unused = nil, nil, map[string]int64{}
	m.from, m.upTo = upTo, upTo
	slices.SortFunc(open, func(a, b audit.Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, r := range open {
		if r.Sequence <= upTo {
			m.unused[r.OperationID] = upTo // these are all
			m.add(r)
		}
	}
	clear(m.unused)
}

// add takes up the next record.
func (m *Operations) add(r audit.Record) {
	if r.OperationID == "" || !isRemembered(r.Action) {
		return
	}
	e := m.of[r.OperationID]
	if e == nil {
		e = &remembered{whole: m.absent(r.OperationID)}
		m.of[r.OperationID] = e
	}
	was, first := e.open, len(e.records) == 0
	e.records = append(e.records, r)
	receipt, err := ReceiptOf(r.OperationID, e.records)
	e.open = err == nil && receipt.Open()
	switch ticket := receipt.Requested.Ticket; {
	case e.open && !was:
		e.requested = receipt.Requested
		m.open[ticket] = append(m.open[ticket], e)
		m.newest[TargetOf(e.requested)] = e
	case was && !e.open:
		m.close(ticket, e)
	}
	if !e.open && (was || first) {
		m.ended = append(m.ended, r.OperationID)
		m.forget()
	}
}

// close takes an operation off those of its ticket that are open.
func (m *Operations) close(ticket string, e *remembered) {
	left := slices.DeleteFunc(m.open[ticket], func(o *remembered) bool { return o == e })
	if m.open[ticket] = left; len(left) == 0 {
		delete(m.open, ticket)
	}
}

func isRemembered(a audit.Action) bool {
	return strings.HasPrefix(string(a), "operation.") || strings.HasPrefix(string(a), "approval.")
}

// forget drops the oldest of what has ended.
func (m *Operations) forget() {
	for len(m.ended) > MaxEnded {
		id := m.ended[0]
		m.ended = m.ended[1:]
		e := m.of[id]
		if e == nil || e.open { // it comes again
			continue
		}
		m.from = max(m.from, e.records[len(e.records)-1].Sequence)
		delete(m.of, id)
		if target := TargetOf(e.requested); m.newest[target] == e {
			delete(m.newest, target)
		}
	}
}

// absent reports whether the log has nothing under an id that is not here.
func (m *Operations) absent(id string) bool {
	upTo, ok := m.unused[id]
	return ok && upTo >= m.from
}

// setUnused notes that the log had nothing under an id up to a sequence.
func (m *Operations) setUnused(id string, upTo int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.unused[id]; !known {
		m.made = append(m.made, id)
	}
	m.unused[id] = upTo
	for len(m.made) > maxUnused {
		delete(m.unused, m.made[0])
		m.made = m.made[1:]
	}
}

// End is the last sequence that the memory knows.
func (m *Operations) End() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.upTo
}

// records are those of an operation up to a sequence; not whole when they may not be all.
func (m *Operations) records(id string) (records []audit.Record, whole bool, upTo int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.of[id]; e != nil {
		return slices.Clip(e.records), e.whole, m.upTo
	}
	return nil, m.absent(id), m.upTo
}

// OpenOn are the requests on a ticket that have no end, the newest first.
func (m *Operations) OpenOn(ticket string) []audit.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []audit.Record
	for _, e := range slices.Backward(m.open[ticket]) {
		open = append(open, e.requested)
	}
	return open
}

// OpenUpTo are the ids of the operations without an end that were requested up to a sequence, in order.
func (m *Operations) OpenUpTo(seq int64) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*remembered
	for _, on := range m.open {
		all = append(all, on...)
	}
	slices.SortFunc(all, func(a, b *remembered) int { return cmp.Compare(a.requested.Sequence, b.requested.Sequence) })
	var ids []string
	for _, e := range all {
		if e.requested.Sequence <= seq {
			ids = append(ids, e.requested.OperationID)
		}
	}
	return ids
}

// OthersOn are the requests on a target, but for the one of an id, that have no end
// or came after a sequence, the newest first.
func (m *Operations) OthersOn(ticket, target, but string, since int64) []audit.Record {
	name := ticket + " " + target
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clip(m.open[ticket])
	if e := m.newest[name]; e != nil && !e.open && e.requested.Sequence > since {
		all = append(all, e)
	}
	var others []audit.Record
	for _, e := range slices.Backward(all) {
		if e.requested.OperationID != but && TargetOf(e.requested) == name {
			others = append(others, e.requested)
		}
	}
	return others
}

// KeyMade tells that a key was made, by chance, for a form: the log can't have it yet.
func (m *Operations) KeyMade(key string) { m.setUnused(key, m.End()) }

// Of are the records under an operation's id, those of its approval among them.
func (m *Operations) Of(ctx context.Context, id string) ([]audit.Record, error) {
	return m.UpTo(ctx, id, math.MaxInt64)
}

// UpTo is Of for who needs those up to a durable sequence.
func (m *Operations) UpTo(ctx context.Context, id string, seq int64) ([]audit.Record, error) {
	if err := m.reach(ctx, seq); err != nil {
		return nil, err
	}
	records, whole, upTo := m.records(id)
	if whole {
		return records, nil
	}
	records, err := m.index.Operation(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read operation %s from the log: %w", id, err)
	}
	if len(records) == 0 {
		m.setUnused(id, upTo)
	}
	return records, nil
}

// IsFirst reports whether a request is the only one of its key: somebody may have
// deleted the key's claim in between.
func (m *Operations) IsFirst(ctx context.Context, requested audit.Record) (bool, error) {
	records, err := m.UpTo(ctx, requested.OperationID, requested.Sequence)
	if err != nil {
		return false, err
	}
	receipt, err := ReceiptOf(requested.OperationID, records)
	return receipt.Requested.Sequence == requested.Sequence, err
}
