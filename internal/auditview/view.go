package auditview

import (
	"net/url"
	"strings"
	"time"

	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/present"
	"coc-console/templates"
)

// View is what a list of the log shows: operations as one row each, by the
// presets of grouped searches, or every record.
type View = search.Preset

// viewOf is the view that an address names. One without it that narrows the
// search is from before there were views, and means records.
func (f *LogForm) viewOf() View {
	for _, v := range search.Presets() {
		if f.values.Get("view") == string(v) {
			return v
		}
	}
	for _, name := range append(auditFilters(), "before", "after", "was") {
		if f.values.Has(name) && name != "view" {
			return search.PresetEverything
		}
	}
	return search.PresetOperations
}

// View is what the address asks to see.
func (f *LogForm) View() View { return f.viewOf() }

// ViewAddress is a view of what a search as text finds.
func ViewAddress(v View, text string) string {
	q := url.Values{}
	if text != "" {
		q.Set("q", text)
	}
	assumed := search.PresetOperations // of an address without a view
	if text != "" {
		assumed = search.PresetEverything
	}
	if v != assumed {
		q.Set("view", string(v))
	}
	return present.Address("/audit", q)
}

// savedView begins what is kept of a search that was saved in another view than that of every record. It is no
// qualifier.
const savedView = "view:"

// Saved is a search of a view as it is kept.
func Saved(v View, text string) string {
	if v == search.PresetEverything {
		return text
	}
	return savedView + string(v) + " " + text
}

// OfSaved is what was kept, as the page shows it.
func OfSaved(s templates.SavedSearch) templates.SavedSearch {
	s.View = string(search.PresetEverything)
	for _, v := range search.Presets() {
		if text, ok := strings.CutPrefix(s.Query, savedView+string(v)+" "); ok {
			s.Query, s.View = text, string(v)
		}
	}
	s.Address = ViewAddress(View(s.View), s.Query)
	return s
}

// Tabs are the views, each with what the query finds there.
func Tabs(now View, q search.Query) []templates.AuditTab {
	var all []templates.AuditTab
	for _, v := range search.Presets() {
		all = append(all, templates.AuditTab{View: string(v), Address: ViewAddress(v, QueryText(q)), Current: v == now})
	}
	return all
}

// span is a range of times that a button sets.
type span struct {
	name     string
	from, to time.Time // to is zero where it ends now
}

// spans are the ranges that buttons set: since midnight, the night before, and seven days.
func (f *LogForm) spans(now time.Time) []span {
	y, m, d := now.In(f.zone).Date()
	midnight := func(days int) time.Time {
		return query.Local(time.Date(y, m, d+days, 0, 0, 0, 0, time.UTC), f.zone, false)
	}
	evening, morning := f.language.Night.Last(now, f.zone)
	return []span{{"today", midnight(0), time.Time{}}, {"night", evening, morning}, {"week", midnight(-6), time.Time{}}}
}

// Ranges are buttons that set a query's times.
func (f *LogForm) Ranges(q search.Query, now time.Time) []templates.AuditRange {
	v := f.viewOf()
	var all []templates.AuditRange
	for _, s := range f.spans(now) {
		r := templates.AuditRange{Name: s.name, Current: q.From.Equal(s.from) && q.To.Equal(s.to)}
		part := q
		part.From, part.To, part.Before, part.After = s.from, s.to, 0, 0
		if r.Current {
			part.From, part.To = time.Time{}, time.Time{}
		}
		r.Address = ViewAddress(v, QueryText(part))
		all = append(all, r)
	}
	return all
}

// RangeAddress is the address with exact times of a range by its name; false for
// none.
func (f *LogForm) RangeAddress(now time.Time) (string, bool) {
	for _, s := range f.spans(now) {
		if f.values.Get("range") == s.name {
			q, err := f.language.Parse(f.Value("q"))
			if err != nil {
				return "", false
			}
			q.From, q.To = s.from, s.to
			v := f.viewOf()
			if !f.values.Has("view") {
				v = search.PresetOperations
			}
			return ViewAddress(v, QueryText(q)), true
		}
	}
	return "", false
}
