package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Groups are the roles and teams that count in a decision: of who asks, and the teams of the ticket's creator.
type Groups struct{ Roles, Teams, TicketTeams []string }

// Input is everything that a decision was made from but the person and the ticket's key, which a record has anyway. Its
// text is in the record of the decision, so that it can be made again.
type Input struct {
	Version   int          `json:"v"`
	Action    Action       `json:"action"`
	Roles     []string     `json:"roles,omitempty"`
	Teams     []string     `json:"teams,omitempty"`
	Ticket    *InputTicket `json:"ticket,omitempty"`
	Reason    bool         `json:"reason,omitempty"`
	Counted   bool         `json:"counted,omitempty"`
	Approved  bool         `json:"approved,omitempty"`
	Override  bool         `json:"override,omitempty"`
	Bulk      int          `json:"bulk,omitempty"`      // above 1
	At        time.Time    `json:"at"`                  // in the zone in which hours and days counted
	Shortened bool         `json:"shortened,omitempty"` // something of the ticket was left out
	Calendar  []string     `json:"calendar,omitempty"`  // the names of the windows in force
}

// InputTicket is the ticket of an Input.
type InputTicket struct {
	Name         string   `json:"name,omitempty"`
	Creator      string   `json:"creator,omitempty"`
	Account      string   `json:"account,omitempty"`
	Project      string   `json:"project,omitempty"`
	Status       string   `json:"status,omitempty"`
	Teams        []string `json:"teams,omitempty"`
	Regions      []string `json:"regions,omitempty"`
	Zones        []string `json:"zones,omitempty"`
	Applications []string `json:"applications,omitempty"`
	Total        int      `json:"total,omitempty"`
	Stops        int      `json:"stops,omitempty"`
	Running      int      `json:"running,omitempty"`
	Requester    string   `json:"requester,omitempty"`
}

const inputVersion = 1

// maxInput bounds an input's text as a record keeps it, where each quote takes two bytes (the log keeps more).
const maxInput = 3 << 10

// Input is what the decision was made from, as text: the same for the same question. Empty for a decision that nobody
// asked the rules for.
func (d Decision) Input() string {
	if d.Asked.Action == "" {
		return ""
	}
	in := inputOf(d.Asked, d.Groups)
	if d.Hides() { // whoever may not see the ticket reads their own records
		in.Shortened, in.Ticket = true, nil
	}
	text := in.String()
	if t := in.Ticket; quoted(text) > maxInput && t != nil {
		in.Shortened, t.Regions, t.Zones, t.Applications = true, nil, nil, nil
		text = in.String()
	}
	if quoted(text) > maxInput {
		return Input{Version: inputVersion, Action: in.Action, At: in.At, Shortened: true}.String()
	}
	return text
}

// Hides reports whether the decision keeps a ticket from somebody's eyes.
func (d Decision) Hides() bool { return d.Asked.Action == View && !d.Allowed }

func inputOf(q Request, g Groups) Input {
	in := Input{Version: inputVersion, Action: q.Action, Roles: g.Roles, Teams: g.Teams, Reason: q.Reason,
		Counted: q.Counted, Approved: q.Approved, Override: q.Override, At: q.At.Round(0), Calendar: q.Windows}
	if q.Bulk > 1 {
		in.Bulk = q.Bulk
	}
	if t := q.Ticket; t != nil {
		in.Ticket = &InputTicket{Name: t.Name, Creator: t.Creator, Account: t.Account, Project: t.Project, Status: t.Status,
			Teams: g.TicketTeams, Regions: t.Regions, Zones: t.Zones, Applications: t.Applications, Total: t.Total,
			Stops: t.Stops, Running: t.Running, Requester: t.Requester}
	}
	return in
}

// String is the input's one text.
func (in Input) String() string {
	text, err := json.Marshal(in)
	if err != nil { // a time beyond the year 9999
		return ""
	}
	return string(text)
}

// quoted is how many bytes a text takes within JSON, or more.
func quoted(text string) int {
	n := len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c == '<', c == '>', c == '&':
			n += 5
		case c == '"', c == '\\':
			n++
		}
	}
	return n
}

// ErrNoInput says that a record has no input, or not all of it: its decision can't be made again.
var ErrNoInput = errors.New("the record doesn't have what its decision was made from")

// ParseInput reads what Decision.Input wrote. Errors are ErrNoInput, or wrap it.
func ParseInput(text string) (Input, error) {
	if text == "" {
		return Input{}, ErrNoInput
	}
	var in Input
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return in, fmt.Errorf("%w: %w", ErrNoInput, err)
	}
	if in.Version != inputVersion || in.Shortened {
		return in, ErrNoInput
	}
	return in, nil
}

// Request is the question again: of the person and about the ticket that the record names.
func (in Input) Request(who Person, ticket string) Request {
	q := Request{Person: who, Action: in.Action, Circumstances: Circumstances{Reason: in.Reason, Counted: in.Counted,
		Approved: in.Approved, Override: in.Override, Bulk: in.Bulk, At: in.At}}
	q.Groups = &Groups{Roles: in.Roles, Teams: in.Teams}
	q.Windows = append([]string{}, in.Calendar...) // those of then, or none
	if t := in.Ticket; t != nil {
		q.Groups.TicketTeams = t.Teams
		q.Ticket = &Ticket{ID: ticket, Name: t.Name, Creator: t.Creator, Account: t.Account, Project: t.Project,
			Status: t.Status, Regions: t.Regions, Zones: t.Zones, Applications: t.Applications, Total: t.Total,
			Stops: t.Stops, Running: t.Running, Requester: t.Requester}
	}
	return q
}
