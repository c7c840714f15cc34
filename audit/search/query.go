package search

import (
	"slices"
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
	return r.Ticket != "" && strings.HasPrefix(string(r.Action), operations) && slices.Contains(v.Tickets, r.Ticket)
}

// operations is the group of actions that belong to operations.
const operations = "operation."

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
	FieldText      Field = "text"      // words; no qualifier stands before them
)

// Fields lists those that a qualifier names.
func Fields() []Field {
	return []Field{FieldActor, FieldTicket, FieldOperation, FieldAction, FieldOutcome, FieldProject, FieldIP, FieldType}
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
	Operation   string // operation type, its wire value

	// Text holds words and phrases, all of which must occur in the record's
	// names, ticket, target, reason or errors. Case does not matter, nor what
	// is neither letter nor digit; at the end of one, * stands for more letters.
	Text []string

	Not []Filter // none of these may hold

	From, To time.Time // From inclusive, To exclusive
	Before   int64     // records below this sequence, newest first
	After    int64     // records above it: the page that comes before
	Limit    int       // 1..MaxLimit; 0 = DefaultLimit
	Visible  Visibility
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
	default: // FieldText is a list
		return nil
	}
}

// isGroup reports whether an action names several.
func isGroup(a string) bool { return strings.HasSuffix(a, ".") }

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
		return v == string(r.Action) || isGroup(v) && v == groupOf(r.Action)
	case FieldOutcome:
		return v == string(r.Outcome)
	case FieldProject:
		return v == r.Actor.ProjectID || v == r.Actor.ProjectName
	case FieldIP:
		return v == r.Origin.Address
	case FieldType:
		return v == r.OperationType
	default:
		return false
	}
}

// groupOf is the part of an action up to its dot.
func groupOf(a audit.Action) string {
	return string(a[:strings.IndexByte(string(a), '.')+1])
}

// Matches reports whether a record fits the query, its times and pages too.
func (q Query) Matches(r audit.Record) bool { return newScan(q, 1).matcher()(single(&r)) }

// matcher returns a function that reports whether a record fits everything but
// the pages of the query.
func (q Query) matcher() func(r *recentRecord) bool {
	filters := q.Filters()
	phrases, excluded := make([]phrase, len(q.Text)), make([]phrase, len(q.Not))
	for i, text := range q.Text {
		phrases[i] = parsePhrase(text)
	}
	for i, f := range q.Not {
		if f.Field == FieldText {
			excluded[i] = parsePhrase(f.Value)
		}
	}
	return func(r *recentRecord) bool {
		for _, f := range filters {
			if !f.holds(r.Record) {
				return false
			}
		}
		for _, p := range phrases {
			if !p.in(r.words()) {
				return false
			}
		}
		for i, f := range q.Not {
			if f.Value != "" && (f.holds(r.Record) || f.Field == FieldText && excluded[i].in(r.words())) {
				return false
			}
		}
		return q.Visible.All || q.Visible.allows(*r.Record)
	}
}

// Everything reports whether only times and numbers narrow the query.
func (q Query) Everything() bool {
	return len(q.Filters()) == 0 && len(q.Text) == 0 && len(q.Not) == 0 && q.Visible.All
}
