package simulator

import (
	"net/http"
	"strconv"
	"strings"

	"coc-console/internal/simulator/api"
)

// needs is the action that each call takes (docs/coc-api.md section 13.1).
func (k CallKind) needs() string {
	switch k {
	case CallListTickets:
		return actionList
	case CallOperate:
		return actionOperate
	default:
		if r, ok := scriptCalls[k]; ok {
			return r.action
		}
		return actionGet
	}
}

// coc answers a call to COC.
func (s *Simulator) coc(c *call) answer {
	if a, ok := s.authenticate(c); !ok {
		return a
	}
	if a, ok := c.authorize(c.kind.needs()); !ok {
		return a
	}
	var op Operation
	if c.kind == CallOperate {
		var refusal answer
		var ok bool
		if op, refusal, ok = s.readOperation(c); !ok {
			return refusal
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := scriptCalls[c.kind]; ok {
		return s.onScripts(c, r.answer)
	}
	if c.kind == CallListTickets {
		s.advance()
		return s.list(c)
	}
	if len(c.uuid) > 26 {
		return invalid()
	}
	t, ok := s.byUUID[c.uuid]
	if !ok {
		return ticketNotFound()
	}
	s.touch(t)
	return s.onTicket(c, t, op)
}

func (s *Simulator) onTicket(c *call, t *ticket, op Operation) answer {
	switch c.kind {
	case CallShowTicket:
		return data(t.info())
	case CallBatches:
		return data(t.batchList())
	case CallInstances:
		return t.instances(c)
	case CallStatistics:
		return data(t.statistics())
	default:
		return s.operate(c, t, op)
	}
}

func (c *call) query() *api.Query { return &api.Query{Values: c.URL.Query()} }

// filter is what a list is narrowed to (docs/coc-api.md section 4.1).
type filter struct {
	marker, from, to      int64
	creator, status, name string
}

func (f filter) matches(t *ticket) bool {
	created := t.created.UnixMilli()
	return created >= f.from && created <= f.to &&
		(f.creator == "" || t.spec.Creator == f.creator) && (f.status == "" || t.word() == f.status) &&
		strings.Contains(strings.ToLower(t.spec.Name), f.name)
}

// listable are the states that a list may be narrowed to; European pages have
// others (docs/coc-api.md section 14.1).
func (r Rules) listable() []string {
	switch {
	case r.ErrorForAbnormal:
		return []string{ready, processing, inError, paused, canceled, finished, rolledBack}
	case r.RollBack:
		return []string{processing, abnormal, paused, canceled, finished, rolledBack}
	}
	return []string{processing, abnormal, paused, canceled, finished}
}

// list is docs/coc-api.md section 4.1. READY is no longer a filter value.
func (s *Simulator) list(c *call) answer {
	q := c.query()
	limit := q.Number("limit", 1, 100, 10)
	f := filter{marker: q.Number("marker", 1, 1<<31-1, api.Never), from: q.Number("start_time", 1, api.Never, 0),
		to: q.Number("end_time", 1, api.Never, api.Never), creator: q.Text("creator", 64),
		status: q.OneOf("status", s.rules.listable()...),
		name:   strings.ToLower(q.Text("name_like", 64))}
	if q.Bad {
		return invalid()
	}
	page := listBody{Data: []summaryBody{}}
	for _, t := range s.tickets {
		if !f.matches(t) {
			continue
		}
		page.Total++
		if t.orderID < f.marker && int64(len(page.Data)) < limit {
			if !t.known {
				s.touch(t)
			}
			page.Data = append(page.Data, t.summary())
		}
	}
	return data(page)
}

// instances is docs/coc-api.md section 4.4: limit is required, and what is
// above 50 is taken as 50.
func (t *ticket) instances(c *call) answer {
	index, err := strconv.ParseInt(c.batch, 10, 32)
	if err != nil || index < 1 || index > 20 {
		return invalid()
	}
	q := c.query()
	if !q.Has("limit") {
		return missing("limit")
	}
	limit, marker := min(q.Number("limit", 1, 1<<31-1, 0), 50), q.Number("marker", 0, 1<<63-1, 0)
	status := q.OneOf("status", ready, processing, abnormal, canceled, finished)
	switch {
	case q.Bad:
		return invalid()
	case int(index) > len(t.batches):
		return cocError(api.CodeState, "The batch does not exist in the order.", "工单中不存在该批次。")
	}
	b := t.batches[index-1]
	page := instancesBody{BatchIndex: b.index, TotalInstances: len(b.rows), Instances: []instanceBody{}}
	for _, r := range b.rows {
		if r.id > marker && (status == "" || r.status == status) && int64(len(page.Instances)) < limit {
			page.Instances = append(page.Instances, t.instance(r))
		}
	}
	return data(page)
}

// say picks the language of a text (docs/coc-api.md section 1.3).
func (c *call) say(en, zh string) string {
	if c.chinese() {
		return zh
	}
	return en
}

func (c *call) chinese() bool { return strings.EqualFold(c.Header.Get("X-Language"), "zh-cn") }

// method 415: COC's own code for a wrong content type is not known.
func (c *call) jsonBody() bool {
	t := strings.ToLower(c.Header.Get("Content-Type"))
	return t == "" || strings.HasPrefix(t, "application/json")
}

func (c *call) unsupported() answer {
	return c.gateway(http.StatusUnsupportedMediaType, "APIGW.0201", "Unsupported media type")
}
