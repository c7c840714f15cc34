package listing

import (
	"net/url"
	"slices"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/present"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// maxFrom bounds the list that an address names, in bytes.
const maxFrom = 600

// From is the list that an address names, as lists write it: the values that a list has, and no others. It is empty
// where the text names none.
func From(text string) string {
	all, err := url.ParseQuery(text)
	if err != nil || len(text) > maxFrom {
		return ""
	}
	kept := url.Values{}
	for _, name := range append(slices.Clone(Names), "after", "trail") {
		if value := all.Get(name); value != "" && ansi.Shows(value) {
			kept.Set(name, value)
		}
	}
	return kept.Encode()
}

// from is this list as its tickets' addresses name it.
func (f *Filter) from() string {
	q := f.Values()
	if f.Query.Marker != 0 {
		q.Set("after", present.Decimal(f.Query.Marker))
		if len(f.Trail) > 0 {
			q.Set("trail", f.Trail)
		}
	}
	if text := q.Encode(); len(text) <= maxFrom {
		return text
	}
	return ""
}

// tickets are those that the list shows, in its order, without those that the rules hide, with one of the next page if
// there is one; before is how many stand on the pages before this one, and total how many there are: -1 = not known.
func (f *Filter) tickets(s *watch.List, hides map[string]bool) (all []coc.TicketSummary, before, total int64) {
	all, total = s.Page.Tickets, s.Page.Total
	if f.Attention {
		all = f.waiting(s.Waiting)
		if total = s.WaitingTotal; len(all) < len(s.Waiting) {
			total = int64(len(all))
		}
	}
	read := len(all)
	all = slices.DeleteFunc(slices.Clone(f.Chosen(all)), func(t coc.TicketSummary) bool {
		return hides[string(t.ExecuteUUID)]
	})
	switch {
	case f.Partial && !f.Attention:
		total = -1
		if int64(read) == s.Page.Total || f.LookedAll && read < maxDeep {
			total = int64(len(all))
		}
	default:
		total -= int64(read - len(all))
	}
	if f.Query.Marker != 0 {
		before = PerPage * int64(1+len(trail(url.Values{"trail": {f.Trail}})))
	}
	return all, before, total
}

// Place is where a ticket stands in the list, and what stands beside it. A ticket that the list has no more, since its
// state has changed, has the neighbours that it would have; id and created are the ticket's.
func (f *Filter) Place(s *watch.List, hides map[string]bool, id coc.ExecuteUUID, created time.Time) *templates.Place {
	all, before, total := f.tickets(s, hides)
	p := &templates.Place{List: present.Address("/tickets", mustQuery(f.from())), Total: total}
	at := slices.IndexFunc(all, func(t coc.TicketSummary) bool { return t.ExecuteUUID == id })
	next := at + 1
	if at >= 0 {
		p.At = before + int64(at) + 1
	} else {
		at = slices.IndexFunc(all, func(t coc.TicketSummary) bool { return t.Created.Before(created) })
		if at < 0 {
			at = len(all)
		}
		next = at
	}
	if at > 0 {
		p.Previous = f.neighbour(all[at-1])
	}
	if next < len(all) {
		p.Next = f.neighbour(all[next])
	}
	return p
}

func (f *Filter) neighbour(t coc.TicketSummary) templates.Neighbour {
	return templates.Neighbour{Name: ansi.VisibleLine(t.Name),
		Address: present.From(present.TicketAddress(string(t.ExecuteUUID)), f.from())}
}

// Next is the address of the ticket of the list that stands below one, or after the last one of the first; of the list
// where there is no other.
func (f *Filter) Next(s *watch.List, hides map[string]bool, after coc.ExecuteUUID) string {
	all, _, _ := f.tickets(s, hides)
	at := slices.IndexFunc(all, func(t coc.TicketSummary) bool { return t.ExecuteUUID == after })
	if rest := slices.Concat(all[at+1:], all[:max(at, 0)]); len(rest) > 0 {
		return f.neighbour(rest[0]).Address
	}
	return f.Address("")
}

func mustQuery(text string) url.Values {
	q, err := url.ParseQuery(text)
	if err != nil {
		return nil // it was just written
	}
	return q
}
