package browser

import (
	"strings"
	"testing"
	"time"

	"coc-console/internal/simulator"
)

// TestBrowserPhoneTargets hits every target of every page 22 px above and below its middle: a thumb needs that much.
func TestBrowserPhoneTargets(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	g := startGallery(t, b)
	tb := b.open(t, g.base, look{still: true, width: 390, height: 844})
	g.each(tb, func(p shown) {
		if strings.HasPrefix(p.name, "design-") || strings.HasSuffix(p.name, "suggestions") || p.name == "tickets-wrong" {
			return // what floats lies on other targets
		}
		tb.Resize(390, 844)
		if !tb.within(soon, tooLow+" === ''") { // a live page may move meanwhile
			t.Errorf("%s has targets below 44 px:\n%s", p.name, tb.Text(tooLow))
		}
		tb.Resize(1440, 900)
	})
}

// tooLow names the controls that are missed 21 px above or below their middle. Links in text and in tables are not
// asked about, nor boxes that stand for a whole line.
const tooLow = `(() => [...document.querySelectorAll("button, .button, summary, select, .range > *, .ranges a, .tabs a, .query-chip, a.figure, #folds a, " +
	".ticket-name > a:first-child, .instances .wide > a, input:not([type=hidden], [type=checkbox], [type=radio])")].flatMap((e) => {
	if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest(".segments, #suggestions, .remove, .chips") || e.matches("[hidden]")) return [];
	e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
	const { left, top, width, height } = (e.matches("tbody a") ? e.closest("tr") : e).getBoundingClientRect();
	if (!width || !height) return [];
	const hits = (y) => {
		const hit = document.elementFromPoint(left + width / 2, top + height / 2 + y);
		return hit && (e.contains(hit) || hit.contains(e) && hit.matches("label"));
	};
	return hits(-21) && hits(21) ? [] : [Math.round(width) + "×" + Math.round(height) + " " + e.outerHTML.slice(0, 110).replaceAll("\n", " ")];
}).join("\n"))()`

// TestBrowserFloating: what floats is inside the window, wide enough to be read, and below what it belongs to; the icons of
// states keep their distance, and so do words.
func TestBrowserFloating(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	g := startGallery(t, b)
	tb := b.open(t, g.base, look{still: true, width: 390, height: 844})
	g.each(tb, func(p shown) {
		for _, width := range []int64{390, 1440} {
			tb.Resize(width, 844)
			if !tb.within(soon, misplaced+" === ''") { // a live page may move meanwhile
				t.Errorf("%s at %d px: %s", p.name, width, tb.Text(misplaced))
			}
			if found := tb.Text(glued); found != "" {
				t.Errorf("%s at %d px: words without a space: %s", p.name, width, found)
			}
		}
	})
}

// glued unfolds everything, and names words of two elements that stand in a line with nothing between them.
const glued = `(() => {
	const folded = [...document.querySelectorAll("details:not([open])")];
	folded.forEach((e) => (e.open = true));
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const found = new Set();
	for (let before = null; walker.nextNode(); ) {
		const node = walker.currentNode, range = document.createRange();
		if (node.parentElement.closest("script, style, svg, pre, .hidden")) continue;
		range.selectNodeContents(node);
		const boxes = [...range.getClientRects()].filter((box) => box.width && box.height);
		if (!boxes.length) continue;
		const at = before?.box, now = boxes[0];
		if (at && Math.abs(at.top + at.bottom - now.top - now.bottom) < 16 && Math.abs(now.left - at.right) < 2 &&
			/[\p{L}\p{N}]$/u.test(before.text) && /^[\p{L}\p{N}]/u.test(node.data) && !/\p{Script=Han}$/u.test(before.text) && !/^\p{Script=Han}/u.test(node.data) &&
			before.of !== node.parentElement) found.add(before.text.slice(-30) + "|" + node.data.slice(0, 30));
		before = { box: boxes.at(-1), text: node.data, of: node.parentElement };
	}
	folded.forEach((e) => (e.open = false));
	return [...found].join("; ");
})()`

