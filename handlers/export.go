package handlers

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/templates"
)

// ExportAudit sends the records that the filters select as CSV, oldest first.
// That it was exported is written before anything is sent.
func (h *Handlers) ExportAudit(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.Audit{Errors: templates.FieldErrors{}}
	q, _ := readAuditFilter(c, &page)
	for name := range page.Errors {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(c.QueryParam(name))}
	}
	q.Before, q.After = 0, 0
	var err error
	if q.Visible, err = h.visibility(ctx, v, q.Ticket); err != nil {
		return err
	}
	if c.Request().Method == http.MethodGet {
		if _, err := h.Log.Append(ctx, audit.Record{Action: audit.ActionAuditExported, Outcome: audit.OutcomeSucceeded,
			Actor: v.Actor, Origin: OriginFrom(ctx), Ticket: q.Ticket, Detail: filterDetail(c)}); err != nil {
			return err
		}
	}
	head := c.Response().Header()
	head.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	head.Set(echo.HeaderContentDisposition, `attachment; filename="audit-`+h.Now().UTC().Format("20060102-150405")+`.csv"`)
	c.Response().WriteHeader(http.StatusOK)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	return h.writeCSV(c, q)
}

func (h *Handlers) writeCSV(c echo.Context, q audit.Query) error {
	// Spreadsheets take a file for UTF-8 only with a byte order mark.
	if _, err := c.Response().Write([]byte("\uFEFF")); err != nil {
		return err
	}
	w := csv.NewWriter(c.Response())
	w.UseCRLF = true
	if err := w.Write(csvHeader()); err != nil {
		return err
	}
	rows := 0
	err := h.Log.Export(c.Request().Context(), q, func(r audit.Record) error {
		if rows%rowsPerDeadline == 0 {
			if err := h.moreTime(c); err != nil {
				return err
			}
		}
		rows++
		return w.Write(csvRow(r))
	})
	if err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// An export takes longer than the server allows an answer: as long as rows get
// through, it has time for the next ones.
const (
	rowsPerDeadline = 500
	exportDeadline  = 2 * time.Minute
)

func (*Handlers) moreTime(c echo.Context) error {
	// The connection has the real time, whatever Config.Now says.
	return http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(exportDeadline))
}

func csvHeader() []string {
	return []string{"sequence", "time", "action", "outcome", "user_name", "user_id", "account_name", "account_id",
		"project_name", "project_id", "address", "user_agent", "request_id", "session", "ticket", "operation_id",
		"operation_type", "batch_index", "instance_id", "target", "reason", "seen", "upstream_status", "upstream_code",
		"upstream_message", "upstream_request_id", "duration_ms", "detail"}
}

func csvRow(r audit.Record) []string {
	row := []string{decimal(r.Sequence), r.Time.UTC().Format(time.RFC3339Nano), string(r.Action), string(r.Outcome),
		r.Actor.UserName, r.Actor.UserID, r.Actor.AccountName, r.Actor.AccountID, r.Actor.ProjectName, r.Actor.ProjectID,
		r.Origin.Address, r.Origin.UserAgent, r.Origin.RequestID, r.Origin.Session, r.Ticket, r.OperationID,
		r.OperationType, blankZero(r.BatchIndex), blankZero(r.InstanceID), r.Target, r.Reason, r.Seen,
		blankZero(r.Upstream.Status), r.Upstream.Code, r.Upstream.Message, r.Upstream.RequestID,
		decimal(r.Duration.Milliseconds()), r.Detail}
	for i, cell := range row {
		row[i] = safeCell(cell)
	}
	return row
}

func blankZero[T int32 | int64 | int](n T) string {
	if n == 0 {
		return ""
	}
	return decimal(n)
}

// safeCell keeps a spreadsheet from taking a text for a formula.
func safeCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
