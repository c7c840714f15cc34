package operate

import (
	"context"
	"fmt"

	"coc-console/audit"
)

// proven checks, before anything is sent because of a stored row, that the log
// has its own records of it: a row alone sends nothing.
func (s *Service) proven(ctx context.Context, r Request) error {
	if r.Bulk != nil && !r.Bulk.Proven {
		return ErrNotAuthentic
	}
	if r.Approved == nil {
		return nil
	}
	records, err := s.memory.Of(ctx, r.Key)
	switch {
	case err != nil:
		return fmt.Errorf("read approval %s from the log: %w", r.Key, err)
	case !r.approvedBy(records):
		return ErrNotAuthentic
	}
	return nil
}

// approvedBy reports whether records, of one operation, tell that an approval
// was asked for and granted, by whom and for what the request says, by as many as
// were asked for, and nothing that came after it.
func (r Request) approvedBy(records []audit.Record) bool {
	asked, granted := false, false
	var needed Detail
	var approvers []Approver
	for _, record := range records {
		switch record.Action {
		case audit.ActionApprovalRequested:
			asked = r.is(record) && SamePerson(record.Actor, r.Actor)
			needed, approvers = ParseDetail(record.Detail), nil
		case audit.ActionApprovalGiven:
			if asked && r.is(record) {
				approvers = append(approvers, Approver{record.Actor, ParseDetail(record.Detail).Teams})
			}
		case audit.ActionApprovalGranted:
			granted = asked && r.is(record) && SamePerson(record.Actor, r.Approved.By) &&
				record.Actor.UserID != r.Actor.UserID
			approvers = append(approvers, Approver{record.Actor, ParseDetail(record.Detail).Teams})
			granted = granted && len(CountedApprovers(r.Actor, approvers, needed.Apart)) >= needed.Needed
		case audit.ActionApprovalRefused, audit.ActionApprovalWithdrawn, audit.ActionApprovalExpired,
			audit.ActionApprovalReturned:
			return false
		}
	}
	return granted
}

// is reports whether a record is about what the request is for.
func (r Request) is(record audit.Record) bool {
	return record.Ticket == string(r.Ticket) && record.OperationType == string(r.Operation.Type) &&
		record.BatchIndex == r.Operation.BatchIndex && record.InstanceID == r.Operation.InstanceID
}
