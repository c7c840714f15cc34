package coc

// BatchState is the state of a batch, which COC does not tell. It is derived
// from instances or statistics (docs/coc-api.md sections 4.3 and 4.5).
type BatchState string

// The derived states of a batch.
const (
	BatchUnknown  BatchState = "UNKNOWN"  // nothing has been read of it, or a state that nobody knows
	BatchWaiting  BatchState = "WAITING"  // nothing of it has started
	BatchRunning  BatchState = "RUNNING"  // begun, and not over
	BatchHeld     BatchState = "HELD"     // begun; the rest waits, nothing runs: the ticket's state says so
	BatchFailed   BatchState = "FAILED"   // over, with failures
	BatchCanceled BatchState = "CANCELED" // over, all of it cancelled
	BatchPartly   BatchState = "PARTLY"   // over, some cancelled, none failed
	BatchFinished BatchState = "FINISHED" // over, all well
)
