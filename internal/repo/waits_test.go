package repo

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program are the parsed files of the console, without tests and without what is
// not part of it, by folder.
func program(t *testing.T) (*token.FileSet, map[string][]*ast.File) {
	t.Helper()
	set, packages := token.NewFileSet(), map[string][]*ast.File{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"tools", "conformance", "testdata", "node_modules"}, d.Name()) || d.Name() != "." && strings.HasPrefix(d.Name(), ".") ||
				slices.Contains([]string{"internal/simulator", "internal/faultfs", "audit/audittest",
					"internal/operate/operatetest", "internal/e2e"}, filepath.ToSlash(path)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") {
			return nil
		}
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		packages[folder] = append(packages[folder], f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return set, packages
}

// TestEveryWaitHasItsDeadline reads the table of deadlines and compares each
// with the constant, or the setting's default, that it names.
func TestEveryWaitHasItsDeadline(t *testing.T) {
	_, packages := program(t)
	rows := architecture(t, "| wait | at most | set by |")
	if len(rows) < 30 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	configuration := read(t, "docs/configuration.md")
	for _, row := range rows {
		if len(row) != 3 {
			t.Errorf("a row has %d cells: %v", len(row), row)
			continue
		}
		want, err := time.ParseDuration(strings.ReplaceAll(row[1], " ", ""))
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		if setting, isSetting := strings.CutPrefix(row[2], "--"); isSetting {
			if !regexp.MustCompile(`--` + setting + "\\b[^\n]*" + regexp.QuoteMeta(strings.ReplaceAll(row[1], " ", ""))).MatchString(configuration) {
				t.Errorf("%s: docs/configuration.md does not say that --%s is %s", row[0], setting, row[1])
			}
			continue
		}
		folder, name := ".", row[2]
		if at := strings.LastIndex(row[2], "."); at >= 0 {
			folder, name = row[2][:at], row[2][at+1:]
		}
		if got, err := constant(packages[folder], name); err != nil || got != want {
			t.Errorf("%s: %s is %v, the table says %v (%v)", row[0], row[2], got, want, err)
		}
	}
}

// constant is the value of a package's constant that is a duration.
func constant(files []*ast.File, name string) (time.Duration, error) {
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, n := range v.Names {
					if n.Name == name && i < len(v.Values) {
						return value(files, v.Values[i])
					}
				}
			}
		}
	}
	return 0, fmt.Errorf("there is no constant %s", name)
}

func value(files []*ast.File, e ast.Expr) (time.Duration, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		n, err := strconv.ParseInt(strings.ReplaceAll(e.Value, "_", ""), 0, 64)
		return time.Duration(n), err
	case *ast.Ident:
		return constant(files, e.Name)
	case *ast.SelectorExpr:
		units := map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}
		if d, ok := units[e.Sel.Name]; ok {
			return d, nil
		}
	case *ast.BinaryExpr:
		a, err := value(files, e.X)
		if err != nil {
			return 0, err
		}
		b, err := value(files, e.Y)
		if e.Op == token.MUL {
			return time.Duration(int64(a) * int64(b)), err
		}
		if e.Op == token.ADD {
			return a + b, err
		}
	}
	return 0, fmt.Errorf("%T is not understood", e)
}

// TestNoWaitIsUnknown finds every wait in the program that has no deadline, and
// no context to end it, where it stands. Each must be in the table with what ends
// it, and nothing else.
func TestNoWaitIsUnknown(t *testing.T) {
	_, packages := program(t)
	found := map[string]bool{}
	for folder, files := range packages {
		for _, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				for _, wait := range openWaits(fn) {
					found[strings.TrimPrefix(folder+"."+fn.Name.Name, "..")+": "+wait] = true
				}
			}
		}
	}
	listed := map[string]bool{}
	for _, row := range architecture(t, "| where | what ends it |") {
		if len(row) != 2 || row[1] == "" {
			t.Errorf("a row says not what ends it: %v", row)
		}
		listed[row[0]] = true
	}
	for wait := range found {
		if !listed[wait] {
			t.Errorf("%s: it has no deadline, and is not in ARCHITECTURE.md", wait)
		}
	}
	for wait := range listed {
		if !found[wait] {
			t.Errorf("%s: it is in ARCHITECTURE.md, and not in the program", wait)
		}
	}
}

