package export

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
)

// Cursor says how far somebody has read a log, and which one it was.
type Cursor struct {
	Log      string `json:"log"`
	Sequence int64  `json:"sequence"` // the last record that was read; 0: none
	Leaf     string `json:"leaf"`     // its hash, in hex; empty: not known
}

// Tail writes the records after a cursor as lines of JSON, up to the log's
// present end, and returns the cursor behind them. reached is called whenever
// lines have been written. A record whose bytes were pruned has a line, too.
// Where one is missing an error line ends the output, and the error is
// ErrDamaged; ErrForked and ErrRolledBack say that the log is not the one that
// the cursor was in.
func Tail(ctx context.Context, w io.Writer, log *audit.Log, from Cursor, reached func(Cursor) error) (Cursor, error) {
	at := Cursor{log.Origin(), from.Sequence, from.Leaf}
	size, err := log.Size(ctx)
	if err == nil {
		err = from.check(ctx, log, size)
	}
	if err != nil {
		return at, err
	}
	pruned, err := log.Pruned(ctx)
	if err != nil {
		return at, err
	}
	s := selection{log: log, above: max(from.Sequence, 0), below: size + 1}
	t := tail{w: w, at: at, pruned: pruned, reached: reached}
	err = s.pass(ctx, pass{take: takeTailed, give: t.give})
	if err == nil {
		err = t.upTo(size + 1) // what is missing at the end
	}
	return t.at, err
}

// check makes sure that the log still has what was read of it.
func (c Cursor) check(ctx context.Context, log *audit.Log, size int64) error {
	switch {
	case c.Log != "" && c.Log != log.Origin():
		return fmt.Errorf("%w: the cursor is of the log %q, this one is %q", audit.ErrForked, c.Log, log.Origin())
	case c.Sequence > size:
		return fmt.Errorf("%w: the cursor is at the record %d, the log has %d", audit.ErrRolledBack, c.Sequence, size)
	case c.Leaf == "" || c.Sequence < 1:
		return nil
	}
	h, err := leafOf(ctx, log, c.Sequence)
	if err == nil && hex.EncodeToString(h[:]) != c.Leaf {
		err = fmt.Errorf("%w: the record %d is not the one that the cursor was at", audit.ErrForked, c.Sequence)
	}
	return err
}

// leafOf is the hash of a record's bytes, or of one that was pruned the hash
// that is left.
func leafOf(ctx context.Context, log *audit.Log, seq int64) (tlog.Hash, error) {
	e, err := log.Entry(ctx, seq)
	if !errors.Is(err, audit.ErrNotFound) {
		return e.Leaf, err
	}
	h, err := log.Leaf(ctx, seq)
	if errors.Is(err, audit.ErrDamaged) {
		err = fmt.Errorf("the record %d is missing: %w", seq, err)
	}
	return h, err
}

// tail is a log that is being written as lines.
type tail struct {
	w       io.Writer
	at      Cursor
	pruned  int64
	reached func(Cursor) error
}

func takeTailed(p *part, e entryRow) {
	p.numbers = append(p.numbers, e.seq)
	leaf := merkle.Leaf(e.body)
	p.leaves = append(p.leaves, leaf[:]...)
	p.text = appendTailed(p.text, e, leaf)
}

// appendTailed appends an entry's line. Bytes that are not a record are given
// as base64.
func appendTailed(line []byte, e entryRow, leaf tlog.Hash) []byte {
	line = strconv.AppendInt(append(line, `{"sequence":`...), e.seq, 10)
	line = hex.AppendEncode(append(line, `,"leaf":"`...), leaf[:])
	line = time.UnixMicro(e.ts).UTC().AppendFormat(append(line, `","time":"`...), time.RFC3339Nano)
	if audit.IsLine(e.seq, e.body) && json.Valid(e.body) {
		line = append(append(line, `","record":`...), e.body...)
	} else if text, err := json.Marshal(e.body); err == nil {
		line = append(append(line, `","bytes":`...), text...)
	}
	return append(line, '}', '\n')
}

// give writes a part's lines, up to a record that is missing.
func (t *tail) give(p *part) error {
	text := p.text
	for i, seq := range p.numbers {
		if seq != t.at.Sequence+1 {
			if err := t.write(p.text[:len(p.text)-len(text)]); err != nil {
				return err
			}
			p.text = text
			if err := t.upTo(seq); err != nil {
				return err
			}
		}
		text = text[bytesOfLine(text):]
		t.at.Sequence, t.at.Leaf = seq, hex.EncodeToString(p.leaves[i*tlog.HashSize:(i+1)*tlog.HashSize])
	}
	return t.write(p.text)
}

// upTo writes the lines of pruned records before the next one that is there.
func (t *tail) upTo(next int64) error {
	var lines []byte
	for seq := t.at.Sequence + 1; seq < next; seq++ {
		if seq > t.pruned {
			lines = fmt.Appendf(lines, "{\"error\":\"missing\",\"sequence\":%d}\n", seq)
			if err := t.write(lines); err != nil {
				return err
			}
			return fmt.Errorf("%w: the record %d is missing", audit.ErrDamaged, seq)
		}
		lines = fmt.Appendf(lines, "{\"sequence\":%d,\"pruned\":true}\n", seq)
		t.at.Sequence, t.at.Leaf = seq, ""
	}
	return t.write(lines)
}

func (t *tail) write(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	if _, err := t.w.Write(lines); err != nil {
		return err
	}
	return t.reached(t.at)
}
