// Package export takes records out of the audit log: as CSV and JSON Lines, as
// bundles that prove what they hold (Bundle, VerifyBundle), and as a stream that
// goes on where it ended (Tail).
package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/search"
	"coc-console/internal/sqlutil"
)

// Format is a form in which records are exported.
type Format string

// The formats.
const (
	CSV   Format = "csv"   // for spreadsheets: UTF-8 with a byte order mark, RFC 4180
	JSONL Format = "jsonl" // the exact bytes of each record, one a line
)

// Progress is told how many of the log's numbers have been looked at, and how
// many there are to look at. An error of it ends the work, which returns it.
type Progress func(done, total int64) error

// Records hands all matching records that the log holds at its start to each,
// oldest first, until it returns an error, which Records returns. It reads in
// small parts, so that a long export holds no transaction. Limit does not
// apply. Without search tables it reads the log itself.
func Records(ctx context.Context, in *search.Index, q search.Query, each func(audit.Record) error) error {
	s, err := selected(ctx, in, q)
	if err != nil {
		return err
	}
	return s.pass(ctx, pass{
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

// Write writes the matching records as text, as Records selects them: as CSV as
// q.Visible shows them, as JSON Lines in their own bytes. What it writes is whole
// records, also when it fails; nothing where it could not begin.
func Write(ctx context.Context, w io.Writer, in *search.Index, q search.Query, format Format, progress Progress) error {
	s, err := selected(ctx, in, q)
	if err != nil {
		return err
	}
	return s.write(ctx, w, format, progress)
}

func (s selection) write(ctx context.Context, w io.Writer, format Format, progress Progress) error {
	o := pass{progress: progress, give: func(p *part) error { _, err := w.Write(p.text); return err }}
	switch format {
	case CSV:
		if _, err := w.Write(csvHead()); err != nil {
			return err
		}
		o.decodes = true
		o.take = func(p *part, e entryRow) {
			shown := s.query.Visible.Show(*e.record)
			p.text = appendCSV(p.text, &shown)
		}
	case JSONL:
		o.take = func(p *part, e entryRow) { p.text = appendLine(p.text, e) }
	default:
		return fmt.Errorf("audit: there is no format %q", format)
	}
	return s.pass(ctx, o)
}

// Expected is how many records an export will have, as far as that is known
// quickly: with more, there are more than n.
func Expected(ctx context.Context, in *search.Index, q search.Query) (n int64, more bool, err error) {
	if q.Everything() {
		first, last, err := in.Bounds(ctx, q)
		return max(last-first+1, 0), false, err
	}
	counted, more, err := in.Count(ctx, q)
	return int64(counted), more, err
}

// appendLine appends a record's bytes as a line. Bytes that are not one line
// of a record are not what Append wrote: a description stands in their place.
func appendLine(line []byte, e entryRow) []byte {
	if audit.IsLine(e.seq, e.body) {
		return append(append(line, e.body...), '\n')
	}
	r := e.record
	if r == nil {
		d := audit.DecodeEntry(e.seq, e.ts, e.body)
		r = &d
	}
	text, err := audit.Encode(*r)
	if err != nil { // of a string, numbers and nothing else
		text = []byte("{}")
	}
	return append(append(line, text...), '\n')
}

// selection is what of a log is exported, bounded by what it holds at the start.
type selection struct {
	log          *audit.Log
	index        *search.Index // nil: everything between the numbers
	query        search.Query
	above, below int64 // numbers between these, without them
	rows         *Rows // only their numbers; nil: all
}

func selected(ctx context.Context, in *search.Index, q search.Query) (selection, error) {
	first, last, err := in.Bounds(ctx, q)
	return selection{in.Log(), in, q, first - 1, last + 1, nil}, err
}

// everything reports whether numbers alone narrow the selection.
func (s selection) everything() bool {
	return s.rows == nil && (s.index == nil || s.query.Everything())
}

func (s selection) matches(r audit.Record) bool {
	return s.above < r.Sequence && r.Sequence < s.below && s.query.Matches(r)
}

// entryRow is an entry as it is read. body is valid until the next one; record
// is nil where nobody asked for it.
type entryRow struct {
	seq, ts int64
	body    []byte
	record  *audit.Record
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

	records []audit.Record
	text    []byte
	leaves  []byte
	numbers []int64
}

const (
	partWidth     = merkle.TileWidth
	partsAtATime  = 3
	indexedAtOnce = 4 * partWidth
	maxReaders    = 2 // an export must leave the processors to others
)

// pass goes through the selection.
func (s selection) pass(ctx context.Context, o pass) error {
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
		planned = s.planParts(ctx, func(p *part) bool { return hand(ctx, p, ordered) && hand(ctx, p, jobs) })
	})
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		group.Go(func() {
			for p := range jobs {
				select {
				case p.text = <-spare:
				default:
				}
				p.err = s.readPart(ctx, p, o)
				close(p.done)
			}
		})
	}
	for p := range ordered {
		if err := s.givePart(ctx, p, o); err != nil {
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

func (s selection) givePart(ctx context.Context, p *part, o pass) error {
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
func (s selection) planParts(ctx context.Context, send func(*part) bool) error {
	if s.rows != nil {
		s.rows.plan(s.above, s.below, send)
		return nil
	}
	if !s.everything() {
		upto, err := s.index.Followed(ctx)
		if err != nil {
			return err
		}
		indexed := s
		indexed.below = min(s.below, upto+1)
		if more, err := indexed.planIndexed(ctx, send); err != nil || !more {
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

func (s selection) planIndexed(ctx context.Context, send func(*part) bool) (more bool, err error) {
	for s.above < s.below-1 {
		seqs, err := s.index.Numbers(ctx, s.query, s.above, s.below, indexedAtOnce)
		if err != nil {
			return false, err
		}
		for some := range slices.Chunk(seqs, partWidth) {
			if !send(&part{above: some[0] - 1, upto: some[len(some)-1], seqs: some, done: make(chan struct{})}) {
				return false, nil
			}
		}
		if len(seqs) < indexedAtOnce {
			return true, nil
		}
		s.above = seqs[len(seqs)-1]
	}
	return true, nil
}

// readPart reads a part's entries. One that the search tables know and the log
// does not have is reported like one that cannot be read.
func (s selection) readPart(ctx context.Context, p *part, o pass) error {
	where, args := `seq > $1 AND seq <= $2`, []any{p.above, p.upto}
	if p.seqs != nil {
		var in sqlutil.Args
		where = `seq IN (` + sqlutil.List(&in, p.seqs) + `)`
		args = in
	}
	missing := p.seqs
	err := s.log.EachEntry(ctx, where, args, func(seq, ts int64, body []byte) error {
		for len(missing) > 0 && missing[0] < seq {
			missing = takeMissing(p, missing, o)
		}
		if len(missing) > 0 {
			missing = missing[1:]
		}
		s.takeEntry(p, entryRow{seq: seq, ts: ts, body: body}, o)
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

func takeMissing(p *part, missing []int64, o pass) []int64 {
	r := audit.Missing(missing[0])
	o.take(p, entryRow{seq: missing[0], record: &r})
	return missing[1:]
}

func (s selection) takeEntry(p *part, e entryRow, o pass) {
	matching := p.seqs != nil || s.everything() // it is known already
	if o.decodes || !matching {
		r := audit.DecodeEntry(e.seq, e.ts, e.body)
		if !matching && !s.matches(r) {
			return
		}
		e.record = &r
	}
	o.take(p, e)
}
