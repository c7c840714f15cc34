// Package query says which records of the audit log somebody looks for: the
// fields of a query, its language, the words that texts are searched by, and
// the terms that stand for values in an index. Parse describes the language.
package query

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"coc-console/audit"
)

// Visibility limits what a reader sees: everything, or their own records and
// what was done to tickets they can open.
type Visibility struct {
	All     bool
	UserID  string
	Tickets []string // operation records of these
}

// Whole reports whether a reader may have a record as it is stored: one of
// their own, or all of them.
func (v Visibility) Whole(r audit.Record) bool {
	return v.All || v.UserID != "" && r.Actor.UserID == v.UserID
}

// Show is a record as the reader may see it: from where and with what somebody
// else worked is left out.
func (v Visibility) Show(r audit.Record) audit.Record {
	if !v.Whole(r) {
		r.Origin.Address, r.Origin.UserAgent = "", ""
	}
	return r
}

func (v Visibility) allows(r audit.Record) bool {
	if v.Whole(r) {
		return true
	}
	return r.Ticket != "" && strings.HasPrefix(string(r.Action), Operations) && slices.Contains(v.Tickets, r.Ticket)
}

// Operations is the group of actions that belong to operations, Approvals and
// Overrides are those of what surrounds them, Elevations those of roles for a while.
const (
	Operations = "operation."
	Approvals  = "approval."
	Overrides  = "glass."
	Elevations = "elevation."
)

// Field is what a filter looks at, named as in the text of a query.
type Field string

// The fields.
const (
	FieldActor     Field = "actor"     // user name or id
	FieldTicket    Field = "ticket"    //
	FieldOperation Field = "id"        // the operation's id
	FieldAction    Field = "action"    // or a group of actions: "operation."
	FieldOutcome   Field = "outcome"   //
	FieldProject   Field = "project"   // name or id
	FieldIP        Field = "ip"        // where the person came from
	FieldType      Field = "operation" // the operation's type
	FieldApprover  Field = "approver"  // account/name, name or id of who approved or refused it
	FieldOverride  Field = "override"  // Yes or No: whether it was sent by an emergency override
	FieldReviewed  Field = "reviewed"  // Yes or No: whether its override was reviewed
	FieldInstance  Field = "instance"  // id of the one instance that is acted on
	FieldHost      Field = "host"      // its host name or address, whatever its case
	FieldText      Field = "text"      // words; no qualifier stands before them
)

// Fields lists those that a qualifier names.
func Fields() []Field {
	return []Field{FieldActor, FieldTicket, FieldOperation, FieldAction, FieldOutcome, FieldProject, FieldIP, FieldType,
		FieldApprover, FieldOverride, FieldReviewed, FieldInstance, FieldHost}
}

// Filter is a field and its whole value. For FieldText see Query.Text.
type Filter struct {
	Field Field
	Value string
}

// Query narrows a search; zero fields do not.
type Query struct {
	Person      string // user name or id, exactly
	Ticket      string
	OperationID string
	Action      audit.Action // or a group of them: "operation."
	Outcome     audit.Outcome
	Project     string // name or id, exactly
	IP          string // as the record has it
	Operation   string // operation type, its wire value; or AnyCancel

	// What concerns one operation on the whole is known of its row. Of a single
	// record they say what that record tells: Override that it was sent by one or is
	// about one, Reviewed that it is, or is not, the record of the review.
	Approver string // account/name, name or id
	Override string // Yes or No
	Reviewed string // Yes or No, of what was sent by an override
	Instance string // its id
	Host     string // name or address

	// Text holds words and phrases, all of which must occur in the record's
	// names, ticket, target, reason or errors. Case does not matter, nor what
	// is neither letter nor digit; at the end of one, * stands for more letters.
	Text []string

	Not []Filter // none of these may hold

	From, To time.Time // From inclusive, To exclusive

	// FromAs and ToAs are how the times were typed, where that is relative to the
	// moment: it is kept in the query's text.
	FromAs, ToAs Relative

	Before  int64 // records below this sequence, newest first
	After   int64 // records above it: the page that comes before
	Limit   int   // 1..MaxLimit; 0 = DefaultLimit
	Visible Visibility
}

// Relative is a time as it was typed, and which time it was then. It counts
// only as long as the query has that time.
type Relative struct {
	Text string // 24h, yesterday, last night
	At   time.Time
}

// Filters are the fields that are set, in the order of Fields.
func (q Query) Filters() []Filter {
	var all []Filter
	for _, f := range Fields() {
		if value := *q.Value(f); value != "" {
			all = append(all, Filter{f, value})
		}
	}
	return all
}

// Value is where Query keeps a field's value as text; nil for FieldText, which is a list.
func (q *Query) Value(f Field) *string {
	switch f {
	case FieldActor:
		return &q.Person
	case FieldTicket:
		return &q.Ticket
	case FieldOperation:
		return &q.OperationID
	case FieldAction:
		return (*string)(&q.Action)
	case FieldOutcome:
		return (*string)(&q.Outcome)
	case FieldProject:
		return &q.Project
	case FieldIP:
		return &q.IP
	case FieldType:
		return &q.Operation
	case FieldApprover:
		return &q.Approver
	case FieldOverride:
		return &q.Override
	case FieldReviewed:
		return &q.Reviewed
	case FieldInstance:
		return &q.Instance
	case FieldHost:
		return &q.Host
	default: // FieldText is a list
		return nil
	}
}

