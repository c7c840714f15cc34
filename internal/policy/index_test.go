package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What generated policies are made of.
var (
	principals = []string{"principal", `principal == User::"acme/ana"`, `principal in User::"acme/ana"`, `principal in Team::"payments"`,
		`principal in Role::"managers"`, `principal is User`, `principal is User in Team::"search"`}
	scopesOfActions = []string{"action", `action == Action::"view"`, `action in Action::"operate"`, `action == Action::"CANCEL_ORDER"`,
		`action in [Action::"operate", Action::"approve"]`, `action in Action::"review"`}
	resources  = []string{"resource", `resource == Ticket::"SCT1"`, `resource in Team::"payments"`, `resource is Ticket in Team::"search"`}
	conditions = []string{`principal.name == "ana"`, `"acme" == principal.account`, `resource.name == "restart" && resource.project == "eu"`,
		`resource.creator != "" && resource.creator == principal.name`, `resource.total * 9223372036854775807 == 1`,
		`resource.name == "restart" && resource.total * 9223372036854775807 == 1`,
		`resource.total * 9223372036854775807 == 1 && resource.name == "restart"`, `context.bulk > 1`,
		`principal.name == "ana" || resource.stops > 1`, `["restart"].contains(resource.name)`, `!(resource.name == "restart")`,
		`if principal.name == "ana" then resource.stops > 3 else true`, `"a" == "a" && resource.name == "restart"`, `context.reason`}
	demandsOf = []string{"", "", `@demand("reason")`, `@demand("count or approval")`}
)

// drawPolicies makes policies that fit the schema.
func drawPolicies(t *rapid.T) string {
	draw := func(from []string, what string) string { return rapid.SampledFrom(from).Draw(t, what) }
	var kept []string
	for i := range rapid.IntRange(1, 12).Draw(t, "policies") {
		var b strings.Builder
		fmt.Fprintf(&b, `@id("p%d") `, i)
		if rapid.Bool().Draw(t, "permit") {
			b.WriteString("permit")
		} else {
			b.WriteString(draw(demandsOf, "demand") + " forbid")
		}
		fmt.Fprintf(&b, " (%s, %s, %s)", draw(principals, "principal"), draw(scopesOfActions, "action"), draw(resources, "resource"))
		for range rapid.IntRange(0, 2).Draw(t, "conditions") {
			fmt.Fprintf(&b, " %s { %s }", draw([]string{"when", "when", "unless"}, "kind"), draw(conditions, "condition"))
		}
		if text := b.String() + ";"; compiles(text) {
			kept = append(kept, text)
		}
	}
	return strings.Join(kept, "\n")
}

func compiles(text string) bool {
	_, err := compile("drawn", []byte(text))
	return err == nil
}

func drawRequest(t *rapid.T) Request {
	draw := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
	q := Request{Person: Person{UserID: draw("id", "1", "2"), UserName: draw("user", "ana", "sven", "maria"), AccountName: draw("account", "acme", "other")},
		Action: Action(draw("action", "view", "approve", "review", "sign-in", "CANCEL_ORDER", "PAUSE_ORDER", "NEW_ORDER")),
		Circumstances: Circumstances{Reason: rapid.Bool().Draw(t, "reason"), Counted: rapid.Bool().Draw(t, "counted"),
			Override: rapid.Bool().Draw(t, "override"), Bulk: rapid.IntRange(0, 3).Draw(t, "bulk")}}
	if rapid.IntRange(0, 9).Draw(t, "ticket") > 0 {
		q.Ticket = &Ticket{ID: draw("ticket", "SCT1", "SCT2"), Name: draw("name", "restart", "reload"), Creator: draw("creator", "", "ana", "sven"),
			Account: "acme", Project: draw("project", "eu", "us"), Total: 20, Stops: rapid.IntRange(0, 5).Draw(t, "stops")}
	}
	return q
}

// TestIndexDecidesTheSame: the policies that the index finds decide as all of them do, failures included.
func TestIndexDecidesTheSame(t *testing.T) {
	decisive := 0
	rapid.Check(t, func(t *rapid.T) {
		text := drawPolicies(t)
		if text == "" {
			return
		}
		r, err := compile("drawn", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if r.directory, err = parseDirectory([]byte(`{"roles": {"managers": ["acme/maria"]},
			"teams": {"payments": ["acme/ana"], "search": ["acme/sven", "id:2"]}}`), nil); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			q := drawRequest(t)
			entities, request := r.entities(q, r.groupsIn(q))
			want := r.decide(r.policies, entities, request, q.Circumstances)
			want.Asked, want.Groups = q, r.groupsIn(q)
			for range 2 { // decided, and remembered
				if diff := cmp.Diff(want, r.Decide(q)); diff != "" {
					t.Fatalf("%+v (-all policies, +those of the index)\n%s\n%s", q, diff, text)
				}
			}
			decisive += len(want.Policies) + len(want.Failed)
		}
	})
	if decisive == 0 {
		t.Error("no policy decided anything")
	}
}

