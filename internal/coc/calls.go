package coc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"coc-console/internal/upstream"
)

// Requested is the proof that a request is durable in the audit log. Operate
// checks at run time that it has a sequence; package operate passes the
// audit.Receipt that Log.Request returned.
type Requested interface{ RequestedSequence() int64 }

// OperateReply is COC's answer to an accepted operation. It confirms
// acceptance, not completion (docs/coc-api.md section 4.6).
type OperateReply struct {
	Status    int
	RequestID string
	Data      string // the execute_uuid; some editions answer without a body
}

// Operate sends one operation, once: it is never repeated by this client.
// Errors wrap *Error, or *FieldError for an operation that is not valid, or are plain
// errors when there is no proof of the request; the latter two send nothing.
func (c *Client) Operate(ctx context.Context, caller Caller, requested Requested, id ExecuteUUID,
	op Operation) (OperateReply, error) {
	if requested == nil || requested.RequestedSequence() < 1 {
		return OperateReply{}, errors.New("coc: operate: the request is not in the audit log; nothing was sent")
	}
	if err := op.Validate(); err != nil {
		return OperateReply{}, fmt.Errorf("operate on ticket %s: %w", id, err)
	}
	body, err := json.Marshal(operationBody{Type: op.Type, Batch: op.BatchIndex, Instance: op.InstanceID})
	if err != nil {
		return OperateReply{}, err
	}
	a, err := c.do(ctx, caller, request{call: callOperate, method: http.MethodPut, path: ticketPath(id, "/operation"),
		body: body})
	if err != nil {
		return OperateReply{}, fmt.Errorf("operate on ticket %s: %w", id, err)
	}
	defer a.done()
	reply, err := a.accepted(id)
	if err != nil {
		return OperateReply{}, fmt.Errorf("operate on ticket %s: %w", id, err)
	}
	return reply, nil
}

// accepted reads COC's answer to an operation on a ticket.
func (a answer) accepted(id ExecuteUUID) (OperateReply, error) {
	reply := OperateReply{Status: a.status, RequestID: a.requestID()}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return reply, nil
	}
	var shape map[string]any
	if err := json.Unmarshal(a.body, &shape); err != nil {
		return OperateReply{}, a.bad(callOperate, err)
	}
	data, told := shape["data"]
	reply.Data = bounded(a.secrets.Hide(upstream.Text(data)))
	switch {
	case upstream.Text(shape["error_code"]) != "":
		return OperateReply{}, a.bad(callOperate, errors.New("an error with a status of success"))
	case len(shape) > 0 && !told:
		return OperateReply{}, a.bad(callOperate, errors.New("the answer has no data"))
	case reply.Data != "" && reply.Data != string(id):
		return OperateReply{}, a.bad(callOperate, errOtherTicket)
	}
	return reply, nil
}

var errOtherTicket = errors.New("the answer names another ticket")

type operationBody struct {
	Type     OperationType `json:"operation_type"`
	Batch    int32         `json:"batch_index,omitempty"`
	Instance int64         `json:"instance_id,omitempty"`
}

// ListTickets reads one page of the ticket list. Failed tickets are asked for by
// the endpoint's own word, whichever of the two q names.
func (c *Client) ListTickets(ctx context.Context, caller Caller, q TicketQuery) (TicketPage, error) {
	if q.Status.Failed() && c.dialect.settled() {
		q.Status = c.dialect.words()[0]
	}
	page, err := c.listTickets(ctx, caller, q)
	if err != nil {
		return c.inOtherWord(ctx, caller, q, err)
	}
	return page, nil
}

// listTickets is one call. Times go out in milliseconds (docs/coc-api.md
// section 4.1).
func (c *Client) listTickets(ctx context.Context, caller Caller, q TicketQuery) (TicketPage, error) {
	v := url.Values{}
	set(v, "limit", int64(q.Limit))
	set(v, "marker", q.Marker)
	set(v, "start_time", millis(q.From))
	set(v, "end_time", millis(q.To))
	for name, value := range map[string]string{"creator": q.Creator, "status": string(q.Status),
		"name_like": q.NameLike} {
		if value != "" {
			v.Set(name, value)
		}
	}
	page, a, err := get[wireTicketPage](ctx, c, caller, request{call: "list tickets", path: ordersPath, query: v})
	if err != nil {
		return TicketPage{}, err
	}
	if !page.tells(q.Marker == 0) {
		return TicketPage{}, a.bad("list tickets", errors.New("the answer is no list"))
	}
	decoded := page.decode()
	for _, t := range decoded.Tickets {
		c.dialect.heard(t.Status)
	}
	return decoded, nil
}

// Ticket reads a ticket's basic information.
func (c *Client) Ticket(ctx context.Context, caller Caller, id ExecuteUUID) (Ticket, error) {
	w, a, err := get[wireTicket](ctx, c, caller, request{call: "show ticket", path: ticketPath(id, "")})
	if err != nil {
		return Ticket{}, fmt.Errorf("read ticket %s: %w", id, err)
	}
	if w.ExecuteUUID != "" && string(w.ExecuteUUID) != string(id) {
		return Ticket{}, fmt.Errorf("read ticket %s: %w", id, a.bad("show ticket", errOtherTicket))
	}
	t := w.decode(id)
	c.dialect.heard(t.Status)
	return t, nil
}

// Batches reads a ticket's batches, in COC's order.
func (c *Client) Batches(ctx context.Context, caller Caller, id ExecuteUUID) ([]Batch, error) {
	w, _, err := get[[]wireBatch](ctx, c, caller, request{call: "list batches", path: ticketPath(id, "/batches")})
	if err != nil {
		return nil, fmt.Errorf("read the batches of ticket %s: %w", id, err)
	}
	return decodeAll(w, wireBatch.decode), nil
}

// The limits of a batch's pages (docs/coc-api.md sections 4.4 and 11).
const (
	MaxInstanceLimit = 50
	maxInstances     = 200
)

// AllInstances reads a batch to its end; a row that comes twice counts once.
// It stops with an error when the pages do not advance, or hold more than a
// ticket can.
func (c *Client) AllInstances(ctx context.Context, caller Caller, id ExecuteUUID, batch int32) ([]Instance, error) {
	var all []Instance
	seen := map[int64]bool{}
	q := InstanceQuery{Batch: batch, Limit: MaxInstanceLimit}
	for {
		page, err := c.Instances(ctx, caller, id, q)
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, row := range page.Instances {
			if !seen[row.ID] {
				seen[row.ID] = true
				all = append(all, row)
			}
		}
		if len(page.Instances) == 0 || page.TotalInstances > 0 && len(all) >= int(page.TotalInstances) {
			return all, nil
		}
		if len(all) == before || len(all) > maxInstances {
			return nil, instancesError(id, batch, &Error{Call: "list instances", Kind: KindBadAnswer,
				Status: http.StatusOK, Cause: errors.New("the pages of a batch do not end")})
		}
		q.Marker = page.Instances[len(page.Instances)-1].ID
	}
}

func set(v url.Values, name string, n int64) {
	if n != 0 {
		v.Set(name, strconv.FormatInt(n, 10))
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
