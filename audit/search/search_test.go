package search_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/database"
)

// The values that the records of the search tests have, and some that none has.
var (
	people     = audittest.People
	tickets    = audittest.Tickets
	operations = audittest.Operations
	groups     = []audit.Action{"operation.", "session.", "ticket.", "audit.", ".", "operation.r", "entry.", "Operation.", "operation/"}
	projects   = audittest.Projects
	addresses  = audittest.Addresses
	types      = audittest.Types
	texts      = []string{"disk", "DISK", "disk*", "dis*", "disk full", "full disk", "disk f*", "重启", "启", "实例", "重启实例", "实例 disk", "例 d*",
		"重启host", "host-1", "10.0.0.1", "0.0", "on", "动", "nothing", "full on", "full 主机", "south", "SCT1", "ann", "b"}
	hostile = []string{"nobody", "\x00", "\xff", "ann\x00", strings.Repeat("x", 513), `"`, `\`, "$99"}
)

// filled opens a log of which the search tables know only the first half.
func filled(t testing.TB, dsn string) (*opened, []audit.Record) {
	t.Helper()
	o := open(t, dsn, func(c *audit.Config) { c.Now = audittest.Steady() })
	records := audittest.Mixed(400)
	first := o.AppendEach(t, records[:200]...)
	o.CaughtUp(t)
	t.Cleanup(o.PauseFollower(t))
	return o, append(first, o.AppendEach(t, records[200:]...)...)
}

// wanted is the search in plain words.
func wanted(q search.Query, r audit.Record) bool {
	group := strings.HasSuffix(string(q.Action), ".") && strings.HasPrefix(string(r.Action), string(q.Action))
	mine := q.Visible.UserID != "" && r.Actor.UserID == q.Visible.UserID
	known := r.Ticket != "" && slices.Contains(q.Visible.Tickets, r.Ticket) && strings.HasPrefix(string(r.Action), "operation.")
	for _, no := range []bool{
		q.Person != "" && q.Person != r.Actor.UserName && q.Person != r.Actor.UserID,
		q.Ticket != "" && q.Ticket != r.Ticket,
		q.OperationID != "" && q.OperationID != r.OperationID,
		q.Action != "" && q.Action != r.Action && !group,
		q.Outcome != "" && q.Outcome != r.Outcome,
		q.Project != "" && q.Project != r.Actor.ProjectName && q.Project != r.Actor.ProjectID,
		q.IP != "" && q.IP != r.Origin.Address,
		q.Operation != "" && q.Operation != r.OperationType,
		slices.ContainsFunc(q.Text, func(s string) bool { return !saidIn(s, r) }),
		slices.ContainsFunc(q.Not, func(f search.Filter) bool { return excluded(f, r) }),
		!q.From.IsZero() && r.Time.Before(q.From),
		!q.To.IsZero() && !r.Time.Before(q.To),
		q.Before > 0 && r.Sequence >= q.Before,
		q.After > 0 && r.Sequence <= q.After,
		!q.Visible.All && !mine && !known,
	} {
		if no {
			return false
		}
	}
	return true
}

func excluded(f search.Filter, r audit.Record) bool {
	if f.Value == "" {
		return false
	}
	q := search.Query{Visible: audittest.All}
	switch f.Field {
	case search.FieldActor:
		q.Person = f.Value
	case search.FieldTicket:
		q.Ticket = f.Value
	case search.FieldOperation:
		q.OperationID = f.Value
	case search.FieldAction:
		q.Action = audit.Action(f.Value)
	case search.FieldOutcome:
		q.Outcome = audit.Outcome(f.Value)
	case search.FieldProject:
		q.Project = f.Value
	case search.FieldIP:
		q.IP = f.Value
	case search.FieldType:
		q.Operation = f.Value
	case search.FieldText:
		q.Text = []string{f.Value}
	case query.FieldApprover:
		answers := []audit.Action{audit.ActionApprovalGiven, audit.ActionApprovalGranted, audit.ActionApprovalRefused}
		q.Person = f.Value
		return slices.Contains(answers, r.Action) && (wanted(q, r) || f.Value == r.Actor.AccountName+"/"+r.Actor.UserName)
	default:
		return false
	}
	return wanted(q, r)
}

// saidIn is the search for text in plain words: letters are put together to
// words, and Chinese ones stand alone, next to each other.
func saidIn(phrase string, r audit.Record) bool {
	looked := letters(strings.TrimSuffix(phrase, "*"))
	for _, text := range []string{r.Actor.UserName, r.Actor.ProjectName, r.Ticket, r.Target, r.Reason, r.Upstream.Code, r.Upstream.Message} {
		in := letters(text)
		for i := range in {
			if n := len(looked); n > 0 && i+n <= len(in) && slices.Equal(in[i:i+n-1], looked[:n-1]) &&
				(in[i+n-1] == looked[n-1] || strings.HasSuffix(phrase, "*") && strings.HasPrefix(in[i+n-1], looked[n-1])) {
				return true
			}
		}
	}
	return false
}

func letters(text string) []string {
	var spaced strings.Builder
	for _, c := range strings.ToLower(text) {
		switch {
		case unicode.Is(unicode.Han, c):
			spaced.WriteString(" " + string(c) + " ")
		case unicode.IsLetter(c), unicode.IsDigit(c):
			spaced.WriteRune(c)
		default:
			spaced.WriteByte(' ')
		}
	}
	return strings.Fields(spaced.String())
}

func matching(q search.Query, records []audit.Record) []audit.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r audit.Record) bool { return !wanted(q, r) })
}

// sometimes draws nothing in most cases, so that filters leave something over.
func sometimes[T any](t *rapid.T, name string, values []T) (v T) {
	if rapid.IntRange(0, 3).Draw(t, "with "+name) > 0 {
		return v
	}
	return rapid.SampledFrom(values).Draw(t, name)
}

// drawQuery draws a query of one to three filters as a rule.
func drawQuery(t *rapid.T, records []audit.Record) search.Query {
	var times []time.Time
	for _, d := range []time.Duration{-time.Hour, -time.Microsecond, -1, 0, 1, time.Microsecond, 1e6 * time.Hour} {
		times = append(times, records[rapid.IntRange(0, len(records)-1).Draw(t, "at")].Time.Add(d))
	}
	times = append(times, time.Unix(-1, 0), time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC), time.UnixMicro(0))
	edges := []int64{0, 1, 2, 199, 200, 201, 202, 399, 400, 401, 5000, math.MaxInt64, -1, math.MinInt64}
	q := search.Query{
		Person:      sometimes(t, "person", slices.Concat(people, hostile, []string{"id of ann"})),
		Ticket:      sometimes(t, "ticket", slices.Concat(tickets, hostile)),
		OperationID: sometimes(t, "operation", slices.Concat(operations, hostile)),
		Action:      sometimes(t, "action", slices.Concat(audit.Actions(), groups, []audit.Action{"\x00."})),
		Outcome:     sometimes(t, "outcome", append(audit.Outcomes(), "fine", "\xff")),
		From:        sometimes(t, "from", times), To: sometimes(t, "to", times),
		Before: sometimes(t, "before", edges), After: sometimes(t, "after", edges),
		Limit: rapid.SampledFrom([]int{0, -1, 1, 2, 7, 50, search.MaxLimit, search.MaxLimit + 1}).Draw(t, "limit"),
	}
	q.Project = sometimes(t, "project", slices.Concat(projects, hostile, []string{"id of north"}))
	q.IP = sometimes(t, "address", slices.Concat(addresses, hostile))
	q.Operation = sometimes(t, "type", slices.Concat(types, hostile))
	q.Text = sometimes(t, "texts", [][]string{{"disk", "full"}, {"重启", "host"}, {pickText(t)}, {pickText(t), pickText(t)}})
	for range rapid.IntRange(0, 2).Draw(t, "exclusions") {
		if rapid.Bool().Draw(t, "excludes text") {
			q.Not = append(q.Not, search.Filter{Field: search.FieldText, Value: pickText(t)})
			continue
		}
		q.Not = append(q.Not, search.Filter{Field: rapid.SampledFrom(search.Fields()).Draw(t, "excluded field"),
			Value: rapid.SampledFrom(slices.Concat(people, tickets, operations, projects, addresses, types, hostile,
				[]string{"operation.", "succeeded", "failed", "ticket.viewed", "unknown"})).Draw(t, "excluded")})
	}
	if q.Visible.All = rapid.Bool().Draw(t, "sees all"); !q.Visible.All {
		q.Visible.UserID = sometimes(t, "reader", slices.Concat([]string{"id of ann", "id of ben", ""}, hostile))
		q.Visible.Tickets = rapid.SliceOfN(rapid.SampledFrom(slices.Concat(tickets, hostile)), 0, 4).Draw(t, "known tickets")
	}
	return q
}

func pickText(t *rapid.T) string {
	return rapid.SampledFrom(slices.Concat(texts, hostile)).Draw(t, "text")
}

func pageSize(limit int) int {
	if limit <= 0 {
		return search.DefaultLimit
	}
	return min(limit, search.MaxLimit)
}

// TestSearchIsAFilter compares searches with a plain filter over all records,
// half of which the search tables do not know yet.
func TestSearchIsAFilter(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, records := filled(t, dsn)
		rapid.Check(t, func(rt *rapid.T) {
			q := drawQuery(rt, records)
			want := matching(q, records)
			audittest.Same(t, fmt.Sprintf("export of %+v", q), o.Export(t, q), want)
			sameCounts(t, o, q, matching(q.Unpaged(), records))
			if q.After <= 0 {
				slices.Reverse(want)
			}
			want = want[:min(len(want), pageSize(q.Limit))]
			if q.After > 0 {
				slices.Reverse(want)
			}
			page, err := o.Index.Search(t.Context(), q)
			if err != nil {
				rt.Fatal(err)
			}
			audittest.Same(t, fmt.Sprintf("search for %+v", q), page.Records, want)
			if t.Failed() {
				rt.FailNow()
			}
		})
	})
}

// sameCounts compares a query's count, facets, activity and completions with
// the records that match.
func sameCounts(t *testing.T, o *opened, q search.Query, want []audit.Record) {
	t.Helper()
	if n, more, err := o.Index.Count(t.Context(), q); err != nil || n != len(want) || more {
		t.Errorf("count of %+v: %d, %v (%v), want %d", q, n, more, err, len(want))
	}
	f, err := o.Index.Facets(t.Context(), q)
	if err != nil || f.Counted != len(want) || f.More {
		t.Errorf("facets of %+v: %+v (%v)", q, f, err)
	}
	count := func(of func(audit.Record) string) map[string]int {
		out := map[string]int{}
		for _, r := range want {
			if v := of(r); v != "" {
				out[v]++
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		got  []search.FacetValue
		want map[string]int
	}{
		"actors":   {f.Actors, count(func(r audit.Record) string { return r.Actor.UserName })},
		"actions":  {f.Actions, count(func(r audit.Record) string { return string(r.Action) })},
		"outcomes": {f.Outcomes, count(func(r audit.Record) string { return string(query.OutcomeOf(&r)) })},
		"tickets":  {f.Tickets, count(func(r audit.Record) string { return r.Ticket })},
		"projects": {f.Projects, count(func(r audit.Record) string { return r.Actor.ProjectName })},
	} {
		if !isFacet(c.got, c.want) {
			t.Errorf("facet %s of %+v: %v, want %v", name, q, c.got, c.want)
		}
	}
	sameActivity(t, o, q)
}

// isFacet reports whether a facet has the most frequent values, with their
// counts.
func isFacet(got []search.FacetValue, want map[string]int) bool {
	if len(got) != min(len(want), search.MaxFacet) {
		return false
	}
	left := maps.Clone(want)
	for _, v := range got {
		if want[v.Value] != v.Count {
			return false
		}
		delete(left, v.Value)
	}
	for _, n := range left {
		if n > got[len(got)-1].Count {
			return false
		}
	}
	return len(left) == len(want)-len(got)
}

func sameActivity(t *testing.T, o *opened, q search.Query) {
	t.Helper()
	from := time.Date(2026, 1, 2, 3, 3, 0, 0, time.UTC)
	bars, err := o.Index.Activity(t.Context(), q, from, from.Add(20*time.Minute), 7)
	if err != nil || len(bars) != 7 || !bars[0].From.Equal(from) || !bars[6].To.Equal(from.Add(20*time.Minute)) {
		t.Fatalf("activity of %+v: %+v (%v)", q, bars, err)
	}
	for i, b := range bars {
		q := q.Unpaged()
		q.From, q.To = b.From, b.To
		n, _, err := o.Index.Count(t.Context(), q)
		sum := 0
		for _, c := range b.Outcomes {
			sum += c.Count
		}
		if sum != b.Count {
			t.Errorf("bar %d of %+v: %+v, want all of them by outcome", i, q, b)
		}
		if err != nil || n != b.Count || b.More || i > 0 && !b.From.Equal(bars[i-1].To) {
			t.Errorf("bar %d of %+v: %+v, want %d (%v)", i, q, b, n, err)
		}
	}
}

// TestPaging goes to the oldest page and back: both ways show every match once.
func TestPaging(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, records := filled(t, dsn)
		for _, q := range []search.Query{
			{Visible: audittest.All, Limit: 7}, {Visible: audittest.All, Limit: 200}, {Visible: audittest.All, Limit: 100}, {Visible: audittest.All, Limit: 400}, {Visible: audittest.All},
			{Visible: audittest.All, Limit: 3, Outcome: audit.OutcomeFailed}, {Visible: audittest.All, Limit: 5, Action: "operation."},
			{Visible: search.Visibility{UserID: "id of ann"}, Limit: 2}, {Visible: search.Visibility{}, Limit: 2},
		} {
			want := matching(q, records)
			slices.Reverse(want)
			audittest.Same(t, "to older", o.older(t, q), want)
			audittest.Same(t, "to newer", o.newer(t, q), want)
		}
	})
}

// older follows Next from the newest page.
func (o *opened) older(t *testing.T, q search.Query) (out []audit.Record) {
	t.Helper()
	for first := true; ; first = false {
		p, err := o.Index.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if first != (p.Newer == 0) {
			t.Errorf("the first page: %v, but newer ones are at %d", first, p.Newer)
		}
		if out = append(out, p.Records...); p.Next == 0 {
			return out
		}
		q.Before = p.Next
	}
}

// newer goes to the page before the oldest record, and follows Newer.
func (o *opened) newer(t *testing.T, q search.Query) (out []audit.Record) {
	t.Helper()
	q.Before = 1
	p, err := o.Index.Search(t.Context(), q)
	if err != nil || len(p.Records) > 0 || p.Newer != 0 || p.Next != 0 {
		t.Errorf("before the first record: %+v (%v)", p, err)
	}
	oldest := o.Export(t, search.Query{Visible: q.Visible, Outcome: q.Outcome, Action: q.Action})
	if len(oldest) == 0 {
		return nil
	}
	out = oldest[:1]
	for q.Before, q.After = 0, oldest[0].Sequence; q.After > 0; q.After = p.Newer {
		if p, err = o.Index.Search(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		if p.Next == 0 {
			t.Errorf("above %d there is no way back", q.After)
		}
		out = append(slices.Clone(p.Records), out...)
	}
	return out
}

func TestEmptyPagesHaveAWayBack(t *testing.T) {
	o := open(t, audittest.Fresh(t, audittest.SQLite))
	want := o.AppendEach(t, audittest.Several(3)...)
	slices.Reverse(want)
	p, err := o.Index.Search(t.Context(), search.Query{Visible: audittest.All, After: 3})
	if err != nil || len(p.Records) != 0 {
		t.Fatalf("%+v (%v)", p, err)
	}
	if p, err = o.Index.Search(t.Context(), search.Query{Visible: audittest.All, Before: p.Next}); err != nil {
		t.Fatal(err)
	}
	audittest.Same(t, "back from above", p.Records, want)
	if p, err = o.Index.Search(t.Context(), search.Query{Visible: audittest.All, Before: 2, Outcome: audit.OutcomeFailed}); err != nil || p.Newer != 1 {
		t.Errorf("nothing below 2: %+v (%v)", p, err)
	}
}

func TestVisibility(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		record := func(user, ticket string, a audit.Action) audit.Record {
			return audit.Record{Action: a, Outcome: audit.OutcomeSucceeded, Actor: audit.Actor{UserID: user}, Ticket: ticket}
		}
		o.AppendEach(t,
			record("ann", "T1", audit.ActionTicketViewed),      // 1
			record("ann", "", audit.ActionSessionSignedIn),     // 2
			record("ben", "T1", audit.ActionOperationObserved), // 3
			record("ben", "T1", audit.ActionTicketViewed),      // 4
			record("ben", "T2", audit.ActionOperationObserved), // 5
			record("", "", audit.ActionSessionSignInFailed),    // 6
			record("", "T1", audit.ActionOperationObserved),    // 7
			record("ben", "", audit.ActionOperationObserved),   // 8
		)
		check := func(when string) {
			t.Helper()
			for _, tc := range []struct {
				name string
				v    search.Visibility
				want []int64
			}{
				{"everything", audittest.All, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
				{"nothing", search.Visibility{}, nil},
				{"their own", search.Visibility{UserID: "ann"}, []int64{1, 2}},
				{"their own and a ticket's operations", search.Visibility{UserID: "ann", Tickets: []string{"T1"}}, []int64{1, 2, 3, 7}},
				{"two tickets' operations", search.Visibility{Tickets: []string{"T2", "T1"}}, []int64{3, 5, 7}},
				{"no ticket is not a ticket", search.Visibility{Tickets: []string{""}}, nil},
			} {
				if got := audittest.Sequences(o.Export(t, search.Query{Visible: tc.v})); !slices.Equal(got, tc.want) {
					t.Errorf("%s, %s: got %v, want %v", when, tc.name, got, tc.want)
				}
			}
		}
		check("at once")
		o.CaughtUp(t)
		check("indexed")
	})
}

// TestLongTail: what is not indexed is searched in parts, and stops early.
func TestLongTail(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		defer o.PauseFollower(t)()
		rare := audittest.Viewed("")
		rare.Ticket = "T"
		first := o.AppendEach(t, rare)
		o.AppendTogether(t, audittest.Several(2*search.FollowBatch))
		want := append(first, o.AppendEach(t, rare)...)
		audittest.Same(t, "export", o.Export(t, search.Query{Ticket: "T", Visible: audittest.All}), want)
		slices.Reverse(want)
		p, err := o.Index.Search(t.Context(), search.Query{Ticket: "T", Visible: audittest.All})
		if err != nil {
			t.Fatal(err)
		}
		audittest.Same(t, "search", p.Records, want)
		audittest.CheckOrder(t, o.Everything(t))
	})
}

// TestSearchTablesAreRebuilt deletes them while the console is stopped.
func TestSearchTablesAreRebuilt(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		request := audittest.FullRecord()
		o.AppendEach(t, request)
		o.AppendTogether(t, audittest.Mixed(search.FollowBatch+10))
		q := search.Query{Action: "operation.", Visible: audittest.All}
		want := o.Export(t, q)
		o.CaughtUp(t)
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		removeSearchTables(t, dsn)
		o = open(t, dsn)
		audittest.Same(t, "before they are rebuilt", o.Export(t, q), want)
		o.CaughtUp(t)
		audittest.Same(t, "after", o.Export(t, q), want)
		size, err := o.Size(t.Context())
		if n := audittest.Number(t, o.Tables, `SELECT count(*) FROM record`); err != nil || n != size {
			t.Errorf("they know %d of %d records (%v)", n, size, err)
		}
	})
}

// removeSearchTables deletes SQLite's file, and empties PostgreSQL's tables.
func removeSearchTables(t *testing.T, dsn string) {
	t.Helper()
	if database.IsPostgres(dsn) {
		db, err := database.Open(t.Context(), dsn, database.Search)
		if err != nil {
			t.Fatal(err)
		}
		audittest.Execute(t, db, `TRUNCATE record, open_operation`)
		audittest.Execute(t, db, `UPDATE followed SET upto = 0`)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	files, err := filepath.Glob(filepath.Join(dsn, "search.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no search tables: %v", err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSearchTablesOfAnotherLog: they are ahead, or have the same numbers for
// other records; neither may show in a search.
func TestSearchTablesOfAnotherLog(t *testing.T) {
	for _, records := range []int{5, 3, 2} { // of the log that takes the place of one with three
		audittest.Engines(t, func(t *testing.T, dsn string) {
			o := open(t, dsn)
			mine := audittest.Viewed("")
			mine.Actor.UserID = "ann"
			o.AppendEach(t, mine, audittest.FullRecord(), mine)
			o.CaughtUp(t)
			o.Unguard(t)
			resume := o.PauseFollower(t)
			audittest.Execute(t, o.Entries, `DELETE FROM entry`)
			o.Rehead(t)
			o.AppendEach(t, audittest.Several(records)...)
			resume()
			if err := o.CloseAll(); err != nil {
				t.Fatal(err)
			}
			o = open(t, dsn)
			audittest.Same(t, "search", o.Export(t, search.Query{Visible: search.Visibility{UserID: "ann"}}), nil)
			o.CaughtUp(t)
			_, open, err := o.Index.OpenOperations(t.Context())
			if err != nil || len(open) > 0 {
				t.Errorf("open operations: %v (%v)", open, err)
			}
			if n := audittest.Number(t, o.Tables, `SELECT count(*) FROM record WHERE user_id = ''`); n != int64(records) {
				t.Errorf("%d records in the search tables, want %d", n, records)
			}
		})
	}
}

func TestOpenOperations(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		of := func(id string, a audit.Action) audit.Record {
			return audit.Record{Action: a, Outcome: audit.OutcomePending, OperationID: id}
		}
		const requested, accepted, rejected, unknown = audit.ActionOperationRequested, audit.ActionOperationAccepted,
			audit.ActionOperationRejected, audit.ActionOperationUnknown
		const observed, notObserved = audit.ActionOperationObserved, audit.ActionOperationNotObserved
		records := o.AppendEach(t,
			of("only requested", requested), of("accepted", requested), of("", requested), of("rejected", requested),
			of("accepted", accepted), of("unknown", requested), of("rejected", rejected), of("unknown", unknown),
			of("seen", requested), of("seen", accepted), of("seen", observed),
			of("not seen", requested), of("not seen", unknown), of("not seen", notObserved), of("accepted", audit.ActionTicketViewed),
		)
		check := func() {
			t.Helper()
			o.CaughtUp(t)
			upTo, got, err := o.Index.OpenOperations(t.Context())
			if err != nil || len(got) != 3 || upTo != int64(len(records)) {
				t.Fatalf("got %v up to %d (%v)", got, upTo, err)
			}
			audittest.Same(t, "only requested", got[0], []audit.Record{records[0]})
			audittest.Same(t, "accepted", got[1], []audit.Record{records[1], records[4], records[14]})
			audittest.Same(t, "unknown", got[2], []audit.Record{records[5], records[7]})
		}
		check()
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = open(t, dsn)
		check()
		for _, id := range []string{"", "never"} {
			if got, err := o.Index.Operation(t.Context(), id); err != nil || len(got) > 0 {
				t.Errorf("operation %q: %v (%v)", id, got, err)
			}
		}
	})
}

func TestExport(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendTogether(t, audittest.Mixed(2*search.MaxLimit+1))
		records := o.Everything(t)
		audittest.CheckOrder(t, records)
		if len(records) != 2*search.MaxLimit+1 {
			t.Errorf("%d records", len(records))
		}
		o.CaughtUp(t)
		for _, q := range []search.Query{
			{Action: "operation.", Visible: audittest.All, Limit: 3}, {Visible: audittest.All, After: 10, Before: 900},
			{Outcome: audit.OutcomeFailed, After: 500, Visible: audittest.All}, {Visible: search.Visibility{UserID: "id of ben"}},
		} {
			audittest.Same(t, fmt.Sprintf("%+v", q), o.Export(t, q), matching(q, records))
		}
		stop, n := errors.New("the reader has gone"), 0
		err := export.Records(t.Context(), o.Index, search.Query{Visible: audittest.All}, func(audit.Record) error {
			if n++; n == search.MaxLimit+5 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || n != search.MaxLimit+5 {
			t.Errorf("it stopped after %d records with %v", n, err)
		}
	})
}

// TestExportEnds though every record that it hands out makes another one.
func TestExportEnds(t *testing.T) {
	o := open(t, audittest.Fresh(t, audittest.SQLite))
	o.AppendEach(t, audittest.Several(3)...)
	n := 0
	err := export.Records(t.Context(), o.Index, search.Query{Visible: audittest.All}, func(audit.Record) error {
		n++
		_, err := o.Append(t.Context(), audittest.Viewed("exported"))
		return err
	})
	if err != nil || n != 3 {
		t.Errorf("%d records (%v)", n, err)
	}
}

// FuzzQuery puts any text into the fields of a search.
func FuzzQuery(f *testing.F) {
	o, records := filled(f, audittest.Fresh(f, audittest.SQLite))
	f.Add("ann", "SCT1", "op-1", "operation.", "failed", "id of ann")
	f.Add("' OR 1=1 --", "", "", "", "", "")
	f.Add("$1", "?", "%", ".", "\x00", "\xff")
	f.Fuzz(func(t *testing.T, person, ticket, operation, action, outcome, user string) {
		q := search.Query{Person: person, Ticket: ticket, OperationID: operation, Action: audit.Action(action),
			Outcome: audit.Outcome(outcome), Visible: search.Visibility{UserID: user, Tickets: []string{ticket, user}}}
		audittest.Same(t, "as a reader", o.Export(t, q), matching(q, records))
		q.Visible = audittest.All
		audittest.Same(t, "as a manager", o.Export(t, q), matching(q, records))
	})
}

// TestOperationsAtOnce: the records of many operations are the same as those of
// each, whether the search tables have them already or not.
func TestOperationsAtOnce(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, _ := filled(t, dsn)
		ids := []string{"", "op-1", "OP-1", "op-\u2028", "op-3", "bad\x00id"}
		of, err := o.Index.Operations(t.Context(), ids)
		if err != nil || len(of) != 3 {
			t.Fatalf("%d operations, %v", len(of), err)
		}
		for _, id := range ids {
			one, err := o.Index.Operation(t.Context(), id)
			if id == "bad\x00id" {
				one, err = nil, nil
			}
			all := of[id]
			if err != nil || !slices.Equal(one, all[:min(len(one), len(all))]) || len(all) < len(one) {
				t.Errorf("%q: %d records, alone %d, %v", id, len(all), len(one), err)
			}
		}
	})
}
