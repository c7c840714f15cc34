package present

import (
	"strings"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/templates"
)

// TicketRow is one ticket of the list.
func TicketRow(t coc.TicketSummary, now time.Time) templates.TicketRow {
	row := templates.TicketRow{
		ID: string(t.ExecuteUUID), Name: ansi.VisibleLine(t.Name), Status: string(t.Status),
		Creator: ansi.VisibleLine(t.Creator),
		Regions: strings.ReplaceAll(ansi.VisibleLine(t.RegionIDs), ",", ", "), Created: t.Created, Finished: t.Finished,
		Duration: t.Duration(now), Read: now, Over: t.Over(),
	}
	if id, err := coc.ParseExecuteUUID(row.ID); err == nil {
		row.Address = TicketAddress(string(id))
	}
	return row
}

// IconOf is the gravest state that waits.
func IconOf(rows []templates.TicketRow) string {
	icon := ""
	for _, r := range rows {
		if icon == "" || coc.TicketStatus(r.Status).Failed() {
			icon = r.Status
		}
	}
	return icon
}

// FailedWord is what the endpoint calls a ticket that has failed.
func FailedWord(waiting []coc.TicketSummary) coc.TicketStatus {
	for _, t := range waiting {
		if t.Status.Failed() {
			return t.Status
		}
	}
	return coc.TicketAbnormal
}
