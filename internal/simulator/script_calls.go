package simulator

import (
	"net/http"
	"strings"
)

// scriptCalls are the calls on scripts and on the inventory: which action each
// needs (docs/coc-api.md section 13.1) and who answers it, under the lock.
var scriptCalls = map[CallKind]struct {
	action string
	answer func(*Simulator, *call) answer
}{
	CallListScripts:         {actionListDocuments, (*Simulator).listScripts},
	CallShowScript:          {actionGetDocument, (*Simulator).showScript},
	CallCreateScript:        {actionCreateDocument, (*Simulator).createScript},
	CallUpdateScript:        {actionUpdateDocument, (*Simulator).updateScript},
	CallDeleteScript:        {actionDeleteDocument, (*Simulator).deleteScript},
	CallApproveScript:       {actionUpdateDocument, (*Simulator).approveScript},
	CallExecuteScript:       {actionExecute, (*Simulator).executeScript},
	CallAnalyzeScript:       {actionAnalyze, (*Simulator).analyzeScript},
	CallListPublicScripts:   {actionListDocuments, (*Simulator).listPublicScripts},
	CallShowPublicScript:    {actionGetDocument, (*Simulator).showPublicScript},
	CallExecutePublicScript: {actionExecute, (*Simulator).executePublicScript},
	CallBatchInstances:      {actionAutoBatch, (*Simulator).batchInstances},
	CallListResources:       {actionListResources, (*Simulator).listResources},
	CallSyncResources:       {actionSyncResources, (*Simulator).syncResources},
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
