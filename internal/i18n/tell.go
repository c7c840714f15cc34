package i18n

// TellTexts are those of the browser's own notifications.
type TellTexts struct {
	On, Off string // the button, while they are off, and while they are on
	Denied  string // the browser lets this console show none
}

// Tell are the texts of the browser's own notifications.
var Tell = newPage("Tell", &TellTexts{
	On: "Notify me in this browser", Off: "Stop notifying me in this browser", Denied: "The browser blocks notifications",
}, &TellTexts{
	On: "在此浏览器中通知我", Off: "停止在此浏览器中通知我", Denied: "浏览器已阻止通知",
})
