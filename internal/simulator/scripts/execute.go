package scripts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
)

// Execution is a script with its parameters on servers, which becomes a ticket.
type Execution struct {
	Name, Script, Version, Source string // of the script; Script is its uuid

	Timeout     time.Duration // per server
	SuccessRate float64       // 1..100
	User        string        // of the operating system
	Params      []Param
	Batches     []Batch
}

// Batch is one batch of an execution; Pause is its rotation strategy.
type Batch struct {
	Pause bool
	Runs  []Run
}

// Run is what will happen on one server.
type Run struct {
	Server
	Attributes []Attribute
	Dispatch   time.Duration // from the start of the batch to the agent's start of the script
	Time       time.Duration // of the script, or until an offline agent is found out
	ExitCode   int           // other than 0: the run fails
	Log        func(after time.Duration) string
}

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
	ResourceID string      `json:"resource_id"`
	RegionID   string      `json:"region_id"`
	Provider   string      `json:"provider"`
	Type       string      `json:"type"`
	Attributes []Attribute `json:"custom_attributes"`
}

// The kinds of servers, as they are sent. L instances are answered in small
// letters (docs/coc-api.md section 14.3).
const (
	ecs, cloudServer = "ECS", "CLOUDSERVER"
	hcss, lInstance  = "HCSS", "L-INSTANCE"
)

func (t executeTarget) provider() string { return cmp.Or(t.Provider, ecs) }

// kind is the type that goes with the provider.
func (t executeTarget) kind() string {
	if t.isL() {
		return lInstance
	}
	return cloudServer
}

func (t executeTarget) isL() bool { return strings.EqualFold(t.provider(), hcss) }

// check holds one server of a body against its limits.
func (t executeTarget) check() error {
	switch {
	case t.ResourceID == "":
		return api.Missing("resource_id")
	case t.RegionID == "":
		return api.Missing("region_id")
	case !t.fits():
		return api.Invalid()
	}
	return nil
}

func (t executeTarget) fits() bool {
	for _, a := range t.Attributes {
		if a.Key == "" || length(a.Key) > 10 || length(a.Value) > 20 {
			return false
		}
	}
	return len(t.ResourceID) <= 64 && len(t.RegionID) <= 32 &&
		len(t.Attributes) <= 5 && (t.Type == "" || strings.EqualFold(t.Type, t.kind())) &&
		(t.isL() || strings.EqualFold(t.provider(), ecs))
}

// targetUnknown is in the words of docs/coc-api.md section 10.3.
func targetUnknown(t executeTarget) error {
	where := fmt.Sprintf("[%s], provider: [%s], type: [%s].", t.ResourceID, t.provider(), t.kind())
	return &api.Refusal{Code: "COC.00040702", English: "Target instance is not exist. resource id: " + where,
		Chinese: fmt.Sprintf("目标实例不存在。资源 ID：[%s]，provider：[%s]，type：[%s]。", t.ResourceID,
			t.provider(), t.kind())}
}

// check holds an execution against the limits of docs/coc-api.md sections 5.1
// and 11.
func (b executeBody) check() error {
	switch {
	case b.Param == nil:
		return api.Missing("execute_param")
	case b.Param.Timeout == nil:
		return api.Missing("timeout")
	case b.Param.SuccessRate == nil:
		return api.Missing("success_rate")
	case b.Param.User == "":
		return api.Missing("execute_user")
	case len(b.Batches) == 0:
		return api.Missing("execute_batches")
	case b.timeout() == 0 || b.rate() == 0 || length(b.Param.User) > 32 || len(b.Param.Params) > maxParams ||
		len(b.Batches) > maxBatches:
		return api.Invalid()
	}
	if err := b.checkParams(); err != nil {
		return err
	}
	for i, batch := range b.Batches {
		if err := batch.check(i + 1); err != nil {
			return err
		}
	}
	if !b.oneProvider() {
		return api.Invalid()
	}
	return nil
}

// oneProvider reports whether all servers are of one provider (docs/coc-api.md
// section 5).
func (b executeBody) oneProvider() bool {
	for _, batch := range b.Batches {
		for _, t := range batch.Targets {
			if t.isL() != b.Batches[0].Targets[0].isL() {
				return false
			}
		}
	}
	return true
}

