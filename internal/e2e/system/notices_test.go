package system

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/internal/preflight"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// heard is what a webhook was told.
type heard struct {
	Event, Who, Reason, Link string
	TicketName               string `json:"ticket_name"`
	OperationID              string `json:"operation_id"`
	DecidedBy                string `json:"decided_by"`
	Stops                    int
}

// TestNotices: one asks for an approval, a webhook hears of it within seconds, somebody approves on the page that it
// names, and the webhook hears of that, too. What is secret of targets is nowhere.
func TestNotices(t *testing.T) {
	t.Parallel()
	const key, path, token = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5", "canary-hook-path", "canary-bot-token"
	judge, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []heard
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := judge.Verify(body, r.Header); err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		var e struct{ Data heard }
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e.Data)
	}))
	defer hook.Close()
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"errcode":310000,"errmsg":"no robot at %s"}`, r.RequestURI)
	}))
	defer bot.Close()
	var back atomic.Bool
	ended := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !back.Load() {
			w.WriteHeader(http.StatusGone)
		}
	}))
	defer ended.Close()
	of := func(event string) (found heard, n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, h := range got {
			if h.Event == event {
				found, n = h, n+1
			}
		}
		return found, n
	}

	s := newSite(t)
	folder := t.TempDir()
	for name, text := range map[string]string{"hook.secret": key, "bot.url": bot.URL + "/robot/send?access_token=" + token, "bot.secret": "SECcanary",
		"notices.json": `{"targets": [{"name": "hook", "kind": "webhook", "url": "` + hook.URL + "/" + path + `", "secret_file": "hook.secret", "allow_private": true},
			{"name": "bot", "kind": "dingtalk", "url_file": "bot.url", "secret_file": "bot.secret", "allow_private": true, "language": "zh-cn"},
			{"name": "ended", "kind": "slack", "url": "` + ended.URL + `/canary-ended", "allow_private": true}],
			"routes": [{"events": ["*"], "targets": ["hook", "bot"]}, {"events": ["approval.waiting"], "targets": ["ended"]}]}`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	console := s.start("--notices", filepath.Join(folder, "notices.json"), "--url", "https://ops.example.com/")
	requester, approver := newBrowser(t, console.url), newBrowser(t, console.url)
	requester.signIn("operator")
	approver.signIn("manager")
	action, fields := requester.form(s.sim.UUID("running"), "CANCEL_ORDER")
	fields.Set("ask", "1")
	fields.Set("reason", "it hangs")
	id := fields.Get("key")
	asked := time.Now()
	if p := requester.post(action, fields); p.location != "/approvals/"+id {
		t.Fatalf("asking answers %d, to %q: %s", p.status, p.location, p.body)
	}
	eventually(t, "the webhook hears of the request", func() bool { _, n := of("approval.waiting"); return n == 1 })
	if took := time.Since(asked); took > 30*time.Second { // 5 s, but for a machine that does much else
		t.Errorf("it took %v until the webhook heard of it", took)
	}
	want := heard{Event: "approval.waiting", Who: "demo/operator", Reason: "it hangs", Link: "https://ops.example.com/approvals/" + id,
		TicketName: "reload", OperationID: id, Stops: 3}
	if h, _ := of("approval.waiting"); h != want {
		t.Errorf("the webhook heard %+v, want %+v", h, want)
	}
	link := strings.TrimPrefix(want.Link, "https://ops.example.com")
	if p := approver.get(link); p.status != http.StatusOK {
		t.Fatalf("the link answers %d", p.status)
	}
	s.sentOnce(0)
	if p := approver.post(link, approver.approval(id)); p.status != http.StatusSeeOther {
		t.Fatalf("approving answers %d: %s", p.status, p.body)
	}
	eventually(t, "the webhook hears of the end", func() bool { _, n := of("approval.approved"); return n == 1 })
	if h, _ := of("approval.approved"); h.DecidedBy != "demo/manager" || h.Who != "demo/operator" || h.TicketName != "reload" {
		t.Errorf("of the end the webhook heard %+v", h)
	}

	if p := requester.get("/notices"); p.status != http.StatusOK || strings.Contains(p.body, "data-target=") {
		t.Errorf("others than managers get %d: %s", p.status, p.body)
	}
	if p := requester.post("/notices", requester.named(url.Values{"test": {"hook"}})); p.status != http.StatusForbidden {
		t.Errorf("a test by others than managers answers %d", p.status)
	}
	approve := func(name string) page {
		return approver.post("/notices", approver.named(url.Values{"test": {name}}))
	}
	if p := approve("hook"); p.status != http.StatusSeeOther || p.location != "/notices?tested=hook" {
		t.Errorf("a test answers %d, to %q", p.status, p.location)
	}
	failed := approve("bot")
	if failed.status != http.StatusBadGateway || !strings.Contains(failed.body, "errcode 310000") {
		t.Errorf("a test that fails answers %d: %s", failed.status, failed.body)
	}
	if _, n := of("test"); n != 1 {
		t.Errorf("%d tests arrived", n)
	}
	eventually(t, "a message is given up", func() bool { return strings.Contains(approver.get("/notices").body, "data-letter=") })
	shown := approver.get("/notices?tested=hook")
	for _, part := range []string{`data-target="hook"`, `data-target="bot"`, "2 waiting", "310000", "127.0.0.1"} {
		if shown.status != http.StatusOK || !strings.Contains(shown.body, part) {
			t.Errorf("%q is not on the page (%d): %s", part, shown.status, shown.body)
		}
	}
	letter := regexp.MustCompile(`data-letter="([0-9]+)"`).FindStringSubmatch(shown.body)
	if letter == nil || len(s.text(s.database(), `SELECT COALESCE(MAX(body), '') FROM entry WHERE CAST(body AS TEXT) LIKE '%"notice.failed"%'`)) == 0 {
		t.Fatalf("there is no dead letter, or no record of it: %s", shown.body)
	}
	back.Store(true)
	if p := approver.post("/notices", approver.named(url.Values{"again": {letter[1]}})); p.status != http.StatusSeeOther || p.location != "/notices?queued=1" {
		t.Errorf("sending again answers %d, to %q", p.status, p.location)
	}
	eventually(t, "the dead letter is sent", func() bool {
		return strings.Contains(approver.get("/metrics").body, `coc_console_notices_total{result="sent",target="ended"} 1`)
	})
	if p := approver.post("/notices", approver.named(url.Values{"again": {letter[1]}})); p.status != http.StatusNotFound {
		t.Errorf("sending it again answers %d", p.status)
	}
	metrics := approver.get("/metrics").body
	for _, line := range []string{`coc_console_notices_total{result="sent",target="hook"} 3`, `coc_console_notices_waiting{target="bot"} 2`,
		`coc_console_notice_target_failing{target="bot"} 1`, `coc_console_notices_dead{target="hook"} 0`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s: %v", line, regexp.MustCompile(`(?m)^coc_console_notice.*`).FindAllString(metrics, -1))
		}
	}
	lines, err := checked(t, "--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--data", s.data, "--listen", freeAddress(t),
		"--notices", filepath.Join(folder, "notices.json"), "--send-tests")
	if _, n := of("test"); err == nil || n != 2 || lines["notices hook"].State != preflight.OK || lines["notices bot"].State != preflight.Failed {
		t.Errorf("check sent %d tests in all and says %+v, %v", n-1, lines, err)
	}
	all := []string{fmt.Sprint(lines), shown.body, failed.body, metrics, console.stdout.String(), console.stderr.String(), approver.get("/audit?view=records").body,
		s.text(s.database(), `SELECT group_concat(CAST(body AS TEXT)) FROM entry`),
		s.text(s.file("console.db"), `SELECT group_concat(body) || (SELECT group_concat(problem) FROM notice_target) FROM notice`)}
	for _, secret := range []string{"canary", "Y2FuYXJ5", "access_token"} {
		if i := slices.IndexFunc(all, func(text string) bool { return strings.Contains(text, secret) }); i >= 0 {
			t.Errorf("%q is in text %d: %s", secret, i, all[i])
		}
	}
}
