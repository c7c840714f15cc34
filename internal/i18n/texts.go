package i18n

// Texts is the catalogue of one language, grouped by page. No field may be
// empty.
type Texts struct {
	Name          string // of the language, in itself
	Problem       Problems
	SignInProblem SignInProblems
	Field         FieldProblems
	Notice        Notices

	Title     Titles
	Frame     FrameTexts
	Common    CommonTexts
	SignIn    SignInTexts
	Tickets   TicketsTexts
	List      ListTexts
	Ticket    TicketTexts
	Live      LiveTexts
	Instance  InstanceTexts
	Log       LogTexts
	Key       KeyTexts
	Operation OperationTexts
	Receipt   ReceiptTexts
	Audit     AuditTexts
	Record    RecordTexts
	Story     StoryTexts
	Rules     RulesTexts
	Approval  ApprovalTexts
	Job       JobTexts
	Review    ReviewTexts
	Design    DesignTexts
	ErrorPage ErrorPageTexts
	Word      WordTexts
}

// Message is what an error page says: what happened, what it means, and what
// to do now.
type Message struct{ Heading, Text, Advice string }

// Problems are the texts of error pages.
type Problems struct {
	BadUUID         Message
	TicketUnknown   Message
	NotFound        Message
	BadInstance     Message
	InstanceUnknown Message
	BatchUnknown    Message
	BadInput        Message
	BadForm         Message // a form without its key or its picture
	KeySpent        Message
	Denied          Message
	Hidden          Message // by the rules; why follows
	NoExport        Message // the same
	CrossSite       Message
	TooLarge        Message
	Method          Message
	TooOften        Message // too many attempts at this console
	Unavailable     Message // the console itself
	Internal        Message
	Insecure        Message // signing in over plain http from elsewhere
	SignInAgain     Message

	UpstreamForbidden Message
	UpstreamThrottled Message
	UpstreamRefused   Message // another 4xx
	UpstreamFailed    Message // 5xx
	UpstreamTimeout   Message
	UpstreamBroken    Message // no connection, or it broke
	UpstreamBadAnswer Message
	IAMUnavailable    Message

	LogFull      Message
	LogReadOnly  Message
	LogBroken    Message
	LogUnwritten Message // an earlier answer is not in the log yet
}

// SignInProblems say why a sign-in failed.
type SignInProblems struct {
	WrongPassword, Locked, PasscodeNeeded, PasscodeWrong  string
	TokenExpired, TokenInvalid, TokenOther, TokenUnscoped string
	Forbidden, ProjectUnknown, BadRequest, Throttled      string
	Unavailable, BadAnswer, TooOften, TooOftenUser        string
	Ended                                                 string // the session ended: sign in to go on
	Expired                                               string // COC no longer takes the token
}

// FieldProblems stand next to a form's field.
type FieldProblems struct {
	Missing          string
	TooLong          func(limit int) string
	NoUUID           string // the search text holds no execute_uuid
	UnknownOperation string
	InstanceID       string
	BatchIndex       string
	Unexpected       func(field string) string
	NoSuchInstance   string
	NoSuchBatch      string
	Time             string
	TimeOrder        string
	Choice           string // not one of the offered values
	Sequence         string
	Query            QueryProblems
	Hidden           string // a text with characters that show nothing
	ManySearches     func(limit int) string
	Token            string
	ReasonTooLong    func(length, limit int) string
	LanguageUnknown  string
	ThemeUnknown     string
}

// QueryProblems say what is wrong with a search of the log, and with which word.
type QueryProblems struct {
	Qualifier, Empty, Value, Time, Twice, Quote, Negated, Word func(word string) string
	Suggestion                                                 func(other string) string
	Short                                                      func(word string) string // too few letters before *
	Many                                                       func(limit int) string
}

// Notices are shown once above a page.
type Notices struct {
	SignedOut  string
	LogRefuses string // the log cannot be written at present
	LogReserve string // so little space that operations are refused
	LogChanged string // verification found that the log is not what was written
	LogFinding string // before the first of them

	// For managers only: what may become one of the above.
	LogLowSpace, LogSlow, LogJournal, LogUnsigned, LogUnanchored, LogBehind, LogUnverified string
}
