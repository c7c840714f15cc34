package i18n

// RulesTexts say what the rules want, wherever an operation is confirmed.
type RulesTexts struct {
	Denied        string // heading
	NothingAllows string // no rule permits it
	DecidedBy     string
	Ask           string // before the names of those who may help
	Failed        string // a rule could not be evaluated
	Demanded      string // heading of what is wanted first
	Reason        string // the reason is needed: next to the field
	Count         func(stops int) string
	CountHint     string
	Miscounted    func(stops int) string
	Glass         string // the tick box
	GlassHint     string
	AskInstead    string // the button that asks a second person
	SecondPerson  string // next to that button, where nothing else will do
	OrAsk         string // and where it is a choice
	Broken        string // notice: changed files are not in force
	Stops         func(stops, running int) string
	StopsNothing  string
	GlassWaits    func(n int) string       // notice for managers
	Keeps         func(running int) string // what runs on
	Spread        func(by string) string   // caption: what stops, by region and the like
	StopsColumn   string
	RunningColumn string // of these
}

// ApprovalTexts are those of operations that wait for a second person.
type ApprovalTexts struct {
	Heading, Empty, Mine, Others, Decided string
	One                                   func(operation, target string) string // heading of one
	Requester, Asked, Expires, Decider    string
	Comment, CommentHint                  string
	Approve, Refuse, Withdraw, Send       string
	ApproveText, OwnText, SendText        string
	SeenThen, Now                         string
	State, Note                           Words
	Receipt, Again                        string
	Gone                                  string // somebody was faster
	NotYours                              string
	Problem                               string
	Waits                                 func(n int) string // in the navigation
	Approved, Link, Job                   string             // on a receipt: by whom, and the way there
}

// JobTexts are those of many operations of one confirmation.
type JobTexts struct {
	Heading, Empty, New                 string
	One                                 func(operation string, items int) string
	Confirm                             func(operation string, items int) string
	Sum                                 func(items, stops, running int) string
	Drop                                string // what cannot be sent is left out
	Item, Items, Outcome, Problem       string
	Started, Ended, Who                 string
	Progress                            func(done, total int) string
	Stop, Continue, Retry, Result, Back string
	StopText, ContinueText              string
	State, ItemState, Note              Words
	Targets                             func(limit int) string // none or too many
	CancelSelected, SelectedHint        string
	PauseSelected, ContinueSelected     string
	CancelSelectedTickets               string
	Select                              func(name string) string
	SelectAll                           string
	Selected, Selection                 string // the chosen tickets; the column of the boxes
	Ready                               string
}

// ReviewTexts are those of operations with broken glass.
type ReviewTexts struct {
	Heading, Text, Empty string
	NotSent              string // the request did not get into the log
	Own                  string // somebody else reviews it
	Needed               string // next to an empty comment
	Button, Link         string
	Mark                 string // on whatever shows such an operation
	By, Comment          string // who reviewed it, and what they wrote
}

// DesignTexts are those of the page that shows every component.
type DesignTexts struct {
	Heading, Text string
	Parts         Words // its pages
	Section       Words // what they show
}
