package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
)

// languages runs a test once per language of the console.
func languages(t *testing.T, test func(t *testing.T, language i18n.Language, texts *i18n.Texts)) {
	t.Helper()
	for _, l := range i18n.Languages() {
		t.Run(string(l), func(t *testing.T) { test(t, l, i18n.For(l)) })
	}
}

const unknownTicket = "SCT2020010203040501c2f9a07"

// badInput is one request that must be answered with a page that says what is
// wrong, keeps what came, and sends nothing.
type badInput struct {
	name   string
	path   func(c *console) string
	form   func(c *console) url.Values // nil: GET
	status int
	says   func(t *i18n.Texts) string
	keeps  []string
}

func at(path string) func(*console) string { return func(*console) string { return path } }

func newAt(scenario, query string) func(*console) string {
	return func(c *console) string { return c.newOperation(scenario, query) }
}

func applyAt(scenario string) func(*console) string {
	return func(c *console) string { return c.ticket(scenario) + "/operations" }
}

// someKey stands for a key that was made for a form of whoever sends it.
const someKey = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func fields(pairs ...string) func(*console) url.Values {
	form := url.Values{"reason": {"because <b>"}, "seen": {"1/ABNORMAL/2/3/0/1/0/2/"}, "key": {someKey}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return func(*console) url.Values { return form }
}

func heading(f func(p *i18n.Problems) i18n.Message) func(*i18n.Texts) string {
	return func(t *i18n.Texts) string { return f(&t.Problem).Heading }
}

var badInputs = []badInput{
	{"malformed execute_uuid", at("/tickets/SCT1"), nil, 400, heading(func(p *i18n.Problems) i18n.Message { return p.BadUUID }), []string{"SCT1"}},
	{"execute_uuid with markup", at("/tickets/%3Cb%3Ex"), nil, 400, heading(func(p *i18n.Problems) i18n.Message { return p.BadUUID }), []string{"<b>x"}},
	{"over-long execute_uuid", at("/tickets/" + strings.Repeat("S", 5000)), nil, 400, heading(func(p *i18n.Problems) i18n.Message { return p.BadUUID }), []string{"SSSSS…"}},
	{"malformed execute_uuid, confirming", at("/tickets/SCT1/operations/new?operation_type=PAUSE_ORDER"), nil, 400, heading(func(p *i18n.Problems) i18n.Message { return p.BadUUID }), []string{"SCT1"}},
	{"malformed execute_uuid, applying", at("/tickets/SCT1/operations"), fields("operation_type", "PAUSE_ORDER"), 400, heading(func(p *i18n.Problems) i18n.Message { return p.BadUUID }), []string{"SCT1"}},
	{"unknown ticket", at("/tickets/" + unknownTicket), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.TicketUnknown }), []string{"COC.00040709"}},
	{"unknown ticket, confirming", at("/tickets/" + unknownTicket + "/operations/new?operation_type=PAUSE_ORDER"), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.TicketUnknown }), []string{"COC.00040709"}},
	{"unknown ticket, applying", at("/tickets/" + unknownTicket + "/operations"), fields("operation_type", "PAUSE_ORDER"), 404, heading(func(p *i18n.Problems) i18n.Message { return p.TicketUnknown }), nil},

	{"instance_id missing", newAt("abnormal", "operation_type=CANCEL_INSTANCE"), nil, 422, func(t *i18n.Texts) string { return t.Field.Missing }, nil},
	{"instance_id 0", newAt("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=0"), nil, 422, instanceID, []string{`value="0"`}},
	{"instance_id negative", newAt("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=-5"), nil, 422, instanceID, []string{`value="-5"`}},
	{"instance_id 2^63", newAt("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=9223372036854775808"), nil, 422, instanceID, []string{"9223372036854775808"}},
	{"instance_id 1e3", newAt("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=1e3"), nil, 422, instanceID, []string{"1e3"}},
	{"instance_id with spaces", newAt("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=+301+"), nil, 422, instanceID, []string{`value=" 301 "`}},
	{"instance_id of no instance", newAt("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=9999"), nil, 422, func(t *i18n.Texts) string { return t.Field.NoSuchInstance }, []string{"9999"}},
	{"instance_id 1e3, applying", applyAt("abnormal"), fields("operation_type", "CANCEL_INSTANCE", "instance_id", "1e3"), 422, instanceID, []string{"1e3", "CANCEL_INSTANCE"}},
	{"instance_id missing, applying", applyAt("abnormal"), fields("operation_type", "CANCEL_INSTANCE"), 422, func(t *i18n.Texts) string { return t.Field.Missing }, nil},
	{"instance_id of no instance, applying", applyAt("abnormal"), fields("operation_type", "CANCEL_INSTANCE", "instance_id", "9999"), 422, func(t *i18n.Texts) string { return t.Field.NoSuchInstance }, []string{"9999"}},
	{"instance page of no number", func(c *console) string { return c.ticket("abnormal") + "/instances/x1" }, nil, 400, heading(func(p *i18n.Problems) i18n.Message { return p.BadInstance }), []string{"x1"}},
	{"instance page of no instance", func(c *console) string { return c.ticket("abnormal") + "/instances/9999" }, nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.InstanceUnknown }), nil},
	{"log of no instance", func(c *console) string { return c.ticket("abnormal") + "/instances/9999/log" }, nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.InstanceUnknown }), nil},

	{"batch_index missing", newAt("abnormal", "operation_type=SKIP_BATCH"), nil, 422, func(t *i18n.Texts) string { return t.Field.Missing }, nil},
	{"batch_index 0", newAt("abnormal", "operation_type=SKIP_BATCH&batch_index=0"), nil, 422, batchIndex, []string{`value="0"`}},
	{"batch_index 21", newAt("abnormal", "operation_type=SKIP_BATCH&batch_index=21"), nil, 422, batchIndex, []string{`value="21"`}},
	{"batch_index of another ticket", newAt("abnormal", "operation_type=SKIP_BATCH&batch_index=7"), nil, 422, func(t *i18n.Texts) string { return t.Field.NoSuchBatch }, []string{`value="7"`}},
	{"batch_index 21, applying", applyAt("abnormal"), fields("operation_type", "SKIP_BATCH", "batch_index", "21"), 422, batchIndex, []string{`value="21"`}},
	{"batch_index of another ticket, applying", applyAt("abnormal"), fields("operation_type", "SKIP_BATCH", "batch_index", "7"), 422, func(t *i18n.Texts) string { return t.Field.NoSuchBatch }, []string{`value="7"`}},
	{"batch of another ticket, looking", func(c *console) string { return c.ticket("abnormal") + "?batch=7" }, nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.BatchUnknown }), nil},
	{"batch that is no number, looking", func(c *console) string { return c.ticket("abnormal") + "?batch=x" }, nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.BatchUnknown }), nil},
	{"unknown state of instances", func(c *console) string { return c.ticket("abnormal") + "?status=HIBERNATING" }, nil, 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadInput }), []string{"HIBERNATING"}},
	{"order of instances that there is not", func(c *console) string { return c.ticket("abnormal") + "?sort=colour" }, nil, 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadInput }), []string{"colour"}},

	{"operation missing", newAt("abnormal", ""), nil, 422, func(t *i18n.Texts) string { return t.Field.Missing }, nil},
	{"unknown operation", newAt("abnormal", "operation_type=RETRY_INSTANCE"), nil, 422, func(t *i18n.Texts) string { return t.Field.UnknownOperation }, nil},
	{"unknown operation, applying", applyAt("abnormal"), fields("operation_type", "pause_order"), 422, func(t *i18n.Texts) string { return t.Field.UnknownOperation }, nil},
	{"a batch for a pause", newAt("running", "operation_type=PAUSE_ORDER&batch_index=1"), nil, 422, func(t *i18n.Texts) string { return t.Field.Unexpected("batch_index") }, []string{`value="1"`}},
	{"an instance for a skip, applying", applyAt("abnormal"), fields("operation_type", "SKIP_BATCH", "batch_index", "2", "instance_id", "301"), 422, func(t *i18n.Texts) string { return t.Field.Unexpected("instance_id") }, []string{`value="301"`, `value="2"`}},

	{"a pause of a stopped ticket", newAt("abnormal", "operation_type=PAUSE_ORDER"), nil, 200, refusal("ticket_not_running"), nil},
	{"a pause of a stopped ticket, applying", applyAt("abnormal"), fields("operation_type", "PAUSE_ORDER"), 409, refusal("ticket_not_running"), nil},
	{"an operation on a finished ticket", applyAt("finished"), fields("operation_type", "CANCEL_ORDER", "seen", "1/FINISHED/1/0/0/0/0/1/"), 409, refusal("ticket_over"), nil},
	{"an instance that has ended", newAt("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=201"), nil, 200, refusal("instance_over"), nil},
	{"a batch that is not next", newAt("abnormal", "operation_type=SKIP_BATCH&batch_index=4"), nil, 200, refusal("batch_not_current"), nil},

	{"no key", applyAt("abnormal"), fields("operation_type", "CONTINUE_ORDER", "key", ""), 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadForm }), []string{"because <b>"}},
	{"a key of somebody else's making", applyAt("abnormal"), fields("operation_type", "CONTINUE_ORDER", "key", "1 OR 1"), 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadForm }), []string{"because <b>"}},
	{"no picture", applyAt("abnormal"), fields("operation_type", "CONTINUE_ORDER", "seen", "x"), 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadForm }), []string{"because <b>"}},
	{"a reason that is too long", applyAt("abnormal"), fields("operation_type", "CONTINUE_ORDER", "reason", strings.Repeat("长", 2000)), 422, func(t *i18n.Texts) string { return t.Field.ReasonTooLong(2000, 500) }, []string{strings.Repeat("长", 2000)}},
	{"a stale page", applyAt("abnormal"), fields("operation_type", "CONTINUE_ORDER", "seen", "1/PROCESSING/1/5/1/0/0/0/"), 409, func(t *i18n.Texts) string { return t.Operation.ChangedText }, []string{"because <b>"}},
	{"a body over its limit", applyAt("abnormal"), fields("operation_type", "CONTINUE_ORDER", "reason", strings.Repeat("x", 200_000)), 413, heading(func(p *i18n.Problems) i18n.Message { return p.TooLarge }), nil},

	{"unknown language", at("/language"), fields("language", "xx<b>"), 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadInput }), []string{"xx<b>"}},
	{"unknown theme", at("/theme"), fields("theme", "pink"), 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadInput }), []string{"pink"}},
	{"shortcuts that are neither", at("/shortcuts"), fields("shortcuts", "pink"), 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadInput }), []string{"pink"}},
	{"a key that is cut off", at("/tickets?find=SCT2026"), nil, 422, func(t *i18n.Texts) string { return t.Field.NoUUID }, []string{"SCT2026"}},
	{"search text that hides something", at("/tickets?find=a%E2%80%AEb"), nil, 422, func(t *i18n.Texts) string { return t.Field.NoUUID }, nil},
	{"unknown state of tickets", at("/tickets?status=READY&creator=me"), nil, 422, func(t *i18n.Texts) string { return t.Field.Choice }, []string{`value="me"`}},
	{"a time that is none", at("/tickets?from=yesterday"), nil, 422, func(t *i18n.Texts) string { return t.Field.Time }, []string{"yesterday"}},
	{"times in the wrong order", at("/tickets?from=2026-03-02T10:00Z&to=2026-03-02T09:00Z"), nil, 422, func(t *i18n.Texts) string { return t.Field.TimeOrder }, []string{"2026-03-02T10:00"}},
	{"a name that is too long", at("/tickets?name=" + strings.Repeat("n", 65)), nil, 422, func(t *i18n.Texts) string { return t.Field.TooLong(64) }, []string{strings.Repeat("n", 65)}},
	{"a marker that is none", at("/tickets?after=1e3"), nil, 422, func(t *i18n.Texts) string { return t.Field.Choice }, nil},
	{"unknown action", at("/audit?action=ticket.eaten&person=me"), nil, 422, func(t *i18n.Texts) string { return t.Field.Choice }, []string{`value="me"`}},
	{"unknown outcome", at("/audit?outcome=great"), nil, 422, func(t *i18n.Texts) string { return t.Field.Choice }, nil},
	{"a ticket that is none", at("/audit?ticket=SCT1"), nil, 422, func(t *i18n.Texts) string { return t.Field.NoUUID }, []string{"SCT1"}},
	{"a page that is none", at("/audit?before=x"), nil, 422, func(t *i18n.Texts) string { return t.Field.Sequence }, nil},
	{"an export of nothing known", at("/audit/export?action=x"), nil, 422, heading(func(p *i18n.Problems) i18n.Message { return p.BadInput }), nil},
	{"a record that is none", at("/audit/0"), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.NotFound }), nil},
	{"a record to come", at("/audit/999999"), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.NotFound }), nil},
	{"an operation that is none", at("/operations/x"), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.NotFound }), nil},
	{"an operation with NUL", at("/operations/a%00b"), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.NotFound }), nil},
	{"a query that cannot be read", at("/tickets?name=%zz"), nil, 400, heading(func(p *i18n.Problems) i18n.Message { return p.BadInput }), nil},
	{"unknown path", at("/nowhere"), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.NotFound }), nil},
	{"a path of two slashes", at("//evil.example/x"), nil, 404, heading(func(p *i18n.Problems) i18n.Message { return p.NotFound }), nil},
	{"unknown method", at("/tickets"), fields(), 405, heading(func(p *i18n.Problems) i18n.Message { return p.Method }), nil},
}

