package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
)

// Hold keeps the records that a query finds, and all that follow the first of
// them, from being removed.
type Hold struct {
	Number int64     // of the record that placed it, which names it
	Query  string    // as the search box takes it; dates are those of UTC
	Reason string    //
	By     string    // who placed it
	Since  time.Time //
	First  int64     // the first record that it keeps; its own where it finds none before
}

// held is the detail of ActionAuditHeld and, with the number alone, of
// ActionAuditReleased.
type held struct {
	Query string `json:"query,omitempty"`
	Hold  int64  `json:"hold,omitempty"`
}

// Why a query can't be a hold's.
var (
	ErrEverything = errors.New("a hold needs a query, such as ticket:SCT… or actor:alice")
	ErrRelative   = errors.New("a hold needs dates such as after:2026-03-02: what counts from now would keep less every day")
	ErrNoHold     = errors.New("there is no such hold")
)

// Who places or lifts a hold, and from where.
type Who struct {
	Actor  audit.Actor
	Origin audit.Origin
}

// PlaceHold places a legal hold by a record of who. Where the query is none the error is a search.QueryError,
// ErrEverything or ErrRelative. While records are being removed it is ErrUnderWay.
func PlaceHold(ctx context.Context, in *search.Index, query, reason string, who Who) (Hold, error) {
	query = strings.TrimSpace(query)
	q, err := heldQuery(query)
	if err != nil {
		return Hold{}, err
	}
	if q.FromAs.Text != "" || q.ToAs.Text != "" {
		return Hold{}, ErrRelative
	}
	release, err := alone(ctx, in.Log())
	if err != nil {
		return Hold{}, err
	}
	defer release()
	receipt, err := note(ctx, in.Log(), audit.ActionAuditHeld, held{Query: query}, reason, who)
	if err != nil {
		return Hold{}, err
	}
	all, err := Holds(ctx, in)
	for _, h := range all {
		if h.Number == receipt {
			return h, err
		}
	}
	return Hold{Number: receipt, Query: query, Reason: reason}, err
}

// LiftHold ends a legal hold by a record of who. The error is ErrNoHold where it isn't in force.
func LiftHold(ctx context.Context, in *search.Index, number int64, reason string, who Who) error {
	all, err := Holds(ctx, in)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(h Hold) bool { return h.Number == number }) {
		return fmt.Errorf("%d: %w", number, ErrNoHold)
	}
	_, err = note(ctx, in.Log(), audit.ActionAuditReleased, held{Hold: number}, reason, who)
	return err
}

func note(ctx context.Context, log *audit.Log, action audit.Action, what held, reason string,
	who Who) (int64, error) {
	detail, err := json.Marshal(what)
	if err != nil {
		return 0, err
	}
	receipt, err := log.Append(ctx, audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, Actor: who.Actor,
		Origin: who.Origin, Reason: reason, Detail: string(detail)})
	if err != nil {
		return 0, fmt.Errorf("record the hold: %w", err)
	}
	return receipt.Sequence, nil
}

// Holds are the legal holds that are in force, oldest first, as the log has
// them. A hold keeps its own record, too.
func Holds(ctx context.Context, in *search.Index) ([]Hold, error) {
	var all []Hold
	placed, err := recordsOf(ctx, in, audit.ActionAuditHeld)
	if err != nil {
		return nil, err
	}
	lifted, err := recordsOf(ctx, in, audit.ActionAuditReleased)
	if err != nil {
		return nil, err
	}
	over := map[int64]bool{}
	for _, r := range lifted {
		over[detailOf(r).Hold] = true
	}
	for _, r := range placed {
		if over[r.Sequence] {
			continue
		}
		h := Hold{Number: r.Sequence, Query: detailOf(r).Query, Reason: r.Reason, By: nameOf(r.Actor), Since: r.Time}
		if h.First, err = first(ctx, in, h); err != nil {
			return nil, fmt.Errorf("find what the hold %d keeps: %w", h.Number, err)
		}
		all = append(all, h)
	}
	return all, nil
}

func nameOf(a audit.Actor) string {
	if a.AccountName == "" {
		return a.UserName
	}
	return a.AccountName + "/" + a.UserName
}

// recordsOf are all records of an action, oldest first.
func recordsOf(ctx context.Context, in *search.Index, action audit.Action) ([]audit.Record, error) {
	q := search.Query{Action: action, Limit: search.MaxLimit, Visible: search.Visibility{All: true}}
	var all []audit.Record
	for {
		page, err := in.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Records...)
		if q.Before = page.Next; page.Next == 0 {
			slices.Reverse(all)
			return all, nil
		}
	}
}

func detailOf(r audit.Record) (h held) {
	if json.Unmarshal([]byte(r.Detail), &h) != nil { // not what note wrote
		return held{}
	}
	return h
}

// heldQuery reads the query of a hold.
func heldQuery(text string) (search.Query, error) {
	q, err := search.ParseQuery(text, time.UTC)
	if err != nil {
		return q, err
	}
	q.Visible.All = true
	if q.Everything() && q.From.IsZero() && q.To.IsZero() {
		return q, ErrEverything
	}
	return q, nil
}

// first is the first record that a hold keeps. What was removed before it was
// placed is gone. A query that cannot be read any more keeps everything.
func first(ctx context.Context, in *search.Index, h Hold) (int64, error) {
	q, err := heldQuery(h.Query)
	if err != nil {
		return 1, nil //nolint:nilerr // keeping too much is the safe mistake
	}
	pruned, err := in.Log().Pruned(ctx)
	if err != nil {
		return 0, err
	}
	if pruned == 0 { // After finds what comes after a record
		r, err := in.Log().Record(ctx, 1)
		if err != nil {
			return 0, err
		}
		if q.Matches(r) {
			return 1, nil
		}
	}
	q.After, q.Limit = max(pruned, 1), 1
	page, err := in.Search(ctx, q)
	if err != nil || len(page.Records) == 0 {
		return h.Number, err
	}
	return min(page.Records[0].Sequence, h.Number), nil
}

// firstHeld is the first record that a hold keeps; false where there is none.
func firstHeld(ctx context.Context, in *search.Index) (seq int64, isHeld bool, err error) {
	all, err := Holds(ctx, in)
	for _, h := range all {
		if !isHeld || h.First < seq {
			seq, isHeld = h.First, true
		}
	}
	return seq, isHeld, err
}
