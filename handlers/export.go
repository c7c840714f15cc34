package handlers

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/auditview"
	"coc-console/internal/present"
	"coc-console/templates"
)

// exportFormat is a form in which the log is carried away.
type exportFormat struct {
	name, contentType, ending string
	managers                  bool // the whole log's readers alone
	exact                     bool // records as they are stored
	write                     func(c echo.Context, w io.Writer, in *search.Index, q search.Query, of exported) error
}

// exported is what an export has: what a query finds, or of a view its rows.
type exported struct {
	view     auditview.View
	rows     *export.Rows // nil: records
	progress export.Progress
}

func asText(format export.Format) func(echo.Context, io.Writer, *search.Index, search.Query, exported) error {
	return func(c echo.Context, w io.Writer, in *search.Index, q search.Query, of exported) error {
		if of.rows != nil {
			return of.rows.Write(c.Request().Context(), w, format, of.progress)
		}
		return export.Write(c.Request().Context(), w, in, q, format, of.progress)
	}
}

func asBundle(c echo.Context, w io.Writer, in *search.Index, q search.Query, of exported) error {
	return export.Bundle(c.Request().Context(), w, in, q, export.BundleOptions{Progress: of.progress, Rows: of.rows})
}

// exportFormats are all of them; the first is that of an address without one.
func exportFormats() []exportFormat {
	return []exportFormat{
		{"csv", "text/csv; charset=utf-8", "csv", false, false, asText(export.CSV)},
		{"jsonl", "application/jsonl", "jsonl", false, true, asText(export.JSONL)},
		{"bundle", "application/zip", "zip", true, true, asBundle},
	}
}

// readFormat returns the format that the address names.
func readFormat(c echo.Context) (exportFormat, error) {
	name := c.QueryParam("format")
	for _, f := range exportFormats() {
		if name == f.name || name == "" {
			return f, nil
		}
	}
	return exportFormat{},
		&Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(name)}
}

// RecordsHeader says how many records an export is going to have; with a plus at the end, more than that.
const RecordsHeader = "Coc-Console-Records"

// ExportAudit sends the records that the filters select, oldest first; of a
// view that the address names, those of its rows. That they were exported is written before anything is sent.
func (h *Handlers) ExportAudit(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if err := ownSite(c.Request()); err != nil {
		return err
	}
	if err := h.export(c, v); err != nil {
		return err
	}
	format, err := readFormat(c)
	if err != nil {
		return err
	}
	if format.managers && !v.Manager {
		return h.denied(c, errDenied)
	}
	page := templates.Audit{Errors: templates.FieldErrors{}}
	form := h.logForm(c)
	q, _ := form.Read(&page)
	for name := range page.Errors {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: shortened(c.QueryParam(name))}
	}
	q.Before, q.After = 0, 0
	if q.Visible, err = h.visibility(ctx, v, q); err != nil {
		return err
	}
	if format.exact {
		q.Visible.Tickets = nil // others' records would tell from where they work
	}
	if c.Request().Method == http.MethodGet {
		if _, err := h.log.Append(ctx, audit.Record{Action: audit.ActionAuditExported, Outcome: audit.OutcomeSucceeded, Actor: v.Actor,
			Origin: OriginFrom(ctx), Ticket: q.Ticket, Detail: strings.TrimSpace(detail("format", c.QueryParam("format")) + " " + detail(form.Pairs()...))}); err != nil {
			return err
		}
	}
	of := exported{view: form.ViewSent(), progress: func(int64, int64) error { return h.moreTime(c) }}
	if of.view != search.PresetEverything {
		if of.rows, err = export.RowsOf(ctx, h.index, q, of.view); err != nil {
			return err
		}
	}
	if err := h.exportHead(c, q, of, format); err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	return format.write(c, c.Response(), h.index, q, of)
}

// ownSite refuses a request that another site's page makes: it would write a record in the reader's name, and cost an
// export. Typed addresses, bookmarks and programs say "none" or nothing.
func ownSite(r *http.Request) error {
	switch from := r.Header.Get("Sec-Fetch-Site"); from {
	case "", "none", "same-origin":
		return nil
	default:
		return &Problem{Status: http.StatusForbidden, Kind: ProblemCrossSite,
			Err: fmt.Errorf("an export asked for %s", shortened(from))}
	}
}

// exportHead names the file by its period and its query. The answer begins with
// its first byte: what fails before is an error page.
func (h *Handlers) exportHead(c echo.Context, q search.Query, of exported, format exportFormat) error {
	ctx := c.Request().Context()
	name, err := h.summary().FileName(ctx, of.view, q, format.ending)
	if err != nil {
		return err
	}
	n, more, err := int64(0), false, error(nil)
	if of.rows != nil {
		n = of.rows.Count()
	} else if n, more, err = export.Expected(ctx, h.index, q); err != nil {
		return err
	}
	records := present.Decimal(n)
	if more {
		records += "+"
	}
	head := c.Response().Header()
	c.Response().Before(func() { // not on an error page
		if c.Response().Status != http.StatusOK {
			return
		}
		head.Set(RecordsHeader, records)
		head.Set(echo.HeaderContentType, format.contentType)
		head.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	})
	return nil
}

// An export takes longer than the server allows an answer: as long as records
// get through, it has time for the next ones.
const exportDeadline = 2 * time.Minute

func (*Handlers) moreTime(c echo.Context) error {
	// The connection has the real time, whatever Config.Now says.
	return http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(exportDeadline))
}
