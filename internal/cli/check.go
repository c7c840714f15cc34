package cli

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"coc-console/internal/cli/output"
	"coc-console/internal/clock"
	"coc-console/internal/database"
	"coc-console/internal/iam"
	"coc-console/internal/policy"
	"coc-console/internal/preflight"
	"coc-console/internal/settings"
	"coc-console/web"

	"github.com/spf13/cobra"
)

// checkConfig is what check is told besides the settings of the console.
type checkConfig struct {
	user, passwordFile, passcode, format string
	sendTests                            bool
}

// checkCommand tries whatever the console needs, and changes nothing.
func (p *commandLine) checkCommand() *cobra.Command {
	cfg := config{getenv: p.getenv}
	var with checkConfig
	s := consoleSettings(&cfg)
	s.Options.StringVar(&with.user, "user", "", "`ACCOUNT/USER` with whom a sign-in and COC's list are tried; empty: the user of --service-user, if there is one")
	s.Options.StringVar(&with.passwordFile, "password-file", "", "`FILE` with that user's password in its first line")
	s.Options.StringVar(&with.passcode, "passcode", "", "`CODE` of that user's second factor")
	s.Options.BoolVar(&with.sendTests, "send-tests", false, "send a test message to each target of --notices")
	output.FormatOption(s, &with.format)
	return p.command(&cobra.Command{
		Use: "check", Short: "Try what the console needs, from outside in, and say what to do",
		Long: "Try what the console needs, from outside in, and say what to do: settings, address, certificate, proxies before a console that runs (--url), IAM, COC, clocks,\n" +
			"the company's provider, databases, disk, keys, policies; with a user a sign-in and COC's list, too, and with --send-tests where people are told. It changes nothing, and works beside a running console.\n" +
			"Run it as the console's user, with its settings. Exit status: 0 nothing failed, 1 something did.",
		Example: "  coc-console check --config /etc/coc-console/config.yaml\n" +
			"  coc-console check --config /etc/coc-console/config.yaml --user my-account/alice --password-file pw --format json",
	}, s, func(ctx context.Context, _ []string) error {
		cfg.complete()
		checks, closeAll, err := cfg.checks(with)
		if err != nil {
			return err
		}
		found := preflight.Run(ctx, checks...)
		failed := preflight.Count(found, preflight.Failed)
		err = output.Print(p.stdout, with.format, map[string]any{"ok": failed == 0, "checks": found},
			func() string { return preflight.Text(found) })
		if err := errors.Join(err, closeAll()); err != nil {
			return err
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d checks failed", failed, len(found))
		}
		return nil
	})
}

// checks are what check does, in its order. What was opened for them is closed by the function.
func (c config) checks(with checkConfig) ([]preflight.Check, func() error, error) {
	var open closers
	valid := c.check()
	all := []preflight.Check{always(preflight.Of("settings", "serve takes them", valid, "coc-console config shows where each comes from")),
		preflight.Address("listen", c.listen)}
	for name, address := range map[string]string{"metrics-listen": c.metricsListen, "http-redirect": c.tls.redirect} {
		if address != "" {
			all = append(all, preflight.Address(name, address))
		}
	}
	if c.tls.files.Cert != "" {
		all = append(all, preflight.Certificate(c.tls.files.Cert, c.tls.files.Key, c.outside.Host(), time.Now()))
	}
	if authority := c.tls.authority; authority.Email != "" {
		if roots, err := authority.Roots(); err == nil { // else the settings say so
			network := c.network()
			network.Roots = roots
			all = append(all, network.Authority(authority.Directory))
		}
	}
	if c.outside.Origin != "" {
		all = append(all, c.checkOutside())
	}
	cloud, err := c.checkCloud(with, &open)
	if err != nil {
		return nil, nil, errors.Join(err, open.close())
	}
	all = append(all, cloud...)
	stores := preflight.Stores{Data: c.data, Database: c.database}
	all = append(all, stores.Databases, c.checkLog, stores.Disk,
		stores.Key(preflight.Key{Check: "session key", Setting: "session-key-file", Path: c.sessionKeyFile, Size: web.KeySize,
			Named: !c.inData(c.sessionKeyFile)}),
		stores.Key(preflight.Key{Check: "log key", Setting: "audit-key-file", Path: c.auditKeyFile, Size: ed25519.SeedSize,
			Named: !c.inData(c.auditKeyFile)}),
		c.checkPolicies, c.checkNotices(with.sendTests))
	if c.anchorFile != "" {
		all = append(all, preflight.AnchorFile(c.anchorFile))
	}
	if c.anchorWebhook != "" {
		all = append(all, c.network().AnchorWebhook(c.anchorWebhook))
	}
	return all, open.close, nil
}

// checkOutside asks a console that runs by the address that people have.
func (c config) checkOutside() preflight.Check {
	if _, err := os.Stat(c.sessionKeyFile); err != nil {
		return always(preflight.Skip("url", "there is no session key yet: start the console first"))
	}
	key, err := probeKey(c)
	if err != nil {
		return always(preflight.Skip("url", "the session key can't be read"))
	}
	return c.network().Outside(preflight.Outside{At: c.outside, Key: key, Trusted: c.trustedProxies})
}

