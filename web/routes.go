package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
)

// access says who may call a route. The zero value is for people who are signed in. What they may see and do there is
// the policy's to say, which the handlers ask.
type access int

const (
	signedIn          access = iota
	signedInNow              // IAM has just said that the session's token is good: no call to COC checks it afterwards
	public                   // everybody
	overSafeTransport        // public, but a secret travels
	probe                    // public, also for pages of other sites: it is for programs, which ask often
	fromMachine              // for programs on this machine alone
)

// budget says which limit of one person a request counts towards. The zero value is the strictest.
type budget int

const (
	reading  budget = iota
	download        // a file that people carry away: its bytes count, too
	acting          // changes something, or leads to it: it stays open to those who have read too much
	free            // costs nothing worth a limit, or ends something
)

// encoding says who compresses an answer.
type encoding int

const (
	compressed   encoding = iota // the server
	byHandler                    // the handler: it has compressed parts that many readers share
	unlessBundle                 // the server, but for a bundle, which is a zip file
	never                        // nobody: nearly all of its answers are empty
)

// binding says what a POST asks of the field that names the person whom its form was rendered for. The zero value is
// the strictest.
type binding int

const (
	bound        binding = iota // the field must be there, and name who is signed in
	boundIfThere                // for preferences and sign-out: scripts and old pages may leave it out
	unbound                     // nothing is done in anybody's name
)

// A route is one address. All that is decided about a request before its handler is called stands here.
type route struct {
	method, path string
	access       access
	budget       budget
	handler      echo.HandlerFunc
	encoding     encoding
	endless      bool // goes on as long as it is read, and bounds its writing itself
	person       binding
	// retry shows the form of somebody else, rendered for the reader; nil where there is nothing to show.
	retry echo.HandlerFunc
}

// routes is the only list of the console's addresses. GET answers HEAD, too.
func routes(h *handlers.Handlers, m *Metrics) []route { //nolint:funlen // a list
	return slices.Concat(movedRoutes(), approvalRoutes(h), []route{
		get("/", public, free, h.Home),
		get("/sign-in", overSafeTransport, free, h.ShowSignIn),
		post("/sign-in", overSafeTransport, free, h.SignIn, unbound, nil),
		post("/sign-in/oidc", overSafeTransport, free, h.StartCompany, unbound, nil),
		get("/sign-in/oidc/callback", overSafeTransport, free, h.FinishCompany),
		get("/sign-in/oidc/sign-out", public, free, h.LeaveCompany),
		post("/sign-out", public, free, h.SignOut, boundIfThere, nil),
		post("/language", public, free, h.SetLanguage, unbound, nil),
		post("/theme", public, free, h.SetTheme, unbound, nil),
		get("/session", public, free, h.Session),
		get("/project", signedIn, acting, h.Projects),
		post("/project", signedIn, acting, h.SwitchProject, boundIfThere, h.Projects),
		get("/shortcuts", signedIn, free, h.Shortcuts),
		post("/shortcuts", public, free, h.SetShortcuts, unbound, nil),
		post("/wrap", signedIn, free, h.SetWrap, boundIfThere, nil),
		get("/design", signedIn, reading, h.Design),

		stream("/counts/events", signedIn, free, h.CountEvents).as(byHandler),
		get("/tickets", signedIn, reading, h.Tickets).as(byHandler),
		stream("/tickets/events", signedIn, reading, h.TicketListEvents).as(byHandler),
		get("/tickets/next", signedIn, reading, h.NextTicket),
		get("/tickets/suggest", signedIn, reading, h.SuggestTickets),
		post("/tickets/seen", signedIn, reading, h.TicketsSeen, boundIfThere, nil),
		post("/tickets/views", signedIn, reading, h.SaveView, boundIfThere, h.ViewAgain).as(byHandler),
		post("/tickets/views/delete", signedIn, reading, h.DeleteView, boundIfThere, h.ViewAgain).as(byHandler),
		get("/tickets/:execute_uuid", signedIn, reading, h.Ticket).as(byHandler),
		stream("/tickets/:execute_uuid/events", signedIn, reading, h.TicketEvents).as(byHandler),
		get("/tickets/:execute_uuid/hosts.txt", signedIn, download, h.TicketHosts),
		get("/tickets/:execute_uuid/instances.csv", signedIn, download, h.TicketInstances),
		get("/tickets/:execute_uuid/instances/:id", signedIn, reading, h.Instance),
		get("/tickets/:execute_uuid/instances/:id/log", signedIn, download, h.InstanceLog),
		get("/tickets/:execute_uuid/compare", signedIn, reading, h.CompareLogs),
		post("/tickets/:execute_uuid/instances/:id/mark", signedIn, reading, h.Mark, bound, h.Instance),
		stream("/tickets/:execute_uuid/presence/events", signedIn, reading, h.Presence).as(byHandler),
		get("/tickets/:execute_uuid/operations/new", signedIn, acting, h.NewOperation),
		post("/tickets/:execute_uuid/operations", signedIn, acting, h.Operate, bound, h.OperateAgain).as(never),
		get("/operations/:id", signedIn, acting, h.Receipt),

		get("/me/permissions", signedIn, reading, h.Permissions),
		get("/policies/change", signedIn, acting, h.PolicyChange),
		post("/policies/change", signedInNow, acting, h.PolicyChange, bound, h.PolicyChange),
		get("/elevations", signedIn, acting, h.Elevations),
		post("/elevations", signedInNow, acting, h.Elevate, bound, h.Elevations),
		get("/sessions", signedIn, acting, h.ListSessions),
		post("/sessions", signedInNow, acting, h.EndSessions, bound, h.SessionsAgain),
		get("/notices", signedIn, acting, h.Notices),
		post("/notices", signedInNow, acting, h.Notices, bound, h.NoticesAgain),

		get("/handover", signedIn, acting, h.Handover),
		get("/handover.md", signedIn, acting, h.HandoverText),
		post("/handover", signedInNow, acting, h.TakeOver, bound, h.Handover),
		post("/handover/note", signedInNow, acting, h.SaveNote, bound, h.Handover),

		get("/audit", signedIn, reading, h.Audit),
		stream("/audit/export", signedInNow, download, h.ExportAudit).as(unlessBundle),
		get("/audit/suggest", signedIn, reading, h.SuggestValues),
		post("/audit/searches", signedIn, reading, h.SaveSearch, boundIfThere, h.SearchAgain),
		post("/audit/searches/delete", signedIn, reading, h.DeleteSearch, boundIfThere, h.SearchAgain),
		get("/audit/timeline", signedIn, reading, h.Timeline),
		get("/audit/review", signedIn, acting, h.Reviews),
		post("/audit/review", signedInNow, acting, h.Review, bound, h.ReviewAgain),
		get("/audit/report", signedIn, reading, h.Report),
		get("/audit/incident", signedIn, reading, h.Incident),
		get("/audit/integrity", signedIn, reading, h.Integrity),
		post("/audit/integrity", signedInNow, acting, h.VerifyLog, bound, h.VerifyAgain),
		get("/audit/checkpoint", signedIn, reading, h.Checkpoint),
		get("/audit/:sequence", signedIn, reading, h.Record),
		get("/audit/:sequence/bytes", signedIn, reading, h.RecordBytes),
		get("/audit/:sequence/proof", signedIn, reading, h.RecordProof),

		get("/healthz", probe, free, h.Health),
		get("/readyz", probe, free, h.Ready),
		get("/metrics", fromMachine, free, echo.WrapHandler(m.Handler())),
	})
}

