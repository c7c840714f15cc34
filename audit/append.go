package audit

import (
	"context"
	"errors"
)

// Append writes one record and returns it with its sequence and time, once it
// is durable. When ctx ends first, Append takes the record back and returns at
// once; only a record that is being written already is waited for, so that the
// answer is the truth.
func (l *Log) Append(ctx context.Context, r Record) (Record, error) {
	if err := errors.Join(ctx.Err(), r.check()); err != nil {
		return Record{}, err
	}
	a := &appending{record: clean(r), done: make(chan error, 1)}
	var err error
	if a.content, err = encodeContent(a.record); err != nil {
		return Record{}, err
	}
	if err := l.enqueue(a); err != nil {
		return Record{}, err
	}
	select {
	case err := <-a.done:
		return a.result(err)
	case <-ctx.Done():
		if a.take() {
			return Record{}, ctx.Err()
		}
		return a.result(<-a.done)
	}
}

func (a *appending) result(err error) (Record, error) {
	if err != nil {
		return Record{}, err
	}
	return a.record, nil
}

// Keep queues a record and waits until it is durable, or until ctx ends. Unlike
// Append it never takes the record back: one that the log refuses now is kept
// in memory and written when the log takes records again. It is for what has
// happened already. An error says that the record is not queued.
func (l *Log) Keep(ctx context.Context, r Record) error {
	if err := r.check(); err != nil {
		return err
	}
	a := &appending{record: clean(r), keep: true}
	if err := l.post(a); err != nil {
		return err
	}
	select {
	case <-a.resolved:
	case <-ctx.Done():
	}
	return nil
}

// post queues a record that nobody takes back.
func (l *Log) post(a *appending) error {
	if err := a.prepare(); err != nil {
		return err
	}
	l.noting.Lock() // notes are remembered in the order of the queue
	defer l.noting.Unlock()
	if err := l.enqueue(a); err != nil {
		return err
	}
	l.noted.Store(a)
	return nil
}

// AwaitNotes waits until it is known whether the records that were noted are durable
// or kept before, or until ctx ends: a page that shows the newest records does.
func (l *Log) AwaitNotes(ctx context.Context) error {
	a := l.noted.Load()
	if a == nil {
		return nil
	}
	select {
	case <-a.resolved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Log) enqueue(a *appending) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	select {
	case l.queue <- a:
		return nil
	default:
		return ErrBusy
	}
}

// Receipt proves that an operation's request is durable. Only Request makes one.
type Receipt struct{ record Record }

// RequestedSequence is the request's number in the log.
func (r Receipt) RequestedSequence() int64 { return r.record.Sequence }

// Record is the request as the log holds it.
func (r Receipt) Record() Record { return r.record }

// Request appends operation.requested and returns the proof that the COC
// client asks for before it sends. It is refused (ErrReserve) while so little
// space is left that the ends of running operations may need it.
func (l *Log) Request(ctx context.Context, r Record) (Receipt, error) {
	if l.belowReserve() {
		return Receipt{}, &StorageError{Full: true, Err: ErrReserve}
	}
	r.Action, r.Outcome = ActionOperationRequested, OutcomePending
	written, err := l.Append(ctx, r)
	return Receipt{written}, err
}
