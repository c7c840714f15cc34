package present

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"coc-console/internal/i18n"
	"coc-console/internal/iam"
)

// SignInProblem names why a sign-in failed, for the log.
func SignInProblem(err error) string {
	if refused, ok := errors.AsType[*iam.Error](err); ok {
		return refused.Kind.String()
	}
	return strings.ReplaceAll(err.Error(), " ", "_")
}

// SignInMessage is the status of a page that says why IAM refused a sign-in, and what it says.
func SignInMessage(kind iam.Kind, t i18n.SignInProblems) (int, string) {
	status, ok := map[iam.Kind]int{iam.Unavailable: http.StatusBadGateway, iam.BadAnswer: http.StatusBadGateway,
		iam.Throttled: http.StatusTooManyRequests}[kind]
	if !ok {
		status = http.StatusUnprocessableEntity
	}
	message, ok := map[iam.Kind]string{
		iam.WrongPassword: t.WrongPassword, iam.Locked: t.Locked, iam.PasscodeNeeded: t.PasscodeNeeded,
		iam.PasscodeWrong: t.PasscodeWrong, iam.TokenExpired: t.TokenExpired, iam.TokenInvalid: t.TokenInvalid,
		iam.Forbidden: t.Forbidden, iam.ProjectUnknown: t.ProjectUnknown, iam.Throttled: t.Throttled,
		iam.Unavailable: t.Unavailable, iam.BadAnswer: t.BadAnswer,
	}[kind]
	if !ok {
		message = t.BadRequest
	}
	return status, message
}

// IsCredentialFailure reports a sign-in that failed by what was typed, which may be a guess,
// and not because IAM did not answer.
func IsCredentialFailure(err error) bool {
	var refused *iam.Error
	if !errors.As(err, &refused) {
		return err != nil
	}
	return !slices.Contains([]iam.Kind{iam.Unavailable, iam.BadAnswer, iam.Throttled}, refused.Kind)
}
