package simulator

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestExampleScenario(t *testing.T) {
	sc, err := ParseScenario([]byte(ExampleScenario))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOfType(reflect.TypeFor[Scenario](), map[reflect.Type]bool{}) {
		if !strings.Contains(ExampleScenario, `"`+key+`":`) {
			t.Errorf("the example does not show %q", key)
		}
	}
	if sc.Rules.effectDelay() != (Rules{}).effectDelay() || sc.Rules.scheduleDelay() != (Rules{}).scheduleDelay() {
		t.Errorf("the example's rules are not the defaults: %+v", sc.Rules)
	}
	for _, e := range effectNames {
		if !strings.Contains(ExampleScenario, e) {
			t.Errorf("the example does not name the effect %q", e)
		}
	}
	cfg := sc.Config()
	if now := cfg.Clock.Now(); now.Sub(sc.Start) > time.Hour || now.Before(sc.Start) {
		t.Errorf("it starts at %v", now)
	}
	w := newWorld(t, cfg)
	if w.Size() != 1001 || len(w.faults) != 5 {
		t.Errorf("%d tickets, %d faults", w.Size(), len(w.faults))
	}
	rollout := w.byUUID[w.UUID("rollout")]
	if hosts := rollout.batches[1].rows; len(hosts) != 8 || hosts[0].plan.Host != "app-1" || hosts[7].plan.Host != "app-8" ||
		hosts[0].plan.IP == hosts[1].plan.IP || hosts[0].plan.Region != home || hosts[0].plan.Zone != home+"a" {
		t.Errorf("%+v", hosts[0].plan)
	}
	if rollout.batches[0].rows[0].id != 40400001 || rollout.current != 2 || rollout.status != processing {
		t.Errorf("%s in batch %d", rollout.status, rollout.current)
	}
	r := w.send("POST", "/v3/auth/tokens", strings.NewReplacer("demo", "acme").Replace(signInJSON("alice", "correct horse", cnNorth, "")), nil)
	if r.status != 201 || !strings.Contains(r.body, `"roles":[{"id":"0","name":"te_admin"}]`) {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// keysOfType are all keys that may occur in a value of a type.
func keysOfType(t reflect.Type, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || seen[t] {
		return nil
	}
	seen[t] = true
	var keys []string
	for f := range t.Fields() {
		if name := f.Tag.Get("json"); name != "" && name != "-" {
			keys = append(keys, name)
		}
		keys = append(keys, keysOfType(f.Type, seen)...)
	}
	return keys
}

func TestScenarioMistakes(t *testing.T) {
	ticket := func(change string) string {
		return `{"tickets":[{"name":"a",` + change + `"batches":[{"instances":[{}]}]}]}`
	}
	batches := func(text string) string { return `{"tickets":[{"name":"a","batches":` + text + `}]}` }
	tests := []struct{ text, want string }{
		{"", "line 1: it ends in the middle"},
		{"{", "line 1: it ends in the middle"},
		{"{}\n{}", "line 2: there is more behind the end"},
		{"{}\n]", "there is more behind the end"},
		{"[]", "line 1: an object is wanted here"},
		{"// x\n{\n// y\n\"sed\": 1}", `line 4: there is no key "sed" here, but accounts, crowd, demo,`},
		{"{\"seed\": 1,\n\"seed\": 2}", `line 2: "seed" is there twice`},
		{"{\n\"seed\": null}", "line 2: null means nothing here"},
		{`{"seed": -1}`, "-1 is not a number that fits here"},
		{`{"seed": "1"}`, "1 is not a number that fits here"},
		{`{"seed": 1.5}`, "not a number that fits"},
		{`{"speed": "fast"}`, "not a number that fits"},
		{`{"speed": -1}`, "the speed is a number from 0"},
		{`{"demo": 1}`, "a bool is wanted here"},
		{`{"demo": true,}`, "line 1: this is not JSON"},
		{`{"start": "tomorrow"}`, "line 1: parsing time"},
		{`{"start": 5}`, "a text is wanted here"},
		{`{"start": "1970-01-01T00:00:00Z"}`, "not in the years"},
		{`{"rules": {"effect_delay": 5}}`, `5 is not a time such as "1m30s"`},
		{`{"rules": {"effect_delay": "2h"}}`, "a delay is at most 1h"},
		{`{"rules": {"stop_erly": true}}`, `there is no key "stop_erly" here`},
		{`{"crowd": {"tickets": 100001}}`, "crowd: up to"},
		{`{"crowd": {"instances": 201}}`, "crowd: up to"},
		{`{"accounts": {}}`, "a list is wanted here"},
		{`{"accounts": [{"users": []}]}`, `the name "" is empty`},
		{`{"accounts": [{"name":"a"},{"name":"a"}]}`, `"a" is empty or there twice`},
		{`{"accounts": [{"name":"a","users":[{"name":"u"},{"name":"u"}]}]}`, `user name "u" is empty or there twice`},
		{`{"accounts": [{"name":"a","users":[{"name":"u","token_size":50000}]}]}`, "token_size is at most"},
		{`{"accounts": [{"name":"a","users":[{"name":"u","token_life":"-1s"}]}]}`, "token_life is"},
		{`{"accounts": [{"name":"a","users":[{"name":"u","keys":[{"id":"k"}]}]}]}`, `access key "k" is without id or secret`},
		{`{"tickets":[{}]}`, "name has 1 to 64"},
		{ticket(`"age":"-1s",`), "age is"},
		{ticket(`"timeout":"5s",`), "timeout is"},
		{ticket(`"success_rate":0.5,`), "success_rate is"},
		{ticket(`"operations":[{"operation_type":"RETRY"}],`), `operations: "RETRY"`},
		{batches(`[]`), "1 to 20 batches"},
		{batches(`[{"instances":[]}]`), "batch 1: there are 1 to 10 instances"},
		{batches(`[{"instances":[{"count":10},{}]}]`), "1 to 10 instances"},
		{batches(`[{"instances":[{"run":"-1s"}]}]`), "are not negative"},
		{batches(`[{"instances":[{"id":5,"count":3},{"id":7}]}]`), "the id 7 is there twice"},
		{batches(`[{"instances":[{"id":9223372036854775807,"count":3}]}]`), "ids end at"},
		{`{"faults":[{"call":"oprate"}]}`, `"oprate" is none of analyze-script, any, any-coc, `},
		{`{"faults":[{"effect":"explode"}]}`, `"explode" is none of bare-refresh, clock-skew, drip, `},
		{`{"faults":[{"status":100}]}`, "fault 1: status is 200 to 599"},
		{`{"faults":[{"probability":1.1}]}`, "probability is 0 to 1"},
		{`{"faults":[{"times":-1}]}`, "not negative"},
		{`{"faults":[{"delay":"2h"}]}`, "at most 1h"},
		{`{"faults":[` + strings.TrimSuffix(strings.Repeat("{},", maxFaults+1), ",") + `]}`, "at most 1000"},
	}
	for _, test := range tests {
		t.Run(test.text[:min(60, len(test.text))], func(t *testing.T) {
			_, err := ParseScenario([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

func TestScenarioDefaults(t *testing.T) {
	for text, size := range map[string]int{`{}`: 68, `{"tickets":[]}`: 0, `{"demo":true,"tickets":[]}`: 68,
		`{"crowd":{"tickets":5}}`: 73, `{"tickets":[],"crowd":{"tickets":5}}`: 5} {
		sc, err := ParseScenario([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := New(sc.Config()).Size(); got != size {
			t.Errorf("%s: %d tickets, want %d", text, got, size)
		}
	}
}

// TestTokenLife: an account's tokens may end sooner.
func TestTokenLife(t *testing.T) {
	accounts := DemoAccounts()
	accounts[0].Users[0].TokenLife = 10 * time.Minute
	w := newWorld(t, Config{Accounts: accounts})
	token := w.signIn("operator")
	w.step(10*time.Minute - time.Microsecond)
	w.get(token, orders, &listBody{})
	w.step(time.Microsecond)
	w.coc(token, "GET", orders, "").is(t, 401, "APIGW.0301", "token expires, expires_at: 2026-03-02T09:25:14.000000Z")
}

func FuzzParseScenario(f *testing.F) {
	f.Add(ExampleScenario)
	f.Add(`{"tickets":[{"name":"a","batches":[{"pause":true,"instances":[{"count":3,"run":"1h","id":9223372036854775807}]}]}]}`)
	f.Add(`{"faults":[{"call":"any","effect":"drip"}],"rules":{"effect_delay":"-1s"}}`)
	f.Add("// x\n{\"seed\":1,\n\"speed\":0}")
	f.Fuzz(func(t *testing.T, text string) {
		sc, err := ParseScenario([]byte(text))
		if err != nil || sc.Crowd.Tickets > 20 {
			return
		}
		cfg := sc.Config()
		if cfg.Tickets == nil {
			cfg.Tickets = []TicketSpec{}
		}
		if got := New(cfg).Tickets(); len(got) != len(cfg.Tickets)+sc.Crowd.Tickets {
			t.Errorf("%d tickets", len(got))
		}
	})
}
