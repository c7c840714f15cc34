package notify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/notify"
	"coc-console/internal/notify/target"
	"coc-console/internal/operate"
)

func text(m target.Message) string {
	var b strings.Builder
	b.WriteString(m.Title + "\n")
	for _, l := range m.Lines {
		b.WriteString(l.Label + l.Value + "\n")
	}
	return b.String() + m.LinkText + " " + m.Link
}

// TestMessages in both languages.
func TestMessages(t *testing.T) {
	zone := time.FixedZone("", 8*60*60)
	waiting := notify.Event{ID: "1", Name: notify.ApprovalWaiting, Severity: notify.Warning, Time: noon, Ticket: "SCT1", TicketName: "nginx_reload",
		Operation: "CANCEL_INSTANCE", Target: "web-1 (10.0.0.1)", Batch: 2, Stops: 1, Who: "acme/otto", Reason: "it\nhangs \u202e" + strings.Repeat("x", 600),
		Until: noon.Add(time.Hour), Link: "https://ops.example.com/approvals/1"}
	long := "it hangs [U+202E]" + strings.Repeat("x", 483) + "…"
	for language, want := range map[i18n.Language]string{
		i18n.EnUS: "Approval needed: nginx_reload\nOperation: Cancel instance\nTicket: nginx_reload\nTarget: web-1 (10.0.0.1)\nBatch: 2\nInstances that stop: 1\n" +
			"Asked by: acme/otto\nTime: 2026-03-02 20:00 +08:00\nUntil: 2026-03-02 21:00 +08:00\nReason: " + long + "\nOpen in the console https://ops.example.com/approvals/1",
		i18n.ZhCN: "待审批：nginx_reload\n操作：取消实例\n脚本工单：nginx_reload\n目标：web-1 (10.0.0.1)\n批次：2\n将停止的实例数：1\n" +
			"发起人：acme/otto\n时间：2026-03-02 20:00 +08:00\n截止时间：2026-03-02 21:00 +08:00\n原因：" + long + "\n在控制台中打开 https://ops.example.com/approvals/1",
	} {
		got := text(notify.Render(waiting, language, zone))
		if got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
	ended := notify.Event{Name: notify.BulkEnded, Time: noon, Operation: "CANCEL_INSTANCE", Target: "2 × CANCEL_INSTANCE"}
	for language, want := range map[i18n.Language]string{
		i18n.EnUS: "Bulk operation ended: Cancel 2 instances\nOperation: Cancel instance\nTime: 2026-03-02 12:00 +00:00",
		i18n.ZhCN: "批量操作已结束：取消 2 个实例\n操作：取消实例\n时间：2026-03-02 12:00 +00:00",
	} {
		if got := text(notify.Render(ended, language, time.UTC)); !strings.HasPrefix(got, want+"\n") {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
	for _, name := range append(notify.Names(), notify.Test) {
		for _, l := range i18n.Languages() {
			m := notify.Render(notify.Event{Name: name, Time: noon}, l, time.UTC)
			if m.Title == "" || m.Title == string(name) {
				t.Errorf("%s has no words for %s", l, name)
			}
			if m.Link != "" || len(m.Lines) != 1 {
				t.Errorf("%s without anything says %+v", name, m)
			}
		}
	}
}

// TestHealth: what is wrong with the log is told when it begins, once.
func TestHealth(t *testing.T) {
	d := newDesk(t, t.TempDir())
	r := receive(t)
	d.notices(map[string]*receiver{"hook": r}, `{"events": ["log.*", "disk.low", "operation.*"], "targets": ["hook"]}`)
	n := d.started()
	var wrong []audit.Warning
	d.log.AddHealth(func(context.Context) []audit.Warning { return wrong })
	wrong = []audit.Warning{{Kind: audit.WarningFindings, Text: "record 3 was changed"}, {Kind: audit.WarningSlow, Text: "slow"},
		{Kind: audit.WarningFindings, Text: "record 4 was changed"}}
	d.look(n)
	d.look(n)
	same(t, "while it lasts", r.heard(), []string{"log.damaged"})
	if r.got[0]["problem"] != "record 3 was changed" || r.got[0]["link"] != "https://ops.example.com/audit/integrity" {
		t.Errorf("it says %v", r.got[0])
	}
	wrong = []audit.Warning{{Kind: audit.WarningUnanchored, Text: "file"}}
	d.look(n)
	wrong = nil
	d.look(n)
	d.step(time.Second)
	wrong = []audit.Warning{{Kind: audit.WarningFindings, Text: "again"}, {Kind: audit.WarningReserve, Text: "10 MiB"}}
	d.look(n)
	d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}))
	d.look(n)
	same(t, "in all", r.heard(), []string{"log.damaged", "log.unanchored", "log.damaged", "disk.low", "operation.unknown op1"})
}
