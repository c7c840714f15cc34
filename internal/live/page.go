package live

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"maps"
	"strings"
	"sync"
)

// Page is a page that consists of parts.
type Page interface {
	Fragments() []Fragment
}

// Component is what a page consists of.
type Component interface {
	Render(ctx context.Context, w io.Writer) error
}

// Fragment is a part of a page that is sent again by itself when it changes.
// List, if any, is the id of the element whose children's order matters.
type Fragment struct {
	ID   string
	List string
	Body Component
}

// Whole is a page whose body is the same for all who see a version of it: it is kept compressed, in place of the
// parts' HTML.
type Whole[P any] interface {
	// Whole returns the body, which takes the HTML of its parts as it is given, by id, and what of the page is kept.
	Whole(parts map[string]string) (body Component, rest P)
}

// Version is one version of a page, in parts. Whoever has one only reads it.
type Version[P Page] struct {
	*Outline
	Page P
	HTML map[string]string // by the parts' ids; nil for a page that is Whole
	Body *Body             // of such a one; nil where only what differs was asked for

	mu     sync.Mutex
	events map[string]*piece // by the digest of what they start from
}

// newVersion renders a page: of one that is Whole what differs from have or, with nil, its body. last may be nil.
func newVersion[P Page](ctx context.Context, p P, last *Version[P], have *Outline) (*Version[P], error) {
	parts := p.Fragments()
	v := &Version[P]{Page: p, HTML: make(map[string]string, len(parts)), events: map[string]*piece{}}
	sums := make([]uint64, len(parts))
	var b bytes.Buffer
	for i, f := range parts {
		b.Reset()
		if err := f.Body.Render(ctx, &b); err != nil {
			return nil, err
		}
		v.HTML[f.ID], sums[i] = b.String(), sumOf(b.Bytes())
	}
	var before *Outline
	if last != nil {
		before = last.Outline
	}
	v.Outline = outlineOf(parts, sums, before)
	whole, ok := any(p).(Whole[P])
	switch {
	case !ok:
		return v, nil
	case have == nil:
		return v, v.compress(ctx, whole, last)
	}
	_, err := v.since(have)
	_, v.Page = whole.Whole(nil)
	v.HTML = nil
	return v, err
}

// leadsFrom reports whether the version can tell what differs from have or, with nil, is whole.
func (v *Version[P]) leadsFrom(have *Outline) bool {
	if v.HTML != nil || v.Body != nil {
		return true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return have != nil && (have.Digest == v.Digest || v.events[have.Digest] != nil)
}

// compress keeps the body of a page in the place of its parts' HTML.
func (v *Version[P]) compress(ctx context.Context, whole Whole[P], last *Version[P]) error {
	holes := make(map[string]string, len(v.HTML))
	for id := range v.HTML {
		holes[id] = hole + id + hole
	}
	body, rest := whole.Whole(holes)
	var b strings.Builder
	if err := body.Render(ctx, &b); err != nil {
		return err
	}
	var before *Body
	if last != nil {
		before = last.Body
	}
	made, err := bodyOf(b.String(), v.shape.ids, v.HTML, before)
	v.Body, v.Page, v.HTML = made, rest, nil
	return err
}

// size is about how many bytes the version takes: the events are no more than what they are made of.
func (v *Version[P]) size() int {
	if v.Body != nil {
		return v.Outline.size() + 2*v.Body.size()
	}
	size := v.Outline.size()
	for id, part := range v.HTML {
		size += 2 * (len(id) + len(part)) // with what it was rendered from
	}
	return size
}

// since is the event that brings a page from one version to this one; from
// nothing known, with nil. It is nil when nothing differs.
func (v *Version[P]) since(have *Outline) (*piece, error) {
	from := ""
	if have != nil {
		from = have.Digest
	}
	if from == v.Digest {
		return nil, nil //nolint:nilnil // nothing differs
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if e, ok := v.events[from]; ok {
		return e, nil
	}
	text, err := v.changes(have)
	if err != nil {
		return nil, err
	}
	e := newPiece(eventText(v.Digest, "parts", text))
	v.events[from] = e
	return e, nil
}

// changes is the event of what differs: every part as a template, and for a
// list whose order differs an empty one that has the order.
func (v *Version[P]) changes(have *Outline) (string, error) {
	changed := v.changed(have)
	html, err := v.parts(changed)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, i := range changed {
		b.WriteString("<template>" + html[i] + "</template>")
	}
	now, before := v.orders(), have.orders()
	for list := range before {
		if _, there := now[list]; !there {
			now[list] = nil
		}
	}
	for list, order := range now {
		if old, there := before[list]; !there || strings.Join(old, " ") != strings.Join(order, " ") {
			writeOrder(&b, list, strings.Join(order, " "))
		}
	}
	return b.String(), nil
}

// parts is the HTML of some parts, by their index.
func (v *Version[P]) parts(some []int) (map[int]string, error) {
	if v.Body != nil {
		return v.Body.parts(some)
	}
	found := map[int]string{}
	for _, i := range some {
		found[i] = v.HTML[v.shape.ids[i]]
	}
	return found, nil
}

func writeOrder(b *strings.Builder, list, order string) {
	b.WriteString(`<template data-list="` + html.EscapeString(list) + `" data-order="` + html.EscapeString(order) +
		`"></template>`)
}

// With is a version of the page in which some parts are others: those of one
// reader. All else is shared.
func (v *Version[P]) With(ctx context.Context, parts []Fragment) (*Version[P], error) {
	own := &Version[P]{Outline: &Outline{shape: v.shape, sums: append([]uint64(nil), v.sums...)}, Page: v.Page,
		HTML: maps.Clone(v.HTML), events: map[string]*piece{}}
	index := map[string]int{}
	for i, id := range v.shape.ids {
		index[id] = i
	}
	var b bytes.Buffer
	for _, f := range parts {
		i, there := index[f.ID]
		if !there {
			return nil, fmt.Errorf("the page has no part %q", f.ID)
		}
		b.Reset()
		if err := f.Body.Render(ctx, &b); err != nil {
			return nil, err
		}
		own.HTML[f.ID], own.sums[i] = b.String(), sumOf(b.Bytes())
	}
	own.Digest = own.digest()
	return own, nil
}
