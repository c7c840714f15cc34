package simulator

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// definition is a script as it is stored: a custom one, or a public one, which
// nobody can change (docs/coc-api.md section 5).
type definition struct {
	id                     int64
	uuid, name, kind       string
	description, inChinese string // inChinese: of public scripts, by X-Language
	content                string
	params                 []paramDefinition
	risk, version          string
	reviewers              []reviewer
	protocol               *string
	status                 string
	creator, creatorID     string
	operator               *string
	created, modified      time.Time
	enterprise             string
	source                 string
}

type reviewer struct {
	Name string `json:"reviewer_name"`
	ID   string `json:"reviewer_id"`
}

type paramDefinition struct {
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

	customScript = "CUSTOM_SCRIPT"
	publicScript = "PUBLIC_SCRIPT" // as script_source: inferred from CUSTOM_SCRIPT
)

var (
	scriptKinds = []string{"SHELL", "PYTHON", "BAT"}
	scriptRisks = []string{"LOW", "MEDIUM", "HIGH"}
	protocols   = []string{"DEFAULT", "SMS", "EMAIL", "DING_TALK", "WE_LINK", "WECHAT", "CALLNOTIFY", "NOT_TO_NOTIFY"}
)

// library is all scripts, each list ascending by id, which is the order of the
// pages (inferred from the marker).
type library struct {
	custom, public []*definition
	lastID         int64
	rng            *rand.Rand
}

