package listing

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/policy"
	"coc-console/internal/present"
)

// PerPage is the length of a page of the list. One more row is asked for: COC does not say whether there is another
// page (docs/coc-api.md 4.1).
const PerPage = 50

// ofScope is how many tickets are read where the scope is applied to what was read: the longest page that COC gives.
const ofScope = 100

// Attention is the state, of addresses alone, of tickets that wait for somebody; Any that of all, where an address
// without one would be the default list.
const (
	Attention = "attention"
	Any       = "any"
)

// Whose tickets a list shows.
const (
	ScopeAll  = ""
	ScopeMine = "mine" // those that the reader's user name has created
	ScopeTeam = "team" // those of whoever is in one of the reader's teams
)

// Scopes are whose tickets a list can show.
var Scopes = []string{ScopeAll, ScopeMine, ScopeTeam}

// Ranges are how far back a list may go, by their names in addresses.
var Ranges = map[string]time.Duration{"1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour,
	"30d": 30 * 24 * time.Hour}

// Names are the values that a list's address may have and a saved view keeps.
var Names = []string{"scope", "status", "creator", "name", "host", "from", "to", "range"}

// Filter chooses tickets. COC can choose by one creator, and whether it compares the name exactly is not documented
// (docs/coc-api.md section 4.1); a team is therefore chosen here, among the tickets that were read.
type Filter struct {
	Query coc.TicketQuery
	Scope string
	// Attention chooses the tickets that wait for somebody, whatever COC calls their states.
	Attention bool
	Back      string // a key of Ranges, in the place of Query.From
	Trail     string // the pages before this one, as an address has them
	Host      string // part of a server's name or address, or its id: COC does not filter by it
	// fits tells whether a creator is in the scope; nil = everybody is.
	fits func(creator string) bool
	// Partial says that only the tickets that were read were chosen from.
	Partial bool
	// Looked is how many tickets were looked through, where the older pages are, and LookedAll whether these are all.
	Looked    int
	LookedAll bool
	Class     string // of the readers to whom the scope is the same
	Alone     bool   // the reader is in no team
}

// New returns a filter of a page's length.
func New() Filter { return Filter{Query: coc.TicketQuery{Limit: PerPage + 1}} }

// For makes the scope that of a reader, who has an account.
func (f *Filter) For(me policy.Person, rules *policy.Rules) {
	name, account := me.UserName, me.AccountName
	switch f.Scope {
	case ScopeMine:
		f.fits, f.Class = func(creator string) bool { return creator == name }, name
		if f.Partial = f.Query.Creator != "" && f.Query.Creator != name; !f.Partial {
			f.Query.Creator = name
		}
	case ScopeTeam:
		teams := rules.Teams(me)
		f.Partial, f.Alone, f.Class, f.Query.Limit = true, len(teams) == 0, strings.Join(teams, "\x00"), ofScope
		f.fits = func(creator string) bool {
			// COC names a creator by the user name alone, and shows those of
			// the token's account: members by their ids are not found.
			return slices.ContainsFunc(rules.Teams(policy.Person{AccountName: account, UserName: creator}),
				func(t string) bool { return slices.Contains(teams, t) })
		}
	}
}

// Chosen are the tickets of the scope.
func (f *Filter) Chosen(all []coc.TicketSummary) []coc.TicketSummary {
	if f.fits == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(t coc.TicketSummary) bool { return !f.fits(t.Creator) })
}

// Passes reports whether a ticket is one of those chosen, but for its servers.
func (f *Filter) Passes(t coc.TicketSummary) bool {
	q := f.Query
	return (f.fits == nil || f.fits(t.Creator)) && (q.Status == "" || t.Status == q.Status) &&
		(!f.Attention || t.Waits()) && f.passes(t)
}

func (f *Filter) passes(t coc.TicketSummary) bool {
	q := f.Query
	return (q.Creator == "" || t.Creator == q.Creator) && strings.Contains(t.Name, q.NameLike) &&
		!t.Created.Before(q.From) && (q.To.IsZero() || !t.Created.After(q.To))
}

// waiting are those of the tickets that need attention which the filter lets through: COC does not filter them.
func (f *Filter) waiting(all []coc.TicketSummary) []coc.TicketSummary {
	return slices.DeleteFunc(slices.Clone(all), func(t coc.TicketSummary) bool { return !f.passes(t) })
}

// Values are the filter as an address has it, always written the same way.
func (f *Filter) Values() url.Values {
	q := url.Values{}
	creator := f.Query.Creator
	if f.Scope == ScopeMine && !f.Partial {
		creator = "" // the scope says it
	}
	status, from := string(f.Query.Status), present.Exact(f.Query.From)
	if f.Attention {
		status = Attention
	}
	if f.Back != "" {
		from = ""
	}
	for name, text := range map[string]string{"scope": f.Scope, "status": status, "creator": creator,
		"name": f.Query.NameLike, "host": f.Host, "from": from, "range": f.Back, "to": present.Exact(f.Query.To)} {
		if text != "" {
			q.Set(name, text)
		}
	}
	if len(q) == 0 {
		q.Set("status", Any)
	}
	return q
}

// Address is the list's, or what stands below it.
func (f *Filter) Address(below string) string { return present.Address("/tickets"+below, f.Values()) }

// With is the address of the list with one value changed.
func (f *Filter) With(name, value string) string {
	q := f.Values()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	if len(q) == 0 {
		q.Set("status", Any)
	}
	return present.Address("/tickets", q)
}

// Last is the key of the last row of a page that another follows, or empty.
func (f *Filter) Last(page coc.TicketPage) string {
	rows := page.Tickets
	switch {
	case f.Attention:
		return ""
	case f.Scope == ScopeTeam && len(rows) == ofScope:
		return present.Decimal(rows[len(rows)-1].OrderID)
	case f.Scope != ScopeTeam && len(rows) > PerPage:
		return present.Decimal(rows[PerPage-1].OrderID)
	}
	return ""
}

// Plain reports that COC is asked for all tickets.
func (f *Filter) Plain() bool { return f.Query == New().Query }

// Filtered reports whether anything but the scope narrows the list.
func (f *Filter) Filtered() bool {
	q := f.Values()
	q.Del("scope")
	if q.Get("status") == Any {
		q.Del("status")
	}
	return len(q) > 0
}
