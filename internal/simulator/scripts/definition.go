package scripts

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
)

// definition is a script as it is stored: a custom one, or a public one, which
// nobody can change (docs/coc-api.md section 5).
type definition struct {
	id                     int64
	uuid, name, kind       string
	description, inChinese string // inChinese: of public scripts, by X-Language
	content                string
	params                 []definedParam
	risk, version          string
	reviewers              []reviewer
	protocol               *string
	status                 string
	creator, creatorID     string
	operator               *string
	created, modified      time.Time
	enterprise             string
	tags                   []Tag
	used                   int // times that it was executed
	source                 string
}

type reviewer struct {
	Name string `json:"reviewer_name"`
	ID   string `json:"reviewer_id"`
}

// Tag is a label of a script.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type definedParam struct {
	Name        string `json:"param_name"`
	Value       string `json:"param_value"`
	Description string `json:"param_description"`
	Order       int    `json:"param_order"`
	Sensitive   bool   `json:"sensitive"`
}

// The states, kinds and risks of scripts (docs/coc-api.md section 7).
const (
	pending  = "PENDING_APPROVE"
	approved = "APPROVED"
	rejected = "REJECTED"

	// CustomScript is the script_source of scripts that people write.
	CustomScript = "CUSTOM_SCRIPT"
	publicScript = "PUBLIC_SCRIPT" // inferred from CustomScript

	// FirstVersion is the version of the demo scripts.
	FirstVersion = "1.0.0"
)

var (
	scriptKinds = []string{"SHELL", "PYTHON", "BAT"}
	scriptRisks = []string{"LOW", "MEDIUM", "HIGH"}
	protocols   = []string{"DEFAULT", "SMS", "EMAIL", "DING_TALK", "WE_LINK", "WECHAT", "CALLNOTIFY", "NOT_TO_NOTIFY"}
)

// library is all scripts, each list ascending by id.
type library struct {
	custom, public []*definition
	lastID         int64
}

// newLibrary holds the scripts that the demo tickets run, and some public ones.
func newLibrary(creator User) *library {
	l := &library{lastID: 6228}
	for _, script := range Demo {
		d := &definition{name: script.Name, kind: "SHELL", description: "Runs " + script.Name, risk: "LOW",
			version: FirstVersion,
			status:  approved, creator: creator.Name, creatorID: creator.ID, enterprise: "0", source: CustomScript}
		d.created = scriptWritten(script.Name)
		d.uuid = UUID(script.Name)
		for i, p := range script.Params {
			d.params = append(d.params, definedParam{Name: p.Name, Value: p.Value, Description: p.Name, Order: i + 1,
				Sensitive: p.Sensitive})
		}
		var content strings.Builder
		content.WriteString("#!/bin/bash\n")
		for _, line := range script.lines {
			content.WriteString("echo '" + strings.ReplaceAll(line, "'", "") + "'\n")
		}
		d.content = content.String()
		l.add(d)
	}
	for i, p := range publicScripts {
		d := p
		d.id, d.uuid, d.source, d.status = int64(101+i), UUID(p.name), publicScript, approved
		d.created, d.version = scriptWritten(p.name), FirstVersion
		l.public = append(l.public, &d)
	}
	return l
}

// publicScripts are invented: the vendor's own are not known.
var publicScripts = []definition{
	{name: "ecs_clear_temp_files", kind: "SHELL", risk: "MEDIUM",
		description: "Deletes temporary files older than the given number of days",
		inChinese:   "删除早于指定天数的临时文件", content: "find /tmp -type f -mtime +${days} -delete\necho 'cleared'",
		params: []definedParam{{Name: "days", Value: "7", Description: "age in days", Order: 1}}},
	{name: "ecs_collect_diagnostics", kind: "SHELL", risk: "LOW", description: "Collects load, memory and disk usage",
		inChinese: "收集负载、内存和磁盘使用情况", content: "uptime\nfree -m\ndf -h"},
	{name: "windows_disk_report", kind: "BAT", risk: "LOW", description: "Reports free space of all drives",
		inChinese: "报告所有磁盘的剩余空间", content: "wmic logicaldisk get caption,freespace"},
	{name: "HWC.ECS.OSOps-switch-linux-ssh.sh", kind: "SHELL", risk: "MEDIUM",
		description: "Switches the SSH service on or off",
		inChinese:   "开启或关闭 SSH 服务", content: "echo \"ssh: ${state}\"",
		params: []definedParam{{Name: "state", Value: "on", Description: "on or off", Order: 1}}},
	{name: "reset_ssh_service", kind: "PYTHON", risk: "HIGH",
		description: "Restarts sshd with the default configuration",
		inChinese:   "以默认配置重启 sshd", content: "import subprocess\nsubprocess.run(['systemctl', 'restart', 'sshd'])"},
}

