package simulator

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"coc-console/internal/simulator/scripts"
)

// demoTickets is the demo set: six scenarios by name and a crowd of older
// tickets. Everything follows from the seed.
func demoTickets(seed uint64) []TicketSpec {
	f := &fleet{rng: rand.New(rand.NewPCG(seed, 2))}
	list := []TicketSpec{f.abnormal(), f.running(), f.paused(), f.large(), f.finished(), f.canceled()}
	for i := range 62 {
		list = append(list, f.old(i))
	}
	return list
}

// fleet makes servers.
type fleet struct {
	rng    *rand.Rand
	server int
	lazy   bool // logs are made when they are read
}

const demoUser = "operator"

// seconds is a duration between two numbers of seconds.
func (f *fleet) seconds(least, most float64) time.Duration {
	return time.Duration((least + f.rng.Float64()*(most-least)) * float64(time.Second)).Truncate(time.Millisecond)
}

// instance is a server on which a script goes well.
func (f *fleet) instance(s scripts.Script, region string) InstanceSpec {
	f.server++
	short := map[string]string{"cn-north-4": "bj4", "ap-southeast-3": "sgp"}[region]
	zone := string(rune('a' + f.rng.IntN(3)))
	p := InstanceSpec{
		Host:   fmt.Sprintf("prd-%s-%s%s-%04d", s.Role, short, zone, f.server),
		IP:     fmt.Sprintf("192.168.%d.%d", f.server/200, 10+f.server%200),
		Region: region, Zone: region + zone,
		Application: map[string]string{"web": "shop-frontend", "gw": "api-gateway", "db": "orders-db"}[s.Role],
		Dispatch:    f.seconds(0.4, 2.5), Run: time.Duration(float64(s.Run) * (0.7 + 0.6*f.rng.Float64())).Truncate(time.Millisecond),
	}
	if f.lazy {
		p.log = func() string { return s.Log(p.Host, p.IP) }
	} else {
		p.Log = s.Log(p.Host, p.IP)
	}
	return p
}

func (f *fleet) instances(s scripts.Script, n int, region string) []InstanceSpec {
	list := make([]InstanceSpec, n)
	for i := range list {
		list[i] = f.instance(s, region)
	}
	return list
}

func (f *fleet) fail(s scripts.Script, p *InstanceSpec) {
	p.Log, p.ExitCode = s.Failed(p.Host, p.IP, f.rng.IntN(8))
	p.log = nil
}

// offline lets an instance fail because its agent is not there.
func (p *InstanceSpec) offline(found time.Duration) {
	p.Offline, p.Run, p.Dispatch, p.Log = true, found, 300*time.Millisecond, ""
}

const home = "cn-north-4"

// abnormal stopped at batch 2 of 5. Once batch 2 is skipped batch 3 fails
// within seconds, and after CONTINUE_ORDER batch 4 runs for minutes.
func (f *fleet) abnormal() TicketSpec {
	s := scripts.Named("nginx_reload")
	second, third, fourth := f.instances(s, 6, home), f.instances(s, 4, home), f.instances(s, 5, home)
	second[1].Log, second[1].ExitCode = s.Failed(second[1].Host, second[1].IP, 0)
	waiting := strings.Repeat("waiting for the lock /run/deploy.lock, held by pid 21877\n", 40)
	second[3].Log, second[3].Run = waiting+"reload done", 20*time.Minute
	second[4].offline(2 * time.Second)
	for i := range third {
		third[i].Dispatch, third[i].Run = 200*time.Millisecond, time.Second
	}
	third[2].offline(1500 * time.Millisecond)
	for i := range fourth {
		fourth[i].Run = f.seconds(220, 285)
		fourth[i].Log = progress(fourth[i], 120)
	}
	return TicketSpec{Scenario: "abnormal", Name: s.Name, Creator: demoUser, Age: 14 * time.Minute,
		Timeout:     300 * time.Second,
		SuccessRate: 100, Params: s.Params, Batches: []BatchSpec{{Instances: f.instances(s, 4, home)},
			{Instances: second},
			{Instances: third}, {Instances: fourth}, {Pause: true, Instances: f.instances(s, 3, home)}}}
}

// running is in its second batch of six and goes on for hours.
func (f *fleet) running() TicketSpec {
	s := scripts.Named("kernel_patch")
	var batches []BatchSpec
	for range 6 {
		list := f.instances(s, 4, home)
		for i := range list {
			list[i].Run = f.seconds(1500, 1780)
			list[i].Log = progress(list[i], 400)
		}
		batches = append(batches, BatchSpec{Instances: list})
	}
	return TicketSpec{Scenario: "running", Name: "data_consistency_check", Creator: demoUser, Age: 35 * time.Minute,
		Timeout: 1799 * time.Second, SuccessRate: 90, Batches: batches,
		Params: []ParamSpec{{Name: "mount", Value: "/data"}, {Name: "report_key", Value: "k-8831", Sensitive: true}}}
}

