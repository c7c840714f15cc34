package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// executeBody is docs/coc-api.md section 5.1. Deprecated fields are ignored.
type executeBody struct {
	Param *struct {
		Timeout     *float64       `json:"timeout"`
		SuccessRate *float64       `json:"success_rate"`
		User        string         `json:"execute_user"`
		Params      []executeParam `json:"script_params"`
	} `json:"execute_param"`
	Batches []executeBatch `json:"execute_batches"`
}

type executeParam struct {
	Name  string  `json:"param_name"`
	Value *string `json:"param_value"`
	Refer *struct {
		Type    string          `json:"refer_type"`
		ID      string          `json:"param_id"`
		Version json.RawMessage `json:"param_version"`
	} `json:"param_refer"`
}

type executeBatch struct {
	Index    *int            `json:"batch_index"`
	Rotation string          `json:"rotation_strategy"`
	Targets  []executeTarget `json:"target_instances"`
}

type executeTarget struct {
	ResourceID string `json:"resource_id"`
	RegionID   string `json:"region_id"`
	Provider   string `json:"provider"`
	Type       string `json:"type"`
	Attributes []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"custom_attributes"`
}

const ecs, cloudServer = "ECS", "CLOUDSERVER"

func (t executeTarget) provider() string {
	if t.Provider == "" {
		return ecs
	}
	return t.Provider
}

// check holds one server of a body against its limits.
func (t executeTarget) check() (answer, bool) {
	switch {
	case t.ResourceID == "":
		return missing("resource_id"), false
	case t.RegionID == "":
		return missing("region_id"), false
	case !t.fits():
		return invalid(), false
	}
	return answer{}, true
}

func (t executeTarget) fits() bool {
	for _, a := range t.Attributes {
		if a.Key == "" || length(a.Key) > 10 || length(a.Value) > 20 {
			return false
		}
	}
	return len(t.ResourceID) <= 64 && len(t.RegionID) <= 32 &&
		len(t.Attributes) <= 5 && (t.Type == "" || t.Type == cloudServer) && strings.EqualFold(t.provider(), ecs)
}

// targetUnknown is in the words of docs/coc-api.md section 10.3.
func targetUnknown(t executeTarget) answer {
	return cocError("COC.00040702", fmt.Sprintf("Target instance is not exist. resource id: [%s], provider: [%s], type: [%s].",
		t.ResourceID, t.provider(), cloudServer))
}

// check holds an execution against the limits of docs/coc-api.md sections 5.1
// and 11.
func (b executeBody) check() (answer, bool) {
	switch {
	case b.Param == nil:
		return missing("execute_param"), false
	case b.Param.Timeout == nil:
		return missing("timeout"), false
	case b.Param.SuccessRate == nil:
		return missing("success_rate"), false
	case b.Param.User == "":
		return missing("execute_user"), false
	case len(b.Batches) == 0:
		return missing("execute_batches"), false
	case b.timeout() == 0 || b.rate() == 0 || length(b.Param.User) > 32 || len(b.Param.Params) > maxParams || len(b.Batches) > maxBatches:
		return invalid(), false
	}
	if refusal, ok := b.checkParams(); !ok {
		return refusal, false
	}
	for i, batch := range b.Batches {
		if refusal, ok := batch.check(i + 1); !ok {
			return refusal, false
		}
	}
	return answer{}, true
}

// check holds the batch that is to have a number against its limits. That
// batches are numbered in order from 1 is inferred.
func (b executeBatch) check(index int) (answer, bool) {
	switch {
	case b.Index == nil:
		return missing("batch_index"), false
	case b.Rotation == "":
		return missing("rotation_strategy"), false
	case len(b.Targets) == 0:
		return missing("target_instances"), false
	case *b.Index != index || b.Rotation != "CONTINUE" && b.Rotation != "PAUSE" || len(b.Targets) > maxBatch:
		return invalid(), false
	}
	for _, t := range b.Targets {
		if refusal, ok := t.check(); !ok {
			return refusal, false
		}
	}
	return answer{}, true
}

const maxBatches = 20

// timeout is 0 outside 5 s < timeout < 1800 s, or when it is no whole number.
func (b executeBody) timeout() time.Duration {
	n := *b.Param.Timeout
	if n <= 5 || n >= 1800 || n != math.Trunc(n) {
		return 0
	}
	return time.Duration(n) * time.Second
}

// rate is 0 outside 1..100, or with more than one decimal.
func (b executeBody) rate() float64 {
	f := *b.Param.SuccessRate
	if f < 1 || f > 100 || math.Abs(f*10-math.Round(f*10)) > 1e-9 {
		return 0
	}
	return f
}

// referVersion is the version of a stored parameter: the SDK sends a string or
// nothing. That "1..10" is the length of the string is inferred; the number that
// it may also mean is accepted.
var referVersion = regexp.MustCompile(`^$|^null$|^"[^"\\]{1,10}"$|^([1-9]|10)$`)

