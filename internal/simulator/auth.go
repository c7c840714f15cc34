package simulator

import (
	"errors"
	"net/http"
	"time"

	"coc-console/internal/simulator/api"
)

// expiredError is a token whose time is over.
type expiredError struct{ at time.Time }

func (e *expiredError) Error() string { return "token expires, expires_at: " + e.at.Format(iamTime) }

var errRevoked = errors.New("the token was revoked")

// check says whose a token is.
func (s *Simulator) check(token string) (claims, Account, User, error) {
	c, err := s.tokens.open(token)
	if err != nil {
		return claims{}, Account{}, User{}, errToken
	}
	account, ok := s.account(func(a Account) bool { return a.Name == c.Account })
	user, known := s.memberOf(account, c)
	if !ok || !known {
		return claims{}, Account{}, User{}, errToken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := c.Account + "/" + c.User
	if revoked, ok := s.revoked[name]; ok && !c.Issued.After(revoked) {
		return claims{}, Account{}, User{}, errRevoked
	}
	if at, ok := s.expired[name]; ok && !c.Issued.After(at) {
		return claims{}, Account{}, User{}, &expiredError{at}
	}
	if !s.now().Before(c.Expires) {
		return claims{}, Account{}, User{}, &expiredError{c.Expires}
	}
	return c, account, user, nil
}

const incorrect = "Incorrect IAM authentication information: "

// authenticate refuses calls without a good token or signature, as the gateway
// does (docs/coc-api.md section 10.4). With both, the token counts.
func (s *Simulator) authenticate(c *call) (answer, bool) {
	token := c.Header.Get("X-Auth-Token")
	switch {
	case token != "":
		if a, ok := s.authenticateToken(c, token); !ok {
			return a, false
		}
	case c.Header.Get("Authorization") != "":
		if a, ok := s.authenticateSigned(c); !ok {
			return a, false
		}
	default:
		return c.gateway(http.StatusUnauthorized, "APIGW.0301", incorrect+"x-auth-token not found"), false
	}
	return c.checkScope()
}

func (s *Simulator) authenticateToken(c *call, token string) (answer, bool) {
	var err error
	c.claims, c.account, c.user, err = s.check(token)
	var expired *expiredError
	switch {
	case errors.As(err, &expired):
		return c.gateway(http.StatusUnauthorized, "APIGW.0301", incorrect+expired.Error()), false
	case errors.Is(err, errRevoked):
		return c.gateway(http.StatusUnauthorized, "APIGW.0307", "The token must be updated."), false
	case err != nil:
		return c.gateway(http.StatusUnauthorized, "APIGW.0301", incorrect+"decrypt token fail"), false
	case c.claims.Project == unscoped:
		return c.gateway(http.StatusForbidden, "APIGW.0302", "The IAM user is not authorized to access the API."), false
	case c.claims.Project == "" && s.rules.ProjectTokensOnly && c.kind.ofCOC():
		return c.gateway(http.StatusForbidden, "APIGW.0302", "The IAM user is not authorized to access the API."), false
	}
	return answer{}, true
}

// checkScope refuses an account or a project of somebody else. That
// x-project-id and x-domain-id are checked at all, and the codes, are invented.
func (c *call) checkScope() (answer, bool) {
	if id := c.Header.Get("X-Domain-Id"); id != "" && id != c.account.ID() {
		return c.gateway(http.StatusForbidden, "APIGW.0302", "The IAM user is not authorized to access the API."), false
	}
	id := c.Header.Get("X-Project-Id")
	if id == "" {
		return answer{}, true
	}
	for _, p := range c.account.Projects {
		if c.account.ProjectID(p) == id {
			return answer{}, true
		}
	}
	return c.gateway(http.StatusForbidden, "APIGW.0310", "The project is unavailable."), false
}

// authorize refuses callers whose identity policy lacks the action
// (docs/coc-api.md sections 10.1 and 13.1). Which code COC uses is not known.
func (c *call) authorize(action string) (answer, bool) {
	if c.user.may(action) {
		return answer{}, true
	}
	return jsonAnswer(http.StatusForbidden, gatewayBody{
		Message: c.say("access denied: user "+c.user.Name+" is not authorized to perform "+action,
			"访问被拒绝：用户 "+c.user.Name+" 无权执行 "+action),
		Code: "PAP5.0001", RequestID: c.requestID,
		Denial: api.HexID("denial/"+c.user.Name+"/"+action) + api.HexID(c.requestID),
	}), false
}
