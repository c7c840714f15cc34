package search

import (
	"slices"
	"strconv"
	"strings"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// SQLite searches everything in one full-text index: a record's document are its words, and a term for each value
// that a filter may ask for. Every filter, alone or with others and with text, is then an expression of terms and
// words, whose lists FTS5 walks side by side, newest first, from one that is further to the next: what is rare
// decides how long it takes.
//
// PostgreSQL's inverted index knows no order. There each filter has an index of
// its own in the order of the numbers, and its planner chooses from statistics.

// document is what SQLite's index has of a record. A border stands at its beginning, so that every document has one.
func document(r audit.Record, term func(kind, value string) string) string {
	words := append(query.Terms(r, term), query.Border)
	return strings.Join(append(words, query.Words(r)...), " ")
}

// statement selects numbers as seq, in the scan's order, up to its limit.
type statement struct {
	text string
	args []any
	// plain: it reads single records by their own index, which has their action and outcome as well.
	plain bool
}

// statement is the scan of the search tables as SQL; ok is false when nothing can match.
func (x *Index) statement(s scan) (_ statement, ok bool) {
	switch {
	case s.everything():
		return statement{text: `SELECT seq FROM record WHERE seq > $1 AND seq < $2` + s.end(),
			args: []any{s.above, s.below}}, true
	case s.singles && s.Query.Everything() && (x.dialect == audit.PostgreSQL || s.mostSingles()):
		var c conditions
		c.addBounds(s)
		c.addSingles(s)
		return statement{`SELECT seq FROM ` + x.singleRecords() + ` WHERE ` + c.all() + s.end(), c.args, true}, true
	case x.dialect == audit.PostgreSQL:
		return s.postgres()
	}
	return s.sqlite()
}

// mostSingles reports whether the scan's groups are those of most single records: who looks for rare ones finds them
// faster by their words.
func (s scan) mostSingles() bool { return len(s.groups) == 0 || slices.Contains(s.groups, "session.") }

// singleRecords is the table of records, to be read by the index that has the single ones alone. SQLite, which keeps
// no statistics here, would step over all records.
func (x *Index) singleRecords() string {
	if x.dialect == audit.SQLite {
		return "record INDEXED BY record_single"
	}
	return "record"
}

// end is how a statement ends.
func (s scan) end() string {
	order := " ORDER BY seq " + s.order()
	if s.anyOrder {
		order = ""
	}
	return order + " LIMIT " + strconv.Itoa(s.limit)
}

func (s scan) sqlite() (statement, bool) {
	match, ok := s.expression()
	if !ok {
		return statement{}, false
	}
	return statement{text: `SELECT rowid AS seq FROM record_text WHERE record_text MATCH $1 AND rowid > $2 AND rowid < $3` +
		strings.Replace(s.end(), "seq", "rowid", 1), args: []any{match, s.above, s.below}}, true
}

// expression is the scan's query in the language of FTS5.
func (s scan) expression() (string, bool) {
	var yes, no []string
	b := query.Builder{Singles: s.singles}
	q := s.Query
	for _, f := range q.Filters() {
		yes = append(yes, b.OfRecord(f))
	}
	if s.operations != nil {
		var either []string
		for _, id := range s.operations {
			either = append(either, query.Term(query.TermID, id))
		}
		yes = append(yes, "("+strings.Join(either, " OR ")+")")
	}
	if s.singles {
		yes = append(yes, query.Single)
		if len(s.groups) > 0 {
			yes = append(yes, b.Terms(query.TermGroup, s.groups...))
		}
	}
	for _, text := range q.Text {
		p := query.ParsePhrase(text)
		if len(p.Words) == 0 {
			return "", false
		}
		yes = append(yes, p.Expression())
	}
	if !q.Visible.All {
		visible := b.Visible(q.Visible)
		if visible == "" {
			return "", false
		}
		yes = append(yes, visible)
	}
	for _, f := range q.Not {
		switch p := query.ParsePhrase(f.Value); {
		case f.Value == "":
		case f.Field != FieldText:
			no = append(no, b.OfRecord(f))
		case len(p.Words) > 0:
			no = append(no, p.Expression())
		}
	}
	if others, ok := otherOutcomes(q); ok && len(yes) == 0 {
		yes = append(yes, "("+strings.Join(others, " OR ")+")")
	}
	if len(yes) == 0 {
		yes = append(yes, query.Border)
	}
	match := "(" + strings.Join(yes, " AND ") + ")"
	if len(no) > 0 {
		match += " NOT (" + strings.Join(no, " OR ") + ")"
	}
	return match, true
}

// otherOutcomes are the terms of the outcomes that are not excluded: a few
// failures are found faster than by stepping over all successes.
func otherOutcomes(q Query) (others []string, some bool) {
	for _, o := range audit.Outcomes() {
		f := Filter{Field: FieldOutcome, Value: string(o)}
		if slices.Contains(q.Not, f) {
			some = true
		} else {
			others = append(others, query.Term(query.TermOutcome, f.Value))
		}
	}
	return others, some && len(others) > 0
}

// postgres is the scan for PostgreSQL. The literal terms (ticket <> ” and the
// like) repeat those of the partial indexes, which would not be used otherwise.
func (s scan) postgres() (statement, bool) {
	var c conditions
	c.addBounds(s)
	branches := []string{""}
	if s.operations != nil {
		c.add("operation_id <> '' AND operation_id IN (" + sqlutil.List(&c.args, s.operations) + ")")
	}
	c.addSingles(s)
	for _, f := range s.Filters() {
		if !query.Storable(f.Value) {
			return statement{}, false // no record holds it, and PostgreSQL would not take it
		}
		branches = times(branches, c.filter(f))
	}
	for _, text := range s.Text {
		p := query.ParsePhrase(text)
		if len(p.Words) == 0 {
			return statement{}, false
		}
		c.add(c.phrase(p))
	}
	for _, f := range s.Not {
		switch p := query.ParsePhrase(f.Value); {
		case f.Value == "" || !query.Storable(f.Value) && f.Field != FieldText:
		case f.Field != FieldText:
			c.add("NOT (" + strings.Join(c.filter(f), " OR ") + ")")
		case len(p.Words) > 0:
			c.add("NOT " + c.phrase(p))
		}
	}
	c.addVisible(s.Visible)
	for i, branch := range branches {
		branches[i] = "SELECT seq FROM record WHERE " + c.all() + branch + s.end()
	}
	if len(branches) == 1 {
		return statement{text: branches[0], args: c.args}, true
	}
	return statement{text: "(" + strings.Join(branches, ") UNION (") + ")" + s.end(), args: c.args}, true
}

// rareSingle holds of single records that have an operation's type, or say how far one has come. Hardly any do, since
// they belong to operations; PostgreSQL supposes that they are as many of them as of all records. They have an index.
const rareSingle = "(operation_type <> '' AND action <> 'access.denied' OR action >= 'approval.' AND action < 'approval/'" +
	" OR action >= 'operation.' AND action < 'operation/')"

// rareSingles reports whether all that the scan looks for is rareSingle.
func (s scan) rareSingles() bool {
	return s.singles && (s.Operation != "" || len(query.ActionsOf(s.Outcome)) > 0)
}

// times are the branches, each with each of the terms. A name and an id have an
// index each, and only one of them can give the order.
func times(branches, terms []string) []string {
	var out []string
	for _, b := range branches {
		for _, t := range terms {
			out = append(out, b+" AND "+t)
		}
	}
	return out
}

// conditions builds a WHERE clause with numbered arguments.
type conditions struct {
	terms []string
	args  sqlutil.Args
}

func (c *conditions) add(term string) { c.terms = append(c.terms, term) }

// addBounds leaves the records whose numbers the scan is about.
func (c *conditions) addBounds(s scan) {
	above, below := s.ofOperations(nil).Between(&c.args)
	c.add("seq > " + above + " AND seq < " + below)
}

// all are the conditions, which all hold.
func (c *conditions) all() string { return strings.Join(c.terms, " AND ") }

// arg takes a value and returns its placeholder.
func (c *conditions) arg(v any) string { return c.args.Add(v) }

// filter is a filter as conditions of which one holds; of a record, none is NULL.
func (c *conditions) filter(f Filter) []string {
	v := f.Value
	switch f.Field {
	case FieldActor:
		return []string{"user_name = " + c.arg(v), "user_id = " + c.arg(v)}
	case FieldTicket:
		return []string{"ticket = " + c.arg(v) + " AND ticket <> ''"}
	case FieldOperation:
		return []string{"operation_id = " + c.arg(v) + " AND operation_id <> ''"}
	case FieldAction:
		if query.IsGroup(v) {
			return []string{"action >= " + c.arg(v) + " AND action < " + c.arg(query.GroupEnd(v))}
		}
		return []string{"action = " + c.arg(v)}
	case FieldOutcome:
		if actions := query.ActionsOf(audit.Outcome(v)); len(actions) > 0 {
			return []string{"action IN (" + sqlutil.List(&c.args, actions) + ")"}
		}
		term := "outcome = " + c.arg(v)
		if o := audit.Outcome(v); o != audit.OutcomeSucceeded && o != audit.OutcomePending {
			term += " AND outcome NOT IN ('succeeded', 'pending')"
		}
		return []string{term}
	case FieldProject:
		return []string{"project_name = " + c.arg(v) + " AND project_name <> ''",
			"project_id = " + c.arg(v) + " AND project_id <> ''"}
	case FieldIP:
		return []string{"address = " + c.arg(v) + " AND address <> ''"}
	case FieldType:
		return []string{"operation_type IN (" + sqlutil.List(&c.args, query.Types(v)) + ") AND operation_type <> ''"}
	case query.FieldOverride, query.FieldReviewed:
		return []string{c.override(f)}
	case FieldText: // is no filter
		return []string{"1 = 0"}
	default: // what few records say
		return []string{"words @@ " + c.arg(query.Builder{TSQuery: true}.OfRecord(f)) + "::tsquery"}
	}
}

// override is a condition on whether a record is about an override.
func (c *conditions) override(f Filter) string {
	if f.Value != query.Yes && f.Value != query.No {
		return "1 = 0"
	}
	if f.Field == query.FieldReviewed && f.Value == query.Yes {
		return "action IN ('glass.reviewed', 'review.signed_off')"
	}
	is := "words @@ " + c.arg(query.Term(query.TermOverride, query.Yes)) + "::tsquery"
	switch {
	case f.Field == query.FieldReviewed:
		return is + " AND action NOT IN ('glass.reviewed', 'review.signed_off')"
	case f.Value == query.No:
		return "NOT " + is
	}
	return is
}

// addSingles leaves the records that belong to no operation's row: the first condition is that of their index.
func (c *conditions) addSingles(s scan) {
	if !s.singles {
		return
	}
	c.add("operation_id = '' AND (action <> 'access.denied' OR operation_type = '')")
	if s.rareSingles() {
		c.add(rareSingle)
	}
	var either []string
	for _, g := range s.groups {
		either = append(either, "action >= "+c.arg(g)+" AND action < "+c.arg(query.GroupEnd(g)))
	}
	if len(either) > 0 {
		c.add("(" + strings.Join(either, " OR ") + ")")
	}
}

// phrase is a condition on the words.
func (c *conditions) phrase(p query.Phrase) string {
	text := "'" + strings.Join(p.Words, "' <-> '") + "'" // letters and digits alone
	if p.Prefix {
		text += ":*"
	}
	return "words @@ " + c.arg(text) + "::tsquery"
}

func (c *conditions) addVisible(v Visibility) {
	if v.All {
		return
	}
	either := []string{"1 = 0"}
	if v.UserID != "" && query.Storable(v.UserID) {
		either = append(either, "user_id = "+c.arg(v.UserID))
	}
	tickets := slices.DeleteFunc(slices.Clone(v.Tickets), func(t string) bool { return !query.Storable(t) })
	if len(tickets) > 0 {
		either = append(either, "ticket <> '' AND ticket IN ("+sqlutil.List(&c.args,
			tickets)+") AND action >= "+c.arg(query.Operations)+
			" AND action < "+c.arg(query.GroupEnd(query.Operations)))
	}
	c.add("(" + strings.Join(either, " OR ") + ")")
}
