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

// The limits of failed sign-ins from one address and of one user: a burst, then
// one in so long.
const (
	attemptBurst = 10
	attemptEvery = 6 * time.Second
	userBurst    = 20
	userEvery    = 15 * time.Second
	maxAddresses = 10_000
)

// attempts slows down guessing: per address, or per user, it counts the failed
// sign-ins, and those under way, which may fail.
type attempts struct {
	burst     int
	every     time.Duration
	mu        sync.Mutex
	byAddress map[string]*attempt
}

type attempt struct {
	failed   *rate.Limiter
	underWay int
}

func newAttempts(burst int, every time.Duration) *attempts {
	return &attempts{burst: burst, every: every, byAddress: map[string]*attempt{}}
}

// enter reports whether the address may try now; if so, leave must follow.
func (a *attempts) enter(address string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := neighbourhood(address)
	from, ok := a.byAddress[key]
	if !ok {
		a.makeRoom(now)
		from = &attempt{failed: rate.NewLimiter(rate.Every(a.every), a.burst)}
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
		if from.underWay == 0 && from.failed.TokensAt(now) >= float64(a.burst) {
			delete(a.byAddress, key)
		}
	}
	if len(a.byAddress) >= maxAddresses {
		clear(a.byAddress)
	}
}

// guard is what a sign-in has to pass: the limit of its address, and that of
// the user it names. Many addresses together guess no faster than one. So that
// nobody can keep a user out by failing in their name, the user's limit does
// not hold where that user has signed in before.
type guard struct {
	addresses, users *attempts
	mu               sync.Mutex
	familiar         map[[2]string]bool // neighbourhood and user
}

func newGuard() *guard {
	return &guard{addresses: newAttempts(attemptBurst, attemptEvery), users: newAttempts(userBurst, userEvery), familiar: map[[2]string]bool{}}
}

// limit is why a sign-in may not be tried now.
type limit int

const (
	noLimit limit = iota
	addressLimit
	userLimit
)

// enter asks for a sign-in; user is empty where none is named. If nothing
// limits it, done must follow, with what came of it.
func (g *guard) enter(address, user string, now time.Time) (why limit, done func(failed bool, now time.Time)) {
	if !g.addresses.enter(address, now) {
		return addressLimit, nil
	}
	limited := user != "" && !g.knows(address, user)
	if limited && !g.users.enter(user, now) {
		g.addresses.leave(address, false, now)
		return userLimit, nil
	}
	return noLimit, func(failed bool, now time.Time) {
		g.addresses.leave(address, failed, now)
		if limited {
			g.users.leave(user, failed, now)
		}
	}
}

func (g *guard) knows(address, user string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.familiar[[2]string{neighbourhood(address), user}]
}

// welcome remembers from where a user has signed in.
func (g *guard) welcome(address, user string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.familiar) >= maxAddresses {
		clear(g.familiar)
	}
	g.familiar[[2]string{neighbourhood(address), user}] = true
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
