package review_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/review"
)

// noon is a time of the day in the console's zone, a working day of a test.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.Local)

// desk is a log with a clock that the test steps, and a queue over it.
type desk struct {
	*testing.T
	log *audittest.Log
	now *audittest.Clock
	q   *review.Queue
	n   int
}

func person(name string) audit.Actor {
	return audit.Actor{UserID: "id-" + name, UserName: name, AccountID: "a1", AccountName: "acme"}
}

func newDesk(t *testing.T, dsn, weights string) *desk {
	t.Helper()
	d := &desk{T: t, now: audittest.NewClock(noon)}
	d.log = audittest.Open(t, dsn, func(c *audit.Config) { c.Now = d.now.Now })
	d.q = d.queue(weights)
	return d
}

// queue is another console's.
func (d *desk) queue(weights string) *review.Queue {
	d.Helper()
	files := policy.Files{}
	if weights != "" {
		files.Policy = filepath.Join(d.TempDir(), "rules.cedar")
		text := `@id("all") @review("` + weights + `") permit (principal, action, resource);`
		if err := os.WriteFile(files.Policy, []byte(text), 0o600); err != nil {
			d.Fatal(err)
		}
	}
	rules, err := policy.Open(files, slog.New(slog.DiscardHandler))
	if err != nil {
		d.Fatal(err)
	}
	return review.New(review.Config{Log: d.log.Log, Index: d.log.Index, Rules: rules, Now: d.now.Now})
}

// operation writes the records of one operation: its request, and what followed.
func (d *desk) operation(who string, detail operate.Detail, followed ...audit.Action) string {
	d.Helper()
	d.n++
	r := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, Actor: person(who),
		Ticket: "SCT1", OperationID: fmt.Sprintf("op%03d", d.n), OperationType: "CANCEL_ORDER", Target: "reload",
		Reason: "it hangs", Detail: detail.String()}
	records := []audit.Record{r}
	if detail.Override {
		broken := r
		broken.Action, broken.Outcome = audit.ActionOverrideUsed, audit.OutcomeSucceeded
		records = []audit.Record{broken, r}
	}
	for _, action := range followed {
		next := r
		next.Action, next.Outcome, next.Detail = action, audit.OutcomeSucceeded, ""
		records = append(records, next)
	}
	d.log.AppendEach(d, records...)
	return r.OperationID
}

