package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/policy"
	"coc-console/internal/simulator"
	"coc-console/web"
)

// quiet hides the paused ticket from all but managers, who may ask for approvals.
const quiet = `@id("hidden") @en("This ticket is kept quiet.") @zh("此工单不公开。")
	forbid (principal, action == Action::"view", resource) when { resource.name == "paused_check" } unless { principal in Role::"managers" };`

// endless are the streams of lists: they don't end, and show what their pages do.
var endless = []string{"/tickets/events", "/counts/events", "/approvals/events", "/bulk/events"}

// TestGatesWithoutAReading: COC tells nothing of a hidden ticket, so that no
// gate can be passed. No page, file or stream tells anything of it either.
func TestGatesWithoutAReading(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { quick(s); s.policies = policy.Default() + quiet })
	boss := c.signedIn(t, "manager", i18n.EnUS)
	form := boss.form(boss.get(c.newOperation("paused", "operation_type=CANCEL_ORDER")))
	form.Set("ask", "1")
	form.Set("reason", "a quiet reason")
	approval := boss.post(c.ticket("paused")+"/operations", form).location()
	if !strings.HasPrefix(approval, "/approvals/") {
		t.Fatalf("asking leads to %q", approval)
	}
	form = boss.form(boss.get(c.newOperation("paused", "operation_type=CONTINUE_ORDER")))
	form.Set("reason", "a quiet reason")
	receipt := boss.post(c.ticket("paused")+"/operations", form).location()
	boss.want(boss.settled(receipt), http.StatusOK, "paused_check")
	uuid, operation := c.sim.UUID("paused"), strings.TrimPrefix(receipt, "/operations/")
	paths := []string{approval, receipt, "/audit?ticket=" + uuid, "/audit/export?format=csv&ticket=" + uuid, "/audit/timeline?ticket=" + uuid,
		"/audit/timeline?operation=" + operation, "/bulk/new?operation_type=CANCEL_ORDER&target=" + uuid,
		"/bulk/new?operation_type=CANCEL_INSTANCE&target=" + uuid + ".2001.1", "/bulk/new?operation_type=CANCEL_INSTANCE&all=" + uuid,
		"/audit/suggest?field=reason&prefix=a", "/audit/suggest?field=ticket&prefix=SCT"}
	for _, query := range []string{"?operation_type=CANCEL_ORDER", "?operation_type=CANCEL_INSTANCE&instance_id=2001&batch=1", "?operation_type=SKIP_BATCH&batch_index=1", "?batch=1"} {
		for _, r := range web.Addresses() {
			path := strings.NewReplacer("/tickets/:execute_uuid", c.ticket("paused"), "/approvals/:id", approval, "/operations/:id", receipt, ":id", "2001").Replace(r.Path)
			if r.Method == http.MethodGet && !strings.Contains(path, ":") && !strings.HasPrefix(path, "/sign") && !slices.Contains(endless, path) {
				paths = append(paths, path+query)
			}
		}
	}
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	var records []string
	for _, r := range c.records() {
		if r.Ticket == uuid {
			records = append(records, fmt.Sprint("/audit/", r.Sequence), fmt.Sprint("/audit/", r.Sequence)+"/bytes", fmt.Sprint("/audit/", r.Sequence)+"/proof")
		}
	}
	none := fault{name: "a reading that hides"}
	for _, f := range append(faults(hold), none) {
		if f.name == "nothing in time" {
			continue // as the broken connection, and slow
		}
		if testing.Short() && f.name != none.name {
			continue // each fault asks for every address
		}
		t.Run(f.name, func(t *testing.T) {
			b := c.signedIn(t, "operator", i18n.EnUS)
			if f.name != none.name {
				f.fault.Kind = simulator.AnyCOCCall
				defer c.sim.Inject(f.fault)()
			}
			all := append(slices.Clip(paths), records...)
			for _, path := range all {
				b.in(t).tellsNothing(b.get(path))
			}
			b.in(t).tellsNothing(b.post(approval, url.Values{"decision": {"approve"}}))
			b.in(t).tellsNothing(b.post(c.ticket("paused")+"/operations", url.Values{"operation_type": {"CANCEL_INSTANCE"}, "instance_id": {"99"},
				"seen": {form.Get("seen")}, "key": {b.key()}, "reason": {"mine"}}))
			b.in(t).tellsNothing(b.post(approval, url.Values{"decision": {"neither"}}))
			b.in(t).tellsNothing(b.post(approval, url.Values{"decision": {"withdraw"}}))
			must(t, c.index.CatchUp(t.Context()))
			for _, view := range []string{"operations", "access", "everything"} { // what was refused is its actor's to read
				b.in(t).tellsNothing(b.get("/audit?view=" + view + "&ticket=" + uuid))
				b.in(t).tellsNothing(b.get("/audit?view=" + view + "&person=operator"))
			}
			decided := false
			for _, r := range c.records() {
				if r.Actor.UserName == "operator" && r.Outcome == audit.OutcomeDenied {
					decided = decided || r.Ticket == "" && strings.Contains(r.Detail, approval[len("/approvals/"):])
					for _, of := range []string{"", "/bytes", "/proof"} {
						b.in(t).tellsNothing(b.get(fmt.Sprint("/audit/", r.Sequence) + of))
					}
				}
			}
			if !decided {
				t.Error("no record says which request they wanted to decide about")
			}
		})
	}
	p := boss.get(approval) // who asked may see what they asked
	boss.want(p, http.StatusOK, "a quiet reason")
}

