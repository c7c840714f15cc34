package watch

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
)

// Snapshot is a ticket as it was seen last. It is shared and never changes.
// The time of each part is that of its last good answer; zero = none yet.
type Snapshot struct {
	Meta
	Ticket       coc.Ticket
	TicketAt     time.Time
	Statistics   coc.Statistics
	StatisticsAt time.Time
	// When the calls of these were begun, by the system's clock, whatever the
	// Watcher's is.
	TicketBegan, StatisticsBegan time.Time
	// Counted reports that the rows are those that Statistics count, so that they
	// are as new.
	Counted   bool
	Batches   []Batch // in COC's order
	BatchesAt time.Time
	Events    []Event // oldest first, up to Limits.Events
	// Cut reports that COC told of more batches or instances than a ticket can
	// have, which were left out.
	Cut bool
}

// Over reports that nothing more happens on the ticket.
func (s *Snapshot) Over() bool {
	batches := make([]coc.Batch, len(s.Batches))
	for i, b := range s.Batches {
		batches[i] = b.Batch
	}
	return coc.Over(s.Ticket, batches, s.Statistics)
}

// Batch is one batch with its instances.
type Batch struct {
	coc.Batch
	State     coc.BatchState
	Instances []Instance
	At        time.Time // when all of Instances were read
	RunningAt time.Time // when those that run were read
}

// Instance is a row. Its Message is the end of the log's last line as a terminal
// shows it, up to MaxTail bytes.
type Instance struct {
	coc.Instance
	LogBytes int    // of the whole log
	Why      string // the line before the last one, where that names an exit status alone
	Output   uint64 // the same for logs that differ in numbers and the host's own names alone
}

// MaxTail bounds what is kept of a log, in bytes; maxText what is kept of any
// other text of a row.
const (
	MaxTail = 512
	maxText = 256
)

// lastBytes is how much of a log is looked through for its last line.
const lastBytes = 4 << 10

// The limits of a ticket (docs/coc-api.md section 11). More is left out.
const (
	maxInstances = 200
	maxParams    = 20
	maxValue     = 4 * 4096
)

// Batch returns the batch with that index.
func (s *Snapshot) Batch(index int32) (Batch, bool) {
	i := slices.IndexFunc(s.Batches, func(b Batch) bool { return b.Index == index })
	if i < 0 {
		return Batch{}, false
	}
	return s.Batches[i], true
}

// Rows are the instances of a batch, where they are as new as Statistics and whole.
func (s *Snapshot) Rows(batch int32) ([]coc.Instance, bool) {
	b, ok := s.Batch(batch)
	if !ok || !s.Counted || s.Cut || b.At.IsZero() {
		return nil, false
	}
	rows := make([]coc.Instance, len(b.Instances))
	for i, r := range b.Instances {
		if rows[i] = r.Instance; len(r.Target.RegionID) >= maxText {
			return nil, false
		}
	}
	return rows, true
}

// exact reports that what rules decide by was not cut.
func (s *Snapshot) exact() bool {
	return len(s.Ticket.ScriptName) < maxText && len(s.Ticket.Creator) < maxText
}

func stateOf(rows []Instance) coc.BatchState {
	n := map[coc.InstanceStatus]int{}
	for _, r := range rows {
		n[r.Status]++
	}
	ready, canceled, finished := n[coc.InstanceReady], n[coc.InstanceCanceled], n[coc.InstanceFinished]
	failed := n[coc.InstanceAbnormal] + n[coc.InstanceError] + n[coc.InstanceRolledBack]
	over := failed + canceled + finished
	switch total := len(rows); {
	case total == 0 || ready+over+n[coc.InstanceProcessing] < total:
		return coc.BatchUnknown
	case ready == total:
		return coc.BatchWaiting
	case over < total:
		return coc.BatchRunning
	case failed > 0:
		return coc.BatchFailed
	case canceled == total:
		return coc.BatchCanceled
	case canceled > 0:
		return coc.BatchPartly
	}
	return coc.BatchFinished
}

