package upstream

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Secrets are the texts of a call that nothing may repeat: its token, password
// or passcode. It is safe for concurrent use; a nil *Secrets hides nothing.
type Secrets struct {
	mark   string
	texts  []string
	search func() *search // made when it is first needed
}

// The lengths from which on a part of a secret is hidden as well. Parts of
// short ones are words that mean nothing.
const (
	longSecret   = 32
	mediumSecret = 12
	leastOfLong  = 16
	shortSecret  = 8 // shorter ones are hidden in the case in which they were typed
	// encodedStart is how much of a secret is looked for in base64 and in hex:
	// what surrounds a match is hidden with it.
	encodedStart = 96
)

// NewSecrets returns the texts that are not empty. mark stands in their place.
func NewSecrets(mark string, texts ...string) *Secrets {
	s := &Secrets{mark: mark}
	for _, text := range texts {
		if text != "" {
			s.texts = append(s.texts, text)
		}
	}
	s.search = sync.OnceValue(s.build)
	return s
}

// Tokens makes the secrets of calls, which are those of a credential each, and keeps those in use: to make what answers
// are searched with takes longer than to search them. The zero value is ready.
type Tokens struct {
	mu   sync.Mutex
	kept map[string]*Secrets
}

// The bounds of Tokens: how long a token stays there after it was first used, and how many do.
const (
	tokenKeptFor  = 10 * time.Second
	maxKeptTokens = 256
)

// Secrets returns those of a credential; mark stands in their place.
func (t *Tokens) Secrets(mark string, texts ...string) *Secrets {
	token := strings.Join(texts, "\x00")
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.kept[token]; s != nil && s.mark == mark {
		return s
	}
	s := NewSecrets(mark, texts...)
	if token == "" || len(t.kept) >= maxKeptTokens {
		return s
	}
	if t.kept == nil {
		t.kept = map[string]*Secrets{}
	}
	t.kept[token] = s
	time.AfterFunc(tokenKeptFor, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.kept, token)
	})
	return s
}

// And returns the secrets with one more.
func (s *Secrets) And(text string) *Secrets {
	if s == nil || text == "" {
		return s
	}
	return NewSecrets(s.mark, append(slices.Clone(s.texts), text)...)
}

// build makes the patterns: each secret as it is, in base64 at its three
// alignments, and in hex.
func (s *Secrets) build() *search {
	found := &search{}
	for _, text := range s.texts {
		found.add(text)
		if strings.Contains(text, " ") { // forms and queries write it as +
			found.add(strings.ReplaceAll(text, " ", "+"))
		}
		start := []byte(text[:min(len(text), encodedStart)])
		if len(start) < 6 {
			continue
		}
		for shift := range 3 {
			encoded := aligned(start, shift)
			found.add(encoded)
			if other := strings.NewReplacer("+", "-", "/", "_").Replace(encoded); other != encoded {
				found.add(other)
			}
		}
		found.add(hex.EncodeToString(start))
	}
	found.filter()
	return found
}

// aligned is the part of a text's base64 that does not depend on what stands
// before it, which is shift bytes, and behind it.
func aligned(text []byte, shift int) string {
	encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), text...))
	from := (shift*8 + 5) / 6
	end := (shift + len(text)) * 8 / 6
	return encoded[from:end]
}

// Hide returns the text with its mark in the place of every secret: as it is,
// in another case, escaped for JSON, addresses or HTML, also repeatedly, in
// base64 or in hex; and of long ones in the place of a part.
func (s *Secrets) Hide(text string) string {
	if s == nil || len(s.texts) == 0 || !s.occurs(text) {
		return text
	}
	spans := s.find([]byte(text))
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, span := range spans {
		b.WriteString(text[at:span.from])
		b.WriteString(s.mark)
		at = span.to
	}
	b.WriteString(text[at:])
	return b.String()
}

