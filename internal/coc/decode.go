package coc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The wire types mirror docs/coc-api.md section 4. Every field but an id may
// be null or absent.

// integer is an int64 that is exact, and tolerates null, a quoted number and
// a whole number written as 1.0. It never passes through a float64.
type integer int64

func (n *integer) UnmarshalJSON(b []byte) error {
	text := string(bytes.Trim(b, `"`))
	if text == "null" || text == "" {
		*n = 0
		return nil
	}
	if whole, fraction, ok := strings.Cut(text, "."); ok && strings.Trim(fraction, "0") == "" {
		text = whole
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("not a whole number: %.40s", text)
	}
	*n = integer(i)
	return nil
}

// within is the number, or 0 for absent where it is none that can be.
func (n integer) within(most int32) int32 {
	if n < 0 || int64(n) > int64(most) {
		return 0
	}
	return int32(n)
}

func (n integer) int32() int32 { return int32(max(-1<<31, min(int64(n), 1<<31-1))) }

// maxTime bounds the times that are believed: beyond it they cannot be shown.
var maxTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// time reads epoch milliseconds (docs/coc-api.md section 3); zero is absent.
func (n integer) time() time.Time {
	if n <= 0 || int64(n) > maxTime {
		return time.Time{}
	}
	return time.UnixMilli(int64(n)).UTC()
}

// label is a string that tolerates null, numbers and objects: fields whose
// type the sources disagree on are only shown.
type label string

func (l *label) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*l = ""
		return nil
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		*l = label(s)
		return nil
	}
	*l = label(strings.ToValidUTF8(string(b), "\uFFFD"))
	return nil
}

// percent is a share of 100 that may be absent, null or quoted.
type percent struct{ value *float64 }

func (p *percent) UnmarshalJSON(b []byte) error {
	text := string(bytes.Trim(b, `"`))
	if text == "null" || text == "" {
		p.value = nil
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("not a number: %.40s", text)
	}
	if p.value = nil; f >= 0 && f <= 100 { // else it is no share
		p.value = &f
	}
	return nil
}

// decodeAll maps a list of wire rows.
func decodeAll[W, T any](rows []W, decode func(W) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = decode(r)
	}
	return out
}

type wireTicketPage struct {
	Total *integer      `json:"total"`
	Data  []wireSummary `json:"data"`
}

func (w wireTicketPage) decode() TicketPage {
	return TicketPage{Total: w.total(), Tickets: decodeAll(w.Data, wireSummary.decode)}
}

func (w wireTicketPage) total() int64 {
	if w.Total == nil {
		return 0
	}
	return int64(*w.Total)
}

// tells reports that it is a page of a list: there are rows, or it says that there are none. first is the first page.
func (w wireTicketPage) tells(first bool) bool {
	switch total := w.total(); {
	case total < 0, w.Data == nil && w.Total == nil:
		return false
	default:
		return len(w.Data) > 0 || total == 0 || !first
	}
}

type wireSummary struct {
	OrderID     integer `json:"order_id"`
	OrderName   label   `json:"order_name"`
	ExecuteUUID label   `json:"execute_uuid"`
	GmtCreated  integer `json:"gmt_created"`
	GmtFinished integer `json:"gmt_finished"`
	Creator     label   `json:"creator"`
	Status      label   `json:"status"`
	Properties  *struct {
		RegionIDs label `json:"region_ids"`
	} `json:"properties"`
}

func (w wireSummary) decode() TicketSummary {
	t := TicketSummary{OrderID: int64(w.OrderID), Name: string(w.OrderName), ExecuteUUID: ExecuteUUID(w.ExecuteUUID),
		Created: w.GmtCreated.time(), Finished: w.GmtFinished.time(),
		Creator: string(w.Creator), Status: TicketStatus(w.Status)}
	if w.Properties != nil {
		t.RegionIDs = string(w.Properties.RegionIDs)
	}
	return t
}

type wireTicket struct {
	ExecuteUUID label   `json:"execute_uuid"`
	GmtCreated  integer `json:"gmt_created"`
	GmtFinished integer `json:"gmt_finished"`
	Creator     label   `json:"creator"`
	Status      label   `json:"status"`
	Properties  struct {
		ScriptUUID   label   `json:"script_uuid"`
		ScriptName   label   `json:"script_name"`
		VersionID    label   `json:"script_version_uuid"`
		VersionName  label   `json:"script_version_name"`
		Source       label   `json:"script_source"`
		CurrentBatch integer `json:"current_execute_batch_index"`
		Param        struct {
			Timeout     integer     `json:"timeout"` // seconds
			SuccessRate percent     `json:"success_rate"`
			ExecuteUser label       `json:"execute_user"`
			Params      []wireParam `json:"script_params"`
		} `json:"execute_param"`
	} `json:"properties"`
}

// maxTimeout bounds the time-out that is believed (section 11 says 1800 s).
const maxTimeout = 366 * 24 * 3600

