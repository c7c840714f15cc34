package repo

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asvs are the requirements of ASVS 5.0.0: of each section the levels of its requirements 1, 2, 3 …
const asvs = `
1.1 22 1.2 1111122223 1.3 112222222223 1.4 222 1.5 123
2.1 122 2.2 112 2.3 12223 2.4 23
3.1 3 3.2 113 3.3 12223 3.4 11222233 3.5 11122333 3.6 3 3.7 22333
4.1 12233 4.2 23333 4.3 22 4.4 1222
5.1 2 5.2 112333 5.3 113 5.4 222
6.1 122 6.2 111111112222 6.3 11223333 6.4 112233 6.5 22222333 6.6 2223 6.7 33 6.8 2222
7.1 222 7.2 1111 7.3 22 7.4 11222 7.5 223 7.6 22
8.1 1233 8.2 1123 8.3 133 8.4 23
9.1 111 9.2 1222
10.1 22 10.2 223 10.3 22223 10.4 1111122222233333 10.5 22222 10.6 22 10.7 222
11.1 2233 11.2 22233 11.3 11233 11.4 1222 11.5 23 11.6 23 11.7 33
12.1 12233 12.2 11 12.3 22223
13.1 2333 13.2 222223 13.3 2233 13.4 1222233
14.1 22 14.2 12223333 14.3 122
15.1 12233 15.2 12233 15.3 1222222 15.4 3333
16.1 2 16.2 22222 16.3 2222 16.4 222 16.5 2223
17.1 23 17.2 22223333 17.3 22`

// requirement is a row of the table in docs/security.md.
type requirement struct{ id, level, asks, verdict, evidence string }

// requirementsOf are the requirements of ASVS up to a level, in order.
func requirementsOf(level byte) (all []requirement) {
	fields := strings.Fields(asvs)
	for i := 0; i < len(fields); i += 2 {
		for n, l := range []byte(fields[i+1]) {
			if l <= level {
				all = append(all, requirement{id: fields[i] + "." + strconv.Itoa(n+1), level: string(l)})
			}
		}
	}
	return all
}

func requirementsIn(t *testing.T) (all []requirement) {
	t.Helper()
	for _, cells := range table(t, "docs/security.md", "| requirement | level | what it asks | verdict | evidence, or what is so |") {
		if len(cells) != 5 {
			t.Fatalf("%d cells: %q", len(cells), cells)
		}
		all = append(all, requirement{cells[0], cells[1], cells[2], cells[3], cells[4]})
	}
	return all
}

// TestRequirementsAreComplete: docs/security.md has every requirement of levels 1 and 2 once, in order, with a verdict that
// something stands behind.
func TestRequirementsAreComplete(t *testing.T) {
	if all := requirementsOf('3'); len(all) != 345 { // as many as ASVS 5.0.0 has
		t.Fatalf("ASVS has %d requirements", len(all))
	}
	rows, want := requirementsIn(t), requirementsOf('2')
	if len(rows) != len(want) {
		t.Errorf("%d rows, not %d", len(rows), len(want))
	}
	counts := map[string]int{}
	for i, r := range rows {
		if i < len(want) && (r.id != want[i].id || r.level != want[i].level) {
			t.Fatalf("the row %s, level %s, is where %s, level %s, belongs", r.id, r.level, want[i].id, want[i].level)
		}
		counts[r.verdict]++
		if problem := r.problem(); problem != "" {
			t.Errorf("%s: %s", r.id, problem)
		}
	}
	summary := table(t, "docs/security.md", "| verdict | rows |")
	for _, cells := range summary {
		if cells[1] != strconv.Itoa(counts[cells[0]]) {
			t.Errorf("%d rows are %q, and the document says %s", counts[cells[0]], cells[0], cells[1])
		}
	}
	if len(summary) != 5 {
		t.Errorf("%d verdicts are counted", len(summary))
	}
}

// problem is what the row lacks; empty when nothing.
func (r requirement) problem() string {
	evidence := slices.ContainsFunc(codeTexts(r.evidence), func(s string) bool { return isTest.MatchString(s) || isPath.MatchString(s) })
	switch {
	case r.asks == "":
		return "it does not say what is asked"
	case !slices.Contains([]string{"met", "partly", "not met", "not applicable", "not examined"}, r.verdict):
		return "no verdict: " + r.verdict
	case (r.verdict == "met" || r.verdict == "partly") && !evidence:
		return "no file or test"
	case r.verdict != "not examined" && r.evidence == "":
		return "it does not say why"
	}
	return ""
}

var (
	isTest = regexp.MustCompile(`^([a-z]+)\.((?:Test|Fuzz)[A-Z]\w*)$`)
	isPath = regexp.MustCompile(`^(?:\.?[\w-]+/)+\.?[\w.-]+$|^[\w-]+\.(?:go|mod|sum|md)$`)
)

// codeTexts are the texts in backquotes.
func codeTexts(text string) (all []string) {
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestEvidenceExists: the files and tests that docs/security.md names are there.
func TestEvidenceExists(t *testing.T) {
	tests, found := testNames(t), 0
	for _, name := range codeTexts(read(t, "docs/security.md")) {
		switch {
		case isTest.MatchString(name):
			found++
			if !tests[name] {
				t.Errorf("there is no test %s", name)
			}
		case isPath.MatchString(name):
			found++
			if _, err := os.Stat(filepath.FromSlash(name)); err != nil {
				t.Errorf("there is no file %s: %v", name, err)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d names were found", found)
	}
}

// testNames are the tests and fuzz tests of this module, as package.Name.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, f := range goFiles(t) {
		if !f.test {
			continue
		}
		for _, m := range function.FindAllStringSubmatch(f.text, -1) {
			names[strings.TrimSuffix(f.syntax.Name.Name, "_test")+"."+m[1]] = true
		}
	}
	return names
}

// risky are libraries whose use would need thought: what starts programs, runs code, gets round Go's memory, reads
// formats that have been attacked before, or tells the inside of the process over HTTP.
var risky = []string{
	"C", "encoding/gob", "encoding/xml", "expvar", "html/template", "net/http/cgi", "net/http/pprof", "net/smtp", "os/exec", "plugin",
	"text/template", "unsafe",
}

// profiles is the one file that tells the inside of the process over HTTP: on loopback, once --pprof asks for it.
const profiles = "internal/cli/profiles.go"

// TestNothingRisky: the console imports none of them. faultfs breaks disks for tests, below SQLite.
func TestNothingRisky(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || f.pkg == "internal/faultfs" {
			continue
		}
		for _, spec := range f.syntax.Imports {
			if name := strings.Trim(spec.Path.Value, `"`); slices.Contains(risky, name) && (name != "net/http/pprof" || f.name != profiles) {
				t.Errorf("%s imports %s", f.name, name)
			}
		}
	}
}

// TestExceptionsHaveTests: each known vulnerability that tools/vuln lets pass names a test that is there, so that a move of the
// test is noticed here, and not only where the vulnerabilities are looked up.
func TestExceptionsHaveTests(t *testing.T) {
	names := map[string]bool{}
	for _, f := range goFiles(t) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
				names[f.pkg+"."+fn.Name.Name] = true
			}
		}
	}
	found := 0
	for line := range strings.Lines(read(t, "tools/vuln/exceptions.txt")) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(line, "#") {
			found++
			if len(fields) < 3 || !names[fields[1]] {
				t.Errorf("no such test: %s", line)
			}
		}
	}
	if found == 0 {
		t.Error("no exceptions were found")
	}
}
