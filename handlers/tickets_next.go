package handlers

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/listing"
)

// NextTicket goes to the ticket that stands below the one that the address names, from the last one to the first; to
// the list where no other does. The list is the one that the address names, or that of those that need attention.
func (h *ticketPages) NextTicket(c echo.Context) error {
	attention := url.Values{"status": {listing.Attention}}.Encode()
	f, ok := h.listFrom(c.Request().Context(), cmp.Or(fromParam(c), attention))
	if !ok {
		f, _ = h.listFrom(c.Request().Context(), attention)
	}
	s, hides, err := h.listShown(c.Request().Context(), &f)
	if err != nil {
		return watchProblem(err)
	}
	h.noteViewOf(c, f.Address(""), audit.Record{Action: audit.ActionTicketListed, Detail: listDetail(f)})
	return c.Redirect(http.StatusSeeOther, f.Next(s, hides, coc.ExecuteUUID(c.QueryParam("after"))))
}