func (d *desk) list() (waiting, reviewed []review.Item) {
	d.Helper()
	waiting, reviewed, err := d.q.List(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	return waiting, reviewed
}

func ids(items []review.Item) []string {
	all := []string{}
	for _, i := range items {
		all = append(all, i.ID)
	}
	return all
}

const (
	accepted = audit.ActionOperationAccepted
	observed = audit.ActionOperationObserved
	not      = audit.ActionOperationNotObserved
	unknown  = audit.ActionOperationUnknown
	rejected = audit.ActionOperationRejected
)

// TestRanking: what an operation's risk comes from, by the built-in weights.
func TestRanking(t *testing.T) {
	t.Parallel()
	night := noon.Add(10 * time.Hour)
	for name, c := range map[string]struct {
		at       time.Time
		detail   operate.Detail
		followed []audit.Action
		kinds    []review.Kind
		risk     int
	}{
		"nothing":          {noon, operate.Detail{Stops: 3}, []audit.Action{accepted, observed}, nil, 0},
		"the night alone":  {night, operate.Detail{Stops: 3}, []audit.Action{accepted, observed}, nil, 0},
		"override":         {noon, operate.Detail{Override: true}, []audit.Action{accepted, observed}, []review.Kind{review.Override}, 50},
		"override, failed": {noon, operate.Detail{Override: true, Stops: 90}, []audit.Action{rejected}, []review.Kind{review.Override}, 50},
		"not confirmed":    {noon, operate.Detail{}, []audit.Action{accepted, not}, []review.Kind{review.Unconfirmed}, 40},
		"unknown":          {noon, operate.Detail{}, []audit.Action{unknown}, []review.Kind{review.Unknown}, 40},
		"unknown, then not confirmed": {noon, operate.Detail{}, []audit.Action{unknown, not},
			[]review.Kind{review.Unknown}, 40},
		"unknown, then confirmed": {noon, operate.Detail{}, []audit.Action{unknown, observed}, nil, 0},
		"large":                   {noon, operate.Detail{Stops: 20}, []audit.Action{accepted}, []review.Kind{review.Impact}, 30},
		"nearly large":            {noon, operate.Detail{Stops: 19}, []audit.Action{accepted}, nil, 0},
		"large, refused":          {noon, operate.Detail{Stops: 20}, []audit.Action{rejected}, nil, 0},
		"all of it": {night, operate.Detail{Override: true, Stops: 46}, []audit.Action{accepted, not},
			[]review.Kind{review.Override, review.Unconfirmed, review.Impact, review.Night}, 130},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, filepath.Join(t.TempDir(), "audit.db"), "")
			d.now.Set(c.at)
			d.operation("ann", c.detail, c.followed...)
			waiting, _ := d.list()
			if c.risk == 0 {
				if len(waiting) > 0 {
					t.Errorf("to be reviewed: %v, risk %d", waiting[0].Kinds, waiting[0].Risk)
				}
				return
			}
			if len(waiting) != 1 {
				t.Fatalf("%d are to be reviewed, want 1", len(waiting))
			}
			if diff := cmp.Diff(c.kinds, waiting[0].Kinds); diff != "" || waiting[0].Risk != c.risk {
				t.Errorf("risk %d, want %d; kinds, want → got:\n%s", waiting[0].Risk, c.risk, diff)
			}
		})
	}
}

// TestOrder: the riskiest stands first, and among equals the newest; others' weights rank otherwise.
func TestOrder(t *testing.T) {
	t.Parallel()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		d := newDesk(t, dsn, "")
		large := d.operation("ann", operate.Detail{Stops: 40}, accepted, observed)
		override := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
		older := d.operation("bob", operate.Detail{}, accepted, not)
		newer := d.operation("bob", operate.Detail{}, accepted, not)
		denied := d.log.AppendEach(t, audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied,
			Actor: person("eve"), Ticket: "SCT1", OperationType: "CANCEL_ORDER"},
			audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: person("eve"), Detail: "address=/x"})
		waiting, _ := d.list()
		want := []string{override, newer, older, large, review.RecordID(denied[0].Sequence)}
		if diff := cmp.Diff(want, ids(waiting)); diff != "" {
			t.Errorf("want → got:\n%s", diff)
		}
		other, _, err := d.queue("override=0 denied=90 impact=60").List(t.Context())
		want = []string{review.RecordID(denied[0].Sequence), large, newer, older}
		if diff := cmp.Diff(want, ids(other)); err != nil || diff != "" {
			t.Errorf("%v; with other weights, want → got:\n%s", err, diff)
		}
	})
}

func (d *desk) sign(who string, comment string, items ...string) (int, error) {
	return d.q.Sign(d.Context(), review.SignOff{By: person(who), Items: items, Comment: comment})
}

