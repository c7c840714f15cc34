package audittest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"coc-console/audit"
)

// The values that the records of Mixed have.
var (
	People     = []string{"ann", "ben", "ANN", "an%", "' OR 1=1 --", "中文", "ann ", "a_n"}
	Tickets    = []string{"", "SCT1", "SCT2", "sct1", "SCT%", "$1", "?"}
	Operations = []string{"", "", "op-1", "op-2", "OP-1", "op-\u2028"}
	Projects   = []string{"", "north", "south 1", "北"}
	Addresses  = []string{"", "10.0.0.1", "::1"}
	Types      = []string{"", "RETRY", "SKIP"}
	Reasons    = []string{"", "Disk full on host-1", "full disk", "重启实例 disk", "实例重启host", "再启动", "disks", "a_b"}
	Targets    = []string{"", "host-1 (10.0.0.1)", "主机 full"}
)

// Mixed returns records with all combinations of a few values, always the same.
func Mixed(n int) []audit.Record {
	random := rand.New(rand.NewPCG(7, 7))
	known := slices.DeleteFunc(audit.Actions(), func(a audit.Action) bool { // and a hold keeps what a test prunes
		return a == audit.ActionEntryDamaged || a == audit.ActionAuditHeld || a == audit.ActionAuditReleased
	})
	out := make([]audit.Record, n)
	for i := range out {
		person := Pick(random, People)
		out[i] = audit.Record{Action: Pick(random, known), Outcome: Pick(random, audit.Outcomes()),
			Actor:  audit.Actor{UserID: "id of " + person, UserName: person},
			Ticket: Pick(random, Tickets), OperationID: Pick(random, Operations), Detail: fmt.Sprint(i),
			OperationType: Pick(random, Types), Origin: audit.Origin{Address: Pick(random, Addresses)},
			Reason: Pick(random, Reasons), Target: Pick(random, Targets), Upstream: audit.Upstream{Message: Pick(random, Reasons)}}
		out[i].Actor.ProjectName = Pick(random, Projects)
		out[i].Actor.ProjectID = "id of " + out[i].Actor.ProjectName
	}
	return out
}

// Pick is one of several.
func Pick[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }

// Steady is a clock that is one second further at every record.
func Steady() func() time.Time {
	var mu sync.Mutex
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}
