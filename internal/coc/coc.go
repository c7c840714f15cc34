// Package coc is a typed client for the six calls on script service tickets of
// Huawei Cloud COC: list, show, batches, instances, statistics and operate.
//
// COC's answers are treated as what they are, the words of another system:
// ids are exact int64, absent values may be null, enum values that this
// package does not know survive verbatim, unknown fields are ignored, and
// whatever is not an answer of COC (a gateway's error, HTML, nothing at all)
// becomes an *Error that says what came. Facts are from docs/coc-api.md; the
// comments cite its sections.
package coc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"coc-console/internal/huawei"
)

// Language selects the language of COC's texts (docs/coc-api.md section 1.3).
type Language string

// The languages COC knows.
const (
	EnUS Language = "en-us"
	ZhCN Language = "zh-cn"
)

// known is the language in which COC answers somebody whose pages are in this one.
func (l Language) known() Language {
	if l == ZhCN {
		return ZhCN
	}
	return EnUS
}

// ErrNoCaller is what those who keep callers say of one that there is no more:
// the session has ended. Any other error of theirs says nothing about it.
var ErrNoCaller = errors.New("there is no such session, or it has ended")

// Caller is on whose behalf COC is called. Empty fields send no header.
type Caller struct {
	Credential  huawei.Credential // nil: none
	Language    Language          // of the person's pages; COC gets English for one that it doesn't know
	ProjectID   string            // x-project-id
	UserProfile string            // x-user-profile, opaque (docs/coc-api.md section 1.3)
	// Refused hears that COC does not take the credential, and returns the one that stands in its place; ok is false
	// where there is none. nil: there never is.
	Refused func(ctx context.Context, refused huawei.Credential) (another huawei.Credential, ok bool) `json:"-"`
}

// Format prints a caller without the credential; fmt would print a *Caller within a
// struct by its fields, past their methods.
func (c Caller) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "caller with %s of project %q", huawei.Redacted, c.ProjectID)
}

// TicketStatus is the state of a ticket (docs/coc-api.md section 7).
type TicketStatus string

// The states of a ticket. European endpoints say ERROR where others say
// ABNORMAL (docs/coc-api.md section 14.1).
const (
	TicketReady      TicketStatus = "READY"
	TicketProcessing TicketStatus = "PROCESSING"
	TicketAbnormal   TicketStatus = "ABNORMAL"
	TicketPaused     TicketStatus = "PAUSED"
	TicketCanceled   TicketStatus = "CANCELED"
	TicketFinished   TicketStatus = "FINISHED"
	TicketError      TicketStatus = "ERROR"
	TicketRolledBack TicketStatus = "ROLLBACKED"
)

// Known reports whether this package knows the state.
func (s TicketStatus) Known() bool {
	switch s {
	case TicketReady, TicketProcessing, TicketAbnormal, TicketPaused, TicketCanceled, TicketFinished,
		TicketError, TicketRolledBack:
		return true
	}
	return false
}

// Failed reports that the ticket has stopped because of failures, whatever the
// endpoint calls that.
func (s TicketStatus) Failed() bool { return s == TicketAbnormal || s == TicketError }

// Canonical is the state in the words of most endpoints: ERROR is ABNORMAL.
func (s TicketStatus) Canonical() TicketStatus {
	if s == TicketError {
		return TicketAbnormal
	}
	return s
}

// Waits reports that a ticket of this state, unless it is over, waits for
// somebody's decision (docs/coc-api.md section 8.1).
func (s TicketStatus) Waits() bool { return s == TicketPaused || s.Failed() }

// Over reports that nothing more happens on a ticket: it has an end, or its
// state is not one that COC itself ends, and no instance is open or yet to
// come. The state's name alone does not tell: an ERROR may be an ABNORMAL, and
// whatever this package does not know may be anything.
func Over(t Ticket, batches []Batch, now Statistics) bool {
	if !t.Finished.IsZero() {
		return true
	}
	switch t.Status {
	case TicketReady, TicketProcessing, TicketPaused, TicketAbnormal:
		return false
	case TicketCanceled, TicketFinished:
		return !now.anyOpen()
	default:
		return !now.anyOpen() && !slices.ContainsFunc(batches, func(b Batch) bool {
			return b.Index > t.CurrentBatch && !now.counts(b.Index)
		})
	}
}

