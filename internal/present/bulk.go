package present

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/internal/ansi"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// BulkImpact adds up what the items of a bulk operation do.
type BulkImpact struct {
	Sum  i18n.Impact
	rows []coc.Instance
}

// Add returns what one item does, by its reading, and adds that where it can be sent.
func (b *BulkImpact) Add(op coc.Operation, now operate.Reading, stops operate.Impact, sendable bool) i18n.Impact {
	n := ImpactOf(op, stops, now.Snapshot(), 0, -1)
	n.Keeps = 0 // of one ticket they may be other items
	b.Sum.Operation = n.Operation
	if !sendable {
		return n
	}
	b.Sum.Number, b.Sum.Running, b.Sum.Done = b.Sum.Number+n.Number, b.Sum.Running+n.Running, b.Sum.Done+n.Done
	b.Sum.Tickets++
	if now.Instance != nil {
		b.rows = append(b.rows, *now.Instance)
	} else {
		b.rows = append(b.rows, now.Instances...)
	}
	return n
}

// Spread is where the instances are that stop, of all items together.
func (b *BulkImpact) Spread() []templates.Spread {
	if !operate.Stops(coc.OperationType(b.Sum.Operation)) {
		return nil
	}
	return Spread(coc.Operation{Type: coc.CancelOrder}, operate.Reading{Instances: b.rows})
}

// BulkAddress is the page of a bulk operation.
func BulkAddress(id string) string { return "/bulk/" + url.PathEscape(id) }

// NewBulkAddress is the page on which a bulk operation on targets is confirmed.
func NewBulkAddress(op coc.OperationType, targets []string) string {
	return Address("/bulk/new", url.Values{"operation_type": {string(op)}, "target": targets})
}

// BulkRow is a bulk operation in a list.
func BulkRow(j bulk.Operation) templates.BulkRow {
	if j.Doubtful {
		j.State = NotAuthentic
	}
	return templates.BulkRow{ID: j.ID, State: string(j.State), Type: string(j.Type),
		Who: ansi.VisibleLine(j.Actor.UserName), Reason: ansi.Visible(j.Reason),
		Address: BulkAddress(j.ID), Items: j.Size(), Started: j.Created, Ended: j.Ended}
}

// BulkItem is one row: again says that it had no effect and can be tried again,
// done that nothing more will come of it.
func BulkItem(ctx context.Context, i bulk.Item, receipts map[string]operate.Receipt) (row templates.BulkItem, again,
	done bool) {
	row = templates.BulkItem{N: i.N, State: string(i.State), Target: ansi.VisibleLine(i.Target),
		Address: TicketAddress(string(i.Ticket)),
		Problem: itemNote(ctx, i.Problem), Operation: i.Key}
	if i.Operation.InstanceID != 0 {
		row.Address = InstanceAddress(string(i.Ticket), i.Operation.InstanceID, i.BatchHint)
		row.Of = templates.TicketLink{Name: string(i.Ticket), Address: TicketAddress(string(i.Ticket))}
	}
	BulkBefore(&row, i.Operation, i.Expected)
	if i.State != bulk.ItemSent {
		return row, i.State == bulk.ItemFailed, i.State == bulk.ItemFailed
	}
	r, known := receipts[i.Key]
	if !known { // a row says that it was sent, and the log has no request: there is no receipt to show
		return row, false, true
	}
	BulkSent(&row, r)
	last := r.Requested
	if r.Answer != nil {
		last = *r.Answer
	}
	if r.End != nil {
		last = *r.End
	}
	row.State, row.Receipt = string(last.Action), ReceiptAddress(i.Key)
	row.Problem = strings.TrimSpace(AnswerText(last.Upstream.Status, last.Upstream.Code, last.Upstream.Message))
	switch {
	case last.Action == audit.ActionOperationAccepted,
		last.Action == audit.ActionOperationObserved && !r.Unattributed():
		row.Problem = ""
	case r.Unattributed():
		row.Problem = i18n.T(ctx).Word.Note.Of(string(operate.ParseDetail(last.Detail).Note))
	}
	effect := last.Action == audit.ActionOperationObserved
	return row, !r.Open() && !effect, !r.Open()
}

