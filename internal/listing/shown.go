package listing

import (
	"cmp"
	"strings"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// Tabs are the choices of what is listed.
func (f *Filter) Tabs(team bool) []templates.Tab {
	status := f.Values().Get("status")
	running, anybodys := string(coc.TicketProcessing), f.Scope == ScopeAll
	all := []templates.Tab{
		{Name: "attention", Address: "/tickets?status=" + Attention, Selected: anybodys && status == Attention},
		{Name: "running", Address: "/tickets?status=" + running, Selected: anybodys && status == running},
		{Name: "mine", Address: "/tickets?scope=" + ScopeMine, Selected: f.Scope == ScopeMine},
	}
	if team {
		all = append(all, templates.Tab{Name: "team", Address: "/tickets?scope=" + ScopeTeam,
			Selected: f.Scope == ScopeTeam})
	}
	return append(all, templates.Tab{Name: "all", Address: "/tickets?status=" + Any,
		Selected: anybodys && (status == "" || status == Any)})
}

// Shown is the filter as the page shows it: what can be taken away, and what the form sends along.
func (f *Filter) Shown(t *i18n.Texts) templates.TicketFilter {
	q := f.Values()
	out := templates.TicketFilter{Scope: f.Scope, Cleared: (&Filter{Scope: f.Scope}).Address("")}
	for _, name := range Names {
		if q.Get(name) != "" {
			out.Set = append(out.Set, templates.Attribute{Name: name, Value: q.Get(name)})
		}
	}
	chip := func(key, name, text string) {
		if text != "" {
			out.Chips = append(out.Chips, templates.Chip{Key: key, Text: text, Without: f.With(name, "")})
		}
	}
	if status := q.Get("status"); status != "" && status != Any {
		chip("state", "status", cmp.Or(t.List.Tabs[status], t.Word.TicketStatus.Of(status)))
	}
	chip("name", "name", q.Get("name"))
	chip("creator", "creator", q.Get("creator"))
	chip("host", "host", q.Get("host"))
	chip("after", "from", q.Get("from"))
	chip("before", "to", q.Get("to"))
	for _, name := range []string{"1h", "24h", "7d", "30d"} {
		g := *f
		g.Back, g.Query.From = name, time.Time{}
		out.Ranges = append(out.Ranges, templates.Range{Name: name, Address: g.Address(""), Selected: f.Back == name})
	}
	g := *f
	g.Back, g.Query.From, g.Query.To = "", time.Time{}, time.Time{}
	out.Ranges = append(out.Ranges, templates.Range{Name: "all", Address: g.Address(""),
		Selected: f.Back == "" && f.Query.From.IsZero() && f.Query.To.IsZero()})
	return out
}

// Page is what a snapshot shows to those from whom the rules hide some tickets, by their ids, or from whom COC hides
// how far tickets are.
func (f *Filter) Page(s *watch.List, hides map[string]bool, narrow bool, t *i18n.Texts) templates.Tickets {
	if narrow {
		s = &watch.List{Meta: s.Meta, Page: s.Page, Waiting: s.Waiting, WaitingTotal: s.WaitingTotal}
	}
	page := templates.Tickets{Frame: templates.Frame{Here: f.Address("")}, Total: s.Page.Total, ReadAt: s.At,
		Filter: templates.TicketFilter{Scope: f.Scope}, Filtered: f.Filtered()}
	all := s.Page.Tickets
	if f.Attention {
		all = f.waiting(s.Waiting)
		page.Total = int64(len(f.Chosen(all)))
	} else if f.Scope != ScopeTeam {
		all = all[:min(len(all), PerPage)]
	}
	if last := f.Last(s.Page); last != "" && f.Looked == 0 {
		q := f.Values()
		q.Set("after", last)
		page.Pager.Older = present.Address("/tickets", q)
	}
	if f.Partial && !f.Attention {
		page.Read = len(all)
		page.Looked, page.LookedAll = f.Looked, f.LookedAll
	}
	if f.Alone {
		page.Filter.Scope = "alone"
	}
	page.Rows, page.Hidden = rows(s, f.Chosen(all), hides)
	from := f.from()
	for i := range page.Rows {
		page.Rows[i].Address = present.From(page.Rows[i].Address, from)
	}
	page.Narrow = narrow && len(page.Rows) > 0 // an empty list tells nobody what they may
	page.Live.Title = t.Title.Tickets
	if f.Query.Marker == 0 {
		page.Decisions = f.Decisions(s, hides)
		page.Icon = page.Decisions.Icon
		if n := page.Decisions.Count; n > 0 {
			page.Live.Title = t.List.Title(n, page.Live.Title)
		}
	}
	// A list is read seldom: whoever waits for a second failure believes old rows for a minute.
	if s.Trouble != nil {
		page.Trouble = present.TroubleOf(s.Trouble, false, &t.Problem)
	}
	return page
}

// rows are the rows of tickets, without those that are hidden.
func rows(s *watch.List, all []coc.TicketSummary, hides map[string]bool) (rows []templates.TicketRow, hidden int) {
	for _, t := range all {
		if hides[string(t.ExecuteUUID)] {
			hidden++
			continue
		}
		rows = append(rows, rowOf(s, t))
	}
	return rows, hidden
}

func rowOf(s *watch.List, t coc.TicketSummary) templates.TicketRow {
	row := present.TicketRow(t, s.At)
	known, ok := s.Figures[t.ExecuteUUID]
	if !ok || known.Total == 0 {
		return row
	}
	row.Counts, row.Total, row.Failed = present.Counts(known.Statistics), known.Total, known.Failed()
	row.Batch, row.Batches = known.Batch()
	for _, c := range known.Counts {
		if c.Status.Terminal() {
			row.Done += c.Count
		}
	}
	return row
}

// Decisions count the tickets that wait for somebody, whatever the list is narrowed to.
func (f *Filter) Decisions(s *watch.List, hides map[string]bool) *templates.Decisions {
	waiting, _ := rows(s, s.Waiting, hides)
	more := s.WaitingTotal - int64(len(s.Waiting))
	d := &templates.Decisions{Count: int64(len(waiting)) + more, Icon: present.IconOf(waiting)}
	if f.Attention && more > 0 {
		all := Filter{Scope: f.Scope}
		d.Abnormal, d.Paused = all.With("status", string(present.FailedWord(s.Waiting))),
			all.With("status", string(coc.TicketPaused))
	}
	return d
}

// Hides reads the ids that a class of readers names.
func Hides(ids string) map[string]bool {
	hides := map[string]bool{}
	for id := range strings.FieldsSeq(ids) {
		hides[id] = true
	}
	return hides
}
