package policy_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coc-console/internal/policy"
)

const directory = `{
  "roles": {"managers": ["acme/maria"], "on-call": ["acme/otto"]},
  "teams": {"payments": ["acme/ana", "acme/anton"], "search": ["acme/sven"]}
}`

// people by what they are to the tickets below, all of which ana's team made
// unless their name says otherwise.
var people = map[string]policy.Person{
	"creator":  {UserID: "1", UserName: "ana", AccountName: "acme"},
	"teammate": {UserID: "2", UserName: "anton", AccountName: "acme"},
	"stranger": {UserID: "3", UserName: "sven", AccountName: "acme"},
	"manager":  {UserID: "4", UserName: "maria", AccountName: "acme"},
	"on-call":  {UserID: "5", UserName: "otto", AccountName: "acme"},
	"namesake": {UserID: "6", UserName: "ana", AccountName: "other"},
	"nobody":   {},
}

// sizes are what an operation stops, of 200 instances.
var sizes = map[string]policy.Ticket{
	"one":       {Stops: 1, Running: 1},
	"few":       {Stops: 5, Running: 3},
	"waiting":   {Stops: 100},
	"many":      {Stops: 40, Running: 21},
	"whole":     {Stops: 200, Running: 20},
	"nothing":   {},
	"ownerless": {Stops: 1, Running: 1},
}

