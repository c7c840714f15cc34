package simulator

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAdminBody bounds what the admin address reads.
const maxAdminBody = 1 << 20

// AdminHandler steers the simulator; README.md lists its calls. It asks for no
// credentials, so it belongs on loopback. Bodies are strict JSON and need the
// content type application/json, which keeps foreign web pages out.
func (s *Simulator) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(*http.Request) answer{
		"GET /calls":          s.adminCalls,
		"DELETE /calls":       s.adminForget,
		"GET /faults":         s.adminFaults,
		"PUT /faults":         s.adminSetFaults,
		"DELETE /faults":      s.adminNoFaults,
		"GET /clock":          s.adminClock,
		"POST /clock":         s.adminStep,
		"GET /tickets":        s.adminTickets,
		"POST /tokens/revoke": s.adminRevoke,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxAdminBody)
			serve(r).write(w, "")
		})
	}
	return mux
}

type adminError struct {
	Error string `json:"error"`
}

func adminRefuses(status int, why string) answer { return jsonAnswer(status, adminError{why}) }

// readAdmin reads a strict body; ok false comes with the answer.
func readAdmin(r *http.Request, to any) (answer, bool) {
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); t != "application/json" {
		return adminRefuses(http.StatusUnsupportedMediaType, "the content type is not application/json"), false
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return adminRefuses(http.StatusRequestEntityTooLarge, "the body is larger than 1 MB"), false
	case err != nil:
		return adminRefuses(http.StatusBadRequest, "the body broke off"), false
	}
	if err := decodeStrict(body, to); err != nil {
		return adminRefuses(http.StatusBadRequest, err.Error()), false
	}
	return answer{}, true
}

func (s *Simulator) adminCalls(*http.Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return jsonAnswer(http.StatusOK, map[string]any{"calls": maps.Clone(s.calls)})
}

func (s *Simulator) adminForget(*http.Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	return jsonAnswer(http.StatusOK, map[string]any{"calls": s.calls})
}

// faultBody is a fault as it stands.
type faultBody struct {
	Call        CallKind `json:"call"`
	Ticket      string   `json:"ticket,omitempty"`
	Effect      Effect   `json:"effect"`
	Left        int      `json:"left,omitempty"` // calls that it will still hit; absent = no limit
	Hits        int      `json:"hits"`
	Probability float64  `json:"probability,omitempty"`
	Status      int      `json:"status,omitempty"`
	Code        string   `json:"code,omitempty"`
	Message     string   `json:"message,omitempty"`
	Gateway     bool     `json:"gateway,omitempty"`
	Keystone    bool     `json:"keystone,omitempty"`
	RetryAfter  string   `json:"retry_after,omitempty"`
	Late        bool     `json:"late,omitempty"`
	Delay       string   `json:"delay,omitempty"`
	Tail        string   `json:"tail,omitempty"`
	Pace        string   `json:"pace,omitempty"`
}

func (f *activeFault) body() faultBody {
	span := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return faultBody{Call: f.Kind, Ticket: f.Ticket, Effect: f.Effect, Left: f.left, Hits: f.hits,
		Probability: f.Probability,
		Status:      f.Status, Code: f.Code, Message: f.Message, Gateway: f.Gateway, Keystone: f.Keystone,
		RetryAfter: f.RetryAfter, Late: f.Late, Delay: span(f.Delay), Tail: span(f.Tail), Pace: span(f.Pace)}
}

func (s *Simulator) adminFaults(*http.Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []faultBody{}
	for _, f := range s.faults {
		list = append(list, f.body())
	}
	return jsonAnswer(http.StatusOK, map[string]any{"faults": list})
}

// adminSetFaults replaces all faults, wherever they came from.
func (s *Simulator) adminSetFaults(r *http.Request) answer {
	var body struct {
		Faults []Fault `json:"faults"`
	}
	if a, ok := readAdmin(r, &body); !ok {
		return a
	}
	if err := checkFaults(body.Faults); err != nil {
		return adminRefuses(http.StatusBadRequest, err.Error())
	}
	s.setFaults(body.Faults)
	return s.adminFaults(r)
}

func (s *Simulator) adminNoFaults(r *http.Request) answer {
	s.setFaults(nil)
	return s.adminFaults(r)
}

func (s *Simulator) setFaults(faults []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	for _, f := range faults {
		s.faults = append(s.faults, &activeFault{Fault: f, left: f.Times})
	}
}

func (s *Simulator) adminClock(*http.Request) answer {
	body := map[string]any{"now": s.now().UTC().Format(time.RFC3339Nano)}
	if s.clock != nil {
		body["speed"] = s.clock.Speed()
	}
	return jsonAnswer(http.StatusOK, body)
}

// adminStep sets the speed, then steps.
func (s *Simulator) adminStep(r *http.Request) answer {
	var body struct {
		Step  time.Duration `json:"step"`
		Speed *float64      `json:"speed"`
	}
	if a, ok := readAdmin(r, &body); !ok {
		return a
	}
	if s.clock == nil {
		return adminRefuses(http.StatusConflict, "the clock is not the simulator's own")
	}
	if body.Speed != nil {
		if err := s.clock.SetSpeed(*body.Speed); err != nil {
			return adminRefuses(http.StatusBadRequest, err.Error())
		}
	}
	if err := s.clock.Step(body.Step); err != nil {
		return adminRefuses(http.StatusBadRequest, err.Error())
	}
	return s.adminClock(r)
}

type ticketBody struct {
	Scenario string `json:"scenario,omitempty"`
	UUID     string `json:"execute_uuid"`
	Name     string `json:"name"`
	Creator  string `json:"creator"`
	Status   string `json:"status"`
	Batch    int    `json:"current_batch"`
}

// adminTickets lists the named tickets first, then the newest, 100 unless
// limit says otherwise.
func (s *Simulator) adminTickets(r *http.Request) answer {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxListed {
			return adminRefuses(http.StatusBadRequest, "limit is 1 to 1000")
		}
		limit = n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	list := []ticketBody{}
	for _, named := range []bool{true, false} {
		for _, t := range s.tickets {
			if len(list) < limit && (t.spec.Scenario != "") == named {
				list = append(list, s.ticketBody(t))
			}
		}
	}
	return jsonAnswer(http.StatusOK, map[string]any{"total": len(s.tickets), "tickets": list})
}

const maxListed = 1000

func (s *Simulator) ticketBody(t *ticket) ticketBody {
	if !t.known {
		s.touch(t)
	}
	return ticketBody{t.spec.Scenario, t.uuid, t.spec.Name, t.spec.Creator, t.status, t.current}
}

// adminRevoke is Revoke, or RevokeUser with an account.
func (s *Simulator) adminRevoke(r *http.Request) answer {
	var body struct {
		Account string `json:"account"`
		User    string `json:"user"`
	}
	if a, ok := readAdmin(r, &body); !ok {
		return a
	}
	found := 0
	for _, a := range s.accounts {
		if (body.Account == "" || body.Account == a.Name) && s.RevokeUser(a.Name, body.User) {
			found++
		}
	}
	if found == 0 {
		return adminRefuses(http.StatusNotFound, "there is no such user")
	}
	return jsonAnswer(http.StatusOK, map[string]any{"users": found})
}
