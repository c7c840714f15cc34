package ansi

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "web-01 生产 ünï", "web-01 生产 ünï"},
		{"lines and tabs stay", "a\r\n\tb", "a\r\n\tb"},
		{"control characters", "a\x00b\x1b[31mc\x7fd", "a␀b␛[31mc␡d"},
		{"C1", "a\u0085b", "a[U+0085]b"},
		{"direction", "a\u202egnp.exe\u2066b", "a[U+202E]gnp.exe[U+2066]b"},
		{"zero width", "a\u200bb\ufeffc\u2060d", "a[U+200B]b[U+FEFF]c[U+2060]d"},
		{"blanks that are none", "a\u00adb\u061cc\u2028d\u2029e\u3164f\u115f\u1160\uffa0\u2800g", "a[U+00AD]b[U+061C]c[U+2028]d[U+2029]e[U+3164]f[U+115F][U+1160][U+FFA0][U+2800]g"},
		{"tags", "a\U000E0061\U000E0001\U000E007Fb", "a[U+E0061][U+E0001][U+E007F]b"},
		{"annotations and old formats", "a\ufff9b\U0001D173\u206fc\u180e", "a[U+FFF9]b[U+1D173][U+206F]c[U+180E]"},
		{"variation selectors without a variant", "a\ufe0fb\U000E0100c\ufe00", "a[U+FE0F]b[U+E0100]c[U+FE00]"},
		{"more than one variation selector", "\u2601\ufe0f\ufe0f中\U000E0100\U000E0101", "\u2601\ufe0f[U+FE0F]中\U000E0100[U+E0101]"},
		{"joiners that join nothing", "a\u200db\u200d", "a[U+200D]b[U+200D]"},
		{"emoji", "👩\u200d💻 ☁\ufe0f 1\ufe0f⃣ 🏳\ufe0f\u200d🌈 👨\u200d👩\u200d👧 👍🏽", "👩\u200d💻 ☁\ufe0f 1\ufe0f⃣ 🏳\ufe0f\u200d🌈 👨\u200d👩\u200d👧 👍🏽"},
		{"Chinese and its variants", "生产环境，重启 葛\U000E0100城　㐂", "生产环境，重启 葛\U000E0100城　㐂"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Visible(tt.in)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if Visible(got) != got {
				t.Errorf("a second time it is %q", Visible(got))
			}
		})
	}
}

func TestVisibleLine(t *testing.T) {
	if got := VisibleLine("web-01\nweb-02\r\tx\u2028"); got != "web-01␊web-02␍␉x[U+2028]" {
		t.Errorf("got %q", got)
	}
}

// secret is what no page may show of untrusted text wherever it stands: all
// that has no legitimate use here.
func secret(r rune) bool {
	return hidden(r) && r != 0x200D && !unicode.Is(unicode.Variation_Selector, r)
}

func FuzzVisible(f *testing.F) {
	f.Add("a\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for name, got := range map[string]string{"visible": Visible(text), "last line": Summary(text)} {
			if !utf8.ValidString(got) || strings.IndexFunc(got, secret) >= 0 {
				t.Errorf("%s of %q is %q", name, text, got)
			}
		}
		if utf8.RuneCountInString(Summary(text)) > maxLine || strings.ContainsAny(Summary(text), "\n\t\r") {
			t.Errorf("the last line is %q", Summary(text))
		}
	})
}

func TestSummary(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"none", "", ""},
		{"blank", "\n \r\n\t", ""},
		{"one", "done", "done"},
		{"in colour", "\x1b[32mdone\x1b[0m", "done"},
		{"of some", "one\ntwo\nthree", "three"},
		{"before blank ones", "one\r\n  two \r\n\r\n", "two"},
		{"long", strings.Repeat("长", 200), strings.Repeat("长", 159) + "…"},
		{"of a large log", strings.Repeat("x\n", 100_000) + "end\n", "end"},
		{"longer than what is looked at", strings.Repeat("y", 10_000), strings.Repeat("y", 159) + "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Summary(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
