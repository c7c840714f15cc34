package notify

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/notify/target"
	"coc-console/internal/store"
)

// message is a notice as its target's readers get it.
func (n *Notifier) message(t Target, one store.Notice) target.Message {
	var e Event
	if err := json.Unmarshal([]byte(one.Body), &e); err != nil {
		e = Event{ID: n.id(one.Number, "damaged"), Time: one.Created, Problem: err.Error()}
	}
	return render(e, t, "urn:coc-console:"+url.PathEscape(n.cfg.Log.Origin()))
}

// longest bounds what is quoted of people and servers, in characters.
const longest = 500

func render(e Event, t Target, source string) target.Message {
	texts, all := i18n.Told.In(t.language), i18n.For(t.language)
	title, colon := texts.Event.Of(string(e.Name)), all.Common.Colon
	about := all.Bulk.Target(e.Operation, e.Target)
	if subject := oneLine(ansi.VisibleLine(cmp.Or(e.TicketName, about))); subject != "" {
		title += colon + subject
	}
	m := target.Message{ID: e.ID, Event: string(e.Name), Time: e.Time, Source: source, Subject: e.Ticket, Data: e,
		Title: title, Link: e.Link, LinkText: texts.Open}
	line := func(label, value string) {
		if value = oneLine(ansi.VisibleLine(oneLine(value))); value == "" {
			return
		}
		if runes := []rune(value); len(runes) > longest {
			value = string(runes[:longest]) + "…"
		}
		m.Lines = append(m.Lines, target.Line{Label: label + colon, Value: value})
	}
	number := func(k int64) string {
		if k == 0 {
			return ""
		}
		return strconv.FormatInt(k, 10)
	}
	if e.Operation != "" {
		line(texts.Operation, all.Word.Operation.Of(e.Operation))
	}
	line(texts.Ticket, e.TicketName)
	if e.Target != e.TicketName && e.Target == about { // else the title says it
		line(texts.Target, about)
	}
	line(texts.Batch, number(int64(e.Batch)))
	line(texts.Stops, number(int64(e.Stops)))
	line(texts.Who, e.Who)
	line(texts.Creator, e.Creator)
	line(texts.Decider, e.Decider)
	line(texts.Time, stamp(e.Time, t.zone))
	line(texts.Until, stamp(e.Until, t.zone))
	line(texts.Reason, e.Reason) // what may be long comes last: platforms cut messages
	line(texts.Comment, e.Comment)
	if e.Note != "" {
		line(texts.Note, all.Word.Note.Of(e.Note))
	}
	line(texts.Problem, e.Problem)
	return m
}

// stamp is a time with its zone, since readers may be in others.
func stamp(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	return at.In(zone).Format("2006-01-02 15:04 -07:00")
}
