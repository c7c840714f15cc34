package repo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"coc-console/audit"
	"coc-console/internal/cli"
	"coc-console/internal/e2e"
	"coc-console/internal/settings"
)

// deployFiles are the files for whoever deploys the console, by name.
func deployFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("deploy", func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[filepath.ToSlash(name)] = read(t, name)
		return nil
	})
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// documents parses all documents of a file of YAML.
func documents(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(read(t, name)))
	for {
		var one map[string]any
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
}

// at follows keys, and numbers of lists, into a document; nil: there is nothing.
func at(doc any, keys ...any) any {
	for _, key := range keys {
		switch k := key.(type) {
		case string:
			m, _ := doc.(map[string]any)
			doc = m[k]
		case int:
			l, _ := doc.([]any)
			if k >= len(l) {
				return nil
			}
			doc = l[k]
		}
	}
	return doc
}

// consoleSettings are the settings of the console, by the names of their flags.
func consoleSettings(t *testing.T) map[string]bool {
	t.Helper()
	var out bytes.Buffer
	if err := cli.Run(t.Context(), []string{"config", "--format", "json"}, e2e.NoEnvironment, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var all struct{ Settings []struct{ Setting string } }
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"config": true}
	for _, s := range all.Settings {
		known[s.Setting] = true
	}
	return known
}

var (
	flagName     = regexp.MustCompile(`--[a-z][a-z-]+`)
	variableName = regexp.MustCompile(`COC_CONSOLE_[A-Z_]+`)
)