func (b executeBody) checkParams() (answer, bool) {
	names := map[string]bool{}
	for _, p := range b.Param.Params {
		switch {
		case p.Name == "":
			return missing("param_name"), false
		case names[p.Name] || !paramName.MatchString(p.Name):
			return invalid(), false
		case p.Refer != nil && (p.Refer.Type != "PARAM_STORE" || p.Refer.ID == "" || !referVersion.Match(p.Refer.Version)):
			return invalid(), false
		case p.Value == nil && p.Refer == nil:
			return missing("param_value"), false
		case p.Value != nil && !valueFits(*p.Value), p.Value != nil && *p.Value == "" && p.Refer == nil:
			return cocError("COC.00040601", "The paramValue is invalid."), false
		}
		names[p.Name] = true
	}
	return answer{}, true
}

func (s *Simulator) executeScript(c *call) answer {
	return s.onScript(c, s.execute)
}

func (s *Simulator) executePublicScript(c *call) answer {
	return s.onPublicScript(c, s.execute)
}

// execute makes a ticket of a script (docs/coc-api.md sections 5.1 and 5.2).
func (s *Simulator) execute(c *call, d *definition) answer {
	b, refusal, ok := readBody[executeBody](c)
	if !ok {
		return refusal
	}
	if refusal, ok := b.check(); !ok {
		return refusal
	}
	if len(s.tickets) >= 2*MaxCrowd {
		return cocError(codeState, "Too many orders.") // the simulator's own limit
	}
	if d.status != approved {
		// That it must be approved is inferred, the words are invented.
		return cocError(codeState, c.say("The script is not approved.", "脚本未通过审批。"))
	}
	spec := TicketSpec{Name: d.name, Creator: c.user.Name, Timeout: b.timeout(), SuccessRate: b.rate(),
		ExecuteUser: b.Param.User, Params: d.given(b.Param.Params)}
	for _, batch := range b.Batches {
		made := BatchSpec{Pause: batch.Rotation == "PAUSE"}
		for _, t := range batch.Targets {
			v, ok := s.server(t.ResourceID, t.RegionID)
			if !ok || v.offline && s.rules.RefuseOffline {
				return targetUnknown(t)
			}
			made.Instances = append(made.Instances, d.runOn(v, spec.Params))
		}
		spec.Batches = append(spec.Batches, made)
	}
	switch {
	case c.spoil != nil && c.spoil.Effect == NoEffect: // an id that leads nowhere
		return data(uuid("SCT", s.now().UTC(), s.library.rng))
	case c.spoil != nil && c.spoil.Effect == Twice:
		s.start(spec, d)
	}
	return data(s.start(spec, d).uuid)
}

// start adds a ticket that begins now. The caller holds the lock.
func (s *Simulator) start(spec TicketSpec, d *definition) *ticket {
	t := newTicket(spec, s.rules, s.now().UTC().Truncate(time.Millisecond), s.library.rng)
	s.lastOrder++
	t.orderID, t.scriptUUID, t.version, t.source = s.lastOrder, d.uuid, d.version, d.source
	t.firstID = s.nextRow
	s.nextRow = t.settleIn(t.created)
	s.tickets = append([]*ticket{t}, s.tickets...)
	s.byUUID[t.uuid] = t
	return t
}

