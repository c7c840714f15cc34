package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/places"
)

// The longest time for which a role may be given, and that where the directory names none, in hours.
const maxElevation, usualElevation = 24, 12

// elevation is a role that people may ask for, for a while.
type elevation struct {
	Members   []string `json:"members"`
	Teams     []string `json:"teams"`
	Hours     int      `json:"hours"`
	Approvers []string `json:"approvers"` // roles; none: RoleManagers
}

// Elevation is a role that somebody may ask for, and for how long at most.
type Elevation struct {
	Role    string
	Longest time.Duration
}

// checkElevations says what is wrong with the elevations of a directory, and fills in what they don't say.
func checkElevations(f directoryFile, roles map[string][]string, where *places.Text) (map[string]elevation, []error) {
	out := map[string]elevation{}
	var wrong []error
	for _, role := range slices.Sorted(maps.Keys(f.Elevations)) {
		e := f.Elevations[role]
		if e.Hours == 0 {
			e.Hours = usualElevation
		}
		if len(e.Approvers) == 0 {
			e.Approvers = []string{RoleManagers}
		}
		out[role] = e
		for _, w := range wrongIn(role, e, f, roles) {
			wrong = append(wrong, where.Wrong(fmt.Errorf("elevation %q: %w", role, w.err),
				append([]string{"elevations", role}, w.path...)...))
		}
	}
	return out, wrong
}

// misplaced is what is wrong at a path.
type misplaced struct {
	err  error
	path []string
}

func wrongIn(role string, e elevation, f directoryFile, roles map[string][]string) (wrong []misplaced) {
	say := func(err error, path ...string) { wrong = append(wrong, misplaced{err, path}) }
	if strings.TrimSpace(role) == "" {
		say(errors.New("it is without a role"))
	}
	if e.Hours < 1 || e.Hours > maxElevation {
		say(fmt.Errorf("hours are from 1 to %d", maxElevation), "hours")
	}
	if len(e.Members)+len(e.Teams) == 0 {
		say(errors.New("it has neither members nor teams: nobody could ask for it"))
	}
	for i, m := range e.Members {
		if err := CheckMember(m); err != nil {
			say(err, "members", strconv.Itoa(i))
		}
	}
	for i, team := range e.Teams {
		if f.Teams[team] == nil {
			say(fmt.Errorf("there is no team %q", team), "teams", strconv.Itoa(i))
		}
	}
	for i, by := range e.Approvers {
		if roles[by] == nil {
			say(fmt.Errorf("there is no role %q that could approve it", by), "approvers", strconv.Itoa(i))
		}
	}
	return wrong
}

// Elevations are the roles that somebody may ask for, by name: those that the directory offers them and doesn't give
// them anyhow.
func (r *Rules) Elevations(p Person) []Elevation {
	var all []Elevation
	has := names(r.directory.rolesOf(p))
	for _, role := range slices.Sorted(maps.Keys(r.directory.elevations)) {
		if e := r.directory.elevations[role]; r.offers(e, p) && !slices.Contains(has, role) {
			all = append(all, Elevation{role, time.Duration(e.Hours) * time.Hour})
		}
	}
	return all
}

// offers reports whether an elevation is for somebody.
func (r *Rules) offers(e elevation, p Person) bool {
	is := func(m string) bool {
		group, isGroup := strings.CutPrefix(m, groupPrefix)
		return m == "id:"+p.UserID && p.UserID != "" || m == p.AccountName+"/"+p.UserName ||
			isGroup && slices.Contains(strings.Split(p.Groups, "\n"), group)
	}
	return slices.ContainsFunc(e.Members, is) || slices.ContainsFunc(r.Teams(p),
		func(team string) bool { return slices.Contains(e.Teams, team) })
}

// HasElevations reports whether the directory offers roles for a while to anybody.
func (r *Rules) HasElevations() bool { return len(r.directory.elevations) > 0 }

// MayApproveElevation reports whether somebody has a role that approves that one for others. What they were given for
// a while doesn't count: nobody gets further than the directory says.
func (r *Rules) MayApproveElevation(p Person, role string) bool {
	e, offered := r.directory.elevations[role]
	return offered && slices.ContainsFunc(names(r.directory.rolesOf(p)),
		func(has string) bool { return slices.Contains(e.Approvers, has) })
}

// elevated are those of the roles that the directory still offers to somebody, sorted, one in a line.
func (r *Rules) elevated(p Person, roles []string) string {
	roles = slices.DeleteFunc(slices.Clone(roles), func(role string) bool {
		e, offered := r.directory.elevations[role]
		return !offered || !r.offers(e, p)
	})
	slices.Sort(roles)
	return strings.Join(slices.Compact(roles), "\n")
}

// Elevated tells which roles somebody was given for a while, at a time.
type Elevated func(p Person, at time.Time) []string

// Elevate has f asked in every decision from now on.
func (s *Store) Elevate(f Elevated) { s.elevations.Store(&f) }

// Elevated is the person with the roles that they have for a while at that time, which the rules in force let them
// have.
func (s *Store) Elevated(p Person, at time.Time) Person {
	f := s.elevations.Load()
	if f == nil || !s.Rules().HasElevations() {
		return p
	}
	if roles := (*f)(p, at); len(roles) > 0 {
		p.Elevated = s.Rules().elevated(p, roles)
	}
	return p
}
