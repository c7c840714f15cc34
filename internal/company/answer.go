package company

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// answerError is an answer that no provider gives. It has nothing of the body, which may hold a secret.
type answerError struct {
	status int
	text   string // which address answered what
}

func (e *answerError) Error() string { return e.text }

// answers stands between an address and what it answered.
const answers = " answers "

// newAnswerError says what came, without queries, which may hold secrets.
func newAnswerError(r *http.Request, res *http.Response) *answerError {
	said := fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode))
	text := plain(r.URL) + answers + strings.TrimSpace(said)
	if kind := res.Header.Get("Content-Type"); kind != "" {
		text += ", " + kind
	}
	if to, err := res.Location(); err == nil && res.StatusCode >= 300 && res.StatusCode < 400 {
		text += ", to " + plain(to)
	}
	return &answerError{res.StatusCode, shown(text)}
}

func plain(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: cmp.Or(u.Path, "/")}).String()
}

// failure tells an answer in the provider's place from a provider that fails for a while.
func (e *answerError) failure(cause error) *Error {
	kind := WrongAnswer
	if e.status >= http.StatusInternalServerError {
		kind = Unreachable
	}
	return &Error{Kind: kind, Verbatim: e.text, Cause: cause}
}

// keysFailed is why the keys can't be read. The library keeps the words of the error alone.
func keysFailed(err error) *Error {
	if _, said, ok := strings.Cut(err.Error(), answers); ok {
		_, address, _ := strings.Cut(err.Error(), `": `)
		address, _, _ = strings.Cut(address, answers)
		kind := WrongAnswer
		if strings.HasPrefix(said, "5") {
			kind = Unreachable
		}
		return &Error{Kind: kind, Verbatim: shown(address + answers + said), Cause: errKeys}
	}
	return &Error{Kind: Unreachable, Cause: errKeys} // the error repeats the answer
}

// isNoOAuth reports an answer of the token address that OAuth's library can't read as one.
func isNoOAuth(err error) bool {
	text := err.Error()
	return strings.Contains(text, "oauth2: cannot parse") || strings.Contains(text, "response missing access_token")
}