// TestIndexFindsFew: of policies for one person, team or ticket each, a request meets those that are about it.
func TestIndexFindsFew(t *testing.T) {
	r := thousand(t)
	entities, request := r.entities(manyQuestion(17), r.groupsIn(manyQuestion(17)))
	if found := r.indexes["CANCEL_ORDER"].find(entities, request); len(found) > 12 {
		t.Errorf("%d policies are evaluated", len(found))
	}
	if d := r.Decide(manyQuestion(17)); !slices.Equal(d.Policies, []string{"user-17"}) || !d.Allowed {
		t.Errorf("%+v", d)
	}
}

// TestIndexKeepsFailures: a policy about what is not there fails, and is not left out.
func TestIndexKeepsFailures(t *testing.T) {
	r, err := compile("one", []byte(`@id("name") forbid (principal, action in Action::"operate", resource) when { resource.name == "x" };`))
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Decide(Request{Action: "PAUSE_ORDER"}); len(d.Failed) != 1 {
		t.Errorf("%+v", d)
	}
}

// TestQuestions: whatever policies can ask about makes another question.
func TestQuestions(t *testing.T) {
	q := Request{Ticket: &Ticket{Regions: []string{"a", "b"}}, Circumstances: Circumstances{At: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}}
	base := questionOf(q)
	fields := func(v reflect.Value) (all []reflect.Value) {
		for _, f := range v.Fields() {
			all = append(all, f)
		}
		return all
	}
	all := slices.Concat(fields(reflect.ValueOf(&q.Person).Elem()), fields(reflect.ValueOf(q.Ticket).Elem()),
		fields(reflect.ValueOf(&q.Circumstances).Elem()), []reflect.Value{reflect.ValueOf(&q.Action).Elem()})
	for i, f := range all {
		before := reflect.ValueOf(f.Interface())
		switch f.Kind() {
		case reflect.String:
			f.SetString("other")
		case reflect.Int:
			f.SetInt(7)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{`a"b`}))
		default:
			f.Set(reflect.ValueOf(q.At.Add(time.Hour)))
		}
		if questionOf(q) == base {
			t.Errorf("field %d of %d makes no difference", i, len(all))
		}
		f.Set(before)
	}
	if q.Windows = []string{"freeze"}; questionOf(q) == base {
		t.Error("no windows make no difference")
	}
	q.Windows = nil
	if q.Ticket = nil; questionOf(q) == base {
		t.Error("no ticket makes no difference")
	}
}

// thousand are the default policies and 1,000 more: a third each for one person, one team and one script.
func thousand(t testing.TB) *Rules {
	t.Helper()
	var b strings.Builder
	b.WriteString(Default())
	for i := range 334 {
		fmt.Fprintf(&b, `@id("user-%d") permit (principal == User::"acme/user-%[1]d", action in Action::"operate", resource) when { resource.total > 0 };
			@id("team-%[1]d") permit (principal in Team::"team-%[1]d", action, resource);
			@id("script-%[1]d") forbid (principal, action in Action::"operate", resource) when { resource.name == "script-%[1]d" && resource.stops > 20 };
			`, i)
	}
	r, err := compile("many", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func manyQuestion(i int) Request {
	return Request{Person: Person{UserID: "1", UserName: fmt.Sprint("user-", i%334), AccountName: "acme"}, Action: "CANCEL_ORDER",
		Ticket: &Ticket{ID: fmt.Sprint("SCT", i), Name: fmt.Sprint("script-", i%334), Account: "acme", Total: 20, Stops: 1}}
}

// BenchmarkThousandPolicies decides requests that nobody has made before.
func BenchmarkThousandPolicies(b *testing.B) {
	r := thousand(b)
	for _, all := range []bool{false, true} {
		b.Run(fmt.Sprintf("all=%v", all), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if q := manyQuestion(i); all {
					entities, request := r.entities(q, r.groupsIn(q))
					r.decide(r.policies, entities, request, q.Circumstances)
				} else {
					r.Decide(q)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}

// TestIndexFindsWhatFailsFirst: a policy that fails before it comes to the guard it is found by is found too.
func TestIndexFindsWhatFailsFirst(t *testing.T) {
	r, err := compile("failing", []byte(`@id("first") permit (principal, action, resource);
		@id("fails") forbid (principal, action == Action::"approve", resource)
			when { resource.name == "restart" } when { principal.account == "acme" };
		@id("fails, too") forbid (principal, action == Action::"approve", resource)
			when { resource.name == "restart" } when { principal.name == "ana" };`))
	if err != nil {
		t.Fatal(err)
	}
	d := r.Decide(Request{Action: Approve, Person: Person{AccountName: "other"}}) // on no ticket, which has a name
	if len(d.Failed) != 2 || d.Allowed {
		t.Errorf("%+v; want two failures", d)
	}
}
