package scripts

import "strings"

// Attribute is a label of a server in one execution.
type Attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Target is a server as answers about tickets show it.
type Target struct {
	ResourceID   string           `json:"resource_id"`
	Provider     string           `json:"provider"`
	Type         string           `json:"type"`
	RegionID     string           `json:"region_id"`
	AgentSN      *string          `json:"agent_sn"`
	AgentStatus  *string          `json:"agent_status"`
	AgentVersion *string          `json:"agent_version"`
	ProjectID    *string          `json:"project_id"`
	Attributes   []Attribute      `json:"custom_attributes"` // null where there are none
	Properties   targetProperties `json:"properties"`
}

type targetProperties struct {
	HostName    string  `json:"host_name"`
	FixedIP     string  `json:"fixed_ip"`
	FloatingIP  *string `json:"floating_ip"`
	RegionID    string  `json:"region_id"`
	ZoneID      string  `json:"zone_id"`
	Application *string `json:"application"`
	Group       *string `json:"group"`
	ProjectID   *string `json:"project_id"`
}

// TargetOf is a server before its agent has started anything.
func TargetOf(v Server) Target {
	t := Target{ResourceID: v.ID(), Provider: ecs, Type: cloudServer, RegionID: v.Region,
		Properties: targetProperties{HostName: v.Host, FixedIP: v.IP, RegionID: v.Region, ZoneID: v.Zone}}
	if v.LInstance { // as the service says it (docs/coc-api.md section 14.3)
		t.Provider, t.Type = strings.ToLower(hcss), strings.ToLower(lInstance)
	}
	if v.Application != "" {
		t.Properties.Application = &v.Application
	}
	return t
}
