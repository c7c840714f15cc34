package search

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strconv"
	"strings"

	"coc-console/audit"
	"coc-console/internal/sqlutil"
)

// SQLite searches everything in one full-text index: a record's document are
// its words, and a term for each value that a filter may ask for. Every filter,
// alone or with others and with text, is then an expression of terms and words,
// whose lists FTS5 walks side by side, newest first, from one that is further
// to the next: what is rare decides how long it takes.
//
// PostgreSQL's inverted index knows no order. There each filter has an index of
// its own in the order of the numbers, and its planner chooses from statistics.

// filterTerm is the word that stands for a value of a field. Hashed, because values
// hold anything and the index knows only letters.
func filterTerm(kind, value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(value))
	return "_" + kind + termEncoding.EncodeToString(sum[:10])
}

var termEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// The kinds of filter terms: a letter for each.
const (
	termActor   = "a" // name, and id
	termUser    = "u" // id alone, for what a reader may see
	termTicket  = "t"
	termID      = "i"
	termAction  = "c"
	termGroup   = "g"
	termOutcome = "o"
	termProject = "p" // name, and id
	termIP      = "n"
	termType    = "k"
)

var termKinds = map[Field]string{FieldActor: termActor, FieldTicket: termTicket, FieldOperation: termID, FieldAction: termAction,
	FieldOutcome: termOutcome, FieldProject: termProject, FieldIP: termIP, FieldType: termType}

// termOf is the term that a record has when the filter holds.
func termOf(f Filter) string {
	if f.Field == FieldAction && isGroup(f.Value) {
		return filterTerm(termGroup, f.Value)
	}
	return filterTerm(termKinds[f.Field], f.Value)
}

// termsOf are the filter terms of a record.
func termsOf(r audit.Record, term func(kind, value string) string) []string {
	all := []string{term(termUser, r.Actor.UserID), term(termActor, r.Actor.UserID), term(termActor, r.Actor.UserName),
		term(termTicket, r.Ticket), term(termID, r.OperationID), term(termAction, string(r.Action)), term(termGroup, groupOf(r.Action)),
		term(termOutcome, string(r.Outcome)), term(termProject, r.Actor.ProjectID), term(termProject, r.Actor.ProjectName),
		term(termIP, r.Origin.Address), term(termType, r.OperationType)}
	return slices.DeleteFunc(all, func(t string) bool { return t == "" })
}

// document is what SQLite's index has of a record. A border stands at its
// beginning, so that every document has one.
func document(r audit.Record, term func(kind, value string) string) string {
	words := append(termsOf(r, term), wordBorder)
	return strings.Join(append(words, recordWords(r)...), " ")
}

// statement selects numbers as seq, in the scan's order, up to its limit.
type statement struct {
	text string
	args []any
}

// statement is the scan of the search tables as SQL; ok is false when nothing
// can match.
func (x *Index) statement(s scan) (_ statement, ok bool) {
	switch {
	case s.everything():
		return statement{`SELECT seq FROM record WHERE seq > $1 AND seq < $2` + s.end(), []any{s.above, s.below}}, true
	case x.dialect == audit.PostgreSQL:
		return s.postgres()
	}
	return s.sqlite()
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
	return statement{`SELECT rowid AS seq FROM record_text WHERE record_text MATCH $1 AND rowid > $2 AND rowid < $3` +
		strings.Replace(s.end(), "seq", "rowid", 1), []any{match, s.above, s.below}}, true
}

// expression is the scan's query in the language of FTS5.
func (s scan) expression() (string, bool) {
	var yes, no []string
	q := s.Query
	for _, f := range q.Filters() {
		yes = append(yes, termOf(f))
	}
	if s.operations != nil {
		var either []string
		for _, id := range s.operations {
			either = append(either, filterTerm(termID, id))
		}
		yes = append(yes, "("+strings.Join(either, " OR ")+")")
	}
	for _, text := range q.Text {
		p := parsePhrase(text)
		if len(p.words) == 0 {
			return "", false
		}
		yes = append(yes, p.expression())
	}
	if !q.Visible.All {
		visible := q.Visible.expression()
		if visible == "" {
			return "", false
		}
		yes = append(yes, visible)
	}
	for _, f := range q.Not {
		switch p := parsePhrase(f.Value); {
		case f.Value == "":
		case f.Field != FieldText:
			no = append(no, termOf(f))
		case len(p.words) > 0:
			no = append(no, p.expression())
		}
	}
	if others, ok := q.otherOutcomes(); ok && len(yes) == 0 {
		yes = append(yes, "("+strings.Join(others, " OR ")+")")
	}
	if len(yes) == 0 {
		yes = append(yes, wordBorder)
	}
	match := "(" + strings.Join(yes, " AND ") + ")"
	if len(no) > 0 {
		match += " NOT (" + strings.Join(no, " OR ") + ")"
	}
	return match, true
}

