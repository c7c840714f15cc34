package audit

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// RootAt is the root of the tree of the first records.
func (l *Log) RootAt(ctx context.Context, size int64) (tlog.Hash, error) { return l.rootAt(ctx, size) }

// Leaves are the hashes of some bodies, one after the other.
func Leaves(bodies [][]byte) []byte {
	var hashes []tlog.Hash
	for _, b := range bodies {
		hashes = append(hashes, leafHash(b))
	}
	return joined(hashes)
}

// Resign makes a checkpoint with a key that nobody knows.
func Resign(t testing.TB, origin string, root []byte, size int64) []byte {
	t.Helper()
	signer, err := newSigner(origin, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	c := Checkpoint{Origin: origin, Size: size, Root: tlog.Hash(root), Time: fromMicro(1), Kept: 2}
	signed, err := note.Sign(&note.Note{Text: c.body()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

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

// Fill appends records in large commits, as fast as the database takes them.
// Nobody else may append meanwhile.
func (l *Log) Fill(ctx context.Context, n int, record func(i int) Record) error {
	w := &writer{Log: l, unchecked: true}
	var err error
	if w.signing, err = l.signingState(ctx); err != nil {
		return err
	}
	for i := 0; i < n; {
		var batch []*appending
		for ; i < n && len(batch) < 8192; i++ {
			a := &appending{record: clean(record(i))}
			if a.content, err = encodeContent(a.record); err != nil {
				return err
			}
			batch = append(batch, a)
		}
		if err := w.store(batch); err != nil {
			return err
		}
	}
	w.checkpoint(true)
	return nil
}

// WithoutTree makes a log that only numbers its records, to measure what the
// tree costs.
func WithoutTree(c *Config) { c.withoutTree = true }

// Words are a record's words, as the log's database takes them.
func (l *Log) Words(r Record) string { return l.prepare([]Record{r})[0] }

// ForgetJournals lets Health look anew at the write-ahead logs.
func (l *Log) ForgetJournals() {
	for _, j := range l.journals {
		j.mu.Lock()
		j.at = time.Time{}
		j.mu.Unlock()
	}
}

// CatchUp brings the search tables up to the log's present end.
func (l *Log) CatchUp(ctx context.Context) error { return l.catchUp(ctx) }

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

// MaxRecent is how many records the log remembers at most.
const MaxRecent = maxRecent

// Remembered is how many records are remembered until the search tables have
// them.
func (l *Log) Remembered() int { return l.recent.len() }

// ForgetSummaries lets every query be asked as for the first time.
func (l *Log) ForgetSummaries() { l.summaries.forget() }
