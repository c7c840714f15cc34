package i18n

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// EnUS is English, the default.
const EnUS Language = "en-us"

var _ = register(EnUS, "en-US", &enUS)

var enUS = Texts{
	Name: "English",
	Problem: Problems{
		BadUUID: Message{"This isn't a ticket id",
			"A ticket id (execute_uuid) is SCT, 14 digits and nine of 0–9 and a–f, for example SCT2026030209151401c2f9a07.",
			"Check the address, or paste a link or a line with the id into the search field."},
		TicketUnknown: Message{"COC doesn't know this ticket",
			"Your account has no script ticket with this id.",
			"Check the id and the account you are signed in to. COC removes old tickets after a while."},
		NotFound: Message{"Page not found",
			"The page, record or operation doesn't exist, or you can't see it.",
			"Check the address, or start from the ticket list."},
		BadInstance: Message{"This isn't an instance id",
			"An instance id is a whole number from 1 to 9223372036854775807, in digits only.",
			"Open the instance from its ticket."},
		InstanceUnknown: Message{"Instance not found",
			"No batch of this ticket has an instance with this id.",
			"Open the instance from its ticket."},
		BatchUnknown: Message{"Batch not found",
			"Batches are numbered from 1, and this ticket has fewer.",
			"Choose a batch on the ticket page."},
		BadInput: Message{"The address has an unknown value",
			"This page doesn't know a part of the address.",
			"Go back and choose on the page, or correct the address."},
		BadForm: Message{"The form was incomplete",
			"Nothing was sent. A part that the console adds to every form was missing.",
			"Open the operation again from the ticket."},
		KeySpent: Message{"This form was already used",
			"Nothing was sent, now or the first time. A form works once.",
			"Open the operation again from the ticket."},
		KeyApproval: Message{"This form was used to ask for approval",
			"Nothing was sent. The request is unchanged.",
			"Wait for the decision, or withdraw the request under Approvals and confirm again below."},
		KeyElsewhere: Message{"This form was used for something else",
			"Nothing was sent. Its one-time key belongs to another form, a request for approval or a bulk operation.",
			"Check the details and confirm again below."},
		Denied: Message{"You don't have permission to do this",
			"Your role doesn't cover this page or action. The attempt is in the audit log.",
			"Ask a manager."},
		Hidden: Message{"You don't have permission to see this ticket",
			"A policy hides it from you. The attempt is in the audit log.",
			"Ask one of the people below, or open another ticket."},
		Limited: Message{"Too many requests",
			"You've reached the limit for one person. Nothing was done. Other people aren't affected.",
			"Wait a moment and try again. Reading and operating have separate limits."},
		LimitedBy: Words{"requests": "You opened too many pages in a short time.", "operations": "You sent too many operations in a short time.",
			"records": "You've read as much in the last hour as the audit log records for one person.", "bytes": "You've downloaded as much as one person can in an hour.",
			"downloads": "You have too many downloads open.", "streams": "You have too many live pages open. This one refreshes now and then; close others to make it live."},
		Unchecked: Message{"IAM can't confirm your session",
			"Nothing was done. This needs a sign-in that IAM has just confirmed, and IAM didn't answer.",
			"Try again in a minute. What you typed is still below."},
		Unrenewed: Message{"Your sign-in can't be renewed at the moment",
			"Nothing was done. Your access to COC has to be renewed, and your company's provider or IAM didn't answer. You're still signed in.",
			"Try again in a minute. What you typed is still below."},
		NoExport: Message{"You don't have permission to export the audit log",
			"A policy keeps records in the console. The attempt is in the audit log.",
			"Read the records here, or ask one of the people below."},
		CrossSite: Message{"The request came from another site",
			"Nothing was done.",
			"Open the page in this console and try again."},
		OtherProject: Message{"This page is of another project",
			"Nothing was done. You have switched projects since this page was opened.",
			"Switch back to send it, or go on in the list of tickets."},
		OtherPerson: Message{"Somebody else opened this page",
			"Nothing was done. You are signed in as somebody else.",
			"Reload the page to continue under your own name, or sign out."},
		TooLarge: Message{"The form is too large",
			"Nothing was done.",
			"Go back and shorten your text. Your browser still has it."},
		Method: Message{"This address takes another kind of request",
			"The method isn't allowed here.",
			"Start from the ticket list."},
		TooOften: Message{"Too many attempts",
			"Too many requests like this came from your address.",
			"Wait a minute and try again."},
		Unavailable: Message{"The console can't answer right now",
			"Nothing was done. The console is starting, stopping or overloaded.",
			"Try again in a few seconds."},
		Internal: Message{"Something went wrong",
			"The console's log has the error under the request ID below.",
			"Check the ticket before you repeat an operation. Give the request ID to your console administrator."},
		Insecure: Message{"Signing in needs HTTPS",
			"You reached the console over plain HTTP from another machine, so your password or token would travel unencrypted.",
			"Use the console's HTTPS address. Your console administrator puts a TLS proxy in front and names it in --trusted-proxies."},
		SignInAgain: Message{"Sign in again",
			"COC no longer accepts your token. Tokens last 24 hours, and end early when permissions or passwords change.",
			"Sign in. You come back to this page."},
		UpstreamForbidden: Message{"COC refused: permission missing",
			"Your IAM user isn't allowed to make this call.",
			"Ask the administrator of your cloud account for coc:job:list, coc:job:get and, for operations, coc:job:action."},
		UpstreamThrottled: Message{"COC is throttling",
			"COC allows no more calls at the moment.",
			"Wait a moment and refresh."},
		UpstreamRefused: Message{"COC refused the call",
			"COC's response is below.",
			"Correct what COC names, or check the ticket."},
		UpstreamFailed: Message{"COC failed",
			"COC or its gateway answered with an internal error. The response is below.",
			"Refresh in a moment. If it keeps failing, check the status of COC."},
		UpstreamTimeout: Message{"COC didn't answer in time",
			"The console stopped waiting.",
			"Refresh. If it keeps failing, check the network between this console and COC."},
		UpstreamBroken: Message{"COC can't be reached",
			"The connection failed, or broke before an answer came.",
			"Refresh. If it keeps failing, check the network between this console and COC."},
		UpstreamReason: ReasonTexts{
			DNS:                "Its name can't be resolved (DNS). Check the endpoint setting and the name server of the console's machine.",
			Refused:            "Its address refuses connections. Check the host and port of the endpoint setting.",
			Unreachable:        "There is no route to its address. Check the network and firewall of the console's machine.",
			Timeout:            "It didn't answer in time. Check the network, firewalls and HTTPS_PROXY.",
			UnknownCA:          "Its certificate isn't trusted. If a proxy inspects TLS, set SSL_CERT_FILE to the proxy's certificate authority and restart the console.",
			CertificateExpired: "Its certificate has expired, or the clock of the console's machine is wrong.",
			CertificateHost:    "Its certificate is for another host name. Check the endpoint setting, and whether a proxy answers in its place.",
			TLS:                "It doesn't speak TLS at this address. Check the scheme and port of the endpoint setting.",
			ProxyAuth:          "The proxy needs a password (407). Add user and password to HTTPS_PROXY and restart the console.",
			Proxy:              "The proxy can't be reached, or refuses the connection. Check HTTPS_PROXY and NO_PROXY.",
			Portal:             "It answered with a web page or a redirect, probably from a proxy or a network sign-in. Check HTTPS_PROXY, NO_PROXY and the endpoint setting.",
			Broken:             "The connection broke before an answer came. Check the proxies and firewalls in between.",
			TooLarge:           "The answer was larger than 8 MiB and wasn't read.",
		},
		UpstreamBadAnswer: Message{"The answer didn't come from COC",
			"Something between this console and COC answered instead, or the answer was cut off.",
			"Refresh. If it keeps failing, check the endpoint and the proxies between this console and COC."},
		IAMUnavailable: Message{"IAM can't be reached",
			"IAM didn't answer, or answered with an internal error.",
			"Try again in a moment."},
		LogFull: Message{"The audit log is full",
			"Nothing was sent: the console sends nothing that it can't record. The disk has no space left.",
			"Free space in the data folder, then send the form again. In an emergency, use the cloud console."},
		LogReadOnly: Message{"The audit log can't be written",
			"Nothing was sent: the console sends nothing that it can't record. The log's database is read-only or missing.",
			"Make the data folder writable, then send the form again. In an emergency, use the cloud console."},
		LogBroken: Message{"The audit log failed",
			"Nothing was sent: the console sends nothing that it can't record. The log's database refused the record.",
			"Find the cause in the console's log. In an emergency, use the cloud console."},
		LogBusy: Message{"The audit log didn't answer in time",
			"Nothing was sent: the console sends nothing that it can't record. The log's database is locked, or its disk doesn't answer.",
			"Send the form again in a few seconds. In an emergency, use the cloud console."},
		LogUnwritten: Message{"An earlier answer is not in the audit log yet",
			"Nothing was sent. The log couldn't record the answer to an earlier operation and is retrying.",
			"Try again in a minute. If it keeps failing, check the disk of the data folder."},
	},
	SignInProblem: SignInProblems{
		NotSwitched: func(project string) string {
			return "IAM gave no token for project " + project + ". You're still signed in to your own. Sign in again to work there."
		},
		WrongPassword:  "The account, user name or password is wrong.",
		Locked:         "This user is locked. Wait as long as the account's policy says, or ask its administrator.",
		PasscodeNeeded: "This user needs a second factor. Enter the passcode from your authenticator.",
		PasscodeWrong:  "The passcode is wrong or expired. Enter the current one.",
		TokenExpired:   "The token has expired. Tokens last 24 hours; get a new one.",
		TokenInvalid:   "IAM doesn't accept this token. Copy the whole value of X-Subject-Token.",
		TokenOther:     "This is another kind of credential. Enter an IAM token: the value of X-Subject-Token, which begins with MII.",
		TokenUnscoped:  "This token has no project and no account. Get one for a project.",
		Forbidden:      "IAM refuses this user. It may be disabled, or not allowed programmatic access.",
		ProjectUnknown: "The account has no such project or region, or this user can't use it.",
		BadRequest:     "IAM didn't understand the request.",
		Throttled:      "IAM is throttling sign-ins. Wait a minute and try again.",
		Unavailable:    "IAM can't be reached. Try again in a moment.",
		BadAnswer:      "The answer didn't come from IAM. Check the IAM endpoint and the proxies in front of it.",
		TooOften:       "Too many failed attempts from your address. Wait a minute and try again.",
		TooOftenUser:   "Too many failed attempts for this user. Wait 15 seconds and try again, or sign in from an address you used before.",
		TokenOver: func(ends, now string) string {
			return "You aren't signed in: the token ends at " + ends + " and this console's clock says " + now + ". Check the clock, or get a new token."
		},
		OtherAccount: func(account string) string {
			return "You aren't signed in: the account " + account + " can't use this console. Your console administrator allows accounts with --accounts."
		},
		NotAllowed: "You aren't signed in: a policy doesn't let you use this console.",
		Ended:      "Sign in to continue. You come back to the page you asked for.",
		Expired:    "Your session has ended. Sign in again: you come back to this page, and what you typed is kept.",
	},
	Field: FieldProblems{
		Missing:          "Enter a value.",
		TooLong:          func(limit int) string { return fmt.Sprintf("Use at most %d characters.", limit) },
		NoUUID:           "Enter a ticket id such as SCT2026030209151401c2f9a07.",
		UnknownOperation: "Unknown operation.",
		UserID:           "An IAM user ID has up to 64 letters and digits.",
		InstanceID:       "Enter a whole number from 1 to 9223372036854775807, in digits only.",
		BatchIndex:       "Enter a whole number from 1 to 20, in digits only.",
		Unexpected:       func(field string) string { return "This operation takes no " + field + "." },
		NoSuchInstance:   "This ticket has no instance with this id.",
		NoSuchBatch:      "This ticket has no such batch.",
		Time:             "Enter a date and time such as 2026-03-02T09:15.",
		TimeOrder:        "The end is before the start.",
		Choice:           "Choose a value from the list.",
		Sequence:         "Enter the number of a record.",
		Query: QueryProblems{
			Qualifier: func(w string) string {
				return "Unknown qualifier “" + w + "”. To search for it as a word, put it in quotes."
			},
			Empty:      func(w string) string { return "Enter a value after “" + w + "”." },
			Value:      func(w string) string { return "“" + w + "” isn't one of the values." },
			Time:       func(w string) string { return "“" + w + "” isn't a time such as 2026-01-31, 24h or yesterday." },
			Order:      func(w string) string { return "“" + w + "”: the end is before the start." },
			Twice:      func(w string) string { return "“" + w + "” can be used once: a record has only one." },
			Quote:      func(w string) string { return "The closing quote is missing: “" + w + "”." },
			Negated:    func(w string) string { return "“" + w + "”: times can't be excluded." },
			Word:       func(w string) string { return "“" + w + "” has no letter or digit to search for." },
			Short:      func(w string) string { return "“" + w + "” needs at least three letters or digits before *." },
			Many:       func(n int) string { return fmt.Sprintf("A search takes at most %d words and exclusions.", n) },
			Suggestion: func(other string) string { return " Did you mean " + other + "?" },
		},
		Hidden:       "Remove line breaks and invisible characters.",
		ManySearches: func(n int) string { return fmt.Sprintf("You have %d saved already. Delete one first.", n) },
		Token:        "This doesn't look like an IAM token.",
		ReasonTooLong: func(length, limit int) string {
			return fmt.Sprintf("Shorten the reason: it has %d characters, at most %d are allowed.", length, limit)
		},
		LanguageUnknown: "Unknown language.",
		ThemeUnknown:    "Unknown theme.",
	},
	Notice: Notices{
		SignedOut:  "You're signed out.",
		LogRefuses: "The audit log can't be written. Operations are refused until it can.",
		LogPending: "The audit log is waiting for its database. After 5 seconds operations are refused. Pages show what was read before.",
		LogNewest:  "The audit log is waiting for its database. This page may lack the newest records.",
		LogReserve: "The audit log's disk is almost full. Operations are refused until there is space.",
		LogChanged: "Verification failed: the audit log was changed.",
		LogFinding: func(kind, text string) string { return "First finding: " + kind + " (" + text + ")" },

		LogLowSpace: "The audit log's disk is getting full.",
		LogSlow:     "The audit log's disk is slow. Operations wait for it.",
		ClockOff: func(by, against string) string {
			return "This console's clock is " + by + " " + against + ". Times here and in the audit log may be wrong, and sessions may end early. Correct the clock of the console's machine."
		},
		ClockAhead:  func(by string) string { return by + " ahead of" },
		ClockBehind: func(by string) string { return by + " behind" },
		Clocks: func(name string) string {
			return cmp.Or(map[string]string{"database": "the clock of its database", "coc": "COC's", "iam": "IAM's"}[name], "another clock")
		},
		LogJournal:    "The write-ahead log (WAL) of the audit log or its search tables keeps growing. It takes space and slows reading.",
		LogUnsigned:   "The audit log's latest checkpoint couldn't be signed.",
		LogUnanchored: "An anchor didn't accept the audit log's latest checkpoint.",
		LogBehind:     "The search tables are behind the audit log. Searches take longer.",
		LogUnverified: "The latest verification of the audit log couldn't finish.",
		DataForged:    "The database has requests that this console didn't write. Nothing was sent for them; the audit log names them.",
	},
	Title: Titles{
		SignIn:    "Sign in",
		Tickets:   "Tickets",
		Ticket:    func(name string) string { return name },
		Instance:  func(host, ticket string) string { return host + " – " + ticket },
		Operation: func(operation, target string) string { return "Confirm: " + actEN(operation, target) },
		Receipt:   func(operation, target string) string { return "Receipt: " + actEN(operation, target) },
		Audit:     "Audit log",
		Record:    func(sequence int64) string { return fmt.Sprintf("Record %d", sequence) },
		Timeline:  "Timeline",
	},
	Person: PersonTexts{
		Heading: func(opener string) string {
			if opener == "" {
				return "This form doesn't say who opened it."
			}
			return "This form was opened by " + opener + "."
		},
		NothingDone: "Nothing was sent.",
		Now: func(name string) string {
			return "You're signed in as " + name + ". Check the page and send it under your own name, or sign out."
		},
		Typed:    "What was typed",
		Changed:  "This browser is signed in as {name} now. Somebody else opened this page, so its forms aren't sent.",
		Gone:     "You're signed out. Forms on this page aren't sent until you sign in again. What you typed stays here.",
		NotSent:  "Not sent.",
		Reload:   "Reload this page",
		Continue: "Show this form for the person signed in now",
		Switched: "This browser works in project {project} now. This page is of another project, so its forms aren't sent.",
		Back:     "You're signed in again. This page can be used.",
	},
	Frame: FrameTexts{
		Product: "COC console", Skip: "Skip to content", Navigation: "Sections",
		Tickets: "Tickets", Bulk: "Bulk", Audit: "Audit",
		Project: "Project", OtherProject: "Other projects…", NoProject: "Account", SwitchProject: "Switch project",
		SwitchText:      "You stay signed in. Open pages of the former project say that they are of it.",
		ProjectsUnknown: "IAM didn't list your projects. Type the name of one.",
		Search:          "Find a ticket by name, host, IP address, SCT id or link", SearchHint: "Ticket, host, IP or SCT…",
		Settings: "Settings", Language: "Language", Theme: "Theme",
		ThemeAuto: "Auto", ThemeLight: "Light", ThemeDark: "Dark", TimeZone: "Time zone",
		SignedIn: "Signed in", Manager: "Manager", SessionEnds: "Session ends", SignIn: "Sign in", SignOut: "Sign out",
		Simulator: "Simulator", SimulatorText: "These tickets and servers are made up. Nothing real is touched.",
		Path: "Path", Notices: "Notices",
		NoticeKind: Words{"info": "Note", "success": "Done", "warning": "Warning", "error": "Error"},
	},
	Common: CommonTexts{
		Stale:      "This page hasn't been updated since {time}. It may be out of date.",
		Unanswered: "No answer came. The console may have received this.",
		Day:        "d", Hour: "h", Minute: "min", Second: "s", Millisecond: "ms",
		Filter: "Filter", ClearFilter: "Clear filters", Filters: "Filters", All: "All",
		FiltersSet: func(n int) string {
			if n == 0 {
				return "Filters"
			}
			return "Filters · " + strconv.Itoa(n) + " set"
		},
		From:  func(zone string) string { return "From (" + zone + ")" },
		To:    func(zone string) string { return "To (" + zone + ")" },
		Newer: "Newer", Older: "Older", Pages: "Pages",
		ReadAt: "As of", Refresh: "Refresh",
		Refreshes: func(seconds int) string { return fmt.Sprintf("(refreshes every %d s)", seconds) },
		Errors:    "Correct these fields", Failure: "Failure", Verbatim: "Response from COC",
		RequestID: "Request ID", UpstreamRequestID: "COC request ID",
		None: "none", Unknown: "Unknown", Masked: "hidden by COC",
		Batch: "Batch", BatchNumber: func(batch int32) string { return fmt.Sprintf("Batch %d", batch) },
		Ticket: "Ticket", Instance: "Instance", State: "State", Time: "Time",
		Created: "Created", Finished: "Finished", Duration: "Duration",
		Host: "Host", Address: "IP address", Region: "Region", Zone: "Zone",
		Who: "Who", What: "What", Outcome: "Outcome", Target: "Target", Reason: "Reason",
		Running: "Running", Waiting: "Waiting", Done: "Done", Total: "Total",
		Before: "What you saw", After: "Now", Colon: ": ", Stop: ". ",
		Optional: func(label string) string { return label + " (optional)" },
	},
	SignIn: SignInTexts{
		Heading: "Sign in", Intro: "Use an IAM user of your Huawei Cloud account. Your password goes to IAM and isn't stored.",
		Account: "Account name", AccountHint: "The account that owns the IAM user.",
		User: "User name", UserHint: "The IAM user. A HUAWEI ID can't sign in here.",
		Password: "Password",
		Project:  "Region or project", ProjectHint: "For example cn-north-4.",
		Passcode: "Passcode", PasscodeHint: "Six digits from your authenticator.",
		UsePasscode: "Use a passcode", UserID: "User ID",
		UserIDHint: "Only if a correct passcode is refused: the ID of your IAM user, 32 characters, under My Credentials. The console remembers it.",
		Token:      "IAM token", TokenHint: "The value of X-Subject-Token, which begins with MII. It stays on the server and is never shown.",
		Button: "Sign in", ByToken: "Use an IAM token", ByPassword: "Use a password",
		Demo: "or as a demo user", DemoIntro: "Users of the simulator. Each password is the user's name; the projects are cn-north-4 and ap-southeast-3.",
		DemoAccounts: "Demo users", Verbatim: "Response from IAM",
	},
	Tickets: TicketsTexts{
		Hidden: func(n int) string {
			return "Policies hide " + countEN(n, "ticket", "tickets") + " on this page."
		},
		Heading: "Tickets", Name: "Name", Key: "execute_uuid", NameFilter: "Name contains",
		Creator: "Creator", Regions: "Regions",
		Total: func(total int64, shown int) string {
			return fmt.Sprintf("%d of %d %s", shown, total, pluralEN(total, "ticket", "tickets"))
		},
		Empty: "No tickets yet", EmptyFiltered: "No tickets match",
		EmptyAdvice:         "This page lists the script tickets of your account. Run a script in COC, or sign in to another account.",
		EmptyFilteredAdvice: "Choose a longer time range, or clear the filters.",
		Caption:             "Script tickets, newest first", ShowsFirst: "Newest first",
		CreatedFrom: func(zone string) string { return "Created from (" + zone + ")" },
		CreatedTo:   func(zone string) string { return "Created to (" + zone + ")" },
	},
	List: ListTexts{
		Title:     func(count int64, heading string) string { return fmt.Sprintf("(%d) %s", count, heading) },
		Decisions: "Tickets that need attention",
		DecisionsOf: func(count int64, atLeast bool) string {
			switch {
			case count == 0 && atLeast:
				return "No tickets need attention so far. Not all were read."
			case count == 0:
				return "No tickets need attention"
			case atLeast:
				return fmt.Sprintf("Need attention: at least %d", count)
			}
			return fmt.Sprintf("Need attention: %d", count)
		},
		AllOf: func(state string) string { return "All: " + state },
		Scope: "Lists", Tabs: Words{"attention": "Needs attention", "running": "Running", "mine": "Mine", "team": "Team", "all": "All"},
		Keys:  Words{"state": "state", "name": "name", "creator": "creator", "host": "host", "after": "after", "before": "before"},
		Query: "Filter tickets", QueryHint: "name:, creator:, host:, state:, after:…",
		QueryHelp: "state:paused creator:operator name:nginx host:web-07 after:24h before:2026-03-02. Words alone are part of the name.",
		Without:   func(filter string) string { return "Remove the filter " + filter },
		UnknownTerm: func(term string) string {
			return "Not understood: " + term + ". Use state:, name:, creator:, host:, after: or before:, such as state:paused after:24h."
		},
		Range: "Time range", Ranges: Words{"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", "all": "All", "custom": "Custom…"},
		EmptyScope: Words{"mine": "You have no tickets here", "team": "Your team has no tickets here",
			"alone": "You aren't in a team. Teams come from the console's directory file"},
		OfLooked: func(shown, looked int, total int64, all bool) string {
			text := countEN(shown, "ticket", "tickets") + fmt.Sprintf(" · looked through %d of %d", looked, total)
			if !all {
				text += " so far"
			}
			return text
		},
		OfRead: func(shown, read int, total int64) string {
			return fmt.Sprintf("%d of the newest %d tickets. COC lists %d and can't filter by this", shown, read, total)
		},
		Found: func(n int, cut bool) string {
			if cut {
				return fmt.Sprintf("More than %d tickets found; these are the newest", n)
			}
			return countEN(n, "ticket", "tickets") + " found"
		},
		Looked: func(n int, back time.Duration) string {
			return "Looked through " + countEN(n, "ticket", "tickets") + " of the last " + backEN(back)
		},
		LookedSoFar: func(n, of int) string { return fmt.Sprintf("Looked through %d of %d tickets so far", n, of) },
		LookStopped: "Not all could be read. Search again later.",
		FoundNone:   "No ticket found",
		FoundAdvice: "The search takes a part of a ticket's or host's name, an IP address, an instance's or server's id, an SCT id, or a link.",
		MoreHosts:   func(n int) string { return countEN(n, "more host", "more hosts") },
		NotRead:     "Not read", EndedUnread: "– not read: the ticket had ended before, open it to see its instances",
		NoFigures: "no progress: your permissions let you list tickets, not open them",
		Failed:    func(n int32) string { return fmt.Sprintf("%d failed", n) },
		Unread: func(n int, since string) string {
			return countEN(n, "ticket", "tickets") + " changed since your last visit, " + since
		},
		MarkSeen: "Mark all as seen", WhatIsVisit: "What counts as a visit",
		Visit: "A visit lasts while you look at this list or keep it in a visible tab. It ends 30 minutes after that. " +
			"A mark means: new, another state or more failures than at the end of your last visit. " +
			"It stays until you open the ticket, mark all as seen, or your visit ends.",
		New: "New", Was: func(state string) string { return "Was: " + state },
		MoreFailed: func(n int32) string { return fmt.Sprintf("%d more failed", n) },
		Saved:      "Saved views", Save: "Save this view", SaveName: "View name",
		ShareWith: "For", OnlyMe: "Only me", TeamOf: func(team string) string { return "Team " + team },
		SelectAll: "Select all shown", ApprovalWaits: "approval waiting", Pending: "operation pending",
		Delete: func(name string) string { return "Delete view " + name },
	},
	Ticket: TicketTexts{
		Place: "Place in the list", ToList: "Back to the list",
		PlaceOf: func(at, total int64) string {
			switch {
			case at > 0 && total > 0:
				return fmt.Sprintf("%d of %d", at, total)
			case at > 0:
				return fmt.Sprintf("No. %d", at)
			case total > 0:
				return countEN(int(total), "other", "others")
			}
			return "List"
		},
		PreviousTicket: func(name string) string { return "Previous ticket: " + name },
		NextTicket:     func(name string) string { return "Next ticket: " + name },
		Facts:          "Facts", Key: "execute_uuid", Creator: "Creator",
		Script: "Script", ExecuteUser: "Runs as",
		SuccessRate: "Success threshold",
		Counts:      "Instances by state",
		CountsText: func(total int32) string {
			return fmt.Sprintf("%d %s", total, pluralEN(int64(total), "instance", "instances"))
		},
		Operations: "Operations",
		Effect:     operationsEN.effect,
		Batches:    "Batches", BatchesEmpty: "COC returned no batches for this ticket.",
		Instances: "Instances",
		LastLine:  "Last line", Log: "Log",
		LogOf:    func(host string) string { return "Log of " + host },
		CancelOf: func(host string) string { return "Cancel instance " + host },
		Cancel:   "Cancel", CopyKey: "Copy SCT id", Copied: "Copied",
		Params: "Parameters", ParamsEmpty: "The script has no parameters.",
		ParamName: "Name", ParamValue: "Value", ParamReference: "from the parameter store",
	},
	Live: LiveTexts{
		Title: func(state string, failed int32, name string) string {
			if failed == 0 {
				return state + " · " + name
			}
			return fmt.Sprintf("%s · %d failed · %s", state, failed, name)
		},
		Trouble: func(since string) string {
			return fmt.Sprintf("No data from COC since %s. This page shows earlier data; the console keeps trying.", since)
		},
		Partial:       "COC didn't give all of this ticket. What is missing here isn't known; the console keeps trying.",
		BatchesUnread: "The batches couldn't be read.",
		Progress:      "Progress",
		ProgressOf:    func(done, total int32) string { return fmt.Sprintf("%d of %d done", done, total) },
		Success:       "Success rate",
		Elapsed:       "Elapsed",
		UntilPause:    func(batch int32) string { return fmt.Sprintf("until the pause after batch %d", batch) },
		Overdue:       "An instance is taking longer than the finished ones.",
		Samples: func(runs int) string {
			return fmt.Sprintf("from %d finished %s of this ticket", runs, pluralEN(int64(runs), "run", "runs"))
		},
		Since: func(time string) string { return "since " + time },
		Ahead: func(by string) string { return by + " ahead" },
		AheadText: func(by string) string {
			return "COC's clock is " + by + " ahead of this console's: how long this has run isn't known."
		},
		PausesAfter: "then pauses",
		Search:      "Host, IP address or id", Sort: "Sort by",
		Sorts:       Words{"batch": "Batch", "host": "Host name", "ip": "IP address", "zone": "Zone", "start": "Start, newest first", "duration": "Duration, longest first"},
		FailedFirst: "Failed first", CopyHosts: "Copy hosts", Copied: "Host names copied", DownloadCSV: "Download CSV",
		Shown: func(shown, total int) string {
			return fmt.Sprintf("%d of %d %s", shown, total, pluralEN(int64(total), "instance", "instances"))
		},
		Incomplete: "Some instances couldn't be read.",
		Empty:      "COC returned no instances for this ticket.", EmptyFiltered: "No instances match.",
		OrderChanged: "{n} moved", SortAgain: "Sort again",
		Activity: "Activity", ActivityEmpty: "No activity since this console started watching.",
		Columns:     Words{"instance_id": "Instance ID", "server_id": "Server ID", "seconds": "Seconds", "public_ip": "Public IP address"},
		Buffered:    "A proxy between this browser and the console holds back what is live. This page asks every 10 seconds instead.",
		Lost:        "No connection to the console since {time}. This page may be out of date; it keeps trying.",
		Ended:       "Your session has ended. This page shows data from {time}.",
		Denied:      "COC no longer lets you see this. This page shows data from {time}.",
		Back:        "Up to date again.",
		SignInAgain: "Sign in", Ago: "{age} ago",
	},
	Course: CourseTexts{
		Lead: Words{
			"READY":                "Waiting to start.",
			"PROCESSING":           "Running.",
			"MISSED":               "Running, but {threshold}% can't be met.",
			"PAUSED_HERE":          "Paused by {actor} at {time}",
			"PAUSED_LIKELY_HERE":   "Paused, probably by {actor} at {time}",
			"CANCELED_LIKELY_HERE": "Cancelled, probably by {actor} at {time}",
			"PAUSED_STRATEGY":      "Paused after batch {batch}, as its strategy says, at {time}.",
			"PAUSED_OUTSIDE":       "Paused outside this console, between {after} and {time}.",
			"PAUSED":               "Paused outside this console, before it began to watch.",
			"STOPPED":              "Stopped at {time} in batch {batch}:",
			"STOPPED_SOMEHOW":      "Stopped: too many instances failed.",
			"CANCELED_HERE":        "Cancelled by {actor} at {time}",
			"CANCELED_OUTSIDE":     "Cancelled outside this console, between {after} and {time}.",
			"CANCELED":             "Cancelled outside this console, before it began to watch.",
			"FINISHED":             "Finished at {time} after {took}.",
			"ENDED":                "Ended with failures at {time} after {took}.",
			"ROLLBACKED":           "Rolled back.",
			"UNKNOWN":              "This console doesn't know this state.",
			"DOUBT":                "Result unknown:",
			"UNCONFIRMED":          "Not confirmed:",
		},
		Rest: Words{
			"READY":                "Created at {time} by {actor}. No action needed.",
			"PROCESSING":           "No action needed.",
			"PAUSED_LIKELY_HERE":   "COC didn't say that it accepted this.",
			"CANCELED_LIKELY_HERE": "COC didn't say that it accepted this.",
			"STOPPED":              "{failed} of {total} failed, {threshold}% required.",
			"ROLLBACKED":           "No action needed.",
			"UNKNOWN":              "Check the ticket in COC.",
			"DOUBT":                "COC didn't answer “{operation}”, sent by {actor} at {time}. Check the instances before you send it again.",
			"UNCONFIRMED":          "COC accepted “{operation}”, sent by {actor} at {time}, but the ticket doesn't show it. Check the instances before you send it again.",
		},
		Approved: ", approved by {approver}", Reason: ": “{reason}”.", SeeReceipt: "Receipt",
		BatchSince: "Batch {batch} started at {time}.", Ends: "At this pace the ticket finishes at about {ends}.",
		StillRun: func(n int) string {
			if n == 0 {
				return "Nothing is running."
			}
			return countEN(n, "instance still runs.", "instances still run.")
		},
		Stopped: func(n int) string { return countEN(n, "instance was cancelled.", "instances were cancelled.") },
		Succeeded: func(succeeded, all, failed int) string {
			if failed == 0 {
				return fmt.Sprintf("%d of %d succeeded.", succeeded, all)
			}
			return fmt.Sprintf("%d failed, %d of %d succeeded.", failed, succeeded, all)
		},
		Reach:   Words{"REACHED": "The success threshold is met.", "OPEN": "The success threshold can still be met.", "MISSED": "The success threshold can no longer be met."},
		Doing:   operationsEN.doing,
		BatchOf: func(batch, batches int32) string { return fmt.Sprintf("Batch %d of %d", batch, batches) },
		Asks:    "{actor} asks for approval: {operation}", AskStops: func(n int) string { return " · " + countEN(n, "instance", "instances") }, AskExpires: " · expires at {expires} — ",
		Review: "Review",
		Sent: Words{
			"operation.requested": "{actor} sent at {time}: {operation}. Waiting for COC's answer. ",
			"operation.accepted":  "{actor} sent at {time}: {operation}. COC accepted it; waiting for the ticket to show it. ",
			"operation.unknown":   "{actor} sent at {time}: {operation}. COC's answer is unknown; checking whether the ticket shows it. ",
		},
		More: "More operations", CopyLink: "Copy link", UnderWay: "Another operation on this ticket is still pending.",
		AskFor: func(operation string) string { return "Ask for approval: " + operation },
		Success: func(done int, threshold, verdict string, mayFail int) string {
			text := fmt.Sprintf("of %d done; %s%% needed; ", done, threshold)
			switch verdict {
			case "REACHED":
				return text + "met"
			case "MISSED":
				return text + "can't be met"
			}
			if mayFail == 0 {
				return text + "can still be met: no more may fail"
			}
			return text + fmt.Sprintf("can still be met: at most %d more may fail", mayFail)
		},
		Left: "Left", Counted: func(n int32, state string) string { return fmt.Sprintf("%d %s", n, strings.ToLower(state)) }, Comma: ", ",
		Timeout:  func(d string) string { return "timeout " + d },
		PerBatch: func(percent string) string { return percent + "% per batch" },
		Zones:    func(n int) string { return countEN(n, "zone", "zones") },
		AsTable:  "Show as table", AsTimeline: "Show as timeline",
		PausedFor: func(d string) string { return "paused " + d }, StoppedFor: func(d string) string { return "stopped " + d }, Now: "now",
		LaneWaits: "Waiting", LaneRuns: func(from string) string { return "Since " + from }, LaneRan: func(from, to string) string { return "From " + from + " to " + to },
		BatchesWait: func(n int) string { return countEN(n, "batch waiting", "batches waiting") },
		Batches: func(first, last int32) string {
			if first == last {
				return fmt.Sprintf("Batch %d", first)
			}
			return fmt.Sprintf("Batches %d–%d", first, last)
		},
		Failures: "Failures by last log line", ByOutput: "All by identical output",
		NoFailures: "No failures.", NoOutput: "No output",
		Hosts: func(n int) string { return countEN(n, "host", "hosts") }, MoreHosts: func(n int) string { return countEN(n, "more", "more") },
		MoreGroups: func(n int) string {
			return countEN(n, "more group", "more groups") + ". Filter the instances to see them."
		},
		ExitStatus:  func(status string) string { return "exit status " + status },
		AllActivity: "All records",
		Did:         Words{"operation": "{actor}: {operation}", "approval": "{actor} asks for approval: {operation}"},
		Outcome: Words{
			"operation.requested": "sent", "operation.accepted": "accepted", "operation.rejected": "rejected", "operation.unknown": "result unknown",
			"operation.observed": "confirmed", "operation.not_observed": "not confirmed", "operation.likely": "change seen",
			"approval.requested": "waiting", "approval.given": "approved, more needed", "approval.granted": "approved", "approval.refused": "declined", "approval.withdrawn": "withdrawn",
			"approval.expired": "expired", "approval.returned": "approved, not sent",
		},
		Became: Words{
			"":         "Ticket: {state}",
			"STRATEGY": "Paused after batch {batch}, as its strategy says", "THRESHOLD": "Stopped: too many failures in batch {batch}",
			"OUTSIDE": "Ticket: {state}, outside this console",
		},
		Between: "between {after} and {time}", Started: "{actor} started the ticket",
		Folded: func(kind string, n int, first, last int32) string {
			text := fmt.Sprintf("%d %s", n, map[string]string{"FAILED": "more failed", "RUNNING": "more running", "WAITING": "waiting", "DONE": "done"}[kind])
			switch {
			case kind != "WAITING" || first == 0:
				return text
			case first == last:
				return text + fmt.Sprintf(" in batch %d", first)
			}
			return text + fmt.Sprintf(" in batches %d–%d", first, last)
		},
		Selected: "Selected", SelectedOf: "{n} selected", Clear: "Clear",
	},
	Instance: InstanceTexts{
		Facts: "Facts", ID: "Instance ID", ResourceID: "Resource ID", FixedIP: "Private IP", FloatingIP: "Public IP",
		Provider: "Provider", Type: "Type", Project: "Project ID", Application: "Application", Group: "Group",
		CommandID: "Command ID", AgentSN: "Agent", AgentVersion: "Agent version", AgentStatus: "Agent state",
		Attributes: "Labels", Log: "Log", LogEmpty: "No output yet.",
		LogSize:  func(bytes int) string { return fmt.Sprintf("%d bytes", bytes) },
		Download: "Download log",
	},
	Operation: OperationTexts{
		Unanswered:     "No answer came. The operation may have been sent. You can confirm again safely: this form works once.",
		SeeTicket:      "View ticket",
		Heading:        func(operation, target string) string { return actEN(operation, target) + "?" },
		HeadingUnknown: "Unknown operation",
		Confirm:        actEN,
		Impact:         "Impact", ImpactOf: impactEN,
		Tally: "Instances now", ScopeBatch: func(batch int32) string { return fmt.Sprintf("Batch %d", batch) },
		ScopeInstance: "Instance",
		Targets: func(count int) string {
			return fmt.Sprintf("%d %s in this batch", count, pluralEN(int64(count), "instance", "instances"))
		},
		Effect: "Effect",
		Reason: "Reason", ReasonHint: func(limit int) string { return fmt.Sprintf("Goes into the audit log. At most %d characters.", limit) },
		EffectWaiting: "This instance never starts. The others keep running.",
		StartsNext:    "Starts next",
		Next:          func(batch int32) string { return fmt.Sprintf("Batch %d, on:", batch) },
		NextNone:      "Nothing: no batch is left, so the ticket ends.",
		NextUnread:    "COC didn't return the hosts.",
		NextOf:        operationsEN.next,
		Undo:          "Undo",
		UndoOf:        operationsEN.undo,
		Asked: func(operation, user string) string {
			if operation == "" {
				return user + " asked for the same"
			}
			return user + " asked for approval: " + operation
		},
		AskedMe: func(operation, _ string) string {
			if operation == "" {
				return "You asked for the same"
			}
			return "You asked for approval: " + operation
		},
		Review: "Review the request", ReviewText: "Approving it instead puts both of you on record.",
		Beside:         func(user, operation string) string { return operation + " by " + user + " isn't confirmed yet" },
		Pending:        "Another operation on this target is still waiting for confirmation",
		PendingBy:      func(user string) string { return "by " + user + "," },
		PendingTick:    "Send another one anyway",
		PendingNeeded:  "Select this if you know about the pending operation and want to send another one.",
		RefusedChanged: "The ticket has changed since you opened this page:",
		Refused:        "This operation isn't possible now",
		RefusedAdvice:  "Nothing was sent. Go back to the ticket to see its current state.",
		Changed:        "The ticket changed while you were reading",
		ChangedText:    "Nothing was sent. Check the changes and confirm again.",
		ChangedMinor:   "The ticket has progressed since you opened this page. You can still confirm.",
		Aspect:         "Field", Material: "important", Immaterial: "progress",
		Correct: "Correct the address", CorrectButton: "Check again",
		BatchIndex: "Batch", InstanceID: "Instance ID",
		BackToTicket: "Back to ticket",
		Keep:         operationsEN.keep,
		ReadAgain:    "The ticket is read again before anything is sent.",
		LastActivity: "Last activity",
		Success:      func(percent, needed string) string { return percent + "%, " + needed + "% needed" },
	},
	Receipt: ReceiptTexts{
		Heading: actEN,
		Verdict: Words{
			"open":                   "Waiting for confirmation",
			"operation.requested":    "Sent. Waiting for COC to answer.",
			"operation.accepted":     "Accepted by COC. Waiting for the ticket to change.",
			"operation.rejected":     "Rejected by COC. Nothing changed.",
			"shows":                  "The ticket shows the change. The console is confirming it.",
			"ended":                  "The ticket has ended. The console is checking the result.",
			"operation.unknown":      "Result unknown",
			"operation.observed":     "Confirmed",
			"operation.not_observed": "Not confirmed",
			"unattributed":           "The ticket shows the change, but COC didn't say that this operation caused it.",
			"after_refusal":          "COC refused the operation, but the ticket shows the change.",
		},
		Confirmed: func(operation, later string, stopped int) string {
			text := operationsEN.done.Of(operation) + ". Confirmed " + later + " later"
			if stopped > 1 {
				text += ": " + strconv.Itoa(stopped) + " instances stopped"
			}
			return text + "."
		},
		Advice: Words{
			"operation.requested":    "No action needed. This page updates by itself.",
			"operation.accepted":     "No action needed. This page updates by itself.",
			"operation.rejected":     "Read COC's response below. If the operation is still needed, try again.",
			"operation.unknown":      "Look at the ticket before you send it again.",
			"operation.not_observed": "COC accepted it, but the ticket didn't show it in time. Look at the ticket. If it's still needed, try again.",
			"unattributed":           "No action needed, unless somebody else did this: look at the ticket.",
			"after_refusal":          "Look at the ticket: somebody else may have done this.",
		},
		Changes: "What changed", RecordOf: func(sequence int64) string { return fmt.Sprintf("Record %d", sequence) }, Proof: "Proof",
		NextTicket: "Next ticket that needs attention", NextOfList: "Next ticket in the list",
		Unwatched: "Not watched: the session that sent this has ended, so the console can't check the ticket. " +
			"It continues when somebody opens the ticket or this receipt.",
		Steps: "What happened", StepPending: "waiting", StepUnattributed: "Change seen", StepShowing: Words{"shows": "shown by the ticket", "ended": "checking"}, StepSkipped: "skipped",
		StepAwaited: Words{
			"operation.requested": "Requested", "operation.accepted": "Accepted by COC", "operation.observed": "Confirmed",
		},
		Answered: func(duration string) string { return "after " + duration },
		LastSeen: "Last state seen", Deadline: "The console checks until",
		Upstream: "Response from COC", Facts: "Facts", ID: "Operation ID",
		Others:     "Other instances were cancelled",
		OthersText: "Nobody chose these instances here. COC may have taken the ID for another one. Check them first:",
		Now:        "The ticket now", NowUnread: "COC doesn't answer at the moment.",
		NowBatch: func(batch int32, of int) string { return fmt.Sprintf("Batch %d of %d", batch, of) },
		Retry:    "Try again",
		ToTicket: "Back to ticket", NoReason: "none",
	},
	Audit: AuditTexts{
		Heading: "Audit log", Query: "Search", Help: "How to search",
		Examples: Words{
			"disk full": "both words, in a name, ticket, target, reason or error", `"disk is full"`: "these words in this order", "web-00*": "words that begin with web-00",
			"actor:ann": "a user's name or ID", "outcome:failed": "also confirmed, not_confirmed, rejected, unknown, denied, declined, waiting, sent, accepted, succeeded",
			"action:operation.": "a group of actions, or one such as ticket.viewed", "operation:cancel": "tickets and instances; CANCEL_ORDER and the like are one kind",
			"approver:ann": "who approved or declined", "override:yes": "sent by an emergency override", "reviewed:no": "overrides that nobody has reviewed",
			"host:web-001": "a server's name or address", "instance:4711": "an instance's ID",
			"after:24h": "of the last 24 hours; also 90m, 7d, yesterday, today", "last night": "20:00 to 08:00 in your time zone, unless set otherwise",
			"ticket:SCT…": "a ticket's execute_uuid", "id:…": "one operation", "project:cn-north-4": "a project's name or ID", "ip:192.0.2.7": "where the person came from",
			"after:2026-03-01": "from the start of this day in your time zone", "before:2026-03-02T08:00Z": "before this moment",
			"-outcome:succeeded": "without these; put a minus before anything except times",
		},
		Suggestions: "Suggestions", Saved: "Saved searches", Save: "Save this search", SaveName: "Search name", Delete: func(name string) string { return "Delete search " + name },
		Active: "Filters", Remove: "Remove",
		Uncounted: "Counting takes too long here. The list is complete.",
		Total: func(count int64, more bool) string {
			if more {
				return "More than " + thousands(count) + " records"
			}
			return thousands(count) + " " + pluralEN(count, "record", "records")
		},
		Records: "Records", NewRecords: "{n} new records", Follow: "Follow",
		Format: "Format", Formats: Words{"csv": "CSV", "jsonl": "JSON Lines", "bundle": "Evidence bundle"},
		Exported: "{n} of {all} records, {size}", ExportDone: "Saved: {size}", ExportFailed: "The export failed. Nothing was saved.", Cancel: "Cancel",
		Result: "Result:",
		Repeats: func(n int64) string {
			if n == 1 {
				return "Once more"
			}
			return fmt.Sprintf("%d more times", n)
		},
		Summary: "Distribution", Counted: func(n int) string {
			return "Counted over the newest " + thousands(int64(n)) + " matches."
		},
		Activity: "Activity over time", ActivityCount: "Count",
		ActivityText: func(from, to string, most int) string {
			return fmt.Sprintf("From %s to %s, at most %d a bar. Select a bar to see what it counts.", from, to, most)
		},
		ActivityTable: "Show as table",
		Bar: func(from, to string, count int, more bool) string {
			plus := ""
			if more {
				plus = "+"
			}
			return fmt.Sprintf("%s – %s: %s%s", from, to, thousands(int64(count)), plus)
		},
		Facet:        Words{"actor": "Who", "operation": "Operation", "ticket": "Ticket", "action": "What", "outcome": "Outcome", "project": "Project"},
		MoreValues:   func(count int) string { return fmt.Sprintf("%d more", count) },
		Integrity:    "Log integrity",
		Verdict:      Words{"succeeded": "Verified", "failed": "The log was changed", "pending": "Not verified yet", "unknown": "The latest verification couldn't finish"},
		Verification: "Verification", VerifiedUpTo: func(n int64) string { return "up to record " + thousands(n) + "," },
		Verifying: func(done, of int64) string {
			return fmt.Sprintf("running: record %s of %s", thousands(done), thousands(of))
		},
		WholeVerified: "Whole log verified", NextRun: "Next verification", Checkpoint: "Latest signed checkpoint",
		Anchor: "Anchor", AnchorFailed: "didn't accept the latest checkpoint", AnchorPending: "pending since", PublicKey: "Public key of the checkpoints",
		Findings:     "Verification found changes in the log:",
		MoreFindings: func(n int) string { return fmt.Sprintf("and %d more", n) },
		Person:       "Person", Ticket: "execute_uuid", Action: "Action",
		AllRecords: "Everybody's records, newest first.",
		OwnRecords: "Your own records and those of tickets you opened, newest first. Managers see everybody's.",
		Caption:    "Records, newest first", Sequence: "No.", Upstream: "Response", Export: "Export",
		Empty: "No records yet", EmptyAdvice: "The console records every action here.",
		EmptyFiltered: "No records match",
	},
	Integrity: IntegrityTexts{
		VerifiedTo: func(n int64) string { return "Verified to " + thousands(n) },
		By: func(machine string) string {
			if machine == "" {
				return "By this console. Other consoles of the same log verify it, too."
			}
			return "By this console, on " + machine + ". Other consoles of the same log verify it, too."
		},
		VerifyNow: "Verify now", Started: "The verification of the whole log starts now. Refresh this page to see how far it is.",
		Origin: "Log's name", Anchors: "Anchors", AnchorsText: "An anchor keeps checkpoints where people who can change the log can't change them.",
		NoAnchors: "No anchor is set up.",
		Keys:      "Keys", KeysCaption: "Keys that signed checkpoints", Key: "Public key", UnknownKey: "A key that isn't trusted", InUse: "in use",
		FirstSigned: "First signed", LastSigned: "Last signed", Kept: "Checkpoints kept",
		Clocks: "Clocks", NoNotes: "Every checkpoint is later than the one before.", Agrees: "agrees",
		Size: "Size and growth", Stored: "Databases", Free: "Free on the disk", PerDay: "Growth per day", TooYoung: "Known after a day of records.",
		Growth: func(records int64, size string) string {
			return thousands(records) + " " + pluralEN(records, "record", "records") + ", " + size
		},
		Full:      "Disk full on",
		Retention: "Retention", KeepsAll: "Contents of records are never removed by themselves.", Holds: "Legal holds",
		Keeps: func(days int) string {
			return fmt.Sprintf("Contents are removed after %d %s.", days, pluralEN(int64(days), "day", "days"))
		},
		Removed: func(n int64) string {
			return "The contents of records 1 to " + thousands(n) + " were removed. Their hashes and proofs are kept."
		},
		Outside: "Check it from outside", OutsideText: "These commands need no running console. Keep the public key and a checkpoint on another machine.",
		Commands: Words{"checkpoint": "Keep the latest checkpoint:", "verify": "Verify the whole log against it:", "bundle": "Verify an exported evidence bundle, offline:"},
	},
	Record: RecordTexts{
		Heading: func(sequence int64) string { return fmt.Sprintf("Record %d", sequence) },
		User:    "User", Account: "Account", Project: "Project",
		ClientAddress: "Client address", UserAgent: "Browser", Session: "Session",
		OperationID: "Operation ID", Operation: "Operation", InstanceID: "Instance ID",
		UpstreamStatus: "HTTP status", UpstreamCode: "Error code", UpstreamMessage: "Message",
		Detail: "Detail", Receipt: "Receipt", Previous: "Previous record", Next: "Next record", Neighbours: "Previous and next record",
		Timeline: "View timeline",
		Sorted:   "Sorted as", SortedWhy: "The console's clock was ahead and was set back. Records keep their order, so searches by time use this time.",
		Pruned:    "The content of this record was removed after its retention time. Its hash is still part of the log.",
		Altered:   "This record was changed: the hash of its bytes isn't the one in the log's tree.",
		Uncovered: "No signed checkpoint covers this record yet.",
		Bytes:     func(size int) string { return fmt.Sprintf("Exact bytes (%d)", size) },
		Proof: func(hashes int) string {
			return fmt.Sprintf("Inclusion proof (%d %s)", hashes, pluralEN(int64(hashes), "hash", "hashes"))
		},
		Checkpoint:    "Signed checkpoint",
		DownloadBytes: "Exact bytes", DownloadProof: "Proof (tlog-proof)", DownloadBundle: "Evidence bundle",
		Check: "Verify the bundle without this console:",
	},
	Timeline: TimelineTexts{
		Heading: "Timeline", Whole: "Timeline of the ticket", List: "Show records",
		Took:  func(d string) string { return "took " + d },
		Later: func(d string) string { return d + " later" },
		Views: func(count, people int) string {
			return fmt.Sprintf("%d %s by %d %s", count, pluralEN(int64(count), "view", "views"), people, pluralEN(int64(people), "person", "people"))
		},
	},
	Policy: PolicyTexts{
		Denied: "Denied by policy", NothingAllows: "You don't have permission to do this.",
		InTrial: "In trial: recorded, not enforced",
		Trial: func(verdict, policies string) string {
			return map[string]string{"allowed": "Would have been allowed", "confirm": "A reason or the number would have been asked for",
				"approval": "Would have needed approval", "denied": "Would have been denied"}[verdict] + ", if this policy were enforced: " + policies
		},
		DecidedBy: "Policy", Contacts: "Ask:", Failed: "A policy couldn't be evaluated, so what it covers is denied:",
		Demanded: "Required first", Reason: "Enter a reason.",
		Count:     func(stops int) string { return "Type the number of instances to stop (" + strconv.Itoa(stops) + ")" },
		CountHint: "Confirms the impact.",
		Miscounted: func(stops int) string {
			return "Nothing was sent. " + countEN(stops, "instance stops", "instances stop") + " now: type this number."
		},
		Override:        "Emergency override: send without approval",
		OverrideHint:    "Only when waiting does harm and no approver can be reached. Enter a reason. The operation is marked, and a manager reviews it.",
		OverrideHeading: "Emergency override",
		OverrideText: Words{"approval": "Sends now, without an approver. Use it when waiting does harm and nobody can be reached. It needs a reason, it is marked, and a manager reviews it.",
			"denied": "Sends now, although the policy forbids it. Use it only when waiting does harm. It needs a reason, it is marked, and a manager reviews it."},
		OverrideSend: func(operation string) string {
			return "Override and " + strings.ToLower(operationsEN.name.Of(operation))
		},
		AskForApproval: "Ask for approval", AskInstead: "Ask for approval instead",
		NeedsApproval: "This needs approval. It is sent as soon as somebody approves it.", Approvers: "Managers who can approve:",
		Broken: "The changed policy files have errors and aren't used. The previous policies stay in force. Tell your console administrator.",
		Stops: func(stops, running int) string {
			switch running {
			case 0:
				return "Cancels " + countEN(stops, "waiting instance", "waiting instances") + ", none of them running."
			case stops:
				return "Stops " + countEN(stops, "running instance", "running instances") + "."
			}
			return "Stops " + countEN(stops, "instance", "instances") + ", " + strconv.Itoa(running) + " of them running."
		},
		StopsNothing:      "Stops no instances.",
		OverridesToReview: func(n int) string { return countEN(n, "emergency override", "emergency overrides") + " to review." },
		Keeps: func(running int) string {
			if running == 0 {
				return "Nothing else is running."
			}
			return countEN(running, "other keeps", "others keep") + " running."
		},
		By:          func(by string) string { return "By " + strings.ToLower(by) },
		StopsColumn: "Stops", RunningColumn: "Running",
	},
	Approval: ApprovalTexts{
		Heading: "Approvals", Mine: "Mine", Others: "Waiting for me", ForOthers: "Waiting for somebody else", Decided: "Decided", Views: "Requests",
		EmptyOf: Words{"waiting": "No requests wait for you.", "mine": "You have no open requests.", "decided": "No requests were decided yet."},
		How:     "How it works", HowText: "Approving sends the operation at once, in the requester's name. If the ticket has changed since, you see what changed before you decide. " +
			"Unanswered requests expire after one hour; nothing is sent.",
		AskedAt: "asked", DecidedAt: "decided", Open: "Review", Later: "Decide later",
		ChangedSince: "The ticket has changed since this was asked.", Unchanged: "Nothing has changed since this was asked.", CheckedAgain: "It's checked once more when you approve.",
		Name:    func(operation, target string) string { return operationsEN.name.Of(operation) + ": " + target },
		Expires: "expires",
		Comment: "Comment", CommentHint: "The requester sees it. It goes into the audit log.",
		Approve: func(operation string) string {
			return "Approve and " + strings.ToLower(operationsEN.name.Of(operation))
		}, Decline: "Decline", Withdraw: "Withdraw request", Send: "Send now",
		ApproveText: "Approving sends it at once, in the requester's name, if the ticket is still as they saw it.",
		OwnText:     "You can't approve your own request, but you can withdraw it.",
		SendText:    "Approved, but your session had ended. Send it in your current session.",
		WhenDecided: "When decided", WhenAsked: "When requested",
		ThenAndNow: "Then and now", SeenThen: "Then", Now: "Now",
		State: Words{"waiting": "Waiting", "granted": "Approved, not sent yet", "sent": "Approved and sent", "returned": "Approved, not sent",
			"refused": "Declined", "withdrawn": "Withdrawn", "expired": "Expired", "not_authentic": "Can't be verified"},
		Note: Words{"session_ended": "The requester's session has ended. They have to send it themselves.",
			"moved": "Nothing was sent: the ticket has changed since. Ask again.", "not_fitting": "Nothing was sent: the ticket's state no longer allows this operation.",
			"not_allowed": "Nothing was sent: a policy denies it now.", "not_sent": "Nothing was sent: an error came first.",
			"pending":        "Nothing was sent: another operation on this target is pending. Confirm again when it is done.",
			"sent_directly":  "The operation was sent without this approval. See the receipt.",
			"not_authentic":  "Nothing was sent: this console didn't write this request, or it was changed in the database. Tell your console administrator.",
			"ask_again":      "Nothing was sent: the request is older than the latest update of the console. Ask for approval again.",
			"not_verifiable": "Can't be verified: the console didn't write this entry, or it is older than the latest update. The audit log has what happened."},
		Receipt: "View receipt", Again: "Confirm again",
		Gone: "Nothing was done: somebody else has already decided, or the request has expired.", Sent: "Nothing was done: the operation has already been sent.",
		NotAuthentic: "Nothing was done: this request can't be verified.", NotYours: "You don't have permission to do this.", Problem: "Reason",
		Waits:    func(n int) string { return countEN(n, "request", "requests") + " to decide" },
		Approved: "Approved by", Link: "View request", Bulk: "Bulk operation",
	},
	Bulk: BulkTexts{
		Heading: "Bulk operations", Empty: "No bulk operations yet.", New: "New bulk operation",
		Name:     actManyEN,
		Confirm:  actManyEN,
		Question: func(operation string, items int) string { return actManyEN(operation, items) + "?" },
		Drop:     "Remove targets with problems", Item: "Target", Items: "Targets", Outcome: "Outcome", Problem: "Problem",
		Number: "No.", Change: "Before → after", Sent: "Sent", ASecond: "a second",
		Figure:         Words{"failed": "Failed or not confirmed", "open": "In progress", "waiting": "Waiting", "confirmed": "Confirmed", "rate": "Rate", "left": "Left"},
		OfItems:        func(n int) string { return countEN(n, "target", "targets") },
		ConfirmedLater: func(duration string) string { return "confirmed " + duration + " later" },
		Started:        "Started", Ended: "Ended", Who: "By",
		Progress: func(done, total int) string { return strconv.Itoa(done) + " of " + strconv.Itoa(total) + " done" },
		Stop:     "Stop sending", Continue: "Continue sending", Retry: "Retry failed operations", Result: "Download results (CSV)", Back: "Back",
		StopText: "Stopping keeps what was sent. The rest isn't sent.", ContinueText: "The rest is sent in your current session.",
		State:     Words{"running": "Running", "stopped": "Stopped", "ended": "Ended", "not_authentic": "Can't be verified"},
		ItemState: Words{"waiting": "Waiting", "sending": "Sending", "sent": "Sent", "failed": "Not sent"},
		Note: Words{"session_ended": "Stopped: the session that started it has ended.", "not_sent": "Stopped: the audit log can't be written.",
			"moved": "The ticket has changed since you confirmed", "not_fitting": "The ticket's state doesn't allow it", "not_allowed": "Denied by policy",
			"pending":        "Another operation on this target is pending",
			"not_authentic":  "Stopped: this console didn't write this bulk operation, or it was changed in the database. Tell your console administrator.",
			"ask_again":      "Stopped: it is older than the latest update of the console. Start the rest again.",
			"not_verifiable": "Can't be verified: the console didn't write this entry, or it is older than the latest update. The audit log has what happened."},
		Targets:        func(limit int) string { return "Choose 1 to " + strconv.Itoa(limit) + " different targets." },
		CancelSelected: "Cancel selected instances", SelectedHint: "You confirm before anything is sent.",
		PauseSelected: "Pause tickets", ContinueSelected: "Continue tickets", CancelSelectedTickets: "Cancel tickets",
		Select: func(name string) string { return "Select " + name }, AllSent: "All sent", Completed: "Completed", WithFailures: "Ended with failures", StopsInstances: "Stops the script on these instances only. The others keep running.", Affected: "Affected instances", SelectAll: "Select all", Selected: "Selected", SelectedCount: "{n} selected", Clear: "Clear", Selection: "Selection", Ready: "Ready",
		Pending: func(user string) string { return "Pending, sent by " + user + "." }, SendAnyway: "Send another one anyway",
	},
	Presence: PresenceTexts{
		Here:     func(names []string) string { return "Also here: " + strings.Join(names, ", ") },
		Confirms: func(operation string) string { return "has a confirmation open: " + operation + "." },
		Same:     "Talk to each other before you both send.",
		Look:     "points to",
		Place: func(host string, line int) string {
			if line > 0 {
				return fmt.Sprintf("%s, line %d", host, line)
			}
			return host
		},
		Remove: "Remove", Mark: "Look here", Line: "Line",
		Hint:    "Shows this line to everyone on the ticket for 10 minutes; without a number, this host.",
		BadLine: "Enter the number of a line in this log, or leave the field empty.",
		TooMany: "Nothing was marked: one person can mark 5 places on a ticket, everyone together 20. Remove one first.",
	},
	Log: LogTexts{
		Search: "Search log", Next: "Next match", Previous: "Previous match", Found: "{at} of {of}", NotFound: "No match",
		FirstError: func(lines int) string {
			return fmt.Sprintf("First error (%d %s)", lines, pluralEN(int64(lines), "line", "lines"))
		},
		ErrorAt: "Error {at} of {of}", Hosts: "Hosts", PreviousHost: "Previous host", NextHost: "Next host",
		HostOf:  func(at, of int) string { return fmt.Sprintf("Host %d of %d", at, of) },
		Compare: "Compare logs", CompareTitle: "Compare logs of failed hosts", CompareLeft: "Left", CompareRight: "Right",
		CompareNone: "Fewer than two hosts failed. Nothing to compare.", CompareShow: "Compare",
		Wrap: "Wrap lines", Follow: "Follow", Copy: "Copy", Copied: "Copied",
		Guess: "Lines with words such as error, failed, fatal or exception are marked.",
	},
	Key: KeyTexts{
		Heading: "Keyboard shortcuts", Intro: "Keys only move around. Every operation asks you to confirm on its own page.",
		Key: "Key", Does: "What it does",
		Help: Words{"ctrl+k": "Go to a ticket, a page or an operation", "?": "Show shortcuts", "/": "Go to the search field", "g t": "Tickets",
			"g a": "Audit log", "g p": "Approvals", "g j": "Bulk operations", "e": "First error in the log", "j": "Next row", "k": "Previous row", "enter": "Open the row", "f": "Failed instances first",
			"l": "Log of the row", "n": "Next error in the log", "N": "Previous error in the log", "J": "Log of the next host", "K": "Log of the previous host",
			"↓": "The next row; beside a log, the next host", "↑": "The previous row; beside a log, the previous host", "escape": "Close what is open"},
		Single: "Single keys can get in the way of speech input. Ctrl+K and Escape always work.",
		On:     "Single keys are on.", Off: "Single keys are off.", SwitchOn: "Turn single keys on", SwitchOff: "Turn single keys off",
		Close: "Close", Palette: "Go to", PaletteHint: "Ticket name or execute_uuid, page, operation", PaletteNone: "Nothing found",
		Find: "Search for “{text}”", Page: "Page", Operation: "Operation", Ticket: "Ticket",
	},
	Design: DesignTexts{
		Heading: "Design", Text: "Every component in every state, as on the pages. Nothing here is sent.",
		Parts: Words{"basics": "Basics", "ticket": "Ticket", "operation": "Operation", "audit": "Audit", "approvals": "Approvals and bulk operations"},
		Section: Words{"tokens": "Colours", "type": "Type and times", "buttons": "Buttons", "fields": "Fields", "notices": "Notices",
			"states": "States", "empty": "Empty", "dialogs": "Dialogs", "log": "Log", "steps": "Steps of an operation",
			"confirm": "Confirmation", "list": "List", "integrity": "Integrity", "approval": "Approval", "job": "Bulk operation", "review": "Review"},
	},
	Review: ReviewTexts{
		Heading: "Review", Views: "What to show", ToReview: "To review", Reviewed: "Reviewed",
		Text:  "Select what you have looked at, and write what you found.",
		Empty: "Nothing to review.", NoneReviewed: "Nothing was reviewed in the last 90 days.",
		NotSent: "Never sent: the audit log couldn't record the request.", Own: "You did or approved it. Another manager reviews it.",
		Needed: "Write what you found.", Unchosen: "Nothing was signed off. Select at least one operation.",
		Sign: "Sign off", Button: "Mark as reviewed", Link: "Review operations", Mark: "Emergency override", By: "Reviewed by", Comment: "Review",
		CommentHint: func(limit int) string {
			return fmt.Sprintf("Goes into the audit log, once for each operation. Up to %d characters.", limit)
		},
		Risk: "Risk", Overdue: "Overdue",
		Kind: Words{"override": "Emergency override", "unconfirmed": "Not confirmed", "unknown": "Result unknown", "outside": "Done outside this console",
			"impact": "Large impact", "denied": "Denied", "night": "At night"},
		All: "Select all", Choose: func(name string) string { return "Select: " + name },
		Denied:   func(target string) string { return "Attempt to open " + target },
		Stopped:  func(n int) string { return countEN(n, "instance", "instances") + " stopped" },
		More:     func(n int) string { return "Showing the riskiest first. " + strconv.Itoa(n) + " more will follow." },
		Coverage: "Coverage", Within: "within two days", Uncovered: "No review was due in the last 90 days.",
		Counts: func(inTime, late, overdue, open int) string {
			return fmt.Sprintf("Last 90 days: %d of %d in time, %d late, %d overdue. %d still in time.", inTime, inTime+late+overdue, late, overdue, open)
		},
		People: "By person",
	},
	Permissions: PermissionsTexts{
		Heading: "What may I do?", Text: "What the policies in force allow, and which policy says so. COC's own permissions apply as well.",
		Link: "My permissions", HeadingOf: func(person string) string { return "What may " + person + " do?" },
		User: "Person", UserHint: "account/user", UserWrong: "Enter the account and the user name, such as acme/pia.",
		OwnOnly: "Only managers can look up other people's permissions. These are yours.",
		Ticket:  "Ticket", TicketHint: "Ticket ID or link. Empty: example tickets.", TicketWrong: "This is not a ticket ID. The answers are for example tickets.",
		Show: "Show", Person: "Person", Roles: "Roles", Teams: "Teams", None: "None",
		OnTickets: "Operations on tickets", OnTicket: func(name string) string { return "Operations on " + name },
		Examples: func(instances int) string {
			return "Answers for example tickets with " + countEN(instances, "running instance", "running instances") +
				" in no particular region. Enter a ticket to ask about that one."
		},
		OwnTicket: "Own ticket", TeamTicket: "A team member's ticket", OtherTicket: "Somebody else's ticket",
		Action: "Action", Answer: "Answer", Console: "In this console", Override: "The emergency override would send it at once.",
		InForce: "Policies in force", BuiltIn: "The built-in policies: no policy file is set.", Permits: "Permits", Forbids: "Forbids",
		Source: "Text of the policies",
		State:  Words{"allowed": "Allowed", "demands": "Allowed once this is done", "denied": "Not allowed"},
		Word: Words{"view": "See the ticket", "approve": "Approve somebody's request", "review": "Read the whole audit log and review overrides",
			"export": "Export the audit log", "sessions": "See and end other people's sessions", "sign-in": "Sign in"},
	},
	ErrorPage: ErrorPageTexts{
		Status: "Status", Value: "Value sent", Tickets: "Ticket list", Return: "Back", Help: "What to do",
		Encoded: "Encoded authorization message",
		EncodedHint: "It says which policy denied the call, and why. Send it to an administrator of your cloud account, who can decode it " +
			"with STS decode-authorization-message (POST /v5/decode-authorization-message).",
		EncodedCopy: "Copy message", EncodedCopied: "Message copied",
	},
	Word: WordTexts{
		TicketStatus: Words{"READY": "Ready", "PROCESSING": "Running", "ABNORMAL": "Needs attention", "PAUSED": "Paused",
			"CANCELED": "Cancelled", "FINISHED": "Finished", "ERROR": "Needs attention", "ROLLBACKED": "Rolled back", "ENDED": "Ended with failures"},
		InstanceStatus: Words{"READY": "Waiting", "PROCESSING": "Running", "ABNORMAL": "Failed",
			"CANCELED": "Cancelled", "FINISHED": "Succeeded", "ROLLBACKED": "Rolled back", "ERROR": "Failed"},
		BatchState: Words{"WAITING": "Waiting", "RUNNING": "Running", "HELD": "Stopped", "FAILED": "Failed",
			"CANCELED": "Cancelled", "PARTLY": "Partly cancelled", "FINISHED": "Succeeded", "UNKNOWN": "Unknown"},
		Rotation:  Words{"CONTINUE": "continue", "PAUSE": "pause"},
		Operation: operationsEN.name,
		Refusal: Words{
			"ticket_over":          "The ticket has ended.",
			"ticket_not_running":   "Only a running ticket can be paused.",
			"ticket_not_stopped":   "The ticket must be paused or need attention.",
			"ticket_not_started":   "The ticket hasn't started yet.",
			"ticket_state_unknown": "This console doesn't know the ticket's state.",
			"batch_not_current":    "Only the next batch can be skipped.",
			"instance_over":        "The instance has ended.",
		},
		Action: Words{
			"approval.": "Approvals", "approval.requested": "Asked for approval", "approval.given": "Approved, more needed", "approval.granted": "Approved", "approval.refused": "Declined",
			"approval.withdrawn": "Withdrew a request", "approval.expired": "Request expired",
			"approval.returned": "Approved, not sent",
			"review.":           "Reviews", "review.signed_off": "Reviewed an operation",
			"elevation.": "Temporary roles", "elevation.requested": "Asked for a temporary role", "elevation.granted": "Approved a temporary role", "elevation.refused": "Declined a temporary role",
			"elevation.withdrawn": "Withdrew a request for a temporary role", "elevation.ended": "Ended a temporary role",
			"handover.": "Handovers", "handover.noted": "Wrote a handover note", "handover.taken": "Took over",
			"notice.": "Notices", "notice.failed": "Gave up a notice",
			"glass.": "Emergency overrides", "glass.broken": "Emergency override", "glass.reviewed": "Reviewed an override",
			"job.": "Bulk operations", "job.started": "Started a bulk operation", "job.stopped": "Stopped a bulk operation", "job.continued": "Continued a bulk operation", "job.ended": "Bulk operation ended",
			"data.": "Stored data", "data.rejected": "Rejected stored data",
			"policy.": "Policies", "policy.changed": "Policy files changed",
			"session.": "Sessions: all", "view.": "Views: all", "ticket.": "Tickets: all", "log.": "Instance logs: all", "operation.": "Operations: all",
			"entry.": "Damaged entries: all", "reads.": "Reads: all", "reads.omitted": "Reads not recorded", "access.": "Access: all", "request.": "Requests: all", "request.refused": "Request refused", "audit.": "Audit log: all",
			"session.signed_in": "Signed in", "session.sign_in_failed": "Failed to sign in",
			"session.signed_out": "Signed out", "session.ended": "Session ended",
			"session.refused": "Sign-in refused", "session.revoked": "Token revoked", "session.project_switched": "Project switched", "session.groups_changed": "Groups at the company changed", "view.shared": "View shared with a team", "view.removed": "Team's view deleted",
			"ticket.listed": "Listed tickets", "ticket.viewed": "Opened a ticket", "log.viewed": "Read an instance log",
			"operation.requested": "Requested", "operation.accepted": "Accepted by COC",
			"operation.rejected": "Rejected", "operation.unknown": "Result unknown",
			"operation.observed": "Confirmed", "operation.not_observed": "Not confirmed",
			"entry.damaged": "Damaged entry", "access.throttled": "Rate limited", "access.denied": "Denied", "audit.viewed": "Read the audit log", "audit.exported": "Exported the audit log",
			"audit.held": "Legal hold placed", "audit.released": "Legal hold lifted",
			"audit.pruned": "Removed old records", "audit.resumed": "Audit log writable again", "audit.restored": "Restored the log",
		},
		Outcome: Words{"succeeded": "Succeeded", "failed": "Failed", "denied": "Denied", "unknown": "Unknown", "pending": "Pending"},
		Note: Words{
			"process_ended":  "The console stopped before it recorded the answer. COC may have done it. Check the ticket before you send it again.",
			"timeout":        "COC didn't answer in time. COC may have done it. Check the ticket before you send it again.",
			"connection":     "The connection broke after the request was sent. COC may have done it. Check the ticket before you send it again.",
			"bad_answer":     "The answer didn't come from COC. COC may have done it. Check the ticket before you send it again.",
			"uncertain":      "COC or its gateway answered with an error that doesn't say whether the operation was done. Check the ticket before you send it again.",
			"unattributed":   "The ticket shows the change, but COC didn't say that it accepted this operation. Somebody else may have done the same.",
			"after_refusal":  "COC refused this operation, but the ticket shows the change. Somebody else may have done the same.",
			"not_delivered":  "The request never reached COC. You can send it again.",
			"deadline":       "The ticket didn't show the change in time. COC may be slow, or may have ignored the operation. Check the ticket.",
			"ended":          "The target ended by itself before the operation took effect.",
			"no_session":     "Nobody who can read the ticket was signed in, so the console couldn't check. Check the ticket.",
			"other_instance": "Another instance was cancelled instead of the selected one.",
		},
		Aspect: Words{"status": "Ticket", "batch": "Current batch", "ready": "Waiting", "running": "Running", "failed": "Failed",
			"canceled": "Cancelled", "finished": "Succeeded", "instance": "Instance"},
		Field: Words{"count": "Number", "comment": "Comment", "decision": "Decision", "target": "Targets", "find": "Search", "account": "Account name", "user": "User name", "password": "Password",
			"project": "Region or project", "passcode": "Passcode", "user_id": "User ID", "token": "IAM token", "status": "State", "name": "Name",
			"creator": "Creator", "from": "From", "to": "To", "q": "Search", "person": "Person", "ticket": "Ticket", "action": "Action",
			"outcome": "Outcome", "operation_type": "Operation", "batch_index": "Batch", "instance_id": "Instance ID",
			"reason": "Reason", "despite": "Pending operation", "role": "Role", "until": "Until", "query": "Query"},
		Detail: Words{"note": "Note", "status": "Last state seen", "error": "Error", "batch": "Batch",
			"canceled": "Cancelled before", "others": "Others cancelled", "detail": "Detail", "policies": "Policy", "stops": "Instances to stop",
			"glass": "Mark", "approval": "Request for approval", "approved_by": "Approved by", "approvals_needed": "Approvals needed", "approvers_from": "Approvers from", "teams": "Teams", "job": "Bulk operation", "comment": "Comment", "repeats": "Reads counted", "input": "What the policies were told", "trial": "In trial", "denial": "Encoded authorization message"},
		Finding: Words{
			"record.missing": "A record is missing.", "record.altered": "A record was altered.", "record.number": "A record's number or time differs from its content.",
			"record.order": "A record isn't later than the one before it.", "record.extra": "A record has a number outside the log.",
			"tile.missing": "Hashes of the tree are missing.", "tile.altered": "Hashes of the tree were altered.", "tile.extra": "The tree has hashes without records.",
			"head.altered": "The head of the log was altered.", "checkpoint.signature": "A checkpoint isn't signed by a known key.",
			"checkpoint.altered": "A checkpoint was altered.", "checkpoint.missing": "A checkpoint is missing.", "checkpoint.root": "The records don't form the tree that was signed.",
			"log.rolled_back": "Records are missing at the end of the log.", "log.forked": "The log doesn't match its anchored checkpoint.",
			"log.pruned": "Records were removed, but no record says so.", "search.altered": "The search tables differ from the records.",
			"guard.missing": "A trigger that protects the log from changes is missing.",
		},
	},
}

