package cli

import (
	"bytes"
	"coc-console/internal/settings"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// environment is one of the given variables.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// printed runs a command, which must end well, and returns what it prints.
func printed(t *testing.T, getenv func(string) string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Run(t.Context(), args, getenv, &out, io.Discard); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return out.String()
}

// refused runs a command, which must fail, and returns its error.
func refused(t *testing.T, getenv func(string) string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := Run(t.Context(), args, getenv, &out, io.Discard)
	if err == nil {
		t.Fatalf("%q: it ends well and prints\n%s", args, out.String())
	}
	return err.Error()
}

// inForce are the settings that config prints.
func inForce(t *testing.T, getenv func(string) string, args ...string) map[string]settingLine {
	t.Helper()
	var out struct{ Settings []settingLine }
	text := printed(t, getenv, append([]string{"config", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	all := map[string]settingLine{}
	for _, l := range out.Settings {
		all[l.Setting] = l
	}
	return all
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAccountsSetting: the list comes from several flags and commas, which
// together replace the variable.
// TestProviders: a file names several providers; what is wrong with it is said with its place.
func TestProviders(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "secret"), []byte("s3cret-of-the-client\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(text string) (config, error) {
		t.Helper()
		file := filepath.Join(folder, "providers.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := config{oidc: oidcConfig{oidcProvider: oidcProvider{Exchange: exchangeToken}, file: file}}
		c.oidc.complete()
		return c, c.oidc.check()
	}
	const one = "- {name: acme, label: ACME, issuer: https://login.example.com, client-id: c, idp: acme"
	c, err := read("providers:\n" + one + ", client-secret-file: secret, scopes: [profile, offline_access], groups-claim: groups, groups-prefix: acme/, exchange: keys}\n" +
		"- {name: other, label: Other, issuer: https://other.example.com, client-id: c, idp: other}\n")
	if err != nil {
		t.Fatal(err)
	}
	all := c.oidc.all()
	if len(all) != 2 || all[0].Exchange != exchangeKeys || all[1].Exchange != exchangeToken || all[0].GroupsPrefix != "acme/" || len(all[0].Scopes) != 2 {
		t.Errorf("it is read as %+v", all)
	}
	if secret, err := all[0].secret(); err != nil || secret != "s3cret-of-the-client" {
		t.Errorf("the secret is read with %v", err)
	}
	c.oidc.Issuer, c.oidc.ClientID, c.oidc.IDP = "https://first.example.com", "c", "first"
	if all := c.oidc.all(); len(all) != 3 || all[0].IDP != "first" {
		t.Errorf("besides one of the flags they are %+v", all)
	}
	for text, want := range map[string]string{
		"": "is empty", "providers: []": "a list of one to", "providers:\n" + one + "}\n" + one + "}": "line 3: provider 2: name is",
		"providers:\n" + one + ", colour: red}": "line 2", "providers:\n" + strings.Replace(one, "https", "http", 1) + "}": "provider acme: issuer",
		"providers:\n" + strings.Replace(one, "label: ACME, ", "", 1) + "}": "label is needed", "providers:\n" + one + ", exchange: cash}": "exchange: is token or keys",
		"providers:\n" + one + ", client-secret-file: none}": "client-secret-file", "providers:\n" + strings.Replace(one, "name: acme", "name: A b", 1) + "}": "provider 1: name is",
		"providers:\n" + one + "}\n" + strings.Replace(one, "name: acme", "name: b", 1) + "}": "provider b: label is that of another",
		"providers:\n" + strings.Replace(one, "ACME", "\"  \"", 1) + "}":                      "label is needed",
		"providers:\n" + strings.Replace(one, "ACME", "\"a\\u202Eb\"", 1) + "}":               "label has characters that don't show",
		"providers:\n" + strings.Replace(one, "ACME", "\"a\\nb\"", 1) + "}":                   "label has characters that don't show",
		"providers:\n" + strings.Replace(one, "ACME", strings.Repeat("ä", 61), 1) + "}":       "label is longer than 60",
		"providers:\n" + one + "}\nextra: 1":                                                  `providers.yaml: line 3: there is no field "extra"`,
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), "oidc-providers") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAccountsSetting(t *testing.T) {
	endpoints := []string{"--coc-endpoint", "https://coc.example.com", "--iam-endpoint", "https://iam.example.com"}
	for _, tt := range []struct {
		variable string
		args     []string
		want     string
	}{
		{"", []string{"--accounts", "a,b"}, "a,b"},
		{"", []string{"--accounts", "a", "--accounts=b, c"}, "a,b,c"},
		{"x,y", nil, "x,y"},
		{"x,y", []string{"--accounts", "a", "--accounts", "b"}, "a,b"},
	} {
		getenv := environment(map[string]string{"COC_CONSOLE_ACCOUNTS": tt.variable})
		if got := inForce(t, getenv, append(slices.Clone(endpoints), tt.args...)...)["accounts"].Value; got != tt.want {
			t.Errorf("%q and %q: %q", tt.variable, tt.args, got)
		}
	}
	if got := inForce(t, noEnvironment)["accounts"].Value; got != "" {
		t.Errorf("on the simulator: %q", got)
	}
}

// TestPrecedence: a flag wins over a variable, which wins over the file, which
// wins over the default; config says which it was.
func TestPrecedence(t *testing.T) {
	file := written(t, "settings.yaml", `
# a comment
call-timeout: 4s
connect-timeout: 3s
effect-timeout: 2s
managers: [demo/a, demo/b]
demo: true
audit:
  interval: 9s
simulate:
  listen: 127.0.0.1:9
`)
	variables := map[string]string{"COC_CONSOLE_CALL_TIMEOUT": "14s", "COC_CONSOLE_CONNECT_TIMEOUT": "13s", "COC_CONSOLE_AUDIT_INTERVAL": "19s"}
	got := inForce(t, environment(variables), "--config", file, "--call-timeout", "24s")
	for setting, want := range map[string]settingLine{
		"call-timeout":       {"call-timeout", "24s", settings.Origin{Source: "flag", From: "--call-timeout"}},
		"connect-timeout":    {"connect-timeout", "13s", settings.Origin{Source: "variable", From: "COC_CONSOLE_CONNECT_TIMEOUT"}},
		"effect-timeout":     {"effect-timeout", "2s", settings.Origin{Source: "file", From: file + ":5"}},
		"live-poll-interval": {"live-poll-interval", "5s", settings.Origin{Source: "default", From: ""}},
		"managers":           {"managers", "demo/a,demo/b", settings.Origin{Source: "file", From: file + ":6"}},
		"demo":               {"demo", "true", settings.Origin{Source: "file", From: file + ":7"}},
		"audit.interval":     {"audit.interval", "19s", settings.Origin{Source: "variable", From: "COC_CONSOLE_AUDIT_INTERVAL"}},
		"simulate.listen":    {"simulate.listen", "127.0.0.1:9", settings.Origin{Source: "file", From: file + ":11"}},
	} {
		if got[setting] != want {
			t.Errorf("%s: %+v, want %+v", setting, got[setting], want)
		}
	}
	variables["COC_CONSOLE_CONFIG"] = file // the file, too, can be named by its variable
	if l := inForce(t, environment(variables))["effect-timeout"]; l.Value != "2s" {
		t.Errorf("%+v", l)
	}
}

// TestPrecedenceOfEveryCommand: every setting of every command can come from
// its variable and from the file, and a flag wins.
func TestPrecedenceOfEveryCommand(t *testing.T) {
	folder := written(t, "not-a-log", "")
	for _, command := range [][]string{
		{"audit", "verify", "--public-key", "k"}, {"audit", "export"}, {"audit", "tail"}, {"audit", "checkpoint"}, {"audit", "reindex"},
		{"backup", filepath.Join(t.TempDir(), "b")}, {"sessions", "list"},
	} {
		file := written(t, "settings.yaml", "database: file://x\n")
		if err := refused(t, noEnvironment, append(command, "--config", file)...); !strings.Contains(err, "postgres://") {
			t.Errorf("%q by file: %s", command, err)
		}
		variable := environment(map[string]string{"COC_CONSOLE_DATABASE": "variable://x"})
		if err := refused(t, variable, command...); !strings.Contains(err, "postgres://") {
			t.Errorf("%q by variable: %s", command, err)
		}
		if err := refused(t, variable, append(command, "--database", "", "--data", folder)...); strings.Contains(err, "postgres://") {
			t.Errorf("%q by flag: %s", command, err)
		}
	}
	file := written(t, "settings.yaml", "policy: /nowhere/file.cedar\nsimulate:\n  speed: -1\n")
	if err := refused(t, noEnvironment, "policy", "check", "--config", file); !strings.Contains(err, "/nowhere/file.cedar") {
		t.Errorf("policy by file: %s", err)
	}
	if err := refused(t, noEnvironment, "simulate", "--config", file); !strings.Contains(err, "--speed") {
		t.Errorf("simulate by file: %s", err)
	}
}

// TestConfigFileMistakes: each is one line that names the file, the line and the
// key.
func TestConfigFileMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"unknown key":      {"data: x\nlisten-on: y\n", []string{":2: ", `"listen-on"`}},
		"slip":             {"lisen: y\n", []string{":1: ", `"lisen"`, `did you mean "listen"`}},
		"unknown in group": {"audit:\n  formt: csv\n", []string{":2: ", `"audit.formt"`, `"audit.format"`}},
		"unknown group":    {"adit:\n  format: csv\n", []string{":1: ", `"adit"`}},
		"twice":            {"data: x\ndata: y\n", []string{":2: ", "data", ":1"}},
		"no value":         {"data:\n", []string{":1: ", "data", "no value"}},
		"several values":   {"data: [x, y]\n", []string{":1: ", "data", "one value"}},
		"wrong value":      {"\ncall-timeout: soon\n", []string{"--call-timeout", ":2", "soon"}},
		"wrong word":       {"log-format: xml\n", []string{"--log-format", ":1", `"xml"`}},
		"no settings":      {"- listen\n", []string{":1: "}},
		"no YAML":          {"listen: [\n", []string{"line"}},
		"TOML":             {"# of the console\nlisten = \"127.0.0.1:1\"\n", []string{":2", "this is TOML", "the file is YAML"}},
		"a table of TOML":  {"[audit]\nformat = \"json\"\n", []string{":1", "this is TOML"}},
		"two documents":    {"data: x\n---\ndata: y\n", []string{"more than one document"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, "settings.yaml", tt.text)
			err := refused(t, noEnvironment, "config", "--config", file)
			for _, want := range append(tt.want, file) {
				if !strings.Contains(err, want) {
					t.Errorf("it says %q, without %q", err, want)
				}
			}
		})
	}
	if err := refused(t, noEnvironment, "--config", "/nowhere/settings.yaml"); !strings.Contains(err, "--config") || !strings.Contains(err, "/nowhere/settings.yaml") {
		t.Errorf("no file: %s", err)
	}
	if got := inForce(t, noEnvironment, "--config", written(t, "settings.yaml", "# nothing\n")); got["listen"].Source != "default" {
		t.Errorf("an empty file: %+v", got["listen"])
	}
}

// TestConfigHidesSecrets: passwords and keys in addresses are not printed.
func TestConfigHidesSecrets(t *testing.T) {
	args := []string{"config", "--database", "postgres://coc:s3cret@db.example.com/coc?sslmode=require&sslpassword=s3cret",
		"--anchor-webhook", "https://hooks.example.com/services/s3cret?key=s3cret"}
	for _, format := range []string{"text", "json"} {
		text := printed(t, noEnvironment, append(args, "--format", format)...)
		if strings.Contains(text, "s3cret") {
			t.Errorf("it prints a secret:\n%s", text)
		}
		for _, want := range []string{"postgres://coc:xxxxx@db.example.com/coc", "https://hooks.example.com/xxxxx"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing:\n%s", want, text)
			}
		}
	}
}

// TestDatabasePasswordFile: the password of the file gets into the address, and is not shown.
func TestDatabasePasswordFile(t *testing.T) {
	password := written(t, "password", "s3 c/ret@\nnote\n")
	for address, want := range map[string]string{
		"postgres://coc@db.example.com/coc?sslmode=require": "postgres://coc:s3%20c%2Fret%40@db.example.com/coc?sslmode=require",
		"postgres:///coc?host=/run/postgresql":              "postgres:///coc?host=%2Frun%2Fpostgresql&password=s3+c%2Fret%40",
	} {
		var cfg config
		s := consoleSettings(&cfg)
		variables := map[string]string{"COC_CONSOLE_DATABASE": address, "COC_CONSOLE_DATABASE_PASSWORD_FILE": password}
		if err := s.Resolve(environment(variables), settings.File{}); err != nil || cfg.database != want {
			t.Errorf("%s: %q, %v", address, cfg.database, err)
		}
		for _, command := range []string{"config", "config --format json"} {
			if text := printed(t, environment(variables), strings.Fields(command)...); strings.Contains(text, "s3") || !strings.Contains(text, password) {
				t.Errorf("%s prints\n%s", command, text)
			}
		}
	}
	for name, tt := range map[string]struct{ address, file, want string }{
		"both":            {"postgres://coc:s3cret@db.example.com/coc", password, "leave one of them out"},
		"both in a query": {"postgres://db.example.com/coc?user=coc&password=s3cret", password, "leave one of them out"},
		"no database":     {"", password, "--database-password-file: goes with --database"},
		"no file":         {"postgres://coc@db.example.com/coc", "/nowhere/password", "--database-password-file: "},
		"empty":           {"postgres://coc@db.example.com/coc", written(t, "empty", "\n"), "holds no password"},
	} {
		err := refused(t, noEnvironment, "serve", "--database", tt.address, "--database-password-file", tt.file)
		if !strings.Contains(err, tt.want) || strings.Contains(err, "s3cret") {
			t.Errorf("%s: it says %q, want %q", name, err, tt.want)
		}
	}
}

// TestConfigTellsWhatServeRefuses: the settings are printed nevertheless.
func TestConfigTellsWhatServeRefuses(t *testing.T) {
	var out bytes.Buffer
	err := Run(t.Context(), []string{"config", "--listen", "0.0.0.0:80"}, noEnvironment, &out, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--trusted-proxies") || !strings.Contains(out.String(), "0.0.0.0:80") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestMissingSettings: a first start outside of the simulator says everything that is missing at once; with the examples
// that it gives, nothing is. Each way to say the same leads there.
func TestMissingSettings(t *testing.T) {
	example := regexp.MustCompile(`(?m)^  ([a-z-]+): (\S+)`)
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"for other machines":   {[]string{"--listen", "0.0.0.0:443"}, []string{"coc-endpoint", "iam-endpoint", "accounts", "tls-cert", "tls-key"}},
		"behind a proxy":       {[]string{"--listen", "0.0.0.0:8080", "--trusted-proxies", "10.0.0.1"}, []string{"coc-endpoint", "iam-endpoint", "accounts"}},
		"on a socket":          {[]string{"--listen", "unix:/run/console.sock"}, []string{"coc-endpoint", "iam-endpoint", "accounts"}},
		"by systemd":           {[]string{"--listen", "systemd"}, []string{"coc-endpoint", "iam-endpoint", "accounts"}},
		"accounts alone":       {[]string{"--accounts", "acme"}, []string{"coc-endpoint", "iam-endpoint"}},
		"an endpoint, exposed": {[]string{"--listen", "[::]:443", "--iam-endpoint", "https://iam.example.com", "--accounts", "acme"}, []string{"coc-endpoint", "tls-cert", "tls-key"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := refused(t, noEnvironment, append([]string{"serve", "--data", t.TempDir()}, tt.args...)...)
			var found, given []string
			for _, m := range example.FindAllStringSubmatch(err, -1) {
				found, given = append(found, m[1]), append(given, "--"+m[1], m[2])
				if !strings.Contains(err, settings.Variable(m[1])+"="+m[2]) || !strings.Contains(err, "  --"+m[1]+" ") {
					t.Errorf("%s is not explained:\n%s", m[1], err)
				}
			}
			if !slices.Equal(found, tt.want) {
				t.Errorf("missing are %q, want %q:\n%s", found, tt.want, err)
			}
			var cfg config
			s := consoleSettings(&cfg)
			if err := s.Console.Parse(append(slices.Clone(tt.args), given...)); err != nil {
				t.Fatal(err)
			}
			if left := cfg.missing(); len(left) > 0 {
				t.Errorf("with the examples %+v is missing", left)
			}
		})
	}
	printed(t, noEnvironment, "config") // the simulator needs nothing
}

// TestFormerNames: the flags and variables of the release before still work.
func TestFormerNames(t *testing.T) {
	for former, now := range map[string]string{"job-rate": "bulk-rate", "observe": "effect-timeout", "person-limits": "user-limit-factor",
		"poll": "ticket-poll-interval", "session-idle": "session-idle-timeout", "watch": "live-poll-interval"} {
		value := "7s"
		if strings.Contains(now, "rate") || strings.Contains(now, "factor") {
			value = "7"
		}
		if got := inForce(t, noEnvironment, "--"+former, value)[now]; got.Value != value || got.Source != "flag" {
			t.Errorf("--%s: %+v", former, got)
		}
		if got := inForce(t, environment(map[string]string{settings.Variable(former): value}))[now]; got.Value != value || got.From != settings.Variable(former) {
			t.Errorf("%s: %+v", settings.Variable(former), got)
		}
		both := environment(map[string]string{settings.Variable(former): "1s", settings.Variable(now): value})
		if got := inForce(t, both)[now]; got.Value != value {
			t.Errorf("%s beside %s: %+v", settings.Variable(former), settings.Variable(now), got)
		}
		if help := printed(t, noEnvironment, "serve", "--help"); strings.Contains(help, "--"+former+" ") {
			t.Errorf("the help shows --%s", former)
		}
	}
	explain := []string{"policy", "explain", "--user", "a/b", "--operation", "CANCEL_ORDER"}
	if a, b := printed(t, noEnvironment, append(explain, "--glass")...), printed(t, noEnvironment, append(explain, "--override")...); a != b {
		t.Errorf("--glass says\n%s--override says\n%s", a, b)
	}
	if l := inForce(t, environment(map[string]string{"COC_CONSOLE_ANCHOR_FILE": "/a"}))["backup.anchor"]; l.Value != "/a" {
		t.Errorf("backup has %+v", l) // the console's file is what a backup is compared with
	}
}

// TestOneDash: flags may have one dash, as Go's own have.
func TestOneDash(t *testing.T) {
	got := inForce(t, noEnvironment, "-listen", "127.0.0.1:9", "-data=-x", "-demo", "--directory", "-demo")
	for setting, want := range map[string]string{"listen": "127.0.0.1:9", "data": "-x", "demo": "true", "directory": "-demo"} {
		if got[setting].Value != want {
			t.Errorf("%s: %+v", setting, got[setting])
		}
	}
}
