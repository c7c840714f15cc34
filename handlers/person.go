package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/auditview"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/internal/review"
	"coc-console/templates"
)

// This file is about forms and pages that somebody else has opened than who is signed in now (package web finds that
// out), and about requests that are refused before any page has seen them.

// Opener is who a form was rendered for; names are empty where it does not say.
type Opener struct {
	User, Account string
	Refused       bool // it is a form that was sent, and nothing of it was carried out
}

// name is account/user, as the log and the directory write it.
func (o Opener) name() string {
	if o.User == "" {
		return ""
	}
	return o.Account + "/" + o.User
}

// WithOpener returns a context of a request that carries a form, or a page's
// address, of somebody else than who is signed in.
func WithOpener(ctx context.Context, o Opener) context.Context {
	return context.WithValue(ctx, openerKey, o)
}

func openerFrom(ctx context.Context) (Opener, bool) {
	o, ok := ctx.Value(openerKey).(Opener)
	return o, ok
}

// otherPerson is what a page says about who has opened its form; nil when it was its reader.
func otherPerson(ctx context.Context) *templates.OtherPerson {
	o, other := openerFrom(ctx)
	v, ok := ViewerFrom(ctx)
	if !other || !ok {
		return nil
	}
	return &templates.OtherPerson{Opener: ansi.Visible(o.name()),
		Now: ansi.Visible(v.Actor.AccountName + "/" + v.Actor.UserName), Refused: o.Refused}
}

// statusOf is the status of a page: one that shows a refused form again says so.
func statusOf(ctx context.Context, status int) int {
	switch o, _ := openerFrom(ctx); {
	case !o.Refused:
		return status
	case o.User == "":
		return http.StatusUnprocessableEntity
	}
	return http.StatusConflict
}

// Typed is what somebody wrote into a form, for a page that can't show the form itself.
func Typed(c echo.Context) string {
	var all []string
	for _, name := range []string{"reason", "comment", "name", "label"} {
		if text := reason(c.FormValue(name)); text != "" {
			all = append(all, bounded(text))
		}
	}
	return ansi.Visible(strings.Join(all, "\n"))
}

// The handlers below show a form again that was rendered for somebody else, or does not say for whom: with what was
// typed, but a fresh reading, a key of the reader's own, and without what confirms the impact. They change nothing.

// OperateAgain is for Operate.
func (h *Handlers) OperateAgain(c echo.Context) error {
	ticket, err := ticketParam(c)
	if err != nil {
		return err
	}
	f, err := readOperation(c, ticket)
	f.seen, f.key, f.despite, f.count, f.override = "", "", "", "", false
	return h.showOperation(c, f, err)
}

// DecideApprovalAgain is for DecideApproval.
func (h *Handlers) DecideApprovalAgain(c echo.Context) error { return h.Approval(c) }

// ReviewAgain is for Review.
func (h *Handlers) ReviewAgain(c echo.Context) error {
	if v, _ := ViewerFrom(c.Request().Context()); !v.Manager {
		return errDenied // they did not ask for the list
	}
	f := formOfReview(c)
	waiting, _, err := h.review.List(c.Request().Context())
	if err != nil {
		return err
	}
	if len(review.Chosen(waiting, f.Chosen)) == 0 {
		return notFound() // it has been reviewed: there is no form to show
	}
	return h.showReviews(c, http.StatusConflict, f)
}

// StartBulkAgain is for StartBulk.
func (h *Handlers) StartBulkAgain(c echo.Context) error {
	page := h.newBulkPage(c)
	r, err := h.readBulk(c, page.Errors)
	if err != nil {
		return err
	}
	r.Count, r.Override = "", false
	page.Type, page.Reason = string(r.Type), r.Reason
	if len(page.Errors) > 0 {
		return Render(c, http.StatusConflict, page)
	}
	plan, err := h.bulk.Plan(c.Request().Context(), r.Untyped())
	if err != nil {
		return h.bulkStopped(c, page, r, err)
	}
	h.fillPlan(c.Request().Context(), &page, r, plan)
	return Render(c, http.StatusConflict, page)
}

// ChangeBulkAgain is for ChangeBulk.
func (h *Handlers) ChangeBulkAgain(c echo.Context) error { return h.BulkOperation(c) }

// ViewAgain is for SaveView and DeleteView: the list, with the name that was typed.
func (h *Handlers) ViewAgain(c echo.Context) error {
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return err
	}
	return h.viewAgain(c, view, strings.TrimSpace(bounded(c.FormValue("label"))), "")
}

// VerifyAgain is for VerifyLog.
func (h *Handlers) VerifyAgain(c echo.Context) error { return h.Integrity(c) }

