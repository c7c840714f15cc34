package browser

import (
	"testing"
	"time"

	"coc-console/internal/simulator"
)

// brokenWords names the words of letters and digits that stand on two lines. Digests and keys have no words.
const brokenWords = `(() => {
	const found = [], walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT), range = document.createRange();
	while (walker.nextNode()) {
		const node = walker.currentNode, of = node.parentElement;
		if (!of.checkVisibility({ visibilityProperty: true }) || of.closest(".hidden, code, summary:not(:only-child)")) continue;
		for (const { 0: word, index } of node.data.matchAll(/[A-Za-z0-9]{2,}/g)) {
			range.setStart(node, index);
			range.setEnd(node, index + word.length);
			const lines = new Set([...range.getClientRects()].filter((r) => r.width > 0.5).map((r) => Math.round(r.top)));
			if (lines.size > 1) found.push(word + " in " + node.data.trim().slice(0, 60));
		}
	}
	return found.slice(0, 5).join("; ");
})()`

// cutTables names what of a table can only be read by moving it sideways.
const cutTables = `[...document.querySelectorAll("main .scroll")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
	.map((e) => e.getAttribute("aria-label") + ": " + e.scrollWidth + " of " + e.clientWidth).join("; ")`

// cutAddresses names the IP addresses whose end runs out of their cell: it would be read with what stands beside it.
const cutAddresses = `[...document.querySelectorAll("main td.address > bdi")].filter((e) => e.checkVisibility() &&
	e.getBoundingClientRect().right > e.parentElement.getBoundingClientRect().right).map((e) => e.textContent).join("; ")`

// badgesOver names the badges that lie over the line below a ticket's name.
const badgesOver = `[...document.querySelectorAll(".ticket-name > .badge")].filter((e) => e.checkVisibility() &&
	e.getBoundingClientRect().bottom > e.closest("th, td").querySelector("small").getBoundingClientRect().top + 1).map((e) => e.textContent).join("; ")`

// longNames are tickets whose names and servers hardly fit anywhere.
func longNames() simulator.Config {
	cfg := quick
	for _, name := range []string{"Backup_Quarterly_Financial_Reporting_Database_Cluster_Replica", "重启生产环境订单支付网关服务并校验健康检查状态以及同步配置中心数据",
		"kubernetes.node.drain.and.cordon.prepare.maintenance-window.2026"} {
		server := simulator.InstanceSpec{Host: "prd-payment-gateway-application-server-01.cn-north-4.internal.example.com", IP: "192.168.100.100",
			Region: "cn-north-4", Zone: "cn-north-4a", Dispatch: time.Second, Run: 20 * time.Minute}
		if len(cfg.Tickets) == 0 {
			server.IP = "2001:db8:85a3:1234:5678:8a2e:370:7334"
		}
		cfg.Tickets = append(cfg.Tickets, simulator.TicketSpec{Scenario: name, Name: name, Creator: "manager", Age: time.Minute, Timeout: 25 * time.Minute,
			SuccessRate: 100, Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{server}}}})
	}
	return cfg
}

// TestBrowserLongNames: names, servers, people and reasons that are longer than their place break between words, and no
// table has to be moved sideways for them.
func TestBrowserLongNames(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	cfg := longNames()
	s := startStage(t, cfg)
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("manager")
	for _, ticket := range cfg.Tickets {
		tb.Go("/tickets/" + s.UUID(ticket.Scenario) + "/operations/new?operation_type=PAUSE_ORDER")
		tb.Type("[name=reason]", "Writes /var/lib/application/configuration/production/database-connection.yaml, see https://tickets.example.com/browse/CHG-20417")
		tb.Click("#confirm")
		tb.See("#receipt[data-status='operation.observed']")
	}
	for _, language := range []string{"en-US", "zh-CN"} {
		tb := b.open(t, s.base, look{language: language, still: true})
		tb.SignIn("manager")
		for _, page := range []string{"/audit?view=everything", "/audit", "/audit?view=access", "/audit/review", "/audit/report", "/handover",
			"/tickets?status=any", "/approvals?tab=decided", "/tickets/" + s.UUID(cfg.Tickets[0].Name)} {
			tb.Go(page)
			for _, width := range []int64{1440, 1024, 390} {
				tb.Resize(width, 900)
				for what, script := range map[string]string{"breaks words": brokenWords, "is too wide": tooWide, "has tables to move": cutTables,
					"cuts addresses": cutAddresses} {
					if found := tb.Text(script); found != "" {
						t.Errorf("%s in %s at %d px %s: %s", page, language, width, what, found)
					}
				}
			}
		}
	}
}
