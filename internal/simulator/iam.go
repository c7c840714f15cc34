package simulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"coc-console/internal/simulator/api"
)

// named is how IAM names things: by id or by name.
type named struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

func (n *named) means(id, name string) bool {
	return n != nil && (n.ID != "" || n.Name != "") && (n.ID == "" || n.ID == id) && (n.Name == "" || n.Name == name)
}

// signInBody is docs/coc-api.md section 2.2.
type signInBody struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password *struct {
				User struct {
					Name     string `json:"name"`
					Password string `json:"password"`
					Domain   named  `json:"domain"`
				} `json:"user"`
			} `json:"password"`
			Token *struct {
				ID string `json:"id"`
			} `json:"token"`
			TOTP *struct {
				User struct {
					named
					Passcode string `json:"passcode"`
				} `json:"user"`
			} `json:"totp"`
		} `json:"identity"`
		Scope struct {
			Project *named `json:"project"`
			Domain  *named `json:"domain"`
		} `json:"scope"`
	} `json:"auth"`
}

func (b *signInBody) complete() bool {
	id := b.Auth.Identity
	if !slices.Contains(id.Methods, "password") || id.Password == nil ||
		slices.Contains(id.Methods, "totp") != (id.TOTP != nil) {
		return false
	}
	u := id.Password.User
	return u.Name != "" && u.Password != "" && u.Domain.Name != ""
}

const wrongPassword = "The username or password is wrong."

func malformed() answer { return keystone(http.StatusBadRequest, "The request body is invalid") }

// signIn is POST /v3/auth/tokens.
func (s *Simulator) signIn(c *call) answer {
	var b signInBody
	if err := json.Unmarshal(c.body, &b); err != nil {
		return malformed()
	}
	if slices.Equal(b.Auth.Identity.Methods, []string{"token"}) && b.Auth.Identity.Token != nil {
		return s.rescope(c, &b)
	}
	if !b.complete() {
		return malformed()
	}
	user := b.Auth.Identity.Password.User
	account, ok := s.account(func(a Account) bool { return a.Name == user.Domain.Name })
	u, known := account.user(user.Name)
	switch {
	case ok && known && u.Locked:
		// The text is invented: IAM documents the case only as IAM.0061.
		return keystone(http.StatusUnauthorized, "The account is locked. Try again in 15 minutes.")
	case !ok || !known || u.Password != user.Password:
		return keystone(http.StatusUnauthorized, wrongPassword)
	}
	if a, ok := b.checkPasscode(account, u, s.rules.PasscodeByID); !ok {
		return a
	}
	project, a, ok := b.scope(account)
	if !ok {
		return a
	}
	return s.grant(c, account, u, project, b.Auth.Identity.Methods)
}

// rescope gives a token for another project in exchange for one that is good (docs/coc-api.md section 17.1). It ends
// when that does. The texts of refusals are invented.
func (s *Simulator) rescope(c *call, b *signInBody) answer {
	own, account, user, err := s.check(b.Auth.Identity.Token.ID)
	switch {
	case err != nil:
		return keystone(http.StatusUnauthorized, "The request you have made requires authentication.")
	case s.rules.NoRescope:
		return keystone(http.StatusForbidden, "You are not authorized to perform the requested action: identity:rescope.")
	}
	project, a, ok := b.scope(account)
	if !ok {
		return a
	}
	methods := []string{"token"}
	if slices.Contains(own.Methods, methodMapped) {
		methods = append(methods, methodMapped)
	}
	return s.grantUntil(c, account, user, project, methods, own.Expires)
}

// checkPasscode asks for the passcode of a virtual MFA device. The call wants
// the user's id next to it; the name is accepted as well unless byID. All three
// texts are invented.
func (b *signInBody) checkPasscode(a Account, u User, byID bool) (answer, bool) {
	totp := b.Auth.Identity.TOTP
	switch {
	case totp == nil && u.Passcode == "":
		return answer{}, true
	case totp == nil:
		return keystone(http.StatusUnauthorized, "Virtual MFA is required: sign in with password and totp."), false
	case u.Passcode == "":
		return keystone(http.StatusUnauthorized, "No virtual MFA device is bound to the user."), false
	case byID && totp.User.ID == "" || !totp.User.means(a.userID(u.Name), u.Name) || totp.User.Passcode != u.Passcode:
		return keystone(http.StatusUnauthorized, "The MFA passcode is wrong."), false
	}
	return answer{}, true
}

// scope returns the name of the wanted project, empty for the account. Both
// given: the project wins.
func (b *signInBody) scope(a Account) (project string, refusal answer, ok bool) {
	scope := b.Auth.Scope
	if scope.Project != nil {
		for _, p := range a.Projects {
			if scope.Project.means(a.ProjectID(p), p) {
				return p, answer{}, true
			}
		}
		return "", keystone(http.StatusNotFound, "Could not find the project."), false // invented
	}
	if scope.Domain != nil && !scope.Domain.means(a.ID(), a.Name) {
		return "", keystone(http.StatusForbidden, "The user does not belong to the domain."), false // invented
	}
	return "", answer{}, true
}

func (s *Simulator) grant(c *call, a Account, u User, project string, methods []string) answer {
	return s.grantUntil(c, a, u, project, methods, time.Time{})
}

