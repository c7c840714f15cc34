package policy_test

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/internal/policy"
)

const (
	freeze = `
		@id("look") permit (principal, action == Action::"view", resource);
		@id("all") permit (principal, action in Action::"operate", resource);
		@id("freeze") @en("Nothing is changed in a freeze.") forbid (principal, action in Action::"operate", resource)
			when { context.calendar.contains("freeze") } unless { principal in Role::"on-call" };
		@id("quiet") @demand("reason") forbid (principal, action in Action::"operate", resource)
			when { !context.calendar.isEmpty() } unless { context.reason };`
	dates = `{"zone": "UTC", "windows": [
		{"name": "freeze", "from": "Fri 16:00", "to": "Mon 08:00"},
		{"name": "freeze", "from": "2026-12-23 00:00", "to": "2026-12-25 16:00"},
		{"name": "night", "from": "Wed 00:00", "to": "Wed 06:00"}]}`
)

func dated(t testing.TB) policy.Files {
	t.Helper()
	return policy.Files{Policy: write(t, "rules.cedar", freeze), Directory: write(t, "directory.json", directory),
		Calendar: write(t, "dates.json", dates)}
}

func asked(who string, at time.Time) policy.Request {
	return policy.Request{Person: people[who], Action: "PAUSE_ORDER", Ticket: ticket("one"),
		Circumstances: policy.Circumstances{At: at}}
}

// TestFreeze: a window stops people while it is in force, whoever has the role passes, and the decision says which
// window stops them and when it ends; the same question gets another answer at another time.
func TestFreeze(t *testing.T) {
	r, err := policy.Load(dated(t))
	if err != nil {
		t.Fatal(err)
	}
	if warnings := r.Warnings(); slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "window") }) {
		t.Errorf("%q", warnings)
	}
	thursday, friday := time.Date(2026, 3, 5, 16, 0, 0, 0, time.UTC), time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)
	christmas, night := time.Date(2026, 12, 23, 16, 0, 0, 0, time.UTC), time.Date(2026, 3, 4, 1, 0, 0, 0, time.UTC)
	for range 2 { // the second answers are remembered
		if d := r.Decide(asked("creator", thursday)); !d.Allowed || d.Windows != nil || strings.Contains(d.Input(), "calendar") {
			t.Errorf("before: %+v", d)
		}
		d := r.Decide(asked("creator", friday))
		if !d.Denied() || !slices.Equal(d.Policies, []string{"freeze"}) || len(d.Windows) != 1 || d.Windows[0].Name != "freeze" ||
			!d.Windows[0].End.Equal(time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)) || !strings.HasSuffix(d.Input(), `,"calendar":["freeze"]}`) {
			t.Errorf("in the freeze: %+v, %s", d, d.Input())
		}
		d = r.Decide(asked("creator", christmas))
		if len(d.Windows) != 1 || !d.Windows[0].End.Equal(time.Date(2026, 12, 28, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("at Christmas: %+v", d.Windows) // the one that is once, and the weekend behind it
		}
		d = r.Decide(asked("on-call", friday))
		if d.Denied() || !d.Needs(policy.Reason) || len(d.Windows) != 1 {
			t.Errorf("on call in the freeze: %+v", d)
		}
		if d := r.Decide(asked("creator", night)); len(d.Windows) != 1 || d.Windows[0].Name != "night" || !d.Needs(policy.Reason) {
			t.Errorf("at night: %+v", d)
		}
	}
	if all := r.Windows(friday); len(all) != 1 || all[0].Name != "freeze" {
		t.Errorf("in force: %+v", all)
	}
}

// TestReplayKeepsWindows: a decision is made again with the windows of then, unless others are asked for.
func TestReplayKeepsWindows(t *testing.T) {
	r, err := policy.Load(dated(t))
	if err != nil {
		t.Fatal(err)
	}
	friday := time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)
	in, err := policy.ParseInput(r.Decide(asked("creator", friday)).Input())
	if err != nil {
		t.Fatal(err)
	}
	f := dated(t)
	f.Calendar = ""
	without, err := policy.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	q := in.Request(people["creator"], "SCT1")
	if d := without.Decide(q); !d.Denied() || d.Input() != in.String() {
		t.Errorf("of then: %+v, %s", d, d.Input())
	}
	if q.Windows = nil; without.Decide(q).Denied() {
		t.Error("without a calendar")
	}
	in.Calendar = nil // as records of before
	if d := r.Decide(in.Request(people["creator"], "SCT1")); d.Denied() {
		t.Errorf("of before: %+v", d)
	}
}

// TestCalendarReload: a changed calendar is taken up, a broken one is not.
func TestCalendarReload(t *testing.T) {
	f := dated(t)
	f.Policy, f.Directory = "", ""
	s, err := policy.Open(f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	before, friday := s.Rules().Digest(), time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)
	change := func(text string) (bool, error) {
		if err := os.WriteFile(f.Calendar, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return s.Check()
	}
	if is, err := change(`{"zone": "UTC", "windows": [
		{"name": "freeze", "from": "soon", "to": "late"}]}`); !is || err == nil || s.Broken() == nil || len(s.Rules().Windows(friday)) != 1 ||
		!strings.Contains(err.Error(), f.Calendar+`: line 2, column 3: window "freeze": from: "soon"`) {
		t.Errorf("broken: %v %v", is, err)
	}
	if is, err := change(`{"zone": "UTC", "windows": []}`); !is || err != nil || s.Broken() != nil || len(s.Rules().Windows(friday)) != 0 ||
		s.Rules().Digest() == before || !s.Rules().HasCalendar() {
		t.Errorf("mended: %v %v", is, err)
	}
	f.Calendar += ".none"
	if _, err := policy.Load(f); err == nil {
		t.Error("a file that is not there")
	}
}

// TestUnknownWindow: a policy about a window that no calendar has is probably a mistake.
func TestUnknownWindow(t *testing.T) {
	f := dated(t)
	f.Policy = write(t, "rules.cedar", freeze+`
		@id("typo") forbid (principal, action in Action::"operate", resource)
			when { resource.project == "eu" && context.calendar.containsAny(["freeze", "frieze"]) };`)
	r, err := policy.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	want := `policy "typo" asks about the window "frieze", which the calendar doesn't have`
	if got := r.Warnings(); !slices.Contains(got, want) || slices.ContainsFunc(got, func(w string) bool { return strings.Contains(w, `"eu"`) }) {
		t.Errorf("%q", got)
	}
}
