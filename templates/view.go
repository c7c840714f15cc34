// Package templates renders the console's pages: one .templ file per page,
// with a struct that has the shape of the page. Pages get everything they show
// in that struct, in plain types and wire values; they call no service. Texts
// come from package i18n by the language in the context, times are shown in
// the context's zone.
//
// Handlers render a page into a buffer before anything is sent, so that an
// error half way never leaves half a page.
package templates

import "time"

// Frame is what stands around every page.
type Frame struct {
	Title     string // of the document
	Section   Section
	Viewer    *Viewer // nil when nobody is signed in
	Simulator bool    // a banner says that nothing real is touched
	Theme     string  // "light", "dark" or "" for the browser's
	Shortcuts bool    // single keys act
	NoWrap    bool    // of the lines of logs
	Here      string  // the page's own address, to come back to
	Search    string  // kept text of the search box
	Notices   []Notice
	// Refresh asks the browser to load the page again after so many seconds;
	// 0 = the page does not change by itself.
	Refresh int
	// OverridesToReview is how many emergency overrides the reader is to review.
	OverridesToReview int
	Numbers           Numbers
	Projects          []ProjectChoice // in which the reader may work, as far as it is known
	InProject         string          // the id of the session's, which tells scripts when it is another
	// Person tells persons apart for scripts; Other is set where somebody else
	// has opened the page's form.
	Person string
	Other  *OtherPerson
}

// Section is the part of the console that a page belongs to.
type Section string

// The sections, in the order of the navigation.
const (
	SectionNone      Section = ""
	SectionTickets   Section = "tickets"
	SectionApprovals Section = "approvals"
	SectionBulk      Section = "bulk"
	SectionAudit     Section = "audit"
)

// Viewer is the signed-in person.
type Viewer struct {
	User, Account, Project string
	Manager, Company       bool      // Company: signed in with the company's account
	Expires                time.Time // the session ends then
	Elevated               []string  // roles for a while, with their ends
}

// NoticeKind is how much a notice matters.
type NoticeKind string

// The kinds of notices.
const (
	NoticeInfo    NoticeKind = "info"
	NoticeSuccess NoticeKind = "success"
	NoticeWarning NoticeKind = "warning"
	NoticeError   NoticeKind = "error"
)

// Notice is one line above a page, in the reader's language.
type Notice struct {
	Kind NoticeKind
	Text string
}

// FieldErrors are the messages next to a form's fields, by field name, in the
// reader's language.
type FieldErrors map[string]string

// Failure is an upstream call that failed, shown in the place of its result.
type Failure struct {
	Heading, Text, Advice string // in the reader's language
	Verbatim              string // the upstream's own words, with its code; may be empty
	RequestID             string // the upstream's; may be empty
	Encoded               string // the encoded authorization message of a denial; may be empty
}

// Option is one value of a select; Value is the wire value.
type Option struct {
	Value    string
	Selected bool
}

// Count is the number of instances in a state.
type Count struct {
	Status string // wire value
	Count  int32
}

// Pager links to the pages before and after; an empty address has no page.
type Pager struct{ Newer, Older string }

// OperationChoice is one operation as a page offers it.
type OperationChoice struct {
	Type    string  // wire value
	Address string  // of the confirmation page; empty when it does not fit
	Refusal string  // why it does not fit: a value of operate.Refusal
	Denied  *Denial // why the rules do not let the reader
	Batch   int32   // SKIP_BATCH: the batch
	Waiting bool    // what it cancels has not been started
	// Approval says that the rules want somebody else's consent for it; Pending that another operation on the ticket has
	// no end yet.
	Approval, Pending bool
}

// Batch is one batch of a ticket.
type Batch struct {
	Index, Total int32
	Rotation     string // CONTINUE, PAUSE or what COC says
	State        string // a value of coc.BatchState
	Current      bool
	Selected     bool   // the list shows its instances only
	Address      string // this page with its instances
	Skip         OperationChoice
}

// Instance is one server in one batch.
type Instance struct {
	ID                         string // decimal: JavaScript would round it
	Batch                      int32
	HostName, FixedIP          string
	FloatingIP, Region, Zone   string
	Status                     string // wire value
	Created, Finished, Read    time.Time
	Duration                   time.Duration
	Address                    string // of its page
	Cancel                     OperationChoice
	Ticked                     bool // chosen by the address
	ResourceID, Provider, Type string
	ProjectID, Application     string
	Group, CommandID           string
	AgentSN, AgentVersion      string
	AgentStatus                string
	Attributes                 []Attribute
	LastLine                   string // of its log; may be empty
	Target                     string // what the form of many names it by
}

// Attribute is a name with its value.
type Attribute struct{ Name, Value string }

// ActivityEntry is an operation with its last step, as a confirmation names it.
type ActivityEntry struct {
	Time      time.Time
	Actor     string
	Action    string // wire value of the log
	Operation string // wire value
	Reason    string
	Receipt   string // address
}
