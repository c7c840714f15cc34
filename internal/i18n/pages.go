package i18n

// Titles are the document titles, without the product's name. Arguments come
// from COC or from people; they are shown as they are.
type Titles struct {
	SignIn    string
	Tickets   string
	Ticket    func(name string) string
	Instance  func(host, ticket string) string
	Operation func(operation, target string) string // operation is a wire value; target may be empty
	Receipt   func(operation, target string) string
	Audit     string
	Record    func(sequence int64) string
	Story     string
}

// FrameTexts stand around every page.
type FrameTexts struct {
	Product      string
	Skip         string // link to the content
	Navigation   string // label of the landmark
	Tickets      string
	Audit        string
	Search       string // label
	SearchButton string
	SearchHint   string // placeholder: what a key looks like
	Settings     string // label of the group of switches
	Language     string // label of the switch
	Theme        string
	ThemeAuto    string
	ThemeLight   string
	ThemeDark    string
	SignedIn     string // label
	Manager      string
	SessionEnds  string
	SignIn       string
	SignOut      string
	Simulator    string // the banner
	Path         string // label of the breadcrumb
	Notices      string // label
	NoticeKind   Words  // info, success, warning, error
}

// CommonTexts are shared by several pages.
type CommonTexts struct {
	Stale                                  string // {time} stands for the time of the last good reading; scripts put it in
	Unanswered                             string // a form was sent and no answer came
	Hour, Minute, Second, Millisecond, Day string // units
	Filter                                 string // the button
	ClearFilter                            string
	Filters                                string             // label
	FiltersSet                             func(n int) string // the same, with how many are set
	All                                    string             // the choice that filters nothing
	From, To                               func(zone string) string
	Newer, Older                           string
	Pages                                  string // label of the pager
	ReadAt                                 string // before a time
	Refresh                                string
	Refreshes                              func(seconds int) string
	Errors                                 string // heading of the list of form errors
	Failure                                string // label of an upstream's own words
	Verbatim                               string
	RequestID                              string // the console's
	UpstreamRequestID                      string
	None                                   string // in the place of an empty value, for screen readers
	Unknown                                string // an unknown state
	Masked                                 string
	Batch                                  string
	BatchNumber                            func(batch int32) string
	Ticket                                 string
	Instance                               string
	State                                  string
	Time                                   string
	Created, Finished, Duration            string
	Host, Address, Region, Zone            string
	Who, What, Outcome, Target, Reason     string
	Running, Waiting, Done, Total          string
	Before, After                          string
	Optional                               string
}

// SignInTexts are the sign-in page's.
type SignInTexts struct {
	Heading, Intro       string
	Account, AccountHint string
	User, UserHint       string
	Password             string
	Project, ProjectHint string
	Passcode             string
	PasscodeHint         string
	Token, TokenHint     string
	Button               string
	ByToken, ByPassword  string // links to the other form
	Demo, DemoIntro      string
	DemoAccounts         string // caption
	Verbatim             string
}

// TicketsTexts are the ticket list's.
type TicketsTexts struct {
	Heading              string
	Name, Key            string
	NameFilter           string
	Creator, Regions     string
	Total                func(total int64, shown int) string
	Hidden               func(n int) string // of a page's tickets the rules hide so many
	Empty, EmptyFiltered string
	EmptyAdvice          string
	EmptyFilteredAdvice  string
	Caption              string
	ShowsFirst           string
	CreatedFrom          func(zone string) string
	CreatedTo            func(zone string) string
}

// TicketTexts are the ticket page's.
type TicketTexts struct {
	Facts, Key, Creator     string
	Script, Version, Source string
	ExecuteUser             string
	Timeout, SuccessRate    string
	CurrentBatch            string
	Counts                  string
	CountsText              func(total int32) string
	Operations              string
	OperationsHint          string
	Effect                  Words // by operation_type: what it does and what not
	Batches, BatchesEmpty   string
	Current                 string
	Instances               string
	LastLine, Log           string
	LogOf                   func(host string) string
	CancelOf                func(host string) string
	Cancel                  string
	Actions                 string
	AllHistory              string
	Params, ParamsEmpty     string
	ParamName, ParamValue   string
	ParamReference          string
}

// InstanceTexts are the page of one instance's.
type InstanceTexts struct {
	Facts, ID, ResourceID   string
	FixedIP, FloatingIP     string
	Provider, Type          string
	Project, Application    string
	Group, CommandID        string
	AgentSN, AgentVersion   string
	AgentStatus, Attributes string
	Log, LogEmpty           string
	LogSize                 func(bytes int) string
	Download                string
}