// grantUntil gives a token that ends at a time; zero: after its usual life.
func (s *Simulator) grantUntil(c *call, a Account, u User, project string, methods []string, until time.Time) answer {
	s.mu.Lock()
	issued := s.lastIssue(a.Name + "/" + u.Name)
	s.mu.Unlock()
	if until.IsZero() {
		until = issued.Add(cmp.Or(u.TokenLife, tokenLife))
	}
	cl := claims{Account: a.Name, User: u.Name, Project: project, Methods: methods, Issued: issued, Expires: until}
	token, err := s.tokens.seal(cl, cmp.Or(u.TokenSize, 4540))
	if err != nil {
		return keystone(http.StatusInternalServerError,
			"An unexpected error prevented the server from fulfilling your request.")
	}
	answer := jsonAnswer(http.StatusCreated, tokenBody(cl, a, u, c.URL.Query().Get("nocatalog") == ""))
	answer.header["X-Subject-Token"] = token
	return answer
}

// introspect is GET and HEAD /v3/auth/tokens (docs/coc-api.md section 2.3).
func (s *Simulator) introspect(c *call) answer {
	if c.Method != http.MethodGet && c.Method != http.MethodHead {
		a := keystone(http.StatusMethodNotAllowed, "The method is not allowed.")
		a.header["Allow"] = "GET, HEAD, POST"
		return a
	}
	own, _, userOwn, err := s.check(c.Header.Get("X-Auth-Token"))
	if err != nil {
		return keystone(http.StatusUnauthorized, "The request you have made requires authentication.")
	}
	subject, account, user, err := s.check(c.Header.Get("X-Subject-Token"))
	switch {
	case err != nil:
		return keystone(http.StatusNotFound, "X-Subject-Token is invalid in the request")
	case (own.Account != subject.Account || own.User != subject.User) && !userOwn.Admin:
		return keystone(http.StatusForbidden, "You are not authorized to perform the requested action.")
	}
	a := jsonAnswer(http.StatusOK, tokenBody(subject, account, user, c.URL.Query().Get("nocatalog") == ""))
	a.header["X-Subject-Token"] = c.Header.Get("X-Subject-Token")
	return a
}

// iamTime is the layout of IAM's times, in UTC.
const iamTime = "2006-01-02T15:04:05.000000Z"

// tokenBody is docs/coc-api.md section 2.2; absent parts are left out there.
func tokenBody(c claims, a Account, u User, catalog bool) any {
	type federation struct {
		Provider named `json:"identity_provider"`
		Protocol named `json:"protocol"`
	}
	type userBody struct {
		ID         string      `json:"id"`
		Name       string      `json:"name"`
		Expires    string      `json:"password_expires_at"`
		Domain     named       `json:"domain"`
		Federation *federation `json:"OS-FEDERATION,omitempty"`
	}
	type projectBody struct {
		named
		Domain named `json:"domain"`
	}
	type token struct {
		Methods []string     `json:"methods"`
		Issued  string       `json:"issued_at"`
		Expires string       `json:"expires_at"`
		MFA     string       `json:"mfa_authn_at,omitempty"`
		Catalog []any        `json:"catalog"`
		Roles   []named      `json:"roles"`
		Project *projectBody `json:"project,omitempty"`
		Domain  *named       `json:"domain,omitempty"`
		User    userBody     `json:"user"`
	}
	domain := named{a.ID(), a.Name}
	t := token{Methods: c.Methods, Issued: c.Issued.Format(iamTime), Expires: c.Expires.Format(iamTime),
		Catalog: []any{}, Roles: roles(u), User: userBody{ID: a.userID(u.Name), Name: u.Name, Domain: domain}}
	if slices.Contains(c.Methods, "totp") {
		t.MFA = t.Issued
	}
	if slices.Contains(c.Methods, methodMapped) {
		t.User.Federation = &federation{named{ID: ProviderName}, named{ID: "oidc"}}
	}
	switch c.Project {
	case unscoped:
	case "":
		t.Domain = &domain
	default:
		t.Project = &projectBody{named{a.ProjectID(c.Project), c.Project}, domain}
	}
	if catalog {
		t.Catalog = catalogBody()
	}
	return map[string]token{"token": t}
}

// roles have the id "0" as a rule; only their names mean something.
func roles(u User) []named {
	if u.Roles != nil {
		list := make([]named, len(u.Roles))
		for i, r := range u.Roles {
			list[i] = named{"0", r}
		}
		return list
	}
	list := []named{{"0", "op_gated_coc"}, {"0", "op_gated_example"}}
	if u.may(actionOperate) {
		list = slices.Insert(list, 0, named{"0", "te_admin"})
	}
	if u.Admin {
		list = append(list, named{"0", "secu_admin"})
	}
	return list
}

func catalogBody() []any {
	return []any{map[string]any{"id": api.HexID("service/coc"), "name": "coc", "type": "coc",
		"endpoints": []any{map[string]any{
			"id": api.HexID("endpoint/coc"), "interface": "public", "region": "*", "region_id": "*", "url": "https://coc.myhuaweicloud.com"}}}}
}

// projects is GET /v3/projects, by which the SDK finds the project of a region.
func (s *Simulator) projects(c *call) answer {
	type project struct {
		named
		DomainID string `json:"domain_id"`
		Parent   string `json:"parent_id"`
		IsDomain bool   `json:"is_domain"`
		Enabled  bool   `json:"enabled"`
	}
	list := []project{}
	for _, p := range c.account.Projects {
		if want := c.URL.Query().Get("name"); want == "" || want == p {
			list = append(list, project{named{c.account.ProjectID(p), p}, c.account.ID(), c.account.ID(), false, true})
		}
	}
	return jsonAnswer(http.StatusOK, map[string]any{"projects": list})
}

// domains is GET /v3/auth/domains, by which the SDK finds the account.
func (s *Simulator) domains(c *call) answer {
	type domain struct {
		named
		Enabled bool `json:"enabled"`
	}
	return jsonAnswer(http.StatusOK, map[string]any{"domains": []domain{{named{c.account.ID(), c.account.Name}, true}}})
}
