package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that every import of this module starts with.
const module = "coc-console"

// mayImport is the layout: the packages of this module and which others of them each may import outside of its tests.
// An empty row is a leaf. A package that is not here fails the test, so that a new one gets its place by decision.
// Nobody but main lists the simulator: it stands for the cloud, and shares no code with the client that talks to it.
// Nobody at all lists faultfs: it breaks disks, for tests.
var mayImport = map[string][]string{
	"": { // package main wires everything
		"web", "handlers", "static", "audit", "migrations", "internal/coc", "internal/i18n", "internal/iam",
		"internal/operate", "internal/policy", "internal/simulator", "internal/watch",
	},
	"web": {
		"handlers", "templates", "static", "audit", "migrations", "internal/coc", "internal/i18n", "internal/iam",
		"internal/operate", "internal/policy", "internal/watch",
	},
	"handlers": {
		"templates", "static", "audit", "internal/coc", "internal/i18n", "internal/iam",
		"internal/operate", "internal/policy", "internal/watch",
	},
	"templates":          {"static", "internal/i18n"},
	"internal/operate":   {"audit", "internal/coc", "internal/policy"},
	"internal/watch":     {"internal/coc"},
	"internal/policy":    {"internal/coc"},
	"internal/simulator": {},
	"audit":              {},
	"migrations":         {},
	"static":             {},
	"internal/coc":       {},
	"internal/faultfs":   {},
	"internal/i18n":      {},
	"internal/iam":       {},
}

// confined names the libraries that must stay replaceable, by the start of their import path, and the only packages
// that may import each outside of tests.
var confined = map[string][]string{
	"github.com/a-h/templ":      {"templates", "handlers"},
	"github.com/cedar-policy/":  {"internal/policy"},
	"github.com/chromedp/":      {},
	"github.com/gorilla/":       {"web"},
	"github.com/jackc/":         {"migrations"},
	"github.com/labstack/":      {"web", "handlers"},
	"github.com/pressly/goose/": {"migrations"},
	"github.com/prometheus/":    {"web"},
	"modernc.org/":              {"migrations", "internal/faultfs"},
	"testing":                   {},
}

func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		allowed, known := mayImport[f.pkg]
		if !known {
			t.Errorf("%s: package %q has no row in mayImport; add it where the layout wants it", f.name, f.pkg)
		}
		if f.test {
			continue
		}
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if rest, ours := strings.CutPrefix(imported, module+"/"); ours && known && !slices.Contains(allowed, rest) {
				t.Errorf("%s imports %s, which its row in mayImport does not list", f.name, rest)
			}
			for library, home := range confined {
				if isWithin(imported, library) && !slices.Contains(home, f.pkg) {
					t.Errorf("%s imports %s, which belongs in %q only", f.name, imported, home)
				}
			}
		}
	}
}

// isWithin tells whether an import path is the library or one of its packages.
func isWithin(imported, library string) bool {
	library = strings.TrimSuffix(library, "/")
	return imported == library || strings.HasPrefix(imported, library+"/")
}

// endings are the calls that take the decision to stop away from main.
var endings = []string{"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panic", "log.Panicf", "log.Panicln", "panic"}

func TestOnlyMainEndsTheProgram(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || f.name == "main.go" {
			continue
		}
		for _, call := range f.calls(endings...) {
			if !breaksOff(call) {
				t.Errorf("%s calls %s: return an error", f.at(call), calleeOf(call))
			}
		}
	}
}

// breaksOff recognizes panic(http.ErrAbortHandler), the one way net/http has to cut an answer short.
func breaksOff(call *ast.CallExpr) bool {
	if len(call.Args) != 1 {
		return false
	}
	arg, ok := call.Args[0].(*ast.SelectorExpr)
	return ok && arg.Sel.Name == "ErrAbortHandler"
}

func TestNothingRunsByImport(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init runs unasked, in an order nobody wrote down", f.at(fn))
			}
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	for _, f := range goFiles(t) {
		if !f.test {
			continue
		}
		for _, call := range f.calls("time.Sleep") {
			t.Errorf("%s: wait for what is expected, or use testing/synctest", f.at(call))
		}
	}
}

