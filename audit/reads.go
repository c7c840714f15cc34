package audit

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// The bounds of what is remembered of reads.
const (
	repeatSpan      = time.Minute
	maxRepeated     = 10_000  // reads that may be repeated
	maxRepeatedSize = 8 << 20 // bytes of their records
	maxOmittedKinds = 1000    // persons and actions that are told apart
	maxOmittedTold  = 100     // of which so many are named
)

// reads are those of the last minute, by which their repetitions are told, and
// how many were not recorded.
type reads struct {
	mu    sync.Mutex
	seen  map[[sha256.Size]byte]*repeated
	bytes int
	n     int64
	due   []*repeated // whose minute is over

	omitted omitted
}

// repeated is a read that was recorded, with how often it was made since.
type repeated struct {
	from, until time.Time
	record      Record // the last of them
	n           int64  // in which order they came
	size        int
	times       int64
}

// omitted are reads that were not recorded.
type omitted struct {
	from, until time.Time
	count       int64
	kinds       map[omittedKind]int64
}

type omittedKind struct {
	account, user string
	action        Action
}

// Note queues the record of a read and does not wait until it is durable: it is
// for what is kept on a best effort, and must hold nobody up. What a console
// that is killed had in its queue is lost. Of identical reads of one person from
// one session and address, the first is recorded at once; the others of that
// minute are counted, and recorded once at its end with their number (Repeats).
// While so little space is left that operations are refused, and while the log
// takes nothing, reads are counted by person and action, and recorded together
// afterwards (ActionReadsOmitted). Whoever shows the newest records calls
// AwaitNotes before.
func (l *Log) Note(r Record) error {
	if err := r.check(); err != nil {
		return err
	}
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	now, r := l.cfg.Now(), clean(r)
	if l.failing.Load() != nil || l.belowReserve() {
		l.reads.omit(r, now)
		return nil
	}
	if l.reads.full() {
		l.tellRepeats(l.reads.ended(now, true), now) // their minute ends early
	}
	again, err := l.reads.again(r, now, l.cfg.RepeatSpan)
	if err != nil || again {
		return err
	}
	if err = l.post(&appending{record: r}); errors.Is(err, ErrBusy) {
		l.reads.omit(r, now)
		return nil
	}
	return err
}

// belowReserve reports whether the space that is left is kept for the ends of
// operations.
func (l *Log) belowReserve() bool {
	space, err := l.space.get()
	return err == nil && space.Total > 0 && space.Free < reservedSpace
}

// again reports whether a read repeats one of the last minute, and counts it.
func (s *reads) again(r Record, now time.Time, span time.Duration) (bool, error) {
	if span < 0 {
		return false, nil
	}
	same := r
	same.Duration, same.Origin.RequestID, same.Origin.UserAgent = 0, "", ""
	text, err := encodeContent(same)
	if err != nil {
		return false, err
	}
	key := sha256.Sum256(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.seen[key]; known != nil && now.Before(known.until) && !now.Before(known.from) {
		known.record = r
		known.times++
		return true, nil
	} else if known != nil {
		s.end(key)
	}
	if s.seen == nil {
		s.seen = map[[sha256.Size]byte]*repeated{}
	}
	s.seen[key] = &repeated{from: now, until: now.Add(span), record: r, n: s.n, size: len(text)}
	s.n++
	s.bytes += len(text)
	return false, nil
}

// full reports whether no more can be remembered.
func (s *reads) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen) >= maxRepeated || s.bytes > maxRepeatedSize-MaxBody
}

// end forgets a read. What was counted of it is due.
func (s *reads) end(key [sha256.Size]byte) {
	known := s.seen[key]
	delete(s.seen, key)
	s.bytes -= known.size
	if known.times > 0 {
		s.due = append(s.due, known)
	}
}

// ended takes what is due: the repetitions of the minutes that are over, or all.
func (s *reads) ended(now time.Time, all bool) []*repeated {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, known := range s.seen {
		if all || !now.Before(known.until) || now.Before(known.from) {
			s.end(key)
		}
	}
	due := s.due
	s.due = nil
	slices.SortFunc(due, func(a, b *repeated) int { return cmp.Compare(a.n, b.n) })
	return due
}

