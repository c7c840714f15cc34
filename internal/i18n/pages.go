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
	Timeline  string
}

// FrameTexts stand around every page.
type FrameTexts struct {
	Product                   string
	Skip                      string // link to the content
	Navigation                string // label of the landmark
	Tickets                   string
	Bulk                      string
	Audit                     string
	Search                    string // label
	SearchHint                string // placeholder: what a key looks like
	Settings                  string // label of the group of switches
	Language                  string // label of the switch
	Theme                     string
	ThemeAuto                 string
	ThemeLight                string
	ThemeDark                 string
	SignedIn                  string // label
	Manager                   string
	SessionEnds               string
	SignIn                    string
	SignOut                   string
	TimeZone                  string
	Project                   string // label of the menu
	OtherProject              string // leads to the list of all
	NoProject                 string // in the place of its name: the token is the account's
	SwitchProject, SwitchText string
	ProjectsUnknown           string // IAM's list could not be read
	// Simulator marks what runs on one, and SimulatorText says what that means.
	Simulator, SimulatorText string
	Path                     string // label of the breadcrumb
	Notices                  string // label
	NoticeKind               Words  // info, success, warning, error
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
	Optional                               func(label string) string
	Colon, Stop                            string // after a label, and after a sentence, with the space that follows
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
	UsePasscode          string // shows the fields of a second factor
	UserID, UserIDHint   string
	Token, TokenHint     string
	Button               string
	ByToken, ByPassword  string // links to the other form
	Demo, DemoIntro      string
	DemoAccounts         string // caption
	Verbatim             string
}

// AuditTexts are the list of the log's.
type AuditTexts struct {
	Heading            string
	Query, Help        string
	Examples           Words  // what an example of a search means
	Suggestions        string // label of the list
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
	Result             string // before what came of an operation
	Summary            string
	Counted            func(count int) string
	Repeats            func(count int64) string // reads that a record stands for
	Activity           string
	ActivityCount      string
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
	AnchorPending      string // before a time
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

// IntegrityTexts are those of the page about what proves the log.
type IntegrityTexts struct {
	VerifiedTo              func(sequence int64) string
	By                      func(machine string) string // machine may be empty
	VerifyNow, Started      string
	Origin                  string
	Anchors, AnchorsText    string
	NoAnchors               string
	Keys, KeysCaption       string
	Key, UnknownKey, InUse  string
	FirstSigned, LastSigned string
	Kept                    string
	Clocks, NoNotes, Agrees string
	Size, Stored, Free      string
	PerDay, TooYoung        string
	Growth                  func(records int64, size string) string
	Full                    string
	Retention, KeepsAll     string
	Removed                 func(upto int64) string
	Keeps                   func(days int) string
	Holds                   string
	Outside, OutsideText    string
	Commands                Words // checkpoint, verify, bundle
}

// RecordTexts are the page of one record's.
type RecordTexts struct {
	Heading                      func(sequence int64) string
	User, Account, Project       string
	ClientAddress, UserAgent     string
	Session                      string
	OperationID                  string
	Operation, InstanceID        string
	UpstreamStatus, UpstreamCode string
	UpstreamMessage              string
	Detail                       string
	Receipt                      string
	Previous, Next               string
	Neighbours                   string
	Timeline                     string
	Sorted, SortedWhy            string // the time by which the record is found, and why it is another
	Pruned, Altered, Uncovered   string
	Bytes                        func(size int) string
	Proof                        func(hashes int) string
	Checkpoint                   string
	DownloadBytes, DownloadProof string
	DownloadBundle               string
	Check                        string // before the command
}

// TimelineTexts are those of the timeline of a ticket or an operation.
type TimelineTexts struct {
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
	// Encoded labels the encoded_authorization_message of a denial.
	Encoded, EncodedHint, EncodedCopy, EncodedCopied string
}

// PermissionsTexts are those of the page that says what somebody may do.
type PermissionsTexts struct {
	Heading, Text, Link                   string
	HeadingOf                             func(person string) string
	User, UserHint, UserWrong, OwnOnly    string
	Ticket, TicketHint, TicketWrong, Show string
	Person, Roles, Teams, None            string
	OnTickets                             string
	OnTicket                              func(name string) string
	Examples                              func(instances int) string
	OwnTicket, TeamTicket, OtherTicket    string
	Action, Answer, Console, Override     string
	InForce, BuiltIn, Permits, Forbids    string
	Source                                string
	State                                 Words
	Word                                  Words // of actions that are no operations
}

// DesignTexts are those of the page that shows every component.
type DesignTexts struct {
	Heading, Text string
	Parts         Words // its pages
	Section       Words // what they show
}

// PersonTexts are about pages and forms that somebody else has opened. Names are
// account/user, and come from IAM.
type PersonTexts struct {
	// Heading says who opened the page; an empty name = it does not say.
	Heading     func(opener string) string
	NothingDone string // nothing of the form was carried out
	Now         func(name string) string
	Typed       string // label of what was typed
	// What a tab says whose session has changed; {name} stands for who is
	// signed in now.
	Changed, Gone string
	NotSent       string // a form of that tab was not sent
	Reload        string // link: the page for who is signed in now
	Continue      string // button: the form, shown again for who is signed in now
	Switched      string // the session's project is another: {project} stands for its name
	Back          string // the person of the tab is signed in again
}

// LogTexts stand around a log.
type LogTexts struct {
	Search, Next, Previous string
	Found                  string // {at} and {of} stand for numbers; scripts put them in
	NotFound               string
	FirstError             func(lines int) string // link
	ErrorAt                string                 // {at} and {of} are numbers
	Hosts                  string
	PreviousHost, NextHost string
	HostOf                 func(at, of int) string
	Compare, CompareTitle  string
	CompareLeft            string
	CompareRight           string
	CompareNone            string
	CompareShow            string
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
