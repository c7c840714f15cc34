package huawei

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"coc-console/internal/huawei/sign"
)

// Credential is what a call proves with who makes it: a Token, or Keys. It never prints itself. Nil is none.
type Credential interface {
	fmt.Formatter
	slog.LogValuer
	// Authorize adds the proof to a request that is complete but for it, and that will send that body.
	Authorize(r *http.Request, body []byte, at time.Time)
	// Secrets are the texts that no answer may repeat to anybody.
	Secrets() []string
	// Is reports whether another one is the same.
	Is(other Credential) bool
}

// Authorize adds a credential's proof to a request; none adds nothing.
func Authorize(c Credential, r *http.Request, body []byte, at time.Time) {
	if c != nil {
		c.Authorize(r, body, at)
	}
}

// SecretsOf are a credential's; none has none.
func SecretsOf(c Credential) []string {
	if c == nil {
		return nil
	}
	return c.Secrets()
}

// Authorize sets the header of tokens.
func (t Token) Authorize(r *http.Request, _ []byte, _ time.Time) {
	if !t.Empty() {
		r.Header.Set(TokenHeader, t.Reveal())
	}
}

// Secrets is the token.
func (t Token) Secrets() []string { return []string{t.Reveal()} }

// Is reports whether the other one is the same token.
func (t Token) Is(other Credential) bool {
	token, ok := other.(Token)
	return ok && t.Reveal() == token.Reveal()
}

// Keys are temporary keys. They never print themselves.
type Keys struct{ reveal func() sign.Key }

// NewKeys keeps keys.
func NewKeys(access, secret, securityToken string) Keys {
	return Keys{func() sign.Key { return sign.Key{Access: access, Secret: secret, SecurityToken: securityToken} }}
}

// Authorize signs the request.
func (k Keys) Authorize(r *http.Request, body []byte, at time.Time) {
	sign.Request(r, body, k.key(), at)
}

func (k Keys) key() sign.Key {
	if k.reveal == nil {
		return sign.Key{}
	}
	return k.reveal()
}

// WellFormed reports that keys are whole, and fit the headers of a request.
func (k Keys) WellFormed() bool {
	return !slices.ContainsFunc(k.Secrets(), func(text string) bool { return !NewToken(text).WellFormed() }) &&
		!strings.ContainsAny(k.key().Access, ",= ")
}

// Secrets are all three parts: whose the access key is may be known, but a log needs none of them.
func (k Keys) Secrets() []string {
	return []string{k.key().Access, k.key().Secret, k.key().SecurityToken}
}

// Is reports whether the other ones are the same keys.
func (k Keys) Is(other Credential) bool {
	keys, ok := other.(Keys)
	return ok && k.key() == keys.key()
}

// String hides the keys.
func (k Keys) String() string { return Redacted }

// GoString hides the keys.
func (k Keys) GoString() string { return Redacted }

// Format hides the keys from every verb of package fmt.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// MarshalText hides the keys from encoders.
func (k Keys) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue hides the keys from structured logs.
func (k Keys) LogValue() slog.Value { return slog.StringValue(Redacted) }

// Stored is a credential written out, for a sealed row alone.
type Stored struct {
	Token string      `json:"token,omitempty"`
	Keys  *storedKeys `json:"keys,omitempty"`
}

type storedKeys struct {
	Access        string `json:"a"`
	Secret        string `json:"s"`
	SecurityToken string `json:"t"`
}

// Store writes a credential out.
func Store(c Credential) Stored {
	switch c := c.(type) {
	case Token:
		return Stored{Token: c.Reveal()}
	case Keys:
		k := storedKeys(c.key())
		return Stored{Keys: &k}
	}
	return Stored{}
}

// Credential is the one that was written out; nil where there is none.
func (s Stored) Credential() Credential {
	switch {
	case s.Keys != nil:
		return NewKeys(s.Keys.Access, s.Keys.Secret, s.Keys.SecurityToken)
	case s.Token != "":
		return NewToken(s.Token)
	}
	return nil
}
