package repo

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linkTo     = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	fileName   = regexp.MustCompile(`^[\w./-]+\.(go|templ|css|js|cedar|cedarschema|md)$`)
	folderName = regexp.MustCompile(`^(audit|conformance|deploy|handlers|internal|migrations|static|templates|tools|web)(/[\w-]+)*$`)
)

// TestDocumentsNameWhatExists: links lead to files, and files and folders that
// documents name are there. A file may be named without its folder.
func TestDocumentsNameWhatExists(t *testing.T) {
	names := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, _ fs.DirEntry, err error) error {
		names[path.Base(name)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents = append(documents, "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/README.md", "deploy/README.md",
		"docs/operations.md", "docs/performance.md", "docs/policy.md")
	for _, document := range documents {
		text := read(t, document)
		for _, link := range linkTo.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(link[1], "https://") {
				continue
			}
			if _, err := os.Stat(path.Join(path.Dir(document), link[1])); err != nil {
				t.Errorf("%s: a link leads nowhere: %s", document, link[1])
			}
		}
		for _, name := range codeTexts(text) {
			_, err := os.Stat(name)
			switch {
			case fileName.MatchString(name) && err != nil && (strings.Contains(name, "/") || !names[name]):
				t.Errorf("%s: there is no file %s", document, name)
			case folderName.MatchString(name) && err != nil:
				t.Errorf("%s: there is no folder %s", document, name)
			}
		}
	}
}

// TestReadmeIsShort: users read it whole.
func TestReadmeIsShort(t *testing.T) {
	if n := len(lines(read(t, "README.md"))); n > 120 {
		t.Errorf("README.md has %d lines", n)
	}
}
