package handlers

import (
	"strconv"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ratelimit"
)

// PersonKey names a person, whatever session and address they come with.
func PersonKey(a audit.Actor) string { return a.AccountID + "/" + a.UserID }

// NoteLimited writes that a limit stopped a person: the first time at once,
// further times of the same minute together.
func (h *base) NoteLimited(c echo.Context, v Viewer, k ratelimit.Kind) {
	origin := OriginFrom(c.Request().Context())
	origin.Session = v.SessionName
	h.people.Refuse(PersonKey(v.Actor), k, func(count int) {
		h.jot(audit.Record{Action: audit.ActionAccessThrottled, Outcome: audit.OutcomeDenied, Actor: v.Actor, Origin: origin,
			Detail: detail("limit", string(k), "count", strconv.Itoa(count))})
	})
}

// spendRecord notes that reading wrote a record.
func (h *base) spendRecord(a audit.Actor) {
	if h.people != nil && a.UserID != "" {
		h.people.Spend(PersonKey(a), ratelimit.Records, 1)
	}
}
