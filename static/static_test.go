package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"

	"coc-console/internal/accept"
)

// ask sends a request without a transport that would unpack answers by itself.
func ask(t *testing.T, method, target string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	resp := w.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func TestEveryFileIsServed(t *testing.T) {
	files := load().files
	if load().err != nil || len(files) < 3 {
		t.Fatalf("%d files, error %v", len(files), load().err)
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			resp, body := ask(t, "GET", URL(name), nil)
			if resp.StatusCode != http.StatusOK || !bytes.Equal(body, f.plain()) {
				t.Fatalf("status %d, %d bytes of %d", resp.StatusCode, len(body), len(f.plain()))
			}
			if contentTypes[path.Ext(name)] == "" {
				t.Errorf("no content type is known for %q", path.Ext(name))
			}
			for header, want := range map[string]string{
				"Content-Type":           contentTypes[path.Ext(name)],
				"Content-Length":         strconv.Itoa(len(f.plain())),
				"Content-Encoding":       "",
				"X-Content-Type-Options": "nosniff",
				"Cache-Control":          "public, max-age=31536000, immutable",
				"Vary":                   "Accept-Encoding",
				"Etag":                   `"` + f.sum + `"`,
			} {
				if got := resp.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestOnlyServedKindsAreEmbedded(t *testing.T) {
	for name := range load().files {
		if strings.Contains(name, "test") || strings.HasSuffix(name, ".json") || path.Dir(path.Dir(name)) != "." {
			t.Errorf("%s is embedded", name)
		}
	}
}

func TestCompressed(t *testing.T) {
	const name = "css/console.css"
	big := fstest.MapFS{name: {Data: bytes.Repeat([]byte("a { color: red }\n"), 200)}}
	b := read(big)
	url := prefix + b.hash + "/" + name
	get := func(accept string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), "GET", url, http.NoBody)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		return w.Result()
	}
	tags := map[string]bool{get("").Header.Get("Etag"): true}
	for coding, unpack := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	} {
		resp := get(coding)
		if got := resp.Header.Get("Content-Encoding"); got != coding {
			t.Fatalf("Content-Encoding %q, want %q", got, coding)
		}
		packed, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Content-Length"); got != strconv.Itoa(len(packed)) {
			t.Errorf("%s: Content-Length %s for %d bytes", coding, got, len(packed))
		}
		r, err := unpack(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(r); err != nil || !bytes.Equal(plain, b.files[name].plain()) {
			t.Errorf("%s: unpacks to %d bytes, error %v", coding, len(plain), err)
		}
		tags[resp.Header.Get("Etag")] = true
	}
	if len(tags) != 3 || tags[""] {
		t.Errorf("three forms have the entity tags %v", tags)
	}
	first, second := b.files[name].brotli(), b.files[name].brotli()
	if &first[0] != &second[0] {
		t.Error("compressed again for every answer")
	}
}

func TestNotCompressedInVain(t *testing.T) {
	f := newFile("img/a.svg", []byte("a"))
	if coding, body := f.form(accept.EncodingsOf(http.Header{"Accept-Encoding": {"br, gzip"}})); coding != "" || string(body) != "a" {
		t.Errorf("one byte is sent as %q, %d bytes", coding, len(body))
	}
}

func TestWhichCoding(t *testing.T) {
	f := newFile("img/a.svg", bytes.Repeat([]byte("a"), 1000))
	for value, want := range map[string]string{
		"":                              "",
		"gzip":                          "gzip",
		"GZIP":                          "gzip",
		"x-gzip":                        "gzip",
		"deflate, gzip;q=0.5":           "gzip",
		"gzip, deflate, br, zstd":       "br",
		"br;q=0.5, gzip ; q=1":          "gzip",
		"br;q=0.5, gzip;q=0.5":          "br",
		"br;q=0, gzip":                  "gzip",
		"br;q=0, gzip;q=0":              "",
		"gzip;q=0":                      "",
		"gzip;q=0.000, *":               "br",
		"br;q=0, *;q=0.1":               "gzip",
		"*":                             "br",
		"*;q=0":                         "",
		"*;q=0, gzip":                   "gzip",
		"identity":                      "",
		"identity, gzip;q=0.5":          "",
		"identity;q=0.5, gzip, br;q=.1": "gzip",
		"gzip;q=many":                   "",
		"gzip;level=9":                  "",
		"zstd;q=1.0, deflate;q=.5":      "",
	} {
		if got, _ := f.form(accept.EncodingsOf(http.Header{"Accept-Encoding": {value}})); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	if got, _ := f.form(accept.EncodingsOf(http.Header{"Accept-Encoding": {"deflate", "gzip"}})); got != "gzip" {
		t.Error("the second header line is not read")
	}
}

func TestAskingAgain(t *testing.T) {
	url := URL("js/main.js")
	for _, encoding := range []string{"", "gzip", "br"} {
		header := http.Header{"Accept-Encoding": {encoding}}
		resp, _ := ask(t, "GET", url, header)
		header.Set("If-None-Match", `"other", `+resp.Header.Get("Etag"))
		again, body := ask(t, "GET", url, header)
		if again.StatusCode != http.StatusNotModified || len(body) != 0 {
			t.Errorf("encoding %q: status %d, %d bytes", encoding, again.StatusCode, len(body))
		}
		for _, name := range []string{"Etag", "Cache-Control", "Vary"} {
			if again.Header.Get(name) != resp.Header.Get(name) {
				t.Errorf("encoding %q: %s is %q in the 304", encoding, name, again.Header.Get(name))
			}
		}
		header.Set("If-None-Match", `"other"`)
		if resp, _ := ask(t, "GET", url, header); resp.StatusCode != http.StatusOK {
			t.Errorf("encoding %q: status %d for another tag", encoding, resp.StatusCode)
		}
	}
}

func TestHead(t *testing.T) {
	for _, encoding := range []string{"", "gzip", "br"} {
		header := http.Header{"Accept-Encoding": {encoding}}
		get, _ := ask(t, "GET", URL("js/main.js"), header)
		head, body := ask(t, "HEAD", URL("js/main.js"), header)
		if head.StatusCode != http.StatusOK || len(body) != 0 {
			t.Errorf("status %d, %d bytes", head.StatusCode, len(body))
		}
		for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Etag"} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("%s: %q, with GET %q", name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}

func TestOtherHash(t *testing.T) {
	resp, body := ask(t, "GET", prefix+"0123456789abcdef/js/main.js", nil)
	if resp.StatusCode != http.StatusOK || len(body) == 0 {
		t.Fatalf("status %d, %d bytes", resp.StatusCode, len(body))
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control %q", got)
	}
}

func TestNotFound(t *testing.T) {
	base := prefix + load().hash
	for _, target := range []string{
		"/", "/static", prefix, base, base + "/", base + "/js", base + "/js/", base + "/img/",
		base + "/js/missing.js", base + "/static.go", base + "/js/test/morph.test.js", base + "/js/jsconfig.json",
		base + "/js/../static.go", base + "/../static.go", base + "/js/%2e%2e/static.go", base + "//js/main.js",
		base + "/js/main.js/", base + "/js%2fmain.js%00", "/other/" + load().hash + "/js/main.js", URL("css/no-such.css"),
	} {
		resp, body := ask(t, "GET", target, nil)
		if resp.StatusCode != http.StatusNotFound || strings.Contains(string(body), "<") {
			t.Errorf("%s: status %d, body %.40q", target, resp.StatusCode, body)
		}
		if got := resp.Header.Get("Cache-Control"); got != "" {
			t.Errorf("%s: a 404 with Cache-Control %q", target, got)
		}
	}
}

func TestOtherMethods(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		resp, _ := ask(t, method, URL("js/main.js"), nil)
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

func TestHashCoversNamesAndContents(t *testing.T) {
	hash := func(files map[string]string) string {
		fsys := fstest.MapFS{}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return read(fsys).hash
	}
	one := hash(map[string]string{"a.svg": "1", "b.svg": "2"})
	if one != hash(map[string]string{"b.svg": "2", "a.svg": "1"}) {
		t.Error("the same tree has two hashes")
	}
	for _, other := range []map[string]string{
		{"a.svg": "1", "b.svg": "3"}, {"a.svg": "1", "c.svg": "2"}, {"a.svg": "2", "b.svg": "1"}, {"a.svg": "1"}, {},
	} {
		if hash(other) == one {
			t.Errorf("%v has the hash of another tree", other)
		}
	}
}

// TestSources holds that every module is part of the script and that the minifier understands every file.
func TestSources(t *testing.T) {
	if err := load().problem; err != nil {
		t.Fatal(err)
	}
	modules, err := fs.Glob(tree, "js/*.js")
	if err != nil || len(modules) < 10 {
		t.Fatalf("%d modules, error %v", len(modules), err)
	}
	sources, err := readAll(tree)
	if err != nil {
		t.Fatal(err)
	}
	script, err := join(sources)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range modules {
		if n := bytes.Count(script, []byte("const "+scope(path.Base(name))+" = ")); n != 1 {
			t.Errorf("%s is %d times in the script", name, n)
		}
	}
	if line := regexp.MustCompile(`(?m)^\s*let .*\n\s*const [\[{].*`).Find(script); line != nil {
		t.Errorf("the minifier may take these out of their order; put something in between:\n%s", line)
	}
	sources[entry] = script
	for name, source := range sources {
		if out, err := small(name, source); err != nil || len(out) > len(source) {
			t.Errorf("%s: %d bytes became %d, error %v", name, len(source), len(out), err)
		}
	}
}

func TestJoin(t *testing.T) {
	script, err := join(map[string][]byte{
		"js/main.js": []byte("import { one, two as deux } from \"./b.js\";\nimport { one as uno } from \"./a.js\";\nrun(one, deux, uno);\n"),
		"js/a.js":    []byte("// a\nexport const one = 1;\n"),
		"js/b.js":    []byte("import { one } from \"./a.js\";\nexport { };\n"),
	})
	if err == nil {
		t.Fatalf("a list of exports is not understood, and became %s", script)
	}
	script, err = join(map[string][]byte{
		"js/main.js": []byte("import { one, two as deux } from \"./b.js\";\nimport { one as uno } from \"./a.js\";\nrun(one, deux, uno);\n"),
		"js/a.js":    []byte("// a\nexport const one = 1;\n"),
		"js/b.js":    []byte("import { one as a } from \"./a.js\";\nexport const one = a;\nexport async function two() {}\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `(() => {
const $a = (() => {
// a
const one = 1;
return { one };
})();
const $b = (() => {
const { one: a } = $a;
const one = a;
async function two() {}
return { one, two };
})();
const $main = (() => {
const { one, two: deux } = $b;
const { one: uno } = $a;
run(one, deux, uno);
return {  };
})();
})();
`
	if string(script) != want {
		t.Errorf("got\n%s\nwant\n%s", script, want)
	}
}

// TestJoinSheets holds that the order of the layers comes first, and that pages' own sheets need no other change.
func TestJoinSheets(t *testing.T) {
	b := read(fstest.MapFS{"css/base.css": {Data: []byte("b{}\n")}, "css/tokens.css": {Data: []byte("@layer t, b;\n")},
		"css/audit.css": {Data: []byte("a{}\n")}})
	if got := string(b.files[sheet].plain()); got != "@layer t, b;\na{}\nb{}\n" || len(b.files) != 1 {
		t.Errorf("%d files, the sheet is %q", len(b.files), got)
	}
}

func TestJoinRefuses(t *testing.T) {
	for name, main := range map[string]string{
		"what is missing":     "import { a } from \"./b.js\";\n",
		"itself":              "import { a } from \"./main.js\";\n",
		"all of a module":     "import * as a from \"./main.js\";\n",
		"another quote":       "import { a } from './main.js';\n",
		"what is loaded late": "const a = () => import(\"./main.js\");",
		"a default":           "export default 1;",
		"a variable":          "export let a = 1;",
		"a class":             "export class A {}",
	} {
		if script, err := join(map[string][]byte{"js/main.js": []byte(main)}); err == nil {
			t.Errorf("%s: joined as %s", name, script)
		}
	}
}

// TestModulesAlone holds that what cannot be joined or minified is served as it is.
func TestModulesAlone(t *testing.T) {
	late := "const a = () => import(\"./b.js\");"
	b := read(fstest.MapFS{"js/main.js": {Data: []byte(late)}, "js/b.js": {Data: []byte("a b c")}})
	if b.problem == nil || b.err != nil {
		t.Fatalf("problem %v, error %v", b.problem, b.err)
	}
	if got := string(b.files["js/b.js"].plain()); got != "a b c" {
		t.Errorf("served %q", got)
	}
	if _, err := small("js/b.js", []byte("a b c")); err == nil {
		t.Error("the minifier takes what is no script")
	}
}

func TestSmall(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a.js", "(() => {\n// first\nconst long = 1; // second\nf(long, long);\n})();\n", "(()=>{const e=1;f(e,e)})()"},
		{"a.js", "fetch('https://x/*/y', 'text/*', '*/*');\n", `fetch("https://x/*/y","text/*","*/*")`},
		{"a.js", "() => {\n  const a = f();\n  const [b] = (a.c);\n  const { d } = g();\n  h(a, b, d);\n};\n", "()=>{const e=f();let[t]=e.c,{d:n}=g();h(e,t,n)}"},
		{"a.css", "/* one\n two */\na { b: url(//c) }\n", "a { b: url(//c) }\n"},
		{"a.svg", "<!-- // -->\n", "<!-- // -->\n"},
	} {
		if got, err := small(tt.name, []byte(tt.in)); string(got) != tt.want || err != nil {
			t.Errorf("%s %q: got %q, want %q, error %v", tt.name, tt.in, got, tt.want, err)
		}
	}
}

// TestBudgets holds what all pages together load, and the first of them, as one script and one style sheet: bytes of what
// is sent to a browser that takes brotli. Over plain http, browsers ask for gzip.
func TestBudgets(t *testing.T) {
	for _, tt := range []struct {
		kind, coding string
		budget       int
	}{{".js", "br", 14_000}, {".js", "gzip", 15_500}, {".css", "br", 14_000}, {".css", "gzip", 15_700}} {
		total := 0
		for name, f := range load().files {
			if path.Ext(name) == tt.kind {
				_, body := f.form(accept.EncodingsOf(http.Header{"Accept-Encoding": {tt.coding}}))
				total += len(body)
			}
		}
		t.Logf("all %s: %d bytes with %s", tt.kind, total, tt.coding)
		if total > tt.budget || total == 0 {
			t.Errorf("all %s: %d bytes with %s; the budget is %d", tt.kind, total, tt.coding, tt.budget)
		}
	}
}