// scriptWritten is when a script of the demo set was written, by its name.
func scriptWritten(name string) time.Time {
	return time.Date(2025, 3, 1, 2, 0, 0, 0, time.UTC).Add(time.Duration(api.Hash(name)%300) * 26 * time.Hour)
}

// UUID is the script_uuid of a script of the demo set.
func UUID(name string) string {
	return api.UUID("SC", scriptWritten(name), rand.New(rand.NewPCG(api.Hash(name), 0)))
}

func (l *library) add(d *definition) {
	l.lastID++
	d.id = l.lastID
	l.custom = append(l.custom, d)
}

func find(list []*definition, uuid string) (*definition, bool) {
	i := slices.IndexFunc(list, func(d *definition) bool { return d.uuid == uuid })
	if i < 0 {
		return nil, false
	}
	return list[i], true
}

func (l *library) named(name string) bool {
	return slices.ContainsFunc(l.custom, func(d *definition) bool { return d.name == name })
}

// The codes of unknown scripts (docs/coc-api.md sections 5.4 and 10.3).
// Which of the two stands for what is not known: here 00040604 is for public
// ones.
func scriptNotFound() error {
	return &api.Refusal{Code: "COC.00040603", English: "The script does not exist.", Chinese: "脚本不存在。"}
}

func publicNotFound() error {
	return &api.Refusal{Code: "COC.00040604", English: "The public script does not exist.", Chinese: "公共脚本不存在。"}
}

func badScriptUUID() error {
	return &api.Refusal{Code: "COC.00040601", English: "The script uuid is invalid.", Chinese: "脚本 UUID 无效。"}
}

// onScript finds the custom script of the path.
func (s *Service) onScript(c *Call, do func(*Call, *definition) (any, error)) (any, error) {
	return onDefinition(c, s.library.custom, scriptNotFound, do)
}

// onPublicScript finds the public script of the path.
func (s *Service) onPublicScript(c *Call, do func(*Call, *definition) (any, error)) (any, error) {
	return onDefinition(c, s.library.public, publicNotFound, do)
}

func onDefinition(c *Call, list []*definition, unknown func() error,
	do func(*Call, *definition) (any, error)) (any, error) {
	if !scriptPattern.MatchString(c.Script) {
		return nil, badScriptUUID()
	}
	d, ok := find(list, c.Script)
	if !ok {
		return nil, unknown()
	}
	return do(c, d)
}

type definitionProperties struct {
	Risk      string      `json:"risk_level"`
	Version   string      `json:"version"`
	Reviewers *[]reviewer `json:"reviewers,omitempty"`
	Protocol  *string     `json:"protocol"`
}

type definitionRow struct {
	ID         int64                `json:"id"`
	Name       string               `json:"name"`
	Kind       string               `json:"type"`
	Creator    string               `json:"creator"`
	CreatorID  string               `json:"creator_id"`
	Operator   *string              `json:"operator"`
	Created    int64                `json:"gmt_created"`
	Modified   *int64               `json:"gmt_modified"`
	Status     string               `json:"status"`
	UUID       string               `json:"script_uuid"`
	Properties definitionProperties `json:"properties"`
	Enterprise any                  `json:"enterprise_project_id"` // a string, or a number in a list
	Tags       []Tag                `json:"resource_tags"`
	Used       int                  `json:"usage_count"`
}

// Detail is a script as a call on it alone shows it.
type Detail struct {
	definitionRow
	ID          *int64         `json:"id,omitempty"` // the detail has none
	Version     string         `json:"version"`
	Description string         `json:"description"`
	Content     string         `json:"content"`
	Params      []definedParam `json:"script_params"`
}

func (d *definition) row() definitionRow {
	reviewers := slices.Clone(d.reviewers)
	if reviewers == nil {
		reviewers = []reviewer{}
	}
	row := definitionRow{ID: d.id, Name: d.name, Kind: d.kind, Creator: d.creator, CreatorID: d.creatorID,
		Operator: d.operator, Created: d.created.UnixMilli(), Status: d.status, UUID: d.uuid, Enterprise: d.enterprise,
		Properties: definitionProperties{Risk: d.risk, Version: d.version, Reviewers: &reviewers, Protocol: d.protocol}}
	row.Tags, row.Used = append([]Tag{}, d.tags...), d.used
	if !d.modified.IsZero() {
		at := d.modified.UnixMilli()
		row.Modified = &at
	}
	return row
}

// Mask stands for a sensitive value (docs/coc-api.md section 4.2).
var Mask = strings.Repeat("*", 17)

