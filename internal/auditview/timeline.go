package auditview

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"coc-console/audit"
	"coc-console/audit/operations"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Line puts records on one line of time. Say is what a policy says in the reader's language, by its name; empty where
// the files in force have none.
type Line struct {
	Say func(policy string) string
}

// Items puts records, oldest first, on one line. An operation stands where it began; views between two other things are
// counted together.
func (l Line) Items(records []audit.Record) []templates.TimelineItem {
	var items []templates.TimelineItem
	operations := map[string]*templates.TimelineOperation{}
	var people map[string]bool // behind the last item, where that is views
	for _, r := range records {
		if r.OperationID != "" {
			o, known := operations[r.OperationID]
			if !known {
				o = lineOperation(r)
				operations[r.OperationID] = o
				items, people = append(items, templates.TimelineItem{Operation: o}), nil
			}
			l.addStep(o, r)
			continue
		}
		if !isView(r.Action) {
			step := l.step(r)
			items, people = append(items, templates.TimelineItem{Other: &step}), nil
			continue
		}
		if people == nil {
			people = map[string]bool{}
			items = append(items, templates.TimelineItem{Views: &templates.TimelineViews{From: r.When()}})
		}
		people[r.Actor.UserID+"\x00"+r.Actor.UserName] = true
		views := items[len(items)-1].Views
		views.Count, views.People, views.To = views.Count+max(1, int(r.Repeats)), len(people), r.When()
		views.Steps = append(views.Steps, l.step(r))
	}
	return items
}

// isView reports whether an action only looked.
func isView(a audit.Action) bool {
	return a == audit.ActionTicketViewed || a == audit.ActionLogViewed || a == audit.ActionAuditViewed ||
		a == audit.ActionTicketListed
}

func lineOperation(r audit.Record) *templates.TimelineOperation {
	return &templates.TimelineOperation{ID: r.OperationID, Type: r.OperationType, Target: ansi.VisibleLine(r.Target),
		BatchIndex: r.BatchIndex, Actor: ansi.VisibleLine(r.Actor.UserName), Receipt: present.ReceiptAddress(r.OperationID)}
}

// Steps are the records of one operation, oldest first; the one with the number is the page's own. Asked is who asked
// for the operation.
func (l Line) Steps(records []audit.Record, here int64) (steps []templates.TimelineStep, asked string) {
	if len(records) == 0 {
		return nil, ""
	}
	o := lineOperation(records[0])
	for _, r := range records {
		l.addStep(o, r)
		o.Steps[len(o.Steps)-1].Here = r.Sequence == here
	}
	return o.Steps, o.Actor
}

// addStep adds the next record. What it repeats of the operation is not said again.
func (l Line) addStep(o *templates.TimelineOperation, r audit.Record) {
	s := l.step(r)
	if slices.ContainsFunc(o.Steps, func(before templates.TimelineStep) bool { return before.Reason == s.Reason }) {
		s.Reason = ""
	}
	if n := len(o.Steps); n > 0 {
		s.Since = max(0, r.When().Sub(o.Steps[n-1].Time))
		o.Took = r.When().Sub(o.Steps[0].Time)
	}
	if r.Action == audit.ActionOperationRequested { // where somebody else's record came first
		o.Actor = ansi.VisibleLine(r.Actor.UserName)
	}
	o.Steps = append(o.Steps, s)
}