var operations = []policy.Action{"CANCEL_INSTANCE", "SKIP_BATCH", "CANCEL_ORDER", "PAUSE_ORDER", "CONTINUE_ORDER"}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, policies string) *policy.Rules {
	t.Helper()
	f := policy.Files{Directory: write(t, "directory.json", directory)}
	if policies != "" {
		f.Policy = write(t, "rules.cedar", policies)
	}
	r, err := policy.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ticket(size string) *policy.Ticket {
	x := sizes[size]
	x.ID, x.Name, x.Account, x.Project, x.Status, x.Total = "SCT1", "restart", "acme", "eu", "PROCESSING", 200
	if size != "ownerless" {
		x.Creator = "ana"
	}
	return &x
}

// expected is the default told in words and in Go, for the table of the test.
func expected(who, size string, op policy.Action) (mayEver, reason, count bool) {
	x := sizes[size]
	switch who {
	case "creator", "teammate":
		mayEver = size != "ownerless"
	case "manager", "on-call":
		mayEver = true
	}
	reason = x.Stops > 1
	count = op == "CANCEL_ORDER" && x.Stops > 1 || x.Running > 20
	return mayEver, reason, count
}

// TestDefaultTable holds every cell of person × operation × ticket × what the
// person has done against the default as it is told in the documentation.
func TestDefaultTable(t *testing.T) {
	r := load(t, "")
	for who, person := range people {
		for size := range sizes {
			for _, op := range operations {
				for done := range 16 {
					c := policy.Circumstances{Reason: done&1 > 0, Counted: done&2 > 0, Approved: done&4 > 0, Override: done&8 > 0}
					name := fmt.Sprintf("%s %s %s %+v", who, op, size, c)
					d := r.Decide(policy.Request{Person: person, Action: op, Ticket: ticket(size), Circumstances: c})
					may, reason, count := expected(who, size, op)
					met := c.Counted || c.Approved || c.Override && c.Reason && who == "on-call"
					wantReason, wantCount := reason && !c.Reason, count && !met
					allowed := may && !wantReason && !wantCount
					if d.Allowed != allowed || d.Denied() == may {
						t.Errorf("%s: allowed %v, denied %v: %+v", name, d.Allowed, d.Denied(), d)
					}
					if may && (d.Wants(policy.Reason) != wantReason || d.Wants(policy.Count) != wantCount ||
						d.Wants(policy.Approval) != wantCount) {
						t.Errorf("%s: demands %+v", name, d.Demands)
					}
					if override := may && who == "on-call" && wantCount && !c.Override; d.Override != override {
						t.Errorf("%s: override %v", name, d.Override)
					}
				}
			}
		}
	}
}

func TestDefaultRights(t *testing.T) {
	r := load(t, "")
	for who, person := range people {
		for action, want := range map[policy.Action]bool{policy.Review: who == "manager", policy.Export: who == "manager"} {
			if d := r.Decide(policy.Request{Person: person, Action: action}); d.Allowed != want || len(d.Demands) > 0 {
				t.Errorf("%s %s: %+v", who, action, d)
			}
		}
		if d := r.Decide(policy.Request{Person: person, Action: policy.View, Ticket: ticket("one")}); !d.Allowed {
			t.Errorf("%s may not look: %+v", who, d)
		}
		for _, requester := range people {
			x := ticket("many")
			x.Requester = requester.UserID
			want := requester != person && (who == "creator" || who == "teammate" || who == "manager")
			if d := r.Decide(policy.Request{Person: person, Action: policy.Approve, Ticket: x}); d.Allowed != want {
				t.Errorf("%s approves what %s asked: %+v", who, requester.UserName, d)
			}
		}
	}
}

// TestMembersByID: an id names somebody whatever they are called.
func TestMembersByID(t *testing.T) {
	r, err := policy.Load(policy.Files{Default: `{"roles": {"on-call": ["id:3"]}, "teams": {"search": ["id:3", "acme/sven"]}}`, Managers: []string{"id:3"}})
	if err != nil {
		t.Fatal(err)
	}
	renamed := policy.Person{UserID: "3", UserName: "sven-2", AccountName: "acme"}
	if roles, teams := r.RolesOf(renamed), r.TeamsOf(people["stranger"]); len(roles) != 2 || len(teams) != 1 {
		t.Errorf("roles %v, teams %v", roles, teams)
	}
	if roles := r.RolesOf(policy.Person{UserName: "sven", AccountName: "acme"}); len(roles) != 0 {
		t.Errorf("roles %v by the name alone", roles)
	}
	for _, m := range []string{"group:", "group: a", "group:a\nb", "id:", "id:a/b", "id: 3", " a/b", "/b", "a/"} {
		if policy.CheckMember(m) == nil {
			t.Errorf("%q is a member", m)
		}
	}
}

func TestDenialSays(t *testing.T) {
	r := load(t, "")
	d := r.Decide(policy.Request{Person: people["stranger"], Action: "CANCEL_ORDER", Ticket: ticket("one")})
	if !d.Denied() || len(d.Policies) > 0 || !slices.Equal(d.Ask, []string{"acme/maria"}) {
		t.Errorf("nothing permits: %+v", d)
	}
	x := ticket("one")
	x.Requester = "4"
	d = r.Decide(policy.Request{Person: people["manager"], Action: policy.Approve, Ticket: x})
	if !slices.Equal(d.Policies, []string{"never-ones-own"}) || d.Text.English == "" || d.Text.Chinese == "" {
		t.Errorf("forbidden: %+v", d)
	}
	d = r.Decide(policy.Request{Person: people["manager"], Action: "CANCEL_ORDER", Ticket: ticket("whole"),
		Circumstances: policy.Circumstances{Reason: true}})
	if len(d.Demands) != 1 || d.Demands[0].Policy != "count-what-stops" || d.Needs(policy.Count) {
		t.Errorf("demanded: %+v", d)
	}
}

// TestFailsClosed: a rule that cannot be evaluated denies, though another permits.
func TestFailsClosed(t *testing.T) {
	r := load(t, `@id("all") permit (principal, action, resource);
		@id("sum") forbid (principal, action in Action::"operate", resource) when { resource.total * 9223372036854775807 == 1 };`)
	d := r.Decide(policy.Request{Person: people["manager"], Action: "PAUSE_ORDER", Ticket: ticket("one")})
	if !d.Denied() || len(d.Failed) != 1 || !strings.HasPrefix(d.Failed[0], "sum: ") {
		t.Errorf("%+v", d)
	}
}

func TestTimeOfDay(t *testing.T) {
	r := load(t, `@id("day") permit (principal, action, resource) when { context.weekday <= 5 && context.hour >= 8 && context.hour < 18 };`)
	for text, want := range map[string]bool{
		"2026-11-20T08:00:00Z": true, "2026-11-20T17:59:59Z": true, "2026-11-20T18:00:00Z": false, // a Friday
		"2026-11-22T12:00:00Z": false, // a Sunday
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		d := r.Decide(policy.Request{Person: people["manager"], Action: "PAUSE_ORDER", Ticket: ticket("one"), Circumstances: policy.Circumstances{At: at}})
		if d.Allowed != want {
			t.Errorf("%s: %+v", text, d)
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	permit := `@id("all") permit (principal, action, resource);`
	for name, x := range map[string]struct{ policies, directory, want string }{
		"syntax":          {`@id("a") permit (principal, action`, "", "rules.cedar"},
		"empty":           {" ", "", "no policy"},
		"no id":           {`permit (principal, action, resource);`, "", "line 1"},
		"twice":           {permit + "\n" + permit, "", `line 2: a second policy with the id "all"`},
		"attribute":       {`@id("a") permit (principal, action, resource) when { resource.nane == "x" };`, "", "nane"},
		"action":          {`@id("a") permit (principal, action == Action::"PAUSE", resource);`, "", "PAUSE"},
		"type":            {`@id("a") permit (principal, action in Action::"operate", resource) when { resource.total == "x" };`, "", "line 1"},
		"demand":          {permit + "\n" + `@id("a") @demand("prayer") forbid (principal, action, resource);`, "", "line 2"},
		"demand, permit":  {`@id("a") @demand("reason") permit (principal, action, resource);`, "", "@demand stands on a forbid"},
		"directory":       {permit, `{"roles": {"managers": "acme/maria"}}`, "directory.json"},
		"directory, more": {permit, `{} {}`, "follows"},
		"field":           {permit, `{"role": {}}`, "role"},
		"member":          {permit, `{"teams": {"a": ["maria"]}}`, `"maria" is neither account/user`},
		"nameless":        {permit, `{"teams": {" ": ["a/b"]}}`, "without a name"},
	} {
		t.Run(name, func(t *testing.T) {
			f := policy.Files{Policy: write(t, "rules.cedar", x.policies)}
			if x.directory != "" {
				f.Directory = write(t, "directory.json", x.directory)
			}
			if _, err := policy.Load(f); err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("error %v, want one with %q", err, x.want)
			}
		})
	}
	if _, err := policy.Load(policy.Files{Policy: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a file that is not there was loaded")
	}
}

// TestReload: a broken file leaves the rules of before in force, a good one
// replaces them.
func TestReload(t *testing.T) {
	path := write(t, "rules.cedar", `@id("all") permit (principal, action, resource);`)
	s, err := policy.Open(policy.Files{Policy: path}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	allowed := func() bool {
		return s.Decide(policy.Request{Person: people["nobody"], Action: policy.Review}).Allowed
	}
	change := func(text string) (bool, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return s.Check()
	}
	if is, err := s.Check(); is || err != nil {
		t.Errorf("unchanged: %v %v", is, err)
	}
	if is, err := change(`permit`); !is || err == nil || s.Broken() == nil || !allowed() {
		t.Errorf("broken: %v %v %v", is, err, s.Broken())
	}
	if is, err := change(`@id("none") forbid (principal, action, resource);`); !is || err != nil || s.Broken() != nil || allowed() {
		t.Errorf("mended: %v %v %v", is, err, s.Broken())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if is, err := s.Check(); !is || err == nil || s.Broken() == nil {
		t.Errorf("removed: %v %v", is, err)
	}
}

// TestDemandsSuffice: whoever meets every demand of a decision is allowed, and
// whoever is denied is not helped by anything.
func TestDemandsSuffice(t *testing.T) {
	r := load(t, "")
	who, size := slices.Sorted(keys(people)), slices.Sorted(keys(sizes))
	rapid.Check(t, func(t *rapid.T) {
		q := policy.Request{Person: people[rapid.SampledFrom(who).Draw(t, "who")], Action: rapid.SampledFrom(operations).Draw(t, "operation"),
			Ticket: ticket(rapid.SampledFrom(size).Draw(t, "size")),
			Circumstances: policy.Circumstances{Reason: rapid.Bool().Draw(t, "reason"), Counted: rapid.Bool().Draw(t, "counted"),
				Bulk: rapid.IntRange(0, 50).Draw(t, "bulk")}}
		d := r.Decide(q)
		all := q
		all.Reason, all.Counted, all.Approved, all.Override = true, true, true, true
		if d.Denied() && r.Decide(all).Allowed {
			t.Errorf("denied, though something helps: %+v", d)
		}
		for _, demand := range d.Demands {
			for _, k := range demand.Any[:1] {
				q.Reason, q.Counted, q.Approved = q.Reason || k == policy.Reason, q.Counted || k == policy.Count, q.Approved || k == policy.Approval
			}
		}
		if !d.Denied() && !r.Decide(q).Allowed {
			t.Errorf("all demands met, and not allowed: %+v", d)
		}
	})
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(policy.Default(), directory)
	f.Add(`@id("a") @demand("reason or count") forbid (principal, action, resource);`, `{"teams":{"a":["b/c"]}}`)
	f.Fuzz(func(t *testing.T, policies, listed string) {
		r, err := policy.Load(policy.Files{Policy: write(t, "p", policies), Directory: write(t, "d", listed)})
		if err != nil {
			return
		}
		d := r.Decide(policy.Request{Person: people["stranger"], Action: "CANCEL_ORDER", Ticket: ticket("many")})
		if d.Allowed && (len(d.Demands) > 0 || len(d.Failed) > 0 || len(d.Policies) == 0) {
			t.Errorf("%+v", d)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	r := load(b, "")
	for _, x := range []struct{ name, who, size string }{{"allowed", "creator", "one"}, {"demanded", "creator", "whole"}, {"denied", "stranger", "one"}} {
		b.Run(x.name, func(b *testing.B) {
			q := policy.Request{Person: people[x.who], Action: "CANCEL_ORDER", Ticket: ticket(x.size)}
			for i := 0; b.Loop(); i++ {
				q.Ticket.ID = strconv.Itoa(i) // a new request
				r.Decide(q)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}
