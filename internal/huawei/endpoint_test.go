package huawei

import (
	"strings"
	"testing"
)

func TestEndpoints(t *testing.T) {
	for text, want := range map[string]string{
		"https://coc.example.com":        "https://coc.example.com",
		"https://coc.example.com/":       "https://coc.example.com",
		"https://coc.example.com/gw//":   "https://coc.example.com/gw",
		"https://coc.example.com/a%2Fb/": "https://coc.example.com/a%2Fb",
		"http://127.0.0.1:8080":          "http://127.0.0.1:8080",
		"http://[::1]:8080":              "http://[::1]:8080",
		"http://localhost":               "http://localhost",
		"http://coc.example.com":         "",
		"ftp://coc.example.com":          "",
		"coc.example.com":                "",
		"https:coc.example.com":          "",
		"https://:443":                   "",
		"https://h/?a=1":                 "",
		"https://h/?":                    "",
		"https://h/#x":                   "",
		"https://user:hunter2@h":         "",
		"https://h\x7f":                  "",
		"":                               "",
	} {
		u, err := ParseEndpoint(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is accepted", text)
		case want == "" && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%q: the error repeats a password", text)
		case want != "" && (err != nil || u.String() != want):
			t.Errorf("%q: got %v, %v, want %s", text, u, err, want)
		}
	}
}
