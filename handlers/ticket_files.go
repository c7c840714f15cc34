package handlers

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/watch"
)

// TicketHosts gives the hosts that a ticket's page shows, one a line.
func (h *Handlers) TicketHosts(c echo.Context) error {
	l, err := h.lookAtTicket(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	var b strings.Builder
	for _, r := range l.filter.rows(l.viewer.Snapshot()) {
		b.WriteString(visible(firstOf(r.Target.HostName, r.Target.FixedIP, r.Target.ResourceID, decimal(r.ID))) + "\n")
	}
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(b.String()))
}

// TicketInstances gives the table of a ticket's page as a CSV file.
func (h *Handlers) TicketInstances(c echo.Context) error {
	l, err := h.lookAtTicket(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	var b strings.Builder
	b.WriteString("\uFEFF") // spreadsheets take the text for UTF-8 then
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	s := l.viewer.Snapshot()
	if err := w.WriteAll(instanceCells(s, l.filter.rows(s), i18n.T(l.ctx))); err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+string(l.id)+`.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", []byte(b.String()))
}

// instanceCells is the table with its head; no cell is taken for a formula.
func instanceCells(s *watch.Snapshot, rows []row, t *i18n.Texts) [][]string {
	name, c := t.Live.Columns, &t.Common
	table := [][]string{{c.Batch, name.Of("instance_id"), c.State, c.Host, c.Address, name.Of("public_ip"), c.Region, c.Zone,
		name.Of("server_id"), c.Created, c.Finished, name.Of("seconds"), t.Ticket.LastLine}}
	for _, r := range rows {
		x := r.Target
		cells := []string{decimal(r.batch), decimal(r.ID), t.Word.InstanceStatus.Of(string(r.Status)), x.HostName, x.FixedIP, x.FloatingIP,
			x.RegionID, x.ZoneID, x.ResourceID, cellTime(r.Created), cellTime(r.Finished),
			strconv.FormatFloat(ran(r, s.At).Seconds(), 'f', 1, 64), lastLine(r.Message)}
		for i := range cells {
			cells[i] = audit.SafeCell(cells[i])
		}
		table = append(table, cells)
	}
	return table
}

func cellTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