// otherOutcomes are the terms of the outcomes that are not excluded: a few
// failures are found faster than by stepping over all successes.
func (q Query) otherOutcomes() (others []string, some bool) {
	for _, o := range audit.Outcomes() {
		f := Filter{FieldOutcome, string(o)}
		if slices.Contains(q.Not, f) {
			some = true
		} else {
			others = append(others, termOf(f))
		}
	}
	return others, some && len(others) > 0
}

func (p phrase) expression() string {
	text := `"` + strings.Join(p.words, " ") + `"`
	if p.prefix {
		text += " *"
	}
	return text
}

// expression is empty when nothing is visible.
func (v Visibility) expression() string {
	var either []string
	if v.UserID != "" {
		either = append(either, filterTerm(termUser, v.UserID))
	}
	var tickets []string
	for _, t := range v.Tickets {
		if t != "" {
			tickets = append(tickets, filterTerm(termTicket, t))
		}
	}
	if len(tickets) > 0 {
		either = append(either, "("+filterTerm(termGroup, operations)+" AND ("+strings.Join(tickets, " OR ")+"))")
	}
	if len(either) == 0 {
		return ""
	}
	return "(" + strings.Join(either, " OR ") + ")"
}

// postgres is the scan for PostgreSQL. The literal terms (ticket <> ” and the
// like) repeat those of the partial indexes, which would not be used otherwise.
func (s scan) postgres() (statement, bool) {
	var c conditions
	c.add("seq > " + c.arg(s.above) + " AND seq < " + c.arg(s.below))
	branches := []string{""}
	if s.operations != nil {
		c.add("operation_id <> '' AND operation_id IN (" + sqlutil.List(&c.args, s.operations) + ")")
	}
	for _, f := range s.Filters() {
		if !storable(f.Value) {
			return statement{}, false // no record holds it, and PostgreSQL would not take it
		}
		branches = times(branches, c.filter(f))
	}
	for _, text := range s.Text {
		p := parsePhrase(text)
		if len(p.words) == 0 {
			return statement{}, false
		}
		c.add(c.phrase(p))
	}
	for _, f := range s.Not {
		switch p := parsePhrase(f.Value); {
		case f.Value == "" || !storable(f.Value) && f.Field != FieldText:
		case f.Field != FieldText:
			c.add("NOT (" + strings.Join(c.filter(f), " OR ") + ")")
		case len(p.words) > 0:
			c.add("NOT " + c.phrase(p))
		}
	}
	c.addVisible(s.Visible)
	for i, branch := range branches {
		branches[i] = "SELECT seq FROM record WHERE " + strings.Join(c.terms, " AND ") + branch + s.end()
	}
	if len(branches) == 1 {
		return statement{branches[0], c.args}, true
	}
	return statement{"(" + strings.Join(branches, ") UNION (") + ")" + s.end(), c.args}, true
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

// groupEnd is the first text after all that begin with a group's name.
func groupEnd(group string) string { return strings.TrimSuffix(group, ".") + "/" }

// conditions builds a WHERE clause with numbered arguments.
type conditions struct {
	terms []string
	args  sqlutil.Args
}

func (c *conditions) add(term string) { c.terms = append(c.terms, term) }

// arg takes a value and returns its placeholder.
func (c *conditions) arg(v any) string { return c.args.Add(v) }

// storable reports whether a record could hold the text.
func storable(s string) bool { return audit.Shorten(s) == s }

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
		if isGroup(v) {
			return []string{"action >= " + c.arg(v) + " AND action < " + c.arg(groupEnd(v))}
		}
		return []string{"action = " + c.arg(v)}
	case FieldOutcome:
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
		return []string{"operation_type = " + c.arg(v) + " AND operation_type <> ''"}
	default: // text is no filter
		return []string{"1 = 0"}
	}
}

// phrase is a condition on the words.
func (c *conditions) phrase(p phrase) string {
	text := "'" + strings.Join(p.words, "' <-> '") + "'" // letters and digits alone
	if p.prefix {
		text += ":*"
	}
	return "words @@ " + c.arg(text) + "::tsquery"
}

func (c *conditions) addVisible(v Visibility) {
	if v.All {
		return
	}
	either := []string{"1 = 0"}
	if v.UserID != "" && storable(v.UserID) {
		either = append(either, "user_id = "+c.arg(v.UserID))
	}
	tickets := slices.DeleteFunc(slices.Clone(v.Tickets), func(t string) bool { return !storable(t) })
	if len(tickets) > 0 {
		either = append(either, "ticket <> '' AND ticket IN ("+sqlutil.List(&c.args,
			tickets)+") AND action >= "+c.arg(operations)+
			" AND action < "+c.arg(groupEnd(operations)))
	}
	c.add("(" + strings.Join(either, " OR ") + ")")
}

// positioned is a record's words with their positions, for PostgreSQL.
func positioned(r audit.Record) string {
	var b strings.Builder
	for i, w := range recordWords(r) {
		if w == wordBorder {
			continue
		}
		b.WriteString(w)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(i + 1))
		b.WriteByte(' ')
	}
	return b.String()
}
