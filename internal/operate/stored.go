package operate

import "coc-console/internal/coc"

// StoredOperation is an operation as the rows of approvals and of the items of bulk operations keep it. Of an item they
// keep nothing about its ticket. The names in JSON stay: older rows have them.
type StoredOperation struct {
	Type     coc.OperationType `json:"type"`
	Batch    int32             `json:"batch,omitempty"`
	Instance int64             `json:"instance,omitempty"`
	Hint     int32             `json:"hint,omitempty"`
	Counted  bool              `json:"counted,omitempty"`
	Name     string            `json:"name,omitempty"` // of the ticket
	Creator  string            `json:"creator,omitempty"`
	Status   coc.TicketStatus  `json:"status,omitempty"`
	Beside   string            `json:"beside,omitempty"`
	// Approvers and Apart are those of an approval (policy.Approvers); of before: one.
	Approvers int  `json:"approvers,omitempty"`
	Apart     bool `json:"apart,omitempty"`
}

// Operation is what is sent.
func (o StoredOperation) Operation() coc.Operation {
	return coc.Operation{Type: o.Type, BatchIndex: o.Batch, InstanceID: o.Instance}
}
