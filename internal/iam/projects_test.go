package iam

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"coc-console/internal/huawei"
)

func TestProjects(t *testing.T) {
	id := strings.Repeat("a", 32)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v3/auth/projects" || r.Header.Get("X-Auth-Token") != token {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		says(200, `{"projects":[{"id":"`+id+`","name":"b","enabled":true},{"id":"`+id+`","name":"a"},{"id":"`+id+`","name":"off","enabled":false},
			{"id":"../x","name":"no id"}]}`)(w, r)
	})
	all, err := c.Projects(t.Context(), huawei.NewToken(token))
	if got := fmt.Sprint(all); err != nil || got != fmt.Sprint([]Project{{id, "a"}, {id, "b"}}) {
		t.Errorf("got %v, %v", got, err)
	}
	c = serve(t, says(401, keystone(401, token, "Unauthorized")))
	_, err = c.Projects(t.Context(), huawei.NewToken(token))
	asError(t, err)
}

func TestRescope(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"}},"scope":{"project":{"name":"cn-north-4"}}}}`
		if got := string(body); got != want || r.Header.Get("X-Auth-Token") != "" {
			t.Errorf("sent %s", got)
		}
		says(201, projectAnswer, "X-Subject-Token", "MIIanother")(w, r)
	})
	id, got, err := c.Rescope(t.Context(), huawei.NewToken(token), "cn-north-4")
	if err != nil || got.Reveal() != "MIIanother" || id.ProjectName != "cn-north-4" || id.UserID != projectIdentity.UserID {
		t.Errorf("got %+v, %v", id, err)
	}
	for want, answer := range map[Kind]http.HandlerFunc{Forbidden: says(403, keystone(403, "no "+token, "Forbidden")),
		ProjectUnknown: says(404, keystone(404, "Could not find the project.", "Not Found")), BadAnswer: says(201, projectAnswer)} {
		c = serve(t, answer)
		_, _, err := c.Rescope(t.Context(), huawei.NewToken(token), "cn-north-4")
		if e := asError(t, err); e.Kind != want {
			t.Errorf("got %v, want %v", e, want)
		}
	}
}
