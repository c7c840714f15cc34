// Package handover puts together what the next shift has to know: tickets that need a decision, operations without an
// end, approvals that wait, running bulk operations, what was done and why, and what is to be reviewed. A note for the
// next shift and the takeover are records of the audit log.
package handover

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/review"
)

// The bounds of a sheet.
const (
	maxDone    = 500 // operations
	maxLooked  = 40  // tickets that are asked for at COC to know whether the reader may open them
	MaxNote    = 2000
	noteSince  = 7 * 24 * time.Hour
	noteLooked = 50
)

// ErrLong says that a note has more than MaxNote characters, ErrChanged that what was to be taken over is another by
// now.
var (
	ErrLong    = errors.New("handover: the note is too long")
	ErrChanged = errors.New("handover: what is handed over has changed")
)

// Sources are what a sheet is read from. All are required.
type Sources struct {
	Log       *audit.Log
	Index     *search.Index
	Approvals *approval.Service
	Bulk      *bulk.Service
	Reviews   *review.Queue
	Now       func() time.Time
}

// Reader is for whom a sheet is made.
type Reader struct {
	Actor   audit.Actor
	Origin  audit.Origin
	Manager bool
	// Tickets are those at COC that need a decision and that the reader may see.
	Tickets []coc.TicketSummary
	// MayOpen reports whether the reader may open a ticket; MaySee is the same of one whose key, name, creator and
	// state are known.
	MayOpen func(ctx context.Context, ticket coc.ExecuteUUID) bool
	MaySee  func(t coc.Ticket) bool
}

// Sheet is what is handed over.
type Sheet struct {
	Since, At time.Time
	Tickets   []coc.TicketSummary
	Open      []Operation // without an end, or not confirmed
	Approvals []approval.Request
	Bulks     []bulk.Operation
	Done      []Ticket // since Since, the ticket with the newest operation first
	Reviews   int      // that wait; -1: the reader does not review
	Note      *Note    // nil: nobody has written one
	Taken     *Note    // who took over last; nil: nobody
}

// Operation is one operation as its request and its last step tell it.
type Operation struct {
	Requested audit.Record
	Last      audit.Action
	Override  bool
	Reviewed  bool // somebody else has looked at it
}

// Ticket are the operations on one ticket, oldest first.
type Ticket struct {
	ID, Name   string
	Operations []Operation
}

// Note is a record of the log: a note, or a takeover.
type Note struct {
	By       audit.Actor
	At       time.Time
	Text     string
	Sequence int64
}

// Read makes a sheet of what was done since a time and of what is open now.
func (s Sources) Read(ctx context.Context, r Reader, since time.Time) (Sheet, error) {
	sheet := Sheet{Since: since, At: s.Now(), Tickets: r.Tickets, Reviews: -1}
	err := errors.Join(s.readOperations(ctx, r, &sheet), s.readWaiting(ctx, r, &sheet), s.readNotes(ctx, r, &sheet))
	return sheet, err
}

func (s Sources) readOperations(ctx context.Context, r Reader, sheet *Sheet) error {
	_, open, err := s.Index.OpenOperations(ctx)
	if err != nil {
		return err
	}
	done, err := s.requested(ctx, sheet.Since)
	if err != nil {
		return err
	}
	var all []Operation
	for _, records := range open {
		if o, ok := operationOf(records); ok {
			all = append(all, o)
		}
	}
	all = s.visible(ctx, r, append(all, done...))
	if err := s.markReviewed(ctx, all); err != nil {
		return err
	}
	sheet.group(all)
	return s.nameTickets(ctx, sheet)
}

