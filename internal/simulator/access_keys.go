package simulator

import (
	"net/http"
	"strings"
	"time"

	"coc-console/internal/simulator/signing"
)

// AccessKey signs requests in the place of a token (docs/coc-api.md section 1.2).
type AccessKey = signing.Key

// keyOwner is an access key with the user who has it.
type keyOwner struct {
	AccessKey
	account Account
	user    User
	issued  time.Time // of a temporary key that a token was exchanged for
	ends    time.Time // and when it ends, whatever was said; zero: when it was said to
}

func keysOf(accounts []Account) map[string]keyOwner {
	keys := map[string]keyOwner{}
	for _, a := range accounts {
		for _, u := range a.Users {
			for _, k := range u.Keys {
				keys[k.ID] = keyOwner{AccessKey: k, account: a, user: u}
			}
		}
	}
	return keys
}

// DemoKey is the access key of a demo user.
func DemoKey(user string) AccessKey {
	return AccessKey{ID: fixed("DEMO"+strings.ToUpper(user), 20), Secret: fixed("demo"+user+"secret", 40)}
}

// DemoTemporaryKey is a temporary access key of the demo user operator.
func DemoTemporaryKey() AccessKey {
	k := DemoKey("temporary")
	k.SecurityToken = fixed("demosecuritytoken", 1200)
	return k
}

// fixed fills a text up to the length that real ones have.
func fixed(text string, length int) string {
	return text + strings.Repeat("0", max(0, length-len(text)))
}

// The failures of one access key: more than five in a row lock it for five
// minutes of real time, as the gateway's guide to signing says.
type keyFailure struct {
	count int
	last  time.Time
}

const (
	keyTries = 5
	keyLock  = 5 * time.Minute
)

// The reasons of docs/coc-api.md section 10.4 and of the gateway's guide to
// signing. A date that is more than 15 minutes off has no text of its own
// there; that of an expired temporary key is invented.
const (
	reasonSignature = "verify aksk signature fail"
	reasonLocked    = "AK access failed to reach the limit,forbidden."
	reasonTemporary = "the security token expires"
)

func reasonUnknownKey(id string) string { return "Get secretKey failed,ak:" + id + ",err:ak not exist" }

// signedBy says whose signed request it is, or why it is refused.
func (s *Simulator) signedBy(c *call) (keyOwner, string) {
	given, ok := signing.Parse(c.Header.Get("Authorization"))
	if !ok {
		return keyOwner{}, reasonSignature
	}
	now := s.signatureNow()
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, ok := s.keys[given.Access]
	if !ok {
		return keyOwner{}, reasonUnknownKey(given.Access)
	}
	failed := s.keyFailures[owner.ID]
	switch {
	case failed.count > keyTries && !s.rules.NoKeyLock && now.Sub(failed.last) < keyLock:
		return keyOwner{}, reasonLocked
	case !given.Verifies(c.Request, c.body, owner.AccessKey, now):
		s.keyFailures[owner.ID] = keyFailure{failed.count%(keyTries+1) + 1, now}
		return keyOwner{}, reasonSignature
	case s.over(owner):
		return keyOwner{}, reasonTemporary
	}
	delete(s.keyFailures, owner.ID)
	return owner, ""
}

// over reports that a temporary key has ended: by its time, or because what its user had was revoked, or ended early.
// The caller holds the lock.
func (s *Simulator) over(k keyOwner) bool {
	now, name := s.now(), k.account.Name+"/"+k.user.Name
	if k.Expires.IsZero() {
		return false
	}
	for _, ended := range []time.Time{s.revoked[name], s.expired[name]} {
		if !k.issued.IsZero() && !ended.IsZero() && !k.issued.After(ended) {
			return true
		}
	}
	return !now.Before(k.Expires) || !k.ends.IsZero() && !now.Before(k.ends)
}

func (s *Simulator) authenticateSigned(c *call) (answer, bool) {
	owner, reason := s.signedBy(c)
	if s.rules.UnsignedIAM && !c.kind.ofCOC() {
		return keystone(http.StatusUnauthorized, "The request you have made requires authentication."), false
	}
	if reason != "" {
		return c.gateway(http.StatusUnauthorized, "APIGW.0301", incorrect+reason), false
	}
	c.account, c.user = owner.account, owner.user
	return answer{}, true
}
