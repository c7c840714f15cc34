package target_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/net/dns/dnsmessage"

	"coc-console/internal/notify/target"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func message() target.Message {
	return target.Message{ID: "coc_1_2_approval-waiting", Event: "approval.waiting",
		Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Source: "urn:coc-console:log", Subject: "SCT1",
		Title: "Approval needed: web_<!channel> [x](http://evil.example)", Link: "https://ops.example.com/approvals/1",
		LinkText: "Open", Lines: []target.Line{{Label: "Reason: ", Value: "*it* <@all> hangs, see https://evil.example"}},
		Data: map[string]string{"ticket": "SCT1"}}
}

// receiver answers as it is told, and keeps the last request.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	header http.Header
	query  url.Values
	body   []byte
	hits   int
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.header, r.query, r.body, r.hits = q.Header, q.URL.Query(), body, r.hits+1
		r.mu.Unlock()
		answer(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

// asked is how often it was.
func (r *receiver) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hits
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestWebhook: the library of Standard Webhooks takes the signature, and what it signs is a CloudEvent.
func TestWebhook(t *testing.T) {
	r := receive(t, says(http.StatusNoContent, ""))
	a := target.Address{Kind: target.Webhook, URL: r.URL + "/hook", Secret: secret, AllowPrivate: true}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(t.Context(), message(), time.Now()); err != nil {
		t.Fatal(err)
	}
	judge, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := judge.Verify(r.body, r.header); err != nil {
		t.Errorf("the library refuses the signature: %v", err)
	}
	if err := judge.Verify(append(r.body, ' '), r.header); err == nil {
		t.Error("the library takes the signature for other bytes")
	}
	var got map[string]any
	if err := json.Unmarshal(r.body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"specversion": "1.0", "id": "coc_1_2_approval-waiting", "source": "urn:coc-console:log",
		"type": "coc-console.approval.waiting", "subject": "SCT1", "time": "2026-03-02T09:00:00Z",
		"datacontenttype": "application/json", "data": map[string]any{"ticket": "SCT1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := r.header.Get("Content-Type"); got != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("the content type is %q", got)
	}
	if got := r.header.Get("webhook-id"); got != "coc_1_2_approval-waiting" {
		t.Errorf("the id is %q", got)
	}
}

// TestChats: each platform gets what it knows, nothing that was typed is a link or a mention, and its answers are read.
func TestChats(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	mac := func(key, text string) string {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	for _, tt := range []struct {
		kind           target.Kind
		secret         string
		fine, wrong    string
		problem        string
		has            []string
		signed, wanted func(r *receiver) string
	}{
		{kind: target.Slack, fine: "ok", has: []string{`"type":"plain_text"`, `"url":"https://ops.example.com/approvals/1"`,
			`"text":"Approval needed: web_&lt;!channel&gt; [x](http:` + "\u200b" + `//evil.example)"`}},
		{kind: target.Feishu, secret: "s3cret-of-feishu", fine: `{"code":0,"msg":"success"}`, wrong: `{"code":19021,"msg":"sign match fail"}`,
			problem: "code 19021: sign match fail", has: []string{`"msg_type":"interactive"`, `"url":"https://ops.example.com/approvals/1"`, `"tag":"plain_text"`},
			signed: func(r *receiver) string {
				var b struct{ Timestamp, Sign string }
				_ = json.Unmarshal(r.body, &b)
				return b.Timestamp + " " + b.Sign
			}, wanted: func(*receiver) string {
				at := strconv.FormatInt(now.Unix(), 10)
				return at + " " + mac(at+"\ns3cret-of-feishu", "")
			}},
		{kind: target.WeCom, fine: `{"errcode":0,"errmsg":"ok"}`, wrong: `{"errcode":93000,"errmsg":"invalid webhook url"}`,
			problem: "errcode 93000: invalid webhook url", has: []string{`"msgtype":"markdown"`, "[Open](https://ops.example.com/approvals/1)", "＊it＊ ＜@all＞"}},
		{kind: target.DingTalk, secret: "SEC0123456789", fine: `{"errcode":0,"errmsg":"ok"}`, wrong: `{"errcode":310000,"errmsg":"sign not match"}`,
			problem: "errcode 310000: sign not match", has: []string{`"msgtype":"markdown"`, "[Open](https://ops.example.com/approvals/1)"},
			signed: func(r *receiver) string {
				return r.query.Get("access_token") + " " + r.query.Get("timestamp") + " " + r.query.Get("sign")
			}, wanted: func(*receiver) string {
				at := strconv.FormatInt(now.UnixMilli(), 10)
				return "tokentoken " + at + " " + mac("SEC0123456789", at+"\nSEC0123456789")
			}},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			answer := tt.fine
			r := receive(t, func(w http.ResponseWriter, q *http.Request) { says(http.StatusOK, answer)(w, q) })
			a := target.Address{Kind: tt.kind, URL: r.URL + "/send?access_token=tokentoken", Secret: tt.secret, AllowPrivate: true}
			if err := a.Check(); err != nil {
				t.Fatal(err)
			}
			if err := a.Send(t.Context(), message(), now); err != nil {
				t.Fatal(err)
			}
			for _, part := range tt.has {
				if !bytes.Contains(r.body, []byte(part)) {
					t.Errorf("%s is not in %s", part, r.body)
				}
			}
			if bytes.Contains(r.body, []byte("://evil")) || bytes.Contains(r.body, []byte("<@")) && tt.kind == target.WeCom {
				t.Errorf("what was typed has a link or a mention: %s", r.body)
			}
			if tt.signed != nil && tt.signed(r) != tt.wanted(r) {
				t.Errorf("signed %q, want %q", tt.signed(r), tt.wanted(r))
			}
			if tt.wrong == "" {
				return
			}
			for text, want := range map[string]string{tt.wrong: tt.problem, "<html>": "its answer"} {
				answer = text
				if err := a.Send(t.Context(), message(), now); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("after %s: %v, want %q", text, err, want)
				}
			}
		})
	}
}

