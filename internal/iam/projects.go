package iam

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// maxProjects bounds the projects of one person.
const maxProjects = 500

// Project is one that a person may work in.
type Project struct{ ID, Name string }

// Projects lists the projects in which the credential's user may work, by their names.
func (c *Client) Projects(ctx context.Context, as huawei.Credential) ([]Project, error) {
	a, done, err := c.do(ctx, request{call: "projects", method: http.MethodGet, path: "/v3/auth/projects", as: as,
		secrets: upstream.NewSecrets(hidden, huawei.SecretsOf(as)...)})
	defer done()
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, refusedToken(a)
	}
	var w struct {
		Projects []struct {
			named
			Enabled *bool `json:"enabled"`
		} `json:"projects"`
	}
	if err := json.Unmarshal(a.body, &w); err != nil {
		return nil, a.bad("projects", err)
	}
	var all []Project
	for _, p := range w.Projects[:min(len(w.Projects), maxProjects)] {
		if idPattern.MatchString(p.ID) && p.Name != "" && (p.Enabled == nil || *p.Enabled) {
			one := Project{p.ID, p.Name}
			a.secrets.HideAll(&one)
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b Project) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// InProject is a credential for another project, by its id or name, in exchange for one that is good, and who that is
// there. Keys are those of an account: with them another project is just another one.
func (c *Client) InProject(ctx context.Context, as huawei.Credential, who Identity, project string) (Identity,
	huawei.Credential, error) {
	if token, ok := as.(huawei.Token); ok {
		return c.Rescope(ctx, token, project)
	}
	who, err := c.locate(ctx, as, who, project)
	return who, as, err
}

// locate finds the project of somebody with keys.
func (c *Client) locate(ctx context.Context, as huawei.Credential, who Identity, project string) (Identity, error) {
	all, err := c.Projects(ctx, as)
	if err != nil {
		return Identity{}, err
	}
	i := slices.IndexFunc(all, func(p Project) bool { return p.ID == project || p.Name == project })
	if i < 0 {
		return Identity{}, &Error{Kind: ProjectUnknown}
	}
	who.ProjectID, who.ProjectName, who.ProjectScoped = all[i].ID, all[i].Name, true
	return who, nil
}

// Rescope asks for a token of another project, by its id or name, in exchange for one that is good
// (docs/coc-api.md section 17.1). Where IAM does not do that it refuses: then a new sign-in is needed.
func (c *Client) Rescope(ctx context.Context, t huawei.Token, project string) (Identity, huawei.Token, error) {
	scope := object{"name": project}
	if idPattern.MatchString(project) {
		scope = object{"id": project}
	}
	body, err := json.Marshal(object{"auth": object{"identity": object{"methods": []string{"token"},
		"token": object{"id": t.Reveal()}}, "scope": object{"project": scope}}})
	if err != nil {
		return Identity{}, huawei.Token{}, &Error{Kind: BadRequest, Cause: err}
	}
	a, done, err := c.do(ctx, request{call: "rescope", method: http.MethodPost, body: body,
		secrets: upstream.NewSecrets(hidden, t.Reveal())})
	defer done()
	if err != nil {
		return Identity{}, huawei.Token{}, err
	}
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		return Identity{}, huawei.Token{}, refused(a, false)
	}
	token := huawei.NewToken(a.header.Get("X-Subject-Token"))
	if !token.WellFormed() {
		return Identity{}, huawei.Token{}, a.bad("no X-Subject-Token that is a token", nil)
	}
	id, err := a.identity()
	a.secrets.HideAll(&id)
	return id, token, err
}
