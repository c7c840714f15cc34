package operate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"coc-console/internal/coc"
)

// Snapshot is what a person had before their eyes when they decided: the state
// of the ticket, its current batch and its counts and, for one instance, that
// instance's state. A form carries it as text, the log keeps it, and before
// anything is sent it is compared with a new reading, because COC has no
// guard against acting on a stale one (docs/coc-api.md section 4.6).
type Snapshot struct {
	Status   coc.TicketStatus
	Batch    int32
	Ready    int32
	Running  int32
	Failed   int32
	Canceled int32
	Finished int32
	Instance coc.InstanceStatus // CANCEL_INSTANCE only
}

const snapshotVersion = "1"

var errSnapshot = errors.New("not a snapshot of a ticket")

// SnapshotOf reduces a situation to what is compared. instance is the chosen
// row's state, empty for operations on a batch or the ticket.
func SnapshotOf(s Situation, instance coc.InstanceStatus) Snapshot {
	count := s.Statistics.Count
	return Snapshot{
		Status: s.Ticket.Status, Batch: s.Ticket.CurrentBatch,
		Ready: count(coc.InstanceReady), Running: count(coc.InstanceProcessing),
		Failed: s.Statistics.Failed(), Canceled: count(coc.InstanceCanceled),
		Finished: count(coc.InstanceFinished), Instance: instance,
	}
}

// String is the form in which pages and the log carry the snapshot:
// version/status/batch/ready/running/failed/canceled/finished/instance.
func (p Snapshot) String() string {
	return fmt.Sprintf("%s/%s/%d/%d/%d/%d/%d/%d/%s", snapshotVersion, p.Status, p.Batch,
		p.Ready, p.Running, p.Failed, p.Canceled, p.Finished, p.Instance)
}

// ParseSnapshot reads what String wrote.
func ParseSnapshot(text string) (Snapshot, error) {
	part := strings.Split(text, "/")
	if len(text) > 200 || len(part) != 9 || part[0] != snapshotVersion || !utf8.ValidString(text) ||
		strings.ContainsFunc(text, unicode.IsControl) {
		return Snapshot{}, errSnapshot
	}
	p := Snapshot{Status: coc.TicketStatus(part[1]), Instance: coc.InstanceStatus(part[8])}
	for i, field := range []*int32{&p.Batch, &p.Ready, &p.Running, &p.Failed, &p.Canceled, &p.Finished} {
		n, err := strconv.ParseInt(part[2+i], 10, 32)
		if err != nil || n < 0 {
			return Snapshot{}, errSnapshot
		}
		*field = int32(n)
	}
	return p, nil
}

// Aspect names one part of a snapshot.
type Aspect string

// The aspects of a snapshot that can change.
const (
	AspectStatus   Aspect = "status"
	AspectBatch    Aspect = "batch"
	AspectReady    Aspect = "ready"
	AspectRunning  Aspect = "running"
	AspectFailed   Aspect = "failed"
	AspectCanceled Aspect = "canceled"
	AspectFinished Aspect = "finished"
	AspectInstance Aspect = "instance"
)

// Change is one aspect that is no longer what was seen.
type Change struct {
	Aspect        Aspect
	Before, After string
	// Material changes stop the operation; the others are only shown.
	Material bool
}

// Changes lists what differs between the snapshot and a newer one, for an
// operation of that type. Which differences are material depends on what the
// operation acts on: a running ticket makes progress all the time, and that
// alone must not stop an emergency pause, while a skip that would hit another
// batch must never go through.
func (p Snapshot) Changes(now Snapshot, operation coc.OperationType) []Change {
	var changes []Change
	note := func(aspect Aspect, before, after string) {
		if before != after {
			changes = append(changes, Change{Aspect: aspect, Before: before, After: after,
				Material: isMaterial(operation, aspect)})
		}
	}
	note(AspectStatus, string(p.Status), string(now.Status))
	note(AspectInstance, string(p.Instance), string(now.Instance))
	note(AspectBatch, decimal(p.Batch), decimal(now.Batch))
	note(AspectReady, decimal(p.Ready), decimal(now.Ready))
	note(AspectRunning, decimal(p.Running), decimal(now.Running))
	note(AspectFailed, decimal(p.Failed), decimal(now.Failed))
	note(AspectCanceled, decimal(p.Canceled), decimal(now.Canceled))
	note(AspectFinished, decimal(p.Finished), decimal(now.Finished))
	return changes
}

// Stale reports whether one of the changes is material.
func Stale(changes []Change) bool {
	for _, c := range changes {
		if c.Material {
			return true
		}
	}
	return false
}

func decimal(n int32) string { return strconv.FormatInt(int64(n), 10) }
