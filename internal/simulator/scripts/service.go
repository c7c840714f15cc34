// Package scripts stands in for the calls of COC that a script console does not
// make itself: script definitions, execution, and the inventory of servers
// (docs/coc-api.md section 5). It knows no HTTP and no tickets: a call hands in
// what was sent, and what an execution starts is the simulator's.
package scripts

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/url"
	"time"

	"coc-console/internal/simulator/api"
)

// Rules are the switches of the simulator that concern scripts.
type Rules struct {
	NumericEnterprise bool // enterprise_project_id is a number in the list of scripts
	RefuseOffline     bool // nothing is executed on a server whose agent is offline
}

// Service holds the scripts and the servers. It is not safe for concurrent use.
type Service struct {
	// Rand gives the ids of scripts, and of the tickets that they become.
	Rand *rand.Rand

	now       func() time.Time
	rules     Rules
	library   *library
	inventory []*Server
}

// New returns a Service with the demo scripts, by that creator, and with the
// servers and some more.
func New(seed uint64, now func() time.Time, rules Rules, creator User, servers []Server) *Service {
	return &Service{Rand: rand.New(rand.NewPCG(seed, 6)), now: now, rules: rules,
		library: newLibrary(creator), inventory: newInventory(servers)}
}

// User is whoever makes a call, or has created a script.
type User struct{ Name, ID string }

// Call is one call on scripts or on the inventory.
type Call struct {
	Script  string // script_uuid of the path
	Query   url.Values
	Body    []byte
	JSON    bool // of the content type
	Chinese bool // the language that is asked for
	User    User

	AccountID string
	ProjectID func(region string) string
	// Full says that there is no room for another ticket.
	Full bool
	// Start makes a ticket of an execution and returns its uuid.
	Start func(Execution) (uuid string)
}

// ErrContentType refuses a body that is not said to be JSON.
var ErrContentType = errors.New("scripts: the body is no JSON")

func (c *Call) query() *api.Query { return &api.Query{Values: c.Query} }

// say picks the language of a text (docs/coc-api.md section 1.3).
func (c *Call) say(en, zh string) string {
	if c.Chinese {
		return zh
	}
	return en
}

// readBody reads a JSON object; unknown fields are ignored.
func readBody[T any](c *Call) (T, error) {
	var body T
	if !c.JSON {
		return body, ErrContentType
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(c.Body, &object) != nil || object == nil || json.Unmarshal(c.Body, &body) != nil {
		return body, api.Invalid()
	}
	return body, nil
}

// Servers are the servers of the inventory, also those that a sync makes known.
func (s *Service) Servers() []Server {
	list := make([]Server, len(s.inventory))
	for i, v := range s.inventory {
		list[i] = *v
	}
	return list
}
