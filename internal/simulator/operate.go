package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"time"

	"coc-console/internal/simulator/api"
)

// readOperation checks a body against docs/coc-api.md section 4.6. Numbers
// that an operation does not need are checked too, and then ignored.
func (s *Simulator) readOperation(c *call) (Operation, answer, bool) {
	if !c.jsonBody() {
		return Operation{}, c.unsupported(), false
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &fields); err != nil || fields == nil {
		return Operation{}, invalid(), false
	}
	var op Operation
	if absent(fields["operation_type"]) {
		return op, missing("operation_type"), false
	}
	if err := json.Unmarshal(fields["operation_type"], &op.Type); err != nil || !slices.Contains(operations, op.Type) {
		return op, invalid(), false
	}
	index, err := s.number(fields["batch_index"], 20)
	id, err2 := s.number(fields["instance_id"], 1<<63-1)
	switch {
	case err != nil || err2 != nil:
		return op, invalid(), false
	case op.Type == skipBatch && index == 0:
		return op, missing("batch_index"), false
	case op.Type == cancelInstance && id == 0:
		return op, missing("instance_id"), false
	}
	op.BatchIndex, op.InstanceID = int(index), id
	return op, answer{}, true
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

var (
	wholeNumber = regexp.MustCompile(`^[0-9]{1,19}$`)
	errNumber   = errors.New("not a whole number in the range")
)

// number reads a whole number from 1 to most, 0 when it is absent.
func (s *Simulator) number(raw json.RawMessage, most int64) (int64, error) {
	if absent(raw) {
		return 0, nil
	}
	if s.rules.QuotedNumbers {
		raw = bytes.Trim(raw, `"`)
	}
	if !wholeNumber.Match(raw) {
		return 0, errNumber
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 1 || n > most {
		return 0, errNumber
	}
	return n, nil
}

// operate is docs/coc-api.md section 4.6: the answer confirms acceptance.
func (s *Simulator) operate(c *call, t *ticket, op Operation) answer {
	if op.Type == cancelInstance && s.rules.OtherInstanceID {
		op.InstanceID -= hiddenOffset
	}
	if err := t.allows(op); err != nil {
		return refusedBy(err)
	}
	if c.fault != nil && op.Type == cancelInstance && c.fault.Effect == OtherRow {
		op.InstanceID = t.otherRow(op.InstanceID)
	}
	if c.fault == nil || c.fault.Effect != NoEffect {
		if err := t.accept(op); err != nil {
			return refusedBy(err)
		}
		t.operated = true
		if c.fault != nil && c.fault.Effect == Twice {
			t.expect(op, t.at.Add(t.rules.effectDelay()+cmp.Or(c.fault.Pace, 5*time.Second)))
		}
	}
	return data(t.uuid)
}

// refusedBy is the answer to an operation that the state does not allow.
func refusedBy(err error) answer {
	if state, ok := errors.AsType[*stateError](err); ok {
		return cocError(api.CodeState, state.en, state.zh)
	}
	return cocError(api.CodeState, err.Error(), err.Error())
}

// hiddenOffset is added to row ids to make the ids that Rules.OtherInstanceID
// wants.
const hiddenOffset = 470000000

// HiddenInstanceID is the instance_id of a row under Rules.OtherInstanceID.
func HiddenInstanceID(row int64) int64 { return row + hiddenOffset }

// otherRow finds an open row other than id, in the same batch if there is one;
// id itself when there is no other.
func (t *ticket) otherRow(id int64) int64 {
	home := t.row(id).batch
	for _, b := range append([]*batch{t.batches[home-1]}, t.batches...) {
		for _, r := range b.rows {
			if r.id != id && r.open() {
				return r.id
			}
		}
	}
	return id
}
