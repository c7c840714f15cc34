package cli

import (
	"context"
	"time"

	"coc-console/internal/company"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/policy"
	"coc-console/internal/settings"
	"coc-console/internal/simulator"

	"github.com/spf13/pflag"
)

// oidcConfig says how people sign in with the company's account.
type oidcConfig struct {
	issuer, clientID, secretFile, idp string
	groupsClaim                       string
	scopes                            []string
	demo                              bool // the simulator's provider
}

func (c *oidcConfig) define(f *pflag.FlagSet) {
	f.StringVar(&c.issuer, "oidc-issuer", "", "`URL` of the company's OpenID Connect provider, as it calls itself, so that people sign in with the company's account (docs/company-sign-in.md); empty: at IAM alone")
	f.StringVar(&c.clientID, "oidc-client-id", "", "`ID` under which the console is registered at the provider, and the provider at IAM")
	f.StringVar(&c.secretFile, "oidc-client-secret-file", "", "`FILE` with the client's secret in its first line; empty: a public client, which PKCE alone protects")
	settings.ListVar(f, &c.scopes, "oidc-scopes", "`LIST` of scopes to ask the provider for besides openid, separated by commas", nil)
	f.StringVar(&c.groupsClaim, "oidc-groups-claim", "", "`NAME` of the claim with a person's groups, which the directory names as group: members of roles and teams; empty: groups count for nothing")
	f.StringVar(&c.idp, "oidc-idp", "", "`NAME` of the identity provider at IAM that stands for the company's")
}

func (c *oidcConfig) check() error {
	if c.issuer == "" {
		for name, value := range map[string]string{"oidc-client-id": c.clientID, "oidc-client-secret-file": c.secretFile,
			"oidc-idp": c.idp} {
			if value != "" {
				return settings.Wrong(name, "goes with --oidc-issuer")
			}
		}
		return nil
	}
	if _, err := huawei.ParseEndpoint(c.issuer); err != nil {
		return settings.Wrong("oidc-issuer", err.Error())
	}
	if c.clientID == "" {
		return settings.Wrong("oidc-client-id", "is needed with --oidc-issuer: the ID under which the console is registered there")
	}
	if c.idp == "" {
		return settings.Wrong("oidc-idp", "is needed with --oidc-issuer: the name of the identity provider at IAM")
	}
	if c.secretFile == "" {
		return nil
	}
	if _, err := settings.ReadPassword(c.secretFile); err != nil {
		return settings.Wrong("oidc-client-secret-file", err.Error())
	}
	return nil
}

// simulate uses the simulator's provider, unless another is named.
func (c *oidcConfig) simulate(endpoint string) {
	if c.issuer == "" {
		*c = oidcConfig{issuer: endpoint + simulator.ProviderPath, clientID: simulator.ProviderClientID,
			idp: simulator.ProviderName, groupsClaim: "groups",
			scopes: []string{"profile", "groups"}, demo: true}
	}
}

func (c *oidcConfig) secret() (string, error) {
	if c.demo {
		return simulator.ProviderClientSecret, nil
	}
	return settings.ReadPassword(c.secretFile)
}

// openCompany is the provider that the settings name; nil when they name none.
func openCompany(cfg config, client *iam.Client, rules *policy.Store, now func() time.Time) (*company.Provider, error) {
	c := &cfg.oidc
	if c.issuer == "" {
		return nil, nil //nolint:nilnil // no provider is none
	}
	key, err := sessionKey(cfg.sessionKeyFile)
	if err != nil {
		return nil, settings.Wrong("session-key-file", err.Error())
	}
	with := company.Config{Issuer: c.issuer, ClientID: c.clientID, Scopes: c.scopes, Key: key, Now: now,
		ConnectTimeout: cfg.connectTimeout, CallTimeout: cfg.callTimeout, GroupsClaim: c.groupsClaim,
		Count: func(groups []string) string { return rules.Rules().GroupsThatCount(groups) },
		Exchange: func(ctx context.Context, idToken huawei.Token, project string) (iam.Identity, huawei.Token, error) {
			return client.SignInByIDToken(ctx, c.idp, idToken, project)
		}}
	if c.demo || c.secretFile != "" {
		with.Secret = c.secret
	}
	provider, err := company.New(with)
	if err != nil {
		return nil, settings.Wrong("oidc-issuer", err.Error())
	}
	return provider, nil
}
