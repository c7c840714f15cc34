// Package i18n holds the console's texts, one typed catalogue per language,
// and carries a reader's language and time zone through a context.
//
// A text is a field of Texts: one that nobody declared does not compile where it
// is used, and a test refuses a catalogue that leaves a field empty. Texts with
// arguments are functions, so that each language has its own word order and
// plurals. A language is one file, which registers itself; en_us.go is the
// model to copy. Texts that only one page has are a Page, in every language in
// the page's own file.
package i18n

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

// Language is a language of the console; its value is COC's (X-Language).
type Language string

// A catalogue is all that the console knows of a language.
type catalogue struct {
	language Language
	tag      string
	texts    *Texts
}

// catalogues are in the order of their languages, the default one first.
var catalogues []catalogue

// register adds a language, so that its file is all that there is of it. The
// tag is that of HTML's lang attribute.
func register(l Language, tag string, texts *Texts) bool { //nolint:unparam // for `var _ =`
	catalogues = append(catalogues, catalogue{l, tag, texts})
	slices.SortFunc(catalogues, func(a, b catalogue) int {
		return cmp.Or(cmp.Compare(rank(a.language), rank(b.language)), cmp.Compare(a.language, b.language))
	})
	return true
}

func rank(l Language) int {
	if l == EnUS {
		return 0
	}
	return 1
}

// Languages lists the languages, the default one first.
func Languages() []Language {
	all := make([]Language, len(catalogues))
	for i, c := range catalogues {
		all[i] = c.language
	}
	return all
}

func (l Language) catalogue() catalogue {
	for _, c := range catalogues {
		if c.language == l {
			return c
		}
	}
	return catalogues[0]
}

// Tag is the language as HTML's lang attribute wants it.
func (l Language) Tag() string { return l.catalogue().tag }

// Parse reads the value of a language; false when there is none like it.
func Parse(text string) (Language, bool) {
	for _, c := range catalogues {
		if strings.EqualFold(text, string(c.language)) {
			return c.language, true
		}
	}
	return EnUS, false
}

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(catalogues))
	for i, c := range catalogues {
		tags[i] = language.MustParse(c.tag)
	}
	return language.NewMatcher(tags)
})

// Match chooses a language by an Accept-Language header. What cannot be read
// gives the default.
func Match(acceptLanguage string) Language {
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(tags) == 0 {
		return EnUS
	}
	// The matcher's tag carries the reader's region; only its index is ours.
	_, index, _ := matcher().Match(tags...)
	return catalogues[index].language
}

type contextKey int

const (
	languageKey contextKey = iota
	zoneKey
)

// WithLanguage returns a context that carries the reader's language.
func WithLanguage(ctx context.Context, l Language) context.Context {
	return context.WithValue(ctx, languageKey, l)
}

// From returns the reader's language, English where none is known.
func From(ctx context.Context) Language {
	if l, ok := ctx.Value(languageKey).(Language); ok {
		return l
	}
	return EnUS
}

// T returns the texts in the reader's language.
func T(ctx context.Context) *Texts { return For(From(ctx)) }

// For returns the texts of a language, English for one that is not known.
func For(l Language) *Texts { return l.catalogue().texts }

// maxZone is longer than any name in the time zone database.
const maxZone = 64

// Zone reads the name of a time zone, such as Asia/Shanghai; false when there
// is none like it. "Local", the server's own, is nobody's name.
func Zone(name string) (*time.Location, bool) {
	if name == "" || len(name) > maxZone || name == "Local" {
		return time.UTC, false
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, false
	}
	return zone, true
}

// WithZone returns a context that carries the reader's time zone.
func WithZone(ctx context.Context, zone *time.Location) context.Context {
	return context.WithValue(ctx, zoneKey, zone)
}

// ZoneFrom returns the reader's time zone, UTC where none is known.
func ZoneFrom(ctx context.Context) *time.Location {
	if zone, ok := ctx.Value(zoneKey).(*time.Location); ok && zone != nil {
		return zone
	}
	return time.UTC
}

// Sentences puts one sentence after another: with a space, but not in Chinese.
func Sentences(first, second string) string {
	if strings.HasSuffix(first, "。") {
		return first + second
	}
	return first + " " + second
}
