package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
)

// The roles that the default policies know.
const (
	RoleManagers = "managers"
	RoleOnCall   = "on-call"
)

// directory says who is in which team and has which role. Members are
// account/user, compared exactly, or id: with an IAM user's id, which IAM
// gives to nobody else when a user is deleted and a new one gets the name.
type directory struct {
	roles, teams map[string][]cedar.EntityUID // by member, sorted
	all          []string                     // members of RoleManagers, sorted
}

// directoryFile is the form of the --directory file.
type directoryFile struct {
	Roles map[string][]string `json:"roles"`
	Teams map[string][]string `json:"teams"`
}

// parseDirectory reads the file's bytes; nil is an empty directory. managers
// get their role besides those that the file names.
func parseDirectory(text []byte, managers []string) (directory, error) {
	var f directoryFile
	if len(text) > 0 {
		in := json.NewDecoder(bytes.NewReader(text))
		in.DisallowUnknownFields()
		if err := in.Decode(&f); err != nil {
			return directory{}, fmt.Errorf("not the JSON of a directory: %w", err)
		}
		if _, err := in.Token(); !errors.Is(err, io.EOF) {
			return directory{}, errors.New("something follows the directory's JSON")
		}
	}
	roles := maps.Clone(f.Roles)
	if roles == nil {
		roles = map[string][]string{}
	}
	roles[RoleManagers] = slices.Concat(roles[RoleManagers], managers)
	d := directory{}
	var err1, err2 error
	d.roles, err1 = byMember(typeRole, roles)
	d.teams, err2 = byMember(typeTeam, f.Teams)
	d.all = slices.Compact(slices.Sorted(slices.Values(roles[RoleManagers])))
	return d, errors.Join(err1, err2)
}

// byMember turns groups with their members into members with their groups.
func byMember(kind cedar.EntityType, groups map[string][]string) (map[string][]cedar.EntityUID, error) {
	out := map[string][]cedar.EntityUID{}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("a %s without a name", strings.ToLower(string(kind)))
		}
		uid := cedar.NewEntityUID(kind, cedar.String(name))
		for _, m := range groups[name] {
			if err := CheckMember(m); err != nil {
				return nil, fmt.Errorf("%s %q: %w", strings.ToLower(string(kind)), name, err)
			}
			if !slices.Contains(out[m], uid) {
				out[m] = append(out[m], uid)
			}
		}
	}
	return out, nil
}

// CheckMember says what is wrong with the name of a member.
func CheckMember(m string) error {
	id, byID := strings.CutPrefix(m, "id:")
	account, user, ok := strings.Cut(m, "/")
	switch {
	case byID && id != "" && !ok && !strings.ContainsAny(m, " \t\r\n"):
		return nil
	case byID || !ok || account == "" || user == "" || strings.TrimSpace(m) != m:
		return fmt.Errorf("%q is neither account/user nor id: with an IAM user's id", m)
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

// of finds somebody by both names and by the id. An unknown creator, who has
// neither, is in no team.
func of(groups map[string][]cedar.EntityUID, p Person) []cedar.EntityUID {
	var found []cedar.EntityUID
	if p.UserName != "" && p.AccountName != "" {
		found = groups[p.AccountName+"/"+p.UserName]
	}
	if p.UserID == "" || len(groups["id:"+p.UserID]) == 0 {
		return found
	}
	for _, uid := range groups["id:"+p.UserID] {
		if !slices.Contains(found, uid) {
			found = append(slices.Clone(found), uid)
		}
	}
	return found
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
	return found
}