// unfinished answers with a status and less than it promises, and then keeps the connection, until its caller ends it.
func unfinished(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(status)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

// TestUnfinishedAnswers: a receiver that has said yes has taken the message, whatever comes of the rest of its answer.
func TestUnfinishedAnswers(t *testing.T) {
	r := receive(t, unfinished(http.StatusOK))
	a := target.Address{Kind: target.Webhook, URL: r.URL, Secret: secret, AllowPrivate: true}
	if err := a.Send(t.Context(), message(), time.Now()); err != nil {
		t.Errorf("it said yes, and that is taken for %v", err)
	}
}

func TestAnswers(t *testing.T) {
	noon := time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)
	elsewhere := receive(t, says(http.StatusOK, ""))
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   target.Error
	}{
		{"500", says(500, "secret-path-1234"), target.Error{Text: "it answered with status 500"}},
		{"410", says(410, ""), target.Error{Text: "it wants no more (status 410)", Gone: true}},
		{"400", says(400, ""), target.Error{Text: "it answered with status 400", Refused: true}},
		{"429", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(http.StatusTooManyRequests)
		}, target.Error{Text: "it answered with status 429", After: 90 * time.Second}},
		{"429 until", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", noon.Add(5*time.Minute).Format(http.TimeFormat))
			w.WriteHeader(http.StatusTooManyRequests)
		}, target.Error{Text: "it answered with status 429", After: 5 * time.Minute}},
		{"503 for days", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", noon.AddDate(0, 0, 3).Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		}, target.Error{Text: "it answered with status 503", After: target.MaxAfter}},
		{"503 until then", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", noon.Add(-time.Hour).Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		}, target.Error{Text: "it answered with status 503"}},
		{"410 without an end", unfinished(http.StatusGone), target.Error{Text: "it wants no more (status 410)", Gone: true}},
		{"404", says(404, ""), target.Error{Text: "it answered with status 404"}},
		{"413", says(413, ""), target.Error{Text: "it answered with status 413", Refused: true}},
		{"redirect", func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, elsewhere.URL, http.StatusTemporaryRedirect)
		},
			target.Error{Text: "it redirects (status 307), which is not followed: name the final address"}},
		{"broken off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, target.Error{Text: "EOF"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := receive(t, tt.answer)
			a := target.Address{Kind: target.Webhook, URL: r.URL + "/secret-path-1234", Secret: secret, AllowPrivate: true}
			err := a.Send(t.Context(), message(), noon)
			got, ok := errors.AsType[*target.Error](err)
			if !ok {
				t.Fatalf("the error is %v", err)
			}
			do := got.Do
			got.Do = ""
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
			if do == "" {
				t.Error("nothing says what to do")
			}
			if n := r.asked(); n != 1 {
				t.Errorf("it was asked %d times", n)
			}
		})
	}
	if elsewhere.asked() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestWhatToDo: what keeps a target from being reached is told with what to do about it.
