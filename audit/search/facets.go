package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unique"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// MaxCount is how far matches are counted.
const MaxCount = 10_000

// Count returns how many records match, whatever page the query names. With
// more, there are more than MaxCount, and n is MaxCount.
func (x *Index) Count(ctx context.Context, q Query) (n int, more bool, err error) {
	s := newScan(q.Unpaged(), MaxCount+1)
	if s.everything() {
		n, err = x.countAll(ctx, s)
	} else {
		n, err = x.countOnward(ctx, s, x.summaries.of(q))
	}
	return min(n, MaxCount), n > MaxCount, err
}

// countOnward counts matches up to the scan's limit, those that are not known.
func (x *Index) countOnward(ctx context.Context, s scan, known *summary) (int, error) {
	indexed, tail, err := x.parts(ctx, s)
	if err != nil {
		return 0, err
	}
	upto := tail.above
	n, counted := known.countedUpTo()
	if counted > upto { // the search tables are filled again
		return x.countParts(ctx, indexed, tail)
	}
	indexed.above, indexed.limit = max(indexed.above, counted), indexed.limit-n
	more, err := x.countIndexed(ctx, indexed)
	if err != nil {
		return 0, err
	}
	n += more
	known.setCount(n, upto)
	found, err := x.readTail(ctx, tail)
	return n + len(found), err
}

func (x *Index) countParts(ctx context.Context, indexed, tail scan) (int, error) {
	found, err := x.readTail(ctx, tail)
	if err != nil || len(found) >= tail.limit {
		return len(found), err
	}
	indexed.limit -= len(found)
	n, err := x.countIndexed(ctx, indexed)
	return n + len(found), err
}

