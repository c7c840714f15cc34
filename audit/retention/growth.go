package retention

import (
	"context"
	"time"

	"coc-console/audit"
)

// Growth says how large a log is, how fast it grows, and when its disk is full.
type Growth struct {
	Bytes         int64     // of all databases
	Known         bool      // a day of records is needed: a log that is younger grew by what its start wrote
	RecordsPerDay float64   // of the last week, or since the log began
	BytesPerDay   float64   // RecordsPerDay of the mean size of those that are kept
	Full          time.Time // at that rate; zero: not known, or in more than a hundred years
}

const (
	growthWindow = 7 * 24 * time.Hour
	leastWindow  = 24 * time.Hour
)

// GrowthOf measures a log whose databases take so many bytes. It reads two dozen
// rows: cheap enough for a page and for each scrape of the metrics. Where the
// space of the log's disk is not known, as with PostgreSQL, Full is zero.
func GrowthOf(ctx context.Context, log *audit.Log, bytes int64, now time.Time) (Growth, error) {
	g := Growth{Bytes: bytes}
	f, err := log.Figures(ctx)
	if err != nil {
		return g, err
	}
	pruned, err := log.Pruned(ctx)
	if err != nil || f.Size == pruned {
		return g, err
	}
	from := now.Add(-growthWindow)
	before, err := lastBefore(ctx, log, f.Size, from.UnixMicro())
	if err != nil {
		return g, err
	}
	before = max(before, pruned)
	if before == f.Size { // nothing since
		g.Known = true
		return g, nil
	}
	first, known, err := log.TimeOf(ctx, before+1)
	if err != nil || !known {
		return g, err
	}
	if before == pruned { // all that is left is of the window
		from = time.UnixMicro(first)
	}
	if now.Sub(from) < leastWindow {
		return g, nil
	}
	days := now.Sub(from).Hours() / 24
	g.Known = true
	g.RecordsPerDay = float64(f.Size-before) / days
	g.BytesPerDay = g.RecordsPerDay * float64(bytes) / float64(f.Size-pruned)
	if left := float64(f.Space.Free) / g.BytesPerDay; f.Space.Total > 0 && g.BytesPerDay > 0 && left < 36500 {
		g.Full = now.Add(time.Duration(left * 24 * float64(time.Hour)))
	}
	return g, nil
}