func TestWhatToDo(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(nil)
	down.Close()
	secured := httptest.NewTLSServer(says(200, ""))
	defer secured.Close()
	inside := receive(t, says(200, ""))
	for name, x := range map[string]struct {
		kind    target.Kind
		url     string
		private bool
		want    string
	}{
		"no such name": {target.Slack, "https://nothing.invalid/x", true, "DNS"},
		"nobody there": {target.Slack, down.URL, true, "nothing listens there"},
		"no mail":      {target.Mail, strings.Replace(down.URL, "http", "smtp", 1), true, "nothing listens there"},
		"unknown CA":   {target.Slack, secured.URL, true, "ca_file"},
		"inside":       {target.Slack, inside.URL, false, "allow_private"},
		"no TLS there": {target.Slack, strings.Replace(inside.URL, "http", "https", 1), true, "doesn't speak TLS"},
	} {
		a := target.Address{Kind: x.kind, URL: x.url, AllowPrivate: x.private, AllowPlain: true, From: "a@b.example",
			To: []string{"c@d.example"}}
		failed, ok := errors.AsType[*target.Error](a.Send(t.Context(), message(), time.Now()))
		if !ok || !strings.Contains(failed.Do, x.want) {
			t.Errorf("%s: %+v, want %q", name, failed, x.want)
		}
	}
}

// TestNoSecretInErrors: of an address only its host may be told.
func TestNoSecretInErrors(t *testing.T) {
	r := receive(t, says(200, `{"errcode":1,"errmsg":"no robot canary-token at /robot/canary-path%2Fx of canary-secret"}`))
	down := httptest.NewServer(nil)
	down.Close()
	for _, base := range []string{r.URL, down.URL, "https://canary.invalid"} {
		a := target.Address{Kind: target.DingTalk, URL: base + "/robot/canary-path%2Fx?access_token=canary-token", Secret: "canary-secret",
			AllowPrivate: true}
		err := a.Send(t.Context(), message(), time.Now())
		if err == nil {
			t.Fatalf("%s took it", base)
		}
		for _, s := range []string{"canary-token", "canary-path", "canary-secret", "access_token"} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%s is in %q", s, err)
			}
		}
	}
}

// TestSlow: an attempt ends, however long a target takes. Its connection is one within the bubble, so that no time passes.
func TestSlow(t *testing.T) {
	if target.Timeout != 10*time.Second {
		t.Errorf("an attempt may take %v", target.Timeout)
	}
	never := make(chan struct{})
	r := receive(t, func(http.ResponseWriter, *http.Request) { <-never })
	defer close(never)
	a := target.Address{Kind: target.Slack, URL: r.URL, AllowPrivate: true}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(50*time.Millisecond))
	defer cancel()
	if err := a.Send(ctx, message(), time.Now()); err == nil || !strings.Contains(err.Error(), "no answer within 10s") {
		t.Errorf("a slow target: %v", err)
	}
	synctest.Test(t, func(t *testing.T) { // a name server that never answers
		a.URL, a.Resolver = "https://slow.example", &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		begun := time.Now()
		err := a.Send(t.Context(), message(), time.Now())
		if took := time.Since(begun); err == nil || took > target.Timeout {
			t.Errorf("a name that isn't found: %v after %v", err, took)
		}
	})
}

// TestRebinding: a name that leads to a public address when it is looked at, and to a private one when it is connected
// to, leads nowhere.
func TestRebinding(t *testing.T) {
	r := receive(t, says(200, "ok"))
	_, port, _ := net.SplitHostPort(r.Listener.Addr().String())
	names := &nameServer{answers: [][4]byte{{93, 184, 215, 14}, {127, 0, 0, 1}}}
	resolver := names.start(t)
	addresses, err := resolver.LookupHost(t.Context(), "rebind.example")
	if err != nil || !cmp.Equal(addresses, []string{"93.184.215.14"}) {
		t.Fatalf("at first the name leads to %v: %v", addresses, err)
	}
	a := target.Address{Kind: target.Webhook, URL: "https://rebind.example:" + port, Secret: secret, Resolver: resolver}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	err = a.Send(t.Context(), message(), time.Now())
	if err == nil || !strings.Contains(err.Error(), "not of the public internet") {
		t.Errorf("a name of a private address: %v", err)
	}
	if r.asked() != 0 {
		t.Error("the private address was reached")
	}
	a.AllowPrivate, a.URL = true, "http://rebind.example:"+port
	if err := a.Send(t.Context(), message(), time.Now()); err != nil || r.asked() != 1 {
		t.Errorf("with allow_private: %v, %d requests", err, r.asked())
	}
}

