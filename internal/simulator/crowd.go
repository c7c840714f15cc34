package simulator

import (
	"math/rand/v2"
	"time"

	"coc-console/internal/simulator/scripts"
)

// Crowd is a number of tickets that are made up, and built only when somebody
// looks at them. Their last state is chosen first and follows from every
// setting of Rules, so that a list can filter by it without building them.
type Crowd struct {
	Tickets   int `json:"tickets"`   // up to MaxCrowd
	Instances int `json:"instances"` // of the largest ticket; 0 = 200, which is also the most
}

// The limits of a crowd; the second is docs/coc-api.md section 11.
const (
	MaxCrowd     = 100_000
	maxInstances = scripts.MaxTargets
	maxBatch     = scripts.MaxBatch
)

// crowdPlan is all that is kept of a ticket of the crowd until it is built.
type crowdPlan struct {
	seed      uint64
	script    int
	region    string
	instances int
	fate      string // its status, for ever unless somebody operates on it; processing = it still runs
}

// One ticket in so many of the crowd still runs, and is between one and twenty
// minutes old. The others are older than any run can last.
const (
	crowdRunning = 100
	crowdOldest  = 180 * 24 * time.Hour
	crowdYoung   = 12 * time.Hour
)

// specs are the crowd's tickets without their batches.
func (c Crowd) specs(seed uint64) []ticketPlan {
	if c.Instances < 1 || c.Instances > maxInstances {
		c.Instances = maxInstances
	}
	list := make([]ticketPlan, min(max(c.Tickets, 0), MaxCrowd))
	rng := rand.New(rand.NewPCG(seed, 4))
	for i := range list {
		p := &crowdPlan{seed: rng.Uint64(), script: rng.IntN(len(scripts.Demo)), region: home,
			instances: 1 + rng.IntN(c.Instances), fate: crowdFate(rng.IntN(100))}
		if rng.IntN(4) == 0 {
			p.region = "ap-southeast-3"
		}
		spec := TicketSpec{Name: scripts.Demo[p.script].Name, Creator: creators[rng.IntN(len(creators))],
			Timeout:     900 * time.Second,
			SuccessRate: 100, Params: scripts.Demo[p.script].Params, Age: within(rng, crowdYoung, crowdOldest)}
		if i%crowdRunning == 0 {
			p.fate, p.instances = processing, c.Instances
			spec.Age, spec.Timeout = within(rng, time.Minute, 20*time.Minute), 1799*time.Second
		}
		list[i] = ticketPlan{spec, p}
	}
	return list
}

func within(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least))).Truncate(time.Millisecond)
}

func crowdFate(percent int) string {
	switch {
	case percent < 88:
		return finished
	case percent < 93:
		return canceled
	case percent < 97:
		return abnormal
	}
	return paused
}

// batches makes the servers of a ticket of the crowd. The fates do not depend
// on Rules: what fails fails with a success rate of 100, and what is cancelled
// or paused waits after its first batch.
func (p *crowdPlan) batches() []BatchSpec {
	f := &fleet{rng: rand.New(rand.NewPCG(p.seed, 5)), server: int(p.seed % 9000), lazy: true}
	waits := p.fate == canceled || p.fate == paused
	size := min(maxBatch, 2+f.rng.IntN(maxBatch-1))
	size = max(size, (p.instances+19)/20)
	if waits {
		p.instances = max(p.instances, size+1)
	}
	var list []BatchSpec
	for left := p.instances; left > 0; left -= size {
		list = append(list, BatchSpec{Instances: f.instances(scripts.Demo[p.script], min(size, left), p.region)})
	}
	list[0].Pause = waits
	switch first := &list[0].Instances[0]; p.fate {
	case abnormal:
		f.fail(scripts.Demo[p.script], first)
	case processing:
		p.slow(f, list)
	}
	return list
}

// slow lets every server take minutes.
func (p *crowdPlan) slow(f *fleet, list []BatchSpec) {
	for _, b := range list {
		for i := range b.Instances {
			in := &b.Instances[i]
			in.Run = f.seconds(1300, 1780)
			in.log = func() string { return progress(*in, 60) }
		}
	}
}

// operations are what was done to a ticket of the crowd.
func (p *crowdPlan) operations() []PastOperation {
	if p.fate != canceled {
		return nil
	}
	return []PastOperation{{6 * time.Hour, Operation{Type: cancelOrder}}}
}
