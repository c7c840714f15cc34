package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/internal/sqlutil"
)

// checkpoints reads those that are kept, the head's, the anchor's and the one
// to begin from, and checks all that can be seen without the records.
func (v *verification) checkpoints(ctx context.Context) error {
	if v.options.From.Size > v.head.size {
		v.add(Finding{Kind: FindingRolledBack, Checkpoint: v.options.From.Size,
			Text: "the log has %d records, and had %d"},
			v.head.size, v.options.From.Size)
	} else if v.options.From.Size > 0 {
		v.marks = append(v.marks, mark{v.options.From, FindingForked, false})
	}
	if len(v.options.Keys) == 0 {
		return nil
	}
	kept, err := v.kept(ctx)
	if err != nil {
		return err
	}
	v.report.Kept = kept
	if c, ok := v.signed("the head's checkpoint", v.head.note, 0); ok {
		if kept, err = v.keptThen(ctx, c, kept); err != nil {
			return err
		}
		v.headNote(c, kept)
		v.setEdge(c)
	} else if len(v.head.note) == 0 && kept > 0 {
		v.add(Finding{Kind: FindingCheckpointGone, Text: "the head has no checkpoint, though %d are kept"}, kept)
	}
	if len(v.marks) == 0 && v.head.size > 0 && len(v.report.Findings) == 0 && !v.options.LowPriority {
		v.add(Finding{Kind: FindingCheckpointGone, Text: "no checkpoint is signed: nothing shows that these records are those that were written"})
	}
	if c, ok := v.signed("the anchored checkpoint", v.options.Anchor, 0); ok {
		v.mark(c, FindingForked)
	} else if v.options.Anchor != nil && len(v.options.Anchor) == 0 {
		v.add(Finding{Kind: FindingSignature, Text: "the anchored checkpoint is empty"})
	}
	return nil
}

// keptThen is how many checkpoints were kept when the head was read: the log
// goes on while it is verified, and its history was read a moment later. What
// the present head knows of came in between.
func (v *verification) keptThen(ctx context.Context, c audit.Checkpoint, kept int64) (int64, error) {
	if kept <= c.Kept {
		return kept, nil
	}
	var text []byte
	if err := v.log.Reader().QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&text); err != nil {
		return 0, fmt.Errorf("read the latest checkpoint: %w", err)
	}
	if now, ok := v.signed("the head's checkpoint", text, 0); ok && now.Kept >= kept {
		return c.Kept, nil
	}
	return kept, nil
}

// setEdge takes the leaves that the head keeps of the last tile.
func (v *verification) setEdge(c audit.Checkpoint) {
	if int64(len(v.head.edge)) != c.Size%merkle.TileWidth*tlog.HashSize {
		v.add(Finding{Kind: FindingHead, Text: "the head does not have the leaves of the last tile"})
		return
	}
	v.edgeTile, v.edge = c.Size/merkle.TileWidth, merkle.Split(v.head.edge)
}

// sortMarks puts the sizes at which roots are known into order.
func (v *verification) sortMarks(context.Context) error {
	slices.SortStableFunc(v.marks, func(a, b mark) int { return cmp.Compare(a.Size, b.Size) })
	for _, m := range v.marks {
		v.sizes = append(v.sizes, m.Size)
	}
	return nil
}

// kept reads the history of checkpoints and returns the last one's number.
func (v *verification) kept(ctx context.Context) (last int64, err error) {
	rows, err := v.log.Reader().QueryContext(ctx, `SELECT n, size, ts, note FROM checkpoint WHERE n > $1 ORDER BY n`, v.options.From.Kept)
	if err != nil {
		return 0, fmt.Errorf("read the kept checkpoints: %w", err)
	}
	defer func() { _ = rows.Close() }()
	last = v.options.From.Kept
	var before audit.Checkpoint
	for rows.Next() {
		var n, size, ts int64
		var signed []byte
		if err := rows.Scan(&n, &size, &ts, &signed); err != nil {
			return 0, fmt.Errorf("read the kept checkpoints: %w", err)
		}
		if v.gone(last+1, n); n == last {
			v.add(Finding{Kind: FindingCheckpoint, Checkpoint: size, Text: "there is more than one checkpoint %d"}, n)
		}
		last = n
		c, ok := v.signed(fmt.Sprintf("the checkpoint %d", n), signed, size)
		if !ok {
			continue
		}
		if c.Kept != n || c.Size != size || c.Time.UnixMicro() != ts {
			v.add(Finding{Kind: FindingCheckpoint, Checkpoint: size, Text: "the checkpoint %d of %d records, of %s, says that it is number %d, of %d records, of %s"},
				n, size, exactly(time.UnixMicro(ts)), c.Kept, c.Size, exactly(c.Time))
		}
		switch {
		case c.Size < before.Size:
			v.add(Finding{Kind: FindingCheckpoint, Checkpoint: size, Text: "the checkpoint %d is older than the one before"}, n)
		case c.Time.Before(before.Time):
			// Its number is signed with its time: nobody without the key has moved it here.
			v.note(Finding{Kind: NoteClock, Checkpoint: size, Text: "the checkpoint %d was signed by a clock that was %v behind the one before; nothing was changed"},
				n, before.Time.Sub(c.Time))
		}
		before = c
		if c.Note = nil; c.Size > v.report.From {
			v.mark(c, FindingCheckpointRoot)
		}
	}
	return last, sqlutil.Wrap(rows.Err(), "read the kept checkpoints")
}

