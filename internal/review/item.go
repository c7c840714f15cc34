package review

import (
	"cmp"
	"context"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/policy"
)

// Kind is one thing that makes an operation risky.
type Kind string

// The kinds, as the weights of the policy file name them.
const (
	Override    Kind = "override"
	Unconfirmed Kind = "unconfirmed"
	Unknown     Kind = "unknown"
	Outside     Kind = "outside"
	Impact      Kind = "impact"
	Denied      Kind = "denied"
	Night       Kind = "night"
)

// DueAfter is how long a review may take.
const DueAfter = 48 * time.Hour

// Item is one operation, or one denied attempt, that is to be reviewed or was.
type Item struct {
	ID      string       // the operation's; RecordID of a denied attempt
	Record  audit.Record // who did what on what, and why; without origin and snapshot
	At      time.Time
	Kinds   []Kind
	Risk    int
	Stops   int          // instances
	Outcome audit.Action // the newest step; empty: it was never sent
	Bulk    string       // the bulk operation's id; empty: it was done alone
	Signed  *Signature   // nil: it waits

	approvers []string // user ids
	approved  string   // account/user
}

// MaySign reports whether somebody may sign the item off: whoever neither did nor approved it.
func (i Item) MaySign(who audit.Actor) bool {
	return who.UserID != "" && who.UserID != i.Record.Actor.UserID && !slices.Contains(i.approvers, who.UserID) &&
		i.approved != who.AccountName+"/"+who.UserName
}

// Due is until when it is to be reviewed.
func (i Item) Due() time.Time { return i.At.Add(DueAfter) }

// kinds are what an entry's risk comes from.
func (e *entry) kinds(w policy.Weights) (kinds []Kind, risk int) {
	sent := e.last != "" && e.last != audit.ActionOperationRejected && e.last != audit.ActionAccessDenied
	ended := e.last == audit.ActionOperationObserved
	for _, k := range []struct {
		kind   Kind
		is     bool
		weight int
	}{
		{Override, e.override, w.Override},
		{Unconfirmed, e.last == audit.ActionOperationNotObserved && !e.unknown, w.Unconfirmed},
		{Unknown, e.unknown && !ended, w.Unknown},
		{Outside, e.others, w.Outside},
		{Impact, sent && e.detail.Stops >= max(w.ImpactFrom, 1), w.Impact},
		{Denied, e.last == audit.ActionAccessDenied, w.Denied},
		{Night, (sent || e.last == audit.ActionAccessDenied) && w.AtNight(e.at.Local()), w.Night},
	} {
		if k.is && k.weight > 0 {
			kinds, risk = append(kinds, k.kind), risk+k.weight
		}
	}
	return kinds, risk
}

// item is an entry as it is ranked, and whether it is to be reviewed at all. What was signed off stays.
func (e *entry) item(id string, w policy.Weights) (Item, bool) {
	if e.record.Action == "" {
		return Item{}, false
	}
	i := Item{ID: id, Record: e.record, At: e.at, Stops: e.detail.Stops, Outcome: e.last, Bulk: e.detail.Job,
		Signed: e.signed, approvers: e.approvers, approved: e.detail.ApprovedBy}
	i.Kinds, i.Risk = e.kinds(w)
	return i, i.Risk >= w.Least || e.signed != nil
}

// List is what is to be reviewed, the riskiest first and among those the newest, and what was in the last ninety days,
// the newest sign-off first.
func (q *Queue) List(ctx context.Context) (waiting, reviewed []Item, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.refresh(ctx); err != nil {
		return nil, nil, err
	}
	w := q.cfg.Rules.Rules().Weights()
	for id, e := range q.entries {
		item, ok := e.item(id, w)
		switch {
		case ok && item.Signed == nil:
			waiting = append(waiting, item)
		case ok:
			reviewed = append(reviewed, item)
		}
	}
	slices.SortFunc(waiting, order)
	slices.SortFunc(reviewed, func(a, b Item) int { return cmp.Compare(b.Signed.Sequence, a.Signed.Sequence) })
	return waiting, reviewed, nil
}

// order is that of the queue.
func order(a, b Item) int {
	return cmp.Or(cmp.Compare(b.Risk, a.Risk), b.At.Compare(a.At), cmp.Compare(b.Record.Sequence, a.Record.Sequence))
}

// Overrides are the emergency overrides among items.
func Overrides(items []Item) (n int) {
	for _, i := range items {
		if slices.Contains(i.Kinds, Override) {
			n++
		}
	}
	return n
}

// Coverage counts how the reviews of the last ninety days went.
type Coverage struct {
	InTime, Late int // signed off within DueAfter, and later
	Overdue      int // not signed off, and DueAfter has passed
	Open         int // not signed off, in time yet
}

// Percent is the share that was reviewed in time of those that had to be by now, rounded down; ok is false where there
// were none.
func (c Coverage) Percent() (percent int, ok bool) {
	all := c.InTime + c.Late + c.Overdue
	if all == 0 {
		return 0, false
	}
	return c.InTime * 100 / all, true
}

// Covered counts the items of List.
func Covered(waiting, reviewed []Item, now time.Time) (c Coverage) {
	for _, i := range reviewed {
		if i.Signed.At.After(i.Due()) {
			c.Late++
		} else {
			c.InTime++
		}
	}
	for _, i := range waiting {
		if now.After(i.Due()) {
			c.Overdue++
		} else {
			c.Open++
		}
	}
	return c
}

// SignedOf is who has reviewed each of the operations with these ids, as far as somebody has.
func (q *Queue) SignedOf(ctx context.Context, ids []string) (map[string]Signature, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.refresh(ctx); err != nil {
		return nil, err
	}
	signed := map[string]Signature{}
	for _, id := range ids {
		if e := q.entries[id]; e != nil && e.signed != nil {
			signed[id] = *e.signed
		}
	}
	return signed, nil
}
