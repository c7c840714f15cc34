package simulator

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/scripts"
)

// scriptCalls are the calls on scripts and on the inventory: which action each
// needs (docs/coc-api.md section 13.1) and who answers it, under the lock.
var scriptCalls = map[CallKind]struct {
	action string
	answer func(*scripts.Service, *scripts.Call) (any, error)
}{
	CallListScripts:         {actionListDocuments, (*scripts.Service).List},
	CallShowScript:          {actionGetDocument, (*scripts.Service).Show},
	CallCreateScript:        {actionCreateDocument, (*scripts.Service).Create},
	CallUpdateScript:        {actionUpdateDocument, (*scripts.Service).Update},
	CallDeleteScript:        {actionDeleteDocument, (*scripts.Service).Delete},
	CallApproveScript:       {actionUpdateDocument, (*scripts.Service).Approve},
	CallTagScript:           {actionUpdateDocument, (*scripts.Service).Tag},
	CallExecuteScript:       {actionExecute, (*scripts.Service).Execute},
	CallAnalyzeScript:       {actionAnalyze, (*scripts.Service).Analyze},
	CallListPublicScripts:   {actionListDocuments, (*scripts.Service).ListPublic},
	CallShowPublicScript:    {actionGetDocument, (*scripts.Service).ShowPublic},
	CallExecutePublicScript: {actionExecute, (*scripts.Service).ExecutePublic},
	CallBatchInstances:      {actionAutoBatch, (*scripts.Service).Batches},
	CallListResources:       {actionListResources, (*scripts.Service).Resources},
	CallSyncResources:       {actionSyncResources, (*scripts.Service).SyncResources},
}

// onScripts hands a call on, and answers with what comes back.
func (s *Simulator) onScripts(c *call, do func(*scripts.Service, *scripts.Call) (any, error)) answer {
	found, err := do(s.scripts, &scripts.Call{Script: c.script, Query: c.URL.Query(), Body: c.body,
		JSON: c.jsonBody(), Chinese: c.chinese(),
		User:      scripts.User{Name: c.user.Name, ID: c.account.userID(c.user.Name)},
		AccountID: c.account.ID(), ProjectID: c.account.ProjectID,
		Full:  len(s.tickets) >= 2*MaxCrowd, // the simulator's own limit
		Start: func(e scripts.Execution) string { return s.execute(c, e) }})
	var refusal *api.Refusal
	switch {
	case errors.Is(err, scripts.ErrContentType):
		return c.unsupported()
	case errors.As(err, &refusal):
		return refused(refusal)
	case err != nil:
		return cocError(api.CodeState, err.Error(), err.Error())
	}
	return data(found)
}

// execute makes tickets of an execution: one, unless a fault says otherwise.
func (s *Simulator) execute(c *call, e scripts.Execution) string {
	switch {
	case c.fault != nil && c.fault.Effect == NoEffect: // an id that leads nowhere
		return api.UUID("SCT", s.now().UTC(), s.scripts.Rand)
	case c.fault != nil && c.fault.Effect == Twice:
		s.start(specOf(e, c.user.Name), e)
	}
	return s.start(specOf(e, c.user.Name), e).uuid
}

func specOf(e scripts.Execution, creator string) TicketSpec {
	spec := TicketSpec{Name: e.Name, Creator: creator, Timeout: e.Timeout, SuccessRate: e.SuccessRate,
		ExecuteUser: e.User, Params: e.Params}
	for _, b := range e.Batches {
		made := BatchSpec{Pause: b.Pause}
		for _, r := range b.Runs {
			made.Instances = append(made.Instances, InstanceSpec{Host: r.Host, IP: r.IP, Region: r.Region, Zone: r.Zone,
				Application: r.Application, Offline: r.Offline, LInstance: r.LInstance, Attributes: r.Attributes,
				Dispatch: r.Dispatch, Run: r.Time, ExitCode: r.ExitCode, logAfter: r.Log})
		}
		spec.Batches = append(spec.Batches, made)
	}
	return spec
}

