package preflight

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/iam"
)

// A Person is whom a sign-in is tried with.
type Person struct {
	iam.PasswordRequest

	UserProfile string
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
		caller := coc.Caller{Token: token, ProjectID: id.ProjectID, UserProfile: p.UserProfile}
		query := coc.TicketQuery{Limit: 1, From: now.Add(-30 * 24 * time.Hour), To: now}
		page, err := cloud.ListTickets(ctx, caller, query)
		if err != nil {
			return []Result{signed, failed("tickets", err.Error(), listRemedy(err))}
		}
		return []Result{signed, ok("tickets", "COC lists %d of the last 30 days", page.Total)}
	}
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
