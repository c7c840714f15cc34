package templates

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// longRun is how many characters without a space fit where names stand: longer ones are told where they may break.
const longRun = 20

// breakable is a text that people wrote, such as a name or a reason, as HTML:
// what is too long for a line breaks between its words, so after a dot, a
// slash, an underscore, or before a capital, rather than anywhere.
func breakable(s string) string {
	if utf8.RuneCountInString(s) <= longRun {
		return templ.EscapeString(s)
	}
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(s, unicode.IsSpace) {
		at := strings.Index(s, part)
		b.WriteString(templ.EscapeString(s[:at]))
		s = s[at+len(part):]
		breakRun(&b, part)
	}
	b.WriteString(templ.EscapeString(s))
	return b.String()
}

func breakRun(b *strings.Builder, run string) {
	if utf8.RuneCountInString(run) <= longRun {
		b.WriteString(templ.EscapeString(run))
		return
	}
	from, before := 0, rune(0)
	for i, r := range run {
		if ends := strings.ContainsRune("_./:@=&,;|+~", before); ends && (unicode.IsLetter(r) || unicode.IsNumber(r)) ||
			unicode.IsLower(before) && unicode.IsUpper(r) {
			b.WriteString(templ.EscapeString(run[from:i]) + "<wbr>")
			from = i
		}
		before = r
	}
	b.WriteString(templ.EscapeString(run[from:]))
}
