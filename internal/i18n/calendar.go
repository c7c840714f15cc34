package i18n

// CalendarTexts are about the windows of the calendar that policies ask about.
type CalendarTexts struct {
	InForce string // heading of the windows in force now
	Until   string // between a window's name and its end
	Always  string // behind the name of one that has no end
}

// Calendar are the texts about windows of time.
var Calendar = newPage("Calendar", &CalendarTexts{
	InForce: "Calendar windows in force", Until: " until", Always: ", always",
}, &CalendarTexts{
	InForce: "生效中的时间窗口", Until: "，至", Always: "，始终生效",
})