// itemNote puts the first word of an item's problem into the reader's language.
func itemNote(ctx context.Context, problem string) string {
	note, rest, _ := strings.Cut(problem, ": ")
	t := i18n.T(ctx)
	if word, ok := t.Bulk.Note[note]; ok {
		if refusal, ok := t.Word.Refusal[rest]; ok {
			rest = refusal
		}
		return strings.TrimSuffix(word+": "+ansi.Visible(rest), ": ")
	}
	return ansi.Visible(problem)
}

// BulkSent puts into an item what the log knows of its operation: when it was
// sent, and what happened to the ticket.
func BulkSent(item *templates.BulkItem, r operate.Receipt) {
	item.Sent = r.Requested.When()
	if stops := operate.ParseDetail(r.Requested.Detail).Stops; stops > 0 {
		item.Instances = stops
	}
	if r.End != nil {
		item.After = operate.ParseDetail(r.End.Detail).Status
	}
	if r.End != nil && r.Answer != nil && r.End.Action == audit.ActionOperationObserved {
		item.Later = max(0, r.End.When().Sub(r.Answer.When()))
	}
}

// BulkBefore is the state of what an item acts on, as it was confirmed, and how many instances that concerns.
func BulkBefore(item *templates.BulkItem, op coc.Operation, expected string) {
	if then, err := operate.ParseSnapshot(expected); err == nil {
		var stops operate.Impact
		if op.Type == coc.CancelOrder {
			stops.Stops = int(then.Ready + then.Running)
		}
		item.Instances = ImpactOf(op, stops, then, 0, -1).Number
		if item.Before = string(then.Status); then.Instance != "" {
			item.Before = string(then.Instance)
		}
	}
}

// BulkFigures counts a bulk operation's items by how far they are, groups what
// went wrong, and measures how fast they are sent.
func BulkFigures(page *templates.Bulk) {
	groups := map[string]int{}
	var sent []time.Time
	for _, i := range page.Items {
		switch i.State {
		case "waiting":
			page.Waiting++
		case string(audit.ActionOperationObserved):
			page.Confirmed++
		case "failed", string(audit.ActionOperationRejected), string(audit.ActionOperationNotObserved):
			page.Failed++
			at, known := groups[i.Problem]
			if !known && i.Problem != "" {
				at = len(page.Groups)
				groups[i.Problem] = at
				page.Groups = append(page.Groups, templates.BulkGroup{Problem: i.Problem})
			}
			if i.Problem != "" {
				page.Groups[at].Items = append(page.Groups[at].Items, i)
			}
		default:
			page.Open++
		}
		if !i.Sent.IsZero() {
			sent = append(sent, i.Sent)
		}
	}
	page.Rate = sendingRate(sent)
	if page.Rate > 0 && page.MayStop {
		page.Left = time.Duration(float64(page.Waiting) / page.Rate * float64(time.Second))
	}
}

// sendingRate is how many are sent a second, without the pauses in which
// somebody had stopped it; 0 when that isn't known.
func sendingRate(sent []time.Time) float64 {
	slices.SortFunc(sent, time.Time.Compare)
	var gaps []time.Duration
	for i := range max(0, len(sent)-1) {
		gaps = append(gaps, sent[i+1].Sub(sent[i]))
	}
	slices.Sort(gaps)
	var span time.Duration
	n := 0
	for _, gap := range gaps {
		if gap <= max(10*time.Second, 10*gaps[len(gaps)/2]) {
			span += gap
			n++
		}
	}
	if span <= 0 {
		return 0
	}
	return float64(n) / span.Seconds()
}

// BulkTable is what came of each item, under the names of the columns.
func BulkTable(ctx context.Context, j bulk.Operation, receipts map[string]operate.Receipt) [][]string {
	rows := [][]string{{"item", "ticket", "instance_id", "batch_index", "target", "operation_type", "operation_id",
		"state", "problem"}}
	for _, i := range j.Items {
		item, _, _ := BulkItem(ctx, i, receipts)
		rows = append(rows, []string{Decimal(i.N), string(i.Ticket), Decimal(i.Operation.InstanceID), Decimal(i.BatchHint),
			export.SafeCell(item.Target), string(i.Operation.Type), i.Key, item.State, export.SafeCell(item.Problem)})
	}
	return rows
}
