package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
)

// The bounds of a temporary key's life, in seconds; without a word it is the
// least. Both are documented.
const (
	leastKeyLife = 900
	mostKeyLife  = 86_400
	maxKeys      = 10_000      // the simulator's own limit
	earlyEnd     = time.Minute // of EarlyKeys
)

// temporaryKeys is POST /v3.0/OS-CREDENTIAL/securitytokens: an access key for a
// token, which signs at the scope of the account (docs/coc-api.md section
// 14.3). A token in the header wins over that of the body.
func (s *Simulator) temporaryKeys(c *call) answer {
	var b struct {
		Auth struct {
			Identity struct {
				Methods []string `json:"methods"`
				Token   *struct {
					ID   string `json:"id"`
					Life *int64 `json:"duration_seconds"`
				} `json:"token"`
			} `json:"identity"`
		} `json:"auth"`
	}
	if json.Unmarshal(c.body, &b) != nil || !slices.Equal(b.Auth.Identity.Methods, []string{"token"}) {
		return malformed()
	}
	token, life := c.Header.Get("X-Auth-Token"), int64(leastKeyLife)
	if t := b.Auth.Identity.Token; t != nil {
		token = cmp.Or(token, t.ID)
		if t.Life != nil {
			life = *t.Life
		}
	}
	if life < leastKeyLife || life > mostKeyLife {
		return malformed()
	}
	_, account, user, err := s.check(token)
	if err != nil {
		return keystone(http.StatusUnauthorized, "The request you have made requires authentication.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) >= maxKeys {
		return keystone(http.StatusForbidden, "Too many access keys.")
	}
	text := fmt.Sprintf("temporary/%d/%s/%d", s.seed, c.requestID, len(s.keys))
	k := AccessKey{ID: "HST" + strings.ToUpper(api.HexID("id/" + text)[:17]),
		Secret: api.HexID("secret/" + text)[:32] + api.HexID("more/" + text)[:8],
		SecurityToken: fixed(api.HexID("token/"+text),
			1200), Expires: s.now().UTC().Add(time.Duration(life) * time.Second)}
	owner := keyOwner{AccessKey: k, account: account, user: user, issued: s.lastIssue(account.Name + "/" + user.Name)}
	if c.fault != nil && c.fault.Effect == EarlyKeys {
		owner.ends = s.now().Add(earlyEnd)
	}
	s.keys[k.ID] = owner
	type credential struct {
		Access  string `json:"access"`
		Secret  string `json:"secret"`
		Token   string `json:"securitytoken"`
		Expires string `json:"expires_at"`
	}
	return jsonAnswer(http.StatusCreated, map[string]credential{"credential": {k.ID, k.Secret, k.SecurityToken,
		k.Expires.Format(iamTime)}})
}
