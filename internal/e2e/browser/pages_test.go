package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"testing"

	"coc-console/internal/e2e"
	"coc-console/internal/simulator"
	"coc-console/templates"
)

// shown is one page as a reader comes to see it.
type shown struct {
	name string
	open func(*tab)
}

// gallery is a stage with everything that pages can show, and the ways there.
type gallery struct {
	stage
	open, observed, rejected string // addresses of receipts
	foreign                  string // a record that an operator may not read
	asked                    string // an operation that waits for approval
	job                      string // of the manager
}

// startGallery applies some operations, so that there are receipts and records of each kind.
func startGallery(t *testing.T, b *chrome) *gallery {
	t.Helper()
	g := &gallery{stage: startStage(t, quick, "--development", "--notices", noticesFile(t))}
	manager := b.open(t, g.base, look{still: true})
	manager.SignIn("manager")
	manager.Go("/audit?action=session.signed_in")
	manager.See("tr[data-sequence] a")
	g.foreign = manager.Text("new URL(document.querySelector('tr[data-sequence] a').href).pathname")
	tb := b.open(t, g.base, look{still: true})
	tb.SignIn("operator")
	remove := g.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect})
	g.open = g.operate(manager, "large", "PAUSE_ORDER", "operation.accepted")
	remove()
	remove = g.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Refuse, Status: http.StatusBadRequest,
		Code: "COC.00040713", Message: "The order is being changed by somebody else."})
	g.rejected = g.operate(tb, "running", "PAUSE_ORDER", "operation.rejected")
	remove()
	g.observed = g.operate(tb, "running", "PAUSE_ORDER", "operation.observed")
	g.asked = g.ask(tb, "abnormal", "CANCEL_ORDER")
	g.job = g.cancelChosen(manager, "paused") // where nothing changes in between
	return g
}

// ask asks for approval of an operation, and returns the request's address.
func (g *gallery) ask(t *tab, scenario, operation string) string {
	t.Helper()
	t.Go(g.confirm(scenario, operation))
	t.Type("[name=reason]", "The new release answers no requests; see CHG-20418.")
	t.Click("#ask")
	t.See("#approval[data-status=waiting]")
	return t.Text("location.pathname")
}

// choose ticks the first two instances of a ticket that can be cancelled, and goes on to the confirmation of a job.
func (g *gallery) choose(t *tab, scenario string) {
	t.Helper()
	t.Go(g.ticket(scenario))
	t.See("tr[data-instance] input:enabled")
	t.Eval(`[...document.querySelectorAll("tr[data-instance] input:enabled")].slice(0, 2).forEach((box) => box.click())`)
	t.Click("#bulk button, button[form=bulk]")
	t.See("#new-job #confirm")
}

// cancelChosen sends a job, waits for its end, and returns its address.
func (g *gallery) cancelChosen(t *tab, scenario string) string {
	t.Helper()
	g.choose(t, scenario)
	t.Type("[name=reason]", "They hang in the same step; see CHG-20419.")
	t.Click("#confirm")
	t.See("#job[data-status=ended]")
	return t.Text("location.pathname")
}

// operate applies an operation to a demo ticket, waits until the receipt is that far, and returns its address.
func (g *gallery) operate(t *tab, scenario, operation, until string) string {
	t.Helper()
	t.Go(g.confirm(scenario, operation))
	t.Type("[name=reason]", "The checks of last night have not ended yet; see CHG-20417.")
	t.Click("#confirm")
	t.See("#receipt[data-status='" + until + "']")
	return t.Text("location.pathname")
}

func (g *gallery) ticket(scenario string) string { return "/tickets/" + g.UUID(scenario) }

