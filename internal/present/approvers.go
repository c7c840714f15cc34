package present

import (
	"context"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/approval"
	"coc-console/internal/i18n"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// approvalsOf are the approvals of a request but the one that decided.
func approvalsOf(a approval.Request) (all []templates.Given) {
	for _, g := range a.Given {
		if g.By.UserID != a.Decider.UserID {
			all = append(all, templates.Given{Name: ansi.VisibleLine(g.By.UserName), At: g.At,
				Comment: ansi.Visible(g.Comment)})
		}
	}
	return all
}

// MayDecide says on the page of a request whether the reader may answer it, and whether their approval counts. d is
// what the policies say of them.
func MayDecide(ctx context.Context, page *templates.Approval, a approval.Request, who audit.Actor, d policy.Decision) {
	if page.MayDecide = d.Allowed; !d.Allowed {
		page.Denied = Denial(ctx, d)
		return
	}
	why := a.Uncounted(who, d.Groups.Teams)
	page.Uncounted, page.MayDecide = string(why), why != approval.AlreadyGiven
}

// SeveralApprovers says before an operation that several people have to approve it; empty: one does.
func SeveralApprovers(ctx context.Context, d policy.Decision) string {
	if n := d.Approvers(); n.Number > 1 {
		return i18n.Approvers.T(ctx).Needs(n.Number, n.Apart)
	}
	return ""
}
