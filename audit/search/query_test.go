package search_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/audit/verify"
)

var shanghai = time.FixedZone("CST", 8*3600)

func TestParseQuery(t *testing.T) {
	not := func(f search.Field, v string) []search.Filter { return []search.Filter{{Field: f, Value: v}} }
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai)
	for text, want := range map[string]search.Query{
		"":                                {},
		" \t\n ":                          {},
		"actor:ann":                       {Person: "ann"},
		"Actor:Ann":                       {Person: "Ann"},
		"actor：ann":                       {Person: "ann"},
		`actor:"Ann B"`:                   {Person: "Ann B"},
		`actor:"a \"b\" \\ \c"`:           {Person: `a "b" \ \c`},
		"ticket:T id:op-1 ip:::1":         {Ticket: "T", OperationID: "op-1", IP: "::1"},
		"project:north operation:RETRY":   {Project: "north", Operation: "RETRY"},
		"action:operation.":               {Action: "operation."},
		"action:operation":                {Action: "operation."},
		"action:Ticket.Viewed":            {Action: audit.ActionTicketViewed},
		"outcome:failed":                  {Outcome: audit.OutcomeFailed},
		"outcome:accepted":                {Outcome: query.Accepted},
		"outcome:rejected":                {Outcome: query.Rejected},
		"outcome:observed":                {Outcome: query.Confirmed},
		"outcome:not_observed":            {Outcome: query.NotConfirmed},
		"outcome:Not_Confirmed":           {Outcome: query.NotConfirmed},
		"outcome:open":                    {Outcome: audit.OutcomePending},
		"operation:Cancel":                {Operation: query.AnyCancel},
		"operation:CANCEL_ORDER":          {Operation: "CANCEL_ORDER"},
		"approver:demo/ben":               {Approver: "demo/ben"},
		"override:Yes reviewed:no":        {Override: query.Yes, Reviewed: query.No},
		"instance:7 host:web-1":           {Instance: "7", Host: "web-1"},
		"-override:yes":                   {Not: not(query.FieldOverride, "yes")},
		"outcome:unknown":                 {Outcome: audit.OutcomeUnknown},
		"-outcome:accepted":               {Not: not(search.FieldOutcome, "accepted")},
		"-outcome:failed":                 {Not: not(search.FieldOutcome, "failed")},
		"-actor:ann -actor:ann":           {Not: append(not(search.FieldActor, "ann"), not(search.FieldActor, "ann")...)},
		"after:2026-01-01":                {From: day},
		"before:2026-01-01":               {To: day},
		"after:2026-01-01T00:00:00+08:00": {From: day},
		"after:2025-12-31t16:00:00z":      {From: day},
		"disk full":                       {Text: []string{"disk", "full"}},
		`"disk full"`:                     {Text: []string{"disk full"}},
		`"disk f*" re*`:                   {Text: []string{"disk f*", "re*"}},
		"-disk":                           {Not: not(search.FieldText, "disk")},
		`-"disk full"`:                    {Not: not(search.FieldText, "disk full")},
		"重启 -实例":                          {Text: []string{"重启"}, Not: not(search.FieldText, "实例")},
		"10.0.0.1:8080 http://a/b":        {Text: []string{"10.0.0.1:8080", "http://a/b"}},
		`"actor:ann"`:                     {Text: []string{"actor:ann"}},
		"actor:ann actor:ann":             {Person: "ann"},
		"operation:cancel_order":          {Operation: "CANCEL_ORDER"},
		"outcome:declined":                {Outcome: query.Refused},
		"outcome:sent":                    {Outcome: query.Requested},
		// as Chinese keyboards write it
		"ｏｐｅｒａｔｉｏｎ：ｃａｎｃｅｌ": {Operation: query.AnyCancel},
		"ｏｕｔｃｏｍｅ:ＤＥＮＩＥＤ":   {Outcome: query.Denied},
		"ａｆｔｅｒ：２０２６－０１－０１": {From: day},
		"－disk":      {Not: not(search.FieldText, "disk")},
		"−disk":      {Not: not(search.FieldText, "disk")}, // a minus sign, and a dash
		"–actor:ann": {Not: not(search.FieldActor, "ann")},
		"actor:ａｎｎ":  {Person: "ａｎｎ"},
	} {
		if got, err := search.ParseQuery(text, shanghai); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v (%v), want %+v", text, got, err, want)
		}
	}
}

