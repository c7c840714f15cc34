package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
)

// Format is a form in which records are exported.
type Format string

// The formats.
const (
	FormatCSV   Format = "csv"   // for spreadsheets: UTF-8 with a byte order mark, RFC 4180
	FormatJSONL Format = "jsonl" // the exact bytes of each record, one a line
)

// Progress is told how many of the log's numbers have been looked at, and how
// many there are to look at. An error of it ends the work, which returns it.
type Progress func(done, total int64) error

// Export hands all matching records that the log holds at its start to each,
// oldest first, until it returns an error, which Export returns. It reads in
// small parts, so that a long export holds no transaction. Limit does not
// apply. Without search tables it reads the log itself.
func (l *Log) Export(ctx context.Context, q Query, each func(Record) error) error {
	return l.pass(ctx, q, pass{
		decodes: true,
		take:    func(p *part, e entryRow) { p.records = append(p.records, *e.record) },
		give: func(p *part) error {
			for _, r := range p.records {
				if err := each(r); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// WriteRecords writes the matching records as text, as Export selects them: as
// CSV as q.Visible shows them, as JSON Lines in their own bytes.
// What it writes is whole records, also when it fails; nothing where it could
// not begin.
func (l *Log) WriteRecords(ctx context.Context, w io.Writer, q Query, format Format, progress Progress) error {
	s, err := l.exported(ctx, q)
	if err != nil {
		return err
	}
	o := pass{progress: progress, give: func(p *part) error { _, err := w.Write(p.text); return err }}
	switch format {
	case FormatCSV:
		if _, err := w.Write(csvHead()); err != nil {
			return err
		}
		o.decodes = true
		o.take = func(p *part, e entryRow) {
			shown := q.Visible.Show(*e.record)
			p.text = appendCSV(p.text, &shown)
		}
	case FormatJSONL:
		o.take = func(p *part, e entryRow) { p.text = appendLine(p.text, e) }
	default:
		return fmt.Errorf("audit: there is no format %q", format)
	}
	return l.passScan(ctx, s, o)
}

// Expected is how many records an export will have, as far as that is known
// quickly: with more, there are more than n.
func (l *Log) Expected(ctx context.Context, q Query) (n int64, more bool, err error) {
	if q.everything() {
		first, last, err := l.Bounds(ctx, q)
		return max(last-first+1, 0), false, err
	}
	counted, more, err := l.Count(ctx, q)
	return int64(counted), more, err
}

// appendLine appends a record's bytes as a line. Bytes that are not one line
// of a record are not what Append wrote: a description stands in their place.
func appendLine(line []byte, e entryRow) []byte {
	if isLine(e.seq, e.body) {
		return append(append(line, e.body...), '\n')
	}
	r := e.record
	if r == nil {
		d := entry(e.seq, e.ts, e.body)
		r = &d
	}
	text, err := encode(*r)
	if err != nil { // of a string, numbers and nothing else
		text = []byte("{}")
	}
	return append(append(line, text...), '\n')
}

// Bounds are the first and the last number of the log that a query's times and
// pages leave, whatever else it asks for. There are none when last < first.
func (l *Log) Bounds(ctx context.Context, q Query) (first, last int64, err error) {
	s, err := l.exported(ctx, q)
	return s.above + 1, s.below - 1, err
}

// exported is the scan of an export, bounded by what the log holds now.
func (l *Log) exported(ctx context.Context, q Query) (scan, error) {
	if err := l.awaitNotes(ctx); err != nil {
		return scan{}, err
	}
	size, err := l.Size(ctx)
	if err != nil {
		return scan{}, err
	}
	s := newScan(q, math.MaxInt)
	s.oldestFirst = true
	s.below = min(s.below, size+1)
	return l.bounded(ctx, s)
}

// entryRow is an entry as it is read. body is valid until the next one; record
// is nil where nobody asked for it.
type entryRow struct {
	seq, ts int64
	body    []byte
	record  *Record
}

// pass is a way through the log. Parts of it are read and converted side by
// side by take, and handed to give in order.
type pass struct {
	decodes  bool
	take     func(*part, entryRow)
	give     func(*part) error
	progress Progress // may be nil
}

// part is a run of the log that is read at a time. Its sizes keep a pass over
// the largest records below 64 MiB.
type part struct {
	above, upto int64
	seqs        []int64 // only these; nil: all that match
	done        chan struct{}
	err         error

	records []Record
	text    []byte
	leaves  []byte
	numbers []int64
}

const (
	partWidth     = tileWidth
	partsAtATime  = 3
	indexedAtOnce = 4 * partWidth
	maxReaders    = 2 // an export must leave the processors to others
)

// pass goes through what a query selects.
func (l *Log) pass(ctx context.Context, q Query, o pass) error {
	s, err := l.exported(ctx, q)
	if err != nil {
		return err
	}
	return l.passScan(ctx, s, o)
}

func (l *Log) passScan(ctx context.Context, s scan, o pass) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	jobs, ordered := make(chan *part), make(chan *part, partsAtATime)
	spare := make(chan []byte, partsAtATime) // texts that were given, to be written over
	var planned error
	group.Go(func() {
		defer close(jobs)
		defer close(ordered) // planned is written before
		planned = l.planParts(ctx, s, func(p *part) bool { return hand(ctx, p, ordered) && hand(ctx, p, jobs) })
	})
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		group.Go(func() {
			for p := range jobs {
				select {
				case p.text = <-spare:
				default:
				}
				p.err = l.readPart(ctx, s, p, o)
				close(p.done)
			}
		})
	}
	for p := range ordered {
		if err := givePart(ctx, s, p, o); err != nil {
			return err
		}
		select {
		case spare <- p.text[:0]:
		default:
		}
	}
	return errors.Join(planned, ctx.Err())
}

// hand hands a part on, unless the context ends.
func hand(ctx context.Context, p *part, to chan<- *part) bool {
	select {
	case to <- p:
		return true
	case <-ctx.Done():
		return false
	}
}

func givePart(ctx context.Context, s scan, p *part, o pass) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.err != nil {
		return p.err
	}
	if o.progress != nil {
		if err := o.progress(p.upto-s.above, s.below-s.above-1); err != nil {
			return err
		}
	}
	return o.give(p)
}

// planParts splits a scan into parts: by the search tables as far as they
// help, by numbers beyond.
func (l *Log) planParts(ctx context.Context, s scan, send func(*part) bool) error {
	if !s.everything() && l.cfg.SearchRead != nil {
		upto, err := l.followed(ctx)
		if err != nil {
			return err
		}
		indexed := s
		indexed.below = min(s.below, upto+1)
		if more, err := l.planIndexed(ctx, indexed, send); err != nil || !more {
			return err
		}
		s.above = max(s.above, upto)
	}
	for at := s.above; at < s.below-1; at += partWidth {
		if !send(&part{above: at, upto: min(at+partWidth, s.below-1), done: make(chan struct{})}) {
			return nil
		}
	}
	return nil
}

func (l *Log) planIndexed(ctx context.Context, s scan, send func(*part) bool) (more bool, err error) {
	s.limit = indexedAtOnce
	for s.above < s.below-1 {
		st, ok := l.statement(s)
		if !ok {
			return true, nil
		}
		seqs, err := column[int64](l.cfg.SearchRead.QueryContext(ctx, `SELECT seq FROM (`+st.text+`) m ORDER BY seq`, st.args...))
		if err != nil {
			return false, err
		}
		for some := range slices.Chunk(seqs, partWidth) {
			if !send(&part{above: some[0] - 1, upto: some[len(some)-1], seqs: some, done: make(chan struct{})}) {
				return false, nil
			}
		}
		if len(seqs) < s.limit {
			return true, nil
		}
		s.above = seqs[len(seqs)-1]
	}
	return true, nil
}

// readPart reads a part's entries. One that the search tables know and the log
// does not have is reported like one that cannot be read.
func (l *Log) readPart(ctx context.Context, s scan, p *part, o pass) error {
	where, args := `seq > $1 AND seq <= $2`, []any{p.above, p.upto}
	if p.seqs != nil {
		var c conditions
		where = `seq IN (` + list(&c, p.seqs) + `)`
		args = c.args
	}
	missing := p.seqs
	err := l.eachEntry(ctx, where, args, func(seq, ts int64, body []byte) error {
		for len(missing) > 0 && missing[0] < seq {
			missing = takeMissing(p, missing, o)
		}
		if len(missing) > 0 {
			missing = missing[1:]
		}
		takeEntry(s, p, entryRow{seq: seq, ts: ts, body: body}, o)
		return nil
	})
	if err != nil {
		return err
	}
	for len(missing) > 0 {
		missing = takeMissing(p, missing, o)
	}
	return nil
}

// eachEntry is Config's EachEntry on every engine.
func (l *Log) eachEntry(ctx context.Context, where string, args []any, each func(seq, ts int64, body []byte) error) error {
	if err := l.cfg.EachEntry(ctx, where, args, each); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	rows, err := l.cfg.LogRead.QueryContext(ctx, `SELECT seq, ts, body FROM entry WHERE `+where+` ORDER BY seq`, args...) //nolint:gosec // text of this package
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var seq, ts int64
	var body sql.RawBytes
	to := []any{&seq, &ts, &body}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		if err := each(seq, ts, body); err != nil {
			return err
		}
	}
	return rows.Err()
}

func takeMissing(p *part, missing []int64, o pass) []int64 {
	r := damaged(missing[0], 0, "it is missing")
	o.take(p, entryRow{seq: missing[0], record: &r})
	return missing[1:]
}

func takeEntry(s scan, p *part, e entryRow, o pass) {
	matching := p.seqs != nil || s.everything() // it is known already
	if o.decodes || !matching {
		r := quickEntry(e.seq, e.ts, e.body)
		if !matching && !s.matches(r) {
			return
		}
		e.record = &r
	}
	o.take(p, e)
}
