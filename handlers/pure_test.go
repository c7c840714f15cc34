package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/iam"
	"coc-console/internal/present"
	"coc-console/internal/signin"
)

// asked is the context of a GET of an address, as the router leaves it.
func asked(t *testing.T, address string) echo.Context {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	return echo.New().NewContext(r, httptest.NewRecorder())
}

func TestReturnTo(t *testing.T) {
	for in, want := range map[string]string{
		"": "/", "/": "/", "/tickets?a=b&c=%2F": "/tickets?a=b&c=%2F", "/audit/1#x": "/audit/1#x",
		"//evil": "/", "///evil": "/", `/\evil`: "/", `\/evil`: "/", "https://evil/": "/", "evil": "/", "/a\nb": "/", "/\tb": "/",
		"/%zz": "/", "/%5cevil": "/%5cevil", "/x?u=//evil": "/x?u=//evil", "/" + strings.Repeat("x", maxReturn): "/",
	} {
		if got := returnTo(in); got != want {
			t.Errorf("%.40q: got %.40q, want %q", in, got, want)
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	f.Add("//evil")
	f.Add("/tickets?x=1")
	f.Fuzz(func(t *testing.T, text string) {
		got := returnTo(text)
		base := &url.URL{Scheme: "https", Host: "console.example", Path: "/sign-in"}
		to, err := base.Parse(got)
		if err != nil || to.Host != base.Host || to.Scheme != "https" || to.User != nil {
			t.Errorf("%q leads to %v, %v", text, to, err)
		}
	})
}

func TestReason(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  x \r\n": "x", "a\r\nb": "a\nb", "a\xffb": "a\ufffdb", strings.Repeat("长", 3000): strings.Repeat("长", 3000),
	} {
		if got := reason(in); got != want {
			t.Errorf("%.20q: got %.20q, want %.20q", in, got, want)
		}
	}
}

func TestBatchHint(t *testing.T) {
	for text, want := range map[string]int32{"": 0, "3": 3, "20": 20, "21": 0, "x": 0, "-1": 0, "99999999999999999999": 0} {
		if got := batchHint(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestVerbatim(t *testing.T) {
	for want, e := range map[string]*coc.Error{
		"HTTP 400 COC.1: no": {Status: 400, Code: "COC.1", Message: "no"}, "HTTP 401 no": {Status: 401, Code: "401", Message: "no"},
		"HTTP 401 400: no": {Status: 401, Code: "400", Message: "no"}, "HTTP 502 ": {Status: 502}, "": {},
		"HTTP 500 x[U+202E]": {Status: 500, Message: "x\u202e"},
	} {
		if got := present.Verbatim(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestIsCredentialFailure(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {signin.ErrOtherToken, true}, {&iam.Error{Kind: iam.WrongPassword}, true}, {&iam.Error{Kind: iam.PasscodeWrong}, true},
		{&iam.Error{Kind: iam.Unavailable}, false}, {&iam.Error{Kind: iam.BadAnswer}, false}, {&iam.Error{Kind: iam.Throttled}, false},
	} {
		if got := present.IsCredentialFailure(tt.err); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestReturnAddress(t *testing.T) {
	post := func(path, pattern string, form url.Values) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		c := echo.New().NewContext(r, httptest.NewRecorder())
		c.SetPath(pattern)
		c.SetParamNames("execute_uuid")
		c.SetParamValues("SCT1")
		return ReturnAddress(c)
	}
	if got := ReturnAddress(asked(t, "/tickets?a=b%2F")); got != "/tickets?a=b%2F" {
		t.Errorf("got %q", got)
	}
	if got := post("/sign-out", "/sign-out", nil); got != "/" {
		t.Errorf("got %q", got)
	}
	form := url.Values{"operation_type": {"SKIP_BATCH"}, "batch_index": {"2"}, "reason": {"a b\nc"}, "seen": {"s"}, "key": {"k"}, "x": {"y"}}
	want := "/tickets/SCT1/operations/new?batch_index=2&operation_type=SKIP_BATCH&reason=a+b%0Ac"
	if got := post("/tickets/SCT1/operations", "/tickets/:execute_uuid/operations", form); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	form.Set("reason", strings.Repeat("长", 100_000))
	if got := post("/tickets/SCT1/operations", "/tickets/:execute_uuid/operations", form); len(got) > maxReturn {
		t.Errorf("the address has %d bytes", len(got))
	}
}
