package ratelimit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The limits of failed sign-ins from one address and of one user: a burst, then
// one in so long.
const (
	attemptBurst = 10
	attemptEvery = 6 * time.Second
	userBurst    = 20
	userEvery    = 15 * time.Second
	maxOrigins   = 10_000
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
	key := Network(address)
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
	from, ok := a.byAddress[Network(address)]
	if !ok {
		return // forgotten since
	}
	from.underWay = max(0, from.underWay-1)
	if failed {
		from.failed.AllowN(now, 1)
	}
}

// makeRoom forgets the addresses that have no failure to remember, and all of
// them when there are too many others.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.byAddress) < maxOrigins {
		return
	}
	for key, from := range a.byAddress {
		if from.underWay == 0 && from.failed.TokensAt(now) >= float64(a.burst) {
			delete(a.byAddress, key)
		}
	}
	if len(a.byAddress) >= maxOrigins {
		clear(a.byAddress)
	}
}

// SignIns is what a sign-in has to pass: the limit of its address, and that of
// the user it names. Many addresses together guess no faster than one. So that
// nobody can keep a user out by failing in their name, the user's limit does
// not hold where that user has signed in before.
type SignIns struct {
	addresses, users *attempts
	mu               sync.Mutex
	familiar         map[[2]string]bool // network and user
}

// NewSignIns returns limits that nobody has used yet.
func NewSignIns() *SignIns {
	return &SignIns{addresses: newAttempts(attemptBurst, attemptEvery), users: newAttempts(userBurst, userEvery),
		familiar: map[[2]string]bool{}}
}

// SignInLimit is why a sign-in may not be tried now.
type SignInLimit int

// The limits.
const (
	NoLimit SignInLimit = iota
	AddressLimit
	UserLimit
)

// Enter asks for a sign-in; user is empty where none is named. If nothing
// limits it, done must follow, with what came of it.
func (g *SignIns) Enter(address, user string, now time.Time) (why SignInLimit, done func(failed bool, now time.Time)) {
	if !g.addresses.enter(address, now) {
		return AddressLimit, nil
	}
	limited := user != "" && !g.knows(address, user)
	if limited && !g.users.enter(user, now) {
		g.addresses.leave(address, false, now)
		return UserLimit, nil
	}
	return NoLimit, func(failed bool, now time.Time) {
		g.addresses.leave(address, failed, now)
		if limited {
			g.users.leave(user, failed, now)
		}
	}
}

func (g *SignIns) knows(address, user string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.familiar[[2]string{Network(address), user}]
}

// TrustOrigin remembers from where a user has signed in.
func (g *SignIns) TrustOrigin(address, user string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.familiar) >= maxOrigins {
		clear(g.familiar)
	}
	g.familiar[[2]string{Network(address), user}] = true
}

// Network returns what counts as one address: of IPv6 the network, because a
// single machine has all of it.
func Network(address string) string {
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
