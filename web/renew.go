package web

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/singleflight"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/company"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/renewal"
	"coc-console/internal/store"
)

// What the company's account has led to is renewed with the provider's refresh token: before the credential ends, and
// every hour, so that groups that somebody has lost don't count for longer.
const (
	// sessionLife is how long a session lasts that can be renewed: then the provider is to see the person again.
	sessionLife = 24 * time.Hour
	renewEvery  = time.Hour
	lastMoment  = 30 * time.Second // before a credential's end, which a call may take: from then on a request waits
	freshFor    = 10 * time.Second // a newer credential that is refused is not renewed: the next would be refused, too
	keepTimeout = 10 * time.Second // for keeping what was renewed
	keepAgain   = 100 * time.Millisecond
)

// whyRefused says that the provider, or IAM, no longer vouches for somebody.
const whyRefused = "company"

// overError is a session that has ended and whose browser has not heard why.
type overError struct{ why string }

func (e *overError) Error() string { return "the session is over: " + e.why }

// Unwrap says that there is no session.
func (*overError) Unwrap() error { return errNoSession }

// Close waits for the renewals, and the ends of refresh tokens, that have begun.
func (s *Sessions) Close() error {
	s.turns.Close()
	if left := s.revoking.close(); left > 0 {
		s.Logger.Warn("refresh tokens of sessions that are over were not revoked: the console stops", "tokens", left)
	}
	return nil
}

// renewal is what a session keeps of its provider. Those of a version that kept nothing have the only one.
func (c *content) renewal() company.Renewal {
	if c.Kept == nil && c.Company {
		return company.Renewal{Provider: company.OnlyName}
	}
	return c.Kept.Renewal()
}

func (s *Sessions) canRenew(held content) bool { return s.Renew != nil && held.renewal().Possible() }

// due is when a credential is renewed: after an hour, or when three quarters of its life are over; not at the same
// moment for all that began together.
func (c *content) due(row string) time.Time {
	after := min(renewEvery, c.Ends.Sub(c.Made)*3/4)
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%s%d", row, c.Made.UnixMicro())
	return c.Made.Add(after - after/10*time.Duration(h.Sum32()%1000)/1000)
}

// lasts says how long a session does, and what it keeps.
func (s *Sessions) lasts(held *content, entry company.Entry) {
	held.Kept, held.Company = entry.Renewal.Keep(), entry.Renewal.Provider != ""
	held.Made, held.Ends, held.Expires = s.Now(), entry.Identity.Expires, entry.Identity.Expires
	if s.canRenew(*held) {
		held.Expires = held.Made.Add(sessionLife)
	}
}

// continues has a session go on where the one that the browser had left off: it keeps what that kept.
func (s *Sessions) continues(c echo.Context, held *content) error {
	session, err := s.Get(c.Request(), s.CookieName(isSecure(c)))
	if err != nil {
		return unavailable(err)
	}
	before, ok := session.Values[contentKey{}].(content)
	if !ok {
		return &handlers.Problem{Status: http.StatusUnauthorized, Kind: handlers.ProblemSignIn}
	}
	if s.canRenew(before) { // nobody else may renew what goes on elsewhere
		if _, err = s.turns.Take(c.Request().Context(), rowKey(session.ID)); err == nil {
			_, before, err = s.latest(c.Request().Context(), rowKey(session.ID))
		}
		if err != nil {
			return renewalProblem(err)
		}
	}
	held.Kept, held.Company = before.Kept, before.Company
	if held.Credential().Is(before.Credential()) {
		held.Made, held.Ends, held.Expires = before.Made, before.Ends, before.Expires
	}
	if s.canRenew(*held) {
		held.Expires = before.Expires
	}
	return nil
}

// latest is find, on the connection that writes.
func (s *Sessions) latest(ctx context.Context, row string) (store.Session, content, error) {
	r, err := s.rows.Latest(ctx, row)
	if err != nil {
		return r, content{}, gone(err)
	}
	held, err := s.openRow(r)
	return r, held, err
}

