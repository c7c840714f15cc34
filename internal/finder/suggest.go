package finder

import (
	"slices"
	"strings"

	"coc-console/internal/coc"
)

// Hosts are names of servers that have a text, in order, of the tickets of a scope that were read lately and that sees
// lets through. It reads nothing.
func (f *Finder) Hosts(of Scope, part string, most int, sees func(coc.Ticket) bool) (names []string) {
	part = strings.ToLower(part)
	for _, k := range f.index.recent(of, f.now()) {
		if !sees(ticketOf(k.TicketSummary)) {
			continue
		}
		for _, h := range k.hosts {
			if strings.Contains(strings.ToLower(h.Name), part) {
				names = append(names, h.Name)
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), most)]
}
