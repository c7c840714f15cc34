// Package policy decides who may do what. COC has one permission for all five
// operations (docs/coc-api.md section 1); finer rules are the console's own and
// are written in Cedar (https://www.cedarpolicy.com): in a file, or, without
// one, the rules in default.cedar.
//
// A decision is one of three: allowed; allowed once something is done first
// (Demand); denied. It names the policies that decided. What cannot be decided
// is denied: a policy that fails while it is evaluated denies, whatever the
// others say.
package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"

	"coc-console/internal/calendar"
	"coc-console/internal/coc"
)

// Action is what somebody wants to do: one of the five operations by its wire
// name, or one of the constants here.
type Action string

// The actions besides the five operations.
const (
	View    Action = "view"    // see a ticket
	Approve Action = "approve" // an operation that somebody else has asked for
	Review  Action = "review"  // read every record of the log
	Export  Action = "export"  // carry records away

	SignIn   Action = "sign-in"  // use the console at all
	Sessions Action = "sessions" // see other people's sessions, and end them
)

// Person is who asks, as IAM named them, with their groups at the company's provider and the roles that they have for
// a while, one in a line.
type Person struct {
	UserID, UserName, AccountName string
	Groups                        string
	Elevated                      string // set by Store, which knows until when
}

// Ticket is what an action is about. Numbers are counts of instances.
type Ticket struct {
	ID, Name, Creator, Account, Project, Status string
	Regions, Zones, Applications                []string
	Total                                       int
	Stops                                       int    // that the operation stops or takes out, running or waiting
	Running                                     int    // of these, those that run
	Requester                                   string // user id of who asked; for Approve alone
}

// Circumstances are what a person has done to get the operation, and when.
type Circumstances struct {
	Reason, Counted, Approved bool
	Override                  bool // the emergency override is used
	Bulk                      int  // operations of one confirmation; 0 counts as 1
	At                        time.Time
}

// Request is one question. Ticket is nil for what is about the log or the
// console.
type Request struct {
	Person Person
	Action Action
	Ticket *Ticket
	// Groups are those of the person and the ticket; nil: those of the directory.
	Groups *Groups
	// Windows are the names of the calendar's windows in force; nil: those of the calendar at that time.
	Windows []string
	Circumstances
}

// Kind is something that a policy wants done first.
type Kind string

// The kinds of demands.
const (
	Reason   Kind = "reason"
	Count    Kind = "count"
	Approval Kind = "approval"
)

// Demand is what one policy wants done first: any one of its kinds.
type Demand struct {
	Policy    string
	Any       []Kind
	Text      Text
	Approvers Approvers // where an approval is one of them
}

// Text is what a policy says to whom it stops, as its annotations give it.
type Text struct{ English, Chinese string }

// Decision is the answer.
type Decision struct {
	// Allowed says that it may be done now.
	Allowed bool
	// Demands, when it is not allowed, are what is still wanted; with all of
	// them met it is allowed. None means denied.
	Demands []Demand
	// Override says that the emergency override, with a reason, would allow it.
	Override bool
	// Policies are the ids of those that decided; none when nothing permits.
	Policies []string
	// Text is what the first of them says.
	Text Text
	// Ask names those who may help: the managers of the directory.
	Ask []string
	// Failed are policies that could not be evaluated, with the reason.
	Failed []string
	// Asked is what was decided, and Groups the roles and teams that counted.
	Asked  Request
	Groups Groups
	// Trial is what the policies in shadow would have made of it; nil: the same.
	Trial *Trial
	// Windows are those of the calendar that the policies which stop it ask about, and that are in force.
	Windows []calendar.Window
}

// Denied reports that nothing the person can do would allow it.
func (d Decision) Denied() bool { return !d.Allowed && len(d.Demands) == 0 }

// Wants reports whether a demand of that kind is open.
func (d Decision) Wants(k Kind) bool {
	return slices.ContainsFunc(d.Demands, func(x Demand) bool { return slices.Contains(x.Any, k) })
}

// Needs reports whether nothing but that kind meets some open demand.
func (d Decision) Needs(k Kind) bool {
	return slices.ContainsFunc(d.Demands, func(x Demand) bool { return len(x.Any) == 1 && x.Any[0] == k })
}

// Rules are policies with their directory. They do not change.
type Rules struct {
	policies  *cedar.PolicySet
	indexes   map[Action]*index
	answers   answers
	people    people
	directory directory
	calendar  *calendar.Calendar // nil: without windows
	dated     map[cedar.PolicyID][]string
	demands   map[cedar.PolicyID]Demand
	texts     map[cedar.PolicyID]Text
	weights   *Weights // nil: the defaults
	// Policies in shadow, and the indexes of all others together with them.
	shadows      map[cedar.PolicyID]bool
	withShadows  map[Action]*index
	builtIn      bool   // the policies are this program's own
	file         string // empty: built in
	source       string
	digest       string // of the files
	hasDirectory bool
}

// maxDemands bounds how often one request is asked again: once for each kind.
const maxDemands = 3

