package present

import (
	"time"

	"coc-console/audit"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// BulkSent puts into an item what the log knows of its operation: when it was
// sent, and what happened to the ticket.
func BulkSent(item *templates.BulkItem, r operate.Receipt) {
	item.Sent = r.Requested.When()
	if r.End != nil {
		item.After = operate.ParseDetail(r.End.Detail).Status
	}
	if r.End != nil && r.Answer != nil && r.End.Action == audit.ActionOperationObserved {
		item.Later = max(0, r.End.When().Sub(r.Answer.When()))
	}
}

// BulkBefore is the state of what an item acts on, as it was confirmed.
func BulkBefore(item *templates.BulkItem, expected string) {
	if then, err := operate.ParseSnapshot(expected); err == nil {
		if item.Before = string(then.Status); then.Instance != "" {
			item.Before = string(then.Instance)
		}
	}
}

// BulkFigures counts a bulk operation's items by how far they are, groups what
// went wrong, and measures how fast they are sent.
func BulkFigures(page *templates.Bulk) {
	groups := map[string]int{}
	var first, last time.Time
	sent := 0
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
		if i.Sent.IsZero() {
			continue
		}
		if sent++; first.IsZero() || i.Sent.Before(first) {
			first = i.Sent
		}
		if i.Sent.After(last) {
			last = i.Sent
		}
	}
	if span := last.Sub(first).Seconds(); sent > 1 && span > 0 {
		page.Rate = float64(sent-1) / span
	}
	if page.Rate > 0 && page.MayStop {
		page.Left = time.Duration(float64(page.Waiting) / page.Rate * float64(time.Second))
	}
}
