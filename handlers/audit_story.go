package handlers

import (
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

// Story tells the records of one ticket or one operation in the order in which
// things happened: each operation as one, and views only by their number.
func (h *Handlers) Story(c echo.Context) error {
	ctx := c.Request().Context()
	page := templates.Story{Frame: h.Frame(c, i18n.T(ctx).Title.Story, templates.SectionAudit)}
	var records []audit.Record
	var err error
	if id := c.QueryParam("operation"); id != "" {
		records, err = h.operationStory(c, id, &page)
	} else {
		records, err = h.ticketStory(c, &page)
	}
	if err != nil {
		return err
	}
	page.Items = storyItems(records)
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Ticket: page.Ticket,
		Detail: detail("story", bounded(page.Ticket), "operation", bounded(page.Operation), "before", bounded(c.QueryParam("before")))})
	return Render(c, http.StatusOK, page)
}

// operationStory reads one operation's records, if the reader may see them.
func (h *Handlers) operationStory(c echo.Context, id string, page *templates.Story) ([]audit.Record, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if strings.IndexFunc(id, hidden) >= 0 { // PostgreSQL takes no NUL
		return nil, notFound()
	}
	records, err := h.Log.Operation(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, notFound()
	}
	if err := h.mayRead(ctx, v, records[0]); err != nil {
		return nil, h.denied(c, err)
	}
	page.Operation, page.Ticket = id, records[0].Ticket
	page.TicketAddress = ticketAddress(page.Ticket)
	page.Whole = storyAddress("ticket", page.Ticket)
	page.List = auditAddress(audit.Query{OperationID: id})
	return records, nil
}

// ticketStory reads the newest of a ticket's records that the reader may see.
func (h *Handlers) ticketStory(c echo.Context, page *templates.Story) ([]audit.Record, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id, ok := coc.FindExecuteUUID(c.QueryParam("ticket"))
	if !ok {
		return nil, notFound()
	}
	page.Ticket, page.TicketAddress = string(id), ticketAddress(string(id))
	q := audit.Query{Ticket: string(id), Limit: audit.MaxLimit}
	page.List = auditAddress(q)
	errs := templates.FieldErrors{}
	readPage(c, &q, errs)
	if len(errs) > 0 {
		return nil, notFound()
	}
	var err error
	if q.Visible, err = h.visibility(ctx, v, q); err != nil {
		return nil, err
	}
	found, err := h.Log.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	if found.Next > 0 {
		page.Older = address("/audit/story", url.Values{"ticket": {string(id)}, "before": {decimal(found.Next)}})
	}
	if found.Newer > 0 {
		page.Newer = address("/audit/story", url.Values{"ticket": {string(id)}, "after": {decimal(found.Newer)}})
	}
	slices.Reverse(found.Records)
	return found.Records, nil
}

// storyItems puts records, oldest first, into a story. An operation stands
// where it began; views between two other things are counted together.
func storyItems(records []audit.Record) []templates.StoryItem {
	var items []templates.StoryItem
	operations := map[string]*templates.StoryOperation{}
	var people map[string]bool // behind the last item, where that is views
	for _, r := range records {
		if r.OperationID != "" {
			o, known := operations[r.OperationID]
			if !known {
				o = storyOperation(r)
				operations[r.OperationID] = o
				items, people = append(items, templates.StoryItem{Operation: o}), nil
			}
			addStep(o, r)
			continue
		}
		if !isView(r.Action) {
			items, people = append(items, templates.StoryItem{Other: storyRecord(r)}), nil
			continue
		}
		if people == nil {
			people = map[string]bool{}
			items = append(items, templates.StoryItem{Views: &templates.StoryViews{From: r.Time}})
		}
		people[r.Actor.UserID+"\x00"+r.Actor.UserName] = true
		views := items[len(items)-1].Views
		views.Count, views.People, views.To = views.Count+1, len(people), r.Time
	}
	return items
}

// isView reports whether an action only looked.
func isView(a audit.Action) bool {
	return a == audit.ActionTicketViewed || a == audit.ActionLogViewed || a == audit.ActionAuditViewed || a == audit.ActionTicketListed
}

func storyOperation(r audit.Record) *templates.StoryOperation {
	return &templates.StoryOperation{ID: r.OperationID, Type: r.OperationType, Target: visible(r.Target), BatchIndex: r.BatchIndex,
		Actor: visible(r.Actor.UserName), Reason: visible(r.Reason), Receipt: receiptAddress(r.OperationID)}
}

func addStep(o *templates.StoryOperation, r audit.Record) {
	s := *storyRecord(r)
	if n := len(o.Steps); n > 0 {
		s.Since = r.Time.Sub(o.Steps[n-1].Time)
		o.Took = r.Time.Sub(o.Steps[0].Time)
	}
	o.Steps = append(o.Steps, s)
}

func storyRecord(r audit.Record) *templates.StoryStep {
	s := &templates.StoryStep{Sequence: r.Sequence, Time: r.Time, Action: string(r.Action), Outcome: string(r.Outcome),
		Actor: visible(r.Actor.UserName), Record: recordAddress(r.Sequence)}
	if r.Upstream.Code != "" || r.Upstream.Message != "" || r.Upstream.Status != 0 {
		s.Upstream = strings.TrimSpace(verbatim(r.Upstream.Status, r.Upstream.Code, r.Upstream.Message))
	}
	if r.OperationID != "" {
		d := operate.ParseDetail(r.Detail)
		s.Note, s.Status = string(d.Note), d.Status
	}
	return s
}
