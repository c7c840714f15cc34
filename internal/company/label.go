package company

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"coc-console/internal/ansi"
)

// maxLabel bounds what a button says, in characters.
const maxLabel = 60

// CheckLabel says what is wrong with what a provider's button says beside those of others.
func CheckLabel(label string, others []string) error {
	switch {
	case strings.TrimSpace(label) == "":
		return errors.New(`is needed: its button says "Sign in with …"`)
	case !ansi.Shows(label):
		return errors.New("has characters that don't show")
	case utf8.RuneCountInString(label) > maxLabel:
		return fmt.Errorf("is longer than %d characters", maxLabel)
	case slices.Contains(others, label):
		return errors.New("is that of another provider: people could not tell their buttons apart")
	}
	return nil
}
