package simulator

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
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
		return r.answer(s, c)
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

// query reads the parameters of a call and remembers whether one was wrong.
type query struct {
	values map[string][]string
	bad    bool
}

func (c *call) query() *query { return &query{values: c.URL.Query()} }

func (q *query) text(name string, longest int) string {
	v := q.values[name]
	if len(v) == 0 {
		return ""
	}
	if n := utf8.RuneCountInString(v[0]); n < 1 || n > longest {
		q.bad = true
	}
	return v[0]
}

// number reads a whole number; absent ones are fallback.
func (q *query) number(name string, least, most, fallback int64) int64 {
	v := q.values[name]
	if len(v) == 0 {
		return fallback
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil || n < least || n > most {
		q.bad = true
	}
	return n
}

func (q *query) oneOf(name string, allowed ...string) string {
	v := q.values[name]
	if len(v) == 0 {
		return ""
	}
	for _, a := range allowed {
		if v[0] == a {
			return a
		}
	}
	q.bad = true
	return ""
}

// filter is what a list is narrowed to (docs/coc-api.md section 4.1).
type filter struct {
	marker, from, to      int64
	creator, status, name string
}

func (f filter) matches(t *ticket) bool {
	created := t.created.UnixMilli()
	return created >= f.from && created <= f.to &&
		(f.creator == "" || t.spec.Creator == f.creator) && (f.status == "" || t.status == f.status) &&
		strings.Contains(strings.ToLower(t.spec.Name), f.name)
}

const never = 1<<63 - 1

// list is docs/coc-api.md section 4.1. READY is no longer a filter value.
func (s *Simulator) list(c *call) answer {
	q := c.query()
	limit := q.number("limit", 1, 100, 10)
	f := filter{marker: q.number("marker", 1, 1<<31-1, never), from: q.number("start_time", 1, never, 0),
		to: q.number("end_time", 1, never, never), creator: q.text("creator", 64),
		status: q.oneOf("status", processing, abnormal, paused, canceled, finished),
		name:   strings.ToLower(q.text("name_like", 64))}
	if q.bad {
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
	if len(q.values["limit"]) == 0 {
		return missing("limit")
	}
	limit, marker := min(q.number("limit", 1, 1<<31-1, 0), 50), q.number("marker", 0, 1<<63-1, 0)
	status := q.oneOf("status", ready, processing, abnormal, canceled, finished)
	switch {
	case q.bad:
		return invalid()
	case int(index) > len(t.batches):
		return cocError(codeState, c.say("The batch does not exist in the order.", "工单中不存在该批次。"))
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
	if strings.EqualFold(c.Header.Get("X-Language"), "zh-cn") {
		return zh
	}
	return en
}

// method 415: COC's own code for a wrong content type is not known.
func (c *call) jsonBody() bool {
	t := strings.ToLower(c.Header.Get("Content-Type"))
	return t == "" || strings.HasPrefix(t, "application/json")
}

func (c *call) unsupported() answer {
	return c.gateway(http.StatusUnsupportedMediaType, "APIGW.0201", "Unsupported media type")
}
