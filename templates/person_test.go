package templates

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nobodys are the actions of forms that do nothing in anybody's name.
var nobodys = regexp.MustCompile(`action="/(sign-in|sign-in/oidc|language|theme|shortcuts)"`)

// TestPostedFormsNameTheirPerson: a form without the field would be refused, or
// sent in the name of somebody else.
func TestPostedFormsNameTheirPerson(t *testing.T) {
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	forms := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(text), `method="post"`) {
			if i == 0 {
				continue
			}
			form, _, _ := strings.Cut(part, "</form>")
			if forms++; !nobodys.MatchString(form) && !strings.Contains(form, "@person()") {
				t.Errorf("%s: a posted form without @person():%s", name, form)
			}
		}
	}
	if forms < 15 {
		t.Errorf("%d forms were found", forms)
	}
}
