package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// fault is one way in which COC fails.
type fault struct {
	name   string
	fault  simulator.Fault
	status int // of the page that reads
	says   func(p *i18n.Problems) i18n.Message
	keeps  string       // COC's words
	action audit.Action // of an operation's answer
	note   string       // that its receipt explains it with
}

func faults(hold chan struct{}) []fault {
	return []fault{
		{"403", simulator.Fault{Status: 403, Code: "PAP5.0001", Message: "denied <you>", Gateway: true}, 403,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamForbidden }, "PAP5.0001: denied <you>", audit.ActionOperationRejected, ""},
		{"429", simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "throttled", Gateway: true, RetryAfter: "7"}, 503,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamThrottled }, "APIGW.0308: throttled", audit.ActionOperationRejected, ""},
		{"400", simulator.Fault{Status: 400, Code: "COC.00040701", Message: "no such thing"}, 422,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamRefused }, "COC.00040701: no such thing", audit.ActionOperationRejected, ""},
		{"500", simulator.Fault{Status: 500, Code: "COC.00500000", Message: "ouch"}, 502,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamFailed }, "COC.00500000: ouch", audit.ActionOperationUnknown, "uncertain"},
		{"502 of a gateway", simulator.Fault{Effect: simulator.HTMLBody, Status: 502}, 502,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamFailed }, "HTTP 502", audit.ActionOperationUnknown, "uncertain"},
		{"HTML", simulator.Fault{Effect: simulator.HTMLBody, Status: 200}, 502,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamBadAnswer }, "<html>", audit.ActionOperationUnknown, "bad_answer"},
		{"a redirect", simulator.Fault{Effect: simulator.RedirectAway}, 502,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamBadAnswer }, "HTTP 302", audit.ActionOperationUnknown, "bad_answer"},
		{"a broken connection", simulator.Fault{Effect: simulator.Reset}, 502,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamBroken }, "", audit.ActionOperationUnknown, "connection"},
		{"half a JSON", simulator.Fault{Effect: simulator.HalfBody}, 502,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamBadAnswer }, "HTTP 200", audit.ActionOperationUnknown, "bad_answer"},
		{"nothing in time", simulator.Fault{Effect: simulator.Slow, Hold: hold}, 504,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamTimeout }, "", audit.ActionOperationUnknown, "timeout"},
	}
}

// quick makes a console that waits for COC as little as a test can afford.
// quick gives up soon on a call, though not so soon that a busy machine looks like a slow COC.
func quick(s *settings) { s.callLimit = time.Second }

func TestFailedReading(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, quick)
		b := c.signedIn(t, "operator", language)
		hold := make(chan struct{})
		t.Cleanup(func() { close(hold) })
		all := append(faults(hold), fault{"no body", simulator.Fault{Effect: simulator.EmptyBody, Status: 200}, 502,
			func(p *i18n.Problems) i18n.Message { return p.UpstreamBadAnswer }, "HTTP 200", "", ""})
		for _, tt := range all {
			t.Run(tt.name, func(t *testing.T) {
				tt.fault.Kind = simulator.AnyCOCCall
				defer c.sim.Inject(tt.fault)()
				says := tt.says(&texts.Problem)
				for path, action := range map[string]audit.Action{
					"/tickets?name=kept":                    audit.ActionTicketListed,
					c.ticket("abnormal"):                    audit.ActionTicketViewed,
					c.ticket("running") + "/instances/1001": audit.ActionLogViewed,
					c.newOperation("running", "operation_type=PAUSE_ORDER&reason=kept"): "",
				} {
					before := len(c.records(action))
					p := b.get(path)
					b.want(p, tt.status, says.Heading, tt.keeps)
					why := texts.Problem.UpstreamReason // stands in the place of the advice where it is known
					if !slices.ContainsFunc([]string{says.Advice, why.Broken, why.Timeout, why.Portal}, func(advice string) bool { return strings.Contains(p.body, escaped(advice)) }) {
						t.Errorf("%s: the page does not say what to do\n%s", path, shortened(p.body))
					}
					if strings.Contains(path, "kept") && !strings.Contains(p.body, "kept") {
						t.Errorf("%s: what was typed is lost", path)
					}
					if action == "" {
						continue
					}
					r := c.records(action)
					if len(r) != before+1 {
						t.Fatalf("%s: %d new records of %s", path, len(r)-before, action)
					}
					if last := r[len(r)-1]; last.Outcome != audit.OutcomeFailed && (tt.name != "403" || last.Outcome != audit.OutcomeDenied) {
						t.Errorf("%s: the record is %+v", path, last)
					}
				}
			})
		}
		c.sentNothing(t)
	})
}

func TestFailedOperation(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		hold := make(chan struct{})
		t.Cleanup(func() { close(hold) })
		for _, tt := range faults(hold) {
			t.Run(tt.name, func(t *testing.T) {
				c := start(t, quick)
				b := c.signedIn(t, "operator", language)
				path := c.newOperation("running", "operation_type=PAUSE_ORDER")
				form := b.form(b.get(path))
				tt.fault.Kind = simulator.CallOperate
				remove := c.sim.Inject(tt.fault)
				p := b.follow(b.post(strings.Split(path, "/new")[0], form))
				remove()
				b.want(p, http.StatusOK, texts.Word.Note.Of(tt.note), tt.keeps)
				answer := c.only(tt.action)
				if answer.OperationID != form.Get("key") || answer.Duration <= 0 {
					t.Errorf("the answer is %+v", answer)
				}
				if tt.fault.Code != "" && (answer.Upstream.Status != tt.fault.Status || answer.Upstream.Code != tt.fault.Code) {
					t.Errorf("COC's answer is recorded as %+v", answer.Upstream)
				}
				if n := c.sim.Calls(simulator.CallOperate); n != 1 {
					t.Errorf("%d operations were sent", n)
				}
			})
		}
	})
}

