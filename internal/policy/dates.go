package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"

	"coc-console/internal/calendar"
)

// readCalendar takes the calendar of a file; an empty name is one without windows.
func (r *Rules) readCalendar(file string) (text []byte, err error) {
	if file == "" {
		return nil, nil
	}
	if text, err = read(file); err != nil {
		return nil, err
	}
	if r.calendar, err = calendar.Parse(text); err != nil {
		return nil, fmt.Errorf("calendar %s: %w", file, err)
	}
	return text, nil
}

// Windows are those of the calendar that are in force at a time, by their names.
func (r *Rules) Windows(at time.Time) []calendar.Window { return r.calendar.Windows(at) }

// contextCalendar is the attribute by which policies ask for the windows in force.
const contextCalendar = "calendar"

// windowsOf is what a request knows of the calendar.
func windowsOf(q Request) cedar.Record {
	return cedar.NewRecord(cedar.RecordMap{contextCalendar: texts(q.Windows)})
}

// inForce is it again, as Cedar has it.
func inForce(request cedar.Request) cedar.Value {
	names, _ := request.Context.Get(contextCalendar)
	return names
}

// stopping are the windows in force that those policies ask about which stop a request; an empty list of names asks
// about all. They are no part of the answer that is kept: the same windows end at other times in another week.
func (r *Rules) stopping(d Decision, q Request) []calendar.Window {
	if d.Allowed || len(q.Windows) == 0 || len(r.dated) == 0 {
		return nil
	}
	var found []calendar.Window
	for _, name := range q.Windows {
		if slices.ContainsFunc(d.Deciding(), func(id string) bool {
			asked, dated := r.dated[cedar.PolicyID(id)]
			return dated && (len(asked) == 0 || slices.Contains(asked, name))
		}) {
			found = append(found, calendar.Window{Name: name, End: r.calendar.End(name, q.At)})
		}
	}
	return found
}

// unknownWindows are the names that a policy asks about, and that no window has.
func (r *Rules) unknownWindows(id cedar.PolicyID) (names []string) {
	for _, name := range r.dated[id] {
		if !slices.Contains(r.calendar.Names(), name) {
			names = append(names, name)
		}
	}
	return names
}

// windowsAskedFor are the names of windows that a policy compares with those in force, each once, and whether it asks
// about the calendar at all.
func windowsAskedFor(p *cedar.Policy) (names []string, asks bool) {
	text, err := p.MarshalJSON()
	var tree any
	if err != nil || json.Unmarshal(text, &tree) != nil { // Cedar's own JSON of a policy that it has parsed
		return nil, false
	}
	walk(tree, func(node map[string]any) {
		if isCalendar(node) {
			asks = true
		}
		for _, operator := range []string{"contains", "containsAny", "containsAll"} {
			call, _ := node[operator].(map[string]any)
			left, _ := call["left"].(map[string]any)
			if !isCalendar(left) {
				continue
			}
			walk(call["right"], func(value map[string]any) {
				if name, ok := value["Value"].(string); ok && !slices.Contains(names, name) {
					names = append(names, name)
				}
			})
		}
	})
	slices.Sort(names)
	return names, asks
}

// isCalendar reports whether a node of Cedar's JSON is context.calendar.
func isCalendar(node map[string]any) bool {
	access, _ := node["."].(map[string]any)
	of, _ := access["left"].(map[string]any)
	return access["attr"] == contextCalendar && of["Var"] == "context"
}