// nameTickets adds the names of tickets that their operations do not say, such as old ones on instances.
func (s Sources) nameTickets(ctx context.Context, sheet *Sheet) error {
	var ids []string
	for _, t := range sheet.Done {
		if t.Name == "" {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	names, err := s.Index.TicketNames(ctx, search.Visibility{All: true}, ids) // of tickets that the reader may see
	for i, t := range sheet.Done {
		sheet.Done[i].Name = cmp.Or(t.Name, names[t.ID])
	}
	return err
}

func (s Sources) markReviewed(ctx context.Context, all []Operation) error {
	ids := make([]string, len(all))
	for i, o := range all {
		ids[i] = o.Requested.OperationID
	}
	signed, err := s.Reviews.SignedOf(ctx, ids)
	for i, id := range ids {
		_, all[i].Reviewed = signed[id]
	}
	return err
}

// group puts operations under what is open and under their tickets.
func (s *Sheet) group(all []Operation) {
	tickets, seen := map[string]int{}, map[string]bool{}
	for _, o := range all {
		id := o.Requested.Ticket
		if seen[o.Requested.OperationID] {
			continue
		}
		seen[o.Requested.OperationID] = true
		if o.unclear() {
			s.Open = append(s.Open, o)
		}
		if o.Requested.When().Before(s.Since) {
			continue
		}
		i, known := tickets[id]
		if !known {
			i = len(s.Done)
			tickets[id] = i
			s.Done = append(s.Done, Ticket{ID: id, Name: o.name()})
		}
		s.Done[i].Operations = append(s.Done[i].Operations, o)
		s.Done[i].Name = cmp.Or(s.Done[i].Name, o.name())
	}
	for _, t := range s.Done {
		slices.SortFunc(t.Operations, older)
	}
	slices.SortFunc(s.Done, func(a, b Ticket) int { return cmp.Compare(b.newest(), a.newest()) })
	slices.SortFunc(s.Open, func(a, b Operation) int { return older(b, a) })
}

func older(a, b Operation) int { return cmp.Compare(a.Requested.Sequence, b.Requested.Sequence) }

// requested are the newest operations since a time, with their last steps.
func (s Sources) requested(ctx context.Context, since time.Time) ([]Operation, error) {
	page, err := s.Index.Search(ctx, search.Query{Action: audit.ActionOperationRequested, From: since, Limit: maxDone,
		Visible: search.Visibility{All: true}})
	if err != nil {
		return nil, fmt.Errorf("read what was done: %w", err)
	}
	ids := make([]string, len(page.Records))
	for i, r := range page.Records {
		ids[i] = r.OperationID
	}
	last, err := s.Index.LastActions(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]Operation, len(page.Records))
	for i, r := range page.Records {
		all[i] = Operation{Requested: r, Last: cmp.Or(last[r.OperationID], r.Action),
			Override: operate.ParseDetail(r.Detail).Override}
	}
	return all, nil
}

// operationOf is an operation by its records, oldest first.
func operationOf(records []audit.Record) (o Operation, ok bool) {
	for _, r := range records {
		if r.Action == audit.ActionOperationRequested && !ok {
			o, ok = Operation{Requested: r, Last: r.Action, Override: operate.ParseDetail(r.Detail).Override}, true
		}
		if strings.HasPrefix(string(r.Action), "operation.") {
			o.Last = r.Action
		}
	}
	return o, ok
}

// unclear reports whether the operation has no end, or one that leaves open what happened.
func (o Operation) unclear() bool {
	return o.Last != audit.ActionOperationObserved && o.Last != audit.ActionOperationRejected
}

// name is the ticket's, as far as the operation tells it.
func (o Operation) name() string { return query.TicketName(&o.Requested) }

func (t Ticket) newest() int64 { return t.Operations[len(t.Operations)-1].Requested.Sequence }

// visible are the operations that the reader may see: all for managers, else their own and those on tickets that they
// can open.
func (s Sources) visible(ctx context.Context, r Reader, all []Operation) []Operation {
	if r.Manager {
		return all
	}
	opens := map[string]bool{}
	for _, t := range r.Tickets {
		opens[string(t.ExecuteUUID)] = true
	}
	looked := 0
	return slices.DeleteFunc(all, func(o Operation) bool {
		if o.Requested.Actor.UserID == r.Actor.UserID {
			return false
		}
		may, known := opens[o.Requested.Ticket]
		if id, err := coc.ParseExecuteUUID(o.Requested.Ticket); !known && err == nil && looked < maxLooked &&
			o.Requested.Actor.AccountID == r.Actor.AccountID {
			looked++
			may = r.MayOpen(ctx, id)
			opens[o.Requested.Ticket] = may
		}
		return !may
	})
}

func (s Sources) readWaiting(ctx context.Context, r Reader, sheet *Sheet) error {
	waiting, err := s.Approvals.Waiting(ctx, r.Actor.AccountID)
	if err != nil {
		return err
	}
	for _, a := range waiting {
		if !a.Doubtful && (a.Requester.UserID == r.Actor.UserID || r.MaySee(a.Shown)) {
			sheet.Approvals = append(sheet.Approvals, a)
		}
	}
	filter := bulk.Filter{AccountID: r.Actor.AccountID}
	if !r.Manager {
		filter.Requester = r.Actor.UserID
	}
	bulks, err := s.Bulk.List(ctx, filter)
	if err != nil {
		return err
	}
	for _, b := range bulks {
		if b.State != bulk.Ended && !b.Doubtful {
			sheet.Bulks = append(sheet.Bulks, b)
		}
	}
	if !r.Manager {
		return nil
	}
	reviews, _, err := s.Reviews.List(ctx)
	sheet.Reviews = len(reviews)
	return err
}

// readNotes finds the newest note and takeover of the reader's account and project.
func (s Sources) readNotes(ctx context.Context, r Reader, sheet *Sheet) error {
	page, err := s.Index.Search(ctx, search.Query{Action: "handover.", From: s.Now().Add(-noteSince), Limit: noteLooked,
		Project: r.Actor.ProjectID, Visible: search.Visibility{All: true}})
	if err != nil {
		return fmt.Errorf("read the handover notes: %w", err)
	}
	for _, rec := range page.Records {
		if rec.Actor.AccountID != r.Actor.AccountID || rec.Actor.ProjectID != r.Actor.ProjectID {
			continue
		}
		note := &Note{By: rec.Actor, At: rec.When(), Text: rec.Reason, Sequence: rec.Sequence}
		switch {
		case rec.Action == audit.ActionHandoverTaken && sheet.Taken == nil:
			sheet.Taken = note
		case rec.Action == audit.ActionHandoverNoted && sheet.Note == nil:
			sheet.Note = note
		}
	}
	return nil
}

// Digest is the same for two sheets that say the same: how long something lasts, and who took over, make no difference.
func (s Sheet) Digest() string {
	h := sha256.New()
	line := func(parts ...any) { _, _ = fmt.Fprintln(h, parts...) } // a hash takes everything
	line("since", s.Since.UnixMicro(), "reviews", s.Reviews)
	for _, t := range s.Tickets {
		line("ticket", t.ExecuteUUID, t.Status)
	}
	for _, o := range s.Open {
		line("open", o.Requested.Sequence, o.Last)
	}
	for _, a := range s.Approvals {
		line("approval", a.ID, a.State)
	}
	for _, b := range s.Bulks {
		line("bulk", b.ID, b.State)
	}
	for _, t := range s.Done {
		for _, o := range t.Operations {
			line("done", o.Requested.Sequence, o.Last)
		}
	}
	if s.Note != nil {
		line("note", s.Note.Sequence)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Count is how many operations were done.
func (s Sheet) Count() (n int) {
	for _, t := range s.Done {
		n += len(t.Operations)
	}
	return n
}

// WriteNote records a note for whoever comes next. An empty one takes the last one back.
func (s Sources) WriteNote(ctx context.Context, r Reader, text string) error {
	if utf8.RuneCountInString(text) > MaxNote {
		return ErrLong
	}
	_, err := s.Log.Append(ctx, audit.Record{Action: audit.ActionHandoverNoted, Outcome: audit.OutcomeSucceeded,
		Actor: r.Actor, Origin: r.Origin, Reason: text})
	return err
}

// TakeOver records that the reader takes over what they saw: the sheet's digest and numbers, and the note. It is
// ErrChanged when seen is not the sheet's digest.
func (s Sources) TakeOver(ctx context.Context, r Reader, sheet Sheet, seen string) error {
	if sheet.Digest() != seen {
		return ErrChanged
	}
	numbers := fmt.Sprintf("tickets=%d open=%d approvals=%d bulk=%d done=%d reviews=%d", len(sheet.Tickets),
		len(sheet.Open), len(sheet.Approvals), len(sheet.Bulks), sheet.Count(), max(0, sheet.Reviews))
	record := audit.Record{Action: audit.ActionHandoverTaken, Outcome: audit.OutcomeSucceeded, Actor: r.Actor,
		Origin: r.Origin, Detail: "seen=" + seen + " since=" + sheet.Since.UTC().Format(time.RFC3339) + " " + numbers}
	if n := sheet.Note; n != nil {
		record.Reason = n.Text
		record.Detail += fmt.Sprintf(" note=%d", n.Sequence)
	}
	_, err := s.Log.Append(ctx, record)
	return err
}
