package query

import (
	"encoding/json"
	"slices"
	"strings"

	"coc-console/audit"
)

// Approvers are the names of who approved or refused what a record is about, as
// it says: account/name, name, and id.
func Approvers(r *audit.Record) []string {
	switch r.Action {
	case audit.ActionApprovalGiven, audit.ActionApprovalGranted, audit.ActionApprovalRefused:
		both := r.Actor.UserName
		if r.Actor.AccountName != "" {
			both = r.Actor.AccountName + "/" + both
		}
		return []string{both, r.Actor.UserName, r.Actor.UserID}
	}
	if !strings.Contains(r.Detail, `"approved_by"`) {
		return nil
	}
	var d struct {
		By        string   `json:"approved_by"`
		Approvers []string `json:"approvers"` // where they are several
	}
	if json.Unmarshal([]byte(r.Detail), &d) != nil || d.By == "" {
		return nil
	}
	var all []string
	for _, by := range append([]string{d.By}, d.Approvers...) {
		if _, name, _ := strings.Cut(by, "/"); !slices.Contains(all, by) {
			all = append(all, by, name)
		}
	}
	return all
}

// Overridden reports whether a record is about an emergency override.
func Overridden(r *audit.Record) bool {
	return GroupOf(r.Action) == Overrides ||
		strings.HasPrefix(r.Detail, "{") && strings.Contains(r.Detail, `"glass":true`)
}

// TicketName is the name of its ticket that a record says; empty when it does not. What concerns one instance
// has the host as its target: there what the decision was made from says it.
func TicketName(r *audit.Record) string {
	switch {
	case r.Ticket == "":
		return ""
	case r.Action == audit.ActionTicketViewed || r.OperationType != "" && r.InstanceID == 0:
		return r.Target
	}
	return nameInInput(r)
}

// nameInInput is the name of its ticket that a record has beside a target that is none.
func nameInInput(r *audit.Record) string {
	if r.InstanceID == 0 || !strings.Contains(r.Input, `"ticket"`) {
		return ""
	}
	var in struct {
		Ticket struct {
			Name string `json:"name"`
		} `json:"ticket"`
	}
	if json.Unmarshal([]byte(r.Input), &in) != nil {
		return ""
	}
	return in.Ticket.Name
}

// Subject is what a record is about that belongs to no ticket: its target, the page that was denied, or a role
// with whose it is.
func Subject(r *audit.Record) string {
	for word := range strings.FieldsSeq(r.Detail) {
		switch name, value, _ := strings.Cut(word, "="); {
		case name == "address" && r.Action == audit.ActionAccessDenied && r.Target == "":
			return value
		case name == "for" && GroupOf(r.Action) == Elevations:
			return r.Target + " · " + value
		}
	}
	return r.Target
}

// Hosts are the host that an operation on an instance names, and its address, in
// lower case.
func Hosts(target string, instance int64) []string {
	if instance == 0 || target == "" {
		return nil
	}
	host, address, ok := strings.Cut(strings.ToLower(target), " (")
	if !ok {
		return []string{host}
	}
	return []string{host, strings.TrimSuffix(address, ")")}
}