// omit counts a read, with its repetitions, that is not recorded.
func (s *reads) omit(r Record, now time.Time) {
	times := max(r.Repeats, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.omitted
	if o.count == 0 {
		*o = omitted{from: now, kinds: map[omittedKind]int64{}}
	}
	o.until = now
	o.count += times
	kind := omittedKind{r.Actor.AccountName, r.Actor.UserName, r.Action}
	if _, known := o.kinds[kind]; !known && len(o.kinds) >= maxOmittedKinds {
		return
	}
	o.kinds[kind] += times
}

// takeOmitted takes what was counted.
func (s *reads) takeOmitted() omitted {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.omitted
	s.omitted = omitted{}
	return o
}

// putBack puts back what could not be told.
func (s *reads) putBack(o omitted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.omitted.count > 0 {
		o.until = s.omitted.until
		for kind, n := range s.omitted.kinds {
			if _, known := o.kinds[kind]; known || len(o.kinds) < maxOmittedKinds {
				o.kinds[kind] += n
			}
		}
		o.count += s.omitted.count
	}
	s.omitted = o
}

// record tells how many reads were not recorded, of whom and of which kind.
func (o omitted) record() Record {
	kinds := make([]omittedKind, 0, len(o.kinds))
	for kind := range o.kinds {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b omittedKind) int {
		return cmp.Or(cmp.Compare(o.kinds[b], o.kinds[a]), cmp.Compare(a.account, b.account),
			cmp.Compare(a.user, b.user), cmp.Compare(a.action, b.action))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "from=%s until=%s count=%d", exactly(o.from), exactly(o.until), o.count)
	told := int64(0)
	for _, kind := range kinds[:min(len(kinds), maxOmittedTold)] {
		fmt.Fprintf(&b, "; %s/%s %s: %d", brief(kind.account), brief(kind.user), kind.action, o.kinds[kind])
		told += o.kinds[kind]
	}
	if rest := o.count - told; rest > 0 {
		fmt.Fprintf(&b, "; others: %d", rest)
	}
	return Record{Action: ActionReadsOmitted, Outcome: OutcomeSucceeded, Detail: b.String(), Repeats: o.count}
}

func exactly(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano) }

// brief keeps a name from taking the room of all others.
func brief(name string) string { return bounded(name, 64) }

// tendReads records what was counted of the minutes that are over, and what was
// not recorded before.
func (l *Log) tendReads(now time.Time) {
	l.tellRepeats(l.reads.ended(now, false), now)
	if l.failing.Load() != nil || l.Pending() > longCommit {
		return
	}
	l.writeLater()
	if !l.belowReserve() {
		l.tellOmitted()
	}
}

func (l *Log) tellRepeats(due []*repeated, now time.Time) {
	for _, known := range due {
		known.record.Repeats = known.times
		if l.failing.Load() != nil || l.belowReserve() || l.post(&appending{record: known.record}) != nil {
			l.reads.omit(known.record, now)
		}
	}
}

// tellOmitted records how many reads were not. When the record is refused, they
// are counted on.
func (l *Log) tellOmitted() {
	if o := l.reads.takeOmitted(); o.count > 0 && l.post(&appending{record: o.record(), omitted: &o}) != nil {
		l.reads.putBack(o)
	}
}

// last are the records of what is left of all this when the log is closed.
func (l *Log) last() []*appending {
	now := l.cfg.Now()
	var all []*appending
	add := func(a *appending) {
		if err := a.prepare(); err != nil {
			l.cfg.Logger.Error("an action is not in the log", "action", a.record.Action, "error", err)
			return
		}
		all = append(all, a)
	}
	for _, known := range l.reads.ended(now, true) {
		known.record.Repeats = known.times
		if l.belowReserve() {
			l.reads.omit(known.record, now)
			continue
		}
		add(&appending{record: known.record})
	}
	l.later.mu.Lock()
	defer l.later.mu.Unlock()
	for _, a := range l.later.records {
		add(&appending{record: a.record, keep: true})
	}
	l.later.records = nil
	if o := l.reads.takeOmitted(); o.count > 0 { // one record fits below the reserve, too
		add(&appending{record: o.record(), omitted: &o})
	}
	return all
}

// lost says in the console's own log what the log could not be told before it
// was closed.
func (l *Log) lost() {
	for _, a := range l.later.records {
		l.cfg.Logger.Error("an action is not in the log", "action", a.record.Action, "user", a.record.Actor.UserName)
	}
	if o := l.reads.takeOmitted(); o.count > 0 {
		l.cfg.Logger.Error("reads are not in the log", "reads", o.count, "detail", o.record().Detail)
	}
}
