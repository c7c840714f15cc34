package simulator

import (
	_ "embed"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"coc-console/internal/simulator/api"
)

// Scenario is what a scenario file says. ExampleScenario explains every key.
type Scenario struct {
	Seed     uint64       `json:"seed"`
	Start    time.Time    `json:"start"` // of simulated time; zero = the real time
	Speed    *float64     `json:"speed"` // of simulated time, 0..MaxSpeed; nil = 1
	Rules    Rules        `json:"rules"`
	Accounts []Account    `json:"accounts"` // nil = DemoAccounts()
	Demo     bool         `json:"demo"`     // the demo set next to Tickets
	Tickets  []TicketSpec `json:"tickets"`  // nil = the demo set
	Crowd    Crowd        `json:"crowd"`
	Faults   []Fault      `json:"faults"`
}

// ExampleScenario is a scenario file that names every key, with comments.
//
//go:embed testdata/scenario.example.json
var ExampleScenario string

// ParseScenario reads a scenario file: JSON in which lines that begin with //
// are comments. Unknown keys are errors; errors name the line or the place.
func ParseScenario(text []byte) (Scenario, error) {
	var s Scenario
	if err := decodeStrict(text, &s); err != nil {
		return Scenario{}, err
	}
	for i := range s.Tickets {
		s.Tickets[i].complete()
	}
	return s, s.check()
}

// Config is what New makes the scenario of, with a clock of its own.
func (s Scenario) Config() Config {
	speed := 1.0
	if s.Speed != nil {
		speed = *s.Speed
	}
	tickets := s.Tickets
	if s.Demo {
		tickets = append(demoTickets(s.Seed), tickets...)
	}
	return Config{Clock: NewClock(s.Start, speed), Seed: s.Seed, Rules: s.Rules, Accounts: s.Accounts,
		Tickets: tickets, Crowd: s.Crowd, Faults: s.Faults}
}

// complete fills in what every ticket needs and few files want to say.
func (t *TicketSpec) complete() {
	if t.SuccessRate == 0 {
		t.SuccessRate = 100
	}
	if t.Timeout == 0 {
		t.Timeout = 300 * time.Second
	}
	if t.Creator == "" {
		t.Creator = demoUser
	}
	server := 0
	for b := range t.Batches {
		for i := range t.Batches[b].Instances {
			t.Batches[b].Instances[i].complete(server)
			server += max(1, t.Batches[b].Instances[i].Count)
		}
	}
}

func (p *InstanceSpec) complete(number int) {
	if p.Host == "" {
		p.Host = fmt.Sprintf("server-%d", number+1)
	}
	if p.Region == "" {
		p.Region = home
	}
	if p.Zone == "" {
		p.Zone = p.Region + "a"
	}
	if p.IP == "" && p.Count < 2 {
		p.IP = fmt.Sprintf("192.168.0.%d", 10+number%200)
	}
}

// check says what is wrong with a value, and where.
func (s Scenario) check() error {
	if s.Speed != nil && !possibleSpeed(*s.Speed) {
		return errSpeed
	}
	if !s.Start.IsZero() && (s.Start.Year() < 2000 || !s.Start.Before(lastDay)) {
		return fmt.Errorf("start: %v is not in the years 2000 to 2998", s.Start.Format(time.RFC3339))
	}
	if s.Rules.EffectDelay > time.Hour || s.Rules.ScheduleDelay > time.Hour {
		return fmt.Errorf("rules: a delay is at most 1h")
	}
	if c := s.Crowd; c.Tickets < 0 || c.Tickets > MaxCrowd || c.Instances < 0 || c.Instances > maxInstances {
		return fmt.Errorf("crowd: up to %d tickets of up to %d instances are possible", MaxCrowd, maxInstances)
	}
	if err := checkAccounts(s.Accounts); err != nil {
		return err
	}
	for i, t := range s.Tickets {
		if err := t.check(); err != nil {
			return fmt.Errorf("tickets: number %d, %q: %w", i+1, t.Name, err)
		}
	}
	return checkFaults(s.Faults)
}

// maxTokenSize keeps a token in one header, of which the gateway takes 32 KB
// (docs/coc-api.md section 11).
const maxTokenSize = 32_000

