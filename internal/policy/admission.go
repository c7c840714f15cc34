package policy

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Admission says who may use the console: people of the accounts, unless a
// policy forbids it. IAM knows every account of the cloud, and all of them
// could sign in otherwise.
type Admission struct {
	// Accounts are ids (32 hex digits, or id: and any id) or names; none means
	// every account. A name can be given up and be taken by somebody else, an
	// id cannot.
	Accounts []string
	Rules    *Store
}

var accountID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Includes reports whether the account is one of those that may sign in.
func (a Admission) Includes(id, name string) bool {
	return len(a.Accounts) == 0 || slices.ContainsFunc(a.Accounts, func(listed string) bool {
		bare, isID := strings.CutPrefix(listed, "id:")
		if isID || accountID.MatchString(bare) {
			return id == bare && id != ""
		}
		return name == listed && name != ""
	})
}

// Decide says whether somebody may use the console, now. What a policy wants
// done first (Demand) is about operations and keeps nobody out.
func (a Admission) Decide(account string, p Person, at time.Time) (d Decision, otherAccount bool) {
	if !a.Includes(account, p.AccountName) {
		return Decision{}, true
	}
	d = a.Rules.Decide(Request{Person: p, Action: SignIn, Circumstances: Circumstances{At: at}})
	d.Allowed = !d.Denied()
	return d, false
}
