package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// meter shows how far a command is: as a bar on a terminal, as lines
// elsewhere if that is wanted, else not at all.
type meter struct {
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

func newMeter(w io.Writer, wanted bool) *meter {
	return &meter{to: w, terminal: isTerminal(w), lines: wanted, said: time.Now()}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show is told each step.
func (p *meter) show(done, total int64) {
	every := progressEvery
	if p.terminal {
		every = barEvery
	}
	last := done == total && p.lines && !p.terminal
	if !p.terminal && !p.lines || time.Since(p.said) < every && !last {
		return
	}
	p.said = time.Now()
	text := fmt.Sprintf("%d of %d records", done, total)
	if !p.terminal {
		fmt.Fprintln(p.to, text)
		return
	}
	const width = 30
	full := int(width * done / max(total, 1))
	text = "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] " + text
	fmt.Fprintf(p.to, "\r%-*s", p.shown, text)
	p.shown = len(text)
}

// end takes the bar away.
func (p *meter) end() {
	if p.shown > 0 {
		fmt.Fprintf(p.to, "\r%*s\r", p.shown, "")
	}
}