// countAll counts what only numbers and times narrow: numbers have no gaps,
// but below what was pruned.
func (x *Index) countAll(ctx context.Context, s scan) (int, error) {
	s, err := x.bounded(ctx, s)
	if err != nil {
		return 0, err
	}
	var n int64
	err = x.log.Reader().QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM entry WHERE seq < $2 ORDER BY seq DESC LIMIT 1)
		- (SELECT seq FROM entry WHERE seq > $1 ORDER BY seq LIMIT 1) + 1, 0)`, s.above, s.below).Scan(&n)
	return int(min(max(n, 0), int64(s.limit))), err
}

// parts splits a scan into what the search tables know and the rest, by
// numbers alone.
func (x *Index) parts(ctx context.Context, s scan) (indexed, tail scan, err error) {
	if s, err = x.bounded(ctx, s); err != nil {
		return s, s, err
	}
	upto, err := x.Followed(ctx)
	indexed, tail = s.split(upto)
	return indexed, tail, err
}

// split splits a scan where the search tables end.
func (s scan) split(upto int64) (indexed, tail scan) {
	indexed, tail = s, s
	indexed.below, tail.above = min(s.below, upto+1), max(s.above, upto)
	return indexed, tail
}

func (x *Index) countIndexed(ctx context.Context, s scan) (n int, err error) {
	if s.above+1 >= s.below || s.limit <= 0 {
		return 0, nil
	}
	s.anyOrder = true
	st, ok := x.statement(s)
	if ok {
		err = x.read.QueryRowContext(ctx, `SELECT count(*) FROM (`+st.text+`) m`, st.args...).Scan(&n)
	}
	return n, sqlutil.Wrap(err, "count records in the search tables")
}

// FacetValue is a value and how many of the records counted have it.
type FacetValue struct {
	Value string
	Count int
}

// Facets say how matches are distributed: the most frequent values first, at
// most MaxFacet of each. They count the newest matches, MaxFaceted at most.
type Facets struct {
	Actors, Actions, Outcomes, Tickets, Projects []FacetValue

	Counted int  // how many matches were counted
	More    bool // there are older matches, which were not
}

// MaxFacet is how many values a facet has at most, and MaxFaceted how many
// matches are counted: enough for shares, few enough for every page.
const (
	MaxFacet   = 20
	MaxFaceted = 1_000
)

// Facets counts the values of the newest matches, whatever page the query
// names.
func (x *Index) Facets(ctx context.Context, q Query) (Facets, error) {
	indexed, tail, err := x.parts(ctx, newScan(q.Unpaged(), MaxFaceted+1))
	if err != nil {
		return Facets{}, err
	}
	newest, err := x.readTail(ctx, tail)
	if err != nil {
		return Facets{}, err
	}
	older, err := x.indexedValues(ctx, indexed, tail.above, x.summaries.of(q))
	if err != nil {
		return Facets{}, err
	}
	c := newFacetCounter()
	for _, r := range newest {
		c.add(newFacetValues(r.Actor.UserName, string(r.Action), string(r.Outcome), r.Ticket, r.Actor.ProjectName))
	}
	for _, v := range older {
		c.add(v)
	}
	return c.facets(), nil
}

// indexedValues are the values of the scan's matches in the search tables, the
// newest first. Those tables are at upto.
func (x *Index) indexedValues(ctx context.Context, s scan, upto int64, known *summary) ([]facetValues, error) {
	values, valued := known.valuesUpTo()
	if valued > upto { // the search tables are filled again
		return x.readValues(ctx, s)
	}
	s.above = max(s.above, valued)
	found, err := x.readValues(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		values = append(found, values[:min(len(values), MaxFaceted+1-len(found))]...)
	}
	known.setValues(values, upto)
	return values, nil
}

func (x *Index) readValues(ctx context.Context, s scan) ([]facetValues, error) {
	if s.above+1 >= s.below {
		return nil, nil
	}
	st, ok := x.statement(s)
	if !ok {
		return nil, nil
	}
	//nolint:gosec // st.text holds marks where values go
	text := `SELECT r.user_name, r.action, r.outcome, r.ticket, r.project_name
		FROM (` + st.text + `) m JOIN record r ON r.seq = m.seq ORDER BY m.seq DESC`
	rows, err := x.read.QueryContext(ctx, text, st.args...)
	if err != nil {
		return nil, fmt.Errorf("read values of records from the search tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []facetValues
	var actor, action, outcome, ticket, project string
	to := []any{&actor, &action, &outcome, &ticket, &project}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return nil, fmt.Errorf("read values of records from the search tables: %w", err)
		}
		out = append(out, newFacetValues(actor, action, outcome, ticket, project))
	}
	return out, sqlutil.Wrap(rows.Err(), "read values of records from the search tables")
}

type valueCounts map[unique.Handle[string]]int

type facetCounter struct {
	n                                            int
	actors, actions, outcomes, tickets, projects valueCounts
}

func newFacetCounter() *facetCounter {
	return &facetCounter{0, valueCounts{}, valueCounts{}, valueCounts{}, valueCounts{}, valueCounts{}}
}

func (c *facetCounter) add(v facetValues) {
	if c.n++; c.n > MaxFaceted {
		return
	}
	c.actors[v.actor]++
	c.actions[v.action]++
	c.outcomes[v.outcome]++
	c.tickets[v.ticket]++
	c.projects[v.project]++
}

func (c *facetCounter) facets() Facets {
	return Facets{most(c.actors), most(c.actions), most(c.outcomes), most(c.tickets), most(c.projects),
		min(c.n, MaxFaceted), c.n > MaxFaceted}
}

// most are the most frequent values.
func most(counts valueCounts) []FacetValue {
	texts := make(map[string]int, len(counts))
	for v, n := range counts {
		texts[v.Value()] = n
	}
	return frequent(texts)
}

func frequent(counts map[string]int) []FacetValue {
	out := make([]FacetValue, 0, len(counts))
	for v, n := range counts {
		if v != "" {
			out = append(out, FacetValue{v, n})
		}
	}
	slices.SortFunc(out, func(a, b FacetValue) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return out[:min(len(out), MaxFacet)]
}

// MaxCompletions is how many values Complete returns at most.
const MaxCompletions = 20

// completionsRead is how many records are read for values without a prefix.
const completionsRead = 1000

// Complete returns values of a field that occur and begin with a prefix,
// whatever its case: without a prefix those that occurred last, otherwise in
// their order. A reader who does not see everything is offered what their
// newest 10,000 records have, those that occurred last first. Fields that have
// certain values only offer all of them; of approvers, instances and hosts, the
// newest are known.
func (x *Index) Complete(ctx context.Context, f Field, prefix string, v Visibility) ([]string, error) {
	if f == "after" || f == "before" {
		return distinct(query.RelativeTimes(), strings.ToLower(prefix)), nil
	}
	if !slices.Contains(Fields(), f) || f == FieldOperation || !query.Storable(prefix) {
		return nil, nil
	}
	switch f {
	case FieldOutcome, query.FieldOverride, query.FieldReviewed:
		return distinct(query.Values(f), strings.ToLower(prefix)), nil
	case query.FieldApprover, query.FieldInstance, query.FieldHost:
		values, err := x.newest(ctx, f, v)
		for _, both := range values { // account/name, or what is typed of the name alone
			if _, name, ok := strings.Cut(both, "/"); ok && f == query.FieldApprover && prefix != "" {
				values = append(values, name)
			}
		}
		return distinct(values, strings.ToLower(prefix)), err
	case FieldType:
		values, err := x.complete(ctx, f, prefix, v)
		return distinct(append(values, query.AnyCancel), strings.ToLower(prefix)), err
	default:
		return x.complete(ctx, f, prefix, v)
	}
}

// newest are the values of a field that the newest records have which can have one.
func (x *Index) newest(ctx context.Context, f Field, v Visibility) (values []string, err error) {
	queries := []Query{{Operation: query.AnyCancel, Visible: v}}
	if f == query.FieldApprover {
		queries = []Query{{Outcome: query.Refused, Visible: v}, {Action: audit.ActionApprovalGranted, Visible: v}}
	}
	for _, q := range queries {
		records, err := x.find(ctx, newScan(q, MaxLimit))
		if err != nil {
			return nil, err
		}
		for i := range records {
			switch r := &records[i]; {
			case f == query.FieldApprover:
				values = append(values, query.Approvers(r)[:1]...)
			case f == query.FieldHost:
				values = append(values, query.Hosts(r.Target, r.InstanceID)...)
			case r.InstanceID != 0:
				values = append(values, strconv.FormatInt(r.InstanceID, 10))
			}
		}
	}
	return values, nil
}

// complete are the values that the search tables list.
func (x *Index) complete(ctx context.Context, f Field, prefix string, v Visibility) ([]string, error) {
	prefix = strings.ToLower(prefix)
	indexed, tail, err := x.parts(ctx, newScan(Query{Visible: v}, MaxCount))
	if err != nil {
		return nil, err
	}
	newest, err := x.readTail(ctx, tail)
	if err != nil {
		return nil, err
	}
	var values []string
	for i := range newest {
		for _, c := range query.Completions(&newest[i]) {
			if c.Field == f && c.Value != "" && query.Storable(c.Value) {
				values = append(values, c.Value)
			}
		}
	}
	known, err := x.known(ctx, f, prefix, indexed)
	return distinct(append(values, known...), prefix), err
}

// known are values that the search tables have: of the newest records, whatever
// their prefix, where there is none or not everything is visible.
func (x *Index) known(ctx context.Context, f Field, prefix string, s scan) ([]string, error) {
	if s.Visible.All && prefix == "" {
		s.limit = completionsRead
	}
	switch st, ok := x.statement(s); {
	case !ok:
		return nil, nil
	case !s.Visible.All || prefix == "":
		values, err := sqlutil.Column[string](x.read.QueryContext(ctx,
			`SELECT v FROM (SELECT r.`+columns[f]+` AS v, r.seq AS n
			FROM (`+st.text+`) m JOIN record r ON r.seq = m.seq) x GROUP BY v ORDER BY max(n) DESC`, st.args...))
		return values, sqlutil.Wrap(err, "read the newest values of", string(f))
	}
	values, err := sqlutil.Column[string](x.read.QueryContext(ctx, `SELECT value FROM value WHERE field = $1
		AND folded >= $2 AND folded < $3 ORDER BY folded, value LIMIT `+strconv.Itoa(MaxCompletions), string(f), prefix, prefix+"\U0010FFFF"))
	return values, sqlutil.Wrap(err, "read the values of", string(f))
}

// columns are those of the search tables that completion reads.
var columns = map[Field]string{FieldActor: "user_name", FieldTicket: "ticket", FieldAction: "action", FieldOutcome: "outcome",
	FieldProject: "project_name", FieldIP: "address", FieldType: "operation_type"}

// Column is the column of the search table record that completion reads for a
// field; empty where there is none.
func Column(f Field) string { return columns[f] }

// distinct are the first values with a prefix, each once.
func distinct(values []string, prefix string) []string {
	var out []string
	for _, v := range values {
		if v != "" && strings.HasPrefix(strings.ToLower(v), prefix) && !slices.Contains(out, v) {
			if out = append(out, v); len(out) == MaxCompletions {
				break
			}
		}
	}
	return out
}
