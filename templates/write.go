package templates

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"coc-console/internal/outside"
)

// tools/templ/slim.go puts these where templ generates many steps, each time. Errors are those of the page's writer.

type ctxt = context.Context

// content is what a component consists of.
type content func(ctx ctxt, b *templruntime.Buffer, children templ.Component) error

// into writes it with the components that it is around.
func (f content) into(ctx ctxt, b *templruntime.Buffer) error {
	ctx = templ.InitializeContext(ctx)
	children := templ.GetChildren(ctx)
	if children == nil {
		children = templ.NopComponent
	}
	return f(templ.ClearChildren(ctx), b, children)
}

// component makes a component of a function that writes it, with the components that it is around. There are none for
// components that are between the tags of others.
//
//go:noinline
func component(f content) templ.Component {
	return templ.ComponentFunc(func(ctx ctxt, w io.Writer) (err error) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, within := w.(*templruntime.Buffer); !within {
			if at := outside.From(ctx); at.Path != "" {
				return below(ctx, at, w, f)
			}
		}
		b, within := templruntime.GetBuffer(w)
		if !within {
			defer func() {
				if released := templruntime.ReleaseBuffer(b); err == nil {
					err = released
				}
			}()
		}
		return f.into(ctx, b)
	})
}

// below writes a component with addresses as they are outside. It is the one place for that: every page, and every part
// that is kept or sent by itself, is rendered through it once.
func below(ctx ctxt, at outside.Address, w io.Writer, f content) error {
	var all bytes.Buffer
	b, _ := templruntime.GetBuffer(&all)
	if err := errors.Join(f.into(ctx, b), templruntime.ReleaseBuffer(b)); err != nil {
		return err
	}
	_, err := w.Write(at.Markup(all.Bytes()))
	return err
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
