package company

import (
	"context"
	"encoding/json"

	"github.com/coreos/go-oidc/v3/oidc"
)

// groups are those of the person that count.
func (p *Provider) groups(ctx context.Context, person *oidc.IDToken) string {
	var claims map[string]json.RawMessage
	if p.cfg.GroupsClaim == "" || p.cfg.Count == nil || person.Claims(&claims) != nil {
		return ""
	}
	list, problem := groupsIn(claims, p.cfg.GroupsClaim)
	p.warn(ctx, problem, person.Subject)
	for i := range list {
		list[i] = p.cfg.GroupsPrefix + list[i]
	}
	return p.cfg.Count(list)
}

// What may be wrong with the claim of groups.
const (
	noClaim     = "it has no such claim: does the provider put it into the ID token?"
	manyGroups  = "the provider leaves the groups out where they are too many: have it send only those that the console needs"
	strangeKind = "the claim is neither a list of texts nor a text"
	someStrange = "the list has items of another kind, which are left out"
)

// groupsIn are the groups of a claim, and what is wrong with it.
func groupsIn(claims map[string]json.RawMessage, claim string) (list []string, problem string) {
	text := claimAt(claims, claim)
	var items []json.RawMessage
	var elsewhere map[string]json.RawMessage // distributed claims: OpenID Connect Core 5.6.2
	switch {
	case text == nil && json.Unmarshal(claims["_claim_names"], &elsewhere) == nil && elsewhere[claim] != nil:
		return nil, manyGroups
	case text == nil || string(text) == "null":
		return nil, noClaim
	case json.Unmarshal(text, &items) != nil:
		one, ok := nameIn(text)
		if !ok {
			return nil, strangeKind
		}
		return []string{one}, ""
	}
	for _, item := range items {
		if name, ok := nameIn(item); ok {
			list = append(list, name)
		} else {
			problem = someStrange
		}
	}
	return list, problem
}

// nameIn is a group's name: a text, or a number as it is written.
func nameIn(text json.RawMessage) (name string, ok bool) {
	var number json.Number
	if string(text) == "null" {
		return "", false
	}
	if json.Unmarshal(text, &name) == nil {
		return name, true
	}
	return string(text), json.Unmarshal(text, &number) == nil
}

// claimAt is a claim by its name, or by the names of those around it with dots between; nil: there is none.
func claimAt(claims map[string]json.RawMessage, name string) json.RawMessage {
	if text, ok := claims[name]; ok {
		return text
	}
	for i := range len(name) {
		var inner map[string]json.RawMessage
		if name[i] != '.' || json.Unmarshal(claims[name[:i]], &inner) != nil {
			continue
		}
		if text := claimAt(inner, name[i+1:]); text != nil {
			return text
		}
	}
	return nil
}

// warn logs what is wrong with somebody's groups. That there are none is told once: some have none.
func (p *Provider) warn(ctx context.Context, problem, subject string) {
	if problem == "" || p.cfg.Logger == nil {
		return
	}
	p.mu.Lock()
	told := problem == noClaim && p.warned
	p.warned = p.warned || problem == noClaim
	p.mu.Unlock()
	if !told {
		p.cfg.Logger.WarnContext(ctx, "groups of an ID token not read", "provider", p.cfg.Name,
			"claim", p.cfg.GroupsClaim, "subject", shown(subject), "error", problem)
	}
}
