package operate_test

import (
	"testing"

	"go.uber.org/goleak"

	"coc-console/internal/operate/operatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	deadline = operatetest.Deadline
	effect   = operatetest.Effect
	fourEyes = operatetest.FourEyes
)

type (
	arrival  = operatetest.Arrival
	desk     = operatetest.Desk
	parts    = operatetest.Parts
	proof    = operatetest.Proof
	sessions = operatetest.Sessions
	swapped  = operatetest.Swapped
)

var (
	cancel          = operatetest.Cancel
	cancelOrder     = operatetest.CancelOrder
	check           = operatetest.Check
	continueOrder   = operatetest.ContinueOrder
	engines         = operatetest.Engines
	eventually      = operatetest.Eventually
	flagged         = operatetest.Flagged
	newApprovalDesk = operatetest.NewApprovalDesk
	newDesk         = operatetest.NewDesk
	pauseOrder      = operatetest.PauseOrder
	rules           = operatetest.Rules
	sharedDesk      = operatetest.SharedDesk
	skip            = operatetest.Skip
	states          = operatetest.States
	wide            = operatetest.Wide
)
