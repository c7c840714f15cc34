package i18n

import (
	"fmt"
	"strconv"
)

// HandoverTexts are those of the page that hands a shift over.
type HandoverTexts struct {
	Heading, Link, Shift, Copy, Copied           string
	Tickets, Open, Approvals, Bulk, Done         string // headings of the parts
	Reviews                                      func(n int) string
	NoTickets, NoOpen, NoApprovals, NoBulk, None string
	Hours                                        func(n int) string
	Last                                         func(n int) string // beside the heading of what was done
	NoReason, Override                           string
	Expires, Since                               string
	Note, NoNote, NoteHint, Save                 string
	Saved, Taken                                 func(who, at string) string
	Take, TakeHint, Changed                      string
	NoList                                       string
	TooLong                                      func(n, limit int) string
}

// Handover are the texts of the page that hands a shift over.
var Handover = newPage("Handover", &HandoverTexts{
	Heading: "Handover", Link: "Handover", Shift: "Period", Copy: "Copy as text", Copied: "Copied",
	Tickets: "Tickets needing a decision", Open: "Open or unconfirmed operations", Approvals: "Waiting approvals",
	Bulk: "Bulk operations under way", Done: "Done",
	Reviews:   func(n int) string { return countEN(n, "operation", "operations") + " to review" },
	NoTickets: "No ticket needs a decision.", NoOpen: "Every operation has ended.", NoApprovals: "No approval is waiting.",
	NoBulk: "No bulk operation is under way.", None: "Nothing was done.",
	Hours: func(n int) string { return strconv.Itoa(n) + " h" }, Last: func(n int) string { return fmt.Sprintf("Done in the last %d h", n) },
	NoReason: "No reason given", Override: "override", Expires: "expires", Since: "started",
	Note: "Note for the next shift", NoNote: "No note yet.", NoteHint: "Everybody in this project sees it. It goes into the audit log.", Save: "Save note",
	Saved: func(who, at string) string { return "Saved by " + who + ", " + at },
	Taken: func(who, at string) string { return "Last taken over by " + who + ", " + at },
	Take:  "I take over", TakeHint: "Records in the audit log that you have seen this page and the note.",
	Changed: "This has changed since you opened the page. Nothing was recorded. Look again, then take over.",
	NoList:  "COC didn't list the tickets. Look at the ticket list before you take over.",
	TooLong: func(n, limit int) string { return fmt.Sprintf("The note has %d characters; %d are allowed.", n, limit) },
}, &HandoverTexts{
	Heading: "交接班", Link: "交接班", Shift: "时间段", Copy: "复制为文本", Copied: "已复制",
	Tickets: "需处理的工单", Open: "未结束或未确认的操作", Approvals: "待审批", Bulk: "进行中的批量操作", Done: "已执行",
	Reviews:   func(n int) string { return strconv.Itoa(n) + " 项操作待复核" },
	NoTickets: "没有需处理的工单。", NoOpen: "所有操作均已结束。", NoApprovals: "没有待审批的申请。",
	NoBulk: "没有进行中的批量操作。", None: "没有执行任何操作。",
	Hours: func(n int) string { return strconv.Itoa(n) + " 小时" }, Last: func(n int) string { return fmt.Sprintf("最近 %d 小时的操作", n) },
	NoReason: "未填写原因", Override: "紧急放行", Expires: "到期时间", Since: "开始于",
	Note: "给下一班的说明", NoNote: "暂无说明。", NoteHint: "本项目的所有人可见，并记入审计日志。", Save: "保存说明",
	Saved: func(who, at string) string { return who + " 保存于 " + at },
	Taken: func(who, at string) string { return "上次由 " + who + " 于 " + at + " 接班" },
	Take:  "我来接班", TakeHint: "审计日志将记录您已阅读本页及说明。",
	Changed: "打开页面后内容已有变化，未作记录。请重新查看后再接班。",
	NoList:  "COC 未返回工单列表。接班前请先查看工单列表。",
	TooLong: func(n, limit int) string { return fmt.Sprintf("说明有 %d 个字符，最多 %d 个。", n, limit) },
})
