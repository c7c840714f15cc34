package browser

import (
	"path"
	"testing"
)

// TestBrowserOverlap: no text lies on another, and nothing makes a page wider than a phone: without scripts, where
// times are whole dates.
func TestBrowserOverlap(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	g := startGallery(t, b)
	for _, language := range []string{"en-US", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			tb := b.open(t, g.base, look{language: language, noScripts: true, width: 390, height: 844})
			tb.SignIn("operator")
			if !tb.Is(`matchMedia("(scripting: none)").matches`) {
				t.Fatal("scripts are on")
			}
			for _, address := range g.plainPages() {
				tb.Go(address)
				if found := tb.Text(overlaps); found != "" {
					t.Errorf("%s: %s", address, found)
				}
			}
		})
	}
}

// plainPages are addresses of pages that say something without scripts.
func (g *gallery) plainPages() []string {
	list := []string{"/tickets", "/tickets?status=any", "/tickets?find=SCT+no+%3Ckey%3E+in+here", g.open, g.observed, g.rejected, g.asked,
		"/audit", "/audit?view=everything", "/audit?q=actor:x+outcom:failed", "/audit/timeline?operation=" + path.Base(g.rejected),
		"/approvals", "/bulk", "/bulk/" + path.Base(g.job), "/handover", "/notices", "/nothing/here", g.foreign}
	for _, scenario := range []string{"abnormal", "running", "paused", "large", "finished", "canceled"} {
		list = append(list, g.ticket(scenario), g.ticket(scenario)+"/operations/new?operation_type=PAUSE_ORDER")
	}
	return list
}

// overlaps unfolds everything but menus, and names texts that lie on each other; what floats above a page doesn't count.
const overlaps = `(() => {
	document.querySelectorAll("details:not([open], .menu)").forEach((e) => (e.open = true));
	const above = (e) => e.closest(".pop, dialog") || [...function* () { for (; e; e = e.parentElement) yield getComputedStyle(e).position; }()].some((p) => p === "fixed" || p === "sticky");
	const seen = (e, { left, top, right, bottom }) => {
		for (; e; e = e.parentElement) {
			const { overflowX, overflowY, clipPath } = getComputedStyle(e);
			if (overflowX === "visible" && overflowY === "visible" && clipPath === "none") continue;
			const box = e.getBoundingClientRect();
			[left, top, right, bottom] = [Math.max(left, box.left), Math.max(top, box.top), Math.min(right, box.right), Math.min(bottom, box.bottom)];
		}
		return { left, top, right, bottom };
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), all = [];
	while (walker.nextNode()) {
		const node = walker.currentNode, e = node.parentElement;
		if (!node.data.trim() || e.closest("script, style, noscript, option, svg, .hidden") || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || above(e)) continue;
		const range = document.createRange();
		range.selectNodeContents(node);
		for (const box of range.getClientRects()) {
			const part = seen(e, box);
			if (part.right - part.left > 1 && part.bottom - part.top > 1) all.push({ ...part, node });
		}
	}
	all.sort((a, b) => a.top - b.top);
	const found = new Set(document.documentElement.scrollWidth > innerWidth ? ["it scrolls sideways"] : []);
	all.forEach((a, i) => {
		for (const b of all.slice(i + 1)) {
			if (b.top >= a.bottom) break;
			if (a.node !== b.node && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - b.top > 5)
				found.add(a.node.data.trim().slice(0, 40) + " on " + b.node.data.trim().slice(0, 40));
		}
	});
	return [...found].join("; ");
})()`
