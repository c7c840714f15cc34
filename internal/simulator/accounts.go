package simulator

import (
	"slices"
	"time"

	"coc-console/internal/simulator/api"
)

// Account is a cloud account with its users and projects.
type Account struct {
	Name     string   `json:"name"`
	Projects []string `json:"projects"` // names, as a rule region ids
	Users    []User   `json:"users"`
}

// ID is the account's id.
func (a Account) ID() string { return api.HexID("account/" + a.Name) }

// ProjectID is the id of one of the account's projects.
func (a Account) ProjectID(project string) string {
	return api.HexID("project/" + a.Name + "/" + project)
}

// User is an IAM user.
type User struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	// Actions are the identity policy's, such as coc:job:list, coc:job:get and
	// coc:job:action (docs/coc-api.md section 13.1).
	Actions []string `json:"actions"`
	// Roles are the names in the token's body; nil = some that fit the actions.
	Roles    []string `json:"roles"`
	Passcode string   `json:"passcode"` // of a virtual MFA device; empty = none is bound
	Locked   bool     `json:"locked"`
	Admin    bool     `json:"admin"` // may introspect other users' tokens
	// TokenSize is the wanted number of characters of the user's tokens
	// (docs/coc-api.md section 2.5); 0 = 4540.
	TokenSize int           `json:"token_size"`
	TokenLife time.Duration `json:"token_life"` // 0 = 24 h (docs/coc-api.md section 2.2)
	Keys      []AccessKey   `json:"keys"`
}

func (u User) may(action string) bool { return slices.Contains(u.Actions, action) }

// The actions of docs/coc-api.md section 13.1.
const (
	actionList    = "coc:job:list"
	actionGet     = "coc:job:get"
	actionOperate = "coc:job:action"

	actionExecute        = "coc:instance:executeDocument"
	actionAutoBatch      = "coc:instance:autoBatchInstances"
	actionListResources  = "coc:instance:listResources"
	actionSyncResources  = "coc:instance:syncResources"
	actionListDocuments  = "coc:document:list"
	actionGetDocument    = "coc:document:get" // inferred
	actionCreateDocument = "coc:document:create"
	actionUpdateDocument = "coc:document:update" // approval as well: inferred
	actionDeleteDocument = "coc:document:delete"
	actionAnalyze        = "coc:document:analyzeRisk" // inferred
)

// allActions are what the owner of an account may do.
func allActions() []string {
	return []string{actionList, actionGet, actionOperate, actionExecute, actionAutoBatch, actionListResources,
		actionSyncResources,
		actionListDocuments, actionGetDocument, actionCreateDocument, actionUpdateDocument, actionDeleteDocument, actionAnalyze}
}

// DemoPasscode is what the virtual MFA device of the demo user `mfa` shows.
const DemoPasscode = "246810"

// DemoAccounts returns the accounts that stand where Config has none. Every
// password is the user's name, every access key is DemoKey of the user, and
// operator has DemoTemporaryKey as well.
func DemoAccounts() []Account {
	all := allActions()
	user := func(name string, size int, actions ...string) User {
		return User{Name: name, Password: name, Actions: actions, TokenSize: size, Keys: []AccessKey{DemoKey(name)}}
	}
	operator := user(demoUser, 9120, all...)
	operator.Keys = append(operator.Keys, DemoTemporaryKey())
	manager, mfa, locked := user("manager", 10328, all...), user("mfa", 5164, all...), user("locked", 1968, all...)
	manager.Admin, mfa.Passcode, locked.Locked = true, DemoPasscode, true
	return []Account{{
		Name: "demo", Projects: []string{"cn-north-4", "ap-southeast-3"},
		Users: []User{operator, manager, user("reader", 4540, actionList, actionGet),
			mfa, locked, user("nobody", 1224)},
	}}
}

func (s *Simulator) account(match func(Account) bool) (Account, bool) {
	i := slices.IndexFunc(s.accounts, match)
	if i < 0 {
		return Account{}, false
	}
	return s.accounts[i], true
}

func (a Account) user(name string) (User, bool) {
	i := slices.IndexFunc(a.Users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return User{}, false
	}
	return a.Users[i], true
}

// userID is the id of one of the account's users.
func (a Account) userID(name string) string { return api.HexID("user/" + a.Name + "/" + name) }
