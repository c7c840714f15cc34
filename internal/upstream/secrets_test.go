package upstream

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tokenLike is base64 as IAM's tokens are, with every character of theirs.
func tokenLike(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-"
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("MIIN")
	for b.Len() < n {
		b.WriteByte(letters[r.IntN(len(letters))])
	}
	return b.String()
}

// forms are the ways in which an upstream may repeat a text.
func forms(secret string) map[string]string {
	percent, unicode := "", ""
	for _, c := range []byte(secret) {
		percent += fmt.Sprintf("%%%02x", c)
	}
	for _, c := range secret {
		unicode += fmt.Sprintf(`\u%04X`, c)
	}
	return map[string]string{
		"as it is": secret,
		"in capitals": strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}, secret),
		"escaped for a query":  url.QueryEscape(secret),
		"twice":                url.QueryEscape(url.QueryEscape(secret)),
		"escaped for JSON":     strings.NewReplacer("/", `\/`, "+", `\u002b`).Replace(secret),
		"JSON within JSON":     strings.NewReplacer("/", `\\/`, "+", `\\u002B`).Replace(secret),
		"escaped for HTML":     strings.NewReplacer("/", "&#x2F;", "+", "&plus;").Replace(html.EscapeString(secret)),
		"every byte in %":      percent,
		"every byte in u":      unicode,
		"in base64":            base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64, behind a":  base64.StdEncoding.EncodeToString([]byte("a" + secret)),
		"in base64, behind ab": base64.URLEncoding.EncodeToString([]byte("ab" + secret + "c")),
		"in hex":               hex.EncodeToString([]byte(secret)),
	}
}

func TestSecretsAreHiddenInEveryForm(t *testing.T) {
	for name, secret := range map[string]string{"token": tokenLike(4540), "password": `pa/ss+"wörd`, "passcode": "246810", "long password": "correct horse battery/staple+1"} {
		s := NewSecrets("[x]", "", secret)
		for form, text := range forms(secret) {
			if strings.Contains(form, "base64") || strings.Contains(form, "hex") {
				if len(secret) < 8 {
					continue // six digits in base64 are nothing to look for
				}
			}
			got := s.Hide(`before "` + text + `" after`)
			if got != `before "[x]" after` && !strings.Contains(form, "base64") {
				t.Errorf("%s, %s: %.200s", name, form, got)
			}
			if len(got) > 40 || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || !strings.Contains(got, "[x]") {
				t.Errorf("%s, %s: %.200s", name, form, got)
			}
		}
	}
}

func TestPartsOfALongSecretAreHidden(t *testing.T) {
	token := tokenLike(9120)
	s := NewSecrets("[token]", token)
	for _, part := range []string{token[:16], token[:64], token[100:120], token[len(token)-16:], token[3000:6000] + "..."} {
		for shift := range blockSize {
			text := strings.Repeat(" ", shift) + part + " is wrong"
			if got := s.Hide(text); strings.Contains(got, part[:10]) || !strings.Contains(got, "[token]") || !strings.HasSuffix(got, " is wrong") {
				t.Errorf("%.60s: %.80s", text, got)
			}
		}
	}
	folded := token[:76] + "\r\n" + token[76:152]
	if got := s.Hide(folded); strings.Contains(got, token[70:76]) || strings.Contains(got, token[76:82]) {
		t.Errorf("folded: %q", got)
	}
	if got := s.Hide(token + "== is wrong"); got != "[token] is wrong" {
		t.Errorf("with padding: %s", got)
	}
	for _, fine := range []string{"", token[:8], "the ticket does not exist", "0123456789abcdef0123456789abcdef"} {
		if got := s.Hide(fine); got != fine {
			t.Errorf("%q became %q", fine, got)
		}
	}
	if got := NewSecrets("[x]", "mfa").Hide("Virtual MFA is required, not mfa."); got != "Virtual MFA is required, not [x]." {
		t.Errorf("a password that is a word: %s", got)
	}
	if got := (*Secrets)(nil).Hide("a"); got != "a" {
		t.Error(got)
	}
}

