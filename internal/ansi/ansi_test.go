package ansi

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// shown is a log as it is shown, with its styles as {colour} and {bold}.
func shown(log string, last int) string {
	var b strings.Builder
	for line := range Lines(log, last) {
		for _, r := range line {
			if r.Bold {
				b.WriteString("{bold}")
			}
			if r.Colour > 0 {
				fmt.Fprintf(&b, "{%d}", r.Colour-1)
			}
			b.WriteString(r.Text)
		}
	}
	return b.String()
}

// TestLines is the table of what a terminal shows.
func TestLines(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"plain", "one\ntwo\n\nthree", "one\ntwo\n\nthree"},
		{"tabs stay", "a\tb\n", "a\tb\n"},
		{"other control characters are for whoever shows them", "a\x00b\a\x7f\n", "a\x00b\a\x7f\n"},

		// Carriage returns and what else moves in a line.
		{"CR LF ends a line", "one\r\ntwo\r\n\r\nend\r\n", "one\ntwo\n\nend\n"},
		{"more than one CR", "one\r\r\ntwo\r\r\r\n", "one\ntwo\n"},
		{"the last state of a progress bar", "  1%\r 50%\r100%\r\ndone\n", "100%\ndone\n"},
		{"a shorter end replaces a longer start", "97% [#####]\rconnection lost\n", "connection lost\n"},
		{"much shorter", "97% [##################]\rlost\n", "lost\n"},
		{"a CR before the end of the log", "100%\r", "100%"},
		{"CR alone, as on old machines", "one\rtwo\rsix", "six"},
		{"erased to the end", "97%\r\x1b[K50%\n", "50%\n"},
		{"erased and left", "97%\r\x1b[K\nnext\n", "\nnext\n"},
		{"the whole line erased", "97%\x1b[2Kdone\n", "done\n"},
		{"the start erased", "97% done\x1b[1K end\n", " end\n"},
		{"nothing to erase", "a \x1b[01;31m\x1b[Ktest\x1b[m\x1b[K.\n", "a {bold}{1}test.\n"},
		{"erased below", "97%\r\x1b[Jdone\n", "done\n"},
		{"a cleared screen loses no line", "before\n\x1b[H\x1b[2J\x1b[3Jafter\n", "before\nafter\n"},
		{"a spinner", "wait |\b/\b-\b\\\bok\n", "wait ok\n"},
		{"rubbed out", "abX\b \bc\n", "abc\n"},
		{"more backspaces than text", "a\b\b\b\bbc\n", "bc\n"},
		{"overstruck", "N\bNA\bAM\bME\bE\n", "NAME\n"},
		{"back by a sequence", "12%\x1b[3D13%\n", "13%\n"},
		{"a long way back", "12%\x1b[1000D13%\n", "13%\n"},
		{"to the first column", "12% and more\x1b[Gdone\n", "done\n"},
		{"to a column", "abcdef\x1b[3GX\n", "abXdef\n"},
		{"a column beyond the text", "Starting sshd:\x1b[60G[  OK  ]\r\n", "Starting sshd: [  OK  ]\n"},
		{"a table by moves", "a\x1b[10Cb\x1b[10Cc\n", "a b c\n"},
		{"colours over an overwritten line", "\x1b[31m10%\r\x1b[32m100%\x1b[0m ok\n", "{2}100% ok\n"},

		// Colours.
		{"a colour", "a\x1b[31mb\x1b[0mc", "a{1}bc"},
		{"without a number it ends", "\x1b[31mb\x1b[mc", "{1}bc"},
		{"bright and bold", "\x1b[1;92mb\x1b[22mc\x1b[39md", "{bold}{10}b{10}cd"},
		{"it goes on in the next line", "\x1b[32ma\nb", "{2}a\n{2}b"},
		{"256 colours", "\x1b[38;5;9ma\x1b[38;5;196mb\x1b[38;5;22mc\x1b[38;5;255md", "{9}ab{0}c{7}d"},
		{"16 million colours", "\x1b[38;2;250;10;10ma\x1b[38:2:0:0:230mb", "{9}a{4}b"},
		{"backgrounds hide nothing", "\x1b[48;5;1;8;7ma\x1b[41mb", "ab"},
		{"a colour that is none", "\x1b[38;5;999;1ma\x1b[38;7mb", "{bold}ab"},
		{"modes of keyboards are no colours", "\x1b[>4;1ma\x1b[?1mb", "ab"},
		{"a control character within", "\x1b[3\x001ma", "{1}a"},

		// Sequences that are no text.
		{"CSI", "a\x1b[2J\x1b[1A\x1b[?25lb\x1b[1 qc\x1b[!pd", "abcd"},
		{"character sets", "\x1b[31mred\x1b(B\x1b[m back\x1b)0\x1b*A\x1b%G\x0f\x0e.", "{1}red back."},
		{"saved and restored", "\x1b7saved\x1b8 restored \x1b=keypad\x1b>", "saved restored keypad"},
		{"other escapes", "a\x1bMb\x1bcd\x1b#8e\x1b F.", "abde."},
		{"a title", "\x1b]0;root@host: ~\aprompt$ ", "prompt$ "},
		{"a title with ST", "\x1b]2;a\x1b\\b", "b"},
		{"a title in Chinese", "\x1b]0;本机标题\x1b\\b", "b"},
		{"a link keeps its text", "\x1b]8;;https://example.net/a\x1b\\see the manual\x1b]8;;\x1b\\ end\n", "see the manual end\n"},
		{"a link with BEL and an id", "\x1b]8;id=1;https://example.net/a\athe manual\x1b]8;;\a.", "the manual."},
		{"an image", "a\x1bPq#0;2;0;0;0~~@@" + strings.Repeat("?", 10_000) + "\x1b\\b", "ab"},
		{"other strings", "a\x1b_app\x1b\\b\x1b^private\x1b\\c\x1bXstring\x1b\\d", "abcd"},
		{"BEL ends no other string", "a\x1bPq\ab\x1b\\c", "ac"},
		{"a byte that is no character does not end a string", "a\x1bX\xc20", "a"},
		{"a string within another", "a\x1bPtmux;\x1b\x1b]52;c;eA==\a\x1b\\b", "ab"},
		{"cancelled", "a\x1b]0;t\x18b\x1b[3\x1ac", "ab\x1ac"},
		{"C1", "a\u009b31mb\u009d0;title\u009cc\u0090dcs\u009cd\u009ce", "a{1}bcde"},

		// Broken off.
		{"at the end", "a\x1b[31", "a"},
		{"an escape at the end", "a\x1b", "a"},
		{"a character set at the end", "a\x1b(", "a"},
		{"a title at the end of a line", "a\x1b]0;title\nb", "a\nb"},
		{"a title at the end of the log", "a\x1b]8;;https://example", "a"},
		{"a colour at the end of a line", "a\x1b[3\nb", "a\nb"},
		{"by another sequence", "a\x1b[3\x1b[31mb\x1b]0;title\x1b[32mc", "a{1}b{2}c"},
		{"by text", "a\x1b[3中\x1b中\x1b\x1b[31mb", "a中中{1}b"},
		{"C1 at the end", "a\u009b3", "a"},

		// No sequences.
		{"a string that is longer than any", "\x1b]" + strings.Repeat("x", 5000), strings.Repeat("x", 5000)},
		{"parameters that are longer than any", "\x1b[" + strings.Repeat("1;", 1000) + "m", strings.Repeat("1;", 1000) + "m"},
		{"invalid UTF-8", "a\xffb\xc2", "a\uFFFDb\uFFFD"},
		{"bytes of no character introduce nothing", "a\x9b31m", "a\uFFFD31m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := shown(tt.in, 1<<20); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestWindow: what the start of the window cuts.
func TestWindow(t *testing.T) {
	long := strings.Repeat("y", 10_000)
	for _, tt := range []struct {
		name, in string
		last     int
		want     string
	}{
		{"all", "one\ntwo", 7, "one\ntwo"},
		{"whole lines", "one\ntwo\nthree\n", 8, "three\n"},
		{"at a line's start", "one\ntwo\nthree\n", 6, "three\n"},
		{"one long line", "start\n" + long + "\n", 9000, long[:8999] + "\n"},
		{"one long line without an end", long, 9000, long[:9000]},
		{"short lines behind a long one", long + "\none\ntwo\n", 9000, long[:8991] + "\none\ntwo\n"},
		{"one line that is its end", "abcdef\n", 3, "ef\n"},
		{"a character", strings.Repeat("长", 4), 5, "长"},
		{"a colour goes on", "\x1b[31mone\ntwo\nthree\n", 8, "{1}three\n"},
		{"a colour that is cut", long + "\x1b[38;5;9mred", 8, "{9}red"},
		{"a title that is cut", long + "\x1b]0;a title\aend", 8, "end"},
		{"a link that is cut", long + "\x1b]8;;https://example.net/\x1b\\text\x1b]8;;\x1b\\", 20, "text"},
		{"a progress bar that is cut", strings.Repeat("12345%\r", 2000) + "99%\n", 12, "99%\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := shown(tt.in, tt.last); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestWindowOfPages: of the mebibyte that pages show nothing is lost, whether it
// is lines or one line.
func TestWindowOfPages(t *testing.T) {
	const last = 1 << 20
	for name, tt := range map[string]struct {
		log  string
		want int
	}{
		"one line":                  {strings.Repeat("x", last) + "\n", last},
		"a short and a long line":   {"starting\n" + strings.Repeat("y", last-8) + "\n", last - 7},
		"much of one line":          {strings.Repeat("z", 3*last), last},
		"lines":                     {strings.Repeat(strings.Repeat("z", 1023)+"\n", 3000), last},
		"lines and one of 64 KiB":   {strings.Repeat("line\n", last) + strings.Repeat("z", 64<<10), last},
		"a long line in characters": {strings.Repeat("长", last), last - 1},
	} {
		if got := shown(tt.log, last); len(got) != tt.want || !strings.HasSuffix(tt.log, got) {
			t.Errorf("%s: %d bytes are shown, want the last %d", name, len(got), tt.want)
		}
	}
}

func TestLastLine(t *testing.T) {
	long := strings.Repeat("y", 10_000)
	for _, tt := range []struct{ name, in, want string }{
		{"none", "", ""},
		{"blank", "\n \r\n\t", ""},
		{"one", "done", "done"},
		{"in colour", "\x1b[32mdone\x1b[0m", "done"},
		{"before blank ones", "one\r\n  two \r\n\r\n", "two"},
		{"before one of sequences alone", "one\n\x1b[0m\n", "one"},
		{"before an erased one", "one\n97%\r\x1b[K\n", "one"},
		{"of a progress bar", "one\n  1%\r 50%\rconnection lost\n", "connection lost"},
		{"of a long progress bar", strings.Repeat("[#####     ] 50%\r", 1000) + "\rdone\r\n", "done"},
		{"longer than what is looked at", long, long[:4096]},
		{"a sequence that is cut", strings.Repeat("y", 10_000) + "\x1b]0;" + strings.Repeat("t", 4090) + "\aend", "end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := LastLine(tt.in, 4096); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestKeepsUp: a log that is all sequences costs as much as any other. If the cost grew with the square of its length, a
// megabyte would take a quarter of an hour and more; the limit is far from that and from what a busy machine needs.
func TestKeepsUp(t *testing.T) {
	for name, unit := range map[string]string{"escapes": "\x1b", "open sequences": "\x1b[1;", "open strings": "\x1b]", "open C1": "\u009d", "C1": "\u009b1",
		"colours": "\x1b[31ma\x1b[32mb", "controls": "\x00", "returns": "\r", "rewritten": "a\r", "erased": "a\x1b[1K\b", "backspaces": "ab\b\x1b[1K", "moves": "\x1b[99C"} {
		start := time.Now()
		shown(strings.Repeat(unit, 1<<20/len(unit)), 1<<20)
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("%s: %v", name, took)
		}
	}
}

// sequences is the grammar of sequences, written otherwise.
var sequences = regexp.MustCompile(strings.NewReplacer("ESC", "\x1b", "\n", "").Replace(
	`(?:ESC\]|\x{9d})[^\n\x07\x18\x1aESC\x{80}-\x{9f}]*(?:\x07|\x18|\x1a|ESC\\|\x{9c}|$)?` +
		`|(?:ESC[PX^_]|[\x{90}\x{98}\x{9e}\x{9f}])[^\n\x18\x1aESC\x{80}-\x{9f}]*(?:\x18|\x1a|ESC\\|\x{9c}|$)?` +
		`|(?:ESC\[|\x{9b})[\x00-\x17\x19\x1c-\x1f -?]*[@-~]?` +
		`|ESC[ -/]{0,4}(?:[0-~]|$)|ESC[ -/]{0,4}|\x{9c}`))

// most bounds the texts of FuzzLines.
const most = 2 << 10

// FuzzLines: no sequence is shown, and no text of the end is lost, whatever
// stands before it.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"a\x1b[1;31mb\x1b[0m\n", "\x1b[38;5;200mx", "\x1b]8;;http://x\x1b\\y\x1b]0;t\a", "\x1b[\u202e\xff", "\x1b(B\x1b7\u009b3m\u009c", "a\rb\bc\r\n\x1b[K", "\x1b \x10", "\x1bX\xc20"} {
		f.Add(seed, "padding\n")
		f.Add(seed, "p")
	}
	// The window is small, so that much is tried; TestWindow has those of pages.
	const window = 2 * (maxCut + most)
	f.Fuzz(func(t *testing.T, text, before string) {
		text, before = text[:min(len(text), most)], before[:min(len(before), most)]
		// However much stands before it, the end is shown.
		log := text
		if before != "" {
			log = strings.Repeat(before, window/len(before)+1) + "\n" + text
		}
		got, alone := shownPlain(log, window), shownPlain(text, window)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\r\b\x0e\x0f\u009b\u009d\u0090\u0098\u009e\u009f") {
			t.Errorf("%q behind %q is shown with a control character: %q", text, before, got)
		}
		if !strings.HasSuffix(got, alone) {
			t.Errorf("of %q only an end of %q is shown", text, alone)
		}
		if want, simple := expected(text); simple && alone != want {
			t.Errorf("%q: got %q, want %q", text, alone, want)
		}
		if last := LastLine(log, window); strings.ContainsAny(last, "\n\r\x1b") {
			t.Errorf("the last line of %q is %q", log, last)
		}
	})
}

func shownPlain(log string, last int) string {
	var b strings.Builder
	for line := range Lines(log, last) {
		if len(line) == 0 {
			b.WriteString("<no line>")
		}
		for _, r := range line {
			if r.Text == "" || r.Colour < 0 || r.Colour > 16 {
				b.WriteString("<no run>")
			}
			b.WriteString(r.Text)
		}
	}
	return b.String()
}

// moves is what goes back in a line, or erases it.
var moves = regexp.MustCompile("\r|\b|(?:\x1b\\[|\u009b)[^@-~]*[KJCDG`]")

// expected is the text without its sequences, where none of them goes back.
func expected(text string) (string, bool) {
	if moves.MatchString(text) {
		return "", false
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		body, ended := strings.CutSuffix(line, "\n")
		body = sequences.ReplaceAllString(invalid(body), "")
		lines[i] = strings.NewReplacer("\x0e", "", "\x0f", "").Replace(body)
		if ended {
			lines[i] += "\n"
		}
	}
	return strings.Join(lines, ""), true
}

// invalid replaces each byte that is no character.
func invalid(text string) string { return string([]rune(text)) }
