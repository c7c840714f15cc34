package listing

import (
	"net/url"
	"strings"

	"coc-console/internal/coc"
	"coc-console/internal/present"
)

// COC pages forward only, by the last key of the page before. The way back is
// kept in the address: trail holds the keys of the pages behind, so that the
// address can be shared and still goes both ways.
const maxTrail = 200

func trail(q url.Values) []string {
	text := q.Get("trail")
	if text == "" {
		return nil
	}
	keys := strings.Split(text, ".")
	for _, k := range keys {
		if _, err := coc.ParseID(k); err != nil || len(keys) > maxTrail {
			return nil
		}
	}
	return keys
}

// Older is the address of the page after the one at an address, whose last row has that key.
func Older(path string, q url.Values, last string) string {
	keys := trail(q)
	if after := q.Get("after"); after != "" {
		keys = append(keys, after)
	}
	return pageAddress(path, q, last, keys)
}

// Newer is the address of the page before, empty for the first.
func Newer(path string, q url.Values) string {
	if q.Get("after") == "" {
		return ""
	}
	keys := trail(q)
	if len(keys) == 0 {
		return pageAddress(path, q, "", nil)
	}
	return pageAddress(path, q, keys[len(keys)-1], keys[:len(keys)-1])
}

func pageAddress(path string, from url.Values, after string, keys []string) string {
	q := url.Values{}
	for name, values := range from {
		if name != "after" && name != "trail" && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	if after != "" {
		q.Set("after", after)
	}
	if len(keys) > 0 {
		q.Set("trail", strings.Join(keys[max(0, len(keys)-maxTrail):], "."))
	}
	return present.Address(path, q)
}
