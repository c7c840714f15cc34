package audit

// Queued is the number of records that wait for the writer.
func (l *Log) Queued() int { return len(l.queue) }

// PauseFollower keeps the search tables as they are until resume is called.
func (l *Log) PauseFollower() (resume func()) {
	l.following.Lock()
	return l.following.Unlock
}

// The limits that tests go up to and beyond.
const (
	QueueLength = queueLength
	MaxBatch    = maxBatch
	FollowBatch = followBatch
	MaxShort    = maxShort
	MaxLong     = maxLong
)
