package handlers_test

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/handlers"
	"coc-console/internal/i18n"
)

const recordRoute = "/audit/:sequence"

// logged writes a record of its own for a test, and returns its sequence.
func (r reader) logged(t *testing.T, target string) int64 {
	t.Helper()
	written, err := r.log.Append(t.Context(), audit.Record{Action: audit.ActionSessionSignedIn, Outcome: audit.OutcomeSucceeded,
		Actor: r.viewer.Actor, Origin: audit.Origin{Address: "192.0.2.7", Session: r.viewer.SessionName}, Target: target})
	must(t, err)
	return written.Sequence
}

// TestAuditFilter: which searches are understood, what is said of the others,
// and that what was typed stays.
func TestAuditFilter(t *testing.T) {
	p := start(t)
	r := p.as(t, "manager")
	field := i18n.For(i18n.EnUS).Field
	uuid := p.sim.UUID("running")
	for _, tt := range []struct {
		name, query string
		status      int
		says        []string
	}{
		{"nothing", "", http.StatusOK, nil},
		{"words", "q=operator", http.StatusOK, []string{`value="operator"`}},
		{"an action that is none", "action=ticket.stolen", http.StatusUnprocessableEntity, []string{field.Choice}},
		{"a group of actions", "action=ticket.", http.StatusOK, nil},
		{"an outcome that is none", "outcome=good", http.StatusUnprocessableEntity, []string{field.Choice}},
		{"a long name", "person=" + strings.Repeat("x", 256), http.StatusUnprocessableEntity, []string{field.TooLong(255), strings.Repeat("x", 256)}},
		{"no ticket", "ticket=nginx", http.StatusUnprocessableEntity, []string{field.NoUUID, `value="nginx"`}},
		{"a ticket within a text", "ticket=see+" + uuid + "+please", http.StatusOK, []string{uuid}},
		{"no time", "from=soon", http.StatusUnprocessableEntity, []string{field.Time}},
		{"the wrong order", "from=2026-03-02T00:00Z&to=2026-03-01T00:00Z", http.StatusUnprocessableEntity, []string{field.TimeOrder}},
		{"no page", "before=x", http.StatusUnprocessableEntity, []string{field.Sequence}},
		{"a qualifier that is none", "q=colour:red", http.StatusUnprocessableEntity, []string{field.Query.Qualifier("colour:red")}},
		{"one without a value", "q=actor:", http.StatusUnprocessableEntity, nil},
		{"one twice", "q=ticket:" + uuid + "+ticket:" + p.sim.UUID("paused"), http.StatusUnprocessableEntity, nil},
		{"the box and a control", "q=outcome:denied&outcome=failed", http.StatusUnprocessableEntity, []string{field.Query.Twice("failed")}},
		{"the box and a control that agree", "q=outcome:denied&outcome=denied", http.StatusOK, nil},
		{"an open quote", "q=%22nginx", http.StatusUnprocessableEntity, []string{`&#34;nginx`}},
		{"too many words", "q=" + url.QueryEscape(strings.Repeat("word ", 11)), http.StatusUnprocessableEntity, []string{field.Query.Many(10)}},
		{"a short beginning", "q=ab*", http.StatusUnprocessableEntity, []string{field.Query.Short("ab*")}},
		{"a short beginning that is left out", "q=-ab*", http.StatusUnprocessableEntity, []string{field.Query.Short("ab*")}},
		{"one of four stars", "q=a****", http.StatusUnprocessableEntity, []string{field.Query.Short("a****")}},
		{"one with signs between", "q=" + url.QueryEscape(`"a -- ＊"`), http.StatusUnprocessableEntity, nil},
		{"the beginning of a name's part", "q=web-0*", http.StatusOK, nil},
		{"times in the wrong order", "q=before:yesterday+after:today", http.StatusUnprocessableEntity, []string{field.Query.Order("after:today")}},
		{"a beginning", "q=abc*", http.StatusOK, nil},
		{"a long search", "q=" + strings.Repeat("x", 1001), http.StatusUnprocessableEntity, []string{field.TooLong(1000)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.get(p.Audit, "/audit", "/audit?"+tt.query).want(t, tt.status, tt.says...)
		})
	}
}

