// Package markdown keeps texts of people from being read as markup in what the console writes as Markdown.
package markdown

import (
	"regexp"
	"strings"
)

// Text is a text as Markdown shows it: no sign of it is read as markup, HTML, a reference or a mention. Its lines
// stay lines, and none begins a list, a heading, a rule or code.
func Text(text string) string {
	lines := strings.Split(signs.Replace(text), "\n")
	for i, line := range lines {
		lines[i] = lineStart.ReplaceAllString(strings.TrimSpace(line), `$1\$2`)
	}
	return strings.Join(lines, "\n")
}

// Line is the same of a text in one line, as in an item or a cell.
func Line(text string) string { return Text(strings.Join(strings.Fields(text), " ")) }

var signs = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;",
	">", "&gt;", "#", `\#`, "|", `\|`, "~", `\~`, "!", `\!`, "@", `\@`, "&", `\&`, "$", `\$`)

// lineStart finds what has a meaning at the beginning of a line alone: of lists, numbered ones too, rules, and the
// lines below a heading.
var lineStart = regexp.MustCompile(`^(\d*)([-+.)](?:\s|$)|[-=]+$)`)
