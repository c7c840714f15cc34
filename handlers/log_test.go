package handlers

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"coc-console/templates"
)

// shownLog is a log's text, with its styles as {colour}, {bold} or {error}.
func shownLog(l templates.Log, styles bool) string {
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
		{"a colour", "a\x1b[31mb\x1b[0mc", "a{1}bc"},
		{"without a number it ends", "\x1b[31mb\x1b[mc", "{1}bc"},
		{"bright and bold", "\x1b[1;92mb\x1b[22mc\x1b[39md", "{bold}{10}b{10}cd"},
		{"it goes on in the next line", "\x1b[32ma\nb", "{2}a\n{2}b"},
		{"256 colours", "\x1b[38;5;9ma\x1b[38;5;196mb\x1b[38;5;22mc\x1b[38;5;255md", "{9}ab{0}c{7}d"},
		{"16 million colours", "\x1b[38;2;250;10;10ma\x1b[38:2:0:0:230mb", "{9}a{4}b"},
		{"backgrounds hide nothing", "\x1b[48;5;1;8;7ma\x1b[41mb", "ab"},
		{"a colour that is none", "\x1b[38;5;999;1ma\x1b[38;7mb", "{bold}ab"},
		{"other sequences", "a\x1b[2K\x1b[1Ab\x1b[?25lc", "abc"},
		{"a title stays text", "\x1b]0;evil\x07a", "␛]0;evil␇a"},
		{"broken off", "a\x1b[31", "a␛[31"},
		{"too long", "\x1b[" + strings.Repeat("1;", 40) + "m", "␛[" + strings.Repeat("1;", 40) + "m"},
		{"another character within", "\x1b[3\x001m", "␛[3␀1m"},
		{"direction", "\x1b[31m\u202eevil", "{1}[U+202E]evil"},
		{"an error", "fine\nDisk ERROR\n", "fine\n{error}Disk ERROR\n"},
		{"an error in colours", "\x1b[31mFAI\x1b[1mLED\x1b[0m\n", "{error}{1}FAI{bold}{1}LED\n"},
		{"errors in Chinese", "脚本以非零状态退出\n连接失败\n成功\n", "{error}脚本以非零状态退出\n{error}连接失败\n成功\n"},
		{"the gravest levels", "nginx: [emerg] host not found\n[crit] disk\nan emergency exit\n", "{error}nginx: [emerg] host not found\n{error}[crit] disk\nan emergency exit\n"},
		{"no errors", "0 errors, no failures\nok=1 failed=0\nerrors: 0\n", "0 errors, no failures\nok=1 failed=0\nerrors: 0\n"},
		{"no errors but one", "failed=0, fatal: host unreachable\n", "{error}failed=0, fatal: host unreachable\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := shownLog(parseLog(tt.in), true); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongLogs(t *testing.T) {
	line := strings.Repeat("z", 1023) + "\n"
	l := parseLog("first\n" + strings.Repeat(line, 1024) + "last")
	got := shownLog(l, false)
	if len(got) > maxLog || !strings.HasSuffix(got, "last") || !strings.HasPrefix(got, "zzz") || strings.Contains(got, "first") {
		t.Errorf("of a long log %d bytes are shown, from %.10q", len(got), got)
	}
	if len(l) != 11 || len(l[0]) != partLines {
		t.Errorf("%d parts, of %d lines", len(l), len(l[0]))
	}
	if got := shownLog(parseLog(strings.Repeat("z", maxLog+10)), false); len(got) != maxLog {
		t.Errorf("of one long line %d bytes are shown", len(got))
	}
	styled := 0
	for _, part := range parseLog(strings.Repeat("\x1b[31ma\x1b[0mb", maxRuns+10)) {
		for _, line := range part {
			for _, r := range line.Runs {
				if r.Colour > 0 {
					styled++
				}
			}
		}
	}
	if styled != maxRuns-1 {
		t.Errorf("%d styles are followed, want %d", styled, maxRuns-1)
	}
}

// TestParseLogKeepsUp: a log that is all sequences must not cost seconds.
func TestParseLogKeepsUp(t *testing.T) {
	for name, unit := range map[string]string{"escapes": "\x1b", "open sequences": "\x1b[1;", "colours": "\x1b[31ma\x1b[32mb", "errors": "error\n", "controls": "\x00"} {
		start := time.Now()
		parseLog(strings.Repeat(unit, maxLog/len(unit)))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

// sequences is what control finds, written otherwise.
var sequences = regexp.MustCompile(`\x1b\[[ -?]{0,61}[@-~]`)

func FuzzParseLog(f *testing.F) {
	for _, seed := range []string{"a\x1b[1;31mb\x1b[0m\n", "\x1b[38;5;200mx", "\x1b[38;2;1;2;3mx", "\x1b]8;;http://x\x1b\\y", "\x1b[\u202e\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := parseLog(text)
		got := shownLog(l, false)
		if !utf8.ValidString(got) || strings.IndexFunc(got, hidden) >= 0 {
			t.Errorf("%q is shown as %q", text, got)
		}
		if want := visible(sequences.ReplaceAllString(strings.ToValidUTF8(cut(text), "\uFFFD"), "")); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		for _, part := range l {
			for _, line := range part {
				for _, r := range line.Runs {
					if r.Colour < 0 || r.Colour > 16 || r.Text == "" {
						t.Errorf("%q has the run %+v", text, r)
					}
				}
			}
		}
	})
}