var (
	// An attribute is written tight against its value, which no gofmt'ed Go between the elements is.
	inlineAttribute = regexp.MustCompile("[\\s](style|on[a-z]+)\\??=[\"'{`]")
	inlineScript    = regexp.MustCompile(`(?is)<script\b[^>]*>(.*?)</script\s*>`)
	inlineStyle     = regexp.MustCompile(`(?i)<style\b`)
	anyAddress      = regexp.MustCompile(`https?://[^\s"'` + "`" + `)<>]+`)
)

// TestPagesHoldNoInlineCode finds what the content security policy would block only once a browser shows the page.
func TestPagesHoldNoInlineCode(t *testing.T) {
	for name, text := range textFiles(t, ".templ") {
		for _, m := range inlineAttribute.FindAllString(text, -1) {
			t.Errorf("%s: inline attribute %s", name, strings.TrimSpace(m))
		}
		for _, m := range inlineScript.FindAllStringSubmatch(text, -1) {
			if strings.TrimSpace(m[1]) != "" {
				t.Errorf("%s: a script with a body; put it in static/js", name)
			}
		}
		if inlineStyle.MatchString(text) {
			t.Errorf("%s: a style element; put it in static/css", name)
		}
	}
}

// TestPagesLoadNothingFromElsewhere keeps other hosts out of what is served. XML namespaces are names, not addresses.
func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	for name, text := range textFiles(t, ".css", ".js", ".svg", ".html", ".json", ".webmanifest") {
		if !strings.HasPrefix(name, "static/") || strings.Contains(path.Base(name), ".test.") {
			continue
		}
		for _, found := range anyAddress.FindAllString(text, -1) {
			if !strings.HasPrefix(found, "http://www.w3.org/") {
				t.Errorf("%s names %s", name, found)
			}
		}
	}
}

// A goFile is a parsed file that a person wrote.
type goFile struct {
	name   string // from the root of the module, with slashes
	pkg    string // its folder; "" is the root
	test   bool
	set    *token.FileSet
	syntax *ast.File
}

// at gives the place of a node, for a message.
func (f goFile) at(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.set.Position(n.Pos()).Line)
}

// calls finds the calls of functions that are written like one of names.
func (f goFile) calls(names ...string) []*ast.CallExpr {
	var found []*ast.CallExpr
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && slices.Contains(names, calleeOf(call)) {
			found = append(found, call)
		}
		return true
	})
	return found
}

// calleeOf writes the called function as "name" or "package.name"; "" is anything longer.
func calleeOf(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); ok {
			return x.Name + "." + fun.Sel.Name
		}
	}
	return ""
}

// goFiles parses the Go files of this module, without generated ones.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	for name, text := range textFiles(t, ".go") {
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(syntax) {
			continue
		}
		dir := path.Dir(name)
		if dir == "." {
			dir = ""
		}
		files = append(files, goFile{name: name, pkg: dir, test: strings.HasSuffix(name, "_test.go"), set: set, syntax: syntax})
	}
	slices.SortFunc(files, func(a, b goFile) int { return strings.Compare(a.name, b.name) })
	if len(files) == 0 {
		t.Fatal("no Go file found")
	}
	return files
}

// textFiles reads the files of this module whose names end in one of the given ways, by name from its root.
func textFiles(t *testing.T, endings ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipForeign(name, d)
		case !slices.Contains(endings, filepath.Ext(name)):
			return nil
		}
		text, err := os.ReadFile(name)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipForeign leaves out what the go command leaves out: nested modules, testdata, folders with a dot; and npm's folder.
func skipForeign(name string, d fs.DirEntry) error {
	if name == "." {
		return nil
	}
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	nested := !errors.Is(err, fs.ErrNotExist)
	if nested || slices.Contains([]string{"testdata", "node_modules"}, d.Name()) || strings.HasPrefix(d.Name(), ".") {
		return filepath.SkipDir
	}
	return nil
}
