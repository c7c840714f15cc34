package store

import "sync"

// maxKnown bounds what is kept of a table.
const maxKnown = 1000

// known keeps what was read of a table until this console changes it. On PostgreSQL nothing is kept: other consoles
// change the table, too. The zero value is ready.
type known[V any] struct {
	mu      sync.Mutex
	changes int // how often the table was changed
	all     map[string]V
}

// get returns what is known under a key, or asks.
func (k *known[V]) get(db DB, key string, ask func() (V, error)) (V, error) {
	if db.AtOnce {
		return ask()
	}
	k.mu.Lock()
	v, ok := k.all[key]
	changes := k.changes
	k.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := ask()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil || changes != k.changes { // what was read may be older than the change
		return v, err
	}
	if k.all == nil || len(k.all) >= maxKnown {
		k.all = map[string]V{}
	}
	k.all[key] = v
	return v, nil
}

// changed forgets everything. It is called after each change, whether that succeeded or not.
func (k *known[V]) changed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changes++
	k.all = nil
}
