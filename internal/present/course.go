package present

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/course"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// MaxTimeline is how many records of the log a ticket's page goes by; the log has the rest.
const MaxTimeline = 100

// DeedOf is a record as the course of a ticket sees it.
func DeedOf(r audit.Record) course.Deed {
	d := operate.ParseDetail(r.Detail)
	deed := course.Deed{Sequence: r.Sequence, At: r.When(), Actor: ansi.VisibleLine(r.Actor.UserName), Action: r.Action,
		Outcome: r.Outcome, ID: r.OperationID, Type: coc.OperationType(r.OperationType), Batch: r.BatchIndex,
		Instance: r.InstanceID, Reason: ansi.Visible(r.Reason), ApprovedBy: ansi.VisibleLine(d.ApprovedBy),
		Override: d.Override, Stops: d.Stops}
	if r.InstanceID != 0 {
		deed.Target = ansi.VisibleLine(r.Target)
	}
	return deed
}

// Course is what happened to a ticket, at one reading.
type Course struct {
	snapshot   *watch.Snapshot
	operations []course.Operation
	approvals  []course.Approval
	cause      course.Cause
	lifetime   time.Duration
}

// NewCourse puts a reading and what was done together; deeds are newest first. A request for approval that nobody
// answers waits for so long.
func NewCourse(s *watch.Snapshot, deeds []course.Deed, lifetime time.Duration) Course {
	c := Course{snapshot: s, operations: course.Operations(deeds), approvals: course.Approvals(deeds),
		lifetime: lifetime}
	c.cause = course.CauseOf(s, c.operations)
	return c
}

// MarkPending notes which operations have to wait for one that has no end yet. To cancel the whole ticket waits for
// nothing but another cancelling.
func (c Course) MarkPending(choices []templates.OperationChoice) []templates.OperationChoice {
	open := course.Pending(c.operations)
	for i := range choices {
		choices[i].Pending = slices.ContainsFunc(open, func(o course.Operation) bool {
			return choices[i].Type != string(coc.CancelOrder) || o.Type == coc.CancelOrder
		})
	}
	return choices
}

// Verdict is the sentence on top of the page.
func (c Course) Verdict(over bool) templates.Verdict {
	s := c.snapshot
	v := templates.Verdict{Now: s.At, Created: s.Ticket.Created, Batch: s.Ticket.CurrentBatch, Running: s.Statistics.Count(coc.InstanceProcessing),
		Stopped: s.Statistics.Count(coc.InstanceCanceled), Succeeded: s.Statistics.Count(coc.InstanceFinished),
		All: s.Statistics.Total, AllFailed: s.Statistics.Failed()}
	if open := course.Pending(c.operations); len(open) > 0 {
		v.Pending = string(open[0].Type)
	}
	if rate, ok := watch.SuccessOf(s, 0); ok {
		v.Threshold = percentText(rate.Threshold)
		if s.Ticket.Status.Waits() && !over {
			v.Reach = string(rate.Verdict())
		}
	}
	if doubt := course.Doubt(s, c.operations); doubt != nil && !doubt.Open() {
		v.Kind, v.Operation, v.Actor, v.At = "UNCONFIRMED", string(doubt.Type), doubt.Actor, doubt.Requested
		v.Receipt = ReceiptAddress(doubt.ID)
		return v
	}
	c.state(&v, over)
	return v
}

// state says what the ticket's state comes from.
func (c Course) state(v *templates.Verdict, over bool) {
	s := c.snapshot
	switch status := s.Ticket.Status; {
	case status == coc.TicketReady:
		v.Kind, v.At, v.Actor = "READY", s.Ticket.Created, ansi.VisibleLine(s.Ticket.Creator)
	case status == coc.TicketProcessing:
		v.Kind = "PROCESSING"
		if rate, ok := watch.SuccessOf(s, 0); ok && rate.Verdict() == watch.VerdictMissed {
			v.Kind = "MISSED"
		}
		v.At = began(s, v.Batch)
		if e, ok := watch.EstimateRemaining(s, s.At); ok && !e.Pauses {
			v.Ends = s.At.Add(e.Remaining).Round(time.Minute)
		}
	case status == coc.TicketPaused:
		c.because(v, "PAUSED")
	case status == coc.TicketCanceled:
		c.because(v, "CANCELED")
	case status.Failed() && over:
		v.Kind, v.At, v.Took = "ENDED", ended(s), s.Ticket.Duration(s.At)
	case status.Failed():
		c.stopped(v)
	case status == coc.TicketFinished:
		v.Kind, v.At, v.Took = "FINISHED", ended(s), s.Ticket.Duration(s.At)
	case status == coc.TicketRolledBack:
		v.Kind = "ROLLBACKED"
	default:
		v.Kind = "UNKNOWN"
	}
}

