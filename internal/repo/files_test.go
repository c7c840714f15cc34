package repo

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A goFile is a parsed file that a person wrote.
type goFile struct {
	name   string // from the root of the module, with slashes
	pkg    string // its folder; "main" is the root
	test   bool
	text   string
	set    *token.FileSet
	syntax *ast.File
}

// imports are the paths of the packages that it imports.
func (f goFile) imports() (all []string) {
	for _, spec := range f.syntax.Imports {
		all = append(all, strings.Trim(spec.Path.Value, "\"`"))
	}
	return all
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

// goFiles are the Go files of this module, parsed once for all tests, without generated ones.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	files, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var parsed = sync.OnceValues(func() (files []goFile, err error) {
	texts, err := readFiles(".go")
	for name, text := range texts {
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if ast.IsGenerated(syntax) {
			continue
		}
		dir := path.Dir(name)
		if dir == "." {
			dir = "main"
		}
		files = append(files, goFile{name: name, pkg: dir, test: strings.HasSuffix(name, "_test.go"), text: text, set: set, syntax: syntax})
	}
	slices.SortFunc(files, func(a, b goFile) int { return strings.Compare(a.name, b.name) })
	if err == nil && len(files) == 0 {
		err = errors.New("no Go file found")
	}
	return files, err
})

// textFiles reads the files of this module whose names end in one of the given ways, by name from its root.
func textFiles(t *testing.T, endings ...string) map[string]string {
	t.Helper()
	files, err := readFiles(endings...)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readFiles(endings ...string) (map[string]string, error) {
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
	return files, err
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