// gone says in this package's words that there is no such row.
func gone(err error) error {
	if errors.Is(err, store.ErrNoSession) {
		return errNoSession
	}
	return err
}

// renewed is a session with a credential that counts. One that is about to end is renewed beside the request; one that
// has ended, before it goes on.
func (s *Sessions) renewed(ctx context.Context, r store.Session, held content) (content, error) {
	now := s.Now()
	switch {
	case !s.canRenew(held) || now.Before(held.due(r.ID)):
	case now.Before(held.Ends.Add(-lastMoment)):
		if s.turns.MayTry(r.ID) {
			s.startRenewal(ctx, r.ID, held.Credential())
		}
	default:
		return s.renew(ctx, r.ID, held.Credential())
	}
	return held, nil
}

// refused hears that COC does not take a session's credential, and returns the one that stands in its place.
func (s *Sessions) refused(ctx context.Context, row string, refused huawei.Credential) (huawei.Credential, bool) {
	_, held, err := s.find(ctx, row)
	if err == nil && held.Credential().Is(refused) {
		if s.Now().Sub(held.Made).Abs() < freshFor {
			return nil, false
		}
		held, err = s.renew(ctx, row, refused)
	}
	return held.Credential(), err == nil
}

// renew replaces a session's credential, which is or is about to be over. All who want that at the same time share one
// call. Its errors are errNoSession where the session has ended, and renewal.ErrNotNow.
func (s *Sessions) renew(ctx context.Context, row string, stale huawei.Credential) (content, error) {
	select {
	case done := <-s.startRenewal(ctx, row, stale):
		held, _ := done.Val.(content)
		return held, gone(done.Err)
	case <-ctx.Done():
		return content{}, fmt.Errorf("%w: %w", renewal.ErrNotNow, ctx.Err())
	}
}

func (s *Sessions) startRenewal(ctx context.Context, row string, stale huawei.Credential) <-chan singleflight.Result {
	return s.turns.Start(ctx, row, func(ctx context.Context) (any, error) {
		r, held, err := s.latest(ctx, row)
		if err == nil && held.Credential().Is(stale) { // else another console has
			held, err = s.renewNow(ctx, r, held)
		}
		return held, err
	})
}

// renewNow asks the provider and IAM, and has the session hold what they gave.
func (s *Sessions) renewNow(ctx context.Context, r store.Session, held content) (content, error) {
	entry, err := s.Renew(ctx, held.renewal(), held.Actor.ProjectID)
	id, next := entry.Identity, held
	next.Kept = entry.Renewal.Keep()
	switch {
	case err == nil && (id.UserID != held.Actor.UserID || id.AccountID != held.Actor.AccountID):
		return content{}, s.over(ctx, r, next,
			audit.Record{Action: audit.ActionSessionRevoked, Detail: "why=other_person"})
	case err == nil:
		next.Stored, next.Made, next.Ends = huawei.Store(entry.Credential), s.Now(), id.Expires
		next.Actor = renamed(next.Actor, id)
		next.Actor.Groups = id.Groups
	case company.Ends(err) || !s.Now().Before(held.Ends) && !company.IsOutage(err):
		if e, ok := errors.AsType[*company.Error](err); !ok || e.Kind != company.Refused {
			s.revoke(r.ID, next.renewal()) // IAM, or this console, refuses: the provider would go on
		}
		return content{}, s.refuse(ctx, r, held, err)
	}
	switch saved := s.keepRenewal(ctx, r.ID, next); {
	case errors.Is(saved, errNoSession): // it was ended while it was renewed
		s.revoke(r.ID, next.renewal())
		return content{}, saved
	case saved != nil:
		s.Logger.Error("a renewed credential was not kept", "session", s.name(r.ID), "error", saved)
		return content{}, saved
	}
	if err != nil {
		s.Logger.Warn("a session's credential was not renewed", "session", s.name(r.ID), "ends", held.Ends,
			"error", err)
		return content{}, fmt.Errorf("%w: %w", renewal.ErrNotNow, err)
	}
	return next, s.regrouped(ctx, r, held, next)
}

