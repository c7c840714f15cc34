package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// refreshJob is how often a running job's page asks again, in seconds.
const refreshJob = 2

func jobAddress(id string) string { return "/jobs/" + url.PathEscape(id) }

// newJobAddress is the page on which a job on targets is confirmed.
func newJobAddress(op coc.OperationType, targets []string) string {
	return address("/jobs/new", url.Values{"operation_type": {string(op)}, "target": targets})
}

// targetValue is how forms and addresses write one target: the ticket and,
// for an instance, its id and the batch in which it was seen.
func targetValue(t operate.Target) string {
	if t.InstanceID == 0 {
		return string(t.Ticket)
	}
	return string(t.Ticket) + "." + decimal(t.InstanceID) + "." + decimal(t.BatchHint)
}

func parseTarget(text string) (operate.Target, bool) {
	parts := strings.Split(text, ".")
	id, err := coc.ParseExecuteUUID(parts[0])
	if err != nil || len(parts) != 1 && len(parts) != 3 {
		return operate.Target{}, false
	}
	t := operate.Target{Ticket: id}
	if len(parts) == 1 {
		return t, true
	}
	instance, err := coc.ParseID(parts[1])
	t.InstanceID, t.BatchHint = instance, batchHint(parts[2])
	return t, err == nil
}

// bulkTypes are the operations that can be applied to many at once: a batch to
// skip is always one.
var bulkTypes = []coc.OperationType{coc.CancelInstance, coc.PauseOrder, coc.ContinueOrder, coc.CancelOrder}

// readJob reads the form; what is wrong with it goes into errs.
func (h *Handlers) readJob(c echo.Context, errs templates.FieldErrors) (operate.JobRequest, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	t := i18n.T(ctx)
	values, err := c.FormParams()
	if err != nil {
		return operate.JobRequest{}, err
	}
	r := operate.JobRequest{SessionKey: v.SessionKey, Caller: v.Caller, Actor: v.Actor, Origin: OriginFrom(ctx),
		Type: coc.OperationType(bounded(values.Get("operation_type"))), Reason: reason(values.Get("reason")),
		Count: bounded(values.Get("count")), Glass: values.Get("glass") != "", Key: bounded(values.Get("key"))}
	if !slices.Contains(bulkTypes, r.Type) {
		errs["operation_type"] = t.Field.UnknownOperation
	}
	if len(values["target"]) == 0 || len(values["target"]) > operate.MaxJobItems {
		errs["target"] = t.Job.Targets(operate.MaxJobItems)
		return r, nil
	}
	for i, text := range values["target"] {
		target, ok := parseTarget(text)
		if !ok || (target.InstanceID != 0) != (r.Type == coc.CancelInstance) {
			errs["target"] = t.Job.Targets(operate.MaxJobItems)
			return r, nil
		}
		if i < len(values["seen"]) {
			target.Seen = bounded(values["seen"][i])
		}
		r.Targets = append(r.Targets, target)
	}
	return r, nil
}

// inView chooses all instances of a ticket that the filter shows and the reader
// can cancel, as if the form had named each. It does not go on at an address
// that does: for 200 instances that is longer than proxies take.
func (h *Handlers) inView(c echo.Context, ticket string) error {
	id, err := coc.ParseExecuteUUID(ticket)
	if err != nil {
		return &Problem{Status: http.StatusBadRequest, Kind: ProblemBadUUID, Value: shortened(ticket), Err: err}
	}
	values, err := c.FormParams()
	if err != nil {
		return err
	}
	l, err := h.look(c, id)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	s := l.viewer.Snapshot()
	now, may := l.offers(s)
	values.Set("operation_type", string(coc.CancelInstance))
	values.Del("target")
	for _, r := range l.filter.rows(s) {
		if i := instance(string(id), r.batch, r.Instance.Instance, now, s.At, may); i.Cancel.Address != "" {
			values.Add("target", i.Target)
		}
	}
	return nil
}

// NewJob shows what a job would hit, and asks to confirm it.
func (h *Handlers) NewJob(c echo.Context) error {
	if ticket := c.QueryParam("all"); ticket != "" {
		if err := h.inView(c, ticket); err != nil {
			return err
		}
	}
	page := h.jobForm(c)
	r, err := h.readJob(c, page.Errors)
	if err != nil {
		return err
	}
	for i := range r.Targets {
		r.Targets[i].Seen = "" // only what this page itself made counts
	}
	r.Count, r.Glass = "", false
	page.Type, page.Reason = string(r.Type), r.Reason
	if len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	plan, err := h.Operations.Plan(c.Request().Context(), r)
	if err != nil {
		return h.jobStopped(c, page, r, err)
	}
	h.fillPlan(c.Request().Context(), &page, r, plan)
	return Render(c, http.StatusOK, page)
}

