package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/i18n"
)

const ticketList = "/tickets"

// TestTicketFilterIsChecked: what no list can be narrowed to is said beside its
// field, with what was typed, and COC is not asked.
func TestTicketFilterIsChecked(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	field := i18n.For(i18n.EnUS).Field
	for _, tt := range []struct{ name, query, says, kept string }{
		{"a state that is none", "status=RUNNING", field.Choice, ""},
		{"no time", "from=soon", field.Time, `value="soon"`},
		{"the wrong order", "from=2026-03-02T00:00Z&to=2026-03-01T00:00Z", field.TimeOrder, `value="2026-03-01T00:00"`},
		{"a long name", "name=" + strings.Repeat("x", 300), "", strings.Repeat("x", 300)},
		{"a key that is none", "after=x", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(r.of(p.records(t, "", audit.ActionTicketListed)))
			a := r.get(p.Tickets, ticketList, "/tickets?"+tt.query)
			a.want(t, http.StatusUnprocessableEntity, tt.says, tt.kept)
			if n := len(r.of(p.records(t, "", audit.ActionTicketListed))); n != before {
				t.Errorf("%d records say that the list was read", n-before)
			}
		})
	}
}

// TestLocalTimesBecomeExact: an address with a local time would mean something else to somebody in another zone.
func TestLocalTimesBecomeExact(t *testing.T) {
	p := start(t)
	a := p.as(t, "operator").get(p.Tickets, ticketList, "/tickets?from=2026-03-02T09:15&name=x")
	if want := "/tickets?from=2026-03-02T09%3A15Z&name=x"; a.status != http.StatusSeeOther || a.location != want {
		t.Errorf("status %d, to %q, want %q", a.status, a.location, want)
	}
}

// TestTicketListFilters: what the list is narrowed to, by state, name and scope.
func TestTicketListFilters(t *testing.T) {
	p := start(t)
	for _, tt := range []struct {
		name, user, query string
		has, lacks        []string
	}{
		{"by state", "operator", "status=FINISHED", []string{"finished_check"}, []string{">running_check"}},
		{"by name", "operator", "name=abnormal", []string{"abnormal_check"}, []string{">finished_check"}},
		{"my own", "operator", "scope=mine&name=_check", []string{"running_check"}, []string{"foreign_check"}},
		{"by creator", "operator", "creator=somebody", []string{"foreign_check"}, []string{">running_check"}},
		{"hidden by the rules", "operator", "name=secret", nil, []string{"secret_check"}},
		{"not hidden from managers", "manager", "name=secret", []string{"secret_check"}, nil},
		{"nothing", "operator", "name=no_such_ticket", nil, []string{"running_check"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.as(t, tt.user).get(p.Tickets, ticketList, "/tickets?"+tt.query).want(t, http.StatusOK, tt.has...).without(t,
				tt.lacks...)
		})
	}
}

// TestTicketListIsRecorded: that somebody looked is in the log, with what they narrowed the list to.
func TestTicketListIsRecorded(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	r.get(p.Tickets, ticketList, "/tickets?status=FINISHED&name=fin").want(t, http.StatusOK)
	all := r.of(p.records(t, "", audit.ActionTicketListed))
	if len(all) != 1 || all[0].Detail != "status=FINISHED name=fin" || all[0].Actor.UserName != "reader" {
		t.Errorf("the log has %+v", all)
	}
}

// TestSavedViews: a list is saved under a name, and its name is checked.
func TestSavedViews(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	field := i18n.For(i18n.EnUS).Field
	save := func(view, label string) answer {
		return r.post(p.SaveView, "/tickets/views", "/tickets/views", url.Values{"view": {view}, "label": {label}})
	}
	for _, tt := range []struct{ name, label, says string }{
		{"no name", " ", field.Missing},
		{"a long name", strings.Repeat("长", 61), field.TooLong(60)},
		{"a name that shows nothing", "a\u202eb", field.Hidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			save("status=PAUSED", tt.label).want(t, http.StatusUnprocessableEntity, tt.says)
		})
	}
	if a := save("status=PAUSED&unknown=1", "On hold"); a.status != http.StatusSeeOther ||
		a.location != "/tickets?status=PAUSED" {
		t.Fatalf("status %d, to %q", a.status, a.location)
	}
	r.get(p.Tickets, ticketList, "/tickets").want(t, http.StatusOK, "On hold", "/tickets?status=PAUSED")
	p.as(t, "operator").get(p.Tickets, ticketList, "/tickets").want(t, http.StatusOK).without(t, "On hold")
	r.post(p.DeleteView, "/tickets/views/delete", "/tickets/views/delete",
		url.Values{"view": {"status=PAUSED"}, "label": {"On hold"}})
	r.get(p.Tickets, ticketList, "/tickets").want(t, http.StatusOK).without(t, "On hold")
	save("%zz", "x").wantProblem(t, http.StatusUnprocessableEntity, handlers.ProblemBadInput)
}

// TestListQuery adds what is typed to what is set, in either language.
func TestListQuery(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	for _, tt := range []struct{ address, text, want, unknown string }{
		{"/tickets", "nginx reload", "/tickets?name=nginx+reload", ""},
		{"/tickets?status=PAUSED&range=24h", "creator:operator", "/tickets?creator=operator&range=24h&status=PAUSED", ""},
		{"/tickets?name=x", `state:"needs attention" name:nginx`, "/tickets?name=nginx&status=attention", ""},
		{"/tickets", "state:needs-attention", "/tickets?status=attention", ""},
		{"/tickets", "state:paused", "/tickets?status=PAUSED", ""},
		{"/tickets", "状态：异常", "/tickets?status=ABNORMAL", ""}, // as of instances, in another language
		{"/tickets", "state:需处理", "/tickets?status=attention", ""},
		{"/tickets", "state:成功", "/tickets?status=FINISHED", ""},
		{"/tickets", "state:", "", "state:"},
		{"/tickets?from=2026-01-01T00:00Z", "after:24h", "/tickets?range=24h", ""},
		{"/tickets?range=24h", "after:2026-02-01T08:00Z", "/tickets?from=2026-02-01T08%3A00Z", ""},
		{"/tickets", "创建人：li.na", "/tickets?creator=li.na", ""},
		{"/tickets", "state:dancing", "", "state:dancing"},
		{"/tickets", "colour:red x", "", "colour:red"},
		{"/tickets", "state:pausde", "", "state:pausde"},
		{"/tickets", "craetor:ann", "", "craetor:ann"},
		{"/tickets", "before:soon", "", "before:soon"},
	} {
		address := tt.address + "?"
		if strings.Contains(tt.address, "?") {
			address = tt.address + "&"
		}
		a := r.get(p.Tickets, ticketList, address+"q="+url.QueryEscape(tt.text))
		if tt.unknown != "" {
			a.want(t, http.StatusUnprocessableEntity, i18n.For(i18n.EnUS).List.UnknownTerm(tt.unknown), `id="scopes"`)
		} else if got := a.location; got != tt.want {
			t.Errorf("%s with %q leads to %q, want %q", tt.address, tt.text, got, tt.want)
		}
	}
	r.get(p.Tickets, ticketList, "/tickets?q=state%3Apausde").want(t, http.StatusUnprocessableEntity, "Did you mean state:paused?")
}
