package course_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/course"
	"coc-console/internal/watch"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// deeds are the steps of an operation, newest first: requested at a minute, and what followed at another one.
func deeds(id string, op coc.OperationType, requested int, last audit.Action, ended int) []course.Deed {
	return []course.Deed{{Sequence: 2, At: at(ended), Actor: "ann", Action: last, ID: id, Type: op},
		{Sequence: 1, At: at(requested), Actor: "ann", Action: audit.ActionOperationRequested, ID: id, Type: op, Reason: "alarms"}}
}

// seen is a change of the ticket's state between two minutes.
func seen(to coc.TicketStatus, after, by int) watch.Event {
	return watch.Event{Subject: watch.SubjectTicket, To: string(to), After: at(after), Seen: at(by)}
}

func snapshot(status coc.TicketStatus, events ...watch.Event) *watch.Snapshot {
	ready := watch.Instance{Instance: coc.Instance{Status: coc.InstanceReady}}
	return &watch.Snapshot{Ticket: coc.Ticket{Status: status, CurrentBatch: 1}, Events: events,
		Batches: []watch.Batch{{Batch: coc.Batch{Index: 1}, At: noon, Instances: []watch.Instance{ready}}}}
}

// strategic is paused after a batch that says so.
func strategic() *watch.Snapshot {
	s := snapshot(coc.TicketPaused)
	s.Batches[0].Rotation = coc.RotationPause
	s.Batches[0].Instances[0].Status, s.Batches[0].Instances[0].Finished = coc.InstanceFinished, at(3)
	return s
}

func TestCauseOf(t *testing.T) {
	paused := deeds("p", coc.PauseOrder, 10, audit.ActionOperationObserved, 11)
	for name, tt := range map[string]struct {
		snapshot *watch.Snapshot
		deeds    []course.Deed
		how      course.How
		who      string
		from, to int // minutes; of what was done elsewhere
	}{
		"paused here":                            {snapshot(coc.TicketPaused, seen(coc.TicketPaused, 10, 11)), paused, course.Here, "ann", 0, 0},
		"paused here, and nobody looked":         {snapshot(coc.TicketPaused), paused, course.Here, "ann", 0, 0},
		"accepted, and not yet confirmed":        {snapshot(coc.TicketPaused, seen(coc.TicketPaused, 10, 11)), deeds("p", coc.PauseOrder, 10, audit.ActionOperationAccepted, 10), course.Here, "ann", 0, 0},
		"paused elsewhere":                       {snapshot(coc.TicketPaused, seen(coc.TicketPaused, 20, 25)), nil, course.Outside, "", 20, 25},
		"paused here, continued, and elsewhere":  {snapshot(coc.TicketPaused, seen(coc.TicketPaused, 10, 11), seen(coc.TicketProcessing, 15, 16), seen(coc.TicketPaused, 20, 25)), paused, course.Outside, "", 20, 25},
		"rejected here, and paused elsewhere":    {snapshot(coc.TicketPaused, seen(coc.TicketPaused, 9, 12)), deeds("p", coc.PauseOrder, 10, audit.ActionOperationRejected, 10), course.Outside, "", 9, 12},
		"of an unknown answer nobody is blamed":  {snapshot(coc.TicketPaused, seen(coc.TicketPaused, 9, 12)), deeds("p", coc.PauseOrder, 10, audit.ActionOperationUnknown, 10), course.Outside, "", 9, 12},
		"paused by its strategy":                 {strategic(), nil, course.Strategy, "", 0, 0},
		"stopped":                                {snapshot(coc.TicketAbnormal), nil, course.Threshold, "", 0, 0},
		"cancelled here":                         {snapshot(coc.TicketCanceled), deeds("c", coc.CancelOrder, 10, audit.ActionOperationObserved, 12), course.Here, "ann", 0, 0},
		"a later continuing explains no pausing": {snapshot(coc.TicketPaused), append(deeds("c", coc.ContinueOrder, 13, audit.ActionOperationObserved, 14), paused...), course.Outside, "", 0, 0},
		"running":                                {snapshot(coc.TicketProcessing), paused, course.Unknown, "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := course.CauseOf(tt.snapshot, course.Operations(tt.deeds))
			who := ""
			if got.Operation != nil {
				who = got.Operation.Actor
			}
			if got.How != tt.how || who != tt.who {
				t.Errorf("the cause is %v by %q, want %v by %q", got.How, who, tt.how, tt.who)
			}
			if tt.to > 0 && (!got.After.Equal(at(tt.from)) || !got.Seen.Equal(at(tt.to))) {
				t.Errorf("it was between %s and %s, want %s and %s", got.After, got.Seen, at(tt.from), at(tt.to))
			}
		})
	}
}

