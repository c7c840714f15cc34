package simulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"coc-console/internal/simulator/api"
)

// call is one request on its way through the simulator.
type call struct {
	*http.Request
	kind      CallKind
	uuid      string // of the ticket in the path
	batch     string // in the path, as it stands
	script    string // script_uuid in the path
	method    string // the only one that is served, HEAD aside
	requestID string
	claims    claims
	user      User
	account   Account
	fault     *Fault // changes the effect of an operation
	body      []byte
	bodyErr   error
}

// The gateway's limits (docs/coc-api.md section 11).
const (
	maxHeader = 32 << 10
	maxBody   = 12 << 20
	maxURI    = 32 << 10
)

// Handler serves IAM under /v3 and /v3.0, COC under /v1, and the company's provider under /idp.
func (s *Simulator) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	c := route(r)
	// The body is read first: only then net/http notices a client that goes away.
	c.body, c.bodyErr = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	fault := s.arrive(c)
	if fault == nil {
		s.answer(c).in(c).write(w, c.requestID)
		return
	}
	if fault.Effect == ExpireToken && !fault.Late {
		s.expire(c)
	}
	if !fault.happen(w, c) {
		return
	}
	a := s.answer(c).in(c)
	if fault.Effect == ExpireToken {
		s.expire(c)
	}
	switch {
	case !fault.alter(w, c, &a):
	case fault.Effect == Drip:
		fault.drip(w, c, a)
	default:
		a.write(w, c.requestID)
	}
}

const orders = "/v1/job/script/orders"

// route finds out which call it is.
func route(r *http.Request) *call {
	c := &call{Request: r, kind: CallUnknown, method: http.MethodGet}
	path := r.URL.Path
	switch path {
	case "/v3/auth/tokens":
		c.kind = CallIntrospect
		if r.Method == http.MethodPost {
			c.kind, c.method = CallSignIn, http.MethodPost
		}
		return c
	case "/v3.0/OS-CREDENTIAL/securitytokens":
		c.kind, c.method = CallTemporaryKeys, http.MethodPost
		return c
	case "/v3.0/OS-AUTH/id-token/tokens":
		c.kind, c.method = CallIDToken, http.MethodPost
		return c
	case "/v3/projects", "/v3/auth/projects":
		c.kind = CallProjects
		return c
	case "/v3/auth/domains":
		c.kind = CallDomains
		return c
	}
	if strings.HasPrefix(path, ProviderPath+"/") {
		c.kind = CallProvider
		return c
	}
	if c.routeScript(path) {
		return c
	}
	rest, ok := strings.CutPrefix(path, orders)
	part := strings.Split(rest, "/")
	switch {
	case !ok || rest != "" && (rest[0] != '/' || part[1] == ""):
		return c
	case rest == "":
		c.kind = CallListTickets
		return c
	}
	c.uuid = part[1]
	switch tail := part[2:]; {
	case len(tail) == 0:
		c.kind = CallShowTicket
	case len(tail) == 1:
		c.single(tail[0])
	case len(tail) == 2 && tail[0] == "batches":
		c.kind, c.batch = CallInstances, tail[1]
	}
	return c
}

func (c *call) single(name string) {
	switch name {
	case "batches":
		c.kind = CallBatches
	case "statistics":
		c.kind = CallStatistics
	case "operation":
		c.kind, c.method = CallOperate, http.MethodPut
	}
}

// arrive counts the call, names it and picks the fault that it meets.
func (s *Simulator) arrive(c *call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.kind]++
	s.requests++
	c.requestID = api.HexID(fmt.Sprintf("request/%d/%d", s.seed, s.requests))
	return s.pick(c)
}

func (s *Simulator) answer(c *call) answer {
	if a, ok := c.withinLimits(); !ok {
		return a
	}
	if a, unread := c.unread(); unread {
		return a
	}
	switch {
	case c.kind == CallSignIn:
		return s.signIn(c)
	case c.kind == CallIntrospect:
		return s.introspect(c)
	case c.kind == CallProvider:
		return s.provide(c)
	case c.kind == CallUnknown:
		return c.gateway(http.StatusNotFound, "APIGW.0101",
			"The API does not exist or has not been published in the environment.")
	case c.Method != c.method:
		// The gateway's code for a wrong method is not known.
		a := c.gateway(http.StatusMethodNotAllowed, "APIGW.0201", "The request method is not allowed.")
		a.header["Allow"] = c.method
		return a
	case c.kind == CallTemporaryKeys:
		return s.temporaryKeys(c)
	case c.kind == CallIDToken:
		return s.signInWithIDToken(c)
	case c.kind.ofCOC():
		return s.coc(c)
	}
	if a, ok := s.authenticate(c); !ok {
		return a
	}
	if c.kind == CallProjects {
		return s.projects(c)
	}
	return s.domains(c)
}

// withinLimits refuses what the gateway would not let through (docs/coc-api.md
// sections 10.4 and 11).
func (c *call) withinLimits() (answer, bool) {
	if len(c.RequestURI) > maxURI {
		return c.gateway(http.StatusRequestURITooLong, "APIGW.0201", "URI too long"), false
	}
	for _, values := range c.Header {
		for _, v := range values {
			if len(v) > maxHeader {
				return c.gateway(494, "APIGW.0201", "Request Header Or Cookie Too Large"), false
			}
		}
	}
	return answer{}, true
}

// unread refuses a body that is too large or broke off.
func (c *call) unread() (answer, bool) {
	var large *http.MaxBytesError
	switch {
	case errors.As(c.bodyErr, &large):
		return c.gateway(http.StatusRequestEntityTooLarge, "APIGW.0201", "Request Entity Too Large"), true
	case c.bodyErr != nil:
		return c.gateway(http.StatusBadRequest, "APIGW.0201", "Bad request"), true
	}
	return answer{}, false
}
