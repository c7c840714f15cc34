package i18n

import (
	"strconv"
	"time"
)

// ElevationTexts are those of the page on which people ask for a role for a while.
type ElevationTexts struct {
	Heading, Link                         string
	How                                   string
	Ask, Role, Until, Reason, Submit      string
	UntilHint                             func(hours int) string
	InForce, Waiting, Past                string // headings
	NoneInForce, NoneWaiting, NonePast    string
	Comment, Approve, Decline             string
	End, Withdraw                         string
	UntilTime, Answer, Asked, EndedBy     string // before a time or a name
	State                                 Words
	NotOffered, Open, NoReason, NotTheirs string
	Over, Choose                          string
	BadUntil                              func(hours int) string
	TooLong                               func(limit int) string
	// Badge is beside the name of somebody who has the role until a time in their zone.
	Badge func(role string, until time.Time) string
}

// Elevation are the texts of the page on which people ask for a role for a while.
var Elevation = newPage("Elevation", &ElevationTexts{
	Heading: "Temporary roles", Link: "Temporary roles",
	How: "Ask for a role that you need for a while, such as on call until 08:00. Somebody else approves it, and it ends by itself. All of it is in the audit log.",
	Ask: "Ask for a role", Role: "Role", Until: "Until", Reason: "Reason", Submit: "Ask for approval",
	UntilHint: func(hours int) string { return "Time of day, at most " + strconv.Itoa(hours) + " h from now." },
	InForce:   "In force", Waiting: "Waiting for approval", Past: "Last 8 days",
	NoneInForce: "Nobody has a role for a while.", NoneWaiting: "No request is waiting.", NonePast: "Nothing before.",
	Comment: "Comment", Approve: "Approve", Decline: "Decline", End: "End now", Withdraw: "Withdraw request",
	UntilTime: "until", Answer: "answer by", Asked: "asked", EndedBy: "Ended by",
	State: Words{"waiting": "waiting", "in_force": "in force", "refused": "declined", "withdrawn": "withdrawn",
		"expired": "not answered", "ended": "ended"},
	NotOffered: "The directory doesn't offer you this role.", Open: "You have already asked for this role, or have it.",
	NoReason: "Say why you need the role.", NotTheirs: "You may neither approve nor end this.",
	Over: "This has been answered or has ended in the meantime.", Choose: "Choose a role.",
	BadUntil: func(hours int) string {
		return "Enter a time of day such as 08:00, at most " + strconv.Itoa(hours) + " h from now."
	},
	TooLong: func(limit int) string { return "At most " + strconv.Itoa(limit) + " characters are allowed." },
	Badge:   func(role string, until time.Time) string { return role + " until " + until.Format("15:04") },
}, &ElevationTexts{
	Heading: "临时角色", Link: "临时角色",
	How: "申请临时需要的角色，例如值班至 08:00。由他人批准，到期自动失效。全部过程记入审计日志。",
	Ask: "申请角色", Role: "角色", Until: "截止时间", Reason: "原因", Submit: "提交审批",
	UntilHint: func(hours int) string { return "填写时刻，最长 " + strconv.Itoa(hours) + " 小时。" },
	InForce:   "生效中", Waiting: "待审批", Past: "最近 8 天",
	NoneInForce: "没有生效中的临时角色。", NoneWaiting: "没有待审批的申请。", NonePast: "没有更早的记录。",
	Comment: "意见", Approve: "批准", Decline: "拒绝", End: "立即结束", Withdraw: "撤回申请",
	UntilTime: "截止", Answer: "审批截止", Asked: "申请于", EndedBy: "结束人：",
	State: Words{"waiting": "待审批", "in_force": "生效中", "refused": "已拒绝", "withdrawn": "已撤回",
		"expired": "无人审批", "ended": "已结束"},
	NotOffered: "目录未向您提供此角色。", Open: "您已申请或已拥有此角色。",
	NoReason: "请说明为何需要此角色。", NotTheirs: "您无权批准或结束此申请。",
	Over: "此申请已处理或已结束。", Choose: "请选择角色。",
	BadUntil: func(hours int) string {
		return "请填写时刻，例如 08:00，最长 " + strconv.Itoa(hours) + " 小时。"
	},
	TooLong: func(limit int) string { return "最多 " + strconv.Itoa(limit) + " 个字符。" },
	Badge:   func(role string, until time.Time) string { return role + "（至 " + until.Format("15:04") + "）" },
})
