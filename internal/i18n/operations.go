package i18n

// Impact is what an operation does to how many instances.
type Impact struct {
	Operation string // wire value
	Number    int    // instances that it concerns
	Running   int    // of these, those that run now; PAUSE_ORDER: of the ticket
	Keeps     int    // others that keep running
	Done      int    // those that are done and stay as they are
	Tickets   int    // of which they are, where that is more than one
	Later     int    // CONTINUE_ORDER: those that wait behind the next batch
	Batch     int32  // SKIP_BATCH, CONTINUE_ORDER; 0 where there is none
}

// OperationTexts are the confirmation page's.
type OperationTexts struct {
	Unanswered     string // an operation was sent and no answer came
	SeeTicket      string
	Heading        func(operation, target string) string // a question
	HeadingUnknown string
	Confirm        func(operation, target string) string // the button: the act and its target
	Impact         string                                // heading
	ImpactOf       func(Impact) string                   // goes on after its number
	Tally          string                                // caption
	ScopeBatch     func(batch int32) string
	ScopeInstance  string
	Targets        func(count int) string
	Effect         string
	Reason         string
	ReasonHint     func(limit int) string
	EffectWaiting  string // CANCEL_INSTANCE where nothing runs yet
	StartsNext     string
	Next           func(batch int32) string
	NextNone       string
	NextUnread     string
	NextOf         Words // by operation: what starts next where nothing does
	Undo           string
	UndoOf         Words                               // by operation
	Asked, AskedMe func(operation, user string) string // operation is "" for the same
	Review         string                              // link to a request for approval
	ReviewText     string                              // why to take it
	Beside         func(user, operation string) string
	Pending        string // heading
	PendingBy      func(user string) string
	PendingTick    string
	PendingNeeded  string // the box is not ticked
	RefusedChanged string
	Refused        string // heading
	RefusedAdvice  string
	Changed        string // heading
	ChangedText    string
	ChangedMinor   string
	Aspect         string
	Material       string
	Immaterial     string
	Correct        string // heading of the form that corrects an address
	CorrectButton  string
	BatchIndex     string
	InstanceID     string
	BackToTicket   string
	Keep           Words // by operation: the way out of its confirmation
	ReadAgain      string
	LastActivity   string
	Success        func(percent, needed string) string
}

// ReceiptTexts are the receipt's.
type ReceiptTexts struct {
	Heading          func(operation, target string) string
	Verdict          Words                                             // by the last thing known: the log's action, or "open"
	Confirmed        func(operation, later string, stopped int) string // the verdict, where the effect was seen
	Advice           Words                                             // what to do, by the same keys; none where there is nothing
	Changes          string                                            // heading: before and now
	RecordOf         func(sequence int64) string
	Proof            string
	NextTicket       string
	NextOfList       string
	Steps            string
	StepPending      string
	StepUnattributed string // the end of an operation that may not be its cause
	StepShowing      Words  // by a value of operate.Showing
	Unwatched        string
	StepSkipped      string
	StepAwaited      Words // by action: the step's name while it has not happened
	Answered         func(duration string) string
	LastSeen         string
	Deadline         string
	Upstream         string
	Facts            string
	ID               string
	Others           string
	OthersText       string
	Now              string // heading: the ticket at present
	NowBatch         func(batch int32, of int) string
	NowUnread        string
	Retry            string
	ToTicket         string
	NoReason         string
}

// PolicyTexts say what the rules want, wherever an operation is confirmed.
type PolicyTexts struct {
	Denied        string // heading
	NothingAllows string // no rule permits it
	InTrial       string // a policy that is recorded, not enforced
	// Trial says what policies in trial would have made of a decision; verdict is a policy.Verdict.
	Trial             func(verdict, policies string) string
	DecidedBy         string
	Contacts          string // before the names of those who may help
	Failed            string // a rule could not be evaluated
	Demanded          string // heading of what is wanted first
	Reason            string // the reason is needed: next to the field
	Count             func(stops int) string
	CountHint         string
	Miscounted        func(stops int) string
	Override          string // the tick box
	OverrideHint      string
	OverrideHeading   string
	OverrideText      Words // "approval": it would be needed; "denied": a policy forbids it
	OverrideSend      func(operation string) string
	AskForApproval    string // the button that asks for approval
	AskInstead        string // the same, where it is a choice
	NeedsApproval     string // next to that button, where nothing else will do
	Approvers         string // before the names of those who can approve
	Broken            string // notice: changed files are not in force
	Stops             func(stops, running int) string
	StopsNothing      string
	OverridesToReview func(n int) string       // notice for managers
	Keeps             func(running int) string // what runs on
	By                func(by string) string   // caption: what stops, by region and the like
	StopsColumn       string
	RunningColumn     string // of these
}

