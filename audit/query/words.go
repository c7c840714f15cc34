package query

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"coc-console/audit"
)

// Text is searched by words: runs of letters and digits in lower case. Chinese
// and Japanese have no spaces between words, so a run of their characters
// becomes its overlapping pairs, and its last character alone: 重启实例 is
// 重启 启实 实例 例. A part of the run is then a phrase of pairs, and a single
// character the beginning of a word. Both databases are given the words, so
// that they find the same.
const (
	maxWord  = 64   // bytes of a word that count
	MaxWords = 4096 // words of a record that are searched
	Border   = "_"  // stands between two fields: no phrase crosses it
)

// Words are the words of a record, field by field, each after a border.
func Words(r audit.Record) []string {
	out := make([]string, 0, 24)
	for _, text := range []string{r.Actor.UserName, r.Actor.ProjectName, r.Ticket, nameInInput(&r), r.Target, r.Reason,
		r.Upstream.Code, r.Upstream.Message, detailError(r.Detail)} {
		if text != "" {
			out = appendWords(append(out, Border), text)
		}
	}
	return out[:min(len(out), MaxWords)]
}

// detailError is what a record's detail tells of an error that no answer told.
func detailError(detail string) string {
	if !strings.Contains(detail, `"error"`) {
		return ""
	}
	var d struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(detail), &d) != nil {
		return ""
	}
	return d.Error
}

// The kinds of characters.
const (
	between = iota // words
	letter
	ideograph
)

func characterKind(c rune) int {
	switch {
	case c < utf8.RuneSelf:
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return letter
		}
		return between
	case c == utf8.RuneError:
		return between
	case unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return ideograph
	case unicode.IsLetter(c), unicode.IsDigit(c), unicode.IsMark(c):
		return letter
	}
	return between
}

// appendWords appends the words of a text.
//
// Forms of the same character, such as the wide letters of Chinese keyboards, are
// one: texts and queries are folded by NFKC.
func appendWords(out []string, text string) []string {
	text = norm.NFKC.String(text)
	start, kind := 0, between
	run := func(end int) {
		switch kind {
		case letter:
			out = append(out, cut(strings.ToLower(text[start:end])))
		case ideograph:
			out = appendPairs(out, text[start:end])
		}
	}
	for i, c := range text {
		if k := characterKind(c); k != kind {
			run(i)
			start, kind = i, k
		}
	}
	run(len(text))
	return out
}

func appendPairs(out []string, run string) []string {
	last := 0
	for i := range run {
		if i > 0 {
			_, size := utf8.DecodeRuneInString(run[i:])
			out = append(out, run[last:i+size])
		}
		last = i
	}
	return append(out, run[last:])
}

// cut shortens a word to what counts of it.
func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// Phrase is what a text must contain: words that follow one another. Of the
// last only the beginning may be given.
type Phrase struct {
	Words  []string
	Prefix bool
}

// ParsePhrase reads a word or phrase of a query; it has no words when nothing
// in it can be searched for.
func ParsePhrase(text string) Phrase {
	text = norm.NFKC.String(text)
	trimmed := strings.TrimRight(text, "*")
	p := Phrase{Words: appendWords(nil, trimmed), Prefix: len(trimmed) < len(text)}
	last, size := utf8.DecodeLastRuneInString(strings.TrimRightFunc(trimmed,
		func(c rune) bool { return characterKind(c) == between }))
	if characterKind(last) != ideograph {
		return p
	}
	n := len(p.Words)
	if n > 1 && strings.HasSuffix(p.Words[n-2], string(last)) && len(p.Words[n-2]) > size && isPair(p.Words[n-2]) {
		p.Words = p.Words[:n-1] // the run may go on in the record
		p.Prefix = false
	} else {
		p.Prefix = true // one character: it begins a pair
	}
	return p
}

func isPair(word string) bool {
	c, size := utf8.DecodeRuneInString(word)
	return characterKind(c) == ideograph && size < len(word)
}

// In reports whether a record's words contain the phrase.
func (p Phrase) In(words []string) bool {
	n := len(p.Words)
	if n == 0 {
		return false
	}
	for i := range len(words) - n + 1 {
		last := words[i+n-1]
		if slices.Equal(words[i:i+n-1], p.Words[:n-1]) &&
			(last == p.Words[n-1] || p.Prefix && strings.HasPrefix(last, p.Words[n-1])) {
			return true
		}
	}
	return false
}

// Positioned is a list of words with their positions, for PostgreSQL.
func Positioned(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if w == Border {
			continue
		}
		b.WriteString(w)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(i + 1))
		b.WriteByte(' ')
	}
	return b.String()
}
