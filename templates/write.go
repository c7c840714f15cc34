package templates

import (
	"context"
	"io"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"
)

// tools/templ/slim.go puts these where templ generates many steps, each time. Errors are those of the page's writer.

type ctxt = context.Context

// component makes a component of a function that writes it, with the components that it is around. There are none for
// components that are between the tags of others.
//
//go:noinline
func component(f func(ctx ctxt, b *templruntime.Buffer, children templ.Component) error) templ.Component {
	return templ.ComponentFunc(func(ctx ctxt, w io.Writer) (err error) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, within := templruntime.GetBuffer(w)
		if !within {
			defer func() {
				if released := templruntime.ReleaseBuffer(b); err == nil {
					err = released
				}
			}()
		}
		ctx = templ.InitializeContext(ctx)
		children := templ.GetChildren(ctx)
		if children == nil {
			children = templ.NopComponent
		}
		return f(templ.ClearChildren(ctx), b, children)
	})
}

// write writes markup, and a text behind it, escaped; an expression in a template therefore is a string, and has no
// error. The buffer keeps the first error of its writer.
//
//go:noinline
func write[T ~string](b *templruntime.Buffer, markup string, text T) {
	_, _ = b.WriteString(markup)
	_, _ = b.WriteString(templ.EscapeString(text))
}

// place writes markup, and a component behind it.
//
//go:noinline
func place(ctx ctxt, b *templruntime.Buffer, markup string, c templ.Component) error {
	_, _ = b.WriteString(markup)
	return c.Render(ctx, b) //nolint:wrapcheck // the writer's
}