// confirm is the address of a confirmation page; more are further fields.
func (g *gallery) confirm(scenario, operation string, more ...string) string {
	q := url.Values{"operation_type": {operation}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return g.ticket(scenario) + "/operations/new?" + q.Encode()
}

// at is a page that has an address.
func at(name, address string) shown {
	return shown{name, func(t *tab) { t.Go(address); t.See("main h1") }}
}

// signInPages are those that nobody has to sign in for.
func (g *gallery) signInPages() []shown {
	return []shown{
		at("sign-in", "/sign-in"),
		at("sign-in-token", "/sign-in?mode=token"),
		{"sign-in-error", func(t *tab) {
			t.Go("/sign-in")
			t.Type("[name=account]", "demo")
			t.Type("[name=user]", "operator")
			t.Type("[name=password]", "not-this-one")
			t.Click("#sign-in button")
			t.See("#problem")
		}},
		{"sign-in-fields", func(t *tab) {
			t.Go("/sign-in")
			t.Eval("document.querySelector('#sign-in').noValidate = true")
			t.Click("#sign-in button")
			t.See("#errors")
		}},
	}
}

// pages are those behind the sign-in.
func (g *gallery) pages() []shown {
	list := []shown{
		at("tickets", "/tickets"),
		at("tickets-mine", "/tickets?scope=mine"),
		at("tickets-team", "/tickets?scope=team"), at("tickets-attention", "/tickets?status=attention&name=e&range=30d"),
		at("tickets-unknown-filter", "/tickets?q=nothing:like+this"),
		at("tickets-empty", "/tickets?name=nothing-is-called-so"),
		at("tickets-wrong", "/tickets?find=SCT+no+%3Ckey%3E+in+here"),
		{"tickets-failure", func(t *tab) {
			defer g.Inject(simulator.Fault{Kind: simulator.CallListTickets, Effect: simulator.Refuse, Status: http.StatusInternalServerError,
				Code: "COC.00000500", Message: "Internal error."})()
			t.Go("/tickets?name=nobody-has-read-this") // of others, what was read last is shown
			t.See("[role=alert]")
		}},
	}
	for _, scenario := range []string{"abnormal", "running", "paused", "large", "finished", "canceled"} {
		list = append(list, at("ticket-"+scenario, g.ticket(scenario)))
	}
	list = append(list, g.operationPages()...)
	list = append(list, designPages()...)
	return append(list,
		shown{"instance", func(t *tab) { g.openInstance(t, "abnormal", "ABNORMAL") }},
		shown{"instance-line", func(t *tab) {
			g.openInstance(t, "abnormal", "ABNORMAL")
			t.Click("#L1")
			t.See("#L1:target")
		}},
		shown{"compare", func(t *tab) { t.openCompare(g.ticket("abnormal")) }},
		at("receipt-open", g.open), at("receipt-observed", g.observed), at("receipt-rejected", g.rejected),
		at("audit", "/audit"), at("audit-everything", "/audit?view=everything"), shown{"audit-open", func(t *tab) {
			t.Go("/audit")
			t.Click("tr.op .op-time a")
			t.See(".op-steps li[data-action]")
		}}, at("audit-search", "/audit?q=actor:operator+-outcome:failed+after:2026-01-01"), at("audit-wrong", "/audit?q=actor:x+outcom:failed"),
		shown{"audit-suggestions", func(t *tab) {
			t.Go("/audit")
			t.Eval("document.querySelector('#field-q').focus()")
			t.Type("#field-q", "a")
			t.See("#suggestions [role=option]")
			t.Eval("document.querySelectorAll('main details').forEach((d) => d.open = true)")
		}},
		shown{"list-suggestions", func(t *tab) {
			t.Go("/tickets?status=any")
			t.Eval("document.querySelector('#field-q').focus()")
			t.Type("#field-q", "c")
			t.See("#suggestions [role=option]")
		}},
		at("timeline", "/audit/timeline?operation="+path.Base(g.rejected)), at("timeline-bulk", "/audit/timeline?bulk="+path.Base(g.job)), at("audit-empty", "/audit?person=nobody-is-called-so"),
		shown{"record", func(t *tab) {
			t.Go("/audit?action=operation.rejected")
			t.Click("tr[data-sequence] a")
			t.See("article[data-action='operation.rejected']")
			t.Eval("document.querySelectorAll('main details').forEach((d) => d.open = true)")
		}},
		at("approvals", "/approvals"), at("approval", g.asked), at("jobs-empty", "/bulk"),
		shown{"new-job", func(t *tab) { g.choose(t, "abnormal") }},
		at("new-job-wrong", "/bulk/new?operation_type=SKIP_BATCH"),
		at("problem-404", "/nothing/here"), at("problem-404-ticket", "/tickets/SCT20240101000000012345678"),
		at("problem-400", "/tickets/not-a-key"), at("problem-403", g.foreign),
		shown{"audit-manager", func(t *tab) {
			t.Click("#sign-out")
			t.WaitFor("location.pathname === '/sign-in'")
			t.SignIn("manager")
			t.Go("/audit")
			t.See("#integrity-line")
		}},
		at("integrity", "/audit/integrity"), at("report", "/audit/report"), at("incident", "/audit/incident"),
		at("approval-manager", g.asked), at("bulk-list", "/bulk"), at("bulk", g.job), at("reviews", "/audit/review"), at("reviewed", "/audit/review?view=reviewed"),
		at("handover", "/handover"), shown{"notices", func(t *tab) {
			t.Go("/notices")
			t.See("tr[data-target=down]")
			t.See("tr[data-letter]")
		}})
}

// noticesFile names a target that is down, and one that wants no more, so that there are dead letters.
func noticesFile(t *testing.T) string {
	t.Helper()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(path.Base(r.URL.Path))
		w.WriteHeader(status)
	}))
	t.Cleanup(hook.Close)
	file := filepath.Join(t.TempDir(), "notices.json")
	text := fmt.Sprintf(`{"targets": [{"name": "down", "kind": "slack", "url": "%[1]s/500", "allow_private": true},
		{"name": "ended", "kind": "slack", "url": "%[1]s/410", "allow_private": true}], "routes": [{"events": ["*"], "targets": ["down", "ended"]}]}`, hook.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// designPages show every component.
func designPages() []shown {
	list := make([]shown, 0, len(templates.DesignParts()))
	for _, part := range templates.DesignParts() {
		list = append(list, at("design-"+part, "/design?part="+part))
	}
	return list
}

// operationPages are the confirmation pages, of which none is sent off but one, which is refused.
func (g *gallery) operationPages() []shown {
	return []shown{
		{"confirm-instance", func(t *tab) {
			t.Go(g.ticket("abnormal") + "?batch=4")
			t.Click("tr[data-status=READY] a.danger")
			t.See("#confirm")
		}},
		at("confirm-skip", g.confirm("abnormal", "SKIP_BATCH", "batch_index", "2")),
		at("confirm-continue", g.confirm("abnormal", "CONTINUE_ORDER")),
		at("confirm-pause", g.confirm("large", "PAUSE_ORDER")),
		at("confirm-cancel", g.confirm("abnormal", "CANCEL_ORDER")),
		{"confirm-stale", func(t *tab) {
			t.Go(g.confirm("abnormal", "SKIP_BATCH", "batch_index", "2"))
			t.Eval(`document.querySelector("[name=seen]").value = "1/PROCESSING/2/12/2/1/0/7/"`)
			t.Click("#confirm")
			t.See("#changes")
		}},
		at("confirm-refused", g.confirm("abnormal", "PAUSE_ORDER")),
		at("confirm-wrong", g.confirm("abnormal", "SKIP_BATCH", "batch_index", "21")),
	}
}

func (g *gallery) openInstance(t *tab, scenario, status string) {
	t.Helper()
	t.Go(g.ticket(scenario))
	t.Click(fmt.Sprintf("tr[data-instance][data-status=%s] th a", status))
	t.See("#log")
}

// each opens every page in a tab, the first ones before signing in.
func (g *gallery) each(t *tab, see func(shown)) {
	t.Helper()
	for _, p := range g.signInPages() {
		p.open(t)
		see(p)
	}
	t.SignIn("operator")
	for _, p := range g.pages() {
		p.open(t)
		see(p)
	}
}

// TestBrowserAxe holds the pages against the rules of WCAG 2.2 AA that a program can check.
func TestBrowserAxe(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	b := startBrowser(t)
	g := startGallery(t, b)
	for language, tag := range map[string]string{"en-US": "en-US", "zh-CN": "zh-Hans-CN"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			tb := b.open(t, g.base, look{language: language, still: true})
			g.each(tb, func(p shown) {
				if lang := tb.Text("document.documentElement.lang"); lang != tag {
					t.Errorf("%s: the page's language is %s, want %s", p.name, lang, tag)
				}
				tb.Eval(source) // the content security policy does not hold for what the protocol evaluates
				for _, dark := range []bool{false, true} {
					tb.Dark(dark)
					if found := tb.Text(axe); found != "" {
						t.Errorf("%s, dark %v:\n%s", p.name, dark, found)
					}
				}
			})
		})
	}
}

