package i18n

import "context"

// Page holds the texts of one page that share nothing with others, in every
// language, so that they are one file. No field may be empty.
type Page[T any] struct {
	texts map[Language]*T
}

// pages are all of them, for the tests: by name, the texts of a language.
var pages = map[string]func(Language) any{}

// newPage takes the texts in the languages that the console comes with. The
// file of a further language calls add for each page.
func newPage[T any](name string, english, chinese *T) *Page[T] {
	p := &Page[T]{texts: map[Language]*T{EnUS: english, ZhCN: chinese}}
	pages[name] = func(l Language) any { return p.texts[l] }
	return p
}

// add takes the texts of a further language; the result is for `var _ =`.
func (p *Page[T]) add(l Language, texts *T) bool {
	p.texts[l] = texts
	return true
}

// T returns the texts in the reader's language.
func (p *Page[T]) T(ctx context.Context) *T { return p.In(From(ctx)) }

// In returns the texts of a language, English for one that is not known.
func (p *Page[T]) In(l Language) *T {
	if t, ok := p.texts[l]; ok {
		return t
	}
	return p.texts[EnUS]
}
