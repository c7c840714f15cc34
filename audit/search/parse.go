package search

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"coc-console/audit"
)

// QueryError says which part of a query cannot be understood.
type QueryError struct {
	Start, End int    // bytes of the text
	Kind       string // what is wrong: one of the constants below
	Word       string // the part that is wrong
	Suggestion string // what may have been meant in its place; empty: no idea
}

// The kinds of errors in queries.
const (
	QueryQualifier = "qualifier" // there is no such qualifier; as text it needs quotes
	QueryEmpty     = "empty"     // nothing follows a qualifier or a minus, or the quotes hold nothing
	QueryValue     = "value"     // not an action or an outcome
	QueryTime      = "time"      // neither a date like 2026-01-31 nor an RFC 3339 time
	QueryTwice     = "twice"     // a record has only one of these
	QueryQuote     = "quote"     // the closing quote is missing
	QueryNegated   = "negated"   // times cannot be excluded
	QueryWord      = "word"      // there is no letter or digit to search for
)

func (e *QueryError) Error() string {
	text := fmt.Sprintf("the query is wrong at %d–%d (%s): %s", e.Start, e.End, e.Kind, e.Word)
	if e.Suggestion != "" {
		text += " (" + e.Suggestion + "?)"
	}
	return text
}

// The qualifiers of times.
const (
	qualifierAfter  = "after"
	qualifierBefore = "before"
)

// outcomeWords are those that people say for the end of an operation. Unknown
// is an outcome too, and that is what it stands for.
var outcomeWords = map[string]audit.Action{"accepted": audit.ActionOperationAccepted, "rejected": audit.ActionOperationRejected,
	"observed": audit.ActionOperationObserved, "not_observed": audit.ActionOperationNotObserved}

// ParseQuery reads a query as a person types it: words, "phrases", and
// qualifiers like actor:ann or -outcome:failed. after: and before: take a date,
// whose first moment in zone is meant, or an RFC 3339 time. Errors are
// *QueryError.
func ParseQuery(text string, zone *time.Location) (Query, error) {
	p := queryParser{text: text, zone: zone}
	for {
		p.skipSpace()
		if p.at == len(p.text) {
			return p.query, nil
		}
		w, err := p.word()
		if err == nil {
			err = p.take(w)
		}
		if err != nil {
			return Query{}, err
		}
	}
}

type queryParser struct {
	text  string
	at    int
	zone  *time.Location
	query Query
}

// queryWord is one part of a query.
type queryWord struct {
	start, valueStart, end int
	negated                bool
	qualifier              string // in lower case; empty: free text
	value                  string // without quotes
}

func (p *queryParser) skipSpace() {
	p.at = len(p.text) - len(strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace))
}

// word reads to the next space outside of quotes.
func (p *queryParser) word() (queryWord, error) {
	w := queryWord{start: p.at}
	if strings.HasPrefix(p.text[p.at:], "-") {
		w.negated = true
		p.at++
	}
	if name, size := qualifierIn(p.text[p.at:]); size > 0 {
		w.qualifier = strings.ToLower(name)
		p.at += size
	}
	w.valueStart = p.at
	var closed bool
	w.value, closed = p.value()
	w.end = p.at
	switch {
	case !closed:
		return w, p.fail(w.valueStart, w.end, QueryQuote, p.text[w.valueStart:w.end]+`"`)
	case w.value == "":
		return w, p.fail(w.start, w.end, QueryEmpty, "")
	}
	return w, nil
}

// qualifierIn finds a qualifier at the beginning, and its size with the colon,
// which may be a Chinese one. Addresses like http://… have none.
func qualifierIn(text string) (name string, size int) {
	end := strings.IndexFunc(text, func(c rune) bool {
		return c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
	if end <= 0 {
		return "", 0
	}
	for _, colon := range []string{":", "："} {
		if rest, ok := strings.CutPrefix(text[end:], colon); ok && !strings.HasPrefix(rest, "//") {
			return text[:end], end + len(colon)
		}
	}
	return "", 0
}

// value reads a quoted or a bare value; closed is false without a closing quote.
func (p *queryParser) value() (value string, closed bool) {
	rest := p.text[p.at:]
	if !strings.HasPrefix(rest, `"`) {
		end := strings.IndexFunc(rest, unicode.IsSpace)
		if end < 0 {
			end = len(rest)
		}
		p.at += end
		return rest[:end], true
	}
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			p.at += i + 1
			return b.String(), true
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
			i++
			fallthrough
		default:
			b.WriteByte(rest[i])
		}
	}
	p.at = len(p.text)
	return b.String(), false
}

func (p *queryParser) fail(start, end int, kind, suggestion string) error {
	return &QueryError{Start: start, End: end, Kind: kind, Word: p.text[start:end], Suggestion: suggestion}
}

