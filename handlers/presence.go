package handlers

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/presence"
	"coc-console/internal/present"
	"coc-console/templates"
)

// onTicket is a reader on a ticket that they may see.
type onTicket struct {
	h      *base
	ctx    context.Context //nolint:containedctx // it lives as long as one request
	ticket presence.Ticket
	person presence.Person
	key    string // of the session
	act    presence.Act
}

func (h *base) onTicket(ctx context.Context, id coc.ExecuteUUID, act presence.Act) onTicket {
	v, _ := ViewerFrom(ctx)
	return onTicket{h: h, ctx: ctx, key: v.SessionKey, act: act,
		ticket: presence.Ticket{Account: v.Actor.AccountID, Project: v.Caller.ProjectID, ID: string(id)},
		person: presence.Person{ID: PersonKey(v.Actor), Name: v.Actor.UserName}}
}

// visit notes that the reader has loaded the page, and returns what it says of the others.
func (o onTicket) visit() templates.Presence {
	o.h.presence.Visit(o.ticket, o.person, o.key, o.act)
	return o.others()
}

// leave notes that the reader has gone on from a confirmation.
func (o onTicket) leave() { o.h.presence.Leave(o.ticket, o.person, o.key, o.act) }

func (o onTicket) others() templates.Presence {
	return present.Presence(o.h.presence.Of(o.ticket), o.person.ID, o.act)
}

func (o onTicket) html(p templates.Presence) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.Here(p).Render(o.ctx, &b); err != nil {
		return nil, fmt.Errorf("render who is on ticket %s: %w", o.ticket.ID, err)
	}
	return b.Bytes(), nil
}

// stay is the reader's part of the page's stream, which leave ends.
func (o onTicket) stay(c echo.Context) (own live.Own, leave func()) {
	gone := o.h.presence.Stay(o.ticket, o.person, o.key, o.act)
	changed, end := o.h.presence.Watch(o.ticket)
	last := ""
	if c.QueryParam(present.HereParameter) == "" {
		nobody, err := o.html(templates.Presence{})
		if err == nil {
			last = string(nobody)
		}
	}
	return live.Own{Changed: changed, Show: func() string {
		html, err := o.html(o.others())
		if err != nil || string(html) == last {
			return ""
		}
		last = string(html)
		return last
	}}, func() { end(); gone() }
}

// Presence is the stream of who else is on a ticket, for a page that confirms an
// operation, or shows a log. As long as it is open, the others are told.
func (h *Handlers) Presence(c echo.Context) error {
	leave, err := h.streamSlot(c)
	if err != nil {
		return err
	}
	defer leave()
	ticket, err := ticketParam(c)
	if err != nil {
		return err
	}
	now, act, err := h.standing(c, ticket)
	if err != nil {
		return err
	}
	v, _ := ViewerFrom(c.Request().Context())
	own, end := h.onTicket(c.Request().Context(), ticket, act).stay(c)
	defer end()
	show := own.Show
	own.Show = func() string {
		if !h.maySee(v, now.Ticket) {
			return ""
		}
		return show()
	}
	return h.brokenOff(c, live.ServeOwn(h.streams, c, h.session(v), own))
}

// standing reads what the page is about: an operation, or without one an instance's log.
func (h *Handlers) standing(c echo.Context, ticket coc.ExecuteUUID) (operate.Reading, presence.Act, error) {
	if c.QueryParam("operation_type") == "" {
		id, err := coc.ParseID(bounded(c.QueryParam("instance_id")))
		if err != nil {
			return operate.Reading{}, presence.Act{}, notFound()
		}
		now, err := h.readRow(c, ticket, id, batchHint(c.QueryParam("batch")))
		return now, presence.Act{}, err
	}
	f, err := readOperation(c, ticket)
	if err != nil {
		return operate.Reading{}, presence.Act{}, err
	}
	now, err := h.read(c, ticket, f.operation, batchHint(f.hint))
	return now, present.ActOf(f.operation, present.HostOf(now.Instance)), err
}

// Mark shows a line of a log, or its host, to the others on the ticket for ten minutes, or takes back what one has
// marked oneself. Whoever may see the ticket may do that. It is not recorded: it changes nothing, and is over soon.
func (h *ticketPages) Mark(c echo.Context) error {
	now, err := h.findInstance(c)
	if err != nil {
		return err
	}
	o := h.onTicket(c.Request().Context(), now.Ticket.ExecuteUUID, presence.Act{})
	if key := c.FormValue("remove"); key != "" {
		h.presence.Remove(o.ticket, o.person, bounded(key))
		return c.Redirect(http.StatusSeeOther, present.TicketAddress(string(now.Ticket.ExecuteUUID)))
	}
	i := now.Instance
	typed := strings.TrimSpace(bounded(c.FormValue("line")))
	line, ok := present.LineOf(i.Message, typed)
	t := i18n.T(c.Request().Context()).Presence
	if !ok {
		return h.showInstance(c, now, http.StatusUnprocessableEntity, templates.MarkForm{Line: typed, Error: t.BadLine})
	}
	err = h.presence.Add(presence.Mark{Ticket: o.ticket, Person: o.person, Instance: coc.InstanceID(*i), Batch: now.InstanceBatch,
		Host: cmp.Or(i.Target.HostName, present.Decimal(coc.InstanceID(*i))), Line: line})
	if errors.Is(err, presence.ErrFull) {
		return h.showInstance(c, now, http.StatusUnprocessableEntity, templates.MarkForm{Line: typed, Error: t.TooMany})
	}
	to := present.InstanceAddress(string(now.Ticket.ExecuteUUID), coc.InstanceID(*i), now.InstanceBatch) + "#log"
	if line > 0 {
		to = strings.TrimSuffix(to, "#log") + "#L" + present.Decimal(line)
	}
	return c.Redirect(http.StatusSeeOther, to)
}
