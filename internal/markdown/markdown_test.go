package markdown_test

import (
	"testing"

	"coc-console/internal/markdown"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"nginx is down\n---\nagain":  "nginx is down\n\\---\nagain", // else a heading
		"nginx is down\n===":         "nginx is down\n\\===",
		"- a\n+ b\n* c":              "\\- a\n\\+ b\n\\* c",
		"1. a\n23) b\n3 c\n4.5 d":    "1\\. a\n23\\) b\n3 c\n4.5 d",
		"    code\n\tcode":           "code\ncode",
		"a - b + c = 1.":             "a - b + c = 1.",
		"&lt;b&gt; R&D <b>":          `\&lt;b\&gt; R\&D &lt;b&gt;`,
		"~~gone~~ @all $x$ !":        `\~\~gone\~\~ \@all \$x\$ \!`,
		"[a](https://example.com) |": `\[a\](https://example.com) \|`,
		"`a` \\* _b_ # c":            "\\`a\\` \\\\\\* \\_b\\_ \\# c",
		"":                           "",
		"\r\n- a\r\n":                "\n\\- a\n",
	} {
		if got := markdown.Text(text); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
	if got, want := markdown.Line(" - a\n\n> b\u00a0c "), `\- a &gt; b c`; got != want {
		t.Errorf("Line = %q, want %q", got, want)
	}
}
