package i18n

import "time"

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

// ListTexts are those of the live list of tickets.
type ListTexts struct {
	Title            func(count int64, heading string) string // of the document, with so many decisions
	Decisions        string
	DecisionsOf      func(count int64, atLeast bool) string
	AllOf            func(state string) string
	Scope            string
	Tabs             Words // attention, running, mine, team, all
	Keys             Words // state, name, creator, host, after, before: as they are typed before a colon
	Query, QueryHint string
	QueryHelp        string
	Without          func(filter string) string
	UnknownTerm      func(term string) string
	Range            string
	Ranges           Words // 1h, 24h, 7d, 30d, all, custom
	EmptyScope       Words // mine, team, and alone: a team of nobody
	OfRead           func(shown, read int, total int64) string
	Found            func(tickets int, cut bool) string           // by the search, or by host:
	Looked           func(tickets int, back time.Duration) string // through: those that were created since
	LookedSoFar      func(tickets, of int) string
	LookStopped      string // COC did not let all be looked through
	FoundNone        string
	FoundAdvice      string
	MoreHosts        func(n int) string
	NoFigures        string
	NotRead          string // in the place of a ticket's figures
	EndedUnread      string // of those that had ended
	Failed           func(instances int32) string
	Unread           func(tickets int, since string) string
	MarkSeen         string
	WhatIsVisit      string
	Visit            string
	New              string
	Was              func(state string) string
	MoreFailed       func(instances int32) string
	Saved, Save      string
	SaveName         string
	ShareWith        string // label: whose the view is to be
	OnlyMe           string
	TeamOf           func(team string) string
	SelectAll        string // label of the box that ticks all that are shown
	// Badges of a ticket.
	ApprovalWaits, Pending string
	// How far the older pages of a list were looked through.
	OfLooked func(shown, looked int, total int64, all bool) string
	Delete   func(name string) string
}

// TicketTexts are the ticket page's.
type TicketTexts struct {
	// Where the ticket stands in the list that it was opened from.
	Place, ToList              string
	PlaceOf                    func(at, total int64) string
	PreviousTicket, NextTicket func(name string) string
	Facts, Key, Creator        string
	Script                     string
	ExecuteUser                string
	SuccessRate                string
	Counts                     string
	CountsText                 func(total int32) string
	Operations                 string
	Effect                     Words // by operation_type: what it does and what not
	Batches, BatchesEmpty      string
	Instances                  string
	LastLine, Log              string
	LogOf                      func(host string) string
	CancelOf                   func(host string) string
	Cancel                     string
	CopyKey, Copied            string
	Params, ParamsEmpty        string
	ParamName, ParamValue      string
	ParamReference             string
}

// LiveTexts are those of pages that keep themselves up to date, and of what a
// ticket's page shows of its course.
type LiveTexts struct {
	Title                   func(state string, failed int32, name string) string // of the document
	Trouble                 func(since string) string
	Partial                 string // in its place, where not everything was ever read
	BatchesUnread           string
	Progress                string
	ProgressOf              func(done, total int32) string
	Success                 string
	Elapsed                 string
	UntilPause              func(batch int32) string
	Overdue                 string
	Samples                 func(runs int) string
	Since                   func(time string) string
	Ahead, AheadText        func(by string) string // of COC's clock: in the place of a time that has passed; a sentence
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
	Activity, ActivityEmpty string
	Columns                 Words // of the CSV file, beside those of Common
	// For the script; {time} and {age} stand for what it puts in.
	Lost, Ended, Denied, Ago string
	Buffered                 string // where something in between holds the stream back
	Back                     string // after Lost or Trouble
	SignInAgain              string
}

// CourseTexts are those of what happened to a ticket: its verdict, its batches in time, its failures, its activity.
// Names in braces are replaced.
type CourseTexts struct {
	Lead, Rest                  Words // by the verdict's kind: the sentence, and what follows from it
	Approved, Reason            string
	SeeReceipt                  string
	BatchSince, Ends            string
	StillRun                    func(instances int) string
	Stopped                     func(instances int) string
	Succeeded                   func(succeeded, all, failed int) string
	Reach                       Words // watch.Verdict, of a ticket that stands
	Doing                       Words // by operation_type: what is being made of the ticket
	BatchOf                     func(batch, batches int32) string
	Asks                        string
	AskStops                    func(instances int) string
	AskExpires, Review          string
	Sent                        Words // by the last step of an operation without an end
	More, CopyLink, UnderWay    string
	AskFor                      func(operation string) string
	Success                     func(done int, threshold, verdict string, mayFail int) string
	Left                        string
	Counted                     func(n int32, state string) string
	Comma                       string // between parts
	Timeout                     func(duration string) string
	PerBatch                    func(percent string) string
	Zones                       func(n int) string
	AsTable, AsTimeline         string
	PausedFor, StoppedFor       func(duration string) string
	Now                         string
	LaneWaits                   string
	LaneRuns                    func(from string) string
	LaneRan                     func(from, to string) string
	BatchesWait                 func(n int) string
	Batches                     func(first, last int32) string
	Failures, ByOutput          string
	NoFailures, NoOutput        string
	Hosts, MoreHosts            func(n int) string
	MoreGroups                  func(n int) string
	ExitStatus                  func(status string) string
	AllActivity                 string
	Did                         Words // operation, approval
	Outcome                     Words // by the last step
	Became                      Words // of a change of the ticket's state
	Between, Started            string
	Folded                      func(kind string, n int, first, last int32) string
	Selected, SelectedOf, Clear string // {n} stands for how many
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

// PresenceTexts say who else is on a ticket, and what they show to the others.
type PresenceTexts struct {
	Here             func(names []string) string
	Confirms         func(operation string) string // behind a name
	Same             string                        // behind it, where the reader is about to confirm on the same target
	Look             string                        // behind a name, before a link to the place
	Place            func(host string, line int) string
	Remove           string
	Mark, Line       string // the button, and the field's label
	Hint             string
	BadLine, TooMany string // next to the field
}
