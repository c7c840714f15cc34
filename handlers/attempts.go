package handlers

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"coc-console/internal/iam"
)

// The limit of failed sign-ins from one address: a burst, then one in so long.
const (
	attemptBurst = 10
	attemptEvery = 6 * time.Second
	maxAddresses = 10_000
)

// attempts slows down guessing: per address it counts the failed sign-ins, and
// those under way, which may fail.
type attempts struct {
	mu        sync.Mutex
	byAddress map[string]*attempt
}

type attempt struct {
	failed   *rate.Limiter
	underWay int
}

func newAttempts() *attempts { return &attempts{byAddress: map[string]*attempt{}} }

// enter reports whether the address may try now; if so, leave must follow.
func (a *attempts) enter(address string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := neighbourhood(address)
	from, ok := a.byAddress[key]
	if !ok {
		a.makeRoom(now)
		from = &attempt{failed: rate.NewLimiter(rate.Every(attemptEvery), attemptBurst)}
		a.byAddress[key] = from
	}
	if from.failed.TokensAt(now)-float64(from.underWay) < 1 {
		return false
	}
	from.underWay++
	return true
}

func (a *attempts) leave(address string, failed bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, ok := a.byAddress[neighbourhood(address)]
	if !ok {
		return // forgotten meanwhile
	}
	from.underWay = max(0, from.underWay-1)
	if failed {
		from.failed.AllowN(now, 1)
	}
}

// makeRoom forgets the addresses that have no failure to remember, and all of
// them when there are too many others.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.byAddress) < maxAddresses {
		return
	}
	for key, from := range a.byAddress {
		if from.underWay == 0 && from.failed.TokensAt(now) >= attemptBurst {
			delete(a.byAddress, key)
		}
	}
	if len(a.byAddress) >= maxAddresses {
		clear(a.byAddress)
	}
}

// neighbourhood is what counts as one address: of IPv6 the network, because a
// single machine has all of it.
func neighbourhood(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}

// wrong reports a sign-in that failed by what was typed, which may be a guess,
// and not because IAM did not answer.
func wrong(err error) bool {
	var refused *iam.Error
	if !errors.As(err, &refused) {
		return err != nil
	}
	return !slices.Contains([]iam.Kind{iam.Unavailable, iam.BadAnswer, iam.Throttled}, refused.Kind)
}