// Decide answers one request. Whoever gets a Decision only reads it: the next who asks the same gets it, too.
func (r *Rules) Decide(q Request) Decision {
	if q.Windows == nil {
		q.Windows = r.calendar.InForce(q.At)
	}
	d := r.answers.get(q, func() Decision { return r.evaluate(q) })
	d.Asked, d.Windows = q, r.stopping(d, q)
	return d
}

// evaluate decides a request by the policies.
func (r *Rules) evaluate(q Request) Decision {
	groups := r.groupsIn(q)
	entities, request := r.entities(q, groups)
	x := r.indexes[q.Action]
	if x == nil {
		x = r.indexes[""]
	}
	d := r.decide(x.find(entities, request), entities, request, q.Circumstances)
	d.Asked, d.Groups, d.Trial = q, groups, r.trial(d, q, entities, request)
	return d
}

// groupsIn are the roles and teams that count in a request.
func (r *Rules) groupsIn(q Request) Groups {
	if q.Groups != nil {
		return *q.Groups
	}
	g := Groups{Roles: r.RolesOf(q.Person), Teams: r.TeamsOf(q.Person)}
	if t := q.Ticket; t != nil {
		g.TicketTeams = r.TeamsOf(Person{UserName: t.Creator, AccountName: t.Account})
	}
	return g
}

func (r *Rules) decide(p cedar.PolicyIterator, entities cedar.EntityMap, request cedar.Request,
	c Circumstances) Decision {
	d := r.ask(p, entities, request, c)
	if d.Allowed || len(d.Failed) > 0 {
		return d
	}
	demands, decisive := r.wanted(p, entities, request, c)
	if len(demands) == 0 {
		return decisive // what remains when all that can be done is done
	}
	d.Demands = demands
	if !c.Override {
		c.Override, c.Reason = true, true
		d.Override = wantsMore(d.Demands) && r.ask(p, entities, request, c).Allowed
	}
	return d
}

// wantsMore reports whether a reason alone does not do.
func wantsMore(demands []Demand) bool {
	return slices.ContainsFunc(demands, func(d Demand) bool { return !slices.Contains(d.Any, Reason) })
}

// ask evaluates the policies once.
func (r *Rules) ask(p cedar.PolicyIterator, entities cedar.EntityMap, request cedar.Request, c Circumstances) Decision {
	request.Context = c.record(inForce(request))
	verdict, why := cedar.Authorize(p, entities, request)
	d := Decision{Allowed: verdict == cedar.Allow && len(why.Errors) == 0, Ask: r.directory.managers()}
	for _, e := range why.Errors {
		d.Failed = append(d.Failed, string(e.PolicyID)+": "+e.Message)
	}
	for _, reason := range why.Reasons {
		d.Policies = append(d.Policies, string(reason.PolicyID))
	}
	slices.Sort(d.Failed)
	slices.Sort(d.Policies)
	for _, id := range d.Policies {
		if d.Text == (Text{}) {
			d.Text = r.texts[cedar.PolicyID(id)]
		}
	}
	return d
}

// wanted finds what would have to be done for the request to be allowed; none
// when nothing would do, with the denial that then remains. It supposes that a
// demand is met, and asks again.
func (r *Rules) wanted(p cedar.PolicyIterator, entities cedar.EntityMap, request cedar.Request,
	c Circumstances) (all []Demand, last Decision) {
	for range maxDemands + 1 {
		last = r.ask(p, entities, request, c)
		if last.Allowed {
			return all, last
		}
		var met bool
		for _, id := range last.Policies {
			demand, ok := r.demands[cedar.PolicyID(id)]
			if !ok || slices.ContainsFunc(all, func(x Demand) bool { return x.Policy == id }) {
				last.Policies, last.Text = []string{id}, r.texts[cedar.PolicyID(id)] // it forbids, whatever is done
				return nil, last
			}
			all, met = append(all, demand), true
			c.meet(demand.Any[0])
		}
		if !met {
			return nil, last
		}
	}
	return nil, last
}

func (c *Circumstances) meet(k Kind) {
	switch k {
	case Reason:
		c.Reason = true
	case Count:
		c.Counted = true
	case Approval:
		c.Approved = true
	}
}

func (c Circumstances) record(calendar cedar.Value) cedar.Record {
	return cedar.NewRecord(cedar.RecordMap{
		"reason": cedar.Boolean(c.Reason), "counted": cedar.Boolean(c.Counted), "approved": cedar.Boolean(c.Approved),
		"override": cedar.Boolean(c.Override), "glass": cedar.Boolean(c.Override), "bulk": cedar.Long(max(c.Bulk, 1)),
		"hour": cedar.Long(c.At.Hour()), "weekday": cedar.Long(c.weekday()),
		"calendar": calendar,
	})
}

// weekday counts from 1, which is Monday.
func (c Circumstances) weekday() int { return (int(c.At.Weekday())+6)%7 + 1 }

// Entity types and the one log.
const (
	typeUser   cedar.EntityType = "User"
	typeRole   cedar.EntityType = "Role"
	typeTeam   cedar.EntityType = "Team"
	typeTicket cedar.EntityType = "Ticket"
	typeAction cedar.EntityType = "Action"
)

