package simulator

import "slices"

// Account is a cloud account with its users and projects.
type Account struct {
	Name     string
	Projects []string // names, as a rule region ids
	Users    []User
}

// ID is the account's id.
func (a Account) ID() string { return hexID("account/" + a.Name) }

// ProjectID is the id of one of the account's projects.
func (a Account) ProjectID(project string) string {
	return hexID("project/" + a.Name + "/" + project)
}

// User is an IAM user.
type User struct {
	Name, Password string
	// Actions are the identity policy's, of coc:job:list, coc:job:get and
	// coc:job:action (docs/coc-api.md section 13.1).
	Actions  []string
	Passcode string // of a virtual MFA device; empty = none is bound
	Locked   bool
	Admin    bool // may introspect other users' tokens
	// TokenSize is the wanted number of characters of the user's tokens
	// (docs/coc-api.md section 2.5); 0 = 4540.
	TokenSize int
}

func (u User) may(action string) bool { return slices.Contains(u.Actions, action) }

// The actions of docs/coc-api.md section 13.1.
const (
	actionList    = "coc:job:list"
	actionGet     = "coc:job:get"
	actionOperate = "coc:job:action"
)

// DemoPasscode is what the virtual MFA device of the demo user `mfa` shows.
const DemoPasscode = "246810"

// DemoAccounts returns the accounts that stand where Config has none. Every
// password is the user's name.
func DemoAccounts() []Account {
	all := []string{actionList, actionGet, actionOperate}
	user := func(name string, size int, actions ...string) User {
		return User{Name: name, Password: name, Actions: actions, TokenSize: size}
	}
	manager, mfa, locked := user("manager", 10328, all...), user("mfa", 5164, all...), user("locked", 1968, all...)
	manager.Admin, mfa.Passcode, locked.Locked = true, DemoPasscode, true
	return []Account{{
		Name: "demo", Projects: []string{"cn-north-4", "ap-southeast-3"},
		Users: []User{user("operator", 9120, all...), manager, user("reader", 4540, actionList, actionGet),
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
func (a Account) userID(name string) string { return hexID("user/" + a.Name + "/" + name) }
