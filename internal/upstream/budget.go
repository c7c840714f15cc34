package upstream

import (
	"context"
	"fmt"
	"io"
)

// The limits of what is read of answers, in bytes.
const (
	// MaxAnswer is the largest answer that is read.
	MaxAnswer = 8 << 20
	// MaxInFlight is what all answers that are being read may hold.
	MaxInFlight = 64 << 20
	// SmallAnswer is what an answer may take before it has to wait for one of
	// the few places of large ones.
	SmallAnswer = 256 << 10

	// Half of MaxInFlight each. Whoever reads a large answer holds a place of
	// either kind and never waits for a second large one: readers can't block
	// each other for ever.
	smallPlaces = MaxInFlight / 2 / SmallAnswer
	largePlaces = MaxInFlight / 2 / MaxAnswer
)

// TooLargeError is an answer above its limit.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the answer is larger than %d bytes", e.Limit)
}

// Budget bounds what is read at the same time, over all calls that share it.
type Budget struct{ small, large chan struct{} }

// NewBudget returns a budget of MaxInFlight.
func NewBudget() *Budget {
	return &Budget{small: make(chan struct{}, smallPlaces), large: make(chan struct{}, largePlaces)}
}

// Read reads up to limit bytes, at most MaxAnswer. It waits for its place
// under the context. done gives the place back, when the bytes are no longer
// used; it must be called, and may be called again. An answer above the limit
// is a *TooLargeError, and none of it is returned.
func (b *Budget) Read(ctx context.Context, from io.Reader, limit int64) (body []byte, done func(), err error) {
	p := &places{}
	if err := p.take(ctx, b.small); err != nil {
		return nil, p.free, err
	}
	limit = min(limit, MaxAnswer)
	body, more, err := ReadUpTo(from, min(limit, SmallAnswer))
	switch {
	case !more:
		return body, p.free, err
	case limit <= SmallAnswer:
		return nil, p.free, &TooLargeError{limit}
	}
	if err := p.take(ctx, b.large); err != nil {
		return nil, p.free, err
	}
	rest, more, err := ReadUpTo(from, limit-int64(len(body)))
	if more {
		return nil, p.free, &TooLargeError{limit}
	}
	return append(body, rest...), p.free, err
}

// Start reads the first bytes, up to limit and SmallAnswer, like Read.
func (b *Budget) Start(ctx context.Context, from io.Reader, limit int64) (body []byte, done func(), err error) {
	p := &places{}
	if err := p.take(ctx, b.small); err != nil {
		return nil, p.free, err
	}
	body, _, err = ReadUpTo(from, min(limit, SmallAnswer))
	return body, p.free, err
}

// places are what a reader holds.
type places []chan struct{}

func (p *places) take(ctx context.Context, place chan struct{}) error {
	select {
	case place <- struct{}{}:
		*p = append(*p, place)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for other answers: %w", context.Cause(ctx))
	}
}

func (p *places) free() {
	for _, place := range *p {
		<-place
	}
	*p = nil
}

// ReadUpTo reads to the end or to one byte beyond the limit; more reports the
// latter. What fails on the way comes with what was read.
func ReadUpTo(from io.Reader, limit int64) (body []byte, more bool, err error) {
	body, err = io.ReadAll(io.LimitReader(from, limit+1))
	return body, err == nil && int64(len(body)) > limit, err //nolint:wrapcheck // the caller names the call
}
