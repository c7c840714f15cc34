package present

import (
	"regexp"
	"strings"
)

// Markdown is a text as Markdown shows it: no sign of it is read as markup, HTML, a reference or a mention. Its lines
// stay lines, and none begins a list, a heading, a rule or code.
func Markdown(text string) string {
	lines := strings.Split(markdownSigns.Replace(text), "\n")
	for i, line := range lines {
		lines[i] = lineStart.ReplaceAllString(strings.TrimSpace(line), `$1\$2`)
	}
	return strings.Join(lines, "\n")
}

// MarkdownLine is the same of a text in one line, as in an item or a cell.
func MarkdownLine(text string) string { return Markdown(strings.Join(strings.Fields(text), " ")) }

var markdownSigns = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;",
	">", "&gt;", "#", `\#`, "|", `\|`, "~", `\~`, "!", `\!`, "@", `\@`, "&", `\&`, "$", `\$`)

// lineStart finds what has a meaning at the beginning of a line alone: of lists, numbered ones too, rules, and the
// lines below a heading.
var lineStart = regexp.MustCompile(`^(\d*)([-+.)](?:\s|$)|[-=]+$)`)
