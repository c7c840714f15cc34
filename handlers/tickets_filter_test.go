package handlers

import (
	"testing"

	"coc-console/internal/i18n"
	"coc-console/internal/listing"
)

func TestListRangesHaveWords(t *testing.T) {
	for _, language := range i18n.Languages() {
		for name := range listing.Ranges {
			if i18n.For(language).List.Ranges[name] == "" {
				t.Errorf("%s has no word in %s", name, language)
			}
		}
	}
}
