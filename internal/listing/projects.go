package listing

import (
	"slices"
	"sync"
	"time"

	"coc-console/templates"
)

// projectsLast is how long a list of projects is offered in the menu.
const projectsLast = time.Hour

// Person is whose projects they are, whatever project they work in.
func (r Reader) Person() Reader { return Reader{Account: r.Account, User: r.User} }

// Projects remembers in which projects people may work. The zero value is ready.
type Projects struct {
	mu  sync.Mutex
	all map[Reader]knownProjects
}

type knownProjects struct {
	list []templates.ProjectChoice
	at   time.Time
}

// Note remembers a person's projects.
func (p *Projects) Note(who Reader, now time.Time, list []templates.ProjectChoice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil || len(p.all) >= maxNumbers {
		p.all = map[Reader]knownProjects{}
	}
	p.all[who] = knownProjects{slices.Clone(list), now}
}

// Known are a person's projects, as far as they are remembered; here is the session's.
func (p *Projects) Known(who Reader, here string, now time.Time) []templates.ProjectChoice {
	p.mu.Lock()
	known := p.all[who]
	p.mu.Unlock()
	if now.Sub(known.at) > projectsLast {
		return nil
	}
	list := slices.Clone(known.list)
	for i := range list {
		list[i].Here = list[i].ID == here
	}
	return list
}

// Name is what a project is called; the text itself where that is not known.
func (p *Projects) Name(who Reader, project string, now time.Time) string {
	for _, one := range p.Known(who, "", now) {
		if one.ID == project {
			return one.Name
		}
	}
	return project
}
