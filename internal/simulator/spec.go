package simulator

import (
	"fmt"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/scripts"
)

// TicketSpec says what a ticket runs and how its run turns out. The run itself
// follows from the clock and the operations.
type TicketSpec struct {
	Scenario    string        `json:"scenario"` // a name for tests, faults and people; empty for the crowd
	Name        string        `json:"name"`     // of the script and of the ticket
	Creator     string        `json:"creator"`  // user name
	Age         time.Duration `json:"age"`
	Timeout     time.Duration `json:"timeout"`      // per instance, 5 s < Timeout < 1800 s
	SuccessRate float64       `json:"success_rate"` // 1..100
	ExecuteUser string        `json:"execute_user"` // empty = root
	Params      []ParamSpec   `json:"params"`
	Batches     []BatchSpec   `json:"batches"`
	// Operations were accepted in the past, in this order.
	Operations []PastOperation `json:"operations"`
}

// ParamSpec is a script parameter. COC shows sensitive values masked.
type ParamSpec = scripts.Param

// PastOperation was accepted that long after the ticket's creation.
type PastOperation struct {
	After time.Duration `json:"after"`
	Operation
}

// BatchSpec is one batch; Pause is its rotation strategy.
type BatchSpec struct {
	Pause     bool           `json:"pause"`
	Instances []InstanceSpec `json:"instances"`
}

// InstanceSpec is one server and what happens on it.
type InstanceSpec struct {
	ID          int64  `json:"id"`    // 0 = the next free one
	Count       int    `json:"count"` // as many servers, their hosts numbered from 1; 0 = this one
	Host        string `json:"host"`
	IP          string `json:"ip"`
	Region      string `json:"region"`
	Zone        string `json:"zone"`
	Application string `json:"application"`

	Dispatch time.Duration `json:"dispatch"`  // from the start of the batch to the agent's start of the script
	Run      time.Duration `json:"run"`       // of the script, or until an offline agent is found out
	ExitCode int           `json:"exit_code"` // other than 0: the instance fails
	Offline  bool          `json:"offline"`   // the agent is not there
	Log      string        `json:"log"`       // what the script prints, evenly over Run

	// LInstance makes it a server of the kind HCSS, L-INSTANCE; Attributes come
	// back with it.
	LInstance  bool        `json:"l_instance"`
	Attributes []Attribute `json:"custom_attributes"`

	log func() string // makes what Log does not hold
	// logAfter makes what is there after a time, where that is not even.
	logAfter func(after time.Duration) string
}

// Attribute is a label of a server in one execution.
type Attribute = scripts.Attribute

// expand makes Count servers of one.
func (p InstanceSpec) expand() []InstanceSpec {
	if p.Count < 1 {
		return []InstanceSpec{p}
	}
	list := make([]InstanceSpec, p.Count)
	for i := range list {
		list[i] = p
		list[i].Host = fmt.Sprintf("%s-%d", p.Host, i+1)
		if p.IP == "" {
			n := api.Hash(list[i].Host)
			list[i].IP = fmt.Sprintf("10.%d.%d.%d", n%256, n/256%256, 1+n/65536%250)
		}
		if p.ID > 0 {
			list[i].ID += int64(i)
		}
	}
	return list
}

func (p InstanceSpec) prints() string {
	switch {
	case p.logAfter != nil:
		return p.logAfter(p.Run)
	case p.log != nil:
		return p.log()
	}
	return p.Log
}

// The system lines of a log. The first was seen live; the second is invented
// (docs/coc-api.md section 8.2).
const (
	timeoutLine = "[SYSTEM INFO] script job execute timeout."
	offlineLine = "[SYSTEM INFO] the agent is offline."
)

func (p InstanceSpec) timesOut(timeout time.Duration) bool {
	return !p.Offline && timeout > 0 && p.Run > timeout
}

func (p InstanceSpec) lasts(timeout time.Duration) time.Duration {
	if p.timesOut(timeout) {
		return timeout
	}
	return p.Run
}

func (p InstanceSpec) outcome(timeout time.Duration) string {
	if p.Offline || p.ExitCode != 0 || p.timesOut(timeout) {
		return abnormal
	}
	return finished
}

// message is the log of a row at a time, ok false where there is none yet.
func (m *machine) message(r *row) (text string, ok bool) {
	if r.started.IsZero() {
		return "", false
	}
	until := r.ended
	if r.status == processing {
		until = m.at
	}
	switch {
	case r.failed() && r.plan.Offline:
		return offlineLine, true
	case r.failed() && r.plan.timesOut(m.timeout):
		return r.plan.printed(m.timeout) + "\n\n" + timeoutLine, true
	case r.status == processing || r.status == canceled:
		return r.plan.printed(until.Sub(r.started)), true
	}
	return r.plan.prints(), true
}

// printed is the part of the log that is there after a time: whole lines.
func (p InstanceSpec) printed(after time.Duration) string {
	if p.Offline || p.Run <= 0 {
		return ""
	}
	if p.logAfter != nil {
		return p.logAfter(after)
	}
	text := p.prints()
	lines := strings.Count(text, "\n") + 1
	show := int(float64(lines) * float64(after) / float64(p.Run))
	end := 0
	for range min(show, lines) {
		n := strings.IndexByte(text[end:], '\n')
		if n < 0 {
			return text
		}
		end += n + 1
	}
	return strings.TrimSuffix(text[:end], "\n")
}
