package elevation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// Form is what the page sent. Decision is ask, approve, refuse or end.
type Form struct{ Decision, ID, Role, Until, Reason, Comment string }

// FormOf reads a form's fields.
func FormOf(value func(string) string) Form {
	return Form{Decision: value("decision"), ID: value("id"), Role: value("role"),
		Until: strings.TrimSpace(value("until")), Reason: strings.TrimSpace(value("reason")),
		Comment: strings.TrimSpace(value("comment"))}
}

// Apply does what a form asks for. What is wrong with it is put into the page, with what was typed, and is no error;
// then ok is false and nothing was recorded.
func (s *Service) Apply(ctx context.Context, who audit.Actor, from audit.Origin, f Form,
	page *templates.Elevations) (ok bool, err error) {
	switch f.Decision {
	case "ask":
		err = s.Ask(ctx, who, from, f.Role, s.next(ctx, f.Until), f.Reason)
	case "approve", "refuse":
		err = s.Decide(ctx, who, from, f.ID, f.Decision == "approve", f.Comment)
	default:
		err = s.End(ctx, who, from, f.ID)
	}
	if err == nil {
		return true, nil
	}
	return false, s.explain(ctx, who, f, err, page)
}

// next is the next time that a clock of the reader's zone shows hh:mm; zero where the text is no such time.
func (s *Service) next(ctx context.Context, text string) time.Time {
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}
	}
	now := s.cfg.Now().In(i18n.ZoneFrom(ctx))
	for day := range 2 {
		at := time.Date(now.Year(), now.Month(), now.Day()+day, clock.Hour(), clock.Minute(), 0, 0, now.Location())
		if at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// explain puts into the page why nothing was recorded. What is nobody's mistake comes back as the error.
func (s *Service) explain(ctx context.Context, who audit.Actor, f Form, err error, page *templates.Elevations) error {
	t := i18n.Elevation.T(ctx)
	page.Errors = templates.FieldErrors{}
	long := t.TooLong(MaxReason)
	switch {
	case errors.Is(err, ErrNotOffered) && f.Role == "":
		page.Errors["role"] = t.Choose
	case errors.Is(err, ErrNotOffered):
		page.Errors["role"] = t.NotOffered
	case errors.Is(err, ErrOpen):
		page.Problem = t.Open
	case errors.Is(err, ErrUntil):
		for _, o := range s.offers(who) {
			if o.Role == f.Role {
				page.Errors["until"] = t.BadUntil(o.Hours)
			}
		}
	case errors.Is(err, ErrReason) && f.Decision != "ask":
		page.Problem = long
	case errors.Is(err, ErrReason) && f.Reason == "":
		page.Errors["reason"] = t.NoReason
	case errors.Is(err, ErrReason):
		page.Errors["reason"] = long
	case errors.Is(err, ErrNotTheirs):
		page.Problem = t.NotTheirs
	case errors.Is(err, ErrOver):
		page.Problem = t.Over
	default:
		return err
	}
	return nil
}

func (s *Service) offers(who audit.Actor) (all []templates.ElevationOffer) {
	for _, e := range s.cfg.Rules.Rules().Elevations(operate.PersonOf(who)) {
		all = append(all, templates.ElevationOffer{Role: e.Role, Hours: int(e.Longest.Hours())})
	}
	return all
}

// Page fills the page for a reader: what they may ask for, and the requests that are theirs, that they may answer, or,
// for managers, all of the account. Its frame and form are the caller's.
func (s *Service) Page(who audit.Actor, manager bool, f Form, page templates.Elevations) templates.Elevations {
	now := s.cfg.Now()
	page.Offers = slices.DeleteFunc(s.offers(who),
		func(o templates.ElevationOffer) bool { return s.isOpen(who, o.Role) })
	page.Role, page.Until, page.Why = ansi.Visible(f.Role), ansi.Visible(f.Until), f.Reason
	for _, r := range s.Requests(who.AccountID) {
		own, mayDecide := operate.SamePerson(r.Person, who), s.MayDecide(who, r)
		if !own && !mayDecide && !manager {
			continue
		}
		state := r.StateAt(now)
		row := templates.ElevationRow{ID: r.ID, Role: ansi.Visible(r.Role),
			Person: ansi.VisibleLine(r.Person.UserName), Reason: ansi.Visible(r.Reason), State: string(state),
			Asked: r.Asked, Until: r.Until, AnswerBy: r.expires(), Decider: ansi.VisibleLine(r.Decider.UserName),
			Comment: ansi.Visible(r.Comment), Ender: ansi.VisibleLine(r.Ender.UserName), Decided: r.Decided, Over: r.Over,
			MayDecide: mayDecide && state == Waiting,
			MayEnd:    own && state == Waiting || (own || mayDecide) && state == InForce}
		if f.ID == r.ID {
			row.Typed = f.Comment
		}
		switch state {
		case Waiting:
			page.Waiting = append(page.Waiting, row)
		case InForce:
			page.InForce = append(page.InForce, row)
		case Refused, Withdrawn, Expired, Ended:
			page.Past = append(page.Past, row)
		}
	}
	slices.Reverse(page.Waiting) // who waits longest comes first
	return page
}

// Badges say which roles somebody has for a while, and until when; one text each.
func (s *Service) Badges(ctx context.Context, who audit.Actor) (all []string) {
	for _, r := range s.InForceFor(who) {
		all = append(all, i18n.Elevation.T(ctx).Badge(ansi.Visible(r.Role), r.Until.In(i18n.ZoneFrom(ctx))))
	}
	return all
}
