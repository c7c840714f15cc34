package settings

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Closest is the known name that somebody most probably meant; empty: none is
// like it.
func Closest(name string, known []string) string {
	best, distance := "", 3 // more than two slips are another word
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// OneOf lists words: a, b or c.
func OneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
