// Package accept reads which encodings of an answer a client takes.
package accept

import (
	"net/http"
	"strconv"
	"strings"
)

// Encodings are the weights that a client gives to encodings, by their names in lower case; "*" is all that are not
// named.
type Encodings map[string]float64

// EncodingsOf reads the header Accept-Encoding. An element that is malformed does not count.
func EncodingsOf(h http.Header) Encodings {
	all := Encodings{}
	for element := range strings.SplitSeq(strings.ToLower(strings.Join(h.Values("Accept-Encoding"), ",")), ",") {
		coding, parameter, weighed := strings.Cut(element, ";")
		weight := 1.0
		if weighed {
			q, named := strings.CutPrefix(strings.TrimSpace(parameter), "q=")
			parsed, err := strconv.ParseFloat(q, 64)
			if !named || err != nil {
				continue
			}
			weight = parsed
		}
		all[strings.TrimPrefix(strings.TrimSpace(coding), "x-")] = weight // x-gzip is gzip
	}
	return all
}

// Weight is what the client gives to an encoding; 0 refuses it.
func (e Encodings) Weight(coding string) float64 {
	if weight, named := e[coding]; named {
		return weight
	}
	return e["*"]
}

// Gzip reports whether the client takes gzip, and takes nothing but that rather.
func Gzip(h http.Header) bool {
	e := EncodingsOf(h)
	weight := e.Weight("gzip")
	return weight > 0 && weight >= e["identity"]
}
