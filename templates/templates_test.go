package templates

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"coc-console/internal/i18n"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func reader(t testing.TB, l i18n.Language) context.Context {
	t.Helper()
	zone, ok := i18n.Zone("Asia/Shanghai")
	if !ok {
		t.Fatal("the time zone database lacks Asia/Shanghai")
	}
	return i18n.WithZone(i18n.WithLanguage(t.Context(), l), zone)
}

func render(t testing.TB, ctx context.Context, p Page) []byte { //nolint:revive // the test comes first
	t.Helper()
	var out bytes.Buffer
	if err := Document(p).Render(ctx, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// versions are the part of an asset's address that changes with any asset.
var versions = regexp.MustCompile(`/static/[0-9a-f]+/`)

// lines gives every element a line of its own, so that changes can be read.
func lines(page []byte) []byte {
	page = versions.ReplaceAll(page, []byte("/static/VERSION/"))
	return append(bytes.ReplaceAll(page, []byte("><"), []byte(">\n<")), '\n')
}

func TestGolden(t *testing.T) {
	for name, page := range examples() {
		for _, l := range i18n.Languages() {
			t.Run(name+"."+string(l), func(t *testing.T) {
				got := lines(render(t, reader(t, l), page))
				path := filepath.Join("testdata", name+"."+string(l)+".html")
				if *update {
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("differs from %s; look at the difference after go test ./templates -update", path)
				}
			})
		}
	}
}

// elements calls visit for every element of a document.
func elements(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		elements(c, visit)
	}
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func TestPagesKeepTheRules(t *testing.T) {
	for name, page := range examples() {
		for _, l := range i18n.Languages() {
			t.Run(name+"."+string(l), func(t *testing.T) {
				document, err := html.Parse(bytes.NewReader(render(t, reader(t, l), page)))
				if err != nil {
					t.Fatal(err)
				}
				c := check{T: t, ids: map[string]bool{}, count: map[string]int{}}
				elements(document, c.element)
				c.whole()
			})
		}
	}
}

// check gathers what is asked of a whole page.
type check struct {
	*testing.T
	ids        map[string]bool
	count      map[string]int
	references []string
	labelled   []string
	controls   []string
}

func (c *check) element(n *html.Node) {
	if n.Namespace == "" { // a title in SVG is another thing
		c.count[n.Data]++
	}
	for _, a := range n.Attr {
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			c.Errorf("<%s> has %s=%q, which the security policy forbids", n.Data, a.Key, a.Val)
		}
		if strings.Contains(a.Val, "javascript:") {
			c.Errorf("<%s> leads to a script: %q", n.Data, a.Val)
		}
	}
	c.reference(n)
	switch n.Data {
	case "script":
		if n.FirstChild != nil {
			c.Errorf("an inline script: %q", n.FirstChild.Data)
		}
	case "img", "iframe", "object", "style":
		c.Errorf("a page has <%s>", n.Data)
	case "input", "select", "textarea":
		_, named := attribute(n, "aria-label")
		if kind, _ := attribute(n, "type"); kind != "hidden" && !named {
			id, _ := attribute(n, "id")
			c.controls = append(c.controls, id)
		}
	case "table":
		if n.FirstChild == nil || n.FirstChild.Data != "caption" {
			c.Error("a table without a caption")
		}
		c.columns(n)
	case "th":
		if _, ok := attribute(n, "scope"); !ok {
			c.Error("a heading of a table without a scope")
		}
	}
}

// columns holds a table's headings against its rows: on paper some columns are
// left out, and where a heading stayed all would be one column off.
func (c *check) columns(table *html.Node) {
	var heads []bool // which are left out
	for n := range table.Descendants() {
		if n.Type != html.ElementNode || n.Data != "tr" {
			continue
		}
		var out []bool
		for cell := range n.ChildNodes() {
			if cell.Type == html.ElementNode {
				names, _ := attribute(cell, "class")
				out = append(out, slices.Contains(strings.Fields(names), "select"))
			}
		}
		switch {
		case heads == nil:
			heads = out
		case len(out) == len(heads) && !slices.Equal(heads, out):
			c.Errorf("a row leaves the columns %v out on paper, the headings %v", out, heads)
		}
	}
}

// reference gathers ids and what refers to them.
func (c *check) reference(n *html.Node) {
	if id, ok := attribute(n, "id"); ok {
		if c.ids[id] {
			c.Errorf("the id %q is used twice", id)
		}
		c.ids[id] = true
	}
	for _, name := range []string{"aria-labelledby", "aria-describedby"} {
		if value, ok := attribute(n, name); ok {
			c.references = append(c.references, strings.Fields(value)...)
		}
	}
	if target, ok := attribute(n, "for"); ok {
		c.labelled = append(c.labelled, target)
	}
	if address, _ := attribute(n, "href"); strings.HasPrefix(address, "#") {
		c.references = append(c.references, address[1:])
	}
}

func (c *check) whole() {
	for _, name := range []string{"h1", "main", "title", "header"} {
		if c.count[name] != 1 {
			c.Errorf("the page has %d <%s>", c.count[name], name)
		}
	}
	for _, id := range append(c.references, c.labelled...) {
		if !c.ids[id] {
			c.Errorf("something refers to #%s, which is not there", id)
		}
	}
	labels := strings.Join(c.labelled, " ") + " "
	for _, id := range c.controls {
		if id == "" || !strings.Contains(labels, id+" ") {
			c.Errorf("the control %q has no label", id)
		}
	}
}

func TestRefusedOperationHasNoButton(t *testing.T) {
	page := string(render(t, reader(t, i18n.EnUS), exampleOperationRefused()))
	if strings.Contains(page, `id="confirm"`) || strings.Contains(page, `name="key"`) {
		t.Error("an operation that does not fit can be confirmed")
	}
}

func TestConfirmNamesActAndTarget(t *testing.T) {
	page := string(render(t, reader(t, i18n.EnUS), exampleOperation()))
	facts, button := strings.Index(page, `id="target"`), strings.Index(page, `id="confirm"`)
	if facts < 0 || button < facts {
		t.Errorf("the button stands before the facts: %d, %d", facts, button)
	}
	if !strings.Contains(page[button:], "<bdi>Cancel instance web-0002</bdi>") {
		t.Error("the button does not name what it does")
	}
}

func TestWhen(t *testing.T) {
	for name, c := range map[string]struct {
		ctx  context.Context
		want string
	}{
		"UTC": {t.Context(), `<time datetime="2026-03-02T04:15:14Z" title="2026-03-02 04:15:14 UTC">2026-03-02 04:15:14 UTC</time>`},
		"a zone": {reader(t, i18n.EnUS), `<time datetime="2026-03-02T04:15:14Z" ` +
			`title="2026-03-02 12:15:14 +08:00 Asia/Shanghai, 2026-03-02 04:15:14 UTC">2026-03-02 12:15:14</time>`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := When(noon).Render(c.ctx, &out); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 400 * time.Microsecond: "< 1 ms", 850 * time.Millisecond: "850 ms", 1250 * time.Millisecond: "1.2 s", 59 * time.Second: "59 s",
		185 * time.Second: "3 min 05 s", 62 * time.Minute: "1 h 02 min", 51 * time.Hour: "2 d 03 h", -time.Second: "",
	} {
		if got := duration(&i18n.For(i18n.EnUS).Common, d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestProgressStartsWithWhatIsDone(t *testing.T) {
	counts := progress([]Count{{"READY", 9}, {"MIGRATING", 1}, {"PROCESSING", 3}, {"FINISHED", 7}})
	if counts[0].Status != "FINISHED" || counts[3].Status != "MIGRATING" {
		t.Errorf("the order is %+v", counts)
	}
}

func TestShares(t *testing.T) {
	parts := shares([]Count{{"FINISHED", 1}, {"READY", 0}, {"ABNORMAL", 3}})
	if len(parts) != 2 || parts[0].Width != "25.00%" || parts[1].X != "25.00%" || parts[1].Width != "75.00%" {
		t.Errorf("shares are %+v", parts)
	}
	if parts := shares(nil); parts != nil {
		t.Errorf("nothing has shares: %+v", parts)
	}
}

func BenchmarkTickets(b *testing.B) {
	p := exampleTickets()
	for len(p.Rows) < 50 {
		p.Rows = append(p.Rows, p.Rows[len(p.Rows)%8])
	}
	benchmark(b, p)
}

func BenchmarkTicket(b *testing.B) { benchmark(b, exampleTicket()) }

func benchmark(b *testing.B, p Page) {
	ctx := reader(b, i18n.EnUS)
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if err := Document(p).Render(ctx, &out); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(out.Len()))
}

// TestRecordSaysItInWords: a note has its words, a denial its copy button, and a
// record of the console itself no empty part about who did it.
func TestRecordSaysItInWords(t *testing.T) {
	ctx := reader(t, i18n.EnUS)
	p := Record{Detail: []Attribute{{Name: "note", Value: "not_authentic"}, {Name: "denial", Value: "ZW5jb2RlZA"}}}
	page := string(render(t, ctx, p))
	if strings.Contains(page, "not_authentic") || !strings.Contains(page, "didn&#39;t write this request") {
		t.Error("the note has no words")
	}
	if !strings.Contains(page, "data-copy") || strings.Count(page, "ZW5jb2RlZA") != 1 {
		t.Error("the denial can't be copied")
	}
	if strings.Contains(page, ">User<") {
		t.Error("nobody is shown")
	}
	p.User = "operator"
	if !strings.Contains(string(render(t, ctx, p)), ">User<") {
		t.Error("somebody isn't shown")
	}
}

// TestOneShapeForAnOutcome: an outcome looks the same wherever it is told, by its word or by the action that says it.
func TestOneShapeForAnOutcome(t *testing.T) {
	for action, outcome := range map[string]string{"operation.observed": "confirmed", "operation.not_observed": "not_confirmed",
		"operation.rejected": "rejected", "operation.unknown": "unknown", "access.denied": "denied"} {
		if got, want := shape(action), shape(outcome); got != want {
			t.Errorf("%s looks %s, %s looks %s", action, got, outcome, want)
		}
	}
}