func instanceID(t *i18n.Texts) string { return t.Field.InstanceID }
func batchIndex(t *i18n.Texts) string { return t.Field.BatchIndex }

func refusal(name string) func(*i18n.Texts) string {
	return func(t *i18n.Texts) string { return t.Word.Refusal.Of(name) }
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		badInputSuite(t, start(t), language, texts)
	})
	t.Run("postgresql", func(t *testing.T) {
		c := start(t, func(s *settings) { s.dsn = audittest.Postgres(t) })
		badInputSuite(t, c, i18n.EnUS, i18n.For(i18n.EnUS))
	})
}

func badInputSuite(t *testing.T, c *console, language i18n.Language, texts *i18n.Texts) {
	b := c.signedIn(t, "operator", language)
	for _, tt := range badInputs {
		t.Run(tt.name, func(t *testing.T) {
			b := b.in(t)
			var p page
			if tt.form == nil {
				p = b.get(tt.path(c))
			} else {
				form := tt.form(c)
				if form.Get("key") == someKey {
					form = maps.Clone(form)
					form.Set("key", b.key())
				}
				p = b.post(tt.path(c), form)
			}
			b.want(p, tt.status, tt.says(texts))
			for _, kept := range tt.keeps {
				if !keeps(p.body, kept) {
					t.Errorf("the page does not keep %q\n%s", kept, shortened(p.body))
				}
			}
			if !strings.Contains(p.body, `lang="`+language.Tag()+`"`) || !strings.Contains(p.body, `id="sign-out"`) {
				t.Error("the page is not in the reader's language, or has lost who they are")
			}
			if tt.form != nil && strings.HasSuffix(p.Request.URL.Path, "/operations") && (tt.status == 422 || tt.status == 409) &&
				!keeps(p.body, tt.form(c).Get("reason")) && !strings.Contains(p.body, "data-refusal") {
				t.Errorf("the reason is lost\n%s", shortened(p.body))
			}
			if p.Header.Get("Content-Type") != "text/html; charset=UTF-8" {
				t.Errorf("the page is %q", p.Header.Get("Content-Type"))
			}
		})
	}
	c.sentNothing(t)
	if strings.Contains(c.output.String(), `"level":"ERROR"`) {
		t.Errorf("bad input is logged as an error of the console:\n%s", c.output.String())
	}
}