// approvalRoutes are those of requests for approval and of bulk operations.
func approvalRoutes(h *handlers.Handlers) []route {
	return []route{
		get("/approvals", signedIn, acting, h.Approvals),
		stream("/approvals/events", signedIn, acting, h.ApprovalsEvents).as(byHandler),
		get("/approvals/:id", signedIn, acting, h.Approval),
		stream("/approvals/:id/events", signedIn, acting, h.ApprovalEvents).as(byHandler),
		post("/approvals/:id", signedInNow, acting, h.DecideApproval, bound, h.DecideApprovalAgain),

		get("/bulk", signedIn, reading, h.BulkOperations),
		get("/bulk/new", signedIn, acting, h.NewBulk),
		post("/bulk", signedInNow, acting, h.StartBulk, bound, h.StartBulkAgain),
		stream("/bulk/events", signedIn, reading, h.BulkOperationsEvents).as(byHandler),
		get("/bulk/:id", signedIn, reading, h.BulkOperation),
		stream("/bulk/:id/events", signedIn, reading, h.BulkOperationEvents).as(byHandler),
		post("/bulk/:id", signedInNow, acting, h.ChangeBulk, bound, h.ChangeBulkAgain),
		get("/bulk/:id/result.csv", signedInNow, download, h.BulkResult),
	}
}

func get(path string, a access, b budget, handler echo.HandlerFunc) route {
	return route{method: http.MethodGet, path: path, access: a, budget: b, handler: handler}
}

func stream(path string, a access, b budget, handler echo.HandlerFunc) route {
	return route{method: http.MethodGet, path: path, access: a, budget: b, handler: handler, endless: true}
}

func post(path string, a access, b budget, handler echo.HandlerFunc, person binding, retry echo.HandlerFunc) route {
	return route{method: http.MethodPost, path: path, access: a, budget: b, handler: handler, person: person,
		retry: retry}
}

func (r route) as(e encoding) route {
	r.encoding = e
	return r
}

// movedRoutes are former addresses of pages. They stay for one release.
func movedRoutes() []route {
	return []route{
		moved(http.MethodGet, "/jobs", "/jobs", "/bulk"),
		moved(http.MethodGet, "/jobs/new", "/jobs", "/bulk"),
		moved(http.MethodPost, "/jobs", "/jobs", "/bulk"),
		moved(http.MethodGet, "/jobs/:id", "/jobs", "/bulk"),
		moved(http.MethodPost, "/jobs/:id", "/jobs", "/bulk"),
		moved(http.MethodGet, "/jobs/:id/result.csv", "/jobs", "/bulk"),
		moved(http.MethodGet, "/reviews", "/reviews", "/audit/review"),
		moved(http.MethodPost, "/reviews", "/reviews", "/audit/review"),
		moved(http.MethodGet, "/audit/story", "/audit/story", "/audit/timeline"),
		moved(http.MethodGet, "/audit/complete", "/audit/complete", "/audit/suggest"),
	}
}

// moved redirects to an address that begins differently. It keeps the query, and the form of a page from before the
// console was updated.
func moved(method, path, former, now string) route {
	r := route{method: method, path: path, access: public, handler: func(c echo.Context) error {
		to := *c.Request().URL
		to.Scheme, to.Host, to.User = "", "", nil
		to.RawPath = now + strings.TrimPrefix(to.EscapedPath(), former)
		to.Path = now + strings.TrimPrefix(to.Path, former)
		return c.Redirect(http.StatusPermanentRedirect, to.String())
	}}
	if method == http.MethodPost {
		r.person = unbound // the address that it leads to asks for it
	}
	return r
}
