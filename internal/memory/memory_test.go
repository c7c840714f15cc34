package memory_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/coc"
	"coc-console/internal/memory"
)

const ticket = "SCT20260101000000000000001"

// of is a record of the operation with that id, which pauses the ticket.
func of(id string, action audit.Action) audit.Record {
	return audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, Actor: audit.Actor{UserID: "u"}, Ticket: ticket,
		OperationID: id, OperationType: string(coc.PauseOrder)}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ids(of []audit.Record) []string {
	var all []string
	for _, r := range of {
		all = append(all, r.OperationID)
	}
	return all
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// memories are those of a log which are asked at the test's moments: one that is there from the beginning, one that is
// told that others append to the log, and one that is made at that moment.
func memories(t *testing.T, test func(t *testing.T, log *audittest.Log, each func(func(m *memory.Operations)))) {
	t.Helper()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		log := audittest.Open(t, dsn)
		shared := memory.New(log.Log, log.Index, true)
		test(t, log, func(f func(m *memory.Operations)) {
			t.Helper()
			log.CaughtUp(t)
			fresh := memory.New(log.Log, log.Index, true)
			for _, m := range []*memory.Operations{shared, fresh} {
				check(t, m.Update(t.Context()))
				f(m)
			}
		})
	})
}

// TestOpenAndEnded: an operation is open from its request until its end or its refusal, whenever the log is read.
func TestOpenAndEnded(t *testing.T) {
	memories(t, func(t *testing.T, log *audittest.Log, each func(func(m *memory.Operations))) {
		open := func(moment string, expected ...string) {
			t.Helper()
			each(func(m *memory.Operations) {
				t.Helper()
				want(t, moment+": open", ids(m.OpenOn(ticket)), expected)
				inOrder := slices.Clone(expected)
				slices.Reverse(inOrder)
				want(t, moment+": open up to now", m.OpenUpTo(m.End()), inOrder)
			})
		}
		open("at first")
		requests := log.AppendEach(t, of("one", audit.ActionOperationRequested), of("two", audit.ActionOperationRequested))
		open("two are requested", "two", "one")
		log.AppendEach(t, of("one", audit.ActionOperationAccepted))
		open("one is accepted", "two", "one")
		each(func(m *memory.Operations) {
			want(t, "open up to the first request", m.OpenUpTo(requests[0].Sequence), []string{"one"})
		})
		log.AppendEach(t, of("one", audit.ActionOperationObserved))
		open("one is observed", "two")
		log.AppendEach(t, of("two", audit.ActionOperationRejected))
		open("the other is rejected")
		log.AppendEach(t, of("two", audit.ActionOperationObserved))
		open("its effect shows nevertheless")
	})
}

// TestReceipts: all records under an id make its receipt, also those that came before the memory; an id without any has none.
func TestReceipts(t *testing.T) {
	memories(t, func(t *testing.T, log *audittest.Log, each func(func(m *memory.Operations))) {
		told := log.AppendEach(t, of("one", audit.ActionApprovalRequested), of("one", audit.ActionOperationRequested),
			of("one", audit.ActionOperationUnknown), of("one", audit.ActionOperationObserved), of("asked", audit.ActionApprovalRequested))
		second := log.AppendEach(t, of("one", audit.ActionOperationRequested))[0]
		each(func(m *memory.Operations) {
			records, err := m.Of(t.Context(), "one")
			check(t, err)
			r, err := memory.ReceiptOf("one", records)
			check(t, err)
			want(t, "its sequences", []int64{r.Requested.Sequence, r.Answer.Sequence, r.End.Sequence},
				[]int64{told[1].Sequence, told[2].Sequence, told[3].Sequence})
			want(t, "open, uncertain, unattributed", []bool{r.Open(), r.Uncertain(), r.Unattributed()}, []bool{false, true, true})
			for _, request := range []audit.Record{told[1], second} {
				first, err := m.IsFirst(t.Context(), request)
				check(t, err)
				want(t, "the request is the first of its key", first, request.Sequence == told[1].Sequence)
			}
			for _, id := range []string{"asked", "unknown"} {
				records, err := m.Of(t.Context(), id)
				check(t, err)
				if _, err := memory.ReceiptOf(id, records); !errors.Is(err, audit.ErrNotFound) {
					t.Errorf("%s has a receipt: %v", id, err)
				}
			}
		})
	})
}

// TestOthersOn: what is open on a target, and what was requested on it after a moment though it has its end, is another
// one's there; what acts on something else is not, nor is one's own.
func TestOthersOn(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		log := audittest.Open(t, dsn)
		m := memory.New(log.Log, log.Index, false)
		check(t, m.Update(t.Context()))
		before := m.End()
		instance := of("instance", audit.ActionOperationRequested)
		instance.OperationType, instance.InstanceID = string(coc.CancelInstance), 7
		cancel := of("cancel", audit.ActionOperationRequested)
		cancel.OperationType = string(coc.CancelOrder)
		log.AppendEach(t, instance, cancel, of("one", audit.ActionOperationRequested))
		others := func(target, but string, since int64) []string {
			check(t, m.Update(t.Context()))
			return ids(m.OthersOn(ticket, target, but, since))
		}
		want(t, "on the ticket", others("ticket", "", m.End()), []string{"one"})
		want(t, "but itself", others("ticket", "one", before), nil)
		want(t, "on the instance", others(memory.TargetKey(coc.Operation{Type: coc.CancelInstance, InstanceID: 7}), "", m.End()), []string{"instance"})
		want(t, "to cancel the ticket", others(memory.TargetKey(coc.Operation{Type: coc.CancelOrder}), "", m.End()), []string{"cancel"})
		log.AppendEach(t, of("one", audit.ActionOperationObserved))
		want(t, "after its end, since before its request", others("ticket", "", before), []string{"one"})
		want(t, "since after it", others("ticket", "", m.End()), nil)
		m.KeyMade("new")
		if records, err := m.Of(t.Context(), "new"); err != nil || len(records) > 0 {
			t.Errorf("a key that was just made: %v, %v", records, err)
		}
	})
}

// TestForgets: of operations with an end the last ones are kept, of the others the log's search tells; those that are
// open are never forgotten.
func TestForgets(t *testing.T) {
	log := audittest.Open(t, t.TempDir())
	m := memory.New(log.Log, log.Index, false)
	check(t, m.Update(t.Context()))
	var all []audit.Record
	all = append(all, of("open", audit.ActionOperationRequested))
	for i := range memory.MaxEnded + 10 {
		all = append(all, of(strconv.Itoa(i), audit.ActionOperationRequested), of(strconv.Itoa(i), audit.ActionOperationObserved))
	}
	log.AppendTogether(t, all[:1])
	log.AppendEach(t, all[1:]...)
	want(t, "open", ids(m.OpenOn(ticket)), []string{"open"})
	log.CaughtUp(t)
	for _, id := range []string{"open", "0", strconv.Itoa(memory.MaxEnded)} {
		records, err := m.Of(t.Context(), id)
		check(t, err)
		if r, err := memory.ReceiptOf(id, records); err != nil || r.Requested.OperationID != id || r.Open() != (id == "open") {
			t.Errorf("%s: %+v, %v", id, r, err)
		}
	}
}