func checkAccounts(accounts []Account) error {
	names, keys := map[string]bool{}, map[string]bool{}
	once := func(seen map[string]bool, name string) bool {
		fresh := name != "" && !seen[name]
		seen[name] = true
		return fresh
	}
	for _, a := range accounts {
		if !once(names, a.Name) {
			return fmt.Errorf("accounts: the name %q is empty or there twice", a.Name)
		}
		for _, u := range a.Users {
			switch {
			case !once(names, a.Name+"/"+u.Name) || u.Name == "":
				return fmt.Errorf("account %q: the user name %q is empty or there twice", a.Name, u.Name)
			case u.TokenSize < 0 || u.TokenSize > maxTokenSize:
				return fmt.Errorf("user %q: token_size is at most %d", u.Name, maxTokenSize)
			case u.TokenLife < 0 || u.TokenLife > MaxStep:
				return fmt.Errorf("user %q: token_life is a time up to 87600h", u.Name)
			}
			for _, k := range u.Keys {
				if !once(keys, k.ID) || k.Secret == "" {
					return fmt.Errorf("user %q: the access key %q is without id or secret, or there twice", u.Name,
						k.ID)
				}
			}
		}
	}
	return nil
}

// check holds a ticket against the limits of docs/coc-api.md section 11.
func (t TicketSpec) check() error {
	name, servers := utf8.RuneCountInString(t.Name), 0
	switch {
	case name < 1 || name > 64:
		return fmt.Errorf("name has 1 to 64 characters")
	case t.Age < 0 || t.Age > MaxStep:
		return fmt.Errorf("age is a time up to 87600h")
	case t.Timeout <= 5*time.Second || t.Timeout >= 1800*time.Second:
		return fmt.Errorf("timeout is more than 5s and less than 1800s")
	case !(t.SuccessRate >= 1 && t.SuccessRate <= 100):
		return fmt.Errorf("success_rate is 1 to 100")
	case len(t.Batches) < 1 || len(t.Batches) > 20:
		return fmt.Errorf("there are 1 to 20 batches")
	}
	ids := map[int64]bool{}
	for i, b := range t.Batches {
		n, err := b.check(ids)
		if servers += n; err != nil {
			return fmt.Errorf("batch %d: %w", i+1, err)
		}
	}
	if servers > maxInstances {
		return fmt.Errorf("there are at most %d instances", maxInstances)
	}
	for _, op := range t.Operations {
		if !slices.Contains(operations, op.Type) || op.After < 0 || op.After > MaxStep {
			return fmt.Errorf("operations: %q after %v is not possible", op.Type, op.After)
		}
	}
	return nil
}

// maxSpecLog bounds a log that a scenario gives: above the 1 MB of real scripts,
// so that clients can be tried with longer ones.
const maxSpecLog = 4 << 20

func (b BatchSpec) check(ids map[int64]bool) (servers int, err error) {
	for _, p := range b.Instances {
		servers += max(1, p.Count)
		switch {
		case p.Dispatch < 0 || p.Run < 0 || p.Dispatch > MaxStep || p.Run > MaxStep || p.Count < 0 ||
			p.Count > maxBatch || p.ID < 0:
			return 0, fmt.Errorf("%q: dispatch, run, count and id are not negative, a time is up to 87600h, count up to 10", p.Host)
		case len(p.Log) > maxSpecLog:
			return 0, fmt.Errorf("%q: a log has at most 4 MiB", p.Host)
		}
		if p.ID > api.Never-maxBatch && p.Count > 1 {
			return 0, fmt.Errorf("%q: ids end at %d", p.Host, int64(api.Never))
		}
		for i := range int64(max(1, p.Count)) {
			if ids[p.ID+i] {
				return 0, fmt.Errorf("%q: the id %d is there twice", p.Host, p.ID+i)
			}
			if p.ID > 0 {
				ids[p.ID+i] = true
			}
		}
	}
	if servers < 1 || servers > maxBatch {
		return 0, fmt.Errorf("there are 1 to %d instances", maxBatch)
	}
	return servers, nil
}

// maxFaults bounds what every call is held against.
const maxFaults = 1000

func checkFaults(faults []Fault) error {
	if len(faults) > maxFaults {
		return fmt.Errorf("faults: there are at most %d", maxFaults)
	}
	for i, f := range faults {
		longest := max(f.Delay, f.Tail, f.Pace)
		switch {
		case f.Status != 0 && (f.Status < 200 || f.Status > 599):
			return fmt.Errorf("fault %d: status is 200 to 599", i+1)
		case !(f.Probability >= 0 && f.Probability <= 1):
			return fmt.Errorf("fault %d: probability is 0 to 1", i+1)
		case f.Skew.Abs() > maxSkewed:
			return fmt.Errorf("fault %d: a skew is at most %v", i+1, maxSkewed)
		case f.Times < 0 || min(f.Delay, f.Tail, f.Pace) < 0 || longest > time.Hour:
			return fmt.Errorf("fault %d: times and times to wait are not negative, and at most 1h", i+1)
		}
	}
	return nil
}

// maxSkewed bounds how far a clock is off: some clients live by years.
const maxSkewed = 100_000 * time.Hour
