package present

import (
	"cmp"
	"net/url"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/approval"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// ApprovalAddress is the page of a request for approval.
func ApprovalAddress(id string) string { return "/approvals/" + url.PathEscape(id) }

// NotAuthentic is shown in the place of what a row says of itself that no
// console has written.
const NotAuthentic = "not_authentic"

// ApprovalRow is a request for approval in a list.
func ApprovalRow(a approval.Request) templates.ApprovalRow {
	if a.Doubtful {
		a.State = NotAuthentic
	}
	return templates.ApprovalRow{ID: a.ID, State: string(a.State), Type: string(a.Operation.Type),
		Target:    ansi.VisibleLine(a.Target),
		Requester: ansi.VisibleLine(a.Requester.UserName), Reason: ansi.Visible(a.Reason), Address: ApprovalAddress(a.ID),
		Impact: ApprovalImpact(a),
		Asked:  a.Created, Expires: a.Expires,
		Decider: ansi.VisibleLine(a.Decider.UserName), Decided: a.Decided, Comment: ansi.Visible(a.Comment),
		Needed: a.Needed.Number, Apart: a.Needed.Apart, Missing: a.Missing(), Given: approvalsOf(a)}
}

// ApprovalImpact is what the operation of a request does, as of when it was asked
// or decided.
func ApprovalImpact(a approval.Request) i18n.Impact {
	then, err := operate.ParseSnapshot(cmp.Or(a.AtDecision, a.Expected))
	if err != nil { // a damaged row
		then = operate.Snapshot{}
	}
	return ImpactOf(a.Operation, a.Impact, then, 0, -1)
}

// SortApprovals sorts requests into those that the reader may answer, those that others decide, the reader's own, and
// what is over, up to that many.
func SortApprovals(page *templates.Approvals, all []approval.Request, reader audit.Actor, most int,
	may func(audit.Actor, approval.Request) bool) {
	for _, a := range all {
		row := ApprovalRow(a)
		switch {
		case a.State.Open() && !a.Doubtful && a.Requester.UserID == reader.UserID:
			page.Mine = append(page.Mine, row)
		case may(reader, a):
			page.Waiting = append(page.Waiting, row)
		case a.State.Open() && !a.Doubtful:
			page.Others = append(page.Others, row)
		case len(page.Decided) < most:
			page.Decided = append(page.Decided, row)
		}
	}
}