// SearchAgain is for SaveSearch and DeleteSearch.
func (h *Handlers) SearchAgain(c echo.Context) error {
	text, name := strings.TrimSpace(bounded(c.FormValue("q"))), strings.TrimSpace(bounded(c.FormValue("name")))
	_, err := search.ParseQuery(text, i18n.ZoneFrom(c.Request().Context()))
	if err != nil || len(text) > auditview.MaxQuery || strings.ContainsRune(text, 0) {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(text), Err: err}
	}
	return h.searchAgain(c, text, name, "")
}

// newKey makes a one-time key for a form of the reader.
func (h *base) newKey(ctx context.Context) string {
	v, _ := ViewerFrom(ctx)
	key := h.sessions.NewKey(v.Actor)
	h.operations.KeyMade(key)
	return key
}

// ownKey is a form's key, or none where it was not made for a form of the reader:
// a key belongs to one person, also where somebody copies it.
func (h *base) ownKey(v Viewer, key string) string {
	if !h.sessions.OwnsKey(v.Actor, key) {
		return ""
	}
	return key
}

// Session tells the page's scripts who is signed in now, for tabs that have been
// left alone. It is nothing that the page does not show.
func (h *Handlers) Session(c echo.Context) error {
	answer := struct {
		Person string `json:"person"`
		Name   string `json:"name"`
		// Project and In are the session's project, by its id and its name.
		Project string `json:"project"`
		In      string `json:"in"`
	}{}
	if v, ok := ViewerFrom(c.Request().Context()); ok {
		answer.Project, answer.In = v.Caller.ProjectID, ansi.VisibleLine(v.Actor.ProjectName)
		answer.Person, answer.Name = v.Marker, ansi.Visible(v.Actor.AccountName+"/"+v.Actor.UserName)
	}
	return c.JSON(http.StatusOK, answer)
}

// Why requests are refused before a page has seen them: labels of the metric, and words of the log.
const (
	RefusedCrossSite   = "cross_site"
	RefusedOtherPerson = "other_person"
	RefusedNoPerson    = "no_person"
)

// What a page refuses, as words of the log.
const (
	refusedOwn         = "own_request"   // somebody decides about what they asked for
	refusedNotOwn      = "not_requester" // what only the requester can do
	refusedExpired     = "expired"
	refusedDecided     = "already_decided"
	refusedNotOffered  = "not_offered"
	refusedUnknown     = "unknown_request" // none of the account's
	refusedKeySpent    = "key_spent"
	refusedKeyUnusable = "key_unusable"
)

// noteDenied writes that a page refused what somebody asked of it. Its number is limited like that of NoteRefused.
func (h *base) noteDenied(ctx context.Context, why string, r audit.Record) {
	v, _ := ViewerFrom(ctx)
	write, omitted := h.denials.Take(why+"\x00"+v.Actor.AccountID+"\x00"+v.Actor.UserID, h.now())
	if !write {
		return
	}
	r.Outcome, r.Detail = audit.OutcomeDenied, strings.TrimSpace(detail("why", why, "omitted",
		unlessZero(omitted))+" "+r.Detail)
	h.noteSoon(ctx, r)
}

// unlessZero is a number, or nothing.
func unlessZero(n int) string {
	if n == 0 {
		return ""
	}
	return present.Decimal(n)
}

// noteKey writes that a form's one-time key was of no use, if it is that.
func (h *base) noteKey(ctx context.Context, why error, r audit.Record) {
	r.Action = audit.ActionRequestRefused
	switch {
	case errors.Is(why, operate.ErrKeySpent):
		h.noteDenied(ctx, refusedKeySpent, r)
	case errors.Is(why, operate.ErrBadKey), isTaken(why):
		h.noteDenied(ctx, refusedKeyUnusable, r)
	}
}

// isTaken reports whether a form's key belongs to another path.
func isTaken(why error) bool {
	_, taken := errors.AsType[*operate.KeyTakenError](why)
	return taken
}

// NoteRefused writes that a request was refused, in the name of who is signed in.
// What was typed is not in the record: it is another person's.
func (h *Handlers) NoteRefused(c echo.Context, why string, from Opener) {
	ctx := c.Request().Context()
	who := OriginFrom(ctx).Address
	if v, ok := ViewerFrom(ctx); ok {
		who = v.Actor.AccountID + "\x00" + v.Actor.UserID
	}
	write, omitted := h.denials.Take(why+"\x00"+who, h.now())
	if !write {
		return
	}
	r := audit.Record{Action: audit.ActionRequestRefused, Outcome: audit.OutcomeDenied,
		Detail: detail("why", why, "opened_by", from.name(), "method", c.Request().Method, "route", c.Path(), "omitted",
			unlessZero(omitted))}
	if id, err := ticketParam(c); err == nil && c.Param("execute_uuid") != "" {
		r.Ticket = string(id)
	}
	h.noteSoon(ctx, r)
}
