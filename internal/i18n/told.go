package i18n

import (
	"fmt"
	"strconv"
)

// ToldTexts are those of messages to targets, and of the managers' page about them.
type ToldTexts struct {
	Event                                        Words // notify.Name
	Operation, Ticket, Target, Batch, Stops      string
	Creator, Who, Decider, Reason, Comment, Note string
	Problem, Time, Until, Open                   string

	Heading, Link, Text, Off, NoTargets string
	Broken                              func(problem string) string
	Targets, Kind, State, LastSent      string
	Never, Fine, Gone                   string
	Failing                             func(n int) string
	Waiting                             func(n int) string
	NextTry, Test                       string
	TestOf                              func(name string) string
	Tested                              func(name string) string
	NotTested                           func(name, problem string) string
	Dead, NoDead, DeadText, GivenUp     string
	Attempts                            func(n int) string
	Again, Queued, NoLetter, NoTarget   string
	AgainOf                             func(event, target string) string
}

// Told are the texts of messages, and of their page.
var Told = newPage("Told", &ToldTexts{
	Event: Words{
		"approval.waiting": "Approval needed", "approval.expiring": "Approval still needed, expires soon", "approval.approved": "Approved",
		"approval.rejected": "Rejected", "approval.withdrawn": "Request withdrawn", "approval.expired": "Request expired",
		"approval.returned": "Approved, but not sent", "operation.not_confirmed": "Operation not confirmed",
		"elevation.waiting": "Temporary role asked for", "elevation.approved": "Temporary role approved", "elevation.rejected": "Temporary role declined",
		"operation.unknown": "Result of an operation unknown", "operation.rejected": "Operation rejected by COC",
		"override.used": "Emergency override used", "review.overdue": "Review of an emergency override overdue",
		"bulk.ended": "Bulk operation ended", "policy.broken": "Changed policy files not taken up",
		"log.damaged": "Audit log: verification has findings", "log.unanchored": "Audit log: a checkpoint isn't anchored",
		"disk.low": "Little disk space left for the audit log", "ticket.needs_attention": "Ticket needs attention", "test": "Test message from the COC console",
	},
	Operation: "Operation", Ticket: "Ticket", Target: "Target", Batch: "Batch", Stops: "Instances that stop",
	Creator: "Created by", Who: "Asked by", Decider: "Decided by", Reason: "Reason", Comment: "Comment", Note: "What happened",
	Problem: "Error", Time: "Time", Until: "Until", Open: "Open in the console",

	Heading: "Notices", Link: "Notices",
	Text:      "Where people are told of what waits for them or went wrong. Targets and routes come from a file.",
	Off:       "Nobody is told: the console was started without --notices.",
	NoTargets: "The file names no targets.",
	Broken: func(problem string) string {
		return "The changed file isn't in force. The previous one stays. " + problem
	},
	Targets: "Targets", Kind: "Kind", State: "State", LastSent: "Last sent",
	Never: "Never", Fine: "Working", Gone: "Wants no more messages",
	Failing: func(n int) string { return "Failed " + countEN(n, "time", "times") + " in a row, since" },
	Waiting: func(n int) string { return strconv.Itoa(n) + " waiting" },
	NextTry: "next attempt", Test: "Send a test",
	TestOf: func(name string) string { return "Send a test to " + name },
	Tested: func(name string) string { return "The test was sent to " + name + "." },
	NotTested: func(name, problem string) string {
		return "The test didn't reach " + name + ": " + problem
	},
	Dead: "Dead letters", NoDead: "No message was given up.",
	DeadText: "These messages were given up. Each has a record in the audit log. They are kept for 30 days.", GivenUp: "Given up",
	Attempts: func(n int) string { return countEN(n, "attempt", "attempts") },
	Again:    "Send again", Queued: "The message waits behind the others, and is sent again.",
	NoLetter: "This message is no longer here. Nothing was sent.", NoTarget: "This target is no longer in the file. Nothing was sent.",
	AgainOf: func(event, target string) string { return fmt.Sprintf("Send again to %s: %s", target, event) },
}, &ToldTexts{
	Event: Words{
		"approval.waiting": "待审批", "approval.expiring": "仍待审批，即将到期", "approval.approved": "已批准",
		"approval.rejected": "已拒绝", "approval.withdrawn": "申请已撤回", "approval.expired": "申请已过期",
		"approval.returned": "已批准但未发送", "operation.not_confirmed": "操作未确认",
		"elevation.waiting": "申请临时角色，待审批", "elevation.approved": "临时角色已批准", "elevation.rejected": "临时角色已拒绝",
		"operation.unknown": "操作结果未知", "operation.rejected": "COC 拒绝了操作",
		"override.used": "已使用紧急放行", "review.overdue": "紧急放行复核已逾期",
		"bulk.ended": "批量操作已结束", "policy.broken": "变更后的策略文件未生效",
		"log.damaged": "审计日志：校验发现问题", "log.unanchored": "审计日志：检查点未锚定",
		"disk.low": "审计日志的磁盘空间不足", "ticket.needs_attention": "工单异常，需处理", "test": "COC 控制台的测试消息",
	},
	Operation: "操作", Ticket: "脚本工单", Target: "目标", Batch: "批次", Stops: "将停止的实例数",
	Creator: "创建人", Who: "发起人", Decider: "审批人", Reason: "原因", Comment: "意见", Note: "情况",
	Problem: "错误", Time: "时间", Until: "截止时间", Open: "在控制台中打开",

	Heading: "通知", Link: "通知",
	Text:      "待办或异常事项的通知去向。目标和路由由文件配置。",
	Off:       "未发送任何通知：控制台启动时未指定 --notices。",
	NoTargets: "文件中没有目标。",
	Broken:    func(problem string) string { return "变更后的文件未生效，仍使用原文件。" + problem },
	Targets:   "目标", Kind: "类型", State: "状态", LastSent: "最近发送",
	Never: "从未", Fine: "正常", Gone: "不再接收消息",
	Failing: func(n int) string { return "已连续失败 " + strconv.Itoa(n) + " 次，始于" },
	Waiting: func(n int) string { return strconv.Itoa(n) + " 条待发送" },
	NextTry: "下次尝试", Test: "发送测试",
	TestOf: func(name string) string { return "向 " + name + " 发送测试" },
	Tested: func(name string) string { return "测试消息已发送到 " + name + "。" },
	NotTested: func(name, problem string) string {
		return "测试消息未能发送到 " + name + "：" + problem
	},
	Dead: "死信", NoDead: "没有放弃发送的消息。",
	DeadText: "以下消息已放弃发送，审计日志中均有记录，保留 30 天。", GivenUp: "放弃时间",
	Attempts: func(n int) string { return "尝试 " + strconv.Itoa(n) + " 次" },
	Again:    "重新发送", Queued: "消息已排队，将重新发送。",
	NoLetter: "该消息已不存在，未发送任何内容。", NoTarget: "文件中已没有该目标，未发送任何内容。",
	AgainOf: func(event, target string) string { return "重新发送到 " + target + "：" + event },
})
