package coc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
)

// dialect is which word an endpoint has for a ticket that has failed, ABNORMAL
// or ERROR (docs/coc-api.md section 14.1). Nothing tells it beforehand: it is
// learnt from the states of tickets, and from a list that refuses to be
// narrowed to one of the words.
type dialect struct {
	saysAbnormal, saysError       atomic.Bool
	refusesAbnormal, refusesError atomic.Bool
}

// europe ends the host names of the European site (docs/coc-api.md section 1).
const europe = ".myhuaweicloud.eu"

// newDialect is what a host's name tells.
func newDialect(host string) *dialect {
	d := &dialect{}
	d.saysError.Store(strings.HasSuffix(host, europe))
	return d
}

// heard learns from the state of a ticket.
func (d *dialect) heard(s TicketStatus) {
	switch s {
	case TicketAbnormal:
		d.saysAbnormal.Store(true)
	case TicketError:
		d.saysError.Store(true)
	default: // the same everywhere
	}
}

// words are those that tickets may be listed by, the likelier one first.
func (d *dialect) words() []TicketStatus {
	switch {
	case d.refusesAbnormal.Load():
		return []TicketStatus{TicketError}
	case d.refusesError.Load() || !d.saysError.Load():
		return []TicketStatus{TicketAbnormal}
	case d.saysAbnormal.Load():
		return []TicketStatus{TicketAbnormal, TicketError}
	}
	return []TicketStatus{TicketError, TicketAbnormal}
}

// settled reports that the endpoint has refused one of the words.
func (d *dialect) settled() bool { return d.refusesAbnormal.Load() || d.refusesError.Load() }

// refused learns that a list may be narrowed to one of the words alone.
func (d *dialect) refused(word TicketStatus) {
	d.refusesAbnormal.Store(word == TicketAbnormal)
	d.refusesError.Store(word == TicketError)
}

// FailedStatuses are the words by which the endpoint lists tickets that have
// failed, as far as that is known now: as a rule one, at most two.
func (c *Client) FailedStatuses() []TicketStatus { return c.dialect.words() }

// inOtherWord asks for the failed tickets by the other word, where the list
// refused to be narrowed to the one that was asked for.
func (c *Client) inOtherWord(ctx context.Context, caller Caller, q TicketQuery, refused error) (TicketPage, error) {
	other := TicketAbnormal
	if q.Status == TicketAbnormal {
		other = TicketError
	}
	if e, ok := errors.AsType[*Error](refused); !ok || !q.Status.Failed() || e.Status != http.StatusBadRequest {
		return TicketPage{}, refused
	}
	word := q.Status
	q.Status = other
	page, err := c.listTickets(ctx, caller, q)
	if err != nil {
		return TicketPage{}, refused // that was not why
	}
	c.dialect.refused(word)
	return page, nil
}
