package memory

import "coc-console/audit"

// Receipt is what the log knows about one operation.
type Receipt struct {
	ID        string
	Requested audit.Record
	Answer    *audit.Record // accepted, rejected or unknown
	End       *audit.Record // observed or not observed
}

// Unattributed reports that the effect shows, while it is not known whether the
// operation caused it: COC did not say that it took it.
func (r Receipt) Unattributed() bool {
	return r.End != nil && r.End.Action == audit.ActionOperationObserved && r.Answer != nil &&
		r.Answer.Action != audit.ActionOperationAccepted
}

// Uncertain reports that COC did not say whether it took the operation.
func (r Receipt) Uncertain() bool {
	return r.Answer == nil || r.Answer.Action != audit.ActionOperationAccepted
}

// Open reports whether the operation has no end yet.
func (r Receipt) Open() bool {
	return r.End == nil && (r.Answer == nil || r.Answer.Action != audit.ActionOperationRejected)
}

// ReceiptOf makes the receipt of an operation from all records under its id;
// audit.ErrNotFound where none requests it.
func ReceiptOf(id string, records []audit.Record) (Receipt, error) {
	r := Receipt{ID: id}
	for i := range records {
		switch record := &records[i]; record.Action {
		case audit.ActionOperationRequested:
			if r.Requested.Sequence == 0 { // a second one was not sent
				r.Requested = *record
			}
		case audit.ActionOperationAccepted, audit.ActionOperationRejected, audit.ActionOperationUnknown:
			r.Answer = record
		case audit.ActionOperationObserved, audit.ActionOperationNotObserved:
			r.End = record
		default: // no other action belongs to an operation
		}
	}
	if r.Requested.Sequence == 0 {
		return Receipt{}, audit.ErrNotFound
	}
	return r, nil
}
