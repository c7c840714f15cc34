package present

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/audit/export"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// The orders of a ticket's instances; the usual one has the failed first.
const (
	SortState    = "state" // as an order the empty one
	SortBatch    = "batch"
	SortHost     = "host"
	SortIP       = "ip"
	SortZone     = "zone"
	SortStart    = "start"
	SortDuration = "duration"
)

// MaxSearch bounds the text that instances are searched for, in bytes.
const MaxSearch = 100

// InstanceFilter chooses and sorts a ticket's instances.
type InstanceFilter struct {
	Search string // in the host's name, an IP address, or as the instance's or server's id
	Status coc.InstanceStatus
	Batch  int32 // 0 = all
	Region string
	Zone   string
	Sort   string // one of the orders; with "-" before it the other way round
	// What of the page is shown: folded rows, the batches as a table, all instances by their output.
	Unfolded       string
	Table, Outputs bool
	From           string // the list that the ticket was opened from, as addresses have it
}

// StatusDone is the filter for all states that are ends.
const StatusDone coc.InstanceStatus = "DONE"

// SortOf reports whether there is such an order.
func SortOf(text string) bool {
	return text == "" || slices.Contains([]string{SortBatch, SortHost, SortIP, SortZone, SortStart, SortDuration},
		strings.TrimPrefix(text, "-"))
}

// ParseInstanceFilter reads a filter from an address; value gives a parameter's text. wrong is what it does not take of
// it; a batch that is none is a *operate.TargetError.
func ParseInstanceFilter(value func(name string) string) (f InstanceFilter, wrong string, err error) {
	f = InstanceFilter{Search: value("q"), Status: coc.InstanceStatus(value("status")), Region: value("region"),
		Zone: value("zone"), Sort: value("sort"), Unfolded: value("rows"), Table: value("batches") == "table",
		Outputs: value("by") == "output", From: value("from")}
	for _, text := range []string{f.Search, f.Region, f.Zone} {
		if len(text) > MaxSearch {
			return f, text, nil
		}
	}
	switch {
	case f.Status != "" && f.Status != StatusDone && !slices.Contains(coc.FilterableInstanceStatuses(), f.Status):
		return f, string(f.Status), nil
	case !SortOf(f.Sort):
		return f, f.Sort, nil
	case !slices.Contains([]string{"", UnfoldAll, UnfoldDone, UnfoldWaiting}, f.Unfolded):
		return f, f.Unfolded, nil
	}
	if text := value("batch"); text != "" {
		n, err := coc.ParseID(text)
		if err != nil || n > coc.MaxBatchIndex {
			return f, "", &operate.TargetError{Field: "batch_index"}
		}
		f.Batch = int32(n)
	}
	return f, "", nil
}

// Fits refuses a batch that the ticket does not have.
func (f InstanceFilter) Fits(s *watch.Snapshot) error {
	if _, ok := s.Batch(f.Batch); f.Batch != 0 && !ok && !s.BatchesAt.IsZero() {
		return &operate.TargetError{Field: "batch_index"}
	}
	return nil
}

// BatchText is the chosen batch as addresses have it; empty for all.
func (f InstanceFilter) BatchText() string {
	if f.Batch == 0 {
		return ""
	}
	return Decimal(f.Batch)
}

// Query is the filter as an address has it, always written the same way.
func (f InstanceFilter) Query() string {
	q := url.Values{}
	for name, text := range map[string]string{"q": f.Search, "status": string(f.Status), "batch": f.BatchText(),
		"region": f.Region, "zone": f.Zone, "sort": f.Sort, "rows": f.Unfolded, "batches": shownAs(f.Table, "table"),
		"by": shownAs(f.Outputs, "output"), "from": f.From} {
		if text != "" {
			q.Set(name, text)
		}
	}
	return q.Encode()
}

func shownAs(on bool, name string) string {
	if on {
		return name
	}
	return ""
}

// address is that of a ticket's page, or of something below it, as the filter has it.
func (f InstanceFilter) address(id, below string) string {
	if q := f.Query(); q != "" {
		return TicketAddress(id) + below + "?" + q
	}
	return TicketAddress(id) + below
}

// Row is an instance with the batch it is in.
type Row struct {
	watch.Instance
	Batch int32
}

// Rows are the chosen instances of a ticket, in order.
func (f InstanceFilter) Rows(s *watch.Snapshot) []Row {
	var chosen []Row
	for _, b := range s.Batches {
		for _, i := range b.Instances {
			if r := (Row{i, b.Index}); f.matches(r) {
				chosen = append(chosen, r)
			}
		}
	}
	slices.SortStableFunc(chosen, f.compare(s.At))
	return chosen
}

