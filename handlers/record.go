package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/auditview"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/internal/report"
	"coc-console/templates"
)

// Record shows one record of the log with what belongs to it, and what proves it.
func (h *Handlers) Record(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	r, pruned, err := h.readable(c)
	if err != nil {
		return err
	}
	page := auditview.RecordPage(v.sees().Show(r))
	page.Frame = h.Frame(c, i18n.T(ctx).Title.Record(r.Sequence), templates.SectionAudit)
	if page.Evidence, err = h.logState.Evidence(ctx, v.sees(), r, pruned); err != nil {
		return err
	}
	page.Previous, page.Next, err = h.logState.Neighbours(ctx, v.sees(), r.Sequence)
	if err != nil {
		return err
	}
	if !pruned {
		if err := h.belonging(ctx, v, r, &page); err != nil {
			return err
		}
	}
	h.noteView(c,
		audit.Record{Action: audit.ActionAuditViewed, Detail: detail("sequence", present.Decimal(r.Sequence))})
	return Render(c, http.StatusOK, page)
}

// readable returns the record of the address, if the reader may see it. Of one that was pruned only its number is
// left: nobody knows whose it was, so managers alone see that.
func (h *Handlers) readable(c echo.Context) (r audit.Record, pruned bool, err error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	sequence, err := coc.ParseID(c.Param("sequence"))
	if err != nil {
		return r, false, &Problem{Status: http.StatusNotFound, Kind: ProblemNotFound,
			Value: shortened(c.Param("sequence")), Err: err}
	}
	r, err = h.log.Record(ctx, sequence)
	if errors.Is(err, audit.ErrNotFound) {
		upto, unknown := h.log.Pruned(ctx)
		if unknown != nil {
			return r, false, unknown
		}
		if sequence > upto {
			return r, false, err // an unknown one is "not found"
		}
		r, pruned, err = audit.Record{Sequence: sequence}, true, nil
	}
	if err != nil {
		return r, pruned, err
	}
	if err := h.mayRead(ctx, v, r); err != nil {
		return r, pruned, h.denied(c, err)
	}
	return r, pruned, nil
}

// RecordBytes sends a record's exact bytes, whose hash is its leaf.
func (h *Handlers) RecordBytes(c echo.Context) error {
	ctx := c.Request().Context()
	r, pruned, err := h.readable(c)
	if err != nil {
		return err
	}
	if pruned {
		return notFound()
	}
	if v, _ := ViewerFrom(ctx); !v.sees().Whole(r) {
		return h.denied(c, errDenied)
	}
	entry, err := h.log.Entry(ctx, r.Sequence)
	if err != nil {
		return err
	}
	h.noteView(c,
		audit.Record{Action: audit.ActionAuditViewed, Detail: detail("sequence", present.Decimal(r.Sequence))})
	attach(c, "record-"+present.Decimal(r.Sequence)+".json")
	return c.Blob(http.StatusOK, echo.MIMEOctetStream, entry.Body)
}

// RecordProof sends a record's proof as a C2SP tlog-proof.
func (h *Handlers) RecordProof(c echo.Context) error {
	ctx := c.Request().Context()
	r, _, err := h.readable(c)
	if err != nil {
		return err
	}
	proof, err := h.logState.TlogProof(ctx, r.Sequence)
	if err != nil {
		return err
	}
	h.noteView(c,
		audit.Record{Action: audit.ActionAuditViewed, Detail: detail("sequence", present.Decimal(r.Sequence))})
	attach(c, "record-"+present.Decimal(r.Sequence)+".tlog-proof")
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, []byte(proof))
}

func attach(c echo.Context, name string) {
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
}

// Checkpoint sends the latest signed checkpoint, a C2SP signed note.
func (h *Handlers) Checkpoint(c echo.Context) error {
	signed, err := h.log.Checkpoint(c.Request().Context())
	if errors.Is(err, audit.ErrNotFound) {
		return notFound() // nothing is signed yet
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, signed.Note)
}

// line puts records on one line of time, with what the policies in force say.
func (h *Handlers) line(ctx context.Context) auditview.Line {
	rules := h.rules.Rules()
	return auditview.Line{Say: func(id string) string { return present.RuleText(ctx, rules.Text(id)) }}
}

// belonging adds what belongs to the record: all of its operation.
func (h *Handlers) belonging(ctx context.Context, v Viewer, r audit.Record, page *templates.Record) error {
	records := []audit.Record{v.sees().Show(r)}
	if r.OperationID != "" {
		all, err := h.index.Operation(ctx, r.OperationID)
		if err != nil {
			return err
		}
		if records, err = h.ofOperation(ctx, v, all); err != nil {
			return err
		}
		if page.Timeline = present.TimelineAddress("operation", r.OperationID); len(records) == 0 { // not followed yet
			records = []audit.Record{v.sees().Show(r)}
		}
	}
	name, err := h.ticketName(ctx, v, r.Ticket, records)
	if err != nil {
		return err
	}
	page.Subject = auditview.SubjectOf(records, name)
	page.Steps, page.Asked = h.line(ctx).Steps(records, r.Sequence)
	if v.Manager && r.Ticket != "" {
		page.Evidence.Incident = report.IncidentOf(records, r.Ticket)
	}
	return nil
}

// ofOperation are those of an operation's records that the reader may see.
func (h *Handlers) ofOperation(ctx context.Context, v Viewer, all []audit.Record) ([]audit.Record, error) {
	return auditview.Shown(all, v.sees(), func(r audit.Record) error { return h.mayRead(ctx, v, r) }, errDenied)
}

// ticketName is a ticket's name, as far as records say it that the reader may see; empty where none does.
func (h *Handlers) ticketName(ctx context.Context, v Viewer, ticket string, shown []audit.Record) (string, error) {
	if name := auditview.TicketName(shown); name != "" || ticket == "" {
		return name, nil
	}
	names, err := h.index.TicketNames(ctx, v.sees(), []string{ticket})
	return names[ticket], err
}
