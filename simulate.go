package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"coc-console/internal/simulator"
)

// simulateConfig is what the command simulate can be told.
type simulateConfig struct {
	listen, admin, scenario string
	speed                   float64
	seed                    uint64
	example                 bool
	given                   map[string]bool // by flag or variable
}

const simulatePrefix = envPrefix + "SIMULATE_"

// simulateEnvName is the variable of one of the command's flags.
func simulateEnvName(flagName string) string { return simulatePrefix + strings.ToUpper(flagName) }

func simulateFlags(c *simulateConfig) *flag.FlagSet {
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.listen, "listen", "127.0.0.1:8081", "`ADDRESS` to serve IAM and COC on, over plain http")
	f.StringVar(&c.admin, "admin", "", "`ADDRESS` to steer the simulator at, without credentials; empty: none")
	f.StringVar(&c.scenario, "scenario", "", "`FILE` of accounts, tickets, rules and faults; --example prints one; empty: the demo set")
	f.Float64Var(&c.speed, "speed", 1, "`FACTOR` of simulated time, 0 to 100000; 0 stands still until POST /clock")
	f.Uint64Var(&c.seed, "seed", 0, "`NUMBER` from which follows what is random; same seed and calls, same run")
	f.BoolVar(&c.example, "example", false, "print a scenario file that explains every key, and end")
	return f
}

func parseSimulate(args []string, getenv func(string) string) (simulateConfig, error) {
	c := simulateConfig{given: map[string]bool{}}
	f := simulateFlags(&c)
	var bad error
	f.VisitAll(func(s *flag.Flag) {
		v := getenv(simulateEnvName(s.Name))
		if v == "" || bad != nil {
			return
		}
		if err := f.Set(s.Name, v); err != nil {
			bad = &settingError{s.Name, fmt.Sprintf("%s has a wrong value %q", simulateEnvName(s.Name), v)}
		}
	})
	if bad != nil {
		return c, bad
	}
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return c, errHelp
	case err != nil:
		return c, errors.New(strings.ReplaceAll(err.Error(), "flag provided but not defined: -", "there is no setting --"))
	case f.NArg() > 0:
		return c, fmt.Errorf("simulate has no setting %q; see coc-console help", f.Arg(0))
	}
	f.Visit(func(s *flag.Flag) { c.given[s.Name] = true })
	return c, c.check()
}

func (c simulateConfig) check() error {
	if !(c.speed >= 0 && c.speed <= simulator.MaxSpeed) {
		return &settingError{"speed", fmt.Sprintf("%v is not a factor from 0 to %d", c.speed, simulator.MaxSpeed)}
	}
	for _, address := range []struct{ name, text string }{{"listen", c.listen}, {"admin", cmp.Or(c.admin, c.listen)}} {
		if _, _, err := net.SplitHostPort(address.text); err != nil {
			return &settingError{address.name, fmt.Sprintf("%q is not an address such as 127.0.0.1:8081", address.text)}
		}
	}
	return nil
}

// load reads the scenario; flags and variables win over it.
func (c simulateConfig) load() (simulator.Scenario, error) {
	var s simulator.Scenario
	if c.scenario != "" {
		text, err := os.ReadFile(c.scenario)
		if err != nil {
			return s, &settingError{"scenario", err.Error()}
		}
		if s, err = simulator.ParseScenario(text); err != nil {
			return s, &settingError{"scenario", c.scenario + ": " + err.Error()}
		}
	}
	if c.given["speed"] || s.Speed == nil {
		s.Speed = &c.speed
	}
	if c.given["seed"] {
		s.Seed = c.seed
	}
	return s, nil
}

// runSimulate is the command simulate: the simulator alone, until ctx ends.
func runSimulate(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	c, err := parseSimulate(args, getenv)
	switch {
	case errors.Is(err, errHelp):
		_, err = io.WriteString(stdout, help())
		return err
	case err != nil:
		return err
	case c.example:
		_, err = io.WriteString(stdout, simulator.ExampleScenario)
		return err
	}
	scenario, err := c.load()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return &settingError{"listen", err.Error()}
	}
	var admin net.Listener
	if c.admin != "" {
		if admin, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.admin); err != nil {
			return errors.Join(&settingError{"admin", err.Error()}, listener.Close())
		}
	}
	sim := simulator.New(scenario.Config())
	if err := announceSimulator(stdout, sim, scenario, listener.Addr(), admin); err != nil {
		return err
	}
	return serveSimulator(ctx, sim, listener, admin, slog.New(slog.NewTextHandler(stderr, nil)))
}

// simulatorHeader is what net/http reads of headers: more than the gateway
// takes in one, so that the simulator refuses that itself.
const simulatorHeader = 160 << 10