// Subject is what an event is about.
type Subject string

// The subjects.
const (
	SubjectTicket   Subject = "ticket"
	SubjectBatch    Subject = "batch"
	SubjectInstance Subject = "instance"
)

// Event is one change of state, as far as polls can tell: it happened between
// After and Seen, and states in between may have been missed.
type Event struct {
	Subject     Subject
	Batch       int32  // 0 for the ticket
	Instance    int64  // 0 for the ticket and a batch
	Host        string // of the instance
	From, To    string // wire words; for a batch a coc.BatchState
	After, Seen time.Time
}

// batchEvents lists what changed between two readings of a batch: instances,
// and then what that makes of the batch.
func batchEvents(before, now Batch) []Event {
	if before.At.IsZero() {
		return nil // nothing to compare with
	}
	was := make(map[int64]coc.InstanceStatus, len(before.Instances))
	for _, r := range before.Instances {
		was[r.ID] = r.Status
	}
	after, seen := latest(before.At, before.RunningAt), latest(now.At, now.RunningAt)
	var events []Event
	for _, r := range now.Instances {
		if from, known := was[r.ID]; known && from != r.Status {
			events = append(events, Event{Subject: SubjectInstance, Batch: now.Index, Instance: r.ID,
				Host: r.Target.HostName, From: string(from), To: string(r.Status), After: after, Seen: seen})
		}
	}
	if before.State != now.State {
		events = append(events, Event{Subject: SubjectBatch, Batch: now.Index, From: string(before.State),
			To: string(now.State), After: after, Seen: seen})
	}
	return events
}

// withEvents appends to a bounded log. The elements of the old one are shared
// and stay as they are.
func withEvents(log, more []Event, most int) []Event {
	log = append(log, more...)
	return log[max(0, len(log)-most):]
}

// rowOf keeps what is shown of a row, so that a view's memory is bounded.
func rowOf(i coc.Instance) Instance {
	r := Instance{Instance: i, LogBytes: len(i.Message), Output: outputOf(i)}
	r.Why = tail(lineBefore(i.Message))
	r.Message = tail(ansi.LastLine(i.Message, lastBytes)) // cut from the log itself it could begin within a sequence
	t := &r.Target
	t.Attributes = nil
	for _, field := range []*string{&r.CommandID, &t.ResourceID, &t.Provider, &t.Type, &t.RegionID, &t.AgentSN,
		&t.AgentStatus,
		&t.AgentVersion, &t.ProjectID, &t.HostName, &t.FixedIP, &t.FloatingIP, &t.ZoneID, &t.Application, &t.Group} {
		*field = head(*field, maxText)
	}
	r.Status = coc.InstanceStatus(head(string(r.Status), maxText))
	return r
}

// tail copies the end of a log, so that the rest can go.
func tail(text string) string {
	start := max(0, len(text)-MaxTail)
	for start > 0 && start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	return strings.Clone(text[start:])
}

// head copies the start of a text that is too long.
func head(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.Clone(text[:most])
}

func boundedTicket(t coc.Ticket) coc.Ticket {
	for _, field := range []*string{&t.Creator, &t.ScriptUUID, &t.ScriptName, &t.ScriptVersion, &t.ScriptSource,
		&t.ExecuteUser} {
		*field = head(*field, maxText)
	}
	t.Status = coc.TicketStatus(head(string(t.Status), maxText))
	t.Params = slices.Clone(t.Params[:min(len(t.Params), maxParams)]) // others may read those that were given
	for i := range t.Params {
		p := &t.Params[i]
		p.Name, p.Value, p.Reference = head(p.Name, maxText), head(p.Value, maxValue), head(p.Reference, maxText)
	}
	return t
}

func boundedBatch(b coc.Batch) coc.Batch {
	b.Rotation, b.Properties = coc.RotationStrategy(head(string(b.Rotation), maxText)), head(b.Properties, maxText)
	return b
}