// axeSource is axe-core.
func axeSource(t *testing.T) string {
	t.Helper()
	path := os.Getenv("COC_CONSOLE_TEST_AXE")
	if path == "" {
		e2e.Missing(t, "no axe-core: set COC_CONSOLE_TEST_AXE to the axe.min.js of npm's axe-core")
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// TestBrowserDesign holds every component against the same rules for readers who ask for high contrast, or whose system
// has colours of its own.
func TestBrowserDesign(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	b := startBrowser(t)
	s := startStage(t, quick, "--development")
	for _, language := range []string{"en-US", "zh-CN"} {
		tb := b.open(t, s.base, look{language: language, still: true})
		tb.SignIn("manager")
		for _, p := range designPages() {
			p.open(tb)
			tb.Eval(source)
			for _, scheme := range []string{"light", "dark"} {
				for _, feature := range [][2]string{{"prefers-contrast", "more"}, {"forced-colors", "active"}} {
					tb.Media("", [][2]string{{"prefers-color-scheme", scheme}, {"prefers-reduced-motion", "reduce"}, feature})
					if found := tb.Text(axe); found != "" {
						t.Errorf("%s, %s, %s, %s:\n%s", p.name, language, scheme, feature[0], found)
					}
				}
			}
			tb.Media("print", nil)
			if wide := tb.Text(tooWide); wide != "" {
				t.Errorf("%s in print is too wide: %s", p.name, wide)
			}
			tb.Dark(false)
		}
	}
}

// axe runs axe-core, and tells what it finds, one line each.
const axe = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"],
}).then(({ violations }) => violations.flatMap((rule) => rule.nodes.map((node) =>
	[rule.id, node.target.join(" "), node.html.slice(0, 120), node.any.concat(node.all, node.none)[0]?.message].join(" | "))).join("\n"))`

// TestBrowserNarrow looks at every page in windows of phones, tablets and large screens.
func TestBrowserNarrow(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	g := startGallery(t, b)
	tb := b.open(t, g.base, look{still: true})
	g.each(tb, func(p shown) {
		for _, width := range []int64{360, 390, 768, 1440, 2560} {
			tb.Resize(width, 900)
			if wide := tb.Text(tooWide); wide != "" {
				t.Errorf("%s at %d px scrolls sideways: %s", p.name, width, wide)
			}
			if cut := tb.Text(overflowing); cut != "" {
				t.Errorf("%s at %d px has text that runs out of its cell:\n%s", p.name, width, cut)
			}
			if small := tb.Text(tooSmall); small != "" {
				t.Errorf("%s at %d px has targets that are hard to hit:\n%s", p.name, width, small)
			}
		}
		tb.Resize(1440, 900)
	})
}

// tooWide names what sticks out, when the page scrolls sideways.
const tooWide = `(() => {
	const { scrollWidth } = document.scrollingElement;
	if (scrollWidth <= innerWidth) return "";
	const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll"));
	return scrollWidth + " px: " + out.slice(0, 4).map((e) => e.outerHTML.slice(0, 100)).join("; ");
})()`

// overflowing names what runs into its neighbours in lists of facts and in rows of tables.
const overflowing = `[...document.querySelectorAll("dd, td, tbody th")].filter((e) => e.checkVisibility() && e.clientWidth > 1 &&
	e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "visible").map((e) => e.outerHTML.slice(0, 120).replaceAll("\n", " ")).join("\n")`

// tooSmall names the targets below 24 pixels. Links in a line of text are as high as the line; a chart's bars are also
// links of its table.
const tooSmall = `(() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].flatMap((e) => {
	const { width, height } = (e.closest("label.hit") ?? e).getBoundingClientRect();
	if (e.matches("a[id^=L][href^='#L']")) return []; // a log's number is as high as its line
	const inText = getComputedStyle(e).display === "inline" && !e.ownerSVGElement && e.parentElement.innerText.trim() !== e.innerText.trim();
	if (!e.checkVisibility() || e.matches(".skip") || e.ownerSVGElement || inText || (width >= 23.9 && height >= 23.9)) return [];
	return [Math.round(width) + "×" + Math.round(height) + " " + e.outerHTML.slice(0, 120).replaceAll("\n", " ")];
}).join("\n"))()`
