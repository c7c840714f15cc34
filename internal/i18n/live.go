package i18n

// LiveTexts are those of pages that keep themselves up to date, and of what a
// ticket's page shows of its course.
type LiveTexts struct {
	Title                   func(state string, failed int32, name string) string // of the document
	Standing                Words                                                // by ticket status: whether somebody has to decide
	Trouble                 func(since string) string
	Progress                string
	ProgressOf              func(done, total int32) string
	Success                 string
	SuccessOf               func(finished, total int, percent, threshold string, required int) string
	Verdict                 Words // watch.Verdict
	Elapsed, Remaining      string
	About                   func(duration string) string
	UntilPause              func(batch int32) string
	Overdue                 string
	Samples                 func(runs int) string
	Since                   func(time string) string
	MapHint                 string
	Cell                    func(host, state string) string
	PausesAfter             string
	Search                  string // label
	Sort                    string // label
	Sorts                   Words
	FailedFirst             string
	CopyHosts, Copied       string
	DownloadCSV             string
	Shown                   func(shown, total int) string
	Incomplete              string
	Empty, EmptyFiltered    string
	OrderChanged, SortAgain string
	Timeline, TimelineEmpty string
	Subject                 Words // watch.Subject
	Change                  func(subject, from, to string) string
	SeenHere, NotBefore     string
	Columns                 Words // of the CSV file, beside those of Common
	// For the script; {time} and {age} stand for what it puts in.
	Lost, Ended, Denied, Ago string
	Back                     string // after Lost or Trouble
	SignInAgain              string
}
