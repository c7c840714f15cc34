package simulator

import (
	"slices"
	"time"
)

// The states of tickets and instances (docs/coc-api.md section 7).
const (
	ready      = "READY"
	processing = "PROCESSING"
	abnormal   = "ABNORMAL"
	paused     = "PAUSED" // tickets only
	canceled   = "CANCELED"
	finished   = "FINISHED"
	rolledBack = "ROLLBACKED" // with Rules.RollBack
)

// inError is what European pages call a ticket that is abnormal
// (docs/coc-api.md section 14.1).
const inError = "ERROR"

// word is the state as the endpoint calls it.
func (m *machine) word() string {
	if m.status == abnormal && m.rules.ErrorForAbnormal {
		return inError
	}
	return m.status
}

// The operations (docs/coc-api.md section 4.6).
const (
	cancelInstance = "CANCEL_INSTANCE"
	skipBatch      = "SKIP_BATCH"
	cancelOrder    = "CANCEL_ORDER"
	pauseOrder     = "PAUSE_ORDER"
	continueOrder  = "CONTINUE_ORDER"
)

var operations = []string{cancelInstance, skipBatch, cancelOrder, pauseOrder, continueOrder}

// Operation is one of the five operations on a ticket, in wire words.
type Operation struct {
	Type       string `json:"operation_type"`
	BatchIndex int    `json:"batch_index"` // SKIP_BATCH
	InstanceID int64  `json:"instance_id"` // CANCEL_INSTANCE: a row's id
}

// row is one server in one batch.
type row struct {
	id         int64
	plan       InstanceSpec
	batch      int
	status     string
	created    time.Time
	dispatchAt time.Time // zero = not scheduled
	started    time.Time
	ended      time.Time
}

func (r *row) failed() bool { return r.status == abnormal || r.status == rolledBack }

func (r *row) open() bool { return r.status == ready || r.status == processing }

type batch struct {
	index int
	pause bool // rotation strategy PAUSE
	begun bool
	rows  []*row
}

func (b *batch) open() bool { return slices.ContainsFunc(b.rows, (*row).open) }

// effect is an accepted operation that has not taken effect yet.
type effect struct {
	at time.Time
	op Operation
}

// machine is the state of one ticket as a function of time and operations:
// the inferred model of docs/coc-api.md section 8.2. It is not safe for
// concurrent use.
type machine struct {
	rules    Rules
	timeout  time.Duration
	rate     float64
	status   string
	current  int // batch index from 1
	batches  []*batch
	created  time.Time
	finished time.Time
	at       time.Time // everything due until then has happened
	pending  []effect  // by time
	// pauseWanted: PAUSED follows at the end of the batch (PauseAfterBatch).
	pauseWanted bool
	// waived: somebody continued past this batch's failures (StopEarly).
	waived bool
	// quiet: nothing happens any more unless an operation is accepted.
	quiet bool
}

// advance lets everything happen that is due until now.
func (m *machine) advance(now time.Time) {
	for !m.quiet {
		at, happen := m.next()
		m.quiet = happen == nil
		if happen == nil || at.After(now) {
			break
		}
		m.at = at
		happen()
	}
	if now.After(m.at) {
		m.at = now
	}
}

// next finds the earliest thing that is to happen. What happens at the same
// time happens in the order of this function.
func (m *machine) next() (at time.Time, happen func()) {
	offer := func(t time.Time, f func()) {
		if happen == nil || t.Before(at) {
			at, happen = t, f
		}
	}
	if m.status == ready {
		offer(m.created.Add(m.rules.scheduleDelay()), m.begin)
	}
	if m.current <= len(m.batches) && m.batches[m.current-1].begun && !m.over() {
		for _, r := range m.batches[m.current-1].rows {
			switch {
			case r.status == processing:
				offer(r.started.Add(r.plan.lasts(m.timeout)), func() { m.end(r) })
			case r.status == ready && m.status == processing:
				offer(r.dispatchAt, func() { r.status, r.started = processing, m.at })
			}
		}
	}
	if len(m.pending) > 0 {
		offer(m.pending[0].at, m.takeEffect)
	}
	return at, happen
}

