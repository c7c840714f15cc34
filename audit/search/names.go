package search

import (
	"strings"

	"coc-console/audit"
	"coc-console/audit/query"
)

// ticketNames collects the names of tickets that records say, each once, as
// Values does with values.
type ticketNames struct {
	known map[string]struct{}
	last  string
	found map[string]string
}

func (t *ticketNames) add(r *audit.Record) {
	if r.Ticket == t.last {
		return
	}
	name := query.TicketName(r)
	if name == "" {
		return
	}
	t.last = r.Ticket
	if _, ok := t.known[r.Ticket]; ok {
		return
	}
	if t.known == nil || len(t.known) == maxKnown {
		t.known = map[string]struct{}{}
	}
	ticket := strings.Clone(r.Ticket) // a part of its record's bytes
	t.known[ticket] = struct{}{}
	if t.found == nil {
		t.found = map[string]string{}
	}
	t.found[audit.Shorten(ticket)] = audit.Shorten(name)
}

func (t *ticketNames) take() map[string]string {
	found := t.found
	t.found, t.last = nil, ""
	return found
}
