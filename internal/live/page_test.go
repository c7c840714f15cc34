package live

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"pgregory.net/rapid"
)

// text is a component.
type text string

func (x text) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(x))
	return err
}

// rows is a page of a heading and rows; wholeRows one whose body all share.
type rows struct {
	heading string
	rows    []string
	heavy   *[1 << 16]byte // what a page is made of
}

type wholeRows rows

func (p rows) Fragments() []Fragment {
	all := []Fragment{{ID: "heading", Body: text("<h1>" + p.heading + "</h1>")}}
	for _, r := range p.rows {
		id, _, _ := strings.Cut(r, " ")
		all = append(all, Fragment{ID: id, List: "rows", Body: text("<p>" + r + "</p>")})
	}
	return all
}

func (p wholeRows) Fragments() []Fragment { return rows(p).Fragments() }

func (p wholeRows) Whole(parts map[string]string) (Component, wholeRows) {
	var b strings.Builder
	b.WriteString("<main>" + parts["heading"] + "<div id=rows>")
	for _, f := range p.Fragments()[1:] {
		b.WriteString(parts[f.ID] + "\n")
	}
	return text(b.String() + "</div></main>"), wholeRows{heading: p.heading}
}

// table is a page of n rows of 500 bytes, of which those in changed are others.
func table(n int, changed ...int) wholeRows {
	p := wholeRows{heading: fmt.Sprint(changed), heavy: &[1 << 16]byte{}}
	for i := range n {
		p.rows = append(p.rows, fmt.Sprintf("row-%d %s", i, strings.Repeat(fmt.Sprint(i%7), 500)))
	}
	for _, i := range changed {
		p.rows[i] += " changed"
	}
	return p
}

func shown[P Page](t testing.TB, b *Versions[P], snapshot any, p P) *Version[P] {
	t.Helper()
	v, err := b.Render(t.Context(), snapshot, nil, func() (P, error) { return p, nil })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func gunzipped(t testing.TB, file []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	r.Multistream(false) // one member is all that every browser reads
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// TestBodyIsCompressedOnce: a page is its head, the body as it was compressed, and its tail, as one whole gzip file; of the
// body's pieces the next version compresses those again that changed.
func TestBodyIsCompressedOnce(t *testing.T) {
	var c Cache[wholeRows]
	var compressor Compressor
	pages := c.Get(Key{View: "table"})
	first := shown(t, pages, 1, table(800))
	for _, head := range []string{"<p>ana</p>\f<p>1</p>", "<p>ben</p>\f<p>1</p>", ""} {
		want, err := first.Body.Plain(nil)
		if err != nil {
			t.Fatal(err)
		}
		got := gunzipped(t, compressor.Gzip([]byte(head), first.Body, nil, []byte("</html>"), "\f"))
		if got != head+string(want)+"</html>" || !strings.Contains(got, "<p>row-799 ") {
			t.Errorf("a page of %d bytes, want %d", len(got), len(want)+len(head)+7)
		}
	}
	if n := len(compressor.all); n != 4 { // two names, what stands behind them, the tail
		t.Errorf("%d parts were compressed around the body", n)
	}
	second := shown(t, pages, 2, table(800, 100, 799))
	again := 0
	for i, p := range second.Body.pieces {
		if p != first.Body.pieces[i] {
			again++
		}
	}
	if pieces := len(second.Body.pieces); pieces < 5 || again != 3 { // the heading's, and those of two rows
		t.Errorf("%d of %d pieces were compressed again", again, pieces)
	}
}

func TestJoinedSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(rapid.Byte()).Draw(t, "a"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		b = bytes.Repeat(b, rapid.IntRange(1, 5000).Draw(t, "times"))
		want := crc32.ChecksumIEEE(append(bytes.Clone(a), b...))
		if got := joinedSum(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), uint32(len(b))); got != want {
			t.Fatalf("%x, want %x", got, want)
		}
	})
}

// TestWholePagesSendTheSame: the events of a page that is kept compressed are those of one that is not.
func TestWholePagesSendTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var one Cache[rows]
		var whole Cache[wholeRows]
		var known [][2]*Outline
		for i := range rapid.IntRange(2, 5).Draw(t, "versions") {
			p := rows{heading: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "heading")}
			for _, n := range rapid.Permutation([]int{1, 2, 3, 4}).Draw(t, "order")[:rapid.IntRange(0, 4).Draw(t, "rows")] {
				p.rows = append(p.rows, fmt.Sprintf("row-%d %s", n, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "row")))
			}
			v, err := one.Get(Key{}).Render(context.Background(), i, nil, func() (rows, error) { return p, nil })
			if err != nil {
				t.Fatal(err)
			}
			w, err := whole.Get(Key{}).Render(context.Background(), i, nil, func() (wholeRows, error) { return wholeRows(p), nil })
			if err != nil {
				t.Fatal(err)
			}
			for _, have := range append(known, [2]*Outline{}) {
				if got, want := sent(t, w, have[1]), sent(t, v, have[0]); got != want {
					t.Fatalf("%q, want %q", got, want)
				}
			}
			known = append(known, [2]*Outline{v.Outline, w.Outline})
		}
	})
}

