package listing

import (
	"maps"
	"slices"
	"strings"

	"coc-console/audit/query"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
)

// IsQuery reports whether a text in the search box of all pages is meant for the list: it has a field, and is not the
// name of one server.
func IsQuery(text string) bool {
	return strings.ContainsAny(text, ":：") &&
		(strings.Contains(text, " ") || !strings.HasPrefix(strings.ToLower(text), "host:"))
}

// Meant is what somebody probably wanted to type instead of a term that means nothing; empty where nothing is like it.
// states are the words that states have.
func Meant(t *i18n.Texts, term string, states map[string]string) string {
	key, value, found := strings.Cut(strings.Replace(term, "：", ":", 1), ":")
	if !found {
		return ""
	}
	switch present.TicketKey(key) {
	case "status":
		var words []string
		for _, word := range slices.Sorted(maps.Keys(states)) {
			words = append(words, strings.ToLower(word))
		}
		value = query.Nearest(strings.ToLower(value), words)
		if strings.Contains(value, " ") {
			value = `"` + value + `"`
		}
	case "":
		var names []string
		for _, name := range slices.Sorted(maps.Keys(t.List.Keys)) {
			names = append(names, name, t.List.Keys.Of(name))
		}
		key = query.Nearest(strings.ToLower(key), names)
	default:
		return ""
	}
	if key == "" || value == "" {
		return ""
	}
	return key + ":" + value
}
