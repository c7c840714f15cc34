package company

import (
	"errors"

	"coc-console/internal/huawei"
	"coc-console/internal/iam"
)

// Kept is a Renewal written out, for a sealed row alone.
type Kept struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
	IDToken  string `json:"id_token,omitempty"`
	Refresh  string `json:"refresh,omitempty"`
}

// Keep writes a renewal out; nil where there is nothing to keep.
func (r Renewal) Keep() *Kept {
	if r.Provider == "" {
		return nil
	}
	return &Kept{Provider: r.Provider, Subject: r.Subject, IDToken: r.IDToken.Reveal(), Refresh: r.Refresh.Reveal()}
}

// Renewal is the one that was written out; zero for nil.
func (k *Kept) Renewal() Renewal {
	if k == nil {
		return Renewal{}
	}
	return Renewal{Provider: k.Provider, Subject: k.Subject, IDToken: huawei.NewToken(k.IDToken),
		Refresh: huawei.NewToken(k.Refresh)}
}

// Ends reports an error of Renew that ends the session at once: the person is not, or no longer, who may.
func Ends(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind == Refused
	}
	e, ok := errors.AsType[*iam.Error](err)
	return ok && e.Kind == iam.Forbidden
}

// IsOutage reports that somebody did not answer, or something else in their place: that says nothing of the person.
func IsOutage(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind == Unreachable || e.Kind == WrongAnswer
	}
	e, ok := errors.AsType[*iam.Error](err)
	return !ok || e.Kind == iam.Unavailable || e.Kind == iam.Throttled || e.Kind == iam.BadAnswer
}