func TestOperations(t *testing.T) {
	all := append(deeds("new", coc.CancelOrder, 20, audit.ActionOperationAccepted, 21), deeds("old", coc.PauseOrder, 10, audit.ActionOperationObserved, 11)...)
	var got []string
	for _, o := range course.Operations(all) {
		got = append(got, o.ID+" "+string(o.Action)+" "+o.Reason+" "+o.Requested.Format("15:04"))
	}
	want := []string{"new operation.accepted alarms 12:20", "old operation.observed alarms 12:10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if open := course.Pending(course.Operations(all)); len(open) != 1 || open[0].ID != "new" {
		t.Errorf("pending is %v", open)
	}
}

func TestApprovals(t *testing.T) {
	got := course.Approvals([]course.Deed{
		{At: at(5), Actor: "max", Action: audit.ActionApprovalRefused, ID: "a"},
		{At: at(3), Actor: "pia", Action: audit.ActionApprovalRequested, ID: "b", Stops: 7},
		{At: at(1), Actor: "ann", Action: audit.ActionApprovalRequested, ID: "a", Reason: "why"},
	})
	if len(got) != 2 || got[0].Waits() || got[0].By != "ann" || got[0].Actor != "max" || got[0].Reason != "why" {
		t.Errorf("the refused one is %+v", got[0])
	}
	if !got[1].Waits() || got[1].By != "pia" || got[1].Stops != 7 || !got[1].Asked.Equal(at(3)) {
		t.Errorf("the open one is %+v", got[1])
	}
}

func TestStops(t *testing.T) {
	s := snapshot(coc.TicketPaused, seen(coc.TicketPaused, 1, 2), seen(coc.TicketProcessing, 4, 5), seen(coc.TicketAbnormal, 6, 7),
		seen(coc.TicketProcessing, 8, 9), seen(coc.TicketPaused, 10, 11))
	want := []course.Stop{{From: at(2), To: at(5)}, {From: at(7), To: at(9), Failed: true}, {From: at(11)}}
	if diff := cmp.Diff(want, course.Stops(s, course.Cause{})); diff != "" {
		t.Error(diff)
	}
	if got := course.Stops(snapshot(coc.TicketPaused), course.Cause{}); len(got) > 0 {
		t.Errorf("before anybody looked there was %v", got)
	}
}

func TestDoubt(t *testing.T) {
	lost := course.Operations(deeds("p", coc.PauseOrder, 10, audit.ActionOperationNotObserved, 12))
	if got := course.Doubt(snapshot(coc.TicketProcessing), lost); got == nil {
		t.Error("an operation that was not confirmed is in no doubt")
	}
	if got := course.Doubt(snapshot(coc.TicketPaused, seen(coc.TicketPaused, 12, 13)), lost); got != nil {
		t.Error("what the ticket shows since is still in doubt")
	}
	if got := course.Doubt(snapshot(coc.TicketPaused), course.Operations(deeds("p", coc.PauseOrder, 10, audit.ActionOperationObserved, 12))); got != nil {
		t.Error("a confirmed operation is in doubt")
	}
}
