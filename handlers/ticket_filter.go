package handlers

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// The orders of a ticket's instances; the usual one has the failed first.
const (
	sortBatch    = "batch"
	sortHost     = "host"
	sortStart    = "start"
	sortDuration = "duration"
)

// maxSearch bounds the text that instances are searched for, in bytes.
const maxSearch = 100

// instanceFilter chooses and sorts a ticket's instances.
type instanceFilter struct {
	Search string // in the host's name, an IP address, or as the instance's or server's id
	Status coc.InstanceStatus
	Batch  int32 // 0 = all
	Region string
	Zone   string
	Sort   string
}

func readInstanceFilter(c echo.Context) (instanceFilter, error) {
	value := func(name string) string { return strings.TrimSpace(bounded(c.QueryParam(name))) }
	f := instanceFilter{Search: value("q"), Status: coc.InstanceStatus(value("status")), Region: value("region"), Zone: value("zone"), Sort: value("sort")}
	bad := func(text string) error {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(text)}
	}
	for _, text := range []string{f.Search, f.Region, f.Zone} {
		if len(text) > maxSearch {
			return f, bad(text)
		}
	}
	if f.Status != "" && !slices.Contains(coc.FilterableInstanceStatuses(), f.Status) {
		return f, bad(string(f.Status))
	}
	if !slices.Contains([]string{"", sortBatch, sortHost, sortStart, sortDuration}, f.Sort) {
		return f, bad(f.Sort)
	}
	if text := c.QueryParam("batch"); text != "" {
		n, err := coc.ParseID(text)
		if err != nil || n > coc.MaxBatchIndex {
			return f, &operate.TargetError{Field: "batch_index"}
		}
		f.Batch = int32(n)
	}
	return f, nil
}

// fits refuses a batch that the ticket does not have.
func (f instanceFilter) fits(s *watch.Snapshot) error {
	if _, ok := s.Batch(f.Batch); f.Batch != 0 && !ok && !s.BatchesAt.IsZero() {
		return &operate.TargetError{Field: "batch_index"}
	}
	return nil
}

func (f instanceFilter) batchText() string {
	if f.Batch == 0 {
		return ""
	}
	return decimal(f.Batch)
}

// query is the filter as an address has it, always written the same way.
func (f instanceFilter) query() string {
	q := url.Values{}
	for name, text := range map[string]string{"q": f.Search, "status": string(f.Status), "batch": f.batchText(), "region": f.Region,
		"zone": f.Zone, "sort": f.Sort} {
		if text != "" {
			q.Set(name, text)
		}
	}
	return q.Encode()
}

// row is an instance with the batch it is in.
type row struct {
	watch.Instance
	batch int32
}

// rows are the chosen instances of a ticket, in order.
func (f instanceFilter) rows(s *watch.Snapshot) []row {
	var chosen []row
	for _, b := range s.Batches {
		for _, i := range b.Instances {
			if r := (row{i, b.Index}); f.matches(r) {
				chosen = append(chosen, r)
			}
		}
	}
	slices.SortStableFunc(chosen, f.compare(s.At))
	return chosen
}

func (f instanceFilter) matches(r row) bool {
	t := r.Target
	return (f.Batch == 0 || f.Batch == r.batch) && (f.Status == "" || f.Status == r.Status) &&
		(f.Region == "" || f.Region == t.RegionID) && (f.Zone == "" || f.Zone == t.ZoneID) && (f.Search == "" || f.finds(r))
}

// finds looks for the text in names and addresses; ids have to be whole.
func (f instanceFilter) finds(r row) bool {
	t, text := r.Target, strings.ToLower(f.Search)
	for _, in := range []string{t.HostName, t.FixedIP, t.FloatingIP} {
		if strings.Contains(strings.ToLower(in), text) {
			return true
		}
	}
	return decimal(r.ID) == text || strings.EqualFold(t.ResourceID, text)
}

// compare gives the order; rows that are equal stay as COC lists them.
func (f instanceFilter) compare(now time.Time) func(a, b row) int {
	switch f.Sort {
	case sortBatch:
		return func(a, b row) int { return cmp.Compare(a.batch, b.batch) }
	case sortHost:
		return func(a, b row) int {
			return cmp.Compare(strings.ToLower(a.Target.HostName), strings.ToLower(b.Target.HostName))
		}
	case sortStart:
		return func(a, b row) int { return b.Created.Compare(a.Created) }
	case sortDuration:
		return func(a, b row) int { return cmp.Compare(ran(b, now), ran(a, now)) }
	}
	return func(a, b row) int { return cmp.Compare(urgency(a.Status), urgency(b.Status)) }
}

// ran is how long an instance has run; one that waits has not.
func ran(r row, now time.Time) time.Duration {
	if r.Status == coc.InstanceReady {
		return 0
	}
	return r.Duration(now)
}

// urgency is the usual order: what needs somebody comes first.
func urgency(s coc.InstanceStatus) int {
	order := []coc.InstanceStatus{coc.InstanceAbnormal, coc.InstanceRolledBack, "", coc.InstanceProcessing, coc.InstanceReady,
		coc.InstanceCanceled, coc.InstanceFinished}
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return 2 // a state this console does not know
}

// list describes the table and its controls.
func (f instanceFilter) list(s *watch.Snapshot, id string) templates.InstanceList {
	address := func(below string, f instanceFilter) string {
		if q := f.query(); q != "" {
			return ticketAddress(id) + below + "?" + q
		}
		return ticketAddress(id) + below
	}
	usual := f
	usual.Sort = ""
	l := templates.InstanceList{Search: f.Search, Statuses: options(string(f.Status), coc.FilterableInstanceStatuses()...),
		Sorts:    options(f.Sort, sortBatch, sortHost, sortStart, sortDuration),
		Filtered: usual != instanceFilter{}, FormAddress: ticketAddress(id), Ticket: id, FailedFirst: address("", usual),
		Hosts: address("/hosts.txt", f), CSV: address("/instances.csv", f)}
	regions, zones, batches := []string{f.Region}, []string{f.Zone}, []string{}
	for _, b := range s.Batches {
		batches = append(batches, decimal(b.Index))
		l.Incomplete = l.Incomplete || b.At.IsZero()
		l.Total += len(b.Instances)
		for _, i := range b.Instances {
			regions, zones = append(regions, i.Target.RegionID), append(zones, i.Target.ZoneID)
		}
	}
	l.Incomplete = l.Incomplete || s.Cut
	l.Batches = options(f.batchText(), batches...)
	l.Regions, l.Zones = options(f.Region, different(regions)...), options(f.Zone, different(zones)...)
	return l
}

// different are the texts in order, each once, without the empty one.
func different(texts []string) []string {
	slices.Sort(texts)
	return slices.DeleteFunc(slices.Compact(texts), func(t string) bool { return t == "" })
}
