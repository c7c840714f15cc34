package audit

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"
)

// longJournal is much more than waits as a rule. What was committed waits in
// SQLite's write-ahead log until it is copied into the file, every 16 MiB for
// the log. More waits when that fails, which SQLite tells nobody, or while
// somebody reads for long.
const longJournal = 64 << 20

// Journal watches how much of a database's write-ahead log is not copied into
// its file. It asks at most once a second. The log's own size does not tell: it
// never shrinks.
type Journal struct {
	db    *sql.DB
	name  string
	limit int64 // bytes

	mu      sync.Mutex
	at      time.Time
	waiting int64
	err     error
}

// NewJournal watches an SQLite database. Health warns of it, by its name, when
// more bytes wait than the limit.
func NewJournal(db *sql.DB, name string, limit int64) *Journal {
	return &Journal{db: db, name: name, limit: limit}
}

// Health warns when too much waits. Of a nil Journal it is nothing.
func (j *Journal) Health(ctx context.Context) []Warning {
	if j == nil {
		return nil
	}
	switch waiting, err := j.get(ctx); {
	case err != nil:
		return []Warning{{Kind: WarningJournal,
			Text: fmt.Sprintf("it is not known how much of %s waits to be copied into its file: %v", j.name, err)}}
	case waiting > j.limit:
		return []Warning{{Kind: WarningJournal, Text: fmt.Sprintf("%d MiB of %s wait to be copied into its file", waiting>>20, j.name)}}
	}
	return nil
}

// Reset lets Health ask again at once.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.at = time.Time{}
}

func (j *Journal) get(ctx context.Context) (waiting int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.at.IsZero() && time.Since(j.at) < spaceEvery {
		return j.waiting, j.err
	}
	ctx = context.WithoutCancel(ctx) // others are told the same
	var busy, pages, copied, size int64
	err = j.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(NOOP)`).Scan(&busy, &pages, &copied)
	if err == nil {
		err = j.db.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&size)
	}
	j.waiting, j.err, j.at = (pages-copied)*size, err, time.Now()
	return j.waiting, j.err
}
