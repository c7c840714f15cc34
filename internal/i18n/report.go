package i18n

import (
	"fmt"
	"strconv"
)

// ReportTexts are those of the report on a period.
type ReportTexts struct {
	Heading, Link, From, To, Show, WrongPeriod, TooMany, Print                   string
	Yesterday, Week, Month, LastMonth                                            string
	Own, Empty, Download, All, Total, NoTeam                                     string
	ByPerson, ByTeam, ByKind, ByOutcome, ByTicket                                string
	Times, TimesText, Overrides, Denied, Integrity                               string
	Person, Team, Operation, Outcome, Ticket, Operations, Attempts               string
	Median, P95, Time, Reason, Reviewer, Reviewed, Comment, NotYet               string
	Log, Records, Removed, Checkpoint, Root, Key, Unsigned, Unbelieved, NoneOfIt string
	Of                                                                           func(from, to string) string
	Range                                                                        func(first, last int64) string
	RemovedTo                                                                    func(n int64) string
	Covers                                                                       func(size int64, at string) string
}

// Report are the texts of the report on a period.
var Report = newPage("Report", &ReportTexts{
	Heading: "Report", Link: "Report", From: "From", To: "To", Show: "Show", WrongPeriod: "Enter two dates, the first not after the second.",
	TooMany:   "The period has more operations than a report can hold. Choose a shorter one.",
	Print:     "Print this page, or save it as PDF, with your browser. Days are UTC.",
	Yesterday: "Yesterday", Week: "Last 7 days", Month: "Last 30 days", LastMonth: "Last month",
	Own: "You see your own operations. Managers see everybody's.", Empty: "Nothing in this period.", Download: "Download CSV", All: "All", Total: "Total", NoTeam: "No team",
	ByPerson: "By person", ByTeam: "By team", ByKind: "By operation", ByOutcome: "By outcome", ByTicket: "By ticket",
	Times: "From requested to confirmed", TimesText: "Of confirmed operations.", Overrides: "Emergency overrides and their reviews", Denied: "Denied attempts", Integrity: "Integrity",
	Person: "Person", Team: "Team", Operation: "Operation", Outcome: "Outcome", Ticket: "Ticket", Operations: "Operations", Attempts: "Attempts",
	Median: "Median", P95: "95 of 100 within", Time: "Time", Reason: "Reason", Reviewer: "Reviewed by", Reviewed: "Reviewed", Comment: "Comment", NotYet: "Not reviewed",
	Log: "Log", Records: "Records of the period", Removed: "Removed", Checkpoint: "Checkpoint", Root: "Root of the tree", Key: "Key", Unsigned: "No checkpoint is signed yet.", Unbelieved: "Its key wasn't named, so it proves nothing here.", NoneOfIt: "None",
	Of:    func(from, to string) string { return from + " to " + to },
	Range: func(first, last int64) string { return fmt.Sprintf("%d to %d", first, last) },
	RemovedTo: func(n int64) string {
		return fmt.Sprintf("Of records 1 to %d only the hashes are left. They aren't counted.", n)
	},
	Covers: func(size int64, at string) string { return countEN(int(size), "record", "records") + ", signed " + at },
}, &ReportTexts{
	Heading: "报告", Link: "报告", From: "从", To: "至", Show: "显示", WrongPeriod: "请输入两个日期，且开始日期不晚于结束日期。",
	TooMany:   "该时间段内的操作过多，无法生成报告。请缩短时间段。",
	Print:     "可使用浏览器打印本页，或另存为 PDF。日期按 UTC 计算。",
	Yesterday: "昨天", Week: "最近 7 天", Month: "最近 30 天", LastMonth: "上个月",
	Own: "此处仅显示您自己的操作；管理员可查看所有人的操作。", Empty: "该时间段内没有内容。", Download: "下载 CSV", All: "全部", Total: "合计", NoTeam: "无团队",
	ByPerson: "按人员", ByTeam: "按团队", ByKind: "按操作", ByOutcome: "按结果", ByTicket: "按工单",
	Times: "从发起到确认的用时", TimesText: "仅统计已确认的操作。", Overrides: "紧急放行及其复核", Denied: "被拒绝的尝试", Integrity: "完整性",
	Person: "人员", Team: "团队", Operation: "操作", Outcome: "结果", Ticket: "工单", Operations: "操作数", Attempts: "次数",
	Median: "中位数", P95: "95% 不超过", Time: "时间", Reason: "原因", Reviewer: "复核人", Reviewed: "复核时间", Comment: "意见", NotYet: "未复核",
	Log: "日志", Records: "该时间段的记录", Removed: "已清除", Checkpoint: "检查点", Root: "树根", Key: "密钥", Unsigned: "尚无已签名的检查点。", Unbelieved: "未指定其公钥，因此无法在此证明。", NoneOfIt: "无",
	Of:    func(from, to string) string { return from + " 至 " + to },
	Range: func(first, last int64) string { return fmt.Sprintf("%d 至 %d", first, last) },
	RemovedTo: func(n int64) string {
		return "记录 1 至 " + strconv.FormatInt(n, 10) + " 仅保留哈希值，未计入本报告。"
	},
	Covers: func(size int64, at string) string { return fmt.Sprintf("%d 条记录，签名时间 %s", size, at) },
})
