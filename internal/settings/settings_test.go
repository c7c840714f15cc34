package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// console is a set with a text, a list and an address, as commands make them.
func console() (s *Set, listen *string, managers *[]string) {
	s, listen, managers = New(""), new(string), new([]string)
	s.Console.StringVar(listen, "listen", "default", "`ADDRESS`")
	ListVar(s.Console, managers, "managers", "`LIST`", nil)
	s.Console.String("database", "", "`ADDRESS`")
	s.Secret["database"] = HidePassword
	s.Define(pflag.NewFlagSet("", pflag.ContinueOnError))
	return s, listen, managers
}

func file(t *testing.T, text string, s *Set) (File, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path, []*Set{s})
	return f, path, err
}

// TestPrecedence: a flag wins over a variable, that over the file, that over the
// default, and Origin says which it was.
func TestPrecedence(t *testing.T) {
	for _, tt := range []struct{ flag, variable, file, want, source string }{
		{"a", "b", "c", "a", "flag"},
		{"", "b", "c", "b", "variable"},
		{"", "", "c", "c", "file"},
		{"", "", "", "default", "default"},
	} {
		s, listen, _ := console()
		text := ""
		if tt.file != "" {
			text = "listen: " + tt.file + "\n"
		}
		f, _, err := file(t, text, s)
		if err != nil {
			t.Fatal(err)
		}
		if tt.flag != "" {
			if err := s.Console.Set("listen", tt.flag); err != nil {
				t.Fatal(err)
			}
		}
		getenv := func(name string) string {
			return map[string]string{"COC_CONSOLE_LISTEN": tt.variable}[name]
		}
		if err := s.Resolve(getenv, f); err != nil {
			t.Fatal(err)
		}
		if got := s.Origin(s.Console.Lookup("listen")).Source; *listen != tt.want || got != tt.source {
			t.Errorf("%+v: %q from %s", tt, *listen, got)
		}
	}
}

// TestUnknownKey: the error names the file, the line, and what was meant.
func TestUnknownKey(t *testing.T) {
	s, _, _ := console()
	_, path, err := file(t, "# first\nlisen: x\n", s)
	if err == nil || !strings.Contains(err.Error(), path+":2") || !strings.Contains(err.Error(), `"listen"`) {
		t.Errorf("it says %v", err)
	}
}

// TestLists: commas and several values together replace the default.
func TestLists(t *testing.T) {
	for text, want := range map[string][]string{"managers: [a, b]\n": {"a", "b"}, "managers: a,b\n": {"a", "b"}, "": nil} {
		s, _, managers := console()
		f, _, err := file(t, text, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Resolve(func(string) string { return "" }, f); err != nil || !slices.Equal(*managers, want) {
			t.Errorf("%q: %q, %v", text, *managers, err)
		}
	}
}

// TestSecretsAreHidden: what is shown of an address has no password and no key.
func TestSecretsAreHidden(t *testing.T) {
	s, _, _ := console()
	address := s.Console.Lookup("database")
	if err := address.Value.Set("postgres://coc:s3cret@db/coc?sslpassword=s3cret"); err != nil {
		t.Fatal(err)
	}
	if shown := s.Shown(address); strings.Contains(shown, "s3cret") || !strings.Contains(shown, "db/coc") {
		t.Errorf("it shows %s", shown)
	}
	if shown := HideKeys("https://hooks.example.com/s3cret?key=s3cret"); shown != "https://hooks.example.com/xxxxx" {
		t.Errorf("it shows %s", shown)
	}
}

// TestReadPassword: the first line of a file that others cannot read.
func TestReadPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("s3cret\r\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadPassword(path); got != "s3cret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for text, want := range map[string]string{"\xef\xbb\xbfs3cret\n": "", "\xff\xfes\x003\x00\n\x00": "UTF-8", "s3\x00cret\n": "UTF-8", "\xef\xbb\xbf\n": "holds no password", " \t\n": "holds no password", "\ns3cret": "holds no password"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadPassword(path); want == "" && (got != "s3cret" || err != nil) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPassword(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := ReadPassword(path); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a file that everybody can read: %v", err)
	}
}

// TestReadYAML: an empty file is called empty, not EOF.
func TestReadYAML(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var into struct {
		Names []string `yaml:"names"`
		Of    []struct {
			Age int `yaml:"age"`
		} `yaml:"of"`
	}
	for text, want := range map[string]string{
		"names: [a]\ncolour: red\n":   `line 2: there is no field "colour"`,
		"names: {}":                   `line 1: an object cannot be here`,
		"of:\n- age: old":             `line 2: a text "old" cannot be here`,
		"names: [":                    "line 1: did not find",
		"names: [a]\n---\nnames: [b]": "it has more than one document",
		"[a]":                         "line 1: a list cannot be here",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := ReadYAML(path, &into)
		if err == nil || !strings.Contains(err.Error(), path+": "+want) || strings.ContainsAny(err.Error(), "{`") ||
			strings.Contains(err.Error(), "unmarshal") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := os.WriteFile(path, []byte("# people\nof:\n- age: 1\n\n- age: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if lines := LinesOf(path, "of"); !slices.Equal(lines, []int{3, 5}) {
		t.Errorf("the lines are %v", lines)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadYAML(path, &into); err == nil || err.Error() != path+" is empty" {
		t.Errorf("an empty file: %v", err)
	}
}
