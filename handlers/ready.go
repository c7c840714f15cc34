package handlers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
)

// Health says that the process answers.
func (h *Handlers) Health(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// check is one line of /readyz: what is looked at, and the warnings that
// concern it. Stops are those with which no operation can be applied.
type check struct {
	name            string
	stops, warnings []string
}

// checks are in the order in which /readyz tells them.
var checks = []check{
	{"records", []string{audit.WarningFailing, audit.WarningReadOnly, audit.WarningFull}, nil},
	{"answers", []string{unwritten}, nil},
	{"space", []string{audit.WarningReserve}, []string{audit.WarningLowSpace}},
	{"commits", nil, []string{audit.WarningSlow}},
	{"journal", nil, []string{audit.WarningJournal}},
	{"checkpoint", nil, []string{audit.WarningUnsigned}},
	{"anchors", nil, []string{audit.WarningUnanchored}},
	{"search", nil, []string{audit.WarningBehind}},
	{"verification", nil, []string{audit.WarningFindings, audit.WarningUnverified}},
}

// unwritten is what stops operations besides the log's own warnings.
const unwritten = "unwritten"

// meanings say what a warning means. Anybody may ask, so the causes, with
// paths and addresses in them, are left to the console's own log.
var meanings = map[string]string{
	audit.WarningFailing:    "the log did not take its last record",
	audit.WarningReadOnly:   "the log cannot be written",
	audit.WarningFull:       "the log has no space left",
	audit.WarningReserve:    "so little space is left that operations are refused",
	audit.WarningLowSpace:   "little space is left, or it is not known how much",
	audit.WarningSlow:       "one commit of a hundred takes 100 ms or more",
	audit.WarningJournal:    "much of what was written is not copied into the database's file",
	audit.WarningUnsigned:   "the last checkpoint could not be signed",
	audit.WarningUnanchored: "an anchor did not take the last checkpoint",
	audit.WarningBehind:     "the search tables do not keep up with the log",
	audit.WarningFindings:   "verification has found changes in the log",
	audit.WarningUnverified: "the last verification could not be done",
	unwritten:               "the answer to an operation is not in the log yet",
}

// Ready says whether operations can be applied, and line by line what was
// looked at: 200 while they can, with warnings of what may come; 503 when not.
func (h *Handlers) Ready(c echo.Context) error {
	ctx := c.Request().Context()
	failed := h.Log.Ready(ctx) // first: it may end a failure, of which there is no warning then
	if failed != nil {
		h.Logger.Warn("not ready", "error", failed)
	}
	now := map[string]bool{unwritten: h.Operations.Unwritten()}
	for _, w := range h.Log.Health(ctx) {
		now[w.Kind] = true
	}
	lines, ready := describeChecks(now)
	status, first := http.StatusOK, "ready"
	if failed != nil || !ready {
		status, first = http.StatusServiceUnavailable, "not ready"
	}
	return c.String(status, first+"\n"+lines)
}

// describeChecks writes a line for each check, and reports whether none stops.
func describeChecks(now map[string]bool) (lines string, ready bool) {
	var b strings.Builder
	ready = true
	for _, check := range checks {
		fine := true
		tell := func(word string, kinds []string) {
			for _, kind := range kinds {
				if now[kind] {
					fine = false
					fmt.Fprintf(&b, "%s: %s %s: %s\n", check.name, word, kind, meanings[kind])
				}
			}
		}
		tell("stopped", check.stops)
		ready = ready && fine
		tell("warning", check.warnings)
		if fine {
			fmt.Fprintf(&b, "%s: ok\n", check.name)
		}
	}
	return b.String(), ready
}
