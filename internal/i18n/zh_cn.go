package i18n

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ZhCN is Chinese as in mainland China.
const ZhCN Language = "zh-cn"

var _ = register(ZhCN, "zh-Hans-CN", &zhCN)

var zhCN = Texts{
	Name: "简体中文",
	Problem: Problems{
		BadUUID: Message{"这不是工单标识",
			"工单标识（execute_uuid）由 SCT、14 位数字和 9 位 0–9、a–f 组成，例如 SCT2026030209151401c2f9a07。",
			"请检查地址，或将含有标识的链接、文字粘贴到搜索框。"},
		TicketUnknown: Message{"COC 中没有此工单",
			"您的账号下没有使用该标识的脚本工单。",
			"请检查标识和当前登录的账号。COC 会在一段时间后清除旧工单。"},
		NotFound: Message{"页面不存在",
			"页面、记录或操作不存在，或者您无权查看。",
			"请检查地址，或从工单列表进入。"},
		BadInstance: Message{"这不是实例 ID",
			"实例 ID 是 1 到 9223372036854775807 之间的整数，只含数字。",
			"请从工单页面打开该实例。"},
		InstanceUnknown: Message{"工单中没有此实例",
			"该工单的所有批次中都没有此 ID 的实例。",
			"请从工单页面打开该实例。"},
		BatchUnknown: Message{"工单中没有此批次",
			"批次从 1 开始编号，该工单没有这么多批次。",
			"请在工单页面选择批次。"},
		BadInput: Message{"地址中有未知的值",
			"此页面不认识地址中的某一部分。",
			"请返回后在页面上选择，或更正地址。"},
		BadForm: Message{"表单不完整",
			"未发送任何操作。表单缺少控制台写入的内容。",
			"请从工单页面重新打开该操作。"},
		KeySpent: Message{"此表单已使用过",
			"这次和上次都未发送任何操作。一个表单只能使用一次。",
			"请从工单页面重新打开该操作。"},
		KeyApproval: Message{"此表单已用于申请审批",
			"未发送任何操作，申请不受影响。",
			"请等待审批，或在“审批”中撤回申请后在下方重新确认。"},
		KeyElsewhere: Message{"此表单已用于其他操作",
			"未发送任何操作。其一次性密钥属于另一个表单、审批申请或批量操作。",
			"请核对下方内容后重新确认。"},
		Denied: Message{"您无权执行此操作",
			"您的角色不包括此页面或操作。此次尝试已记入审计日志。",
			"请联系管理员。"},
		Hidden: Message{"您无权查看此工单",
			"有策略不允许您查看。此次尝试已记入审计日志。",
			"请联系下列人员，或打开其他工单。"},
		Limited: Message{"请求过多",
			"您已达到每人的使用上限。未执行任何操作，其他人不受影响。",
			"请稍候再试。查看与操作的限额分开计算。"},
		LimitedBy: Words{"requests": "短时间内打开的页面过多。", "operations": "短时间内的操作过多。",
			"records": "过去一小时内的查看已达到审计日志为每人记录的上限。", "bytes": "已达到每人每小时的下载量上限。",
			"downloads": "同时进行的下载过多。", "streams": "打开的实时页面过多。本页将定时刷新；关闭其他页面后可恢复实时更新。"},
		Unchecked: Message{"无法通过 IAM 确认您的会话",
			"未执行任何操作。此操作需要 IAM 当场确认登录状态，但 IAM 没有响应。",
			"请一分钟后重试。您输入的内容仍在下方。"},
		Unrenewed: Message{"暂时无法续期您的登录",
			"未执行任何操作。您对 COC 的访问需要续期，但企业的身份提供商或 IAM 没有响应。您仍处于登录状态。",
			"请一分钟后重试。您输入的内容仍在下方。"},
		NoExport: Message{"您无权导出审计日志",
			"有策略不允许您导出记录。此次尝试已记入审计日志。",
			"请在此处查看记录，或联系下列人员。"},
		CrossSite: Message{"请求来自其他站点",
			"未执行任何操作。",
			"请在本控制台中打开页面后重试。"},
		OtherProject: Message{"此页面属于其他项目",
			"未执行任何操作。打开此页面后，您切换了项目。",
			"请切换回原项目后再发送，或返回工单列表。"},
		OtherPerson: Message{"此页面由其他人打开",
			"未执行任何操作。当前登录的是另一位用户。",
			"请重新加载页面，以自己的名义继续，或退出登录。"},
		TooLarge: Message{"表单过大",
			"未执行任何操作。",
			"请返回并缩短内容，已输入的内容仍在浏览器中。"},
		Method: Message{"此地址不接受这种请求",
			"不支持请求所用的方法。",
			"请从工单列表进入。"},
		TooOften: Message{"尝试次数过多",
			"来自您的地址的此类请求过多。",
			"请一分钟后重试。"},
		Unavailable: Message{"控制台暂时无法响应",
			"未执行任何操作。控制台正在启动、停止或过载。",
			"请几秒后重试。"},
		Internal: Message{"控制台出错",
			"错误已按下方的请求 ID 记入控制台的日志。",
			"重复操作之前请先查看工单，并将请求 ID 告知控制台运维人员。"},
		Insecure: Message{"登录需要 HTTPS",
			"您正从另一台机器通过明文 HTTP 访问控制台，密码或令牌不会被加密。",
			"请使用控制台的 HTTPS 地址。运维人员应在前面部署 TLS 代理，并在 --trusted-proxies 中列出。"},
		SignInAgain: Message{"请重新登录",
			"COC 不再接受您的令牌。令牌有效期为 24 小时，权限或密码变更后会提前失效。",
			"登录后会回到此页面。"},
		UpstreamForbidden: Message{"COC 拒绝：缺少权限",
			"您的 IAM 用户无权发起此调用。",
			"请向云账号管理员申请 coc:job:list、coc:job:get；执行操作还需要 coc:job:action。"},
		UpstreamThrottled: Message{"COC 正在限流",
			"COC 目前不接受更多调用。",
			"请稍候刷新。"},
		UpstreamRefused: Message{"COC 拒绝了调用",
			"COC 的响应见下方。",
			"请更正 COC 指出的内容，或查看工单。"},
		UpstreamFailed: Message{"COC 出错",
			"COC 或其网关返回内部错误，响应见下方。",
			"请稍后刷新。如果持续出现，请检查 COC 的服务状态。"},
		UpstreamTimeout: Message{"COC 未及时响应",
			"控制台已停止等待。",
			"请刷新。如果持续出现，请检查控制台与 COC 之间的网络。"},
		UpstreamBroken: Message{"无法连接 COC",
			"连接失败，或在收到响应前中断。",
			"请刷新。如果持续出现，请检查控制台与 COC 之间的网络。"},
		UpstreamReason: ReasonTexts{
			DNS:                "无法解析其域名（DNS）。请检查端点设置和控制台所在机器的域名服务器。",
			Refused:            "其地址上没有服务在监听。请检查端点设置中的主机和端口。",
			Unreachable:        "没有到达其地址的路由。请检查控制台所在机器的网络和防火墙。",
			Timeout:            "未在规定时间内收到响应。请检查网络、防火墙和 HTTPS_PROXY。",
			UnknownCA:          "其证书不受信任。如果代理检查 TLS，请将 SSL_CERT_FILE 设为该代理的 CA 证书，并重启控制台。",
			CertificateExpired: "其证书已过期，或者控制台所在机器的时钟不准。",
			CertificateHost:    "其证书属于另一个主机名。请检查端点设置，以及是否有代理代为响应。",
			TLS:                "该地址不支持 TLS。请检查端点设置中的协议和端口。",
			ProxyAuth:          "代理要求密码（407）。请在 HTTPS_PROXY 中填写用户名和密码，并重启控制台。",
			Proxy:              "无法连接代理，或代理拒绝连接。请检查 HTTPS_PROXY 和 NO_PROXY。",
			Portal:             "收到的是网页或重定向，可能来自代理或网络登录页。请检查 HTTPS_PROXY、NO_PROXY 和端点设置。",
			Broken:             "收到响应之前连接中断。请检查途中的代理和防火墙。",
			TooLarge:           "响应超过 8 MiB，未读取。",
		},
		UpstreamBadAnswer: Message{"响应不是来自 COC",
			"控制台与 COC 之间有其他设备代为响应，或响应被截断。",
			"请刷新。如果持续出现，请检查终端节点和中间的代理。"},
		IAMUnavailable: Message{"无法连接 IAM",
			"IAM 没有响应，或返回内部错误。",
			"请稍后重试。"},
		LogFull: Message{"审计日志空间已满",
			"未发送任何操作：无法记录的操作，控制台一律不发送。磁盘没有剩余空间。",
			"请清理数据目录所在的磁盘，再重新提交表单。紧急情况下请使用云控制台。"},
		LogReadOnly: Message{"审计日志无法写入",
			"未发送任何操作：无法记录的操作，控制台一律不发送。日志数据库只读或不存在。",
			"请让数据目录可写，再重新提交表单。紧急情况下请使用云控制台。"},
		LogBroken: Message{"审计日志出错",
			"未发送任何操作：无法记录的操作，控制台一律不发送。日志数据库拒绝了记录。",
			"原因见控制台的日志。紧急情况下请使用云控制台。"},
		LogBusy: Message{"审计日志未及时响应",
			"未发送任何操作：无法记录的操作，控制台一律不发送。日志数据库被锁定，或磁盘没有响应。",
			"请几秒后重新提交表单。紧急情况下请使用云控制台。"},
		LogUnwritten: Message{"先前的响应尚未记入审计日志",
			"未发送任何操作。日志未能记录先前操作的响应，正在重试。",
			"请一分钟后重试。如果持续出现，请检查数据目录所在的磁盘。"},
	},
	SignInProblem: SignInProblems{
		NotSwitched: func(project string) string {
			return "IAM 未为项目 " + project + " 签发令牌。您仍在原项目中；如需使用该项目，请重新登录。"
		},
		WrongPassword:  "账号名、用户名或密码错误。",
		Locked:         "该用户已被锁定。请按账号策略等待，或联系账号管理员。",
		PasscodeNeeded: "该用户需要二次验证。请输入身份验证器上的动态口令。",
		PasscodeWrong:  "动态口令错误或已过期。请输入当前的口令。",
		TokenExpired:   "令牌已过期。令牌有效期为 24 小时，请重新获取。",
		TokenInvalid:   "IAM 不接受此令牌。请完整复制 X-Subject-Token 的值。",
		TokenOther:     "这是另一种凭证。请输入 IAM 令牌，即 X-Subject-Token 的值，以 MII 开头。",
		TokenUnscoped:  "此令牌不属于任何项目或账号。请获取项目范围的令牌。",
		Forbidden:      "IAM 拒绝了该用户。用户可能已停用，或不允许以编程方式登录。",
		ProjectUnknown: "账号下没有该项目或区域，或者该用户无权使用。",
		BadRequest:     "IAM 无法理解该请求。",
		Throttled:      "IAM 正在限制登录次数。请一分钟后重试。",
		Unavailable:    "无法连接 IAM。请稍后重试。",
		BadAnswer:      "响应不是来自 IAM。请检查 IAM 终端节点和前面的代理。",
		TooOften:       "来自您的地址的失败尝试过多。请一分钟后重试。",
		TooOftenUser:   "该用户的失败尝试过多。请 15 秒后重试，或从以前用过的地址登录。",
		TokenOver: func(ends, now string) string {
			return "未登录：令牌于 " + ends + " 失效，而控制台的时钟为 " + now + "。请检查时钟，或重新获取令牌。"
		},
		OtherAccount: func(account string) string {
			return "未登录：账号 " + account + " 不能使用此控制台。允许的账号由运维人员在 --accounts 中指定。"
		},
		NotAllowed: "未登录：有策略不允许您使用此控制台。",
		Ended:      "请登录后继续，登录后会回到您请求的页面。",
		Expired:    "会话已结束。请重新登录：您会回到此页面，已输入的内容会保留。",
	},
	Field: FieldProblems{
		Missing:          "此项必填。",
		TooLong:          func(limit int) string { return fmt.Sprintf("最多 %d 个字符。", limit) },
		NoUUID:           "请输入工单标识，例如 SCT2026030209151401c2f9a07。",
		UnknownOperation: "未知的操作。",
		UserID:           "IAM 用户 ID 最多 64 个字符，只含字母和数字。",
		InstanceID:       "请输入 1 到 9223372036854775807 之间的整数，只含数字。",
		BatchIndex:       "请输入 1 到 20 之间的整数，只含数字。",
		Unexpected:       func(field string) string { return "此操作不需要 " + field + "。" },
		NoSuchInstance:   "工单中没有此 ID 的实例。",
		NoSuchBatch:      "工单中没有此批次。",
		Time:             "请输入日期和时间，例如 2026-03-02T09:15。",
		TimeOrder:        "结束时间早于开始时间。",
		Choice:           "请从列表中选择。",
		Sequence:         "请输入记录的编号。",
		Query: QueryProblems{
			Qualifier: func(w string) string {
				return "未知的限定词“" + w + "”。作为文字搜索时请加引号。"
			},
			Empty: func(w string) string { return "“" + w + "”后面请输入值。" },
			Value: func(w string) string { return "“" + w + "”不是可用的值。" },
			Time:  func(w string) string { return "“" + w + "”不是 2026-01-31、24h、昨天这样的时间。" },
			Order: func(w string) string { return "“" + w + "”：结束时间早于开始时间。" },
			Twice: func(w string) string {
				return "“" + w + "”只能使用一次：一条记录只有一个这样的值。"
			},
			Quote:      func(w string) string { return "缺少右引号：“" + w + "”。" },
			Negated:    func(w string) string { return "“" + w + "”：不能排除时间。" },
			Word:       func(w string) string { return "“" + w + "”中没有可搜索的字母、数字或文字。" },
			Short:      func(w string) string { return "“" + w + "”的 * 之前至少需要三个字符。" },
			Many:       func(n int) string { return fmt.Sprintf("一次搜索最多包含 %d 个词和排除项。", n) },
			Suggestion: func(other string) string { return "是否要输入 " + other + "？" },
		},
		Hidden:       "请删除换行和不可见字符。",
		ManySearches: func(n int) string { return fmt.Sprintf("已保存 %d 个，请先删除一个。", n) },
		Token:        "这看起来不是 IAM 令牌。",
		ReasonTooLong: func(length, limit int) string {
			return fmt.Sprintf("请缩短原因：现有 %d 个字符，最多 %d 个。", length, limit)
		},
		LanguageUnknown: "未知的语言。",
		ThemeUnknown:    "未知的主题。",
	},
	Notice: Notices{
		SignedOut:  "您已退出登录。",
		LogRefuses: "审计日志无法写入，恢复之前拒绝所有操作。",
		LogPending: "审计日志正在等待数据库，超过 5 秒将拒绝操作。页面显示此前读取的内容。",
		LogNewest:  "审计日志正在等待数据库，本页可能缺少最新的记录。",
		LogReserve: "审计日志所在磁盘即将写满，腾出空间之前拒绝所有操作。",
		LogChanged: "校验失败：审计日志被改动。",
		LogFinding: func(kind, text string) string { return "首项：" + kind + "（" + text + "）" },

		LogLowSpace: "审计日志所在磁盘空间不足。",
		LogSlow:     "审计日志所在磁盘较慢，操作需要等待。",
		ClockOff: func(by, against string) string {
			return "控制台的时钟比" + against + by + "。页面和审计日志中的时间可能有误，会话可能提前结束。请校准控制台所在机器的时钟。"
		},
		ClockAhead:  func(by string) string { return "快 " + by },
		ClockBehind: func(by string) string { return "慢 " + by },
		Clocks: func(name string) string {
			return cmp.Or(map[string]string{"database": "数据库的时钟", "coc": " COC 的时钟", "iam": " IAM 的时钟"}[name], "其他时钟")
		},
		LogJournal:    "审计日志或检索表的预写日志（WAL）持续增长，占用磁盘空间，读取变慢。",
		LogUnsigned:   "审计日志最近的检查点未能签名。",
		LogUnanchored: "有锚点未接收审计日志最近的检查点。",
		LogBehind:     "检索表落后于审计日志，搜索会变慢。",
		LogUnverified: "最近一次审计日志校验未能完成。",
		DataForged:    "数据库中有并非由控制台写入的请求。均未发送，详见审计日志。",
	},
	Title: Titles{
		SignIn:    "登录",
		Tickets:   "工单",
		Ticket:    func(name string) string { return name + "（工单）" },
		Instance:  func(host, ticket string) string { return host + " – " + ticket + "（实例）" },
		Operation: func(operation, target string) string { return "确认：" + actZH(operation, target) },
		Receipt:   func(operation, target string) string { return "回执：" + actZH(operation, target) },
		Audit:     "审计日志",
		Record:    func(sequence int64) string { return fmt.Sprintf("记录 %d", sequence) },
		Timeline:  "时间线",
	},
	Person: PersonTexts{
		Heading: func(opener string) string {
			if opener == "" {
				return "此表单未注明由谁打开。"
			}
			return "此表单由 " + opener + " 打开。"
		},
		NothingDone: "未发送任何内容。",
		Now: func(name string) string {
			return "当前登录的是 " + name + "。请核对页面内容后以自己的名义发送，或退出登录。"
		},
		Typed:    "已输入的内容",
		Changed:  "此浏览器当前登录的是 {name}。本页由其他人打开，表单不会发送。",
		Gone:     "您已退出登录。重新登录之前，本页的表单不会发送，已输入的内容会保留。",
		NotSent:  "未发送。",
		Reload:   "重新加载本页",
		Continue: "为当前登录的用户显示此表单",
		Switched: "此浏览器当前使用项目 {project}。本页属于其他项目，表单不会发送。",
		Back:     "您已重新登录，可以继续使用本页。",
	},
	Frame: FrameTexts{
		Product: "COC 控制台", Skip: "跳到正文", Navigation: "主导航",
		Tickets: "工单", Bulk: "批量操作", Audit: "审计",
		Project: "项目", OtherProject: "其他项目…", NoProject: "账号", SwitchProject: "切换项目",
		SwitchText:      "无需重新登录。已打开的原项目页面会显示提示。",
		ProjectsUnknown: "IAM 未返回您的项目列表，请输入项目名称。",
		Search:          "查找工单：名称、主机、IP、SCT 编号或链接", SearchHint: "工单、主机、IP 或 SCT 编号…",
		Settings: "设置", Language: "语言", Theme: "主题",
		ThemeAuto: "自动", ThemeLight: "浅色", ThemeDark: "深色", TimeZone: "时区",
		SignedIn: "当前登录", Manager: "管理员", SessionEnds: "会话到期", SignIn: "登录", SignOut: "退出登录",
		Simulator: "模拟器", SimulatorText: "这些工单和服务器均为虚构，不会影响任何真实资源。",
		Path: "路径", Notices: "通知",
		NoticeKind: Words{"info": "提示", "success": "完成", "warning": "警告", "error": "错误"},
	},
	Common: CommonTexts{
		Stale:      "自 {time} 起页面未更新，内容可能已经变化。",
		Unanswered: "没有收到响应，控制台可能已收到。",
		Day:        "天", Hour: "小时", Minute: "分", Second: "秒", Millisecond: "毫秒",
		Filter: "筛选", ClearFilter: "清除筛选", Filters: "筛选条件", All: "全部",
		FiltersSet: func(n int) string {
			if n == 0 {
				return "筛选条件"
			}
			return "筛选条件 · 已设 " + strconv.Itoa(n) + " 项"
		},
		From:  func(zone string) string { return "时间从（" + zone + "）" },
		To:    func(zone string) string { return "时间至（" + zone + "）" },
		Newer: "较新", Older: "较早", Pages: "翻页",
		ReadAt: "读取时间", Refresh: "刷新",
		Refreshes: func(seconds int) string { return fmt.Sprintf("（每 %d 秒刷新）", seconds) },
		Errors:    "请更正以下内容", Failure: "失败", Verbatim: "COC 的响应",
		RequestID: "请求 ID", UpstreamRequestID: "COC 的请求 ID",
		None: "无", Unknown: "未知", Masked: "已被 COC 隐藏",
		Batch: "批次", BatchNumber: func(batch int32) string { return fmt.Sprintf("批次 %d", batch) },
		Ticket: "工单", Instance: "实例", State: "状态", Time: "时间",
		Created: "创建时间", Finished: "结束时间", Duration: "耗时",
		Host: "主机名", Address: "IP 地址", Region: "区域", Zone: "可用区",
		Who: "操作人", What: "操作", Outcome: "结果", Target: "对象", Reason: "原因",
		Running: "执行中", Waiting: "待执行", Done: "已结束", Total: "合计",
		Before: "您看到的", After: "现在", Colon: "：", Stop: "。",
		Optional: func(label string) string { return label + "（选填）" },
	},
	SignIn: SignInTexts{
		Heading: "登录", Intro: "使用华为云账号下的 IAM 用户登录。密码只发送给 IAM，不会保存。",
		Account: "账号名", AccountHint: "IAM 用户所属的账号。",
		User: "用户名", UserHint: "IAM 用户；华为账号（HUAWEI ID）不能在此登录。",
		Password: "密码",
		Project:  "区域或项目", ProjectHint: "例如 cn-north-4。",
		Passcode: "动态口令", PasscodeHint: "身份验证器上的 6 位数字。",
		UsePasscode: "使用动态口令", UserID: "用户 ID",
		UserIDHint: "仅在正确的动态口令被拒绝时填写：IAM 用户的 ID，32 个字符，见“我的凭证”。控制台会记住它。",
		Token:      "IAM 令牌", TokenHint: "X-Subject-Token 的值，以 MII 开头。令牌只保存在服务器上，不会显示。",
		Button: "登录", ByToken: "使用 IAM 令牌登录", ByPassword: "使用密码登录",
		Demo: "或使用演示用户", DemoIntro: "这些是模拟器的用户，密码与用户名相同；项目为 cn-north-4 和 ap-southeast-3。",
		DemoAccounts: "演示用户", Verbatim: "IAM 的响应",
	},
	Tickets: TicketsTexts{
		Hidden: func(n int) string {
			return "策略对您隐藏了本页的 " + strconv.Itoa(n) + " 个工单。"
		},
		Heading: "工单", Name: "名称", Key: "工单标识（execute_uuid）", NameFilter: "名称包含",
		Creator: "创建人", Regions: "区域",
		Total: func(total int64, shown int) string {
			return fmt.Sprintf("共 %d 个工单，显示 %d 个", total, shown)
		},
		Empty: "没有工单", EmptyFiltered: "没有符合筛选条件的工单",
		EmptyAdvice:         "此处列出您账号下的脚本工单。请在 COC 中执行脚本，或登录其他账号。",
		EmptyFilteredAdvice: "请扩大时间范围，或清除筛选。",
		Caption:             "脚本工单，按时间倒序", ShowsFirst: "按时间倒序",
		CreatedFrom: func(zone string) string { return "创建时间从（" + zone + "）" },
		CreatedTo:   func(zone string) string { return "创建时间至（" + zone + "）" },
	},
	List: ListTexts{
		Title: func(count int64, heading string) string {
			return fmt.Sprintf("（%d 个需处理）%s", count, heading)
		},
		Decisions: "需处理的工单",
		DecisionsOf: func(count int64, atLeast bool) string {
			switch {
			case count == 0 && atLeast:
				return "暂未发现需处理的工单，仍有工单未读取"
			case count == 0:
				return "没有需处理的工单"
			case atLeast:
				return fmt.Sprintf("需处理：至少 %d 个", count)
			}
			return fmt.Sprintf("需处理：%d 个", count)
		},
		AllOf: func(state string) string { return "全部：" + state },
		Scope: "列表", Tabs: Words{"attention": "需处理", "running": "执行中", "mine": "我的", "team": "团队", "all": "全部"},
		Keys:  Words{"state": "状态", "name": "名称", "creator": "创建人", "host": "主机", "after": "晚于", "before": "早于"},
		Query: "筛选工单", QueryHint: "名称:、创建人:、主机:、状态:、晚于:…",
		QueryHelp: "状态:已暂停 创建人:operator 名称:nginx 主机:web-07 晚于:24h 早于:2026-03-02。单独的词按名称查找。",
		Without:   func(filter string) string { return "移除筛选条件 " + filter },
		UnknownTerm: func(term string) string {
			return "无法识别：" + term + "。可用：状态:、名称:、创建人:、主机:、晚于:、早于:，例如 状态:已暂停 晚于:24h。"
		},
		Range: "时间范围", Ranges: Words{"1h": "1 小时", "24h": "24 小时", "7d": "7 天", "30d": "30 天", "all": "全部", "custom": "自定义…"},
		EmptyScope: Words{"mine": "这里没有您的工单", "team": "这里没有您的团队创建的工单",
			"alone": "您不属于任何团队；团队在控制台的目录文件中设置"},
		OfLooked: func(shown, looked int, total int64, all bool) string {
			text := fmt.Sprintf("%d 个工单 · 已查看 %d 个，共 %d 个", shown, looked, total)
			if !all {
				text += "，仍在继续"
			}
			return text
		},
		OfRead: func(shown, read int, total int64) string {
			return fmt.Sprintf("在最新的 %[2]d 个工单中有 %[1]d 个。COC 共有 %[3]d 个，无法按此条件筛选", shown, read, total)
		},
		Found: func(n int, cut bool) string {
			if cut {
				return fmt.Sprintf("找到 %d 个以上的工单，以下为最新的", n)
			}
			return fmt.Sprintf("找到 %d 个工单", n)
		},
		Looked: func(n int, back time.Duration) string {
			return fmt.Sprintf("已查找最近%s的 %d 个工单", backZH(back), n)
		},
		LookedSoFar: func(n, of int) string { return fmt.Sprintf("已查找 %d 个工单，共 %d 个", n, of) },
		LookStopped: "未能读取全部工单，请稍后再查",
		FoundNone:   "未找到工单",
		FoundAdvice: "可输入工单名称或主机名的一部分、IP 地址、实例或服务器 ID、SCT 编号或链接。",
		MoreHosts:   func(n int) string { return fmt.Sprintf("另有 %d 台主机", n) },
		NotRead:     "未读取", EndedUnread: "–：未读取，工单在此之前已结束，打开工单可查看实例",
		NoFigures: "不显示进度：您的权限只能列出工单，不能打开工单",
		Failed:    func(n int32) string { return fmt.Sprintf("%d 个异常", n) },
		Unread: func(n int, since string) string {
			return fmt.Sprintf("上次访问（%[2]s）以来，有 %[1]d 个工单发生变化", n, since)
		},
		MarkSeen: "全部标为已看", WhatIsVisit: "怎样算一次访问",
		Visit: "查看此列表或保持其标签页可见，即为一次访问；停止 30 分钟后访问结束。" +
			"标记表示：与上次访问结束时相比，工单是新建的、状态不同或异常实例更多。打开该工单、全部标为已看或访问结束后，标记消失。",
		New: "新建", Was: func(state string) string { return "原状态：" + state },
		MoreFailed: func(n int32) string { return fmt.Sprintf("新增 %d 个异常", n) },
		Saved:      "已保存的视图", Save: "保存此视图", SaveName: "视图名称",
		ShareWith: "可见范围", OnlyMe: "仅自己", TeamOf: func(team string) string { return "团队 " + team },
		SelectAll: "选择本页全部", ApprovalWaits: "待审批", Pending: "操作待确认",
		Delete: func(name string) string { return "删除视图 " + name },
	},
	Ticket: TicketTexts{
		Place: "在列表中的位置", ToList: "返回列表",
		PlaceOf: func(at, total int64) string {
			switch {
			case at > 0 && total > 0:
				return fmt.Sprintf("第 %d / %d 个", at, total)
			case at > 0:
				return fmt.Sprintf("第 %d 个", at)
			case total > 0:
				return fmt.Sprintf("另有 %d 个", total)
			}
			return "列表"
		},
		PreviousTicket: func(name string) string { return "上一个工单：" + name },
		NextTicket:     func(name string) string { return "下一个工单：" + name },
		Facts:          "基本信息", Key: "工单标识（execute_uuid）", Creator: "创建人",
		Script: "脚本", ExecuteUser: "执行用户",
		SuccessRate: "成功率阈值",
		Counts:      "各状态的实例数",
		CountsText:  func(total int32) string { return fmt.Sprintf("共 %d 个实例", total) },
		Operations:  "操作",
		Effect:      operationsZH.effect,
		Batches:     "批次", BatchesEmpty: "COC 没有返回此工单的批次。",
		Instances: "实例",
		LastLine:  "最后一行日志", Log: "日志",
		LogOf:    func(host string) string { return host + " 的日志" },
		CancelOf: func(host string) string { return "取消实例 " + host },
		Cancel:   "取消", CopyKey: "复制工单标识", Copied: "已复制",
		Params: "脚本参数", ParamsEmpty: "脚本没有参数。",
		ParamName: "参数名", ParamValue: "参数值", ParamReference: "来自参数仓库",
	},
	Live: LiveTexts{
		Title: func(state string, failed int32, name string) string {
			if failed == 0 {
				return state + " · " + name
			}
			return fmt.Sprintf("%s · %d 个异常 · %s", state, failed, name)
		},
		Trouble: func(since string) string {
			return fmt.Sprintf("自 %s 起未收到 COC 的数据。页面显示的是此前的数据，控制台正在重试。", since)
		},
		Partial:       "COC 没有返回此工单的全部数据。缺少的内容目前未知；控制台会继续尝试。",
		BatchesUnread: "批次未能读取。",
		Progress:      "进度",
		ProgressOf:    func(done, total int32) string { return fmt.Sprintf("已结束 %d / %d", done, total) },
		Success:       "成功率",
		Elapsed:       "已用时",
		UntilPause:    func(batch int32) string { return fmt.Sprintf("至批次 %d 之后的暂停", batch) },
		Overdue:       "有实例的执行时间超过已结束的实例。",
		Samples:       func(runs int) string { return fmt.Sprintf("依据此工单已结束的 %d 次执行", runs) },
		Since:         func(time string) string { return "自 " + time },
		Ahead:         func(by string) string { return "快 " + by },
		AheadText:     func(by string) string { return "COC 的时钟比控制台快 " + by + "，无法得知已用时。" },
		PausesAfter:   "之后暂停",
		Search:        "主机名、IP 地址或 ID", Sort: "排序",
		Sorts:       Words{"batch": "批次", "host": "主机名", "ip": "IP 地址", "zone": "可用区", "start": "开始时间（最新在前）", "duration": "耗时（最长在前）"},
		FailedFirst: "异常在前", CopyHosts: "复制主机名", Copied: "已复制主机名", DownloadCSV: "下载 CSV",
		Shown:      func(shown, total int) string { return fmt.Sprintf("共 %d 个实例，显示 %d 个", total, shown) },
		Incomplete: "部分实例未能读取。",
		Empty:      "COC 没有返回此工单的实例。", EmptyFiltered: "没有符合筛选条件的实例。",
		OrderChanged: "{n} 行位置有变", SortAgain: "重新排序",
		Activity: "动态", ActivityEmpty: "控制台开始观察以来没有动态。",
		Columns:     Words{"instance_id": "实例 ID", "server_id": "服务器 ID", "seconds": "秒数", "public_ip": "弹性公网 IP"},
		Buffered:    "浏览器与控制台之间的代理截留了实时更新，本页改为每 10 秒查询一次。",
		Lost:        "自 {time} 起与控制台的连接中断，内容可能已经变化。正在自动重试。",
		Ended:       "会话已结束。页面显示的是 {time} 的数据。",
		Denied:      "COC 不再允许您查看。页面显示的是 {time} 的数据。",
		Back:        "数据已是最新。",
		SignInAgain: "登录", Ago: "{age}前",
	},
	Course: CourseTexts{
		Lead: Words{
			"READY":                "等待执行。",
			"PROCESSING":           "执行中。",
			"MISSED":               "执行中，但已无法达到 {threshold}%。",
			"PAUSED_HERE":          "{actor} 于 {time} 暂停",
			"PAUSED_LIKELY_HERE":   "可能由 {actor} 于 {time} 暂停",
			"CANCELED_LIKELY_HERE": "可能由 {actor} 于 {time} 取消",
			"PAUSED_STRATEGY":      "按策略在批次 {batch} 之后暂停（{time}）。",
			"PAUSED_OUTSIDE":       "在本控制台之外暂停，时间在 {after} 与 {time} 之间。",
			"PAUSED":               "在本控制台开始观察之前已被暂停。",
			"STOPPED":              "{time} 停在批次 {batch}：",
			"STOPPED_SOMEHOW":      "已停止：异常的实例过多。",
			"CANCELED_HERE":        "{actor} 于 {time} 取消",
			"CANCELED_OUTSIDE":     "在本控制台之外取消，时间在 {after} 与 {time} 之间。",
			"CANCELED":             "在本控制台开始观察之前已被取消。",
			"FINISHED":             "{time} 完成，用时 {took}。",
			"ENDED":                "{time} 异常结束，用时 {took}。",
			"ROLLBACKED":           "已回滚。",
			"UNKNOWN":              "控制台不认识此状态。",
			"DOUBT":                "结果未知：",
			"UNCONFIRMED":          "未确认：",
		},
		Rest: Words{
			"READY":                "由 {actor} 于 {time} 创建，无需处理。",
			"PROCESSING":           "无需处理。",
			"PAUSED_LIKELY_HERE":   "COC 未表明接受了该操作。",
			"CANCELED_LIKELY_HERE": "COC 未表明接受了该操作。",
			"STOPPED":              "{total} 个实例中 {failed} 个异常，要求成功率 {threshold}%。",
			"ROLLBACKED":           "无需处理。",
			"UNKNOWN":              "请在 COC 中查看工单。",
			"DOUBT":                "{actor} 于 {time} 发送的“{operation}”没有得到 COC 的应答。再次发送前请先查看实例。",
			"UNCONFIRMED":          "{actor} 于 {time} 发送的“{operation}”已被 COC 受理，但工单上看不到效果。再次发送前请先查看实例。",
		},
		Approved: "，{approver} 批准", Reason: "，原因：“{reason}”。", SeeReceipt: "回执",
		BatchSince: "批次 {batch} 于 {time} 开始。", Ends: "按目前的速度，工单约在 {ends} 完成。",
		StillRun: func(n int) string {
			if n == 0 {
				return "没有实例在执行。"
			}
			return fmt.Sprintf("仍有 %d 个实例在执行。", n)
		},
		Stopped: func(n int) string { return fmt.Sprintf("%d 个实例已取消。", n) },
		Succeeded: func(succeeded, all, failed int) string {
			if failed == 0 {
				return fmt.Sprintf("%d 个实例中 %d 个成功。", all, succeeded)
			}
			return fmt.Sprintf("%d 个实例中 %d 个异常，%d 个成功。", all, failed, succeeded)
		},
		Reach:   Words{"REACHED": "已达到成功率阈值。", "OPEN": "仍可达到成功率阈值。", "MISSED": "已无法达到成功率阈值。"},
		Doing:   operationsZH.doing,
		BatchOf: func(batch, batches int32) string { return fmt.Sprintf("批次 %d / %d", batch, batches) },
		Asks:    "{actor} 申请审批：{operation}", AskStops: func(n int) string { return fmt.Sprintf(" · %d 个实例", n) }, AskExpires: " · {expires} 失效 — ",
		Review: "查看",
		Sent: Words{
			"operation.requested": "{actor} 于 {time} 发送：{operation}。等待 COC 应答。",
			"operation.accepted":  "{actor} 于 {time} 发送：{operation}。COC 已受理，等待工单显示效果。",
			"operation.unknown":   "{actor} 于 {time} 发送：{operation}。COC 的应答未知，正在查看工单是否显示效果。",
		},
		More: "更多操作", CopyLink: "复制链接", UnderWay: "此工单上的另一操作尚未结束。",
		AskFor: func(operation string) string { return "申请审批：" + operation },
		Success: func(done int, threshold, verdict string, mayFail int) string {
			text := fmt.Sprintf("已结束 %d 个；要求 %s%%；", done, threshold)
			switch verdict {
			case "REACHED":
				return text + "已达到"
			case "MISSED":
				return text + "已无法达到"
			}
			if mayFail == 0 {
				return text + "仍可达到：不能再有异常"
			}
			return text + fmt.Sprintf("仍可达到：最多还可异常 %d 个", mayFail)
		},
		Left: "剩余", Counted: func(n int32, state string) string { return fmt.Sprintf("%s %d 个", state, n) }, Comma: "，",
		Timeout:  func(d string) string { return "超时 " + d },
		PerBatch: func(percent string) string { return "每批次 " + percent + "%" },
		Zones:    func(n int) string { return fmt.Sprintf("%d 个可用区", n) },
		AsTable:  "以表格显示", AsTimeline: "以时间线显示",
		PausedFor: func(d string) string { return "暂停 " + d }, StoppedFor: func(d string) string { return "停止 " + d }, Now: "现在",
		LaneWaits: "等待中", LaneRuns: func(from string) string { return "自 " + from }, LaneRan: func(from, to string) string { return from + " 至 " + to },
		BatchesWait: func(n int) string { return fmt.Sprintf("%d 个批次等待中", n) },
		Batches: func(first, last int32) string {
			if first == last {
				return fmt.Sprintf("批次 %d", first)
			}
			return fmt.Sprintf("批次 %d–%d", first, last)
		},
		Failures: "按最后一行日志归类的异常", ByOutput: "按相同输出归类全部实例",
		NoFailures: "没有异常。", NoOutput: "没有输出",
		Hosts: func(n int) string { return fmt.Sprintf("%d 台主机", n) }, MoreHosts: func(n int) string { return fmt.Sprintf("另有 %d 台", n) },
		MoreGroups:  func(n int) string { return fmt.Sprintf("另有 %d 组，请筛选实例查看。", n) },
		ExitStatus:  func(status string) string { return "退出状态 " + status },
		AllActivity: "全部记录",
		Did:         Words{"operation": "{actor} 执行“{operation}”", "approval": "{actor} 申请审批：{operation}"},
		Outcome: Words{
			"operation.requested": "已发送", "operation.accepted": "已受理", "operation.rejected": "被拒绝", "operation.unknown": "结果未知",
			"operation.observed": "已确认", "operation.not_observed": "未确认", "operation.likely": "已看到变化",
			"approval.requested": "待审批", "approval.given": "已批准，尚需他人", "approval.granted": "已批准", "approval.refused": "已拒绝", "approval.withdrawn": "已撤回",
			"approval.expired": "已过期", "approval.returned": "已批准，未发送",
		},
		Became: Words{
			"":         "工单：{state}",
			"STRATEGY": "按策略在批次 {batch} 之后暂停", "THRESHOLD": "已停止：批次 {batch} 异常过多",
			"OUTSIDE": "工单：{state}（在本控制台之外）",
		},
		Between: "在 {after} 与 {time} 之间", Started: "{actor} 启动工单",
		Folded: func(kind string, n int, first, last int32) string {
			text := cmp.Or(map[string]string{"FAILED": "另有 %d 个异常", "RUNNING": "另有 %d 个执行中", "WAITING": "%d 个等待中", "DONE": "%d 个已结束"}[kind], "%d 个")
			text = strings.Replace(text, "%d", strconv.Itoa(n), 1)
			switch {
			case kind != "WAITING" || first == 0:
				return text
			case first == last:
				return text + fmt.Sprintf("（批次 %d）", first)
			}
			return text + fmt.Sprintf("（批次 %d–%d）", first, last)
		},
		Selected: "已选择", SelectedOf: "已选择 {n} 个", Clear: "清除",
	},
	Instance: InstanceTexts{
		Facts: "基本信息", ID: "实例 ID", ResourceID: "资源 ID", FixedIP: "私有 IP", FloatingIP: "弹性公网 IP",
		Provider: "云服务", Type: "类型", Project: "项目 ID", Application: "应用", Group: "分组",
		CommandID: "命令 ID", AgentSN: "Agent 序列号", AgentVersion: "Agent 版本", AgentStatus: "Agent 状态",
		Attributes: "自定义属性", Log: "日志", LogEmpty: "暂无输出。",
		LogSize:  func(bytes int) string { return fmt.Sprintf("%d 字节", bytes) },
		Download: "下载日志",
	},
	Operation: OperationTexts{
		Unanswered:     "没有收到响应，操作可能已发送。可以放心再次确认：此表单只生效一次。",
		SeeTicket:      "查看工单",
		Heading:        func(operation, target string) string { return questionZH(operation, target) },
		HeadingUnknown: "未知的操作",
		Confirm:        actZH,
		Impact:         "影响范围", ImpactOf: impactZH,
		Tally: "当前实例数", ScopeBatch: func(batch int32) string { return fmt.Sprintf("批次 %d", batch) },
		ScopeInstance: "实例",
		Targets:       func(count int) string { return fmt.Sprintf("该批次的 %d 个实例", count) },
		Effect:        "效果",
		Reason:        "原因", ReasonHint: func(limit int) string { return fmt.Sprintf("将记入审计日志，最多 %d 个字符。", limit) },
		EffectWaiting: "该实例不会启动，其他实例继续执行。",
		StartsNext:    "接下来启动",
		Next:          func(batch int32) string { return fmt.Sprintf("批次 %d，主机：", batch) },
		NextNone:      "没有剩余批次，工单随之结束。",
		NextUnread:    "COC 未返回主机。",
		NextOf:        operationsZH.next,
		Undo:          "撤销",
		UndoOf:        operationsZH.undo,
		Asked: func(operation, user string) string {
			if operation == "" {
				return user + " 已申请同一操作"
			}
			return user + " 已申请" + operation
		},
		AskedMe: func(operation, _ string) string { return "您已申请" + cmp.Or(operation, "同一操作") },
		Review:  "查看申请", ReviewText: "改为批准该申请，两人都会留下记录。",
		Beside:         func(user, operation string) string { return user + " 的“" + operation + "”尚未确认" },
		Pending:        "同一对象上有操作等待确认",
		PendingBy:      func(user string) string { return "由 " + user + " 发送，" },
		PendingTick:    "仍要再发送一次",
		PendingNeeded:  "已了解上述未完成的操作、仍要再次发送时，请勾选此项。",
		RefusedChanged: "打开此页后工单有以下变化：",
		Refused:        "目前不能执行此操作",
		RefusedAdvice:  "未发送任何操作。请返回工单查看当前状态。",
		Changed:        "工单在您查看期间发生了变化",
		ChangedText:    "未发送任何操作。请核对变化后重新确认。",
		ChangedMinor:   "打开此页后工单有了进展，仍可确认。",
		Aspect:         "项目", Material: "重要", Immaterial: "仅为进展",
		Correct: "更正地址", CorrectButton: "重新检查",
		BatchIndex: "批次", InstanceID: "实例 ID",
		BackToTicket: "返回工单",
		Keep:         operationsZH.keep,
		ReadAgain:    "发送前会再次读取工单。",
		LastActivity: "最近动态",
		Success:      func(percent, needed string) string { return percent + "%，要求 " + needed + "%" },
	},
	Receipt: ReceiptTexts{
		Heading: actZH,
		Verdict: Words{
			"open":                   "等待确认",
			"operation.requested":    "已发送，等待 COC 响应。",
			"operation.accepted":     "COC 已接受，等待工单变化。",
			"shows":                  "工单已显示变化，控制台正在确认。",
			"ended":                  "工单已结束，控制台正在核对结果。",
			"operation.rejected":     "被 COC 拒绝，未产生变化。",
			"operation.unknown":      "结果未知",
			"operation.observed":     "已确认",
			"operation.not_observed": "未确认",
			"unattributed":           "工单已显示变化，但 COC 未表明是由此操作引起的。",
			"after_refusal":          "COC 拒绝了该操作，但工单已显示变化。",
		},
		Confirmed: func(operation, later string, stopped int) string {
			text := operationsZH.done.Of(operation) + "，" + later + "后确认"
			if stopped > 1 {
				text += "：停止了 " + strconv.Itoa(stopped) + " 个实例"
			}
			return text + "。"
		},
		Advice: Words{
			"operation.requested":    "无需处理，本页会自动更新。",
			"operation.accepted":     "无需处理，本页会自动更新。",
			"operation.rejected":     "请查看下方 COC 的响应；如仍需要，可重试。",
			"operation.unknown":      "再次发送之前，请先查看工单。",
			"operation.not_observed": "COC 已接受，但工单未按时显示变化。请查看工单；如仍需要，可重试。",
			"unattributed":           "请查看工单；如果不是他人所为，则无需处理。",
			"after_refusal":          "请查看工单：可能是他人所为。",
		},
		Changes: "变化", RecordOf: func(sequence int64) string { return fmt.Sprintf("记录 %d", sequence) }, Proof: "证明",
		NextTicket: "下一个需处理的工单", NextOfList: "列表中的下一个工单",
		Unwatched: "检查已中断：发送操作的会话已结束，控制台无法读取工单。有人打开该工单或本回执后会继续检查。",
		Steps:     "执行过程", StepPending: "等待中", StepUnattributed: "已看到变化", StepShowing: Words{"shows": "工单已显示", "ended": "核对中"}, StepSkipped: "已略过",
		StepAwaited: Words{
			"operation.requested": "已请求", "operation.accepted": "COC 已接受", "operation.observed": "已确认",
		},
		Answered: func(duration string) string { return "用时 " + duration },
		LastSeen: "最后看到的状态", Deadline: "控制台检查至",
		Upstream: "COC 的响应", Facts: "基本信息", ID: "操作 ID",
		Others:     "有其他实例被取消",
		OthersText: "这些实例并非在此选择。COC 可能把 ID 当成了另一个实例。请首先检查：",
		Now:        "工单当前状态", NowUnread: "COC 目前没有响应。",
		NowBatch: func(batch int32, of int) string { return fmt.Sprintf("批次 %d / %d", batch, of) },
		Retry:    "重试",
		ToTicket: "返回工单", NoReason: "未填写",
	},
	Audit: AuditTexts{
		Heading: "审计日志", Query: "搜索", Help: "搜索方法",
		Examples: Words{
			"disk full": "名称、工单、对象、原因或错误中同时含有这些词", `"disk is full"`: "按此顺序出现的词", "web-00*": "以 web-00 开头的词",
			"actor:ann": "用户名或用户 ID", "outcome:failed": "还可用 confirmed、not_confirmed、rejected、unknown、denied、declined、waiting、sent、accepted、succeeded",
			"action:operation.": "一组操作，或 ticket.viewed 这样的单个操作", "operation:cancel": "取消工单和取消实例；CANCEL_ORDER 等为单一类型",
			"approver:ann": "批准或拒绝申请的人", "override:yes": "以紧急放行发送", "reviewed:no": "尚未复核的紧急放行",
			"host:web-001": "服务器名称或地址", "instance:4711": "实例 ID",
			"after:24h": "最近 24 小时；也可用 90m、7d、昨天、今天", "last night": "您所在时区的 20:00 至次日 08:00，可由设置更改；也可写“昨晚”",
			"ticket:SCT…": "工单的 execute_uuid", "id:…": "某一次操作", "project:cn-north-4": "项目名称或 ID", "ip:192.0.2.7": "客户端地址",
			"after:2026-03-01": "从您所在时区当天零点起", "before:2026-03-02T08:00Z": "早于该时刻",
			"-outcome:succeeded": "排除这些；除时间外都可以在前面加减号",
		},
		Suggestions: "建议", Saved: "已保存的搜索", Save: "保存此搜索", SaveName: "搜索名称", Delete: func(name string) string { return "删除搜索 " + name },
		Active: "当前搜索的条件", Remove: "移除",
		Uncounted: "此搜索的统计耗时过长，已省略；列表是完整的。",
		Total: func(count int64, more bool) string {
			if more {
				return "超过 " + thousands(count) + " 条记录"
			}
			return "共 " + thousands(count) + " 条记录"
		},
		Records: "记录数", NewRecords: "{n} 条新记录", Follow: "实时跟踪",
		Format: "格式", Formats: Words{"csv": "CSV 表格", "jsonl": "JSON Lines 文本", "bundle": "证据包"},
		Exported: "{n} / {all} 条记录，{size}", ExportDone: "已保存：{size}", ExportFailed: "导出失败，未保存任何内容。", Cancel: "取消",
		Result:  "结果：",
		Repeats: func(n int64) string { return fmt.Sprintf("另有 %d 次", n) },
		Summary: "分布", Counted: func(n int) string {
			return "以上数值按最新的 " + thousands(int64(n)) + " 条匹配记录统计。"
		},
		Activity: "数量随时间的变化", ActivityCount: "数量",
		ActivityText: func(from, to string, most int) string {
			return fmt.Sprintf("从 %s 到 %s，每柱最多 %d 条。点击柱形可查看其中的内容。", from, to, most)
		},
		ActivityTable: "以表格显示",
		Bar: func(from, to string, count int, more bool) string {
			plus := ""
			if more {
				plus = "+"
			}
			return fmt.Sprintf("%s – %s：%s%s 条", from, to, thousands(int64(count)), plus)
		},
		Facet:        Words{"actor": "操作人", "operation": "操作类型", "ticket": "工单", "action": "操作", "outcome": "结果", "project": "项目"},
		MoreValues:   func(count int) string { return fmt.Sprintf("另有 %d 项", count) },
		Integrity:    "日志完整性",
		Verdict:      Words{"succeeded": "校验通过", "failed": "日志被改动", "pending": "尚未校验", "unknown": "最近一次校验未能完成"},
		Verification: "校验", VerifiedUpTo: func(n int64) string { return "至记录 " + thousands(n) + "，" },
		Verifying: func(done, of int64) string {
			return fmt.Sprintf("正在校验：%s / %s", thousands(done), thousands(of))
		},
		WholeVerified: "上次全量校验", NextRun: "下次校验", Checkpoint: "最近签名的检查点",
		Anchor: "锚点", AnchorFailed: "未接收最近的检查点", AnchorPending: "等待中，始于", PublicKey: "检查点的公钥",
		Findings:     "校验发现日志有改动：",
		MoreFindings: func(n int) string { return fmt.Sprintf("另有 %d 项", n) },
		Person:       "操作人", Ticket: "工单标识（execute_uuid）", Action: "操作",
		AllRecords: "所有人的记录，按时间倒序。",
		OwnRecords: "您自己的记录和您打开过的工单的记录，按时间倒序。管理员可查看所有人的记录。",
		Caption:    "审计记录，按时间倒序", Sequence: "编号", Upstream: "响应", Export: "导出",
		Empty: "暂无记录", EmptyAdvice: "本控制台中的每个操作都会记录在此。",
		EmptyFiltered: "没有符合筛选条件的记录",
	},
	Integrity: IntegrityTexts{
		VerifiedTo: func(n int64) string { return "已校验至 " + thousands(n) },
		By: func(machine string) string {
			if machine == "" {
				return "由本控制台校验。共用此日志的其他控制台也各自校验。"
			}
			return "由本控制台（" + machine + "）校验。共用此日志的其他控制台也各自校验。"
		},
		VerifyNow: "立即校验", Started: "已开始全量校验。刷新本页可查看进度。",
		Origin: "日志名称", Anchors: "锚点", AnchorsText: "锚点把检查点保存在能改动日志的人无法触及的地方。",
		NoAnchors: "未设置锚点。",
		Keys:      "密钥", KeysCaption: "签名过检查点的密钥", Key: "公钥", UnknownKey: "不受信任的密钥", InUse: "使用中",
		FirstSigned: "首次签名", LastSigned: "最近签名", Kept: "保留的检查点",
		Clocks: "时钟", NoNotes: "检查点的时间依次递增，没有倒退。", Agrees: "一致",
		Size: "大小与增长", Stored: "数据库", Free: "磁盘可用空间", PerDay: "每日增长", TooYoung: "有一天的记录后可知。",
		Growth: func(records int64, size string) string {
			return thousands(records) + " 条记录，" + size
		},
		Full:      "磁盘预计写满",
		Retention: "保留", KeepsAll: "记录内容不会自动移除。", Holds: "依法保留",
		Keeps: func(days int) string { return fmt.Sprintf("记录内容在 %d 天后移除。", days) },
		Removed: func(n int64) string {
			return "记录 1 至 " + thousands(n) + " 的内容已移除，其哈希和证明仍保留。"
		},
		Outside: "从外部校验", OutsideText: "以下命令不需要控制台在运行。请把公钥和一个检查点保存在另一台机器上。",
		Commands: Words{"checkpoint": "保存最近的检查点：", "verify": "对照它校验整个日志：", "bundle": "离线校验导出的证据包："},
	},
	Record: RecordTexts{
		Heading: func(sequence int64) string { return fmt.Sprintf("记录 %d", sequence) },
		User:    "用户", Account: "账号", Project: "项目",
		ClientAddress: "客户端地址", UserAgent: "浏览器", Session: "会话",
		OperationID: "操作 ID", Operation: "操作类型", InstanceID: "实例 ID",
		UpstreamStatus: "HTTP 状态码", UpstreamCode: "错误码", UpstreamMessage: "错误信息",
		Detail: "详情", Receipt: "回执", Previous: "上一条记录", Next: "下一条记录", Neighbours: "相邻记录",
		Timeline: "查看时间线",
		Sorted:   "排序时间", SortedWhy: "控制台的时钟曾经偏快，后来调回。记录的顺序不变，按时间查询时使用此时间。",
		Pruned:        "此记录已过保留期，内容已清除，哈希仍在日志中。",
		Altered:       "此记录被改动：其字节的哈希与日志树中的不符。",
		Uncovered:     "尚无已签名的检查点覆盖此记录。",
		Bytes:         func(size int) string { return fmt.Sprintf("原始字节（%d）", size) },
		Proof:         func(hashes int) string { return fmt.Sprintf("包含证明（%d 个哈希）", hashes) },
		Checkpoint:    "已签名的检查点",
		DownloadBytes: "原始字节", DownloadProof: "证明文件（tlog-proof）", DownloadBundle: "证据包",
		Check: "无需本控制台即可校验证据包：",
	},
	Timeline: TimelineTexts{
		Heading: "时间线", Whole: "整个工单的时间线", List: "显示记录列表",
		Took:  func(d string) string { return "历时 " + d },
		Later: func(d string) string { return d + "后" },
		Views: func(count, people int) string { return fmt.Sprintf("%d 人查看了 %d 次", people, count) },
	},
	Policy: PolicyTexts{
		Denied: "被策略拒绝", NothingAllows: "您无权执行此操作。",
		InTrial: "试运行：仅记录，不生效",
		Trial: func(verdict, policies string) string {
			return "若此策略生效，" + map[string]string{"allowed": "将允许", "confirm": "将要求填写原因或实例数", "approval": "将需要审批",
				"denied": "将被拒绝"}[verdict] + "：" + policies
		},
		DecidedBy: "策略", Contacts: "可以联系：", Failed: "有策略无法求值，相关操作一律拒绝：",
		Demanded: "发送前需要", Reason: "请填写原因。",
		Count:     func(stops int) string { return "请输入要停止的实例数（" + strconv.Itoa(stops) + "）" },
		CountHint: "用于确认影响范围。",
		Miscounted: func(stops int) string {
			return "未发送任何操作。当前将停止 " + strconv.Itoa(stops) + " 个实例，请输入此数。"
		},
		Override:        "紧急放行：不经审批直接发送",
		OverrideHint:    "仅用于等待会造成损害且联系不到审批人的情况。请填写原因，操作会被标记并由管理员复核。",
		OverrideHeading: "紧急放行",
		OverrideText: Words{"approval": "不经审批立即发送。仅用于等待会造成损害且联系不到审批人的情况。须填写原因，操作会被标记并由管理员复核。",
			"denied": "虽被策略禁止，仍立即发送。仅用于等待会造成损害的情况。须填写原因，操作会被标记并由管理员复核。"},
		OverrideSend:   func(operation string) string { return "紧急放行并" + operationsZH.name.Of(operation) },
		AskForApproval: "申请审批", AskInstead: "改为申请审批",
		NeedsApproval: "此操作需要审批，批准后立即发送。", Approvers: "可审批的管理员：",
		Broken: "修改后的策略文件有误，未生效，仍使用之前的策略。请通知控制台运维人员。",
		Stops: func(stops, running int) string {
			if running == 0 {
				return "取消 " + strconv.Itoa(stops) + " 个待执行的实例，均未开始执行。"
			}
			return "停止 " + strconv.Itoa(stops) + " 个实例，其中 " + strconv.Itoa(running) + " 个执行中。"
		},
		StopsNothing:      "不停止任何实例。",
		OverridesToReview: func(n int) string { return strconv.Itoa(n) + " 次紧急放行待复核。" },
		Keeps: func(running int) string {
			if running == 0 {
				return "没有其他执行中的实例。"
			}
			return "另外 " + strconv.Itoa(running) + " 个实例继续执行。"
		},
		By:          func(by string) string { return "按" + by },
		StopsColumn: "将停止", RunningColumn: "执行中",
	},
	Approval: ApprovalTexts{
		Heading: "审批", Mine: "我的申请", Others: "待我审批", ForOthers: "待他人审批", Decided: "已处理", Views: "申请",
		EmptyOf: Words{"waiting": "没有待您审批的申请。", "mine": "您没有待处理的申请。", "decided": "还没有已处理的申请。"},
		How:     "说明", HowText: "批准后立即以申请人的名义发送。如果工单在申请后有变化，审批前会显示变化。申请一小时内无人处理即过期，不发送任何操作。",
		AskedAt: "申请于", DecidedAt: "处理于", Open: "查看", Later: "稍后处理",
		ChangedSince: "申请后工单已有变化。", Unchanged: "申请后没有变化。", CheckedAgain: "批准时会再检查一次。",
		Name:    func(operation, target string) string { return operationsZH.name.Of(operation) + "：" + target },
		Expires: "过期时间",
		Comment: "意见", CommentHint: "申请人可见，将记入审计日志。",
		Approve: func(operation string) string { return "批准并" + operationsZH.name.Of(operation) }, Decline: "拒绝", Withdraw: "撤回申请", Send: "立即发送",
		ApproveText: "如果工单仍与申请人所见一致，批准后立即以申请人的名义发送。",
		OwnText:     "不能审批自己的申请，但可以撤回。",
		SendText:    "已批准，但当时的会话已结束。请用当前会话发送。",
		WhenDecided: "处理时", WhenAsked: "申请时",
		ThenAndNow: "申请时与现在", SeenThen: "申请时", Now: "现在",
		State: Words{"waiting": "待审批", "granted": "已批准，尚未发送", "sent": "已批准并发送", "returned": "已批准，未发送",
			"refused": "已拒绝", "withdrawn": "已撤回", "expired": "已过期", "not_authentic": "无法验证"},
		Note: Words{"session_ended": "申请人的会话已结束，须由其本人发送。",
			"moved": "未发送：工单已变化，请重新申请。", "not_fitting": "未发送：工单当前状态不允许此操作。",
			"not_allowed": "未发送：现已被策略拒绝。", "not_sent": "未发送：发送前出错。",
			"pending":        "未发送：同一对象上有操作尚未完成，请待其完成后重新确认。",
			"sent_directly":  "操作未经此审批即已发送，详见回执。",
			"not_authentic":  "未发送：此申请不是由控制台写入，或已在数据库中被改动。请通知控制台运维人员。",
			"ask_again":      "未发送：此申请早于控制台的最近一次升级，请重新申请。",
			"not_verifiable": "此条目无法验证：不是由控制台写入，或早于最近一次升级。实际情况以审计日志为准。"},
		Receipt: "查看回执", Again: "重新确认",
		Gone: "未执行：他人已处理，或申请已过期。", Sent: "未执行：操作已发送。",
		NotAuthentic: "未执行：此申请无法验证。", NotYours: "您无权执行此操作。", Problem: "原因",
		Waits:    func(n int) string { return strconv.Itoa(n) + " 个申请待审批" },
		Approved: "审批人", Link: "查看申请", Bulk: "批量操作",
	},
	Bulk: BulkTexts{
		Heading: "批量操作", Empty: "暂无批量操作。", New: "新建批量操作",
		Name: actManyZH, Confirm: actManyZH,
		Question: func(operation string, items int) string { return "确定要" + actManyZH(operation, items) + "吗？" },
		Drop:     "移除有问题的对象", Item: "对象", Items: "对象", Outcome: "结果", Problem: "问题",
		Number: "序号", Change: "之前 → 之后", Sent: "发送时间", ASecond: "个/秒",
		Figure:         Words{"failed": "失败或未确认", "open": "进行中", "waiting": "待发送", "confirmed": "已确认", "rate": "速率", "left": "剩余时间"},
		OfItems:        func(n int) string { return strconv.Itoa(n) + " 个对象" },
		ConfirmedLater: func(duration string) string { return duration + "后确认" },
		Started:        "开始", Ended: "结束", Who: "操作人",
		Progress: func(done, total int) string { return "已处理 " + strconv.Itoa(done) + " / " + strconv.Itoa(total) },
		Stop:     "停止发送", Continue: "继续发送", Retry: "重试失败的操作", Result: "下载结果（CSV）", Back: "返回",
		StopText: "已发送的操作不受影响，其余不再发送。", ContinueText: "其余操作用您当前的会话发送。",
		State:     Words{"running": "执行中", "stopped": "已停止", "ended": "已结束", "not_authentic": "无法验证"},
		ItemState: Words{"waiting": "待发送", "sending": "发送中", "sent": "已发送", "failed": "未发送"},
		Note: Words{"session_ended": "已停止：发起操作的会话已结束。", "not_sent": "已停止：审计日志无法写入。",
			"moved": "确认后工单已变化", "not_fitting": "工单当前状态不允许", "not_allowed": "被策略拒绝",
			"pending":        "同一对象上有操作尚未完成",
			"not_authentic":  "已停止：此批量操作不是由控制台写入，或已在数据库中被改动。请通知控制台运维人员。",
			"ask_again":      "已停止：此批量操作早于控制台的最近一次升级，请重新发起其余操作。",
			"not_verifiable": "此条目无法验证：不是由控制台写入，或早于最近一次升级。实际情况以审计日志为准。"},
		Targets:        func(limit int) string { return "请选择 1 至 " + strconv.Itoa(limit) + " 个不同的对象。" },
		CancelSelected: "取消所选实例", SelectedHint: "发送前会再次确认。",
		PauseSelected: "暂停工单", ContinueSelected: "继续工单", CancelSelectedTickets: "取消工单",
		Select: func(name string) string { return "选择 " + name }, AllSent: "已全部发送", Completed: "已完成", WithFailures: "已结束，有失败", StopsInstances: "只停止这些实例上的脚本，其他实例继续执行。", Affected: "影响实例", SelectAll: "全选", Selected: "已选", SelectedCount: "已选 {n} 项", Clear: "清除", Selection: "选择", Ready: "可发送",
		Pending: func(user string) string { return "尚未完成，由 " + user + " 发送。" }, SendAnyway: "仍要再发送一次",
	},
	Presence: PresenceTexts{
		Here:     func(names []string) string { return "同时在看：" + strings.Join(names, "、") },
		Confirms: func(operation string) string { return "打开了确认页：" + operation + "。" },
		Same:     "请先互相沟通，避免重复提交。",
		Look:     "提示查看",
		Place: func(host string, line int) string {
			if line > 0 {
				return fmt.Sprintf("%s 第 %d 行", host, line)
			}
			return host
		},
		Remove: "移除", Mark: "提示他人看这里", Line: "行号",
		Hint:    "向正在查看该工单的所有人提示这一行；不填行号则提示该主机。10 分钟后失效。",
		BadLine: "请输入该日志中的行号，或留空。",
		TooMany: "每人在一个工单上最多标记 5 处，所有人合计最多 20 处。请先移除一处。",
	},
	Log: LogTexts{
		Search: "搜索日志", Next: "下一处", Previous: "上一处", Found: "第 {at} 处，共 {of} 处", NotFound: "无匹配",
		FirstError: func(lines int) string { return fmt.Sprintf("首个错误（共 %d 行）", lines) },
		ErrorAt:    "错误 {at} / {of}", Hosts: "主机", PreviousHost: "上一台主机", NextHost: "下一台主机",
		HostOf:  func(at, of int) string { return fmt.Sprintf("主机 %d / %d", at, of) },
		Compare: "对比日志", CompareTitle: "对比异常主机的日志", CompareLeft: "左侧", CompareRight: "右侧",
		CompareNone: "异常主机不足两台，无法对比。", CompareShow: "对比",
		Wrap: "自动换行", Follow: "跟随", Copy: "复制", Copied: "已复制",
		Guess: "含有 error、failed、fatal、exception、失败等字样的行会被标出。",
	},
	Key: KeyTexts{
		Heading: "键盘快捷键", Intro: "按键只用于跳转，任何操作都须在单独的页面上确认。",
		Key: "按键", Does: "作用",
		Help: Words{"ctrl+k": "跳转到工单、页面或操作", "?": "显示快捷键", "/": "跳到搜索框", "g t": "工单列表",
			"g a": "审计日志", "g p": "审批", "g j": "批量操作", "e": "日志中的首个错误", "j": "下一行", "k": "上一行", "enter": "打开当前行", "f": "异常实例在前",
			"l": "查看当前行的日志", "n": "日志中的下一个错误", "N": "日志中的上一个错误", "J": "下一台主机的日志", "K": "上一台主机的日志",
			"↓": "下一行；在日志旁为下一台主机", "↑": "上一行；在日志旁为上一台主机", "escape": "关闭已打开的内容"},
		Single: "单键快捷键可能干扰语音输入。Ctrl+K 和 Escape 始终有效。",
		On:     "单键快捷键已开启。", Off: "单键快捷键已关闭。", SwitchOn: "开启单键快捷键", SwitchOff: "关闭单键快捷键",
		Close: "关闭", Palette: "跳转", PaletteHint: "工单名称或 execute_uuid、页面、操作", PaletteNone: "无结果",
		Find: "搜索“{text}”", Page: "页面", Operation: "操作", Ticket: "工单",
	},
	Design: DesignTexts{
		Heading: "设计系统", Text: "每个组件的每种状态，与页面一致。此处不发送任何操作。",
		Parts: Words{"basics": "基础", "ticket": "工单", "operation": "操作", "audit": "审计", "approvals": "审批与批量操作"},
		Section: Words{"tokens": "颜色", "type": "文字与时间", "buttons": "按钮", "fields": "字段", "notices": "通知",
			"states": "状态", "empty": "空列表", "dialogs": "对话框", "log": "日志", "steps": "操作步骤",
			"confirm": "确认", "list": "列表", "integrity": "完整性", "approval": "审批", "job": "批量操作", "review": "复核"},
	},
	Review: ReviewTexts{
		Heading: "复核", Views: "显示内容", ToReview: "待复核", Reviewed: "已复核",
		Text:  "请勾选已核实的操作，并写明结论。",
		Empty: "没有待复核的操作。", NoneReviewed: "最近 90 天没有复核记录。",
		NotSent: "未发送：审计日志未能记录该请求。", Own: "该操作由您执行或批准，须由其他管理员复核。",
		Needed: "请填写复核结论。", Unchosen: "未复核任何操作。请至少勾选一项。",
		Sign: "复核确认", Button: "标为已复核", Link: "操作复核", Mark: "紧急放行", By: "复核人", Comment: "复核结论",
		CommentHint: func(limit int) string {
			return fmt.Sprintf("将逐项记入审计日志，最多 %d 个字符。", limit)
		},
		Risk: "风险", Overdue: "已逾期",
		Kind: Words{"override": "紧急放行", "unconfirmed": "未确认", "unknown": "结果未知", "outside": "在控制台外操作",
			"impact": "影响范围大", "denied": "被拒绝", "night": "夜间"},
		All: "全选", Choose: func(name string) string { return "选择：" + name },
		Denied:  func(target string) string { return "尝试查看 " + target },
		Stopped: func(n int) string { return "停止 " + strconv.Itoa(n) + " 个实例" },
		More: func(n int) string {
			return "按风险从高到低显示，另有 " + strconv.Itoa(n) + " 项未显示。"
		},
		Coverage: "复核率", Within: "在两天内完成", Uncovered: "最近 90 天没有到期的复核。",
		Counts: func(inTime, late, overdue, open int) string {
			return fmt.Sprintf("最近 90 天：%d/%d 项按时完成，%d 项延迟，%d 项逾期；另有 %d 项未到期。", inTime, inTime+late+overdue, late, overdue, open)
		},
		People: "按人员",
	},
	Permissions: PermissionsTexts{
		Heading: "我可以做什么？", Text: "当前策略允许的操作，以及依据的策略。COC 自身的权限另行生效。",
		Link: "我的权限", HeadingOf: func(person string) string { return person + " 可以做什么？" },
		User: "用户", UserHint: "账号/用户名", UserWrong: "请输入账号和用户名，例如 acme/pia。",
		OwnOnly: "只有管理员可以查看他人的权限。以下是您自己的权限。",
		Ticket:  "工单", TicketHint: "工单 ID 或链接；留空则以示例工单作答。", TicketWrong: "这不是工单 ID。以下为示例工单的结果。",
		Show: "查看", Person: "用户", Roles: "角色", Teams: "团队", None: "无",
		OnTickets: "对工单的操作", OnTicket: func(name string) string { return "对 " + name + " 的操作" },
		Examples: func(instances int) string {
			return "以下以包含 " + strconv.Itoa(instances) + " 个执行中实例、未限定区域的示例工单作答。输入工单即可查看该工单的结果。"
		},
		OwnTicket: "自己的工单", TeamTicket: "团队成员的工单", OtherTicket: "他人的工单",
		Action: "操作", Answer: "结果", Console: "控制台功能", Override: "紧急放行可立即发送。",
		InForce: "生效中的策略", BuiltIn: "内置策略：未设置策略文件。", Permits: "允许", Forbids: "禁止",
		Source: "策略原文",
		State:  Words{"allowed": "允许", "demands": "满足以下条件后允许", "denied": "不允许"},
		Word: Words{"view": "查看工单", "approve": "审批他人的申请", "review": "查看全部审计日志并复核紧急放行",
			"export": "导出审计日志", "sessions": "查看并结束他人的会话", "sign-in": "登录"},
	},
	ErrorPage: ErrorPageTexts{
		Status: "状态码", Value: "发送的内容", Tickets: "工单列表", Return: "返回", Help: "如何处理",
		Encoded: "编码后的授权信息",
		EncodedHint: "其中记录了是哪条策略拒绝了此调用及原因，内容经过编码，无法直接阅读。请发给云账号管理员，" +
			"由有权调用 STS 接口 decode-authorization-message（POST /v5/decode-authorization-message）的人解码。",
		EncodedCopy: "复制信息", EncodedCopied: "已复制",
	},
	Word: WordTexts{
		TicketStatus: Words{"READY": "待执行", "PROCESSING": "执行中", "ABNORMAL": "需处理", "PAUSED": "已暂停",
			"CANCELED": "已取消", "FINISHED": "已完成", "ERROR": "需处理", "ROLLBACKED": "已回滚", "ENDED": "异常结束"},
		InstanceStatus: Words{"READY": "待执行", "PROCESSING": "执行中", "ABNORMAL": "异常",
			"CANCELED": "已取消", "FINISHED": "成功", "ROLLBACKED": "已回滚", "ERROR": "异常"},
		BatchState: Words{"WAITING": "待执行", "RUNNING": "执行中", "HELD": "已停止", "FAILED": "异常",
			"CANCELED": "已取消", "PARTLY": "部分取消", "FINISHED": "成功", "UNKNOWN": "未知"},
		Rotation:  Words{"CONTINUE": "继续", "PAUSE": "暂停"},
		Operation: operationsZH.name,
		Refusal: Words{
			"ticket_over":          "工单已结束。",
			"ticket_not_running":   "只有执行中的工单可以暂停。",
			"ticket_not_stopped":   "工单须为已暂停或需处理。",
			"ticket_not_started":   "工单尚未开始。",
			"ticket_state_unknown": "控制台不认识工单的状态。",
			"batch_not_current":    "只能跳过下一批次。",
			"instance_over":        "实例已结束。",
		},
		Action: Words{
			"approval.": "审批", "approval.requested": "申请审批", "approval.given": "批准，尚需他人", "approval.granted": "批准", "approval.refused": "拒绝",
			"approval.withdrawn": "撤回申请", "approval.expired": "申请过期",
			"approval.returned": "已批准，未发送",
			"review.":           "复核", "review.signed_off": "复核操作",
			"elevation.": "临时角色", "elevation.requested": "申请临时角色", "elevation.granted": "批准临时角色", "elevation.refused": "拒绝临时角色",
			"elevation.withdrawn": "撤回临时角色申请", "elevation.ended": "结束临时角色",
			"handover.": "交接班", "handover.noted": "填写交接说明", "handover.taken": "接班",
			"notice.": "通知", "notice.failed": "放弃发送通知",
			"glass.": "紧急放行", "glass.broken": "紧急放行", "glass.reviewed": "复核紧急放行",
			"job.": "批量操作", "job.started": "开始批量操作", "job.stopped": "停止批量操作", "job.continued": "继续批量操作", "job.ended": "批量操作结束",
			"data.": "存储的数据", "data.rejected": "拒绝存储的数据",
			"policy.": "策略", "policy.changed": "策略文件变更",
			"session.": "会话：全部", "view.": "视图：全部", "ticket.": "工单：全部", "log.": "实例日志：全部", "operation.": "工单操作：全部",
			"entry.": "损坏的条目：全部", "reads.": "读取：全部", "reads.omitted": "未记录的读取", "access.": "访问：全部", "audit.": "审计日志：全部",
			"session.signed_in": "登录", "session.sign_in_failed": "登录失败",
			"session.signed_out": "退出登录", "session.ended": "会话结束",
			"session.refused": "登录被拒绝", "session.revoked": "令牌已吊销", "session.project_switched": "已切换项目", "session.groups_changed": "企业用户组已变更", "view.shared": "视图已共享给团队", "view.removed": "已删除团队视图",
			"ticket.listed": "查看工单列表", "ticket.viewed": "打开工单", "log.viewed": "查看实例日志",
			"operation.requested": "已请求", "operation.accepted": "COC 已接受",
			"operation.rejected": "被拒绝", "operation.unknown": "结果未知",
			"operation.observed": "已确认", "operation.not_observed": "未确认",
			"entry.damaged": "损坏的条目", "access.throttled": "被限流", "access.denied": "被拒绝访问", "request.": "请求：全部", "request.refused": "请求被拒绝", "audit.viewed": "查看审计日志", "audit.exported": "导出审计日志",
			"audit.held": "设置法律保留", "audit.released": "解除法律保留",
			"audit.pruned": "清除旧记录", "audit.resumed": "审计日志恢复写入", "audit.restored": "从备份恢复审计日志",
		},
		Outcome: Words{"succeeded": "成功", "failed": "失败", "denied": "被拒绝", "unknown": "未知", "pending": "等待中"},
		Note: Words{
			"process_ended":  "控制台在记录响应之前停止了。COC 可能已执行该操作，再次发送前请先查看工单。",
			"timeout":        "COC 未及时响应。COC 可能已执行该操作，再次发送前请先查看工单。",
			"connection":     "请求发出后连接中断。COC 可能已执行该操作，再次发送前请先查看工单。",
			"bad_answer":     "响应不是来自 COC。COC 可能已执行该操作，再次发送前请先查看工单。",
			"uncertain":      "COC 或其网关返回了错误，无法确定操作是否已执行。再次发送前请先查看工单。",
			"unattributed":   "工单已显示变化，但 COC 未表明接受了该操作，可能是其他人执行了相同的操作。",
			"after_refusal":  "COC 拒绝了该操作，但工单已显示变化，可能是其他人执行了相同的操作。",
			"not_delivered":  "请求没有到达 COC，可以再次发送。",
			"deadline":       "工单未在规定时间内显示变化。COC 可能较慢，也可能忽略了该操作。请查看工单。",
			"ended":          "操作生效之前，对象已自行结束。",
			"no_session":     "没有能读取工单的人登录，控制台无法检查。请查看工单。",
			"other_instance": "被取消的是另一个实例，而不是所选的实例。",
		},
		Aspect: Words{"status": "工单", "batch": "当前批次", "ready": "待执行", "running": "执行中", "failed": "异常",
			"canceled": "已取消", "finished": "成功", "instance": "实例"},
		Field: Words{"count": "数量", "comment": "意见", "decision": "处理", "target": "对象", "find": "搜索", "account": "账号名", "user": "用户名", "password": "密码",
			"project": "区域或项目", "passcode": "动态口令", "user_id": "用户 ID", "token": "IAM 令牌", "status": "状态", "name": "名称",
			"creator": "创建人", "from": "时间从", "to": "时间至", "q": "搜索", "person": "操作人", "ticket": "工单", "action": "操作",
			"outcome": "结果", "operation_type": "操作类型", "batch_index": "批次", "instance_id": "实例 ID",
			"reason": "原因", "despite": "未完成的操作", "role": "角色", "until": "截止时间", "query": "查询"},
		Detail: Words{"repeats": "读取次数", "note": "说明", "status": "最后看到的状态", "error": "错误", "batch": "批次",
			"canceled": "此前已取消", "others": "其他被取消的实例", "detail": "详情", "policies": "策略", "stops": "停止的实例数",
			"glass": "标记", "approval": "审批请求", "approved_by": "审批人", "approvals_needed": "所需审批人数", "approvers_from": "审批人来源", "teams": "团队", "job": "批量操作", "comment": "意见", "denial": "编码后的授权信息", "input": "策略的判断依据", "trial": "试运行"},
		Finding: Words{
			"record.missing": "记录缺失。", "record.altered": "记录被改动。", "record.number": "记录的编号或时间与其内容不符。",
			"record.order": "记录的时间不晚于前一条。", "record.extra": "存在编号之外的记录。",
			"tile.missing": "树的哈希缺失。", "tile.altered": "树的哈希被改动。", "tile.extra": "存在没有对应记录的哈希。",
			"head.altered": "日志头被改动。", "checkpoint.signature": "检查点不是由已知密钥签名。",
			"checkpoint.altered": "检查点被改动。", "checkpoint.missing": "检查点缺失。", "checkpoint.root": "记录构成的树与已签名的树不同。",
			"log.rolled_back": "日志末尾的记录缺失。", "log.forked": "日志与锚点中的检查点不是同一份。",
			"log.pruned": "记录被清除，但没有相应的清除记录。", "search.altered": "搜索表与记录不一致。",
			"guard.missing": "拒绝改动日志的触发器缺失。",
		},
	},
}

