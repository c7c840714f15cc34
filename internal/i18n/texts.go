package i18n

// Texts is the catalogue of one language, grouped by page. No field may be
// empty.
type Texts struct {
	Name          string // of the language, in itself
	Problem       Problems
	SignInProblem SignInProblems
	Field         FieldProblems
	Notice        Notices

	Title       Titles
	Frame       FrameTexts
	Person      PersonTexts
	Common      CommonTexts
	SignIn      SignInTexts
	Tickets     TicketsTexts
	List        ListTexts
	Ticket      TicketTexts
	Live        LiveTexts
	Course      CourseTexts
	Instance    InstanceTexts
	Log         LogTexts
	Presence    PresenceTexts
	Key         KeyTexts
	Operation   OperationTexts
	Receipt     ReceiptTexts
	Audit       AuditTexts
	Integrity   IntegrityTexts
	Record      RecordTexts
	Timeline    TimelineTexts
	Policy      PolicyTexts
	Approval    ApprovalTexts
	Bulk        BulkTexts
	Review      ReviewTexts
	Permissions PermissionsTexts
	Design      DesignTexts
	ErrorPage   ErrorPageTexts
	Word        WordTexts
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
	KeyApproval     Message // the form was put before an approver
	KeyElsewhere    Message // its key belongs to a bulk operation, or to another form
	Denied          Message
	Hidden          Message // by the rules; why follows
	NoExport        Message // the same
	Limited         Message // of one person; LimitedBy says which limit
	LimitedBy       Words
	Unchecked       Message // IAM cannot be asked about the session
	Unrenewed       Message // its credential is over and can't be renewed for now
	CrossSite       Message
	OtherProject    Message // a form of a project in which the session no longer is
	OtherPerson     Message // a page or form that somebody else has opened
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
	UpstreamReason    ReasonTexts
	IAMUnavailable    Message

	LogFull      Message
	LogReadOnly  Message
	LogBroken    Message
	LogBusy      Message // it did not take the record in time
	LogUnwritten Message // an earlier answer is not in the log yet
}

// SignInProblems say why a sign-in failed.
type SignInProblems struct {
	WrongPassword, Locked, PasscodeNeeded, PasscodeWrong  string
	TokenExpired, TokenInvalid, TokenOther, TokenUnscoped string
	Forbidden, ProjectUnknown, BadRequest, Throttled      string
	Unavailable, BadAnswer, TooOften, TooOftenUser        string
	Ended                                                 string                        // the session ended: sign in to go on
	Expired                                               string                        // COC no longer takes the token
	TokenOver                                             func(ends, now string) string // by this machine's clock
	OtherAccount                                          func(account string) string
	NotSwitched                                           func(project string) string // IAM gave no token in exchange
	NotAllowed                                            string                      // a policy forbids it
}

// FieldProblems stand next to a form's field.
type FieldProblems struct {
	Missing          string
	TooLong          func(limit int) string
	NoUUID           string // the search text holds no execute_uuid
	UnknownOperation string
	InstanceID       string
	UserID           string
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
	Qualifier, Empty, Value, Time, Twice, Quote, Negated, Order, Word func(word string) string
	Suggestion                                                        func(other string) string
	Short                                                             func(word string) string // too few letters before *
	Many                                                              func(limit int) string
}

// Notices are shown once above a page.
type Notices struct {
	SignedOut  string
	LogRefuses string                         // the log cannot be written at present
	LogPending string                         // the log has not taken a record for seconds
	LogNewest  string                         // a page of the log may lack its newest records
	LogReserve string                         // so little space that operations are refused
	LogChanged string                         // verification found that the log is not what was written
	LogFinding func(kind, text string) string // the first of them

	// For managers only: what may become one of the above.
	ClockOff                                                                               func(by, against string) string // by is ClockAhead or ClockBehind, against of Clocks
	ClockAhead, ClockBehind                                                                func(by string) string
	Clocks                                                                                 func(name string) string // the clocks of package clock
	LogLowSpace, LogSlow, LogJournal, LogUnsigned, LogUnanchored, LogBehind, LogUnverified string
	DataForged                                                                             string // rows that no console has written
}

// ReasonTexts say why IAM or COC did not answer, and what an administrator of the
// console can do about it.
type ReasonTexts struct {
	DNS, Refused, Unreachable, Timeout, UnknownCA, CertificateExpired, CertificateHost, TLS string
	ProxyAuth, Proxy, Portal, Broken, TooLarge                                              string
}

// Of returns the text of a reason by its name in package upstream; "" for one
// that there is nothing to say about.
func (t ReasonTexts) Of(reason string) string {
	return map[string]string{
		"dns": t.DNS, "refused": t.Refused, "unreachable": t.Unreachable, "timeout": t.Timeout,
		"certificate_not_trusted": t.UnknownCA, "certificate_expired": t.CertificateExpired, "certificate_host": t.CertificateHost,
		"tls": t.TLS, "proxy_auth": t.ProxyAuth, "proxy": t.Proxy, "portal": t.Portal, "broken": t.Broken, "too_large": t.TooLarge,
	}[reason]
}