func (d *definition) masked() []definedParam {
	list := slices.Clone(d.params)
	for i := range list {
		if list[i].Sensitive {
			list[i].Value = Mask
		}
	}
	if list == nil {
		list = []definedParam{}
	}
	return list
}

// PublicRow is a public script in a list.
type PublicRow struct {
	ID          *int64               `json:"id,omitempty"` // the detail has none
	UUID        string               `json:"script_uuid"`
	Name        string               `json:"name"`
	Kind        string               `json:"type"`
	Status      *string              `json:"status,omitempty"`
	Created     int64                `json:"gmt_created"`
	Description string               `json:"description"`
	Properties  definitionProperties `json:"properties"`
}

type publicBody struct {
	PublicRow
	Content string         `json:"content"`
	Params  []definedParam `json:"script_params"`
}

func (d *definition) publicRow(c *Call) PublicRow {
	return PublicRow{UUID: d.uuid, Name: d.name, Kind: d.kind, Created: d.created.UnixMilli(),
		Description: c.say(d.description, d.inChinese), Properties: definitionProperties{Risk: d.risk,
			Version: d.version}}
}

// Page is a list with its total (docs/coc-api.md section 5.3).
type Page[T any] struct {
	Total int64 `json:"total"`
	Data  []T   `json:"data"`
}

// listed reads one page of a list, in its order, that is filtered by match.
// usual is the limit of a call that gives none.
func listed[T any](list []*definition, q *api.Query, usual int64, match func(*definition) bool,
	body func(*definition) T) (any, error) {
	limit, marker := q.Number("limit", 1, 100, usual), q.Number("marker", 0, api.Never, 0)
	if q.Bad {
		return nil, api.Invalid()
	}
	p := Page[T]{Data: []T{}}
	rising := len(list) < 2 || list[0].id < list[1].id
	for _, d := range list {
		if !match(d) {
			continue
		}
		p.Total++
		if marker != 0 && (d.id == marker || (d.id > marker) != rising) {
			continue // on the pages before
		}
		if int64(len(p.Data)) < limit {
			p.Data = append(p.Data, body(d))
		}
	}
	return p, nil
}

// List is docs/coc-api.md section 5.3.
func (s *Service) List(c *Call) (any, error) {
	q := c.query()
	like, creator := q.Text("name_like", 32), q.Text("creator", 64)
	risk, kind := q.OneOf("risk_level", scriptRisks...), q.OneOf("type", scriptKinds...)
	enterprise := q.Text("enterprise_project_id", 64)
	if !q.Has("limit") {
		return nil, api.Missing("limit")
	}
	newest := slices.Clone(s.library.custom)
	slices.Reverse(newest)
	return listed(newest, q, 0, func(d *definition) bool {
		return d.matches(risk, kind) && strings.Contains(d.name, like) && (creator == "" || d.creator == creator) &&
			(enterprise == "" || d.enterprise == enterprise)
	}, func(d *definition) definitionRow {
		row := d.row()
		if n, err := strconv.ParseInt(d.enterprise, 10, 64); err == nil && s.rules.NumericEnterprise {
			row.Enterprise = n
		}
		return row
	})
}

func (d *definition) matches(risk, kind string) bool {
	return (risk == "" || d.risk == risk) && (kind == "" || d.kind == kind)
}

// usualPage is the size of a page that nobody asked for: invented.
const usualPage = 10

// ListPublic is docs/coc-api.md sections 5 and 14.3: name_like is a prefix, and
// limit may be left out.
func (s *Service) ListPublic(c *Call) (any, error) {
	q := c.query()
	like, name := q.Text("name_like", 32), q.Text("name", 64)
	risk, kind := q.OneOf("risk_level", scriptRisks...), q.OneOf("type", scriptKinds...)
	return listed(s.library.public, q, usualPage, func(d *definition) bool {
		return d.matches(risk, kind) && strings.HasPrefix(d.name, like) && (name == "" || d.name == name)
	}, func(d *definition) PublicRow {
		row := d.publicRow(c)
		row.ID, row.Status = &d.id, &d.status
		return row
	})
}

// Show answers with one script (docs/coc-api.md section 5.4).
func (s *Service) Show(c *Call) (any, error) {
	return s.onScript(c, func(_ *Call, d *definition) (any, error) {
		return Detail{definitionRow: d.row(), Version: d.version, Description: d.description, Content: d.content,
			Params: d.masked()}, nil
	})
}

// ShowPublic answers with one public script.
func (s *Service) ShowPublic(c *Call) (any, error) {
	return s.onPublicScript(c, func(c *Call, d *definition) (any, error) {
		return publicBody{PublicRow: d.publicRow(c), Content: d.content, Params: d.masked()}, nil
	})
}