func exactly(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func (v *verification) gone(from, to int64) {
	for n := from; n < to && len(v.report.Findings) < maxFindings; n++ {
		v.add(Finding{Kind: FindingCheckpointGone, Text: "the checkpoint %d is missing"}, n)
	}
}

// headNote compares the head's checkpoint with the history.
func (v *verification) headNote(c audit.Checkpoint, kept int64) {
	v.gone(kept+1, c.Kept+1)
	if c.Kept < kept {
		v.add(Finding{Kind: FindingHead, Checkpoint: c.Size, Text: "the head's checkpoint knows %d others, and %d are kept"}, c.Kept, kept)
	}
	if c.Size >= v.report.From {
		v.mark(c, FindingCheckpointRoot)
	}
}

// signed reads a checkpoint whose signature must be good.
func (v *verification) signed(what string, text []byte, size int64) (audit.Checkpoint, bool) {
	if len(text) == 0 {
		return audit.Checkpoint{}, false
	}
	c, err := audit.ParseCheckpoint(text, v.options.Keys...)
	if err != nil {
		v.add(Finding{Kind: FindingSignature, Checkpoint: size, Text: "%s is not signed by a known key: %s"}, what,
			strings.TrimPrefix(err.Error(), audit.ErrSignature.Error()+": "))
	} else if c.Origin != v.log.Origin() {
		v.add(Finding{Kind: FindingSignature, Checkpoint: size, Text: "%s is one of the log %q, not of %q"}, what,
			c.Origin, v.log.Origin())
		err = audit.ErrForked
	}
	return c, err == nil
}

// mark remembers to compare the root at a checkpoint.
func (v *verification) mark(c audit.Checkpoint, kind string) {
	if c.Size > v.head.size {
		v.add(Finding{Kind: FindingRolledBack, Checkpoint: c.Size, Text: "a checkpoint of %d records is signed, and the log has %d"}, c.Size, v.head.size)
		return
	}
	v.marks = append(v.marks, mark{c, kind, true})
}

// outside looks for rows beyond the log's numbers. Each is one statement: the
// log may grow meanwhile.
func (v *verification) outside(ctx context.Context) error {
	for _, where := range []string{`seq > (SELECT size FROM head WHERE id = 1 LIMIT 1)`, `seq < 1`} {
		seqs, err := sqlutil.Column[int64](v.log.Reader().QueryContext(ctx,
			`SELECT seq FROM entry WHERE `+where+` ORDER BY seq LIMIT 1000`))
		if err != nil {
			return fmt.Errorf("read entries out of place: %w", err)
		}
		for _, seq := range seqs {
			v.add(Finding{Kind: FindingRecordExtra, Sequence: seq, Text: "the record %d is not among the log's %d"}, seq, v.head.size)
		}
	}
	for level := range merkle.Levels {
		ns, err := sqlutil.Column[int64](v.log.Reader().QueryContext(ctx, `SELECT n FROM tile WHERE l = $1 AND
			(n < 0 OR n >= (SELECT size / $2 FROM head WHERE id = 1 LIMIT 1)) ORDER BY n LIMIT 1000`, level, widthOf(level+1)))
		if err != nil {
			return fmt.Errorf("read tiles of level %d: %w", level, err)
		}
		for _, n := range ns {
			v.add(Finding{Kind: FindingTileExtra, Tile: merkle.TilePath(level, n),
				Text: "there are no records for %s"}, merkle.TilePath(level, n))
		}
	}
	strange, err := sqlutil.Column[int64](v.log.Reader().QueryContext(ctx, `SELECT n FROM tile WHERE l < 0 OR l >= $1 LIMIT 1000`, merkle.Levels))
	for _, n := range strange {
		v.add(Finding{Kind: FindingTileExtra, Text: "there is no level for the tile %d"}, n)
	}
	return sqlutil.Wrap(err, "read tiles of no level")
}
