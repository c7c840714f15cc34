package i18n

import (
	"fmt"
	"strconv"
)

// SessionsTexts are those of the managers' list of sessions.
type SessionsTexts struct {
	Heading, Text, Empty, More, You, This        string
	SignedIn, Used, From, Project, Reason, Retry string
	End, ReasonNeeded, Link                      string
	Of, Gone                                     func(text string) string
	EndAll, Ended                                func(n int) string
}

// Sessions are the texts of the list of sessions.
var Sessions = newPage("Sessions", &SessionsTexts{
	Heading: "Sessions", Text: "Who is signed in. Ending a session signs that browser out within seconds. The audit log keeps your reason.",
	Empty: "Nobody is signed in.", More: "Showing the sessions used last.", You: "You", This: "This browser",
	SignedIn: "Signed in", Used: "Last used", From: "From", Project: "Project", Reason: "Reason", Retry: "Try again",
	End: "End session", ReasonNeeded: "No session was ended. Enter a reason.", Link: "Sessions",
	Of:     func(who string) string { return "Sessions of " + who },
	Gone:   func(text string) string { return "This session has already ended. You wrote: " + text },
	EndAll: func(n int) string { return fmt.Sprintf("End %d %s", n, pluralEN(int64(n), "session", "sessions")) },
	Ended:  func(n int) string { return fmt.Sprintf("Ended %d %s.", n, pluralEN(int64(n), "session", "sessions")) },
}, &SessionsTexts{
	Heading: "会话", Text: "当前已登录的用户。结束会话后，对应的浏览器会在数秒内退出登录；原因将记入审计日志。",
	Empty: "没有已登录的用户。", More: "仅显示最近使用的会话。", You: "您", This: "当前浏览器",
	SignedIn: "登录时间", Used: "最近使用", From: "来源", Project: "项目", Reason: "原因", Retry: "重试",
	End: "结束会话", ReasonNeeded: "未结束任何会话。请填写原因。", Link: "会话",
	Of:     func(who string) string { return who + " 的会话" },
	Gone:   func(text string) string { return "该会话已结束。您输入的内容：" + text },
	EndAll: func(n int) string { return "结束 " + strconv.Itoa(n) + " 个会话" },
	Ended:  func(n int) string { return "已结束 " + strconv.Itoa(n) + " 个会话。" },
})
