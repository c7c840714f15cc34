package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
)

// Listed is one policy of the rules in force.
type Listed struct {
	ID      string
	Forbids bool
	Trial   bool // in shadow: not enforced
	Text    Text
}

// List returns the policies in the order of their file.
func (r *Rules) List() []Listed {
	all := slices.Clone(r.withShadows[""].all)
	all = slices.DeleteFunc(all, func(p listed) bool { return p.id == everybody })
	slices.SortFunc(all, func(a, b listed) int {
		return cmp.Compare(a.policy.Position().Offset, b.policy.Position().Offset)
	})
	list := make([]Listed, len(all))
	for i, p := range all {
		list[i] = Listed{string(p.id), p.policy.Effect() == cedar.Forbid, r.shadows[p.id], r.texts[p.id]}
	}
	return list
}

// File is the name of the file that the policies are from, empty for the built-in ones, and Source their text.
func (r *Rules) File() string { return r.file }

// Text is what a policy says.
func (r *Rules) Text(policy string) Text { return r.texts[cedar.PolicyID(policy)] }

// Source is the text of the policies.
func (r *Rules) Source() string { return r.source }

// Teammate returns the user name of somebody of the same account who is in a team of p's; the first by name.
func (r *Rules) Teammate(p Person) (name string, ok bool) {
	mine := r.directory.teamsOf(p)
	for _, member := range slices.Sorted(maps.Keys(r.directory.teams)) {
		account, user, named := strings.Cut(member, "/")
		shares := slices.ContainsFunc(r.directory.teams[member],
			func(t cedar.EntityUID) bool { return slices.Contains(mine, t) })
		if named && account == p.AccountName && user != p.UserName && shares {
			return user, true
		}
	}
	return "", false
}
