package scripts

import (
	"fmt"
	"slices"
	"strings"

	"coc-console/internal/simulator/api"
)

// Server is a cloud server of the resource inventory, without which nothing is
// executed on it (docs/coc-api.md section 1).
type Server struct {
	Host, IP, Region, Zone, Application string
	Offline                             bool // its agent
	LInstance                           bool // its provider is hcss

	unsynced bool // known to the cloud, and to the inventory after a sync
}

// ID is the resource id.
func (v Server) ID() string { return api.ServerID(v.Host) }

// home is the region of the servers that no ticket names.
const home = "cn-north-4"

// newInventory is the servers of the demo tickets, a few that are offline and,
// known only after a sync, a few new ones.
func newInventory(servers []Server) []*Server {
	for i := 1; i <= 2; i++ {
		servers = append(servers, Server{Host: fmt.Sprintf("inv-l-%d", i), IP: fmt.Sprintf("192.168.252.%d", i),
			Region: home, Zone: home + "a", LInstance: true})
	}
	for i := 1; i <= 3; i++ {
		servers = append(servers,
			Server{Host: fmt.Sprintf("inv-offline-%d", i), IP: fmt.Sprintf("192.168.250.%d", i), Region: home,
				Zone: home + "a", Offline: true},
			Server{Host: fmt.Sprintf("inv-new-%d", i), IP: fmt.Sprintf("192.168.251.%d", i), Region: home,
				Zone: home + "b", unsynced: true})
	}
	var list []*Server
	known := map[string]bool{}
	for _, s := range servers {
		if !known[s.Host] {
			known[s.Host] = true
			list = append(list, &s)
		}
	}
	return list
}

// server finds a server that COC knows; one of another region is none.
func (s *Service) server(id, region string) (*Server, bool) {
	i := slices.IndexFunc(s.inventory, func(v *Server) bool {
		return v.ID() == id && !v.unsynced && (region == "" || v.Region == region)
	})
	if i < 0 {
		return nil, false
	}
	return s.inventory[i], true
}

// Resource is a server as the inventory shows it.
type Resource struct {
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
func (v *Server) resource(c *Call) Resource {
	b := Resource{ID: api.HexID("resource/" + v.ID()), ResourceID: v.ID(), Name: v.Host, Provider: "ecs",
		Type: "cloudservers", Region: v.Region,
		Project: c.ProjectID(v.Region), Enterprise: "0", AgentState: "ONLINE", IP: v.IP, Domain: c.AccountID,
		Properties: map[string]any{"fixed_ip": v.IP, "az_id": v.Zone, "status": "ACTIVE"}}
	agent := api.HexID("agent/" + v.Host)
	b.AgentID = &agent
	if v.LInstance {
		b.Provider, b.Type = "hcss", "l-instance"
	}
	if v.Offline {
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

func readResourceFilter(q *api.Query) resourceFilter {
	return resourceFilter{ids: q.List("resource_id_list"), ips: q.List("ip_list"), region: q.Text("region_id", 64),
		zone: q.Text("az_id", 64), name: q.Text("name", 128), ip: q.Text("ip", 64),
		state: q.OneOf("agent_state", "ONLINE", "OFFLINE", "INSTALLING", "FAILED", "UNINSTALLED", "null")}
}

func (f resourceFilter) matches(b Resource, zone string) bool {
	return (len(f.ids) == 0 || slices.Contains(f.ids, b.ResourceID)) &&
		(len(f.ips) == 0 || slices.Contains(f.ips, b.IP)) &&
		(f.region == "" || b.Region == f.region) && (f.zone == "" || zone == f.zone) &&
		strings.Contains(b.Name, f.name) &&
		strings.Contains(b.IP, f.ip) && (f.state == "" || b.AgentState == f.state)
}

// Resources is the part of the inventory call that execution needs
// (docs/coc-api.md sections 5 and 14.3): servers, by limit with a marker, which is the last
// id, or an offset.
func (s *Service) Resources(c *Call) (any, error) {
	q := c.query()
	provider, kind := q.OneOf("provider", "ecs", "hcss"), q.OneOf("type", "cloudservers", "l-instance")
	limit, offset := q.Number("limit", 1, 500, 0), q.Number("offset", 0, 1<<31-1, 0)
	f, marker := readResourceFilter(q), q.Text("marker", 64)
	for _, name := range []string{"provider", "type", "limit"} {
		if !q.Has(name) {
			return nil, api.Missing(name)
		}
	}
	if q.Bad || (provider == "hcss") != (kind == "l-instance") {
		return nil, api.Invalid()
	}
	list, passed := []Resource{}, marker == ""
	for _, v := range s.inventory {
		b := v.resource(c)
		if passed && !v.unsynced && b.Provider == provider && f.matches(b, v.Zone) {
			list = append(list, b)
		}
		passed = passed || b.ID == marker
	}
	if !passed {
		return nil, api.Invalid() // a marker that no page has given: invented
	}
	from := min(int(offset), len(list))
	return list[from:min(from+int(limit), len(list))], nil
}

// SyncResources makes new servers known, at once (that it takes a while is
// known, how long is not).
func (s *Service) SyncResources(c *Call) (any, error) {
	b, err := readBody[struct {
		Provider string `json:"provider"`
		Type     string `json:"type"`
	}](c)
	switch {
	case err != nil:
		return nil, err
	case b.Provider == "":
		return nil, api.Missing("provider")
	case b.Type == "":
		return nil, api.Missing("type")
	case (b.Provider != "ecs" || b.Type != "cloudservers") && (b.Provider != "hcss" || b.Type != "l-instance"):
		return nil, api.Invalid()
	}
	for _, v := range s.inventory {
		v.unsynced = false
	}
	return nil, nil
}

// BatchResult is a batch that servers were divided into.
type BatchResult struct {
	Index   int      `json:"batch_index"`
	Targets []Target `json:"target_instances"`
}

// Batches divides servers into batches: one region, one zone and one
// application per batch, at most ten and at most half of such a group, unless
// it is one server (docs/coc-api.md sections 5.6 and 11).
func (s *Service) Batches(c *Call) (any, error) {
	b, err := readBody[struct {
		Strategy string          `json:"batch_strategy"`
		Targets  []executeTarget `json:"target_instances"`
	}](c)
	switch {
	case err != nil:
		return nil, err
	case b.Strategy == "":
		return nil, api.Missing("batch_strategy")
	case len(b.Targets) == 0:
		return nil, api.Missing("target_instances")
	case b.Strategy != "AUTO_BATCH" || len(b.Targets) > MaxTargets:
		return nil, api.Invalid()
	}
	var order []string
	groups := map[string][]*Server{}
	for _, t := range b.Targets {
		if err := t.check(); err != nil {
			return nil, err
		}
		v, ok := s.server(t.ResourceID, t.RegionID)
		if !ok {
			return nil, targetUnknown(t)
		}
		key := v.Region + "/" + v.Zone + "/" + v.Application
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], v)
	}
	result := []BatchResult{}
	for _, key := range order {
		group := groups[key]
		size := max(1, min(MaxBatch, len(group)/2))
		for part := range slices.Chunk(group, size) {
			r := BatchResult{Index: len(result) + 1}
			for _, v := range part {
				r.Targets = append(r.Targets, TargetOf(*v))
			}
			result = append(result, r)
		}
	}
	return result, nil
}
