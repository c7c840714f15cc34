package store

import (
	"fmt"
	"testing"
	"time"
)

func TestVisits(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	ticket := func(status string, failed int32) []ShownTicket {
		return []ShownTicket{{"T", status, failed, noon.Add(-time.Hour)}}
	}
	v := visit{Before: map[string]mark{}, Now: map[string]mark{}}
	for i, step := range []struct {
		minute int
		shown  []ShownTicket
		want   News
	}{
		{0, ticket("PROCESSING", 0), News{}},                            // the first visit
		{10, ticket("PROCESSING", 1), News{}},                           // it changed while somebody looked
		{40, ticket("PROCESSING", 1), News{}},                           // 30 minutes are no end
		{71, ticket("ABNORMAL", 4), News{Was: "PROCESSING", Failed: 3}}, // another visit
		{75, ticket("ABNORMAL", 4), News{Was: "PROCESSING", Failed: 3}}, // which keeps its marks
		{80, ticket("PROCESSING", 1), News{}},                           // as it was
		{111, ticket("PROCESSING", -1), News{}},                         // of failures nothing is known
		{142, ticket("PROCESSING", 5), News{Failed: 4}},
		{173, []ShownTicket{{"N", "READY", -1, at(150)}}, News{New: true}},
		{204, []ShownTicket{{"O", "FINISHED", -1, at(0)}}, News{}}, // of a page that was not looked at before
	} {
		all, _ := v.look(at(step.minute), step.shown)
		if got := all[step.shown[0].ID]; got != step.want {
			t.Errorf("step %d: %+v, want %+v", i, got, step.want)
		}
	}
	v.open(at(205), ShownTicket{ID: "T", Status: "FINISHED", Failed: 5})
	if all, _ := v.look(at(206), ticket("FINISHED", 5)); len(all) != 0 {
		t.Errorf("what was opened is news: %+v", all)
	}
}

func TestVisitsAreBounded(t *testing.T) {
	var v visit
	v.Now = map[string]mark{}
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for i := range 3 * maxMarks {
		now = now.Add(20 * time.Second)
		v.look(now, []ShownTicket{{fmt.Sprint(i), "FINISHED", 0, now}})
		v.open(now, ShownTicket{fmt.Sprint("open", i), "FINISHED", 0, now})
	}
	if len(v.Before) > maxMarks || len(v.Now) > maxMarks {
		t.Errorf("%d and %d tickets are kept", len(v.Before), len(v.Now))
	}
	if _, ok := v.Now[fmt.Sprint(3*maxMarks-1)]; !ok {
		t.Error("the newest is forgotten")
	}
}
