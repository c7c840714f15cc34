package replay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// readLimit is how long a replay for a page may take.
const readLimit = 30 * time.Second

// periods are the days that a page looks back over.
var periods = []int{7, 30, 90}

// Asked is what the page of changed policy files is asked, and what it stands on.
type Asked struct {
	Log    *audit.Log
	Index  *search.Index
	Rules  *policy.Store
	Actor  audit.Actor
	Origin audit.Origin
	Now    time.Time
}

// Answer takes up the files that the page has shown, where its own form says so: 303 then, and 409 where others are
// there by now. Otherwise it fills the page with what the files that are not in force would have made of the decisions
// of some days, 30 where the request asks for none of the periods.
func (a Asked) Answer(r *http.Request, page *templates.PolicyChange) (status int, err error) {
	status = http.StatusOK
	if r.Method == http.MethodPost && page.Other == nil {
		switch done, err := a.takeUp(r.Context(), r.FormValue("candidate")); {
		case err != nil:
			return status, err
		case done:
			return http.StatusSeeOther, nil
		}
		status, page.Stale = http.StatusConflict, true
	}
	return status, a.fill(r.Context(), r.URL.Query().Get("days"), page)
}

func (a Asked) fill(ctx context.Context, days string, page *templates.PolicyChange) error {
	candidate := a.Rules.Candidate()
	if candidate == nil {
		return nil
	}
	page.Candidate = candidate.Digest()
	t := i18n.PolicyChange.T(ctx)
	chosen := 30
	for _, n := range periods {
		if days == strconv.Itoa(n) {
			chosen = n
		}
	}
	for _, n := range periods {
		page.Presets = append(page.Presets, templates.ReportPreset{Label: t.Last(n), Chosen: n == chosen,
			Address: "/policies/change?days=" + strconv.Itoa(n)})
	}
	limited, stop := context.WithTimeout(ctx, readLimit)
	defer stop()
	result, err := Run(limited, a.Index, candidate, Options{Since: a.Now.AddDate(0, 0, -chosen), Until: a.Now,
		Directory: candidate.HasDirectory(), Calendar: candidate.HasCalendar()})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		page.Slow = true
		return nil
	}
	if err != nil {
		return err
	}
	page.Tell = []string{t.Sum(result.Decisions, result.Changed(), result.Now[Unknown])}
	if result.Trials > 0 {
		page.Tell = append(page.Tell, t.Trials(result.Trials))
	}
	page.Tables = result.tables(ctx)
	return nil
}

// tables are the result as a page shows it.
func (r Result) tables(ctx context.Context) []templates.ReportTable {
	t := i18n.PolicyChange.T(ctx)
	verdicts := append(policy.Verdicts(), Unknown)
	then := templates.ReportTable{ID: "table", Title: t.Table, Head: []string{t.Then, t.Now, t.Count}}
	for _, before := range policy.Verdicts() {
		for _, now := range verdicts {
			if n := r.Table[before][now]; n > 0 {
				then.Rows = append(then.Rows, []string{t.Verdict.Of(string(before)), t.Verdict.Of(string(now)),
					strconv.Itoa(n)})
			}
		}
	}
	all := []templates.ReportTable{then}
	for _, part := range []struct {
		id, title string
		groups    []Group
	}{{"rules", t.Rules, r.Rules}, {"people", t.People, r.People}, {"teams", t.Teams, r.Teams},
		{"trial-rules", t.TrialRules, r.TrialRules}} {
		if len(part.groups) > 0 {
			all = append(all, groupTable(t, part.id, part.title, part.groups))
		}
	}
	if len(r.Changes) > 0 {
		all = append(all, changeTable(ctx, "newest", t.Newest, [2]string{t.Then, t.Now}, r.Changes))
	}
	if len(r.TrialChanges) > 0 {
		all = append(all, changeTable(ctx, "trial-newest", t.TrialNewest, [2]string{t.Now, t.Tried}, r.TrialChanges))
	}
	return all
}

// groupTable are decisions by the names of groups.
func groupTable(t *i18n.PolicyChangeTexts, id, title string, groups []Group) templates.ReportTable {
	table := templates.ReportTable{ID: id, Title: title, Figures: true, Head: []string{t.Name}}
	for _, v := range policy.Verdicts() {
		table.Head = append(table.Head, t.Verdict.Of(string(v)))
	}
	for _, g := range groups {
		row := []string{g.Name}
		for _, v := range policy.Verdicts() {
			row = append(row, strconv.Itoa(g.Now[v]))
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// changeTable are the newest decisions that would be others; verdicts are the names of what was and would be decided.
func changeTable(ctx context.Context, id, title string, verdicts [2]string, changes []Change) templates.ReportTable {
	t := i18n.PolicyChange.T(ctx)
	table := templates.ReportTable{ID: id, Title: title,
		Head: []string{"#", t.When, t.Who, t.What, verdicts[0], verdicts[1], t.Policies}}
	for _, c := range changes[:min(len(changes), 20)] {
		table.Rows = append(table.Rows, []string{fmt.Sprint(c.Sequence), c.Time.UTC().Format("2006-01-02 15:04"), c.Person,
			i18n.T(ctx).Word.Operation.Of(c.Operation) + " · " + c.Target, t.Verdict.Of(string(c.Then)), t.Verdict.Of(string(c.Now)),
			strings.Join(c.Policies, ", ")})
	}
	return table
}

// takeUp puts the candidate with that digest into force, once the log has who did; false where it is none any more.
func (a Asked) takeUp(ctx context.Context, digest string) (bool, error) {
	return a.Rules.TakeUp(digest, func() error {
		_, err := a.Log.Append(ctx, audit.Record{Action: audit.ActionPolicyChanged, Outcome: audit.OutcomeSucceeded,
			Actor: a.Actor, Origin: a.Origin, Detail: "digest=" + digest})
		return err
	})
}
