package operate

import (
	"slices"

	"coc-console/audit"
)

// Approver is somebody who has approved an operation, with their teams at the time.
type Approver struct {
	Actor audit.Actor
	Teams []string
}

// CountedApprovers are those of the approvers that count, in their order: each person once and never the requester, and
// where they have to be apart nobody without a team, or who shares one with somebody who has counted.
func CountedApprovers(requester audit.Actor, all []Approver, apart bool) []Approver {
	var counted []Approver
	for _, a := range all {
		if a.Actor.UserID == requester.UserID || apart && len(a.Teams) == 0 {
			continue
		}
		if !slices.ContainsFunc(counted, func(b Approver) bool {
			return a.Actor.UserID == b.Actor.UserID || apart && slices.ContainsFunc(a.Teams, func(team string) bool {
				return slices.Contains(b.Teams, team)
			})
		}) {
			counted = append(counted, a)
		}
	}
	return counted
}

// NameOf is account/name.
func NameOf(a audit.Actor) string { return a.AccountName + "/" + a.UserName }

// NamesOf are the names of approvers.
func NamesOf(all []Approver) []string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = NameOf(a.Actor)
	}
	return names
}