// start adds a ticket that begins now. The caller holds the lock.
func (s *Simulator) start(spec TicketSpec, e scripts.Execution) *ticket {
	t := newTicket(spec, s.rules, s.now().UTC().Truncate(time.Millisecond), s.scripts.Rand)
	s.lastOrder++
	t.orderID, t.scriptUUID, t.version, t.source = s.lastOrder, e.Script, e.Version, e.Source
	t.firstID = s.nextRow
	s.nextRow = t.catchUp(t.created)
	s.tickets = append([]*ticket{t}, s.tickets...)
	s.byUUID[t.uuid] = t
	return t
}

// serversOf are the servers that tickets run on.
func serversOf(specs []TicketSpec) []scripts.Server {
	var list []scripts.Server
	for _, spec := range specs {
		for _, b := range spec.Batches {
			for _, several := range b.Instances {
				for _, p := range several.expand() {
					list = append(list, scripts.Server{Host: p.Host, IP: p.IP, Region: p.Region, Zone: p.Zone,
						Application: p.Application})
				}
			}
		}
	}
	return list
}

// methods choose among the calls of one path; the first is the one that a
// wrong method is told.
type methods []struct {
	method string
	kind   CallKind
}

var scriptPaths = map[string]methods{
	"/v1/job/scripts":             {{http.MethodGet, CallListScripts}, {http.MethodPost, CallCreateScript}},
	"/v1/job/public-scripts":      {{http.MethodGet, CallListPublicScripts}},
	"/v1/job/analyze-job":         {{http.MethodPost, CallAnalyzeScript}},
	"/v1/instances/batches":       {{http.MethodPost, CallBatchInstances}},
	"/v1/resources":               {{http.MethodGet, CallListResources}},
	"/v1/external/resources":      {{http.MethodGet, CallListResources}}, // the older address
	"/v1/resources/sync":          {{http.MethodPost, CallSyncResources}},
	"/v1/external/resources/sync": {{http.MethodPost, CallSyncResources}},
}

var (
	oneScript = methods{{http.MethodGet, CallShowScript}, {http.MethodPost, CallExecuteScript},
		{http.MethodPut, CallUpdateScript}, {http.MethodDelete, CallDeleteScript}}
	onePublicScript = methods{{http.MethodGet, CallShowPublicScript}, {http.MethodPost, CallExecutePublicScript}}
	tagging         = methods{{http.MethodPost, CallTagScript}}
	approval        = methods{{http.MethodPost, CallApproveScript}}
)

// routeScript finds a call on scripts or on the inventory. The tickets' own
// path, /v1/job/script/orders, is none.
func (c *call) routeScript(path string) bool {
	if m, ok := scriptPaths[path]; ok {
		c.choose(m)
		return true
	}
	if rest, ok := strings.CutPrefix(path, "/v1/job/scripts/"); ok {
		id, tail, more := strings.Cut(rest, "/")
		switch {
		case id == "" || more && tail != "action":
			return false
		case more:
			c.choose(approval)
		default:
			c.choose(oneScript)
		}
		c.script = id
		return true
	}
	if rest, ok := strings.CutPrefix(path, "/v1/script/coc:script/"); ok {
		id, tagged := strings.CutSuffix(rest, "/tags/update")
		if !tagged || id == "" || strings.Contains(id, "/") {
			return false
		}
		c.choose(tagging)
		c.script = id
		return true
	}
	rest, ok := strings.CutPrefix(path, "/v1/job/public-scripts/")
	if !ok || rest == "" || strings.Contains(rest, "/") {
		return false
	}
	c.choose(onePublicScript)
	c.script = rest
	return true
}

func (c *call) choose(m methods) {
	for _, one := range m {
		if one.method == c.Method {
			c.kind, c.method = one.kind, one.method
			return
		}
	}
	c.kind, c.method = m[0].kind, m[0].method
}