func (b *browser) tellsNothing(p page) {
	b.t.Helper()
	for _, word := range []string{"paused_check", "a quiet reason", "10.0.0.7", "web-2.001µs", ">manager<"} {
		if strings.Contains(p.body, word) {
			b.t.Errorf("%s %s tells %q with status %d\n%s", p.Request.Method, p.Request.URL, word, p.StatusCode, shortened(p.body))
		}
	}
}

// TestAbsenceOfWhatIsHidden: whether a hidden ticket has an instance, or a
// batch, can't be told from the answer.
func TestAbsenceOfWhatIsHidden(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.policies = hiding })
	b := c.signedIn(t, "operator", i18n.EnUS)
	// What differs between any two answers: ids, keys, ages, and what was asked for.
	varies := regexp.MustCompile(`<code class="copy">[^<]*</code>|value="[^"]*"|href="[^"]*"|datetime="[^"]*"|>[^<]*UTC<|title="[^"]*"|data-age="[^"]*"|\b(2001|999|99)\b`)
	same := func(there, absent page) {
		t.Helper()
		if there.StatusCode != absent.StatusCode || varies.ReplaceAllString(there.body, "") != varies.ReplaceAllString(absent.body, "") {
			t.Errorf("%s: status %d, %s: status %d\n%s\n%s", there.Request.URL, there.StatusCode, absent.Request.URL, absent.StatusCode, shortened(there.body), shortened(absent.body))
		}
	}
	for _, path := range []string{"/instances/@", "/instances/@?batch=1", "/instances/@?batch=99", "/instances/@/log?batch=1",
		"/operations/new?operation_type=CANCEL_INSTANCE&instance_id=@", "/operations/new?operation_type=CANCEL_INSTANCE&instance_id=@&batch=1"} {
		path = c.ticket("paused") + path
		same(b.get(strings.Replace(path, "@", "2001", 1)), b.get(strings.Replace(path, "@", "999", 1)))
	}
	for _, path := range []string{"?batch=@", "/events?batch=@", "/hosts.txt?batch=@", "/instances.csv?batch=@", "/operations/new?operation_type=SKIP_BATCH&batch_index=@"} {
		path = c.ticket("paused") + path
		same(b.get(strings.Replace(path, "@", "1", 1)), b.get(strings.Replace(path, "@", "9", 1)))
	}
	uuid := c.sim.UUID("paused")
	same(b.get("/bulk/new?operation_type=CANCEL_INSTANCE&target="+uuid+".2001.1"), b.get("/bulk/new?operation_type=CANCEL_INSTANCE&target="+uuid+".999.1"))
	post := func(fields ...string) page {
		form := url.Values{"reason": {"mine"}, "seen": {"1/PAUSED/2/1/0/0/0/1/"}, "key": {b.key()}, "person": {b.person()}}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		return b.post(c.ticket("paused")+"/operations", form)
	}
	same(post("operation_type", "CANCEL_INSTANCE", "instance_id", "2001"), post("operation_type", "CANCEL_INSTANCE", "instance_id", "999"))
	same(post("operation_type", "SKIP_BATCH", "batch_index", "2"), post("operation_type", "SKIP_BATCH", "batch_index", "9"))
	b.want(b.get(c.ticket("paused")+"/instances/999"), http.StatusForbidden, "This ticket is kept quiet.")
	b.want(b.get(c.ticket("running")+"/instances/999"), http.StatusNotFound)
}