func (m *machine) over() bool {
	return m.status == finished || m.status == canceled || m.status == rolledBack
}

func (m *machine) begin() {
	m.status = processing
	m.startBatch(1)
}

func (m *machine) startBatch(index int) {
	b := m.batches[index-1]
	m.status, m.current, m.waived, b.begun = processing, index, false, true
	m.dispatch(b)
	m.checkBatch()
}

// dispatch schedules the rows of a batch that still wait.
func (m *machine) dispatch(b *batch) {
	for _, r := range b.rows {
		if r.status != ready {
			continue
		}
		if r.dispatchAt.IsZero() && !m.rules.RowsDatedByTicket {
			r.created = m.at
		}
		r.dispatchAt = m.at.Add(r.plan.Dispatch)
	}
}

func (m *machine) end(r *row) {
	r.ended = m.at
	r.status = r.plan.outcome(m.timeout)
	if r.status == abnormal && m.rules.RollBack {
		r.status = rolledBack
	}
	m.checkBatch()
}

// checkBatch decides what follows once an instance of the current batch has ended.
func (m *machine) checkBatch() {
	if m.status != processing && m.status != paused {
		return
	}
	if m.batches[m.current-1].open() {
		if m.rules.StopEarly && !m.waived && m.share(true) < m.rate {
			m.fail()
		}
		return
	}
	m.endBatch()
}

func (m *machine) endBatch() {
	last := m.current == len(m.batches)
	switch {
	case !m.waived && m.share(false) < m.rate:
		m.fail()
	case last:
		m.close(finished)
	case m.status == paused: // the next batch waits for CONTINUE_ORDER
	case m.batches[m.current-1].pause || m.pauseWanted:
		m.status, m.pauseWanted = paused, false
	default:
		m.startBatch(m.current + 1)
	}
}

// fail stops a ticket below its success_rate. One that is rolled back is over.
func (m *machine) fail() {
	m.status = abnormal
	if m.rules.RollBack {
		for _, b := range m.batches {
			m.cancelOpen(b)
		}
		m.close(rolledBack)
	}
}

// share is the percentage of instances that finished, or withOpen that may
// still finish, of the current batch or of all batches so far.
func (m *machine) share(withOpen bool) float64 {
	total, good := 0, 0
	for _, b := range m.batches[:m.current] {
		if b.index != m.current && !m.rules.ThresholdPerOrder {
			continue
		}
		for _, r := range b.rows {
			if r.status == canceled && m.rules.IgnoreCanceled {
				continue
			}
			total++
			if r.status == finished || withOpen && r.open() {
				good++
			}
		}
	}
	if total == 0 {
		return 100
	}
	return float64(good) * 100 / float64(total)
}

func (m *machine) close(status string) {
	m.status, m.finished, m.pending = status, m.at, nil
}

// accept judges an operation at now and, unless it is refused, lets it take
// effect after the delay. The caller has advanced the machine to now.
func (m *machine) accept(op Operation) error {
	if err := m.allows(op); err != nil {
		return err
	}
	m.expect(op, m.at.Add(m.rules.effectDelay()))
	m.advance(m.at)
	return nil
}

// expect lets an operation take effect at a time, after those of the same time.
func (m *machine) expect(op Operation, at time.Time) {
	i := len(m.pending)
	for i > 0 && m.pending[i-1].at.After(at) {
		i--
	}
	m.pending, m.quiet = slices.Insert(m.pending, i, effect{at, op}), false
}

