package handlers

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
)

// Every address of the console is built here.

func address(path string, query url.Values) string {
	if q := query.Encode(); q != "" {
		return path + "?" + q
	}
	return path
}

func ticketAddress(id string) string { return "/tickets/" + url.PathEscape(id) }

func instanceAddress(ticket string, instance int64, batch int32) string {
	q := url.Values{}
	if batch > 0 {
		q.Set("batch", decimal(batch))
	}
	return address(ticketAddress(ticket)+"/instances/"+decimal(instance), q)
}

func logAddress(ticket string, instance int64, batch int32) string {
	q := url.Values{}
	if batch > 0 {
		q.Set("batch", decimal(batch))
	}
	return address(ticketAddress(ticket)+"/instances/"+decimal(instance)+"/log", q)
}

func batchAddress(ticket string, batch int32) string {
	return address(ticketAddress(ticket), url.Values{"batch": {decimal(batch)}})
}

func newOperationAddress(ticket string, op coc.Operation, batchHint int32) string {
	q := url.Values{"operation_type": {string(op.Type)}}
	if op.BatchIndex != 0 {
		q.Set("batch_index", decimal(op.BatchIndex))
	}
	if op.InstanceID != 0 {
		q.Set("instance_id", decimal(op.InstanceID))
		if batchHint > 0 {
			q.Set("batch", decimal(batchHint))
		}
	}
	return address(ticketAddress(ticket)+"/operations/new", q)
}

func operationsAddress(ticket string) string { return ticketAddress(ticket) + "/operations" }

func receiptAddress(id string) string { return "/operations/" + url.PathEscape(id) }

func recordAddress(sequence int64) string { return "/audit/" + decimal(sequence) }

// storyAddress tells a ticket's or an operation's records as a story.
func storyAddress(of, id string) string { return address("/audit/story", url.Values{of: {id}}) }

func decimal[T int32 | int64 | int](n T) string { return strconv.FormatInt(int64(n), 10) }

// ReturnAddress is the address of the page to come back to after signing in:
// the page itself or, for a form that applies an operation, its confirmation
// page with everything that was typed.
func ReturnAddress(c echo.Context) string {
	r := c.Request()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	if c.Path() != "/tickets/:execute_uuid/operations" {
		return "/"
	}
	q := url.Values{}
	for _, name := range []string{"operation_type", "batch_index", "instance_id", "batch", "reason"} {
		if v := bounded(c.FormValue(name)); v != "" {
			q.Set(name, v)
		}
	}
	return address(ticketAddress(c.Param("execute_uuid"))+"/operations/new", q)
}

// maxKept bounds a form value that is carried in an address.
const maxKept = 4096