// keepRenewal writes what a renewal has brought. A refresh token that was spent and is not replaced ends the session: a
// database that fails for a moment is asked again.
func (s *Sessions) keepRenewal(ctx context.Context, row string, next content) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	for {
		kept := false
		err := s.change(ctx, row, func(held *content) {
			kept = true
			held.Stored, held.Kept, held.Actor = next.Stored, next.Kept, next.Actor
			held.Made, held.Ends = next.Made, next.Ends
		})
		if err == nil && !kept {
			return errNoSession
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(keepAgain):
		}
	}
}

// regrouped ends a session whose person may no longer use the console, and writes that their groups are others.
func (s *Sessions) regrouped(ctx context.Context, r store.Session, before, now content) error {
	if !s.admits(now.Actor) {
		return s.over(ctx, r, now, notAdmitted())
	}
	if before.Actor.Groups == now.Actor.Groups {
		return nil
	}
	err := s.record(ctx, audit.Record{Action: audit.ActionSessionRegrouped, Outcome: audit.OutcomeSucceeded,
		Actor: now.Actor, Origin: audit.Origin{Session: s.name(r.ID)}, Detail: fmt.Sprintf("before=%q", before.Actor.Groups)})
	if err != nil {
		s.Logger.Error("a change of groups was not recorded", "session", s.name(r.ID), "error", err)
	}
	return nil
}

// refuse ends a session whose provider, or IAM, no longer vouches for its person. What it held is gone; its row stays
// for its browser to hear why.
func (s *Sessions) refuse(ctx context.Context, r store.Session, held content, err error) error {
	record := audit.Record{Action: audit.ActionSessionRevoked, Outcome: audit.OutcomeSucceeded, Actor: held.Actor,
		Origin: audit.Origin{Session: s.name(r.ID)}, Detail: "why=not_renewed"}
	if e, ok := errors.AsType[*company.Error](err); ok {
		record.Detail += " problem=" + e.Kind.String()
		record.Upstream.Message = e.Verbatim
	} else if e, ok := errors.AsType[*iam.Error](err); ok {
		record.Detail += " problem=" + e.Kind.String()
		record.Upstream = audit.Upstream{Status: e.Status, Code: e.Code, Message: e.Message, RequestID: e.RequestID}
	}
	s.Logger.Warn("a session was ended: its credential is not renewed", "session", s.name(r.ID), "error", err)
	if err := s.change(context.WithoutCancel(ctx), r.ID, func(held *content) {
		held.Stored, held.Kept, held.Over = huawei.Stored{}, nil, whyRefused
	}); err != nil {
		return err
	}
	s.forgetRow(r.ID)
	if err := s.record(ctx, record); err != nil {
		s.Logger.Error("the end of a session was not recorded", "session", s.name(r.ID), "error", err)
	}
	return &overError{whyRefused}
}

// why is why the browser's session is over; empty where it isn't, or nobody knows.
func (s *Sessions) why(c echo.Context) string {
	session, err := s.Get(c.Request(), s.CookieName(isSecure(c)))
	if err != nil || session.ID == "" {
		return ""
	}
	_, _, err = s.find(c.Request().Context(), rowKey(session.ID))
	if over, ok := errors.AsType[*overError](err); ok {
		return over.why
	}
	return ""
}

// renewalProblem is what a request is told whose session could not be renewed.
func renewalProblem(err error) error {
	switch {
	case errors.Is(err, errNoSession), errors.Is(err, store.ErrNoSession):
		return &handlers.Problem{Status: http.StatusUnauthorized, Kind: handlers.ProblemSignIn, Err: err}
	case errors.Is(err, renewal.ErrNotNow):
		return &handlers.Problem{Status: http.StatusServiceUnavailable, Kind: handlers.ProblemUnrenewed, Err: err}
	}
	return unavailable(err)
}
