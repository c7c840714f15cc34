package handlers

import (
	"context"
	"errors"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// summaryLimit is how long what stands above a list may take. After that the
// list stands alone.
const summaryLimit = time.Second

// summarize counts what a query finds, beside the search for its page: by
// values, and over time. The returned function waits for it.
func (h *Handlers) summarize(ctx context.Context, q search.Query, page *templates.Audit) (wait func() error) {
	limited, stop := context.WithTimeout(ctx, summaryLimit)
	zone := i18n.ZoneFrom(ctx)
	var facets search.Facets
	var total templates.Total
	var chart *templates.Chart
	var errs [3]error
	var all sync.WaitGroup
	all.Go(func() { facets, errs[0] = h.index.Facets(limited, q) })
	all.Go(func() { // how many there are decides how the chart is counted
		if total, errs[1] = h.total(limited, q); errs[1] == nil {
			chart, errs[2] = h.chart(limited, q, zone)
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
		page.Facets, page.Chart, page.Active = present.FacetsOf(q, facets), chart, present.ActiveFilters(q)
		return nil
	}
}

// total is how many records a query finds. Without a query that is known
// without counting.
func (h *Handlers) total(ctx context.Context, q search.Query) (templates.Total, error) {
	if q.String() != "" || !q.Visible.All {
		n, more, err := h.index.Count(ctx, q)
		return templates.Total{Count: int64(n), More: more}, err
	}
	pruned, err := h.log.Pruned(ctx)
	if err != nil {
		return templates.Total{}, err
	}
	size, err := h.log.Size(ctx)
	return templates.Total{Count: size - pruned}, err
}

// chart counts a query's matches over its time; nil where there is none.
func (h *Handlers) chart(ctx context.Context, q search.Query, zone *time.Location) (*templates.Chart, error) {
	from, to, bars, err := h.chartSpan(ctx, q, zone)
	if err != nil || bars == 0 {
		return nil, err
	}
	counted, err := h.index.Activity(ctx, q, from, to, bars)
	if err != nil {
		return nil, err
	}
	if now := h.now(); q.To.IsZero() && from.Before(now) { // the last bar is not over: the chart ends now
		to = earlier(to, now)
		for i := range counted {
			counted[i].To = earlier(counted[i].To, now)
		}
	}
	chart := &templates.Chart{From: from, To: to}
	for _, b := range counted {
		part := q
		part.From, part.To = b.From.In(zone), b.To.In(zone)
		chart.Bars = append(chart.Bars,
			templates.Bar{From: b.From, To: b.To, Count: b.Count, More: b.More, Address: present.AuditAddress(part)})
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
func (h *Handlers) chartSpan(ctx context.Context, q search.Query, zone *time.Location) (from, to time.Time, bars int,
	err error) {
	from, to = q.From, q.To
	if from.IsZero() {
		if from, err = h.beginning(ctx); err != nil || from.IsZero() {
			return from, to, 0, err
		}
	}
	if to.IsZero() {
		to = h.now().Add(time.Second)
	}
	if !from.Before(to) {
		return from, to, 0, nil
	}
	from, to, bars = present.WholeBars(from, to, q, zone)
	return from, to, bars, nil
}

// beginning is the time of the first record that there is; zero without one.
func (h *Handlers) beginning(ctx context.Context) (time.Time, error) {
	pruned, err := h.log.Pruned(ctx)
	if err != nil {
		return time.Time{}, err
	}
	r, err := h.log.Record(ctx, pruned+1)
	if errors.Is(err, audit.ErrNotFound) {
		return time.Time{}, nil
	}
	return r.Time, err
}

// maxFindings is how many findings of the verification a page lists.
const maxFindings = 20

// integrity is how the log's verification stands, for managers.
func (h *Handlers) integrity(ctx context.Context, v Viewer) *templates.Integrity {
	if !v.Manager {
		return nil
	}
	verified := h.verifier.Status()
	i := &templates.Integrity{VerifiedAt: verified.At, Verified: verified.Size, All: verified.All, Running: verified.Running,
		Done: verified.Done, Of: verified.Total, Failed: verified.Err != nil, Origin: h.log.Origin(), PublicKey: h.log.PublicKey()}
	if every := h.verifier.Every(); every > 0 && !verified.At.IsZero() {
		i.Next = verified.At.Add(every)
	}
	for _, f := range verified.Findings[:min(len(verified.Findings), maxFindings)] {
		i.Findings = append(i.Findings, present.Finding(f))
	}
	i.MoreFindings = len(verified.Findings) - len(i.Findings)
	if signed, err := h.log.Checkpoint(ctx); err == nil { // whatever is wrong with it is warned of by Health
		i.Signed, i.SignedAt = signed.Size, signed.Time
	}
	for _, a := range h.log.Anchors() {
		state := templates.AnchorState{Name: ansi.VisibleLine(a.Name), Size: a.Size, At: a.At, Failed: a.Err != nil}
		if a.Late(h.now()) {
			state.Pending = a.Pending
		}
		i.Anchors = append(i.Anchors, state)
	}
	return i
}
