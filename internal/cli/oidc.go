package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"time"

	"coc-console/audit"
	"coc-console/internal/clock"
	"coc-console/internal/company"
	"coc-console/internal/database"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/policy"
	"coc-console/internal/settings"
	"coc-console/internal/simulator"
	"coc-console/web"

	"github.com/spf13/pflag"
)

// oidcConfig says how people sign in with their companies' accounts.
type oidcConfig struct {
	oidcProvider // of the flags; without an issuer there is none

	file string
	more []oidcProvider // of the file
	why  error          // why it can't be read
}

// oidcProvider is a company's. The file has it in these words.
type oidcProvider struct {
	Name         string   `yaml:"name"`
	Label        string   `yaml:"label"`
	Issuer       string   `yaml:"issuer"`
	ClientID     string   `yaml:"client-id"`
	SecretFile   string   `yaml:"client-secret-file"`
	Scopes       []string `yaml:"scopes"`
	GroupsClaim  string   `yaml:"groups-claim"`
	GroupsPrefix string   `yaml:"groups-prefix"`
	IDP          string   `yaml:"idp"`
	Exchange     string   `yaml:"exchange"`

	demo bool // the simulator's
}

func (c *oidcConfig) define(f *pflag.FlagSet) {
	f.StringVar(&c.Issuer, "oidc-issuer", "", "`URL` of the company's OpenID Connect provider, as it calls itself, so that people sign in with the company's account (docs/company-sign-in.md); empty: at IAM alone")
	f.StringVar(&c.ClientID, "oidc-client-id", "", "`ID` under which the console is registered at the provider, and the provider at IAM")
	f.StringVar(&c.SecretFile, "oidc-client-secret-file", "", "`FILE` with the client's secret in its first line; empty: a public client, which PKCE alone protects")
	settings.ListVar(f, &c.Scopes, "oidc-scopes", "`LIST` of scopes to ask the provider for besides openid, separated by commas; with offline_access sessions are renewed", nil)
	f.StringVar(&c.GroupsClaim, "oidc-groups-claim", "", "`NAME` of the claim with a person's groups, which the directory names as group: members of roles and teams; empty: groups count for nothing")
	settings.ChoiceVar(f, &c.Exchange, "oidc-exchange", "`WAY` in which IAM takes an ID token: token, which gives a token of the project, or keys, which gives temporary keys that sign each call", exchangeToken, exchangeKeys)
	f.StringVar(&c.IDP, "oidc-idp", "", "`NAME` of the identity provider at IAM that stands for the company's")
	f.StringVar(&c.file, "oidc-providers", "", "`FILE` in YAML with several providers, each with a button of its own on the sign-in page (docs/company-sign-in.md), besides that of --oidc-issuer")
}

// The values of --oidc-exchange.
const (
	exchangeToken = "token"
	exchangeKeys  = "keys"
)

func (c *oidcConfig) check() error {
	if c.Issuer == "" {
		for name, value := range map[string]string{"oidc-client-id": c.ClientID, "oidc-client-secret-file": c.SecretFile,
			"oidc-idp": c.IDP} {
			if value != "" {
				return settings.Wrong(name, "goes with --oidc-issuer")
			}
		}
	}
	if setting, why := c.wrong(); why != "" && (c.Issuer != "" || setting == "exchange") {
		return settings.Wrong("oidc-"+setting, why)
	}
	if c.why != nil {
		return settings.Wrong("oidc-providers", c.why.Error())
	}
	return nil
}

// wrong is the setting of a provider that can't be, and why.
func (p *oidcProvider) wrong() (setting, why string) {
	if p.Exchange != exchangeToken && p.Exchange != exchangeKeys {
		return "exchange", "is token or keys"
	}
	if _, err := huawei.ParseEndpoint(p.Issuer); err != nil {
		return "issuer", err.Error()
	}
	if p.ClientID == "" {
		return "client-id", "is needed: the ID under which the console is registered at the provider"
	}
	if p.IDP == "" {
		return "idp", "is needed: the name of the identity provider at IAM"
	}
	if p.SecretFile != "" {
		if _, err := settings.ReadPassword(p.SecretFile); err != nil {
			return "client-secret-file", err.Error()
		}
	}
	return "", ""
}

// providerName is what tells a provider from others, in settings and in sessions.
var providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// maxProviders bounds the buttons on the sign-in page.
const maxProviders = 10

// complete reads the file. What is wrong with it is said by check.
func (c *oidcConfig) complete() {
	if c.file != "" {
		c.why = c.read()
	}
}

func (c *oidcConfig) read() error {
	var in struct {
		Providers []oidcProvider `yaml:"providers"`
	}
	if err := settings.ReadYAML(c.file, &in); err != nil {
		return err
	}
	if len(in.Providers) == 0 || len(in.Providers) > maxProviders {
		return fmt.Errorf("%s: providers are a list of one to %d", c.file, maxProviders)
	}
	names, lines := map[string]bool{company.OnlyName: c.Issuer != ""}, settings.LinesOf(c.file, "providers")
	var labels []string
	for i := range in.Providers {
		p, at := &in.Providers[i], c.file
		if i < len(lines) {
			at = fmt.Sprintf("%s: line %d", c.file, lines[i])
		}
		p.Exchange = cmp.Or(p.Exchange, exchangeToken)
		if p.SecretFile != "" && !filepath.IsAbs(p.SecretFile) {
			p.SecretFile = filepath.Join(filepath.Dir(c.file), p.SecretFile)
		}
		label := company.CheckLabel(p.Label, labels)
		switch setting, why := p.wrong(); {
		case !providerName.MatchString(p.Name) || names[p.Name]:
			return fmt.Errorf("%s: provider %d: name is of lower-case letters, digits and dashes, at most 32, and no other's", at, i+1)
		case label != nil:
			return fmt.Errorf("%s: provider %s: label %w", at, p.Name, label)
		case why != "":
			return fmt.Errorf("%s: provider %s: %s: %s", at, p.Name, setting, why)
		}
		names[p.Name], labels = true, append(labels, p.Label)
	}
	c.more = in.Providers
	return nil
}

