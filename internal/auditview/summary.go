package auditview

import (
	"context"
	"errors"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// Summary counts what stands beside a list of the log: values, a total, and a chart.
type Summary struct {
	Log   *audit.Log
	Index *search.Index
	Now   func() time.Time
}

// summaryLimit is how long what stands above a list may take. After that the
// list stands alone.
const summaryLimit = time.Second

// Records counts what a query finds, beside the search for its page: by
// values, and over time. The returned function waits for it.
func (s Summary) Records(ctx context.Context, q search.Query, page *templates.Audit) (wait func() error) {
	limited, stop := context.WithTimeout(ctx, summaryLimit)
	var facets search.Facets
	var names map[string]string
	var total templates.Total
	var chart *templates.Chart
	var errs [3]error
	var all sync.WaitGroup
	all.Go(func() { facets, names, errs[0] = s.facets(limited, q) })
	all.Go(func() { // how many there are decides how the chart is counted
		if total, errs[1] = s.Total(limited, q); errs[1] == nil {
			chart, errs[2] = s.chart(limited, q)
		}
	})
	return func() error {
		defer stop()
		all.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			if limited.Err() != nil && ctx.Err() == nil {
				page.Uncounted = true
				return nil
			}
			return err
		}
		if page.Total = total; facets.More {
			page.Counted = facets.Counted
		}
		page.Facets, page.Chart = FacetsOf(q, facets, names), chart
		page.Active = ActiveFilters(search.PresetEverything, q)
		return nil
	}
}

// facets are the values that records have, and the names of the tickets among
// them.
func (s Summary) facets(ctx context.Context, q search.Query) (f search.Facets, names map[string]string, err error) {
	if f, err = s.Index.Facets(ctx, q); err != nil {
		return f, nil, err
	}
	var tickets []string
	for _, t := range f.Tickets {
		tickets = append(tickets, t.Value)
	}
	names, err = s.Index.TicketNames(ctx, q.Visible, tickets)
	return f, names, err
}

// Total is how many records a query finds. Without a query that is known
// without counting.
func (s Summary) Total(ctx context.Context, q search.Query) (templates.Total, error) {
	if q.String() != "" || !q.Visible.All {
		n, more, err := s.Index.Count(ctx, q)
		return templates.Total{Count: int64(n), More: more}, err
	}
	pruned, err := s.Log.Pruned(ctx)
	if err != nil {
		return templates.Total{}, err
	}
	size, err := s.Log.Size(ctx)
	return templates.Total{Count: size - pruned}, err
}

// chart counts the records of a query over its time, by outcome; nil where there is none.
func (s Summary) chart(ctx context.Context, q search.Query) (*templates.Chart, error) {
	return s.chartOf(ctx, search.PresetEverything, q, s.Index.Activity)
}

// rowChart counts a view's rows over time, by outcome; nil where there is no time to count over.
func (s Summary) rowChart(ctx context.Context, v View, q search.Query) (*templates.Chart, error) {
	return s.chartOf(ctx, v, q,
		func(ctx context.Context, q search.Query, from, to time.Time, bars int) ([]search.Bar, error) {
			return s.Index.RowActivity(ctx, q, v, from, to, bars)
		})
}

// counting counts what a query finds in each of some bars.
type counting func(ctx context.Context, q search.Query, from, to time.Time, bars int) ([]search.Bar, error)

func (s Summary) chartOf(ctx context.Context, v View, q search.Query, count counting) (*templates.Chart, error) {
	zone := i18n.ZoneFrom(ctx)
	from, to, bars, err := s.chartSpan(ctx, q, zone)
	if err != nil || bars == 0 {
		return nil, err
	}
	counted, err := count(ctx, q, from, to, bars)
	if err != nil {
		return nil, err
	}
	chart := &templates.Chart{From: from, To: to}
	if now := s.Now(); q.To.IsZero() && from.Before(now) { // the last bar is not over: the chart ends now
		chart.To, chart.Now = earlier(to, now), true
		for i := range counted {
			counted[i].To = earlier(counted[i].To, now)
		}
	}
	for i := range counted {
		counted[i].From, counted[i].To = counted[i].From.In(zone), counted[i].To.In(zone)
	}
	chart.Bars = Bars(v, q, counted)
	return chart, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// chartSpan is the time that a chart covers: the query's, and where that has no
// beginning or end, the log's, widened to whole bars.
func (s Summary) chartSpan(ctx context.Context, q search.Query, zone *time.Location) (from, to time.Time, bars int,
	err error) {
	from, to = q.From, q.To
	if from.IsZero() {
		if from, err = s.beginning(ctx); err != nil || from.IsZero() {
			return from, to, 0, err
		}
	}
	if to.IsZero() {
		to = s.Now().Add(time.Second)
	}
	if !from.Before(to) {
		return from, to, 0, nil
	}
	from, to, bars = WholeBars(from, to, q, zone)
	return from, to, bars, nil
}

// beginning is the time of the first record that there is; zero without one.
func (s Summary) beginning(ctx context.Context) (time.Time, error) {
	pruned, err := s.Log.Pruned(ctx)
	if err != nil {
		return time.Time{}, err
	}
	r, err := s.Log.Record(ctx, pruned+1)
	if errors.Is(err, audit.ErrNotFound) {
		return time.Time{}, nil
	}
	return r.Time, err
}

// Rows counts what a view has, beside the search for its page. The returned function waits for it.
func (s Summary) Rows(ctx context.Context, v View, q search.Query,
	page *templates.Audit) (wait func() error) {
	limited, stop := context.WithTimeout(ctx, summaryLimit)
	var facets search.RowFacets
	var total templates.Total
	var chart *templates.Chart
	var errs [3]error
	var all sync.WaitGroup
	all.Go(func() { facets, errs[0] = s.Index.RowFacets(limited, q, v) })
	all.Go(func() { total, errs[1] = s.TotalRows(limited, q, v) })
	all.Go(func() { chart, errs[2] = s.rowChart(limited, v, q) })
	return func() error {
		defer stop()
		all.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			if limited.Err() != nil && ctx.Err() == nil {
				page.Uncounted = true
				return nil
			}
			return err
		}
		if page.Total = total; facets.More {
			page.Counted = facets.Counted
		}
		page.Facets, page.Chart = RowFacets(v, q, facets), chart
		page.Active = ActiveFilters(v, q)
		return nil
	}
}

// TotalRows is how many rows of a view a query finds.
func (s Summary) TotalRows(ctx context.Context, q search.Query, v View) (templates.Total, error) {
	n, more, err := s.Index.CountRows(ctx, q, v)
	return templates.Total{Count: int64(n), More: more}, err
}
