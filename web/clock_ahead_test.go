package web_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/internal/i18n"
)

// dates are those of answers, in milliseconds.
var dates = regexp.MustCompile(`("(?:gmt_)?(?:created|finished|create_time|start_time)":)(\d{13})`)

// later lets COC tell times that are later by that.
func later(next http.Handler, by time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/job/") {
			next.ServeHTTP(w, r)
			return
		}
		got := httptest.NewRecorder()
		next.ServeHTTP(got, r)
		maps.Copy(w.Header(), got.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(got.Code)
		_, _ = w.Write(dates.ReplaceAllFunc(got.Body.Bytes(), func(found []byte) []byte {
			m := dates.FindSubmatch(found)
			ms, _ := strconv.ParseInt(string(m[2]), 10, 64)
			return strconv.AppendInt(m[1], ms+by.Milliseconds(), 10)
		}))
	})
}

// TestClockOfCOCAhead: what began after now, by COC's clock, is not said to run for no time, nor to begin in a while.
func TestClockOfCOCAhead(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.upstream = func(next http.Handler) http.Handler { return later(next, 30*time.Minute) }
	})
	said := regexp.MustCompile(`data-ahead>[^<]*<`)
	since := regexp.MustCompile(`(?s)data-since=.*?</time>|<time [^>]*title=[^>]*>`)
	for language, text := range map[i18n.Language][2]string{
		i18n.EnUS: {"20 min ahead", "COC&#39;s clock is 20 min ahead of this console&#39;s: how long this has run isn&#39;t known."},
		i18n.ZhCN: {"快 20 分", "COC 的时钟比控制台快 20 分，无法得知已用时。"},
	} {
		b := c.signedIn(t, "manager", language)
		for path, times := range map[string]int{"/tickets?status=any": 3, c.ticket("running"): 3, "/handover": 0} {
			p := b.get(path)
			b.want(p, http.StatusOK)
			main := p.body[strings.Index(p.body, "<main"):]
			if n := strings.Count(main, ">"+text[0]+"<"); n < times {
				t.Errorf("%s in %s says %d times %q, want %d at least: %s", path, language, n, text[0], times, said.FindAllString(main, -1))
			}
			if times > 0 && !strings.Contains(main, text[1]) {
				t.Errorf("%s in %s does not say %q", path, language, text[1])
			}
			for _, found := range since.FindAllString(main, -1) {
				if strings.Contains(found, "data-since") || !strings.Contains(found, "data-exact") {
					t.Errorf("%s in %s counts from a time that is yet to come: %s", path, language, found)
				}
			}
		}
	}
}
