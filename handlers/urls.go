package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"coc-console/internal/present"
)

// Every address of the console is built here.

// maxReturnForm bounds the address that carries a form over a sign-in: proxies take no longer ones.
const maxReturnForm = 6 << 10

// carried are the fields of forms that survive a sign-in in an address, by their routes, with the page that shows the
// form again. What confirms the impact is not carried: it is typed when the form is sent.
var carried = map[string]struct {
	page   func(c echo.Context) string
	fields []string
}{
	"/tickets/:execute_uuid/operations": {func(c echo.Context) string { return ticketPage(c) + "/operations/new" },
		[]string{"operation_type", "batch_index", "instance_id", "batch", "reason", "from"}},
	"/tickets/:execute_uuid/instances/:id/mark": {ticketPage, nil},
	"/bulk":                  {func(echo.Context) string { return "/bulk/new" }, []string{"operation_type", "target", "reason"}},
	"/bulk/:id":              {func(c echo.Context) string { return present.BulkAddress(c.Param("id")) }, nil},
	"/approvals/:id":         {func(c echo.Context) string { return present.ApprovalAddress(c.Param("id")) }, []string{"comment"}},
	"/sessions":              {func(echo.Context) string { return "/sessions" }, []string{"whose", "session", "reason"}},
	"/audit/review":          {func(echo.Context) string { return "/audit/review" }, []string{"operation", "comment"}},
	"/elevations":            {func(echo.Context) string { return "/elevations" }, []string{"role", "until", "reason", "id", "comment"}},
	"/audit/integrity":       {func(echo.Context) string { return "/audit/integrity" }, []string{"query", "reason"}},
	"/notices":               {func(echo.Context) string { return "/notices" }, nil},
	"/handover":              {func(echo.Context) string { return "/handover" }, []string{"hours"}},
	"/handover/note":         {func(echo.Context) string { return "/handover" }, []string{"hours", "comment"}},
	"/tickets/views":         {viewPage, nil},
	"/tickets/views/delete":  {viewPage, nil},
	"/audit/searches":        {func(echo.Context) string { return "/audit" }, []string{"q"}},
	"/audit/searches/delete": {func(echo.Context) string { return "/audit" }, []string{"q"}},
}

func ticketPage(c echo.Context) string { return present.TicketAddress(c.Param("execute_uuid")) }

// viewPage is the list that a form is about.
func viewPage(c echo.Context) string {
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return "/tickets"
	}
	return viewAddress(view)
}

// ReturnAddress is the address of the page to come back to after signing in: the page itself or, for a form, the page
// that shows it with everything that was typed. Where nobody is signed in it says who has opened the form, since
// somebody else may come.
func ReturnAddress(c echo.Context) string {
	r := c.Request()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	form, known := carried[c.Path()]
	if !known {
		return "/"
	}
	values, err := c.FormParams()
	if err != nil {
		return form.page(c) // it was none
	}
	q := url.Values{}
	for _, name := range form.fields {
		for _, value := range values[name] {
			if value = bounded(value); value != "" {
				q.Add(name, value)
			}
		}
	}
	_, isOther := openerFrom(r.Context())
	_, known = ViewerFrom(r.Context())
	if who := r.PostFormValue("person"); who != "" && len(q) > 0 && (isOther || !known) {
		q.Set("person", bounded(who))
	}
	to := present.Address(form.page(c), q)
	if len(to) > maxReturnForm && form.fields != nil && c.Path() == "/bulk" {
		return "/tickets"
	}
	return to
}
