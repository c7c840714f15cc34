package handlers

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Permissions shows what the reader may do, or to managers what somebody else may, and which policies say so.
func (h *Handlers) Permissions(c echo.Context) error {
	v, _ := ViewerFrom(c.Request().Context())
	t := i18n.T(c.Request().Context()).Permissions
	rules := h.rules.Rules()
	page := templates.Permissions{Frame: h.Frame(c, t.Heading, templates.SectionNone), Others: v.Manager,
		Instances: present.ExampleInstances, File: rules.File()}
	who := h.permissionsOf(c, &page)
	page.Person = ansi.Visible(who.AccountName + "/" + who.UserName)
	page.Own = operate.SamePerson(who, v.Actor) || who == v.Actor
	person := h.rules.Elevated(operate.PersonOf(who), h.now())
	page.Roles, page.Teams = rules.RolesOf(person), rules.TeamsOf(person)
	if err := h.permissionsOnTickets(c, who, &page); err != nil {
		return err
	}
	for _, a := range []policy.Action{policy.SignIn, policy.Review, policy.Export, policy.Sessions} {
		page.Console = append(page.Console, h.permissionRow(c, a, who, []*policy.Ticket{nil}))
	}
	present.PoliciesInForce(c.Request().Context(), rules, h.now(), &page)
	return Render(c, http.StatusOK, page)
}

// permissionsOf is whom the page is about: the reader, or whom a manager names.
func (h *Handlers) permissionsOf(c echo.Context, page *templates.Permissions) audit.Actor {
	v, _ := ViewerFrom(c.Request().Context())
	t := i18n.T(c.Request().Context()).Permissions
	named := strings.TrimSpace(bounded(c.QueryParam("user")))
	if named == "" || named == v.Actor.AccountName+"/"+v.Actor.UserName {
		return v.Actor
	}
	if !v.Manager {
		page.Notices = append(page.Notices, templates.Notice{Kind: templates.NoticeWarning, Text: t.OwnOnly})
		return v.Actor
	}
	account, user, ok := strings.Cut(named, "/")
	if !ok || account == "" || user == "" {
		page.PersonError = t.UserWrong
		return v.Actor
	}
	return audit.Actor{AccountName: account, UserName: user, ProjectName: v.Actor.ProjectName}
}

// permissionsOnTickets fills the table of operations: on the ticket that is named, or on examples.
func (h *Handlers) permissionsOnTickets(c echo.Context, who audit.Actor, page *templates.Permissions) error {
	t := i18n.T(c.Request().Context()).Permissions
	text := strings.TrimSpace(bounded(c.QueryParam("ticket")))
	ticket, found := coc.TypedExecuteUUID(text)
	page.Ticket = ansi.Visible(text)
	if found {
		page.Ticket, page.Columns = string(ticket), []string{t.Answer}
		now, err := h.read(c, ticket, coc.Operation{Type: coc.CancelOrder}, 0)
		if err != nil {
			return err
		}
		skipped, err := h.skippable(c, now)
		if err != nil {
			return err
		}
		page.TicketName = ansi.Visible(now.Ticket.ScriptName)
		h.permissionRows(c, who, page, func(op coc.Operation) []*policy.Ticket {
			impact := present.FirstImpact(now, op, skipped)
			return []*policy.Ticket{operate.TicketOf(who, now, impact)}
		})
		return nil
	}
	if text != "" {
		page.TicketError = t.TicketWrong
	}
	page.Columns = []string{t.OwnTicket, t.OtherTicket}
	owners := []string{who.UserName, ""}
	if mate, ok := h.rules.Rules().Teammate(operate.PersonOf(who)); ok {
		page.Columns = slices.Insert(page.Columns, 1, t.TeamTicket)
		owners = slices.Insert(owners, 1, mate)
	}
	h.permissionRows(c, who, page, func(op coc.Operation) []*policy.Ticket {
		return present.ExampleTickets(who, owners, op)
	})
	return nil
}

// skippable reads the instances of the batch that would be skipped now, or of the current one; none where there is
// none.
func (h *Handlers) skippable(c echo.Context, now operate.Reading) ([]coc.Instance, error) {
	op := coc.Operation{Type: coc.SkipBatch, BatchIndex: cmp.Or(now.SkippableBatch(), now.Ticket.CurrentBatch)}
	if _, ok := now.Batch(op.BatchIndex); !ok {
		return nil, nil
	}
	batch, err := h.read(c, now.Ticket.ExecuteUUID, op, 0)
	return batch.Instances, err
}

// permissionRows has a row for seeing a ticket, for each operation, and for approving one.
func (h *Handlers) permissionRows(c echo.Context, who audit.Actor, page *templates.Permissions,
	tickets func(coc.Operation) []*policy.Ticket) {
	page.Operations = append(page.Operations, h.permissionRow(c, policy.View, who, tickets(coc.Operation{})))
	for _, operation := range coc.OperationTypes() {
		row := h.permissionRow(c, policy.Action(operation), who, tickets(coc.Operation{Type: operation}))
		page.Operations = append(page.Operations, row)
	}
	page.Operations = append(page.Operations, h.permissionRow(c, policy.Approve, who, tickets(coc.Operation{})))
}

func (h *Handlers) permissionRow(c echo.Context, a policy.Action, who audit.Actor,
	tickets []*policy.Ticket) templates.PermissionRow {
	t := i18n.T(c.Request().Context())
	row := templates.PermissionRow{Action: string(a), Word: t.Permissions.Word.Of(string(a))}
	if coc.OperationType(a).Valid() {
		row.Word = t.Word.Operation.Of(string(a))
	}
	for _, ticket := range tickets {
		q := policy.Request{Person: operate.PersonOf(who), Action: a, Ticket: ticket,
			Circumstances: policy.Circumstances{At: h.now().Local()}}
		row.Answers = append(row.Answers,
			present.PermissionAnswer(c.Request().Context(), h.decide(who, q), h.rules.Rules()))
	}
	return row
}

// decide asks the rules in force; an operation on a ticket wants it to be seen, too.
func (h *Handlers) decide(who audit.Actor, q policy.Request) policy.Decision {
	if q.Action == policy.SignIn {
		d, _ := policy.Admission{Accounts: h.accounts, Rules: h.rules}.Decide(who.AccountID, q.Person, q.At)
		return d
	}
	if coc.OperationType(q.Action).Valid() {
		view := q
		view.Action = policy.View
		if d := h.rules.Decide(view); !d.Allowed {
			return d
		}
	}
	return h.rules.Decide(q)
}