func (h *Handlers) jobForm(c echo.Context) templates.NewJob {
	return templates.NewJob{Frame: h.Frame(c, i18n.T(c.Request().Context()).Job.New, templates.SectionTickets),
		Errors: templates.FieldErrors{}, MaxReason: operate.MaxReason, Back: "/tickets"}
}

// StartJob starts a job and goes to its page. Whatever stops it before anything
// is sent comes back to the form, with what was typed.
func (h *Handlers) StartJob(c echo.Context) error {
	page := h.jobForm(c)
	r, err := h.readJob(c, page.Errors)
	if err != nil {
		return err
	}
	page.Type, page.Reason, page.Count, page.Glass = string(r.Type), r.Reason, r.Count, r.Glass
	if len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	id, err := h.Operations.Start(c.Request().Context(), r)
	if err != nil {
		return h.jobStopped(c, page, r, err)
	}
	return c.Redirect(http.StatusSeeOther, jobAddress(id))
}

// jobStopped renders the form again with what stopped it.
func (h *Handlers) jobStopped(c echo.Context, page templates.NewJob, r operate.JobRequest, err error) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx)
	var stopped *operate.PlanError
	var tooLong *operate.ReasonTooLongError
	var storage *audit.StorageError
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(err, &stopped):
		return h.jobUnfit(c, page, r, stopped.Plan)
	case errors.As(err, &tooLong):
		page.Errors["reason"] = t.Field.ReasonTooLong(tooLong.Length, operate.MaxReason)
	case errors.Is(err, operate.ErrTargets):
		page.Errors["target"] = t.Job.Targets(operate.MaxJobItems)
	case errors.Is(err, operate.ErrBadKey), errors.Is(err, operate.ErrBadSeen):
		page.Problem = failure(t.Problem.BadForm, "", "")
	case errors.As(err, &storage):
		status, page.Problem = http.StatusServiceUnavailable, failure(StorageMessage(storage, &t.Problem), "", "")
	case errors.Is(err, operate.ErrUnwritten):
		status, page.Problem = http.StatusServiceUnavailable, failure(t.Problem.LogUnwritten, "", "")
	default:
		return err
	}
	if plan, failed := h.Operations.Plan(ctx, untyped(r)); failed == nil {
		h.fillPlan(ctx, &page, r, plan)
	}
	return Render(c, status, page)
}

// untyped is a request whose reading does not depend on what was typed.
func untyped(r operate.JobRequest) operate.JobRequest {
	r.Reason, r.Targets = "", slices.Clone(r.Targets)
	for i := range r.Targets {
		r.Targets[i].Seen = ""
	}
	return r
}

// jobUnfit shows a plan that could not be carried out: items that cannot be
// sent, or what the rules want.
func (h *Handlers) jobUnfit(c echo.Context, page templates.NewJob, r operate.JobRequest, plan operate.Plan) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx)
	h.fillPlan(ctx, &page, r, plan)
	status := http.StatusConflict
	for _, d := range plan.Demands {
		status = http.StatusUnprocessableEntity
		if slices.Contains(d.Any, "reason") {
			page.Errors["reason"] = ruleText(ctx, d.Text)
		}
		if slices.Contains(d.Any, "count") && !plan.Counted {
			page.Errors["count"] = t.Rules.Count(plan.Stops)
			if page.Count != "" {
				page.Errors["count"] = t.Rules.Miscounted(plan.Stops)
			}
		}
	}
	return Render(c, status, page)
}

// fillPlan puts a plan into the page.
func (h *Handlers) fillPlan(ctx context.Context, page *templates.NewJob, r operate.JobRequest, plan operate.Plan) {
	page.Stops, page.Running, page.OfferGlass = plan.Stops, plan.Running, plan.Glass || r.Glass
	var good []string
	for _, item := range plan.Items {
		target := h.jobTarget(ctx, item)
		if item.OK() {
			good = append(good, target.Value)
		}
		if item.Err == nil && item.Decision.Denied() && page.Denied == nil {
			page.Denied = Denial(ctx, item.Decision)
		}
		page.Items = append(page.Items, target)
	}
	for _, d := range plan.Demands {
		page.WantsReason = page.WantsReason || slices.Contains(d.Any, "reason")
		page.WantsCount = page.WantsCount || slices.Contains(d.Any, "count")
	}
	page.WantsReason, page.WantsCount = page.WantsReason || page.Reason != "", page.WantsCount || page.Count != ""
	if len(good) < len(page.Items) && len(good) > 0 {
		page.Drop = newJobAddress(r.Type, good)
	}
	if len(good) == len(page.Items) {
		page.Key = operate.NewKey()
	}
	if len(plan.Items) > 0 && sameTicket(plan.Items) {
		page.Back = ticketAddress(string(plan.Items[0].Ticket))
	}
}