// take puts a word into the query.
func (p *queryParser) take(w queryWord) error {
	switch {
	case w.qualifier == "":
		return p.takeText(w)
	case w.qualifier == qualifierAfter, w.qualifier == qualifierBefore:
		return p.takeTime(w)
	case !slices.Contains(Fields(), Field(w.qualifier)):
		known := []string{qualifierAfter, qualifierBefore}
		for _, f := range Fields() {
			known = append(known, string(f))
		}
		return p.fail(w.start, w.end, QueryQualifier, nearest(w.qualifier, known))
	}
	f, known := meant(Filter{Field(w.qualifier), w.value})
	if !known {
		return p.fail(w.valueStart, w.end, QueryValue, nearest(strings.ToLower(w.value), valuesOf(f.Field)))
	}
	if w.negated {
		p.query.Not = append(p.query.Not, f)
		return nil
	}
	if to := p.query.Value(f.Field); *to == "" || *to == f.Value {
		*to = f.Value
		return nil
	}
	return p.fail(w.start, w.end, QueryTwice, "")
}

func (p *queryParser) takeText(w queryWord) error {
	switch {
	case len(parsePhrase(w.value).words) == 0:
		return p.fail(w.start, w.end, QueryWord, "")
	case w.negated:
		p.query.Not = append(p.query.Not, Filter{FieldText, w.value})
	default:
		p.query.Text = append(p.query.Text, w.value)
	}
	return nil
}

func (p *queryParser) takeTime(w queryWord) error {
	if w.negated {
		return p.fail(w.start, w.end, QueryNegated, "")
	}
	at, err := time.ParseInLocation(time.DateOnly, w.value, p.zone)
	if err != nil {
		if at, err = time.Parse(time.RFC3339Nano, strings.ToUpper(w.value)); err != nil || at.IsZero() {
			return p.fail(w.valueStart, w.end, QueryTime, "")
		}
	}
	to := &p.query.From
	if w.qualifier == qualifierBefore {
		to = &p.query.To
	}
	if !to.IsZero() {
		return p.fail(w.start, w.end, QueryTwice, "")
	}
	if *to = at.In(p.zone); to.IsZero() || !writable(*to) {
		return p.fail(w.valueStart, w.end, QueryTime, "")
	}
	return nil
}

// writable reports whether RFC 3339 has a form for the time in its zone.
func writable(t time.Time) bool {
	back, err := time.Parse(time.RFC3339Nano, t.Format(time.RFC3339Nano))
	return err == nil && back.Equal(t)
}

// meant is the filter that a person means: actions and outcomes in lower case,
// groups without their dot, ends of operations as outcomes. known is false when
// there is no such action or outcome.
func meant(f Filter) (_ Filter, known bool) {
	if f.Field != FieldAction && f.Field != FieldOutcome {
		return f, true
	}
	value := strings.ToLower(f.Value)
	if a, ok := outcomeWords[value]; ok && f.Field == FieldOutcome {
		return Filter{FieldAction, string(a)}, true
	}
	for _, v := range valuesOf(f.Field) {
		if value == v || f.Field == FieldAction && value+"." == v {
			return Filter{f.Field, v}, true
		}
	}
	return f, false
}

// valuesOf are the values that an action or outcome can have in a query.
func valuesOf(f Field) []string {
	var out []string
	switch f {
	case FieldAction:
		for _, a := range audit.Actions() {
			if group := groupOf(a); !slices.Contains(out, group) {
				out = append(out, group)
			}
			out = append(out, string(a))
		}
	case FieldOutcome:
		for _, o := range audit.Outcomes() {
			out = append(out, string(o))
		}
		for word := range outcomeWords {
			out = append(out, word)
		}
		slices.Sort(out)
	default: // the others take any value
	}
	return out
}

// nearest is the word that differs least, if it differs by a third at most.
func nearest(word string, known []string) string {
	best, distance := "", max(1, utf8.RuneCountInString(word)/3)+1
	for _, k := range known {
		if d := editDistance(word, k, distance); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance is how many letters must be changed, added or removed, or limit
// when it is at least that.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return min(row[len(b)], limit)
}

// String is the query as text that ParseQuery reads back, in the zone of its
// times. Pages and visibility are not part of it.
func (q Query) String() string {
	var parts []string
	for _, f := range q.Filters() {
		parts = append(parts, f.String())
	}
	if !q.From.IsZero() {
		parts = append(parts, qualifierAfter+":"+timeText(q.From))
	}
	if !q.To.IsZero() {
		parts = append(parts, qualifierBefore+":"+timeText(q.To))
	}
	for _, text := range q.Text {
		parts = append(parts, Filter{FieldText, text}.String())
	}
	for _, f := range q.Not {
		parts = append(parts, "-"+f.String())
	}
	return strings.Join(parts, " ")
}

// String is the filter as it stands in a query.
func (f Filter) String() string {
	if f.Field == FieldText {
		if _, size := qualifierIn(f.Value); size > 0 || strings.HasPrefix(f.Value, "-") {
			return quoted(f.Value)
		}
		return bareOrQuoted(f.Value)
	}
	return string(f.Field) + ":" + bareOrQuoted(f.Value)
}

func bareOrQuoted(value string) string {
	if value == "" || strings.HasPrefix(value, `"`) || strings.ContainsFunc(value, unicode.IsSpace) {
		return quoted(value)
	}
	return value
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quoted(value string) string { return `"` + quoter.Replace(value) + `"` }

// timeText is a date where that says it all.
func timeText(t time.Time) string {
	date := t.Format(time.DateOnly)
	if back, err := time.ParseInLocation(time.DateOnly, date, t.Location()); err == nil && back.Equal(t) {
		return date
	}
	return t.Format(time.RFC3339Nano)
}
