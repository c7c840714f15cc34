package bulk_test

import (
	"testing"

	"go.uber.org/goleak"

	"coc-console/internal/operate/operatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	effect = operatetest.Effect
)

type (
	desk = operatetest.Desk
)

var (
	cancel     = operatetest.Cancel
	check      = operatetest.Check
	engines    = operatetest.Engines
	eventually = operatetest.Eventually
	newDesk    = operatetest.NewDesk
	sharedDesk = operatetest.SharedDesk
	states     = operatetest.States
	tickets    = operatetest.Tickets
	wide       = operatetest.Wide
)
