package notify_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/internal/notify"
	"coc-console/internal/operate"

	"coc-console/audit"
)

// TestExample reads the example of the documents, with the files that it names.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/notices.example.json")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{"notices.json": string(text), "ops-webhook.secret": secret, "night-chat.secret": "s",
		"night-chat.url": "https://open.feishu.cn/open-apis/bot/v2/hook/x", "mail.password": "p"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := notify.Load(filepath.Join(folder, "notices.json")); err != nil {
		t.Error(err)
	}
}

// TestDocument: the table of events has all of them, with their severities.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range notify.Names() {
		var row string
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "| `") && strings.Contains(line, "`"+string(name)+"`") {
				row = line
			}
		}
		if !strings.Contains(row, "| "+string(notify.SeverityOf(name))+" |") {
			t.Errorf("%s is %s, and its row says %q", name, notify.SeverityOf(name), row)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	const hook = `{"name": "a", "kind": "slack", "url": "https://hooks.example/canary"}`
	for text, want := range map[string]string{
		`{"targets": [}`:                      "line 1, column 14: not JSON",
		"":                                    "it is empty",
		"{\n\"targets\": [],\n\"rotes\": []}": `line 3, column 1: unknown field "rotes"`,
		"{\"targets\": [\n" + hook + ",\n " + hook + "],\n\"routes\": [\n{\"events\": [\"*\"], \"targets\": [\"b\"]}]}": `line 5, column 1: route 1: there is no target "b"`,
		"{\"targets\": [\n" + hook + ",\n " + hook + "]}":                                                               "line 3, column 2: target 2 \"a\": another has the same name",
		"{\"targets\": [],\n\"targets\": []}":                                                                           `line 2, column 1: "targets" is there twice, first on line 1`,
		`{"targets": [{"name": "a", "kind": "slack", "url": "https://x.example", "secret": "canary"}]}`:                 `unknown field "secret"`,
		`{} {}`: "something follows",
		`{"targets": [{"name": "a b", "kind": "slack", "url": "https://x.example"}]}`:                                                  "its name is not letters",
		`{"targets": [` + hook + `,` + hook + `]}`:                                                                                     "another has the same name",
		`{"targets": [{"name": "a", "kind": "slack"}]}`:                                                                                "either url or url_file",
		`{"targets": [{"name": "a", "kind": "slack", "url": "https://x.example", "url_file": "u"}]}`:                                   "either url or url_file",
		`{"targets": [{"name": "a", "kind": "slack", "url_file": "missing"}]}`:                                                         "url_file: stat",
		`{"targets": [{"name": "a", "kind": "slack", "url_file": "open"}]}`:                                                            "can be read by everybody",
		`{"targets": [{"name": "a", "kind": "slack", "url": "https://x.example", "language": "fr"}]}`:                                  `language "fr"`,
		`{"targets": [{"name": "a", "kind": "slack", "url": "https://x.example", "zone": "Mars"}]}`:                                    `zone "Mars"`,
		`{"targets": [{"name": "a", "kind": "slack", "url": "https://x.example", "ca_file": "open"}]}`:                                 "has no certificate",
		`{"targets": [{"name": "a", "kind": "webhook", "url": "https://x.example/canary"}]}`:                                           "secret_file does not hold whsec_",
		`{"targets": [{"name": "a", "kind": "slack", "url": "http://10.0.0.1/canary"}]}`:                                               "only https",
		`{"targets": [` + hook + `], "routes": [{"events": ["*"]}]}`:                                                                   "route 1: it needs events and targets",
		`{"targets": [` + hook + `], "routes": [{"events": ["consent.*"], "targets": ["a"]}]}`:                                         `no event is called "consent.*"`,
		`{"targets": [` + hook + `], "routes": [{"events": ["approval*"], "targets": ["a"]}]}`:                                         `no event is called "approval*"`,
		`{"targets": [` + hook + `], "routes": [{"events": ["*"], "targets": ["b"]}]}`:                                                 `there is no target "b"`,
		`{"targets": [` + hook + `], "routes": [{"events": ["*"], "severity": "high", "targets": ["a"]}]}`:                             `severity "high"`,
		`{"targets": [` + hook + `], "routes": [{"events": ["*"], "quiet": {"from": "10pm", "to": "07:00"}, "targets": ["a"]}]}`:       "not a time of the day",
		`{"targets": [` + hook + `], "routes": [{"events": ["*"], "quiet": {"from": "07:00", "to": "07:00"}, "targets": ["a"]}]}`:      "are the same",
		`{"targets": [` + hook + `], "routes": [{"events": ["*"], "quiet": {"from": "22:00", "to": "07:00"}, "targets": ["a"]}]}`:      `zone ""`,
		`{"targets": [{"name": "a", "kind": "mail", "url": "smtp://m.example:587", "from": "a@b.example", "to": [], "subject": "x"}]}`: `unknown field "subject"`,
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "notices.json")
		for name, content := range map[string]string{path: text, filepath.Join(folder, "open"): "https://x.example\n"} {
			if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := notify.Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: a secret is in %v", text, err)
		}
	}
}

