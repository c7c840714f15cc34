package search_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/query"
	"coc-console/audit/search"
)

// rowQueries are the filters that BenchmarkLargeRows measures with every preset.
func rowQueries() map[string]search.Query {
	common, rare := "person000", "person150"
	return map[string]search.Query{
		"all":                     {},
		"common-actor":            {Person: common},
		"confirmed":               {Outcome: query.Confirmed},
		"rejected":                {Outcome: query.Rejected},
		"rejected+common-actor":   {Outcome: query.Rejected, Person: common},
		"rejected+rare-actor":     {Outcome: query.Rejected, Person: rare},
		"common-actor+type":       {Person: common, Operation: "PAUSE"},
		"rare-actor+type":         {Person: rare, Operation: "RETRY"},
		"ticket+confirmed":        {Ticket: "SCT00000000000000003", Outcome: query.Confirmed},
		"common-word+rejected":    {Text: []string{"word0"}, Outcome: query.Rejected},
		"open+type":               {Outcome: audit.OutcomePending, Operation: "CANCEL"},
		"override+not-confirmed":  {Override: query.Yes, Outcome: query.NotConfirmed},
		"not-common-actor+denied": {Outcome: query.Denied, Not: []search.Filter{{Field: search.FieldActor, Value: common}}},
	}
}

// BenchmarkLargeRows measures what the grouped list of a large log asks for.
func BenchmarkLargeRows(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			o, n := large(b, engine), benchRecords(b)
			if !o.OnSQLite() {
				audittest.Execute(b, o.Tables, `VACUUM (ANALYZE) operation`)
			}
			tellSizes(b, o, n)
			all := rowQueries()
			for _, p := range search.Presets() {
				for _, name := range slices.Sorted(maps.Keys(all)) {
					q := all[name]
					q.Visible.All = true
					measure(b, fmt.Sprintf("rows/%s/%s", p, name), func(ctx context.Context) error { _, err := o.Index.Rows(ctx, q, p); return err })
				}
				q := search.Query{Visible: allOf}
				measure(b, fmt.Sprintf("half/%s", p), func(ctx context.Context) error {
					_, err := o.Index.Rows(ctx, search.Query{Visible: allOf, Before: int64(n / 2)}, p)
					return err
				})
				measure(b, fmt.Sprintf("count/%s", p), func(ctx context.Context) error { _, _, err := o.Index.CountRows(ctx, q, p); return err })
				measure(b, fmt.Sprintf("facets/%s", p), func(ctx context.Context) error { _, err := o.Index.RowFacets(ctx, q, p); return err })
				last, err := o.Record(b.Context(), int64(n))
				if err != nil {
					b.Fatal(err)
				}
				first, err := o.Record(b.Context(), 1)
				if err != nil {
					b.Fatal(err)
				}
				measure(b, fmt.Sprintf("activity/%s", p), func(ctx context.Context) error {
					_, err := o.Index.RowActivity(ctx, q, p, first.Time, last.Time.Add(time.Microsecond), 60)
					return err
				})
			}
		})
	}
}

// tellSizes writes how many bytes a record takes in each of the databases.
func tellSizes(b *testing.B, o *opened, n int) {
	b.Helper()
	if !o.OnSQLite() {
		return
	}
	for _, name := range []string{"audit.db", "search.db"} {
		var size int64
		for _, suffix := range []string{"", "-wal"} {
			if info, err := os.Stat(filepath.Join(o.DSN, name) + suffix); err == nil {
				size += info.Size()
			}
		}
		_, _ = fmt.Fprintf(os.Stderr, "%s: %d bytes a record, %d operations\n", name, size/int64(n),
			audittest.Number(b, o.Tables, `SELECT count(*) FROM operation`))
	}
}