// serveSimulator serves both addresses until ctx ends or one of them fails.
func serveSimulator(ctx context.Context, sim *simulator.Simulator, listener, admin net.Listener, logger *slog.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	serve := func(h http.Handler, l net.Listener) error {
		defer stop()
		server := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
			MaxHeaderBytes: simulatorHeader, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
		return serveUntil(ctx, server, l, logger)
	}
	if admin == nil {
		return serve(sim.Handler(), listener)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(sim.AdminHandler(), admin) }()
	return errors.Join(serve(sim.Handler(), listener), <-ended)
}

// announceSimulator prints how to point clients at the simulator.
func announceSimulator(w io.Writer, sim *simulator.Simulator, scenario simulator.Scenario, addr net.Addr, admin net.Listener) error {
	account, user, key := firstUser(scenario.Accounts)
	project := cmp.Or(append(account.Projects, "")...)
	text := strings.NewReplacer("{url}", "http://"+addr.String(), "{account}", account.Name, "{user}", user.Name,
		"{password}", user.Password, "{project}", project, "{ak}", key.ID, "{sk}", key.Secret).Replace(simulateText)
	if admin != nil {
		text += fmt.Sprintf(adminText, "http://"+admin.Addr().String())
	}
	_, err := fmt.Fprintf(w, "%s\n%d tickets\n", text, sim.Size())
	return err
}

// firstUser is the first user with an access key, whom the examples use.
func firstUser(accounts []simulator.Account) (simulator.Account, simulator.User, simulator.AccessKey) {
	if accounts == nil {
		accounts = simulator.DemoAccounts()
	}
	for _, a := range accounts {
		for _, u := range a.Users {
			for _, k := range u.Keys {
				if k.SecurityToken == "" && u.Passcode == "" && !u.Locked {
					return a, u, k
				}
			}
		}
	}
	return simulator.Account{Name: "ACCOUNT"}, simulator.User{Name: "USER", Password: "PASSWORD"},
		simulator.AccessKey{ID: "ACCESS_KEY", Secret: "SECRET_KEY"}
}

const simulateText = `IAM and COC, simulated: {url}

The console:
  coc-console serve --coc-endpoint {url} --iam-endpoint {url}
  and sign in with account {account}, user {user}, password {password}

curl, with a token:
  token=$(curl -s -D - -o /dev/null '{url}/v3/auth/tokens' -H 'Content-Type: application/json' -d '{"auth":{"identity":
    {"methods":["password"],"password":{"user":{"name":"{user}","password":"{password}","domain":{"name":"{account}"}}}},
    "scope":{"project":{"name":"{project}"}}}}' | tr -d '\r' | sed -n 's/^X-Subject-Token: //p')
  curl '{url}/v1/job/script/orders?limit=10' -H "X-Auth-Token: $token"

curl, with an access key:
  date=$(date -u +%Y%m%dT%H%M%SZ); empty=$(printf '' | openssl dgst -sha256 -r | cut -c 1-64)
  request=$(printf 'GET\n/v1/job/script/orders/\nlimit=10\nx-sdk-date:%s\n\nx-sdk-date\n%s' "$date" "$empty" | openssl dgst -sha256 -r | cut -c 1-64)
  signature=$(printf 'SDK-HMAC-SHA256\n%s\n%s' "$date" "$request" | openssl dgst -sha256 -r -hmac '{sk}' | cut -c 1-64)
  curl '{url}/v1/job/script/orders?limit=10' -H "X-Sdk-Date: $date" \
    -H "Authorization: SDK-HMAC-SHA256 Access={ak}, SignedHeaders=x-sdk-date, Signature=$signature"

The vendor's SDK for Go:
  key, err := global.NewCredentialsBuilder().WithAk("{ak}").WithSk("{sk}").
    WithIamEndpointOverride("{url}").SafeBuild()
  http, err := coc.CocClientBuilder().WithCredential(key).WithEndpoints([]string{"{url}"}).SafeBuild()
  client := coc.NewCocClient(http)

Terraform:
  provider "huaweicloud" {
    region     = "{project}"
    access_key = "{ak}"
    secret_key = "{sk}"
    auth_url   = "{url}/v3"
    endpoints = {
      iam = "{url}/"
      coc = "{url}/"
    }
  }
`

const adminText = `
Admin: %[1]s
  curl %[1]s/calls; curl %[1]s/tickets; curl %[1]s/faults
  curl %[1]s/clock -H 'Content-Type: application/json' -d '{"step":"5s"}'
  curl -X PUT %[1]s/faults -H 'Content-Type: application/json' \
    -d '{"faults":[{"call":"operate","effect":"reset","late":true,"times":1}]}'
`