// TestManyAtOnce: one record each, once, whatever console they are signed at; a bulk operation is signed as a whole.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		d := newDesk(t, dsn, "")
		a := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
		b := d.operation("bob", operate.Detail{Stops: 30}, accepted, observed)
		one := d.operation("ann", operate.Detail{Override: true, Job: "j1"}, accepted, observed)
		two := d.operation("ann", operate.Detail{Override: true, Job: "j1"}, accepted, observed)
		left := d.operation("ann", operate.Detail{Override: true, Job: "j2"}, accepted, observed)
		denied := d.log.AppendEach(t, audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied,
			Actor: person("eve"), Ticket: "SCT1"})[0]
		another := d.queue("")
		n, err := d.sign("maria", "all of it is right", a, b, one, review.RecordID(denied.Sequence), "unknown")
		if n != 5 || err != nil {
			t.Fatalf("%d were signed, %v", n, err)
		}
		if n, err := another.Sign(t.Context(), review.SignOff{By: person("omar"), Items: []string{a, two}, Comment: "x"}); n != 0 || err != nil {
			t.Errorf("the other console signs %d again, %v", n, err)
		}
		waiting, reviewed := d.list()
		if diff := cmp.Diff([]string{left}, ids(waiting)); diff != "" {
			t.Errorf("what is left, want → got:\n%s", diff)
		}
		got := map[string]audit.Action{}
		for _, r := range d.log.Everything(t) {
			detail := operate.ParseDetail(r.Detail)
			if r.Actor.UserName != "maria" {
				continue
			}
			if detail.Comment != "all of it is right" || r.Reason == "" && r.OperationID != "" {
				t.Errorf("the record is %+v", r)
			}
			got[r.OperationID+strings.TrimPrefix(review.RecordID(detail.Of), "record-0")] = r.Action
		}
		want := map[string]audit.Action{a: audit.ActionOverrideReviewed, b: audit.ActionReviewed, one: audit.ActionOverrideReviewed,
			two: audit.ActionOverrideReviewed, review.RecordID(denied.Sequence): audit.ActionReviewed}
		if diff := cmp.Diff(want, got); diff != "" || len(reviewed) != 5 {
			t.Errorf("%d are reviewed; records, want → got:\n%s", len(reviewed), diff)
		}
	})
}

func TestWrongSignOffs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, filepath.Join(t.TempDir(), "audit.db"), "")
	id := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
	for name, c := range map[string]struct {
		comment string
		items   []string
		want    error
	}{
		"nothing chosen": {"fine", nil, review.ErrNone},
		"no comment":     {" \n", []string{id}, review.ErrComment},
		"too long":       {strings.Repeat("审", operate.MaxReason+1), []string{id}, review.ErrLong},
	} {
		if n, err := d.sign("maria", c.comment, c.items...); n != 0 || !errors.Is(err, c.want) {
			t.Errorf("%s: %d, %v, want %v", name, n, err, c.want)
		}
	}
	if waiting, _ := d.list(); len(waiting) != 1 {
		t.Errorf("%d wait, want 1", len(waiting))
	}
}

// TestNeverOnesOwn: whatever people do and approve, and whatever they choose, nobody signs off what they did or approved.
func TestNeverOnesOwn(t *testing.T) {
	t.Parallel()
	people := []string{"ann", "bob", "eve", "maria"}
	random := rand.New(rand.NewPCG(16, 3))
	d := newDesk(t, filepath.Join(t.TempDir(), "audit.db"), "")
	parties, all := map[string][]string{}, []string{}
	for range 60 {
		actor, approver := audittest.Pick(random, people), audittest.Pick(random, append(people, "", ""))
		detail := operate.Detail{Stops: 20 + random.IntN(40), Override: random.IntN(3) == 0}
		switch {
		case approver == actor || approver == "":
			approver = ""
		case random.IntN(2) == 0: // by the record of the approval alone, or by the request's word alone
			action := audittest.Pick(random, []audit.Action{audit.ActionApprovalGiven, audit.ActionApprovalGranted})
			d.log.AppendEach(t, audit.Record{Action: action, Outcome: audit.OutcomeSucceeded,
				Actor: person(approver), OperationID: fmt.Sprintf("op%03d", d.n+1)})
		default:
			detail.ApprovedBy = "acme/" + approver
		}
		id := d.operation(actor, detail, accepted, observed)
		all, parties[id] = append(all, id), []string{actor, approver}
	}
	for range 120 {
		who := audittest.Pick(random, people)
		var chosen []string
		for range 1 + random.IntN(3) {
			chosen = append(chosen, audittest.Pick(random, all))
		}
		waiting, _ := d.list()
		own := slices.ContainsFunc(chosen, func(id string) bool {
			return slices.Contains(parties[id], who) && slices.Contains(ids(waiting), id)
		})
		n, err := d.sign(who, "fine", chosen...)
		if own != errors.Is(err, review.ErrOwn) || own && n > 0 || !own && err != nil {
			t.Fatalf("%s signs %v: %d, %v; among them their own: %v", who, chosen, n, err, own)
		}
	}
	_, reviewed := d.list()
	for _, i := range reviewed {
		if slices.Contains(parties[i.ID], i.Signed.By.UserName) {
			t.Errorf("%s has signed %s, which is of %v", i.Signed.By.UserName, i.ID, parties[i.ID])
		}
	}
	if len(reviewed) < 20 {
		t.Errorf("only %d were signed", len(reviewed))
	}
}

