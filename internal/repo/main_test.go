package repo

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain goes to the root of the module, from where the tests name its files.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// read is the text of a file.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// architecture are the rows of a table of ARCHITECTURE.md, without backquotes.
func architecture(t *testing.T, head string) [][]string {
	t.Helper()
	rows := table(t, "ARCHITECTURE.md", head)
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], "`", "")
		}
	}
	return rows
}

// table are the rows of the table of a document that begins with that line.
func table(t *testing.T, name, head string) (rows [][]string) {
	t.Helper()
	_, rest, found := strings.Cut(read(t, name), "\n"+head+"\n")
	if !found {
		t.Fatalf("%s has no table %q", name, head)
	}
	for _, line := range lines(rest)[1:] { // the first is a rule
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}
