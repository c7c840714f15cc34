package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/finder"
	"coc-console/internal/i18n"
	"coc-console/internal/listing"
)

// SuggestTickets offers words for the list's query field, from what the reader may see: the tickets that need attention
// and the newest, and the servers of those that were read lately if the reader's token may open tickets.
func (h *ticketPages) SuggestTickets(c echo.Context) error {
	ctx := c.Request().Context()
	l, err := h.lookAtList(c, listing.New(), audit.Record{})
	if err != nil {
		return watchProblem(err)
	}
	defer l.viewer.Close()
	s := l.viewer.Snapshot()
	ids, _ := strings.CutPrefix(l.class(s).Name, narrow)
	hides := listing.Hides(ids)
	known := listing.Suggestions{States: h.ticketStatuses(), Tickets: slices.DeleteFunc(
		slices.Concat(s.Page.Tickets, s.Waiting), func(t coc.TicketSummary) bool { return hides[string(t.ExecuteUUID)] })}
	if l.viewer.Whole() && l.reader.Caller.ProjectID != "" {
		of := finder.Scope{Account: l.reader.Actor.AccountID, Project: l.reader.Caller.ProjectID}
		known.Hosts = func(part string, most int) []string {
			return h.finder.Hosts(of, part, most, func(t coc.Ticket) bool { return h.maySee(l.reader, t) })
		}
	}
	field, part := bounded(c.QueryParam("field")), bounded(c.QueryParam("prefix"))
	return c.JSON(http.StatusOK, Completion{Options: known.Of(i18n.T(ctx), field, part)})
}
