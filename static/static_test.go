package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
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
			if resp.StatusCode != http.StatusOK || !bytes.Equal(body, f.plain) {
				t.Fatalf("status %d, %d bytes of %d", resp.StatusCode, len(body), len(f.plain))
			}
			if contentTypes[path.Ext(name)] == "" {
				t.Errorf("no content type is known for %q", path.Ext(name))
			}
			for header, want := range map[string]string{
				"Content-Type":           contentTypes[path.Ext(name)],
				"Content-Length":         strconv.Itoa(len(f.plain)),
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
	const name = "js/main.js"
	big := fstest.MapFS{name: {Data: bytes.Repeat([]byte("export const a = 1;\n"), 200)}}
	b := read(big)
	url := prefix + b.hash + "/" + name
	get := func(header http.Header) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), "GET", url, http.NoBody)
		r.Header = header
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		return w.Result()
	}

	resp := get(http.Header{"Accept-Encoding": {"gzip, br"}})
	if got := resp.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("Content-Encoding %q", got)
	}
	packed, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Length"); got != strconv.Itoa(len(packed)) {
		t.Errorf("Content-Length %s for %d bytes", got, len(packed))
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(zr); err != nil || !bytes.Equal(plain, big[name].Data) {
		t.Errorf("unpacks to %d bytes, error %v", len(plain), err)
	}
	plainTag := get(http.Header{}).Header.Get("Etag")
	if tag := resp.Header.Get("Etag"); tag == plainTag || tag == "" {
		t.Errorf("both forms have the entity tag %s", tag)
	}
	first, second := b.files[name].compressed(), b.files[name].compressed()
	if &first[0] != &second[0] {
		t.Error("compressed again for every answer")
	}
}

func TestNotCompressedInVain(t *testing.T) {
	if small := compress([]byte("a")); small != nil {
		t.Errorf("one byte became %d", len(small))
	}
}

func TestAcceptsGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"":                       false,
		"gzip":                   true,
		"GZIP":                   true,
		"x-gzip":                 true,
		"deflate, gzip;q=0.5":    true,
		"br, gzip ; q=1":         true,
		"gzip;q=0":               false,
		"gzip;q=0.000, *":        false,
		"*":                      true,
		"*;q=0":                  false,
		"*;q=0, gzip":            true,
		"identity":               false,
		"gzip;q=many":            false,
		"br;q=1.0, deflate;q=.5": false,
	} {
		if got := acceptsGzip([]string{value}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	if !acceptsGzip([]string{"br", "gzip"}) {
		t.Error("the second header line is not read")
	}
}

func TestAskingAgain(t *testing.T) {
	url := URL("js/main.js")
	for _, encoding := range []string{"", "gzip"} {
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
	for _, encoding := range []string{"", "gzip"} {
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
	one := hash(map[string]string{"a.css": "1", "b.css": "2"})
	if one != hash(map[string]string{"b.css": "2", "a.css": "1"}) {
		t.Error("the same tree has two hashes")
	}
	for _, other := range []map[string]string{
		{"a.css": "1", "b.css": "3"}, {"a.css": "1", "c.css": "2"}, {"a.css": "2", "b.css": "1"}, {"a.css": "1"}, {},
	} {
		if hash(other) == one {
			t.Errorf("%v has the hash of another tree", other)
		}
	}
}

func TestModules(t *testing.T) {
	urls := Modules()
	if !slices.Contains(urls, URL("js/main.js")) || !slices.IsSorted(urls) {
		t.Errorf("modules %q", urls)
	}
	for _, url := range urls {
		if resp, _ := ask(t, "GET", url, nil); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", url, resp.StatusCode)
		}
	}
}

func TestBare(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a.js", "// first\n  // second\nconst a = 1; // stays\n", "const a = 1; // stays\n"},
		{"a.js", "/**\n * @param {string} x\n */\nexport const f = (x) => 1;\n", "export const f = (x) => 1;\n"},
		{"a.js", "const b = /** @type {any} */ (c);\n", "const b = (c);\n"},
		{"a.js", "fetch('https://x/*/y', 'text/*', '*/*');\n", "fetch('https://x/*/y', 'text/*', '*/*');\n"},
		{"a.css", "/* one\n two */\na { b: url(//c) }\n", "a { b: url(//c) }\n"},
		{"a.svg", "<!-- // -->\n", "<!-- // -->\n"},
	} {
		if got := string(bare(tt.name, []byte(tt.in))); got != tt.want {
			t.Errorf("%s %q: got %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// imports are the names in a module's static imports.
var imports = regexp.MustCompile(`(?m)^import .* from "\./([^"]+)";$`)

// needed adds a module, and all that it imports before it runs.
func needed(name string, all map[string]bool) {
	if all[name] {
		return
	}
	all[name] = true
	for _, m := range imports.FindAllStringSubmatch(string(load().files[name].plain), -1) {
		needed("js/"+m[1], all)
	}
}

// TestBudgets holds what the first page loads before it does anything, and what all pages together load.
func TestBudgets(t *testing.T) {
	first := map[string]bool{}
	needed("js/main.js", first)
	total := map[string]int{}
	for name, f := range load().files {
		small := f.compressed()
		if small == nil {
			small = f.plain
		}
		total["all "+path.Ext(name)] += len(small)
		if first[name] {
			total["first .js"] += len(small)
		}
	}
	for kind, budget := range map[string]int{"first .js": 12 << 10, "all .js": 19 << 10, "all .css": 14 << 10} {
		t.Logf("%s: %d bytes, compressed", kind, total[kind])
		if total[kind] > budget || total[kind] == 0 {
			t.Errorf("%s: %d bytes, compressed; the budget is %d", kind, total[kind], budget)
		}
	}
}
