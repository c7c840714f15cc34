package i18n

import (
	"fmt"
	"strconv"
	"strings"
)

var enUS = Texts{
	Name: "English",
	Problem: Problems{
		BadUUID: Message{"This is not an execute_uuid",
			"The key of a ticket is SCT, 14 digits and nine of 0–9 and a–f, for example SCT2026030209151401c2f9a07.",
			"Check the address, or paste the link or the line that holds the key into the search box."},
		TicketUnknown: Message{"COC does not know this ticket",
			"There is no script service ticket with this key in your account.",
			"Check the key, and that you are signed in to the right account. COC removes old tickets after a while."},
		NotFound: Message{"There is nothing at this address",
			"The page, record or operation does not exist, or you may not see it.",
			"Check the address, or start from the list of tickets."},
		BadInstance: Message{"This is not the id of an instance",
			"An instance id is a whole number from 1 to 9223372036854775807, written in plain digits.",
			"Open the instance from its ticket's page."},
		InstanceUnknown: Message{"The ticket has no such instance",
			"None of the ticket's batches holds an instance with this id.",
			"Open the instance from its ticket's page."},
		BatchUnknown: Message{"The ticket has no such batch",
			"Batches are counted from 1; this ticket has fewer.",
			"Choose a batch on the ticket's page."},
		BadInput: Message{"This address has a value that the page does not know",
			"A part of the address is not one that this console offers.",
			"Go back and choose from the page, or correct the address."},
		BadForm: Message{"The form was incomplete",
			"It did not carry what the console puts into it. Nothing was sent.",
			"Open the operation again from the ticket's page."},
		KeySpent: Message{"This form was used before, and nothing was sent with it",
			"An earlier attempt with the same form ended before the operation was sent. A form is good for one attempt.",
			"Open the operation again from the ticket's page."},
		Denied: Message{"You may not do this",
			"Your rights in this console do not cover this page or action. The attempt is in the audit log.",
			"Ask a manager of this console."},
		Hidden: Message{"You may not see this ticket",
			"The rules of this console do not show it to you. The attempt is in the audit log.",
			"Ask those who are named below, or look for another ticket."},
		NoExport: Message{"You may not export the audit log",
			"The rules of this console do not let you carry records away. The attempt is in the audit log.",
			"Read the records here, or ask those who are named below."},
		CrossSite: Message{"The form came from another site",
			"The browser says that another site sent this form. Nothing was done.",
			"Open the page in this console and send the form from there."},
		TooLarge: Message{"The form is too large",
			"More was sent than this form takes. Nothing was done.",
			"Go back and shorten what you entered; it is still in your browser."},
		Method: Message{"The address does not take this kind of request",
			"It was called with a method that it does not know.",
			"Start from the list of tickets."},
		TooOften: Message{"Too many attempts",
			"There were too many requests of this kind from your address in a short time.",
			"Wait a minute and try again."},
		Unavailable: Message{"The console cannot answer now",
			"It is starting, stopping or overloaded. Nothing was done.",
			"Try again in a few seconds."},
		Internal: Message{"Something went wrong in the console",
			"The error is in the console's own log under the request id below.",
			"Look at the ticket before you repeat an operation. Give the request id to whoever runs the console."},
		Insecure: Message{"Signing in needs https",
			"The console is reached over plain http from another machine: a password or token would travel in the clear.",
			"Use the console's https address. Whoever runs it puts a proxy with TLS in front and names it in --trusted-proxies."},
		SignInAgain: Message{"Sign in again",
			"COC no longer accepts your token. Tokens live for 24 hours and end early when permissions or passwords change.",
			"Sign in; you come back to this page."},
		UpstreamForbidden: Message{"COC refused: you lack the permission",
			"Your IAM user may not make this call.",
			"Ask the administrator of the cloud account for coc:job:list, coc:job:get or, for operations, coc:job:action."},
		UpstreamThrottled: Message{"COC is throttling",
			"There were more calls than COC allows at present.",
			"Wait a little and load the page again."},
		UpstreamRefused: Message{"COC refused the call",
			"COC's own words are below.",
			"Correct what COC names, or look at the ticket again."},
		UpstreamFailed: Message{"COC failed",
			"COC or its gateway answered with an internal error. Its words are below.",
			"Load the page again in a little while. If it lasts, check the state of the service."},
		UpstreamTimeout: Message{"COC did not answer in time",
			"The console waited as long as it is set to and gave up.",
			"Load the page again. If it lasts, check the network between this console and COC."},
		UpstreamBroken: Message{"COC cannot be reached",
			"The connection could not be made, or it broke before an answer came.",
			"Load the page again. If it lasts, check the network between this console and COC."},
		UpstreamBadAnswer: Message{"The answer was not COC's",
			"Something between this console and COC answered in its place, or the answer was cut off.",
			"Load the page again. If it lasts, check the endpoint and the proxies between this console and COC."},
		IAMUnavailable: Message{"IAM cannot be reached",
			"The sign-in service gave no answer, or an internal error.",
			"Try again in a little while."},
		LogFull: Message{"The audit log is full",
			"There is no space left for the log. Nothing was sent: an operation without its record is not made.",
			"Make space on the disk of the data folder, then send the form again. In an emergency use the cloud console."},
		LogReadOnly: Message{"The audit log cannot be written",
			"The log's database is read-only or gone. Nothing was sent: an operation without its record is not made.",
			"Make the data folder writable, then send the form again. In an emergency use the cloud console."},
		LogBroken: Message{"The audit log does not work",
			"The log's database refused the record. Nothing was sent: an operation without its record is not made.",
			"The cause is in the console's own log. In an emergency use the cloud console."},
		LogUnwritten: Message{"An earlier answer is not in the audit log yet",
			"The log could not take the answer to an earlier operation and is trying again. Until then nothing new is sent.",
			"Try again in a minute. If it lasts, check the disk of the data folder."},
	},
	SignInProblem: SignInProblems{
		WrongPassword:  "The account, the user name or the password is wrong.",
		Locked:         "The user is locked. Wait as long as the account's policy says, or ask its administrator.",
		PasscodeNeeded: "This user signs in with a second factor. Enter the passcode that the device shows.",
		PasscodeWrong:  "The passcode is wrong or too old. Enter the one that the device shows now.",
		TokenExpired:   "The token has expired. Tokens live for 24 hours; get a new one.",
		TokenInvalid:   "IAM does not accept this token. Copy all of it, as it stands in X-Subject-Token.",
		TokenOther:     "This is a credential of another kind. An IAM token is needed: the value of X-Subject-Token, which begins with MII.",
		TokenUnscoped:  "This token is for no project and no account. Get one whose scope is a project.",
		Forbidden:      "IAM refuses this user. The user may be disabled or not allowed to sign in by programs.",
		ProjectUnknown: "The account has no such project or region, or the user may not use it.",
		BadRequest:     "IAM did not understand the request.",
		Throttled:      "IAM is throttling sign-ins. Wait a minute and try again.",
		Unavailable:    "IAM cannot be reached. Try again in a little while.",
		BadAnswer:      "The answer did not come from IAM. Check the IAM endpoint and the proxies before it.",
		TooOften:       "Too many failed attempts from your address. Wait a minute and try again.",
		TooOftenUser:   "Too many failed attempts to sign in as this user. Wait a quarter of a minute and try again, or sign in from where you did before.",
		Ended:          "Sign in to go on. You come back to the page you asked for.",
		Expired:        "Your token is no longer accepted. Sign in again: you come back to the same page, and what you typed is kept.",
	},
	Field: FieldProblems{
		Missing:          "This is needed.",
		TooLong:          func(limit int) string { return fmt.Sprintf("This is longer than %d characters.", limit) },
		NoUUID:           "There is no execute_uuid in this text. It looks like SCT2026030209151401c2f9a07.",
		UnknownOperation: "There is no such operation.",
		InstanceID:       "The instance id is a whole number from 1 to 9223372036854775807, in plain digits.",
		BatchIndex:       "The batch is a whole number from 1 to 20, in plain digits.",
		Unexpected:       func(field string) string { return "This operation takes no " + field + "." },
		NoSuchInstance:   "The ticket has no instance with this id.",
		NoSuchBatch:      "The ticket has no such batch.",
		Time:             "This is not a date and time, such as 2026-03-02T09:15.",
		TimeOrder:        "The end lies before the start.",
		Choice:           "Choose one of the values offered.",
		Sequence:         "This is not the number of a record.",
		Query: QueryProblems{
			Qualifier: func(w string) string {
				return "There is no qualifier “" + w + "”. As a word to search for it needs quotes."
			},
			Empty:      func(w string) string { return "Nothing follows “" + w + "”." },
			Value:      func(w string) string { return "“" + w + "” is no action or outcome." },
			Time:       func(w string) string { return "“" + w + "” is not a date like 2026-01-31." },
			Twice:      func(w string) string { return "“" + w + "”: a record has only one of these." },
			Quote:      func(w string) string { return "The closing quote is missing: " + w },
			Negated:    func(w string) string { return "“" + w + "”: times cannot be excluded." },
			Word:       func(w string) string { return "“" + w + "” has no letter or digit to search for." },
			Short:      func(w string) string { return "“" + w + "” needs three letters or digits before the *." },
			Many:       func(n int) string { return fmt.Sprintf("A search takes at most %d words and exclusions.", n) },
			Suggestion: func(other string) string { return " Perhaps: " + other },
		},
		Hidden:       "Line breaks and characters that show nothing are not taken.",
		ManySearches: func(n int) string { return fmt.Sprintf("%d are saved already. Delete one first.", n) },
		Token:        "This does not look like an IAM token.",
		ReasonTooLong: func(length, limit int) string {
			return fmt.Sprintf("The reason has %d characters; %d are kept.", length, limit)
		},
		LanguageUnknown: "The console has no such language.",
		ThemeUnknown:    "The console has no such theme.",
	},
	Notice: Notices{
		SignedOut:  "You are signed out.",
		LogRefuses: "The audit log cannot be written at present: operations are refused until it can.",
		LogReserve: "The disk of the audit log is nearly full: operations are refused until there is space.",
		LogChanged: "The audit log is not what was written: its verification found changes.",
		LogFinding: "First finding:",

		LogLowSpace:   "The disk of the audit log is getting full.",
		LogSlow:       "The audit log's disk is slow: operations wait for it.",
		LogJournal:    "Much of what was written to the audit log or its search tables waits to be copied into the database's file: it takes space, and reading gets slower.",
		LogUnsigned:   "The audit log's last checkpoint could not be signed.",
		LogUnanchored: "An anchor did not take the audit log's last checkpoint.",
		LogBehind:     "The search tables do not keep up with the audit log: searches take longer.",
		LogUnverified: "The audit log could not be verified the last time.",
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
		Story:     "What happened",
	},
	Frame: FrameTexts{
		Product: "COC console", Skip: "Skip to the content", Navigation: "Main",
		Tickets: "Tickets", Audit: "Audit",
		Search: "Name or execute_uuid of a ticket, or a link to it", SearchButton: "Find", SearchHint: "Name, SCT… or a link",
		Settings: "Settings", Language: "Language", Theme: "Theme",
		ThemeAuto: "Theme of the browser", ThemeLight: "Light theme", ThemeDark: "Dark theme",
		SignedIn: "Signed in", Manager: "Manager", SessionEnds: "Session ends", SignIn: "Sign in", SignOut: "Sign out",
		Simulator: "Simulator: these tickets and servers are made up, nothing real is touched.",
		Path:      "Path", Notices: "Notices",
		NoticeKind: Words{"info": "Note", "success": "Done", "warning": "Warning", "error": "Error"},
	},
	Common: CommonTexts{
		Stale:      "This page could not be brought up to date since {time}. What it shows may have changed.",
		Unanswered: "No answer came. It is not known whether this was sent.",
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
		ReadAt: "As of", Refresh: "Load again",
		Refreshes: func(seconds int) string { return fmt.Sprintf("refreshes every %d s", seconds) },
		Errors:    "This has to be corrected", Failure: "Failure", Verbatim: "In its own words",
		RequestID: "Request id", UpstreamRequestID: "Request id at COC",
		None: "none", Unknown: "Unknown", Masked: "hidden by COC",
		Batch: "Batch", BatchNumber: func(batch int32) string { return fmt.Sprintf("Batch %d", batch) },
		Ticket: "Ticket", Instance: "Instance", State: "State", Time: "Time",
		Created: "Created", Finished: "Finished", Duration: "Duration",
		Host: "Host", Address: "IP address", Region: "Region", Zone: "Zone",
		Who: "Who", What: "What", Outcome: "Outcome", Target: "Target", Reason: "Reason",
		Running: "Running", Waiting: "Waiting", Done: "Done", Total: "Total",
		Before: "As you saw it", After: "Now", Optional: "optional",
	},
	SignIn: SignInTexts{
		Heading: "Sign in", Intro: "With an IAM user of your Huawei Cloud account.",
		Account: "Account name", AccountHint: "The account that owns the IAM user.",
		User: "User name", UserHint: "The IAM user; a HUAWEI ID cannot sign in here.",
		Password: "Password",
		Project:  "Region or project", ProjectHint: "For example cn-north-4.",
		Passcode: "Passcode", PasscodeHint: "Six digits from your authenticator.",
		Token: "IAM token", TokenHint: "The value of X-Subject-Token; it begins with MII. It stays on the server and is never shown.",
		Button: "Sign in", ByToken: "Use an IAM token", ByPassword: "Use a password",
		Demo: "Demo accounts", DemoIntro: "The simulator knows these users, and the projects cn-north-4 and ap-southeast-3.",
		DemoAccounts: "Users of the simulator", Verbatim: "IAM says",
	},
	Tickets: TicketsTexts{
		Hidden: func(n int) string {
			return "The rules of this console hide " + countEN(n, "ticket", "tickets") + " of this page from you."
		},
		Heading: "Tickets", Name: "Name", Key: "execute_uuid", NameFilter: "Name contains",
		Creator: "Creator", Regions: "Regions",
		Total: func(total int64, shown int) string {
			return fmt.Sprintf("%d of %d %s", shown, total, pluralEN(total, "ticket", "tickets"))
		},
		Empty: "There are no tickets", EmptyFiltered: "No ticket matches these filters",
		EmptyAdvice:         "COC lists the script tickets of your account. Run a script in COC, or sign in to another account.",
		EmptyFilteredAdvice: "Widen the time range, or clear the filters.",
		Caption:             "Script tickets, newest first", ShowsFirst: "Newest first",
		CreatedFrom: func(zone string) string { return "Created from (" + zone + ")" },
		CreatedTo:   func(zone string) string { return "Created to (" + zone + ")" },
	},
	List: ListTexts{
		Title:     func(count int64, heading string) string { return fmt.Sprintf("(%d) %s", count, heading) },
		Decisions: "Tickets that need a decision",
		DecisionsOf: func(count int64, atLeast bool) string {
			switch {
			case count == 0:
				return "Nothing needs a decision"
			case atLeast:
				return fmt.Sprintf("Need a decision: at least %d", count)
			}
			return fmt.Sprintf("Need a decision: %d", count)
		},
		DecisionsShown: func(shown int) string { return fmt.Sprintf("The newest %d are shown.", shown) },
		AllOf:          func(state string) string { return "All: " + state },
		Scope:          "Whose", Scopes: Words{"all": "All", "mine": "Mine", "team": "My team's"},
		EmptyScope: Words{"mine": "You have no tickets here", "team": "None of these tickets is your team's",
			"alone": "You are in no team: teams are in the console's directory"},
		OfRead: func(shown, read int, total int64) string {
			return fmt.Sprintf("%d of the %d newest tickets, which were looked through; COC lists %d in all and cannot choose among them by this", shown, read, total)
		},
		NoFigures: "how far they are is not shown: your permissions let you list tickets, not open them",
		Failed:    func(n int32) string { return fmt.Sprintf("%d failed", n) },
		Unread: func(n int, since string) string {
			return countEN(n, "ticket here has", "tickets here have") + " changed since your last visit, " + since
		},
		MarkSeen: "Mark all as seen", WhatIsVisit: "What counts as a visit",
		Visit: "A visit lasts as long as you look at this list: load it, or have it in a tab that can be seen. After 30 minutes without that, the next look begins another. " +
			"What is marked has another state, or more failed instances, than when your last visit ended, or is new since then. " +
			"A mark stays for the whole visit, until you open the ticket or mark all as seen.",
		New: "New", Was: func(state string) string { return "Was: " + state },
		MoreFailed: func(n int32) string { return fmt.Sprintf("%d more failed", n) },
		Saved:      "Saved views", Save: "Save this view", SaveName: "Name of the view",
		Delete: func(name string) string { return "Delete the view " + name },
	},
	Ticket: TicketTexts{
		Facts: "Facts", Key: "execute_uuid", Creator: "Creator",
		Script: "Script", Version: "Version", Source: "Source", ExecuteUser: "Runs as",
		Timeout: "Time-out per instance", SuccessRate: "Success threshold", CurrentBatch: "Current batch",
		Counts: "Instances by state",
		CountsText: func(total int32) string {
			return fmt.Sprintf("%d %s", total, pluralEN(int64(total), "instance", "instances"))
		},
		Operations: "Operations", OperationsHint: "Each opens a page that shows what it hits and asks once more.",
		Effect: Words{
			"CANCEL_INSTANCE": "Stops the script on this instance only. The others go on.",
			"SKIP_BATCH":      "Cancels what is still open in this batch and goes on with the next one. After the last batch the ticket ends.",
			"CANCEL_ORDER":    "Stops all running instances, starts no further ones and ends the ticket for good.",
			"PAUSE_ORDER":     "Starts no further batch. Instances that run already run to their end.",
			"CONTINUE_ORDER":  "Starts the next batch. Instances that failed are not run again.",
		},
		Batches: "Batches", BatchesEmpty: "COC names no batches for this ticket.",
		Current:   "current",
		Instances: "Instances",
		LastLine:  "Last line of the log", Log: "Log",
		LogOf:    func(host string) string { return "Log of " + host },
		CancelOf: func(host string) string { return "Cancel instance " + host },
		Cancel:   "Cancel", Actions: "Actions",
		AllHistory: "All records of this ticket",
		Params:     "Parameters", ParamsEmpty: "The script has no parameters.",
		ParamName: "Name", ParamValue: "Value", ParamReference: "from the parameter store",
	},
	Live: LiveTexts{
		Title: func(state string, failed int32, name string) string {
			if failed == 0 {
				return state + " · " + name
			}
			return fmt.Sprintf("%s · %d failed · %s", state, failed, name)
		},
		Standing: Words{
			"READY":      "The ticket has not started yet. Nothing has to be decided.",
			"PROCESSING": "The ticket runs. Nothing has to be decided.",
			"ABNORMAL":   "The ticket has stopped: too many instances failed. It stays like this until somebody continues it, skips the batch or cancels the ticket.",
			"PAUSED":     "The ticket is paused. It stays like this until somebody continues it, skips the batch or cancels the ticket.",
			"CANCELED":   "The ticket was cancelled. It does not start anything any more.",
			"FINISHED":   "The ticket is over. Nothing has to be decided.",
			"ERROR":      "The ticket ended with an error.",
			"ROLLBACKED": "The ticket was rolled back.",
		},
		Trouble: func(since string) string {
			return fmt.Sprintf("COC has given no figures since %s. What this page shows is older than that. It tries again by itself.", since)
		},
		Progress:   "Progress",
		ProgressOf: func(done, total int32) string { return fmt.Sprintf("%d of %d done", done, total) },
		Success:    "Success rate",
		SuccessOf: func(finished, total int, percent, threshold string, required int) string {
			return fmt.Sprintf("%s %% (%d of %d); the threshold is %s %%: %d", percent, finished, total, threshold, required)
		},
		Verdict: Words{"REACHED": "Reached", "OPEN": "Still open", "MISSED": "Out of reach"},
		Elapsed: "Time passed", Remaining: "Estimated time left",
		About:      func(duration string) string { return "about " + duration },
		UntilPause: func(batch int32) string { return fmt.Sprintf("until the pause after batch %d", batch) },
		Overdue:    "An instance runs longer than those before it.",
		Samples: func(runs int) string {
			return fmt.Sprintf("from %d finished %s of this ticket", runs, pluralEN(int64(runs), "run", "runs"))
		},
		Since:   func(time string) string { return "since " + time },
		MapHint: "One mark per instance; each leads to its page. Arrow keys move between them.",
		Cell:    func(host, state string) string { return host + ", " + state }, PausesAfter: "pauses after it",
		Search: "Host, IP address or id", Sort: "Order",
		Sorts:       Words{"batch": "Batch", "host": "Host name", "start": "Start, newest first", "duration": "Duration, longest first"},
		FailedFirst: "Failed first", CopyHosts: "Copy host names", Copied: "Host names copied", DownloadCSV: "Download as CSV",
		Shown: func(shown, total int) string {
			return fmt.Sprintf("%d of %d %s", shown, total, pluralEN(int64(total), "instance", "instances"))
		},
		Incomplete: "Not all instances could be read.",
		Empty:      "COC names no instances for this ticket.", EmptyFiltered: "No instance matches these filters.",
		OrderChanged: "The order has changed.", SortAgain: "Sort again",
		Timeline: "What happened", TimelineEmpty: "Nothing has changed since this console began to look, and nothing was done here.",
		Subject:  Words{"ticket": "Ticket", "batch": "Batch", "instance": "Instance"},
		Change:   func(subject, from, to string) string { return subject + ": " + from + " → " + to },
		SeenHere: "seen by this console", NotBefore: "not before",
		Columns:     Words{"instance_id": "Instance id", "server_id": "Server id", "seconds": "Seconds", "public_ip": "Public IP address"},
		Lost:        "No connection to the console since {time}. What this page shows may have changed. It tries again by itself.",
		Ended:       "Your session has ended. This page shows what was seen last, at {time}.",
		Denied:      "COC no longer shows you this. This page shows what was seen last, at {time}.",
		Back:        "The figures are up to date again.",
		SignInAgain: "Sign in and come back here", Ago: "{age} ago",
	},
	Instance: InstanceTexts{
		Facts: "Facts", ID: "Instance id", ResourceID: "Resource id", FixedIP: "Private IP", FloatingIP: "Public IP",
		Provider: "Provider", Type: "Type", Project: "Project id", Application: "Application", Group: "Group",
		CommandID: "Command id", AgentSN: "Agent", AgentVersion: "Agent version", AgentStatus: "Agent state",
		Attributes: "Labels", Log: "Log", LogEmpty: "There is no output yet.",
		LogSize:  func(bytes int) string { return fmt.Sprintf("%d bytes", bytes) },
		Download: "Download the log",
	},
	Operation: OperationTexts{
		Unanswered:     "No answer came. It is not known whether the operation was sent. Confirming again is safe: this form's one-time key works once.",
		SeeTicket:      "See the ticket",
		Heading:        func(operation, target string) string { return actEN(operation, target) + "?" },
		HeadingUnknown: "There is no such operation",
		Confirm:        actEN,
		Target:         "What it hits", Tally: "Instances that run, wait and are done", ScopeBatch: func(batch int32) string { return fmt.Sprintf("Batch %d", batch) },
		ScopeInstance: "This instance", Whole: "The whole ticket",
		Targets: func(count int) string {
			return fmt.Sprintf("%d %s of this batch", count, pluralEN(int64(count), "instance", "instances"))
		},
		Effect: "What it does",
		Reason: "Reason", ReasonHint: func(limit int) string { return fmt.Sprintf("Goes into the audit log. At most %d characters.", limit) },
		EffectWaiting:  "Nothing runs on this instance yet: it will not be started. The others go on.",
		Next:           func(batch int32) string { return fmt.Sprintf("Batch %d starts next, on:", batch) },
		NextNone:       "No further batch starts.",
		NextUnread:     "COC did not tell which hosts those are.",
		Pending:        "An earlier operation on the same target is pending: its effect is awaited",
		PendingBy:      func(user string) string { return "by " + user + ", since" },
		PendingTick:    "Send another operation all the same",
		PendingNeeded:  "Tick this if you know of the pending operation and want to send another one.",
		RefusedChanged: "The ticket has changed since you looked at it:",
		Refused:        "This operation is not possible now",
		RefusedAdvice:  "Nothing was sent. Go back to the ticket to see its present state.",
		Changed:        "The ticket has changed since you looked at it",
		ChangedText:    "Nothing was sent. Compare, and confirm again if you still want it.",
		ChangedMinor:   "The ticket has moved on since you looked at it; nothing below stops the operation.",
		Aspect:         "Aspect", Material: "matters", Immaterial: "progress only",
		Irreversible: "This cannot be undone.",
		Correct:      "Correct the address", CorrectButton: "Look again",
		BatchIndex: "Batch", InstanceID: "Instance id",
		BackToTicket: "Back",
	},
	Receipt: ReceiptTexts{
		Heading: actEN,
		Verdict: Words{
			"open":                   "Waiting for the effect",
			"operation.requested":    "Requested; COC has not answered yet",
			"operation.accepted":     "COC accepted it; its effect is still awaited",
			"operation.rejected":     "It was not done",
			"operation.unknown":      "Nobody knows yet whether COC did it",
			"operation.observed":     "Done: the effect was seen",
			"operation.not_observed": "The effect was not seen",
		},
		Steps: "What happened", StepPending: "awaited", StepSkipped: "will not happen",
		StepHope: Words{
			"operation.requested": "Requested", "operation.accepted": "COC's answer", "operation.observed": "Effect",
		},
		Answered: func(duration string) string { return "after " + duration },
		LastSeen: "Last seen state", Deadline: "The console stops looking for the effect:",
		Upstream: "COC says", Record: "Record", Facts: "Facts", ID: "Operation id", Seen: "What was seen before",
		Others:     "Another instance was cancelled",
		OthersText: "Instances that nobody chose here were cancelled at the same time. COC may have taken the id for another one. Check them before anything else:",
		Now:        "The ticket now", NowUnread: "COC does not tell at present.",
		NowBatch:    func(batch int32, of int) string { return fmt.Sprintf("Batch %d of %d", batch, of) },
		Again:       "Try again",
		AgainAdvice: "Look at the ticket first: the operation may have worked.",
		ToTicket:    "Back to the ticket", NoReason: "none given",
	},
	Audit: AuditTexts{
		Heading: "Audit log", Query: "Search", Help: "How to search",
		Examples: Words{
			"disk full": "both words, in a name, ticket, target, reason or error", `"disk is full"`: "these words in this order", "web-00*": "words that begin so",
			"actor:ann": "a user's name or id", "outcome:failed": "also succeeded, denied, unknown, pending; accepted, rejected, observed, not_observed",
			"action:operation.": "a group of actions, or one such as ticket.viewed", "operation:CANCEL_ORDER": "the kind of operation",
			"ticket:SCT…": "a ticket's execute_uuid", "id:…": "one operation", "project:cn-north-4": "a project's name or id", "ip:192.0.2.7": "where the person came from",
			"after:2026-03-01": "from the start of this day in your zone", "before:2026-03-02T08:00Z": "before this moment",
			"-outcome:succeeded": "without these; a minus stands before anything but times",
		},
		Completions: "Suggestions", Saved: "Saved searches", Save: "Save this search", SaveName: "Name of the search", Delete: func(name string) string { return "Delete the search " + name },
		Active: "Filters of this search", Remove: "Remove",
		Uncounted: "Counting takes too long for this search; the list is complete.",
		Total: func(count int64, more bool) string {
			if more {
				return "More than " + thousandsEN(count) + " records"
			}
			return thousandsEN(count) + " " + pluralEN(count, "record", "records")
		},
		Records: "Records", NewRecords: "{n} new records", Follow: "Follow",
		Format: "Format", Formats: Words{"csv": "CSV", "jsonl": "JSON Lines", "bundle": "Evidence bundle"},
		Exported: "{n} of {all} records, {size}", ExportDone: "Saved: {size}", ExportFailed: "The export broke off. Nothing was saved.", Cancel: "Cancel",
		Came:    "What came of it:",
		Summary: "Distribution", Counted: func(n int) string {
			return "The values are counted over the newest " + thousandsEN(int64(n)) + " matches."
		},
		Activity: "Records over time",
		ActivityText: func(from, to string, most int) string {
			return fmt.Sprintf("From %s to %s; the highest bar has %d %s. Each bar leads to its records.", from, to, most, pluralEN(int64(most), "record", "records"))
		},
		ActivityTable: "As a table",
		Bar: func(from, to string, count int, more bool) string {
			plus := ""
			if more {
				plus = "+"
			}
			return fmt.Sprintf("%s – %s: %s%s %s", from, to, thousandsEN(int64(count)), plus, pluralEN(int64(count), "record", "records"))
		},
		Facet:        Words{"actor": "Who", "ticket": "Ticket", "action": "What", "outcome": "Outcome", "project": "Project"},
		MoreValues:   func(count int) string { return fmt.Sprintf("%d more", count) },
		Integrity:    "Integrity of the log",
		Verdict:      Words{"succeeded": "Verified", "failed": "The log was changed", "pending": "Not verified yet", "unknown": "The last verification could not be done"},
		Verification: "Verification", VerifiedUpTo: func(n int64) string { return "up to record " + thousandsEN(n) + "," },
		Verifying: func(done, of int64) string {
			return fmt.Sprintf("running: record %s of %s", thousandsEN(done), thousandsEN(of))
		},
		WholeVerified: "Whole log verified", NextRun: "Next run due", Checkpoint: "Last signed checkpoint",
		Anchor: "Anchor", AnchorFailed: "did not take the latest checkpoint", PublicKey: "Public key of the checkpoints",
		Findings:     "The verification found that the log is not what was written:",
		MoreFindings: func(n int) string { return fmt.Sprintf("and %d more", n) },
		Person:       "Person", Ticket: "execute_uuid", Action: "Action",
		AllRecords: "Everybody's records, newest first.",
		OwnRecords: "Your own records and those of tickets you have opened, newest first. Managers see everybody's.",
		Caption:    "Records, newest first", Sequence: "No.", Upstream: "Answer", Export: "Export",
		Empty: "There are no records", EmptyAdvice: "Every action in this console leaves a record here.",
		EmptyFiltered: "No record matches these filters",
	},
	Record: RecordTexts{
		Heading: func(sequence int64) string { return fmt.Sprintf("Record %d", sequence) },
		Who:     "Who", What: "What", How: "Answer",
		User: "User", Account: "Account", Project: "Project",
		ClientAddress: "Client address", UserAgent: "Browser", Session: "Session",
		OperationID: "Operation id", Operation: "Operation", InstanceID: "Instance id",
		Seen: "What was seen before", UpstreamStatus: "HTTP status", UpstreamCode: "Error code", UpstreamMessage: "Message",
		Detail: "Detail", Receipt: "Receipt", Previous: "Record before", Next: "Record after", Neighbours: "Neighbouring records",
		Siblings: "Records of this operation", Story: "The whole story",
		Evidence:  "Evidence",
		Pruned:    "The content of this record was removed when its time to be kept had passed. Its hash is still part of the log.",
		Altered:   "The bytes of this record are not those that were written: their hash is not the one in the log's tree.",
		Uncovered: "No signed checkpoint covers this record yet.",
		Covered: func(size int64) string {
			return fmt.Sprintf("In the tree of %d records that was signed", size)
		},
		Index: "Index of the leaf", Leaf: "Leaf hash (SHA-256)",
		Bytes: func(size int) string { return fmt.Sprintf("Exact bytes (%d)", size) },
		Proof: func(hashes int) string {
			return fmt.Sprintf("Inclusion proof (%d %s)", hashes, pluralEN(int64(hashes), "hash", "hashes"))
		},
		Checkpoint:    "Signed checkpoint",
		DownloadBytes: "Exact bytes", DownloadProof: "Proof (tlog-proof)", DownloadBundle: "Evidence bundle",
		Check: "This command checks the bundle, without this console:",
	},
	Story: StoryTexts{
		Heading: "What happened", Whole: "The ticket's whole story", List: "As a list of records",
		Took:  func(d string) string { return "took " + d },
		Later: func(d string) string { return d + " later" },
		Views: func(count, people int) string {
			return fmt.Sprintf("%d %s by %d %s", count, pluralEN(int64(count), "view", "views"), people, pluralEN(int64(people), "person", "people"))
		},
	},
	Rules: RulesTexts{
		Denied: "The rules do not allow this", NothingAllows: "No rule allows it to you.",
		DecidedBy: "Decided by", Ask: "Who may help:", Failed: "A rule could not be evaluated, and so everything it is about is denied:",
		Demanded: "Wanted before this is sent", Reason: "Say why.",
		Count:     func(stops int) string { return "Type how many instances stop: " + strconv.Itoa(stops) },
		CountHint: "So that nobody stops more than they think.",
		Miscounted: func(stops int) string {
			return "That is not the number of instances that stop now: " + strconv.Itoa(stops) + "."
		},
		Glass:      "Break the glass: send it without a second person",
		GlassHint:  "For emergencies. A reason is needed, the record is marked, and managers review it.",
		AskInstead: "Ask a second person", SecondPerson: "Somebody else has to approve this. It is sent when they do.",
		OrAsk:  "Or ask a second person: it is sent when they approve.",
		Broken: "The changed policy files are not in force, because they are broken; the rules of before hold. Tell whoever looks after the console.",
		Stops: func(stops, running int) string {
			if running == 0 {
				return "Cancels " + countEN(stops, "waiting instance", "waiting instances") + ". None of them runs yet."
			}
			return "Stops " + countEN(stops, "instance", "instances") + ", of which " + countEN(running, "runs", "run") + " now."
		},
		StopsNothing: "Stops no instance.",
		GlassWaits:   func(n int) string { return countEN(n, "operation", "operations") + " with broken glass to review" },
		Keeps: func(running int) string {
			if running == 0 {
				return "Nothing else runs now."
			}
			return countEN(running, "other instance runs", "other instances run") + " on."
		},
		Spread:      func(by string) string { return "What stops, by " + strings.ToLower(by) },
		StopsColumn: "Stops", RunningColumn: "Runs now",
	},
	Approval: ApprovalTexts{
		Heading: "Approvals", Empty: "Nothing waits for an approval.", Mine: "Yours", Others: "Waiting for a decision", Decided: "Decided",
		One:       func(operation, target string) string { return operationEN.Of(operation) + ": " + target },
		Requester: "Asked by", Asked: "Asked", Expires: "Stands until", Decider: "Decided by",
		Comment: "Comment", CommentHint: "Kept in the audit log.",
		Approve: "Approve and send", Refuse: "Refuse", Withdraw: "Withdraw", Send: "Send now",
		ApproveText: "It is sent at once, in the name and the session of whoever asked, if the ticket is still what they saw.",
		OwnText:     "Nobody approves their own request. You can withdraw it.",
		SendText:    "It is approved, but your session of then had ended. It is sent in your present one.",
		SeenThen:    "Then", Now: "Now",
		State: Words{"waiting": "Waiting", "granted": "Approved, not sent yet", "sent": "Approved and sent", "returned": "Approved, not sent",
			"refused": "Refused", "withdrawn": "Withdrawn", "expired": "Expired"},
		Note: Words{"session_ended": "The session of whoever asked has ended: they have to send it themselves.",
			"moved": "The ticket is not what was approved any more. Ask again.", "not_fitting": "The operation does not fit the ticket's state any more.",
			"not_allowed": "The rules deny it now.", "not_sent": "It failed before anything was sent."},
		Receipt: "What became of it", Again: "Confirm it anew",
		Gone: "Somebody has decided meanwhile, or its time is over.", NotYours: "That is for somebody else to do.", Problem: "Why",
		Waits:    func(n int) string { return countEN(n, "request waits", "requests wait") + " for you" },
		Approved: "Approved by", Link: "The request", Job: "Job",
	},
	Job: JobTexts{
		Heading: "Jobs", Empty: "Nobody has sent many operations at once.", New: "Many operations at once",
		One: func(operation string, items int) string {
			return operationEN.Of(operation) + ": " + countEN(items, "target", "targets")
		},
		Confirm: func(operation string, items int) string {
			return operationEN.Of(operation) + ": " + strconv.Itoa(items) + " ×"
		},
		Sum: func(items, stops, running int) string {
			all := countEN(items, "operation", "operations")
			switch {
			case stops == 0:
				return all + ". They stop no instance."
			case running == 0:
				return all + ". Together they cancel " + countEN(stops, "waiting instance", "waiting instances") + ". None of them runs yet."
			}
			return all + ". Together they stop " + countEN(stops, "instance", "instances") + ", of which " + countEN(running, "runs", "run") + " now."
		},
		Drop: "Leave out what cannot be sent", Item: "Target", Items: "Targets", Outcome: "Outcome", Problem: "Problem",
		Started: "Started", Ended: "Ended", Who: "By",
		Progress: func(done, total int) string { return strconv.Itoa(done) + " of " + strconv.Itoa(total) + " done" },
		Stop:     "Stop here", Continue: "Go on", Retry: "Try the failed ones again", Result: "Download the result (CSV)", Back: "Back",
		StopText: "What is on its way is brought to its end; nothing more is sent.", ContinueText: "The rest is sent in your present session.",
		State:     Words{"running": "Running", "stopped": "Stopped", "ended": "All tried"},
		ItemState: Words{"waiting": "Waiting", "sending": "Being sent", "sent": "Sent", "failed": "Not sent"},
		Note: Words{"session_ended": "The session in which it was started has ended.", "not_sent": "The audit log took no more records.",
			"moved": "The ticket is not what was confirmed any more", "not_fitting": "It does not fit the ticket's state", "not_allowed": "The rules deny it"},
		Targets:        func(limit int) string { return "Choose 1 to " + strconv.Itoa(limit) + " different targets." },
		CancelSelected: "Cancel the chosen instances", SelectedHint: "You confirm before anything is sent.",
		PauseSelected: "Pause", ContinueSelected: "Continue", CancelSelectedTickets: "Cancel",
		Select: func(name string) string { return "Choose " + name }, SelectAll: "Choose all in view", Selected: "With the chosen tickets", Selection: "Choice", Ready: "Ready",
	},
	Log: logTextsEN(),
	Key: keyTextsEN(),
	Design: DesignTexts{
		Heading: "Design", Text: "Every component in every state, as the pages render it. Nothing here acts.",
		Parts: Words{"basics": "Basics", "ticket": "Ticket", "operation": "Operation", "audit": "Audit", "desk": "Approvals and jobs"},
		Section: Words{"tokens": "Colours", "type": "Type and times", "buttons": "Buttons", "fields": "Fields", "notices": "Notices",
			"states": "States", "empty": "Nothing to show", "dialogs": "Dialogs", "log": "Log", "steps": "Steps of an operation",
			"confirm": "Confirmation", "list": "List", "integrity": "Integrity", "approval": "Approval", "job": "Job", "review": "Review"},
	},
	Review: ReviewTexts{
		Heading: "Broken glass to review", Empty: "Nothing waits for a review.",
		Text:    "These were sent without the second person that the rules want. Look at each, and write what you found: it is kept in the audit log.",
		NotSent: "Never sent: the audit log did not take the request.", Own: "Your own: another manager reviews it.",
		Needed: "Write what you found.", Button: "Reviewed", Link: "Review", Mark: "Broken glass", By: "Reviewed by", Comment: "Review",
	},
	ErrorPage: ErrorPageTexts{
		Status: "Status", Value: "What was sent", Tickets: "List of tickets", Return: "Back", Help: "What to do",
	},
	Word: WordTexts{
		TicketStatus: Words{"READY": "Ready", "PROCESSING": "Running", "ABNORMAL": "Abnormal", "PAUSED": "Paused",
			"CANCELED": "Cancelled", "FINISHED": "Finished", "ERROR": "Error", "ROLLBACKED": "Rolled back"},
		InstanceStatus: Words{"READY": "Waiting", "PROCESSING": "Running", "ABNORMAL": "Failed",
			"CANCELED": "Cancelled", "FINISHED": "Finished", "ROLLBACKED": "Rolled back"},
		BatchState: Words{"WAITING": "Waiting", "RUNNING": "Running", "HELD": "Held", "FAILED": "Failed",
			"CANCELED": "Cancelled", "PARTLY": "Partly cancelled", "FINISHED": "Finished", "UNKNOWN": "Unknown"},
		Rotation:  Words{"CONTINUE": "go on", "PAUSE": "pause"},
		Operation: operationEN,
		Refusal: Words{
			"ticket_over":          "The ticket has ended: there is nothing left to act on.",
			"ticket_not_running":   "Only a running ticket can be paused.",
			"ticket_not_stopped":   "Only a paused or abnormal ticket can do this.",
			"ticket_not_started":   "The ticket has not started yet.",
			"ticket_state_unknown": "The ticket is in a state that this console does not know.",
			"batch_not_current":    "Only the batch that would go on next can be skipped.",
			"instance_over":        "The instance has ended already.",
		},
		Action: Words{
			"approval.": "Approvals", "approval.requested": "Asked for approval", "approval.granted": "Approved", "approval.refused": "Refused",
			"approval.withdrawn": "Withdrew a request", "approval.expired": "A request expired",
			"glass.": "Broken glass", "glass.broken": "Broke the glass", "glass.reviewed": "Reviewed broken glass",
			"job.": "Jobs", "job.started": "Started a job", "job.stopped": "Stopped a job", "job.continued": "Continued a job", "job.ended": "A job ended",
			"policy.": "Policies", "policy.changed": "Policy files changed",
			"session.": "Sessions: all", "ticket.": "Tickets: all", "log.": "Instance logs: all", "operation.": "Operations: all",
			"entry.": "Damaged entries: all", "access.": "Access: all", "audit.": "Audit log: all",
			"session.signed_in": "Signed in", "session.sign_in_failed": "Failed to sign in",
			"session.signed_out": "Signed out", "session.ended": "Session ended",
			"ticket.listed": "Listed tickets", "ticket.viewed": "Opened a ticket", "log.viewed": "Read an instance log",
			"operation.requested": "Requested", "operation.accepted": "Accepted by COC",
			"operation.rejected": "Rejected", "operation.unknown": "Answer unknown",
			"operation.observed": "Effect seen", "operation.not_observed": "Effect not seen",
			"entry.damaged": "Damaged entry", "access.denied": "Denied", "audit.viewed": "Read the audit log", "audit.exported": "Exported the audit log",
			"audit.pruned": "Removed old records", "audit.resumed": "Log takes records again", "audit.restored": "Restored the log",
		},
		Outcome: Words{"succeeded": "Succeeded", "failed": "Failed", "denied": "Denied", "unknown": "Unknown", "pending": "Pending"},
		Note: Words{
			"process_ended":  "The console stopped before the answer was recorded. COC may have done it: look at the ticket before you repeat it.",
			"timeout":        "COC gave no answer in time. It may still have done it: look at the ticket before you repeat it.",
			"connection":     "The connection broke after the request was sent. COC may have done it: look at the ticket before you repeat it.",
			"bad_answer":     "What came back was not COC's answer. COC may have done it: look at the ticket before you repeat it.",
			"not_delivered":  "COC was never reached, so nothing happened. It is safe to try again.",
			"deadline":       "No effect was seen within the time set for it. Look at the ticket: COC may be slow, or may have ignored the operation.",
			"ended":          "The target ended by itself before the operation took effect.",
			"no_session":     "Nobody who could read the ticket was signed in, so the console could not look. Look at the ticket.",
			"other_instance": "Another instance than the chosen one was cancelled.",
		},
		Aspect: Words{"status": "Ticket", "batch": "Current batch", "ready": "Waiting", "running": "Running", "failed": "Failed",
			"canceled": "Cancelled", "finished": "Finished", "instance": "Instance"},
		Field: Words{"count": "Number", "comment": "Comment", "decision": "Decision", "target": "Targets", "find": "Search", "account": "Account name", "user": "User name", "password": "Password",
			"project": "Region or project", "passcode": "Passcode", "token": "IAM token", "status": "State", "name": "Name",
			"creator": "Creator", "from": "From", "to": "To", "q": "Search", "person": "Person", "ticket": "Ticket", "action": "Action",
			"outcome": "Outcome", "operation_type": "Operation", "batch_index": "Batch", "instance_id": "Instance id",
			"reason": "Reason", "despite": "Pending operation"},
		Detail: Words{"note": "Note", "status": "Last seen state", "error": "Error", "batch": "Batch",
			"canceled": "Cancelled before", "others": "Others cancelled", "detail": "Detail", "policies": "Decided by", "stops": "Instances that stop",
			"glass": "Mark", "approved_by": "Approved by", "job": "Job", "comment": "Comment"},
		Finding: Words{
			"record.missing": "A record is missing.", "record.altered": "A record was altered.", "record.number": "A record has another number or time than it says.",
			"record.order": "A record is not later than the one before.", "record.extra": "There is a record outside of the log's numbers.",
			"tile.missing": "Hashes of the tree are missing.", "tile.altered": "Hashes of the tree were altered.", "tile.extra": "There are hashes without records.",
			"head.altered": "The head of the log was altered.", "checkpoint.signature": "A checkpoint is not signed by a known key.",
			"checkpoint.altered": "A checkpoint was altered.", "checkpoint.missing": "A checkpoint is missing.", "checkpoint.root": "The records form another tree than the one that was signed.",
			"log.rolled_back": "Records are missing at the end of the log.", "log.forked": "The log is another one than its anchored checkpoint says.",
			"log.pruned": "Records were removed without the record that says so.", "search.altered": "The search tables say something else than the records.",
			"guard.missing": "A trigger that refuses changes of the log is missing.",
		},
	},
}

// thousandsEN writes a number with commas.
func thousandsEN(n int64) string {
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
	act := operationEN.Of(operation)
	if target == "" {
		return act
	}
	return act + " " + target
}

// operationEN stands alone because actEN needs it inside the catalogue.
var operationEN = Words{"CANCEL_INSTANCE": "Cancel instance", "SKIP_BATCH": "Skip batch", "CANCEL_ORDER": "Cancel ticket",
	"PAUSE_ORDER": "Pause ticket", "CONTINUE_ORDER": "Continue ticket"}

// countEN is a number with what it counts.
func countEN(n int, one, many string) string {
	return strconv.Itoa(n) + " " + pluralEN(int64(n), one, many)
}
