package operations

import (
	"cmp"
	"slices"
	"strings"

	"coc-console/audit"
	"coc-console/audit/query"
)

// terms are the words that stand for what a filter may ask of a row.
func (t Table) terms(row *Row, records []audit.Record) []string {
	all := make([]string, 0, 24)
	put := func(words ...string) {
		for _, word := range words {
			if word != "" && !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
	}
	add := func(kind string, values ...string) {
		for _, v := range values {
			if v != "" {
				put(t.Term(kind, v))
			}
		}
	}
	// Whether it was sent by an override is the row's own to say: a record may only be about one.
	ofRow := func(kind, value string) string {
		if kind == query.TermOverride {
			return ""
		}
		return t.Term(kind, value)
	}
	add(query.TermActor, row.Actor.UserID, row.Actor.UserName)
	add(query.TermTicket, row.Ticket)
	add(query.TermID, row.ID)
	add(query.TermType, row.Type)
	add(query.TermProject, row.Actor.ProjectID, row.Actor.ProjectName)
	add(query.TermOutcome, string(row.Outcome), string(query.General(row.Outcome)))
	for i := range records {
		r := &records[i]
		add(query.TermUser, r.Actor.UserID)
		add(query.TermAction, string(r.Action))
		add(query.TermGroup, query.GroupOf(r.Action))
		add(query.TermIP, r.Origin.Address)
		put(query.Rare(*r, ofRow)...)
	}
	if row.Override {
		add(query.TermOverride, query.Yes)
	}
	if row.Reviewed.Taken() {
		add(query.TermReviewed, query.Yes)
	}
	return all
}

// words are those of a row's records, each text once: records of an operation
// repeat who, what and why.
func words(records []audit.Record) []string {
	out := []string{query.Border}
	var last audit.Record
	named := ""
	for _, r := range records {
		said := r
		if name := query.TicketName(&r); name != "" && name == named {
			said.Input = ""
		} else {
			named = cmp.Or(name, named)
		}
		for _, t := range [...][2]*string{{&said.Actor.UserName, &last.Actor.UserName}, {&said.Actor.ProjectName,
			&last.Actor.ProjectName}, {&said.Ticket, &last.Ticket}, {&said.Target, &last.Target}, {&said.Reason, &last.Reason}} {
			if *t[0] == *t[1] {
				*t[0] = ""
			}
		}
		last = r
		if out = append(out, query.Words(said)...); len(out) > query.MaxWords {
			return out[:query.MaxWords]
		}
	}
	return out
}

// Document is what the database's index has of the row of these records.
func (t Table) Document(records []audit.Record) string {
	row := Fold(records)
	if t.Dialect == audit.PostgreSQL {
		return t.vector(&row, records)
	}
	return t.document(&row, records)
}

// document is what SQLite's index has of a row.
func (t Table) document(row *Row, records []audit.Record) string {
	return strings.Join(append(t.terms(row, records), words(records)...), " ")
}

// vector is what PostgreSQL's index has of a row: the terms, and the words with
// their positions.
func (t Table) vector(row *Row, records []audit.Record) string {
	var b strings.Builder
	for _, term := range t.terms(row, records) {
		b.WriteString(term)
		b.WriteByte(' ')
	}
	b.WriteString(query.Positioned(words(records)))
	return b.String()
}