// OperationTexts are the confirmation page's.
type OperationTexts struct {
	Unanswered     string // an operation was sent and no answer came
	SeeTicket      string
	Heading        func(operation, target string) string // a question
	HeadingUnknown string
	Confirm        func(operation, target string) string // the button: the act and its target
	Target         string                                // heading
	Tally          string                                // caption
	ScopeBatch     func(batch int32) string
	ScopeInstance  string
	Whole          string
	Targets        func(count int) string
	Effect         string
	Reason         string
	ReasonHint     func(limit int) string
	EffectWaiting  string // CANCEL_INSTANCE where nothing runs yet
	Next           func(batch int32) string
	NextNone       string
	NextUnread     string
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
	Irreversible   string
	Correct        string // heading of the form that corrects an address
	CorrectButton  string
	BatchIndex     string
	InstanceID     string
	BackToTicket   string
}

// ReceiptTexts are the receipt's.
type ReceiptTexts struct {
	Heading     func(operation, target string) string
	Verdict     Words // by the last thing known: the log's action, or "open"
	Steps       string
	StepPending string
	StepSkipped string
	StepHope    Words // by action: the step's name while it has not happened
	Answered    func(duration string) string
	LastSeen    string
	Deadline    string
	Upstream    string
	Record      string
	Facts       string
	ID          string
	Seen        string
	Others      string
	OthersText  string
	Now         string // heading: the ticket at present
	NowBatch    func(batch int32, of int) string
	NowUnread   string
	Again       string
	AgainAdvice string
	ToTicket    string
	NoReason    string
}

// AuditTexts are the list of the log's.
type AuditTexts struct {
	Heading            string
	Query, Help        string
	Examples           Words  // what an example of a search means
	Completions        string // label of the list
	Active, Remove     string // label of the list of filters; before one that a link removes
	Saved, Save        string
	SaveName           string
	Delete             func(name string) string
	Uncounted          string
	Total              func(count int64, more bool) string
	Records            string // heading of a column of numbers
	NewRecords         string // {n} stands for the number; scripts put it in
	Follow             string
	Format             string
	Formats            Words
	Exported           string // {n} records of {all}, {size}
	ExportDone         string
	ExportFailed       string
	Cancel             string
	Came               string // before what came of an operation
	Summary            string
	Counted            func(count int) string
	Activity           string
	ActivityText       func(from, to string, most int) string
	ActivityTable      string
	Bar                func(from, to string, count int, more bool) string
	Facet              Words // by qualifier
	MoreValues         func(count int) string
	Integrity          string
	Verdict            Words // succeeded, failed, pending, unknown
	Verification       string
	VerifiedUpTo       func(sequence int64) string // before a time
	Verifying          func(done, of int64) string
	WholeVerified      string
	NextRun            string
	Checkpoint         string
	Anchor             string
	AnchorFailed       string
	PublicKey          string
	Findings           string
	MoreFindings       func(count int) string
	Person, Ticket     string
	Action             string
	AllRecords         string
	OwnRecords         string
	Caption            string
	Sequence           string
	Upstream           string
	Export             string
	Empty, EmptyAdvice string
	EmptyFiltered      string
}

// RecordTexts are the page of one record's.
type RecordTexts struct {
	Heading                      func(sequence int64) string
	Who, What, How               string // headings
	User, Account, Project       string
	ClientAddress, UserAgent     string
	Session                      string
	OperationID                  string
	Operation, InstanceID        string
	Seen                         string
	UpstreamStatus, UpstreamCode string
	UpstreamMessage              string
	Detail                       string
	Receipt                      string
	Previous, Next               string
	Neighbours                   string
	Siblings, Story              string
	Evidence                     string // heading
	Pruned, Altered, Uncovered   string
	Covered                      func(size int64) string // before a time
	Index, Leaf                  string
	Bytes                        func(size int) string
	Proof                        func(hashes int) string
	Checkpoint                   string
	DownloadBytes, DownloadProof string
	DownloadBundle               string
	Check                        string // before the command
}

// StoryTexts are the story's of a ticket or an operation.
type StoryTexts struct {
	Heading, Whole, List string
	Took, Later          func(duration string) string
	Views                func(count, people int) string
}

// ErrorPageTexts stand around an error page's message.
type ErrorPageTexts struct {
	Status  string
	Value   string // what the reader sent
	Tickets string // link
	Return  string
	Help    string
}