func sent[P Page](t *rapid.T, v *Version[P], have *Outline) string {
	e, err := v.since(have)
	if err != nil {
		t.Fatal(err)
	}
	if e == nil {
		return ""
	}
	text, err := e.plain()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSupersededVersionsKeepNoPage: of what was shown before, the outline is left.
func TestSupersededVersionsKeepNoPage(t *testing.T) {
	var c Cache[wholeRows]
	pages := c.Get(Key{})
	var old []weak.Pointer[Version[wholeRows]]
	var digests []string
	heavy := weak.Pointer[[1 << 16]byte]{}
	for i := range 20 {
		p := table(200, i)
		v := shown(t, pages, i, p)
		old, digests, heavy = append(old, weak.Make(v)), append(digests, v.Digest), weak.Make(p.heavy)
	}
	gone(t, "the page of the newest version", heavy)
	for _, v := range old[:19] {
		gone(t, "a superseded version", v)
	}
	for _, d := range digests {
		if o := pages.Known(d); o == nil || o.Digest != d {
			t.Errorf("the outline of %s is forgotten", d)
		}
	}
	if size, n := c.Size(); size > 40<<10 || n != 1 {
		t.Errorf("%d bytes of %d pages", size, n)
	}
	if c.outlines.size > 20*3<<10+10<<10 {
		t.Errorf("20 outlines of 200 parts take %d bytes", c.outlines.size)
	}
}

// gone waits until the garbage collector has taken something.
func gone[T any](t *testing.T, what string, p weak.Pointer[T]) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for p.Value() != nil {
		if runtime.GC(); time.Now().After(deadline) {
			t.Fatalf("%s is alive", what)
		}
	}
}

