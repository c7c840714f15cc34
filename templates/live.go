package templates

import (
	"context"

	"github.com/a-h/templ"

	"coc-console/internal/live"
	"coc-console/internal/outside"
)

// Fragment is a part of a page that is sent again by itself when it changes.
// Its component renders one element with the fragment's id.
type Fragment = live.Fragment

// Parts are those of a page that has nothing besides them.
type Parts []Fragment

// Fragments are the parts themselves.
func (p Parts) Fragments() []Fragment { return p }

// Live is a page that an event stream keeps up to date.
type Live struct {
	Address string // of the stream; empty when nothing can change any more
	Digest  string // of the fragments that the page shows
	// OwnOnly says that only the reader's own part changes: the page stays as it was read, also when the session ends.
	OwnOnly bool
	Icon    string // the state that is watched, for the document's icon: a wire value
	Title   string // of the document
	// Every is how many seconds apart a page asks again while there is no room
	// for its stream; 0 = Frame.Refresh.
	Every int
	// Rendered has the fragments, where they have been rendered before, by
	// their ids.
	Rendered map[string]string
	// Apart says that the body has been rendered before: Hole stands in its place.
	Apart bool
}

// part is a fragment in its place: as it was rendered before, or now.
func (l Live) part(id string, now templ.Component) templ.Component {
	html, ok := l.Rendered[id]
	if !ok {
		return now
	}
	return written(func(ctx context.Context) string { return outside.From(ctx).Seen(html) })
}

// liver is a page with a stream.
type liver interface{ live() Live }

func (l Live) live() Live { return l }

func liveOf(p Page) Live {
	if l, ok := p.(liver); ok {
		return l.live()
	}
	return Live{}
}

// Cut stands where a page can be cut into pieces: white space in HTML, that is
// quickly found because nothing else writes it.
const Cut = "\f"

// Hole stands where the body of a page belongs that has been rendered before.
const Hole = Cut + Cut