// check holds the batch that is to have a number against its limits. That
// batches are numbered in order from 1 is inferred.
func (b executeBatch) check(index int) error {
	switch {
	case b.Index == nil:
		return api.Missing("batch_index")
	case b.Rotation == "":
		return api.Missing("rotation_strategy")
	case len(b.Targets) == 0:
		return api.Missing("target_instances")
	case *b.Index != index || b.Rotation != "CONTINUE" && b.Rotation != "PAUSE" || len(b.Targets) > MaxBatch:
		return api.Invalid()
	}
	for _, t := range b.Targets {
		if err := t.check(); err != nil {
			return err
		}
	}
	return nil
}

// The limits of a ticket (docs/coc-api.md section 11).
const (
	maxBatches = 20
	MaxBatch   = 10 // servers of one
	MaxTargets = 200
)

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

func (b executeBody) checkParams() error {
	names := map[string]bool{}
	for _, p := range b.Param.Params {
		switch {
		case p.Name == "":
			return api.Missing("param_name")
		case names[p.Name] || !paramName.MatchString(p.Name):
			return api.Invalid()
		case p.Refer != nil && (p.Refer.Type != "PARAM_STORE" || p.Refer.ID == "" ||
			!referVersion.Match(p.Refer.Version)):
			return api.Invalid()
		case p.Value == nil && p.Refer == nil:
			return api.Missing("param_value")
		case p.Value != nil && !valueFits(*p.Value), p.Value != nil && *p.Value == "" && p.Refer == nil:
			return &api.Refusal{Code: "COC.00040601", English: "The paramValue is invalid.",
				Chinese: "参数值 paramValue 无效。"}
		}
		names[p.Name] = true
	}
	return nil
}

// Execute makes a ticket of a custom script.
func (s *Service) Execute(c *Call) (any, error) {
	return s.onScript(c, s.execute)
}

// ExecutePublic makes a ticket of a public script.
func (s *Service) ExecutePublic(c *Call) (any, error) {
	return s.onPublicScript(c, s.execute)
}

// execute makes a ticket of a script (docs/coc-api.md sections 5.1 and 5.2).
func (s *Service) execute(c *Call, d *definition) (any, error) {
	b, err := readBody[executeBody](c)
	if err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	if c.Full {
		// the simulator's own limit
		return nil, &api.Refusal{Code: api.CodeState, English: "Too many orders.", Chinese: "工单数量过多。"}
	}
	if d.status != approved {
		// That it must be approved is inferred, the words are invented.
		return nil, &api.Refusal{Code: api.CodeState, English: "The script is not approved.",
			Chinese: "脚本未通过审批。"}
	}
	d.used++
	e := Execution{Name: d.name, Script: d.uuid, Version: d.version, Source: d.source,
		Timeout: b.timeout(), SuccessRate: b.rate(), User: b.Param.User, Params: d.given(b.Param.Params)}
	for _, batch := range b.Batches {
		made := Batch{Pause: batch.Rotation == "PAUSE"}
		for _, t := range batch.Targets {
			v, ok := s.server(t.ResourceID, t.RegionID)
			if !ok || v.Offline && s.rules.RefuseOffline {
				return nil, targetUnknown(t)
			}
			run := d.runOn(v, e.Params)
			run.LInstance, run.Attributes = t.isL(), t.Attributes
			made.Runs = append(made.Runs, run)
		}
		e.Batches = append(e.Batches, made)
	}
	return c.Start(e), nil
}

// given are the parameters of a run: those of the script, with the values that
// were sent along. Values from the parameter store are never shown.
func (d *definition) given(sent []executeParam) []Param {
	var list []Param
	sensitive := map[string]bool{}
	at := map[string]int{}
	for _, p := range d.params {
		sensitive[p.Name], at[p.Name] = p.Sensitive, len(list)
		list = append(list, Param{Name: p.Name, Value: p.Value, Sensitive: p.Sensitive})
	}
	for _, p := range sent {
		made := Param{Name: p.Name, Sensitive: sensitive[p.Name] || p.Refer != nil}
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

// runOn foresees a run of the script on a server.
func (d *definition) runOn(v *Server, params []Param) Run {
	r := Run{Server: *v, Dispatch: time.Duration(400+api.Hash(v.Host)%2000) * time.Millisecond}
	if v.Offline {
		r.Time = 3 * time.Second
		return r
	}
	run := scriptRun{content: d.content, params: params, host: v.Host, ip: v.IP}
	wait, code := run.outcome()
	r.Time, r.ExitCode = ownTime+wait, code
	total := r.Time
	r.Log = func(after time.Duration) string { return run.log(code, total, after) }
	return r
}
