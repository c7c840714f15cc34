package review

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/internal/operate"
)

// What is wrong with a sign-off. Nothing of it was written.
var (
	ErrOwn     = errors.New("review: it is one's own, or one has approved it")
	ErrNone    = errors.New("review: nothing was chosen")
	ErrComment = errors.New("review: the comment is missing")
	ErrLong    = errors.New("review: the comment is too long")
)

// SignOff says that somebody has looked at items.
type SignOff struct {
	By      audit.Actor
	Origin  audit.Origin
	Items   []string // ids; one of a bulk operation stands for all of it that wait
	Comment string   // up to operate.MaxReason characters
}

// Sign writes a record for each item that still waits. With one among them that the person may not sign it writes none
// and returns ErrOwn. It returns how many it has written, also with an error.
func (q *Queue) Sign(ctx context.Context, s SignOff) (written int, err error) {
	switch n := utf8.RuneCountInString(s.Comment); {
	case len(s.Items) == 0:
		return 0, ErrNone
	case strings.TrimSpace(s.Comment) == "":
		return 0, ErrComment
	case n > operate.MaxReason:
		return 0, ErrLong
	}
	q.signing.Lock()
	defer q.signing.Unlock()
	waiting, _, err := q.List(ctx) // others may have signed by now, also by way of another console
	if err != nil {
		return 0, err
	}
	chosen := Chosen(waiting, s.Items)
	for _, i := range chosen {
		if !i.MaySign(s.By) {
			return 0, ErrOwn
		}
	}
	for _, i := range chosen {
		if _, err := q.cfg.Log.Append(ctx, i.record(s)); err != nil {
			return written, fmt.Errorf("record the review of %s: %w", i.ID, err)
		}
		written++
	}
	return written, nil
}

// Chosen are the items with these ids, and what belongs to the same bulk operations.
func Chosen(items []Item, ids []string) (chosen []Item) {
	var bulks []string
	for _, i := range items {
		if i.Bulk != "" && slices.Contains(ids, i.ID) {
			bulks = append(bulks, i.Bulk)
		}
	}
	for _, i := range items {
		if slices.Contains(ids, i.ID) || slices.Contains(bulks, i.Bulk) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// record is what the log gets: who did what on what and why, by whoever has looked at it.
func (i Item) record(s SignOff) audit.Record {
	r := i.Record
	d := operate.Detail{Comment: s.Comment, Job: i.Bulk}
	if r.OperationID == "" {
		d.Of = r.Sequence
	}
	r.Action = audit.ActionReviewed
	if slices.Contains(i.Kinds, Override) {
		r.Action = audit.ActionOverrideReviewed
	}
	r.Sequence, r.Time, r.Clock, r.Duration, r.Repeats = 0, time.Time{}, time.Time{}, 0, 0
	r.Outcome, r.Actor, r.Origin, r.Detail = audit.OutcomeSucceeded, s.By, s.Origin, d.String()
	return r
}
