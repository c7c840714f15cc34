package scripts

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/internal/simulator/api"
)

// This file creates, changes, deletes, approves and examines scripts
// (docs/coc-api.md section 5.6).

// The limits of a script (docs/coc-api.md sections 5.6 and 11). The schema's
// 4096 characters of content stand against "max 100 KB" of the text; the
// schema counts here.
const (
	maxScripts   = 10_000
	maxContent   = 4096
	maxParams    = 20
	maxReviewers = 5
	maxValue     = 4096 // of a parameter; older pages say 1024
)

var (
	scriptPattern = regexp.MustCompile(`^SC[0-9]{14}[0-9a-f]{9}$`)
	scriptName    = regexp.MustCompile(`^[\p{Han}A-Za-z0-9_-]{3,64}$`) // docs/coc-api.md section 14.3
	paramName     = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	paramValue    = regexp.MustCompile("^[A-Za-z0-9_\\-/.* ?:\",=+@#\\\\\\[{\\]}]*$")
)

type scriptBody struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Kind        string          `json:"type"`
	Content     string          `json:"content"`
	Params      []definedParam  `json:"script_params"`
	Enterprise  json.RawMessage `json:"enterprise_project_id"` // a string, or a number as in the example
	Properties  *struct {
		Risk      string     `json:"risk_level"`
		Version   string     `json:"version"`
		Reviewers []reviewer `json:"reviewers"`
		Protocol  *string    `json:"protocol"`
	} `json:"properties"`
}

// check holds a script against its limits. What an update cannot change, or may
// leave out, is checked only for a new one.
func (b scriptBody) check(fresh bool) error {
	switch {
	case fresh && b.Name == "":
		return api.Missing("name")
	case fresh && b.Kind == "":
		return api.Missing("type")
	case b.Description == "":
		return api.Missing("description")
	case b.Content == "":
		return api.Missing("content")
	case fresh && b.Properties == nil, b.Properties != nil && b.Properties.Version == "":
		return api.Missing("version")
	case b.Properties != nil && b.Properties.Risk == "":
		return api.Missing("risk_level")
	case fresh && (!scriptName.MatchString(b.Name) || !slices.Contains(scriptKinds, b.Kind)),
		length(b.Description) > 256, length(b.Content) > maxContent, !b.propertiesFit(), !paramsFit(b.Params),
		!b.enterpriseFits():
		return api.Invalid()
	}
	return nil
}

func length(text string) int { return utf8.RuneCountInString(text) }

func (b scriptBody) propertiesFit() bool {
	p := b.Properties
	if p == nil {
		return true
	}
	for _, r := range p.Reviewers {
		if r.Name == "" || r.ID == "" {
			return false
		}
	}
	return slices.Contains(scriptRisks, p.Risk) && len(p.Version) <= 64 && len(p.Reviewers) <= maxReviewers &&
		(p.Protocol == nil || slices.Contains(protocols, *p.Protocol))
}

func paramsFit(params []definedParam) bool {
	names := map[string]bool{}
	for _, p := range params {
		if names[p.Name] || !paramName.MatchString(p.Name) || !valueFits(p.Value) || length(p.Description) > 256 {
			return false
		}
		names[p.Name] = true
	}
	return len(params) <= maxParams
}

// valueFits is docs/coc-api.md section 5.1: a length, a set of characters, and
// no two dots in a row.
func valueFits(value string) bool {
	return len(value) <= maxValue && paramValue.MatchString(value) && !strings.Contains(value, "..")
}

// apply puts the body into a script. Who has reviewers waits for them. That an
// update keeps the properties and parameters that it leaves out is inferred.
func (b scriptBody) apply(d *definition) {
	d.description, d.content = b.Description, b.Content
	if b.Params != nil {
		d.params = b.Params
	}
	for i := range d.params {
		d.params[i].Order = i + 1
	}
	if p := b.Properties; p != nil {
		d.risk, d.version, d.reviewers, d.protocol = p.Risk, p.Version, p.Reviewers, p.Protocol
	}
	d.status = approved
	if len(d.reviewers) > 0 {
		d.status = pending
	}
}

// Create adds a script (docs/coc-api.md section 5.6).
func (s *Service) Create(c *Call) (any, error) {
	b, err := readBody[scriptBody](c)
	if err != nil {
		return nil, err
	}
	if err := b.check(true); err != nil {
		return nil, err
	}
	if len(s.library.custom) >= maxScripts {
		// the simulator's own limit
		return nil, &api.Refusal{Code: api.CodeState, English: "Too many scripts.", Chinese: "脚本数量过多。"}
	}
	if s.library.named(b.Name) {
		return nil, &api.Refusal{Code: "COC.00040601", English: "Exist script with same name: " + b.Name,
			Chinese: "存在同名脚本：" + b.Name}
	}
	at := s.now().UTC().Truncate(time.Millisecond)
	d := &definition{name: b.Name, kind: b.Kind, uuid: api.UUID("SC", at, s.Rand), created: at, creator: c.User.Name,
		creatorID: c.User.ID, enterprise: b.enterprise(), source: CustomScript}
	b.apply(d)
	s.library.add(d)
	return d.uuid, nil
}

var enterprisePattern = regexp.MustCompile(`^"[A-Za-z0-9-]{0,64}"$|^[0-9]{1,18}$|^null$|^$`)

