package present

import (
	"net/url"

	"coc-console/internal/ansi"
	"coc-console/internal/approval"
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
		Stops: a.Impact.Stops,
		Asked: a.Created, Expires: a.Expires}
}
