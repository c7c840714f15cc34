package i18n

// operationText is what one operation is called, in one language.
type operationText struct {
	name   string // on its button
	many   string // the same for %d targets; English makes it from the name
	doing  string // the ticket's state while it is under way
	done   string // the receipt's first word
	keep   string // the way out of its confirmation
	effect string // what it does, and what not
	next   string // what starts next, where the answer is always the same
	undo   string // whether it can be undone
}

// operationTexts are the words of the operations, in the languages that the
// console comes with. A further language has its own in its own file.
var operationTexts = []struct {
	wire   string // operation_type
	en, zh operationText
}{
	{
		wire: "PAUSE_ORDER",
		en: operationText{
			name: "Pause ticket", doing: "Pausing", done: "Paused", keep: "Keep running",
			effect: "Starts no more batches. Running instances finish.",
			next:   "Nothing, until somebody continues the ticket.",
			undo:   "Continue the ticket.",
		},
		zh: operationText{
			name: "暂停整个工单", many: "暂停 %d 个工单", doing: "正在暂停", done: "已暂停", keep: "不暂停",
			effect: "不再启动后续批次，执行中的实例会执行完毕。",
			next:   "工单继续之前不启动任何批次。",
			undo:   "可以继续工单。",
		},
	},
	{
		wire: "CONTINUE_ORDER",
		en: operationText{
			name: "Continue ticket", doing: "Continuing", done: "Continued", keep: "Don't continue",
			effect: "Starts the next batch. Failed instances aren't run again.",
			undo:   "Not possible for what has started. Pausing stops the batches after it.",
		},
		zh: operationText{
			name: "继续整个工单", many: "继续 %d 个工单", doing: "正在继续", done: "已继续", keep: "不继续",
			effect: "启动下一批次。异常的实例不会重新执行。",
			undo:   "已启动的无法撤销；暂停可阻止其后的批次。",
		},
	},
	{
		wire: "SKIP_BATCH",
		en: operationText{
			name: "Skip batch", doing: "Skipping", done: "Skipped", keep: "Keep batch",
			effect: "Cancels the instances of this batch that aren't done and starts the next batch. " +
				"After the last batch the ticket ends.",
			undo: "Not possible.",
		},
		zh: operationText{
			name: "跳过批次", many: "跳过 %d 个批次", doing: "正在跳过批次", done: "已跳过", keep: "不跳过",
			effect: "取消该批次中未结束的实例，并启动下一批次。最后一个批次之后工单结束。",
			undo:   "无法撤销。",
		},
	},
	{
		wire: "CANCEL_INSTANCE",
		en: operationText{
			name: "Cancel instance", done: "Cancelled", keep: "Keep instance",
			effect: "Stops the script on this instance only. The others keep running.",
			next:   "The other instances and batches run as planned.",
			undo:   "Not possible.",
		},
		zh: operationText{
			name: "取消实例", many: "取消 %d 个实例", done: "已取消", keep: "不取消",
			effect: "只停止该实例上的脚本，其他实例继续执行。",
			next:   "其他实例和批次照常执行。",
			undo:   "无法撤销。",
		},
	},
	{
		wire: "CANCEL_ORDER",
		en: operationText{
			name: "Cancel ticket", doing: "Cancelling", done: "Cancelled", keep: "Keep ticket",
			effect: "Stops all running instances and starts no others. The ticket ends for good.",
			next:   "Nothing. The ticket ends for good; to run the script on these hosts, start a new ticket.",
			undo:   "Not possible.",
		},
		zh: operationText{
			name: "取消整个工单", many: "取消 %d 个工单", doing: "正在取消", done: "已取消", keep: "不取消",
			effect: "停止所有执行中的实例，不再启动其他实例，工单就此结束。",
			next:   "不再启动任何批次，工单就此结束；如需在这些主机上执行脚本，请新建工单。",
			undo:   "无法撤销。",
		},
	},
}

// operationWords are one word of each operation that has it.
type operationWords struct{ name, many, doing, done, keep, effect, next, undo Words }

var (
	operationsEN = collect(func(i int) operationText { return operationTexts[i].en })
	operationsZH = collect(func(i int) operationText { return operationTexts[i].zh })
)

// collect turns the texts of a language into a catalogue's Words.
func collect(of func(int) operationText) operationWords {
	w := operationWords{Words{}, Words{}, Words{}, Words{}, Words{}, Words{}, Words{}, Words{}}
	for i, operation := range operationTexts {
		text := of(i)
		for _, one := range []struct {
			into Words
			text string
		}{
			{w.name, text.name}, {w.many, text.many}, {w.doing, text.doing}, {w.done, text.done},
			{w.keep, text.keep}, {w.effect, text.effect}, {w.next, text.next}, {w.undo, text.undo},
		} {
			if one.text != "" {
				one.into[operation.wire] = one.text
			}
		}
	}
	return w
}