func (m *machine) takeEffect() {
	op := m.pending[0].op
	m.pending = m.pending[1:]
	if m.allows(op) != nil {
		return
	}
	switch op.Type {
	case cancelInstance:
		m.cancelRow(m.row(op.InstanceID))
	case skipBatch:
		m.skip(m.batches[op.BatchIndex-1])
	case pauseOrder:
		m.pauseNow()
	case continueOrder:
		m.resume()
	case cancelOrder:
		for _, b := range m.batches {
			m.cancelOpen(b)
		}
		m.close(canceled)
	}
}

func (m *machine) pauseNow() {
	if m.rules.PauseAfterBatch {
		m.pauseWanted = true
		return
	}
	m.status = paused
}

func (m *machine) cancelRow(r *row) {
	r.status, r.ended = canceled, m.at
	if r.batch == m.current {
		m.checkBatch()
	}
}

func (m *machine) cancelOpen(b *batch) {
	for _, r := range b.rows {
		if r.open() {
			r.status, r.ended = canceled, m.at
		}
	}
}

func (m *machine) skip(b *batch) {
	m.cancelOpen(b)
	m.current, m.pauseWanted = b.index, false
	m.goOn()
}

func (m *machine) resume() {
	m.pauseWanted = false
	b := m.batches[m.current-1]
	if !b.open() {
		m.goOn()
		return
	}
	m.waived = m.waived || m.status == abnormal
	m.status = processing
	m.dispatch(b)
}

// goOn leaves the current batch behind.
func (m *machine) goOn() {
	if m.current == len(m.batches) {
		m.close(finished)
		return
	}
	m.startBatch(m.current + 1)
}

func (m *machine) row(id int64) *row {
	for _, b := range m.batches {
		for _, r := range b.rows {
			if r.id == id {
				return r
			}
		}
	}
	return nil
}

// skippable is the batch that SKIP_BATCH takes now, 0 for none.
func (m *machine) skippable() int {
	switch {
	case m.status == abnormal, m.status == processing && m.rules.SkipWhileProcessing:
		return m.current
	case m.status != paused:
		return 0
	case m.batches[m.current-1].open():
		return m.current
	}
	return m.current + 1
}

// stateError says why the state of a ticket does not allow an operation.
type stateError struct{ en, zh string }

func (e *stateError) Error() string { return e.en }

// allows returns a *stateError when the operation does not fit the state. The
// texts are invented (docs/coc-api.md section 10.3).
func (m *machine) allows(op Operation) error {
	switch op.Type {
	case cancelInstance:
		return m.allowsCancelInstance(op.InstanceID)
	case skipBatch:
		return m.allowsSkip(op.BatchIndex)
	case pauseOrder:
		return m.in(op, m.status == processing && !m.pauseWanted)
	case continueOrder:
		return m.in(op, m.status == paused || m.status == abnormal && !m.rules.NoContinueFromAbnormal)
	}
	return m.in(op, !m.over())
}

func (m *machine) in(op Operation, ok bool) error {
	if ok {
		return nil
	}
	return &stateError{"The operation " + op.Type + " is not allowed while the order is " + m.word() + ".",
		"工单状态为 " + m.word() + " 时不允许执行操作 " + op.Type + "。"}
}

func (m *machine) allowsCancelInstance(id int64) error {
	r := m.row(id)
	switch {
	case r == nil:
		return &stateError{"The instance does not exist in the order.", "工单中不存在该实例。"}
	case m.over() || m.status == ready:
		return m.in(Operation{Type: cancelInstance}, false)
	case !r.open():
		return &stateError{"The instance is already " + r.status + ".", "该实例已处于 " + r.status + " 状态。"}
	}
	return nil
}

func (m *machine) allowsSkip(index int) error {
	switch {
	case index < 1 || index > len(m.batches):
		return &stateError{"The batch does not exist in the order.", "工单中不存在该批次。"}
	case m.skippable() == 0:
		return m.in(Operation{Type: skipBatch}, false)
	case m.skippable() != index:
		return &stateError{"The batch is not the current batch.", "该批次不是当前批次。"}
	}
	return nil
}
