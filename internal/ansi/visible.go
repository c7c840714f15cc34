package ansi

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible makes untrusted text safe to read: control characters, what turns the
// direction of writing and what shows nothing are shown as signs, so that a log
// or a host name cannot pretend to say something else. Line breaks and tabs stay.
func Visible(text string) string { return marked(text, true) }

// VisibleLine is Visible for what is one line: a break in it is a sign, too.
func VisibleLine(text string) string { return marked(text, false) }

// Shows reports whether a line is shown as it is.
func Shows(line string) bool { return utf8.ValidString(line) && VisibleLine(line) == line }

func marked(text string, breaks bool) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool {
		return hidden(r) || !breaks && isBreak(r)
	}) < 0 {
		return text
	}
	runes := []rune(text) // of invalid UTF-8 it makes U+FFFD
	var b strings.Builder
	b.Grow(len(text))
	for i, r := range runes {
		switch {
		case isBreak(r) && breaks, !isBreak(r) && !hidden(r), legitimate(runes, i):
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

func isBreak(r rune) bool { return r == '\n' || r == '\t' || r == '\r' }

// hidden reports whether a character shows nothing or turns what follows. It is
// what Unicode calls default ignorable, the control characters, and what looks
// like a blank or nothing nevertheless.
func hidden(r rune) bool {
	switch {
	case isBreak(r):
		return false
	case r < 0x20 || r >= 0x7F && r < 0xA0:
		return true
	case r < 0xAD:
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Zl, unicode.Zp) || r == 0x2800 || r == 0x1D159
}

// legitimate reports whether a hidden character does what it is for: a joiner
// between two emoji, a variation selector behind the one character that has
// variants.
func legitimate(runes []rune, i int) bool {
	if i == 0 {
		return false
	}
	before, after := runes[i-1], rune(0)
	if i+1 < len(runes) {
		after = runes[i+1]
	}
	const joiner, textual, emoji, keycap = 0x200D, 0xFE0E, 0xFE0F, 0x20E3
	switch r := runes[i]; {
	case r == joiner:
		if before == emoji && i > 1 {
			before = runes[i-2]
		}
		return pictographic(before) && pictographic(after)
	case r == textual || r == emoji:
		return pictographic(before) || after == keycap &&
			(before >= '0' && before <= '9' || before == '#' || before == '*')
	case r >= 0xFE00 && r <= 0xFE02, r >= 0xE0100 && r <= 0xE01EF:
		return unicode.Is(unicode.Han, before)
	}
	return false
}

// pictographic reports whether a character is one of those that emoji are made
// of, nearly enough.
func pictographic(r rune) bool {
	switch {
	case r >= 0x1F000 && r <= 0x1FAFF, r >= 0x2190 && r <= 0x2BFF && r != 0x2800, r == 0x3030, r == 0x303D,
		r == 0x3297, r == 0x3299:
		return true
	}
	return r == 0xA9 || r == 0xAE || r == 0x203C || r == 0x2049 || r == 0x2122 || r == 0x2139
}

// maxLine bounds the last line of a log in a table, in characters.
const maxLine = 160

// Summary is the last line of a log that says something, safe to read and not
// longer than a cell of a table.
func Summary(log string) string {
	const tail = 4096
	line := VisibleLine(LastLine(log, tail))
	if runes := []rune(line); len(runes) > maxLine {
		return string(runes[:maxLine-1]) + "…"
	}
	return line
}
