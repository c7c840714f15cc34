package cli

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/internal/simulator"
)

// simulation is `coc-console simulate` within the test.
type simulation struct {
	text       string // what the start printed
	url, admin string
}

// launchSimulator starts it on free ports, and stops it at the test's end.
func launchSimulator(t *testing.T, getenv func(string) string, args ...string) simulation {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	args = append([]string{"simulate", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)
	go func() {
		err := Run(ctx, args, getenv, in, io.Discard)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	var s simulation
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		line := scanner.Text()
		s.text += line + "\n"
		if url, ok := strings.CutPrefix(line, "IAM and COC, simulated: "); ok {
			s.url = url
		}
		if url, ok := strings.CutPrefix(line, "Admin: "); ok {
			s.admin = url
		}
		if strings.HasSuffix(line, " tickets") {
			return s
		}
	}
	t.Fatalf("it did not start: %v\n%s", scanner.Err(), s.text)
	return s
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestSimulate(t *testing.T) {
	s := launchSimulator(t, noEnvironment)
	if status, body := get(t, s.url+"/v1/job/script/orders"); status != http.StatusUnauthorized || !strings.Contains(body, "APIGW.0301") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, s.admin+"/calls"); status != http.StatusOK || body != `{"calls":{"list-tickets":1}}` {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, s.url+"/calls"); status != http.StatusNotFound {
		t.Errorf("the admin's calls on the other address: %d", status)
	}
	key := simulator.DemoKey("operator")
	for _, want := range []string{"--coc-endpoint " + s.url + " --iam-endpoint " + s.url + " --accounts demo", `WithAk("` + key.ID + `")`, `secret_key = "` + key.Secret + `"`,
		`auth_url   = "` + s.url + `/v3"`, "Access=" + key.ID, s.admin + "/faults", "68 tickets"} {
		if !strings.Contains(s.text, want) {
			t.Errorf("the start does not print %q:\n%s", want, s.text)
		}
	}
	runExamples(t, s.text)
}

// runExamples runs the lines for curl as they were printed.
func runExamples(t *testing.T, text string) {
	t.Helper()
	for _, program := range []string{"sh", "curl", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("without %s the examples for curl are not run", program)
			return
		}
	}
	for _, title := range []string{"curl, with a token:\n", "curl, with an access key:\n"} {
		_, script, _ := strings.Cut(text, title)
		script, _, _ = strings.Cut(script, "\n\n")
		out, err := exec.CommandContext(t.Context(), "sh", "-e", "-c", script).Output()
		if err != nil || !strings.HasPrefix(string(out), `{"data":{"total":68,`) {
			t.Errorf("%s%v %s", title, err, out)
		}
	}
}

// TestSimulateExample: the file that is printed can be used, and flags win.
func TestSimulateExample(t *testing.T) {
	var out strings.Builder
	if err := Run(t.Context(), []string{"simulate", "--example"}, noEnvironment, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "scenario.json")
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		return map[string]string{"COC_CONSOLE_SIMULATE_SCENARIO": file, "COC_CONSOLE_SIMULATE_SPEED": "0"}[name]
	}
	s := launchSimulator(t, env)
	if !strings.Contains(s.text, "1001 tickets") || !strings.Contains(s.text, "account acme, user alice, password correct horse") {
		t.Errorf("%s", s.text)
	}
	if status, body := get(t, s.admin+"/clock"); status != http.StatusOK || body != `{"now":"2026-03-02T09:00:00Z","speed":0}` {
		t.Errorf("%d %s", status, body)
	}
}

func TestSimulateSeed(t *testing.T) {
	uuids := func(args ...string) string {
		args = append(args, "--speed", "0", "--scenario", filepath.Join(t.TempDir(), "s.json"))
		if err := os.WriteFile(args[len(args)-1], []byte(`{"start":"2026-03-02T09:00:00Z","seed":1}`), 0o600); err != nil {
			t.Fatal(err)
		}
		_, body := get(t, launchSimulator(t, noEnvironment, args...).admin+"/tickets")
		return body
	}
	if uuids() != uuids("--seed", "1") {
		t.Error("one seed, two runs")
	}
	if uuids() == uuids("--seed", "2") {
		t.Error("two seeds, one run")
	}
}

func TestSimulateWrongSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scenario.json")
	if err := os.WriteFile(file, []byte("{\n// one\n\"sed\": 1}"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"--listen", "x"}, `--listen: "x" is not an address such as 127.0.0.1:8081`},
		{[]string{"--listen", "256.0.0.1:1"}, "--listen: "},
		{[]string{"--admin", "x"}, `--admin: "x" is not an address`},
		{[]string{"--listen", "127.0.0.1:0", "--admin", "256.0.0.1:1"}, "--admin: "},
		{[]string{"--speed", "-1"}, "--speed: -1 is not a factor from 0 to 100000"},
		{[]string{"--speed", "NaN"}, "--speed: NaN"},
		{[]string{"--speed", "fast"}, `--speed: "fast" is not a number`},
		{[]string{"--seed", "-1"}, `--seed: "-1" is not a number`},
		{[]string{"--scenario", "no-such-file"}, "--scenario: open no-such-file"},
		{[]string{"--scenario", file}, "--scenario: " + file + `: line 3: there is no key "sed" here`},
		{[]string{"--data", "x"}, "there is no setting --data"},
		{[]string{"now"}, `simulate takes no argument "now"`},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := Run(ctx, append([]string{"simulate"}, test.args...), noEnvironment, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	env := func(name string) string { return map[string]string{"COC_CONSOLE_SIMULATE_SEED": "x"}[name] }
	if err := Run(t.Context(), []string{"simulate"}, env, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), `--seed: COC_CONSOLE_SIMULATE_SEED has the wrong value: "x"`) {
		t.Errorf("%v", err)
	}
}