// enterpriseFits accepts the string of the schema and the number of the example.
func (b scriptBody) enterpriseFits() bool { return enterprisePattern.Match(b.Enterprise) }

func (b scriptBody) enterprise() string {
	if text := strings.Trim(string(b.Enterprise), `"`); text != "" && text != "null" {
		return text
	}
	return "0"
}

// Update changes a script.
func (s *Service) Update(c *Call) (any, error) {
	return s.onScript(c, func(c *Call, d *definition) (any, error) {
		b, err := readBody[scriptBody](c)
		if err != nil {
			return nil, err
		}
		if err := b.check(false); err != nil {
			return nil, err
		}
		b.apply(d)
		d.operator, d.modified = &c.User.Name, s.now().UTC()
		return d.uuid, nil
	})
}

// The limits of tags are those of the vendor's tag service; how many a script
// takes is inferred.
const (
	maxTags     = 20
	maxTagKey   = 128
	maxTagValue = 255
)

// Tag replaces a script's tags (docs/coc-api.md section 14.3). That the
// id is the script's uuid, and that tags left out are removed, is inferred.
func (s *Service) Tag(c *Call) (any, error) {
	return s.onScript(c, func(c *Call, d *definition) (any, error) {
		b, err := readBody[struct {
			Tags []Tag `json:"tags"`
		}](c)
		if err != nil {
			return nil, err
		}
		keys := map[string]bool{}
		for _, t := range b.Tags {
			if t.Key == "" {
				return nil, api.Missing("key")
			}
			if keys[t.Key] || length(t.Key) > maxTagKey || length(t.Value) > maxTagValue {
				return nil, api.Invalid()
			}
			keys[t.Key] = true
		}
		if len(b.Tags) > maxTags {
			return nil, api.Invalid()
		}
		d.tags = b.Tags
		return d.uuid, nil
	})
}

// Delete removes a script.
func (s *Service) Delete(c *Call) (any, error) {
	return s.onScript(c, func(_ *Call, d *definition) (any, error) {
		s.library.custom = slices.DeleteFunc(s.library.custom, func(other *definition) bool { return other == d })
		return d.uuid, nil
	})
}

// Approve decides on a script that waits for its reviewers. That others
// than the reviewers are refused, and that a decision is final until the next
// change, is invented.
func (s *Service) Approve(c *Call) (any, error) {
	return s.onScript(c, func(c *Call, d *definition) (any, error) {
		b, err := readBody[struct {
			Status   string  `json:"status"`
			Comments *string `json:"comments"`
		}](c)
		reviews := slices.ContainsFunc(d.reviewers, func(r reviewer) bool { return r.Name == c.User.Name })
		switch {
		case err != nil:
			return nil, err
		case b.Status == "":
			return nil, api.Missing("status")
		case b.Status != approved && b.Status != rejected,
			b.Comments != nil && (length(*b.Comments) < 1 || length(*b.Comments) > 256):
			return nil, api.Invalid()
		case d.status != pending:
			return nil, &api.Refusal{Code: api.CodeState, English: "The script is not waiting for approval.",
				Chinese: "脚本不在待审批状态。"}
		case !reviews:
			return nil, &api.Refusal{Code: api.CodeState, English: "Only a reviewer of the script may approve it.",
				Chinese: "只有脚本的审批人可以审批。"}
		}
		d.status, d.operator, d.modified = b.Status, &c.User.Name, s.now().UTC()
		return true, nil
	})
}

type blacklisted struct {
	Name        string `json:"command_name"`
	Rule        string `json:"command_rule"`
	Example     string `json:"example"`
	Description string `json:"description_en"`
	InChinese   string `json:"description_zh"`
}

// dangers are the commands that a risk check finds. The service's own list is
// not known; this one is invented.
var dangers = []struct {
	pattern *regexp.Regexp
	risk    string
	command blacklisted
}{
	{regexp.MustCompile(`\brm\s+-[a-z]*r[a-z]*f?\s+/(\s|$|\*)`), "HIGH",
		blacklisted{"rm", "rm -rf /", "rm -rf /", "Deletes the whole file system.", "删除整个文件系统。"}},
	{regexp.MustCompile(`\bmkfs(\.\w+)?\b`), "HIGH", blacklisted{"mkfs", "mkfs", "mkfs.ext4 /dev/vdb",
		"Formats a disk.", "格式化磁盘。"}},
	{regexp.MustCompile(`\b(shutdown|reboot|halt)\b`), "MEDIUM",
		blacklisted{"shutdown", "shutdown|reboot|halt", "shutdown -h now", "Stops the server.", "停止服务器。"}},
}

// Analyze names the dangerous commands of a text.
func (s *Service) Analyze(c *Call) (any, error) {
	b, err := readBody[struct {
		Content string `json:"content"`
	}](c)
	switch {
	case err != nil:
		return nil, err
	case b.Content == "":
		return nil, api.Missing("content")
	case length(b.Content) > maxContent:
		return nil, api.Invalid()
	}
	found := struct {
		Risk     string        `json:"risk_level"`
		Commands []blacklisted `json:"blacklist_commands"`
	}{"LOW", []blacklisted{}}
	for _, d := range dangers {
		if !d.pattern.MatchString(b.Content) {
			continue
		}
		found.Commands = append(found.Commands, d.command)
		if slices.Index(scriptRisks, d.risk) > slices.Index(scriptRisks, found.Risk) {
			found.Risk = d.risk
		}
	}
	return found, nil
}