// jobTarget is one target on the confirmation page.
func (h *Handlers) jobTarget(ctx context.Context, item operate.Planned) templates.JobTarget {
	target := templates.JobTarget{Value: targetValue(item.Target), Seen: item.Now.Picture().String(), Name: visible(item.Name),
		Problem: h.itemProblem(ctx, item), Address: ticketAddress(string(item.Ticket)), Ticket: item.InstanceID == 0}
	if item.InstanceID != 0 {
		target.Address = instanceAddress(string(item.Ticket), item.InstanceID, item.BatchHint)
	}
	if target.Name == "" {
		target.Name = target.Value
	}
	switch {
	case item.Err != nil:
		target.Seen = item.Seen
	case item.Now.Instance != nil:
		target.Status = string(item.Now.Instance.Status)
	default:
		target.Status = string(item.Now.Ticket.Status)
	}
	return target
}

func sameTicket(items []operate.Planned) bool {
	return !slices.ContainsFunc(items, func(p operate.Planned) bool { return p.Ticket != items[0].Ticket })
}

// itemProblem says in words why an item cannot be sent; "" when it can.
func (h *Handlers) itemProblem(ctx context.Context, p operate.Planned) string {
	t := i18n.T(ctx)
	var call *coc.Error
	var target *operate.TargetError
	var hidden *operate.PolicyError
	switch {
	case errors.As(p.Err, &hidden):
		return strings.TrimSpace(t.Problem.Hidden.Heading + ". " + ruleText(ctx, hidden.Decision.Text))
	case errors.As(p.Err, &call):
		_, f := failureOf(call, &t.Problem)
		return strings.TrimSpace(f.Heading + " " + f.Verbatim)
	case errors.As(p.Err, &target):
		return targetMessage(target, t.Field)
	case p.Err != nil:
		return t.Problem.Unavailable.Heading
	case len(p.Changes) > 0:
		return t.Job.Note.Of(string(operate.NoteMoved))
	case p.Refusal != operate.Fits:
		return t.Word.Refusal.Of(string(p.Refusal))
	case p.Decision.Denied():
		return strings.TrimSpace(t.Job.Note.Of(string(operate.NoteNotAllowed)) + " " + ruleText(ctx, p.Decision.Text))
	}
	return ""
}

// Jobs lists the jobs of the reader's account: all of them for who may read
// the whole log, else their own.
func (h *Handlers) Jobs(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	filter := operate.JobFilter{AccountID: v.Actor.AccountID}
	if !v.Manager {
		filter.Requester = v.Actor.UserID
	}
	all, err := h.Operations.Jobs(ctx, filter)
	if err != nil {
		return err
	}
	page := templates.Jobs{Frame: h.Frame(c, i18n.T(ctx).Job.Heading, templates.SectionJobs)}
	page.Refresh = refreshWaiting
	for _, j := range all {
		page.Rows = append(page.Rows, jobRow(j))
	}
	return Render(c, http.StatusOK, page)
}

func jobRow(j operate.Job) templates.JobRow {
	return templates.JobRow{ID: j.ID, State: string(j.State), Type: string(j.Type), Who: visible(j.Actor.UserName), Reason: visible(j.Reason),
		Address: jobAddress(j.ID), Items: j.Size(), Started: j.Created, Ended: j.Ended}
}

// job reads the job that the address names, if the reader may see it.
func (h *Handlers) job(c echo.Context) (operate.Job, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id := c.Param("id")
	if strings.IndexFunc(id, hidden) >= 0 { // PostgreSQL takes no NUL
		return operate.Job{}, notFound()
	}
	j, err := h.Operations.Job(ctx, id)
	switch {
	case errors.Is(err, audit.ErrNotFound):
		return j, notFound()
	case err != nil:
		return j, err
	case j.Actor.UserID != v.Actor.UserID && (!v.Manager || j.Actor.AccountID != v.Actor.AccountID):
		return j, notFound()
	}
	return j, nil
}

