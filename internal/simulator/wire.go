package simulator

import (
	"slices"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/scripts"
)

// The answers of docs/coc-api.md section 4. Absent values are explicit nulls.

type listBody struct {
	Total int64         `json:"total"`
	Data  []summaryBody `json:"data"`
}

type regionsBody struct {
	RegionIDs string `json:"region_ids"`
}

type summaryBody struct {
	OrderID    int64       `json:"order_id"`
	OrderName  string      `json:"order_name"`
	UUID       string      `json:"execute_uuid"`
	Created    int64       `json:"gmt_created"`
	Finished   *int64      `json:"gmt_finished"`
	Costs      *int64      `json:"execute_costs"`
	Creator    string      `json:"creator"`
	Status     string      `json:"status"`
	Properties regionsBody `json:"properties"`
}

// span returns the end in epoch milliseconds and the time it took in
// milliseconds, nil while there is none (docs/coc-api.md section 12).
func span(from, to time.Time) (end, costs *int64) {
	if to.IsZero() {
		return nil, nil
	}
	e, c := to.UnixMilli(), to.Sub(from).Milliseconds()
	return &e, &c
}

func (t *ticket) summary() summaryBody {
	end, costs := span(t.created, t.finished)
	return summaryBody{OrderID: t.orderID, OrderName: t.spec.Name, UUID: t.uuid, Created: t.created.UnixMilli(),
		Finished: end, Costs: costs, Creator: t.spec.Creator, Status: t.word(), Properties: regionsBody{t.regions}}
}

type infoBody struct {
	UUID       string         `json:"execute_uuid"`
	Created    int64          `json:"gmt_created"`
	Finished   *int64         `json:"gmt_finished"`
	Costs      *int64         `json:"execute_costs"`
	Creator    string         `json:"creator"`
	Status     string         `json:"status"`
	Properties propertiesBody `json:"properties"`
}

type propertiesBody struct {
	ScriptUUID   string    `json:"script_uuid"`
	ScriptName   string    `json:"script_name"`
	VersionUUID  int64     `json:"script_version_uuid"`
	VersionName  string    `json:"script_version_name"`
	CurrentBatch int       `json:"current_execute_batch_index"`
	Source       string    `json:"script_source"`
	Param        paramBody `json:"execute_param"`
}

type paramBody struct {
	Resourceful bool          `json:"resourceful"`
	Timeout     int64         `json:"timeout"`
	User        string        `json:"execute_user"`
	SuccessRate float64       `json:"success_rate"`
	Params      []scriptParam `json:"script_params"`
}

type scriptParam struct {
	Name  string  `json:"param_name"`
	Value string  `json:"param_value"`
	Order int     `json:"param_order"`
	Refer *string `json:"param_refer"`
}

func (t *ticket) info() infoBody {
	end, costs := span(t.created, t.finished)
	param := paramBody{Resourceful: true, Timeout: int64(t.timeout / time.Second), User: t.spec.ExecuteUser,
		SuccessRate: t.rate, Params: []scriptParam{}}
	if param.User == "" {
		param.User = "root"
	}
	for i, p := range t.spec.Params {
		if p.Sensitive {
			p.Value = scripts.Mask
		}
		param.Params = append(param.Params, scriptParam{Name: p.Name, Value: p.Value, Order: i + 1})
	}
	return infoBody{UUID: t.uuid, Created: t.created.UnixMilli(), Finished: end, Costs: costs, Creator: t.spec.Creator,
		Status: t.word(), Properties: propertiesBody{ScriptUUID: t.scriptUUID, ScriptName: t.spec.Name,
			VersionUUID: t.versionID, VersionName: t.version, CurrentBatch: t.current, Source: t.source, Param: param}}
}

type batchBody struct {
	Index      int     `json:"batch_index"`
	Total      int     `json:"total_instances"`
	Rotation   string  `json:"rotation_strategy"`
	Properties *string `json:"properties"`
}

func (t *ticket) batchList() []batchBody {
	list := []batchBody{}
	for _, b := range t.batches {
		rotation := "CONTINUE"
		if b.pause {
			rotation = "PAUSE"
		}
		list = append(list, batchBody{Index: b.index, Total: len(b.rows), Rotation: rotation})
	}
	return list
}

type instancesBody struct {
	BatchIndex     int            `json:"batch_index"`
	TotalInstances int            `json:"total_instances"`
	Instances      []instanceBody `json:"execute_instances"`
}

type instanceBody struct {
	ID       int64          `json:"id"`
	Command  *string        `json:"cmd_uuid"`
	JobSign  *string        `json:"job_sign"`
	Target   scripts.Target `json:"target_instance"`
	Created  int64          `json:"gmt_created"`
	Finished *int64         `json:"gmt_finished"`
	Costs    *int64         `json:"execute_costs"`
	Status   string         `json:"status"`
	Message  *string        `json:"message"`
}

func (t *ticket) instance(r *row) instanceBody {
	end, costs := span(r.created, r.ended)
	b := instanceBody{ID: r.id, Target: target(r), Created: r.created.UnixMilli(), Finished: end, Costs: costs,
		Status: r.status}
	if !r.started.IsZero() && !r.plan.Offline {
		command := api.Dashed(api.HexID(t.uuid + "/" + r.plan.Host))
		b.Command = &command
	}
	if text, ok := t.message(r); ok {
		b.Message = &text
	}
	return b
}

func target(r *row) scripts.Target {
	p := r.plan
	b := scripts.TargetOf(scripts.Server{Host: p.Host, IP: p.IP, Region: p.Region, Zone: p.Zone,
		Application: p.Application, LInstance: p.LInstance})
	b.Attributes = p.Attributes
	if !r.started.IsZero() && !p.Offline {
		sn, version := api.HexID("agent/"+p.Host), "1.1.8"
		b.AgentSN, b.AgentVersion = &sn, &version
	}
	return b
}

type statisticsBody struct {
	Total  int         `json:"total_instance"`
	Counts []countBody `json:"execute_statistics"`
}

type countBody struct {
	Status  string `json:"instance_status"`
	Count   int    `json:"instance_count"`
	Batches []int  `json:"batch_indexes"`
}

// statistics has one entry per state, also for those that no instance is in
// (docs/coc-api.md section 4.5).
func (t *ticket) statistics() statisticsBody {
	var body statisticsBody
	states := []string{ready, processing, abnormal, canceled, finished}
	if t.rules.RollBack {
		states = append(states, rolledBack)
	}
	for _, status := range states {
		body.Counts = append(body.Counts, countBody{Status: status, Batches: []int{}})
	}
	for _, b := range t.batches {
		for _, r := range b.rows {
			body.Total++
			i := slices.IndexFunc(body.Counts, func(c countBody) bool { return c.Status == r.status })
			c := &body.Counts[i]
			c.Count++
			if !slices.Contains(c.Batches, b.index) {
				c.Batches = append(c.Batches, b.index)
			}
		}
	}
	return body
}

func join(list []string) string { return strings.Join(list, ",") }
