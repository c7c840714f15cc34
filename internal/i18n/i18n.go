// Package i18n holds the console's texts, one typed catalogue per language,
// and carries a reader's language and time zone through a context.
//
// A text is a field of Texts: one that is missing does not compile where it is
// used, and a test refuses a catalogue that leaves a field empty. Texts with
// arguments are functions, so that each language has its own word order and
// plurals.
package i18n

import (
	"context"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// Language is a language of the console; its value is COC's (X-Language).
type Language string

// The languages. English is the default.
const (
	EnUS Language = "en-us"
	ZhCN Language = "zh-cn"
)

// Languages lists the languages, the default one first.
func Languages() []Language { return []Language{EnUS, ZhCN} }

// Tag is the language as HTML's lang attribute wants it.
func (l Language) Tag() string {
	if l == ZhCN {
		return "zh-Hans-CN"
	}
	return "en-US"
}

// Parse reads the value of a language; false when there is none like it.
func Parse(text string) (Language, bool) {
	for _, l := range Languages() {
		if strings.EqualFold(text, string(l)) {
			return l, true
		}
	}
	return EnUS, false
}

var matcher = language.NewMatcher([]language.Tag{language.AmericanEnglish, language.MustParse("zh-Hans-CN")})

// Match chooses a language by an Accept-Language header. What cannot be read
// gives the default.
func Match(acceptLanguage string) Language {
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(tags) == 0 {
		return EnUS
	}
	// The matcher's tag carries the reader's region; only its index is ours.
	_, index, _ := matcher.Match(tags...)
	return Languages()[index]
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

// For returns the texts of a language.
func For(l Language) *Texts {
	if l == ZhCN {
		return &zhCN
	}
	return &enUS
}

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
