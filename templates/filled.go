package templates

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/a-h/templ"

	"coc-console/internal/i18n"
)

// This file fills texts: what a sentence names stands in it without a space that the sentence does not have.

// filled is a text in which names in braces are replaced, and what stands between asterisks is strong.
func filled(text string, parts map[string]templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		strong := false
		for i, piece := range strings.Split(text, "{") {
			if name, rest, ok := strings.Cut(piece, "}"); i > 0 && ok && parts[name] != nil {
				if err := parts[name].Render(ctx, w); err != nil {
					return fmt.Errorf("render what a text names: %w", err)
				}
				piece = rest
			}
			for n, plain := range strings.Split(piece, "*") {
				if n > 0 {
					tag := "<strong>"
					if strong {
						tag = "</strong>"
					}
					strong = !strong
					if err := writeText(w, tag); err != nil {
						return err
					}
				}
				if err := writeText(w, templ.EscapeString(plain)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func writeText(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write a text of a page: %w", err)
	}
	return nil
}

// written is a component of one piece.
func written(html func(ctx context.Context) string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error { return writeText(w, html(ctx)) })
}

// bdi is a text of somebody else within a sentence.
func bdi(text string) templ.Component {
	return written(func(context.Context) string { return "<bdi>" + breakable(text) + "</bdi>" })
}

// strong is who a sentence is about.
func strong(text string) templ.Component {
	return written(func(context.Context) string {
		return "<strong><bdi>" + templ.EscapeString(text) + "</bdi></strong>"
	})
}

// operated names an operation with what it acts on.
func operated(operation, host string, batch int32) templ.Component {
	return written(func(ctx context.Context) string {
		text := templ.EscapeString(operationName(i18n.T(ctx), OperationChoice{Type: operation, Batch: batch}))
		if host != "" {
			text += " <bdi>" + templ.EscapeString(host) + "</bdi>"
		}
		return text
	})
}

// clockTime shows the time of the day, with the date where that is another day than now's; the exact one is in its
// title.
func clockTime(t, now time.Time) templ.Component {
	return written(func(ctx context.Context) string {
		if t.IsZero() {
			return templ.EscapeString(i18n.T(ctx).Common.None)
		}
		return `<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + templ.EscapeString(exact(ctx, t)) +
			`" data-exact>` + clockText(ctx, t, now, "15:04") + `</time>`
	})
}