// TestDidYouMean: what is almost a value is said beside the field, in both languages, and what was typed stays there.
func TestDidYouMean(t *testing.T) {
	p := start(t)
	for _, language := range i18n.Languages() {
		r := p.as(t, "manager")
		r.ctx = func(ctx context.Context) context.Context { return i18n.WithLanguage(ctx, language) }
		texts := i18n.For(language)
		for typed, meant := range map[string]string{"outcome:confrmed": "confirmed", "-outcome:confrmed": "confirmed", "action:approvl": "approval.",
			"override:yse": "yes", "reviewed:on": "no", "after:yesterdy": "yesterday", "before:todat": "today", "opration:cancel": "operation"} {
			r.get(p.Audit, "/audit", "/audit?q="+url.QueryEscape(typed)).want(t, http.StatusUnprocessableEntity,
				`value="`+typed+`"`, html.EscapeString(strings.TrimSpace(texts.Field.Query.Suggestion(meant))))
		}
		for typed, meant := range map[string]string{"operation:cancle": "operation:cancel", "operation:PAUSE_ODRER": "operation:PAUSE_ORDER",
			"word -operation:cancle": "word -operation:cancel"} {
			r.get(p.Audit, "/audit", "/audit?q="+url.QueryEscape(typed)).want(t, http.StatusOK, `value="`+typed+`"`,
				`<a href="/audit?q=`+url.QueryEscape(meant)+`">`+meant+`</a>`)
		}
		for _, right := range []string{"operation:cancel", "operation:CONTINUE_ORDER", "operation:SOMETHING_NEW"} {
			r.get(p.Audit, "/audit", "/audit?q="+right).want(t, http.StatusOK).without(t, "data-meant")
		}
	}
}

// TestAuditChartByOutcome: the chart says on every tab how things came out.
func TestAuditChartByOutcome(t *testing.T) {
	p := start(t)
	r := p.as(t, "manager")
	_, err := r.log.Append(t.Context(), audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied,
		Actor: r.viewer.Actor, Target: "charted"})
	must(t, err)
	for _, view := range search.Presets() {
		if view == search.PresetApprovals || view == search.PresetOperations {
			continue // which have no such record
		}
		for _, q := range []string{"", "&q=charted"} {
			r.get(p.Audit, "/audit", "/audit?view="+string(view)+q).want(t, http.StatusOK, `class="chart-bad"`,
				i18n.AuditRows.In(i18n.EnUS).Outcome.Of("denied")+": ")
		}
	}
}

// TestAuditControls: a form that was sent leads to the search as text, in which
// nothing changes but the controls that were changed.
func TestAuditControls(t *testing.T) {
	p := start(t)
	r := p.as(t, "manager")
	uuid := p.sim.UUID("running")
	for _, tt := range []struct{ name, form, want string }{
		{"nothing changed", "was=&q=&person=&action=", "/audit?view=everything"},
		{"typed", "was=&q=nginx+-denied", "/audit?q=nginx+-denied"},
		{"a control", "was=nginx&q=nginx&outcome=denied", "/audit?q=outcome%3Adenied+nginx"},
		{"a control taken back", "was=outcome%3Adenied&q=outcome%3Adenied&outcome=", "/audit?view=everything"},
		{"a ticket within a text", "was=&q=&ticket=see+" + uuid, "/audit?q=ticket%3A" + uuid},
		{"a local time", "was=&q=&from=2026-03-02T09:15", "/audit?q=after%3A2026-03-02T09%3A15%3A00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := r.get(p.Audit, "/audit", "/audit?"+tt.form); a.status != http.StatusSeeOther || a.location != tt.want {
				t.Errorf("status %d, to %q, want %q; error %v", a.status, a.location, tt.want, a.err)
			}
		})
	}
	for _, wrong := range []string{"was=&q=&ticket=nginx", "was=&q=&from=soon", "was=&q=colour:red"} {
		r.get(p.Audit, "/audit", "/audit?"+wrong).want(t, http.StatusUnprocessableEntity)
	}
}