// step is one record.
func (l Line) step(r audit.Record) templates.TimelineStep {
	s := templates.TimelineStep{Sequence: r.Sequence, Time: r.When(), Action: string(r.Action), Outcome: string(r.Outcome),
		Type: r.OperationType, Actor: ansi.VisibleLine(r.Actor.UserName), Record: present.RecordAddress(r.Sequence),
		Proof:     present.RecordAddress(r.Sequence) + "#evidence",
		RequestID: ansi.VisibleLine(r.Upstream.RequestID), Duration: r.Duration, Repeats: r.Repeats}
	if r.Upstream.Code != "" || r.Upstream.Message != "" || r.Upstream.Status != 0 {
		s.Upstream = strings.TrimSpace(present.AnswerText(r.Upstream.Status, r.Upstream.Code, r.Upstream.Message))
	}
	if saysWhy(r.Action) {
		s.Reason = ansi.Visible(r.Reason)
		if r.Action != audit.ActionOverrideUsed { // the request that follows says it
			s.Seen = present.SeenAttributes(r.Seen)
		}
	}
	if r.OperationID == "" && !strings.HasPrefix(r.Detail, "{") {
		return s
	}
	d := operate.ParseDetail(r.Detail)
	s.Note, s.Status, s.Comment, s.Stops = string(d.Note), d.Status, ansi.Visible(d.Comment), d.Stops
	s.ApprovedBy = ansi.VisibleLine(cmp.Or(strings.Join(d.Approvers, ", "), d.ApprovedBy))
	s.Override = d.Override && r.Action != audit.ActionOverrideReviewed
	for _, id := range d.Policies {
		rule := templates.Rule{ID: ansi.VisibleLine(id)}
		if l.Say != nil {
			rule.Text = ansi.Visible(l.Say(id))
		}
		s.Rules = append(s.Rules, rule)
	}
	return s
}

// saysWhy reports whether an action's reason is its actor's own: the records that follow repeat it.
func saysWhy(a audit.Action) bool {
	switch a {
	case audit.ActionOperationAccepted, audit.ActionOperationRejected, audit.ActionOperationUnknown,
		audit.ActionOperationObserved, audit.ActionOperationNotObserved, audit.ActionReviewed,
		audit.ActionOverrideReviewed:
		return false
	}
	return !isView(a)
}

// TicketName is the name of their ticket that records say; empty where none does.
func TicketName(records []audit.Record) string {
	for i := range records {
		if name := query.TicketName(&records[i]); name != "" {
			return name
		}
	}
	return ""
}

// Shown are those of an operation's records, oldest first, that a reader may see: whoever may see that it was sent, or
// asked for, sees who approved and reviewed it, as its receipt says. denied is the error of mayRead that means "no".
func Shown(all []audit.Record, v search.Visibility, mayRead func(audit.Record) error,
	denied error) ([]audit.Record, error) {
	var own, shown []audit.Record
	may := false
	for i, r := range all {
		shown = append(shown, v.Show(r))
		if v.Whole(r) {
			own = append(own, r)
		}
		if may || i > 0 && r.Action != audit.ActionOperationRequested {
			continue
		}
		err := mayRead(r)
		if err != nil && !errors.Is(err, denied) {
			return nil, err
		}
		may = err == nil
	}
	if may {
		return shown, nil
	}
	return own, nil
}

// SubjectOf is what records are about, oldest first: an operation's all, or one record alone. name is its ticket's;
// empty: not known.
func SubjectOf(records []audit.Record, name string) templates.Subject {
	r := records[0]
	row := operations.OfRecord(r)
	if r.OperationID != "" {
		row = operations.Fold(records)
	}
	s := templates.Subject{Operation: r.OperationID, Type: row.Type, BatchIndex: row.BatchIndex, Ticket: row.Ticket,
		TicketName: ansi.VisibleLine(name), Who: ansi.VisibleLine(row.Actor.UserName), Outcome: string(row.Outcome)}
	if r.OperationID == "" {
		s.Action = string(r.Action)
	} else {
		s.Receipt = present.ReceiptAddress(r.OperationID)
	}
	if s.Ticket != "" {
		s.TicketAddress = present.TicketAddress(s.Ticket)
	}
	if row.InstanceID != 0 {
		s.Instance = ansi.VisibleLine(row.Target)
	}
	return s
}

// FillLine fills a page with records, oldest first.
func (l Line) FillLine(page *templates.Timeline, records []audit.Record) {
	page.Items = l.Items(records)
	for _, r := range records {
		if at := r.When(); page.From.IsZero() || at.Before(page.From) {
			page.From = at
		}
		if at := r.When(); at.After(page.To) {
			page.To = at
		}
	}
}
