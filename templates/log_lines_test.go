package templates

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"coc-console/internal/ansi"
)

// shownLog is a log's text, with its styles as {colour}, {bold} or {error}.
func shownLog(l Log, styles bool) string {
	var b strings.Builder
	for _, part := range l {
		for _, line := range part {
			if line.Error && styles {
				b.WriteString("{error}")
			}
			for _, r := range line.Runs {
				if styles && r.Bold {
					b.WriteString("{bold}")
				}
				if styles && r.Colour > 0 {
					fmt.Fprintf(&b, "{%d}", r.Colour-1)
				}
				b.WriteString(r.Text)
			}
		}
	}
	return b.String()
}

func TestParseLog(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"plain", "one\r\ntwo\n", "one\ntwo\n"},
		{"a style and what is no text", "a\x1b[1;92mb\x1b[0m\x1b]0;title\ac", "a{bold}{10}bc"},
		{"the end of a progress bar", "10% error-retries=0\r100% error-retries=0\r\ndone\n", "100% error-retries=0\ndone\n"},
		{"control characters", "a\x00b\ac", "a␀b␇c"},
		{"direction", "\x1b[31m\u202eevil", "{1}[U+202E]evil"},
		{"an error", "fine\nDisk ERROR\n", "fine\n{error}Disk ERROR\n"},
		{"an error in colours", "\x1b[31mFAI\x1b[1mLED\x1b[0m\n", "{error}{1}FAI{bold}{1}LED\n"},
		{"an error that was overwritten", "error\rdone\n", "done\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := shownLog(ParseLog(tt.in), true); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongLogs(t *testing.T) {
	line := strings.Repeat("z", 1023) + "\n"
	l := ParseLog("first\n" + strings.Repeat(line, 1024) + "last")
	got := shownLog(l, false)
	if len(got) > maxLog || !strings.HasSuffix(got, "last") || !strings.HasPrefix(got, "zzz") || strings.Contains(got, "first") {
		t.Errorf("of a long log %d bytes are shown, from %.10q", len(got), got)
	}
	if len(l) != 11 || len(l[0]) != partLines {
		t.Errorf("%d parts, of %d lines", len(l), len(l[0]))
	}
	if got := shownLog(ParseLog(strings.Repeat("z", maxLog+10)), false); len(got) != maxLog {
		t.Errorf("of one long line %d bytes are shown", len(got))
	}
	styled, text := 0, 0
	for _, part := range ParseLog(strings.Repeat("\x1b[31ma\x1b[0mb\n", maxRuns+10)) {
		for _, line := range part {
			for _, r := range line.Runs {
				text += len(r.Text)
				if r.Colour > 0 {
					styled++
				}
			}
		}
	}
	if styled != maxRuns || text != 3*(maxRuns+10) {
		t.Errorf("%d styles are followed, want %d; %d bytes are shown", styled, maxRuns, text)
	}
}

// TestParseLogKeepsUp: a log that is all sequences costs as much as any other. The limit is far from what a busy machine
// needs, and from a cost that grows with the square of the length.
func TestParseLogKeepsUp(t *testing.T) {
	for name, unit := range map[string]string{"escapes": "\x1b", "open sequences": "\x1b[1;", "colours": "\x1b[31ma\x1b[32mb", "errors": "error\n", "controls": "\x00"} {
		start := time.Now()
		ParseLog(strings.Repeat(unit, maxLog/len(unit)))
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func FuzzParseLog(f *testing.F) {
	for _, seed := range []string{"a\x1b[1;31mb\x1b[0m\n", "\x1b]8;;http://x\x1b\\y", "\x1b[\u202e\xff", "a\rb\u00ad\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := shownLog(ParseLog(text), false)
		if !utf8.ValidString(got) || ansi.Visible(got) != got || strings.ContainsRune(got, '\r') {
			t.Errorf("%q is shown as %q", text, got)
		}
	})
}
