package search_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
)

// benchRecords is how many records the search benchmarks have: 200,000, or what
// COC_CONSOLE_BENCH_RECORDS says.
func benchRecords(b *testing.B) int {
	b.Helper()
	text := os.Getenv("COC_CONSOLE_BENCH_RECORDS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// large opens a log with many records, all followed. With COC_CONSOLE_BENCH_FOLDER
// SQLite's is kept there for the next time.
func large(b *testing.B, engine string) *opened {
	b.Helper()
	n, dsn := benchRecords(b), ""
	if folder := os.Getenv("COC_CONSOLE_BENCH_FOLDER"); folder != "" && engine == audittest.SQLite {
		dsn = filepath.Join(folder, fmt.Sprintf("log-of-%d", n))
	} else {
		dsn = audittest.Fresh(b, engine)
	}
	o := open(b, dsn, audittest.Signing)
	resume := o.PauseFollower(b)
	start := time.Now()
	size, err := o.Size(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if size < int64(n) {
		o.Fill(b, n-int(size), audittest.Busy())
	}
	filled := time.Now()
	resume()
	o.CaughtUp(b)
	_, _ = fmt.Fprintf(os.Stderr, "%s: %d records written in %v, followed in %v\n", engine, n, filled.Sub(start).Round(time.Millisecond), time.Since(filled).Round(time.Millisecond))
	if !o.OnSQLite() {
		audittest.Execute(b, o.Tables, `VACUUM (ANALYZE) record`) // as PostgreSQL does by itself, a minute later
	}
	return o
}

// searches are those that BenchmarkLargeSearch measures.
func searches(n int) map[string]search.Query {
	common, rare := "person000", "person150"
	return map[string]search.Query{
		"newest":                 {},
		"one/common-actor":       {Person: common},
		"one/rare-actor":         {Person: rare},
		"one/ticket":             {Ticket: "SCT00000000000000100"},
		"one/failed":             {Outcome: audit.OutcomeFailed},
		"one/not-succeeded":      {Not: []search.Filter{{Field: search.FieldOutcome, Value: "succeeded"}}},
		"one/not-common-actor":   {Not: []search.Filter{{Field: search.FieldActor, Value: common}}},
		"two/common-common":      {Person: common, Action: "operation."},
		"two/failed-common":      {Person: common, Outcome: audit.OutcomeFailed},
		"two/failed-rare":        {Person: rare, Outcome: audit.OutcomeFailed},
		"two/rare-rare":          {Person: rare, Ticket: "SCT00000000000000007"},
		"two/ticket-common":      {Ticket: "SCT00000000000000003", Person: common},
		"depth/common-half":      {Person: common, Before: int64(n / 2)},
		"depth/failed-tenth":     {Outcome: audit.OutcomeFailed, Before: int64(n / 10)},
		"text/common-word":       {Text: []string{"word0"}},
		"text/rare-word":         {Text: []string{"word4321"}},
		"text/phrase":            {Text: []string{"word0 word1"}},
		"text/prefix":            {Text: []string{"word432*"}},
		"text/chinese":           {Text: []string{"重启实例"}},
		"text/two-words":         {Text: []string{"word1", "word2"}},
		"text+/common-rareactor": {Text: []string{"word0"}, Person: rare},
		"text+/common-actor":     {Text: []string{"word0"}, Person: common},
		"text+/chinese-failed":   {Text: []string{"重启"}, Outcome: audit.OutcomeFailed},
		"text+/not-word":         {Text: []string{"word0"}, Not: []search.Filter{{Field: search.FieldText, Value: "word1"}}},
		"reader":                 {Visible: search.Visibility{UserID: fmt.Sprintf("%032x", 150), Tickets: []string{"SCT00000000000000003", "SCT00000000000000100"}}},
	}
}

// BenchmarkLargeSearch measures what the pages of a large log ask for. p95-µs
// is what nineteen of twenty take at most; cpu-µs is what a call takes of the
// processors, whoever else uses them.
func BenchmarkLargeSearch(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			o, n := large(b, engine), benchRecords(b)
			all := searches(n)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				q := all[name]
				q.Visible.All = q.Visible.UserID == ""
				measure(b, "page/"+name, func(ctx context.Context) error { _, err := o.Index.Search(ctx, q); return err })
				measure(b, "count/"+name, func(ctx context.Context) error {
					o.Index.ForgetSummaries()
					_, _, err := o.Index.Count(ctx, q)
					return err
				})
			}
			measure(b, "facets/all", func(ctx context.Context) error {
				o.Index.ForgetSummaries()
				_, err := o.Index.Facets(ctx, search.Query{Visible: allOf})
				return err
			})
			failed := search.Query{Outcome: audit.OutcomeFailed, Visible: allOf}
			measure(b, "facets/failed", func(ctx context.Context) error {
				o.Index.ForgetSummaries()
				_, err := o.Index.Facets(ctx, failed)
				return err
			})
			measure(b, "facets/failed-again", func(ctx context.Context) error { _, err := o.Index.Facets(ctx, failed); return err })
			first, err := o.Record(b.Context(), 1)
			if err != nil {
				b.Fatal(err)
			}
			last, err := o.Record(b.Context(), int64(n))
			if err != nil {
				b.Fatal(err)
			}
			for name, q := range map[string]search.Query{"all": {Visible: allOf}, "failed": failed, "word": {Text: []string{"word0"}, Visible: allOf}} {
				measure(b, "activity/"+name, func(ctx context.Context) error {
					o.Index.ForgetSummaries()
					_, err := o.Index.Activity(ctx, q, first.Time, last.Time, 60)
					return err
				})
			}
			measure(b, "complete/ticket", func(ctx context.Context) error {
				_, err := o.Index.Complete(ctx, search.FieldTicket, "sct000", allOf)
				return err
			})
		})
	}
}

