package present

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"coc-console/internal/i18n"
)

// TicketQuery reads what is typed into the list's query field, in either language.
type TicketQuery struct {
	States map[string]string // by their words
	Ranges []string          // names of ranges, such as 24h
	Now    time.Time
	Time   func(name, text string) (time.Time, bool) // of the parameter from or to
	Exact  func(time.Time) string                    // as addresses have times
}

// Add puts the terms of a text into an address's values. It returns the first that means nothing.
func (t TicketQuery) Add(q url.Values, text string) (unknown string) {
	var words []string
	for _, term := range terms(text) {
		key, value, found := strings.Cut(strings.Replace(term, "：", ":", 1), ":")
		if !found {
			words = append(words, term)
		} else if !t.set(q, TicketKey(key), value) {
			return term
		}
	}
	if len(words) > 0 {
		q.Set("name", strings.Join(words, " "))
	}
	return ""
}

func (t TicketQuery) set(q url.Values, name, value string) bool {
	switch name {
	case "status":
		for word, state := range t.States {
			if plainWord(word) == plainWord(value) {
				q.Set(name, state)
				return true
			}
		}
		return false
	case "from", "to":
		if name == "from" {
			q.Del("from")
			q.Del("range")
		}
		if name == "from" && slices.Contains(t.Ranges, value) {
			q.Set("range", value)
			return true
		}
		at, ok := t.moment(name, value)
		q.Set(name, t.Exact(at))
		return ok
	}
	q.Set(name, value)
	return name != "" && value != ""
}

// moment reads a time, or how long ago something is: 3h, 2d.
func (t TicketQuery) moment(name, text string) (time.Time, bool) {
	if at, ok := t.Time(name, text); ok {
		return at, true
	}
	unit := 1
	if days, ok := strings.CutSuffix(text, "d"); ok {
		unit, text = 24, days+"h"
	}
	d, err := time.ParseDuration(text)
	return t.Now.Add(-d * time.Duration(unit)).Truncate(time.Minute), err == nil && d > 0
}

// TicketKey is the parameter that a term sets, by its word in any language; empty where there is none.
func TicketKey(word string) string {
	names := map[string]string{"state": "status", "name": "name", "creator": "creator", "host": "host",
		"after": "from", "before": "to"}
	for _, language := range i18n.Languages() {
		for key, name := range names {
			if strings.EqualFold(word, key) || strings.EqualFold(word, i18n.For(language).List.Keys.Of(key)) {
				return name
			}
		}
	}
	return ""
}

func plainWord(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", " ", "", "_", "").Replace(s))
}

// terms cuts a text at spaces; what is quoted stays together.
func terms(text string) []string {
	quoted := false
	cut := strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\u3000')
	})
	for i := range cut {
		cut[i] = strings.ReplaceAll(cut[i], `"`, "")
	}
	return cut
}
