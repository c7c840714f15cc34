package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Space is what a disk has left and has in all, in bytes.
type Space struct{ Free, Total uint64 }

// The limits at which the log warns, and at which it takes no more requests. No file is kept in reserve: what is left
// below reservedSpace takes tens of thousands of outcomes.
const (
	lowSpace      = 1 << 30
	reservedSpace = 64 << 20
	slowCommit    = 100 * time.Millisecond
	spaceEvery    = time.Second
)

// The kinds of warnings.
const (
	WarningFailing    = "failing"    // the last commit failed
	WarningReadOnly   = "read_only"  // because the database cannot be written
	WarningFull       = "full"       // because no space is left
	WarningLowSpace   = "low_space"  // little space is left
	WarningReserve    = "reserve"    // so little that operations are refused
	WarningPending    = "pending"    // a commit is under way for long
	WarningSlow       = "slow"       // commits take long
	WarningUnsigned   = "unsigned"   // the last checkpoint could not be signed
	WarningUnanchored = "unanchored" // an anchor did not take the last checkpoint
	WarningJournal    = "journal"    // what was committed is not copied into SQLite's file
	WarningBehind     = "behind"     // the search tables do not keep up
	WarningFindings   = "findings"   // verification has found something
	WarningUnverified = "unverified" // the last verification could not be done
)

// WarningKinds lists all kinds of warnings.
func WarningKinds() []string {
	return []string{WarningFailing, WarningReadOnly, WarningFull, WarningLowSpace, WarningReserve, WarningPending, WarningSlow,
		WarningJournal, WarningUnsigned, WarningUnanchored, WarningBehind, WarningFindings, WarningUnverified}
}

// Warning is something that will, or does, keep the log from its promises.
type Warning struct {
	Kind string
	Text string // in English, for people who run the console

	Since time.Time // when it began; zero: not known
}

// Health lists what is wrong with the log, or with what runs beside it, or soon will be; nothing when all is well. It
// writes nothing and is cheap enough for every page.
func (l *Log) Health(ctx context.Context) []Warning {
	var out []Warning
	add := func(kind, text string, args ...any) {
		out = append(out, Warning{Kind: kind, Text: fmt.Sprintf(text, args...)})
	}
	if o := l.failing.Load(); o != nil {
		add(kindOf(o.why), "the last commit failed: %v", o.why.Err)
	}
	if since := l.Pending(); since > longCommit {
		add(WarningPending, "a commit is under way for %v", since.Round(time.Millisecond))
	}
	space, err := l.space.get()
	switch {
	case err != nil:
		add(WarningLowSpace, "the space of the log's disk is not known: %v", err)
	case space.Total > 0 && space.Free < reservedSpace:
		add(WarningReserve, "%d MiB are left for the log: operations are refused", space.Free>>20)
	case space.Total > 0 && space.Free < min(lowSpace, space.Total/10):
		add(WarningLowSpace, "%d MiB are left for the log", space.Free>>20)
	}
	if _, p99 := l.speed.percentiles(); p99 > slowCommit {
		add(WarningSlow, "one of a hundred commits takes %v or more", p99.Round(time.Millisecond))
	}
	out = append(out, l.journal.Health(ctx)...)
	if f := l.unsigned.Load(); f != nil {
		add(WarningUnsigned, "the checkpoint is not signed since %s: %v", f.at.UTC().Format(time.RFC3339), f.err)
	}
	for _, a := range l.Anchors() {
		switch since := a.Pending.UTC().Format(time.RFC3339); {
		case a.Err != nil:
			add(WarningUnanchored, "%s did not take the checkpoint, pending since %s: %v", a.Name, since, a.Err)
		case a.Late(l.cfg.Now()):
			add(WarningUnanchored, "%s has not taken the checkpoint, pending since %s", a.Name, since)
		default:
			continue
		}
		out[len(out)-1].Since = a.Pending
	}
	return append(out, l.hooks.health(ctx)...)
}

// Figures are numbers to watch the log by.
type Figures struct {
	Size   int64      // records
	Signed Checkpoint // the latest; zero when there is none
	Space  Space      // of the log's disk; zero when it is not known
}

// Figures reads the log's numbers. With an error, those that could be read are there.
func (l *Log) Figures(ctx context.Context) (Figures, error) {
	var f Figures
	var size, signed, space error
	f.Size, size = l.Size(ctx)
	if f.Signed, signed = l.Checkpoint(ctx); errors.Is(signed, ErrNotFound) {
		signed = nil
	}
	f.Space, space = l.space.get()
	return f, errors.Join(size, signed, space)
}

func kindOf(e *StorageError) string {
	switch {
	case e.Full:
		return WarningFull
	case e.ReadOnly:
		return WarningReadOnly
	}
	return WarningFailing
}

// Anchors says how each anchor is doing.
func (l *Log) Anchors() []AnchorStatus {
	l.anchors.mu.Lock()
	defer l.anchors.mu.Unlock()
	return slices.Clone(l.anchors.status)
}

// Speed returns how long half and how long 99 % of the latest commits took at most; zeros before the first.
func (l *Log) Speed() (p50, p99 time.Duration) { return l.speed.percentiles() }

// speed remembers how long the latest commits took.
type speed struct {
	mu   sync.Mutex
	took [512]time.Duration
	n    int
}

func (s *speed) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[s.n%len(s.took)] = d
	s.n++
}

func (s *speed) percentiles() (p50, p99 time.Duration) {
	s.mu.Lock()
	took := slices.Clone(s.took[:min(s.n, len(s.took))])
	s.mu.Unlock()
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}

// spaceMeter asks for a disk's space at most once a second.
type spaceMeter struct {
	ask  func() (free, total uint64, err error)
	mu   sync.Mutex
	at   time.Time
	last Space
	err  error
}

// get returns the space; a Total of 0 says that it is not known.
func (m *spaceMeter) get() (Space, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at.IsZero() || time.Since(m.at) >= spaceEvery {
		m.last.Free, m.last.Total, m.err = m.ask()
		m.at = time.Now()
	}
	return m.last, m.err
}
