package review

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// shown is how many items a page has, and topPeople how many people.
const (
	shown     = 100
	topPeople = 8
)

// Form is a sign-off as it was typed.
type Form struct {
	Chosen            []string
	Comment           string
	Problem, Unchosen string // what is wrong with the comment, and with what was chosen
}

// Page fills the page of the queue: of what waits or, for done, of what was reviewed. Its frame is the caller's.
func Page(page templates.Reviews, waiting, reviewed []Item, reader audit.Actor, f Form,
	now time.Time) templates.Reviews {
	page.Waiting, page.Past, page.MaxComment = len(waiting), len(reviewed), operate.MaxReason
	c := Covered(waiting, reviewed, now)
	page.Coverage = templates.ReviewCoverage{InTime: c.InTime, Late: c.Late, Overdue: c.Overdue, Open: c.Open}
	page.Coverage.Percent, page.Coverage.Known = c.Percent()
	page.People = people(waiting, reviewed)
	if page.Done {
		for _, i := range reviewed[:min(len(reviewed), shown)] {
			page.Rows = append(page.Rows, signedRow(i))
		}
		page.More = max(0, len(reviewed)-shown)
		return page
	}
	page.Comment, page.Problem, page.Unchosen = f.Comment, f.Problem, f.Unchosen
	for _, i := range waiting {
		if i.Bulk != "" && slices.ContainsFunc(waiting, func(o Item) bool { return o.Bulk == i.Bulk && before(o, i) }) {
			continue // the first of a bulk operation stands for all of it
		}
		if len(page.Rows) == shown {
			page.More++
			continue
		}
		r := waitingRow(i, Chosen(waiting, []string{i.ID}), reader, now)
		r.Chosen = !r.Own && slices.Contains(f.Chosen, i.ID)
		page.Rows = append(page.Rows, r)
		page.Signable = page.Signable || !r.Own
	}
	return page
}

// before reports whether an item stands before another one in the queue.
func before(a, b Item) bool { return order(a, b) < 0 }

// row is what an item shows wherever it stands.
func row(i Item) templates.ReviewRow {
	r := templates.ReviewRow{ID: i.ID, Operation: i.Record.OperationType, Target: present.TargetAndTicket(i.Record),
		BatchIndex: i.Record.BatchIndex, Who: name(i.Record.Actor), Reason: ansi.Visible(i.Record.Reason), At: i.At,
		Stops: i.Stops, Outcome: string(i.Outcome), Risk: i.Risk, Record: present.RecordAddress(i.Record.Sequence)}
	for _, k := range i.Kinds {
		r.Kinds = append(r.Kinds, string(k))
	}
	if i.Record.OperationID != "" && i.Outcome != "" {
		r.Receipt = present.ReceiptAddress(i.ID)
	}
	return r
}

// waitingRow is an item that waits, with all that is signed off together with it.
func waitingRow(i Item, together []Item, reader audit.Actor, now time.Time) templates.ReviewRow {
	r := row(i)
	r.Overdue = now.After(i.Due())
	r.Own = slices.ContainsFunc(together, func(o Item) bool { return !o.MaySign(reader) })
	if i.Bulk != "" {
		r.Bulk, r.Operations, r.Stops = "/bulk/"+url.PathEscape(i.Bulk), len(together), 0
		for _, o := range together {
			r.Stops += o.Stops
		}
	}
	return r
}

func signedRow(i Item) templates.ReviewRow {
	r := row(i)
	r.By, r.Comment, r.When = name(i.Signed.By), ansi.Visible(i.Signed.Comment), i.Signed.At
	r.Signed = present.RecordAddress(i.Signed.Sequence)
	return r
}

func name(a audit.Actor) string { return ansi.VisibleLine(a.AccountName + "/" + a.UserName) }

// people are those who did most of what was to be reviewed.
func people(waiting, reviewed []Item) (all []templates.ReviewPerson) {
	counts := map[string]int{}
	for _, i := range slices.Concat(waiting, reviewed) {
		counts[name(i.Record.Actor)]++
	}
	for _, who := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, templates.ReviewPerson{Name: who, Count: counts[who]})
	}
	slices.SortStableFunc(all, func(a, b templates.ReviewPerson) int { return cmp.Compare(b.Count, a.Count) })
	return all[:min(len(all), topPeople)]
}

// MarkDenied marks the rows of denied attempts that somebody has looked at: a sign-off of one names its record.
func (q *Queue) MarkDenied(ctx context.Context, rows []templates.OperationRow) error {
	var ids []string
	for _, r := range rows {
		if r.ID == "" {
			ids = append(ids, RecordID(r.Sequence))
		}
	}
	signed, err := q.SignedOf(ctx, ids)
	for i, r := range rows {
		_, ok := signed[RecordID(r.Sequence)]
		rows[i].Reviewed = r.Reviewed || r.ID == "" && ok
	}
	return err
}

// Of is the sign-off among an operation's records; nil when there is none.
func Of(records []audit.Record) *Signature {
	for _, r := range records {
		if r.Action == audit.ActionOverrideReviewed || r.Action == audit.ActionReviewed {
			return &Signature{By: r.Actor, At: r.When(), Comment: operate.ParseDetail(r.Detail).Comment,
				Sequence: r.Sequence}
		}
	}
	return nil
}

// Name is who has signed, for pages.
func (s Signature) Name() string { return name(s.By) }
