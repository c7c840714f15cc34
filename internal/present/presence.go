package present

import (
	"strings"

	"net/url"
	"slices"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/presence"
	"coc-console/templates"
)

// ActOf is somebody's standing at the confirmation of an operation. All
// operations on the whole ticket have one target: to pause it gets into the way of
// whoever cancels it.
func ActOf(op coc.Operation, host string) presence.Act {
	a := presence.Act{Type: string(op.Type), Target: "ticket"}
	switch {
	case op.InstanceID != 0:
		a.Target, a.Host = "instance/"+Decimal(op.InstanceID), ansi.VisibleLine(host)
	case op.BatchIndex != 0:
		a.Target, a.Batch = "batch/"+Decimal(op.BatchIndex), op.BatchIndex
	}
	return a
}

// Presence is what a reader is told of the others on a ticket. mine is what they
// are about to confirm themselves, if anything.
func Presence(s presence.State, me string, mine presence.Act) templates.Presence {
	var p templates.Presence
	for _, o := range s.People {
		name := ansi.VisibleLine(o.Name)
		switch {
		case o.Person.ID == me:
		case o.Type != "":
			p.Acting = append(p.Acting, templates.Acting{Name: name, Type: o.Type, Target: o.Host, Batch: o.Batch,
				Same: mine.Type != "" && o.Target == mine.Target})
		case !slices.Contains(p.Looking, name):
			p.Looking = append(p.Looking, name)
		}
	}
	for _, m := range s.Marks {
		mark := templates.Mark{Name: ansi.VisibleLine(m.Name), Host: ansi.VisibleLine(m.Host), Line: m.Line, At: m.Since,
			Key: m.Key, Address: InstanceAddress(m.Ticket.ID, m.Instance, m.Batch) + "#log"}
		if m.Line > 0 {
			mark.Address = InstanceAddress(m.Ticket.ID, m.Instance, m.Batch) + "#L" + Decimal(m.Line)
		}
		if m.Person.ID == me {
			mark.Remove = MarkAddress(m.Ticket.ID, m.Instance, m.Batch)
		}
		p.Marks = append(p.Marks, mark)
	}
	return p
}

// MarkAddress is where a place in an instance's log is marked for the others.
func MarkAddress(ticket string, instance int64, batch int32) string {
	q := url.Values{}
	if batch > 0 {
		q.Set("batch", Decimal(batch))
	}
	return Address(TicketAddress(ticket)+"/instances/"+Decimal(instance)+"/mark", q)
}

// PresenceAddress is the stream of who else is on a ticket, for whoever is about
// to confirm an operation.
func PresenceAddress(ticket string, op coc.Operation, batchHint int32) string {
	u, err := url.Parse(NewOperationAddress(ticket, op, batchHint))
	if err != nil {
		return "" // it is made of ids
	}
	return Address(TicketAddress(ticket)+"/presence/events", u.Query())
}

// HereParameter says in a stream's address that the page has shown somebody.
const HereParameter = "here"

// WithHere is the address of the stream of a page that shows p.
func WithHere(address string, p templates.Presence) string {
	if len(p.Looking)+len(p.Acting)+len(p.Marks) == 0 {
		return address
	}
	join := "?"
	if strings.Contains(address, "?") {
		join = "&"
	}
	return address + join + HereParameter + "=1"
}

// HostOf is the name of an instance's server; empty without an instance.
func HostOf(i *coc.Instance) string {
	if i == nil {
		return ""
	}
	return i.Target.HostName
}