// TestCoverage counts what was reviewed in two days; what is older than ninety is forgotten.
func TestCoverage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, filepath.Join(t.TempDir(), "audit.db"), "")
	forgotten := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
	d.now.Set(d.now.Now().Add(review.Since))
	inTime := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
	late := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
	overdue := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
	for _, step := range []struct {
		at time.Duration
		id string
	}{{review.DueAfter - time.Minute, inTime}, {2 * time.Minute, late}} {
		d.now.Set(d.now.Now().Add(step.at))
		if n, err := d.sign("maria", "fine", step.id); n != 1 || err != nil {
			t.Fatalf("%s: %d, %v", step.id, n, err)
		}
	}
	open := d.operation("ann", operate.Detail{Override: true}, accepted, observed)
	waiting, reviewed := d.list()
	if diff := cmp.Diff([]string{open, overdue}, ids(waiting)); diff != "" || slices.Contains(ids(waiting), forgotten) {
		t.Errorf("what waits, want → got:\n%s", diff)
	}
	c := review.Covered(waiting, reviewed, d.now.Now())
	if diff := cmp.Diff(review.Coverage{InTime: 1, Late: 1, Overdue: 1, Open: 1}, c); diff != "" {
		t.Errorf("want → got:\n%s", diff)
	}
	if percent, ok := c.Percent(); percent != 33 || !ok {
		t.Errorf("%d %%, %v", percent, ok)
	}
	if _, ok := (review.Coverage{Open: 3}).Percent(); ok {
		t.Error("a share of nothing")
	}
	signed, err := d.q.SignedOf(t.Context(), []string{inTime, open, "x"})
	if err != nil || len(signed) != 1 || signed[inTime].By.UserName != "maria" || signed[inTime].Comment != "fine" {
		t.Errorf("signed are %+v, %v", signed, err)
	}
}

// Whether a queue reads records as they come, or searches for many at once, it knows the same.
func TestFewRecordsAndMany(t *testing.T) {
	t.Parallel()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		d := newDesk(t, dsn, "")
		d.operation("anna", operate.Detail{Override: true}, accepted, not)
		d.list()
		late := d.queue("") // knows the first, then all others at once
		if _, _, err := late.List(d.Context()); err != nil {
			t.Fatal(err)
		}
		look := audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Actor: person("boris"), Ticket: "SCT2"}
		for i := range 7 {
			d.log.AppendEach(d, slices.Repeat([]audit.Record{look}, 99)...)
			d.operation("chris", operate.Detail{Override: i%2 == 0}, accepted, []audit.Action{observed, not, unknown}[i%3])
			d.list()
		}
		waiting, _ := d.list()
		for name, other := range map[string]*review.Queue{"many at once": late, "new": d.queue("")} {
			got, _, err := other.List(d.Context())
			if diff := cmp.Diff(ids(waiting), ids(got)); err != nil || diff != "" || len(got) < 5 {
				t.Errorf("%s: %v, want as the first (-), %s", name, err, diff)
			}
		}
	})
}
