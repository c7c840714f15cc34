package simulator

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestReadme holds README.md against the code.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	var want []string
	for _, name := range callNames {
		want = append(want, name)
	}
	for _, name := range effectNames {
		want = append(want, name)
	}
	for field := range reflect.TypeFor[Rules]().Fields() {
		want = append(want, field.Tag.Get("json"))
	}
	for _, name := range want {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
	}
	var tests strings.Builder
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, more...)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(b)
	}
	for _, m := range regexp.MustCompile("`((Test|Fuzz|Benchmark)\\w+)`").FindAllStringSubmatch(readme, -1) {
		if !strings.Contains(tests.String(), "func "+m[1]+"(") {
			t.Errorf("README.md names %s, which does not exist", m[1])
		}
	}
}