func TestParseQueryErrors(t *testing.T) {
	for text, want := range map[string]search.QueryError{
		"a actr:ann":                           {Start: 2, End: 10, Kind: search.QueryQualifier, Word: "actr:ann", Suggestion: "actor"},
		"重启 zzzzzz:x":                          {Start: 7, End: 15, Kind: search.QueryQualifier, Word: "zzzzzz:x"},
		"text:a":                               {Start: 0, End: 6, Kind: search.QueryQualifier, Word: "text:a"},
		"actor:":                               {Start: 0, End: 6, Kind: search.QueryEmpty, Word: "actor:"},
		"a - b":                                {Start: 2, End: 3, Kind: search.QueryEmpty, Word: "-"},
		`a ""`:                                 {Start: 2, End: 4, Kind: search.QueryEmpty, Word: `""`},
		"-outcome:faild":                       {Start: 9, End: 14, Kind: search.QueryValue, Word: "faild", Suggestion: "failed"},
		"action:operation.rejct":               {Start: 7, End: 22, Kind: search.QueryValue, Word: "operation.rejct", Suggestion: "operation.rejected"},
		"outcome:entirely":                     {Start: 8, End: 16, Kind: search.QueryValue, Word: "entirely"},
		"after:tomorrow":                       {Start: 6, End: 14, Kind: search.QueryTime, Word: "tomorrow"},
		"after:0x5h":                           {Start: 6, End: 10, Kind: search.QueryTime, Word: "0x5h"},
		"last night after:24h":                 {Start: 11, End: 20, Kind: search.QueryTwice, Word: "after:24h"},
		"before:1h  Last  night":               {Start: 11, End: 22, Kind: search.QueryTwice, Word: "Last  night"},
		"override:perhaps":                     {Start: 9, End: 16, Kind: search.QueryValue, Word: "perhaps"},
		"before:2026-02-30":                    {Start: 7, End: 17, Kind: search.QueryTime, Word: "2026-02-30"},
		"-after:2026-01-01":                    {Start: 0, End: 17, Kind: search.QueryNegated, Word: "-after:2026-01-01"},
		"actor:a actor:b":                      {Start: 8, End: 15, Kind: search.QueryTwice, Word: "actor:b"},
		"after:2026-01-01 after:2026-01-02":    {Start: 17, End: 33, Kind: search.QueryTwice, Word: "after:2026-01-02"},
		`x "disk full`:                         {Start: 2, End: 12, Kind: search.QueryQuote, Word: `"disk full`, Suggestion: `"disk full"`},
		"-last night":                          {Start: 0, End: 11, Kind: search.QueryNegated, Word: "-last night"},
		"－ｌａｓｔ　ｎｉｇｈｔ":                          {Start: 0, End: 33, Kind: search.QueryNegated, Word: "－ｌａｓｔ　ｎｉｇｈｔ"},
		"before:2026-01-01 a after:2026-01-02": {Start: 20, End: 36, Kind: search.QueryOrder, Word: "after:2026-01-02"},
		"after:24h before:2d":                  {Start: 10, End: 19, Kind: search.QueryOrder, Word: "before:2d"},
		"a —":                                  {Start: 2, End: 5, Kind: search.QueryWord, Word: "—"},
		"-!":                                   {Start: 0, End: 2, Kind: search.QueryWord, Word: "-!"},
	} {
		_, err := search.ParseQuery(text, time.UTC)
		got, ok := errors.AsType[*search.QueryError](err)
		if !ok || *got != want {
			t.Errorf("%q: %+v, want %+v", text, err, want)
		}
	}
}

