package i18n

import "strconv"

// ApproversTexts are about operations that several people have to approve.
type ApproversTexts struct {
	Given    string // behind the name of who approved, before the time
	Progress func(given, needed int, apart bool) string
	Needs    func(needed int, apart bool) string // before it is asked for
	NotLast  func(more int) string               // beside the button of an approval that is not the last
	Approve  string                              // that button
	// Uncounted says why the reader's approval would not count.
	Uncounted Words
}

// Approvers are the texts about several approvals of one operation.
var Approvers = newPage("Approvers", &ApproversTexts{
	Given: "approved",
	Progress: func(given, needed int, apart bool) string {
		text := strconv.Itoa(given) + " of " + countEN(needed, "approval", "approvals") + " given"
		if apart {
			text += ", from different teams"
		}
		return text + ". " + strconv.Itoa(max(needed-given, 0)) + " missing."
	},
	Needs: func(needed int, apart bool) string {
		text := "This needs " + countEN(needed, "approval", "approvals")
		if apart {
			text += " from different teams"
		}
		return text + ". It is sent as soon as the last one is given."
	},
	NotLast: func(more int) string {
		return "After yours, " + countEN(more, "more approval", "more approvals") + " will be missing. Only the last one sends the operation."
	},
	Approve: "Approve",
	Uncounted: Words{"given": "You have approved this. Somebody else has to approve it, too.",
		"team":    "Somebody of your team has approved this. It needs approvals from different teams, so yours wouldn't count.",
		"no_team": "You are in no team. This needs approvals from different teams, so yours wouldn't count."},
}, &ApproversTexts{
	Given: "已批准，时间",
	Progress: func(given, needed int, apart bool) string {
		text := "已有 " + strconv.Itoa(given) + "/" + strconv.Itoa(needed) + " 人批准"
		if apart {
			text += "（须来自不同团队）"
		}
		return text + "，还差 " + strconv.Itoa(max(needed-given, 0)) + " 人。"
	},
	Needs: func(needed int, apart bool) string {
		text := "此操作需要 " + strconv.Itoa(needed) + " 人审批"
		if apart {
			text = "此操作需要来自不同团队的 " + strconv.Itoa(needed) + " 人审批"
		}
		return text + "，最后一人批准后立即发送。"
	},
	NotLast: func(more int) string {
		return "您批准后还需 " + strconv.Itoa(more) + " 人批准。最后一人批准时才发送操作。"
	},
	Approve: "批准",
	Uncounted: Words{"given": "您已批准此申请，还需他人批准。",
		"team":    "您的团队已有人批准。此申请须由不同团队的人批准，您的批准不计入。",
		"no_team": "您不属于任何团队。此申请须由不同团队的人批准，您的批准不计入。"},
})