// misplaced opens one menu after the other, and names what floats outside the window, is narrower than a word, or is not
// below what it belongs to, and states that touch what stands before them.
const misplaced = `(() => {
	const open = [...document.querySelectorAll("details.menu")].filter((e) => e.checkVisibility());
	const check = (e, of) => {
		const box = e.getBoundingClientRect(), at = of.getBoundingClientRect();
		if (!e.checkVisibility() || !box.width) return [];
		const wrong = box.left < 0 || box.right > innerWidth || box.width < 120 || box.top > at.bottom + 16 && box.bottom < at.top || box.top - at.bottom > 16;
		return wrong ? [[box.left, box.top, box.right, box.bottom].map(Math.round).join() + " of " + innerWidth + " " + e.outerHTML.slice(0, 90).replaceAll("\n", " ")] : [];
	};
	const found = open.flatMap((menu) => {
		const was = menu.open;
		menu.open = true;
		const wrong = [...menu.querySelectorAll(".pop")].flatMap((e) => check(e, menu));
		menu.open = was;
		return wrong;
	});
	const beside = [["#suggestions", "[role=combobox]"], [".search > .field-error", ".search"]];
	const stuck = [...document.querySelectorAll("main .state")].filter((e) => e.checkVisibility()).filter((e) => {
		const before = e.previousSibling;
		if (!before || /\s$/.test(before.textContent)) return false;
		const range = document.createRange();
		range.selectNodeContents(before);
		const p = [...range.getClientRects()].at(-1), q = e.getBoundingClientRect();
		return p && p.width && p.top < q.bottom - 4 && q.top < p.bottom - 4 && Math.abs(q.left - p.right) < 4;
	}).map((e) => "touches what is before it: " + e.parentElement.textContent.trim().slice(0, 80));
	return found.concat(stuck, beside.flatMap(([e, of]) => [...document.querySelectorAll(e)].flatMap((e) => check(e, document.querySelector(of))))).join("; ");
})()`

// TestBrowserPhoneRows: what stands in a row stays beside its neighbours, however long the names and the times are.
func TestBrowserPhoneRows(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	long := simulator.TicketSpec{Scenario: "long", Name: strings.Repeat("发布", 30), Creator: "operator", Age: 16 * time.Minute, Timeout: 1799 * time.Second,
		SuccessRate: 100, Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{
			{ID: 1, Host: "نشر الخادم مرحبا بالعالم " + strings.Repeat("y", 60), IP: "2001:0db8:85a3:0000:0000:8a2e:0370:7334", Region: "cn-north-4", Zone: "cn-north-4a", Run: 29 * time.Minute},
			{ID: 2, Host: strings.Repeat("host-", 20), IP: "10.0.0.7", Region: "cn-north-4", Zone: "cn-north-4a", Run: 29 * time.Minute}}}, {
			Instances: []simulator.InstanceSpec{{ID: 3, Host: "w", IP: "10.0.0.8", Region: "cn-north-4", Zone: "cn-north-4b", Run: time.Minute}}}}}
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: []simulator.TicketSpec{long}})
	for _, width := range []int64{360, 390, 1024, 1440} {
		tb := b.open(t, s.base, look{still: true, width: width, height: 900})
		tb.SignIn("operator")
		for _, address := range []string{"/tickets?status=any", "/tickets/" + s.UUID("long")} {
			tb.Go(address)
			tb.See("main tbody tr")
			if cut := tb.Text(cutZones); cut != "" {
				t.Errorf("%s at %d px cuts the zones %s", address, width, cut)
			}
			if over := tb.Text(overlapping); over != "" {
				t.Errorf("%s at %d px: %s", address, width, over)
			}
		}
		tb.Go("/tickets?status=any")
		if width < 720 && !tb.Is(`(() => {
			const end = (e) => document.querySelector(e).getBoundingClientRect().right;
			return Math.abs(end(".tickets tbody .progress") - end(".tickets tbody tr")) <= 4;
		})()`) {
			t.Errorf("at %d px the progress of a ticket ends before its row", width)
		}
	}
}

// cutZones names the zones of batches that are not shown whole.
const cutZones = `[...document.querySelectorAll(".lane .muted")].filter((e) => e.clientWidth > 1 && e.scrollWidth > e.clientWidth).map((e) => e.innerText).join()`

// overlapping names the parts of a row that lie on each other, and those that are cut without saying so.
const overlapping = `[...document.querySelectorAll("main tbody tr")].flatMap((row) => {
	const parts = [...row.querySelectorAll("a:not(.row-actions *), .state, time, code, small, td:not(:has(*))")].filter((e) => e.checkVisibility({ opacityProperty: true }) && e.innerText.trim());
	const boxes = parts.map((e) => [e, e.getBoundingClientRect()]);
	const over = boxes.flatMap(([e, p], i) => boxes.slice(i + 1).filter(([f, q]) => !e.contains(f) && p.width > 1 && q.width > 1 &&
		p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 8 && q.top < p.bottom - 8).map(([f]) => e.innerText + " on " + f.innerText));
	const cut = [...row.querySelectorAll("bdi, a, td")].filter((e) => e.checkVisibility({ opacityProperty: true }) && e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1 &&
		getComputedStyle(e).textOverflow !== "ellipsis" && getComputedStyle(e).overflowX !== "visible" && !e.matches(".select")).map((e) => "cut: " + e.innerText);
	return over.concat(cut);
}).join("; ")`