// TestAuditIsEverybodysOwn: who may not read the whole log sees their own doing.
func TestAuditIsEverybodysOwn(t *testing.T) {
	p := start(t)
	manager, operator := p.as(t, "manager"), p.as(t, "operator")
	target := "private-" + strings.ToLower(manager.viewer.SessionName)
	sequence := manager.logged(t, target)
	manager.get(p.Audit, "/audit", "/audit?q="+target).want(t, http.StatusOK, "/audit/"+decimalOf(sequence))
	operator.get(p.Audit, "/audit", "/audit?q="+target).want(t, http.StatusOK).without(t, "/audit/"+decimalOf(sequence))
	manager.get(p.Record, recordRoute, "/audit/"+decimalOf(sequence)).want(t, http.StatusOK, target)
	operator.get(p.Record, recordRoute, "/audit/"+decimalOf(sequence)).wantProblem(t, http.StatusForbidden, handlers.ProblemDenied)
	for _, unknown := range []string{"x", "0", "-1", "999999999"} {
		err := manager.get(p.Record, recordRoute, "/audit/"+unknown).err
		if problem, ok := errors.AsType[*handlers.Problem](err); !errors.Is(err, audit.ErrNotFound) && (!ok || problem.Kind != handlers.ProblemNotFound) {
			t.Errorf("%s: %v", unknown, err)
		}
	}
}

// TestRecordBytes: a record can be taken as its bytes, with its proof.
func TestRecordBytes(t *testing.T) {
	p := start(t)
	manager := p.as(t, "manager")
	sequence := decimalOf(manager.logged(t, "bytes"))
	a := manager.get(p.RecordBytes, recordRoute+"/bytes", "/audit/"+sequence+"/bytes").want(t, http.StatusOK)
	if !strings.Contains(a.header.Get("Content-Disposition"), sequence) {
		t.Errorf("the file is %q", a.header.Get("Content-Disposition"))
	}
	p.as(t, "operator").get(p.RecordBytes, recordRoute+"/bytes", "/audit/"+sequence+"/bytes").wantProblem(t, http.StatusForbidden, handlers.ProblemDenied)
}

// TestExportOfATab: an export has the records of what its tab shows, and says so in its menu and its name.
func TestExportOfATab(t *testing.T) {
	p := start(t)
	r := p.as(t, "manager")
	const of = "q=operation%3ACONTINUE_ORDER"
	_, err := r.log.Append(t.Context(), audit.Record{Action: audit.ActionOperationAccepted, Outcome: audit.OutcomePending, Actor: r.viewer.Actor,
		OperationID: "exported", OperationType: "PAUSE_ORDER", Reason: "another"})
	must(t, err)
	for i, action := range []audit.Action{audit.ActionApprovalRequested, audit.ActionOperationRequested, audit.ActionOperationObserved, audit.ActionTicketViewed} {
		rec := audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, Actor: r.viewer.Actor, Reason: "of row " + decimalOf(int64(i))}
		if i < 3 {
			rec.OperationID, rec.OperationType = "exported too", "CONTINUE_ORDER"
		}
		_, err := r.log.Append(t.Context(), rec)
		must(t, err)
	}
	get := func(query string) answer {
		return r.get(p.ExportAudit, "/audit/export", "/audit/export?"+query).want(t, http.StatusOK, "of row 1")
	}
	a := get("view=operations&"+of+"+outcome%3Aconfirmed").want(t, http.StatusOK, "of row 0", "of row 2").without(t, "of row 3", "another")
	records := strings.Count(a.body, "\n") - 1 // the console that runs beside it may write more about an operation
	if name := a.header.Get("Content-Disposition"); !strings.Contains(name, "audit-operations-") || a.header.Get(handlers.RecordsHeader) != decimalOf(int64(records)) || records < 3 {
		t.Errorf("the file is %q, and has %s records, not %d", name, a.header.Get(handlers.RecordsHeader), records)
	}
	get("view=operations").without(t, "of row 3").want(t, http.StatusOK, "another")
	get("view=everything").want(t, http.StatusOK, "of row 3")
	get("").want(t, http.StatusOK, "of row 3") // as programs ask
	for _, v := range search.Presets() {
		r.get(p.Audit, "/audit", "/audit?view="+string(v)).want(t, http.StatusOK, `name="view" value="`+string(v)+`"`,
			i18n.AuditRows.In(i18n.EnUS).ExportOf.Of(string(v)))
	}
}

