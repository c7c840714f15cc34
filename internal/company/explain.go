package company

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/upstream"
)

// Kind is why a sign-in failed before IAM was asked.
type Kind int

// The kinds of errors.
const (
	Unreachable   Kind = iota + 1 // the provider does not answer, or fails
	Misconfigured                 // the settings here and there do not fit
	Refused                       // the provider says no: to the person, or to the console
	OtherBrowser                  // begun in another browser, or too long ago
	Replayed                      // the answer was used before, or is another sign-in's
	BadToken                      // the ID token is not one for this console
	ClockOff                      // the ID token is over, or not begun
	Unscoped                      // IAM gave a token that is for no calls
	WrongAnswer                   // the provider's address answers, but not as a provider does
)

var kindNames = map[Kind]string{Unreachable: "provider_unreachable", Misconfigured: "provider_misconfigured",
	Refused: "provider_refused", OtherBrowser: "other_browser", Replayed: "replayed", BadToken: "id_token_invalid",
	ClockOff: "clock_off", Unscoped: "token_unscoped", WrongAnswer: "provider_answer_invalid"}

func (k Kind) String() string { return kindNames[k] }

// Error is a sign-in that failed. It holds no code, no token and no secret.
type Error struct {
	Kind     Kind
	Verbatim string // the provider's own words
	Reason   upstream.Reason
	Cause    error

	Begins, Ends, Now time.Time // of ClockOff: of the ID token, and this console's
}

func (e *Error) Error() string {
	text := "company sign-in: " + e.Kind.String()
	if e.Verbatim != "" {
		text += ": " + e.Verbatim
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	if e.Kind == ClockOff {
		text += fmt.Sprintf(": from %s to %s, at %s", utc(e.Begins), utc(e.Ends), utc(e.Now))
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ofConsole are refusals of OAuth that are about the console and not about the person.
var ofConsole = []string{"invalid_client", "unauthorized_client", "invalid_request", "invalid_scope", "unsupported_response_type",
	"unsupported_grant_type"}

// refusal is what the provider says in OAuth's words.
func refusal(code, description string) *Error {
	e := &Error{Kind: Refused, Verbatim: shown(strings.TrimSuffix(code+": "+description, ": ")), Cause: errRefused}
	for _, c := range ofConsole {
		if c == code {
			e.Kind = Misconfigured
		}
	}
	return e
}

var errRefused = errors.New("the provider refuses")

// maxShown bounds the provider's words, in bytes.
const maxShown = 500

func shown(text string) string {
	return ansi.VisibleLine(strings.ToValidUTF8(text[:min(len(text), maxShown)], "\uFFFD"))
}

func utc(when time.Time) string { return when.UTC().Format("2006-01-02 15:04:05 UTC") }

// Explanation is a failed sign-in as the page tells it.
type Explanation struct {
	Status   int
	Text     string // what happened, and what to do
	Verbatim string // the provider's own words, or IAM's
	From     string // whose they are
	Problem  string // for the log
	Outage   bool   // nobody has guessed anything
	Project  bool   // another project may do
}

// Explain says what went wrong; ok is false for an error that is not about the sign-in.
func Explain(ctx context.Context, err error) (x Explanation, ok bool) {
	t := i18n.Company.T(ctx)
	if e, ok := errors.AsType[*Error](err); ok {
		return e.explain(ctx, t), true
	}
	e, ok := errors.AsType[*iam.Error](err)
	if !ok {
		return x, false
	}
	x = Explanation{Status: http.StatusUnprocessableEntity, From: t.FromIAM, Problem: e.Kind.String()}
	if e.Status != 0 {
		x.Verbatim = strings.TrimSpace(e.Code + " " + e.Message)
	}
	x.Text = map[iam.Kind]string{iam.TokenExpired: t.Expired, iam.IDTokenRefused: t.NotTaken, iam.ProviderUnknown: t.Unknown,
		iam.Forbidden: t.NoRule, iam.ProjectUnknown: t.Project}[e.Kind]
	x.Project = e.Kind == iam.ProjectUnknown || e.Kind == iam.Forbidden
	return x, x.Text != ""
}

func (e *Error) explain(ctx context.Context, t *i18n.CompanyTexts) Explanation {
	x := Explanation{Status: http.StatusUnprocessableEntity, Verbatim: e.Verbatim, From: t.FromProvider,
		Problem: e.Kind.String()}
	x.Text = map[Kind]string{Unreachable: t.Unreachable, Misconfigured: t.Misconfigured, Refused: t.Refused,
		OtherBrowser: t.OtherBrowser, Replayed: t.Replayed, BadToken: t.BadToken, Unscoped: t.Unscoped,
		WrongAnswer: t.WrongAnswer}[e.Kind]
	switch e.Kind {
	case Unreachable:
		x.Status, x.Outage = http.StatusBadGateway, true
		if why := i18n.T(ctx).Problem.UpstreamReason.Of(string(e.Reason)); why != "" {
			x.Text = i18n.Sentences(x.Text, why)
		}
	case Misconfigured, WrongAnswer:
		x.Status, x.Outage = http.StatusBadGateway, true
		if errors.Is(e.Cause, errIssuer) {
			x.Text = t.OtherIssuer
		}
	case ClockOff:
		x.Text, x.Outage = t.Clock(utc(e.Begins), utc(e.Ends), utc(e.Now)), true
	default:
	}
	return x
}
