package preflight

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
)

// A Person is whom a sign-in is tried with.
type Person struct {
	iam.PasswordRequest

	UserProfile string
	Keys        bool // temporary keys are tried, too
}

// SignIn signs somebody in at IAM and reads the first ticket of COC's list, as the console does for people.
func SignIn(p Person, at *iam.Client, cloud *coc.Client) Check {
	return func(ctx context.Context) []Result {
		id, token, err := at.SignIn(ctx, p.PasswordRequest)
		if err != nil {
			return []Result{failed("sign-in", err.Error(), signInRemedy(err)), Skip("tickets", "nobody is signed in")}
		}
		signed := ok("sign-in", "%s of %s (account ID %s), in project %s", id.UserName, id.AccountName, id.AccountID, id.ProjectName)
		now := time.Now()
		caller := coc.Caller{Credential: token, ProjectID: id.ProjectID, UserProfile: p.UserProfile}
		query := coc.TicketQuery{Limit: 1, From: now.Add(-30 * 24 * time.Hour), To: now}
		page, err := cloud.ListTickets(ctx, caller, query)
		if err != nil {
			return []Result{signed, failed("tickets", err.Error(), listRemedy(err))}
		}
		all := []Result{signed, ok("tickets", "COC lists %d of the last 30 days", page.Total)}
		if p.Keys {
			all = append(all, tryKeys(ctx, at, cloud, caller, token))
		}
		return all
	}
}

// madeUp is an ID token that nobody has signed.
const madeUp = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjaGVjayJ9.Y2hlY2s"

// Exchange offers IAM an ID token that nobody has signed: whether it knows the identity provider of that name shows in
// how it refuses, as far as its words are known.
func Exchange(provider, project string, at *iam.Client) Check {
	return func(ctx context.Context) []Result {
		check := "oidc, " + provider
		_, _, err := at.SignInByIDToken(ctx, provider, huawei.NewToken(madeUp), project)
		e, refused := errors.AsType[*iam.Error](err)
		switch {
		case !refused:
			return []Result{failed(check, "IAM takes an ID token that nobody has signed",
				"tell the administrator of the identity provider at IAM")}
		case e.Kind == iam.ProviderUnknown:
			return []Result{warning(check, err.Error(), "compare --oidc-idp with the name of the identity provider at IAM")}
		case e.Kind == iam.IDTokenRefused || e.Kind == iam.TokenExpired || e.Kind == iam.BadRequest:
			return []Result{ok(check, "IAM refuses an ID token that nobody has signed: %s", err.Error())}
		}
		return []Result{warning(check, err.Error(), "IAM says nothing about the identity provider: try again, or sign in")}
	}
}

// keyLife is the least that IAM allows.
const keyLife = 15 * time.Minute

// tryKeys exchanges a token for temporary keys, as company sign-ins with them do, and signs a call to IAM and to COC.
func tryKeys(ctx context.Context, at *iam.Client, cloud *coc.Client, caller coc.Caller, token huawei.Token) Result {
	const check = "keys"
	const do = "nobody can sign in with the company's account: set --oidc-exchange token, or ask the vendor's support"
	keys, _, err := at.TemporaryKeys(ctx, token, keyLife)
	if err != nil {
		return failed(check, "IAM gives no temporary keys: "+err.Error(), do)
	}
	if _, err := at.Projects(ctx, keys); err != nil {
		return failed(check, "IAM does not take a signed call: "+err.Error(), do)
	}
	caller.Credential = keys
	now := time.Now()
	query := coc.TicketQuery{Limit: 1, From: now.Add(-time.Hour), To: now}
	if _, err := cloud.ListTickets(ctx, caller, query); err != nil {
		return failed(check, "COC does not take a signed call: "+err.Error(), do)
	}
	return ok(check, "IAM gives temporary keys, and IAM and COC take calls that are signed with them")
}

func signInRemedy(err error) string {
	e, known := errors.AsType[*iam.Error](err)
	if !known {
		return "see --iam-endpoint"
	}
	if remedy, ok := remedies[e.Reason]; ok {
		return strings.NewReplacer("%[1]s", "the host of --iam-endpoint", "%[2]s", "iam-endpoint").Replace(remedy)
	}
	switch e.Kind {
	case iam.WrongPassword:
		return "check account, user and password; somebody with a second factor needs --passcode"
	case iam.PasscodeNeeded, iam.PasscodeWrong:
		return "give the code of the second factor with --passcode"
	case iam.Locked:
		return "IAM has locked the user for a while after wrong passwords"
	case iam.ProjectUnknown:
		return "name a project of the account in --project"
	default:
		return "the code is IAM's own; its request can be found by its number"
	}
}

func listRemedy(err error) string {
	e, known := errors.AsType[*coc.Error](err)
	if known && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) {
		return "the user needs the permissions coc:job:list and coc:job:get, and the project has to be one where COC is used (--project)"
	}
	return "check --coc-endpoint and --project"
}
