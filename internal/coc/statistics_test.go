package coc_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/simulator"
)

// TestCountsThatContradict: where COC's counts can't be, the instances themselves are counted.
func TestCountsThatContradict(t *testing.T) {
	sim := simulator.New(simulator.Config{Tickets: []simulator.TicketSpec{{Scenario: "two", Name: "two", Creator: "operator",
		Timeout: 1700 * time.Second, SuccessRate: 100, Age: time.Minute, Batches: []simulator.BatchSpec{
			{Instances: []simulator.InstanceSpec{{Host: "a", Count: 3, Run: 1600 * time.Second}, {Host: "b", Run: time.Second, ExitCode: 1}}},
			{Instances: []simulator.InstanceSpec{{Host: "c", Count: 2, Run: time.Second}}}}}}})
	direct := httptest.NewServer(sim.Handler())
	defer direct.Close()
	target, err := url.Parse(direct.URL)
	if err != nil {
		t.Fatal(err)
	}
	var told string
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if told == "" || !strings.HasSuffix(r.Request.URL.Path, "/statistics") {
			return nil
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(told)), int64(len(told))
		r.Header.Del("Content-Length")
		return nil
	}
	between := httptest.NewServer(proxy)
	defer between.Close()
	client, err := coc.New(coc.Config{Endpoint: between.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	caller := callerOf(t, direct.URL)
	id := coc.ExecuteUUID(sim.UUID("two"))
	read := func() coc.Statistics {
		t.Helper()
		s, err := client.Statistics(t.Context(), caller, id)
		if err != nil {
			t.Fatalf("told %s: %v", told, err)
		}
		s.Counts = slices.DeleteFunc(s.Counts, func(c coc.StatusCount) bool { return c.Count == 0 })
		slices.SortFunc(s.Counts, func(a, b coc.StatusCount) int { return cmp.Compare(a.Status, b.Status) })
		return s
	}
	want := read()
	if want.Total != 6 || want.Failed() != 1 {
		t.Fatalf("the simulator counts %+v", want)
	}
	for name, answer := range map[string]any{
		"nothing":       object{},
		"no counts":     object{"total_instance": 6, "execute_statistics": []any{}},
		"none":          object{"total_instance": 0, "execute_statistics": nil},
		"less than one": object{"total_instance": 6, "execute_statistics": []any{count("READY", 8), count("PROCESSING", -2)}},
		"another sum":   object{"total_instance": 5, "execute_statistics": []any{count("READY", 6)}},
		"too many": object{"total_instance": 1 << 31, "execute_statistics": []any{
			count("READY", 1<<30), count("PROCESSING", 1<<30)}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := json.NewEncoder(&b).Encode(object{"data": answer}); err != nil {
				t.Fatal(err)
			}
			told = b.String()
			if diff := gocmp.Diff(want, read()); diff != "" {
				t.Error("counted otherwise (-want +got)\n" + diff)
			}
		})
	}
}

type object map[string]any

func count(status string, n int) object {
	return object{"instance_status": status, "instance_count": n, "batch_indexes": []int{1}}
}

func callerOf(t *testing.T, endpoint string) coc.Caller {
	t.Helper()
	c, err := iam.New(iam.Config{Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	id, token, err := c.SignIn(t.Context(), iam.PasswordRequest{Account: "demo", User: "operator", Password: "operator", Project: "cn-north-4"})
	if err != nil {
		t.Fatal(err)
	}
	return coc.Caller{Credential: huawei.NewToken(token.Reveal()), Language: coc.EnUS, ProjectID: id.ProjectID}
}
