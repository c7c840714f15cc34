package audit_test

import (
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
)

// opened is an open log with what this suite does to it.
type opened struct{ *audittest.Log }

func open(t testing.TB, dsn string, change ...func(*audit.Config)) *opened {
	t.Helper()
	return &opened{audittest.Open(t, dsn, change...)}
}

// inspect opens a log for reading alone.
func inspect(t testing.TB, dsn string, change ...func(*audit.Config)) *opened {
	t.Helper()
	return &opened{audittest.Inspect(t, dsn, append([]func(*audit.Config){audittest.Signing}, change...)...)}
}
