package handlers

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/internal/i18n"
	"coc-console/internal/present"
)

// lookAtWhole looks at a ticket of which everything was read: a file can't say what it lacks.
func (h *ticketPages) lookAtWhole(c echo.Context) (*ticketLook, error) {
	l, err := h.lookAtTicket(c)
	if err != nil {
		return nil, err
	}
	if s := l.viewer.Snapshot(); s.Partial() && s.Trouble != nil {
		l.viewer.Close()
		return nil, watchProblem(s.Trouble.Err)
	}
	return l, nil
}

// TicketHosts gives the hosts that a ticket's page shows, one a line.
func (h *ticketPages) TicketHosts(c echo.Context) error {
	l, err := h.lookAtWhole(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	text := strings.Join(present.HostLines(l.filter.Rows(l.viewer.Snapshot())), "")
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// TicketInstances gives the table of a ticket's page as a CSV file.
func (h *ticketPages) TicketInstances(c echo.Context) error {
	l, err := h.lookAtWhole(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	var b strings.Builder
	b.WriteString("\uFEFF") // spreadsheets take the text for UTF-8 then
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	s := l.viewer.Snapshot()
	if err := w.WriteAll(present.InstanceCells(s, l.filter.Rows(s), i18n.T(l.ctx))); err != nil {
		return fmt.Errorf("write the instances of ticket %s: %w", l.id, err)
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+string(l.id)+`.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", []byte(b.String()))
}
