package coc

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/internal/upstream"
)

// Kind is what went wrong with a call.
type Kind int

// The kinds of errors.
const (
	KindUpstream  Kind = iota + 1 // an answer with a status of 400 or above
	KindTransport                 // no answer: the connection failed or broke
	KindTimeout                   // no answer in time, or the caller gave up
	KindBadAnswer                 // an answer that is not COC's: a redirect, HTML, half a JSON
)

func (k Kind) String() string {
	switch k {
	case KindUpstream:
		return "upstream"
	case KindTransport:
		return "transport"
	case KindTimeout:
		return "timeout"
	case KindBadAnswer:
		return "bad_answer"
	}
	return "unknown"
}

// Delivery says whether a call took effect, as far as its answer tells.
type Delivery int

// What is known of a failed call's effect.
const (
	DeliveredUnknown Delivery = iota // it may have happened
	DeliveredNo                      // COC was never reached
	DeliveredYes                     // COC answered, and refused
)

// The codes that have a meaning here (docs/coc-api.md section 10). All others
// are only shown.
const (
	codeNotFound     = "COC.00040709"
	codeTokenInvalid = "APIGW.0301"
	codeTokenUpdate  = "APIGW.0307"
)

// Error is a call that failed. Code and Message are COC's or the gateway's,
// verbatim; Message is bounded. It never holds the token.
type Error struct {
	Call      string // "list tickets", "operate", …
	Kind      Kind
	Status    int // 0 = no answer
	Code      string
	Message   string
	RequestID string
	// Denial is the encoded_authorization_message of a refusal for want of a
	// permission (docs/coc-api.md section 10.1); empty where there is none, or
	// it is longer than maxDenial, since a part of it can't be decoded.
	Denial     string
	RetryAfter time.Duration // 0 = not told
	Cause      error         // for the log
	// Reason is why COC did not answer, or that somebody else did; empty for an
	// answer of COC.
	Reason upstream.Reason

	notSent bool // failed before a byte of the request left
	refusal bool // the body is an error in the service's documented shape
	renewed bool // the caller has another credential by now
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "coc: %s: %s", e.Call, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " %d", e.Status)
	}
	if e.Code != "" || e.Message != "" {
		fmt.Fprintf(&b, " %s: %s", e.Code, e.Message)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// NotFound reports that COC does not know the ticket. COC says so with status
// 400 (docs/coc-api.md section 10.2).
func (e *Error) NotFound() bool { return e.Code == codeNotFound }

// SignInAgain reports that the credential is no longer accepted, and that its caller has no other.
func (e *Error) SignInAgain() bool {
	if e.Reason != "" || e.renewed { // somebody else says so
		return false
	}
	return e.Status == http.StatusUnauthorized || e.Code == codeTokenInvalid || e.Code == codeTokenUpdate
}

// Forbidden reports that the caller lacks the permission.
func (e *Error) Forbidden() bool { return e.Status == http.StatusForbidden }

// Throttled reports that calls come too often.
func (e *Error) Throttled() bool { return e.Status == http.StatusTooManyRequests }

// Delivered says whether the call may have taken effect. Only a certain
// refusal answers that with no: a status of 4xx whose body is an error as COC,
// or the gateway in front of it, documents one. Everything else leaves it open,
// whatever it says: COC may fail after it has acted, and what sits on the way
// may lose its answer.
func (e *Error) Delivered() Delivery {
	switch {
	case e.notSent:
		return DeliveredNo
	case e.Kind != KindUpstream, e.Status < 400, e.Status > 499, !e.refusal:
		return DeliveredUnknown
	case e.Status == http.StatusRequestTimeout, e.Status == statusClientGone, lostBehind(e.Code):
		return DeliveredUnknown
	}
	return DeliveredYes
}

// statusClientGone is what proxies answer, and log, when a client went away;
// the request may have gone on without it.
const statusClientGone = 499

// lostBehind reports the gateway's codes for what went wrong between it and
// COC (docs/coc-api.md section 10.4: 06xx and 07xx). Some come with a 4xx.
func lostBehind(code string) bool {
	return strings.HasPrefix(code, "APIGW.06") || strings.HasPrefix(code, "APIGW.07")
}

// Doubtful reports a refusal that is worth another look at the ticket: a limit
// may count a call that went through, and COC's internal errors come as refusals,
// too (docs/coc-api.md section 10.3).
func (e *Error) Doubtful() bool {
	return e.Delivered() == DeliveredYes &&
		(e.Throttled() || e.Code == codeInternal && internalError.MatchString(e.Message))
}

// codeInternal is COC's internal error, and what its pages show for any other.
const codeInternal = "COC.00040701"

var internalError = regexp.MustCompile(`(?i)^\s*internal (server )?error\b`)

// ownCode is how the service's codes look: a name, a dot, digits. The names
// differ between its parts (docs/coc-api.md section 14.2).
var ownCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,15}\.[0-9]{4,20}$`)

// isRefusal reports whether a body is an error in the documented shape: both
// fields, as texts, and a code of the service (docs/coc-api.md section 10.1).
func isRefusal(body []byte) bool {
	var shape struct {
		Code    *string `json:"error_code"`
		Message *string `json:"error_msg"`
	}
	return json.Unmarshal(body, &shape) == nil && shape.Code != nil && shape.Message != nil &&
		ownCode.MatchString(*shape.Code)
}

// maxMessage bounds the part of an error answer that is kept, in bytes.
const maxMessage = 1024

// maxDenial bounds an encoded_authorization_message, in bytes.
const maxDenial = 8 << 10

// parseDenial finds the encoded_authorization_message of an error answer.
func parseDenial(body []byte, secrets *upstream.Secrets) string {
	var shape map[string]any
	if json.Unmarshal(body, &shape) != nil {
		return ""
	}
	return denialIn(shape, secrets)
}

func denialIn(shape map[string]any, secrets *upstream.Secrets) string {
	if s, ok := shape["encoded_authorization_message"].(string); ok && s != "" {
		if s = strings.ToValidUTF8(secrets.Hide(strings.TrimSpace(s)), "\uFFFD"); len(s) <= maxDenial {
			return s
		}
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(shape)) {
		if inner, ok := shape[name].(map[string]any); ok {
			if s := denialIn(inner, secrets); s != "" {
				return s
			}
		}
	}
	return ""
}

// parseErrorBody finds code and message in the shapes of docs/coc-api.md
// section 10.1; whatever else came is the message.
func parseErrorBody(body []byte, secrets *upstream.Secrets) (code, message, requestID string) {
	shown := func(s string) string { return bounded(secrets.Hide(s)) }
	var shape map[string]any
	if json.Unmarshal(body, &shape) == nil {
		requestID = shown(upstream.Text(shape["request_id"]))
		if code, message = codeAndMessage(shape); code != "" || message != "" {
			return shown(code), shown(message), requestID
		}
	}
	return "", shown(strings.TrimSpace(string(body))), requestID
}

// codeAndMessage follows the order of the vendor's SDK: the service's names,
// the older names, then the objects within (Keystone's "error" is one).
func codeAndMessage(shape map[string]any) (code, message string) {
	for _, names := range [][2]string{{"error_code", "error_msg"}, {"code", "message"}} {
		code, message = upstream.Text(shape[names[0]]), upstream.Text(shape[names[1]])
		if code != "" || message != "" {
			return code, message
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shape)) {
		inner, _ := shape[name].(map[string]any)
		if code, message = codeAndMessage(inner); code != "" || message != "" {
			return code, message
		}
	}
	return "", ""
}

// bounded cuts text between two characters and makes it valid UTF-8.
func bounded(s string) string {
	if end := maxMessage; len(s) > end {
		for end > maxMessage-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads the header, which is seconds or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(0, min(n, int(maxRetryAfter/time.Second)))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
