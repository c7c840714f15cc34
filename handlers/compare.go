package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// CompareLogs shows the logs of two of the hosts that failed last side by side.
// Each is recorded as a log that was read.
func (h *ticketPages) CompareLogs(c echo.Context) error {
	l, err := h.lookAtTicket(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	s := l.viewer.Snapshot()
	now, _ := l.permissions(s)
	page := templates.Compare{Ticket: present.TicketHead(now, s.At), TicketAddress: present.TicketAddress(string(l.id)),
		Action: present.TicketAddress(string(l.id)) + "/compare", Hosts: present.LastFailed(s)}
	page.Frame = h.Frame(c, i18n.T(l.ctx).Log.CompareTitle, templates.SectionTickets)
	for _, host := range present.ChosenTwo(page.Hosts, c.QueryParam("left"), c.QueryParam("right")) {
		id, err := coc.ParseID(host.ID)
		if err != nil {
			return err
		}
		read, err := h.readRow(c, l.id, id, host.Batch)
		if err != nil {
			return err
		}
		h.noteViewOf(c, host.Address, audit.Record{Action: audit.ActionLogViewed, Ticket: string(l.id), InstanceID: id,
			BatchIndex: host.Batch, Target: read.Instance.Target.HostName})
		page.Sides = append(page.Sides,
			templates.ComparedLog{ComparedHost: host, Log: templates.ParseLog(read.Instance.Message)})
	}
	return Render(c, http.StatusOK, page)
}