// FilterableTicketStatuses are the states that a list may be narrowed to;
// READY is not one of them (docs/coc-api.md section 4.1). Client.FailedStatuses
// says which word stands for ABNORMAL.
func FilterableTicketStatuses() []TicketStatus {
	return []TicketStatus{TicketProcessing, TicketAbnormal, TicketPaused, TicketCanceled, TicketFinished}
}

// InstanceStatus is the state of one server in one batch (section 7).
type InstanceStatus string

// The states of an instance.
const (
	InstanceReady      InstanceStatus = "READY"
	InstanceProcessing InstanceStatus = "PROCESSING"
	InstanceAbnormal   InstanceStatus = "ABNORMAL"
	InstanceCanceled   InstanceStatus = "CANCELED"
	InstanceFinished   InstanceStatus = "FINISHED"
	InstanceRolledBack InstanceStatus = "ROLLBACKED"
	// InstanceError is in no source; an endpoint that calls a failed ticket
	// ERROR may call an instance so, too.
	InstanceError InstanceStatus = "ERROR"
)

// Known reports whether this package knows the state.
func (s InstanceStatus) Known() bool {
	switch s {
	case InstanceReady, InstanceProcessing, InstanceAbnormal, InstanceCanceled, InstanceFinished, InstanceRolledBack,
		InstanceError:
		return true
	}
	return false
}

// Terminal reports whether the instance is over.
func (s InstanceStatus) Terminal() bool {
	return s.Failed() || s == InstanceCanceled || s == InstanceFinished || s == InstanceRolledBack
}

// Failed reports that the script failed, whatever the endpoint calls that.
func (s InstanceStatus) Failed() bool { return s == InstanceAbnormal || s == InstanceError }

// FilterableInstanceStatuses are the states that a batch may be narrowed to
// (docs/coc-api.md section 4.4).
func FilterableInstanceStatuses() []InstanceStatus {
	return []InstanceStatus{InstanceReady, InstanceProcessing, InstanceAbnormal, InstanceCanceled, InstanceFinished}
}

// RotationStrategy says what happens after a batch (section 4.3).
type RotationStrategy string

// The rotation strategies.
const (
	RotationContinue RotationStrategy = "CONTINUE"
	RotationPause    RotationStrategy = "PAUSE"
)

// Known reports whether this package knows the strategy.
func (r RotationStrategy) Known() bool { return r == RotationContinue || r == RotationPause }

// TicketSummary is one row of the ticket list (section 4.1). Zero times are
// absent ones.
type TicketSummary struct {
	OrderID           int64 // the paging marker
	Name              string
	ExecuteUUID       ExecuteUUID
	Created, Finished time.Time
	Creator           string // a user name, not an id
	Status            TicketStatus
	RegionIDs         string
}

// Duration is the time from creation to the end, or to now.
func (t TicketSummary) Duration(now time.Time) time.Duration {
	return duration(t.Created, t.Finished, now)
}

// Over is Over for a row of the list, which tells of no instances: what neither
// has an end nor a name that means one is not.
func (t TicketSummary) Over() bool {
	return !t.Finished.IsZero() || t.Status == TicketCanceled || t.Status == TicketFinished
}

// Waits reports that the ticket waits for somebody's decision.
func (t TicketSummary) Waits() bool { return t.Status.Waits() && !t.Over() }

// TicketQuery narrows the ticket list; zero fields are not sent.
type TicketQuery struct {
	Limit    int32 // 1..100
	Marker   int64 // OrderID of the last row of the page before
	From, To time.Time
	Creator  string
	Status   TicketStatus
	NameLike string
}

// TicketPage is one page of the list, newest first. Total counts all matches.
type TicketPage struct {
	Total   int64
	Tickets []TicketSummary
}

