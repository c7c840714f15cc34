package i18n

import "fmt"

// IncidentTexts are those of the report on an incident.
type IncidentTexts struct {
	Heading, Link, Text, From, To, Tickets, TicketsHint, Show, Wrong, Print  string
	Markdown, HTML                                                           string
	Summary, Period, All, First, Last, People, Approved                      string
	Operations, Who, Approver, What, Instances, Answered, Confirmed, Records string
	Approvals, Asked, Decided, Decision, Waited                              string
	Denied, Policies                                                         string
	Outside, OutsideText, OutsideUnknown, Between, Others                    string
	Evidence, Bundle, BundleText, Check                                      string
	Override, NoReason, Undecided                                            string
	Holds                                                                    func(ticket string) string
}

// Incident are the texts of the report on an incident.
var Incident = newPage("Incident", &IncidentTexts{
	Heading: "Incident report", Link: "Incident report", Text: "Who did what in a period, why, and how long it took. Give it to somebody together with its evidence bundle.",
	From: "From", To: "To", Tickets: "Tickets", TicketsHint: "SCT ids, one a line. Empty: all tickets.", Show: "Show",
	Wrong: "Enter two times, the first before the second, and ids of at most 50 tickets.", Print: "Print this page, or save it as PDF, with your browser.",
	Markdown: "Markdown", HTML: "HTML file",
	Summary: "Summary", Period: "Period", All: "All", First: "First operation", Last: "Last operation", People: "People", Approved: "Approvals",
	Operations: "What was done", Who: "Who", Approver: "Approved by", What: "What", Instances: "Instances", Answered: "Answered after", Confirmed: "Confirmed after", Records: "Records",
	Approvals: "Approvals", Asked: "Asked", Decided: "Decided", Decision: "Decision", Waited: "Waited",
	Denied: "Denied attempts", Policies: "Policies",
	Outside: "Done outside this console", OutsideText: "Changes seen at COC that no operation of this console explains. A pause can also come from a batch's own strategy.",
	OutsideUnknown: "What was seen at COC couldn't be read here.", Between: "Between", Others: "Cancelled, though nobody chose them here",
	Evidence: "Evidence", Bundle: "Evidence bundle", BundleText: "The records of this report, their proofs and a signed checkpoint. It's checked without the console:", Check: "Command",
	Override: "Emergency override", NoReason: "No reason", Undecided: "No decision",
	Holds: func(ticket string) string {
		if ticket == "" {
			return "All records of the time"
		}
		return "All records about " + ticket + " of the time"
	},
}, &IncidentTexts{
	Heading: "事件报告", Link: "事件报告", Text: "某时间段内谁做了什么、原因和用时。请与证据包一并提交。",
	From: "从", To: "至", Tickets: "工单", TicketsHint: "SCT 编号，每行一个；留空表示全部工单。", Show: "显示",
	Wrong: "请输入两个时间（前者早于后者）以及最多 50 个工单编号。", Print: "可使用浏览器打印本页，或另存为 PDF。",
	Markdown: "Markdown 文件", HTML: "HTML 文件",
	Summary: "概要", Period: "时间段", All: "全部", First: "首个操作", Last: "最后操作", People: "人员", Approved: "审批数",
	Operations: "操作经过", Who: "操作人", Approver: "审批人", What: "操作", Instances: "实例数", Answered: "应答用时", Confirmed: "确认用时", Records: "记录编号",
	Approvals: "审批", Asked: "申请时间", Decided: "决定时间", Decision: "决定", Waited: "等待时长",
	Denied: "被拒绝的尝试", Policies: "策略",
	Outside: "在本控制台之外的变化", OutsideText: "在 COC 观察到、而本控制台的操作无法解释的变化。暂停也可能源于批次自身的策略。",
	OutsideUnknown: "此处无法读取在 COC 观察到的变化。", Between: "发生区间", Others: "被取消，但并非在此选择",
	Evidence: "证据", Bundle: "证据包", BundleText: "本报告涉及的记录、其证明和已签名的检查点，无需控制台即可校验：", Check: "命令",
	Override: "紧急放行", NoReason: "未填写原因", Undecided: "未决定",
	Holds: func(ticket string) string {
		if ticket == "" {
			return "该时间段的全部记录"
		}
		return fmt.Sprintf("该时间段内工单 %s 的全部记录", ticket)
	},
})