// keeps looks for a value as an attribute, or as text.
func keeps(body, kept string) bool {
	if strings.HasPrefix(kept, `value="`) {
		return strings.Contains(body, kept)
	}
	return strings.Contains(body, escaped(kept))
}

func TestFormsThatAreNone(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	for _, tt := range []struct {
		name, body, kind string
		status           int
	}{
		{"not escaped", "operation_type=%zz", "application/x-www-form-urlencoded", http.StatusBadRequest},
		{"of parts", "--x\r\nContent-Disposition: form-data; name=\"operation_type\"\r\n\r\nCANCEL_ORDER\r\n--x--\r\n", "multipart/form-data; boundary=x", http.StatusUnprocessableEntity},
		{"JSON", `{"operation_type":"CANCEL_ORDER"}`, "application/json", http.StatusUnprocessableEntity},
		{"nothing", "", "application/x-www-form-urlencoded", http.StatusUnprocessableEntity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := b.do(http.MethodPost, c.ticket("running")+"/operations", strings.NewReader(tt.body), with("Content-Type", tt.kind))
			b.want(p, tt.status)
		})
	}
	c.sentNothing(t)
}

// TestBodyOfGet sends parts with a GET, which must not be read as a form.
func TestBodyOfGet(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	body := "--x\r\nContent-Disposition: form-data; name=\"reason\"\r\n\r\nsmuggled\r\n--x--\r\n"
	p := b.do(http.MethodGet, c.newOperation("running", "operation_type=PAUSE_ORDER"), strings.NewReader(body),
		with("Content-Type", "multipart/form-data; boundary=x"))
	b.want(p, http.StatusOK)
	if strings.Contains(p.body, "smuggled") {
		t.Error("a GET's body was read as a form")
	}
}
