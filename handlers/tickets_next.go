package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/listing"
	"coc-console/internal/present"
)

// NextTicket goes to the ticket that needs attention and stands in the list below the
// one that the address names, from the last one to the first; to the list where
// no other does.
func (h *ticketPages) NextTicket(c echo.Context) error {
	f := listing.New()
	f.Attention = true
	look, err := h.lookAtList(c, f, audit.Record{Action: audit.ActionTicketListed, Detail: listDetail(f)})
	if err != nil {
		return err
	}
	defer look.viewer.Close()
	s := look.viewer.Snapshot()
	after := coc.ExecuteUUID(c.QueryParam("after"))
	at := slices.IndexFunc(s.Waiting, func(t coc.TicketSummary) bool { return t.ExecuteUUID == after })
	for _, t := range slices.Concat(s.Waiting[at+1:], s.Waiting[:max(at, 0)]) {
		shown := coc.Ticket{ExecuteUUID: t.ExecuteUUID, ScriptName: t.Name, Creator: t.Creator, Status: t.Status}
		if h.maySee(look.reader, shown) {
			return c.Redirect(http.StatusSeeOther, present.TicketAddress(string(t.ExecuteUUID)))
		}
	}
	return c.Redirect(http.StatusSeeOther, f.Address(""))
}