// because says who brought the ticket into a state, or where that was.
func (c Course) because(v *templates.Verdict, kind string) {
	switch v.Kind = kind; c.cause.How {
	case course.Here:
		o := c.cause.Operation
		v.Kind, v.Actor, v.ApprovedBy, v.Reason, v.At = kind+"_HERE", o.Actor, o.ApprovedBy, o.Reason, o.Requested
		if o.Likely() {
			v.Kind = kind + "_LIKELY_HERE"
		}
	case course.Strategy:
		v.Kind, v.Batch, v.At = kind+"_STRATEGY", c.cause.Batch, c.cause.Seen
	case course.Outside:
		if !c.cause.Seen.IsZero() && !c.cause.After.IsZero() {
			v.Kind, v.After, v.At = kind+"_OUTSIDE", c.cause.After, c.cause.Seen
		}
	case course.Unknown, course.Threshold: // the state alone is told
	}
}

// stopped says in which batch too many instances failed.
func (c Course) stopped(v *templates.Verdict) {
	v.Kind, v.At = "STOPPED_SOMEHOW", c.cause.Seen
	b, ok := c.snapshot.Batch(v.Batch)
	if !ok || b.At.IsZero() || v.At.IsZero() || v.Threshold == "" {
		return
	}
	v.Kind, v.Total = "STOPPED", int32(min(len(b.Instances), coc.MaxBatchIndex))
	for _, r := range b.Instances {
		if r.Status.Failed() {
			v.Failed++
		}
	}
}

// began is when the first instance of a batch started; zero when that is not known.
func began(s *watch.Snapshot, batch int32) (start time.Time) {
	b, _ := s.Batch(batch)
	for _, r := range b.Instances {
		if r.Status != coc.InstanceReady && !r.Created.IsZero() && (start.IsZero() || r.Created.Before(start)) {
			start = r.Created
		}
	}
	return start
}

// ended is when the ticket ended, or its last instance.
func ended(s *watch.Snapshot) time.Time {
	if !s.Ticket.Finished.IsZero() {
		return s.Ticket.Finished
	}
	var last time.Time
	for _, b := range s.Batches {
		for _, r := range b.Instances {
			if r.Finished.After(last) {
				last = r.Finished
			}
		}
	}
	return last
}

func percentText(percent float64) string { return strconv.FormatFloat(percent, 'f', -1, 64) }

// maxRequests bounds the lines below the verdict.
const maxRequests = 5

// Requests are what waits for an answer: approvals, then operations.
func (c Course) Requests() (all []templates.Request) {
	now := c.snapshot.At
	for _, a := range c.approvals {
		sent := slices.ContainsFunc(c.operations, func(o course.Operation) bool { return o.ID == a.ID })
		if !a.Waits() || sent || !now.Before(a.Asked.Add(c.lifetime)) {
			continue
		}
		all = append(all, templates.Request{ID: a.ID, Approval: true, Actor: a.By, Operation: string(a.Type), Batch: a.Batch,
			Target: a.Target, Stops: a.Stops, At: a.Asked, Expires: a.Asked.Add(c.lifetime), Now: now,
			Action: string(a.Action), Address: ApprovalAddress(a.ID), Reason: a.Reason})
	}
	for _, o := range c.operations {
		if o.Open() {
			all = append(all, templates.Request{ID: o.ID, Actor: o.Actor, Operation: string(o.Type), Batch: o.Batch,
				Target: o.Target, At: o.Requested, Now: now, Action: string(o.Action), Address: ReceiptAddress(o.ID)})
		}
	}
	return all[:min(len(all), maxRequests)]
}

// maxFeed bounds the entries beside the batches.
const maxFeed = 40

// Feed is what happened, newest first: each operation and request once, changes of the ticket's state, and what the
// instances of each batch came to.
func (c Course) Feed() []templates.FeedEntry {
	s := c.snapshot
	var all []templates.FeedEntry
	for _, o := range c.operations {
		all = append(all, entryOf("operation", o.Deed, o.Requested, s.At))
		last := &all[len(all)-1]
		last.ID, last.Address, last.Reviewed = "operation-"+o.ID, ReceiptAddress(o.ID), o.Reviewed
		if o.Likely() {
			last.Status = "operation.likely"
		}
	}
	for _, a := range c.approvals {
		e := entryOf("approval", a.Deed, a.Asked, s.At)
		e.ID, e.Actor, e.Reason, e.Address = "approval-"+a.ID, a.By, a.Reason, ApprovalAddress(a.ID)
		all = append(all, e)
	}
	all = append(all, c.changes()...)
	all = append(all, batchEntries(s)...)
	if !s.Ticket.Created.IsZero() {
		all = append(all, templates.FeedEntry{ID: "feed-created", Kind: "created", Time: s.Ticket.Created, Now: s.At,
			Actor: ansi.VisibleLine(s.Ticket.Creator)})
	}
	slices.SortStableFunc(all, func(a, b templates.FeedEntry) int { return b.Time.Compare(a.Time) })
	all = merged(all)
	return all[:min(len(all), maxFeed)]
}

