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
	Domain     string  `json:"domain_id"`

	ProjectName    *string   `json:"project_name"`
	EnterpriseName *string   `json:"ep_name"`
	Tags           *[]string `json:"tags"`
	Ingested       *struct{} `json:"ingest_properties"`
	Delegated      *bool     `json:"is_delegated"`
	Operable       *string   `json:"operable"`
	Grouped        *bool     `json:"is_associate_group"`
	Groups         *[]string `json:"associated_group_list"`
	Created        *string   `json:"create_time"`
	Updated        *string   `json:"update_time"`
}

// resource is a server as the inventory shows it; what the simulator does not
// know is null.
func (v *server) resource(c *call) resourceBody {
	b := resourceBody{ID: hexID("resource/" + v.id), ResourceID: v.id, Name: v.host, Provider: "ecs", Type: "cloudservers", Region: v.region,
		Project: c.account.ProjectID(v.region), Enterprise: "0", AgentState: "ONLINE", IP: v.ip, Domain: c.account.ID(),
		Properties: map[string]any{"fixed_ip": v.ip, "az_id": v.zone, "status": "ACTIVE"}}
	agent := hexID("agent/" + v.host)
	b.AgentID = &agent
	if v.offline {
		b.AgentState = "OFFLINE"
	}
	return b
}

// resourceFilter is what a list of servers is narrowed to. Other parameters of
// the call are ignored.
type resourceFilter struct {
	ids, ips                      []string
	region, zone, name, ip, state string
}

func (q *query) resourceFilter() resourceFilter {
	return resourceFilter{ids: q.list("resource_id_list"), ips: q.list("ip_list"), region: q.text("region_id", 64), zone: q.text("az_id", 64),
		name: q.text("name", 128), ip: q.text("ip", 64),
		state: q.oneOf("agent_state", "ONLINE", "OFFLINE", "INSTALLING", "FAILED", "UNINSTALLED", "null")}
}

// list reads several values, repeated or with commas; at most 100.
func (q *query) list(name string) []string {
	var list []string
	for _, v := range q.values[name] {
		list = append(list, strings.Split(v, ",")...)
	}
	q.bad = q.bad || len(list) > 100
	return list
}

func (f resourceFilter) matches(b resourceBody, zone string) bool {
	return (len(f.ids) == 0 || slices.Contains(f.ids, b.ResourceID)) && (len(f.ips) == 0 || slices.Contains(f.ips, b.IP)) &&
		(f.region == "" || b.Region == f.region) && (f.zone == "" || zone == f.zone) && strings.Contains(b.Name, f.name) &&
		strings.Contains(b.IP, f.ip) && (f.state == "" || b.AgentState == f.state)
}

// listResources is the part of the inventory call that execution needs
// (docs/coc-api.md section 5.6): servers, by limit and offset.
func (s *Simulator) listResources(c *call) answer {
	q := c.query()
	provider, kind := q.oneOf("provider", "ecs"), q.oneOf("type", "cloudservers")
	limit, offset := q.number("limit", 1, 500, 0), q.number("offset", 0, 1<<31-1, 0)
	f := q.resourceFilter()
	for _, name := range []string{"provider", "type", "limit"} {
		if len(q.values[name]) == 0 {
			return missing(name)
		}
	}
	if q.bad || provider == "" || kind == "" {
		return invalid()
	}
	list := []resourceBody{}
	for _, v := range s.inventory {
		if b := v.resource(c); !v.unsynced && f.matches(b, v.zone) {
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
	case b.Strategy == "":
		return missing("batch_strategy")
	case len(b.Targets) == 0:
		return missing("target_instances")
	case b.Strategy != "AUTO_BATCH" || len(b.Targets) > maxInstances:
		return invalid()
	}
	var order []string
	groups := map[string][]*server{}
	for _, t := range b.Targets {
		if refusal, ok := t.check(); !ok {
			return refusal
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
