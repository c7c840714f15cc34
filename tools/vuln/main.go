// Command vuln checks the console for known vulnerabilities with govulncheck.
// The database is a Go module, too, so that the check needs nothing but the
// module proxy and gives the same answer every time: to check against newer
// reports, update golang.org/x/vulndb in go.mod here.
//
// It fails on every vulnerability whose code the console calls, unless
// exceptions.txt names it with a reason and a test that shows that it does not
// reach the console, and on every exception that is no longer needed or whose
// test does not exist.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/vuln/scan"
)

func main() {
	root := flag.String("root", "../..", "folder of the module to check")
	list := flag.String("exceptions", "exceptions.txt", "file of the exceptions")
	flag.Parse()
	if err := run(context.Background(), *root, *list); err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, list string) error {
	exceptions, err := readExceptions(list)
	if err != nil {
		return err
	}
	database, err := makeDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(database) }()
	called, err := check(ctx, root, database)
	if err != nil {
		return err
	}
	return judge(root, called, exceptions)
}

// exception is one line of exceptions.txt: ID, test, reason.
type exception struct{ id, test, reason string }

func readExceptions(path string) ([]exception, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var all []exception
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.SplitN(line, " ", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: %q is not: ID, test, reason", path, line)
		}
		all = append(all, exception{fields[0], fields[1], fields[2]})
	}
	return all, nil
}

// moduleFolder returns the folder of a module that go.mod names. It downloads
// the module first: go list names no folder of one that is not there yet.
func moduleFolder(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", path).Output()
	var module struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(out, &module); decodeErr != nil {
		return "", fmt.Errorf("download %s: %w", path, errors.Join(err, decodeErr))
	}
	if module.Dir == "" {
		return "", fmt.Errorf("download %s: %s", path, cmp.Or(module.Error, "it has no folder"))
	}
	return module.Dir, nil
}

// makeDatabase indexes the reports that the module golang.org/x/vulndb holds,
// in a folder that the caller removes.
func makeDatabase(ctx context.Context) (string, error) {
	module, err := moduleFolder(ctx, "golang.org/x/vulndb")
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		return "", err
	}
	reports := filepath.Join(module, "data", "osv")
	index := exec.CommandContext(ctx, "go", "tool", "indexdb", "-vulns", reports, "-out", dir) //nolint:gosec // both are folders that Go named
	if out, err := index.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("index %s: %w\n%s", reports, err, out)
	}
	return dir, nil
}

// message is what of govulncheck's JSON is used: the reports' summaries, and
// findings, whose trace begins with the vulnerable symbol where it is called.
type message struct {
	OSV *struct {
		ID      string `json:"id"`
		Summary string `json:"summary"`
	} `json:"osv"`
	Finding *struct {
		OSV          string `json:"osv"`
		FixedVersion string `json:"fixed_version"`
		Trace        []struct {
			Module   string `json:"module"`
			Version  string `json:"version"`
			Package  string `json:"package"`
			Function string `json:"function"`
		} `json:"trace"`
	} `json:"finding"`
}

// check returns the vulnerabilities whose code is called, by ID, each with a
// line about it.
func check(ctx context.Context, root, database string) (map[string]string, error) {
	var out, log bytes.Buffer
	command := scan.Command(ctx, "-C", root, "-db", "file://"+database, "-format", "json", "./...")
	command.Stdout, command.Stderr = &out, &log
	if err := command.Start(); err != nil {
		return nil, err
	}
	if err := command.Wait(); err != nil {
		return nil, fmt.Errorf("govulncheck: %w\n%s", err, log.String())
	}
	summaries, called := map[string]string{}, map[string]string{}
	for decoder := json.NewDecoder(&out); ; {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return called, nil
		} else if err != nil {
			return nil, fmt.Errorf("read govulncheck's answer: %w", err)
		}
		if m.OSV != nil {
			summaries[m.OSV.ID] = m.OSV.Summary
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			at := f.Trace[0]
			called[f.OSV] = fmt.Sprintf("%s %s@%s, fixed in %q: %s", f.OSV, at.Module, at.Version, f.FixedVersion, summaries[f.OSV])
		}
	}
}

func judge(root string, called map[string]string, exceptions []exception) error {
	var wrong []string
	for _, e := range exceptions {
		line, ok := called[e.id]
		delete(called, e.id)
		switch {
		case !ok:
			wrong = append(wrong, e.id+" is an exception that nothing needs any more")
		case !testExists(root, e.test):
			wrong = append(wrong, e.id+" names a test that does not exist: "+e.test)
		default:
			fmt.Printf("excepted: %s\n  %s (%s)\n", line, e.reason, e.test)
		}
	}
	for _, line := range called {
		wrong = append(wrong, line)
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return errors.New(strings.Join(wrong, "\n"))
	}
	fmt.Println("no other known vulnerability is called")
	return nil
}

// testExists looks for a test given as folder.TestName.
func testExists(root, test string) bool {
	folder, name, ok := strings.Cut(test, ".")
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if !ok || err != nil {
		return false
	}
	return slices.ContainsFunc(files, func(path string) bool {
		text, err := os.ReadFile(path)
		return err == nil && bytes.Contains(text, []byte("func "+name+"("))
	})
}
