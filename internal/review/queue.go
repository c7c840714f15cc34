package review

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

// The bounds of what a queue knows.
const (
	Since      = 90 * 24 * time.Hour // older records are left out
	maxRecords = 20_000              // of one kind, the newest
	few        = 500                 // new records, which are all read; more are searched for those that are followed
)

// followed are the actions, and groups of them, that say what is to be reviewed.
var followed = []audit.Action{"operation.", "glass.", "review.", audit.ActionAccessDenied, audit.ActionApprovalGiven,
	audit.ActionApprovalGranted}

// Config is what a Queue stands on.
type Config struct {
	Log   *audit.Log
	Index *search.Index
	Rules *policy.Store
	Now   func() time.Time
}

// Queue is safe for concurrent use.
type Queue struct {
	cfg Config

	signing sync.Mutex // held while sign-offs are written

	mu      sync.Mutex
	upTo    int64 // the records that were read: all that are followed, as far as this one
	entries map[string]*entry
}

// New returns a queue that has read nothing yet.
func New(cfg Config) *Queue {
	return &Queue{cfg: cfg, entries: map[string]*entry{}}
}

// Signature is who has looked at an operation.
type Signature struct {
	By       audit.Actor
	At       time.Time
	Comment  string
	Sequence int64 // of its record
}

// entry is what is known of one operation, or of one denied attempt.
type entry struct {
	record    audit.Record // of the request, the override or the denial; no action: not read
	at        time.Time
	detail    operate.Detail
	override  bool
	unknown   bool // COC's answer
	others    bool // what nobody chose here was cancelled, too
	last      audit.Action
	approvers []string // user ids
	signed    *Signature
}

// RecordID is the id of an item that is no operation, but one record.
func RecordID(sequence int64) string { return "record-" + strconv.FormatInt(sequence, 10) }

// refresh reads what the log has and the queue does not.
func (q *Queue) refresh(ctx context.Context) error {
	size, err := q.cfg.Log.Size(ctx)
	if err != nil || size == q.upTo {
		return err
	}
	found, err := q.newer(ctx, size)
	if err != nil {
		return fmt.Errorf("read what is to be reviewed: %w", err)
	}
	q.upTo = size
	for _, r := range found {
		q.add(r)
	}
	oldest := q.cfg.Now().Add(-Since)
	for id, e := range q.entries {
		if e.at.Before(oldest) {
			delete(q.entries, id)
		}
	}
	return nil
}

// newer are the followed records above upTo as far as size, in the order of the log.
func (q *Queue) newer(ctx context.Context, size int64) (all []audit.Record, err error) {
	if q.upTo > 0 && size-q.upTo <= few {
		all, err = q.cfg.Log.AppendRecords(ctx, nil, "seq > $1 AND seq <= $2 ORDER BY seq", q.upTo, size)
		return slices.DeleteFunc(all, func(r audit.Record) bool {
			group := audit.Action(query.GroupOf(r.Action))
			return !slices.Contains(followed, r.Action) && !slices.Contains(followed, group)
		}), err
	}
	for _, action := range followed {
		if all, err = q.search(ctx, all, action, size); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b audit.Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return all, nil
}

// search appends the newest records of an action, or a group of them, above upTo
// as far as size, in no particular order.
func (q *Queue) search(
	ctx context.Context, all []audit.Record, action audit.Action, size int64,
) ([]audit.Record, error) {
	wanted := search.Query{Action: action, Limit: search.MaxLimit, Before: size + 1, Visible: search.Visibility{All: true},
		From: q.cfg.Now().Add(-Since)}
	for n := 0; n < maxRecords; n += search.MaxLimit {
		page, err := q.cfg.Index.Search(ctx, wanted)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			if r.Sequence > q.upTo {
				all = append(all, r)
			}
		}
		if wanted.Before = page.Next; page.Next <= q.upTo {
			break // read before, or 0: there are no more
		}
	}
	return all, nil
}

// add takes up one record; records come in the order of the log.
func (q *Queue) add(r audit.Record) {
	id := r.OperationID
	detail := operate.ParseDetail(r.Detail)
	switch {
	case r.Action == audit.ActionAccessDenied && r.Ticket != "":
		id = RecordID(r.Sequence)
	case r.Action == audit.ActionReviewed && detail.Of != 0:
		id = RecordID(detail.Of)
	}
	if id == "" {
		return
	}
	e := q.entries[id]
	if e == nil {
		e = &entry{at: r.When()}
		q.entries[id] = e
	}
	e.add(r, detail)
}

func (e *entry) add(r audit.Record, detail operate.Detail) {
	switch r.Action {
	case audit.ActionOverrideReviewed, audit.ActionReviewed:
		if e.signed == nil { // two consoles may write at the same time: the first counts
			e.signed = &Signature{By: r.Actor, At: r.When(), Comment: detail.Comment, Sequence: r.Sequence}
		}
	case audit.ActionApprovalGiven, audit.ActionApprovalGranted:
		e.approvers = append(e.approvers, r.Actor.UserID)
	case audit.ActionOverrideUsed, audit.ActionOperationRequested, audit.ActionAccessDenied:
		e.record, e.at, e.detail = slim(r), r.When(), detail
		e.override = e.override || detail.Override || r.Action == audit.ActionOverrideUsed
		if r.Action != audit.ActionOverrideUsed {
			e.last = r.Action
		}
	case audit.ActionOperationAccepted, audit.ActionOperationRejected, audit.ActionOperationUnknown,
		audit.ActionOperationObserved, audit.ActionOperationNotObserved:
		e.last = r.Action
		e.unknown = e.unknown || r.Action == audit.ActionOperationUnknown
		e.others = e.others || len(detail.Others) > 0
	}
}

// slim is a record without what is not shown of it.
func slim(r audit.Record) audit.Record {
	r.Origin, r.Seen, r.Upstream = audit.Origin{}, "", audit.Upstream{}
	return r
}