// IsGroup reports whether an action names several.
func IsGroup(a string) bool { return strings.HasSuffix(a, ".") }

// holds reports whether a record has the value. FieldText is not asked here.
func (f Filter) holds(r *audit.Record) bool {
	switch v := f.Value; f.Field {
	case FieldActor:
		return v == r.Actor.UserName || v == r.Actor.UserID
	case FieldTicket:
		return v == r.Ticket
	case FieldOperation:
		return v == r.OperationID
	case FieldAction:
		return v == string(r.Action) || IsGroup(v) && v == GroupOf(r.Action)
	case FieldOutcome:
		if actions := wordActions[audit.Outcome(v)]; len(actions) > 0 {
			return slices.Contains(actions, r.Action)
		}
		return v == string(r.Outcome)
	case FieldProject:
		return v == r.Actor.ProjectID || v == r.Actor.ProjectName
	case FieldIP:
		return v == r.Origin.Address
	case FieldType:
		return slices.Contains(Types(v), r.OperationType)
	default:
		return f.holdsOfOperation(r)
	}
}

// holdsOfOperation is holds of the fields that only operations have.
func (f Filter) holdsOfOperation(r *audit.Record) bool {
	switch v := f.Value; f.Field {
	case FieldApprover:
		return slices.Contains(Approvers(r), v)
	case FieldOverride:
		return Overridden(r) && v == Yes || !Overridden(r) && v == No
	case FieldReviewed:
		review := slices.Contains(reviews, string(r.Action))
		return v == Yes && review || v == No && Overridden(r) && !review
	case FieldInstance:
		return r.InstanceID != 0 && v == strconv.FormatInt(r.InstanceID, 10)
	case FieldHost:
		return slices.Contains(Hosts(r.Target, r.InstanceID), strings.ToLower(v))
	default:
		return false
	}
}

// GroupOf is the part of an action up to its dot.
func GroupOf(a audit.Action) string {
	return string(a[:strings.IndexByte(string(a), '.')+1])
}

// Matcher returns a function that reports whether a record fits everything but
// the times and pages of the query. The words of a record are asked for where they count.
func (q Query) Matcher() func(r *audit.Record, words func() []string) bool {
	filters := q.Filters()
	phrases, excluded := make([]Phrase, len(q.Text)), make([]Phrase, len(q.Not))
	for i, text := range q.Text {
		phrases[i] = ParsePhrase(text)
	}
	for i, f := range q.Not {
		if f.Field == FieldText {
			excluded[i] = ParsePhrase(f.Value)
		}
	}
	return func(r *audit.Record, words func() []string) bool {
		for _, f := range filters {
			if !f.holds(r) {
				return false
			}
		}
		for _, p := range phrases {
			if !p.In(words()) {
				return false
			}
		}
		for i, f := range q.Not {
			if f.Value != "" && (f.holds(r) || f.Field == FieldText && excluded[i].In(words())) {
				return false
			}
		}
		return q.Visible.All || q.Visible.allows(*r)
	}
}

// Matches reports whether a record fits the query, its times and pages too.
func (q Query) Matches(r audit.Record) bool {
	ts := r.Time.UnixMicro()
	return r.Sequence > q.After && (q.Before <= 0 || r.Sequence < q.Before) && Micro(q.From, 0) <= ts &&
		ts < Micro(q.To, math.MaxInt64) && q.Matcher()(&r, func() []string { return Words(r) })
}

// Micro are the log's microseconds of a time, rounded up: no record lies in
// between. Of the zero time it is zero.
func Micro(t time.Time, zero int64) int64 {
	switch t = t.UTC(); {
	case t.IsZero():
		return zero
	case t.Year() < 1970:
		return 0
	case t.Year() > 9999:
		return math.MaxInt64
	}
	return t.Add(time.Microsecond - 1).UnixMicro()
}

// Unpaged is the query without its page.
func (q Query) Unpaged() Query {
	q.Before, q.After = 0, 0
	return q
}

// Everything reports whether only times and numbers narrow the query.
func (q Query) Everything() bool {
	return len(q.Filters()) == 0 && len(q.Text) == 0 && len(q.Not) == 0 && q.Visible.All
}

// Completed is how many fields have values that are offered to who types.
const Completed = 7

// Completions are the values of a record that are offered to who types.
func Completions(r *audit.Record) [Completed]Filter {
	return [...]Filter{{FieldActor, r.Actor.UserName}, {FieldTicket, r.Ticket}, {FieldAction, string(r.Action)},
		{FieldOutcome, string(r.Outcome)}, {FieldProject, r.Actor.ProjectName}, {FieldIP, r.Origin.Address},
		{FieldType, r.OperationType}}
}

// AsksForAddresses reports whether a search tells by its results from where
// somebody works.
func (q Query) AsksForAddresses() bool {
	return q.IP != "" || slices.ContainsFunc(q.Not, func(f Filter) bool { return f.Field == FieldIP })
}
