// Package progress shows how far a command is.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A Meter shows how far a command is: as a bar on a terminal, as lines
// elsewhere if that is wanted, else not at all.
type Meter struct {
	to              io.Writer
	terminal, lines bool
	said            time.Time
	shown           int
}

// How often it is shown.
const (
	barEvery      = 100 * time.Millisecond
	progressEvery = 2 * time.Second
)

// New is a meter that writes to w. Where w is no terminal, it writes only if that
// is wanted.
func New(w io.Writer, wanted bool) *Meter {
	return &Meter{to: w, terminal: IsTerminal(w), lines: wanted, said: time.Now()}
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Show is told each step.
func (m *Meter) Show(done, total int64) {
	every := progressEvery
	if m.terminal {
		every = barEvery
	}
	last := done == total && m.lines && !m.terminal
	if !m.terminal && !m.lines || time.Since(m.said) < every && !last {
		return
	}
	text := fmt.Sprintf("%d of %d records", done, total)
	if m.terminal {
		const width = 30
		full := int(width * done / max(total, 1))
		text = "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] " + text
	}
	m.say(text)
}

// Copied is told how large a copy is.
func (m *Meter) Copied(bytes int64) {
	if m.terminal || m.lines && time.Since(m.said) >= progressEvery {
		m.say(Mebibytes(bytes) + " copied")
	}
}

// Mebibytes is a size as it is printed.
func Mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func (m *Meter) say(text string) {
	m.said = time.Now()
	if !m.terminal {
		fmt.Fprintln(m.to, text)
		return
	}
	fmt.Fprintf(m.to, "\r%-*s", m.shown, text)
	m.shown = len(text)
}

// End takes the bar away.
func (m *Meter) End() {
	if m.shown > 0 {
		fmt.Fprintf(m.to, "\r%*s\r", m.shown, "")
	}
}
