package iam

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// PasscodeOf reads a passcode as people type it: with blanks and dashes, or
// with the full-width digits of an input method.
func PasscodeOf(text string) string {
	without := func(text string, drop func(rune) bool) string {
		return strings.Map(func(r rune) rune {
			if drop(r) {
				return -1
			}
			return r
		}, text)
	}
	plain := without(norm.NFKC.String(text),
		func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	digits := without(plain, func(r rune) bool { return unicode.Is(unicode.Pd, r) })
	if strings.Trim(digits, "0123456789") == "" {
		return digits
	}
	return plain // a dash may be a part of it
}

// maxUserIDs bounds what is remembered of users.
const maxUserIDs = 10_000

// UserIDs remembers the ids of users who have signed in, which IAM wants beside
// a passcode (docs/coc-api.md section 17.7). The zero value is ready.
type UserIDs struct {
	mu     sync.Mutex
	byName map[string]string
}

// Of is the id of a user; empty where nobody of that name has signed in.
func (u *UserIDs) Of(name string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.byName[name]
}

// Learn remembers the id of a user.
func (u *UserIDs) Learn(name, id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byName == nil || len(u.byName) >= maxUserIDs {
		u.byName = map[string]string{}
	}
	u.byName[name] = id
}
