package present

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"

	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// The bounds of what is listed of instances that ended in the same way.
const (
	maxGroups = 5
	maxHosts  = 30
)

// exitStatus is what many logs end with: the last words of a line, or all of it.
var exitStatus = regexp.MustCompile(`(?i)(?:^|[\s,;:(\[]+)(?:exit(?:ed)?(?: with)?(?: status| code)?|exit_code|rc|status|code)[ =:]+(\d{1,3})[)\].]*$`)

// differs is what differs between hosts that fail for the same reason: numbers, and long ids.
var differs = regexp.MustCompile(`\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b|\d+`)

// ending is what an instance ended with: the status its script named, what else its last line says, and what tells it
// apart from other endings.
type ending struct{ status, line, key string }

// endingOf reads the last line of a log. Numbers, ids and the host's own names are folded in its key, but for the exit
// status.
func endingOf(r watch.Instance) ending {
	line := ansi.Summary(r.Message)
	e := ending{line: line}
	if at := exitStatus.FindStringSubmatchIndex(line); at != nil {
		e.status, e.line = line[at[2]:at[3]], strings.TrimSpace(line[:at[0]])
	}
	if e.line == "" && r.Why != "" {
		e.line = ansi.Summary(r.Why)
	}
	text := strings.ToLower(e.line)
	for _, own := range []string{r.Target.HostName, r.Target.FixedIP, r.Target.FloatingIP, r.Target.ResourceID} {
		if own != "" {
			text = strings.ReplaceAll(text, strings.ToLower(own), "\x00")
		}
	}
	e.key = e.status + "\x01" + differs.ReplaceAllString(text, "#")
	return e
}

// Outputs are the failed instances by how they ended or, where that is asked for, all by what they wrote; the largest
// group comes first.
func (c Course) Outputs(f InstanceFilter, t *i18n.Texts) templates.OutputGroups {
	s := c.snapshot
	id := string(s.Ticket.ExecuteUUID)
	other := f
	other.Outputs = !f.Outputs
	out := templates.OutputGroups{All: f.Outputs, Unread: s.BatchesAt.IsZero(),
		Switch: other.address(id, "") + "#failures"}
	at := map[string]int{}
	for _, b := range s.Batches {
		out.Unread = out.Unread || b.At.IsZero()
		for _, r := range b.Instances {
			if !f.Outputs && !r.Status.Failed() {
				continue
			}
			e := endingOf(r)
			if f.Outputs {
				e.key = fmt.Sprint(r.Output)
			}
			i, known := at[e.key]
			if !known {
				i = len(out.Groups)
				at[e.key] = i
				g := templates.OutputGroup{ID: "output-" + digest(e.key), Line: e.line}
				if e.status != "" {
					g.Label = t.Course.ExitStatus(e.status)
				}
				out.Groups = append(out.Groups, g)
			}
			add(&out.Groups[i], r, InstanceAddress(id, r.ID, b.Index))
		}
	}
	slices.SortStableFunc(out.Groups, func(a, b templates.OutputGroup) int {
		return cmp.Compare(len(b.Hosts)+b.More, len(a.Hosts)+a.More)
	})
	if most := maxGroups; len(out.Groups) > most && !f.Outputs {
		out.More = len(out.Groups) - most
		out.Groups = out.Groups[:most]
	}
	return out
}

func add(g *templates.OutputGroup, r watch.Instance, address string) {
	g.Counts = addCounts(g.Counts, []templates.Count{{Status: string(r.Status), Count: 1}})
	if len(g.Hosts) >= maxHosts {
		g.More++
		return
	}
	name := ansi.VisibleLine(firstOf(r.Target.HostName, r.Target.FixedIP, r.Target.ResourceID, Decimal(r.ID)))
	g.Hosts = append(g.Hosts, templates.OutputHost{Name: name, Address: address})
}

func digest(text string) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(text))
	return hex.EncodeToString(sum.Sum(nil))
}

// LastLine is the last line of an instance's log, after the one before where it names an exit status alone.
func LastLine(r watch.Instance) string {
	line := ansi.Summary(r.Message)
	if why := ansi.Summary(r.Why); why != "" {
		return why + ", " + line
	}
	return line
}
