package approval_test

import (
	"testing"

	"go.uber.org/goleak"

	"coc-console/internal/operate/operatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	effect   = operatetest.Effect
	fourEyes = operatetest.FourEyes
)

type (
	desk    = operatetest.Desk
	parts   = operatetest.Parts
	swapped = operatetest.Swapped
)

var (
	cancel          = operatetest.Cancel
	cancelOrder     = operatetest.CancelOrder
	check           = operatetest.Check
	engines         = operatetest.Engines
	eventually      = operatetest.Eventually
	flagged         = operatetest.Flagged
	newApprovalDesk = operatetest.NewApprovalDesk
	newDesk         = operatetest.NewDesk
	pauseOrder      = operatetest.PauseOrder
	rules           = operatetest.Rules
	sharedDesk      = operatetest.SharedDesk
)
