package i18n

import "strconv"

// HoldsTexts are those of legal holds, on the page about the log's integrity.
type HoldsTexts struct {
	Place, Lift, LiftReason      string
	Text                         string
	Query, QueryHint, Reason     string
	Everything, Relative, NoHold string
	Busy, NoReason               string
	TooLong                      func(limit int) string
}

// Holds are the texts of legal holds.
var Holds = newPage("Holds", &HoldsTexts{
	Place: "Place a legal hold", Lift: "Lift", LiftReason: "Why it is lifted",
	Text:  "Keeps the records that a query finds, and all that follow the first of them. It is a record of the audit log.",
	Query: "Query", QueryHint: "As in the search of the log, such as ticket:SCT… or actor:alice. Dates are those of UTC.", Reason: "Reason, such as a case number",
	Everything: "Enter a query that doesn't find everything, such as ticket:SCT… or actor:alice.",
	Relative:   "Use dates such as after:2026-03-02. What counts from now would keep less every day.",
	NoHold:     "This hold has been lifted in the meantime.",
	Busy:       "Old records are being removed now. Nothing was placed. Try again in a moment.", NoReason: "Say why.",
	TooLong: func(limit int) string { return "At most " + strconv.Itoa(limit) + " characters are allowed." },
}, &HoldsTexts{
	Place: "设置依法保留", Lift: "解除", LiftReason: "解除原因",
	Text:  "保留查询找到的记录，以及其中第一条之后的全部记录。此操作记入审计日志。",
	Query: "查询", QueryHint: "与日志搜索相同，例如 ticket:SCT… 或 actor:alice。日期按 UTC。", Reason: "原因，例如案件编号",
	Everything: "请输入不会命中全部记录的查询，例如 ticket:SCT… 或 actor:alice。",
	Relative:   "请使用 after:2026-03-02 这样的日期。相对当前的时间会使保留范围逐日缩小。",
	NoHold:     "此保留已被解除。",
	Busy:       "正在移除旧记录，未设置保留。请稍后重试。", NoReason: "请说明原因。",
	TooLong: func(limit int) string { return "最多 " + strconv.Itoa(limit) + " 个字符。" },
})
