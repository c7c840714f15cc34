// Package output is how commands print what they found: for people, or for
// programs.
package output

import (
	"encoding/json"
	"fmt"
	"io"

	"coc-console/internal/settings"
)

// FormatOption defines --format of what a command prints: text or json.
func FormatOption(s *settings.Set, to *string) {
	settings.ChoiceVar(s.Options, to, "format", "`FORMAT` of what is printed: text, or json for programs", "text", "json")
}

// Print prints a value as JSON where format is json, else the text.
func Print(w io.Writer, format string, value any, text func() string) error {
	if format != "json" {
		_, err := io.WriteString(w, text())
		return err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(value)
}

// Count is a number with what it counts.
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}
