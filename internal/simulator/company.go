package simulator

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	bigint "math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Person is somebody whom the company's provider knows.
type Person struct {
	Name   string   // the claim preferred_username; IAM's conversion rule makes it the user's name
	Groups []string // the claim groups
	// Actions are those of the groups of IAM that the conversion rule puts the person in; none: no rule fits.
	Actions   []string
	TokenLife time.Duration // of IAM's tokens; 0: as of users
}

// DemoPeople are those of the company that stand where Config has none.
func DemoPeople() []Person {
	return []Person{
		{Name: "chen.wei", Groups: []string{"coc-managers", "coc-operations"}, Actions: allActions()},
		{Name: "li.na", Groups: []string{"coc-on-call", "coc-operations"}, Actions: allActions()},
		{Name: "wang.fang", Groups: []string{"coc-readers"}, Actions: []string{actionList, actionGet}},
		{Name: "zhao.min", Groups: []string{"sales"}},
	}
}

// SetGroups changes the groups of one of the company's people.
func (s *Simulator) SetGroups(name string, groups ...string) {
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	s.idp.people = slices.Clone(s.idp.people)
	for i := range s.idp.people {
		if s.idp.people[i].Name == name {
			s.idp.people[i].Groups = groups
		}
	}
}

// federated is a person of the company as a user of IAM.
func (s *Simulator) federated(name string) (User, bool) {
	p, known := s.idp.person(name)
	return User{Name: name, Actions: p.Actions, TokenSize: 5164, TokenLife: p.TokenLife}, known && len(p.Actions) > 0
}

// memberOf is a user of the account, or of the company for a token by its ID token.
func (s *Simulator) memberOf(a Account, c claims) (User, bool) {
	if slices.Contains(c.Methods, methodMapped) {
		return s.federated(c.User)
	}
	return a.user(c.User)
}

// methodMapped is that of a token by the provider's ID token.
const methodMapped = "mapped"

var errIDToken = errors.New("the signature of the ID token is wrong")

// signInWithIDToken is POST /v3.0/OS-AUTH/id-token/tokens (docs/coc-api.md section 14.4). The texts of refusals are
// invented.
func (s *Simulator) signInWithIDToken(c *call) answer {
	var b struct {
		Auth struct {
			IDToken struct {
				ID string `json:"id"`
			} `json:"id_token"`
			Scope *struct {
				Project *named `json:"project"`
				Domain  *named `json:"domain"`
			} `json:"scope"`
		} `json:"auth"`
	}
	if json.Unmarshal(c.body, &b) != nil || b.Auth.IDToken.ID == "" {
		return malformed()
	}
	effect := Slow
	if c.fault != nil {
		effect = c.fault.Effect
	}
	name, refusal, ok := s.vouched(c, b.Auth.IDToken.ID, effect)
	if !ok {
		return refusal
	}
	account := s.accounts[0]
	user, known := s.federated(name)
	if !known {
		return keystone(http.StatusForbidden, "The identity conversion rules map the user to no user group.")
	}
	if b.Auth.Scope == nil || b.Auth.Scope.Project == nil && b.Auth.Scope.Domain == nil || effect == Unscoped {
		return s.grant(c, account, user, unscoped, []string{methodMapped})
	}
	wanted := signInBody{}
	wanted.Auth.Scope.Project, wanted.Auth.Scope.Domain = b.Auth.Scope.Project, b.Auth.Scope.Domain
	project, a, ok := wanted.scope(account)
	if !ok {
		return a
	}
	return s.grant(c, account, user, project, []string{methodMapped})
}

// vouched is whose an ID token is, by the provider that the request names; ok is false where it is refused.
func (s *Simulator) vouched(c *call, idToken string, effect Effect) (name string, refusal answer, ok bool) {
	idp := c.Header.Get("X-Idp-Id")
	if s.vouch != nil && idp != ProviderName {
		name, err := s.vouch(idp, idToken)
		return name, keystone(http.StatusUnauthorized, "The id token signature or issuer is invalid."), err == nil
	}
	claims, err := s.idp.verify(idToken)
	switch {
	case idp != ProviderName || effect == UnknownProvider:
		refusal = keystone(http.StatusNotFound, "Could not find Identity Provider: "+idp+".")
	case err != nil || claims.Issuer != issuerOf(c):
		refusal = keystone(http.StatusUnauthorized, "The id token signature or issuer is invalid.")
	case claims.Audience != ProviderClientID || effect == WrongAudience:
		refusal = keystone(http.StatusUnauthorized, "The audience of the id token does not match the client id of the identity provider.")
	case !s.now().Before(time.Unix(claims.Expires, 0)) || effect == ExpiredIDToken:
		refusal = keystone(http.StatusUnauthorized, "The id token has expired.")
	default:
		return claims.Name, answer{}, true
	}
	return "", refusal, false
}

// unscoped stands in the place of a project in a token that is for no calls.
const unscoped = "\x00unscoped"

// idClaims are those that IAM looks at.
type idClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Name     string `json:"preferred_username"`
	Expires  int64  `json:"exp"`
}

// verify reads an ID token that the provider has signed, with whichever key it still publishes.
func (p *provider) verify(token string) (claims idClaims, err error) {
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return claims, errIDToken
	}
	signature, err := base64.RawURLEncoding.DecodeString(part[2])
	if err != nil || len(signature) != 64 {
		return claims, errIDToken
	}
	sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
	r, v := new(bigint.Int).SetBytes(signature[:32]), new(bigint.Int).SetBytes(signature[32:])
	p.mu.Lock()
	good := slices.ContainsFunc(p.keys, func(k *ecdsa.PrivateKey) bool {
		return ecdsa.Verify(&k.PublicKey, sum[:], r, v)
	})
	p.mu.Unlock()
	if !good {
		return claims, errIDToken
	}
	text, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return claims, errIDToken
	}
	if json.Unmarshal(text, &claims) != nil {
		return claims, errIDToken
	}
	return claims, nil
}
