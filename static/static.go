// Package static holds what browsers get besides pages: style sheets, ES
// modules and images, written by hand and embedded; their comments are not served.
//
// All files live below one hash over the whole tree, so a file that changes
// moves all of them: whatever a page names, and whatever a module imports by a
// relative path from there, comes from one version and may be kept for ever.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// prefix is where the files are served.
const prefix = "/static/"

// The modules' tests and their compiler settings stay outside.
//
//go:embed css img js/*.js
var tree embed.FS

// contentTypes are fixed here, since the mime package asks the host's files.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".ico":  "image/x-icon",
	".js":   "text/javascript; charset=utf-8",
	".png":  "image/png",
	".svg":  "image/svg+xml",
	".webp": "image/webp",
}

// A file is one embedded file, ready to be sent.
type file struct {
	plain       []byte
	contentType string
	sum         string        // start of the content's SHA-256, in hex
	compressed  func() []byte // gzip, made at the first call; nil when that saves nothing
}

// A bundle is the whole tree: its files by name, such as "css/console.css".
type bundle struct {
	hash  string
	files map[string]file
	err   error
}

var load = sync.OnceValue(func() bundle { return read(tree) })

// read takes every file of fsys. The hash covers names and contents, in the
// order of the names.
func read(fsys fs.FS) bundle {
	b := bundle{files: map[string]file{}}
	all := sha256.New()
	b.err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f := newFile(name, bare(name, data))
		b.files[name] = f
		_, err = io.WriteString(all, name+"\x00"+f.sum+"\x00")
		return err
	})
	b.hash = hex.EncodeToString(all.Sum(nil)[:8])
	return b
}

// remarks are comments as our files have them: a documentation comment anywhere,
// or whole lines of their own. Casts of types are comments of the first kind.
var remarks = map[string]*regexp.Regexp{
	".css": regexp.MustCompile(`(?s)/\*.*?\*/\s*`),
	".js":  regexp.MustCompile(`(?s)/\*\*.*?\*/[ \n]*|(?m:^[ \t]*//[^\n]*\n)`),
}

// bare takes the comments out of scripts and style sheets: they are for those
// who read the source, and a third of what a browser would load.
func bare(name string, data []byte) []byte {
	if r := remarks[path.Ext(name)]; r != nil {
		return r.ReplaceAll(data, nil)
	}
	return data
}

func newFile(name string, data []byte) file {
	sum := sha256.Sum256(data)
	contentType, known := contentTypes[path.Ext(name)]
	if !known {
		contentType = "application/octet-stream"
	}
	return file{
		plain:       data,
		contentType: contentType,
		sum:         hex.EncodeToString(sum[:16]),
		compressed:  sync.OnceValue(func() []byte { return compress(data) }),
	}
}

// compress gives data as gzip, or nil when there is nothing to gain.
func compress(data []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(data); err != nil {
		return nil
	}
	if err := w.Close(); err != nil || out.Len() >= len(data) {
		return nil
	}
	return out.Bytes()
}

// URL gives the address of a file by its name in this folder, such as
// "css/console.css". It changes whenever any file does. A name that does not
// exist still gets an address, which answers 404: pages must not fail for it,
// and the tests of the pages follow every address.
func URL(name string) string {
	return prefix + load().hash + "/" + name
}

// Modules gives the addresses of all ES modules, in a fixed order, so that a
// page can have them loaded at once (<link rel="modulepreload">) instead of
// import by import.
func Modules() []string {
	var urls []string
	for name := range load().files {
		if path.Ext(name) == ".js" {
			urls = append(urls, URL(name))
		}
	}
	slices.Sort(urls)
	return urls
}

// Handler serves GET and HEAD of the addresses that URL gives; it expects the
// whole path, including /static/. A file below the current hash may be kept
// for ever. Below another hash, which a page of another release names, the
// current file is sent to be asked for again next time. Anything else is a
// plain 404; folders are not listed.
func Handler() http.Handler {
	return load()
}

// ServeHTTP serves one file.
func (b bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	if b.err != nil { // the embedded tree cannot be read: a broken build
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	rest, below := strings.CutPrefix(r.URL.Path, prefix)
	hash, name, _ := strings.Cut(rest, "/")
	f, found := b.files[name]
	if !below || !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	if hash == b.hash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	f.serve(w, r)
}

// serve sends the file, compressed if the client takes it. The two forms have
// entity tags of their own, as they differ in their bytes.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	body, tag := f.plain, f.sum
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		if small := f.compressed(); small != nil {
			body, tag = small, f.sum+"-gzip"
			h.Set("Content-Encoding", "gzip")
			// ServeContent leaves the length out when there is an encoding.
			h.Set("Content-Length", strconv.Itoa(len(small)))
		}
	}
	h.Set("Etag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip tells whether Accept-Encoding names gzip, or anything, without
// refusing it by the weight 0.
func acceptsGzip(values []string) bool {
	named, other := -1.0, -1.0
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, parameter, _ := strings.Cut(element, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameter)), "q="); ok {
			parsed, err := strconv.ParseFloat(q, 64)
			if err != nil {
				continue
			}
			weight = parsed
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			named = weight
		case "*":
			other = weight
		}
	}
	if named >= 0 {
		return named > 0
	}
	return other > 0
}
