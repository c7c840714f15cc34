package browser

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"

	"coc-console/internal/simulator"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// readable is a small ticket with an instance in each state.
func readable() []simulator.TicketSpec {
	one := func(id int64, run time.Duration, exit int) simulator.InstanceSpec {
		return simulator.InstanceSpec{ID: id, Host: fmt.Sprintf("web-%d", id), IP: fmt.Sprintf("10.0.0.%d", id), Region: "cn-north-4", Run: run, ExitCode: exit,
			Log: "first line\nlast line"}
	}
	return []simulator.TicketSpec{{Scenario: "readable", Name: "reload_nginx", Creator: "operator", Age: 10 * time.Minute, Timeout: 1700 * time.Second, SuccessRate: 50,
		Params: []simulator.ParamSpec{{Name: "grace", Value: "30"}},
		Batches: []simulator.BatchSpec{
			{Instances: []simulator.InstanceSpec{one(1, time.Second, 0), one(2, time.Second, 1), one(3, time.Second, 0)}},
			{Pause: true, Instances: []simulator.InstanceSpec{one(4, time.Second, 0), one(5, 1600*time.Second, 0)}},
			{Instances: []simulator.InstanceSpec{one(6, time.Second, 0)}},
		}}}
}

// TestBrowserReading holds what a screen reader makes of a ticket's page against what it should: each line is one thing, with
// its role, its name and its state.
func TestBrowserReading(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: readable()})
	for _, language := range []string{"en-us", "zh-cn"} {
		t.Run(language, func(t *testing.T) {
			tb := b.open(t, s.base, look{still: true, language: language})
			call(tb, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
			tb.SignIn("operator")
			tb.Go("/tickets/" + s.UUID("readable"))
			tb.WaitFor("document.documentElement.dataset.wrap && document.querySelector('#read-at [data-age]').textContent")
			got := tb.reading("main")
			path := filepath.Join("testdata", "reading-ticket."+language+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s; look at the difference after go test -run TestBrowserReading . -update\n%s", path, got)
			}
		})
	}
}

// volatile is what differs from one reading of the same page to the next.
var volatile = []struct {
	of   *regexp.Regexp
	into string
}{
	{regexp.MustCompile(`SCT\d+[0-9a-f]*`), "KEY"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?`), "TIME"},
	{regexp.MustCompile(`\b((\d{4}-)?\d\d-\d\d )?\d?\d:\d\d(:\d\d)?\b`), "CLOCK"}, // soon after midnight with its day
	{regexp.MustCompile(`"\d:\d\d"| \d:\d\d"`), ` "LAPSE"`},
	{regexp.MustCompile(`\d+ (min|分) \d+ (s\b|秒)|\d+ (s\b|秒)|\d+ (h|小时) \d+ (min|分)`), "SPAN"},
	{regexp.MustCompile(`(in )?\d+ ?(sec|min|hr)\.?( ago)?|\d+(秒|分钟|小时)钟?[前后]|(just )?now|现在|刚刚`), "AGO"},
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+\b|\b[0-9a-f]{32}\b`), "ID"},
	{regexp.MustCompile(`SC\d{10,}\w*`), "SCRIPT"},
}

// reading is what a screen reader is given of the first thing with a role, as an indented text.
func (t *tab) reading(role string) string {
	t.Helper()
	call(t, accessibility.Enable, cdp.Empty{})
	r := reading{nodes: map[accessibility.NodeID]*accessibility.Node{}}
	all := call(t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	for _, n := range all {
		r.nodes[n.NodeID] = n
	}
	at := slices.IndexFunc(all, func(n *accessibility.Node) bool { return !n.Ignored && plain(n.Role) == role })
	if at < 0 {
		t.Fatalf("nothing is %s", role)
	}
	r.write(all[at], 0, "")
	text := r.text.String()
	for _, v := range volatile {
		text = v.of.ReplaceAllString(text, v.into)
	}
	return text
}

// reading writes an accessibility tree.
type reading struct {
	nodes map[accessibility.NodeID]*accessibility.Node
	text  strings.Builder
}

// silent are roles that say nothing by themselves.
var silent = []string{"generic", "none", "InlineTextBox", "LineBreak", "ListMarker", "LayoutTableRow", "LayoutTableCell", "LayoutTable", "rowgroup"}

// told are the properties that are read out.
var told = []accessibility.PropertyName{"disabled", "checked", "pressed", "expanded", "selected", "level", "live", "invalid", "required", "hasPopup", "modal", "keyshortcuts"}

// write writes a thing and what is in it; name is that of what it is in, which is not said twice.
func (r *reading) write(n *accessibility.Node, depth int, name string) {
	role, own := plain(n.Role), plain(n.Name)
	skip := n.Ignored || slices.Contains(silent, role) || role == "StaticText" && (strings.TrimSpace(own) == "" || strings.Contains(name, strings.TrimSpace(own)))
	if !skip {
		fmt.Fprintf(&r.text, "%s%s", strings.Repeat("  ", depth), role)
		if own != "" {
			fmt.Fprintf(&r.text, " %q", strings.TrimSpace(own))
		}
		if v := plain(n.Value); v != "" {
			fmt.Fprintf(&r.text, " = %q", v)
		}
		if d := plain(n.Description); d != "" {
			fmt.Fprintf(&r.text, " (%s)", d)
		}
		for _, p := range n.Properties {
			if v := plain(p.Value); slices.Contains(told, p.Name) && v != "false" && v != "off" && v != "" {
				fmt.Fprintf(&r.text, " [%s %s]", p.Name, v)
			}
		}
		r.text.WriteString("\n")
		depth++
		name = own
	}
	for _, id := range n.ChildIDs {
		if child := r.nodes[id]; child != nil {
			r.write(child, depth, name)
		}
	}
}

// plain is a value as text.
func plain(v *accessibility.Value) string {
	if v == nil || len(v.Value) == 0 {
		return ""
	}
	var text string
	if err := json.Unmarshal(v.Value, &text); err == nil {
		return text
	}
	return string(v.Value)
}