// Ticket is the basic information of one ticket (section 4.2).
type Ticket struct {
	ExecuteUUID       ExecuteUUID
	Created, Finished time.Time // zero = absent
	Creator           string
	Status            TicketStatus
	ScriptUUID        string
	ScriptName        string
	ScriptVersion     string
	ScriptSource      string
	CurrentBatch      int32
	Timeout           time.Duration // per instance; 0 = absent
	SuccessRate       *float64      // percent
	ExecuteUser       string
	Params            []Param
}

// Duration is the time from creation to the end, or to now while there is
// none. It is never taken from execute_costs, whose unit the sources disagree
// on (docs/coc-api.md section 12).
func (t Ticket) Duration(now time.Time) time.Duration {
	return duration(t.Created, t.Finished, now)
}

func duration(created, finished, now time.Time) time.Duration {
	if created.IsZero() {
		return 0
	}
	if finished.IsZero() {
		finished = now
	}
	return max(0, finished.Sub(created))
}

// Param is one script parameter; COC masks sensitive values.
type Param struct {
	Name, Value string
	Order       int32
	Reference   string // the parameter store's id, when the value comes from there
}

// Batch is one batch of a ticket (section 4.3). It has no status of its own.
type Batch struct {
	Index          int32 // from 1
	TotalInstances int32
	Rotation       RotationStrategy
	Properties     string
}

// InstanceQuery asks for one page of a batch's instances.
type InstanceQuery struct {
	Batch  int32
	Status InstanceStatus // empty = all
	Limit  int32          // 1..50
	Marker int64          // ID of the last row of the page before; 0 = first page
}

// InstancePage is one page of a batch.
type InstancePage struct {
	Batch, TotalInstances int32
	Instances             []Instance
}

// Instance is one server in one batch (section 6.1).
type Instance struct {
	ID                int64
	CommandID         string
	Target            Target
	Created, Finished time.Time
	Status            InstanceStatus
	Message           string // the log, untrusted text of up to 1 MB
}

// Duration is the time from creation to the end, or to now.
func (i Instance) Duration(now time.Time) time.Duration {
	return duration(i.Created, i.Finished, now)
}

// Target is the server that an instance runs on.
type Target struct {
	ResourceID, Provider, Type, RegionID string
	AgentSN, AgentStatus, AgentVersion   string
	ProjectID, HostName                  string
	FixedIP, FloatingIP                  string
	ZoneID, Application, Group           string
	Attributes                           []Attribute
}

// Attribute is a custom label of a target.
type Attribute struct{ Key, Value string }

// StatusCount counts the instances in one state.
type StatusCount struct {
	Status  InstanceStatus
	Count   int32
	Batches []int32 // the batches in which they are
}

// Statistics counts a ticket's instances by state (section 4.5).
type Statistics struct {
	Total  int32
	Counts []StatusCount
}

// Count returns the number of instances in a state.
func (s Statistics) Count(status InstanceStatus) int32 {
	var n int32
	for _, c := range s.Counts {
		if c.Status == status {
			n += c.Count
		}
	}
	return n
}

// Batch is the last batch of which something has begun, and how many there are, as far as the counts name batches; 0
// is not known.
func (s Statistics) Batch() (current, batches int32) {
	for _, c := range s.Counts {
		for _, b := range c.Batches {
			if batches = max(batches, b); c.Status != InstanceReady && c.Count > 0 {
				current = max(current, b)
			}
		}
	}
	return current, batches
}

// Failed is the number of instances that have failed.
func (s Statistics) Failed() int32 { return s.Count(InstanceAbnormal) + s.Count(InstanceError) }

// anyOpen reports whether an instance runs or waits; one in a state that is not
// known may.
func (s Statistics) anyOpen() bool {
	return slices.ContainsFunc(s.Counts, func(c StatusCount) bool { return c.Count > 0 && !c.Status.Terminal() })
}

// counts reports whether an instance of the batch is counted.
func (s Statistics) counts(batch int32) bool {
	return slices.ContainsFunc(s.Counts, func(c StatusCount) bool {
		return c.Count > 0 && slices.Contains(c.Batches, batch)
	})
}

// InstanceID is the value that CANCEL_INSTANCE takes for a row. That it is the
// row's own id is inferred, about two in three (docs/coc-api.md section 6.2),
// so this mapping stands here and nowhere else.
func InstanceID(i Instance) int64 { return i.ID }
