package audit

// Queued is the number of records that wait for the writer.
func (l *Log) Queued() int { return len(l.queue) }

// WithoutRecovery leaves it to the test to end an outage.
func WithoutRecovery(c *Config) { c.withoutRecovery = true }

// WithoutTree makes a log that only numbers its records, to measure what the
// tree costs.
func WithoutTree(c *Config) { c.withoutTree = true }

// ForgetJournals lets Health look again at the write-ahead logs.
func (l *Log) ForgetJournals() {
	l.journal.Reset()
}

// The limits that tests go up to and beyond.
const (
	QueueLength = queueLength
	MaxBatch    = maxBatch
	MaxShort    = maxShort
	MaxLong     = maxLong
)

// Remembered is how many bytes of reads are remembered.
func Remembered(l *Log) int {
	l.reads.mu.Lock()
	defer l.reads.mu.Unlock()
	n := l.reads.bytes
	for _, r := range l.reads.due {
		n += r.size
	}
	return n
}
