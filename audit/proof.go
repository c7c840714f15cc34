package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit/internal/merkle"
	"coc-console/audit/internal/tree"
	"coc-console/internal/sqlutil"
)

// Entry is a record as the log keeps it.
type Entry struct {
	Sequence int64
	Time     time.Time
	Body     []byte    // the exact bytes
	Leaf     tlog.Hash // SHA-256 of a zero byte and Body: the leaf Sequence-1 of the tree
}

// Entry returns a record's bytes, or ErrNotFound.
func (l *Log) Entry(ctx context.Context, seq int64) (Entry, error) {
	e := Entry{Sequence: seq}
	var ts int64
	err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT ts, body FROM entry WHERE seq = $1`, seq).Scan(&ts, &e.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, ErrNotFound
	}
	e.Time, e.Leaf = fromMicro(ts), merkle.Leaf(e.Body)
	return e, sqlutil.Wrap(err, "read record", strconv.FormatInt(seq, 10))
}

// Prove returns the hashes that lead from the leaf of a record to the root of
// the tree with size records (RFC 6962, section 2.1.1).
func (l *Log) Prove(ctx context.Context, seq, size int64) (tlog.RecordProof, error) {
	if err := l.inTree(ctx, size); err != nil {
		return nil, err
	}
	if seq < 1 || seq > size {
		return nil, ErrNotFound
	}
	return tlog.ProveRecord(size, seq-1, l.tiles.Hashes(ctx))
}

// Consistency returns the hashes that show that the tree with newer records
// continues the one with older (RFC 6962, section 2.1.2).
func (l *Log) Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	if err := l.inTree(ctx, newer); err != nil {
		return nil, err
	}
	if older < 0 || older > newer {
		return nil, fmt.Errorf("audit: %d records cannot come before %d", older, newer)
	}
	if older == 0 {
		return tlog.TreeProof{}, nil
	}
	return tlog.ProveTree(newer, older, l.tiles.Hashes(ctx))
}

// inTree refuses trees that the log has not reached.
func (l *Log) inTree(ctx context.Context, size int64) error {
	now, err := l.Size(ctx)
	if err == nil && size > now {
		err = fmt.Errorf("%w: the log has %d records, not %d", ErrNotFound, now, size)
	}
	return err
}

// rootAt is the root of the tree that the first size records form.
func (l *Log) rootAt(ctx context.Context, size int64) (tlog.Hash, error) {
	return tlog.TreeHash(size, l.tiles.Hashes(ctx))
}

// Hashes reads the tree's hashes from the tiles, and where those are not full,
// from what is below. It believes nothing that was read before.
func (l *Log) Hashes(ctx context.Context) tlog.HashReader { return l.tiles.Stored(ctx) }

// Nodes derives the nodes [from, to) of a tile level from what is stored below
// it: the entries, or the full tiles of the level below.
func (l *Log) Nodes(ctx context.Context, level int, from, to int64) ([]tlog.Hash, error) {
	return tree.Nodes(ctx, l.cfg.LogRead, level, from, to)
}

// Leaf is the leaf hash of a record, also of one whose bytes Prune removed.
func (l *Log) Leaf(ctx context.Context, seq int64) (tlog.Hash, error) {
	if err := l.inTree(ctx, seq); err != nil {
		return tlog.Hash{}, err
	}
	if seq < 1 {
		return tlog.Hash{}, ErrNotFound
	}
	found, err := l.tiles.Hashes(ctx).ReadHashes([]int64{tlog.StoredHashIndex(0, seq-1)})
	if err != nil {
		return tlog.Hash{}, err
	}
	return found[0], nil
}
