package i18n

import (
	"fmt"
	"time"
)

// AuditRowsTexts are those of the log's list in which an operation is one row.
type AuditRowsTexts struct {
	Views, View        Words  // tabs, by preset; what a preset has, for tables
	Tabs               string // label
	Range              Words  // today, night, week
	Ranges, Custom     string
	Count              func(count int64, more bool) string
	Day                func(day time.Time, today bool) string
	ApprovedBy         func(who string) string
	Instances          func(n int) string
	SkipBatch          func(batch int32) string
	Stages, Review     string // headings
	Step               Words  // of the chain: requested, answered, ended
	Outcome            Words
	ToReview, Reviewed string
	Show, Hide, Proof  string
	Saw                func(what string) string
	Behind             func(n int64) string
	Now                string
	Meant              string // before another search
	ExportText         Words  // a sentence for each format
	ExportOf           Words  // what an export has, by preset
	LastNight          string
	Bulk               string
}

// outcomeOfAction are the outcomes of operations by the records of their latest steps.
var outcomeOfAction = map[string]string{"operation.requested": "requested", "operation.accepted": "accepted",
	"operation.observed": "confirmed", "operation.not_observed": "not_confirmed", "operation.rejected": "rejected",
	"operation.unknown": "unknown", "access.denied": "denied"}

// OutcomeOf is the word for how far an operation has come whose latest step is this action: what the log's list says.
func (t *AuditRowsTexts) OutcomeOf(action string) string {
	return t.Outcome.Of(outcomeOfAction[action])
}

// AuditRows are the texts of that list.
var AuditRows = newPage("AuditRows", &AuditRowsTexts{
	Views: Words{"operations": "Operations", "approvals": "Approvals & overrides", "access": "Access", "everything": "Everything"},
	View:  Words{"operations": "Operations, newest first", "approvals": "Operations with approvals or overrides, newest first", "access": "Sessions and refusals, newest first", "everything": "Records, newest first"},
	Tabs:  "What to show", Range: Words{"today": "Today", "night": "Last night", "week": "7 d"}, Ranges: "Time", Custom: "Custom…",
	Count: func(n int64, more bool) string {
		if more {
			return "More than " + thousands(n)
		}
		return thousands(n) + ", newest first"
	},
	Day: func(d time.Time, today bool) string {
		if today {
			return "Today, " + d.Format("Monday 2 January")
		}
		return d.Format("Monday 2 January 2006")
	},
	ApprovedBy: func(who string) string { return "Approved by " + who },
	Instances:  func(n int) string { return countEN(n, "instance", "instances") },
	SkipBatch:  func(n int32) string { return fmt.Sprintf("Skip batch %d", n) },
	Stages:     "Steps", Review: "Marks",
	Step: Words{"requested": "requested", "answered": "answered by COC", "ended": "checked", "done": "yes", "bad": "refused", "open": "not"},
	Outcome: Words{"waiting": "Waiting", "requested": "Sent", "accepted": "Accepted", "confirmed": "Confirmed", "not_confirmed": "Not confirmed", "rejected": "Rejected",
		"refused": "Declined", "not_sent": "Not sent", "unknown": "Result unknown", "denied": "Denied", "succeeded": "Succeeded", "failed": "Failed", "pending": "Pending"},
	ToReview: "Override · to review", Reviewed: "Override · reviewed",
	Show: "Show the steps", Hide: "Hide the steps", Proof: "Proof",
	Saw: func(what string) string { return "saw: " + what },
	Behind: func(n int64) string {
		if n == 1 {
			return "The newest record isn't in this list yet."
		}
		return "The newest " + thousands(n) + " records aren't in this list yet."
	},
	Now:   "now",
	Meant: "Did you mean:",
	ExportOf: Words{"operations": "Every record of the operations found, on all pages of this list.",
		"approvals":  "Every record of the requests, overrides and roles found, on all pages of this list.",
		"access":     "Every record of the sessions and refusals found, on all pages of this list.",
		"everything": "Every record found, on all pages of this list."},
	ExportText: Words{"csv": "For a spreadsheet. One line a record.", "jsonl": "For programs. Each record exactly as it is stored.",
		"bundle": "Proves to anybody, offline, that these records are in the log unchanged."},
	LastNight: "Last night", Bulk: "bulk operation",
}, &AuditRowsTexts{
	Views: Words{"operations": "操作", "approvals": "审批与紧急放行", "access": "访问", "everything": "全部记录"},
	View:  Words{"operations": "操作，最新的在前", "approvals": "涉及审批或紧急放行的操作，最新的在前", "access": "会话与被拒绝的访问，最新的在前", "everything": "记录，最新的在前"},
	Tabs:  "显示内容", Range: Words{"today": "今天", "night": "昨夜", "week": "7 天"}, Ranges: "时间", Custom: "自定义…",
	Count: func(n int64, more bool) string {
		if more {
			return "超过 " + thousands(n) + " 条"
		}
		return "共 " + thousands(n) + " 条，最新的在前"
	},
	Day: func(d time.Time, today bool) string {
		text := fmt.Sprintf("%d年%d月%d日 星期%s", d.Year(), d.Month(), d.Day(), [...]string{"日", "一", "二", "三", "四", "五", "六"}[d.Weekday()])
		if today {
			return "今天，" + text
		}
		return text
	},
	ApprovedBy: func(who string) string { return "由 " + who + " 批准" },
	Instances:  func(n int) string { return fmt.Sprintf("%d 个实例", n) },
	SkipBatch:  func(n int32) string { return fmt.Sprintf("跳过批次 %d", n) },
	Stages:     "步骤", Review: "标记",
	Step: Words{"requested": "已请求", "answered": "COC 已应答", "ended": "已核对", "done": "是", "bad": "被拒绝", "open": "尚未"},
	Outcome: Words{"waiting": "待审批", "requested": "已发送", "accepted": "已受理", "confirmed": "已确认", "not_confirmed": "未确认", "rejected": "被 COC 拒绝",
		"refused": "审批未通过", "not_sent": "未发送", "unknown": "结果未知", "denied": "被拒绝", "succeeded": "成功", "failed": "失败", "pending": "进行中"},
	ToReview: "紧急放行 · 待复核", Reviewed: "紧急放行 · 已复核",
	Show: "展开步骤", Hide: "收起步骤", Proof: "证明",
	Saw:    func(what string) string { return "当时看到：" + what },
	Behind: func(n int64) string { return "最新的 " + thousands(n) + " 条记录尚未列入。" },
	Now:    "现在",
	Meant:  "是否要搜索：",
	ExportOf: Words{"operations": "包含本列表所有页中各项操作的全部记录。", "approvals": "包含本列表所有页中各项审批、紧急放行与临时角色的全部记录。",
		"access": "包含本列表所有页中各次会话与拒绝的全部记录。", "everything": "包含本列表所有页的全部记录。"},
	ExportText: Words{"csv": "适合电子表格，每条记录一行。", "jsonl": "适合程序处理，每条记录与存储的完全一致。",
		"bundle": "任何人都可离线证明这些记录在日志中且未被改动。"},
	LastNight: "昨夜操作", Bulk: "批量操作",
})