// given are the parameters of a run: those of the script, with the values that
// were sent along. Values from the parameter store are never shown.
func (d *definition) given(sent []executeParam) []ParamSpec {
	var list []ParamSpec
	sensitive := map[string]bool{}
	at := map[string]int{}
	for _, p := range d.params {
		sensitive[p.Name], at[p.Name] = p.Sensitive, len(list)
		list = append(list, ParamSpec{Name: p.Name, Value: p.Value, Sensitive: p.Sensitive})
	}
	for _, p := range sent {
		made := ParamSpec{Name: p.Name, Sensitive: sensitive[p.Name] || p.Refer != nil}
		if p.Value != nil {
			made.Value = *p.Value
		}
		if i, ok := at[p.Name]; ok {
			list[i] = made
		} else {
			list = append(list, made)
		}
	}
	return list
}

var (
	echoLine  = regexp.MustCompile(`^echo\s+(.*)$`)
	sleepLine = regexp.MustCompile(`^sleep\s+([0-9]{1,4})$`)
	exitLine  = regexp.MustCompile(`^exit\s+([0-9]{1,3})$`)
)

// plan is the server in a batch, before a script is chosen.
func (v *server) plan() InstanceSpec {
	return InstanceSpec{Host: v.host, IP: v.ip, Region: v.region, Zone: v.zone, Application: v.application, Offline: v.offline,
		Dispatch: time.Duration(400+hash(v.host)%2000) * time.Millisecond, Run: time.Second}
}

// runOn foresees a run of the script on a server. Of its content three
// commands count: echo prints, sleep takes that many seconds, and exit ends it
// with a code.
func (d *definition) runOn(v *server, params []ParamSpec) InstanceSpec {
	p := v.plan()
	if p.Offline {
		p.Run = 3 * time.Second
		return p
	}
	run := scriptRun{content: d.content, params: params}
	wait, code := run.outcome()
	p.Run, p.ExitCode = p.Run+wait, code
	plan := p
	p.log = func() string { return run.log(plan) }
	return p
}

// scriptRun is a script as it was when it was executed.
type scriptRun struct {
	content string
	params  []ParamSpec
}

// lines are the lines of the script up to the one that ends it.
func (r scriptRun) lines(yield func(string) bool) {
	for line := range strings.Lines(r.content) {
		line = strings.TrimSpace(line)
		if !yield(line) || exitLine.MatchString(line) {
			return
		}
	}
}

func (r scriptRun) outcome() (wait time.Duration, code int) {
	for line := range r.lines {
		if m := sleepLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1]) // at most four digits
			wait += time.Duration(n) * time.Second
		}
		if m := exitLine.FindStringSubmatch(line); m != nil {
			code, _ = strconv.Atoi(m[1]) // at most three digits
		}
	}
	return wait, code
}

// maxLog is docs/coc-api.md section 11; that what is longer is cut at its end
// is inferred.
const maxLog = 1 << 20

// log is what the script prints on a server. Few bytes of a script can print
// many, so this is made when somebody reads it.
func (r scriptRun) log(p InstanceSpec) string {
	values := []string{}
	for _, param := range r.params {
		values = append(values, "${"+param.Name+"}", param.Value)
	}
	fillIn := strings.NewReplacer(values...)
	var printed []string
	size := 0
	for line := range r.lines {
		if m := echoLine.FindStringSubmatch(line); m != nil && size <= maxLog {
			text := strings.Trim(fillIn.Replace(m[1]), `"'`)
			printed, size = append(printed, text), size+len(text)+1
		}
	}
	if p.ExitCode != 0 {
		printed = append(printed, fmt.Sprintf("exit status %d", p.ExitCode))
	}
	text := fill(printed, p)
	if len(text) > maxLog {
		text = strings.ToValidUTF8(text[:maxLog], "")
	}
	return text
}