func entryOf(kind string, d course.Deed, at, now time.Time) templates.FeedEntry {
	return templates.FeedEntry{Kind: kind, Time: at, Now: now, Status: string(d.Action), Operation: string(d.Type),
		Actor: d.Actor, ApprovedBy: d.ApprovedBy, Reason: d.Reason, Target: d.Target, Batch: d.Batch, Override: d.Override}
}

// changes are those of the ticket's state that no operation of this console explains.
func (c Course) changes() (all []templates.FeedEntry) {
	s := c.snapshot
	for _, e := range s.Events {
		if e.Subject != watch.SubjectTicket || course.Explained(e, c.operations) {
			continue
		}
		entry := templates.FeedEntry{ID: eventID(e), Kind: "ticket", Time: e.Seen, After: e.After, Now: s.At,
			Status: e.To}
		last := e.To == string(s.Ticket.Status) && !slices.ContainsFunc(s.Events, func(later watch.Event) bool {
			return later.Subject == watch.SubjectTicket && later.Seen.After(e.Seen)
		})
		switch end := ended(s); {
		case last && s.Ticket.Status == coc.TicketFinished && !end.IsZero() && end.Before(e.Seen):
			entry.Time, entry.After = end, time.Time{} // COC says when it was, not only when it was seen
		case last && c.cause.How == course.Strategy:
			entry.Why, entry.Batch, entry.After = "STRATEGY", c.cause.Batch, time.Time{}
		case last && c.cause.How == course.Threshold:
			entry.Why, entry.Batch, entry.After = "THRESHOLD", c.cause.Batch, time.Time{}
		case last && c.cause.How == course.Outside:
			entry.Why = "OUTSIDE"
		}
		all = append(all, entry)
	}
	if seen := c.cause.Seen; !seen.IsZero() && len(all) == 0 { // what the figures tell, where nobody was looking
		entry := templates.FeedEntry{ID: "feed-state", Kind: "ticket", Time: seen, Now: s.At, Batch: c.cause.Batch,
			Status: string(s.Ticket.Status)}
		switch c.cause.How {
		case course.Strategy:
			entry.Why = "STRATEGY"
		case course.Threshold:
			entry.Why = "THRESHOLD"
		default:
			return all
		}
		all = append(all, entry)
	}
	return all
}

// batchEntries are what the instances of each batch came to until now.
func batchEntries(s *watch.Snapshot) (all []templates.FeedEntry) {
	for _, b := range s.Batches {
		var last time.Time
		counts := countRows(b.Instances)
		for _, r := range b.Instances {
			for _, t := range []time.Time{r.Created, r.Finished} {
				if r.Status != coc.InstanceReady && t.After(last) {
					last = t
				}
			}
		}
		if last.IsZero() {
			continue
		}
		e := templates.FeedEntry{ID: "feed-batch-" + Decimal(b.Index), Kind: "batches", Time: last, Now: s.At,
			Status: string(b.State), First: b.Index, Last: b.Index, Counts: counts}
		if slices.ContainsFunc(b.Instances, func(r watch.Instance) bool { return r.Status.Failed() }) {
			e.Status = string(coc.InstanceAbnormal)
		}
		all = append(all, e)
	}
	return all
}

// countRows counts rows by their states, in the order of a bar.
func countRows(rows []watch.Instance) (counts []templates.Count) {
	for _, r := range rows {
		i := slices.IndexFunc(counts, func(c templates.Count) bool { return c.Status == string(r.Status) })
		if i < 0 {
			i = len(counts)
			counts = append(counts, templates.Count{Status: string(r.Status)})
		}
		counts[i].Count++
	}
	slices.SortStableFunc(counts, func(a, b templates.Count) int { return cmp.Compare(a.Status, b.Status) })
	return counts
}

// aloneBatches are how many of the newest lines of batches stand alone.
const aloneBatches = 3

// merged joins older lines of batches that follow each other with nothing between them.
func merged(all []templates.FeedEntry) (out []templates.FeedEntry) {
	seen := 0
	for _, e := range all {
		if e.Kind == "batches" {
			seen++
		}
		if n := len(out); e.Kind == "batches" && seen > aloneBatches+1 && n > 0 && out[n-1].Kind == "batches" &&
			out[n-1].First == e.Last+1 {
			m := &out[n-1]
			m.First, m.Counts = e.First, addCounts(m.Counts, e.Counts)
			if e.Status == string(coc.InstanceAbnormal) {
				m.Status = e.Status
			}
			continue
		}
		out = append(out, e)
	}
	return out
}

// addCounts adds counts by their states.
func addCounts(a, b []templates.Count) []templates.Count {
	sum := slices.Clone(a)
	for _, c := range b {
		if i := slices.IndexFunc(sum, func(x templates.Count) bool { return x.Status == c.Status }); i >= 0 {
			sum[i].Count += c.Count
		} else {
			sum = append(sum, c)
		}
	}
	return sum
}
