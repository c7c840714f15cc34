package repo

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

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

// TestNoReverseProxy: Echo's proxy middleware hands on forged X-Real-IP headers (GO-2026-6875). The console calls COC with
// requests of its own, and needs no proxy.
func TestNoReverseProxy(t *testing.T) {
	for _, f := range goFiles(t) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			use, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, _ := use.X.(*ast.Ident)
			if of != nil && of.Name == "middleware" && strings.Contains(use.Sel.Name, "Proxy") {
				t.Errorf("%s: middleware.%s", f.at(use), use.Sel.Name)
			}
			return true
		})
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
