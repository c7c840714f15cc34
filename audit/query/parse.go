package query

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"coc-console/audit"
)

// Error says which part of a query cannot be understood.
type Error struct {
	Start, End int    // bytes of the text
	Kind       string // what is wrong: one of the constants below
	Word       string // the part that is wrong
	Suggestion string // what may have been meant in its place; empty: no idea
}

// The kinds of errors in queries.
const (
	KindQualifier = "qualifier" // there is no such qualifier; as text it needs quotes
	KindEmpty     = "empty"     // nothing follows a qualifier or a minus, or the quotes hold nothing
	KindValue     = "value"     // not an action or an outcome
	KindTime      = "time"      // neither a date like 2026-01-31 nor an RFC 3339 time
	KindTwice     = "twice"     // a record has only one of these
	KindQuote     = "quote"     // the closing quote is missing
	KindNegated   = "negated"   // times cannot be excluded
	KindWord      = "word"      // there is no letter or digit to search for
	KindOrder     = "order"     // the times are in the wrong order
)

func (e *Error) Error() string {
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

// outcomeWords are other words for outcomes: those of the records' actions, and of pages.
var outcomeWords = map[string]audit.Outcome{"observed": Confirmed, "not_observed": NotConfirmed,
	"open": audit.OutcomePending, "declined": Refused, "sent": Requested}

// Language reads queries of one reader.
type Language struct {
	Zone  *time.Location
	Now   time.Time // zero: the present time
	Night Night     // zero: DefaultNight
}

// Parse is Language.Parse with the present time and the default hours of the night.
func Parse(text string, zone *time.Location) (Query, error) { return Language{Zone: zone}.Parse(text) }

// Parse reads a query as a person types it: words, "phrases", and qualifiers
// like actor:ann or -outcome:failed.
//
// after: and before: take a date, whose first moment in the zone is meant; a
// time of the zone, such as 2026-01-31T22:30; an RFC 3339 time; today,
// yesterday or now; or how long ago it was: 90m, 24h, 7d, 2w. In an hour that is
// repeated when clocks are set back, after: means the first one and before: the
// second. The words last night, not in quotes, set both. What belongs to the
// language may be typed in the wide letters of Chinese keyboards. Errors are *Error.
func (l Language) Parse(text string) (Query, error) {
	if l.Now.IsZero() {
		l.Now = time.Now()
	}
	if l.Night == (Night{}) {
		l.Night = DefaultNight
	}
	p := queryParser{text: text, language: l}
	for {
		p.skipSpace()
		if p.at == len(p.text) {
			return p.query, p.inOrder()
		}
		if size := nightIn(p.text[p.at+minus(p.text[p.at:]):]); size > 0 {
			if err := p.takeNight(size); err != nil {
				return Query{}, err
			}
			continue
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
	text     string
	at       int
	language Language
	query    Query
	lastTime queryWord // the last one that sets a time
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
	if size := minus(p.text[p.at:]); size > 0 {
		w.negated = true
		p.at += size
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
		return w, p.fail(w.valueStart, w.end, KindQuote, p.text[w.valueStart:w.end]+`"`)
	case w.value == "":
		return w, p.fail(w.start, w.end, KindEmpty, "")
	}
	return w, nil
}

// minus is the size of a minus at the beginning, which may be a Chinese keyboard's, or what phones and word processors
// make of it.
func minus(text string) int {
	for _, sign := range []string{"-", "－", "−", "–"} {
		if strings.HasPrefix(text, sign) {
			return len(sign)
		}
	}
	return 0
}

// qualifierIn finds a qualifier at the beginning, and its size with the colon. Its
// letters and the colon may be those of Chinese keyboards. Addresses like http://… have none.
func qualifierIn(text string) (name string, size int) {
	end := strings.IndexFunc(text, func(c rune) bool {
		if wide := width.LookupRune(c).Folded(); wide != 0 {
			c = wide
		}
		return c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
	if end <= 0 {
		return "", 0
	}
	for _, colon := range []string{":", "："} {
		if rest, ok := strings.CutPrefix(text[end:], colon); ok && !strings.HasPrefix(rest, "//") {
			return fold(text[:end]), end + len(colon)
		}
	}
	return "", 0
}

// fold is a text with one form of each character, as Words have it.
func fold(text string) string { return norm.NFKC.String(text) }

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
	return &Error{Start: start, End: end, Kind: kind, Word: p.text[start:end], Suggestion: suggestion}
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
		return p.fail(w.start, w.end, KindQualifier, Nearest(w.qualifier, known))
	}
	f, known := meant(Filter{Field(w.qualifier), w.value})
	if !known {
		return p.fail(w.valueStart, w.end, KindValue, Nearest(strings.ToLower(w.value), Values(f.Field)))
	}
	if w.negated {
		p.query.Not = append(p.query.Not, f)
		return nil
	}
	if to := p.query.Value(f.Field); *to == "" || *to == f.Value {
		*to = f.Value
		return nil
	}
	return p.fail(w.start, w.end, KindTwice, "")
}

func (p *queryParser) takeText(w queryWord) error {
	switch {
	case len(ParsePhrase(w.value).Words) == 0:
		return p.fail(w.start, w.end, KindWord, "")
	case w.negated:
		p.query.Not = append(p.query.Not, Filter{FieldText, w.value})
	default:
		p.query.Text = append(p.query.Text, w.value)
	}
	return nil
}

func (p *queryParser) takeTime(w queryWord) error {
	if w.negated {
		return p.fail(w.start, w.end, KindNegated, "")
	}
	late := w.qualifier == qualifierBefore
	at, as, ok := p.language.time(w.value, late)
	if !ok {
		return p.fail(w.valueStart, w.end, KindTime, Nearest(strings.ToLower(w.value), RelativeTimes()))
	}
	to, toAs := &p.query.From, &p.query.FromAs
	if late {
		to, toAs = &p.query.To, &p.query.ToAs
	}
	if !to.IsZero() {
		return p.fail(w.start, w.end, KindTwice, "")
	}
	if *to, *toAs = at.In(p.language.Zone), as; to.IsZero() || !writable(*to) {
		return p.fail(w.valueStart, w.end, KindTime, "")
	}
	p.lastTime = w
	return nil
}

// inOrder fails where the times end before they begin.
func (p *queryParser) inOrder() error {
	if q := &p.query; q.From.IsZero() || q.To.IsZero() || !q.To.Before(q.From) {
		return nil
	}
	return p.fail(p.lastTime.start, p.lastTime.end, KindOrder, "")
}

// takeNight takes the words for last night.
func (p *queryParser) takeNight(size int) error {
	start, negated := p.at, minus(p.text[p.at:])
	if p.at += negated + size; negated > 0 {
		return p.fail(start, p.at, KindNegated, "")
	}
	if !p.query.From.IsZero() || !p.query.To.IsZero() {
		return p.fail(start, p.at, KindTwice, "")
	}
	q := &p.query
	q.From, q.To = p.language.Night.Last(p.language.Now, p.language.Zone)
	q.FromAs, q.ToAs = Relative{nightWords[0], q.From}, Relative{nightWords[0], q.To}
	return nil
}

// writable reports whether RFC 3339 has a form for the time in its zone.
func writable(t time.Time) bool {
	back, err := time.Parse(time.RFC3339Nano, t.Format(time.RFC3339Nano))
	return err == nil && back.Equal(t)
}

// meant is the filter that a person means: actions and outcomes in lower case,
// groups without their dot, ends of operations as outcomes, types of operations
// in upper case. known is false when there is no such action or outcome.
func meant(f Filter) (_ Filter, known bool) {
	value := strings.ToLower(fold(f.Value))
	switch f.Field {
	case FieldType:
		if value == AnyCancel {
			f.Value = AnyCancel
		} else if name, size := qualifierIn(value + ":"); size > 0 {
			f.Value = strings.ToUpper(name)
		}
		return f, true
	case FieldOutcome:
		if o, ok := outcomeWords[value]; ok {
			return Filter{FieldOutcome, string(o)}, true
		}
	case FieldAction, FieldOverride, FieldReviewed:
	default: // any value
		return f, true
	}
	for _, v := range Values(f.Field) {
		if value == v || f.Field == FieldAction && value+"." == v {
			return Filter{f.Field, v}, true
		}
	}
	return f, false
}

// Values are the values that a field can have in a query; nil for one that takes
// any value.
func Values(f Field) []string {
	var out []string
	switch f {
	case FieldAction:
		for _, a := range audit.Actions() {
			if group := GroupOf(a); !slices.Contains(out, group) {
				out = append(out, group)
			}
			out = append(out, string(a))
		}
	case FieldOutcome:
		for _, o := range append(RowOutcomes(), audit.OutcomePending) {
			out = append(out, string(o))
		}
		for word := range outcomeWords {
			out = append(out, word)
		}
		slices.Sort(out)
	case FieldOverride, FieldReviewed:
		out = []string{Yes, No}
	default: // the others take any value
	}
	return out
}

// Nearest is the word that differs least, if it differs by a third at most, or by two letters that are swapped; empty
// for none.
func Nearest(word string, known []string) string {
	best, distance := "", max(1, utf8.RuneCountInString(word)/3)+1
	for _, k := range known {
		if max(len(k)-len(word), len(word)-len(k)) >= utf8.UTFMax*distance {
			continue // whatever the letters are
		}
		d := levenshtein.ComputeDistance(word, k)
		if d == 2 && swapped(word, k) {
			d = 1
		}
		if d < distance {
			best, distance = k, d
		}
	}
	return best
}

// swapped reports whether two neighbours among the letters are all that differs.
func swapped(a, b string) bool {
	for i := range len(a) - 1 {
		if len(a) == len(b) && a[:i] == b[:i] && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
			return true
		}
	}
	return false
}

// String is the query as text that Parse reads back, in the zone of its
// times. Pages and visibility are not part of it.
func (q Query) String() string {
	var parts []string
	for _, f := range q.Filters() {
		parts = append(parts, f.String())
	}
	parts = append(parts, q.times()...)
	for _, text := range q.Text {
		parts = append(parts, Filter{FieldText, text}.String())
	}
	for _, f := range q.Not {
		parts = append(parts, "-"+f.String())
	}
	return strings.Join(parts, " ")
}

// times are the words of the times.
func (q Query) times() (parts []string) {
	from, to := q.FromAs.of(q.From), q.ToAs.of(q.To)
	if from == nightWords[0] && to == from {
		return []string{from}
	}
	if from == "" || from == nightWords[0] {
		from = timeText(q.From, false)
	}
	if to == "" || to == nightWords[0] {
		to = timeText(q.To, true)
	}
	if !q.From.IsZero() {
		parts = append(parts, qualifierAfter+":"+from)
	}
	if !q.To.IsZero() {
		parts = append(parts, qualifierBefore+":"+to)
	}
	return parts
}

// of is the text of a query's time; empty when that is another time.
func (r Relative) of(t time.Time) string {
	if t.IsZero() || !r.At.Equal(t) {
		return ""
	}
	return r.Text
}

// String is the filter as it stands in a query.
func (f Filter) String() string {
	if f.Field == FieldText {
		if _, size := qualifierIn(f.Value); size > 0 || minus(f.Value) > 0 || namesNight(f.Value) {
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
func timeText(t time.Time, late bool) string {
	date := t.Format(time.DateOnly)
	if back, err := ParseLocal(time.DateOnly, date, t.Location(), late); err == nil && back.Equal(t) {
		return date
	}
	return t.Format(time.RFC3339Nano)
}