// thousands writes a number with commas.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func pluralEN(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// actEN names an operation with its target the way a button does.
func actEN(operation, target string) string {
	act := operationsEN.name.Of(operation)
	if target == "" {
		return act
	}
	return act + " " + target
}

// actManyEN names an operation on many targets the way a button does.
func actManyEN(operation string, items int) string {
	verb, noun, _ := strings.Cut(operationsEN.name.Of(operation), " ")
	many := noun + "s"
	if noun == "batch" {
		many = "batches"
	}
	return verb + " " + countEN(items, noun, many)
}

// backEN is about how far back something goes.
func backEN(d time.Duration) string {
	if hours := int((d + time.Hour - 1) / time.Hour); hours < 48 {
		return countEN(max(hours, 1), "hour", "hours")
	}
	return countEN(int((d+24*time.Hour-1)/(24*time.Hour)), "day", "days")
}

// countEN is a number with what it counts.
func countEN(n int, one, many string) string {
	return strconv.Itoa(n) + " " + pluralEN(int64(n), one, many)
}

// impactEN goes on after the number of instances that an operation concerns.
func impactEN(n Impact) string {
	one := func(one, many string) string { return pluralEN(int64(n.Number), one, many) }
	of := ""
	if n.Batch > 0 {
		of = fmt.Sprintf(" of batch %d", n.Batch)
	}
	rest := func(n int, one, many string) string {
		if n == 0 {
			return ""
		}
		return " " + countEN(n, one, many)
	}
	switch n.Operation {
	case "PAUSE_ORDER":
		text := one("waiting instance doesn't start", "waiting instances don't start") +
			" until somebody continues the " + pluralEN(int64(max(n.Tickets, 1)), "ticket", "tickets") + "."
		if n.Running == 0 {
			return text + " Nothing is running."
		}
		return text + rest(n.Running, "running instance finishes first.",
			"running instances finish first.")
	case "CONTINUE_ORDER":
		if n.Batch == 0 {
			return one("instance waits", "instances wait") + " to start."
		}
		return one("instance", "instances") + of + one(" starts now.", " start now.") +
			rest(n.Later, "more follows in later batches.", "more follow in later batches.")
	}
	keeps := rest(n.Keeps, "other keeps running.", "others keep running.") +
		rest(n.Done, "is done and stays as it is.", "are done and stay as they are.")
	switch {
	case n.Number == 0:
		return "instances" + of + " stop: none is waiting or running." + keeps
	case n.Running == 0 && n.Keeps == 0:
		return one("waiting instance", "waiting instances") + of + " will never start. Nothing is running." + keeps
	case n.Running == 0:
		return one("waiting instance", "waiting instances") + of + " will never start." + keeps
	case n.Running == n.Number:
		return one("running instance", "running instances") + of + one(" stops.", " stop.") + keeps
	}
	return "instances" + of + " stop, " + strconv.Itoa(n.Running) + " of them running." + keeps
}