// ApprovalTexts are those of operations that need approval.
type ApprovalTexts struct {
	Heading, Mine, Others, Decided        string
	ForOthers                             string // heading of what the reader may not decide
	Views                                 string // names the tabs
	EmptyOf                               Words  // by tab
	How, HowText                          string
	AskedAt, DecidedAt                    string // between a name and a time
	Open, Later                           string // a button in a list; the way out of a decision
	ChangedSince, Unchanged, CheckedAgain string
	Name                                  func(operation, target string) string // heading of one
	Expires                               string                                // before a time
	Comment, CommentHint                  string
	Approve                               func(operation string) string
	Decline, Withdraw, Send               string
	ApproveText, OwnText, SendText        string
	ThenAndNow, SeenThen, Now             string
	WhenDecided, WhenAsked                string
	State, Note                           Words
	Receipt, Again                        string
	Gone                                  string // somebody was faster
	Sent                                  string // the operation is in the log
	NotAuthentic                          string // nothing was done because of a row that the console did not write
	NotYours                              string
	Problem                               string
	Waits                                 func(n int) string // in the navigation
	Approved, Link, Bulk                  string             // on a receipt: by whom, and the way there
}

// BulkTexts are those of many operations of one confirmation.
type BulkTexts struct {
	Heading, Empty, New                 string
	Name                                func(operation string, items int) string
	Confirm                             func(operation string, items int) string
	Question                            func(operation string, items int) string
	Drop                                string // what cannot be sent is left out
	Item, Items, Outcome, Problem       string
	Number, Change, Sent, ASecond       string
	Figure                              Words // failed, open, waiting, confirmed, rate, left
	OfItems                             func(n int) string
	ConfirmedLater                      func(duration string) string
	Started, Ended, Who                 string
	Progress                            func(done, total int) string
	Stop, Continue, Retry, Result, Back string
	StopText, ContinueText              string
	State, ItemState, Note              Words
	AllSent, Completed, WithFailures    string                 // of one that has ended: effects are awaited; all are confirmed; some failed
	StopsInstances                      string                 // the effect of cancelling several
	Affected                            string                 // the column of how many instances of a ticket it concerns
	Targets                             func(limit int) string // none or too many
	CancelSelected, SelectedHint        string
	PauseSelected, ContinueSelected     string
	CancelSelectedTickets               string
	Select                              func(name string) string
	SelectAll                           string
	Selected, Selection                 string // the chosen tickets; the column of the boxes
	SelectedCount                       string // {n} stands for how many; scripts put it in
	Clear                               string
	Ready                               string
	Pending                             func(user string) string // whose operation on the target is pending
	SendAnyway                          string
}

// ReviewTexts are the texts of the queue of operations that somebody else looks at.
type ReviewTexts struct {
	Heading, Views      string // Views names the tabs
	ToReview, Reviewed  string // the tabs; Reviewed is a mark on operations, too
	Text                string // what can be signed off
	Empty, NoneReviewed string
	NotSent             string // the request did not get into the log
	Own                 string // somebody else reviews it
	Needed, Unchosen    string // next to an empty comment, and to none chosen
	Sign, Button        string // heading and button of the form
	Link                string // from other pages
	Mark                string // on whatever shows an emergency override
	By, Comment         string // who reviewed it, and what they wrote
	CommentHint         func(limit int) string
	Risk, Overdue       string
	Kind                Words // what the risk comes from
	All                 string
	Choose              func(name string) string
	Denied              func(target string) string // an attempt to see a ticket
	Stopped, More       func(n int) string
	Coverage, Within    string
	Uncovered           string // nothing had to be reviewed
	Counts              func(inTime, late, overdue, open int) string
	People              string
}
