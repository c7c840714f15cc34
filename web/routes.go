package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
)

// access says who may call a route. The zero value is the safe one.
type access int

const (
	signedIn access = iota
	public
	overSafeTransport // public, but a secret travels
	fromMachine       // public, but for programs on this machine alone
)

// route is one line of the list below.
type route struct {
	method, path string
	access       access
	handler      echo.HandlerFunc
}

// routes is the only list of the console's addresses. GET answers HEAD, too.
func routes(h *handlers.Handlers, m *Metrics) []route {
	return []route{
		{http.MethodGet, "/", public, h.Home},
		{http.MethodGet, "/sign-in", overSafeTransport, h.ShowSignIn},
		{http.MethodPost, "/sign-in", overSafeTransport, h.SignIn},
		{http.MethodPost, "/sign-out", public, h.SignOut},
		{http.MethodPost, "/language", public, h.SetLanguage},
		{http.MethodPost, "/theme", public, h.SetTheme},
		{http.MethodGet, "/shortcuts", signedIn, h.Shortcuts},
		{http.MethodPost, "/shortcuts", public, h.SetShortcuts},
		{http.MethodGet, "/design", signedIn, h.Design},
		{http.MethodGet, "/tickets", signedIn, h.Tickets},
		{http.MethodGet, "/tickets/events", signedIn, h.TicketListEvents},
		{http.MethodPost, "/tickets/seen", signedIn, h.TicketsSeen},
		{http.MethodPost, "/tickets/views", signedIn, h.SaveView},
		{http.MethodPost, "/tickets/views/delete", signedIn, h.DeleteView},
		{http.MethodGet, "/tickets/:execute_uuid", signedIn, h.Ticket},
		{http.MethodGet, "/tickets/:execute_uuid/events", signedIn, h.TicketEvents},
		{http.MethodGet, "/tickets/:execute_uuid/hosts.txt", signedIn, h.TicketHosts},
		{http.MethodGet, "/tickets/:execute_uuid/instances.csv", signedIn, h.TicketInstances},
		{http.MethodGet, "/tickets/:execute_uuid/instances/:id", signedIn, h.Instance},
		{http.MethodGet, "/tickets/:execute_uuid/instances/:id/log", signedIn, h.InstanceLog},
		{http.MethodGet, "/tickets/:execute_uuid/operations/new", signedIn, h.NewOperation},
		{http.MethodPost, "/tickets/:execute_uuid/operations", signedIn, h.Operate},
		{http.MethodGet, "/operations/:id", signedIn, h.Receipt},
		{http.MethodGet, "/approvals", signedIn, h.Approvals},
		{http.MethodGet, "/approvals/:id", signedIn, h.Approval},
		{http.MethodPost, "/approvals/:id", signedIn, h.DecideApproval},
		{http.MethodGet, "/reviews", signedIn, h.Reviews},
		{http.MethodPost, "/reviews", signedIn, h.Review},
		{http.MethodGet, "/jobs", signedIn, h.Jobs},
		{http.MethodGet, "/jobs/new", signedIn, h.NewJob},
		{http.MethodPost, "/jobs", signedIn, h.StartJob},
		{http.MethodGet, "/jobs/:id", signedIn, h.Job},
		{http.MethodPost, "/jobs/:id", signedIn, h.ChangeJob},
		{http.MethodGet, "/jobs/:id/result.csv", signedIn, h.JobResult},
		{http.MethodGet, "/audit", signedIn, h.Audit},
		{http.MethodGet, "/audit/export", signedIn, h.ExportAudit},
		{http.MethodGet, "/audit/complete", signedIn, h.Complete},
		{http.MethodPost, "/audit/searches", signedIn, h.SaveSearch},
		{http.MethodPost, "/audit/searches/delete", signedIn, h.DeleteSearch},
		{http.MethodGet, "/audit/story", signedIn, h.Story},
		{http.MethodGet, "/audit/checkpoint", signedIn, h.Checkpoint},
		{http.MethodGet, "/audit/:sequence", signedIn, h.Record},
		{http.MethodGet, "/audit/:sequence/bytes", signedIn, h.RecordBytes},
		{http.MethodGet, "/audit/:sequence/proof", signedIn, h.RecordProof},
		{http.MethodGet, "/healthz", public, h.Health},
		{http.MethodGet, "/readyz", public, h.Ready},
		{http.MethodGet, "/metrics", fromMachine, m.serve},
	}
}
