package audittest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"coc-console/audit"
)

// Busy makes records like those of a large team: a few people do most, most
// tickets are short, one operation in twenty fails, reasons are sentences.
func Busy() func(i int) audit.Record {
	random := rand.New(rand.NewPCG(1, 2))
	people, words := rand.NewZipf(random, 1.3, 3, 199), rand.NewZipf(random, 1.1, 4, 4999)
	tickets := rand.NewZipf(random, 1.05, 50, 199_999)
	seen := []audit.Action{audit.ActionTicketViewed, audit.ActionTicketViewed, audit.ActionTicketListed,
		audit.ActionLogViewed, audit.ActionSessionSignedIn, audit.ActionSessionEnded}
	var begun []audit.Record // operations that have no end
	return func(i int) audit.Record {
		if len(begun) > 0 && random.IntN(2) == 0 {
			return nextStep(random, &begun)
		}
		who := people.Uint64()
		r := audit.Record{Action: Pick(random, seen), Outcome: audit.OutcomeSucceeded,
			Actor: audit.Actor{UserID: fmt.Sprintf("%032x", who), UserName: fmt.Sprintf("person%03d", who),
				ProjectID: fmt.Sprintf("p%031x", who%20), ProjectName: fmt.Sprintf("project-%d", who%20)},
			Origin: audit.Origin{Address: fmt.Sprintf("10.0.%d.%d", who%4, who),
				UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", Session: fmt.Sprintf("%016x", random.Uint64())},
			Ticket: fmt.Sprintf("SCT%017d", tickets.Uint64())}
		if random.IntN(100) == 0 {
			r.Action, r.Outcome = audit.ActionAccessDenied, audit.OutcomeDenied
		}
		if random.IntN(4) > 0 {
			return r
		}
		r.Action, r.Outcome = audit.ActionOperationRequested, audit.OutcomePending
		r.OperationID = fmt.Sprintf("%016x-%d", random.Uint64(), i)
		r.OperationType = Pick(random, []string{"PAUSE", "RETRY", "CANCEL", "SKIP_BATCH"})
		r.Target = fmt.Sprintf("host-%d (192.168.%d.%d)", random.IntN(5000), random.IntN(250), random.IntN(250))
		r.Reason = "批次三重启实例"
		for range 6 {
			r.Reason += fmt.Sprintf(" word%d", words.Uint64())
		}
		begun = append(begun, r)
		return r
	}
}

// nextStep is the next record of an operation that has begun: its answer, or its end.
func nextStep(random *rand.Rand, begun *[]audit.Record) audit.Record {
	i := random.IntN(len(*begun))
	r := &(*begun)[i]
	switch {
	case r.Action == audit.ActionOperationAccepted:
		r.Action, r.Outcome = audit.ActionOperationObserved, audit.OutcomeSucceeded
	case random.IntN(20) == 0:
		r.Action, r.Outcome = audit.ActionOperationRejected, audit.OutcomeFailed
		r.Upstream = audit.Upstream{Status: 500, Code: fmt.Sprint("COC.0010", random.IntN(10)),
			Message: "the instance does not answer"}
	default:
		r.Action, r.Outcome = audit.ActionOperationAccepted, audit.OutcomeSucceeded
		return *r
	}
	done := *r
	*begun = slices.Delete(*begun, i, i+1)
	return done
}
