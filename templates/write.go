package templates

import (
	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"
)

// write writes markup, and a text behind it, escaped. tools/templ/slim.go puts it where templ generates several steps;
// a template's expression therefore is a string, and has no error.
//
//go:noinline
func write[T ~string](b *templruntime.Buffer, markup string, text T) error {
	if _, err := b.WriteString(markup); err != nil {
		return err //nolint:wrapcheck // as the components return it
	}
	_, err := b.WriteString(templ.EscapeString(text))
	return err //nolint:wrapcheck // as the components return it
}
