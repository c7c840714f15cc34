package repo

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

// testName is a test as the document writes it.
var testName = regexp.MustCompile("`([a-z]+)\\.(Test[A-Za-z]+)`")

// TestGuaranteesHaveTests: each that package audit states has a row in the
// document, whose tests exist.
func TestGuaranteesHaveTests(t *testing.T) {
	promises, tests := map[string]bool{}, map[string]bool{}
	for _, f := range goFiles(t) {
		if f.name == "audit/log.go" {
			promises = stated(f.syntax.Doc.Text())
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
				tests[strings.TrimSuffix(f.syntax.Name.Name, "_test")+"."+fn.Name.Name] = true
			}
		}
	}
	rows := table(t, "docs/audit.md", "| guarantee | tests |")
	if len(promises) < 5 || len(rows) != len(promises) {
		t.Errorf("%d guarantees have %d rows: %v", len(promises), len(rows), promises)
	}
	for _, row := range rows {
		if !promises[row[0]] {
			t.Errorf("the package does not promise %q", row[0])
		}
		named := testName.FindAllStringSubmatch(row[1], -1)
		if len(named) == 0 {
			t.Errorf("no test: %s", row)
		}
		for _, m := range named {
			if !tests[m[1]+"."+m[2]] {
				t.Errorf("there is no test %s.%s", m[1], m[2])
			}
		}
	}
}

// stated are the guarantees of the package comment: how each item begins, up
// to its first full stop, colon or parenthesis.
func stated(comment string) map[string]bool {
	_, rest, _ := strings.Cut(comment, "# What it guarantees\n")
	section, _, _ := strings.Cut(rest, "\n# ")
	promises := map[string]bool{}
	for _, item := range strings.Split(section, "\n  - ")[1:] {
		item = strings.Join(strings.Fields(item), " ")
		if end := strings.IndexAny(item, ".:("); end > 0 {
			item = item[:end]
		}
		promises[strings.TrimSpace(item)] = true
	}
	return promises
}
