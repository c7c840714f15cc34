package policy

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"coc-console/internal/coc"

	cedarast "github.com/cedar-policy/cedar-go/x/exp/ast"
)

// Warnings say what is probably a mistake in rules that are well formed: what nobody may do, roles and teams that have
// no members, and policies that can never apply. The built-in policies give none.
func (r *Rules) Warnings() []string {
	if r.builtIn {
		return nil
	}
	var warnings []string
	groups := r.directory.groups()
	var live subset
	for _, p := range r.withShadows[""].all {
		if p.id == everybody {
			live = append(live, p)
			continue
		}
		for _, uid := range groupsOf(p.policy) {
			if !groups[uid] {
				warnings = append(warnings, fmt.Sprintf("policy %q names the %s %q, which has no members in the directory",
					p.id, kindOf(uid), uid.ID))
			}
		}
		for _, name := range r.unknownWindows(p.id) {
			warnings = append(warnings, fmt.Sprintf("policy %q asks about the window %q, which the calendar doesn't have",
				p.id, name))
		}
		if why := neverApplies((*cedarast.Policy)(p.policy.AST()), groups); why != "" {
			warnings = append(warnings, fmt.Sprintf("policy %q can never apply: %s", p.id, why))
			continue
		}
		if !r.shadows[p.id] {
			live = append(live, p)
		}
	}
	slices.Sort(warnings)
	return append(impossible(live), warnings...)
}

// impossible are the actions that no policy permits anybody.
func impossible(live subset) (warnings []string) {
	permitted := func(a Action) bool {
		return slices.ContainsFunc(live, func(p listed) bool {
			return p.policy.Effect() == cedar.Permit && scopeHas((*cedarast.Policy)(p.policy.AST()).Action, a)
		})
	}
	for _, one := range []struct {
		action Action
		text   string
	}{
		{View, "nobody may see any ticket: no policy permits the action view"},
		{Review, "nobody may read the whole log: no policy permits the action review"},
		{Export, "nobody may export the log: no policy permits the action export"},
	} {
		if !permitted(one.action) {
			warnings = append(warnings, one.text)
		}
	}
	operates := slices.ContainsFunc(coc.OperationTypes(), func(t coc.OperationType) bool {
		return permitted(Action(t))
	})
	if !operates {
		warnings = append(warnings, "nobody may operate on any ticket: no policy permits an operation")
	}
	if !operates || !permitted(View) { // the built-in ones permit both, whoever the directory names
		warnings = append(warnings, "a policy file replaces the built-in policies: "+
			"begin with those that `coc-console policy defaults` prints")
	}
	return warnings
}

// neverApplies says why a policy holds for nobody.
func neverApplies(p *cedarast.Policy, groups map[cedar.EntityUID]bool) string {
	for _, g := range scopeGuards(ofPrincipal, p.Principal) {
		if uid, ok := g.value.(cedar.EntityUID); ok && isGroup(uid) && !groups[uid] {
			return fmt.Sprintf("nobody is in the %s %q", kindOf(uid), uid.ID)
		}
	}
	for _, c := range p.Conditions {
		value, ok := c.Body.(cedarast.NodeValue)
		if ok && value.Value == cedar.Boolean(c.Condition == cedarast.ConditionUnless) {
			return "its condition is never met"
		}
	}
	return contradiction(guardsOf(p))
}

// contradiction finds an attribute that would have to be equal to two values.
func contradiction(guards []guard) string {
	wanted := map[guard]cedar.Value{}
	for _, g := range guards {
		of := guard{of: g.of, attribute: g.attribute}
		if other, ok := wanted[of]; ok && g.attribute != "" && other != g.value {
			return fmt.Sprintf("%s.%s can't be both %q and %q", g.of, g.attribute, other, g.value)
		}
		wanted[of] = g.value
	}
	return ""
}

// groupsOf are the roles and teams that a policy names, in its scope or its conditions, each once.
func groupsOf(p *cedar.Policy) (found []cedar.EntityUID) {
	text, err := p.MarshalJSON()
	var tree any
	if err != nil || json.Unmarshal(text, &tree) != nil { // Cedar's own JSON of a policy that it has parsed
		return nil
	}
	walk(tree, func(node map[string]any) {
		kind, _ := node["type"].(string)
		id, ok := node["id"].(string)
		uid := cedar.NewEntityUID(cedar.EntityType(kind), cedar.String(id))
		if ok && isGroup(uid) && !slices.Contains(found, uid) {
			found = append(found, uid)
		}
	})
	return found
}

// walk visits the objects of a JSON value.
func walk(value any, visit func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		visit(v)
		for _, inner := range v {
			walk(inner, visit)
		}
	case []any:
		for _, inner := range v {
			walk(inner, visit)
		}
	}
}

func isGroup(uid cedar.EntityUID) bool { return uid.Type == typeRole || uid.Type == typeTeam }

func kindOf(uid cedar.EntityUID) string {
	if uid.Type == typeRole {
		return "role"
	}
	return "team"
}
