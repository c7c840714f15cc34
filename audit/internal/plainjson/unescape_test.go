package plainjson

import (
	"encoding/json"
	"testing"
)

// TestUnescape: what it takes is what encoding/json makes of it.
func TestUnescape(t *testing.T) {
	for _, s := range []string{`a\nb`, `\"\\\/\b\f\n\r\t`, `\u003cb\u003e \u2028 \u0000`, `\u00e9é\n`, `\ud83d\ude00`, `\ud800`,
		`\x`, `\u12`, `\u+123`, `\u12g4`, "\\n\n", `\u0041`, `\`, `\u`} {
		var want string
		err := json.Unmarshal([]byte(`"`+s+`"`), &want)
		if got, ok := unescape(s); ok && (err != nil || got != want) {
			t.Errorf("%s is %q, not %q (%v)", s, got, want, err)
		}
	}
	for _, s := range []string{`\"\\\n\t`, `\u003cb\u003e \u0026 \u2028`} {
		if _, ok := unescape(s); !ok {
			t.Errorf("%s, which the log writes, is left to encoding/json", s)
		}
	}
}
