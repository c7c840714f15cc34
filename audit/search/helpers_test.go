package search_test

import (
	"testing"

	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/audit/audittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened is an open log with what this suite does to it.
type opened struct{ *audittest.Log }

func open(t testing.TB, dsn string, change ...func(*audit.Config)) *opened {
	t.Helper()
	return &opened{audittest.Open(t, dsn, change...)}
}
