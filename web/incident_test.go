package web_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/internal/i18n"
)

var (
	incidentLink = regexp.MustCompile(`<a href="([^"]+)" id="incident"`)
	bundleLink   = regexp.MustCompile(`href="(/audit/export[^"]+format=bundle[^"]*)"`)
	fileLink     = regexp.MustCompile(`href="(/audit/incident[^"]+format=(markdown|html)[^"]*)"`)
)

// TestIncident: a ticket's timeline leads to its incident report, whose files say the same and whose bundle verifies. It
// is for managers.
func TestIncident(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		b, m := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
		b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "because <it> hangs").location())
		c.covered(t, c.only(audit.ActionOperationObserved).Sequence)
		timeline := m.get("/audit/timeline?ticket=" + c.sim.UUID("running"))
		m.want(timeline, http.StatusOK)
		address := unescaped(incidentLink.FindStringSubmatch(timeline.body)[1])
		p := m.get(address)
		m.want(p, http.StatusOK, "because <it> hangs", "demo/operator", "Confirmed")
		files := fileLink.FindAllStringSubmatch(p.body, -1)
		if len(files) != 2 {
			t.Fatalf("there are %d files", len(files))
		}
		for _, file := range files {
			got := m.get(unescaped(file[1]))
			if !strings.Contains(got.Header.Get("Content-Disposition"), "incident.") || !strings.Contains(got.body, "because &lt;it&gt; hangs") {
				t.Errorf("%s is %s", file[1], shortened(got.body))
			}
		}
		zip := []byte(m.get(unescaped(bundleLink.FindStringSubmatch(p.body)[1])).body)
		checked, err := export.VerifyBundle(bytes.NewReader(zip), int64(len(zip)), []string{c.log.PublicKey()})
		if err != nil || len(checked.Findings) > 0 || checked.Records < 3 {
			t.Errorf("the bundle: %+v %v", checked, err)
		}
		for _, wrong := range []string{"?from=x&to=y", "?from=2026-03-02&to=2026-03-01", "?from=2026-03-01&to=2026-03-02&ticket=nginx"} {
			m.want(m.get("/audit/incident"+wrong), http.StatusUnprocessableEntity)
		}
		m.want(m.get("/audit/incident"), http.StatusOK)
		b.want(b.get(address), http.StatusForbidden)
	})
}
