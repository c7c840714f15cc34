package present

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/calendar"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/upstream"
	"coc-console/templates"
)

// UpstreamMessage chooses the status and the words for a failed call to COC.
func UpstreamMessage(e *coc.Error, t *i18n.Problems) (int, i18n.Message) {
	status, m := messageOf(e, t)
	if why := t.UpstreamReason.Of(string(e.Reason)); why != "" {
		m.Advice = after(m.Advice, why)
	}
	return status, m
}

func messageOf(e *coc.Error, t *i18n.Problems) (int, i18n.Message) {
	switch {
	case e.Reason == upstream.Portal && e.Kind == coc.KindUpstream: // a page with the status of an error
		return http.StatusBadGateway, t.UpstreamBadAnswer
	case e.NotFound():
		return http.StatusNotFound, t.TicketUnknown
	case e.SignInAgain():
		return http.StatusUnauthorized, t.SignInAgain
	case e.Forbidden():
		return http.StatusForbidden, t.UpstreamForbidden
	case e.Throttled():
		return http.StatusServiceUnavailable, t.UpstreamThrottled
	case e.Kind == coc.KindTimeout:
		return http.StatusGatewayTimeout, t.UpstreamTimeout
	case e.Kind == coc.KindTransport:
		return http.StatusBadGateway, t.UpstreamBroken
	case e.Kind == coc.KindBadAnswer:
		return http.StatusBadGateway, t.UpstreamBadAnswer
	case e.Status >= 500:
		return http.StatusBadGateway, t.UpstreamFailed
	}
	// COC works, and says that the request is at fault.
	return http.StatusUnprocessableEntity, t.UpstreamRefused
}

// StorageMessage chooses the words for a log that refused a record.
func StorageMessage(e *audit.StorageError, t *i18n.Problems) i18n.Message {
	switch {
	case e.Full:
		return t.LogFull
	case e.ReadOnly:
		return t.LogReadOnly
	case e.Busy:
		return t.LogBusy
	}
	return t.LogBroken
}

// RefusedByLog is StorageMessage in one text, for a field of a form.
func RefusedByLog(e *audit.StorageError, t *i18n.Problems) string {
	m := StorageMessage(e, t)
	return i18n.Sentences(m.Text, m.Advice)
}

// Verbatim is what COC itself said: status, code and message.
func Verbatim(e *coc.Error) string { return AnswerText(e.Status, e.Code, e.Message) }

// EncodedDenial is what a refusal holds for the cloud account's administrator to
// decode; empty for most.
func EncodedDenial(e *coc.Error) string { return ansi.VisibleLine(e.Denial) }

// AnswerText is what a service itself said: status, code and message, made safe to show.
func AnswerText(status int, code, message string) string {
	text := ansi.Visible(message)
	if code != "" && code != strconv.Itoa(status) { // IAM's older answers repeat the status as their code
		text = ansi.Visible(code) + ": " + text
	}
	if status == 0 {
		return text
	}
	return fmt.Sprintf("HTTP %d %s", status, text)
}

// FailureOf describes a failed call in the place of its result.
func FailureOf(e *coc.Error, t *i18n.Problems) (int, *templates.Failure) {
	status, m := UpstreamMessage(e, t)
	f := Failure(m, Verbatim(e), e.RequestID)
	f.Encoded = EncodedDenial(e)
	return status, f
}

// Failure describes what went wrong in the place of a result.
func Failure(m i18n.Message, verbatim, requestID string) *templates.Failure {
	return &templates.Failure{Heading: m.Heading, Text: m.Text, Advice: m.Advice, Verbatim: verbatim,
		RequestID: requestID}
}

// UpstreamOf is COC's answer for the log.
func UpstreamOf(e *coc.Error) audit.Upstream {
	return audit.Upstream{Status: e.Status, Code: e.Code, Message: e.Message, RequestID: e.RequestID}
}

// after puts a sentence behind another, with a blank where the language has
// them.
func after(text, sentence string) string {
	if text == "" || strings.HasSuffix(text, "。") {
		return text + sentence
	}
	return text + " " + sentence
}

// Denial is a decision against somebody, for a page.
func Denial(ctx context.Context, d policy.Decision) *templates.Denial {
	return &templates.Denial{Text: RuleText(ctx, d.Text), Policies: d.Policies, Ask: d.Ask, Failed: d.Failed,
		Windows: windows(d.Windows)}
}

func windows(all []calendar.Window) []templates.Window {
	out := make([]templates.Window, len(all))
	for i, w := range all {
		out[i] = templates.Window{Name: w.Name, End: w.End}
	}
	return out
}

// RuleText is what a rule says in the reader's language, or at all.
func RuleText(ctx context.Context, t policy.Text) string {
	if i18n.From(ctx) == i18n.ZhCN && t.Chinese != "" || t.English == "" {
		return t.Chinese
	}
	return t.English
}

// TargetMessage says in words what is wrong with the target of an operation.
func TargetMessage(e *operate.TargetError, t i18n.FieldProblems) string {
	if e.Field == "batch_index" {
		return t.NoSuchBatch
	}
	return t.NoSuchInstance
}
