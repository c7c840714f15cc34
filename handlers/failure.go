package handlers

import (
	"fmt"
	"net/http"
	"strconv"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// UpstreamMessage chooses the status and the words for a failed call to COC.
func UpstreamMessage(e *coc.Error, t *i18n.Problems) (int, i18n.Message) {
	switch {
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
	}
	return t.LogBroken
}

// Verbatim is what COC itself said: status, code and message.
func Verbatim(e *coc.Error) string { return verbatim(e.Status, e.Code, e.Message) }

func verbatim(status int, code, message string) string {
	text := visible(message)
	if code != "" && code != strconv.Itoa(status) { // IAM's older answers repeat the status as their code
		text = visible(code) + ": " + text
	}
	if status == 0 {
		return text
	}
	return fmt.Sprintf("HTTP %d %s", status, text)
}

// failureOf describes a failed call in the place of its result.
func failureOf(e *coc.Error, t *i18n.Problems) (int, *templates.Failure) {
	status, m := UpstreamMessage(e, t)
	return status, failure(m, Verbatim(e), e.RequestID)
}

func failure(m i18n.Message, verbatim, requestID string) *templates.Failure {
	return &templates.Failure{Heading: m.Heading, Text: m.Text, Advice: m.Advice, Verbatim: verbatim, RequestID: requestID}
}

// upstreamOf is COC's answer for the log.
func upstreamOf(e *coc.Error) audit.Upstream {
	return audit.Upstream{Status: e.Status, Code: e.Code, Message: e.Message, RequestID: e.RequestID}
}
