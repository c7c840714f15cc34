package bulk

import (
	"slices"
	"strconv"
	"strings"

	"coc-console/internal/coc"
)

// String is how forms and addresses write one target: the ticket and, for an instance, its id and the batch in which it
// was seen.
func (t Target) String() string {
	if t.InstanceID == 0 {
		return string(t.Ticket)
	}
	return string(t.Ticket) + "." + strconv.FormatInt(t.InstanceID, 10) + "." + strconv.Itoa(int(t.BatchHint))
}

// ParseTarget reads what String writes, and reports whether it is that. A batch that is none is no batch.
func ParseTarget(text string) (Target, bool) {
	parts := strings.Split(text, ".")
	id, err := coc.ParseExecuteUUID(parts[0])
	if err != nil || len(parts) != 1 && len(parts) != 3 {
		return Target{}, false
	}
	t := Target{Ticket: id}
	if len(parts) == 1 {
		return t, true
	}
	if t.InstanceID, err = coc.ParseID(parts[1]); err != nil {
		return Target{}, false
	}
	if hint, err := strconv.ParseInt(parts[2], 10, 32); err == nil && hint > 0 {
		t.BatchHint = int32(hint)
	}
	return t, true
}

// Untyped is a request whose reading does not depend on what was typed.
func (r Request) Untyped() Request {
	r.Reason, r.Targets = "", slices.Clone(r.Targets)
	for i := range r.Targets {
		r.Targets[i].Expected = ""
	}
	return r
}
