package web_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"coc-console/internal/i18n"
)

// TestLatePageSaysSo: who waits for a page whose time is over gets a page that
// says so, and not nothing; who went away gets nothing.
func TestLatePageSaysSo(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	at, err := url.Parse(c.url)
	must(t, err)
	ask := func(ctx context.Context) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, c.url+"/audit", nil)
		for _, cookie := range b.client.Jar.Cookies(at) {
			r.AddCookie(cookie)
		}
		answer := httptest.NewRecorder()
		c.handler.ServeHTTP(answer, r)
		return answer
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	says := i18n.For(i18n.EnUS).Problem.Unavailable
	if answer := ask(late); answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), html.EscapeString(says.Heading)) {
		t.Errorf("who waits gets %d: %s", answer.Code, shortened(answer.Body.String()))
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if answer := ask(gone); answer.Code != 499 || answer.Body.Len() != 0 {
		t.Errorf("who went away gets %d: %s", answer.Code, shortened(answer.Body.String()))
	}
}
