package templates

import (
	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"
)

// write writes a text, escaped. tools/templ/slim.go puts it where templ generates three steps; a template's expression
// therefore is a string, and has no error.
//
//go:noinline
func write[T ~string](b *templruntime.Buffer, text T) error {
	_, err := b.WriteString(templ.EscapeString(text))
	return err //nolint:wrapcheck // as the components return it
}
