package export

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"coc-console/audit"
	"coc-console/audit/search"
)

// Rows are the records of what a grouped search finds: all of each row, whichever of them the query is about, as far
// as its reader may see them.
type Rows struct {
	preset      search.Preset
	text        string // the query
	set         []uint64
	first, last int64
	count       int64
	from        selection
}

// RowsOf finds the rows of a preset. A number takes a bit of memory, however many rows there are.
func RowsOf(ctx context.Context, in *search.Index, q search.Query, p search.Preset) (*Rows, error) {
	q = q.Unpaged()
	r := &Rows{preset: p, text: asked(q)}
	err := in.RowNumbers(ctx, q, p, r.add)
	visible := search.Query{Visible: q.Visible}
	r.from = selection{log: in.Log(), index: in, query: visible, above: r.first - 1, below: r.last + 1, rows: r}
	if err != nil || r.count == 0 || visible.Everything() {
		return r, err
	}
	seen := &Rows{preset: p, text: r.text}
	err = r.from.pass(ctx, pass{decodes: true, give: func(part *part) error { seen.add(part.numbers); return nil },
		take: func(part *part, e entryRow) {
			if visible.Matches(*e.record) {
				part.numbers = append(part.numbers, e.seq)
			}
		}})
	seen.from = r.from
	seen.from.above, seen.from.below, seen.from.rows = seen.first-1, seen.last+1, seen
	return seen, err
}

// add takes numbers, each of them once.
func (r *Rows) add(numbers []int64) {
	for _, n := range numbers {
		at := int(n / 64)
		if at >= len(r.set) {
			r.set = append(r.set, make([]uint64, at+1-len(r.set))...)
		}
		if r.set[at]&(1<<(n%64)) != 0 {
			continue
		}
		r.set[at] |= 1 << (n % 64)
		r.count++
		if r.last = max(r.last, n); r.first == 0 || n < r.first {
			r.first = n
		}
	}
}

// Count is how many records they have.
func (r *Rows) Count() int64 { return r.count }

// Write writes the records as text, oldest first, as the function Write does.
func (r *Rows) Write(ctx context.Context, w io.Writer, format Format, progress Progress) error {
	return r.from.write(ctx, w, format, progress)
}

// what they are, for whoever gets a bundle of them.
func (r *Rows) what() string { return fmt.Sprintf("all records of each row of %q", r.preset) }

// plan splits the numbers between two, without them, into parts.
func (r *Rows) plan(above, below int64, send func(*part) bool) {
	numbers := make([]int64, 0, partWidth)
	hand := func() bool {
		some := slices.Clone(numbers)
		numbers = numbers[:0]
		return send(&part{above: some[0] - 1, upto: some[len(some)-1], seqs: some, done: make(chan struct{})})
	}
	for at, word := range r.set {
		for ; word != 0; word &= word - 1 {
			n := int64(at)*64 + int64(bits.TrailingZeros64(word))
			if n <= above || n >= below {
				continue
			}
			if numbers = append(numbers, n); len(numbers) == partWidth && !hand() {
				return
			}
		}
	}
	if len(numbers) > 0 {
		hand()
	}
}

// beginRows decides what the bundle holds of rows.
func (b *bundler) beginRows(r *Rows) (selection, error) {
	s := r.from
	s.below = min(s.below, b.checkpoint.Size+1)
	if r.count == 0 || s.above >= s.below-1 {
		return s, fmt.Errorf("%w in these rows that a checkpoint covers", audit.ErrNotFound)
	}
	b.manifest = manifest{Format: bundleFormat, Log: b.checkpoint.Origin, Kind: BundleSearch, Rows: r.what(),
		Query: r.text, First: s.above + 1, Last: s.below - 1, Size: b.checkpoint.Size, Files: map[string]string{}}
	return s, nil
}
