package places_test

import (
	"errors"
	"strings"
	"testing"

	"coc-console/internal/places"
)

type shape struct {
	Teams  map[string][]string `json:"teams"`
	Routes []struct {
		Name  string `json:"name"`
		Hours int    `json:"hours"`
		On    *bool  `json:"on"`
	} `json:"routes"`
}

// TestWhere: what is wrong with a file is told with its place.
func TestWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "it is empty",
		" \n":                          "it is empty",
		"{":                            "line 1, column 2: not JSON: it ends too early",
		"{\n  \"teams\": {},\n  }":     "line 3, column 3: not JSON: invalid character '}'",
		"{}\n\n {}":                    "line 3, column 2: something follows the JSON",
		"{\n\t\"rotes\": []}":          `line 2, column 2: unknown field "rotes": there are teams, routes`,
		"[]":                           "line 1, column 1: it is a list, and must be an object",
		`{"teams": {"a": "maria"}}`:    `line 1, column 17: "teams.a" is a text, and must be a list of texts`,
		`{"teams": {"a": [1]}}`:        `line 1, column 18: "teams.a.0" is a number, and must be a text`,
		"{\"routes\":\n[{\"on\": 1}]}": `line 2, column 9: "routes.0.on" is a number, and must be true or false`,
		`{"routes": [{"hours": 1.5}]}`: `is a number, and must be a whole number`,
		"{\"teams\": {\n\"é\": [], \"a\": [],\n\n  \"a\": []}}":      `line 4, column 3: "a" is there twice, first on line 2`,
		"{\"teams\": {},\n\"Teams\": {}}":                            `line 2, column 1: "Teams" is there twice, first on line 1`,
		"{\"routes\": [{},\n{},\n {\"name\": \"\", \"x\": 1}]}":      `line 3, column 15: unknown field "x": there are name, hours, on`,
		"{\"teams\": {\"rotes\": []}, \"routes\": [{\"teams\": 1}]}": `line 1, column 38: unknown field "teams"`,
	} {
		_, err := places.Decode([]byte(text), &shape{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		for _, word := range []string{"json:", "Go ", "struct", "[]string"} {
			if err != nil && strings.Contains(err.Error(), word) {
				t.Errorf("%q: %v has a programmer's %q", text, err, word)
			}
		}
	}
}

// TestWrong: an error gets the place of a path, and several are in their order.
func TestWrong(t *testing.T) {
	t.Parallel()
	var s shape
	text, err := places.Decode([]byte("{\"teams\": {\"b\": [],\n \"a\": [\n\"é\", \"x\"]},\n\"routes\": [{\"name\":\n \"n\"}]}"), &s)
	if err != nil || len(s.Teams["a"]) != 2 || s.Routes[0].Name != "n" {
		t.Fatalf("%v %v", s, err)
	}
	why := errors.New("why")
	for _, x := range []struct {
		path []string
		want string
	}{
		{[]string{"teams", "a"}, "line 2, column 2: why"},
		{[]string{"teams", "a", "1"}, "line 3, column 6: why"},
		{[]string{"routes", "0"}, "line 4, column 12: why"},
		{[]string{"routes", "0", "name"}, "line 4, column 13: why"},
		{[]string{"roles"}, "why"},
	} {
		if got := text.Wrong(why, x.path...); got.Error() != x.want || !errors.Is(got, why) {
			t.Errorf("%v: %v, want %q", x.path, got, x.want)
		}
	}
	got := places.Sorted([]error{text.Wrong(why, "routes"), text.Wrong(why, "teams")}).Error()
	if !strings.HasPrefix(got, "line 1, ") || !strings.Contains(got, "\nline 4, ") {
		t.Errorf("in another order: %s", got)
	}
	var none *places.Text
	if none.Wrong(nil) != nil || none.Wrong(why) == nil {
		t.Error("without a text")
	}
}

// FuzzDecode: it agrees with encoding/json, whatever the text.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"teams": {"a": ["b"]}, "routes": [{"name": "x", "hours": 1, "on": true}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s shape
		if read, err := places.Decode(text, &s); err == nil && read == nil {
			t.Fatal("nothing was read")
		}
	})
}
