package simulator

import (
	"fmt"
	"slices"
	"strings"
)

// server is a cloud server of the resource inventory, without which nothing is
// executed on it (docs/coc-api.md section 1).
type server struct {
	id, host, ip, region, zone, application string
	offline                                 bool
	unsynced                                bool // known to the cloud, and to the inventory after a sync
}

// newInventory is the servers of the demo tickets, a few that are offline and,
// known only after a sync, a few new ones.
func newInventory(specs []TicketSpec) []*server {
	var list []*server
	known := map[string]bool{}
	add := func(s server) {
		s.id = dashed(hexID("server/" + s.host))
		if !known[s.id] {
			known[s.id] = true
			list = append(list, &s)
		}
	}
	for _, spec := range specs {
		for _, b := range spec.Batches {
			for _, several := range b.Instances {
				for _, p := range several.expand() {
					add(server{host: p.Host, ip: p.IP, region: p.Region, zone: p.Zone, application: p.Application})
				}
			}
		}
	}
	for i := 1; i <= 3; i++ {
		add(server{host: fmt.Sprintf("inv-offline-%d", i), ip: fmt.Sprintf("192.168.250.%d", i), region: home, zone: home + "a", offline: true})
		add(server{host: fmt.Sprintf("inv-new-%d", i), ip: fmt.Sprintf("192.168.251.%d", i), region: home, zone: home + "b", unsynced: true})
	}
	return list
}

// server finds a server that COC knows; one of another region is none.
func (s *Simulator) server(id, region string) (*server, bool) {
	i := slices.IndexFunc(s.inventory, func(v *server) bool { return v.id == id && !v.unsynced && (region == "" || v.region == region) })
	if i < 0 {
		return nil, false
	}
	return s.inventory[i], true
}

type resourceBody struct {
	ID         string  `json:"id"`
	ResourceID string  `json:"resource_id"`
	Name       string  `json:"name"`
	Provider   string  `json:"provider"`
	Type       string  `json:"type"`
	Region     string  `json:"region_id"`
	Project    string  `json:"project_id"`
	Enterprise string  `json:"ep_id"`
	AgentID    *string `json:"agent_id"`
	AgentState string  `json:"agent_state"`
	Properties any     `json:"properties"`
	IP         string  `json:"inner_ip"`
}

func (v *server) resource(c *call) resourceBody {
	b := resourceBody{ID: hexID("resource/" + v.id), ResourceID: v.id, Name: v.host, Provider: "ecs", Type: "cloudservers", Region: v.region,
		Project: c.account.ProjectID(v.region), Enterprise: "0", AgentState: "ONLINE", IP: v.ip,
		Properties: map[string]any{"fixed_ip": v.ip, "az_id": v.zone, "status": "ACTIVE"}}
	agent := hexID("agent/" + v.host)
	b.AgentID = &agent
	if v.offline {
		b.AgentState = "OFFLINE"
	}
	return b
}

// listResources is the part of the inventory call that execution needs
// (docs/coc-api.md section 5.6): servers, by limit and offset, some by id,
// name, region or state of the agent.
func (s *Simulator) listResources(c *call) answer {
	q := c.query()
	provider, kind := q.oneOf("provider", "ecs"), q.oneOf("type", "cloudservers")
	limit, offset := q.number("limit", 1, 100, 0), q.number("offset", 0, 1<<31-1, 0)
	region, name := q.text("region_id", 32), q.text("name", 128)
	state := q.oneOf("agent_state", "ONLINE", "OFFLINE", "FAILED", "UNINSTALLED", "INSTALLING")
	ids := q.values["resource_id_list"]
	switch {
	case len(q.values["provider"]) == 0:
		return missing("provider")
	case len(q.values["type"]) == 0:
		return missing("type")
	case len(q.values["limit"]) == 0:
		return missing("limit")
	case q.bad || provider == "" || kind == "":
		return invalid()
	}
	if len(ids) == 1 {
		ids = strings.Split(ids[0], ",")
	}
	list := []resourceBody{}
	for _, v := range s.inventory {
		if v.unsynced || len(ids) > 0 && !slices.Contains(ids, v.id) || region != "" && v.region != region || !strings.Contains(v.host, name) {
			continue
		}
		if b := v.resource(c); state == "" || b.AgentState == state {
			list = append(list, b)
		}
	}
	from := min(int(offset), len(list))
	return data(list[from:min(from+int(limit), len(list))])
}

// syncResources makes new servers known, at once (that it takes a while is
// known, how long is not).
func (s *Simulator) syncResources(c *call) answer {
	b, refusal, ok := readBody[struct {
		Provider string `json:"provider"`
		Type     string `json:"type"`
	}](c)
	switch {
	case !ok:
		return refusal
	case b.Provider == "":
		return missing("provider")
	case b.Type == "":
		return missing("type")
	case b.Provider != "ecs" || b.Type != "cloudservers":
		return invalid()
	}
	for _, v := range s.inventory {
		v.unsynced = false
	}
	return data(nil)
}

type batchResult struct {
	Index   int          `json:"batch_index"`
	Targets []targetBody `json:"target_instances"`
}

// batchInstances divides servers into batches: one region, one zone and one
// application per batch, at most ten and at most half of such a group, unless
// it is one server (docs/coc-api.md sections 5.6 and 11).
func (s *Simulator) batchInstances(c *call) answer {
	b, refusal, ok := readBody[struct {
		Strategy string          `json:"batch_strategy"`
		Targets  []executeTarget `json:"target_instances"`
	}](c)
	switch {
	case !ok:
		return refusal
	case b.Strategy != "AUTO_BATCH" || len(b.Targets) < 1 || len(b.Targets) > maxInstances:
		return invalid()
	}
	var order []string
	groups := map[string][]*server{}
	for _, t := range b.Targets {
		if !t.fits() {
			return invalid()
		}
		v, ok := s.server(t.ResourceID, t.RegionID)
		if !ok {
			return targetUnknown(t)
		}
		key := v.region + "/" + v.zone + "/" + v.application
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], v)
	}
	result := []batchResult{}
	for _, key := range order {
		group := groups[key]
		size := max(1, min(maxBatch, len(group)/2))
		for part := range slices.Chunk(group, size) {
			r := batchResult{Index: len(result) + 1}
			for _, v := range part {
				r.Targets = append(r.Targets, target(&row{plan: v.plan()}))
			}
			result = append(result, r)
		}
	}
	return data(result)
}
