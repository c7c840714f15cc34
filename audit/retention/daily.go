package retention

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
)

// Daily removes what is older than Keep, once a day by whichever console of a
// database comes first: the log itself says when that was.
type Daily struct {
	Index  *search.Index
	Keep   time.Duration
	Now    func() time.Time
	Logger *slog.Logger

	last time.Time // when this console looked last
}

// day is a little less, so that a console that looks hourly finds the same hour
// again.
const day = 24*time.Hour - time.Minute

// Run removes what is too old, unless that was done within a day. It is called
// now and then, by one goroutine.
func (d *Daily) Run(ctx context.Context) error {
	now := d.Now()
	if now.Sub(d.last) < day {
		return nil
	}
	newest, err := d.Index.Search(ctx, search.Query{Action: audit.ActionAuditPruned, Limit: 1,
		Visible: search.Visibility{All: true}})
	if err != nil {
		return err
	}
	if len(newest.Records) > 0 && now.Sub(newest.Records[0].Time) < day {
		return nil
	}
	before, err := d.Index.Log().Pruned(ctx)
	if err != nil {
		return err
	}
	mark, err := Prune(ctx, d.Index, now.Add(-d.Keep), audit.Actor{})
	switch {
	case errors.Is(err, ErrUnderWay):
		return nil
	case err != nil:
		return err
	case mark > before:
		d.Logger.Info("old records removed", "up to", mark, "keep", d.Keep.String())
	}
	d.last = now
	return nil
}
