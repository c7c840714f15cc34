//go:build race

package audit_test

// underRace says that the race detector multiplies the time of everything.
const underRace = true