// TestExportAudit: what is carried away is what the reader may read, and it is
// in the log that they did.
func TestExportAudit(t *testing.T) {
	p := start(t)
	manager := p.as(t, "manager")
	target := "exported-" + manager.viewer.SessionName
	manager.logged(t, target)
	for _, format := range []string{"csv", "jsonl"} {
		a := manager.get(p.ExportAudit, "/audit/export", "/audit/export?format="+format+"&q="+target).want(t, http.StatusOK, target)
		if !strings.Contains(a.header.Get("Content-Disposition"), "."+format) {
			t.Errorf("the file is %q", a.header.Get("Content-Disposition"))
		}
		p.as(t, "operator").get(p.ExportAudit, "/audit/export", "/audit/export?format="+format+"&q="+target).want(t, http.StatusOK).without(t, target)
	}
	manager.get(p.ExportAudit, "/audit/export", "/audit/export?format=pdf").wantProblem(t, http.StatusUnprocessableEntity, handlers.ProblemBadInput)
	if n := len(manager.of(p.records(t, "", audit.ActionAuditExported))); n != 2 {
		t.Errorf("%d records of exports, want 2", n)
	}
}

// TestSavedSearches: a search is saved under a name for its reader alone, and
// its name is checked.
func TestSavedSearches(t *testing.T) {
	p := start(t)
	r := p.as(t, "manager")
	field := i18n.For(i18n.EnUS).Field
	save := func(q, name string) answer {
		return r.post(p.SaveSearch, "/audit/searches", "/audit/searches", url.Values{"q": {q}, "name": {name}})
	}
	for _, tt := range []struct{ name, says string }{{" ", field.Missing}, {strings.Repeat("长", 61), field.TooLong(60)}, {"a\u202eb", field.Hidden}} {
		save("outcome:denied", tt.name).want(t, http.StatusUnprocessableEntity, tt.says)
	}
	for _, q := range []string{"colour:red", strings.Repeat("x", 1001)} {
		save(q, "mine").wantProblem(t, http.StatusUnprocessableEntity, handlers.ProblemBadInput)
	}
	if a := save(" outcome:denied ", "Refusals"); a.status != http.StatusSeeOther || a.location != "/audit?q=outcome%3Adenied" {
		t.Fatalf("status %d, to %q", a.status, a.location)
	}
	r.get(p.Audit, "/audit", "/audit").want(t, http.StatusOK, "Refusals")
	const access = "/audit?q=outcome%3Adenied&view=access"
	if a := r.post(p.SaveSearch, "/audit/searches", "/audit/searches", url.Values{"q": {"outcome:denied"}, "view": {"access"}, "name": {"Denied sessions"}}); a.location != access {
		t.Errorf("it leads to %q", a.location)
	}
	current := func(address string) string {
		return `<a href="` + strings.ReplaceAll(address, "&", "&amp;") + `" aria-current="true"><bdi>`
	}
	r.get(p.Audit, "/audit", access).want(t, http.StatusOK, current(access)+"Denied sessions").without(t, current("/audit?q=outcome%3Adenied"))
	r.get(p.Audit, "/audit", "/audit?q=outcome:denied").want(t, http.StatusOK, current("/audit?q=outcome%3Adenied")+"Refusals").without(t, current(access))
	p.as(t, "operator").get(p.Audit, "/audit", "/audit").want(t, http.StatusOK).without(t, "Refusals")
	if a := r.post(p.DeleteSearch, "/audit/searches/delete", "/audit/searches/delete", url.Values{"name": {"Refusals"}}); a.status != http.StatusSeeOther {
		t.Errorf("status %d, error %v", a.status, a.err)
	}
	r.get(p.Audit, "/audit", "/audit").want(t, http.StatusOK).without(t, "Refusals")
}

