package cli

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"coc-console/internal/settings"
	"coc-console/internal/simulator"

	"github.com/spf13/cobra"
)

// simulateConfig is what the command simulate can be told.
type simulateConfig struct {
	listen, admin, scenario string
	speed                   float64
	seed                    uint64
	example                 bool
	given                   map[string]bool // not by default
}

// simulateCommand starts the simulator alone, until the context ends.
func (p *commandLine) simulateCommand() *cobra.Command {
	var c simulateConfig
	s := settings.New("simulate")
	f := s.Own
	f.StringVar(&c.listen, "listen", "127.0.0.1:8081", "`ADDRESS` to serve IAM and COC on, over plain http")
	f.StringVar(&c.admin, "admin", "", "`ADDRESS` to steer the simulator at, without credentials; empty: none")
	f.StringVar(&c.scenario, "scenario", "", "`FILE` of accounts, tickets, rules and faults; --example prints one; empty: the demo set")
	f.Float64Var(&c.speed, "speed", 1, "`FACTOR` of simulated time, 0 to 100000; 0 stands still until POST /clock")
	f.Uint64Var(&c.seed, "seed", 0, "`NUMBER` from which follows what is random; same seed and calls, same run")
	f.BoolVar(&c.example, "example", false, "print a scenario file that explains every key, and end")
	return p.command(&cobra.Command{
		Use: "simulate", Short: "Start the simulator of IAM and COC alone, for any client",
		Example: "  coc-console simulate --listen 127.0.0.1:8081\n  coc-console simulate --example > scenario.json\n" +
			"  coc-console simulate --scenario scenario.json --admin 127.0.0.1:8082",
	}, s, func(ctx context.Context, _ []string) error {
		if err := c.check(); err != nil {
			return err
		}
		if c.example {
			_, err := io.WriteString(p.stdout, simulator.ExampleScenario)
			return err
		}
		c.given = map[string]bool{"speed": s.Given("speed"), "seed": s.Given("seed")}
		return c.run(ctx, p.stdout, p.stderr)
	})
}

func (c simulateConfig) check() error {
	if !(c.speed >= 0 && c.speed <= simulator.MaxSpeed) {
		return settings.Wrong("speed", fmt.Sprintf("%v is not a factor from 0 to %d", c.speed, simulator.MaxSpeed))
	}
	for _, address := range []struct{ name, text string }{{"listen", c.listen}, {"admin", cmp.Or(c.admin, c.listen)}} {
		if _, _, err := net.SplitHostPort(address.text); err != nil {
			return settings.Wrong(address.name, fmt.Sprintf("%q is not an address such as 127.0.0.1:8081", address.text))
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
			return s, settings.Wrong("scenario", err.Error())
		}
		if s, err = simulator.ParseScenario(text); err != nil {
			return s, settings.Wrong("scenario", c.scenario+": "+err.Error())
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

// run serves the simulator until ctx ends.
func (c simulateConfig) run(ctx context.Context, stdout, stderr io.Writer) error {
	scenario, err := c.load()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return settings.Wrong("listen", err.Error())
	}
	var admin net.Listener
	if c.admin != "" {
		if admin, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.admin); err != nil {
			return errors.Join(settings.Wrong("admin", err.Error()), listener.Close())
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
func serveSimulator(ctx context.Context, sim *simulator.Simulator, listener, admin net.Listener,
	logger *slog.Logger) error {
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
func announceSimulator(w io.Writer, sim *simulator.Simulator, scenario simulator.Scenario, addr net.Addr,
	admin net.Listener) error {
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

//go:embed simulate.txt
var simulateText string

const adminText = `
Admin: %[1]s
  curl %[1]s/calls; curl %[1]s/tickets; curl %[1]s/faults
  curl %[1]s/clock -H 'Content-Type: application/json' -d '{"step":"5s"}'
  curl -X PUT %[1]s/faults -H 'Content-Type: application/json' \
    -d '{"faults":[{"call":"operate","effect":"reset","late":true,"times":1}]}'
`