func TestHideAllAndErrors(t *testing.T) {
	token := tokenLike(200)
	s := NewSecrets("[token]", token)
	type inner struct{ Name string }
	v := struct {
		A string
		B *inner
		C []inner
		d string
	}{"a" + token, &inner{token}, []inner{{"x"}, {url.QueryEscape(token)}}, token}
	s.HideAll(&v)
	if v.A != "[token]" || v.B.Name != "[token]" || v.C[0].Name != "x" || v.C[1].Name != "[token]" {
		t.Errorf("%+v", v)
	}
	cause := errors.New("malformed header " + token)
	err := s.Error(&url.Error{Op: "Get", URL: "https://h/?key=" + token, Err: fmt.Errorf("invalid proxy address %q: %w", "http://user:pass@proxy:3128", cause)})
	if got := err.Error(); got != `invalid proxy address "http://[hidden]@proxy:3128": malformed header [token]` || !errors.Is(err, cause) {
		t.Error(got)
	}
	if s.Error(nil) != nil {
		t.Error("an error of nothing")
	}
}

// TestTokensAreKept: the secrets of a token in use are made once, by whomever, and no token stays in memory for long. Of
// more tokens than are kept each is hidden, too.
func TestTokensAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tokens Tokens
		token := tokenLike(300)
		s := tokens.Secrets("[token]", token)
		<-time.After(tokenKeptFor - time.Millisecond)
		if tokens.Secrets("[token]", strings.Clone(token)) != s {
			t.Error("the secrets of a token in use are made again")
		}
		if got := tokens.Secrets("[x]", token).Hide(token); got != "[x]" {
			t.Errorf("with another mark: %s", got)
		}
		if got := tokens.Secrets("[token]", "").Hide("a"); got != "a" {
			t.Errorf("without a token: %s", got)
		}
		for i := range 2 * maxKeptTokens {
			one := token + strconv.Itoa(i)
			if got := tokens.Secrets("[token]", one).Hide(one); got != "[token]" {
				t.Fatalf("token %d: %s", i, got)
			}
		}
		kept := func() int { // timers forget them beside the test
			tokens.mu.Lock()
			defer tokens.mu.Unlock()
			return len(tokens.kept)
		}
		if n := kept(); n > maxKeptTokens {
			t.Errorf("%d tokens are kept, at most %d", n, maxKeptTokens)
		}
		<-time.After(tokenKeptFor)
		synctest.Wait()
		if n := kept(); n != 0 {
			t.Errorf("%d tokens are kept for longer than %v", n, tokenKeptFor)
		}
	})
}

// FuzzHide looks for what must hold of any text: nothing is lost but secrets,
// and none is left.
func FuzzHide(f *testing.F) {
	token := tokenLike(300)
	for _, text := range forms(token) {
		f.Add("x "+text, 3, 20)
	}
	f.Add(`%`, 0, 300)
	f.Add(`\u`, 1, 30)
	f.Add(`\ud83d\u`, 1, 30)
	f.Add(`&amp`, 200, 80)
	s := NewSecrets("§", token)
	f.Fuzz(func(t *testing.T, text string, from, length int) {
		from = min(max(from, 0), len(token)-leastOfLong)
		part := token[from:min(from+min(max(length, leastOfLong), 300), len(token))]
		if got := s.Hide(text + " " + part + " " + text); strings.Contains(got, part) {
			t.Errorf("%q is left in %q", part, got)
		}
		if !s.occurs(text) && s.Hide(text) != text {
			t.Errorf("%q was changed", text)
		}
	})
}

// BenchmarkHide measures a log of a mebibyte, which holds no secret.
func BenchmarkHide(b *testing.B) {
	s := NewSecrets("[token]", tokenLike(9120))
	text := strings.Repeat("2026-11-28 12:00:00 INFO 42% of the packages are installed: /usr/bin/nginx\n", 14_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_ = s.Hide(text)
	}
}
