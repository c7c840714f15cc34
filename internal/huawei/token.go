// Package huawei has what the clients of IAM and COC share: tokens, and the check of an endpoint's address.
package huawei

import (
	"fmt"
	"log/slog"
	"strings"
)

// TokenHeader is the header in which a request carries its caller's token.
const TokenHeader = "X-Auth-Token" //nolint:gosec // the name of a header is no secret

// MaxTokenLength is the longest token that is sent: the vendor's gateway rejects longer headers (docs/coc-api.md
// section 2.5).
const MaxTokenLength = 32 << 10

// Redacted is what is shown in place of a token.
const Redacted = "[token]"

// Token is an IAM token. It never prints itself; Reveal is for a request's headers alone. Package fmt cannot call the
// methods of unexported fields and prints what they hold instead: of a function that is an address.
type Token struct{ reveal func() string }

// NewToken keeps a token; an empty one is the zero value.
func NewToken(text string) Token {
	if text == "" {
		return Token{}
	}
	return Token{func() string { return text }}
}

// Reveal returns the token itself.
func (t Token) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// Empty reports that there is no token.
func (t Token) Empty() bool { return t.reveal == nil }

// WellFormed reports that a token fits a header: printable ASCII, not too long.
func (t Token) WellFormed() bool {
	text := t.Reveal()
	return text != "" && len(text) <= MaxTokenLength &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// String hides the token.
func (t Token) String() string { return Redacted }

// GoString hides the token.
func (t Token) GoString() string { return Redacted }

// Format hides the token from every verb of package fmt.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// MarshalText hides the token from encoders.
func (t Token) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue hides the token from structured logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(Redacted) }
