package report

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Address is the page's.
const Address = "/audit/report"

// Default is the period of a report that nobody chose: the last seven days.
func Default(now time.Time) Period {
	today := now.UTC().Truncate(24 * time.Hour)
	return Period{today.AddDate(0, 0, -6), today.AddDate(0, 0, 1)}
}

// Page fills the page. Its frame is the caller's.
func Page(ctx context.Context, page templates.Report, p Period, now time.Time) templates.Report {
	t := i18n.Report.T(ctx)
	page.From, page.To = p.Days()
	today := now.UTC().Truncate(24 * time.Hour)
	month := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	for _, preset := range []struct {
		label string
		Period
	}{
		{t.Yesterday, Period{today.AddDate(0, 0, -1), today}}, {t.Week, Default(now)},
		{t.Month, Period{today.AddDate(0, 0, -29), today.AddDate(0, 0, 1)}},
		{t.LastMonth, Period{month.AddDate(0, -1, 0), month}},
	} {
		page.Presets = append(page.Presets, templates.ReportPreset{Label: preset.label,
			Address: present.Address(Address, preset.address()), Chosen: preset.Period == p})
	}
	page.CSV = present.Address(Address, p.address()) + "&table="
	return page
}

func (p Period) address() url.Values {
	from, to := p.Days()
	return url.Values{"from": {from}, "to": {to}}
}

// readLimit is how long a report may take.
const readLimit = 30 * time.Second

// Asked is a report that somebody asks for.
type Asked struct {
	Query   url.Values // of the address: from and to
	Visible search.Visibility
	Teams   func(audit.Actor) []string
	Now     time.Time
}

// Fill reads the report into a page whose frame is the caller's, and returns the
// page's status.
func (a Asked) Fill(ctx context.Context, in *search.Index, page *templates.Report) (status int, err error) {
	t := i18n.Report.T(ctx)
	from, to := Default(a.Now).Days() // what the address leaves out, as the command does
	period, ok := ParsePeriod(cmp.Or(a.Query.Get("from"), from), cmp.Or(a.Query.Get("to"), to))
	if !ok {
		period, page.Wrong = Default(a.Now), t.WrongPeriod
	}
	*page = Page(ctx, *page, period, a.Now)
	if !ok {
		return http.StatusUnprocessableEntity, nil
	}
	limited, stop := context.WithTimeout(ctx, readLimit)
	defer stop()
	r, err := Read(limited, in, period, a.Visible)
	switch {
	case errors.Is(err, ErrTooMany), err != nil && limited.Err() != nil && ctx.Err() == nil:
		page.Wrong = t.TooMany
		return http.StatusUnprocessableEntity, nil // the reader is told
	case err != nil:
		return 0, err
	}
	page.Tables = r.Tables(ctx, a.Teams)
	return http.StatusOK, nil
}

// File is the sending of one of a page's tables as a file; false where there is
// no such table.
func File(page templates.Report, id string, to http.ResponseWriter) (send func() error, found bool) {
	i := slices.IndexFunc(page.Tables, func(t templates.ReportTable) bool { return t.ID == id })
	if i < 0 {
		return nil, false
	}
	return func() error {
		to.Header().Set("Content-Type", "text/csv; charset=utf-8")
		to.Header().Set("Content-Disposition", `attachment; filename="report-`+id+"-"+page.From+"_"+page.To+`.csv"`)
		return CSV(to, page.Tables[i])
	}, true
}
