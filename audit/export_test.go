package audit

import "golang.org/x/mod/sumdb/tlog"

// Head returns the root and the frontier of the tree over some bodies.
func Head(bodies [][]byte) (root, frontier []byte, tiles int) {
	var t tree
	for _, b := range bodies {
		if err := t.add(leafHash(b)); err != nil {
			return nil, nil, 0
		}
	}
	h := t.root()
	return h[:], joined(t.frontier), len(t.full)
}

// Hash is a hash of the tree.
type Hash = tlog.Hash

// Queued is the number of records that wait for the writer.
func (l *Log) Queued() int { return len(l.queue) }

// PauseFollower keeps the search tables as they are until resume is called.
func (l *Log) PauseFollower() (resume func()) {
	l.following.Lock()
	return l.following.Unlock
}

// The limits that tests go up to and beyond.
const (
	QueueLength = queueLength
	MaxBatch    = maxBatch
	FollowBatch = followBatch
	MaxShort    = maxShort
	MaxLong     = maxLong
)
