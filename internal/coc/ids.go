package coc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ExecuteUUID is the key of a ticket: SCT, a 14-digit time in UTC+8 and nine
// lowercase hex digits (docs/coc-api.md section 3).
type ExecuteUUID string

const uuidLength = 26

var (
	uuidPattern = regexp.MustCompile(`^SCT[0-9]{14}[0-9a-f]{9}$`)
	uuidInText  = regexp.MustCompile(`SCT[0-9]{14}[0-9a-f]{9}`)
)

// UUIDError says what is wrong with text given as an execute_uuid.
type UUIDError struct{ Problem string } // "missing", "too_long" or "malformed"

func (e *UUIDError) Error() string { return "execute_uuid is " + e.Problem }

// ParseExecuteUUID checks text, of which surrounding space is ignored.
// Its errors are *UUIDError.
func ParseExecuteUUID(text string) (ExecuteUUID, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", &UUIDError{"missing"}
	case len(text) > uuidLength:
		return "", &UUIDError{"too_long"}
	case !uuidPattern.MatchString(text):
		return "", &UUIDError{"malformed"}
	}
	return ExecuteUUID(text), nil
}

// FindExecuteUUID finds the first execute_uuid that stands alone in a pasted
// link or a line of text.
func FindExecuteUUID(text string) (ExecuteUUID, bool) {
	for _, at := range uuidInText.FindAllStringIndex(text, 100) {
		if (!wordAt(text, at[0]-1) || escapeBefore(text, at[0])) && !wordAt(text, at[1]) {
			return ExecuteUUID(text[at[0]:at[1]]), true
		}
	}
	return "", false
}

// TypedExecuteUUID finds the execute_uuid in what somebody typed or pasted: in any case, and with blanks in it, as
// chats and terminals break it.
func TypedExecuteUUID(text string) (ExecuteUUID, bool) {
	if id, ok := FindExecuteUUID(text); ok {
		return id, true
	}
	lower := strings.ReplaceAll(strings.ToLower(text), "sct", "SCT")
	if id, ok := FindExecuteUUID(lower); ok {
		return id, true
	}
	id, err := ParseExecuteUUID(strings.Join(strings.Fields(lower), ""))
	return id, err == nil
}

func wordAt(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i]
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

var escapeAtEnd = regexp.MustCompile(`%[0-9A-Fa-f]{2}$`)

// escapeBefore reports a character of an address, such as %2F, that ends at i.
func escapeBefore(text string, i int) bool {
	return escapeAtEnd.MatchString(text[max(0, i-3):i])
}

// OperationType is one of the operations (docs/coc-api.md section 4.6).
type OperationType string

// The operations.
const (
	CancelInstance OperationType = "CANCEL_INSTANCE"
	SkipBatch      OperationType = "SKIP_BATCH"
	CancelOrder    OperationType = "CANCEL_ORDER"
	PauseOrder     OperationType = "PAUSE_ORDER"
	ContinueOrder  OperationType = "CONTINUE_ORDER"
)

// Scope is what an operation acts on, and so which field goes with it.
type Scope int

// The scopes.
const (
	OnTicket   Scope = iota + 1 // no field
	OnBatch                     // batch_index
	OnInstance                  // instance_id
)

// operationTypes are the operations that COC has, in the order in which they are offered.
var operationTypes = []struct {
	wire  OperationType
	scope Scope
}{
	{PauseOrder, OnTicket},
	{ContinueOrder, OnTicket},
	{SkipBatch, OnBatch},
	{CancelInstance, OnInstance},
	{CancelOrder, OnTicket},
}

// OperationTypes lists the operations.
func OperationTypes() []OperationType {
	list := make([]OperationType, len(operationTypes))
	for i, t := range operationTypes {
		list[i] = t.wire
	}
	return list
}

// Scope is what it acts on; 0 where there is no such operation.
func (t OperationType) Scope() Scope {
	for _, known := range operationTypes {
		if known.wire == t {
			return known.scope
		}
	}
	return 0
}

// Valid reports whether there is such an operation.
func (t OperationType) Valid() bool { return t.Scope() != 0 }

// Operation is one operation with its target; zero fields are absent.
type Operation struct {
	Type       OperationType
	BatchIndex int32 // OnBatch only, 1..20
	InstanceID int64 // OnInstance only, at least 1
}

// MaxBatchIndex is the highest batch of a ticket (docs/coc-api.md section 11).
const MaxBatchIndex = 20

// FieldError says which field of an operation is wrong. Field is the wire
// name, Value what was given.
type FieldError struct {
	Field   string // operation_type, batch_index or instance_id
	Problem string // "missing", "range", "unexpected" or "unknown"
	Value   string
}

func (e *FieldError) Error() string { return e.Field + " is wrong: " + e.Problem }

// Validate checks that exactly the fields that the operation takes are there.
func (o Operation) Validate() error {
	if !o.Type.Valid() {
		return &FieldError{"operation_type", problemOf(o.Type == ""), string(o.Type)}
	}
	batch, instance := strconv.Itoa(int(o.BatchIndex)), strconv.FormatInt(o.InstanceID, 10)
	scope := o.Type.Scope()
	switch {
	case scope == OnBatch && o.BatchIndex == 0:
		return &FieldError{"batch_index", "missing", ""}
	case scope == OnBatch && (o.BatchIndex < 1 || o.BatchIndex > MaxBatchIndex):
		return &FieldError{"batch_index", "range", batch}
	case scope != OnBatch && o.BatchIndex != 0:
		return &FieldError{"batch_index", "unexpected", batch}
	case scope == OnInstance && o.InstanceID == 0:
		return &FieldError{"instance_id", "missing", ""}
	case scope == OnInstance && o.InstanceID < 1:
		return &FieldError{"instance_id", "range", instance}
	case scope != OnInstance && o.InstanceID != 0:
		return &FieldError{"instance_id", "unexpected", instance}
	}
	return nil
}

func problemOf(missing bool) string {
	if missing {
		return "missing"
	}
	return "unknown"
}

// ParseOperation reads the three form fields. Numbers are plain decimal
// digits: no sign, space, exponent or leading zero. Its errors are *FieldError.
func ParseOperation(operationType, batchIndex, instanceID string) (Operation, error) {
	op := Operation{Type: OperationType(operationType)}
	if !op.Type.Valid() {
		return Operation{}, &FieldError{"operation_type", problemOf(operationType == ""), operationType}
	}
	batch, err := number("batch_index", batchIndex, op.Type.Scope() == OnBatch, MaxBatchIndex)
	if err != nil {
		return Operation{}, err
	}
	op.BatchIndex = int32(batch)
	op.InstanceID, err = number("instance_id", instanceID, op.Type.Scope() == OnInstance, 1<<63-1)
	if err != nil {
		return Operation{}, err
	}
	return op, op.Validate()
}

func number(field, text string, wanted bool, highest int64) (int64, error) {
	switch {
	case text == "" && wanted:
		return 0, &FieldError{field, "missing", ""}
	case text == "":
		return 0, nil
	case !wanted:
		return 0, &FieldError{field, "unexpected", text}
	}
	n, err := ParseID(text)
	if err != nil || n > highest {
		return 0, &FieldError{field, "range", text}
	}
	return n, nil
}

// ParseID reads a positive int64 written in plain decimal digits.
func ParseID(text string) (int64, error) {
	if text == "" || text[0] == '0' {
		return 0, fmt.Errorf("not an id: %q", text)
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("not an id: %q", text)
		}
	}
	return strconv.ParseInt(text, 10, 64)
}