// FuzzParseQuery: what is understood is written so that it is understood the
// same, and errors point into the text.
func FuzzParseQuery(f *testing.F) {
	for _, text := range []string{`actor:"Ann \"B\"" -ticket:T after:2026-01-01`, `before:2026-01-01T10:00:00.5+02:00 "a b"`, "-重启 id:x",
		"outcome:accepted -outcome:failed", "a:b", "--", `-"x*"`, "actor：-x", "after:0001-01-01", "http://x \xff",
		"after:24h before:yesterday", "last night", `"last" night`, "Last\u00a0Night x", "昨晚 nginx", "after:2026-11-01T01:30 before:2026-11-01T01:30",
		"override:yes -reviewed:no host:WEB-1 instance:7 approver:a/b operation:cancel", "ｎｇｉｎｘ"} {
		f.Add(text)
	}
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		newYork = shanghai
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, zone := range []*time.Location{time.UTC, newYork} {
			language := query.Language{Zone: zone, Now: time.Date(2026, 11, 2, 3, 4, 5, 6, time.UTC)}
			q, err := language.Parse(text)
			if e, ok := errors.AsType[*search.QueryError](err); err != nil {
				if !ok || e.Start < 0 || e.Start > e.End || e.End > len(text) || text[e.Start:e.End] != e.Word {
					t.Fatalf("%q: %+v", text, err)
				}
				continue
			}
			again, err := language.Parse(q.String())
			if err != nil || !sameQuery(q, again) || again.String() != q.String() {
				t.Errorf("%q: %+v, written %q, read %+v (%v)", text, q, q.String(), again, err)
			}
		}
	})
}

func sameQuery(a, b search.Query) bool {
	times := a.From.Equal(b.From) && a.To.Equal(b.To) && a.FromAs.Text == b.FromAs.Text && a.ToAs.Text == b.ToAs.Text
	for _, q := range []*search.Query{&a, &b} {
		q.From, q.To, q.FromAs, q.ToAs = time.Time{}, time.Time{}, query.Relative{}, query.Relative{}
	}
	return times && reflect.DeepEqual(a, b)
}

func TestCountIsCapped(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		resume := o.PauseFollower(t)
		record := func(int) audit.Record { r := audittest.Viewed(""); r.Reason = "disk"; return r }
		o.Fill(t, search.MaxCount+1, record)
		check := func(when string) {
			t.Helper()
			for _, q := range []search.Query{{Visible: audittest.All}, {Text: []string{"disk"}, Visible: audittest.All}} {
				if n, more, err := o.Index.Count(t.Context(), q); err != nil || n != search.MaxCount || !more {
					t.Errorf("%s: %d, %v (%v)", when, n, more, err)
				}
				f, err := o.Index.Facets(t.Context(), q)
				if err != nil || f.Counted != search.MaxFaceted || !f.More || f.Actions[0].Count != search.MaxFaceted {
					t.Errorf("%s: %+v (%v)", when, f, err)
				}
			}
		}
		check("at once")
		resume()
		o.CaughtUp(t)
		check("followed")
	})
}

func TestComplete(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		record := func(user, ticket string, a audit.Action) audit.Record {
			return audit.Record{Action: a, Outcome: audit.OutcomeSucceeded, Actor: audit.Actor{UserID: "id of " + user, UserName: user, ProjectName: "P of " + user},
				Ticket: ticket, Origin: audit.Origin{Address: "10.0.0.1"}, OperationType: "RETRY"}
		}
		host := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationType: "CANCEL_INSTANCE",
			OperationID: "op-1", InstanceID: 7, Target: "web-1 (10.0.0.7)"}
		granted := audit.Record{Action: audit.ActionApprovalGranted, Outcome: audit.OutcomeSucceeded,
			Actor: audit.Actor{UserID: "id of rex", UserName: "rex", AccountName: "demo"}, OperationID: "op-1"}
		o.AppendEach(t, host, granted, record("Ann", "T1", audit.ActionTicketViewed), record("anton", "T2", audit.ActionOperationObserved))
		o.CaughtUp(t)
		defer o.PauseFollower(t)()
		o.AppendEach(t, record("ben", "T3", audit.ActionOperationObserved), record("Ann", "T1", audit.ActionTicketViewed)) // not followed
		ben := search.Visibility{UserID: "id of ben", Tickets: []string{"T2"}}
		for _, tc := range []struct {
			field  search.Field
			prefix string
			v      search.Visibility
			want   []string
		}{
			{search.FieldActor, "", audittest.All, []string{"Ann", "ben", "anton", "rex"}},
			{search.FieldActor, "AN", audittest.All, []string{"Ann", "anton"}},
			{search.FieldActor, "x", audittest.All, nil},
			{search.FieldActor, "%", audittest.All, nil},
			{search.FieldActor, "\x00", audittest.All, nil},
			{search.FieldActor, "", ben, []string{"ben", "anton"}},
			{search.FieldActor, "an", ben, []string{"anton"}},
			{search.FieldActor, "", search.Visibility{}, nil},
			{search.FieldTicket, "t", audittest.All, []string{"T1", "T3", "T2"}},
			{search.FieldTicket, "", ben, []string{"T3", "T2"}},
			{search.FieldProject, "p of b", audittest.All, []string{"P of ben"}},
			{search.FieldAction, "operation.", audittest.All, []string{"operation.observed", "operation.requested"}},
			{search.FieldOutcome, "co", audittest.All, []string{"confirmed"}},
			{query.FieldOverride, "", audittest.All, []string{"yes", "no"}},
			{query.FieldReviewed, "n", ben, []string{"no"}},
			{query.FieldApprover, "", audittest.All, []string{"demo/rex"}},
			{query.FieldApprover, "r", audittest.All, []string{"rex"}},
			{"after", "2", ben, []string{"24h"}},
			{"before", "y", ben, []string{"yesterday"}},
			{query.FieldHost, "WEB", audittest.All, []string{"web-1"}},
			{query.FieldHost, "", ben, nil},
			{query.FieldInstance, "", audittest.All, []string{"7"}},
			{search.FieldType, "c", audittest.All, []string{"CANCEL_INSTANCE", "cancel"}},
			{search.FieldIP, "10", audittest.All, []string{"10.0.0.1"}},
			{search.FieldType, "r", audittest.All, []string{"RETRY"}},
			{search.FieldText, "", audittest.All, nil},
			{search.FieldOperation, "", audittest.All, nil},
		} {
			if got, err := o.Index.Complete(t.Context(), tc.field, tc.prefix, tc.v); err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%s %q for %+v: %q (%v), want %q", tc.field, tc.prefix, tc.v, got, err, tc.want)
			}
		}
	})
}

