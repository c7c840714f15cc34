package notify

import (
	"coc-console/internal/i18n"
	"coc-console/internal/notify/target"
	"time"
)

// Wait waits for what Step has begun to send.
func (n *Notifier) Wait() { n.work.Wait() }

// Read takes up a changed file, as Run does.
func (n *Notifier) Read() error { return n.read() }

// SeverityOf is how urgent an event is.
func SeverityOf(name Name) Severity { return severities[name] }

// Render is an event as readers of a language in a zone get it.
func Render(e Event, l i18n.Language, zone *time.Location) target.Message {
	return render(e, Target{language: l, zone: zone}, "urn:x")
}

// QuietAt reports whether quiet hours hold at a time.
func QuietAt(from, to, zone string, at time.Time) (bool, error) {
	q := Quiet{From: from, To: to, Zone: zone}
	if err := q.check(); err != nil {
		return false, err
	}
	return q.holds(at), nil
}
