package outside

import (
	"bytes"
	"crypto/rand"
	"strings"
)

// Attributes of the console's markup that hold addresses. Scripts read those that begin with data-.
var attributes = map[string]bool{"href": true, "action": true, "formaction": true, "src": true,
	"data-live": true, "data-icon": true, "data-tail": true, "data-complete": true}

// found is how the value of an attribute begins that is an address at the root. Texts can't have it: whatever writes
// them into markup escapes the quotation mark.
var found = []byte(`="/`)

// mark surrounds markup that Markup has seen before. Nobody can guess it.
var mark = "\x01" + rand.Text()

// Seen is markup that Markup has seen before, as part of other markup.
func (a Address) Seen(markup string) string {
	if a.Path == "" {
		return markup
	}
	return mark + markup + mark
}

// Markup puts the path in front of the addresses in the attributes of markup that the console has rendered.
func (a Address) Markup(markup []byte) []byte {
	if a.Path == "" {
		return markup
	}
	out := make([]byte, 0, len(markup)+len(markup)/8)
	seen := false
	for part := range bytes.SplitSeq(markup, []byte(mark)) {
		if seen {
			out = append(out, part...)
		} else {
			out = a.appendTo(out, part)
		}
		seen = !seen
	}
	return out
}

// appendTo appends markup that Markup has not seen.
func (a Address) appendTo(out, markup []byte) []byte {
	for {
		at := bytes.Index(markup, found)
		if at < 0 {
			return append(out, markup...)
		}
		name := markup[:at]
		name = name[bytes.LastIndexAny(name, " \t\n")+1:]
		at += len(found) - 1
		out = append(out, markup[:at]...)
		markup = markup[at:]
		if attributes[string(name)] && !strings.HasPrefix(string(markup[:min(2, len(markup))]), "//") {
			out = append(out, a.Path...)
		}
	}
}
