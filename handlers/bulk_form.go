package handlers

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// readBulk reads the form; what is wrong with it goes into errs.
func (h *Handlers) readBulk(c echo.Context, errs templates.FieldErrors) (bulk.Request, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	t := i18n.T(ctx)
	values, err := h.bulkForm(c)
	if err != nil {
		return bulk.Request{}, err
	}
	r := bulk.Request{SessionKey: v.SessionKey, Caller: v.Caller, Actor: v.Actor, Origin: OriginFrom(ctx),
		Type: coc.OperationType(bounded(values.Get("operation_type"))), Reason: reason(values.Get("reason")),
		Count: bounded(values.Get("count")), Override: values.Get("override") != "" || values.Get("glass") != "", Key: h.ownKey(v, values.Get("key"))}
	for _, id := range values["despite"][:min(len(values["despite"]), bulk.MaxItems)] {
		r.Beside = append(r.Beside, bounded(id))
	}
	scope := r.Type.Scope()
	if !r.Type.Valid() || scope == coc.OnBatch { // a batch is always one
		errs["operation_type"] = t.Field.UnknownOperation
	}
	if len(values["target"]) == 0 || len(values["target"]) > bulk.MaxItems {
		errs["target"] = t.Bulk.Targets(bulk.MaxItems)
		return r, nil
	}
	for i, text := range values["target"] {
		target, ok := bulk.ParseTarget(text)
		if !ok || (target.InstanceID != 0) != (scope == coc.OnInstance) {
			errs["target"] = t.Bulk.Targets(bulk.MaxItems)
			return r, nil
		}
		if i < len(values["seen"]) {
			target.Expected = bounded(values["seen"][i])
		}
		r.Targets = append(r.Targets, target)
	}
	return r, nil
}

// bulkForm is what a form or an address says, with the targets in view where it asks for all of a ticket.
func (h *Handlers) bulkForm(c echo.Context) (url.Values, error) {
	values, err := c.FormParams()
	if err != nil {
		return nil, err
	}
	ticket := c.QueryParam("all")
	if c.Request().Method != http.MethodGet || ticket == "" {
		return values, nil
	}
	all, err := h.inView(c, ticket)
	if err != nil {
		return nil, err
	}
	values = maps.Clone(values)
	values["operation_type"], values["target"] = []string{string(coc.CancelInstance)}, all
	return values, nil
}

// inView are all instances of a ticket that the filter shows and the reader can cancel, as if the form had named
// each. An address that does would be longer than proxies take.
func (h *Handlers) inView(c echo.Context, ticket string) (targets []string, err error) {
	id, err := coc.ParseExecuteUUID(ticket)
	if err != nil {
		return nil, &Problem{Status: http.StatusBadRequest, Kind: ProblemBadUUID, Value: shortened(ticket), Err: err}
	}
	l, err := h.look(c, id)
	if err != nil {
		return nil, err
	}
	defer l.viewer.Close()
	s := l.viewer.Snapshot()
	now, may := l.permissions(s)
	for _, r := range l.filter.Rows(s) {
		if i := present.Instance(string(id), r.Batch, r.Instance.Instance, now, s.At, may); i.Cancel.Address != "" {
			targets = append(targets, i.Target)
		}
	}
	return targets, nil
}

// NewBulk shows what a bulk operation would hit, and asks to confirm it.
func (h *Handlers) NewBulk(c echo.Context) error {
	page := h.newBulkPage(c)
	r, err := h.readBulk(c, page.Errors)
	if err != nil {
		return err
	}
	for i := range r.Targets {
		r.Targets[i].Expected = "" // only what this page itself made counts
	}
	r.Count, r.Override, r.Beside = "", false, nil
	page.Type, page.Reason = string(r.Type), r.Reason
	if len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	plan, err := h.bulk.Plan(c.Request().Context(), r)
	if err != nil {
		return h.bulkStopped(c, page, r, err)
	}
	h.fillPlan(c.Request().Context(), &page, r, plan)
	return Render(c, http.StatusOK, page)
}