// paused waits between batch 1 and 2, by its rotation strategy.
func (f *fleet) paused() TicketSpec {
	s := scripts.Named("renew_certificates")
	second := f.instances(s, 3, "ap-southeast-3")
	second[1].Host, second[1].Application = "生产-网关-新加坡-01", "支付网关"
	second[1].Log = s.Log(second[1].Host, second[1].IP)
	second[2].ID = 1<<53 + 1 // JavaScript would round it
	for i := range second {
		second[i].Run = f.seconds(40, 80)
	}
	return TicketSpec{Scenario: "paused", Name: s.Name, Creator: demoUser, Age: 52 * time.Minute,
		Timeout:     600 * time.Second,
		SuccessRate: 100, Params: append([]ParamSpec{{Name: "remark", Value: "例行证书更新"}}, s.Params...),
		Batches: []BatchSpec{{Pause: true, Instances: f.instances(s, 3, home)}, {Pause: true, Instances: second},
			{Instances: f.instances(s, 4, home)}}}
}

// large runs on as many servers as a ticket can have (docs/coc-api.md section 11).
func (f *fleet) large() TicketSpec {
	s := scripts.Named("security_baseline")
	var batches []BatchSpec
	for i := range 20 {
		list := f.instances(s, 10, home)
		if i%3 == 1 {
			f.fail(s, &list[f.rng.IntN(5)])
		}
		if i%5 == 2 {
			list[5+f.rng.IntN(5)].offline(3 * time.Second)
		}
		batches = append(batches, BatchSpec{Instances: list})
	}
	return TicketSpec{Scenario: "large", Name: s.Name, Creator: "manager", Age: 13 * time.Minute,
		Timeout: 900 * time.Second, SuccessRate: 80, Params: s.Params, Batches: batches}
}

// finished went well; it holds the logs that are hard to show.
func (f *fleet) finished() TicketSpec {
	s := scripts.Named("db_backup_check")
	first, second := f.instances(s, 2, home), f.instances(s, 4, "ap-southeast-3")
	first[1].Log, second[0].Log = hugeLog(), hostileLog
	f.fail(s, &second[3])
	return TicketSpec{Scenario: "finished", Name: s.Name, Creator: demoUser, Age: 3 * time.Hour,
		Timeout:     600 * time.Second,
		SuccessRate: 75, ExecuteUser: "mysql", Params: s.Params, Batches: []BatchSpec{{Instances: first},
			{Instances: second}}}
}

// canceled was stopped in the middle of its second batch.
func (f *fleet) canceled() TicketSpec {
	s := scripts.Named("kernel_patch")
	return TicketSpec{Scenario: "canceled", Name: s.Name, Creator: demoUser, Age: 5 * time.Hour,
		Timeout: 900 * time.Second, SuccessRate: 100, Params: s.Params,
		Batches: []BatchSpec{{Instances: f.instances(s, 2, home)}, {Instances: f.instances(s, 5, home)},
			{Instances: f.instances(s, 5, home)}},
		// The first batch takes at most 4 min × 1.3 and the dispatch.
		Operations: []PastOperation{{340 * time.Second, Operation{Type: cancelOrder}}}}
}

var creators = []string{demoUser, demoUser, demoUser, demoUser, "manager", "li.na", "chen.wei", "ops-scheduler"}

// old is one of the crowd of the past weeks: most have finished, some were
// cancelled or left abnormal or paused.
func (f *fleet) old(i int) TicketSpec {
	s := scripts.Demo[f.rng.IntN(len(scripts.Demo))]
	region := home
	if f.rng.IntN(4) == 0 {
		region = "ap-southeast-3"
	}
	t := TicketSpec{Name: s.Name, Creator: creators[f.rng.IntN(len(creators))], Timeout: 900 * time.Second,
		Params: s.Params, SuccessRate: []float64{100, 100, 90, 80, 50}[f.rng.IntN(5)],
		Age: 6*time.Hour + time.Duration(i)*16*time.Hour + f.seconds(0, 50000)}
	for range 1 + f.rng.IntN(5) {
		t.Batches = append(t.Batches, BatchSpec{Instances: f.instances(s, 1+f.rng.IntN(8), region)})
	}
	f.shape(&t, s, i%10)
	return t
}

// shape gives every tenth ticket the same fate.
func (f *fleet) shape(t *TicketSpec, s scripts.Script, fate int) {
	first := &t.Batches[0].Instances[0]
	switch fate {
	case 2: // finished with a failure
		t.SuccessRate = 50
		t.Batches[0].Instances = append(t.Batches[0].Instances, f.instances(s, 2, first.Region)...)
		f.fail(s, &t.Batches[0].Instances[0])
	case 3: // cancelled while it ran
		t.Operations = []PastOperation{{4 * time.Second, Operation{Type: cancelOrder}}}
	case 5: // left abnormal
		t.SuccessRate = 100
		f.fail(s, first)
	case 6: // abnormal, then cancelled
		t.SuccessRate = 100
		first.offline(2 * time.Second)
		t.Operations = []PastOperation{{20 * time.Minute, Operation{Type: cancelOrder}}}
	case 8: // abnormal, the batch skipped, the rest finished
		t.SuccessRate = 100
		f.fail(s, first)
		t.Operations = []PastOperation{{20 * time.Minute, Operation{Type: skipBatch, BatchIndex: 1}}}
	case 9: // left paused, or finished when there is one batch
		t.Batches[0].Pause = true
	}
	if fate == 1 {
		t.Name = strings.TrimSuffix(t.Name, "_check") + "_v2"
	}
}
