package present

import (
	"net/url"
	"strconv"
	"strings"

	"coc-console/internal/coc"
)

// Address is a path with a query, if there is one.
func Address(path string, query url.Values) string {
	if q := query.Encode(); q != "" {
		return path + "?" + q
	}
	return path
}

// TicketAddress is a ticket's page.
func TicketAddress(id string) string { return "/tickets/" + url.PathEscape(id) }

// InstanceAddress is an instance's page, with the batch in which it was seen.
func InstanceAddress(ticket string, instance int64, batch int32) string {
	q := url.Values{}
	if batch > 0 {
		q.Set("batch", Decimal(batch))
	}
	return Address(TicketAddress(ticket)+"/instances/"+Decimal(instance), q)
}

// LogAddress is an instance's log as a file.
func LogAddress(ticket string, instance int64, batch int32) string {
	q := url.Values{}
	if batch > 0 {
		q.Set("batch", Decimal(batch))
	}
	return Address(TicketAddress(ticket)+"/instances/"+Decimal(instance)+"/log", q)
}

// BatchAddress is a ticket's page, narrowed to a batch.
func BatchAddress(ticket string, batch int32) string {
	return Address(TicketAddress(ticket), url.Values{"batch": {Decimal(batch)}})
}

// NewOperationAddress is the page on which an operation is confirmed.
func NewOperationAddress(ticket string, op coc.Operation, batchHint int32) string {
	q := url.Values{"operation_type": {string(op.Type)}}
	if op.BatchIndex != 0 {
		q.Set("batch_index", Decimal(op.BatchIndex))
	}
	if op.InstanceID != 0 {
		q.Set("instance_id", Decimal(op.InstanceID))
		if batchHint > 0 {
			q.Set("batch", Decimal(batchHint))
		}
	}
	return Address(TicketAddress(ticket)+"/operations/new", q)
}

// From adds the list that somebody came from to an address; it may be empty.
func From(address, list string) string {
	if list == "" || address == "" {
		return address
	}
	path, anchor, _ := strings.Cut(address, "#")
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	if path += join + "from=" + url.QueryEscape(list); anchor != "" {
		path += "#" + anchor
	}
	return path
}

// OperationsAddress is where a ticket's operations are sent.
func OperationsAddress(ticket string) string { return TicketAddress(ticket) + "/operations" }

// ReceiptAddress is an operation's receipt.
func ReceiptAddress(id string) string { return "/operations/" + url.PathEscape(id) }

// RecordAddress is a record of the log.
func RecordAddress(sequence int64) string { return "/audit/" + Decimal(sequence) }

// TimelineAddress tells a ticket's or an operation's records on one line of time.
func TimelineAddress(of, id string) string { return Address("/audit/timeline", url.Values{of: {id}}) }

// Decimal writes a number as addresses and pages have it.
func Decimal[T int32 | int64 | int](n T) string { return strconv.FormatInt(int64(n), 10) }