// nameServer answers questions for addresses, the last answer again and again.
type nameServer struct {
	mu      sync.Mutex
	answers [][4]byte
}

func (s *nameServer) start(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { s.serve(conn) })
	t.Cleanup(func() { _ = conn.Close(); served.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (s *nameServer) serve(conn net.PacketConn) {
	buffer := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buffer[:n]) != nil || len(m.Questions) == 0 {
			continue
		}
		m.Response, m.Additionals = true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			s.mu.Lock()
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body: &dnsmessage.AResource{A: s.answers[0]}}}
			s.answers = s.answers[min(1, len(s.answers)-1):]
			s.mu.Unlock()
		}
		if out, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(out, from)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "::1", "::",
		"::ffff:127.0.0.1", "fe80::1", "fc00::1", "fd00:ec2::254", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "255.255.255.255", "::127.0.0.1"} {
		a := target.Address{Kind: target.Slack, URL: "https://" + netip.AddrPortFrom(netip.MustParseAddr(ip), 9).String() + "/"}
		err := a.Send(t.Context(), message(), time.Now())
		if err == nil || !strings.Contains(err.Error(), "not of the public internet") {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, a := range map[string]target.Address{
		"kind":              {Kind: "pager", URL: "https://a.example"},
		"url is not":        {Kind: target.Slack, URL: "hooks.example"},
		"without a user":    {Kind: target.Slack, URL: "https://u:p@hooks.example"},
		"only https":        {Kind: target.Slack, URL: "http://hooks.example"},
		"neither https":     {Kind: target.Slack, URL: "ftp://hooks.example"},
		"secret_file":       {Kind: target.Webhook, URL: "https://hooks.example", Secret: "whsec_c2hvcnQ="},
		"signs nothing":     {Kind: target.WeCom, URL: "https://hooks.example", Secret: "x"},
		"for mail alone":    {Kind: target.Slack, URL: "https://hooks.example", To: []string{"a@b.example"}},
		"no port":           {Kind: target.Mail, URL: "smtp://m.example", To: []string{"a@b.example"}, From: "c@d.example"},
		"no to":             {Kind: target.Mail, URL: "smtp://m.example:587", From: "c@d.example"},
		"go together":       {Kind: target.Mail, URL: "smtp://m.example:587", From: "c@d.example", To: []string{"a@b.example"}, User: "u"},
		"not an address of": {Kind: target.Mail, URL: "smtp://m.example:587", From: "c", To: []string{"a@b.example"}},
		"in the open":       {Kind: target.Mail, URL: "smtp://m.example:587", From: "c@d.example", To: []string{"a@b.example"}, User: "u", Secret: "p", AllowPlain: true},
		"one such as smtp":  {Kind: target.Mail, URL: "https://m.example:587", From: "c@d.example", To: []string{"a@b.example"}},
	} {
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want %q", a, err, name)
		}
	}
}

// FuzzChats: whatever people typed, each platform gets what it takes, with the link that the console has made and no other.
func FuzzChats(f *testing.F) {
	f.Add("reload", "it hangs")
	f.Add("](http://x) ![a](b) <at id=all></at>", strings.Repeat("因为https://a.b/", 400))
	f.Add("\x00\xff\r\n# **", "@all <!channel>")
	f.Fuzz(func(t *testing.T, title, value string) {
		m := message()
		m.Title, m.Lines = title, []target.Line{{Label: "Reason: ", Value: value}, {Label: "Comment: ", Value: value}}
		for _, kind := range []target.Kind{target.Slack, target.Feishu, target.WeCom, target.DingTalk} {
			body, err := target.Body(kind, m)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			var got struct {
				Markdown struct{ Content, Text string }
			}
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("%s: %v: %s", kind, err, body)
			}
			text := got.Markdown.Content + got.Markdown.Text
			if n := strings.Count(string(body), "://"); n != 1 {
				t.Errorf("%s: %d links: %s", kind, n, body)
			}
			if len(text) > 4096 || strings.Count(text, "](") > 1 || strings.ContainsAny(text, "<#") {
				t.Errorf("%s: %d bytes: %s", kind, len(text), text)
			}
		}
	})
}
