package iam

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"coc-console/internal/huawei"
)

// renewBefore is how long before its end a service token is replaced.
const renewBefore = 5 * time.Minute

// maxServiceTokens bounds the projects whose service token is kept.
const maxServiceTokens = 100

// Service is an IAM user of the console's own, for what it does by itself. It
// signs in when a token is first needed, once per project.
type Service struct {
	client   *Client
	account  string
	user     string
	password func() (string, error) // read at every sign-in, so that a changed one is taken up
	now      func() time.Time

	mu     sync.Mutex
	tokens map[string]serviceToken // by project id; empty is the account
	home   home
}

type serviceToken struct {
	token huawei.Token
	ends  time.Time
}

// NewService returns the identity of that account's user.
func NewService(client *Client, account, user string, password func() (string, error), now func() time.Time) *Service {
	return &Service{client: client, account: account, user: user, password: password, now: now,
		tokens: map[string]serviceToken{}}
}

// errOtherAccount says that a token is wanted in an account that the service
// user is not of.
var errOtherAccount = errors.New("the service user belongs to another account")

// Token returns a token in the project, by its id; empty means the account. The
// account is given by id or name. A token that COC has refused is named in
// refused, and replaced. Sign-ins wait for each other under ctx's deadline.
func (s *Service) Token(ctx context.Context, accountID, accountName, projectID string,
	refused func(huawei.Credential) bool) (huawei.Token, error) {
	if s.account != accountName && s.account != accountID {
		return huawei.Token{}, errOtherAccount
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.tokens[projectID]
	if ok && s.now().Before(held.ends.Add(-renewBefore)) && !refused(held.token) {
		return held.token, nil
	}
	password, err := s.password()
	if err != nil {
		return huawei.Token{}, fmt.Errorf("read the password of the service user %s: %w", s.user, err)
	}
	id, token, err := s.client.SignIn(ctx, PasswordRequest{Account: accountName, User: s.user, Password: password,
		Project: projectID})
	if err != nil {
		return huawei.Token{}, fmt.Errorf("sign in the service user %s: %w", s.user, err)
	}
	if id.AccountID != accountID {
		return huawei.Token{}, errOtherAccount
	}
	if len(s.tokens) >= maxServiceTokens {
		clear(s.tokens)
	}
	s.tokens[projectID] = serviceToken{token, id.Expires}
	return token, nil
}

// home is the identity of the service user in the project that it looks at by itself.
type home struct {
	serviceToken
	project string
	id      Identity
}

// Home returns who the service user is in a project of its account, by the project's name, and a token there. It is
// for what the console looks at without anybody having asked. refused is that of Token.
func (s *Service) Home(ctx context.Context, project string,
	refused func(huawei.Credential) bool) (Identity, huawei.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.home; h.project == project && s.now().Before(h.ends.Add(-renewBefore)) && !refused(h.token) {
		return h.id, h.token, nil
	}
	password, err := s.password()
	if err != nil {
		return Identity{}, huawei.Token{}, fmt.Errorf("read the password of the service user %s: %w", s.user, err)
	}
	id, token, err := s.client.SignIn(ctx, PasswordRequest{Account: s.account, User: s.user, Password: password,
		Project: project})
	if err != nil {
		return Identity{}, huawei.Token{}, fmt.Errorf("sign in the service user %s: %w", s.user, err)
	}
	s.home = home{serviceToken{token, id.Expires}, project, id}
	return id, token, nil
}