// TestChangedFile: a changed file is taken up, a wrong one is not, and what waits for a target that is gone is given up.
func TestChangedFile(t *testing.T) {
	d := newDesk(t, t.TempDir())
	first, second := receive(t), receive(t)
	d.notices(map[string]*receiver{"first": first}, `{"events": ["operation.*"], "targets": ["first"]}`)
	n := d.started()
	first.answers(500)
	d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}))
	d.look(n)

	d.write("notices.json", `{"targets": [], "rotes": []}`)
	if err := n.Read(); err == nil || !strings.Contains(err.Error(), "rotes") {
		t.Errorf("a wrong file: %v", err)
	}
	if err := n.Read(); err != nil {
		t.Errorf("it is told again: %v", err)
	}
	s, err := n.Status(t.Context())
	if err != nil || s.Broken == nil || len(s.Targets) != 1 || s.Targets[0].Waiting != 1 {
		t.Errorf("with a wrong file: %+v, %v", s, err)
	}

	d.notices(map[string]*receiver{"second": second}, `{"events": ["operation.*"], "targets": ["second"]}`)
	if err := n.Read(); err != nil {
		t.Fatal(err)
	}
	d.append(record(audit.ActionOperationUnknown, "otto", "op2", operate.Detail{}))
	d.step(notify.Life / 24)
	d.look(n)
	same(t, "of the new target", second.heard(), []string{"operation.unknown op2"})
	if s, err = n.Status(t.Context()); err != nil || s.Broken != nil || len(s.Dead) != 1 || s.Dead[0].Problem != "there is no such target any more" {
		t.Errorf("after the change: %+v, %v", s, err)
	}
	if err := os.Remove(filepath.Join(d.folder, "notices.json")); err != nil {
		t.Fatal(err)
	}
	if err := n.Read(); err == nil {
		t.Error("a file that is gone is no error")
	}
	d.append(record(audit.ActionOperationUnknown, "otto", "op3", operate.Detail{}))
	d.look(n)
	same(t, "without the file", second.heard(), []string{"operation.unknown op2", "operation.unknown op3"})
}

// TestNewSecret: the file of a secret is read at each attempt.
func TestNewSecret(t *testing.T) {
	d := newDesk(t, t.TempDir())
	r := receive(t)
	d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
	n := d.started()
	if err := os.Remove(filepath.Join(d.folder, "hook.secret")); err != nil {
		t.Fatal(err)
	}
	d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}))
	d.look(n)
	if s, err := n.Status(t.Context()); err != nil || !strings.Contains(s.Targets[0].Problem, "secret_file") || len(r.heard()) != 0 {
		t.Errorf("without the secret: %+v, %v; heard %v", s, err, r.heard())
	}
	d.write("hook.secret", secret)
	d.step(notify.Life / 24)
	d.look(n)
	same(t, "with the secret", r.heard(), []string{"operation.unknown op1"})
}

// TestQuietHours go by the clock on the wall: across midnight, in the hour that daylight saving leaves out, and in both
// of the hours that it repeats.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		from, to, zone, at string
		want               bool
	}{
		{"22:00", "07:00", "Asia/Shanghai", "2026-03-01T13:59:59Z", false}, // 21:59:59
		{"22:00", "07:00", "Asia/Shanghai", "2026-03-01T14:00:00Z", true},
		{"22:00", "07:00", "Asia/Shanghai", "2026-03-01T16:00:00Z", true}, // midnight
		{"22:00", "07:00", "Asia/Shanghai", "2026-03-01T22:59:59Z", true},
		{"22:00", "07:00", "Asia/Shanghai", "2026-03-01T23:00:00Z", false},
		{"12:00", "13:00", "Asia/Shanghai", "2026-03-01T04:30:00Z", true},
		{"00:00", "06:00", "Europe/Berlin", "2026-03-28T22:59:59Z", false},
		{"00:00", "06:00", "Europe/Berlin", "2026-03-28T23:00:00Z", true},
		{"00:00", "06:00", "Europe/Berlin", "2026-03-29T03:59:59Z", true}, // five hours later it is six
		{"00:00", "06:00", "Europe/Berlin", "2026-03-29T04:00:00Z", false},
		{"02:30", "04:00", "Europe/Berlin", "2026-03-29T00:59:59Z", false},    // 01:59:59
		{"02:30", "04:00", "Europe/Berlin", "2026-03-29T01:00:00Z", true},     // 03:00: there was no 02:30
		{"02:30", "04:00", "Europe/Berlin", "2026-10-25T00:30:00Z", true},     // the first 02:30
		{"02:30", "04:00", "Europe/Berlin", "2026-10-25T01:00:00Z", false},    // the second 02:00
		{"02:30", "04:00", "Europe/Berlin", "2026-10-25T01:30:00Z", true},     // the second 02:30
		{"22:00", "02:00", "America/New_York", "2026-11-01T05:59:59Z", true},  // the first 01:59:59
		{"22:00", "02:00", "America/New_York", "2026-11-01T06:30:00Z", true},  // the second 01:30
		{"22:00", "02:00", "America/New_York", "2026-11-01T07:00:00Z", false}, // 02:00
	} {
		at, err := time.Parse(time.RFC3339, x.at)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := notify.QuietAt(x.from, x.to, x.zone, at); err != nil || got != x.want {
			t.Errorf("%s to %s in %s at %s: %v, %v", x.from, x.to, x.zone, x.at, got, err)
		}
	}
}
