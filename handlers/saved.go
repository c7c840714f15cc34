package handlers

import (
	"context"
	"errors"
	"unicode/utf8"

	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/store"
	"coc-console/templates"
)

// maxSearchName bounds the name of what is saved, in characters.
const maxSearchName = 60

// savedOn are what the reader saved for a page; address makes one of a query.
func (h *base) savedOn(ctx context.Context, on store.SavedOn,
	address func(query string) string) ([]templates.SavedSearch, error) {
	v, _ := ViewerFrom(ctx)
	saved, err := h.saved.List(ctx, on, v.Actor.UserID)
	var all []templates.SavedSearch
	for _, one := range saved {
		all = append(all, templates.SavedSearch{Name: one.Name, Query: one.Query, Address: address(one.Query)})
	}
	return all, err
}

// save keeps a query under a name for its owner, unless something is wrong with that.
func (h *base) save(ctx context.Context, on store.SavedOn, owner, name, query string) (problem string, err error) {
	t := i18n.T(ctx).Field
	switch {
	case name == "":
		return t.Missing, nil
	case utf8.RuneCountInString(name) > maxSearchName:
		return t.TooLong(maxSearchName), nil
	case !ansi.Shows(name):
		return t.Hidden, nil
	}
	err = h.saved.Save(ctx, on, owner, store.SavedQuery{Name: name, Query: query}, h.now())
	if errors.Is(err, store.ErrManySaved) {
		return t.ManySearches(store.MaxSaved), nil
	}
	return "", err
}
