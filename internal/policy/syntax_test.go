package policy_test

import (
	"strings"
	"testing"

	"coc-console/internal/policy"
)

// TestSyntaxErrors: what is no Cedar is told with its line, and without words that only a parser's author knows.
func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		"permit (princpal, action, resource);":                              `line 1, column 17: it has "princpal" where "principal" must be`,
		"// one\npermit (principal, action, resource) when { 1 = 2 };":      `where "}" must be`,
		"permit (principal, action, resource":                               `line 1, column 36: it ends where ")" must be`,
		"\n\n@id(\"a permit (principal, action, resource);":                 "line 3, column 5: literal not terminated",
		"permit (principal, action, resource);\n\n// \xff":                  "line 3: it has a byte that is not UTF-8",
		"allow (principal, action, resource);":                              "unexpected effect: allow",
		"@id(\"a\") permit (principal, action, resource) when { \"\\q\" };": "line 1, column ",
	} {
		_, err := policy.Load(policy.Files{Policy: write(t, "rules.cedar", text)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "rules.cedar: line ") ||
			strings.Contains(err.Error(), "<input>") || strings.Contains(err.Error(), "parse") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
