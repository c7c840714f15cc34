package i18n

// OwnNoticesTexts are those of what somebody chooses to hear of by mail.
type OwnNoticesTexts struct {
	Heading, None         string
	Text                  func(address string) string
	NoAddress             func(person string) string
	What                  string
	Asked, Tickets, Teams string
	From, To              string
	QuietHint             func(zone string) string
	WrongHours            string
	Save, Saved, Test     string
}

// OwnNotices are the texts of one's own notices.
var OwnNotices = newPage("OwnNotices", &OwnNoticesTexts{
	Heading: "For you, by mail", Text: func(address string) string { return "Choose what is sent to " + address + "." },
	None: "This console sends no mail to people by their own choice: its notices file has no addresses of people.",
	NoAddress: func(person string) string {
		return "The notices file has no address for " + person + ". An administrator of the console can add one."
	},
	What:    "Send me mail about",
	Asked:   "What I asked for: decided, expired, rejected, not confirmed, or ended",
	Tickets: "My tickets that come to need attention",
	Teams:   "My teams: waiting approvals, emergency overrides, operations that weren't confirmed, tickets that need attention",
	From:    "Quiet hours from", To: "To",
	QuietHint: func(zone string) string {
		return "Quiet hours are in " + zone + ". Only what is urgent is sent then. Leave both empty for none."
	},
	WrongHours: "Enter two different times of the day, such as 22:00 and 07:00, or leave both empty.",
	Save:       "Save", Saved: "Saved. It ends 30 days after your last sign-in.", Test: "Send me a test",
}, &OwnNoticesTexts{
	Heading: "给您的邮件通知",
	Text:    func(address string) string { return "选择发送到 " + address + " 的内容。" },
	None:    "此控制台不按个人选择发送邮件：通知文件中没有个人地址。",
	NoAddress: func(person string) string {
		return "通知文件中没有 " + person + " 的地址，可由控制台的管理者添加。"
	},
	What:    "通过邮件通知我",
	Asked:   "我发起的请求：已审批、已过期、被拒绝、未确认或已结束",
	Tickets: "我的工单异常，需处理",
	Teams:   "我的团队：待审批、紧急放行、未确认的操作、异常工单",
	From:    "免打扰时段，从", To: "至",
	QuietHint: func(zone string) string {
		return "按 " + zone + " 的时间。此时段内只发送紧急消息。两项都留空表示不设置。"
	},
	WrongHours: "请输入两个不同的时刻，例如 22:00 和 07:00，或者都留空。",
	Save:       "保存", Saved: "已保存。在您最近一次登录 30 天后停止发送。", Test: "给我发送测试",
})
