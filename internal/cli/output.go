package cli

import (
	"encoding/json"
	"io"

	"coc-console/internal/settings"
)

// formatOption is --format of what a command prints.
func formatOption(s *settings.Set, to *string) {
	settings.ChoiceVar(s.Options, to, "format", "`FORMAT` of what is printed: text, or json for programs", "text", "json")
}

// printAs prints for people, or for programs.
func printAs(w io.Writer, format string, value any, text func() string) error {
	if format != "json" {
		_, err := io.WriteString(w, text())
		return err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(value)
}