// TestPagesAreShared: whoever has the same key gets the same version, described once for each snapshot.
func TestPagesAreShared(t *testing.T) {
	var c Cache[wholeRows]
	described := 0
	for snapshot := range 3 {
		for reader := range 100 {
			key := Key{View: "v", Language: []string{"en", "zh"}[reader%2]}
			_, err := c.Get(key).Render(t.Context(), snapshot, nil, func() (wholeRows, error) { described++; return table(3, snapshot), nil })
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, pages := c.Size(); described != 6 || pages != 2 {
		t.Errorf("described %d times for %d pages", described, pages)
	}
}

// TestCacheIsBoundedByBytes: those that were used longest ago make room; how many there are is no matter.
func TestCacheIsBoundedByBytes(t *testing.T) {
	var c Cache[wholeRows]
	shown(t, c.Get(Key{}), 0, table(200))
	one, _ := c.Size()
	c = Cache[wholeRows]{most: 500 * one}
	key := func(i int) Key { return Key{View: fmt.Sprint(i)} }
	for i := range 480 {
		shown(t, c.Get(key(i)), 0, table(200))
	}
	if size, pages := c.Size(); pages != 480 || size > c.most {
		t.Errorf("%d pages of %d bytes are kept", pages, size)
	}
	c.Get(key(0))
	for i := range 300 {
		shown(t, c.Get(key(1000+i)), 0, table(200))
		if size, _ := c.Size(); size > c.most {
			t.Fatalf("%d bytes are kept, more than %d", size, c.most)
		}
	}
	if _, pages := c.Size(); pages < 400 || c.all[key(0)] == nil || c.all[key(1)] != nil || c.all[key(1299)] == nil {
		t.Errorf("%d pages are kept, not those that were used last", pages)
	}
	for i := range 5000 {
		c.Get(Key{View: fmt.Sprint("never rendered ", i)})
	}
	if size, _ := c.Size(); size > c.most {
		t.Errorf("%d bytes are kept, more than %d", size, c.most)
	}
}

// TestSweep: pages that nobody looks at go with the second sweep, with their outlines; those that
// somebody uses stay.
func TestSweep(t *testing.T) {
	var c Cache[wholeRows]
	left, used := Key{View: "left"}, Key{View: "used"}
	old := shown(t, c.Get(left), 0, table(1)).Digest
	c.Remember(&Outline{Digest: "one reader's", shape: &shape{}})
	var newest string
	for i := range 2 {
		c.Sweep()
		newest = shown(t, c.Get(used), i, table(2, i)).Digest
	}
	size, pages := c.Size()
	if c.all[left] != nil || pages != 1 || size > 3<<10 {
		t.Errorf("%d pages of %d bytes are kept", pages, size)
	}
	if c.Known(old) != nil || c.Known("one reader's") != nil {
		t.Error("an old outline is kept")
	}
	if c.Get(used).Known(newest) == nil {
		t.Error("a new outline is gone")
	}
	for range 2 {
		c.Sweep()
	}
	if size, pages := c.Size(); size != 0 || pages != 0 || c.outlines.size != 0 {
		t.Errorf("nobody looks, and %d bytes are kept, and %d of outlines", size, c.outlines.size)
	}
}

// TestOutlinesAreBounded: the oldest go.
func TestOutlinesAreBounded(t *testing.T) {
	var c outlines
	made := func(i int) *Outline {
		return &Outline{Digest: fmt.Sprint(i), shape: &shape{}, sums: make([]uint64, 1000)}
	}
	for i := range 3000 {
		c.keep(made(i))
	}
	if c.size > maxOutlines || len(c.all) != len(c.order) || len(c.all) < 500 || c.get("0") != nil || c.get("2999") == nil {
		t.Errorf("%d outlines of %d bytes", len(c.all), c.size)
	}
}

// TestClassesKeepNoSnapshot: what is remembered of a reader holds no snapshot
// alive after the last of those who look has gone.
func TestClassesKeepNoSnapshot(t *testing.T) {
	var c Classes
	type snapshot struct{ rows [1 << 16]byte } //nolint:unused // it is there to be large
	kept := func() weak.Pointer[snapshot] {
		s := &snapshot{}
		asked := 0
		for range 2 {
			ClassOf(&c, "reader", s, func() Class { asked++; return Class{Sees: true} })
		}
		if asked != 1 {
			t.Errorf("the rules were asked %d times", asked)
		}
		return weak.Make(s)
	}()
	gone(t, "the snapshot", kept)
}

// TestDerivedGoesWithItsSnapshot: what was made of a snapshot is made once, and kept no longer than it.
func TestDerivedGoesWithItsSnapshot(t *testing.T) {
	var d Derived[[1 << 10]byte, int]
	func() {
		s := &[1 << 10]byte{}
		made := 0
		for range 2 {
			d.Of(s, func(*[1 << 10]byte) *int { made++; return &made })
		}
		if made != 1 || len(d.all) != 1 {
			t.Errorf("made %d times, %d kept", made, len(d.all))
		}
		runtime.KeepAlive(s)
	}()
	deadline := time.Now().Add(2 * time.Minute)
	for left := 1; left > 0; {
		runtime.GC()
		d.mu.Lock()
		left = len(d.all)
		d.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("%d are kept", left)
		}
	}
}

// TestStreamsNeedNoBody: who has an outline gets what leads from it, without the body; who has another one, or none, gets
// all of the same version.
func TestStreamsNeedNoBody(t *testing.T) {
	var c Cache[wholeRows]
	pages := c.Get(Key{View: "table"})
	older, first := shown(t, pages, 1, table(20, 3)), shown(t, pages, 2, table(20))
	render := func(have *Outline) *Version[wholeRows] {
		v, err := pages.Render(t.Context(), 3, have, func() (wholeRows, error) { return table(20, 7), nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	text := func(v *Version[wholeRows], have *Outline) string {
		e, err := v.since(have)
		if err != nil {
			t.Fatal(err)
		}
		all, err := e.plain()
		if err != nil {
			t.Fatal(err)
		}
		return string(all)
	}
	second := render(first.Outline)
	if second.Body != nil || second.HTML != nil || render(first.Outline) != second || render(second.Outline) != second {
		t.Errorf("the version has a body, or was rendered again: %+v", second)
	}
	event := text(second, first.Outline)
	for _, have := range []*Outline{older.Outline, nil, first.Outline} {
		whole := render(have)
		if whole.Body == nil || whole.Digest != second.Digest || whole != render(nil) {
			t.Errorf("the version has no body, or is another one: %+v", whole)
		}
		if got := text(whole, first.Outline); got != event {
			t.Errorf("the event is\n%s\nwant\n%s", got, event)
		}
	}
	if !strings.Contains(event, "row-7 ") || strings.Contains(event, "row-3 ") {
		t.Errorf("the event is %s", event)
	}
}
