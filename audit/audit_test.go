// The suite of the log runs on every engine: a real SQLite folder and a
// schema of its own in a real PostgreSQL.
package audit_test

import (
	"errors"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/audit/audittest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

func is(err, target error) bool { return errors.Is(err, target) }

// gate stops the writer before a commit, with the records of it taken, until
// it is opened.
type gate struct {
	reached chan struct{} // has an element once the writer is there
	open    func()
}

// gated opens a log whose writer stands before a gate with one record, whose
// end is sent to first.
func gated(t testing.TB, dsn string) (o *opened, g gate, first <-chan error) {
	t.Helper()
	isOpen := make(chan struct{})
	g = gate{reached: make(chan struct{}, 1), open: sync.OnceFunc(func() { close(isOpen) })}
	o = open(t, dsn, func(c *audit.Config) {
		c.Database = audittest.WithUnmoved(c.Database, func() error {
			select {
			case g.reached <- struct{}{}:
			default:
			}
			<-isOpen
			return nil
		})
	})
	t.Cleanup(g.open)
	ended := make(chan error, 1)
	go func() { _, err := o.Append(t.Context(), audittest.Viewed("at the gate")); ended <- err }()
	<-g.reached
	return o, g, ended
}

// queue starts appends that must succeed, waits until all are in the queue, and
// returns a function that waits for their ends.
func (o *opened) queue(t testing.TB, records []audit.Record) (ended func()) {
	t.Helper()
	before := o.Log.Queued()
	var group sync.WaitGroup
	for _, r := range records {
		group.Go(func() {
			if _, err := o.Append(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	audittest.Until(t, "the records are queued", func() bool { return o.Log.Queued() == before+len(records) })
	return group.Wait
}
