package i18n

import "fmt"

// LogTexts stand around a log.
type LogTexts struct {
	Search, Next, Previous string
	Found                  string // {at} and {of} stand for numbers; scripts put them in
	NotFound               string
	FirstError             func(lines int) string // link
	Wrap, Follow, Copy     string
	Copied                 string
	Guess                  string // what is taken for an error
}

// KeyTexts are those of the keyboard: its help, and the palette.
type KeyTexts struct {
	Heading, Intro  string
	Key, Does       string // headings
	Help            Words  // what a key does, by the key
	Single          string // about the keys that act by themselves
	On, Off         string // the state of the switch
	SwitchOn        string
	SwitchOff       string
	Close           string
	Palette         string // label of the dialog and of its field
	PaletteHint     string
	PaletteNone     string
	Find            string // {text} stands for what was typed
	Page, Operation string // kinds of results
	Ticket          string
}

func logTextsEN() LogTexts {
	return LogTexts{
		Search: "Search in the log", Next: "Next match", Previous: "Previous match", Found: "{at} of {of}", NotFound: "No match",
		FirstError: func(lines int) string {
			return fmt.Sprintf("First error (%d %s)", lines, pluralEN(int64(lines), "line", "lines"))
		},
		Wrap: "Wrap lines", Follow: "Follow", Copy: "Copy", Copied: "Copied",
		Guess: "Lines with words such as error, failed, fatal or exception are marked: a guess.",
	}
}

func logTextsZH() LogTexts {
	return LogTexts{
		Search: "在日志中搜索", Next: "下一处", Previous: "上一处", Found: "第 {at} 处，共 {of} 处", NotFound: "无匹配",
		FirstError: func(lines int) string { return fmt.Sprintf("首个错误（共 %d 行）", lines) },
		Wrap:       "自动换行", Follow: "跟随", Copy: "复制", Copied: "已复制",
		Guess: "含有 error、failed、fatal、exception、失败等字样的行会被标出，仅供参考。",
	}
}

func keyTextsEN() KeyTexts {
	return KeyTexts{
		Heading: "Keyboard shortcuts", Intro: "Keys only lead somewhere: an operation always asks on a page of its own first.",
		Key: "Key", Does: "What it does",
		Help: Words{"ctrl+k": "Go to a ticket, a page or an operation", "?": "These shortcuts", "/": "Search field", "g t": "Tickets",
			"g a": "Audit log", "g p": "Approvals", "g j": "Jobs", "e": "First error of the log", "j": "Next row", "k": "Previous row", "enter": "Open the row", "f": "Failed instances first",
			"l": "Log of the row", "escape": "Close what is open"},
		Single: "Keys that act by themselves can disturb speech input. Ctrl+K and Escape always work.",
		On:     "Single keys are on.", Off: "Single keys are off.", SwitchOn: "Switch single keys on", SwitchOff: "Switch single keys off",
		Close: "Close", Palette: "Go to", PaletteHint: "Ticket name or execute_uuid, page, operation", PaletteNone: "Nothing found",
		Find: "Search for “{text}”", Page: "Page", Operation: "Operation", Ticket: "Ticket",
	}
}

func keyTextsZH() KeyTexts {
	return KeyTexts{
		Heading: "键盘快捷键", Intro: "按键只用于跳转：任何操作都会先进入单独的确认页面。",
		Key: "按键", Does: "作用",
		Help: Words{"ctrl+k": "跳转到工单、页面或操作", "?": "显示快捷键", "/": "跳到搜索框", "g t": "工单列表",
			"g a": "审计日志", "g p": "审批", "g j": "批量作业", "e": "日志中的首个错误", "j": "下一行", "k": "上一行", "enter": "打开当前行", "f": "失败实例优先",
			"l": "查看当前行的日志", "escape": "关闭已打开的内容"},
		Single: "单键快捷键可能干扰语音输入。Ctrl+K 和 Escape 始终有效。",
		On:     "单键快捷键已开启。", Off: "单键快捷键已关闭。", SwitchOn: "开启单键快捷键", SwitchOff: "关闭单键快捷键",
		Close: "关闭", Palette: "跳转", PaletteHint: "工单名称或 execute_uuid、页面、操作", PaletteNone: "无结果",
		Find: "搜索“{text}”", Page: "页面", Operation: "操作", Ticket: "工单",
	}
}