// Job shows one job with what came of every item.
func (h *Handlers) Job(c echo.Context) error {
	j, err := h.job(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.Job{Frame: h.Frame(c, i18n.T(ctx).Job.One(string(j.Type), len(j.Items)), templates.SectionJobs),
		JobRow: jobRow(j), Note: string(j.Note), MayStop: j.State == operate.JobRunning,
		MayContinue: j.State == operate.JobStopped && j.Actor.UserID == v.Actor.UserID, Result: jobAddress(j.ID) + "/result.csv"}
	counts := map[string]int32{}
	var failed []string
	open := false
	for _, i := range j.Items {
		item, again, done, err := h.jobItem(ctx, i)
		if err != nil {
			return err
		}
		page.Items = append(page.Items, item)
		counts[item.State]++
		if again {
			failed = append(failed, targetValue(operate.Target{Ticket: i.Ticket, InstanceID: i.Operation.InstanceID, BatchHint: i.BatchHint}))
		}
		if done {
			page.Done++
		}
		open = open || !done
	}
	page.Counts = itemCounts(counts)
	if len(failed) > 0 && j.State != operate.JobRunning {
		page.Retry = newJobAddress(j.Type, failed)
	}
	if open {
		page.Refresh = refreshJob
	}
	return Render(c, http.StatusOK, page)
}

// itemCounts are in the order of the table's rows by name, so that they stand still.
func itemCounts(counts map[string]int32) []templates.Count {
	var out []templates.Count
	for state, n := range counts {
		out = append(out, templates.Count{Status: state, Count: n})
	}
	slices.SortFunc(out, func(a, b templates.Count) int { return strings.Compare(a.Status, b.Status) })
	return out
}

// jobItem is one row: again says that it had no effect and can be tried anew,
// done that nothing more will come of it.
func (h *Handlers) jobItem(ctx context.Context, i operate.JobItem) (row templates.JobItem, again, done bool, err error) {
	row = templates.JobItem{N: i.N, State: string(i.State), Target: visible(i.Target), Address: ticketAddress(string(i.Ticket)),
		Problem: itemNote(ctx, i.Problem), Operation: i.Key}
	if i.Operation.InstanceID != 0 {
		row.Address = instanceAddress(string(i.Ticket), i.Operation.InstanceID, i.BatchHint)
	}
	if i.State != operate.ItemSent {
		return row, i.State == operate.ItemFailed, i.State == operate.ItemFailed, nil
	}
	r, err := h.Operations.Receipt(ctx, i.Key)
	if err != nil {
		return row, false, false, err
	}
	last := r.Requested
	if r.Answer != nil {
		last = *r.Answer
	}
	if r.End != nil {
		last = *r.End
	}
	row.State, row.Receipt = string(last.Action), receiptAddress(i.Key)
	row.Problem = strings.TrimSpace(verbatim(last.Upstream.Status, last.Upstream.Code, last.Upstream.Message))
	if last.Action == audit.ActionOperationAccepted {
		row.Problem = ""
	}
	effect := last.Action == audit.ActionOperationObserved
	return row, !r.Open() && !effect, !r.Open(), nil
}

// itemNote puts the first word of an item's problem into the reader's language.
func itemNote(ctx context.Context, problem string) string {
	note, rest, _ := strings.Cut(problem, ": ")
	t := i18n.T(ctx)
	if word, ok := t.Job.Note[note]; ok {
		if refusal, ok := t.Word.Refusal[rest]; ok {
			rest = refusal
		}
		return strings.TrimSuffix(word+": "+visible(rest), ": ")
	}
	return visible(problem)
}

// ChangeJob stops a job, or goes on with it.
func (h *Handlers) ChangeJob(c echo.Context) error {
	j, err := h.job(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	switch c.FormValue("do") {
	case "stop":
		err = h.Operations.StopJob(ctx, j.ID, v.Actor, OriginFrom(ctx))
	case "continue":
		err = h.Operations.ContinueJob(ctx, j.ID, v.SessionKey, v.Actor, OriginFrom(ctx))
	default:
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(c.FormValue("do"))}
	}
	switch {
	case errors.Is(err, operate.ErrNotYours):
		return &Problem{Status: http.StatusForbidden, Kind: ProblemDenied, Err: err}
	case err != nil && !errors.Is(err, operate.ErrDecided): // it is what was wanted, or has ended: the page says so
		return err
	}
	return c.Redirect(http.StatusSeeOther, jobAddress(j.ID))
}

// JobResult sends what came of a job's items as CSV.
func (h *Handlers) JobResult(c echo.Context) error {
	j, err := h.job(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	var b strings.Builder
	b.WriteString("\uFEFF") // so that spreadsheets read UTF-8
	w := csv.NewWriter(&b)
	rows := [][]string{{"item", "ticket", "instance_id", "batch_index", "target", "operation_type", "operation_id", "state", "problem"}}
	for _, i := range j.Items {
		item, _, _, err := h.jobItem(ctx, i)
		if err != nil {
			return err
		}
		rows = append(rows, []string{decimal(i.N), string(i.Ticket), decimal(i.Operation.InstanceID), decimal(i.BatchHint), audit.SafeCell(item.Target),
			string(i.Operation.Type), i.Key, item.State, audit.SafeCell(item.Problem)})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="job-`+j.ID+`.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", []byte(b.String()))
}