func (c config) network() preflight.Network {
	return preflight.Network{ConnectTimeout: c.connectTimeout, CallTimeout: c.callTimeout, Now: time.Now}
}

func always(r preflight.Result) preflight.Check {
	return func(context.Context) []preflight.Result { return []preflight.Result{r} }
}

// checkCloud are the checks of what is reached over the network.
func (c config) checkCloud(with checkConfig, open *closers) ([]preflight.Check, error) {
	network := c.network()
	var all []preflight.Check
	for _, p := range c.oidc.all() {
		all = append(all, network.Discovery(p.Issuer))
	}
	if c.cocEndpoint == "" || c.iamEndpoint == "" {
		const why = "there are no endpoints: the console would run on its simulator"
		return append(all, always(preflight.Skip("iam, coc", why)), always(preflight.Skip("sign-in", why))), nil
	}
	for _, s := range []preflight.Service{
		{Name: "iam", Setting: "iam-endpoint", URL: c.iamEndpoint, Path: "/v3/auth/tokens"},
		{Name: "coc", Setting: "coc-endpoint", URL: c.cocEndpoint, Path: "/v1/job/script/orders?limit=1"},
	} {
		all = append(all, network.Service(s))
	}
	person, err := c.checkPerson(with)
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.DiscardHandler)
	tickets, identities, err := clients(c, web.NewMetrics(), clock.New(time.Now, logger), logger, open)
	if err != nil {
		skipped := always(preflight.Skip("sign-in", "an endpoint is not valid"))
		return append(all, skipped), nil //nolint:nilerr // the settings say so
	}
	for _, p := range c.oidc.all() {
		all = append(all, preflight.Exchange(p.IDP, c.project, identities))
	}
	if person.User == "" {
		return append(all, always(preflight.Skip("sign-in", "no user is given: see --user and --password-file"))), nil
	}
	return append(all, preflight.SignIn(person, identities, tickets)), nil
}

// checkPerson is whom a sign-in is tried with: the one who is named, else the console's own user.
func (c config) checkPerson(with checkConfig) (preflight.Person, error) {
	name, file := with.user, with.passwordFile
	if name == "" && file == "" {
		name, file = c.serviceUser, c.servicePasswordFile
	}
	if name == "" && file == "" {
		return preflight.Person{}, nil
	}
	account, user, ok := strings.Cut(name, "/")
	if !ok || account == "" || user == "" || file == "" {
		return preflight.Person{}, settings.Wrong("user", "is ACCOUNT/USER, and goes with --password-file")
	}
	password, err := settings.ReadPassword(file)
	if err != nil {
		return preflight.Person{}, settings.Wrong("password-file", err.Error())
	}
	keys := slices.ContainsFunc(c.oidc.all(), func(p oidcProvider) bool { return p.Exchange == exchangeKeys })
	return preflight.Person{UserProfile: c.userProfile, Keys: keys, PasswordRequest: iam.PasswordRequest{Account: account, User: user, Password: password,
		Project: c.project, Passcode: with.passcode}}, nil
}

// checkLog looks whether the log is the one that this folder had, and no demo's.
func (c config) checkLog(ctx context.Context) []preflight.Result {
	const check, well = "log", "all of it is there, as far as the folder tells"
	if c.database == "" {
		k := keptLog{config: c}
		if _, err := k.read(ctx); err != nil {
			return []preflight.Result{preflight.Of(check, "", err, "this user has to be able to read --data")}
		}
		if why, _ := k.missing(); why != "" {
			return []preflight.Result{preflight.Of(check, "", &missingLogError{why}, "put audit.db-wal beside it, or restore a backup: docs/operations.md, The data folder")}
		}
	}
	origin, empty, err := presentLog(ctx, c)
	if err != nil && c.database != "" {
		return []preflight.Result{preflight.Skip(check, "the database can't be read")}
	}
	if err == nil && c.simulated() {
		err = admitDemo(ctx, c)
	} else if err == nil && !empty {
		err = refuseDemo(ctx, c, origin)
	}
	do := "see --data and --database"
	if errors.Is(err, database.ErrDamagedFile) {
		do = "docs/operations.md, Backup and restore"
	}
	return []preflight.Result{preflight.Of(check, well, err, do)}
}

// checkPolicies reads the policy files.
func (c config) checkPolicies(context.Context) []preflight.Result {
	rules, err := policy.Load(policyFiles(c, c.simulated()))
	const check, do = "policies", "coc-console policy check says more"
	all := []preflight.Result{preflight.Of(check, "they are well formed", err, do)}
	if err != nil {
		return all
	}
	for _, w := range rules.Warnings() {
		all = append(all, preflight.Result{Check: check, State: preflight.Warning, Text: w, Do: do})
	}
	return all
}
