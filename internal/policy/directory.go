package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"coc-console/internal/places"
)

// The roles that the default policies know.
const (
	RoleManagers = "managers"
	RoleOnCall   = "on-call"
)

// directory says who is in which team and has which role. Members are
// account/user, compared exactly, or id: with an IAM user's id, which IAM
// gives to nobody else when a user is deleted and a new one gets the name, or
// group: with a group at the company's provider, whose people are members.
type directory struct {
	roles, teams map[string][]cedar.EntityUID // by member, sorted
	all          []string                     // members of RoleManagers, sorted
	elevations   map[string]elevation         // by role
}

// directoryFile is the form of the --directory file.
type directoryFile struct {
	Roles      map[string][]string  `json:"roles"`
	Teams      map[string][]string  `json:"teams"`
	Elevations map[string]elevation `json:"elevations"`
}

// parseDirectory reads the file's bytes; nil is an empty directory. managers
// get their role besides those that the file names. Errors say where.
func parseDirectory(text []byte, managers []string) (directory, error) {
	var f directoryFile
	var where *places.Text
	if text != nil {
		var err error
		if where, err = places.Decode(text, &f); err != nil {
			return directory{}, err
		}
	}
	roles := maps.Clone(f.Roles)
	if roles == nil {
		roles = map[string][]string{}
	}
	roles[RoleManagers] = slices.Concat(roles[RoleManagers], managers)
	d := directory{}
	var wrong1, wrong2, wrong3 []error
	d.roles, wrong1 = byMember(typeRole, roles, where)
	d.teams, wrong2 = byMember(typeTeam, f.Teams, where)
	d.all = slices.Compact(slices.Sorted(slices.Values(roles[RoleManagers])))
	d.elevations, wrong3 = checkElevations(f, roles, where)
	return d, places.Sorted(slices.Concat(wrong1, wrong2, wrong3))
}

// byMember turns groups with their members into members with their groups, and
// says what is wrong with them.
func byMember(kind cedar.EntityType, groups map[string][]string, where *places.Text) (
	out map[string][]cedar.EntityUID, wrong []error) {
	out = map[string][]cedar.EntityUID{}
	word := strings.ToLower(string(kind))
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if strings.TrimSpace(name) == "" {
			wrong = append(wrong, where.Wrong(fmt.Errorf("a %s without a name", word), word+"s", name))
		}
		uid := cedar.NewEntityUID(kind, cedar.String(name))
		for i, m := range groups[name] {
			if err := CheckMember(m); err != nil {
				err = fmt.Errorf("%s %q: %w", word, name, err)
				wrong = append(wrong, where.Wrong(err, word+"s", name, strconv.Itoa(i)))
			}
			if !slices.Contains(out[m], uid) {
				out[m] = append(out[m], uid)
			}
		}
	}
	return out, wrong
}

// CheckMember says what is wrong with the name of a member.
func CheckMember(m string) error {
	if group, ok := strings.CutPrefix(m, groupPrefix); ok {
		if group == "" || strings.TrimSpace(group) != group || strings.ContainsAny(group, "\r\n") {
			return fmt.Errorf("%q is no group: with a group's name", m)
		}
		return nil
	}
	id, byID := strings.CutPrefix(m, "id:")
	account, user, ok := strings.Cut(m, "/")
	switch {
	case byID && id != "" && !ok && !strings.ContainsAny(m, " \t\r\n"):
		return nil
	case byID || !ok || account == "" || user == "" || strings.TrimSpace(m) != m:
		return fmt.Errorf("%q is neither account/user nor id: with an IAM user's id, nor group: with a group of the company's provider", m)
	}
	return nil
}

// Teams are the names of the teams that somebody is in, sorted.
func (r *Rules) Teams(p Person) []string {
	var names []string
	for _, uid := range r.directory.teamsOf(p) {
		names = append(names, string(uid.ID))
	}
	slices.Sort(names)
	return names
}

func (d directory) rolesOf(p Person) []cedar.EntityUID { return of(d.roles, p) }
func (d directory) teamsOf(p Person) []cedar.EntityUID { return of(d.teams, p) }

// of finds somebody by both names, by the id and by their groups. An unknown creator, who has
// neither, is in no team.
func of(groups map[string][]cedar.EntityUID, p Person) []cedar.EntityUID {
	var found []cedar.EntityUID
	if p.UserName != "" && p.AccountName != "" {
		found = groups[p.AccountName+"/"+p.UserName]
	}
	var others []cedar.EntityUID
	if p.UserID != "" {
		others = groups["id:"+p.UserID]
	}
	if p.Groups != "" {
		for group := range strings.SplitSeq(p.Groups, "\n") {
			others = slices.Concat(others, groups[groupPrefix+group])
		}
	}
	for _, uid := range others {
		if !slices.Contains(found, uid) {
			found = append(slices.Clone(found), uid)
		}
	}
	return found
}

// groupPrefix begins a member that is a group of the company's provider.
const groupPrefix = "group:"

// GroupsThatCount are those of the groups that the directory names, sorted, one in a line.
func (r *Rules) GroupsThatCount(all []string) string {
	var named []string
	for _, group := range all {
		_, role := r.directory.roles[groupPrefix+group]
		_, team := r.directory.teams[groupPrefix+group]
		if (role || team || r.directory.offersTo(groupPrefix+group)) && !slices.Contains(named, group) {
			named = append(named, group)
		}
	}
	slices.Sort(named)
	return strings.Join(named, "\n")
}

// offersTo reports whether an elevation names a member.
func (d directory) offersTo(member string) bool {
	for _, e := range d.elevations {
		if slices.Contains(e.Members, member) {
			return true
		}
	}
	return false
}

func (d directory) managers() []string { return d.all }

// groups are the roles and teams that somebody is in.
func (d directory) groups() map[cedar.EntityUID]bool {
	found := map[cedar.EntityUID]bool{}
	for _, of := range []map[string][]cedar.EntityUID{d.roles, d.teams} {
		for _, uids := range of {
			for _, uid := range uids {
				found[uid] = true
			}
		}
	}
	for _, uid := range uids(typeRole, slices.Collect(maps.Keys(d.elevations))) {
		found[uid] = true
	}
	return found
}