// all are the providers, in the order of their buttons.
func (c *oidcConfig) all() []oidcProvider {
	if c.Issuer == "" {
		return c.more
	}
	return append([]oidcProvider{c.oidcProvider}, c.more...)
}

// simulate uses the simulator's provider, unless another is named.
func (c *oidcConfig) simulate(endpoint string) {
	if len(c.all()) == 0 {
		c.oidcProvider = oidcProvider{Issuer: endpoint + simulator.ProviderPath, ClientID: simulator.ProviderClientID,
			IDP: simulator.ProviderName, GroupsClaim: "groups", Exchange: c.Exchange,
			Scopes: []string{"profile", "groups", "offline_access"}, demo: true}
	}
}

func (p *oidcProvider) secret() (string, error) {
	if p.demo {
		return simulator.ProviderClientSecret, nil
	}
	return settings.ReadPassword(p.SecretFile)
}

// The lives of temporary keys: those that can be renewed are, and the others are all of a session.
const (
	renewedKeyLife = time.Hour
	onlyKeyLife    = 24 * time.Hour
)

// exchanged is how IAM is asked.
func (p *oidcProvider) exchanged(client *iam.Client) func(context.Context, company.Grant) (iam.Identity,
	huawei.Credential, error) {
	return func(ctx context.Context, g company.Grant) (iam.Identity, huawei.Credential, error) {
		if p.Exchange == exchangeKeys {
			life := onlyKeyLife
			if g.Renewable {
				life = renewedKeyLife
			}
			return client.KeysByIDToken(ctx, p.IDP, g.IDToken, g.Project, life)
		}
		return client.SignInByIDToken(ctx, p.IDP, g.IDToken, g.Project)
	}
}

// openCompany are the providers that the settings name.
func openCompany(cfg config, client *iam.Client, rules *policy.Store, now func() time.Time,
	logger *slog.Logger) (company.Providers, error) {
	key, err := sessionKey(cfg.sessionKeyFile)
	if err != nil {
		return nil, settings.Wrong("session-key-file", err.Error())
	}
	var providers company.Providers
	for _, p := range cfg.oidc.all() {
		with := company.Config{Name: p.Name, Label: p.Label, Issuer: p.Issuer, ClientID: p.ClientID, Scopes: p.Scopes, Key: key,
			Now: now, ConnectTimeout: cfg.connectTimeout, CallTimeout: cfg.callTimeout, GroupsClaim: p.GroupsClaim,
			GroupsPrefix: p.GroupsPrefix, Logger: logger, Exchange: p.exchanged(client),
			Count: func(groups []string) string { return rules.Rules().GroupsThatCount(groups) }}
		if p.demo || p.SecretFile != "" {
			with.Secret = p.secret
		}
		provider, err := company.New(with)
		if err != nil {
			return nil, settings.Wrong("oidc-issuer", err.Error())
		}
		providers = append(providers, provider)
	}
	return providers, nil
}

// sessionParts are what the sessions stand on.
type sessionParts struct {
	db      *database.DB
	clocks  *clock.Monitor
	rules   *policy.Store
	log     *audit.Log
	iam     *iam.Client
	limited func(limit string)
}

// openSessions reads the key, deletes ended sessions now and then, asks IAM whether the others are still good, and has
// the providers renew those that began at them.
func openSessions(ctx context.Context, cfg config, on sessionParts, logger *slog.Logger,
	open *closers) (*web.Sessions, company.Providers, error) {
	key, err := sessionKey(cfg.sessionKeyFile)
	if err != nil {
		return nil, nil, settings.Wrong("session-key-file", err.Error())
	}
	providers, err := openCompany(cfg, on.iam, on.rules, on.clocks.Now, logger)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := web.NewSessions(web.SessionConfig{Write: on.db.Write, Read: on.db.Read, Key: key,
		OnSQLite: on.db.Engine == database.SQLite, Outside: cfg.outside, Idle: cfg.sessionIdle, Manager: reviews(on.rules), UserProfile: cfg.userProfile, Logger: logger, Now: on.clocks.Now,
		Introspect: on.iam.Check, Renew: providers.Renew, Revoke: providers.Revoke, Admits: admits(cfg, on.rules), Limited: on.limited,
		Record: func(ctx context.Context, r audit.Record) error { _, err := on.log.Append(ctx, r); return err }})
	if err != nil {
		return nil, nil, err
	}
	maintain(ctx, purgeEvery, sessions.Purge, logger, open)
	open.run(ctx, sessions.Run)
	open.add(sessions.Close)
	return sessions, providers, nil
}
