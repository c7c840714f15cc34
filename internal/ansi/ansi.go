// Package ansi turns what a program wrote for a terminal into lines of styled
// text: what the terminal would show at the end of each line.
//
// Colours and bold become styles. A carriage return goes back to the start of
// the line, where the text that follows replaces the line; a backspace goes back
// one character; "erase in line" erases. All other control sequences (ECMA-48:
// escape, CSI and string sequences, in their 7-bit forms and as U+0080..U+009F)
// are left out with everything that belongs to them: a title, a link's address,
// an image. The text of a link stays.
//
// Lines are not moved between: a cursor that goes up leaves the lines as they
// are. Other control characters are left in; Visible makes them, and whatever
// else pretends to say something else, into signs.
// Invalid UTF-8 becomes U+FFFD.
package ansi

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Style is how a terminal paints text.
type Style struct {
	Colour int // 1 to 16: black to bright white, as terminals count them from 0; 0: none
	Bold   bool
}

// Run is text in one style; it is not empty.
type Run struct {
	Style
	Text string
}

// The bounds of what is read besides the window itself, in bytes.
const (
	// maxCut is how much of a line that the window's start cuts is left out, so
	// that the window starts with a whole line. A longer rest is shown.
	maxCut = 4 << 10
	// lookback is how far before the window reading starts, so that a sequence
	// that the window's start cuts is known as one, and colours go on.
	lookback = 64 << 10
)

// Lines are the lines of the last bytes of a log. The last run of each ends
// with "\n", except where the log ends without one.
func Lines(log string, last int) iter.Seq[[]Run] {
	from := windowStart(log, last)
	return func(yield func([]Run) bool) {
		var p painter
		for at := readingStart(log, from, lookback); at < len(log); {
			end := lineEnd(log, at)
			runs := p.line(log[at:end], from-at)
			if end > from && len(runs) > 0 && !yield(runs) {
				return
			}
			at = end
		}
	}
}

// LastLine is the text of the last line that is not blank, within the last
// bytes of a log and without the blanks around it.
func LastLine(log string, last int) string {
	log = strings.TrimRight(log, "\r\n\t ")
	from := characterStart(log, max(0, len(log)-last))
	start := readingStart(log, from, last)
	for end := len(log); end > from; {
		at := max(start, strings.LastIndexByte(log[:end-1], '\n')+1)
		var p painter
		var b strings.Builder
		for _, r := range p.line(log[at:end], from-at) {
			b.WriteString(r.Text)
		}
		if text := strings.TrimSpace(b.String()); text != "" {
			return text
		}
		end = at
	}
	return ""
}

// windowStart is where the last bytes of a log start: at a line's start, where
// one is near, else at that of a character.
func windowStart(log string, last int) int {
	from := max(0, len(log)-last)
	if from == 0 || log[from-1] == '\n' {
		return from
	}
	if at := strings.IndexByte(log[from:min(len(log), from+maxCut)], '\n') + 1; at > 0 && from+at < len(log) {
		return from + at
	}
	return characterStart(log, from)
}

// readingStart is where reading starts, so that the state at from is known.
func readingStart(log string, from, before int) int {
	if from <= before {
		return 0
	}
	if at := strings.IndexByte(log[from-before:from], '\n') + 1; at > 0 {
		return from - before + at
	}
	return characterStart(log, from-before)
}

func characterStart(log string, at int) int {
	for range utf8.UTFMax - 1 {
		if at < len(log) && !utf8.RuneStart(log[at]) {
			at++
		}
	}
	return at
}

func lineEnd(log string, at int) int {
	if n := strings.IndexByte(log[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(log)
}

// A cell is one character of a line.
type cell struct {
	char  rune
	style Style
}

// A painter reads lines; its style goes on from line to line.
type painter struct {
	style  Style
	cells  []cell
	column int
	// returned says that the cursor came back to the start: the next character
	// replaces the line.
	returned bool
}

// line reads one line with its end. What stands before from (an offset within
// it) is read for what it does to what follows, and not kept.
func (p *painter) line(text string, from int) []Run {
	body, ended := strings.CutSuffix(text, "\n")
	if from <= 0 && plain(body) {
		return []Run{{Style: p.style, Text: text}}
	}
	p.cells, p.column, p.returned = p.cells[:0], 0, false
	for at := 0; at < len(body); {
		char, size := utf8.DecodeRuneInString(body[at:])
		if n := sequence(body[at:]); n > 0 {
			p.follow(body[at : at+n])
			at += n
			continue
		}
		if at >= from {
			p.take(char)
		}
		at += size
	}
	return p.runs(ended)
}

// plain reports whether a line holds nothing that a terminal would follow.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 && c != '\t' || c == 0xC2 {
			return false
		}
	}
	return utf8.ValidString(text)
}

// take follows one character.
func (p *painter) take(char rune) {
	switch char {
	case '\r':
		p.column, p.returned = 0, true
	case '\b':
		p.column = max(0, p.column-1)
	case shiftOut, shiftIn: // other character sets: no text
	default:
		p.put(char)
	}
}

func (p *painter) put(char rune) {
	if p.returned {
		p.cells, p.returned = p.cells[:0], false
	}
	c := cell{char, p.style}
	if p.column < len(p.cells) {
		p.cells[p.column] = c
	} else {
		p.cells = append(p.cells, c)
	}
	p.column++
}

// runs are what the line shows in the end.
func (p *painter) runs(ended bool) []Run {
	if ended {
		p.cells = append(p.cells, cell{'\n', p.style})
	}
	var runs []Run
	var b strings.Builder
	for i, c := range p.cells {
		b.WriteRune(c.char)
		if i+1 == len(p.cells) || p.cells[i+1].style != c.style {
			runs = append(runs, Run{c.style, b.String()})
			b.Reset()
		}
	}
	return runs
}
