package handlers

import (
	"regexp"
	"strconv"
	"strings"

	"coc-console/templates"
)

// The bounds of what a page shows of a log: partLines is how many lines a
// browser lays out together, maxRuns how many changes of style are followed;
// the rest of a log that changes it more often is plain.
const (
	partLines = 100
	maxRuns   = 20_000
)

// parseLog makes a log safe to show: the sequences by which terminals change
// colour become styles, other control sequences are left out, and what remains
// of control characters is shown as signs. Nothing that is text is left out.
func parseLog(log string) templates.Log {
	var l templates.Log
	p := painter{rest: strings.ToValidUTF8(cut(log), "\uFFFD")}
	for p.rest != "" {
		var part templates.LogPart
		for len(part) < partLines && p.rest != "" {
			line := p.line()
			line.Error = tellsError(line.Runs)
			part = append(part, line)
		}
		l = append(l, part)
	}
	return l
}

// A painter reads a log; its style goes on from line to line.
type painter struct {
	rest    string
	style   templates.LogRun
	runs    []templates.LogRun // of the line
	pending strings.Builder    // the text of its next run
	styled  int                // runs that have a style
}

// line takes the next line, with its end.
func (p *painter) line() templates.LogLine {
	end := strings.IndexByte(p.rest, '\n') + 1
	if end == 0 {
		end = len(p.rest)
	}
	text := p.rest[:end]
	p.rest, p.runs = p.rest[end:], nil
	for text != "" {
		at := strings.IndexByte(text, 0x1B)
		if at < 0 {
			at = len(text)
		}
		p.pending.WriteString(text[:at])
		text = text[at:]
		if n := control(text); n > 0 {
			p.follow(text[:n])
			text = text[n:]
		} else if text != "" {
			p.pending.WriteByte(text[0])
			text = text[1:]
		}
	}
	p.flush()
	return templates.LogLine{Runs: p.runs}
}

// follow takes up a control sequence.
func (p *painter) follow(sequence string) {
	parameters, graphic := strings.CutSuffix(sequence[2:], "m")
	if !graphic || p.styled >= maxRuns {
		return
	}
	next := paint(p.style, parameters)
	if next == p.style {
		return
	}
	p.flush()
	p.style = next
	if next != (templates.LogRun{}) {
		p.styled++
	}
	if p.styled >= maxRuns {
		p.style = templates.LogRun{}
	}
}

// flush ends a run.
func (p *painter) flush() {
	if p.pending.Len() == 0 {
		return
	}
	run := p.style
	run.Text = visible(p.pending.String())
	p.pending.Reset()
	p.runs = append(p.runs, run)
}

// maxControl bounds a control sequence, in bytes.
const maxControl = 64

// control is the length of the control sequence (ECMA-48, CSI) that a text
// begins with; 0 when there is none, or it is broken off.
func control(text string) int {
	if len(text) < 3 || text[0] != 0x1B || text[1] != '[' {
		return 0
	}
	for i := 2; i < min(len(text), maxControl); i++ {
		switch c := text[i]; {
		case c >= 0x40 && c <= 0x7E:
			return i + 1
		case c < 0x20 || c > 0x3F:
			return 0
		}
	}
	return 0
}

// uncontrolled leaves the control sequences out of a line.
func uncontrolled(text string) string {
	p := painter{rest: text}
	var b strings.Builder
	for _, r := range p.line().Runs {
		b.WriteString(r.Text)
	}
	return b.String()
}

// paint changes a style ("select graphic rendition"). Backgrounds, and what
// would hide text, are not followed.
func paint(style templates.LogRun, parameters string) templates.LogRun {
	codes := strings.FieldsFunc(parameters, func(r rune) bool { return r == ';' || r == ':' })
	if len(codes) == 0 {
		return templates.LogRun{}
	}
	for len(codes) > 0 {
		code, err := strconv.Atoi(codes[0])
		if err != nil {
			return style
		}
		codes = codes[1:]
		if code == 38 || code == 48 {
			var colour int
			if colour, codes = extended(codes); code == 38 && colour > 0 {
				style.Colour = colour
			}
			continue
		}
		style = simple(style, code)
	}
	return style
}

// simple changes a style by one code.
func simple(style templates.LogRun, code int) templates.LogRun {
	switch {
	case code == 0:
		return templates.LogRun{}
	case code == 1, code == 22:
		style.Bold = code == 1
	case code >= 30 && code <= 37:
		style.Colour = code - 30 + 1
	case code >= 90 && code <= 97:
		style.Colour = code - 90 + 9
	case code == 39:
		style.Colour = 0
	}
	return style
}

// extended reads a colour of 256 or of 16 million, and gives the nearest of
// the 16, counted from 1; 0 when it is none.
func extended(codes []string) (colour int, rest []string) {
	if len(codes) >= 2 && codes[0] == "5" {
		n, err := strconv.Atoi(codes[1])
		if err != nil || n < 0 || n > 255 {
			return 0, codes[2:]
		}
		return indexed(n), codes[2:]
	}
	if len(codes) >= 4 && codes[0] == "2" {
		var c [3]int
		for i := range c {
			n, err := strconv.Atoi(codes[1+i])
			if err != nil || n < 0 || n > 255 {
				return 0, codes[4:]
			}
			c[i] = n
		}
		return nearest(c), codes[4:]
	}
	return 0, nil
}

// indexed is the nearest of the 16 to a colour of the 256: the 16 themselves,
// a cube of 6×6×6, and greys.
func indexed(n int) int {
	switch {
	case n < 16:
		return n + 1
	case n >= 232:
		grey := 8 + 10*(n-232)
		return nearest([3]int{grey, grey, grey})
	}
	level := func(n int) int {
		if n == 0 {
			return 0
		}
		return 55 + 40*n
	}
	n -= 16
	return nearest([3]int{level(n / 36), level(n / 6 % 6), level(n % 6)})
}

// palette is the 16 colours as xterm has them.
var palette = [16][3]int{
	{0, 0, 0}, {205, 0, 0}, {0, 205, 0}, {205, 205, 0}, {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
	{127, 127, 127}, {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255}, {255, 0, 255}, {0, 255, 255}, {255, 255, 255},
}

// nearest is the colour of the 16 that is nearest, counted from 1.
func nearest(c [3]int) int {
	best, least := 0, 1<<30
	for i, p := range palette {
		distance := 0
		for j := range c {
			distance += (c[j] - p[j]) * (c[j] - p[j])
		}
		if distance < least {
			best, least = i+1, distance
		}
	}
	return best
}

// errorWords are what a line is taken for an error by, in lower case.
var errorWords = []string{"error", "fail", "fatal", "exception", "panic:", "traceback", "[emerg]", "[alert]", "[crit]", "non-zero", "非零", "失败", "错误", "异常"}

// noErrors matches what says that there are none.
var noErrors = regexp.MustCompile(`\b(0|no|without) (errors?|failed|failures?|exceptions?)\b|\b(errors?|failed|failures?)\s*[=:]\s*0\b`)

// tellsError guesses whether a line tells of an error, to lead there.
func tellsError(runs []templates.LogRun) bool {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.Text)
	}
	text := strings.ToLower(b.String())
	if !hasErrorWord(text) {
		return false
	}
	return !noErrors.MatchString(text) || hasErrorWord(noErrors.ReplaceAllString(text, ""))
}

func hasErrorWord(text string) bool {
	for _, word := range errorWords {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
