package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// digestOf tells files from others.
func digestOf(policies, directory, calendar []byte, managers []string) string {
	h := sha256.New()
	for _, text := range []string{string(policies), string(directory), string(calendar),
		strings.Join(managers, ",")} {
		fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Digest tells the rules from those of other files.
func (r *Rules) Digest() string { return r.digest }

// HasDirectory reports whether a file with roles and teams is part of the rules.
func (r *Rules) HasDirectory() bool { return r.hasDirectory }

// HasCalendar reports whether a file with windows is part of the rules.
func (r *Rules) HasCalendar() bool { return r.calendar != nil }

// Candidate are the rules of changed files that wait until somebody takes them up; nil: there are none.
func (s *Store) Candidate() *Rules { return s.candidate.Load() }

// review has changed rules wait, unless they are those in force again. The caller holds the lock.
func (s *Store) review(rules *Rules) {
	if rules.digest == s.Rules().digest {
		rules = nil
	}
	s.candidate.Store(rules)
	if rules != nil {
		s.logger.Warn("changed policy files wait to be taken up", "digest", rules.digest)
	}
}

// TakeUp puts the candidate with that digest into force, once record has noted it. It reports whether there is one; an
// error is record's, and nothing is taken up then.
func (s *Store) TakeUp(digest string, record func() error) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := s.candidate.Load()
	if rules == nil || rules.digest != digest {
		return false, nil
	}
	if err := record(); err != nil {
		return true, err
	}
	s.candidate.Store(nil)
	s.take(rules)
	return true, nil
}
