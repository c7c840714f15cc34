package policy

import (
	"iter"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"coc-console/internal/coc"

	cedarast "github.com/cedar-policy/cedar-go/x/exp/ast"
)

// subset are policies, evaluated as a set of their own.
type subset []listed

type listed struct {
	id     cedar.PolicyID
	policy *cedar.Policy
}

// All is what cedar.Authorize evaluates.
func (s subset) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, p := range s {
			if !yield(p.id, p.policy) {
				return
			}
		}
	}
}

// index finds the policies that can say anything about a request. A policy that is left out neither holds nor fails:
// Cedar evaluates scope and conditions from left to right, and ends at the first that is false.
type index struct {
	unguarded  subset
	guarded    map[guard]subset
	attributes []guard // those that guards ask about, without values
	all        subset
}

// guard is what must be true for a policy to hold or to fail: an entity is or is in another, or its attribute has a
// value.
type guard struct {
	of        cedar.String // principal or resource
	attribute cedar.String // empty: the entity itself
	value     cedar.Value  // an EntityUID or a String, which can be compared
}

const (
	ofPrincipal cedar.String = "principal"
	ofResource  cedar.String = "resource"
)

// newIndex puts each policy behind the guard that it shares with the fewest others.
func newIndex(all subset) *index {
	x := &index{guarded: map[guard]subset{}, all: all}
	guards, shared := make([][]guard, len(all)), map[guard]int{}
	for i, p := range all {
		guards[i] = guardsOf((*cedarast.Policy)(p.policy.AST()))
		for _, g := range guards[i] {
			shared[g]++
		}
	}
	for i, p := range all {
		if len(guards[i]) == 0 {
			x.unguarded = append(x.unguarded, p)
			continue
		}
		best := slices.MinFunc(guards[i], func(a, b guard) int { return shared[a] - shared[b] })
		x.guarded[best] = append(x.guarded[best], p)
		for _, g := range guards[i] {
			x.needs(g)
			if g == best {
				break
			}
		}
	}
	return x
}

// needs notes the attribute of a guard that Cedar evaluates before it comes to the one that a policy stands behind: a
// policy fails where an entity has no such attribute, and must be found then.
func (x *index) needs(g guard) {
	g.value = nil
	if g.attribute != "" && !slices.Contains(x.attributes, g) {
		x.attributes = append(x.attributes, g)
	}
}

// find returns the policies that a request may meet.
func (x *index) find(entities cedar.EntityMap, q cedar.Request) subset {
	found := slices.Clone(x.unguarded)
	uids := map[cedar.String]cedar.EntityUID{ofPrincipal: q.Principal, ofResource: q.Resource}
	for of, uid := range uids {
		for _, above := range withAncestors(entities, uid) {
			found = append(found, x.guarded[guard{of, "", above}]...)
		}
	}
	for _, g := range x.attributes {
		value, _ := entities[uids[g.of]].Attributes.Get(g.attribute)
		text, ok := value.(cedar.String)
		if !ok {
			return x.all // some policy fails at it
		}
		g.value = text
		found = append(found, x.guarded[g]...)
	}
	return found
}

// withAncestors are an entity and all that it is in.
func withAncestors(entities cedar.EntityMap, uid cedar.EntityUID) []cedar.EntityUID {
	found := []cedar.EntityUID{uid}
	for i := 0; i < len(found); i++ {
		for parent := range entities[found[i]].Parents.All() {
			if !slices.Contains(found, parent) {
				found = append(found, parent)
			}
		}
	}
	return found
}

// guardsOf are those of the scope, and of the comparisons that the conditions begin with.
func guardsOf(p *cedarast.Policy) []guard {
	guards := slices.Concat(scopeGuards(ofPrincipal, p.Principal), scopeGuards(ofResource, p.Resource))
	for _, c := range p.Conditions {
		if c.Condition != cedarast.ConditionWhen {
			break
		}
		more, compares := comparisons(c.Body)
		if guards = append(guards, more...); !compares {
			break
		}
	}
	return guards
}

func scopeGuards(of cedar.String, scope cedarast.IsScopeNode) []guard {
	switch s := scope.(type) {
	case cedarast.ScopeTypeEq:
		return []guard{{of, "", s.Entity}}
	case cedarast.ScopeTypeIn:
		return []guard{{of, "", s.Entity}}
	case cedarast.ScopeTypeIsIn:
		return []guard{{of, "", s.Entity}}
	}
	return nil
}

// comparisons are the guards that a condition begins with. whole says that it is nothing else, and so cannot fail where
// the attributes are there: what stands behind it counts, too.
func comparisons(n cedarast.IsNode) (guards []guard, whole bool) {
	switch n := n.(type) {
	case cedarast.NodeTypeAnd:
		left, whole := comparisons(n.Left)
		if !whole {
			return left, false
		}
		right, whole := comparisons(n.Right)
		return append(left, right...), whole
	case cedarast.NodeTypeEquals:
		for _, side := range [][2]cedarast.IsNode{{n.Left, n.Right}, {n.Right, n.Left}} {
			g, isAttribute := attributeOf(side[0])
			value, isValue := side[1].(cedarast.NodeValue)
			text, isText := value.Value.(cedar.String)
			if isAttribute && isValue && isText {
				g.value = text
				return []guard{g}, true
			}
		}
	}
	return nil, false
}

func attributeOf(n cedarast.IsNode) (guard, bool) {
	access, ok := n.(cedarast.NodeTypeAccess)
	if !ok {
		return guard{}, false
	}
	v, ok := access.Arg.(cedarast.NodeTypeVariable)
	return guard{of: v.Name, attribute: access.Value}, ok && (v.Name == ofPrincipal || v.Name == ofResource)
}

// indexes are the policies for each action, by its name; those for no action that there is by the empty one.
func indexes(all subset) map[Action]*index {
	out := map[Action]*index{"": newIndex(all)}
	known := []Action{View, Approve, Review, Export, SignIn, Sessions}
	for _, t := range coc.OperationTypes() {
		known = append(known, Action(t))
	}
	for _, a := range known {
		out[a] = newIndex(slices.DeleteFunc(slices.Clone(all), func(p listed) bool {
			return !scopeHas((*cedarast.Policy)(p.policy.AST()).Action, a)
		}))
	}
	return out
}

// scopeHas reports whether an action is in a scope.
func scopeHas(scope cedarast.IsActionScopeNode, a Action) bool {
	uid := cedar.NewEntityUID(typeAction, cedar.String(a))
	in := func(group cedar.EntityUID) bool { return group == uid || actionParents(a).Contains(group) }
	switch s := scope.(type) {
	case cedarast.ScopeTypeEq:
		return s.Entity == uid
	case cedarast.ScopeTypeIn:
		return in(s.Entity)
	case cedarast.ScopeTypeInSet:
		return slices.ContainsFunc(s.Entities, in)
	}
	return true
}
