package listing

import (
	"cmp"
	"slices"
	"strings"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
)

// maxSuggested bounds what is offered.
const maxSuggested = 8

// Suggestions are what the words of the list's query can become: from what the reader may see, and no more.
type Suggestions struct {
	States  []coc.TicketStatus
	Tickets []coc.TicketSummary
	Hosts   func(part string, most int) []string // names of servers; nil where the reader may not see any
}

// Of offers words of a query. Without a field they are the fields' names; part is a part of the value.
func (s Suggestions) Of(t *i18n.Texts, field, part string) []string {
	if field == "" {
		return fieldsOf(t, part)
	}
	var values []string
	switch present.TicketKey(field) {
	case "status":
		values = append(values, t.List.Tabs.Of(Attention))
		for _, state := range s.States {
			values = append(values, t.Word.TicketStatus.Of(string(state)))
		}
	case "name":
		for _, one := range s.Tickets {
			values = append(values, one.Name)
		}
	case "creator":
		for _, one := range s.Tickets {
			values = append(values, one.Creator)
		}
	case "host":
		if s.Hosts != nil && part != "" {
			values = s.Hosts(part, maxSuggested)
		}
	case "from", "to":
		values = rangesByLength()
	}
	options := []string{}
	for _, value := range matching(values, part) {
		if strings.Contains(value, " ") {
			value = `"` + value + `"`
		}
		options = append(options, field+":"+value)
	}
	return options
}

// fieldsOf are the fields in the reader's language, then those in English, which both languages take.
func fieldsOf(t *i18n.Texts, part string) []string {
	options := []string{}
	for _, language := range []*i18n.Texts{t, i18n.For(i18n.EnUS)} {
		for _, key := range []string{"state", "name", "creator", "host", "after", "before"} {
			word := language.List.Keys.Of(key) + ":"
			if strings.HasPrefix(word, strings.ToLower(part)) && !slices.Contains(options, word) {
				options = append(options, word)
			}
		}
	}
	return options
}

// matching are the values that have a text, each once: those that begin with it first, else in their order.
func matching(values []string, part string) []string {
	part = strings.ToLower(part)
	var all []string
	for _, value := range values {
		if ansi.Shows(value) && value != "" && !strings.Contains(value, `"`) && !slices.Contains(all, value) &&
			strings.Contains(strings.ToLower(value), part) {
			all = append(all, value)
		}
	}
	begins := func(value string) int {
		if strings.HasPrefix(strings.ToLower(value), part) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(begins(a), begins(b)) })
	return all[:min(len(all), maxSuggested)]
}

// rangesByLength are the names of the ranges, the shortest first.
func rangesByLength() (names []string) {
	for name := range Ranges {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(Ranges[a], Ranges[b]) })
	return names
}
