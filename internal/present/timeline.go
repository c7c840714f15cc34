package present

import (
	"strings"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// TimelineItems puts records, oldest first, on one line of time. An operation stands
// where it began; views between two other things are counted together.
func TimelineItems(records []audit.Record) []templates.TimelineItem {
	var items []templates.TimelineItem
	operations := map[string]*templates.TimelineOperation{}
	var people map[string]bool // behind the last item, where that is views
	for _, r := range records {
		if r.OperationID != "" {
			o, known := operations[r.OperationID]
			if !known {
				o = storyOperation(r)
				operations[r.OperationID] = o
				items, people = append(items, templates.TimelineItem{Operation: o}), nil
			}
			addStep(o, r)
			continue
		}
		if !isView(r.Action) {
			items, people = append(items, templates.TimelineItem{Other: storyRecord(r)}), nil
			continue
		}
		if people == nil {
			people = map[string]bool{}
			items = append(items, templates.TimelineItem{Views: &templates.TimelineViews{From: r.When()}})
		}
		people[r.Actor.UserID+"\x00"+r.Actor.UserName] = true
		views := items[len(items)-1].Views
		views.Count, views.People, views.To = views.Count+max(1, int(r.Repeats)), len(people), r.When()
	}
	return items
}

// isView reports whether an action only looked.
func isView(a audit.Action) bool {
	return a == audit.ActionTicketViewed || a == audit.ActionLogViewed || a == audit.ActionAuditViewed ||
		a == audit.ActionTicketListed
}

func storyOperation(r audit.Record) *templates.TimelineOperation {
	return &templates.TimelineOperation{ID: r.OperationID, Type: r.OperationType, Target: ansi.VisibleLine(r.Target), BatchIndex: r.BatchIndex,
		Actor: ansi.VisibleLine(r.Actor.UserName), Reason: ansi.Visible(r.Reason), Receipt: ReceiptAddress(r.OperationID)}
}

func addStep(o *templates.TimelineOperation, r audit.Record) {
	s := *storyRecord(r)
	if n := len(o.Steps); n > 0 {
		s.Since = r.When().Sub(o.Steps[n-1].Time)
		o.Took = r.When().Sub(o.Steps[0].Time)
	}
	o.Steps = append(o.Steps, s)
}

func storyRecord(r audit.Record) *templates.TimelineStep {
	s := &templates.TimelineStep{Sequence: r.Sequence, Time: r.When(), Action: string(r.Action), Outcome: string(r.Outcome),
		Actor: ansi.VisibleLine(r.Actor.UserName), Record: RecordAddress(r.Sequence)}
	if r.Upstream.Code != "" || r.Upstream.Message != "" || r.Upstream.Status != 0 {
		s.Upstream = strings.TrimSpace(AnswerText(r.Upstream.Status, r.Upstream.Code, r.Upstream.Message))
	}
	if r.OperationID != "" {
		d := operate.ParseDetail(r.Detail)
		s.Note, s.Status = string(d.Note), d.Status
	}
	return s
}
