package audit_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"coc-console/audit"
	"coc-console/migrations"
)

// The values that the records of the search tests have, and some that none has.
var (
	people     = []string{"ann", "ben", "ANN", "an%", "' OR 1=1 --", "中文", "ann ", "a_n"}
	tickets    = []string{"", "SCT1", "SCT2", "sct1", "SCT%", "$1", "?"}
	operations = []string{"", "", "op-1", "op-2", "OP-1", "op-\u2028"}
	groups     = []audit.Action{"operation.", "session.", "ticket.", "audit.", ".", "operation.r", "entry.", "Operation.", "operation/"}
	projects   = []string{"", "north", "south 1", "北"}
	addresses  = []string{"", "10.0.0.1", "::1"}
	types      = []string{"", "RETRY", "SKIP"}
	reasons    = []string{"", "Disk full on host-1", "full disk", "重启实例 disk", "实例重启host", "再启动", "disks", "a_b"}
	targets    = []string{"", "host-1 (10.0.0.1)", "主机 full"}
	texts      = []string{"disk", "DISK", "disk*", "dis*", "disk full", "full disk", "disk f*", "重启", "启", "实例", "重启实例", "实例 disk", "例 d*",
		"重启host", "host-1", "10.0.0.1", "0.0", "on", "动", "nothing", "full on", "full 主机", "south", "SCT1", "ann", "b"}
	hostile = []string{"nobody", "\x00", "\xff", "ann\x00", strings.Repeat("x", audit.MaxShort+1), `"`, `\`, "$99"}
)

// mixed returns records with all combinations of a few values, always the same.
func mixed(n int) []audit.Record {
	random := rand.New(rand.NewPCG(7, 7))
	known := slices.DeleteFunc(audit.Actions(), func(a audit.Action) bool { return a == audit.ActionEntryDamaged })
	out := make([]audit.Record, n)
	for i := range out {
		person := pick(random, people)
		out[i] = audit.Record{Action: pick(random, known), Outcome: pick(random, audit.Outcomes()),
			Actor:  audit.Actor{UserID: "id of " + person, UserName: person},
			Ticket: pick(random, tickets), OperationID: pick(random, operations), Detail: fmt.Sprint(i),
			OperationType: pick(random, types), Origin: audit.Origin{Address: pick(random, addresses)},
			Reason: pick(random, reasons), Target: pick(random, targets), Upstream: audit.Upstream{Message: pick(random, reasons)}}
		out[i].Actor.ProjectName = pick(random, projects)
		out[i].Actor.ProjectID = "id of " + out[i].Actor.ProjectName
	}
	return out
}

func pick[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }

// steady is a clock that is one second further at every record.
func steady() func() time.Time {
	var mu sync.Mutex
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

// filled opens a log of which the search tables know only the first half.
func filled(t testing.TB, dsn string) (*opened, []audit.Record) {
	t.Helper()
	o := open(t, dsn, func(c *audit.Config) { c.Now = steady() })
	records := mixed(400)
	first := o.append(t, records[:200]...)
	o.caughtUp(t)
	t.Cleanup(o.PauseFollower())
	return o, append(first, o.append(t, records[200:]...)...)
}

// wanted is the search in plain words.
func wanted(q audit.Query, r audit.Record) bool {
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
		slices.ContainsFunc(q.Not, func(f audit.Filter) bool { return excluded(f, r) }),
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

func excluded(f audit.Filter, r audit.Record) bool {
	if f.Value == "" {
		return false
	}
	q := audit.Query{Visible: all}
	switch f.Field {
	case audit.FieldActor:
		q.Person = f.Value
	case audit.FieldTicket:
		q.Ticket = f.Value
	case audit.FieldOperation:
		q.OperationID = f.Value
	case audit.FieldAction:
		q.Action = audit.Action(f.Value)
	case audit.FieldOutcome:
		q.Outcome = audit.Outcome(f.Value)
	case audit.FieldProject:
		q.Project = f.Value
	case audit.FieldIP:
		q.IP = f.Value
	case audit.FieldType:
		q.Operation = f.Value
	case audit.FieldText:
		q.Text = []string{f.Value}
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

func matching(q audit.Query, records []audit.Record) []audit.Record {
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
func drawQuery(t *rapid.T, records []audit.Record) audit.Query {
	var times []time.Time
	for _, d := range []time.Duration{-time.Hour, -time.Microsecond, -1, 0, 1, time.Microsecond, 1e6 * time.Hour} {
		times = append(times, records[rapid.IntRange(0, len(records)-1).Draw(t, "at")].Time.Add(d))
	}
	times = append(times, time.Unix(-1, 0), time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC), time.UnixMicro(0))
	edges := []int64{0, 1, 2, 199, 200, 201, 202, 399, 400, 401, 5000, math.MaxInt64, -1, math.MinInt64}
	q := audit.Query{
		Person:      sometimes(t, "person", slices.Concat(people, hostile, []string{"id of ann"})),
		Ticket:      sometimes(t, "ticket", slices.Concat(tickets, hostile)),
		OperationID: sometimes(t, "operation", slices.Concat(operations, hostile)),
		Action:      sometimes(t, "action", slices.Concat(audit.Actions(), groups, []audit.Action{"\x00."})),
		Outcome:     sometimes(t, "outcome", append(audit.Outcomes(), "fine", "\xff")),
		From:        sometimes(t, "from", times), To: sometimes(t, "to", times),
		Before: sometimes(t, "before", edges), After: sometimes(t, "after", edges),
		Limit: rapid.SampledFrom([]int{0, -1, 1, 2, 7, 50, audit.MaxLimit, audit.MaxLimit + 1}).Draw(t, "limit"),
	}
	q.Project = sometimes(t, "project", slices.Concat(projects, hostile, []string{"id of north"}))
	q.IP = sometimes(t, "address", slices.Concat(addresses, hostile))
	q.Operation = sometimes(t, "type", slices.Concat(types, hostile))
	q.Text = sometimes(t, "texts", [][]string{{"disk", "full"}, {"重启", "host"}, {pickText(t)}, {pickText(t), pickText(t)}})
	for range rapid.IntRange(0, 2).Draw(t, "exclusions") {
		if rapid.Bool().Draw(t, "excludes text") {
			q.Not = append(q.Not, audit.Filter{Field: audit.FieldText, Value: pickText(t)})
			continue
		}
		q.Not = append(q.Not, audit.Filter{Field: rapid.SampledFrom(audit.Fields()).Draw(t, "excluded field"),
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
		return audit.DefaultLimit
	}
	return min(limit, audit.MaxLimit)
}

// TestSearchIsAFilter compares searches with a plain filter over all records,
// half of which the search tables do not know yet.
func TestSearchIsAFilter(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, records := filled(t, dsn)
		rapid.Check(t, func(rt *rapid.T) {
			q := drawQuery(rt, records)
			want := matching(q, records)
			same(t, fmt.Sprintf("export of %+v", q), o.export(t, q), want)
			sameCounts(t, o, q, matching(unpaged(q), records))
			if q.After <= 0 {
				slices.Reverse(want)
			}
			want = want[:min(len(want), pageSize(q.Limit))]
			if q.After > 0 {
				slices.Reverse(want)
			}
			page, err := o.Search(t.Context(), q)
			if err != nil {
				rt.Fatal(err)
			}
			same(t, fmt.Sprintf("search for %+v", q), page.Records, want)
			if t.Failed() {
				rt.FailNow()
			}
		})
	})
}

func unpaged(q audit.Query) audit.Query {
	q.Before, q.After = 0, 0
	return q
}

// sameCounts compares a query's count, facets, activity and completions with
// the records that match.
func sameCounts(t *testing.T, o *opened, q audit.Query, want []audit.Record) {
	t.Helper()
	if n, more, err := o.Count(t.Context(), q); err != nil || n != len(want) || more {
		t.Errorf("count of %+v: %d, %v (%v), want %d", q, n, more, err, len(want))
	}
	f, err := o.Facets(t.Context(), q)
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
		got  []audit.FacetValue
		want map[string]int
	}{
		"actors":   {f.Actors, count(func(r audit.Record) string { return r.Actor.UserName })},
		"actions":  {f.Actions, count(func(r audit.Record) string { return string(r.Action) })},
		"outcomes": {f.Outcomes, count(func(r audit.Record) string { return string(r.Outcome) })},
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
func isFacet(got []audit.FacetValue, want map[string]int) bool {
	if len(got) != min(len(want), audit.MaxFacet) {
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

func sameActivity(t *testing.T, o *opened, q audit.Query) {
	t.Helper()
	from := time.Date(2026, 1, 2, 3, 3, 0, 0, time.UTC)
	bars, err := o.Activity(t.Context(), q, from, from.Add(20*time.Minute), 7)
	if err != nil || len(bars) != 7 || !bars[0].From.Equal(from) || !bars[6].To.Equal(from.Add(20*time.Minute)) {
		t.Fatalf("activity of %+v: %+v (%v)", q, bars, err)
	}
	for i, b := range bars {
		q := unpaged(q)
		q.From, q.To = b.From, b.To
		n, _, err := o.Count(t.Context(), q)
		if err != nil || n != b.Count || b.More || i > 0 && !b.From.Equal(bars[i-1].To) {
			t.Errorf("bar %d of %+v: %+v, want %d (%v)", i, q, b, n, err)
		}
	}
}

// TestPaging goes to the oldest page and back: both ways show every match once.
func TestPaging(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, records := filled(t, dsn)
		for _, q := range []audit.Query{
			{Visible: all, Limit: 7}, {Visible: all, Limit: 200}, {Visible: all, Limit: 100}, {Visible: all, Limit: 400}, {Visible: all},
			{Visible: all, Limit: 3, Outcome: audit.OutcomeFailed}, {Visible: all, Limit: 5, Action: "operation."},
			{Visible: audit.Visibility{UserID: "id of ann"}, Limit: 2}, {Visible: audit.Visibility{}, Limit: 2},
		} {
			want := matching(q, records)
			slices.Reverse(want)
			same(t, "to older", o.older(t, q), want)
			same(t, "to newer", o.newer(t, q), want)
		}
	})
}

// older follows Next from the newest page.
func (o *opened) older(t *testing.T, q audit.Query) (out []audit.Record) {
	t.Helper()
	for first := true; ; first = false {
		p, err := o.Search(t.Context(), q)
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
func (o *opened) newer(t *testing.T, q audit.Query) (out []audit.Record) {
	t.Helper()
	q.Before = 1
	p, err := o.Search(t.Context(), q)
	if err != nil || len(p.Records) > 0 || p.Newer != 0 || p.Next != 0 {
		t.Errorf("before the first record: %+v (%v)", p, err)
	}
	oldest := o.export(t, audit.Query{Visible: q.Visible, Outcome: q.Outcome, Action: q.Action})
	if len(oldest) == 0 {
		return nil
	}
	out = oldest[:1]
	for q.Before, q.After = 0, oldest[0].Sequence; q.After > 0; q.After = p.Newer {
		if p, err = o.Search(t.Context(), q); err != nil {
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
	o := open(t, fresh(t, onSQLite))
	want := o.append(t, several(3)...)
	slices.Reverse(want)
	p, err := o.Search(t.Context(), audit.Query{Visible: all, After: 3})
	if err != nil || len(p.Records) != 0 {
		t.Fatalf("%+v (%v)", p, err)
	}
	if p, err = o.Search(t.Context(), audit.Query{Visible: all, Before: p.Next}); err != nil {
		t.Fatal(err)
	}
	same(t, "back from above", p.Records, want)
	if p, err = o.Search(t.Context(), audit.Query{Visible: all, Before: 2, Outcome: audit.OutcomeFailed}); err != nil || p.Newer != 1 {
		t.Errorf("nothing below 2: %+v (%v)", p, err)
	}
}

func TestVisibility(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		record := func(user, ticket string, a audit.Action) audit.Record {
			return audit.Record{Action: a, Outcome: audit.OutcomeSucceeded, Actor: audit.Actor{UserID: user}, Ticket: ticket}
		}
		o.append(t,
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
				v    audit.Visibility
				want []int64
			}{
				{"everything", all, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
				{"nothing", audit.Visibility{}, nil},
				{"their own", audit.Visibility{UserID: "ann"}, []int64{1, 2}},
				{"their own and a ticket's operations", audit.Visibility{UserID: "ann", Tickets: []string{"T1"}}, []int64{1, 2, 3, 7}},
				{"two tickets' operations", audit.Visibility{Tickets: []string{"T2", "T1"}}, []int64{3, 5, 7}},
				{"no ticket is not a ticket", audit.Visibility{Tickets: []string{""}}, nil},
			} {
				if got := sequences(o.export(t, audit.Query{Visible: tc.v})); !slices.Equal(got, tc.want) {
					t.Errorf("%s, %s: got %v, want %v", when, tc.name, got, tc.want)
				}
			}
		}
		check("at once")
		o.caughtUp(t)
		check("indexed")
	})
}

// TestLongTail: what is not indexed is searched in parts, and stops early.
func TestLongTail(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		defer o.PauseFollower()()
		rare := viewed("")
		rare.Ticket = "T"
		first := o.append(t, rare)
		o.appendTogether(t, several(2*audit.FollowBatch))
		want := append(first, o.append(t, rare)...)
		same(t, "export", o.export(t, audit.Query{Ticket: "T", Visible: all}), want)
		slices.Reverse(want)
		p, err := o.Search(t.Context(), audit.Query{Ticket: "T", Visible: all})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "search", p.Records, want)
		checkOrder(t, o.everything(t))
	})
}

// TestSearchTablesAreRebuilt deletes them while the console is stopped.
func TestSearchTablesAreRebuilt(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		request := fullRecord()
		o.append(t, request)
		o.appendTogether(t, mixed(audit.FollowBatch+10))
		q := audit.Query{Action: "operation.", Visible: all}
		want := o.export(t, q)
		o.caughtUp(t)
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		removeSearchTables(t, dsn)
		o = open(t, dsn)
		same(t, "before they are rebuilt", o.export(t, q), want)
		o.caughtUp(t)
		same(t, "after", o.export(t, q), want)
		size, err := o.Size(t.Context())
		if n := number(t, o.search, `SELECT count(*) FROM record`); err != nil || n != size {
			t.Errorf("they know %d of %d records (%v)", n, size, err)
		}
	})
}

// removeSearchTables deletes SQLite's file, and empties PostgreSQL's tables.
func removeSearchTables(t *testing.T, dsn string) {
	t.Helper()
	if migrations.IsPostgres(dsn) {
		db, err := migrations.Open(t.Context(), dsn, migrations.Search)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, db, `TRUNCATE record, open_operation`)
		execute(t, db, `UPDATE followed SET upto = 0`)
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
		engines(t, func(t *testing.T, dsn string) {
			o := open(t, dsn)
			mine := viewed("")
			mine.Actor.UserID = "ann"
			o.append(t, mine, fullRecord(), mine)
			o.caughtUp(t)
			o.unguard(t)
			resume := o.PauseFollower()
			execute(t, o.entry, `DELETE FROM entry`)
			o.rehead(t)
			o.append(t, several(records)...)
			resume()
			if err := o.close(); err != nil {
				t.Fatal(err)
			}
			o = open(t, dsn)
			same(t, "search", o.export(t, audit.Query{Visible: audit.Visibility{UserID: "ann"}}), nil)
			open, err := o.OpenOperations(t.Context())
			if err != nil || len(open) > 0 {
				t.Errorf("open operations: %v (%v)", open, err)
			}
			if n := number(t, o.search, `SELECT count(*) FROM record WHERE user_id = ''`); n != int64(records) {
				t.Errorf("%d records in the search tables, want %d", n, records)
			}
		})
	}
}

func TestOpenOperations(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		of := func(id string, a audit.Action) audit.Record {
			return audit.Record{Action: a, Outcome: audit.OutcomePending, OperationID: id}
		}
		const requested, accepted, rejected, unknown = audit.ActionOperationRequested, audit.ActionOperationAccepted,
			audit.ActionOperationRejected, audit.ActionOperationUnknown
		const observed, notObserved = audit.ActionOperationObserved, audit.ActionOperationNotObserved
		records := o.append(t,
			of("only requested", requested), of("accepted", requested), of("", requested), of("rejected", requested),
			of("accepted", accepted), of("unknown", requested), of("rejected", rejected), of("unknown", unknown),
			of("seen", requested), of("seen", accepted), of("seen", observed),
			of("not seen", requested), of("not seen", unknown), of("not seen", notObserved), of("accepted", audit.ActionTicketViewed),
		)
		check := func() {
			t.Helper()
			got, err := o.OpenOperations(t.Context())
			if err != nil || len(got) != 3 {
				t.Fatalf("got %v (%v)", got, err)
			}
			same(t, "only requested", got[0], []audit.Record{records[0]})
			same(t, "accepted", got[1], []audit.Record{records[1], records[4], records[14]})
			same(t, "unknown", got[2], []audit.Record{records[5], records[7]})
		}
		check()
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		o = open(t, dsn)
		check()
		for _, id := range []string{"", "never"} {
			if got, err := o.Operation(t.Context(), id); err != nil || len(got) > 0 {
				t.Errorf("operation %q: %v (%v)", id, got, err)
			}
		}
	})
}

func TestExport(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.appendTogether(t, mixed(2*audit.MaxLimit+1))
		records := o.everything(t)
		checkOrder(t, records)
		if len(records) != 2*audit.MaxLimit+1 {
			t.Errorf("%d records", len(records))
		}
		o.caughtUp(t)
		for _, q := range []audit.Query{
			{Action: "operation.", Visible: all, Limit: 3}, {Visible: all, After: 10, Before: 900},
			{Outcome: audit.OutcomeFailed, After: 500, Visible: all}, {Visible: audit.Visibility{UserID: "id of ben"}},
		} {
			same(t, fmt.Sprintf("%+v", q), o.export(t, q), matching(q, records))
		}
		stop, n := errors.New("the reader has gone"), 0
		err := o.Export(t.Context(), audit.Query{Visible: all}, func(audit.Record) error {
			if n++; n == audit.MaxLimit+5 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || n != audit.MaxLimit+5 {
			t.Errorf("it stopped after %d records with %v", n, err)
		}
	})
}

// TestExportEnds though every record that it hands out makes another one.
func TestExportEnds(t *testing.T) {
	o := open(t, fresh(t, onSQLite))
	o.append(t, several(3)...)
	n := 0
	err := o.Export(t.Context(), audit.Query{Visible: all}, func(audit.Record) error {
		n++
		_, err := o.Append(t.Context(), viewed("exported"))
		return err
	})
	if err != nil || n != 3 {
		t.Errorf("%d records (%v)", n, err)
	}
}

// FuzzQuery puts any text into the fields of a search.
func FuzzQuery(f *testing.F) {
	o, records := filled(f, fresh(f, onSQLite))
	f.Add("ann", "SCT1", "op-1", "operation.", "failed", "id of ann")
	f.Add("' OR 1=1 --", "", "", "", "", "")
	f.Add("$1", "?", "%", ".", "\x00", "\xff")
	f.Fuzz(func(t *testing.T, person, ticket, operation, action, outcome, user string) {
		q := audit.Query{Person: person, Ticket: ticket, OperationID: operation, Action: audit.Action(action),
			Outcome: audit.Outcome(outcome), Visible: audit.Visibility{UserID: user, Tickets: []string{ticket, user}}}
		same(t, "as a reader", o.export(t, q), matching(q, records))
		q.Visible = all
		same(t, "as a manager", o.export(t, q), matching(q, records))
	})
}
