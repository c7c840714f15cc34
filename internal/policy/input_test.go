package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"coc-console/internal/policy"
)

// question draws what somebody may ask.
func question(t *rapid.T) policy.Request {
	who := rapid.SampledFrom([]string{"creator", "teammate", "stranger", "manager", "on-call", "namesake"}).Draw(t, "who")
	size := rapid.SampledFrom([]string{"one", "few", "waiting", "many", "whole", "nothing", "ownerless"}).Draw(t, "size")
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	at := time.Date(2026, 3, rapid.IntRange(1, 31).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0,
		time.FixedZone("", 3600*rapid.IntRange(-11, 12).Draw(t, "zone")))
	q := policy.Request{Person: people[who], Action: rapid.SampledFrom(operations).Draw(t, "action"), Ticket: ticket(size),
		Circumstances: policy.Circumstances{Reason: flag("reason"), Counted: flag("counted"), Approved: flag("approved"),
			Override: flag("override"), Bulk: rapid.IntRange(1, 30).Draw(t, "bulk"), At: at}}
	q.Ticket.Regions, q.Ticket.Zones = []string{"cn-north-4"}, []string{"cn-north-4a", `"quoted"`}
	q.Ticket.Applications = []string{"shop <1>"}
	return q
}

// TestInputDecidesTheSame: what a record keeps of a question gets the same answer, also when the directory is another
// by then, and has one text.
func TestInputDecidesTheSame(t *testing.T) {
	now := load(t, "")
	later, err := policy.Load(policy.Files{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		q := question(t)
		then := now.Decide(q)
		text := then.Input()
		in, err := policy.ParseInput(text)
		if err != nil || in.String() != text {
			t.Fatalf("%s is read as %+v: %v", text, in, err)
		}
		again := later.Decide(in.Request(q.Person, q.Ticket.ID))
		ignored := cmpopts.IgnoreFields(policy.Decision{}, "Asked", "Groups", "Ask")
		if diff := cmp.Diff(then, again, ignored, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if other := again.Input(); other != text {
			t.Errorf("the same question is %s, then %s", text, other)
		}
	})
}

// TestInputStaysSmall: what the log could not keep whole says so, and so does what its reader may not see.
func TestInputStaysSmall(t *testing.T) {
	r := load(t, `@id("all") permit (principal, action == Action::"CANCEL_ORDER", resource);`)
	q := policy.Request{Person: people["creator"], Action: "CANCEL_ORDER", Ticket: ticket("whole")}
	for n := range 200 {
		q.Ticket.Applications = append(q.Ticket.Applications, fmt.Sprintf("application %03d", n))
	}
	long := r.Decide(q).Input()
	q.Ticket.Name = strings.Repeat("\"", 5000)
	longer := r.Decide(q).Input()
	q = policy.Request{Person: people["creator"], Action: policy.View, Ticket: ticket("one")}
	hidden := r.Decide(q).Input()
	if strings.Contains(hidden, "restart") || strings.Contains(hidden, `"ana"`) {
		t.Errorf("a hidden ticket is told: %s", hidden)
	}
	for _, text := range []string{"", "{", `{"v":2}`, long, longer, hidden} {
		if _, err := policy.ParseInput(text); !errors.Is(err, policy.ErrNoInput) || len(text) > 3000 {
			t.Errorf("%.100s… (%d bytes): %v", text, len(text), err)
		}
	}
}