// TestTokenRefusedWhileOperating: COC refuses the token of the operation
// itself. Its record stays, and the reader comes back to the filled page.
func TestTokenRefusedWhileOperating(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"APIGW.0301", "APIGW.0307"} {
		t.Run(code, func(t *testing.T) {
			c := start(t)
			b := c.signedIn(t, "operator", i18n.EnUS)
			path := c.newOperation("running", "operation_type=PAUSE_ORDER&reason=urgent")
			form := b.form(b.get(path))
			c.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Status: 401, Code: code, Message: "no", Gateway: true, Times: 1})
			p := b.post(c.ticket("running")+"/operations", form)
			b.want(p, http.StatusSeeOther)
			if !strings.HasPrefix(p.location(), "/sign-in?ended=1&return=") || !strings.Contains(p.location(), "urgent") {
				t.Fatalf("it leads to %q", p.location())
			}
			if r := c.only(audit.ActionOperationRejected); r.Upstream.Code != code || r.Upstream.Status != 401 {
				t.Errorf("the record is %+v", r)
			}
			checkWho(t, c.only(audit.ActionSessionEnded), "operator")
			b.want(b.get("/tickets"), http.StatusSeeOther) // signed out
		})
	}
}

// TestTokenRefusedWhileReading: the session is ended, by a record, and the
// sign-in page says why.
func TestTokenRefusedWhileReading(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/tickets", "ticket", "instance", "log", "new"} {
		t.Run(path, func(t *testing.T) {
			c := start(t)
			b := c.signedIn(t, "operator", i18n.ZhCN)
			switch path {
			case "ticket":
				path = c.ticket("running")
			case "instance":
				path = c.ticket("running") + "/instances/1001?batch=1"
			case "log":
				path = c.ticket("running") + "/instances/1001/log"
			case "new":
				path = c.newOperation("running", "operation_type=PAUSE_ORDER")
			}
			c.sim.Revoke("operator")
			p := b.follow(b.get(path))
			b.want(p, http.StatusOK, i18n.For(i18n.ZhCN).SignInProblem.Expired, path)
			checkWho(t, c.only(audit.ActionSessionEnded), "operator")
			if n := rows(t, c, "session"); n != 0 {
				t.Errorf("%d sessions are left", n)
			}
			in := credentials("operator")
			in.Set("return", path)
			b.want(b.follow(b.post("/sign-in", in)), http.StatusOK)
		})
	}
}

// TestEncodedDenial: what IAM says of a denial reaches whoever can have it
// decoded, on the page of a reading and on the receipt.
func TestEncodedDenial(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		field := regexp.MustCompile(`<textarea id="encoded" readonly[^>]*>([^<]*)</textarea>`)
		shown := func(p page) string {
			m := field.FindStringSubmatch(p.body)
			if m == nil {
				return ""
			}
			b.want(p, p.StatusCode, texts.ErrorPage.Encoded, texts.ErrorPage.EncodedHint, "data-copy", texts.ErrorPage.EncodedCopy)
			return html.UnescapeString(m[1])
		}
		fault := simulator.Fault{Kind: simulator.AnyCOCCall, Status: 403, Code: "PAP5.0001", Message: "access denied", Gateway: true}
		for _, tt := range []struct{ name, sent, want string }{
			{"as IAM encodes it", "Cgxkb21haW4+/=_-abc", "Cgxkb21haW4+/=_-abc"},
			{"none", "", ""},
			{"with markup", `</textarea><script>x</script>`, `</textarea><script>x</script>`},
			{"with what hides", "a\u202eb\u00ad\nc", "a[U+202E]b[U+00AD]␊c"},
			{"long", strings.Repeat("x", 8192), strings.Repeat("x", 8192)},
			{"too long to be decoded", strings.Repeat("x", 8193), ""},
		} {
			fault.Denial = tt.sent
			remove := c.sim.Inject(fault)
			for _, path := range []string{c.ticket("abnormal"), "/tickets?name=" + url.QueryEscape(tt.name), c.newOperation("running", "operation_type=PAUSE_ORDER")} {
				p := b.get(path)
				b.want(p, http.StatusForbidden)
				if got := shown(p); got != tt.want {
					t.Errorf("%s: %s shows %.100q", tt.name, path, got)
				}
			}
			remove()
		}
		path := c.newOperation("running", "operation_type=PAUSE_ORDER")
		form := b.form(b.get(path))
		fault.Kind, fault.Denial = simulator.CallOperate, "Cgxkb21haW4"
		defer c.sim.Inject(fault)()
		p := b.follow(b.post(strings.Split(path, "/new")[0], form))
		b.want(p, http.StatusOK)
		if got := shown(p); got != "Cgxkb21haW4" {
			t.Errorf("the receipt shows %q", got)
		}
		b.want(b.get(c.recordOf(audit.ActionOperationRejected)), http.StatusOK, "Cgxkb21haW4")
	})
}

// recordOf is the address of the only record of an action.
func (c *console) recordOf(action audit.Action) string {
	return "/audit/" + strconv.FormatInt(c.only(action).Sequence, 10)
}
