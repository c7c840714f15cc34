package notify

import (
	"errors"
	"net/http"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// own completes what somebody sees of their own notices.
func (n *Notifier) own(r *http.Request, who audit.Actor, page *templates.Notices) error {
	t, ok := n.routing.Load().personal()
	if !ok {
		return nil
	}
	own := &templates.OwnNotices{}
	if own.Address, ok = t.addressOf(person(who)); !ok {
		own.Person, page.Own = person(who), own
		return nil
	}
	if page.Own != nil { // the form that is wrong
		page.Own.Address = own.Address
		return nil
	}
	c, err := n.choiceOf(r.Context(), who.UserID)
	if own.Asked, own.Tickets, own.Teams = c.Asked, c.Tickets, c.Teams; c.Quiet != nil {
		own.From, own.To = c.Quiet.From, c.Quiet.To
	}
	page.Own = own
	return err
}

// errChoice says that a form is wrong: the page says what.
var errChoice = errors.New("the form is wrong")

// chooseOwn takes what somebody chose with the form. errChoice leaves what they typed on the page.
func (n *Notifier) chooseOwn(r *http.Request, who audit.Actor, page *templates.Notices) error {
	ctx := r.Context()
	c := Choice{Person: person(who), Groups: who.Groups, Asked: r.PostFormValue("asked") != "",
		Tickets: r.PostFormValue("tickets") != "", Teams: r.PostFormValue("teams") != "",
		Language: string(i18n.From(ctx)), Zone: i18n.ZoneFrom(ctx).String(), Seen: n.cfg.Now()}
	q := Quiet{From: r.PostFormValue("quiet_from"), To: r.PostFormValue("quiet_to"), Zone: c.Zone}
	if q.From != "" || q.To != "" {
		if c.Quiet = &q; q.check() != nil {
			page.Own = &templates.OwnNotices{Asked: c.Asked, Tickets: c.Tickets, Teams: c.Teams, From: q.From, To: q.To,
				Problem: i18n.OwnNotices.T(ctx).WrongHours}
			return errChoice
		}
	}
	return n.choose(ctx, who.UserID, c)
}
