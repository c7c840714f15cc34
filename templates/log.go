package templates

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// Log is an untrusted log, in parts of some lines each: a browser lays out
// only those that can be seen.
type Log []LogPart

// LogPart is some lines of a log.
type LogPart []LogLine

// LogLine is a line with its end.
type LogLine struct {
	Error bool // it seems to tell of one
	Runs  []LogRun
}

// LogRun is text in one style.
type LogRun struct {
	Text   string
	Colour int // 1 to 16: black to bright white, as terminals count them from 0; 0: none
	Bold   bool
}

// style is a run's classes.
func (r LogRun) style() string {
	var classes []string
	if r.Colour > 0 && r.Colour <= 16 {
		classes = append(classes, "log-c"+strconv.Itoa(r.Colour-1))
	}
	if r.Bold {
		classes = append(classes, "log-bold")
	}
	return strings.Join(classes, " ")
}

// text renders a log. It is no template, since every blank in it counts. The number of a line is a link to it, and no
// text: it is neither copied nor searched.
func (l Log) text() templ.Component { return l.lines(true) }

// lines is text, with or without what has an id.
func (l Log) lines(numbered bool) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		first, number := numbered, 0
		for i, part := range l {
			if b.WriteString(`<span class="log-part"`); numbered {
				b.WriteString(` id="log-part-` + strconv.Itoa(i) + `"`)
			}
			b.WriteString(">")
			for _, line := range part {
				number++
				n := strconv.Itoa(number)
				if numbered {
					b.WriteString(`<a id="L` + n + `" href="#L` + n + `" aria-label="` + n + `" tabindex="-1"></a>`)
				} else {
					b.WriteString(`<i data-n="` + n + `"></i>`)
				}
				line.write(&b, first)
				first = first && !line.Error
			}
			b.WriteString("</span>")
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// write renders a line; the first error has an id.
func (l LogLine) write(b *strings.Builder, first bool) {
	if l.Error {
		b.WriteString(`<span class="log-error"`)
		if first {
			b.WriteString(` id="log-error" tabindex="-1"`)
		}
		b.WriteString(">")
	}
	for _, r := range l.Runs {
		if class := r.style(); class != "" {
			b.WriteString(`<span class="` + class + `">` + templ.EscapeString(r.Text) + "</span>")
		} else {
			b.WriteString(templ.EscapeString(r.Text))
		}
	}
	if l.Error {
		b.WriteString("</span>")
	}
}

// errors counts the lines that seem to tell of one.
func (l Log) errors() int {
	n := 0
	for _, part := range l {
		for _, line := range part {
			if line.Error {
				n++
			}
		}
	}
	return n
}
