package listing

import (
	"coc-console/internal/coc"
	"coc-console/internal/older"
	"coc-console/internal/watch"
)

// Deep reports that the list is narrowed by what COC can't filter by: then its older pages are looked through, too.
func (f *Filter) Deep() bool { return f.Scope == ScopeTeam && f.Query.Marker == 0 && !f.Attention }

// maxDeep is how many tickets such a list shows, the newest.
const maxDeep = 200

// Deepen is a snapshot with those tickets of the older pages that the filter chooses. How many were looked through is
// kept in the filter.
func (f *Filter) Deepen(s *watch.List, read older.Tickets) *watch.List {
	first := len(s.Page.Tickets)
	f.Looked, f.LookedAll = max(len(read.All), first), read.Done || int64(first) >= s.Page.Total
	shown := f.Chosen(s.Page.Tickets)
	last := int64(0)
	if n := len(s.Page.Tickets); n > 0 {
		last = s.Page.Tickets[n-1].OrderID
	}
	now := map[coc.ExecuteUUID]coc.TicketSummary{}
	for _, t := range s.Waiting {
		now[t.ExecuteUUID] = t
	}
	for _, t := range read.All {
		if len(shown) >= maxDeep {
			break
		}
		if t.OrderID < last && f.fits(t.Creator) {
			if newer, known := now[t.ExecuteUUID]; known {
				t = newer
			}
			shown = append(shown, t)
		}
	}
	deep := *s
	deep.Page.Tickets = shown
	return &deep
}

// CountTeam is how many of the tickets that were read are of the scope and not hidden; -1 until all were read.
func (f *Filter) CountTeam(read older.Tickets, sees func(coc.TicketSummary) bool) int64 {
	if !read.Done {
		return -1
	}
	n := int64(0)
	for _, t := range f.Chosen(read.All) {
		if sees(t) {
			n++
		}
	}
	return n
}
