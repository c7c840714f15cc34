package operations

import (
	"strconv"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/internal/sqlutil"
)

// Scan is what rows are read by. Its query's times and pages are not looked at.
type Scan struct {
	Query        query.Query
	Groups       []string // rows with a record of one of these groups of actions; nil: any
	Above, Below int64    // places between these, without them
	Only         []int64  // these places alone; nil: all
	OldestFirst  bool
	Limit        int
	// OfBars has Above and Below read from the columns above and below of a table bar that stands before, on PostgreSQL.
	OfBars bool
}

// Between are the numbers above and below which the places are, as SQL.
func (s Scan) Between(a *sqlutil.Args) (above, below string) {
	if s.OfBars {
		return "bar.above", "bar.below"
	}
	return a.Add(s.Above), a.Add(s.Below)
}

// Statement selects the places of a scan's rows as seq, in its order; ok is
// false when nothing can match.
func (t Table) Statement(s Scan) (text string, args []any, ok bool) {
	order := "DESC"
	if s.OldestFirst {
		order = "ASC"
	}
	b := query.Builder{TSQuery: t.Dialect == audit.PostgreSQL}
	match, ok := s.match(b)
	if !ok {
		return "", nil, false
	}
	var a sqlutil.Args
	column, from, where := "seq", "operation", "true"
	switch {
	case b.TSQuery && match != "":
		where = "doc @@ " + a.Add(match) + "::tsquery"
	case match != "":
		column, from, where = "rowid", "operation_text", "operation_text MATCH "+a.Add(match)
	}
	above, below := s.Between(&a)
	where += " AND " + column + " > " + above + " AND " + column + " < " + below
	if s.Only != nil {
		where += " AND " + column + " IN (" + sqlutil.List(&a, s.Only) + ")"
	}
	text = "SELECT " + column + " AS seq FROM " + from + " WHERE " + where +
		" ORDER BY " + column + " " + order + " LIMIT " + strconv.Itoa(s.Limit)
	return text, a, true
}

// match is a scan's query; empty when every row matches.
func (s Scan) match(b query.Builder) (text string, ok bool) {
	var yes, no []string
	q := s.Query
	for _, f := range q.Filters() {
		yes = append(yes, b.OfRow(f))
	}
	if len(s.Groups) > 0 {
		yes = append(yes, b.Terms(query.TermGroup, s.Groups...))
	}
	for _, text := range q.Text {
		p := query.ParsePhrase(text)
		if len(p.Words) == 0 {
			return "", false
		}
		yes = append(yes, b.Phrase(p))
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
		case f.Field != query.FieldText:
			no = append(no, b.OfRow(f))
		case len(p.Words) > 0:
			no = append(no, b.Phrase(p))
		}
	}
	if len(yes) > 0 {
		text = b.And(yes...)
	}
	if len(no) > 0 {
		text = b.Not(text, b.Or(no...))
	}
	return text, true
}
