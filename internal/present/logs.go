package present

import (
	"net/url"
	"slices"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// LogHosts leads from an instance's log to those beside it in its batch: of the
// failed ones, if it has failed.
func LogHosts(ticket string, now operate.Reading) templates.LogHosts {
	rows := slices.DeleteFunc(slices.Clone(now.Instances), func(r coc.Instance) bool {
		return failed(now.Instance.Status) && !failed(r.Status)
	})
	at := slices.IndexFunc(rows, func(r coc.Instance) bool { return r.ID == now.Instance.ID })
	h := templates.LogHosts{At: at + 1, Of: len(rows)}
	to := func(i int) string {
		if at < 0 || i < 0 || i >= len(rows) {
			return ""
		}
		return InstanceAddress(ticket, coc.InstanceID(rows[i]), now.InstanceBatch) + "#log"
	}
	if h.Previous, h.Next = to(at-1), to(at+1); now.Statistics.Failed() > 1 && failed(now.Instance.Status) {
		q := url.Values{"left": {Decimal(coc.InstanceID(*now.Instance))}}
		h.Compare = Address(TicketAddress(ticket)+"/compare", q)
	}
	return h
}

func failed(s coc.InstanceStatus) bool { return s == coc.InstanceAbnormal || s == coc.InstanceError }

// maxCompared is how many hosts are offered to be compared.
const maxCompared = 5

// LastFailed are the hosts that failed last, the newest first; the batch of each by its id.
func LastFailed(s *watch.Snapshot) (list []templates.ComparedHost) {
	type row struct {
		watch.Instance
		batch int32
	}
	var rows []row
	for _, b := range s.Batches {
		for _, r := range b.Instances {
			if failed(r.Status) {
				rows = append(rows, row{r, b.Index})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return b.Finished.Compare(a.Finished) })
	for _, r := range rows[:min(len(rows), maxCompared)] {
		list = append(list, templates.ComparedHost{ID: Decimal(r.ID), Name: ansi.VisibleLine(r.Target.HostName), Batch: r.batch,
			Address: InstanceAddress(string(s.Ticket.ExecuteUUID), r.ID, r.batch)})
	}
	return list
}
