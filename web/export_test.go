package web_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/handlers"
	"coc-console/internal/i18n"
)

// signedUpTo waits until a checkpoint covers a record.
func (c *console) signedUpTo(t *testing.T, seq int64) {
	t.Helper()
	eventually(t, "a checkpoint", func() bool {
		k, err := c.log.Checkpoint(t.Context())
		return err == nil && k.Size >= seq
	})
}

func TestExportAsLines(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	p := b.get("/audit/export?format=jsonl")
	b.want(p, http.StatusOK)
	lines := strings.Split(strings.TrimSuffix(p.body, "\n"), "\n")
	if p.Header.Get("Content-Type") != "application/jsonl" || p.Header.Get(handlers.RecordsHeader) != "2" || len(lines) != 2 {
		t.Errorf("%d lines, %v", len(lines), p.Header)
	}
	for i, line := range lines {
		e, err := c.log.Entry(t.Context(), int64(i+1))
		must(t, err)
		if line != string(e.Body) {
			t.Errorf("the line %d is %q, not %q", i+1, line, e.Body)
		}
	}
	if got := c.only(audit.ActionAuditExported); got.Detail != "format=jsonl" {
		t.Errorf("the record says %q", got.Detail)
	}
	if name := p.Header.Get("Content-Disposition"); !strings.HasPrefix(name, `attachment; filename="audit-2`) || !strings.HasSuffix(name, `Z.jsonl"`) {
		t.Errorf("it is called %s", name)
	}
	operator := c.signedIn(t, "operator", i18n.EnUS)
	if p := operator.get("/audit/export?format=jsonl"); strings.Contains(p.body, `"user_name":"manager"`) || !strings.Contains(p.body, `"user_name":"operator"`) {
		t.Errorf("an operator gets %s", p.body)
	}
	operator.want(operator.get("/audit/export?format=xml"), http.StatusUnprocessableEntity)
}

func TestExportAsBundle(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	b.want(b.get("/tickets"), http.StatusOK)
	c.signedUpTo(t, 2)
	p := b.get("/audit/export?format=bundle&action=ticket.")
	b.want(p, http.StatusOK)
	if p.Header.Get("Content-Type") != "application/zip" || p.Header.Get("Content-Encoding") != "" || !strings.HasSuffix(p.Header.Get("Content-Disposition"), `Z-action-ticket.zip"`) {
		t.Errorf("the header is %v", p.Header)
	}
	r, err := export.VerifyBundle(strings.NewReader(p.body), int64(len(p.body)), []string{c.log.PublicKey()})
	if err != nil || !r.OK() || r.Records != 1 || r.Kind != export.BundleSearch {
		t.Errorf("%+v, %v", r, err)
	}
	archive, err := zip.NewReader(strings.NewReader(p.body), int64(len(p.body)))
	must(t, err)
	in, err := archive.Open("records.jsonl")
	must(t, err)
	text, err := io.ReadAll(in)
	must(t, err)
	if !bytes.Contains(text, []byte("ticket.listed")) {
		t.Errorf("it holds %s", text)
	}
	b.want(b.get("/audit/export?format=bundle&person=nobody"), http.StatusNotFound)

	operator := c.signedIn(t, "operator", i18n.EnUS)
	operator.want(operator.get("/audit/export?format=bundle"), http.StatusForbidden, i18n.For(i18n.EnUS).Problem.Denied.Heading)
	if denied := c.only(audit.ActionAccessDenied); denied.Actor.UserName != "operator" {
		t.Errorf("the record says %+v", denied)
	}
}

// TestExportForAnotherSite: a page elsewhere cannot have somebody export.
func TestExportForAnotherSite(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	for _, from := range []string{"cross-site", "same-site", "x"} {
		b.want(b.get("/audit/export", with("Sec-Fetch-Site", from)), http.StatusForbidden, i18n.For(i18n.EnUS).Problem.CrossSite.Heading)
	}
	if n := len(c.records(audit.ActionAuditExported)); n != 0 {
		t.Errorf("%d exports are in the log", n)
	}
	for _, from := range []string{"none", "same-origin"} {
		b.want(b.get("/audit/export", with("Sec-Fetch-Site", from)), http.StatusOK)
	}
}

// TestExportOfADamagedLog: half an export does not look like a whole one.
func TestExportOfADamagedLog(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	for range 600 {
		_, err := c.log.Append(t.Context(), audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded, Detail: strings.Repeat("xyz ", 900)})
		must(t, err)
	}
	c.signedUpTo(t, 600)
	for _, statement := range []string{`DROP TRIGGER entry_is_never_changed`, `UPDATE entry SET body = x'00' WHERE seq = 590`} {
		_, err := c.logDB.Write.ExecContext(t.Context(), statement)
		must(t, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/audit/export?format=bundle", http.NoBody)
	must(t, err)
	res, err := b.client.Do(r)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	_, err2 := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if res.StatusCode == http.StatusOK && err == nil || err2 == nil {
		t.Errorf("%d bytes with status %d look whole", len(text), res.StatusCode)
	}
}
