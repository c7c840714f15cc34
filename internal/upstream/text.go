package upstream

import "strconv"

// Text is a decoded JSON string or number as text, empty for anything else: sources disagree on the type of codes.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