// actZH names an operation with its target the way a button does.
func actZH(operation, target string) string {
	act := operationsZH.name.Of(operation)
	if target == "" {
		return act
	}
	return act + " " + target
}

// questionZH asks whether an operation is wanted, with a space only after a name.
func questionZH(operation, target string) string {
	if target == "" {
		return "确定要" + operationsZH.name.Of(operation) + "吗？"
	}
	return "确定要" + operationsZH.name.Of(operation) + " " + target + " 吗？"
}

// actManyZH names an operation on many targets the way a button does.
func actManyZH(operation string, items int) string {
	if act, ok := operationsZH.many[operation]; ok {
		return fmt.Sprintf(act, items)
	}
	return operation + "：" + strconv.Itoa(items)
}

// impactZH goes on after the number of instances that an operation concerns.
func impactZH(n Impact) string {
	of := ""
	if n.Batch > 0 {
		of = fmt.Sprintf("（批次 %d）", n.Batch)
	}
	rest := func(n int, text string) string {
		if n == 0 {
			return ""
		}
		return "另有 " + strconv.Itoa(n) + " 个实例" + text
	}
	switch n.Operation {
	case "PAUSE_ORDER":
		if n.Running == 0 {
			return "个待执行的实例在工单继续前不会启动。没有执行中的实例。"
		}
		return "个待执行的实例在工单继续前不会启动。" + strconv.Itoa(n.Running) + " 个执行中的实例会先执行完。"
	case "CONTINUE_ORDER":
		if n.Batch == 0 {
			return "个实例等待启动。"
		}
		return "个实例" + of + "立即启动。" + rest(n.Later, "在后续批次中启动。")
	}
	keeps := rest(n.Keeps, "继续执行。") + rest(n.Done, "已结束，不受影响。")
	switch {
	case n.Number == 0:
		return "个实例" + of + "会停止：没有待执行或执行中的实例。" + keeps
	case n.Running == 0 && n.Keeps == 0:
		return "个待执行的实例" + of + "不会再启动。没有执行中的实例。" + keeps
	case n.Running == 0:
		return "个待执行的实例" + of + "不会再启动。" + keeps
	case n.Running == n.Number:
		return "个执行中的实例" + of + "停止执行。" + keeps
	}
	return "个实例" + of + "停止，其中 " + strconv.Itoa(n.Running) + " 个执行中。" + keeps
}

// backZH is about how far back something goes.
func backZH(d time.Duration) string {
	if hours := int((d + time.Hour - 1) / time.Hour); hours < 48 {
		return fmt.Sprintf(" %d 小时", max(hours, 1))
	}
	return fmt.Sprintf(" %d 天", int((d+24*time.Hour-1)/(24*time.Hour)))
}