func TestReindex(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendTogether(t, audittest.Mixed(2*search.FollowBatch))
		o.CaughtUp(t)
		q := search.Query{Text: []string{"disk"}, Visible: audittest.All}
		want := o.Export(t, q)
		audittest.Execute(t, o.Tables, `DELETE FROM record WHERE seq < 100`)
		if o.OnSQLite() {
			audittest.Execute(t, o.Tables, `DELETE FROM record_text WHERE rowid < 100`)
		}
		var done, total int64
		if err := o.Index.Reindex(t.Context(), func(d, n int64) { done, total = d, n }); err != nil || done != total || total != 2*search.FollowBatch {
			t.Errorf("%d of %d (%v)", done, total, err)
		}
		audittest.Same(t, "after", o.Export(t, q), want)
		if r := o.MustVerify(t, verify.Options{Search: o.Index}); !r.OK() {
			t.Error(r.Findings)
		}
	})
}

// TestPrunedWordsAreGone: what was pruned is not found, nor left in the index.
func TestPrunedWordsAreGone(t *testing.T) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			o := open(t, audittest.Fresh(t, engine))
			records := audittest.Several(600)
			for i := range records {
				records[i].Reason = fmt.Sprintf("disk secret%d", i)
				records[i].Ticket = fmt.Sprintf("T%d", i)
			}
			written := o.AppendEach(t, records...)
			if n, err := o.Prune(t.Context(), written[520].Time, audit.Actor{}); err != nil || n != 512 {
				t.Fatal(n, err)
			}
			check := func(when string) {
				t.Helper()
				for _, q := range []search.Query{{Text: []string{"secret7"}, Visible: audittest.All}, {Ticket: "T7", Visible: audittest.All}} {
					if got := o.Export(t, q); len(got) != 0 {
						t.Errorf("%s: %+v", when, got)
					}
				}
				if n, more, err := o.Index.Count(t.Context(), search.Query{Text: []string{"disk"}, Visible: audittest.All}); n != 88 || more || err != nil {
					t.Errorf("%s: %d are left (%v)", when, n, err)
				}
				if got, err := o.Index.Complete(t.Context(), search.FieldTicket, "t7", audittest.All); err != nil || slices.Contains(got, "T7") {
					t.Errorf("%s: %q (%v)", when, got, err)
				}
			}
			check("pruned")
			if o.OnSQLite() {
				audittest.Execute(t, o.Tables, `CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, record_text, row)`)
				var words string
				if err := o.Tables.Write.QueryRowContext(t.Context(), `SELECT group_concat(term, ' ') FROM temp.words`).Scan(&words); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(words+" ", "secret7 ") || !strings.Contains(words+" ", "secret599 ") {
					t.Errorf("the index has the words %s", words)
				}
			}
			if err := o.Index.Reindex(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			check("built again")
		})
	}
}
