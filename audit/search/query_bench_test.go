package search_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
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

// busy makes records like those of a large team: a few people do most, most
// tickets are short, one operation in twenty fails, reasons are sentences.
func busy() func(i int) audit.Record {
	random := rand.New(rand.NewPCG(1, 2))
	people, words, tickets := rand.NewZipf(random, 1.3, 3, 199), rand.NewZipf(random, 1.1, 4, 4999), rand.NewZipf(random, 1.05, 50, 199_999)
	seen := []audit.Action{audit.ActionTicketViewed, audit.ActionTicketViewed, audit.ActionTicketListed, audit.ActionLogViewed, audit.ActionSessionSignedIn, audit.ActionSessionEnded}
	var begun []audit.Record // operations that have no end
	return func(i int) audit.Record {
		if len(begun) > 0 && random.IntN(2) == 0 {
			return next(random, &begun)
		}
		who := people.Uint64()
		r := audit.Record{Action: audittest.Pick(random, seen), Outcome: audit.OutcomeSucceeded,
			Actor:  audit.Actor{UserID: fmt.Sprintf("%032x", who), UserName: fmt.Sprintf("person%03d", who), ProjectID: fmt.Sprintf("p%031x", who%20), ProjectName: fmt.Sprintf("project-%d", who%20)},
			Origin: audit.Origin{Address: fmt.Sprintf("10.0.%d.%d", who%4, who), UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", Session: fmt.Sprintf("%016x", random.Uint64())},
			Ticket: fmt.Sprintf("SCT%017d", tickets.Uint64())}
		if random.IntN(100) == 0 {
			r.Action, r.Outcome = audit.ActionAccessDenied, audit.OutcomeDenied
		}
		if random.IntN(4) > 0 {
			return r
		}
		r.Action, r.Outcome = audit.ActionOperationRequested, audit.OutcomePending
		r.OperationID, r.OperationType = fmt.Sprintf("%016x-%d", random.Uint64(), i), audittest.Pick(random, []string{"PAUSE", "RETRY", "CANCEL", "SKIP_BATCH"})
		r.Target = fmt.Sprintf("host-%d (192.168.%d.%d)", random.IntN(5000), random.IntN(250), random.IntN(250))
		r.Reason = "批次三重启实例"
		for range 6 {
			r.Reason += fmt.Sprintf(" word%d", words.Uint64())
		}
		begun = append(begun, r)
		return r
	}
}

// next is the next record of an operation that has begun: its answer, or its end.
func next(random *rand.Rand, begun *[]audit.Record) audit.Record {
	i := random.IntN(len(*begun))
	r := &(*begun)[i]
	switch {
	case r.Action == audit.ActionOperationAccepted:
		r.Action, r.Outcome = audit.ActionOperationObserved, audit.OutcomeSucceeded
	case random.IntN(20) == 0:
		r.Action, r.Outcome = audit.ActionOperationRejected, audit.OutcomeFailed
		r.Upstream = audit.Upstream{Status: 500, Code: fmt.Sprint("COC.0010", random.IntN(10)), Message: "the instance does not answer"}
	default:
		r.Action, r.Outcome = audit.ActionOperationAccepted, audit.OutcomeSucceeded
		return *r
	}
	done := *r
	*begun = slices.Delete(*begun, i, i+1)
	return done
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
		o.Fill(b, n-int(size), busy())
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
			record := busy()
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