// HideAll hides the secrets in every string that v, a pointer, leads to.
func (s *Secrets) HideAll(v any) {
	if s != nil && len(s.texts) > 0 {
		s.walk(reflect.ValueOf(v))
	}
}

func (s *Secrets) walk(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // the others hold no text
	case reflect.Pointer:
		if !v.IsNil() {
			s.walk(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() || v.Type().Field(i).Anonymous {
				s.walk(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			s.walk(v.Index(i))
		}
	case reflect.String:
		if v.CanSet() {
			if text := v.String(); len(text) > 0 {
				if hidden := s.Hide(text); hidden != text {
					v.SetString(hidden)
				}
			}
		}
	}
}

// userInfo is a user with a password within an address.
var userInfo = regexp.MustCompile(`//[^/@\s"]*@`)

// Error hides the secrets in the text of an error, and takes addresses of calls
// and passwords within addresses out of it. What errors.Is and errors.As find
// in it stays; an error of nil stays nil.
func (s *Secrets) Error(err error) error {
	if err == nil {
		return nil
	}
	plain := Plain(err)
	if strings.HasPrefix(plain.Error(), "failed to parse Location header") { // net/http repeats it
		return &quietError{text: "a redirect to what is no address", err: plain}
	}
	text := strings.ToValidUTF8(s.Hide(plain.Error()), "\uFFFD")
	return &quietError{text: userInfo.ReplaceAllString(text, "//[hidden]@"), err: plain}
}

// quietError has another text than its cause, which it does not lead to: it
// might be printed.
type quietError struct {
	text string
	err  error
}

func (e *quietError) Error() string { return e.text }

// Is looks into the cause.
func (e *quietError) Is(target error) bool { return errors.Is(e.err, target) }

// As looks into the cause.
func (e *quietError) As(target any) bool { return errors.As(e.err, target) }

// maxLevels is how many escapes within each other are undone.
const maxLevels = 4

// occurs reports whether a secret is in a text. It is quick for long texts,
// nearly all of which hold none.
func (s *Secrets) occurs(text string) bool {
	b := []byte(text)
	for range maxLevels {
		found := false
		s.search().each(b, func(span, bool) bool { found = true; return false })
		if found {
			return true
		}
		plain, _, changed := unescape(b, nil)
		if !changed {
			return false
		}
		b = plain
	}
	return false
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// find returns the parts of a text that must not be shown, in order.
func (s *Secrets) find(text []byte) []span {
	var found []span
	b, at := text, make([]int32, len(text)+1)
	for i := range at {
		at[i] = int32(i)
	}
	for range maxLevels {
		s.search().each(b, func(m span, long bool) bool {
			found = append(found, widened(text, span{int(at[m.from]), int(at[m.to])}, long))
			return true
		})
		var changed bool
		if b, at, changed = unescape(b, at); !changed {
			break
		}
	}
	return joined(text, found)
}

// joined merges spans that touch, and those of long secrets that only a few
// bytes of a word are between.
func joined(text []byte, all []span) []span {
	const gap = 8
	slices.SortFunc(all, func(a, b span) int { return a.from - b.from })
	var out []span
	for _, next := range all {
		n := len(out) - 1
		switch {
		case n >= 0 && next.from <= out[n].to,
			n >= 0 && out[n].to-out[n].from >= leastOfLong && next.from <= out[n].to+gap &&
				!bytes.ContainsAny(text[out[n].to:next.from], " \t\r\n"):
			out[n].to = max(out[n].to, next.to)
		default:
			out = append(out, next)
		}
	}
	return out
}

// widened extends a part of a long secret over what may be the rest of it.
func widened(text []byte, m span, long bool) span {
	if !long {
		return m
	}
	for m.from > 0 && isTokenByte(text[m.from-1]) {
		m.from--
	}
	for m.to < len(text) && (isTokenByte(text[m.to]) || text[m.to] == '=') {
		m.to++
	}
	return m
}

func isTokenByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '+' || b == '/' || b == '-' ||
		b == '_'
}