func (f InstanceFilter) matches(r Row) bool {
	t := r.Target
	return (f.Batch == 0 || f.Batch == r.Batch) && f.fits(r.Status) &&
		(f.Region == "" || f.Region == t.RegionID) && (f.Zone == "" || f.Zone == t.ZoneID) &&
		(f.Search == "" || f.finds(r))
}

// fits reports whether the state is the one that is chosen; both words for a failure are one.
func (f InstanceFilter) fits(s coc.InstanceStatus) bool {
	if f.Status == StatusDone {
		return s.Terminal()
	}
	return f.Status == "" || f.Status == s || f.Status.Failed() && s.Failed()
}

// finds looks for the text in names and addresses; ids have to be whole. A whole address is that one alone: 10.0.0.1 is
// not a part of 10.0.0.12.
func (f InstanceFilter) finds(r Row) bool {
	t, text := r.Target, strings.ToLower(f.Search)
	if address, err := netip.ParseAddr(text); err == nil {
		return slices.ContainsFunc([]string{t.FixedIP, t.FloatingIP}, func(in string) bool {
			same, err := netip.ParseAddr(in)
			return err == nil && same == address
		})
	}
	for _, in := range []string{t.HostName, t.FixedIP, t.FloatingIP} {
		if strings.Contains(strings.ToLower(in), text) {
			return true
		}
	}
	return Decimal(r.ID) == text || strings.EqualFold(t.ResourceID, text)
}

// compare gives the order; rows that are equal stay as COC lists them.
func (f InstanceFilter) compare(now time.Time) func(a, b Row) int {
	if name, reversed := strings.CutPrefix(f.Sort, "-"); reversed {
		f.Sort = name
		order := f.compare(now)
		return func(a, b Row) int { return order(b, a) }
	}
	switch f.Sort {
	case SortIP:
		return func(a, b Row) int { return compareIP(a.Target.FixedIP, b.Target.FixedIP) }
	case SortZone:
		return func(a, b Row) int { return cmp.Compare(a.Target.ZoneID, b.Target.ZoneID) }
	case SortBatch:
		return func(a, b Row) int { return cmp.Compare(a.Batch, b.Batch) }
	case SortHost:
		return func(a, b Row) int {
			return cmp.Compare(strings.ToLower(a.Target.HostName), strings.ToLower(b.Target.HostName))
		}
	case SortStart:
		return func(a, b Row) int { return b.Created.Compare(a.Created) }
	case SortDuration:
		return func(a, b Row) int { return cmp.Compare(ran(b, now), ran(a, now)) }
	}
	return func(a, b Row) int { return cmp.Compare(urgency(a.Status), urgency(b.Status)) }
}

// compareIP compares addresses as numbers; what is none comes last.
func compareIP(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	switch {
	case errX != nil && errY != nil:
		return cmp.Compare(a, b)
	case errX != nil:
		return 1
	case errY != nil:
		return -1
	}
	return x.Compare(y)
}

// ran is how long an instance has run; one that waits has not.
func ran(r Row, now time.Time) time.Duration {
	if r.Status == coc.InstanceReady {
		return 0
	}
	return r.Duration(now)
}

// urgency is the usual order: what needs somebody comes first.
func urgency(s coc.InstanceStatus) int {
	order := []coc.InstanceStatus{coc.InstanceAbnormal, coc.InstanceError, coc.InstanceRolledBack, "",
		coc.InstanceProcessing, coc.InstanceReady,
		coc.InstanceCanceled, coc.InstanceFinished}
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return 3 // a state this console does not know
}

