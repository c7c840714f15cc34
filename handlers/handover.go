package handlers

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/handover"
	"coc-console/internal/i18n"
	"coc-console/internal/listing"
	"coc-console/templates"
)

// sheetOf is what the next shift has to know, as the reader may see it, and its page.
func (h *ticketPages) sheetOf(c echo.Context) (handover.Sheet, handover.Reader, templates.Handover, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	hours, since := handover.Asked(c.FormValue("hours"), c.FormValue("since"), h.now())
	r := handover.Reader{Actor: v.Actor, Origin: OriginFrom(ctx), Manager: v.Manager,
		MayOpen: func(ctx context.Context, id coc.ExecuteUUID) bool { return h.mayOpen(ctx, v, id) == nil },
		MaySee:  func(t coc.Ticket) bool { return h.maySee(v, t) }}
	page := templates.Handover{Frame: h.Frame(c, i18n.Handover.T(ctx).Heading, templates.SectionTickets), Hours: hours}
	look, err := h.lookAtList(c, listing.New(), audit.Record{})
	if err != nil {
		h.logger.WarnContext(ctx, "tickets of a handover not listed", "error", err)
		page.Unlisted = true
	} else {
		for _, t := range look.viewer.Snapshot().Waiting {
			if r.MaySee(coc.Ticket{ExecuteUUID: t.ExecuteUUID, ScriptName: t.Name, Creator: t.Creator,
				Status: t.Status}) {
				r.Tickets = append(r.Tickets, t)
			}
		}
		look.viewer.Close()
	}
	sheet, err := h.sources().Read(ctx, r, since)
	return sheet, r, sheet.Page(page), err
}

// Handover shows what the next shift has to know.
func (h *ticketPages) Handover(c echo.Context) error {
	_, _, page, err := h.sheetOf(c)
	if err != nil {
		return err
	}
	page.Typed = bounded(c.FormValue("comment"))
	return Render(c, http.StatusOK, page)
}

// HandoverText is the same as Markdown.
func (h *ticketPages) HandoverText(c echo.Context) error {
	_, _, page, err := h.sheetOf(c)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "text/markdown; charset=utf-8", []byte(handover.Markdown(c.Request().Context(), page)))
}

// TakeOver records that the reader takes over what they saw.
func (h *ticketPages) TakeOver(c echo.Context) error {
	sheet, r, page, err := h.sheetOf(c)
	if err != nil {
		return err
	}
	err = h.sources().TakeOver(c.Request().Context(), r, sheet, c.FormValue("seen"))
	if errors.Is(err, handover.ErrChanged) {
		page.Changed = true
		return Render(c, http.StatusConflict, page)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/handover?hours="+strconv.Itoa(page.Hours))
}

// SaveNote records a note for the next shift.
func (h *ticketPages) SaveNote(c echo.Context) error {
	ctx := c.Request().Context()
	_, r, page, err := h.sheetOf(c)
	if err != nil {
		return err
	}
	note := reason(c.FormValue("comment"))
	err = h.sources().WriteNote(ctx, r, note)
	if errors.Is(err, handover.ErrLong) {
		page.Typed = note
		page.NoteProblem = i18n.Handover.T(ctx).TooLong(utf8.RuneCountInString(note), handover.MaxNote)
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/handover?hours="+strconv.Itoa(page.Hours))
}

func (h *ticketPages) sources() handover.Sources {
	return handover.Sources{Log: h.log, Index: h.index, Approvals: h.approvals, Bulk: h.bulk, Reviews: h.review,
		Now: h.now}
}