var (
	theLog     = cedar.NewEntityUID("Log", "audit")
	theConsole = cedar.NewEntityUID("Console", "console")
)

// entities are those that a request is about.
func (r *Rules) entities(q Request, g Groups) (cedar.EntityMap, cedar.Request) {
	made := func(p Person) cedar.Entity { return userEntity(p, g) }
	var user cedar.Entity
	if q.Groups != nil {
		user = made(q.Person)
	} else {
		user = r.people.get(q.Person, made)
	}
	action := cedar.NewEntityUID(typeAction, cedar.String(q.Action))
	all := cedar.EntityMap{user.UID: user, action: {UID: action, Parents: actionParents(q.Action)}}
	resource := theLog
	switch {
	case q.Ticket != nil:
		ticket := ticketEntity(*q.Ticket, g)
		all[ticket.UID], resource = ticket, ticket.UID
	case q.Action == SignIn, q.Action == Sessions:
		resource = theConsole
	}
	if q.Ticket == nil {
		all[resource] = cedar.Entity{UID: resource}
	}
	return all, cedar.Request{Principal: user.UID, Action: action, Resource: resource, Context: windowsOf(q)}
}

func actionParents(a Action) cedar.EntityUIDSet {
	switch a {
	case View, Approve, Review, Export, SignIn, Sessions:
		return cedar.NewEntityUIDSet()
	}
	return cedar.NewEntityUIDSet(cedar.NewEntityUID(typeAction, "operate"))
}

func userEntity(p Person, g Groups) cedar.Entity {
	teams := uids(typeTeam, g.Teams)
	parents := slices.Concat(uids(typeRole, g.Roles), teams)
	return cedar.Entity{
		UID:     cedar.NewEntityUID(typeUser, cedar.String(p.AccountName+"/"+p.UserName)),
		Parents: cedar.NewEntityUIDSet(parents...),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"id": cedar.String(p.UserID), "name": cedar.String(p.UserName), "account": cedar.String(p.AccountName),
			"teams": set(teams),
		}),
	}
}

func ticketEntity(t Ticket, g Groups) cedar.Entity {
	teams := uids(typeTeam, g.TicketTeams)
	return cedar.Entity{
		UID:     cedar.NewEntityUID(typeTicket, cedar.String(t.ID)),
		Parents: cedar.NewEntityUIDSet(teams...),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"id": cedar.String(t.ID), "name": cedar.String(t.Name), "creator": cedar.String(t.Creator),
			"account": cedar.String(t.Account), "project": cedar.String(t.Project), "regions": texts(t.Regions),
			"zones": texts(t.Zones), "applications": texts(t.Applications),
			"status": cedar.String(coc.TicketStatus(t.Status).Canonical()), "teams": set(teams),
			"total": cedar.Long(t.Total), "stops": cedar.Long(t.Stops),
			"running": cedar.Long(t.Running), "share": cedar.Long(t.share()), "requester": cedar.String(t.Requester),
		}),
	}
}

// share is what stops, in percent of all, rounded up.
func (t Ticket) share() int {
	if t.Total < 1 {
		return 0
	}
	return (t.Stops*100 + t.Total - 1) / t.Total
}

// uids are the entities of groups.
func uids(kind cedar.EntityType, names []string) []cedar.EntityUID {
	out := make([]cedar.EntityUID, len(names))
	for i, name := range names {
		out[i] = cedar.NewEntityUID(kind, cedar.String(name))
	}
	return out
}

func texts(all []string) cedar.Set {
	values := make([]cedar.Value, len(all))
	for i, text := range all {
		values[i] = cedar.String(text)
	}
	return cedar.NewSet(values...)
}

func set(all []cedar.EntityUID) cedar.Set {
	values := make([]cedar.Value, len(all))
	for i, uid := range all {
		values[i] = uid
	}
	return cedar.NewSet(values...)
}

// RolesOf are a person's roles by the directory, sorted, and those for a while.
func (r *Rules) RolesOf(p Person) []string {
	roles := names(r.directory.rolesOf(p))
	if p.Elevated != "" {
		for role := range strings.SplitSeq(p.Elevated, "\n") {
			if !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
		}
	}
	return roles
}

// TeamsOf returns the names of the person's teams, sorted.
func (r *Rules) TeamsOf(p Person) []string { return names(r.directory.teamsOf(p)) }

func names(all []cedar.EntityUID) []string {
	out := make([]string, len(all))
	for i, uid := range all {
		out[i] = string(uid.ID)
	}
	return out
}

// formerApproval is what files from before 0.1.0 call Approval.
const formerApproval = "second_person"

// parseDemand reads the annotation @demand.
func parseDemand(text string) ([]Kind, bool) {
	var kinds []Kind
	for part := range strings.SplitSeq(text, " or ") {
		k := Kind(strings.TrimSpace(part))
		if k == formerApproval {
			k = Approval
		}
		if k != Reason && k != Count && k != Approval || slices.Contains(kinds, k) {
			return nil, false
		}
		kinds = append(kinds, k)
	}
	return kinds, true
}