func (h *Handlers) newBulkPage(c echo.Context) templates.NewBulk {
	return templates.NewBulk{Frame: h.Frame(c, i18n.T(c.Request().Context()).Bulk.New, templates.SectionTickets),
		Errors: templates.FieldErrors{}, MaxReason: operate.MaxReason, Back: "/tickets"}
}

// StartBulk starts a bulk operation and goes to its page. Whatever stops it before anything
// is sent comes back to the form, with what was typed.
func (h *Handlers) StartBulk(c echo.Context) error {
	page := h.newBulkPage(c)
	r, err := h.readBulk(c, page.Errors)
	if err != nil {
		return err
	}
	page.Type, page.Reason, page.Count, page.Override = string(r.Type), r.Reason, r.Count, r.Override
	if len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	id, err := h.bulk.Start(c.Request().Context(), r)
	if err != nil {
		return h.bulkStopped(c, page, r, err)
	}
	return c.Redirect(http.StatusSeeOther, present.BulkAddress(id))
}

// bulkStopped renders the form again with what stopped it.
func (h *Handlers) bulkStopped(c echo.Context, page templates.NewBulk, r bulk.Request, err error) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx)
	var stopped *bulk.PlanError
	var tooLong *operate.ReasonTooLongError
	var storage *audit.StorageError
	var taken *operate.KeyTakenError
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(err, &stopped):
		return h.bulkUnfit(c, page, r, stopped.Plan)
	case errors.As(err, &tooLong):
		page.Errors["reason"] = t.Field.ReasonTooLong(tooLong.Length, operate.MaxReason)
	case errors.Is(err, bulk.ErrTargets):
		page.Errors["target"] = t.Bulk.Targets(bulk.MaxItems)
	case errors.Is(err, operate.ErrBadKey), errors.Is(err, operate.ErrBadSnapshot):
		h.noteKey(ctx, err, audit.Record{OperationType: string(r.Type)})
		page.Problem = present.Failure(t.Problem.BadForm, "", "")
	case errors.As(err, &taken):
		status, page.Problem = http.StatusConflict, present.Failure(t.Problem.KeyElsewhere, "", "")
	case errors.As(err, &storage):
		status, page.Problem = http.StatusServiceUnavailable,
			present.Failure(present.StorageMessage(storage, &t.Problem), "", "")
	case errors.Is(err, operate.ErrUnwritten):
		status, page.Problem = http.StatusServiceUnavailable, present.Failure(t.Problem.LogUnwritten, "", "")
	default:
		return err
	}
	if plan, failed := h.bulk.Plan(ctx, r.Untyped()); failed == nil {
		h.fillPlan(ctx, &page, r, plan)
	}
	return Render(c, status, page)
}

// bulkUnfit shows a plan that could not be carried out: items that cannot be sent, or what the rules want.
func (h *Handlers) bulkUnfit(c echo.Context, page templates.NewBulk, r bulk.Request, plan bulk.Plan) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx)
	h.fillPlan(ctx, &page, r, plan)
	status := http.StatusConflict
	for _, d := range plan.Demands {
		status = http.StatusUnprocessableEntity
		if slices.Contains(d.Any, "reason") {
			page.Errors["reason"] = present.RuleText(ctx, d.Text)
		}
		if slices.Contains(d.Any, "count") && !plan.Counted {
			page.Errors["count"] = t.Policy.Count(plan.Stops)
			if page.Count != "" {
				page.Errors["count"] = t.Policy.Miscounted(plan.Stops)
			}
		}
	}
	return Render(c, status, page)
}

// fillPlan puts a plan into the page, with a key where all of it can be sent.
func (h *Handlers) fillPlan(ctx context.Context, page *templates.NewBulk, r bulk.Request, plan bulk.Plan) {
	if present.BulkPlan(ctx, page, r, plan) {
		page.Key = h.newKey(ctx)
	}
}
