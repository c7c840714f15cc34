// Package signin is what somebody signs in with, and how IAM is asked about it.
package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/internal/clock"
	"coc-console/internal/company"
	"coc-console/internal/forwarded"
	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/internal/present"
	"coc-console/templates"
)

// UnknownAddress stands where a client's address can't be told: a proxy that is
// believed did not tell it.
const UnknownAddress = forwarded.Unknown

// The longest values of the sign-in form, in bytes.
const (
	MaxName     = 255
	maxPassword = 1024
	maxPasscode = 32
)

// userIDPattern is an IAM user's id, or nothing.
var userIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{0,64}$`)

// Credentials are the sign-in form's fields, or an answer of the company's provider.
type Credentials struct {
	ByToken                                            bool
	Account, User, Password, Project, Passcode, UserID string
	Token                                              huawei.Token
	// Company asks the company's provider and IAM; nil for a form.
	Company func(context.Context) (company.Entry, error)
}

// Read takes the fields of a form by their names.
func Read(value func(name string) string) Credentials {
	field := func(name string) string { return strings.TrimSpace(value(name)) }
	return Credentials{
		ByToken: value("mode") == "token" || value("token") != "",
		Account: field("account"), User: field("user"), Password: value("password"),
		Project: field("project"), Passcode: iam.PasscodeOf(value("passcode")), UserID: field("user_id"),
		Token: huawei.NewToken(field("token")),
	}
}

// Check returns what is wrong with the fields before IAM is asked.
func (in Credentials) Check(t i18n.FieldProblems) templates.FieldErrors {
	errs := templates.FieldErrors{}
	need := func(name, value string, longest int) {
		switch {
		case value == "":
			errs[name] = t.Missing
		case len(value) > longest:
			errs[name] = t.TooLong(longest)
		}
	}
	if in.ByToken {
		need("token", in.Token.Reveal(), huawei.MaxTokenLength)
		return errs
	}
	need("account", in.Account, MaxName)
	need("user", in.User, MaxName)
	need("password", in.Password, maxPassword)
	if len(in.Project) > MaxName {
		errs["project"] = t.TooLong(MaxName)
	}
	if len(in.Passcode) > maxPasscode {
		errs["passcode"] = t.TooLong(maxPasscode)
	}
	if !userIDPattern.MatchString(in.UserID) {
		errs["user_id"] = t.UserID
	}
	return errs
}

// Name is the user that a password sign-in names, in the form in which
// attempts are counted; empty for a token or a provider's answer, which name nobody.
func (in Credentials) Name() string {
	if in.ByToken || in.Company != nil {
		return ""
	}
	return Name(in.Account, in.User)
}

// Name is a user in the form in which attempts are counted.
func Name(account, user string) string {
	return strings.ToLower(account) + "\x00" + strings.ToLower(user)
}

// Method names the way in, for the log.
func (in Credentials) Method() string {
	switch {
	case in.Company != nil:
		return "oidc"
	case in.ByToken:
		return "token"
	case in.Passcode != "":
		return "password,passcode"
	}
	return "password"
}

// Bucket is what counts as the address of a sign-in. Where a proxy does not
// tell the address, each user and each token has one of its own: a stranger's
// wrong passwords must not lock everybody out.
func (in Credentials) Bucket(address string) string {
	switch {
	case address != UnknownAddress:
		return address
	case in.Company != nil: // nobody guesses what a provider signs
		return UnknownAddress + "\x00company\x00" + rand.Text()
	case in.ByToken:
		sum := sha256.Sum256([]byte(in.Token.Reveal()))
		return UnknownAddress + "\x00token\x00" + hex.EncodeToString(sum[:8])
	}
	return UnknownAddress + "\x00" + in.Name()
}

// ErrOtherToken and ErrUnscoped are tokens that IAM was not, or need not be,
// asked about.
var (
	ErrOtherToken = errors.New("a credential of another kind")
	ErrUnscoped   = errors.New("a token without a scope")
)

// Ask asks IAM who that is.
func (in Credentials) Ask(ctx context.Context, client *iam.Client, ids *iam.UserIDs) (company.Entry, error) {
	if in.Company != nil {
		return in.Company(ctx)
	}
	if !in.ByToken {
		id, token, err := client.SignIn(ctx, iam.PasswordRequest{Account: in.Account, User: in.User, Password: in.Password,
			Project: in.Project, Passcode: in.Passcode, UserID: cmp.Or(in.UserID, ids.Of(in.Name()))})
		return company.Entry{Identity: id, Credential: token}, err
	}
	if otherKind(in.Token.Reveal()) {
		return company.Entry{}, ErrOtherToken
	}
	id, err := client.Introspect(ctx, in.Token)
	if err == nil && !id.ProjectScoped && !id.AccountScoped {
		err = ErrUnscoped
	}
	return company.Entry{Identity: id, Credential: in.Token}, err
}

// Reason says, in the reader's language, why somebody has to sign in: how a session ended, or where they want to go.
func Reason(ctx context.Context, ended, back string) string {
	t := i18n.T(ctx).SignInProblem
	switch {
	case ended == "company":
		return i18n.Company.T(ctx).Ended
	case ended != "":
		return t.Expired
	case back != "/" && back != "/tickets":
		return t.Ended
	}
	return ""
}

// Ways are the buttons of the company's providers. A single one needs no name.
func Ways(ctx context.Context, all company.Providers) (buttons []templates.CompanyWay) {
	t := i18n.Company.T(ctx)
	for _, choice := range all.Choices() {
		text := t.Button
		if choice.Label != "" {
			text = t.ButtonOf(choice.Label)
		}
		buttons = append(buttons, templates.CompanyWay{Name: choice.Name, Text: text})
	}
	return buttons
}

// ActorOf is who a record names.
func ActorOf(id iam.Identity) audit.Actor {
	return audit.Actor{UserID: id.UserID, UserName: id.UserName, AccountID: id.AccountID, AccountName: id.AccountName,
		ProjectID: id.ProjectID, ProjectName: id.ProjectName, Groups: id.Groups}
}

// IdentityOf is who a record names, as IAM said.
func IdentityOf(a audit.Actor) iam.Identity {
	return iam.Identity{UserID: a.UserID, UserName: a.UserName, AccountID: a.AccountID, AccountName: a.AccountName,
		ProjectID: a.ProjectID, ProjectName: a.ProjectName, ProjectScoped: a.ProjectID != ""}
}

// otherKind recognizes what people paste in place of an IAM token: a JSON web
// token, or an access key. IAM tokens are PKI tokens: base64 of a DER
// structure, and so begin with MII (docs/coc-api.md section 2.5).
func otherKind(token string) bool {
	return strings.HasPrefix(token, "eyJ") || len(token) < 100 && !strings.HasPrefix(token, "MII")
}

// shortestSession is how long a session must last by this machine's clock, when
// its token was made just now.
const shortestSession = time.Minute

// Over says, in the reader's language, that a token has ended by this machine's
// clock though IAM takes it; empty where it has not. A session would end at
// once, and its page would lead back to the sign-in.
func (in Credentials) Over(ctx context.Context, id iam.Identity, now time.Time, clocks *clock.Monitor) string {
	left := id.Expires.Sub(now)
	if left > 0 && (in.ByToken || left >= shortestSession) {
		return ""
	}
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
	t := i18n.T(ctx)
	text := t.SignInProblem.TokenOver(at(id.Expires), at(now))
	for _, s := range clocks.Skews() {
		if s.Off && s.Against == clock.IAM {
			return i18n.Sentences(text, t.Notice.ClockOff(present.SkewText(ctx, s), t.Notice.Clocks(s.Against)))
		}
	}
	return text
}