// TestWaitsAreFound shows that each kind of wait is found.
func TestWaitsAreFound(t *testing.T) {
	const source = `package p
	func f() {
		<-done
		x := <-values
		for range ticks {}
		time.Sleep(time.Second)
		group.Wait()
		mu.Lock()
		db.QueryRow("SELECT 1")
		db.Exec("DELETE FROM a")
		tx, err := db.Begin()
		http.Get("http://a")
		c := http.Client{}
		d := &http.Client{Timeout: 1}
		s := http.Server{Handler: h}
		syscall.Flock(1, syscall.LOCK_EX)
		syscall.Flock(1, syscall.LOCK_EX|syscall.LOCK_NB)
		net.Dial("tcp", "a")
		u.Query()
		select { case <-a: case <-ctx.Done(): }
		select { case <-a: case b := <-c: }
		select { case <-a: default: }
		select { case a <- 1: case <-timer.C: }
		a <- 1
	}`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(openWaits(f.Decls[0].(*ast.FuncDecl)), ", ")
	want := "<-done, <-values, time.Sleep, group.Wait, db.QueryRow, db.Exec, db.Begin, http.Get, http.Client, http.Server, syscall.Flock, net.Dial, select <-a <-c, a<-"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// openWaits are the waits of a function that nothing in it bounds.
func openWaits(fn *ast.FuncDecl) (waits []string) {
	bounded := map[ast.Node]bool{} // statements of a select that can end
	add := func(format string, args ...any) {
		if w := fmt.Sprintf(format, args...); !slices.Contains(waits, w) {
			waits = append(waits, w)
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectStmt:
			names, ends := selected(n, bounded)
			if !ends && len(names) > 0 {
				add("select %s", strings.Join(names, " "))
			}
		case *ast.UnaryExpr:
			if n.Op == token.ARROW && !bounded[n] {
				add("<-%s", named(n.X))
			}
		case *ast.SendStmt:
			if !bounded[n] {
				add("%s<-", named(n.Chan))
			}
		case *ast.RangeStmt:
			if id, ok := n.X.(*ast.Ident); ok && n.Value == nil && strings.HasSuffix(id.Name, "batches") {
				add("range %s", id.Name)
			}
		case *ast.CallExpr:
			if what := openCall(n); what != "" {
				add("%s", what)
			}
		case *ast.CompositeLit:
			if what := named(n.Type); what == "http.Client" && !hasField(n, "Timeout") || what == "http.Server" && !hasField(n, "ReadHeaderTimeout") {
				add("%s", what)
			}
		}
		return true
	})
	return waits
}

// selected marks what a select waits for, and reports whether something ends it
// in any case: a context, a timer, or a default.
func selected(s *ast.SelectStmt, bounded map[ast.Node]bool) (names []string, ends bool) {
	for _, c := range s.Body.List {
		comm := c.(*ast.CommClause).Comm
		switch comm := comm.(type) {
		case nil:
			ends = true
		case *ast.SendStmt:
			bounded[comm] = true
			names = append(names, named(comm.Chan)+"<-")
		default:
			ast.Inspect(comm, func(n ast.Node) bool {
				if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.ARROW {
					bounded[u] = true
					name := named(u.X)
					names = append(names, "<-"+name)
					ends = ends || strings.HasSuffix(name, ".Done") || strings.HasSuffix(name, ".C") || name == "time.After"
				}
				return true
			})
		}
	}
	return names, ends
}

// openCall names a call that waits without a context.
func openCall(c *ast.CallExpr) string {
	name := named(c.Fun)
	at := strings.LastIndex(name, ".")
	switch method := name[at+1:]; method {
	case "Exec", "Query", "QueryRow", "Begin", "Prepare":
		if at >= 0 && (method == "Begin" && len(c.Args) == 0 || method != "Begin" && len(c.Args) > 0 && !hasContext(c)) {
			return name
		}
	case "Wait":
		if at >= 0 && len(c.Args) == 0 {
			return name
		}
	}
	switch name {
	case "time.Sleep", "http.Get", "http.Post", "http.Head", "net.Dial":
		return name
	case "syscall.Flock":
		if !strings.Contains(fmt.Sprint(source(c.Args[1])), "LOCK_NB") && !strings.Contains(fmt.Sprint(source(c.Args[1])), "LOCK_UN") {
			return name
		}
	}
	return ""
}

func hasContext(c *ast.CallExpr) bool {
	name := named(c.Args[0])
	return strings.HasSuffix(strings.ToLower(name), "ctx") || strings.HasSuffix(name, ".Context") || name == "c"
}

// source are the names in an expression.
func source(e ast.Expr) (names []string) {
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
		return true
	})
	return names
}

// named writes an expression of names and calls as a.b.C.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return named(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return named(e.Fun)
	case *ast.IndexExpr:
		return named(e.X)
	case *ast.ParenExpr:
		return named(e.X)
	}
	return "?"
}

func hasField(c *ast.CompositeLit, name string) bool {
	return slices.ContainsFunc(c.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		return ok && named(kv.Key) == name
	})
}