// TestAuditViewsAreRecorded: a search is one record, and a list that grows by
// itself is no other.
func TestAuditViewsAreRecorded(t *testing.T) {
	p := start(t)
	r := p.as(t, "manager")
	r.get(p.Audit, "/audit", "/audit?q=outcome:denied").want(t, http.StatusOK)
	all := r.of(p.records(t, "", audit.ActionAuditViewed))
	if len(all) != 1 || all[0].Detail != "q=outcome:denied" {
		t.Fatalf("the log has %+v", all)
	}
	r.header.Set("Coc-Console-Refresh", "1")
	newest := decimalOf(all[0].Sequence + 1)
	for range 2 {
		r.get(p.Audit, "/audit", "/audit?q=outcome:denied&after="+newest).want(t, http.StatusOK)
	}
	if n := len(r.of(p.records(t, "", audit.ActionAuditViewed))); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
	r.get(p.Audit, "/audit", "/audit?q=outcome:failed&after=1").want(t, http.StatusOK)
	if n := len(r.of(p.records(t, "", audit.ActionAuditViewed))); n != 2 {
		t.Errorf("a search that calls itself a refresh makes %d records, want 2", n)
	}
}

// TestTimeline: what belongs to a ticket or an operation, for who may see it.
func TestTimeline(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	form := r.confirm(t, "halted0", "operation_type=CONTINUE_ORDER")
	form.Set("operation_type", "CONTINUE_ORDER")
	id := r.apply(t, "halted0", form)
	p.await(t, id)
	const route = "/audit/timeline"
	timeline := p.Timeline
	r.get(timeline, route, route+"?operation="+id).want(t, http.StatusOK, "/operations/"+id)
	r.get(timeline, route, route+"?ticket="+p.sim.UUID("halted0")).want(t, http.StatusOK, "/operations/"+id)
	for _, query := range []string{"", "ticket=x", "operation=x", "operation=" + id[:len(id)-1], "operation=%00", "ticket=" + p.sim.UUID("halted0") + "&before=x"} {
		r.get(timeline, route, route+"?"+query).wantProblem(t, http.StatusNotFound, handlers.ProblemNotFound)
	}
	// Of a ticket that is hidden nobody learns what others did to it.
	r.get(timeline, route, route+"?ticket="+p.sim.UUID("secret")).want(t, http.StatusOK).without(t, "demo/manager", "secret_check")
}

// TestSuggest: values to choose from, for who may read them.
func TestSuggest(t *testing.T) {
	p := start(t)
	r := p.as(t, "manager")
	r.logged(t, "suggested")
	deadline := time.Now().Add(2 * time.Minute)
	for {
		a := r.get(p.SuggestValues, "/audit/suggest", "/audit/suggest?field=actor&prefix=man").want(t, http.StatusOK)
		if strings.Contains(a.body, "manager") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("suggested is %s", a.body)
		}
		<-time.After(10 * time.Millisecond) // then ask again
	}
}
