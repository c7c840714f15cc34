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

// Projects lists the projects in which the token's user may work, by their names.
func (c *Client) Projects(ctx context.Context, t huawei.Token) ([]Project, error) {
	a, done, err := c.do(ctx, request{call: "projects", method: http.MethodGet, path: "/v3/auth/projects",
		header: http.Header{huawei.TokenHeader: {t.Reveal()}}, secrets: upstream.NewSecrets(hidden, t.Reveal())})
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