// List describes the table and its controls.
func (f InstanceFilter) List(s *watch.Snapshot, id string) templates.InstanceList {
	usual, others := f, f
	usual.Sort, others.Status = "", ""
	plain := InstanceFilter{Table: f.Table, Outputs: f.Outputs, Unfolded: f.Unfolded, Sort: f.Sort, From: f.From}
	l := templates.InstanceList{Search: f.Search, Statuses: Options(string(f.Status), coc.FilterableInstanceStatuses()...),
		Sorts: Options(f.Sort, SortBatch, SortHost, SortIP, SortZone, SortStart, SortDuration), Heads: f.heads(id), Set: f.set(id),
		Filtered: f != plain, FormAddress: TicketAddress(id), From: f.From, Cleared: From(TicketAddress(id), f.From), Ticket: id, FailedFirst: usual.address(id, ""),
		AnyStatus: others.address(id, ""), Hosts: f.address(id, "/hosts.txt"), CSV: f.address(id, "/instances.csv")}
	regions, zones, batches := []string{f.Region}, []string{f.Zone}, []string{}
	for _, b := range s.Batches {
		batches = append(batches, Decimal(b.Index))
		l.Incomplete = l.Incomplete || b.At.IsZero()
		l.Total += len(b.Instances)
		for _, i := range b.Instances {
			regions, zones = append(regions, i.Target.RegionID), append(zones, i.Target.ZoneID)
		}
	}
	l.Incomplete = l.Incomplete || s.Cut || s.BatchesAt.IsZero()
	l.Batches = Options(f.BatchText(), batches...)
	l.Regions, l.Zones = Options(f.Region, different(regions)...), Options(f.Zone, different(zones)...)
	return l
}

// set are the filters beside the search that are set.
func (f InstanceFilter) set(id string) (all []templates.SetFilter) {
	for _, one := range []struct {
		name, value string
		drop        func(f *InstanceFilter)
	}{
		{"status", string(f.Status), func(f *InstanceFilter) { f.Status = "" }},
		{"batch", f.BatchText(), func(f *InstanceFilter) { f.Batch = 0 }},
		{"region", f.Region, func(f *InstanceFilter) { f.Region = "" }},
		{"zone", f.Zone, func(f *InstanceFilter) { f.Zone = "" }},
	} {
		if one.value != "" {
			without := f
			one.drop(&without)
			all = append(all, templates.SetFilter{Name: one.name, Value: one.value,
				Without: without.address(id, "") + "#instances"})
		}
	}
	return all
}

// different are the texts in order, each once, without the empty one.
func different(texts []string) []string {
	slices.Sort(texts)
	return slices.DeleteFunc(slices.Compact(texts), func(t string) bool { return t == "" })
}

// HostLines has one line for each row: its name, and where others have the same
// one a tab and what tells it apart: its address or else its id.
func HostLines(rows []Row) []string {
	apart := []func(Row) string{
		func(r Row) string {
			return firstOf(r.Target.HostName, r.Target.FixedIP, r.Target.ResourceID, Decimal(r.ID))
		},
		func(r Row) string { return firstOf(r.Target.FixedIP, r.Target.FloatingIP, r.Target.ResourceID) },
		func(r Row) string { return Decimal(r.ID) },
	}
	lines := make([]string, len(rows))
	for _, word := range apart {
		same := map[string]int{}
		for _, line := range lines {
			same[line]++
		}
		for i, r := range rows {
			if text := ansi.VisibleLine(word(r)); text != "" && same[lines[i]] > 1 || lines[i] == "" {
				lines[i] = strings.TrimPrefix(lines[i]+"\t"+text, "\t")
			}
		}
	}
	for i := range lines {
		lines[i] += "\n"
	}
	return lines
}

// InstanceCells is the table with its head; no cell is taken for a formula.
func InstanceCells(s *watch.Snapshot, rows []Row, t *i18n.Texts) [][]string {
	name, c := t.Live.Columns, &t.Common
	table := [][]string{{c.Batch, name.Of("instance_id"), c.State, c.Host, c.Address, name.Of("public_ip"), c.Region, c.Zone,
		name.Of("server_id"), c.Created, c.Finished, name.Of("seconds"), t.Ticket.LastLine}}
	for _, r := range rows {
		x := r.Target
		cells := []string{Decimal(r.Batch), Decimal(r.ID), t.Word.InstanceStatus.Of(string(r.Status)), x.HostName, x.FixedIP, x.FloatingIP,
			x.RegionID, x.ZoneID, x.ResourceID, cellTime(r.Created), cellTime(r.Finished),
			strconv.FormatFloat(ran(r, s.At).Seconds(), 'f', 1, 64), ansi.Summary(r.Message)}
		for i := range cells {
			cells[i] = export.SafeCell(cells[i])
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

// Options lists the values of a select, with the chosen one marked.
func Options[T ~string](chosen string, values ...T) []templates.Option {
	all := make([]templates.Option, 0, len(values)+1)
	all = append(all, templates.Option{Selected: chosen == ""})
	for _, v := range values {
		all = append(all, templates.Option{Value: string(v), Selected: string(v) == chosen})
	}
	return all
}

// Offered reports whether a select has the value.
func Offered(all []templates.Option, value string) bool {
	for _, o := range all {
		if o.Value == value {
			return true
		}
	}
	return false
}
