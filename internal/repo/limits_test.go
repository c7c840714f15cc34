package repo

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
	"unicode/utf8"
)

// The limits of this module's code without its tests. i18n's catalogues are tables, the simulator is another program.
const (
	maxFile     = 500
	maxFunction = 80
	maxPackage  = 3500
	maxHandlers = 7000 // one file a page
	maxColumns  = 120  // a tab counts as four
)

// over is what is still over a limit, with how far it may be: it gets smaller, and goes. "long lines in" counts lines.
var over = map[string]int{}

// TestLimits: what is larger is more than one thing, and gets a second name.
func TestLimits(t *testing.T) {
	packages, long := map[string]int{}, map[string][]string{}
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		lines := strings.Count(f.text, "\n")
		packages[f.pkg] += lines
		if lines > max(maxFile, over[f.name]) && f.pkg != "internal/i18n" {
			t.Errorf("%s has %d lines, more than %d", f.name, lines, maxFile)
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.length(fn) > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", f.at(fn), fn.Name.Name, f.length(fn), maxFunction)
			}
		}
		for _, n := range f.longLines() {
			long[f.pkg] = append(long[f.pkg], fmt.Sprintf("%s:%d has more than %d columns", f.name, n, maxColumns))
		}
	}
	for pkg, found := range long {
		if len(found) > over["long lines in "+pkg] {
			t.Error(strings.Join(found, "\n"))
		}
	}
	for pkg, lines := range packages {
		most := maxPackage
		if pkg == "handlers" {
			most = maxHandlers
		}
		if free := pkg == "internal/i18n" || pkg == "internal/simulator"; lines > max(most, over[pkg]) && !free {
			t.Errorf("package %s has %d lines, more than %d", pkg, lines, most)
		}
	}
}

// length is how many lines a node has.
func (f goFile) length(n ast.Node) int {
	return f.set.Position(n.End()).Line - f.set.Position(n.Pos()).Line + 1
}

// longLines are those that are too long. What is long by nature is none: the row of a table, which is a line within a
// literal of several or a field of a struct; a text, which is no easier to read in pieces; and a comment's link.
func (f goFile) longLines() (long []int) {
	free := map[int]bool{}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit, *ast.StructType:
			f.mark(free, n, f.length(n) > 1)
		case *ast.BasicLit:
			f.mark(free, n, len(n.Value) > maxColumns/3)
		}
		return true
	})
	for i, line := range lines(f.text) {
		columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
		link := strings.HasPrefix(strings.TrimSpace(line), "//") && strings.Contains(line, "://")
		if columns > maxColumns && !free[i+1] && !link {
			long = append(long, i+1)
		}
	}
	return long
}

// mark adds the lines of a node.
func (f goFile) mark(lines map[int]bool, n ast.Node, is bool) {
	for line := range f.length(n) {
		lines[f.set.Position(n.Pos()).Line+line] = lines[f.set.Position(n.Pos()).Line+line] || is
	}
}
