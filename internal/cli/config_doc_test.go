package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coc-console/internal/settings"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the settings into docs/configuration.md")

// TestConfigurationDocument: docs/configuration.md has the settings as the
// program does.
func TestConfigurationDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "-update -->\n", "<!-- end -->"
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatal("the document has no place for the settings")
	}
	want := head + begin + settingsTables() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Error("docs/configuration.md is stale: go test ./internal/cli -run TestConfigurationDocument -update writes it")
	}
	for _, s := range allSettings() {
		for former, now := range s.Former {
			if !strings.Contains(tail, "`--"+former+"`") || !strings.Contains(tail, "`--"+now+"`") {
				t.Errorf("it does not say that --%s is called --%s", former, now)
			}
		}
	}
}

func allSettings() []*settings.Set {
	p := &commandLine{getenv: noEnvironment, stdout: io.Discard, stderr: io.Discard}
	p.commands()
	return p.settings
}

func settingsTables() string {
	var b strings.Builder
	for _, group := range []struct{ name, title string }{{"", "The console"}, {"audit", "Commands on the audit log"},
		{"backup", "Backup and restore"}, {"simulate", "The simulator alone"}} {
		fmt.Fprintf(&b, "\n## %s\n\n| setting | default | |\n|---|---|---|\n", group.title)
		seen := map[string]bool{}
		for _, s := range allSettings() {
			if s.Group != group.name {
				continue
			}
			set := s.Own
			if group.name == "" {
				set = s.Console
			}
			set.VisitAll(func(f *pflag.Flag) {
				if !seen[f.Name] {
					b.WriteString(settingRow(f))
				}
				seen[f.Name] = true
			})
		}
	}
	return b.String() + "\n"
}

func settingRow(f *pflag.Flag) string {
	value := f.DefValue
	switch {
	case value == "false":
		value = "off"
	case value != "":
		value = "`" + strings.Replace(strings.TrimSuffix(value, "m0s"), "h0", "h", 1) + "`"
	}
	if strings.HasSuffix(f.DefValue, "m0s") && !strings.HasSuffix(f.DefValue, "h0m0s") {
		value = "`" + strings.TrimSuffix(f.DefValue, "0s") + "`"
	}
	_, usage := settings.Usage(f)
	return fmt.Sprintf("| `--%s` | %s | %s |\n", f.Name, value, strings.ReplaceAll(usage, "|", "\\|"))
}