// TestDeployNamesSettings: flags and variables that the files give to the console exist.
func TestDeployNamesSettings(t *testing.T) {
	known, variables := consoleSettings(t), map[string]bool{}
	for name := range known {
		variables[settings.Variable(name)] = true
	}
	found := 0
	for name, text := range deployFiles(t) {
		for _, v := range variableName.FindAllString(text, -1) {
			if found++; !variables[v] {
				t.Errorf("%s: there is no setting %s", name, v)
			}
		}
		for line := range strings.Lines(text) {
			_, command, ok := strings.Cut(line, "coc-console serve")
			if !ok && strings.Contains(line, "[serve,") {
				command, ok = line, true
			}
			for _, f := range flagName.FindAllString(command, -1) {
				if found++; ok && !known[strings.TrimPrefix(f, "--")] {
					t.Errorf("%s: there is no setting %s", name, f)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d settings were found", found)
	}
}

// TestDeployConfigs: serve would take the files of settings, once what they leave open is filled in.
func TestDeployConfigs(t *testing.T) {
	folder := t.TempDir()
	password := filepath.Join(folder, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	filled := regexp.MustCompile(`(?m)^#(coc-endpoint|iam-endpoint|accounts|managers|trusted-proxies|metrics-listen|url):`)
	for _, name := range []string{"deploy/debian/config.yaml", "deploy/kubernetes/config.yaml"} {
		text := filled.ReplaceAllString(read(t, name), "$1:")
		text = strings.ReplaceAll(text, "/secrets/database-password", password)
		file := filepath.Join(folder, path.Base(path.Dir(name))+".yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := cli.Run(t.Context(), []string{"config", "--config", file}, e2e.NoEnvironment, io.Discard, io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	environment, _ := at(documents(t, "deploy/docker/compose.yaml")[0], "services", "console", "environment").(map[string]any)
	variables := map[string]string{}
	for name, value := range environment {
		variables[name], _ = value.(string)
	}
	for name, value := range map[string]string{"COC_ENDPOINT": "https://coc.example.com", "IAM_ENDPOINT": "https://iam.example.com", "ACCOUNTS": "acme"} {
		if variables["COC_CONSOLE_"+name] != "${"+name+":?}" {
			t.Errorf("compose gives the console %q as %s", variables["COC_CONSOLE_"+name], name)
		}
		variables["COC_CONSOLE_"+name] = value
	}
	variables["COC_CONSOLE_URL"] = strings.ReplaceAll(variables["COC_CONSOLE_URL"], "${CONSOLE_HOST:?}", "ops.example.com")
	variables["COC_CONSOLE_MANAGERS"], variables["COC_CONSOLE_DATABASE_PASSWORD_FILE"] = "", password
	if err := cli.Run(t.Context(), []string{"config"}, func(name string) string { return variables[name] }, io.Discard, io.Discard); err != nil {
		t.Errorf("compose: %v", err)
	}
}

// TestKubernetes: the manifests fit each other and the console, whose probes answer, and ask for no rights.
func TestKubernetes(t *testing.T) {
	kinds := map[string]any{}
	resources, _ := at(documents(t, "deploy/kubernetes/kustomization.yaml")[0], "resources").([]any)
	for _, r := range resources {
		for _, d := range documents(t, "deploy/kubernetes/"+r.(string)) {
			kinds[d["kind"].(string)] = d
		}
	}
	files, err := filepath.Glob("deploy/kubernetes/*.yaml")
	if err != nil || len(resources) != len(files)-2 { // besides kustomization.yaml and the console's settings
		t.Errorf("kustomization.yaml lists %d files, there are %d, %v", len(resources), len(files), err)
	}
	pod := at(kinds["Deployment"], "spec", "template", "spec")
	container := at(pod, "containers", 0)
	for what, tt := range map[string]struct{ got, want any }{
		"service account": {at(pod, "automountServiceAccountToken"), false},
		"root":            {at(pod, "securityContext", "runAsNonRoot"), true},
		"seccomp":         {at(pod, "securityContext", "seccompProfile", "type"), "RuntimeDefault"},
		"escalation":      {at(container, "securityContext", "allowPrivilegeEscalation"), false},
		"file system":     {at(container, "securityContext", "readOnlyRootFilesystem"), true},
		"capabilities":    {at(container, "securityContext", "capabilities", "drop", 0), "ALL"},
		"host network":    {at(pod, "hostNetwork"), nil},
		"memory":          {at(container, "resources", "limits", "memory") != nil, true},
		"secrets' mode":   {at(pod, "volumes", 1, "secret", "defaultMode"), 0o440}, // which the console takes for a key
		"disruption":      {at(kinds["PodDisruptionBudget"], "spec", "minAvailable"), 1},
		"egress":          {at(kinds["NetworkPolicy"], "spec", "policyTypes", 1), "Egress"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", what, tt.got, tt.want)
		}
	}
	label := at(kinds["Deployment"], "spec", "template", "metadata", "labels", "app.kubernetes.io/name")
	for what, got := range map[string]any{
		"deployment": at(kinds["Deployment"], "spec", "selector", "matchLabels", "app.kubernetes.io/name"),
		"service":    at(kinds["Service"], "spec", "selector", "app.kubernetes.io/name"),
		"disruption": at(kinds["PodDisruptionBudget"], "spec", "selector", "matchLabels", "app.kubernetes.io/name"),
		"network":    at(kinds["NetworkPolicy"], "spec", "podSelector", "matchLabels", "app.kubernetes.io/name"),
	} {
		if got != label || got == nil {
			t.Errorf("the %s selects %v, and the pods are %v", what, got, label)
		}
	}
	config := documents(t, "deploy/kubernetes/config.yaml")[0]
	for i, setting := range []string{"listen", "metrics-listen"} {
		_, port, _ := strings.Cut(config[setting].(string), ":")
		if got := at(container, "ports", i, "containerPort"); got != number(port) {
			t.Errorf("port %v of the container, and --%s is %v", got, setting, config[setting])
		}
		if a, b := at(container, "ports", i, "name"), at(kinds["Service"], "spec", "ports", i, "targetPort"); a != b {
			t.Errorf("the service leads to %v, the port is %v", b, a)
		}
	}
	console := e2e.Launch(t, e2e.NoEnvironment)
	for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		get := at(container, probe, "httpGet")
		if at(get, "port") != "http" {
			t.Errorf("%s asks at %v", probe, at(get, "port"))
		}
		address, _ := at(get, "path").(string)
		if status := statusOf(t, console.URL+address); address == "" || status != http.StatusOK {
			t.Errorf("%s asks at %q, which answers %d", probe, address, status)
		}
	}
}

func number(text string) (n int) {
	for _, c := range text {
		n = 10*n + int(c-'0')
	}
	return n
}

func statusOf(t *testing.T, address string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// TestContainers: the image is the console alone, built with the toolchain of releases; what runs beside it has few rights.
func TestContainers(t *testing.T) {
	dockerfile := read(t, "deploy/docker/Dockerfile")
	toolchain := strings.TrimPrefix(strings.TrimSpace(read(t, ".ci/release-toolchain")), "go")
	for _, want := range []string{"\nFROM golang:" + toolchain + " AS build\n", "\nFROM scratch\n", "\nUSER 65532:65532\n", "CGO_ENABLED=0 go build -trimpath",
		"\nENTRYPOINT [\"/coc-console\"]\n"} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
	compose := documents(t, "deploy/docker/compose.yaml")[0]
	for _, service := range []string{"console", "proxy"} {
		s := at(compose, "services", service)
		if at(s, "read_only") != true || at(s, "cap_drop", 0) != "ALL" || at(s, "security_opt", 0) != "no-new-privileges:true" {
			t.Errorf("%s: it can write to %v, keeps %v, %v", service, at(s, "read_only"), at(s, "cap_drop"), at(s, "security_opt"))
		}
	}
	if at(compose, "services", "console", "ports") != nil || at(compose, "services", "database", "ports") != nil {
		t.Error("the console or the database is reached without the proxy")
	}
	proxy := at(compose, "services", "proxy", "networks", "front", "ipv4_address")
	if trusted := at(compose, "services", "console", "environment", "COC_CONSOLE_TRUSTED_PROXIES"); trusted != proxy {
		t.Errorf("the console believes %v, and the proxy is %v", trusted, proxy)
	}
	_, port, _ := strings.Cut(at(compose, "services", "console", "environment", "COC_CONSOLE_LISTEN").(string), ":")
	if caddy := read(t, "deploy/docker/Caddyfile"); !strings.Contains(caddy, "reverse_proxy console:"+port+"\n") {
		t.Errorf("the proxy does not lead to port %s:\n%s", port, caddy)
	}
}

// TestPackage: what the Debian package is made of is there, and its units take the sockets that its settings name.
func TestPackage(t *testing.T) {
	nfpm := documents(t, "deploy/debian/nfpm.yaml")[0]
	contents, _ := at(nfpm, "contents").([]any)
	var from []string
	for i := range contents {
		if src, ok := at(nfpm, "contents", i, "src").(string); ok {
			from = append(from, src)
		}
	}
	for _, script := range []string{"postinstall", "preremove", "postremove"} {
		from = append(from, at(nfpm, "scripts", script).(string))
	}
	for _, name := range from {
		if _, err := os.Stat(name); err != nil && name != "${BINARY}" {
			t.Error(err)
		}
	}
	var names []string
	files := deployFiles(t)
	for name, text := range files {
		if path.Ext(name) == ".socket" {
			if !slices.Contains(from, name) {
				t.Errorf("the package lacks %s", name)
			}
			names = append(names, regexp.MustCompile(`\nFileDescriptorName=(\w+)\n`).FindStringSubmatch(text)[1])
		}
	}
	for _, socket := range regexp.MustCompile(`systemd:(\w+)`).FindAllStringSubmatch(files["deploy/debian/config.yaml"], -1) {
		if !slices.Contains(names, socket[1]) {
			t.Errorf("config.yaml names socket %s, the units have %v", socket[1], names)
		}
	}
}

var (
	ownMetric  = regexp.MustCompile(`(?:gauge|counter|histogram)\("([a-z_]+)"`)
	goMetric   = regexp.MustCompile(`"(go_[a-z_]+)"`)
	processed  = regexp.MustCompile(`process\("([a-z_]+)"`)
	usedMetric = regexp.MustCompile(`\b((?:coc_console|go|process)_[a-z_]+)`)
)

// TestMonitoring: the alerts and the dashboard ask for figures that the console has, and point to what is written of them.
func TestMonitoring(t *testing.T) {
	known := map[string]bool{}
	for _, m := range ownMetric.FindAllStringSubmatch(read(t, "web/metrics.go")+read(t, "web/metrics_notices.go"), -1) {
		for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
			known["coc_console_"+m[1]+suffix] = true
		}
	}
	for _, m := range goMetric.FindAllStringSubmatch(read(t, "internal/metrics/runtime.go"), -1) {
		known[m[1]] = true
	}
	for _, m := range processed.FindAllStringSubmatch(read(t, "internal/metrics/process.go"), -1) {
		known["process_"+m[1]] = true
	}
	operations := read(t, "docs/operations.md")
	for name := range known {
		own, isOwn := strings.CutPrefix(name, "coc_console_")
		derived := strings.HasSuffix(own, "_bucket") || strings.HasSuffix(own, "_count") || strings.HasSuffix(own, "_sum")
		if isOwn && !derived && !strings.Contains(operations, "`"+own+"`") {
			t.Errorf("docs/operations.md does not say what %s is", name)
		}
	}
	for _, kind := range audit.WarningKinds() {
		if !strings.Contains(operations, "`"+kind+"`") {
			t.Errorf("docs/operations.md does not say what to do at the warning %s", kind)
		}
	}
	alerts := documents(t, "deploy/monitoring/alerts.yaml")[0]
	rules, _ := at(alerts, "groups", 0, "rules").([]any)
	var asked []string
	for _, rule := range rules {
		name, _ := at(rule, "alert").(string)
		asked = append(asked, at(rule, "expr").(string))
		if !strings.Contains(operations, "`"+name+"`") {
			t.Errorf("docs/operations.md does not say what to do at %s", name)
		}
	}
	var board struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/monitoring/dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			asked = append(asked, target.Expr)
		}
	}
	if len(rules) < 15 || len(board.Panels) < 20 {
		t.Errorf("%d alerts, %d panels", len(rules), len(board.Panels))
	}
	for _, expression := range asked {
		for _, name := range usedMetric.FindAllString(expression, -1) {
			if !known[name] {
				t.Errorf("there is no %s, which %q asks for", name, expression)
			}
		}
	}
}