// newLibrary holds the scripts that the demo tickets run, and some public ones.
func (s *Simulator) newLibrary() *library {
	l := &library{lastID: 6228, rng: rand.New(rand.NewPCG(s.seed, 6))}
	account := s.accounts[0]
	for _, script := range scripts {
		d := &definition{name: script.name, kind: "SHELL", description: "Runs " + script.name, risk: "LOW", version: "1.0.0",
			status: approved, creator: demoUser, creatorID: account.userID(demoUser), enterprise: "0", source: customScript}
		d.created = scriptWritten(script.name)
		d.uuid = scriptUUID(script.name)
		for i, p := range script.params {
			d.params = append(d.params, paramDefinition{Name: p.Name, Value: p.Value, Description: p.Name, Order: i + 1, Sensitive: p.Sensitive})
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
		d.id, d.uuid, d.source, d.status = int64(101+i), scriptUUID(p.name), publicScript, approved
		d.created, d.version = scriptWritten(p.name), "1.0.0"
		l.public = append(l.public, &d)
	}
	return l
}

// publicScripts are invented: the vendor's own are not known.
var publicScripts = []definition{
	{name: "ecs_clear_temp_files", kind: "SHELL", risk: "MEDIUM", description: "Deletes temporary files older than the given number of days",
		inChinese: "删除早于指定天数的临时文件", content: "find /tmp -type f -mtime +${days} -delete\necho 'cleared'",
		params: []paramDefinition{{Name: "days", Value: "7", Description: "age in days", Order: 1}}},
	{name: "ecs_collect_diagnostics", kind: "SHELL", risk: "LOW", description: "Collects load, memory and disk usage",
		inChinese: "收集负载、内存和磁盘使用情况", content: "uptime\nfree -m\ndf -h"},
	{name: "windows_disk_report", kind: "BAT", risk: "LOW", description: "Reports free space of all drives",
		inChinese: "报告所有磁盘的剩余空间", content: "wmic logicaldisk get caption,freespace"},
	{name: "reset_ssh_service", kind: "PYTHON", risk: "HIGH", description: "Restarts sshd with the default configuration",
		inChinese: "以默认配置重启 sshd", content: "import subprocess\nsubprocess.run(['systemctl', 'restart', 'sshd'])"},
}

// scriptWritten is when a script of the demo set was written, by its name.
func scriptWritten(name string) time.Time {
	return time.Date(2025, 3, 1, 2, 0, 0, 0, time.UTC).Add(time.Duration(hash(name)%300) * 26 * time.Hour)
}

func scriptUUID(name string) string {
	return uuid("SC", scriptWritten(name), rand.New(rand.NewPCG(hash(name), 0)))
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
func scriptNotFound() answer { return cocError("COC.00040603", "The script does not exist.") }

func publicNotFound() answer { return cocError("COC.00040604", "The public script does not exist.") }

func badScriptUUID() answer { return cocError("COC.00040601", "The script uuid is invalid.") }

// onScript finds the custom script of the path.
func (s *Simulator) onScript(c *call, do func(*call, *definition) answer) answer {
	return onDefinition(c, s.library.custom, scriptNotFound, do)
}

// onPublicScript finds the public script of the path.
func (s *Simulator) onPublicScript(c *call, do func(*call, *definition) answer) answer {
	return onDefinition(c, s.library.public, publicNotFound, do)
}

func onDefinition(c *call, list []*definition, unknown func() answer, do func(*call, *definition) answer) answer {
	if !scriptPattern.MatchString(c.script) {
		return badScriptUUID()
	}
	d, ok := find(list, c.script)
	if !ok {
		return unknown()
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
}

type definitionBody struct {
	definitionRow
	ID          *int64            `json:"id,omitempty"` // the detail has none
	Version     string            `json:"version"`
	Description string            `json:"description"`
	Content     string            `json:"content"`
	Params      []paramDefinition `json:"script_params"`
}

func (d *definition) row() definitionRow {
	reviewers := slices.Clone(d.reviewers)
	if reviewers == nil {
		reviewers = []reviewer{}
	}
	row := definitionRow{ID: d.id, Name: d.name, Kind: d.kind, Creator: d.creator, CreatorID: d.creatorID, Operator: d.operator,
		Created: d.created.UnixMilli(), Status: d.status, UUID: d.uuid, Enterprise: d.enterprise,
		Properties: definitionProperties{Risk: d.risk, Version: d.version, Reviewers: &reviewers, Protocol: d.protocol}}
	if !d.modified.IsZero() {
		at := d.modified.UnixMilli()
		row.Modified = &at
	}
	return row
}

func (d *definition) masked() []paramDefinition {
	list := slices.Clone(d.params)
	for i := range list {
		if list[i].Sensitive {
			list[i].Value = mask
		}
	}
	if list == nil {
		list = []paramDefinition{}
	}
	return list
}

type publicRow struct {
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
	publicRow
	Content string            `json:"content"`
	Params  []paramDefinition `json:"script_params"`
}

func (d *definition) publicRow(c *call) publicRow {
	return publicRow{UUID: d.uuid, Name: d.name, Kind: d.kind, Created: d.created.UnixMilli(),
		Description: c.say(d.description, d.inChinese), Properties: definitionProperties{Risk: d.risk, Version: d.version}}
}

// pageOf is a list with its total (docs/coc-api.md section 5.3).
type pageOf[T any] struct {
	Total int64 `json:"total"`
	Data  []T   `json:"data"`
}

// listed reads one page of a list that is filtered by match.
func listed[T any](list []*definition, q *query, match func(*definition) bool, body func(*definition) T) answer {
	if len(q.values["limit"]) == 0 {
		return missing("limit")
	}
	limit, marker := q.number("limit", 1, 100, 0), q.number("marker", 0, never, 0)
	if q.bad {
		return invalid()
	}
	p := pageOf[T]{Data: []T{}}
	for _, d := range list {
		if !match(d) {
			continue
		}
		p.Total++
		if d.id > marker && int64(len(p.Data)) < limit {
			p.Data = append(p.Data, body(d))
		}
	}
	return data(p)
}

// listScripts is docs/coc-api.md section 5.3.
func (s *Simulator) listScripts(c *call) answer {
	q := c.query()
	like, creator := q.text("name_like", 32), q.text("creator", 64)
	risk, kind := q.oneOf("risk_level", scriptRisks...), q.oneOf("type", scriptKinds...)
	enterprise := q.text("enterprise_project_id", 64)
	return listed(s.library.custom, q, func(d *definition) bool {
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

// listPublicScripts is docs/coc-api.md section 5.5: name_like is a prefix.
func (s *Simulator) listPublicScripts(c *call) answer {
	q := c.query()
	like, name := q.text("name_like", 32), q.text("name", 64)
	risk, kind := q.oneOf("risk_level", scriptRisks...), q.oneOf("type", scriptKinds...)
	return listed(s.library.public, q, func(d *definition) bool {
		return d.matches(risk, kind) && strings.HasPrefix(d.name, like) && (name == "" || d.name == name)
	}, func(d *definition) publicRow {
		row := d.publicRow(c)
		row.ID, row.Status = &d.id, &d.status
		return row
	})
}

func (s *Simulator) showScript(c *call) answer {
	return s.onScript(c, func(_ *call, d *definition) answer {
		return data(definitionBody{definitionRow: d.row(), Version: d.version, Description: d.description, Content: d.content, Params: d.masked()})
	})
}

func (s *Simulator) showPublicScript(c *call) answer {
	return s.onPublicScript(c, func(c *call, d *definition) answer {
		return data(publicBody{publicRow: d.publicRow(c), Content: d.content, Params: d.masked()})
	})
}
