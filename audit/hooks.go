package audit

import (
	"context"
	"slices"
	"sync"
)

// Committed is a record that has just been stored.
type Committed struct {
	*Record
	Bytes int // about how many it takes
}

// hooks are what runs beside the log.
type hooks struct {
	mu       sync.Mutex
	onCommit []func([]Committed)
	healths  []func(context.Context) []Warning
}

// OnCommit has f told of every commit that this log makes from now on, before
// the callers of Append are. f must be quick, because they wait for it, and must
// not change the records; it may keep them.
func (l *Log) OnCommit(f func([]Committed)) {
	l.hooks.mu.Lock()
	defer l.hooks.mu.Unlock()
	l.hooks.onCommit = append(l.hooks.onCommit, f)
}

// AddHealth has Health ask f, too: what runs beside the log says how it is doing.
func (l *Log) AddHealth(f func(context.Context) []Warning) {
	l.hooks.mu.Lock()
	defer l.hooks.mu.Unlock()
	l.hooks.healths = append(l.hooks.healths, f)
}

// committed tells of a commit.
func (l *Log) committed(batch []*appending) {
	l.hooks.mu.Lock()
	told := l.hooks.onCommit // only ever appended to
	l.hooks.mu.Unlock()
	if len(told) == 0 {
		return
	}
	all := make([]Committed, len(batch))
	for i, a := range batch {
		all[i] = Committed{&a.record, len(a.content)}
	}
	for _, f := range told {
		f(all)
	}
}

func (h *hooks) health(ctx context.Context) (out []Warning) {
	h.mu.Lock()
	asked := slices.Clone(h.healths)
	h.mu.Unlock()
	for _, f := range asked {
		out = append(out, f(ctx)...)
	}
	return out
}
