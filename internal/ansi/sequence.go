package ansi

import (
	"strconv"
	"strings"
)

// The control characters that mean something here.
const (
	bell     = 0x07
	shiftOut = 0x0E
	shiftIn  = 0x0F
	cancel   = 0x18
	replaced = 0x1A // SUB, which breaks a sequence off, too
	escape   = 0x1B
	c1       = 0xC2 // the first byte of U+0080..U+009F in UTF-8
)

// The bounds of a sequence, in bytes. What is longer and has no end is none:
// its introducer is left out, and the rest is text.
const (
	maxControl = 1 << 10
	maxString  = 4 << 10
)

// sequence is the length of the control sequence that a line begins with, also
// of one that is broken off; 0 when it begins with none.
func sequence(text string) int {
	introducer, size := introduced(text)
	switch introducer {
	case 0:
		return 0
	case '[':
		return size + control(text[size:])
	case ']', 'P', 'X', '^', '_':
		return size + controlString(text[size:], introducer == ']')
	}
	return size
}

// introduced reads how a sequence begins: '[' for CSI, ']' for OSC, 'P', 'X',
// '^' and '_' for the other strings, and escape for one that is complete; 0 for
// none.
func introduced(text string) (introducer byte, size int) {
	switch {
	case text[0] == escape:
		return escaped(text)
	case text[0] == c1 && len(text) > 1:
		switch text[1] - 0x40 {
		case '[', ']', 'P', 'X', '^', '_':
			return text[1] - 0x40, 2
		case '\\': // the end of a string that did not begin here
			return escape, 2
		}
	}
	return 0, 0
}

// escaped reads an escape sequence: intermediate bytes and a final one. Where
// that is missing, the rest is left out.
func escaped(text string) (introducer byte, size int) {
	const maxIntermediates = 4
	at := 1
	for at < len(text) && at <= maxIntermediates && text[at] >= 0x20 && text[at] <= 0x2F {
		at++
	}
	switch {
	case at == len(text):
		return escape, at
	case text[at] < 0x30 || text[at] > 0x7E:
		return escape, at
	case at == 1 && strings.IndexByte("[]PX^_", text[1]) >= 0:
		return text[1], 2
	}
	return escape, at + 1
}

// control is the length of what follows CSI: parameters, intermediate bytes and
// a final one. Terminals follow control characters in between, here they are
// left out. What breaks the sequence off does not belong to it.
func control(text string) int {
	at := 0
	for ; at < min(len(text), maxControl); at++ {
		switch c := text[at]; {
		case c >= 0x40 && c <= 0x7E:
			return at + 1
		case c > 0x3F, c == escape, c == cancel, c == replaced:
			return at
		}
	}
	if at == maxControl {
		return 0
	}
	return at
}

// controlString is the length of what follows the introducer of a string, with
// its terminator: ST, or for OSC also BEL. Another sequence breaks it off, and
// so does the end of the line.
func controlString(text string, bellEnds bool) int {
	for at := range len(text) {
		switch c := text[at]; {
		case c == bell && bellEnds, c == cancel, c == replaced:
			return at + 1
		case c == escape && strings.HasPrefix(text[at:], "\x1b\\"), c == c1 && strings.HasPrefix(text[at:], "\u009c"):
			return at + 2
		case c == escape, c == c1 && at+1 < len(text) && text[at+1] >= 0x80 && text[at+1] < 0xA0:
			return broken(at)
		}
	}
	return broken(len(text))
}

// broken is how much of a string without a terminator belongs to it.
func broken(length int) int {
	if length > maxString {
		return 0
	}
	return length
}

// follow does what a sequence says, as far as it concerns text.
func (p *painter) follow(sequence string) {
	parameters, is := strings.CutPrefix(sequence, "\x1b[")
	if !is {
		if parameters, is = strings.CutPrefix(sequence, "\u009b"); !is {
			return
		}
	}
	if parameters == "" {
		return
	}
	final := parameters[len(parameters)-1]
	parameters = strings.Map(func(r rune) rune {
		if r < 0x20 {
			return -1
		}
		return r
	}, parameters[:len(parameters)-1])
	if final == 'm' {
		p.style = paint(p.style, parameters)
		return
	}
	n := -1
	if parameters != "" {
		var err error
		if n, err = strconv.Atoi(parameters); err != nil {
			return
		}
	}
	p.move(final, n)
}

// move follows the sequences that move within the line, or erase it; n is -1
// where they give no number.
func (p *painter) move(final byte, n int) {
	switch final {
	case 'K', 'J':
		p.erase(final, max(n, 0))
	case 'C':
		p.forward(max(n, 1))
	case 'D':
		p.column = max(0, p.column-max(n, 1))
	case 'G', '`':
		if column := max(n, 1) - 1; column == 0 {
			p.column, p.returned = 0, true
		} else if column <= len(p.cells) {
			p.column, p.returned = column, false
		} else {
			p.forward(column)
		}
	}
}

// erase leaves other lines as they are: what was written there can be read.
func (p *painter) erase(final byte, n int) {
	switch {
	case n == 0:
		p.cells = p.cells[:min(p.column, len(p.cells))]
	case final == 'J':
	case n == 2, n == 1 && p.column >= len(p.cells):
		p.cells, p.column = p.cells[:0], 0
	case n == 1:
		p.cells, p.column = p.cells[p.column:], 0
		p.cells[0] = cell{char: ' '}
	}
}

// forward goes to the right. Beyond the end of the text one blank is enough to
// keep apart what a table would.
func (p *painter) forward(n int) {
	p.returned = false
	if n <= len(p.cells)-p.column {
		p.column += n
		return
	}
	p.column = len(p.cells)
	if p.column > 0 && p.cells[p.column-1].char != ' ' {
		p.put(' ')
	}
}
