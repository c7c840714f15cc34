package query

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strconv"
	"strings"

	"coc-console/audit"
)

// Term is the word that stands for a value of a field. Hashed, because values
// hold anything and the index knows only letters.
func Term(kind, value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(value))
	return "_" + kind + termEncoding.EncodeToString(sum[:10])
}

var termEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// The kinds of filter terms: a letter for each.
const (
	TermActor   = "a" // name, and id
	TermUser    = "u" // id alone, for what a reader may see
	TermTicket  = "t"
	TermID      = "i"
	TermAction  = "c"
	TermGroup   = "g"
	TermOutcome = "o"
	TermProject = "p" // name, and id
	TermIP      = "n"
	TermType    = "k"

	TermApprover = "v"
	TermOverride = "w" // of Yes
	TermReviewed = "r" // of Yes
	TermInstance = "x"
	TermHost     = "h" // name, and address
)

// Yes and No are the values of fields that hold or do not.
const (
	Yes = "yes"
	No  = "no"
)

var termKinds = map[Field]string{FieldActor: TermActor, FieldTicket: TermTicket, FieldOperation: TermID, FieldAction: TermAction,
	FieldOutcome: TermOutcome, FieldProject: TermProject, FieldIP: TermIP, FieldType: TermType,
	FieldApprover: TermApprover, FieldOverride: TermOverride, FieldReviewed: TermReviewed, FieldInstance: TermInstance,
	FieldHost: TermHost}

// Single is the word of a record that belongs to no operation's row.
const Single = "_s"

// singleKinds are the kinds of terms that such records have a second time, each after Single: what has both a term and
// no operation is then one list of an index. To step through two long ones that share little takes long.
var singleKinds = []string{TermAction, TermGroup, TermOutcome, TermType}

// singles are the terms that only records that belong to no operation's row have.
func singles(r *audit.Record, term func(kind, value string) string) []string {
	if InOperation(r) {
		return nil
	}
	all := []string{Single}
	for i, value := range [...]string{string(r.Action), GroupOf(r.Action), string(r.Outcome), r.OperationType} {
		all = append(all, term(Single[1:]+singleKinds[i], value))
	}
	return all
}

// Terms are the filter terms of a record.
func Terms(r audit.Record, term func(kind, value string) string) []string {
	all := []string{term(TermUser, r.Actor.UserID), term(TermActor, r.Actor.UserID), term(TermActor, r.Actor.UserName),
		term(TermTicket, r.Ticket), term(TermID, r.OperationID), term(TermAction, string(r.Action)), term(TermGroup, GroupOf(r.Action)),
		term(TermOutcome, string(r.Outcome)), term(TermProject, r.Actor.ProjectID), term(TermProject, r.Actor.ProjectName),
		term(TermIP, r.Origin.Address), term(TermType, r.OperationType)}
	all = slices.Concat(all, singles(&r, term), Rare(r, term))
	return slices.DeleteFunc(all, func(t string) bool { return t == "" })
}

// Expression is the phrase in the language of FTS5.
func (p Phrase) Expression() string {
	text := `"` + strings.Join(p.Words, " ") + `"`
	if p.Prefix {
		text += " *"
	}
	return text
}

// GroupEnd is the first text after all that begin with a group's name.
func GroupEnd(group string) string { return strings.TrimSuffix(group, ".") + "/" }

// Rare are the terms of what few records say. What a filter may ask of a record
// stands here, if it has no column.
func Rare(r audit.Record, term func(kind, value string) string) (all []string) {
	for _, by := range Approvers(&r) {
		all = append(all, term(TermApprover, by))
	}
	if Overridden(&r) {
		all = append(all, term(TermOverride, Yes))
	}
	if r.InstanceID != 0 {
		all = append(all, term(TermInstance, strconv.FormatInt(r.InstanceID, 10)))
	}
	for _, host := range Hosts(r.Target, r.InstanceID) {
		all = append(all, term(TermHost, host))
	}
	return all
}

// RareTerms are the terms of a record that PostgreSQL keeps before its words,
// each with a space behind it.
func RareTerms(r audit.Record) string {
	all := Rare(r, Term)
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(t string) bool { return t == "" })
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, " ") + " "
}

// Storable reports whether a record could hold the text.
func Storable(s string) bool { return audit.Shorten(s) == s }
