package simulator

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"time"
)

// Effect is the way in which a fault shows.
type Effect int

// The effects of faults.
const (
	// Refuse answers with Status, Code and Message.
	Refuse Effect = iota
	// Slow only waits for Delay and Hold; the call then succeeds.
	Slow
	// HTMLBody answers with a page as proxies make them.
	HTMLBody
	// EmptyBody answers with no body.
	EmptyBody
	// HalfBody cuts the answer in the middle.
	HalfBody
	// WrongType sends the right body as text/html.
	WrongType
	// RedirectAway answers 302 (or Status) to another path of this server.
	RedirectAway
	// Reset breaks the connection without an answer.
	Reset
	// NoEffect accepts an operation that then never takes effect.
	NoEffect
	// OtherRow lets CANCEL_INSTANCE hit another row than was asked for
	// (docs/coc-api.md section 6.2).
	OtherRow
	// NewWords answers with states nobody knows, and with further fields.
	NewWords
)

// Fault disturbs calls. The most recently injected fault that covers a call
// wins.
type Fault struct {
	Kind   CallKind // AnyCall covers IAM as well
	Ticket string   // execute_uuid; empty = any
	Times  int      // calls that it hits; 0 = until it is removed
	Effect Effect

	// Status is the answer's. 0 means 500 for Refuse, and for HTMLBody and
	// EmptyBody the status that the call would have had.
	Status        int
	Code, Message string // of Refuse; without a Code there is no body
	// Gateway gives the refusal the gateway's shape, with a request_id, and
	// Keystone that of IAM; otherwise it is COC's.
	Gateway, Keystone bool
	RetryAfter        string // the header's value; empty = no header

	// Late lets the call take effect before the answer is lost or replaced.
	// Otherwise Refuse, RedirectAway, Reset, HTMLBody and EmptyBody leave no
	// effect.
	Late bool
	// Delay and Hold keep the call waiting, before its effect or, if Late,
	// after it. The call ends early when its client goes away.
	Delay time.Duration
	Hold  <-chan struct{}
}

type activeFault struct {
	Fault
	left int // 0 = no limit
}

// Inject adds a fault; remove takes it away and may be called repeatedly.
func (s *Simulator) Inject(f Fault) (remove func()) {
	active := &activeFault{f, f.Times}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, active)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(active)
	}
}

func (s *Simulator) drop(f *activeFault) {
	s.faults = slices.DeleteFunc(s.faults, func(g *activeFault) bool { return g == f })
}

// pick returns a copy of the fault that a call meets. The caller holds the lock.
func (s *Simulator) pick(c *call) *Fault {
	for _, f := range slices.Backward(s.faults) {
		if !f.Kind.covers(c.kind) || f.Ticket != "" && f.Ticket != c.uuid {
			continue
		}
		if f.left > 0 {
			if f.left--; f.left == 0 {
				s.drop(f)
			}
		}
		fault := f.Fault
		c.spoil = &fault
		return &fault
	}
	return nil
}

// happen is what a fault does before the call; false ends the call.
func (f *Fault) happen(w http.ResponseWriter, c *call) bool {
	if f.Late {
		return true
	}
	if !f.wait(c) {
		return false
	}
	a, replaced := f.replacement(c, nil)
	switch {
	case f.Effect == Reset:
		reset(w)
		return false
	case replaced:
		a.write(w, c.requestID)
		return false
	}
	return true
}

// spoil is what a fault does after the call; false ends the call.
func (f *Fault) spoil(w http.ResponseWriter, c *call, a *answer) bool {
	if f.Late && !f.wait(c) {
		return false
	}
	if f.Effect == Reset {
		reset(w)
		return false
	}
	if b, replaced := f.replacement(c, a); replaced {
		*a = b
		return true
	}
	switch f.Effect {
	case HalfBody:
		a.body = a.body[:len(a.body)/2]
	case WrongType:
		a.header["Content-Type"] = htmlType
	case NewWords:
		a.body = newWords(a.body)
	}
	return true
}

const page = "<html>\r\n<head><title>Error</title></head>\r\n<body>\r\n<center><h1>The service is being maintained</h1></center>\r\n</body>\r\n</html>\r\n"

// replacement is an answer that owes nothing to the call. is is the answer
// that it takes the place of, nil before the call.
func (f *Fault) replacement(c *call, is *answer) (answer, bool) {
	a := answer{status: f.Status, header: map[string]string{}}
	if a.status == 0 && is != nil {
		a.status = is.status
	}
	switch f.Effect {
	case Refuse:
		a = f.refusal(c)
	case RedirectAway:
		if f.Status == 0 {
			a.status = http.StatusFound
		}
		a.header["Location"] = "/login"
	case HTMLBody:
		a.header["Content-Type"], a.body = htmlType, []byte(page)
	case EmptyBody:
	default:
		return answer{}, false
	}
	if a.status == 0 { // HTMLBody and EmptyBody in the place of the call's own answer
		return answer{}, false
	}
	if f.RetryAfter != "" {
		a.header["Retry-After"] = f.RetryAfter
	}
	return a, true
}

func (f *Fault) refusal(c *call) answer {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	switch {
	case f.Keystone:
		return keystone(status, f.Message)
	case f.Code == "":
		return answer{status: status, header: map[string]string{}}
	case f.Gateway:
		return c.gateway(status, f.Code, f.Message)
	}
	return jsonAnswer(status, cocErrorBody{f.Code, f.Message})
}

// wait keeps the call waiting; false when its client went away.
func (f *Fault) wait(c *call) bool {
	gone := c.Context().Done()
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-gone:
			return false
		}
	}
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-gone:
			return false
		}
	}
	return true
}

// reset breaks the connection: the client sees neither an answer nor an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // not HTTP/1: the nearest thing is an answer without content
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset instead of a proper end
	}
	_ = conn.Close()
}

// newWords replaces every state by one nobody knows and adds fields.
func newWords(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return body
	}
	out, err := json.Marshal(withNewWords(v))
	if err != nil {
		return body
	}
	return out
}

func withNewWords(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withNewWords(v[i])
		}
	case map[string]any:
		for name, value := range v {
			v[name] = withNewWords(value)
		}
		for _, name := range []string{"status", "instance_status", "rotation_strategy"} {
			if _, ok := v[name].(string); ok {
				v[name] = "HIBERNATING"
			}
		}
		v["introduced_later"] = map[string]any{"list": []any{1, nil, "x"}}
	}
	return v
}
