package bulk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
)

// DefaultRate is how many operations a second an account's bulk operations send.
const DefaultRate = 5.0

// maxRetryAfter bounds what COC may ask for when it is throttling.
const maxRetryAfter = 5 * time.Minute

// paces are those of the accounts, over all their bulk operations here.
type paces struct {
	perSecond rate.Limit
	mu        sync.Mutex
	of        map[string]*pacing // by account
}

func (p *paces) get(account string) *pacing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[account] == nil {
		p.of[account] = &pacing{limit: rate.NewLimiter(p.perSecond, 1)}
	}
	return p.of[account]
}

// pacing is the account's limit, and what COC asked for beyond it.
type pacing struct {
	limit *rate.Limiter
	mu    sync.Mutex
	until time.Time
}

func (p *pacing) wait(ctx context.Context) error {
	for rest := p.rest(); rest > 0; rest = p.rest() {
		if !operate.Pause(ctx, rest) {
			return ctx.Err()
		}
	}
	if err := p.limit.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the account's next operation: %w", err)
	}
	return nil
}

func (p *pacing) rest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until)
}

// throttled slows the account's bulk operations down where COC has refused an
// operation for too many requests.
func (p *pacing) throttled(e *coc.Error) {
	if e.Throttled() {
		p.slow(e.RetryAfter)
	}
}

// slow lets nothing more be sent for as long as COC asks for, at least a second.
func (p *pacing) slow(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := time.Now().Add(min(max(d, time.Second), maxRetryAfter)); at.After(p.until) {
		p.until = at
	}
}
