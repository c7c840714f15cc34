package settings

import "strings"

// Closest is the known name that somebody most probably meant; empty: none is
// like it.
func Closest(name string, known []string) string {
	best, distance := "", 3 // more than two slips are another word
	for _, k := range known {
		if d := slips(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// slips is how many letters differ between two words (Levenshtein's distance).
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// OneOf lists words: a, b or c.
func OneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
