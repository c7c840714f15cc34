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
	zone := i18n.ZoneFrom(ctx)
	var facets search.Facets
	var total templates.Total
	var chart *templates.Chart
	var errs [3]error
	var all sync.WaitGroup
	all.Go(func() { facets, errs[0] = s.Index.Facets(limited, q) })
	all.Go(func() { // how many there are decides how the chart is counted
		if total, errs[1] = s.Total(limited, q); errs[1] == nil {
			chart, errs[2] = s.chart(limited, q, zone)
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
		page.Facets, page.Chart, page.Active = FacetsOf(q, facets), chart, ActiveFilters(search.PresetEverything, q)
		return nil
	}
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

// chart counts a query's matches over its time; nil where there is none.
func (s Summary) chart(ctx context.Context, q search.Query, zone *time.Location) (*templates.Chart, error) {
	from, to, bars, err := s.chartSpan(ctx, q, zone)
	if err != nil || bars == 0 {
		return nil, err
	}
	counted, err := s.Index.Activity(ctx, q, from, to, bars)
	if err != nil {
		return nil, err
	}
	if now := s.Now(); q.To.IsZero() && from.Before(now) { // the last bar is not over: the chart ends now
		to = earlier(to, now)
		for i := range counted {
			counted[i].To = earlier(counted[i].To, now)
		}
	}
	chart := &templates.Chart{From: from, To: to, Now: q.To.IsZero()}
	for _, b := range counted {
		part := q
		part.From, part.To = b.From.In(zone), b.To.In(zone)
		chart.Bars = append(chart.Bars,
			templates.Bar{From: b.From, To: b.To, Count: b.Count, More: b.More, Address: AuditAddress(part)})
	}
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
	all.Go(func() {
		var n int
		n, total.More, errs[1] = s.Index.CountRows(limited, q, v)
		total.Count = int64(n)
	})
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

// rowChart counts a view's rows over time, by outcome; nil where there is no time to count over.
func (s Summary) rowChart(ctx context.Context, v View, q search.Query) (*templates.Chart, error) {
	from, to, bars, err := s.chartSpan(ctx, q, i18n.ZoneFrom(ctx))
	if err != nil || bars == 0 {
		return nil, err
	}
	counted, err := s.Index.RowActivity(ctx, q, v, from, to, bars)
	if err != nil {
		return nil, err
	}
	chart := &templates.Chart{From: from, To: to}
	if now := s.Now(); q.To.IsZero() && from.Before(now) {
		chart.To, chart.Now = earlier(to, now), true
		for i := range counted {
			counted[i].To = earlier(counted[i].To, now)
		}
	}
	chart.Bars = RowBars(v, q, counted)
	return chart, nil
}
