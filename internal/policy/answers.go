package policy

import (
	"strconv"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go"
)

// maxAnswers bounds the decisions that are kept of one set of rules: so many of the last ones, and as many of those
// before.
const maxAnswers = 2048

// answers are the decisions of rules that do not change: a request that was decided gets the same decision. The zero
// value is ready.
type answers struct {
	mu          sync.Mutex
	last, older map[question]Decision
}

// question is all of a request that policies can ask about.
type question struct {
	person        Person
	action        Action
	about         bool // there is a ticket
	id, name      string
	creator       string
	account       string
	project       string
	status        string
	places        string // regions, zones and applications
	requester     string
	groups        string // where they are not the directory's
	windows       string // of the calendar, in force
	total, stops  int
	running       int
	circumstances Circumstances // without its time
	hour, weekday int
}

func questionOf(q Request) question {
	out := question{person: q.Person, action: q.Action, circumstances: q.Circumstances,
		hour: q.At.Hour(), weekday: q.weekday()}
	out.circumstances.At = time.Time{}
	if len(q.Windows) > 0 {
		out.windows = quotedLists(q.Windows)
	}
	if g := q.Groups; g != nil {
		out.groups = "given;" + quotedLists(g.Roles, g.Teams, g.TicketTeams)
	}
	if t := q.Ticket; t != nil {
		out.about, out.id, out.name, out.creator, out.account = true, t.ID, t.Name, t.Creator, t.Account
		out.project, out.status, out.requester = t.Project, t.Status, t.Requester
		out.total, out.stops, out.running = t.Total, t.Stops, t.Running
		out.places = quotedLists(t.Regions, t.Zones, t.Applications)
	}
	return out
}

// quotedLists is one text for lists of names.
func quotedLists(lists ...[]string) string {
	var text []byte
	for _, names := range lists {
		for _, name := range names {
			text = strconv.AppendQuote(text, name)
		}
		text = append(text, ';')
	}
	return string(text)
}

// get returns the decision of a request, which decide makes.
func (a *answers) get(q Request, decide func() Decision) Decision {
	key := questionOf(q)
	if d, ok := a.known(key); ok {
		return d
	}
	d := decide()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keep(key, d)
	return d
}

func (a *answers) known(key question) (Decision, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d, ok := a.last[key]; ok {
		return d, true
	}
	d, ok := a.older[key]
	if ok {
		a.keep(key, d)
	}
	return d, ok
}

// keep remembers a decision. The caller holds the lock.
func (a *answers) keep(key question, d Decision) {
	if a.last == nil || len(a.last) >= maxAnswers {
		a.last, a.older = map[question]Decision{}, a.last
	}
	a.last[key] = d
}

// maxPeople bounds the people whose entities are kept of one set of rules.
const maxPeople = 1000

// people are those whom rules that do not change were asked about, as entities, which
// nobody changes. The zero value is ready.
type people struct {
	mu  sync.Mutex
	all map[Person]cedar.Entity
}

// get returns somebody's entity, which made makes.
func (p *people) get(who Person, made func(Person) cedar.Entity) cedar.Entity {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.all[who]; ok {
		return known
	}
	if p.all == nil || len(p.all) >= maxPeople {
		p.all = map[Person]cedar.Entity{}
	}
	p.all[who] = made(who)
	return p.all[who]
}
