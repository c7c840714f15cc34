package query

import (
	"slices"
	"strings"

	"coc-console/audit"
)

// Builder writes expressions of words and terms: in the language of FTS5, or of
// PostgreSQL's tsquery.
type Builder struct {
	TSQuery bool
	Singles bool // of records that belong to no operation's row: by terms that only those have
}

// term is Term, or that which only singles have.
func (b Builder) term(kind, value string) string {
	if b.Singles && slices.Contains(singleKinds, kind) {
		kind = Single[1:] + kind
	}
	return Term(kind, value)
}

// And holds where all do.
func (b Builder) And(all ...string) string { return b.join(" AND ", " & ", all) }

// Or holds where one does.
func (b Builder) Or(one ...string) string { return b.join(" OR ", " | ", one) }

func (b Builder) join(fts, ts string, of []string) string {
	if b.TSQuery {
		fts = ts
	}
	if len(of) == 1 {
		return of[0]
	}
	return "(" + strings.Join(of, fts) + ")"
}

// Not holds where yes does and no does not; yes may be empty.
func (b Builder) Not(yes, no string) string {
	switch {
	case b.TSQuery && yes == "":
		return "!" + no
	case b.TSQuery:
		return "(" + yes + " & !" + no + ")"
	case yes == "":
		yes = Border
	}
	return "(" + yes + " NOT " + no + ")"
}

// Phrase holds where words follow one another.
func (b Builder) Phrase(p Phrase) string {
	if !b.TSQuery {
		return p.Expression()
	}
	text := "'" + strings.Join(p.Words, "' <-> '") + "'" // letters and digits alone
	if p.Prefix {
		text += ":*"
	}
	return "(" + text + ")"
}

// Terms holds for one of some values.
func (b Builder) Terms(kind string, values ...string) string {
	var one []string
	for _, v := range values {
		one = append(one, b.term(kind, v))
	}
	return b.Or(one...)
}

// OfRecord holds for records that have what a filter asks for.
func (b Builder) OfRecord(f Filter) string {
	switch {
	case f.Field == FieldOutcome && len(wordActions[audit.Outcome(f.Value)]) > 0:
		var actions []string
		for _, a := range wordActions[audit.Outcome(f.Value)] {
			actions = append(actions, string(a))
		}
		return b.Terms(TermAction, actions...)
	case f == Filter{FieldReviewed, Yes}:
		return b.Terms(TermAction, reviews...)
	case f == Filter{FieldReviewed, No}:
		return b.Not(Term(TermOverride, Yes), b.Terms(TermAction, reviews...))
	}
	return b.OfRow(f)
}

// reviews are the actions of records of reviews.
var reviews = []string{string(audit.ActionOverrideReviewed), string(audit.ActionReviewed)}

// OfRow holds for rows of operations that have what a filter asks for.
func (b Builder) OfRow(f Filter) string {
	switch {
	case f.Field == FieldAction && IsGroup(f.Value):
		return b.term(TermGroup, f.Value)
	case f.Field == FieldType:
		return b.Terms(TermType, Types(f.Value)...)
	case f.Field == FieldHost:
		return Term(TermHost, strings.ToLower(f.Value))
	case f == Filter{FieldReviewed, No}:
		return b.Not(Term(TermOverride, Yes), Term(TermReviewed, Yes))
	case f == Filter{FieldOverride, No}:
		return b.Not("", Term(TermOverride, Yes))
	}
	return b.term(termKinds[f.Field], f.Value)
}

// Visible holds for what a reader sees; it is empty when that is nothing.
func (b Builder) Visible(v Visibility) string {
	var either []string
	if v.UserID != "" {
		either = append(either, Term(TermUser, v.UserID))
	}
	tickets := slices.DeleteFunc(slices.Clone(v.Tickets), func(t string) bool { return t == "" })
	if len(tickets) > 0 {
		either = append(either, b.And(Term(TermGroup, Operations), b.Terms(TermTicket, tickets...)))
	}
	if len(either) == 0 {
		return ""
	}
	return b.Or(either...)
}

// AnyCancel is the operation type of a filter that finds both kinds of cancel.
const AnyCancel = "cancel"

// Types are the operation types that a filter finds.
func Types(value string) []string {
	if value == AnyCancel {
		return []string{"CANCEL_ORDER", "CANCEL_INSTANCE"}
	}
	return []string{value}
}