// BenchmarkReindex builds the search tables of a large log again.
func BenchmarkReindex(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			o, n := large(b, engine), benchRecords(b)
			before := audittest.CPUTime(b)
			for b.Loop() {
				if err := o.Index.Reindex(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((audittest.CPUTime(b)-before).Microseconds())/float64(n*b.N), "cpu-µs/record")
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

var allOf = search.Visibility{All: true}

// measure calls f until it has taken long enough to tell, and reports how long
// a call took.
func measure(b *testing.B, name string, f func(context.Context) error) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		var took []time.Duration
		before := audittest.CPUTime(b)
		for b.Loop() {
			start := time.Now()
			if err := f(b.Context()); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
		b.ReportMetric(float64((audittest.CPUTime(b)-before).Microseconds())/float64(b.N), "cpu-µs")
		slices.Sort(took)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
	})
}

// BenchmarkSearchWhileWriting appends 10,000 records a second, as far as the
// machine can, and searches for the last of them meanwhile.
func BenchmarkSearchWhileWriting(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			o := open(b, audittest.Fresh(b, engine), audittest.Signing)
			const every, each = 10 * time.Millisecond, 100
			record := audittest.Busy()
			var written, searched []time.Duration
			var behind int64
			begun := time.Now()
			tick := time.NewTicker(every)
			defer tick.Stop()
			for i := range max(b.N, 300) {
				<-tick.C
				records := make([]audit.Record, each)
				for j := range records {
					records[j] = record(i*each + j)
				}
				records[0].OperationID = fmt.Sprint("the last ", i)
				start := time.Now()
				o.AppendTogether(b, records)
				written = append(written, time.Since(start))
				start = time.Now()
				p, err := o.Index.Search(b.Context(), search.Query{OperationID: records[0].OperationID, Visible: allOf})
				if err != nil || len(p.Records) != 1 {
					b.Fatal(len(p.Records), err)
				}
				searched = append(searched, time.Since(start))
				size, err := o.Size(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				behind = max(behind, size-audittest.Number(b, o.Tables, `SELECT upto FROM followed`))
			}
			b.ReportMetric(float64(len(written)*each)/time.Since(begun).Seconds(), "records/s")
			b.ReportMetric(float64(behind), "behind-max")
			slices.Sort(written)
			slices.Sort(searched)
			b.ReportMetric(float64(written[len(written)*95/100].Microseconds()), "write-p95-µs")
			b.ReportMetric(float64(searched[len(searched)*95/100].Microseconds()), "search-p95-µs")
			b.ReportMetric(float64(searched[len(searched)-1].Microseconds()), "search-max-µs")
		})
	}
}
