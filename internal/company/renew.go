package company

import (
	"context"
	"errors"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// Renewal is what a session keeps of its sign-in by a provider, so that its credential can be renewed, and the sign-out
// be told to the provider.
type Renewal struct {
	Provider string       // its name; empty: nobody's
	Subject  string       // who that is there
	IDToken  huawei.Token // the newest
	Refresh  huawei.Token // empty: the provider gave none
}

// Possible reports that a credential can be renewed.
func (r Renewal) Possible() bool { return !r.Refresh.Empty() }

// Providers are the companies' ways in, in the order of their buttons.
type Providers []*Provider

// OnlyName is the name of a provider that the settings name alone.
const OnlyName = "company"

// Named is the provider of a name; nil where there is none. Without a name it is the first.
func (all Providers) Named(name string) *Provider {
	i := slices.IndexFunc(all, func(p *Provider) bool { return name == "" || p.cfg.Name == name })
	if i < 0 {
		return nil
	}
	return all[i]
}

// Choice is a button on the sign-in page.
type Choice struct{ Name, Label string }

// Choices are the buttons.
func (all Providers) Choices() (list []Choice) {
	for _, p := range all {
		list = append(list, Choice{p.cfg.Name, p.cfg.Label})
	}
	return list
}

var (
	errGone   = errors.New("the settings no longer name that provider")
	errPerson = errors.New("the provider renews for somebody else")
)

// Renew gets a new credential for a session: the provider is asked for a new ID token, and IAM for a credential, in the
// project. A provider may take each refresh token once: whatever comes of it, the entry's Renewal is what counts from
// then on, and two must not renew at the same time. Its errors are *Error and *iam.Error.
func (all Providers) Renew(ctx context.Context, r Renewal, project string) (Entry, error) {
	p := all.Named(r.Provider)
	if p == nil {
		return Entry{Renewal: r}, &Error{Kind: Refused, Cause: errGone}
	}
	found, err := p.discover(ctx)
	if err != nil {
		return Entry{Renewal: r}, err
	}
	client, err := p.client(found, "")
	if err != nil {
		return Entry{Renewal: r}, err
	}
	source := client.TokenSource(oidc.ClientContext(ctx, p.http), &oauth2.Token{RefreshToken: r.Refresh.Reveal()})
	answer, err := source.Token()
	if err != nil {
		return Entry{Renewal: r}, failedAt(err, upstream.NewSecrets(hidden, r.Refresh.Reveal(), client.ClientSecret))
	}
	if next := refreshOf(answer); !next.Empty() {
		r.Refresh = next
	}
	idToken, err := idTokenOf(answer)
	if err != nil {
		return Entry{Renewal: r}, err
	}
	person, err := p.verify(ctx, found, idToken)
	if err != nil {
		return Entry{Renewal: r}, err
	}
	if person.Subject != r.Subject {
		return Entry{Renewal: r}, &Error{Kind: Refused, Cause: errPerson}
	}
	r.IDToken = idToken
	return p.exchange(ctx, person, project, r)
}

// refreshOf is the refresh token of the provider's answer; empty where it has none that can be kept.
func refreshOf(answer *oauth2.Token) huawei.Token {
	token := huawei.NewToken(answer.RefreshToken)
	if !token.WellFormed() {
		return huawei.Token{}
	}
	return token
}
