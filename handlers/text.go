package handlers

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// visible makes untrusted text safe to read: control characters and those that
// turn the direction of writing are shown as signs, so that a log or a host
// name cannot pretend to say something else. Line breaks and tabs stay.
func visible(text string) string {
	if strings.IndexFunc(text, hidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r) // the picture of the control character
		case r == 0x7F:
			b.WriteRune(0x2421)
		default:
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}

// hidden reports whether a character shows nothing, or turns what follows.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r == '\r':
		return false
	case r < 0x20 || r >= 0x7F && r < 0xA0:
		return true
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2069, r == 0xFEFF:
		return true
	}
	return false
}

// maxLine bounds the last line of a log in a table, in characters.
const maxLine = 160

// lastLine is the last line of a log that says something.
func lastLine(log string) string {
	const tail = 4096
	if len(log) > tail {
		log = log[len(log)-tail:]
	}
	log = strings.TrimRight(log, "\r\n\t ")
	line := strings.TrimSpace(uncontrolled(log[strings.LastIndexByte(log, '\n')+1:]))
	if runes := []rune(line); len(runes) > maxLine {
		return string(runes[:maxLine-1]) + "…"
	}
	return line
}

// maxLog is how much of a log a page shows, in bytes: COC's own limit for a
// script's output (docs/coc-api.md section 11).
const maxLog = 1 << 20

// cut is the part of a log that a page shows: its end, where it is too long.
func cut(log string) string {
	if len(log) > maxLog {
		log = log[len(log)-maxLog:]
		if at := strings.IndexByte(log, '\n'); at >= 0 {
			log = log[at+1:]
		}
	}
	return strings.ReplaceAll(log, "\r\n", "\n")
}
