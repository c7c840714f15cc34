// Package static holds what browsers get besides pages: style sheets, ES
// modules and images, written by hand and embedded. Browsers get the modules as
// one script without white space and long names, and nothing with its comments.
//
// All files live below one hash over the whole tree, so a file that changes
// moves all of them: whatever a page names comes from one version and may be
// kept for ever.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"

	"coc-console/internal/accept"
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

// A file is one file, ready to be sent. Its forms are made at the first call.
type file struct {
	contentType string
	sum         string        // start of the SHA-256 of its source, in hex
	plain       func() []byte // without what only readers of the source need
	gzip        func() []byte // nil when that saves nothing, like brotli
	brotli      func() []byte
}

// A bundle is the whole tree: its files by name, such as "css/console.css".
type bundle struct {
	hash  string
	files map[string]file
	err   error
	// problem is why modules could not be joined. They are served one by one then, which works as well.
	problem error
}

var load = sync.OnceValue(func() bundle { return read(tree) })

// Pages name one module and one style sheet; the others become part of them.
const (
	entry = "js/main.js"
	sheet = "css/console.css"
	first = "css/tokens.css" // it has the order of the layers
)

// read takes every file of fsys. The hash covers names and sources, in the
// order of the names.
func read(fsys fs.FS) bundle {
	b := bundle{files: map[string]file{}}
	sources, err := readAll(fsys)
	b.err = err
	if script, err := join(sources); err == nil {
		maps.DeleteFunc(sources, func(name string, _ []byte) bool { return path.Ext(name) == ".js" })
		sources[entry] = script
	} else {
		b.problem = err
	}
	joinSheets(sources)
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		f := newFile(name, sources[name])
		b.files[name] = f
		fmt.Fprintf(all, "%s\x00%s\x00", name, f.sum)
	}
	b.hash = hex.EncodeToString(all.Sum(nil)[:8])
	return b
}

// joinSheets puts one style sheet in the place of all: the tokens, and the others by their names.
func joinSheets(sources map[string][]byte) {
	joined := slices.Clone(sources[first])
	delete(sources, first)
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if path.Ext(name) == ".css" {
			joined = append(joined, sources[name]...)
			delete(sources, name)
		}
	}
	if len(joined) > 0 {
		sources[sheet] = joined
	}
}

func readAll(fsys fs.FS) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all[name], err = fs.ReadFile(fsys, name)
		}
		return err
	})
	return all, err
}

func newFile(name string, source []byte) file {
	sum := sha256.Sum256(source)
	contentType, known := contentTypes[path.Ext(name)]
	if !known {
		contentType = "application/octet-stream"
	}
	plain := sync.OnceValue(func() []byte {
		if out, err := small(name, source); err == nil {
			return out
		}
		return source // which does the same; the tests tell of the error
	})
	return file{
		contentType: contentType,
		sum:         hex.EncodeToString(sum[:16]),
		plain:       plain,
		gzip: sync.OnceValue(func() []byte {
			return compress(plain(), func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) })
		}),
		brotli: sync.OnceValue(func() []byte {
			return compress(plain(), func(w io.Writer) (io.WriteCloser, error) {
				return brotli.NewWriterLevel(w, brotli.BestCompression), nil
			})
		}),
	}
}

// compress gives data as a writer compresses it, or nil when there is nothing to gain.
func compress(data []byte, writer func(io.Writer) (io.WriteCloser, error)) []byte {
	var out bytes.Buffer
	w, err := writer(&out)
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

// serve sends the file, compressed as the client takes it best. The forms have
// entity tags of their own, as they differ in their bytes.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	coding, body := f.form(accept.EncodingsOf(r.Header))
	tag := f.sum
	if coding != "" {
		tag += "-" + coding
		h.Set("Content-Encoding", coding)
		// ServeContent leaves the length out when there is an encoding.
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	h.Set("Etag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// form chooses by Accept-Encoding: a coding, "" for none, and the file in it.
func (f file) form(accepted accept.Encodings) (string, []byte) {
	br, gz := accepted.Weight("br"), accepted.Weight("gzip")
	least := accepted["identity"] // who does not name it takes it last
	if br > 0 && br >= gz && br >= least {
		if body := f.brotli(); body != nil {
			return "br", body
		}
	}
	if gz > 0 && gz >= least {
		if body := f.gzip(); body != nil {
			return "gzip", body
		}
	}
	return "", f.plain()
}
