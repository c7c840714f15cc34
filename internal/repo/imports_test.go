package repo

import (
	"slices"
	"strings"
	"testing"
)

// module is the path that every import of this module starts with.
const module = "coc-console"

// TestImports holds the tables of ARCHITECTURE.md: who imports whom outside of tests, all of it downwards, and which
// libraries stay in few hands. A package without a row gets its place by decision.
func TestImports(t *testing.T) {
	place, may, used := map[string]int{}, map[string][]string{}, map[string]bool{}
	for i, row := range architecture(t, "| package | may import |") {
		place[row[0]], may[row[0]] = i+1, strings.Split(row[1], ", ")
	}
	libraries := architecture(t, "| library | only in |")
	for _, f := range goFiles(t) {
		if place[f.pkg] == 0 {
			t.Errorf("%s: package %q has no row in the table", f.name, f.pkg)
		}
		for _, imported := range f.imports() {
			low, ours := strings.CutPrefix(imported, module+"/")
			used[f.pkg+" imports "+low] = used[f.pkg+" imports "+low] || !f.test
			if ours && !f.test && (!slices.Contains(may[f.pkg], low) || place[low] < place[f.pkg]) {
				t.Errorf("%s imports %s, which its row does not list, or which stands above it", f.name, low)
			}
			for _, l := range libraries {
				if !f.test && isWithin(imported, l[0]) && !slices.Contains(strings.Split(l[1], ", "), f.pkg) {
					t.Errorf("%s imports %s, which belongs in %s only", f.name, imported, l[1])
				}
			}
		}
	}
	for pkg, list := range may {
		for _, low := range list {
			if low != "" && !used[pkg+" imports "+low] {
				t.Errorf("%s may import %s, and does not", pkg, low)
			}
		}
	}
}

// isWithin tells whether an import path is the library or one of its packages.
func isWithin(imported, library string) bool {
	library = strings.TrimSuffix(library, "/")
	return imported == library || strings.HasPrefix(imported, library+"/")
}