func (w wireTicket) decode(asked ExecuteUUID) Ticket {
	p := w.Properties
	return Ticket{
		// The id that was asked for: an answer cannot rename the ticket that
		// an operation is about to be sent to.
		ExecuteUUID: asked,
		Created:     w.GmtCreated.time(), Finished: w.GmtFinished.time(),
		Creator: string(w.Creator), Status: TicketStatus(w.Status),
		ScriptUUID: string(p.ScriptUUID), ScriptName: string(p.ScriptName),
		ScriptVersion: string(cmp.Or(p.VersionName, p.VersionID)), ScriptSource: string(p.Source),
		CurrentBatch: p.CurrentBatch.within(MaxBatchIndex),
		Timeout:      time.Duration(p.Param.Timeout.within(maxTimeout)) * time.Second,
		SuccessRate:  p.Param.SuccessRate.value, ExecuteUser: string(p.Param.ExecuteUser),
		Params: decodeAll(p.Param.Params, wireParam.decode),
	}
}

type wireParam struct {
	Name  label   `json:"param_name"`
	Value label   `json:"param_value"`
	Order integer `json:"param_order"`
	Refer *struct {
		ID label `json:"param_id"`
	} `json:"param_refer"`
}

func (w wireParam) decode() Param {
	p := Param{Name: string(w.Name), Value: string(w.Value), Order: w.Order.int32()}
	if w.Refer != nil {
		p.Reference = string(w.Refer.ID)
	}
	return p
}

type wireBatch struct {
	Index      integer `json:"batch_index"`
	Total      integer `json:"total_instances"`
	Rotation   label   `json:"rotation_strategy"`
	Properties label   `json:"properties"`
}

func (w wireBatch) decode() Batch {
	return Batch{Index: w.Index.int32(), TotalInstances: w.Total.int32(),
		Rotation: RotationStrategy(w.Rotation), Properties: string(w.Properties)}
}

type wireInstancePage struct {
	Batch     integer        `json:"batch_index"`
	Total     integer        `json:"total_instances"`
	Instances []wireInstance `json:"execute_instances"`
}

func (w wireInstancePage) decode(asked int32) InstancePage {
	return InstancePage{Batch: asked, TotalInstances: w.Total.int32(),
		Instances: decodeAll(w.Instances, wireInstance.decode)}
}

type wireInstance struct {
	ID          integer    `json:"id"`
	CmdUUID     label      `json:"cmd_uuid"`
	Target      wireTarget `json:"target_instance"`
	GmtCreated  integer    `json:"gmt_created"`
	GmtFinished integer    `json:"gmt_finished"`
	Status      label      `json:"status"`
	Message     label      `json:"message"`
}

func (w wireInstance) decode() Instance {
	return Instance{ID: int64(w.ID), CommandID: string(w.CmdUUID), Target: w.Target.decode(),
		Created: w.GmtCreated.time(), Finished: w.GmtFinished.time(),
		Status: InstanceStatus(w.Status), Message: string(w.Message)}
}

type wireTarget struct {
	ResourceID   label `json:"resource_id"`
	Provider     label `json:"provider"`
	Type         label `json:"type"`
	RegionID     label `json:"region_id"`
	AgentSN      label `json:"agent_sn"`
	AgentStatus  label `json:"agent_status"`
	AgentVersion label `json:"agent_version"`
	ProjectID    label `json:"project_id"`
	Attributes   []struct {
		Key   label `json:"key"`
		Value label `json:"value"`
	} `json:"custom_attributes"`
	Properties struct {
		HostName    label `json:"host_name"`
		FixedIP     label `json:"fixed_ip"`
		FloatingIP  label `json:"floating_ip"`
		RegionID    label `json:"region_id"`
		ZoneID      label `json:"zone_id"`
		Application label `json:"application"`
		Group       label `json:"group"`
		ProjectID   label `json:"project_id"`
	} `json:"properties"`
}

func (w wireTarget) decode() Target {
	p := w.Properties
	t := Target{
		ResourceID: string(w.ResourceID), Provider: string(w.Provider), Type: string(w.Type),
		RegionID: string(cmp.Or(w.RegionID, p.RegionID)), ProjectID: string(cmp.Or(w.ProjectID, p.ProjectID)),
		AgentSN: string(w.AgentSN), AgentStatus: string(w.AgentStatus), AgentVersion: string(w.AgentVersion),
		HostName: string(p.HostName), FixedIP: string(p.FixedIP), FloatingIP: string(p.FloatingIP),
		ZoneID: string(p.ZoneID), Application: string(p.Application), Group: string(p.Group),
	}
	for _, a := range w.Attributes {
		t.Attributes = append(t.Attributes, Attribute{Key: string(a.Key), Value: string(a.Value)})
	}
	return t
}

type wireStatistics struct {
	Total  integer `json:"total_instance"`
	Counts []struct {
		Status  label     `json:"instance_status"`
		Count   integer   `json:"instance_count"`
		Batches []integer `json:"batch_indexes"`
	} `json:"execute_statistics"`
}

func (w wireStatistics) decode() Statistics {
	s := Statistics{Total: w.Total.int32()}
	for _, c := range w.Counts {
		s.Counts = append(s.Counts, StatusCount{Status: InstanceStatus(c.Status), Count: c.Count.int32(),
			Batches: decodeAll(c.Batches, integer.int32)})
	}
	return s
}
