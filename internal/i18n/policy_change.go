package i18n

import "fmt"

// PolicyChangeTexts are those of the page that shows changed policy files before they are taken up.
type PolicyChangeTexts struct {
	Heading, Text, InForce, InForceText, Link, Waiting string
	TakeUp, TakeUpText, Stale, Slow, Days              string
	Table, Rules, People, Teams, Newest                string
	Then, Now, Count, Name, When, Who, What, Policies  string
	Verdict                                            Words
	Sum                                                func(decisions, changed, unknown int) string
	Last                                               func(days int) string
	Trials                                             func(n int) string
	TrialRules, TrialNewest, Tried                     string
}

// PolicyChange are the texts of the page of changed policy files.
var PolicyChange = newPage("PolicyChange", &PolicyChangeTexts{
	Heading: "Changed policies", Text: "What the files now on disk would have made of past decisions. They aren't in force yet.",
	InForce:     "No changed policies",
	InForceText: "The files on disk are in force. To see other files before they are, run: coc-console policy replay --policy FILE",
	Link:        "Changed policies", Waiting: "Changed policy files aren't in force yet. Look at what they would decide under “Changed policies”.",
	TakeUp: "Take up", TakeUpText: "From then on they decide. The audit log records that you took them up.",
	Stale: "Nothing was taken up: the files have changed since this page was shown.",
	Slow:  "There are too many decisions for a page. Choose fewer days, or run: coc-console policy replay --since 30d --policy FILE",
	Days:  "Days", Table: "Then and now", Rules: "By policy", People: "By person", Teams: "By team", Newest: "Newest changes",
	Then: "Then", Now: "Now", Count: "Decisions", Name: "Name", When: "Time (UTC)", Who: "Who", What: "What", Policies: "Policies",
	Verdict: Words{"allowed": "Let through", "confirm": "Asked for a reason or number", "approval": "Asked for approval",
		"denied": "Denied", "unknown": "Can't be replayed"},
	Sum: func(decisions, changed, unknown int) string {
		text := fmt.Sprintf("%d of %s would be different.", changed, countEN(decisions, "decision", "decisions"))
		if unknown > 0 {
			records := pluralEN(int64(unknown), "its record doesn't", "their records don't")
			text += fmt.Sprintf(" %d can't be replayed: %s have what was decided from.", unknown, records)
		}
		return text
	},
	Last: func(days int) string { return "Last " + countEN(days, "day", "days") },
	Trials: func(n int) string {
		return countEN(n, "decision", "decisions") + " would be different if the policies in trial were enforced."
	},
	TrialRules: "By policy in trial", TrialNewest: "Newest that policies in trial would change", Tried: "If enforced",
}, &PolicyChangeTexts{
	Heading: "已修改的策略", Text: "磁盘上的策略文件若当时生效，会如何处理过去的操作。这些文件尚未生效。",
	InForce: "没有已修改的策略", InForceText: "磁盘上的文件即当前生效的策略。要提前查看其他文件的效果，请运行：coc-console policy replay --policy FILE",
	Link: "已修改的策略", Waiting: "已修改的策略文件尚未生效。请在“已修改的策略”中查看其影响。",
	TakeUp: "启用", TakeUpText: "启用后即按这些策略判断。审计日志将记录由您启用。",
	Stale: "未启用：页面显示后文件又有变化。",
	Slow:  "记录过多，无法在页面上显示。请选择更短的时间，或运行：coc-console policy replay --since 30d --policy FILE",
	Days:  "天数", Table: "当时与现在", Rules: "按策略", People: "按人员", Teams: "按团队", Newest: "最近的变化",
	Then: "当时", Now: "现在", Count: "数量", Name: "名称", When: "时间（UTC）", Who: "操作人", What: "操作", Policies: "策略",
	Verdict: Words{"allowed": "允许", "confirm": "要求填写原因或实例数", "approval": "要求审批", "denied": "拒绝",
		"unknown": "无法重新判断"},
	Sum: func(decisions, changed, unknown int) string {
		text := fmt.Sprintf("%d 次判断中有 %d 次结果不同。", decisions, changed)
		if unknown > 0 {
			text += fmt.Sprintf("另有 %d 次无法重新判断：记录中没有判断依据。", unknown)
		}
		return text
	},
	Last: func(days int) string { return fmt.Sprintf("最近 %d 天", days) },
	Trials: func(n int) string {
		return fmt.Sprintf("若试运行的策略生效，%d 次判断的结果会不同。", n)
	},
	TrialRules: "按试运行的策略", TrialNewest: "试运行策略会改变的最近判断", Tried: "若生效",
})
