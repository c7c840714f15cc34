package policy

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/cedar-policy/cedar-go"
)

// Approvers say how many people have to approve, and whether they have to be of different teams.
type Approvers struct {
	Number int // at least 1
	Apart  bool
}

// maxApprovers bounds the number that a policy may ask for.
const maxApprovers = 9

// differentTeams is the one value of @approvers_from.
const differentTeams = "different-teams"

// parseApprovers reads the annotations @approvers and @approvers_from of a policy whose @demand has those kinds.
func parseApprovers(id string, notes cedar.Annotations, kinds []Kind) (Approvers, error) {
	a := Approvers{Number: 1}
	number, counts := notes["approvers"]
	from, apart := notes["approvers_from"]
	if !counts && !apart {
		return a, nil
	}
	if !slices.Contains(kinds, Approval) {
		return a, fmt.Errorf(`policy %q: @approvers and @approvers_from stand beside a @demand for "approval"`, id)
	}
	if counts {
		n, err := strconv.Atoi(string(number))
		if err != nil || n < 1 || n > maxApprovers {
			return a, fmt.Errorf("policy %q: @approvers is a number from 1 to %d", id, maxApprovers)
		}
		a.Number = n
	}
	if apart && (from != differentTeams || a.Number < 2) {
		return a, fmt.Errorf("policy %q: @approvers_from is %q, beside @approvers of 2 or more", id, differentTeams)
	}
	a.Apart = apart
	return a, nil
}

// Approvers are those that the open demands for an approval want, together.
func (d Decision) Approvers() Approvers {
	a := Approvers{Number: 1}
	for _, x := range d.Demands {
		if slices.Contains(x.Any, Approval) {
			a.Number, a.Apart = max(a.Number, x.Approvers.Number), a.Apart || x.Approvers.Apart
		}
	}
	return a
}
